/* bench_esn.c - what an echo state network costs: its states over a series, and its read-out by ridge regression.
 *
 *   create   seqgpu_esn_create: drawing the weights, and scaling them to a spectral radius
 *   states   seqgpu_esn_run without an output: the reservoir alone
 *   train    seqgpu_esn_train: the same, and what the regression remembers of each step
 *   solve    seqgpu_esn_solve
 *
 * The series is NARMA of order 10 (paper/esn_narma.c), one sequence, one thread.  The error is that of one step
 * ahead on the second half of the series, NRMSE, so that a wrong network cannot be a fast one; a peer can be
 * given the same series (--series).  peers/reservoirpy_esn.py takes turns with this program.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/common/json.h"
#include "bench/common/measure.h"
#include "bench/common/options.h"
#include "host/cli/series.h"
#include "seqgpu/seqgpu.h"

static const char USAGE[] =
    "usage: bench_esn [options]\n"
    "  --hidden N             units, default 1000\n"
    "  --links N              into each unit, default 10\n"
    "  --steps N              to train on, and again to test on, default 2000\n"
    "  --dtype f32|f64        of the states, default f64\n"
    "  --method qr|cholesky   of the regression, default cholesky\n"
    "  --series FILE          write the series: u and d in each line\n" BENCH_HELP_JSON;

enum { WASHOUT = 200 };
static const double LAMBDA = 1e-8;

typedef struct esn_options {
  int hidden, links, steps;
  const char *dtype, *method, *series, *json;
} esn_options;

typedef struct measured {
  double create_s, states_s, train_s, solve_s, nrmse;
} measured;

static double nrmse_of(const double *y, const double *d, int count) {
  double mean = 0, variance = 0, error = 0;
  for (int t = 0; t < count; t++) mean += d[t] / count;
  for (int t = 0; t < count; t++) {
    variance += (d[t] - mean) * (d[t] - mean);
    error += (y[t] - d[t]) * (y[t] - d[t]);
  }
  return sqrt(error / variance);
}

/* Seconds of each part; the series has 2 steps: the first half is trained on. */
static seqgpu_status measure(seqgpu_esn *esn, const esn_options *o, const double *u, const double *d,
                             double *y, measured *m) {
  const int64_t T = o->steps;
  seqgpu_status status = seqgpu_esn_reset(esn, 1);
  double start = bench_now();
  if (status == SEQGPU_OK) status = seqgpu_esn_run(esn, T, u, NULL, NULL);
  m->states_s = bench_now() - start;
  if (status == SEQGPU_OK) status = seqgpu_esn_reset(esn, 1);
  start = bench_now();
  if (status == SEQGPU_OK) status = seqgpu_esn_train(esn, T, u, d, WASHOUT);
  m->train_s = bench_now() - start;
  start = bench_now();
  if (status == SEQGPU_OK) status = seqgpu_esn_solve(esn, LAMBDA);
  m->solve_s = bench_now() - start;
  if (status == SEQGPU_OK) status = seqgpu_esn_run(esn, T, u + T, NULL, y);
  if (status == SEQGPU_OK) m->nrmse = nrmse_of(y, d + T, o->steps);
  return status;
}

static int write_series(const char *path, int count, const double *u, const double *d) {
  FILE *file = fopen(path, "w");
  if (file == NULL) return BENCH_FAILED;
  for (int t = 0; t < count; t++) fprintf(file, "%.17g %.17g\n", u[t], d[t]);
  return fclose(file) == 0 ? BENCH_OK : BENCH_FAILED;
}

