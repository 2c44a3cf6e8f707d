/* key.c - what a measured choice depends on (key.h): device, descriptor, element type, wanted name.
 *
 *   cpu, 2 threads, GEMM: built-in lstm algorithm=any input_size=65 hidden_size=128 ... leak=0.5
 *
 * A field or cell option that is 0 is left out.
 */
#include "host/planner/key.h"

#include <stdarg.h>
#include <stdio.h>

#include "host/plan/check.h"

/* The text so far. */
typedef struct line {
  char *at;
  size_t left;
} line;

__attribute__((format(printf, 2, 3))) static void append(line *l, const char *format, ...) {
  va_list args;
  va_start(args, format);
  const int used = vsnprintf(l->at, l->left, format, args);
  va_end(args);
  const size_t taken = used < 0 ? 0 : (size_t)used < l->left ? (size_t)used : l->left - 1;
  l->at += taken;
  l->left -= taken;
}

static void append_value(line *l, const char *name, double value) {
  if (value != 0) append(l, " %s=%.17g", name, value);
}

void sq_plan_key(const seqgpu_context *ctx, const seqgpu_plan *plan, const char *wanted, char *key,
                 size_t size) {
  const seqgpu_rnn_desc *d = &plan->desc;
  const sq_config config = sq_plan_config(d);
  char device[160];
  line l = {key, size};
  seqgpu_context_describe(ctx, device, sizeof device);
  append(&l, "%s %s algorithm=%s", device, d->cell, wanted ? wanted : "any");
  append_value(&l, "input_size", (double)d->input_size);
  append_value(&l, "hidden_size", (double)d->hidden_size);
  append_value(&l, "num_layers", (double)d->num_layers);
  append_value(&l, "seq_len", (double)d->seq_len);
  append_value(&l, "batch", (double)d->batch);
  append_value(&l, "bidirectional", d->bidirectional);
  append_value(&l, "reverse", d->reverse);
  append_value(&l, "merge", (int)d->merge);
  append_value(&l, "dropout", d->dropout);
  append_value(&l, "omega", d->omega);
  append_value(&l, "batch_first", d->batch_first);
  append_value(&l, "inference", d->inference);
  append_value(&l, "math", (int)d->math);
  append_value(&l, "dtype", (int)plan->dtype);
  if (d->tangents) append_value(&l, "tangents", d->tangents); /* else the key is that of older versions */
  for (int i = 0; i < SQ_OPTIONS; i++) append_value(&l, sq_options[i].name, sq_options[i].value(&config));
  for (char *c = key; *c; c++)
    if ((unsigned char)*c < ' ') *c = ' ';
}
