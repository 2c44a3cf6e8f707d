/* esn_mackey.c - Mackey-Glass, 84 steps ahead: H. Jaeger, GMD Report 148, 2001; Jaeger and Haas, Science,
 * 2004.
 *
 * The network learns to predict the next value of a series.  Then it listens to 1,000 steps of another series
 * and goes on alone, with its output as its only input.  NRMSE84 = sqrt(mean over 50 series of (y - x)^2 /
 * variance) at the 84th step alone, with the variance of the test series.  Jaeger's squashing: the network
 * sees tanh(x - 1); errors are those of x itself.
 */
#include "bench/paper/esn_mackey.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench/common/measure.h"
#include "bench/paper/esn.h"
#include "host/cli/series.h"

enum { TRIALS = 50, LISTEN = 1000, AHEAD = 84 };
/* The seeds of the first network, in the experiment and in a search.  Each network has SERIES_OF_A_NETWORK
 * seeds for its series. */
enum { REPORT_SEED = 1, SEARCH_SEED = 500001, SERIES_OF_A_NETWORK = 1000 };

typedef struct row {
  const char *name;
  double tau, paper; /* Jaeger's NRMSE84 */
  esn_setting setting;
} row;

#define COMMON .output_size = 1, .feedback = 1, .batch = TRIALS, .seq_len = 256

static const row rows[] = {
    {"400 units, 3,000 steps",
     17,
     2.8e-4,
     {{COMMON, .hidden_size = 400, .leak = 0.55, .spectral_radius = 0.97, .links = 6, .feedback_scale = 1,
       .bias_scale = 0.12},
      .lambda = 1e-12,
      .train = 3000,
      .washout = 1000}},
    {"400 units, 21,000 steps",
     17,
     1.2e-4,
     {{COMMON, .hidden_size = 400, .leak = 0.55, .spectral_radius = 0.97, .links = 6, .feedback_scale = 1,
       .bias_scale = 0.12},
      .lambda = 1e-11,
      .train = 21000,
      .washout = 1000}},
    {"1,000 units, 3,000 steps",
     17,
     6.3e-5,
     {{COMMON, .hidden_size = 1000, .leak = 0.55, .spectral_radius = 0.97, .links = 6, .feedback_scale = 1,
       .bias_scale = 0.12},
      .lambda = 1e-12,
      .train = 3000,
      .washout = 1000}},
};
enum { ROWS = sizeof rows / sizeof rows[0] };

static double squash(double x) { return tanh(x - 1); }
static double stretch(double y) { return 1 + atanh(fmax(-0.9999999, fmin(0.9999999, y))); }

/* TRIALS series side by side, [LISTEN + AHEAD, TRIALS], not squashed. */
static int test_series(double tau, uint64_t seed, double *x) {
  double one[LISTEN + AHEAD];
  for (int k = 0; k < TRIALS; k++) {
    if (series_mackey_glass(LISTEN + AHEAD, tau, seed + 1 + (uint64_t)k, one)) return 1;
    for (int t = 0; t < LISTEN + AHEAD; t++) x[t * TRIALS + k] = one[t];
  }
  return 0;
}

static double variance(const double *x, int count) {
  double mean = 0, sum = 0;
  for (int i = 0; i < count; i++) mean += x[i] / count;
  for (int i = 0; i < count; i++) sum += (x[i] - mean) * (x[i] - mean);
  return sum / count;
}

/* nrmse[k]: the error k+1 steps after the last true value.  d and y: room for arrays like x. */
static int free_run(esn_net *net, const double *x, double *d, double *y, double nrmse[AHEAD]) {
  for (int i = 0; i < LISTEN * TRIALS; i++) d[i] = squash(x[i]);
  if (seqgpu_esn_reset(net->esn, TRIALS) || seqgpu_esn_run(net->esn, LISTEN, NULL, d, NULL) ||
      seqgpu_esn_run(net->esn, AHEAD, NULL, NULL, y))
    return esn_failed(net);
  const double scale = TRIALS * variance(x, (LISTEN + AHEAD) * TRIALS);
  for (int t = 0; t < AHEAD; t++) {
    double sum = 0;
    for (int k = 0; k < TRIALS; k++) {
      const double error = stretch(y[t * TRIALS + k]) - x[(LISTEN + t) * TRIALS + k];
      sum += error * error;
    }
    nrmse[t] = sqrt(sum / scale);
  }
  return 0;
}

