/* inspect.c - `seqgpu inspect`: what is in a checkpoint, and, with --prime, what states and gates do on a text. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host/cli/charlm.h"

typedef struct inspect_options {
  const char *checkpoint, *prime;
  int64_t threads;
  char device[ARGS_WORD];
  int json;
} inspect_options;

#define FIELD(name) offsetof(inspect_options, name)

/* clang-format off: a table */
static const arg_spec specs[] = {
    {"checkpoint", ARG_TEXT, ARG_NOT_KEPT, FIELD(checkpoint), 0, 0, NULL, "FILE",
     "any .safetensors file; required"},
    {"prime", ARG_TEXT, ARG_NOT_KEPT, FIELD(prime), 0, 0, NULL, "TEXT",
     "read this with the model and look at its gates"},
    {"device", ARG_CHOICE, ARG_NOT_KEPT, FIELD(device), 0, 0, "auto|cpu|cuda", "D", "where to compute"},
    {"threads", ARG_INT, ARG_NOT_KEPT, FIELD(threads), 0, 1024, NULL, "N", "CPU threads, 0 = all"},
    {"json", ARG_FLAG, ARG_NOT_KEPT, FIELD(json), 0, 0, NULL, NULL, "one JSON object"},
    {NULL, ARG_FLAG, ARG_NOT_KEPT, 0, 0, 0, NULL, NULL, NULL},
};
/* clang-format on */

static void put_string(const char *before, const char *text) {
  printf("%s", before);
  cli_json_string(stdout, text, strlen(text));
}

/* Names come from a file of anyone: control characters would reach the terminal. */
static void print_safely(const char *text, size_t most) {
  for (size_t i = 0; text[i] && i < most; i++)
    putchar((unsigned char)text[i] < 0x20 || text[i] == 0x7f ? '?' : text[i]);
  if (strlen(text) > most) printf("...");
}

/* ---------------------------------------------------------------- metadata and tensors */

static void print_meta(const seqgpu_checkpoint *file, int json) {
  seqgpu_meta entry;
  if (json) printf("{\"meta\": {");
  const int count = seqgpu_checkpoint_meta_count(file);
  for (int i = 0; i < count && seqgpu_checkpoint_meta_get(file, i, &entry) == SEQGPU_OK; i++) {
    if (json) {
      put_string(i ? ", " : "", entry.key);
      put_string(": ", entry.value);
      continue;
    }
    print_safely(entry.key, 40);
    printf("%*s", strlen(entry.key) < 16 ? (int)(16 - strlen(entry.key)) : 1, "");
    print_safely(entry.value, 90);
    printf("\n");
  }
  printf(json ? "}" : "\n");
}

typedef struct statistics {
  double norm, mean, deviation, smallest, largest;
} statistics;

static statistics measure(const double *x, int64_t n) {
  statistics s = {.smallest = n ? INFINITY : 0, .largest = n ? -INFINITY : 0};
  double sum = 0, squares = 0;
  for (int64_t i = 0; i < n; i++) {
    sum += x[i];
    squares += x[i] * x[i];
    s.smallest = fmin(s.smallest, x[i]);
    s.largest = fmax(s.largest, x[i]);
  }
  s.norm = sqrt(squares);
  s.mean = n ? sum / (double)n : 0;
  s.deviation = n ? sqrt(fmax(0, squares / (double)n - s.mean * s.mean)) : 0;
  return s;
}

static void print_tensor_text(const seqgpu_tensor_info *t, const statistics *s) {
  char shape[128] = "[";
  for (int d = 0; d < t->rank; d++) {
    const size_t used = strlen(shape);
    snprintf(shape + used, sizeof shape - used, "%s%lld", d ? ", " : "", (long long)t->shape[d]);
  }
  print_safely(t->name, 60);
  printf("%*s %s %14s]  norm %-11.6g mean %-12.5g min %-12.5g max %.5g\n",
         strlen(t->name) < 38 ? (int)(38 - strlen(t->name)) : 0, "", t->dtype, shape, s->norm, s->mean,
         s->smallest, s->largest);
}

