/* foreign.h - networks of other programs' files (host/formats/format.h) under test: loaded and looked
 * at. */
#ifndef FOREIGN_H
#define FOREIGN_H

#include "host/formats/foreign.h"
#include "tests/net.h"

/* Whether a sentence of `left` has this word in it. */
static inline int foreign_left(const sq_foreign *f, const char *word) {
  for (int i = 0; i < f->left_count; i++)
    if (strstr(f->left[i], word)) return 1;
  return 0;
}

static inline int foreign_load_state(const sq_foreign_tensor *t, net *n, int k) {
  const int64_t width = n->count[NET_H0 + k] / (t->rows * n->desc.batch), batch = t->cols / width;
  if (t->cols != width && batch != n->desc.batch) return 0;
  for (int64_t row = 0; row < t->rows; row++)
    for (int64_t b = 0; b < n->desc.batch; b++)
      memcpy(n->value[NET_H0 + k] + (row * n->desc.batch + b) * width,
             t->value + row * t->cols + (batch == 1 ? 0 : b * width), (size_t)width * sizeof(double));
  return 1;
}

/* The parameters and states of a file into an open network; a failed check unless the parameters are exactly
 * the plan's, by name and size. */
static inline int foreign_load(const sq_foreign_net *f, net *n) {
  const int count = seqgpu_plan_param_count(n->plan);
  if (!CHECK(f->tensor_count == count, "%s, has %d parameters", f->name, count)) return 0;
  for (int i = 0; i < count; i++) {
    seqgpu_param_info p;
    net_require(n->ctx, seqgpu_plan_param_get(n->ctx, n->plan, i, &p), "seqgpu_plan_param_get");
    const sq_foreign_tensor *t = sq_foreign_find(f->tensors, count, p.name);
    if (!CHECK(t && t->rows == p.rows && t->cols == p.cols, "%s, has %s", f->name, p.name)) return 0;
    memcpy(n->value[NET_PARAMS] + p.offset, t->value, (size_t)(p.rows * p.cols) * sizeof(double));
  }
  for (int k = 0; k < f->state_count; k++) /* of one sequence, or of all */
    if (!CHECK(foreign_load_state(&f->states[k], n, k), "%s, its state %s fits", f->name, f->states[k].name))
      return 0;
  return 1;
}

#endif
