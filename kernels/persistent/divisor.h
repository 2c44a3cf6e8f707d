/* divisor.h - division by a number that is fixed for a launch: one multiplication in place of some twenty
 * instructions.
 *
 *   n / d = floor(n m / 2^32),  m = floor((2^32 - 1) / d) + 1
 *
 * m d = 2^32 + e with 0 <= e < d, so the product is too large by n e / (d 2^32), which is less than 1 / d, and
 * the quotient exact, as long as n d < 2^32 (Granlund and Montgomery 1994).
 */
#ifndef SQ_PERSISTENT_DIVISOR_H
#define SQ_PERSISTENT_DIVISOR_H

#include "kernels/simt.h"

struct sq_divisor {
  unsigned by, factor; /* d, m; for d = 1, m would be 2^32 */

  __host__ __device__ __forceinline__ int of(int n) const {
    return by == 1 ? n : (int)(((uint64_t)(unsigned)n * factor) >> 32);
  }
};

/* d below 1 stands for 1: nothing will be divided. */
static __host__ __device__ __forceinline__ sq_divisor sq_divisor_by(int d) {
  const unsigned by = d > 1 ? (unsigned)d : 1;
  return {by, by > 1 ? 0xFFFFFFFFu / by + 1 : 0};
}

#endif
