/* xent.c - log-softmax and cross-entropy with a mask.
 *
 *   lse_r  = m + log sum_v exp(z[r,v] - m),  m = max_v z[r,v]     (exp cannot overflow)
 *   loss_r = lse_r - z[r,target_r]                                0 where masked
 *   loss   = scale sum_r loss_r / N                            N = unmasked rows if mean (at least 1), else 1
 *   dz[r,v] = (exp(z[r,v] - lse_r) - [v = target_r]) dloss scale / N
 *   H t     = p (t - p . t) dloss scale / N,  p = exp(z - lse_r): the second derivatives times t
 *
 * A row is masked if its target is negative, or beyond the last class, since nothing may be read there.  The
 * rows' losses are added in double precision, in the order of r.
 */
#include "core/ops_cpu.h"

#include "core/activations.h"
#include "core/loss.h"

static int masked(const sq_xent_args *a, int64_t r) {
  return a->targets[r] < 0 || a->targets[r] >= a->classes;
}

SQ_INLINE real row_max(int64_t n, const real *z) {
  real lane[SQ_LANES];
  for (int j = 0; j < SQ_LANES; j++) lane[j] = -(real)INFINITY;
  for (int64_t i = 0; i < n; i += SQ_LANES) {
    const int64_t width = sq_min(SQ_LANES, n - i);
    for (int64_t j = 0; j < width; j++) lane[j] = z[i + j] > lane[j] ? z[i + j] : lane[j];
  }
  return FN(sq_fold_max)(SQ_LANES, lane);
}

/* The maximum loses a NaN in z; it comes back here. */
SQ_INLINE real row_sum_exp(int64_t n, const real *z, real max) {
  real lane[SQ_LANES] = {0};
  for (int64_t i = 0; i < n; i += SQ_LANES) {
    const int64_t width = sq_min(SQ_LANES, n - i);
    for (int64_t j = 0; j < width; j++) lane[j] += FN(sq_exp)(z[i + j] - max);
  }
  return FN(sq_fold_sum)(SQ_LANES, lane);
}

SQ_CLONES static void forward_rows(const void *arg, int64_t first, int64_t last) {
  const sq_xent_args *a = arg;
  real *lse = a->lse, *row_loss = a->row_loss;
  for (int64_t r = first; r < last; r++) {
    const real *z = (const real *)a->logits + r * a->classes;
    const real max = row_max(a->classes, z);
    lse[r] = max + (real)log((double)row_sum_exp(a->classes, z, max));
    row_loss[r] = masked(a, r) ? 0 : lse[r] - z[a->targets[r]];
  }
}

int FN(sq_cpu_xent_forward)(sq_exec *exec, const sq_xent_args *a) {
  sq_split(exec, a->rows, 1, a->classes, forward_rows, a);
  const real *row_loss = a->row_loss;
  double sum = 0, count = 0;
  for (int64_t r = 0; r < a->rows; r++) {
    sum += (double)row_loss[r];
    count += masked(a, r) ? 0 : 1;
  }
  FN(sq_loss_store)(sum, count, a->mean, a->scale, 1, a->loss);
  return 0;
}

SQ_CLONES static void backward_rows(const void *arg, int64_t first, int64_t last) {
  const sq_xent_args *a = arg;
  const real scale = (real)FN(sq_loss_gradient)(a->loss, a->dloss, a->mean, a->scale, 1);
  for (int64_t r = first; r < last; r++) {
    const real *z = (const real *)a->logits + r * a->classes;
    real *dz = (real *)a->dlogits + r * a->classes;
    if (masked(a, r)) {
      for (int64_t v = 0; v < a->classes; v++) dz[v] = 0;
      continue;
    }
    const real lse = ((const real *)a->lse)[r];
    for (int64_t v = 0; v < a->classes; v++) dz[v] = FN(sq_exp)(z[v] - lse) * scale;
    dz[a->targets[r]] -= scale;
  }
}

int FN(sq_cpu_xent_backward)(sq_exec *exec, const sq_xent_args *a) {
  sq_split(exec, a->rows, 1, a->classes, backward_rows, a);
  return 0;
}

SQ_CLONES static void curvature_rows(const void *arg, int64_t first, int64_t last) {
  const sq_xent_args *a = arg;
  const int64_t V = a->classes;
  const real scale = (real)FN(sq_loss_gradient)(a->loss, a->dloss, a->mean, a->scale, 1);
  for (int64_t r = first; r < last; r++) {
    const real *z = (const real *)a->logits + r * V, *t = (const real *)a->tlogits + r * V;
    real *out = (real *)a->dlogits + r * V; /* p first */
    if (masked(a, r)) {
      memset(out, 0, (size_t)V * sizeof(real));
      continue;
    }
    const real lse = ((const real *)a->lse)[r];
    for (int64_t v = 0; v < V; v++) out[v] = FN(sq_exp)(z[v] - lse);
    const real mean = FN(sq_dot_lanes)(SQ_LANES, V, out, t);
    for (int64_t v = 0; v < V; v++) out[v] *= (t[v] - mean) * scale;
  }
}

int FN(sq_cpu_xent_curvature)(sq_exec *exec, const sq_xent_args *a) {
  sq_split(exec, a->rows, 1, a->classes, curvature_rows, a);
  return 0;
}