static void put_number(const char *before, double value) {
  if (isfinite(value))
    printf("%s%.9g", before, value);
  else
    printf("%snull", before);
}

static void print_tensor_json(const seqgpu_tensor_info *t, const statistics *s, int first) {
  put_string(first ? "{\"name\": " : ", {\"name\": ", t->name);
  put_string(", \"dtype\": ", t->dtype);
  printf(", \"shape\": [");
  for (int d = 0; d < t->rank; d++) printf("%s%lld", d ? ", " : "", (long long)t->shape[d]);
  put_number("], \"norm\": ", s->norm);
  put_number(", \"mean\": ", s->mean);
  put_number(", \"min\": ", s->smallest);
  put_number(", \"max\": ", s->largest);
  printf("}");
}

static int print_tensors(seqgpu_context *ctx, const seqgpu_checkpoint *file, int json) {
  if (json) printf(", \"tensors\": [");
  for (int i = 0; i < seqgpu_checkpoint_tensor_count(file); i++) {
    seqgpu_tensor_info info;
    if (seqgpu_checkpoint_tensor_get(file, i, &info) != SEQGPU_OK) return cli_library_error(ctx);
    double *numbers = malloc(((size_t)info.elements + 1) * sizeof *numbers);
    if (numbers == NULL) return cli_error("out of memory");
    const seqgpu_status status = seqgpu_checkpoint_read(file, i, numbers);
    const statistics s = measure(numbers, status == SEQGPU_OK ? info.elements : 0);
    free(numbers);
    if (status != SEQGPU_OK) return cli_library_error(ctx);
    if (json)
      print_tensor_json(&info, &s, i == 0);
    else
      print_tensor_text(&info, &s);
  }
  if (json) printf("]");
  return CLI_OK;
}

/* ---------------------------------------------------------------- gates */

/* One state or gate of one layer, over all steps of the prime text. */
static void print_part(int layer, const char *part, const float *x, int64_t n, int json, int first) {
  double *wide = malloc(((size_t)n + 1) * sizeof *wide);
  if (wide == NULL) return;
  int64_t low = 0, high = 0;
  for (int64_t i = 0; i < n; i++) {
    wide[i] = (double)x[i];
    low += x[i] < 0.1f;
    high += x[i] > 0.9f;
  }
  const statistics s = measure(wide, n);
  free(wide);
  const double below = 100 * (double)low / (double)n, above = 100 * (double)high / (double)n;
  if (json)
    printf("%s{\"layer\": %d, \"part\": \"%s\", \"mean\": %.6g, \"deviation\": %.6g, \"min\": %.6g, \"max\": "
           "%.6g, "
           "\"below_0.1\": %.6g, \"above_0.9\": %.6g}",
           first ? "" : ", ", layer, part, s.mean, s.deviation, s.smallest, s.largest, below / 100,
           above / 100);
  else
    printf("%5d  %-4s %9.4f %9.4f %9.4f %9.4f %8.1f %% %8.1f %%\n", layer, part, s.mean, s.deviation,
           s.smallest, s.largest, below, above);
}

/* All parts of all layers. */
static int print_parts(const charlm *m, const charlm_pass *p, int64_t T, int json) {
  const seqgpu_rnn_run run = charlm_run(p, T, 0);
  const char *part;
  int64_t width;
  int first = 1;
  for (int layer = 0; layer < (int)m->config.model.rnn.num_layers; layer++)
    for (int k = 0; (part = seqgpu_plan_part(p->plan, k, &width)) != NULL; k++) {
      float *x = malloc((size_t)(T * width) * sizeof *x);
      if (x == NULL) return cli_error("out of memory");
      const seqgpu_status status = seqgpu_rnn_inspect(m->ctx, p->plan, &run, layer, 0, part, x, &width);
      if (status == SEQGPU_OK) print_part(layer, part, x, T * width, json, first);
      free(x);
      first = 0;
      if (status != SEQGPU_OK) return cli_library_error(m->ctx);
    }
  return CLI_OK;
}

