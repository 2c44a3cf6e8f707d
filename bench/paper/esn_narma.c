/* esn_narma.c - NARMA of order 10: an output that depends on the last ten inputs and on itself, without
 * feedback.
 *
 * Atiya and Parlos 2000; for echo state networks H. Jaeger, NIPS 15, 2003, and A. Rodan and P. Tino 2011.
 * The network reads u_t and must predict y_{t+1}.  NRMSE = sqrt(mean (y - d)^2 / variance of d) over a
 * separate test series.
 */
#include "bench/paper/esn_narma.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench/common/measure.h"
#include "bench/paper/esn.h"
#include "host/cli/series.h"

enum { TRAIN = 3000, TEST = 3000, WASHOUT = 200, ROWS = 3 };
enum { REPORT_SEED = 1, SEARCH_SEED = 500001 };

/* The error to beat: what the project set itself as a goal. */
static const double goal = 0.2;

#define COMMON .input_size = 1, .output_size = 1, .leak = 1, .links = 10, .squares = 1

static const esn_setting settings[ROWS] = {
    {{COMMON, .hidden_size = 100, .spectral_radius = 0.95, .input_scale = 0.03, .bias_scale = 0.5},
     1e-11,
     TRAIN,
     WASHOUT},
    {{COMMON, .hidden_size = 200, .spectral_radius = 0.95, .input_scale = 0.03, .bias_scale = 0.5},
     1e-11,
     TRAIN,
     WASHOUT},
    {{COMMON, .hidden_size = 400, .spectral_radius = 0.95, .input_scale = 0.03, .bias_scale = 0.5},
     1e-11,
     TRAIN,
     WASHOUT},
};

static double nrmse_of(const double *y, const double *d, int count) {
  double mean = 0, variance = 0, error = 0;
  for (int t = 0; t < count; t++) mean += d[t] / count;
  for (int t = 0; t < count; t++)
    variance += (d[t] - mean) * (d[t] - mean), error += (y[t] - d[t]) * (y[t] - d[t]);
  return sqrt(error / variance);
}

/* Trains the network of a seed on one series and measures its error on another. */
static int try_network(const esn_setting *setting, uint64_t seed, double *nrmse) {
  static double u[TRAIN > TEST ? TRAIN : TEST], d[TRAIN > TEST ? TRAIN : TEST], y[TEST];
  esn_net net;
  series_narma10(TRAIN, 2 * seed, u, d);
  int failed = esn_open(&net, setting, seed, u, d);
  series_narma10(TEST, 2 * seed + 1, u, d);
  if (!failed && (seqgpu_esn_reset(net.esn, 1) || seqgpu_esn_run(net.esn, TEST, u, NULL, y)))
    failed = esn_failed(&net);
  if (!failed) *nrmse = nrmse_of(y + WASHOUT, d + WASHOUT, TEST - WASHOUT);
  esn_close(&net);
  return failed;
}

/* Random settings around the middle row's. */
static int search_settings(int count) {
  for (int i = 0; i < count; i++) {
    esn_setting s = settings[1];
    double fraction[5], nrmse, logs = 0;
    for (int k = 0; k < 5; k++) fraction[k] = seqgpu_uniform(SEARCH_SEED, 7, (uint64_t)(5 * i + k));
    s.desc.spectral_radius = esn_between(0.6, 1.1, fraction[0]);
    s.desc.input_scale = esn_between(0.02, 1, fraction[1]);
    s.desc.bias_scale = esn_between(0.02, 1, fraction[2]);
    s.lambda = esn_between(1e-14, 1e-4, fraction[3]);
    s.desc.links = (int64_t)esn_between(2, 20, fraction[4]);
    for (int k = 0; k < 3; k++) {
      if (try_network(&s, SEARCH_SEED + (uint64_t)k, &nrmse)) return 1;
      logs += log10(nrmse) / 3;
    }
    printf("%.3f  ", logs);
    esn_print_setting(&s);
  }
  return 0;
}

int esn_narma10(const char *folder, int search) {
  double units[ROWS], medians[ROWS], goals[ROWS], errors[ESN_NETWORKS];
  results r;
  if (search) return search_settings(search);
  if (!results_open(&r, folder, "esn-narma10", "NARMA of order 10, test series of 3,000 steps")) return 1;
  results_array(&r, "rows");
  int failed = 0;
  for (int i = 0; i < ROWS && !failed; i++) {
    char name[40];
    const double start = bench_now();
    units[i] = (double)settings[i].desc.hidden_size;
    goals[i] = goal;
    for (int k = 0; k < ESN_NETWORKS && !failed; k++)
      failed = try_network(&settings[i], REPORT_SEED + (uint64_t)k, &errors[k]);
    snprintf(name, sizeof name, "%g units", units[i]);
    if (!failed) medians[i] = esn_report(&r, name, &settings[i], errors, goal, bench_now() - start);
  }
  results_end(&r);
  const curve curves[] = {{.name = "median of 5 networks", .x = units, .y = medians, .count = ROWS},
                          {.name = "goal", .x = units, .y = goals, .count = ROWS, .reference = 1}};
  const chart c = {.title = "NARMA10: error on a test series",
                   .x_label = "units of the reservoir",
                   .y_label = "NRMSE",
                   .curves = curves,
                   .count = 2};
  if (!failed) failed = !results_chart(&r, &c);
  return !results_close(&r) || failed;
}
