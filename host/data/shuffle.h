/* shuffle.h - a permutation of 0..n-1 that follows from a seed and the number of a stream alone. */
#ifndef SHUFFLE_H
#define SHUFFLE_H

#include <stdint.h>

/* Fisher and Yates, by the library's Philox.  out [n]. */
void shuffle(int32_t *out, int64_t n, uint64_t seed, uint64_t stream);

#endif