static int report(const esn_options *o, const measured *m) {
  const bench_origin origin = bench_origin_of(NULL);
  printf("%s, commit %s, %s\n", origin.device, origin.commit, origin.date);
  printf("H = %d, %d links, %d steps, %s, %s: create %.3f s, states %.4f s, train %.4f s, solve %.4f s, "
         "NRMSE %.3f\n",
         o->hidden, o->links, o->steps, o->dtype, o->method, m->create_s, m->states_s, m->train_s, m->solve_s,
         m->nrmse);
  if (o->json == NULL) return BENCH_OK;
  FILE *json = fopen(o->json, "w");
  if (json == NULL) return BENCH_FAILED;
  bench_json_begin(json, "esn");
  bench_json_integer(json, "hidden", o->hidden);
  bench_json_integer(json, "links", o->links);
  bench_json_integer(json, "steps", o->steps);
  bench_json_text(json, "dtype", o->dtype);
  bench_json_text(json, "method", o->method);
  bench_json_number(json, "create_s", m->create_s);
  bench_json_number(json, "states_s", m->states_s);
  bench_json_number(json, "train_s", m->train_s);
  bench_json_number(json, "solve_s", m->solve_s);
  bench_json_number(json, "nrmse", m->nrmse);
  bench_json_end(json, &origin);
  return fclose(json) == 0 ? BENCH_OK : BENCH_FAILED;
}

/* Draws a network, measures it, and reports. */
static int bench_network(const esn_options *o, const double *u, const double *d, double *y) {
  const seqgpu_context_options options = {.device = "cpu",
                                          .threads = 1,
                                          .dtype = strcmp(o->dtype, "f64") == 0 ? SEQGPU_DTYPE_F64
                                                                                : SEQGPU_DTYPE_F32};
  const seqgpu_esn_desc desc = {.input_size = 1,
                                .output_size = 1,
                                .hidden_size = o->hidden,
                                .links = o->links,
                                .spectral_radius = 0.95,
                                .input_scale = 0.1,
                                .method =
                                    strcmp(o->method, "qr") == 0 ? SEQGPU_RIDGE_QR : SEQGPU_RIDGE_CHOLESKY};
  seqgpu_context *ctx = NULL;
  seqgpu_params *params = NULL;
  seqgpu_esn *esn = NULL;
  measured m;
  seqgpu_status status = seqgpu_context_create(&options, &ctx);
  if (status == SEQGPU_OK) status = seqgpu_params_create(ctx, 1, &params);
  const double start = bench_now();
  if (status == SEQGPU_OK) status = seqgpu_esn_create(params, "esn", &desc, &esn);
  m.create_s = bench_now() - start;
  if (status == SEQGPU_OK) status = measure(esn, o, u, d, y, &m);
  int code = BENCH_FAILED;
  if (status == SEQGPU_OK)
    code = report(o, &m);
  else
    fprintf(stderr, "bench_esn: %s\n", seqgpu_last_error(ctx));
  seqgpu_esn_destroy(esn);
  seqgpu_params_destroy(params);
  seqgpu_context_destroy(ctx);
  return code;
}

static int is_one_of(const char *name, const char *value, const char *a, const char *b) {
  if (strcmp(value, a) == 0 || strcmp(value, b) == 0) return 1;
  fprintf(stderr, "bench_esn: %s is %s; it must be %s or %s\n", name, value, a, b);
  return 0;
}

int main(int argc, char **argv) {
  esn_options o = {.hidden = 1000, .links = 10, .steps = 2000, .dtype = "f64", .method = "cholesky"};
  const bench_option table[] = {bench_option_int("--hidden", &o.hidden, 1, 100000),
                                bench_option_int("--links", &o.links, 1, 100000),
                                bench_option_int("--steps", &o.steps, 2 * WASHOUT, 1000000),
                                bench_option_text("--dtype", &o.dtype),
                                bench_option_text("--method", &o.method),
                                bench_option_text("--series", &o.series),
                                BENCH_JSON(&o.json)};
  int code = bench_parse("bench_esn", USAGE, table, BENCH_COUNT(table), argc, argv);
  if (code != BENCH_GO_ON) return code;
  if (!is_one_of("--dtype", o.dtype, "f32", "f64") || !is_one_of("--method", o.method, "qr", "cholesky"))
    return BENCH_USAGE;
  const size_t count = 2 * (size_t)o.steps;
  double *u = malloc(count * sizeof *u), *d = malloc(count * sizeof *d), *y = malloc(count * sizeof *y);
  series_narma10((int)count, 1, u, d);
  code = o.series ? write_series(o.series, (int)count, u, d) : bench_network(&o, u, d, y);
  free(u);
  free(d);
  free(y);
  return code;
}
