/* bench_rnn.c - times recurrent layers: cells x shapes x plans, beside peers, in one run.
 *
 * Each problem is one layer, one direction, input_size = hidden_size (as DeepBench).  Before anything is timed the
 * outputs are poisoned with NaN, the plan runs, and y, dx and every weight gradient are compared with the float64
 * reference on the CPU.  Then our plan and each peer take turns, run by run, so that a machine whose speed drifts is
 * slow for both.  The ratio is the median of the ratios of neighbouring runs: below 1 we are faster.
 *
 * Operations counted: 2*G*(I+H) multiply-adds a step and sequence, three times that with backward.
 */
#include <math.h>
#include <seqgpu/ops.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "peers/peer.h"

enum { MAX_RUNS = 1000 };

typedef struct options {
  const char *shapes, *cells, *peers, *plans, *json, *device;
  int runs, warmup, threads, inference;
  double max_error;
} options;

/* One problem with its buffers. */
typedef struct problem {
  bench_row row;
  seqgpu_rnn_desc desc;
  int training;
  int64_t rows, param_count; /* T*B; ours */
  float *x, *dy, *y, *dx, *params, *dparams;
  double *y_ref, *dx_ref, *dparams_ref;
} problem;

/* Our side: a context, a plan and its buffers on the device. */
typedef struct ours {
  seqgpu_context *ctx;
  seqgpu_plan *plan;
  seqgpu_rnn_run run;
  void *buffer[8];
  int buffers;
} ours;

static const char USAGE[] =
    "usage: bench_rnn [options]\n"
    "  --shapes FILE.csv   set,hidden,batch,timesteps,cell[,threads]   (default: T50 B64 H512 and two more)\n"
    "  --cells A,B         only these cells of the file\n"
    "  --plans A           plan to time (default: the planner's choice)\n"
    "  --peers A,B|none    peers to time (default: all of this build)\n"
    "  --device NAME       auto, cpu, cuda (default cpu)\n"
    "  --threads N         CPU threads, where the file does not say (default 2)\n"
    "  --inference         forward only\n"
    "  --runs N            timed runs of each (default 30), after --warmup N (default 5)\n"
    "  --json FILE         one JSON object a problem and side, a line each\n"
    "Every result is checked against the float64 reference first; ratio = ours / peer, median of paired "
    "runs.\n";

static int fail(const char *what, seqgpu_context *ctx) {
  fprintf(stderr, "bench_rnn: %s: %s\n", what, seqgpu_last_error(ctx));
  return 0;
}

/* ---------------------------------------------------------------- ours */

static int device_buffer(ours *o, size_t bytes, const void *host, void **out) {
  if (seqgpu_malloc(o->ctx, bytes, out) != SEQGPU_OK) return fail("memory", o->ctx);
  o->buffer[o->buffers++] = *out;
  const seqgpu_status status =
      host ? seqgpu_copy_in(o->ctx, *out, host, bytes) : seqgpu_zero(o->ctx, *out, bytes);
  return status == SEQGPU_OK ? 1 : fail("copy", o->ctx);
}

static void ours_close(ours *o) {
  for (int i = 0; i < o->buffers; i++) seqgpu_free(o->ctx, o->buffer[i]);
  seqgpu_plan_destroy(o->plan);
  seqgpu_context_destroy(o->ctx);
}