/* Trains and tests the network of a seed. */
static int try_network(const row *r, uint64_t seed, double nrmse[AHEAD]) {
  const int64_t train = r->setting.train,
                size = train > (LISTEN + AHEAD) * TRIALS ? train : (LISTEN + AHEAD) * TRIALS;
  const uint64_t series = seed * SERIES_OF_A_NETWORK;
  double *x = malloc((size_t)(3 * size) * sizeof *x), *d = x + size, *y = d + size;
  esn_net net = {NULL, NULL, NULL};
  int failed = x == NULL || series_mackey_glass(train, r->tau, series, x);
  if (failed) fprintf(stderr, "out of memory\n");
  for (int64_t t = 0; t < train && !failed; t++) d[t] = squash(x[t]);
  if (!failed) failed = esn_open(&net, &r->setting, seed, NULL, d);
  if (!failed) failed = test_series(r->tau, series, x) || free_run(&net, x, d, y, nrmse);
  esn_close(&net);
  free(x);
  return failed;
}

/* Random settings around the first row's. */
static int search_settings(int count) {
  for (int i = 0; i < count; i++) {
    row r = rows[0];
    seqgpu_esn_desc *d = &r.setting.desc;
    double fraction[6], nrmse[AHEAD], logs = 0;
    for (int k = 0; k < 6; k++) fraction[k] = seqgpu_uniform(SEARCH_SEED, 7, (uint64_t)(6 * i + k));
    d->leak = esn_between(0.3, 1, fraction[0]);
    d->spectral_radius = esn_between(0.7, 1.2, fraction[1]);
    d->feedback_scale = esn_between(0.3, 2, fraction[2]);
    d->bias_scale = esn_between(0.02, 0.6, fraction[3]);
    r.setting.lambda = esn_between(1e-14, 1e-9, fraction[4]);
    d->links = (int64_t)esn_between(3, 20, fraction[5]);
    for (int k = 0; k < 3; k++) {
      if (try_network(&r, SEARCH_SEED + (uint64_t)k, nrmse)) return 1;
      logs += log10(nrmse[AHEAD - 1]) / 3;
    }
    printf("%.3f  ", logs);
    esn_print_setting(&r.setting);
  }
  return 0;
}

/* One row of the table: ESN_NETWORKS networks.  line: the geometric mean of their NRMSE at each step. */
static int run_row(results *out, const row *r, double line[AHEAD]) {
  double errors[ESN_NETWORKS], nrmse[AHEAD], logs[AHEAD] = {0};
  const double start = bench_now();
  for (int k = 0; k < ESN_NETWORKS; k++) {
    if (try_network(r, REPORT_SEED + (uint64_t)k, nrmse)) return 1;
    errors[k] = nrmse[AHEAD - 1];
    for (int t = 0; t < AHEAD; t++) logs[t] += log(nrmse[t]) / ESN_NETWORKS;
  }
  for (int t = 0; t < AHEAD; t++) line[t] = exp(logs[t]);
  esn_report(out, r->name, &r->setting, errors, r->paper, bench_now() - start);
  return 0;
}

int esn_mackey_glass(const char *folder, int search) {
  static double steps[AHEAD], curve_y[ROWS][AHEAD];
  const double ends[2] = {1, AHEAD}, goal[2] = {2.8e-4, 2.8e-4};
  curve curves[ROWS + 1];
  results r;
  if (search) return search_settings(search);
  if (!results_open(
          &r, folder, "esn-mackey-glass",
          "Mackey-Glass, tau 17, 84 steps free-running, 50 series: Jaeger 2001, Jaeger & Haas 2004"))
    return 1;
  results_array(&r, "rows");
  int failed = 0;
  for (int i = 0; i < ROWS && !failed; i++) {
    failed = run_row(&r, &rows[i], curve_y[i]);
    curves[i] = (curve){.name = rows[i].name, .x = steps, .y = curve_y[i], .count = AHEAD};
  }
  results_end(&r);
  for (int t = 0; t < AHEAD; t++) steps[t] = t + 1;
  curves[ROWS] = (curve){.name = "Jaeger 2001, step 84", .x = ends, .y = goal, .count = 2, .reference = 1};
  const chart c = {.title = "Mackey-Glass, tau 17: free-running echo state networks",
                   .x_label = "steps without the true series",
                   .y_label = "NRMSE",
                   .log_y = 1,
                   .curves = curves,
                   .count = ROWS + 1};
  if (!failed) failed = !results_chart(&r, &c);
  return !results_close(&r) || failed;
}
