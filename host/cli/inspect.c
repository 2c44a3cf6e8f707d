/* inspect.c - `seqgpu inspect`: what is in a checkpoint, and with --prime what gates do on a text. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host/cli/cells_page.h"
#include "host/cli/cells_score.h"
#include "host/cli/charlm_file.h"
#include "host/cli/command.h"
#include "host/cli/gradient_flow.h"
#include "host/cli/json.h"
#include "host/cli/prime.h"

typedef struct inspect_options {
  network_options base;
  const char *checkpoint;
  prime_options prime;
  cells_options cells;
  gradient_flow_options flow;
} inspect_options;

#define FIELD(name) offsetof(inspect_options, name)

static const arg_spec specs[] = {
    ROW_TEXT("checkpoint", FIELD(checkpoint), "FILE",
             "a .safetensors file, of this program or any other; only --gradient-flow can do without"),
    PRIME_ROWS(FIELD(prime)),
    CELLS_ROWS(FIELD(cells)),
    ROW_END,
};
static const char usage[] = "seqgpu inspect --checkpoint FILE [--prime TEXT] [options]";
static const char about[] =
    "Shows what is in a checkpoint, and what gates, states and gradients do on a text.";

/* ---------------------------------------------------------------- metadata and tensors */

static void print_meta(const seqgpu_checkpoint *file, int json) {
  seqgpu_meta entry;
  if (json) printf("{\"meta\": {");
  const int count = seqgpu_checkpoint_meta_count(file);
  for (int i = 0; i < count && seqgpu_checkpoint_meta_get(file, i, &entry) == SEQGPU_OK; i++) {
    if (json) {
      json_text(stdout, i ? ", " : "", entry.key);
      json_text(stdout, ": ", entry.value);
      continue;
    }
    cli_show(stdout, entry.key, 40);
    printf("%*s", strlen(entry.key) < 16 ? (int)(16 - strlen(entry.key)) : 1, "");
    cli_show(stdout, entry.value, 90);
    printf("\n");
  }
  printf(json ? "}" : "\n");
}

typedef struct statistics {
  int64_t not_finite;                              /* how many are infinite or NaN */
  double norm, mean, deviation, smallest, largest; /* of the others, 0 if there are none */
} statistics;

static statistics measure(const double *x, int64_t count) {
  statistics s = {.smallest = INFINITY, .largest = -INFINITY};
  double sum = 0, squares = 0;
  for (int64_t i = 0; i < count; i++) {
    if (!isfinite(x[i])) {
      s.not_finite++;
      continue;
    }
    sum += x[i];
    squares += x[i] * x[i];
    s.smallest = fmin(s.smallest, x[i]);
    s.largest = fmax(s.largest, x[i]);
  }
  const int64_t n = count - s.not_finite;
  if (n == 0) s.smallest = s.largest = 0;
  s.norm = sqrt(squares);
  s.mean = n ? sum / (double)n : 0;
  s.deviation = n ? sqrt(fmax(0, squares / (double)n - s.mean * s.mean)) : 0;
  return s;
}

enum { SHAPE_TEXT = 192 }; /* room for eight dimensions of 20 digits each */

/* "[2, 3]" */
static void shape_text(const seqgpu_tensor_info *t, char out[SHAPE_TEXT]) {
  size_t used = (size_t)snprintf(out, SHAPE_TEXT, "[");
  for (int d = 0; d < t->rank; d++)
    used += (size_t)snprintf(out + used, SHAPE_TEXT - used, "%s%lld", d ? ", " : "", (long long)t->shape[d]);
  snprintf(out + used, SHAPE_TEXT - used, "]");
}

static void print_tensor_text(const seqgpu_tensor_info *t, const char *shape, const statistics *s) {
  cli_show(stdout, t->name, 60);
  printf("%*s %s %15s  norm %-11.6g mean %-12.5g min %-12.5g max %.5g",
         strlen(t->name) < 38 ? (int)(38 - strlen(t->name)) : 0, "", t->dtype, shape, s->norm, s->mean,
         s->smallest, s->largest);
  if (s->not_finite) printf("  (%lld not finite)", (long long)s->not_finite);
  printf("\n");
}