/* Opens a context and puts x, dy and params (given in its number type) on the device. */
static int ours_open(ours *o, const problem *p, const char *device, seqgpu_dtype dtype, int threads,
                     const void *x, const void *dy, const void *params) {
  *o = (ours){.ctx = NULL};
  const seqgpu_context_options c = {.device = device, .threads = threads, .dtype = dtype};
  if (seqgpu_context_create(&c, &o->ctx) != SEQGPU_OK) return fail("context", o->ctx);
  if (seqgpu_plan_create(o->ctx, &p->desc, &o->plan) != SEQGPU_OK) return fail("plan", o->ctx);
  const size_t size = seqgpu_dtype_size(dtype), h = (size_t)(p->rows * p->row.hidden) * size;
  const size_t w = (size_t)seqgpu_plan_param_count(o->plan) * size;
  seqgpu_rnn_run *r = &o->run;
  r->seq_len = p->row.seq_len;
  r->batch = p->row.batch;
  void *at[8];
  if (!device_buffer(o, h, x, &at[0]) || !device_buffer(o, w, params, &at[1]) ||
      !device_buffer(o, h, NULL, &r->y) ||
      !device_buffer(o, seqgpu_plan_workspace_size(o->plan), NULL, &r->workspace))
    return 0;
  r->x = at[0];
  r->params = at[1];
  if (!p->training) return 1;
  if (!device_buffer(o, seqgpu_plan_reserve_size(o->plan), NULL, &r->reserve) ||
      !device_buffer(o, h, dy, &at[2]) || !device_buffer(o, h, NULL, &r->dx) ||
      !device_buffer(o, w, NULL, &r->dparams))
    return 0;
  r->dy = at[2];
  return 1;
}

static int ours_run(ours *o, int training) {
  if (seqgpu_rnn_forward(o->ctx, o->plan, &o->run) != SEQGPU_OK) return fail("forward", o->ctx);
  if (!training) return seqgpu_synchronize(o->ctx) == SEQGPU_OK;
  const size_t bytes =
      (size_t)seqgpu_plan_param_count(o->plan) * seqgpu_dtype_size(seqgpu_context_dtype(o->ctx));
  if (seqgpu_zero(o->ctx, o->run.dparams, bytes) != SEQGPU_OK) return fail("zero", o->ctx);
  if (seqgpu_rnn_backward(o->ctx, o->plan, &o->run) != SEQGPU_OK) return fail("backward", o->ctx);
  return seqgpu_synchronize(o->ctx) == SEQGPU_OK;
}

/* ---------------------------------------------------------------- problems */

static double *widen(const float *in, int64_t count) {
  double *out = malloc((size_t)count * sizeof *out);
  for (int64_t i = 0; out && i < count; i++) out[i] = in[i];
  return out;
}

static void problem_close(problem *p) {
  free(p->x);
  free(p->dy);
  free(p->y);
  free(p->dx);
  free(p->params);
  free(p->dparams);
  free(p->y_ref);
  free(p->dx_ref);
  free(p->dparams_ref);
}

/* The float64 oracle: the CPU path, one run. */
static int reference(problem *p) {
  double *x = widen(p->x, p->rows * p->row.hidden), *dy = widen(p->dy, p->rows * p->row.hidden);
  double *params = widen(p->params, p->param_count);
  ours o;
  int good =
      x && dy && params && ours_open(&o, p, "cpu", SEQGPU_F64, 0, x, dy, params) && ours_run(&o, p->training);
  if (good) {
    const size_t h = (size_t)(p->rows * p->row.hidden) * sizeof(double);
    seqgpu_copy_out(o.ctx, p->y_ref, o.run.y, h);
    if (p->training) {
      seqgpu_copy_out(o.ctx, p->dx_ref, o.run.dx, h);
      seqgpu_copy_out(o.ctx, p->dparams_ref, o.run.dparams, (size_t)p->param_count * sizeof(double));
    }
    ours_close(&o);
  }
  free(x);
  free(dy);
  free(params);
  return good;
}

static int64_t count_params(const problem *p) {
  seqgpu_context *ctx = NULL;
  seqgpu_plan *plan = NULL;
  const seqgpu_context_options c = {.device = "cpu", .threads = 1};
  int64_t count = 0;
  if (seqgpu_context_create(&c, &ctx) == SEQGPU_OK && seqgpu_plan_create(ctx, &p->desc, &plan) == SEQGPU_OK)
    count = seqgpu_plan_param_count(plan);
  else
    fail("plan", ctx);
  seqgpu_plan_destroy(plan);
  seqgpu_context_destroy(ctx);
  return count;
}

