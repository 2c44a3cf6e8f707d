/* bce.c - binary cross-entropy of logits, element by element, masked by lengths.
 *
 *   loss_r = sum_d -(y log s(z) + (1-y) log s(-z)),  s(z) = 1 / (1 + exp(-z)),  z = logits[r,d], y its target
 *          = sum_d (z > 0 ? z (1-y) : -z y) + log(1 + e),  e = exp(-|z|) <= 1           0 where masked
 *   loss   = scale sum_r loss_r / N            N = unmasked rows if mean (at least 1), else 1
 *   dz     = ((1-y) s(z) - y s(-z)) dloss scale / N
 *   H t    = s(z) s(-z) t dloss scale / N: the second derivatives, which are a diagonal, times t
 *
 * No exponential overflows, and all terms of the loss have one sign, so that it keeps its digits where a
 * row is sure of its targets.  The logarithms are added by multiplying: 1 + q = (1 + e_1) (1 + e_2) ..., by
 * q += e + q e, which loses no small e; one log(1 + q) does for up to BLOCK elements, since 2^BLOCK is a
 * number.
 */
#include "core/ops_cpu.h"

#include "core/activations.h"
#include "core/loss.h"

enum { LANES = 32, BLOCK = 512 };

static int masked(const sq_bce_args *a, int64_t r) { return sq_past_length(a->lengths, a->batch, r); }

/* LANES elements: the terms without a logarithm to sum, the factors to q. */
SQ_INLINE void add_lanes(const real *z, const real *y, double sum[LANES], double q[LANES]) {
  real e[LANES];
  for (int j = 0; j < LANES; j++) e[j] = FN(sq_exp_below)(z[j] < 0 ? z[j] : -z[j]);
  for (int j = 0; j < LANES; j++) {
    sum[j] += (double)(z[j] > 0 ? z[j] * (1 - y[j]) : -z[j] * y[j]);
    q[j] += (double)e[j] + q[j] * (double)e[j];
  }
}

/* The loss of up to BLOCK elements.  An element beyond the end is sure of its target: it adds nothing. */
SQ_INLINE double block_loss(int64_t n, const real *z, const real *y) {
  double sum[LANES] = {0}, q[LANES] = {0};
  int64_t i = 0;
  for (; i + LANES <= n; i += LANES) add_lanes(z + i, y + i, sum, q);
  if (i < n) {
    real z_rest[LANES], y_rest[LANES];
    for (int j = 0; j < LANES; j++) {
      z_rest[j] = i + j < n ? z[i + j] : RC(-1e4);
      y_rest[j] = i + j < n ? y[i + j] : 0;
    }
    add_lanes(z_rest, y_rest, sum, q);
  }
  for (int half = LANES / 2; half > 0; half /= 2) {
    for (int j = 0; j < half; j++) {
      sum[j] += sum[half + j];
      q[j] += q[half + j] + q[j] * q[half + j];
    }
  }
  return sum[0] + log1p(q[0]);
}

SQ_CLONES static void forward_rows(const void *arg, int64_t first, int64_t last) {
  const sq_bce_args *a = arg;
  for (int64_t r = first; r < last; r++) {
    const real *z = (const real *)a->logits + r * a->dim, *y = (const real *)a->targets + r * a->dim;
    double sum = 0;
    for (int64_t d = 0; d < a->dim && !masked(a, r); d += BLOCK)
      sum += block_loss(sq_min(BLOCK, a->dim - d), z + d, y + d);
    ((real *)a->row_loss)[r] = (real)sum;
  }
}

int FN(sq_cpu_bce_forward)(sq_exec *exec, const sq_bce_args *a) {
  sq_split(exec, a->rows, 1, a->dim, forward_rows, a);
  double sum = 0, count = 0;
  for (int64_t r = 0; r < a->rows; r++) {
    sum += (double)((const real *)a->row_loss)[r];
    count += masked(a, r) ? 0 : 1;
  }
  FN(sq_loss_store)(sum, count, a->mean, a->scale, 1, a->loss);
  return 0;
}

/* Row by row of dlogits, 0 where masked: the gradient, or the curvature's product with tlogits. */
SQ_INLINE void derivative_rows(const sq_bce_args *a, int64_t first, int64_t last, int second) {
  const real scale = (real)FN(sq_loss_gradient)(a->loss, a->dloss, a->mean, a->scale, 1);
  for (int64_t r = first; r < last; r++) {
    const real *z = (const real *)a->logits + r * a->dim;
    const real *other = (const real *)(second ? a->tlogits : a->targets) + r * a->dim;
    real *out = (real *)a->dlogits + r * a->dim;
    const int hidden = masked(a, r);
    for (int64_t d = 0; d < a->dim && hidden; d++) out[d] = 0;
    for (int64_t d = 0; d < a->dim && !hidden; d++) {
      const real e = FN(sq_exp_below)(z[d] < 0 ? z[d] : -z[d]), larger = 1 / (1 + e), smaller = e * larger;
      const real on = z[d] < 0 ? smaller : larger, off = z[d] < 0 ? larger : smaller;
      out[d] = (second ? on * off * other[d] : (1 - other[d]) * on - other[d] * off) * scale;
    }
  }
}

SQ_CLONES static void backward_rows(const void *arg, int64_t first, int64_t last) {
  derivative_rows(arg, first, last, 0);
}

int FN(sq_cpu_bce_backward)(sq_exec *exec, const sq_bce_args *a) {
  sq_split(exec, a->rows, 1, a->dim, backward_rows, a);
  return 0;
}

SQ_CLONES static void curvature_rows(const void *arg, int64_t first, int64_t last) {
  derivative_rows(arg, first, last, 1);
}

int FN(sq_cpu_bce_curvature)(sq_exec *exec, const sq_bce_args *a) {
  sq_split(exec, a->rows, 1, a->dim, curvature_rows, a);
  return 0;
}