static void print_tensor_json(const seqgpu_tensor_info *t, const char *shape, const statistics *s) {
  json_text(stdout, "{\"name\": ", t->name);
  json_text(stdout, ", \"dtype\": ", t->dtype);
  printf(", \"shape\": %s", shape);
  json_number(stdout, ", \"norm\": ", 9, s->norm);
  json_number(stdout, ", \"mean\": ", 9, s->mean);
  json_number(stdout, ", \"min\": ", 9, s->smallest);
  json_number(stdout, ", \"max\": ", 9, s->largest);
  printf(", \"not_finite\": %lld}", (long long)s->not_finite);
}

/* One tensor of the file. */
static int print_tensor(seqgpu_context *ctx, const seqgpu_checkpoint *file, int index, int json) {
  seqgpu_tensor_info info;
  char shape[SHAPE_TEXT];
  if (seqgpu_checkpoint_tensor_get(file, index, &info) != SEQGPU_OK) return cli_library_error(ctx);
  double *elements = malloc(((size_t)info.elements + 1) * sizeof *elements);
  if (elements == NULL) return cli_error("out of memory");
  const seqgpu_status status = seqgpu_checkpoint_read(file, index, elements);
  const statistics s = measure(elements, status == SEQGPU_OK ? info.elements : 0);
  free(elements);
  if (status != SEQGPU_OK) return cli_library_error(ctx);
  shape_text(&info, shape);
  if (json)
    print_tensor_json(&info, shape, &s);
  else
    print_tensor_text(&info, shape, &s);
  return CLI_OK;
}

static int print_tensors(seqgpu_context *ctx, const seqgpu_checkpoint *file, int json) {
  if (json) printf(", \"tensors\": [");
  for (int i = 0; i < seqgpu_checkpoint_tensor_count(file); i++) {
    if (json && i > 0) printf(", ");
    CLI_TRY(print_tensor(ctx, file, i, json));
  }
  if (json) printf("]");
  return CLI_OK;
}

/* ---------------------------------------------------------------- gates */

/* One state or gate of one layer, over all steps of the prime text. */
static int print_part(int layer, const char *part, const float *x, int64_t n, int json, int first) {
  double *wide = malloc(((size_t)n + 1) * sizeof *wide);
  if (wide == NULL) return cli_error("out of memory");
  double low, high;
  for (int64_t i = 0; i < n; i++) wide[i] = (double)x[i];
  const statistics s = measure(wide, n);
  free(wide);
  cells_saturation(x, n, 1, &low, &high);
  if (json) {
    printf("%s{\"layer\": %d, \"part\": \"%s\"", first ? "" : ", ", layer, part);
    json_number(stdout, ", \"mean\": ", 6, s.mean);
    json_number(stdout, ", \"deviation\": ", 6, s.deviation);
    json_number(stdout, ", \"min\": ", 6, s.smallest);
    json_number(stdout, ", \"max\": ", 6, s.largest);
    json_number(stdout, ", \"below_0.1\": ", 6, low);
    json_number(stdout, ", \"above_0.9\": ", 6, high);
    printf("}");
  } else {
    printf("%5d  %-4s %9.4f %9.4f %9.4f %9.4f %8.1f %% %8.1f %%\n", layer, part, s.mean, s.deviation,
           s.smallest, s.largest, 100 * low, 100 * high);
  }
  return CLI_OK;
}

/* All parts of all layers. */
static int print_parts(const charlm *m, const charlm_pass *p, int64_t T, int json) {
  const seqgpu_rnn_run run = charlm_run(p, T, 0);
  seqgpu_part_info part;
  int first = 1;
  for (int layer = 0; layer < (int)m->config.model.rnn.num_layers; layer++)
    for (int k = 0; seqgpu_plan_part_get(m->ctx, p->plan, k, &part) == SEQGPU_OK; k++) {
      float *x = malloc((size_t)(T * part.width) * sizeof *x);
      if (x == NULL) return cli_error("out of memory");
      const int code = seqgpu_rnn_inspect(m->ctx, p->plan, &run, layer, 0, part.name, x, NULL) == SEQGPU_OK
                           ? print_part(layer, part.name, x, T * part.width, json, first)
                           : cli_library_error(m->ctx);
      free(x);
      first = 0;
      CLI_TRY(code);
    }
  return CLI_OK;
}