static int problem_open(problem *p, const bench_row *row, const options *opt) {
  *p = (problem){.row = *row, .training = !opt->inference, .rows = row->seq_len * row->batch};
  p->desc = (seqgpu_rnn_desc){.cell = p->row.cell,
                              .input_size = row->hidden,
                              .hidden_size = row->hidden,
                              .seq_len = row->seq_len,
                              .batch = row->batch,
                              .inference = opt->inference,
                              .plan = NULL};
  p->param_count = count_params(p);
  if (p->param_count == 0) return 0;
  const size_t h = (size_t)(p->rows * row->hidden), w = (size_t)p->param_count;
  p->x = malloc(h * sizeof(float));
  p->dy = malloc(h * sizeof(float));
  p->y = malloc(h * sizeof(float));
  p->dx = malloc(h * sizeof(float));
  p->params = malloc(w * sizeof(float));
  p->dparams = malloc(w * sizeof(float));
  p->y_ref = calloc(h, sizeof(double));
  p->dx_ref = calloc(h, sizeof(double));
  p->dparams_ref = calloc(w, sizeof(double));
  if (!p->x || !p->dy || !p->y || !p->dx || !p->params || !p->dparams || !p->y_ref || !p->dx_ref ||
      !p->dparams_ref) {
    fprintf(stderr, "bench_rnn: out of memory\n");
    return 0;
  }
  bench_fill(p->x, (int64_t)h, 1, 1);
  bench_fill(p->dy, (int64_t)h, 1, 2);
  bench_fill(p->params, (int64_t)w, 1 / sqrt((double)row->hidden), 3);
  return reference(p);
}

static void poison(const problem *p) {
  for (int64_t i = 0; i < p->rows * p->row.hidden; i++) p->y[i] = p->dx[i] = NAN;
  for (int64_t i = 0; i < p->param_count; i++) p->dparams[i] = NAN;
}

/* The largest error of y, dx and the gradients in the host buffers. */
static double worst_error(const problem *p) {
  double worst = bench_error_f64(p->y, p->y_ref, p->rows * p->row.hidden);
  if (!p->training) return worst;
  worst = fmax(worst, bench_error_f64(p->dx, p->dx_ref, p->rows * p->row.hidden));
  return fmax(worst, bench_error_f64(p->dparams, p->dparams_ref, p->param_count));
}

static double check_ours(ours *o, const problem *p) {
  const size_t h = (size_t)(p->rows * p->row.hidden) * sizeof(float);
  poison(p);
  seqgpu_copy_in(o->ctx, o->run.y, p->y, h);
  if (p->training) seqgpu_copy_in(o->ctx, o->run.dx, p->dx, h);
  if (!ours_run(o, p->training)) return INFINITY;
  seqgpu_copy_out(o->ctx, p->y, o->run.y, h);
  if (p->training) {
    seqgpu_copy_out(o->ctx, p->dx, o->run.dx, h);
    seqgpu_copy_out(o->ctx, p->dparams, o->run.dparams, (size_t)p->param_count * sizeof(float));
  }
  return worst_error(p);
}

/* ---------------------------------------------------------------- timing and reports */

typedef struct report {
  FILE *json;
  int failures;
} report;

static double flops(const problem *p) {
  const double H = (double)p->row.hidden, G = (double)p->param_count / (2 * H); /* rows of weights, about */
  return 2 * G * 2 * H * (double)p->rows * (p->training ? 3 : 1);
}

