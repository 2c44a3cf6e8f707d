/* dropout.c - inverted dropout (Srivastava et al. 2014); p is the probability of *dropping*.
 *
 *   y_i = x_i / (1-p) with probability 1-p, else 0        E y = x, so nothing is scaled at test time
 *
 * Element i draws word i % 4 of Philox block offset + i/4, whatever computes it: every backend drops the same.
 */
#include "ops_cpu.h"

#include "philox.h"

enum { TILE_BLOCKS = 64, TILE = 4 * TILE_BLOCKS };

/* The words of `blocks` blocks from number `block`. */
static void draw(uint64_t seed, uint64_t block, int64_t blocks, uint32_t word[TILE]) {
  for (int64_t b = 0; b < blocks; b++) {
    const sq_philox_block drawn = sq_philox(seed, 0, block + (uint64_t)b);
    for (int k = 0; k < 4; k++) word[4 * b + k] = drawn.word[k];
  }
}

/* Blocks first..last-1 of the tensor. */
static void drop_blocks(const void *arg, int64_t first, int64_t last) {
  const sq_dropout_args *a = arg;
  const double least = ceil(a->p * 4294967296.0); /* kept: words >= p 2^32 */
  const int all = least >= 4294967296.0;          /* dropped: no word is that large, and 1/(1-p) no number */
  const uint32_t threshold = all ? 0 : (uint32_t)least;
  const real scale = all ? 0 : (real)(1 / (1 - a->p));
  for (int64_t block = first; block < last; block += TILE_BLOCKS) {
    uint32_t word[TILE];
    draw(a->seed, a->offset + (uint64_t)block, sq_min(TILE_BLOCKS, last - block), word);
    const real *x = (const real *)a->x + 4 * block;
    real *y = (real *)a->y + 4 * block;
    const int64_t n = sq_min(sq_min(TILE, 4 * (last - block)), a->count - 4 * block);
    real out[TILE];
    for (int64_t i = 0; i < n; i++) out[i] = word[i] >= threshold && !all ? x[i] * scale : 0;
    if (a->accumulate)
      for (int64_t i = 0; i < n; i++) y[i] += out[i];
    else
      for (int64_t i = 0; i < n; i++) y[i] = out[i];
  }
}

int FN(sq_cpu_dropout)(sq_exec *exec, const sq_dropout_args *a) {
  sq_split(exec, (a->count + 3) / 4, 16, drop_blocks, a);
  return 0;
}
