/* stream_lanes.h - vectors of floats for the kernels of streams, and their sums, in the instruction set of the
 * file that includes it (lanes.h).
 *
 *   VEC = 16 floats (avx512), 8 (avx2), 4 (baseline: SSE2, NEON, or plain C)
 *
 * The lanes of four sums are added at once: a 4 x 4 transposition by shuffles inside each 128 bits, and halves
 * folded onto one another until four lanes are left, one for each sum.
 */
#ifndef SQ_STREAM_LANES_H
#define SQ_STREAM_LANES_H

#include "core/lanes.h"
#include "core/real.h"

enum { VEC = VEC_BYTES / 4, QUAD = 4 };

typedef float vec __attribute__((vector_size(VEC_BYTES), may_alias));
typedef float vec_unaligned __attribute__((vector_size(VEC_BYTES), aligned(4), may_alias));
typedef float quad __attribute__((vector_size(QUAD * 4), aligned(4), may_alias));

#ifdef HAVE_SHUFFLE
/* Of each 128 bits the elements 0 2 (1 3) of a, then those of b. */
#if defined(__AVX512F__)
#define EVEN(a, b) __builtin_shufflevector(a, b, 0, 2, 16, 18, 4, 6, 20, 22, 8, 10, 24, 26, 12, 14, 28, 30)
#define ODD(a, b)  __builtin_shufflevector(a, b, 1, 3, 17, 19, 5, 7, 21, 23, 9, 11, 25, 27, 13, 15, 29, 31)
#elif defined(__AVX2__)
#define EVEN(a, b) __builtin_shufflevector(a, b, 0, 2, 8, 10, 4, 6, 12, 14)
#define ODD(a, b)  __builtin_shufflevector(a, b, 1, 3, 9, 11, 5, 7, 13, 15)
#else
#define EVEN(a, b) __builtin_shufflevector(a, b, 0, 2, 4, 6)
#define ODD(a, b)  __builtin_shufflevector(a, b, 1, 3, 5, 7)
#endif

/* Neighbouring lanes added: of each 128 bits those of a, then those of b. */
SQ_INLINE vec add_pairs(vec a, vec b) { return EVEN(a, b) + ODD(a, b); }
#else
SQ_INLINE vec add_pairs(vec a, vec b) {
  vec c = {0};
  for (int i = 0; i < VEC; i += QUAD) {
    c[i] = a[i] + a[i + 1];
    c[i + 1] = a[i + 2] + a[i + 3];
    c[i + 2] = b[i] + b[i + 1];
    c[i + 3] = b[i + 2] + b[i + 3];
  }
  return c;
}
#endif

/* The upper lanes onto the lower ones, until four are left. */
SQ_INLINE quad fold(vec a) {
#if defined(HAVE_SHUFFLE) && defined(__AVX512F__)
  const __typeof__(__builtin_shufflevector(a, a, 0, 1, 2, 3, 4, 5, 6, 7)) half =
      __builtin_shufflevector(a, a, 0, 1, 2, 3, 4, 5, 6, 7) +
      __builtin_shufflevector(a, a, 8, 9, 10, 11, 12, 13, 14, 15);
  return __builtin_shufflevector(half, half, 0, 1, 2, 3) + __builtin_shufflevector(half, half, 4, 5, 6, 7);
#elif defined(HAVE_SHUFFLE) && defined(__AVX2__)
  return __builtin_shufflevector(a, a, 0, 1, 2, 3) + __builtin_shufflevector(a, a, 4, 5, 6, 7);
#else
  for (int half = VEC / 2; half >= QUAD; half /= 2)
    for (int j = 0; j < half; j++) a[j] += a[half + j];
  return (quad){a[0], a[1], a[2], a[3]};
#endif
}

/* The lanes of four sums, each added up. */
SQ_INLINE quad add_lanes(vec a, vec b, vec c, vec d) {
  return fold(add_pairs(add_pairs(a, b), add_pairs(c, d)));
}

SQ_INLINE vec load(const float *at) { return *(const vec_unaligned *)at; }

#endif