static int look_inside(charlm *m, const int32_t *ids, int64_t count, int json) {
  charlm_pass pass = {.model = NULL};
  void *device = NULL;
  seqgpu_status status = seqgpu_malloc(m->ctx, (size_t)count * sizeof *ids, &device);
  if (status == SEQGPU_OK) status = seqgpu_copy_in(m->ctx, device, ids, (size_t)count * sizeof *ids);
  m->config.model.rnn.dropout = 0; /* looking is not training, but only training keeps what there is to see */
  if (status == SEQGPU_OK) status = charlm_pass_create(m, count, 1, 1, &pass);
  if (status == SEQGPU_OK) status = charlm_forward(&pass, count, device, 0);
  int code = CLI_OK;
  if (json)
    printf(", \"gates\": [");
  else
    printf("\nlayer  part      mean deviation       min       max      < 0.1      > 0.9\n");
  if (status == SEQGPU_OK) code = print_parts(m, &pass, count, json);
  if (json) printf("]");
  charlm_pass_destroy(&pass);
  seqgpu_free(m->ctx, device);
  return status == SEQGPU_OK ? code : cli_library_error(m->ctx);
}

static int read_prime(const inspect_options *o, const vocabulary *v, int32_t **ids, int64_t *count) {
  char *prime = (char *)(uintptr_t)o->prime;
  const text_file t = {.data = prime, .size = strlen(prime), .memory = prime};
  CLI_TRY(text_check(&t, v->kind, "--prime"));
  CLI_TRY(vocab_encode(v, prime, t.size, "--prime", ids, count));
  if (*count > 0) return CLI_OK;
  free(*ids);
  *ids = NULL;
  return cli_error("--prime: the text is empty");
}

/* ---------------------------------------------------------------- the command */

static int run(seqgpu_context *ctx, const inspect_options *o, const seqgpu_checkpoint *file) {
  charlm m = {.ctx = ctx};
  vocabulary v = {.unknown = -1};
  config_cursor cursor;
  int32_t *ids = NULL;
  int64_t count = 0;
  int code = CLI_OK;
  if (o->prime) code = charlm_load(ctx, o->checkpoint, 1, 1, 1, &m, &v, &cursor);
  if (o->prime && code == CLI_OK) code = read_prime(o, &v, &ids, &count);
  if (code == CLI_OK) {
    print_meta(file, o->json);
    code = print_tensors(ctx, file, o->json);
  }
  if (o->prime && code == CLI_OK) code = look_inside(&m, ids, count, o->json);
  if (o->json && code == CLI_OK) printf("}\n");
  free(ids);
  charlm_destroy(&m);
  vocab_free(&v);
  return code;
}

int command_inspect(int argc, char **argv) {
  static const arg_command command = {
      "seqgpu inspect --checkpoint FILE [--prime TEXT] [options]",
      "Shows what is in a checkpoint, and what gates and states do on a text.", specs};
  inspect_options options = {.device = "auto"};
  unsigned char given[ARGS_MAX];
  const int parsed = args_parse(&command, argc, argv, &options, given);
  if (parsed != ARGS_GO_ON) return parsed;
  if (options.checkpoint == NULL) return cli_usage("--checkpoint: is required, it names the file");
  seqgpu_context *ctx;
  CLI_TRY(cli_open(options.device, options.threads, &ctx));
  seqgpu_checkpoint *file;
  int code = CLI_OK;
  if (seqgpu_checkpoint_open(ctx, options.checkpoint, &file) != SEQGPU_OK)
    code = cli_library_error(ctx);
  else
    code = run(ctx, &options, file);
  seqgpu_checkpoint_close(file);
  seqgpu_context_destroy(ctx);
  return code;
}
