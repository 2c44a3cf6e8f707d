/* options.c - the command line of bench_rnn (options.h). */
#include "bench/rnn/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/common/options.h"
#include "bench/rnn/floor.h"

/* What the kinds of core/options.def are in seqgpu_rnn_desc. */
typedef int64_t cell_option_SIZE;
typedef int cell_option_FLAG;
typedef seqgpu_activation cell_option_ACTIVATION;
typedef double cell_option_SHARE;

static const char USAGE[] =
    "usage: bench_rnn [options]\n"
    "what is timed\n"
    "  --shapes FILE.csv      set,hidden,batch,timesteps,cell[,threads] with input_size = hidden_size; the\n"
    "                         cell \"any\" stands for each of --cells (default: T50 B64 H512 and two more)\n"
    "  --set NAME             only the rows of this set, as train in bench/shapes/deepbench.csv\n"
    "  --cells A,B            only these cells\n"
    "  --with A,B=N           options of the cells as seqgpu_rnn_desc calls them, flags without a number:\n"
    "                         layer_norm, or peephole,zoneout_cell=0.1\n"
    "  --steps A,B            lengths in place of the file's, each a problem of its own; the word file is "
    "the\n"
    "                         file's.  1 and 200 separate what a launch costs from what a step costs\n"
    "  --algorithms A,B|all   algorithms to time; \"auto\" is the one that the planner chooses (default:\n"
    "                         auto, on cuda all); --plans is another spelling of this option\n"
    "  --peers A,B|none       cudnn (each algorithm cuda/cudnn*), onednn, cpu (each CPU library); default:\n"
    "                         all of this build.  cudnn-half and cudnn-bf16 run with bf16 only, and\n"
    "                         their times include the conversion of x, y, dy, dx and the weights\n"
    "  --direction fwd|train  forward alone, or forward and backward (default: train)\n"
    "  --inference            the same as --direction fwd\n"
    "  --layers N  --bidirectional\n"
    "  --ragged               lengths uniform in 1..T, drawn from --seed N\n"
    "  --math f32|tf32|bf16   the least exact products that are allowed (default: f32)\n"
    "how it is timed\n"
    "  --device NAME          auto, cpu or cuda (default: cpu)\n"
    "  --threads N            on the CPU, for rows that name no number of threads (default: 2)\n"
    "  --runs N               timed runs of each contender (default: 30)\n"
    "  --warmup N             runs before those (default: 5)\n"
    "  --warm                 on a GPU: do not write over the L2 before each run\n"
    "  --budget SECONDS       begin no problem after that time (default: no limit)\n"
    "  --journal FILE         holds the number of the problem and the contender that is running\n"
    "  --patience SECONDS     end if the contender in the journal takes longer (default: never)\n"
    "  --first N              begin with problem N, from 0\n"
    "  --without A,B          not these contenders, by their names in the table\n"
    "  --check-gflop N        float64 work that the check of a problem may cost (default: 20).  Of a larger\n"
    "                         problem some sequences and the first steps are compared, and the rest must\n"
    "                         be finite\n"
    "results\n" BENCH_HELP_JSON "  --markdown FILE        the same as a table\n"
    "  --sync FILE            JSON of bench_sync: measured constants for the floor\n";

static const char EXPLANATION[] =
    "\n"
    "Every result is compared with float64 on the CPU before it is timed: |out - ref| / |ref| of y, dx and\n"
    "each parameter's gradient is at most 1e-5 (f32), 2e-3 (tf32), 2e-2 (bf16).  Ratios are ours / theirs,\n"
    "the median over neighbouring runs: below 1 we are faster.  Clearing gradients is not timed.\n"
    "\n";

static const struct {
  const char *name;
  seqgpu_math math;
  double limit;
} MATHS[] = {
    {"f32", SEQGPU_MATH_F32, 1e-5}, {"tf32", SEQGPU_MATH_TF32, 2e-3}, {"bf16", SEQGPU_MATH_BF16, 2e-2}};

double rnn_error_limit(seqgpu_math math, const seqgpu_rnn_desc *desc) {
  const int adds_up = strcmp(desc->cell, "urnn") == 0 && desc->seq_len > 100;
  double limit = 0;
  for (int i = 0; i < BENCH_COUNT(MATHS); i++)
    if (MATHS[i].math == math) limit = MATHS[i].limit;
  return adds_up ? limit * (double)desc->seq_len / 100 : limit;
}

static int resolve_math(rnn_options *o) {
  for (int i = 0; i < BENCH_COUNT(MATHS); i++) {
    if (strcmp(o->math_name, MATHS[i].name) != 0) continue;
    o->math = MATHS[i].math;
    return 1;
  }
  fprintf(stderr, "bench_rnn: --math is %s; it must be f32, tf32 or bf16\n", o->math_name);
  return 0;
}

static int resolve_direction(rnn_options *o) {
  if (o->direction == NULL) return 1;
  o->training = strcmp(o->direction, "train") == 0;
  if (o->training || strcmp(o->direction, "fwd") == 0) return 1;
  fprintf(stderr, "bench_rnn: --direction is %s; it must be fwd or train\n", o->direction);
  return 0;
}

