/* softmax.h - a softmax and what passes through it, of n numbers that lie `stride` apart (core/softmax.c has
 * the equations), for whatever has one inside.
 *
 * Sums go by `lanes` lanes, a power of two up to 64 and a constant at the call, as in dot.h.  One lane is the
 * order of the elements; many make a vector loop of numbers that lie side by side.
 */
#ifndef SQ_SOFTMAX_H
#define SQ_SOFTMAX_H

#include "core/activations.h"
#include "core/dot.h"

/* y = softmax of x; y may be x.  The maximum loses a NaN, and the sum brings it back. */
SQ_INLINE void FN(sq_softmax)(int lanes, int64_t n, int64_t stride, const real *x, real *y) {
  real top[64], lane[64] = {0};
  for (int j = 0; j < lanes; j++) top[j] = -(real)INFINITY;
  for (int64_t i = 0; i < n; i += lanes) {
    const int64_t width = n - i < lanes ? n - i : lanes;
    for (int64_t j = 0; j < width; j++) top[j] = x[(i + j) * stride] > top[j] ? x[(i + j) * stride] : top[j];
  }
  const real max = FN(sq_fold_max)(lanes, top);
  for (int64_t i = 0; i < n; i += lanes) {
    const int64_t width = n - i < lanes ? n - i : lanes;
    for (int64_t j = 0; j < width; j++) {
      const real e = FN(sq_exp_below)(x[(i + j) * stride] - max);
      y[(i + j) * stride] = e;
      lane[j] += e;
    }
  }
  const real sum = FN(sq_fold_sum)(lanes, lane);
  for (int64_t i = 0; i < n; i++) y[i * stride] /= sum;
}

/* out (+)= the softmax's Jacobian at y times d: y (d - y . d).  It is symmetric, so this is the way of a
 * gradient as well as of a tangent.  out may be d. */
SQ_INLINE void FN(sq_softmax_slope)(int lanes, int64_t n, int64_t stride, const real *y, const real *d,
                                    int accumulate, real *out) {
  real lane[64] = {0};
  for (int64_t i = 0; i < n; i += lanes) {
    const int64_t width = n - i < lanes ? n - i : lanes;
    for (int64_t j = 0; j < width; j++) lane[j] += y[(i + j) * stride] * d[(i + j) * stride];
  }
  const real mean = FN(sq_fold_sum)(lanes, lane);
  for (int64_t i = 0; i < n * stride; i += stride) out[i] = (accumulate ? out[i] : 0) + y[i] * (d[i] - mean);
}

#endif
