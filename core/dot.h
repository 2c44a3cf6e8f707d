/* dot.h - the inner product, in double precision: eight partial sums, so that the loop vectorises in an order laid down here.
 */
#ifndef SQ_DOT_H
#define SQ_DOT_H

#include "core/real.h"

SQ_INLINE double sq_dot(int64_t n, const double *x, const double *y) {
  double lane[8] = {0};
  int64_t i = 0;
  for (; i + 8 <= n; i += 8)
    for (int j = 0; j < 8; j++) lane[j] += x[i + j] * y[i + j];
  for (; i < n; i++) lane[0] += x[i] * y[i];
  return ((lane[0] + lane[4]) + (lane[1] + lane[5])) + ((lane[2] + lane[6]) + (lane[3] + lane[7]));
}

#endif
