/* philox.h - Philox4x32-10, the library's only source of randomness.
 *
 * J. Salmon, M. Moraes, R. Dror, D. Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
 * Counter-based: block number and seed give four 32-bit words, so CPU and GPU draw the same mask, any element
 * can be drawn alone, and the state of a generator in a checkpoint is one counter.
 */
#ifndef SQ_PHILOX_H
#define SQ_PHILOX_H

#include <math.h>
#include <stdint.h>

#include "core/host_device.h"

typedef struct sq_philox_block {
  uint32_t word[4];
} sq_philox_block;

/* One round: two 32x32 -> 64 bit products; their high halves are mixed with key and counter (figure 4). */
SQ_HOST_DEVICE static inline void sq_philox_round(uint32_t c[4], uint32_t k0, uint32_t k1) {
  const uint64_t p0 = (uint64_t)0xD2511F53u * c[0], p1 = (uint64_t)0xCD9E8D57u * c[2];
  const uint32_t c1 = c[1], c3 = c[3];
  c[0] = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
  c[1] = (uint32_t)p1;
  c[2] = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
  c[3] = (uint32_t)p0;
}

/* The four words of block `counter` (high 64 bits of the counter: `stream`) under `seed`. */
SQ_HOST_DEVICE static inline sq_philox_block sq_philox(uint64_t seed, uint64_t stream, uint64_t counter) {
  sq_philox_block b = {
      {(uint32_t)counter, (uint32_t)(counter >> 32), (uint32_t)stream, (uint32_t)(stream >> 32)}};
  uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
  for (int i = 0; i < 10; i++) {
    sq_philox_round(b.word, k0, k1);
    k0 += 0x9E3779B9u; /* golden ratio */
    k1 += 0xBB67AE85u; /* sqrt(3) - 1 */
  }
  return b;
}

/* A word as a number in (0, 1), never 0 or 1: the centre of one of 2^24 intervals. */
SQ_HOST_DEVICE static inline double sq_philox_uniform(uint32_t word) {
  return ((double)(word >> 8) + 0.5) * (1.0 / 16777216.0);
}

/* A stateful generator over the blocks of one stream, for host code: draws in order 0, 1, 2, ... */
typedef struct sq_rng {
  uint64_t seed, stream, drawn; /* drawn: words used so far */
} sq_rng;

static inline uint32_t sq_rng_u32(sq_rng *rng) {
  const sq_philox_block b = sq_philox(rng->seed, rng->stream, rng->drawn / 4);
  return b.word[rng->drawn++ % 4];
}
static inline double sq_rng_uniform(sq_rng *rng) { return sq_philox_uniform(sq_rng_u32(rng)); }

/* Two independent normal numbers: Box & Muller 1958, sqrt(-2 ln u1) (cos, sin)(2 pi u2). */
static inline void sq_rng_normal_pair(sq_rng *rng, double pair[2]) {
  const double radius = sqrt(-2 * log(sq_rng_uniform(rng)));
  const double angle = 6.283185307179586 * sq_rng_uniform(rng);
  pair[0] = radius * cos(angle);
  pair[1] = radius * sin(angle);
}

/* An unbiased integer in 0..n-1 (n >= 1): a word in the incomplete last multiple of n is drawn again. */
static inline uint32_t sq_rng_below(sq_rng *rng, uint32_t n) {
  const uint32_t limit = UINT32_MAX - (UINT32_MAX % n + 1) % n;
  uint32_t word = sq_rng_u32(rng);
  while (word > limit) word = sq_rng_u32(rng);
  return word % n;
}

#endif