/* Peers are known by name even in a build that does not have them: the same command runs everywhere. */
static int check_peers(const rnn_options *o) {
  char name[64];
  const char *list = o->peers ? o->peers : "";
  while (bench_next_word(&list, name, (int)sizeof name)) {
    if (bench_listed("none,cudnn,onednn,cpu", name)) continue;
    fprintf(stderr, "bench_rnn: --peers names %s; it must name cudnn, onednn, cpu or none\n", name);
    return 0;
  }
  return 1;
}

int64_t rnn_steps(const char *word, int64_t file) {
  char *end;
  if (strcmp(word, "file") == 0) return file;
  const long steps = strtol(word, &end, 10);
  return *end || steps > 1000000 ? 0 : steps;
}

static int check_steps(const rnn_options *o) {
  char word[64];
  const char *list = o->steps;
  while (bench_next_word(&list, word, (int)sizeof word)) {
    if (rnn_steps(word, 1) >= 1) continue;
    fprintf(stderr, "bench_rnn: --steps has %s; each must be a number from 1 to 1000000, or file\n", word);
    return 0;
  }
  return 1;
}

static int set_cell_option(seqgpu_rnn_desc *desc, const char *name, double value) {
#define OPTION(BIT, field, kind, ...)                                                                        \
  if (strcmp(name, #field) == 0) {                                                                           \
    desc->field = (cell_option_##kind)value;                                                                 \
    return 1;                                                                                                \
  }
#include "core/options.def"
#undef OPTION
  return 0;
}

/* Whether the values are in range, and the cell has the options, is seqgpu_plan_create's to say. */
static int resolve_with(rnn_options *o) {
  char word[64], *end;
  const char *list = o->with ? o->with : "";
  while (bench_next_word(&list, word, (int)sizeof word)) {
    char *number = strchr(word, '=');
    if (number) *number++ = 0;
    const double value = number ? strtod(number, &end) : 1;
    if ((number == NULL || (end > number && *end == 0)) && set_cell_option(&o->cell, word, value)) continue;
    fprintf(stderr, "bench_rnn: --with has %s; each must be an option of cells, or option=number\n", word);
    return 0;
  }
  return 1;
}

/* --help explains more than a mistake on the command line does. */
static int parse(rnn_options *o, int argc, char **argv) {
  const bench_option table[] = {
      bench_option_text("--shapes", &o->shapes),
      bench_option_text("--set", &o->set),
      bench_option_text("--steps", &o->steps),
      bench_option_text("--with", &o->with),
      bench_option_text("--without", &o->without),
      bench_option_text("--journal", &o->journal),
      bench_option_int("--first", &o->first, 0, 1000000),
      bench_option_int("--patience", &o->patience_s, 0, 1000000),
      bench_option_text("--cells", &o->cells),
      bench_option_text("--algorithms", &o->algorithms),
      bench_option_text("--plans", &o->algorithms), /* its name until version 0.1, still documented */
      bench_option_text("--peers", &o->peers),
      BENCH_DEVICE(&o->device),
      BENCH_THREADS(&o->threads),
      BENCH_JSON(&o->json),
      bench_option_text("--markdown", &o->markdown),
      bench_option_text("--sync", &o->sync),
      bench_option_text("--math", &o->math_name),
      bench_option_text("--direction", &o->direction),
      bench_option_int("--runs", &o->runs, 1, RNN_MAX_RUNS),
      bench_option_int("--warmup", &o->warmup, 0, RNN_MAX_RUNS),
      bench_option_int("--layers", &o->layers, 1, 64),
      bench_option_int("--budget", &o->budget_s, 1, 1000000),
      bench_option_int("--check-gflop", &o->check_gflop, 1, 1000000),
      bench_option_int("--seed", &o->seed, 0, 2000000000),
      bench_option_flag("--bidirectional", &o->bidirectional, 1),
      bench_option_flag("--ragged", &o->ragged, 1),
      bench_option_flag("--warm", &o->warm, 1),
      bench_option_flag("--inference", &o->training, 0),
  };
  const int code = bench_parse("bench_rnn", USAGE, table, BENCH_COUNT(table), argc, argv);
  if (code == BENCH_OK) printf("%s%s", EXPLANATION, RNN_FLOOR_HELP);
  return code;
}

int rnn_parse(rnn_options *o, int argc, char **argv) {
  *o = (rnn_options){.device = "cpu",
                     .steps = "file",
                     .math_name = "f32",
                     .runs = 30,
                     .warmup = 5,
                     .threads = 2,
                     .layers = 1,
                     .check_gflop = 20,
                     .seed = 1,
                     .training = 1};
  const int code = parse(o, argc, argv);
  if (code != BENCH_GO_ON) return code;
  return resolve_math(o) && resolve_direction(o) && check_peers(o) && check_steps(o) && resolve_with(o)
             ? BENCH_GO_ON
             : BENCH_USAGE;
}
