/* xent.c - log-softmax and cross-entropy with a mask.
 *
 *   m_r    = max_v z[r,v]
 *   s_r    = sum_v exp(z[r,v] - m) - 1                            exp cannot overflow; >= 0
 *   loss_r = (m - z[r,target_r]) + log(1 + s)                     0 where masked
 *   loss   = scale sum_r loss_r / N                            N = unmasked rows if mean (at least 1), else 1
 *   lse_r  = m + log(1 + s)
 *   p[r,v] = e_v / sum_k e_k,  e_v = exp(z[r,v] - lse_r)
 *   dz[r,v] = p[r,v] dloss scale / N;  at the target, minus the sum of the other p in place of p
 *   H t     = p (t - p . t) dloss scale / N: the second derivatives times t
 *
 * So no digit is lost where the logits of a row share an offset, or where the row is sure of its target:
 * loss_r is not lse_r - z, the difference of two large numbers, nor the logarithm of a rounded 1 + s, and dz
 * at the target is not p - 1.  Of lse_r an offset leaves few digits.  All e of the row are wrong by the same
 * factor then, which the division removes.
 *
 * Smoothing e moves e of the wanted probability from the target to all V classes (Szegedy et al.,
 * "Rethinking the Inception architecture", CVPR 2016):
 *   loss_r += e (z[r,target_r] - mean_v z[r,v]),   dz[r,v] += (e [v = target_r] - e / V) dloss scale / N
 *
 * A row is masked if its target is negative, or beyond the last class, since nothing may be read there.  The
 * rows' losses are added in double precision, in the order of r.
 */
#include "core/ops_cpu.h"

#include <string.h>

#include "core/activations.h"
#include "core/loss.h"

static int masked(const sq_xent_args *a, int64_t r) {
  return a->targets[r] < 0 || a->targets[r] >= a->classes;
}

/* A row is walked in groups of LANES classes.  Exponentials are added up lane by lane, BLOCK classes at a
 * time in the build's precision, and these sums in double precision, so that the error does not grow with the
 * classes. */
enum { LANES = 32, BLOCK = 8 * LANES };

/* The group from class i on, with minus infinity, whose exp is 0, beyond the end of the row and at the class
 * `without`. */
SQ_INLINE void copy_group(int64_t n, const real *z, int64_t i, int64_t without, real copy[LANES]) {
  for (int j = 0; j < LANES; j++) copy[j] = i + j < n && i + j != without ? z[i + j] : -(real)INFINITY;
}

SQ_INLINE void raise(const real *z, real lane[LANES]) {
  for (int j = 0; j < LANES; j++) lane[j] = z[j] > lane[j] ? z[j] : lane[j];
}

SQ_INLINE real row_max(int64_t n, const real *z) {
  real lane[LANES], copy[LANES];
  int64_t i = 0;
  for (int j = 0; j < LANES; j++) lane[j] = -(real)INFINITY;
  for (; i + LANES <= n; i += LANES) raise(z + i, lane);
  if (i < n) {
    copy_group(n, z, i, n, copy);
    raise(copy, lane);
  }
  return FN(sq_fold_max)(LANES, lane);
}

/* The first class whose logit is x, n if there is none. */
SQ_INLINE int64_t place_of(int64_t n, const real *z, real x) {
  int64_t v = 0;
  for (int found = 0; v + LANES <= n; v += LANES) {
    for (int j = 0; j < LANES; j++) found |= z[v + j] == x;
    if (found) break;
  }
  while (v < n && z[v] != x) v++;
  return v;
}

/* exp(z - shift) of whole groups, n classes in all, added to the lanes, and to e unless that is NULL; e may
 * be z. */
SQ_INLINE void add_groups(int64_t n, const real *z, real shift, real *e, real *restrict lane) {
  for (int64_t i = 0; i < n; i += LANES) {
    real x[LANES];
    for (int j = 0; j < LANES; j++) x[j] = FN(sq_exp_below)(z[i + j] - shift);
    for (int j = 0; j < LANES; j++) lane[j] += x[j];
    if (e) memcpy(e + i, x, sizeof x);
  }
}

/* Classes begin..end-1 of a row, at most BLOCK; see row_exp. */
SQ_INLINE void add_block(int64_t begin, int64_t end, const real *z, real shift, int64_t without, real *e,
                         double total[LANES]) {
  real lane[LANES] = {0}, copy[LANES];
  for (int64_t i = begin; i < end;) {
    const int64_t whole = ((without >= i && without < end ? without : end) - i) / LANES * LANES;
    if (whole > 0) {
      add_groups(whole, z + i, shift, e ? e + i : NULL, lane);
      i += whole;
      continue;
    }
    copy_group(end, z, i, without, copy);
    add_groups(LANES, copy, shift, copy, lane);
    if (e) memcpy(e + i, copy, (size_t)sq_min(LANES, end - i) * sizeof *e);
    i += LANES;
  }
  for (int j = 0; j < LANES; j++) total[j] += (double)lane[j];
}