static int look_inside(charlm *m, const int32_t *ids, int64_t count, int json) {
  charlm_pass pass;
  if (charlm_look(m, ids, count, &pass) != SEQGPU_OK) return cli_library_error(m->ctx);
  if (json)
    printf(", \"gates\": [");
  else
    printf("\nlayer  part      mean deviation       min       max      < 0.1      > 0.9\n");
  const int code = print_parts(m, &pass, count, json);
  if (json) printf("]");
  charlm_pass_destroy(&pass);
  return code;
}

static int read_prime(const inspect_options *o, const vocabulary *v, int32_t **ids, int64_t *count) {
  CLI_TRY(prime_encode(&o->prime, v, o->base.common.quiet, ids, count));
  return *count > 0 ? CLI_OK : cli_error("--prime: is empty; it must have at least one token");
}

/* ---------------------------------------------------------------- the command */

static int run(seqgpu_context *ctx, const inspect_options *o, const seqgpu_checkpoint *file) {
  charlm m = {.ctx = ctx};
  vocabulary v = {.unknown = -1};
  int32_t *ids = NULL;
  int64_t count = 0;
  int code = CLI_OK;
  const int has_prime = o->prime.text || o->prime.file;
  if (has_prime) code = charlm_load(ctx, o->checkpoint, &o->base.how, NULL, 1, 1, 1, &m, &v);
  if (has_prime && code == CLI_OK) code = read_prime(o, &v, &ids, &count);
  if (code == CLI_OK) {
    print_meta(file, o->base.common.json);
    code = print_tensors(ctx, file, o->base.common.json);
  }
  if (has_prime && code == CLI_OK) code = look_inside(&m, ids, count, o->base.common.json);
  if (o->base.common.json && code == CLI_OK) printf("}\n");
  free(ids);
  charlm_destroy(&m);
  vocab_free(&v);
  return code;
}

static int inspect_file(seqgpu_context *ctx, const inspect_options *o) {
  seqgpu_checkpoint *file;
  int code = CLI_OK;
  if (o->cells.text) return cells_page(ctx, o->checkpoint, &o->base, &o->cells);
  if (seqgpu_checkpoint_open(ctx, o->checkpoint, &file) != SEQGPU_OK)
    code = cli_library_error(ctx);
  else
    code = run(ctx, o, file);
  seqgpu_checkpoint_close(file);
  return code;
}

static int check(const inspect_options *o, const arg_spec *rows, const unsigned char *given) {
  if (o->checkpoint == NULL && !o->flow.asked)
    return cli_usage("--checkpoint: is missing; it must name a .safetensors file");
  if (o->flow.asked && o->cells.text)
    return cli_usage("--cells: excludes --gradient-flow; there is one page at a time");
  return gradient_flow_check(&o->flow, o->checkpoint, rows, given);
}

static int inspect(int argc, char **argv) {
  inspect_options options = {
      .base = {.common = COMMON_DEFAULTS}, .cells = {.length = CELLS_LENGTH}, .flow = GRADIENT_FLOW_DEFAULTS};
  seqgpu_context *ctx;
  arg_spec rows[ARGS_MAX] = {ROW_END};
  unsigned char given[ARGS_MAX];
  const arg_command help = {usage, about, rows};
  args_join(rows, specs, 0);
  gradient_flow_join_specs(rows, FIELD(flow));
  const int started = command_start_network(&help, argc, argv, &options, given, &ctx);
  if (started != ARGS_GO_ON) return started;
  int code = check(&options, rows, given);
  if (options.base.how.plan == NULL)
    options.base.how.plan = "step"; /* not all show what they keep: cuDNN's do not */
  if (code == CLI_OK)
    code = options.flow.asked ? gradient_flow(options.checkpoint, &options.base, &options.flow,
                                              &options.prime, options.cells.html)
                              : inspect_file(ctx, &options);
  seqgpu_context_destroy(ctx);
  return code;
}

const command_spec command_inspect = {"inspect", "show what is in a checkpoint and what its gates do",
                                      inspect};
