/* options.c - the command line of bench_rnn. */
#include <stdlib.h>
#include <string.h>

#include "bench/rnn/rnn.h"

static const char USAGE[] =
    "usage: bench_rnn [options]\n"
    "what\n"
    "  --shapes FILE.csv    set,hidden,batch,timesteps,cell[,threads]; input_size = hidden_size; a cell "
    "\"any\" is\n"
    "                       each of --cells (default: T50 B64 H512 and two more)\n"
    "  --set NAME           only these rows: train, inference, device of bench/shapes/deepbench.csv\n"
    "  --cells A,B          only these cells\n"
    "  --plans A,B|all      plans to time: \"auto\" is the planner's choice (default auto; on cuda all)\n"
    "  --peers A,B|none     cudnn (every plan cuda/cudnn*), onednn, cpu (each CPU library); default: all of "
    "this build;\n"
    "                       cudnn-half runs with bf16 only, and its times include converting x, y, dy, dx, "
    "weights\n"
    "  --direction fwd|train   forward alone, or forward and backward (default train); --inference = fwd\n"
    "  --layers N  --bidirectional  --ragged   (lengths uniform in 1..T, drawn from --seed N)\n"
    "  --math f32|tf32|bf16 the least exact products allowed (default f32)\n"
    "how\n"
    "  --device NAME        auto, cpu, cuda (default cpu); --threads N on the CPU where the file does not "
    "say (2)\n"
    "  --runs N             timed runs of each side (default 30), after --warmup N (default 5)\n"
    "  --warm               GPU: do not write over the L2 before each run\n"
    "  --budget SECONDS     begin no problem after that (default: no limit)\n"
    "  --check-gflop N      float64 work a problem's check may cost (default 20): a larger problem is "
    "compared in\n"
    "                       some sequences and its first steps, and the rest must be finite\n"
    "results\n"
    "  --json FILE          one JSON object a problem and side, a line each, written at once\n"
    "  --markdown FILE      the same as a table\n"
    "  --sync FILE          JSON of bench_sync: measured constants for the floor\n"
    "\n"
    "Every result is compared with float64 on the CPU before it is timed: |out - ref| / |ref| of y, dx and "
    "each\n"
    "parameter's gradient at most 1e-5 (f32), 2e-3 (tf32), 2e-2 (bf16).  Ratios are ours / theirs, the "
    "median\n"
    "over neighbouring runs: below 1 we are faster.  Clearing gradients is not timed.\n";

static const struct {
  const char *name;
  seqgpu_math math;
  double limit;
} MATHS[] = {
    {"f32", SEQGPU_MATH_F32, 1e-5}, {"tf32", SEQGPU_MATH_TF32, 2e-3}, {"bf16", SEQGPU_MATH_BF16, 2e-2}};

double rnn_error_limit(seqgpu_math math) {
  double limit = 0;
  for (size_t i = 0; i < sizeof MATHS / sizeof MATHS[0]; i++)
    if (MATHS[i].math == math) limit = MATHS[i].limit;
  return limit;
}

int rnn_listed(const char *list, const char *name) {
  if (list == NULL) return 1;
  const size_t n = strlen(name);
  for (const char *at = list; (at = strstr(at, name)) != NULL; at += n)
    if ((at == list || at[-1] == ',') && (at[n] == 0 || at[n] == ',')) return 1;
  return 0;
}

static int number(const char *text, int least, int most, int *out) {
  char *end;
  const long value = strtol(text, &end, 10);
  if (*text == 0 || *end != 0 || value < least || value > most) return 0;
  *out = (int)value;
  return 1;
}

/* An option: where its text or number goes, or a flag that takes no value. */
typedef struct option_row {
  const char *name;
  const char **text;
  int *count;
  int least, most;
  int is_flag, flag_value;
} option_row;

/* How many arguments the option used: 1, 2, or 0 if it is unknown or its value is bad. */
static int take(const option_row *row, const char *value) {
  if (row->is_flag) {
    *row->count = row->flag_value;
    return 1;
  }
  if (value == NULL) return 0;
  if (row->count) return number(value, row->least, row->most, row->count) ? 2 : 0;
  *row->text = value;
  return 2;
}

