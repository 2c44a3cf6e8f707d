/* series.c - generated time series (series.h). */
#include "host/cli/series.h"

#include "seqgpu/seqgpu.h"
#include <math.h>
#include <stdlib.h>

/* ---------------------------------------------------------------- Mackey-Glass */

enum { STEPS = SERIES_STEPS, TRANSIENT = 1000 /* time units */ };

static double slope(double x, double delayed) { return 0.2 * delayed / (1 + pow(delayed, 10)) - 0.1 * x; }

/* One step from x, given the delayed values at the beginning, middle and end of the step. */
static double runge_kutta(double x, double begin, double middle, double end) {
  const double h = 1.0 / STEPS;
  const double k1 = slope(x, begin), k2 = slope(x + h / 2 * k1, middle);
  const double k3 = slope(x + h / 2 * k2, middle), k4 = slope(x + h * k3, end);
  return x + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4);
}

int series_mackey_glass(int64_t n, double tau, uint64_t seed, double *x) {
  const int64_t delay = tau < 1 ? STEPS : (int64_t)(tau * STEPS + 0.5), count = (TRANSIENT + n) * STEPS;
  double *all = calloc((size_t)(delay + 2 + count), sizeof *all); /* all[delay+1+k]: after k steps */
  if (all == NULL) return -1;
  const double before = 1.1 + 0.2 * seqgpu_uniform(seed, 0, 0);
  for (int64_t i = 0; i < delay + 2; i++) all[i] = before;
  for (int64_t i = delay + 1; i < delay + 1 + count; i++) {
    const double *d = all + i - delay; /* the middle by the cubic through four points */
    const double middle = (9 * (d[0] + d[1]) - d[-1] - d[2]) / 16;
    all[i + 1] = runge_kutta(all[i], d[0], middle, d[1]);
  }
  for (int64_t t = 0; t < n; t++) x[t] = all[delay + 1 + (TRANSIENT + t) * STEPS];
  free(all);
  return 0;
}

/* ---------------------------------------------------------------- NARMA10 */

enum { ORDER = 10, BACK = 3 * ORDER };

/* y[t] from what precedes it; values before the beginning are 0. */
static double narma_next(int64_t t, const double *u, const double *y) {
  if (t == 0) return 0.1;
  double sum = 0;
  for (int64_t i = 1; i <= ORDER && i <= t; i++) sum += y[t - i];
  const double product = t >= ORDER - 1 ? u[t - ORDER + 1] * u[t] : 0;
  return 0.3 * y[t - 1] + 0.05 * y[t - 1] * sum + 1.5 * product + 0.1;
}

void series_narma10(int64_t n, uint64_t seed, double *u, double *y) {
  uint64_t drawn = 0;
  for (int64_t t = 0; t < n;) {
    u[t] = 0.5 * seqgpu_uniform(seed, 1, drawn++);
    y[t] = narma_next(t, u, y);
    if (y[t] <= 1)
      t++;
    else /* beyond 1 it soon diverges */
      t = t > BACK ? t - BACK : 0;
  }
}