/* sum_v exp(z[v] - shift), and these numbers in e unless that is NULL; the class `without` counts as 0. */
SQ_INLINE double row_exp(int64_t n, const real *z, real shift, int64_t without, real *e) {
  double total[LANES] = {0};
  for (int64_t v = 0; v < n; v += BLOCK) add_block(v, sq_min(v + BLOCK, n), z, shift, without, e, total);
  for (int half = LANES / 2; half > 0; half /= 2)
    for (int j = 0; j < half; j++) total[j] += total[half + j];
  return total[0];
}

/* s_r.  The maximum loses a NaN in z; it comes back here, as z - max does where both are infinite. */
SQ_INLINE double row_sum(int64_t n, const real *z, real max) {
  return row_exp(n, z, max, place_of(n, z, max), NULL);
}

/* What smoothing adds to the loss of a row, in differences of logits. */
static double smoothed(const sq_xent_args *a, const real *z, int64_t target) {
  double sum = 0;
  for (int64_t v = 0; v < a->classes; v++) sum += (double)z[target] - (double)z[v];
  return a->smoothing * sum / (double)a->classes;
}

SQ_CLONES static void forward_rows(const void *arg, int64_t first, int64_t last) {
  const sq_xent_args *a = arg;
  real *lse = a->lse, *row_loss = a->row_loss;
  for (int64_t r = first; r < last; r++) {
    const real *z = (const real *)a->logits + r * a->classes;
    const real max = row_max(a->classes, z);
    const double log_sum = log1p(row_sum(a->classes, z, max));
    lse[r] = (real)((double)max + log_sum);
    row_loss[r] = masked(a, r) ? 0 : (real)((double)max - (double)z[a->targets[r]] + log_sum);
    if (a->smoothing > 0 && !masked(a, r))
      row_loss[r] = (real)((double)max - (double)z[a->targets[r]] + log_sum + smoothed(a, z, a->targets[r]));
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

/* dz may be z. */
SQ_INLINE void backward_row(int64_t n, const real *z, real lse, int64_t target, double scale, real *dz) {
  const double own = (double)FN(sq_exp_below)(z[target] - lse), others = row_exp(n, z, lse, target, dz);
  const double factor = scale / (own + others);
  for (int64_t v = 0; v < n; v++) dz[v] *= (real)factor;
  dz[target] = (real)(-others * factor);
}

SQ_INLINE void smooth_row(const sq_xent_args *a, int64_t target, double scale, real *dz) {
  const real share = (real)(a->smoothing / (double)a->classes * scale);
  for (int64_t v = 0; v < a->classes; v++) dz[v] -= share;
  dz[target] += (real)(a->smoothing * scale);
}

SQ_CLONES static void backward_rows(const void *arg, int64_t first, int64_t last) {
  const sq_xent_args *a = arg;
  const double scale = FN(sq_loss_gradient)(a->loss, a->dloss, a->mean, a->scale, 1);
  for (int64_t r = first; r < last; r++) {
    const real *z = (const real *)a->logits + r * a->classes;
    real *dz = (real *)a->dlogits + r * a->classes;
    if (masked(a, r))
      memset(dz, 0, (size_t)a->classes * sizeof *dz);
    else
      backward_row(a->classes, z, ((const real *)a->lse)[r], a->targets[r], scale, dz);
    if (a->smoothing > 0 && !masked(a, r)) smooth_row(a, a->targets[r], scale, dz);
  }
}

int FN(sq_cpu_xent_backward)(sq_exec *exec, const sq_xent_args *a) {
  sq_split(exec, a->rows, 1, a->classes, backward_rows, a);
  return 0;
}

SQ_CLONES static void curvature_rows(const void *arg, int64_t first, int64_t last) {
  const sq_xent_args *a = arg;
  const int64_t V = a->classes;
  const double scale = FN(sq_loss_gradient)(a->loss, a->dloss, a->mean, a->scale, 1);
  for (int64_t r = first; r < last; r++) {
    const real *z = (const real *)a->logits + r * V, *t = (const real *)a->tlogits + r * V;
    real *out = (real *)a->dlogits + r * V; /* e first */
    if (masked(a, r)) {
      memset(out, 0, (size_t)V * sizeof(real));
      continue;
    }
    const double sum = row_exp(V, z, ((const real *)a->lse)[r], V, out);
    const real mean = (real)((double)FN(sq_dot_lanes)(SQ_LANES, V, out, t) / sum),
               factor = (real)(scale / sum);
    for (int64_t v = 0; v < V; v++) out[v] *= (t[v] - mean) * factor;
  }
}

int FN(sq_cpu_xent_curvature)(sq_exec *exec, const sq_xent_args *a) {
  sq_split(exec, a->rows, 1, a->classes, curvature_rows, a);
  return 0;
}
