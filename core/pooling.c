/* pooling.c - one vector of a sequence: the mean, the maximum or the last of its steps.
 *
 *   mean  y[b,f] = sum_{t < n_b} x[t,b,f] / n_b
 *   max   y[b,f] = x[t*,b,f], t* the first step with the largest number, or the first NaN
 *   last  y[b,f] = x[n_b - 1,b,f]
 *   at    y[b,f] = x[t*,b,f] for a given t*: how the maximum moves, when x is the tangent
 *
 * n_b = lengths[b] steps count; what follows is not read.  A sequence without a step gives 0, t* = -1.
 * Backward: dx[t,b,f] = dy[b,f] / n_b for t < n_b (mean), dy[b,f] at t = t* or n_b - 1, 0 elsewhere.
 * The steps of a mean are added in double precision, in their order.
 */
#include "core/lengths.h"
#include "core/ops_cpu.h"

/* The step that element i = b * dim + f has come from. */
SQ_INLINE int64_t step_of(const sq_pooling_args *a, int64_t i, int64_t steps) {
  return a->kind == SQ_POOLING_LAST ? steps - 1 : a->at[i];
}

/* Columns 0..n-1 of x, at most SQ_LANES, over the steps. */
SQ_INLINE void mean_of(const real *x, int64_t steps, int64_t stride, int64_t n, real *y) {
  double sum[SQ_LANES] = {0};
  for (int64_t t = 0; t < steps; t++)
    for (int64_t j = 0; j < n; j++) sum[j] += (double)x[t * stride + j];
  for (int64_t j = 0; j < n; j++) y[j] = (real)(sum[j] / (double)(steps > 0 ? steps : 1));
}

SQ_INLINE void largest_of(const real *x, int64_t steps, int64_t stride, int64_t n, int32_t *at) {
  real best[SQ_LANES];
  for (int64_t j = 0; j < n; j++) {
    best[j] = steps > 0 ? x[j] : 0;
    at[j] = steps > 0 ? 0 : -1;
  }
  for (int64_t t = 1; t < steps; t++) {
    const real *next = x + t * stride;
    for (int64_t j = 0; j < n; j++) {
      const int larger = next[j] > best[j] || (isnan(next[j]) && !isnan(best[j]));
      best[j] = larger ? next[j] : best[j];
      at[j] = larger ? (int32_t)t : at[j];
    }
  }
}

SQ_CLONES static void forward_rows(const void *arg, int64_t first, int64_t last) {
  const sq_pooling_args *a = arg;
  const int64_t stride = a->batch * a->dim;
  real *y = a->y;
  for (int64_t b = first; b < last; b++) {
    const int64_t steps = sq_length_within(a->lengths, b, a->seq_len);
    for (int64_t f = 0; f < a->dim; f += SQ_LANES) {
      const int64_t n = sq_min(SQ_LANES, a->dim - f), i = b * a->dim + f;
      const real *x = (const real *)a->x + i;
      if (a->kind == SQ_POOLING_MEAN) mean_of(x, steps, stride, n, y + i);
      if (a->kind == SQ_POOLING_MAX) largest_of(x, steps, stride, n, a->at + i);
      for (int64_t j = 0; j < n && a->kind != SQ_POOLING_MEAN; j++) {
        const int64_t t = step_of(a, i + j, steps);
        y[i + j] = t < 0 ? 0 : x[t * stride + j];
      }
    }
  }
}

int FN(sq_cpu_pooling_forward)(sq_exec *exec, const sq_pooling_args *a) {
  sq_split(exec, a->batch, 1, a->seq_len * a->dim, forward_rows, a);
  return 0;
}

/* Row r = t * batch + b of dx. */
static void backward_rows(const void *arg, int64_t first, int64_t last) {
  const sq_pooling_args *a = arg;
  for (int64_t r = first; r < last; r++) {
    const int64_t t = r / a->batch, b = r % a->batch, steps = sq_length_within(a->lengths, b, a->seq_len);
    const real *dy = (const real *)a->dy + b * a->dim, share = 1 / (real)(steps > 0 ? steps : 1);
    real *dx = (real *)a->dx + r * a->dim;
    for (int64_t f = 0; f < a->dim; f++) {
      const int chosen = a->kind == SQ_POOLING_MEAN ? t < steps : t == step_of(a, b * a->dim + f, steps);
      const real d = chosen ? dy[f] * (a->kind == SQ_POOLING_MEAN ? share : 1) : 0;
      dx[f] = a->accumulate ? dx[f] + d : d;
    }
  }
}

int FN(sq_cpu_pooling_backward)(sq_exec *exec, const sq_pooling_args *a) {
  sq_split(exec, a->seq_len * a->batch, 1, a->dim, backward_rows, a);
  return 0;
}
