/* dot.h - sums whose order is laid down.
 *
 * A sum in one variable does not vectorise without -ffast-math, because that would change the order of
 * additions.  So the order is part of each function: elements go to a fixed number of lanes, and the lanes
 * are added in a fixed tree.
 * Rounding errors grow with n / lanes instead of n.
 *
 * There are four inner products, and none can stand in for another without changing results:
 *   sq_dot         double; 8 lanes, added in neighbouring pairs; the elements left over go to lane 0
 *   sq_dot_lanes   element i goes to lane i % lanes; the lanes are folded in halves
 *   householder.c  16 lanes, folded in halves; the elements left over have a sum of their own, added last
 *   unitary.c      complex, both parts in one pass, each as in sq_dot_lanes
 */
#ifndef SQ_DOT_H
#define SQ_DOT_H

#include "core/real.h"

/* The sum of the lanes, folded in halves: lane j += lane j + lanes/2, and so on.  `lanes` is a power of two,
 * a constant at the call. */
SQ_INLINE real FN(sq_fold_sum)(int lanes, real *lane) {
  for (int half = lanes / 2; half > 0; half /= 2)
    for (int j = 0; j < half; j++) lane[j] += lane[half + j];
  return lane[0];
}

/* The sum of x by `lanes` lanes, as sq_dot_lanes. */
SQ_INLINE real FN(sq_sum_lanes)(int lanes, int64_t n, const real *x) {
  real lane[64] = {0};
  for (int64_t i = 0; i < n; i += lanes) {
    const int64_t width = n - i < lanes ? n - i : lanes;
    for (int64_t j = 0; j < width; j++) lane[j] += x[i + j];
  }
  return FN(sq_fold_sum)(lanes, lane);
}

SQ_INLINE real FN(sq_fold_max)(int lanes, real *lane) {
  for (int half = lanes / 2; half > 0; half /= 2)
    for (int j = 0; j < half; j++) lane[j] = lane[half + j] > lane[j] ? lane[half + j] : lane[j];
  return lane[0];
}

/* x . y by `lanes` lanes, a constant at the call, at most 64. */
SQ_INLINE real FN(sq_dot_lanes)(int lanes, int64_t n, const real *x, const real *y) {
  real lane[64] = {0};
  for (int64_t i = 0; i < n; i += lanes) {
    const int64_t width = n - i < lanes ? n - i : lanes;
    for (int64_t j = 0; j < width; j++) lane[j] += x[i + j] * y[i + j];
  }
  return FN(sq_fold_sum)(lanes, lane);
}

/* x . y in double precision, whatever the precision of the build. */
SQ_INLINE double sq_dot(int64_t n, const double *x, const double *y) {
  double lane[8] = {0};
  int64_t i = 0;
  for (; i + 8 <= n; i += 8)
    for (int j = 0; j < 8; j++) lane[j] += x[i + j] * y[i + j];
  for (; i < n; i++) lane[0] += x[i] * y[i];
  return ((lane[0] + lane[4]) + (lane[1] + lane[5])) + ((lane[2] + lane[6]) + (lane[3] + lane[7]));
}

#endif