static int parse_option(rnn_options *o, const char *name, const char *value) {
  const option_row table[] = {
      {"--shapes", &o->shapes, NULL, 0, 0, 0, 0},
      {"--set", &o->set, NULL, 0, 0, 0, 0},
      {"--cells", &o->cells, NULL, 0, 0, 0, 0},
      {"--plans", &o->plans, NULL, 0, 0, 0, 0},
      {"--peers", &o->peers, NULL, 0, 0, 0, 0},
      {"--device", &o->device, NULL, 0, 0, 0, 0},
      {"--math", &o->math_name, NULL, 0, 0, 0, 0},
      {"--direction", &o->direction, NULL, 0, 0, 0, 0},
      {"--json", &o->json, NULL, 0, 0, 0, 0},
      {"--markdown", &o->markdown, NULL, 0, 0, 0, 0},
      {"--sync", &o->sync, NULL, 0, 0, 0, 0},
      {"--runs", NULL, &o->runs, 1, RNN_MAX_RUNS, 0, 0},
      {"--warmup", NULL, &o->warmup, 0, RNN_MAX_RUNS, 0, 0},
      {"--threads", NULL, &o->threads, 0, 1024, 0, 0},
      {"--layers", NULL, &o->layers, 1, 64, 0, 0},
      {"--budget", NULL, &o->budget_s, 1, 1000000, 0, 0},
      {"--check-gflop", NULL, &o->check_gflop, 1, 1000000, 0, 0},
      {"--seed", NULL, &o->seed, 0, 2000000000, 0, 0},
      {"--bidirectional", NULL, &o->bidirectional, 0, 0, 1, 1},
      {"--ragged", NULL, &o->ragged, 0, 0, 1, 1},
      {"--warm", NULL, &o->warm, 0, 0, 1, 1},
      {"--inference", NULL, &o->training, 0, 0, 1, 0},
  };
  for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
    if (strcmp(name, table[i].name) == 0) return take(&table[i], value);
  return 0;
}

/* Words of options that are one of a few. */
static int resolve_words(rnn_options *o) {
  int known = 0;
  for (size_t i = 0; i < sizeof MATHS / sizeof MATHS[0]; i++) {
    if (strcmp(o->math_name, MATHS[i].name) != 0) continue;
    o->math = MATHS[i].math;
    known = 1;
  }
  if (!known) {
    fprintf(stderr, "bench_rnn: --math %s is none of f32, tf32, bf16\n", o->math_name);
    return 0;
  }
  if (o->direction == NULL) return 1;
  o->training = strcmp(o->direction, "train") == 0;
  if (o->training || strcmp(o->direction, "fwd") == 0) return 1;
  fprintf(stderr, "bench_rnn: --direction %s is neither fwd nor train\n", o->direction);
  return 0;
}

/* Every word of --peers must be one of a few, whether this build has it or not. */
static int check_peers(const rnn_options *o) {
  char name[RNN_NAME];
  for (const char *at = o->peers ? o->peers : ""; *at;) {
    const size_t n = strcspn(at, ",");
    snprintf(name, sizeof name, "%.*s", (int)(n < RNN_NAME ? n : RNN_NAME - 1), at);
    if (!rnn_listed("none,cudnn,onednn,cpu", name)) {
      fprintf(stderr, "bench_rnn: --peers %s is none of cudnn, onednn, cpu, none\n", name);
      return 0;
    }
    at += n + (at[n] == ',');
  }
  return 1;
}

int rnn_parse(rnn_options *o, int argc, char **argv, int *help) {
  *o = (rnn_options){.device = "cpu",
                     .math_name = "f32",
                     .runs = 30,
                     .warmup = 5,
                     .threads = 2,
                     .layers = 1,
                     .check_gflop = 20,
                     .seed = 1,
                     .training = 1};
  *help = 0;
  for (int i = 1; i < argc; i++)
    if (strcmp(argv[i], "--help") == 0) *help = 1;
  if (*help) return printf("%s\n%s", USAGE, RNN_FLOOR_HELP) > 0;
  for (int i = 1; i < argc;) {
    const int used = parse_option(o, argv[i], i + 1 < argc ? argv[i + 1] : NULL);
    if (used == 0) {
      fprintf(stderr, "bench_rnn: bad option or value: %s\n%s", argv[i], USAGE);
      return 0;
    }
    i += used;
  }
  return resolve_words(o) && check_peers(o);
}