static void print_side(report *r, const problem *p, const char *side, bench_stats s, double error,
                       double ratio) {
  const double us = 1e6 * s.median / (double)p->row.seq_len, gflops = flops(p) / s.median * 1e-9;
  printf("%-5s T%-5lld B%-4lld H%-5lld %-14s %10.3f %10.3f %10.3f ms %9.2f us/step %8.1f GFLOP/s  err %.1e",
         p->row.cell, (long long)p->row.seq_len, (long long)p->row.batch, (long long)p->row.hidden, side,
         s.min * 1e3, s.median * 1e3, s.max * 1e3, us, gflops, error);
  if (ratio > 0) printf("  ours/peer %.3f", ratio);
  printf("\n");
  fflush(stdout);
  if (r->json == NULL) return;
  fprintf(r->json,
          "{\"cell\": \"%s\", \"seq_len\": %lld, \"batch\": %lld, \"hidden\": %lld, \"training\": %s, "
          "\"side\": \"%s\", "
          "\"min_ms\": %.6f, \"median_ms\": %.6f, \"max_ms\": %.6f, \"runs\": %d, \"us_per_step\": %.4f, "
          "\"gflops\": %.2f, \"error\": %.3e",
          p->row.cell, (long long)p->row.seq_len, (long long)p->row.batch, (long long)p->row.hidden,
          p->training ? "true" : "false", side, s.min * 1e3, s.median * 1e3, s.max * 1e3, s.count, us, gflops,
          error);
  if (ratio > 0) fprintf(r->json, ", \"ours_over_peer\": %.4f", ratio);
  fprintf(r->json, "}\n");
}

/* A sample lasts 5 ms or more, so that waking up from the rest between sides does not decide it. */
static int repeats_for(ours *o, const problem *p) {
  const double start = bench_now();
  ours_run(o, p->training);
  const double once = bench_now() - start;
  return once > 5e-3 ? 1 : (int)(5e-3 / (once > 1e-6 ? once : 1e-6)) + 1;
}

/* Times ours and one peer in turn (peer NULL: ours alone). */
static void race(report *r, const problem *p, ours *o, const bench_peer *peer, void *state,
                 const options *opt, double error, double peer_error) {
  const int repeats = repeats_for(o, p);
  static double mine[MAX_RUNS], theirs[MAX_RUNS], ratio[MAX_RUNS];
  for (int i = -opt->warmup; i < opt->runs; i++) {
    double start = bench_now();
    for (int k = 0; k < repeats; k++) ours_run(o, p->training);
    const double our_time = (bench_now() - start) / repeats;
    if (i >= 0) mine[i] = our_time;
    if (peer == NULL) continue;
    bench_rest();
    start = bench_now();
    for (int k = 0; k < repeats; k++) peer->run(state);
    const double peer_time = (bench_now() - start) / repeats;
    bench_rest();
    if (i < 0) continue;
    theirs[i] = peer_time;
    ratio[i] = our_time / peer_time;
  }
  print_side(r, p, seqgpu_plan_name(o->plan), bench_statistics(mine, opt->runs), error, 0);
  if (peer)
    print_side(r, p, peer->name, bench_statistics(theirs, opt->runs), peer_error,
               bench_statistics(ratio, opt->runs).median);
}

static int listed(const char *list, const char *name) {
  if (list == NULL) return 1;
  const size_t n = strlen(name);
  for (const char *at = list; (at = strstr(at, name)) != NULL; at += n)
    if ((at == list || at[-1] == ',') && (at[n] == 0 || at[n] == ',')) return 1;
  return 0;
}

static void race_peers(report *r, const problem *p, ours *o, const options *opt, int threads, double error) {
  int raced = 0;
  const bench_shape shape = {p->row.cell,   p->row.seq_len, p->row.batch, p->row.hidden,
                             p->row.hidden, threads,        p->training};
  const bench_data data = {p->x, p->params, p->dy, p->y, p->dx, p->dparams};
  for (int i = 0; bench_peers[i]; i++) {
    const bench_peer *peer = bench_peers[i];
    const char *why = "";
    if (!listed(opt->peers, peer->name)) continue;
    void *state = peer->open(&shape, &data, &why);
    if (state == NULL) {
      printf("skip %s: %s\n", peer->name, why);
      continue;
    }
    poison(p);
    double peer_error = peer->run(state) || peer->fetch(state) ? INFINITY : worst_error(p);
    if (peer_error > opt->max_error) {
      printf("skip %s: its result differs from the reference by %.2e\n", peer->name, peer_error);
    } else {
      race(r, p, o, peer, state, opt, error, peer_error);
      raced = 1;
    }
    peer->close(state);
  }
  if (!raced) race(r, p, o, NULL, NULL, opt, error, 0);
}

