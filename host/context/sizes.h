/* sizes.h - products of sizes that came from outside, and the strides that they make. */
#ifndef SQ_SIZES_H
#define SQ_SIZES_H

#include <stdint.h>

/* *out = a * b: 1, or 0 if that is negative or more than a tensor may have, 2^46 elements. */
static inline int sq_mul_size(int64_t a, int64_t b, int64_t *out) {
  const int64_t limit = (int64_t)1 << 46;
  if (a < 0 || b < 0 || a > limit || b > limit) return 0;
  if (a != 0 && b > limit / a) return 0;
  *out = a * b;
  return 1;
}

/* The strides of a row-major array, in elements, stride[rank].  An array without elements may have other
 * sizes whose product is more than any array has: its strides, which say nothing, then grow no further. */
static inline void sq_row_major(int rank, const int64_t *shape, int64_t *stride) {
  int64_t next = 1;
  for (int d = rank - 1; d >= 0; d--) {
    stride[d] = next;
    if (shape[d] > 0) sq_mul_size(next, shape[d], &next);
  }
}

#endif