static void bench_problem(report *r, const bench_row *row, const options *opt) {
  problem p;
  ours o;
  const int threads = row->threads ? row->threads : opt->threads;
  if (!problem_open(&p, row, opt)) {
    r->failures++;
    problem_close(&p);
    return;
  }
  p.desc.plan = opt->plans;
  if (!ours_open(&o, &p, opt->device, SEQGPU_F32, threads, p.x, p.dy, p.params)) {
    r->failures++;
  } else {
    const double error = check_ours(&o, &p);
    if (error > opt->max_error) {
      printf("FAIL %s H%lld: error %.2e is over %.0e, not timed\n", row->cell, (long long)row->hidden, error,
             opt->max_error);
      r->failures++;
    } else {
      race_peers(r, &p, &o, opt, threads, error);
    }
  }
  ours_close(&o);
  problem_close(&p);
}

/* ---------------------------------------------------------------- the command line */

static int number(const char *text, int least, int most, int *out) {
  char *end;
  const long value = strtol(text, &end, 10);
  if (*text == 0 || *end != 0 || value < least || value > most) return 0;
  *out = (int)value;
  return 1;
}

/* The option's value lands in *text or *count; 0 if unknown or bad. */
static int parse_option(options *o, const char *name, const char *value) {
  const struct {
    const char *name;
    const char **text;
    int *count;
    int least;
  } table[] = {{"--shapes", &o->shapes, NULL, 0},  {"--cells", &o->cells, NULL, 0},
               {"--plans", &o->plans, NULL, 0},    {"--peers", &o->peers, NULL, 0},
               {"--json", &o->json, NULL, 0},      {"--device", &o->device, NULL, 0},
               {"--runs", NULL, &o->runs, 1},      {"--warmup", NULL, &o->warmup, 0},
               {"--threads", NULL, &o->threads, 0}};
  for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
    if (strcmp(name, table[i].name) != 0) continue;
    if (value == NULL) return 0;
    if (table[i].count) return number(value, table[i].least, MAX_RUNS, table[i].count);
    *table[i].text = value;
    return 1;
  }
  return 0;
}

static int parse(options *o, int argc, char **argv) {
  for (int i = 1; i < argc; i++) {
    if (strcmp(argv[i], "--inference") == 0) {
      o->inference = 1;
      continue;
    }
    if (!parse_option(o, argv[i], i + 1 < argc ? argv[i + 1] : NULL)) {
      fprintf(stderr, "bench_rnn: bad option or value: %s\n%s", argv[i], USAGE);
      return 0;
    }
    i++;
  }
  return 1;
}

int main(int argc, char **argv) {
  static bench_row standard[] = {
      {"cpu", "lstm", 512, 64, 50, 2}, {"cpu", "lstm", 256, 32, 64, 2}, {"cpu", "lstm", 128, 1, 100, 1}};
  options opt = {.device = "cpu", .runs = 30, .warmup = 5, .threads = 2, .max_error = 1e-5};
  for (int i = 1; i < argc; i++)
    if (strcmp(argv[i], "--help") == 0) return fputs(USAGE, stdout) < 0;
  if (!parse(&opt, argc, argv)) return 2;
  bench_row *rows = standard;
  int count = 3;
  if (opt.shapes && (count = bench_read_shapes(opt.shapes, &rows)) < 0) return 1;
  report r = {.json = NULL};
  if (opt.json && (r.json = fopen(opt.json, "w")) == NULL) {
    fprintf(stderr, "bench_rnn: cannot write %s\n", opt.json);
    return 1;
  }
  printf("%-31s %-14s %10s %10s %10s\n", "problem", "side", "min", "median", "max");
  for (int i = 0; i < count; i++)
    if (listed(opt.cells, rows[i].cell)) bench_problem(&r, &rows[i], &opt);
  if (rows != standard) free(rows);
  if (r.json && fclose(r.json) != 0) r.failures++;
  return r.failures ? 1 : 0;
}
