/* dropout.c - inverted dropout (Srivastava et al. 2014); p is the probability of *dropping*.
 *
 *   y_i = x_i / (1-p) with probability 1-p, else 0        E y = x, so nothing is scaled at test time
 *
 * Number g draws word g % 4 of Philox block offset + g/4, so every backend drops the same elements; that of
 * an element is its place, in x or in the larger tensor that x is a part of.
 */
#include "core/ops_cpu.h"

#include "core/philox.h"

enum { TILE_BLOCKS = 64, TILE = 4 * TILE_BLOCKS };

/* The words of TILE_BLOCKS blocks from number `block`. */
SQ_INLINE void draw(uint64_t seed, uint64_t block, uint32_t word[TILE]) {
  for (uint64_t b = 0; b < TILE_BLOCKS; b++) {
    const sq_philox_block drawn = sq_philox(seed, 0, block + b);
    for (int k = 0; k < 4; k++) word[4 * b + (uint64_t)k] = drawn.word[k];
  }
}

/* The words of n elements, of which `at` is the first, of a part: row after row. */
static void draw_part(const sq_dropout_args *a, int64_t at, int64_t n, uint32_t word[TILE]) {
  sq_philox_block drawn = {{0}};
  for (int64_t i = 0; i < n;) {
    const int64_t column = (at + i) % a->row, end = sq_min(n, i + a->row - column);
    uint64_t number = (uint64_t)((at + i) / a->row * a->pitch + a->first + column);
    for (int begins = 1; i < end; i++, number++, begins = 0) {
      if (begins || number % 4 == 0) drawn = sq_philox(a->seed, 0, a->offset + number / 4);
      word[i] = drawn.word[number % 4];
    }
  }
}

/* Elements first..last-1, at most TILE; first is a multiple of it. */
SQ_CLONES static void drop_tile(const void *arg, int64_t first, int64_t last) {
  const sq_dropout_args *a = arg;
  const double least = ceil(a->p * 4294967296.0); /* kept: words >= p 2^32 */
  const int all = least >= 4294967296.0;          /* dropped: no word is that large, and 1/(1-p) no number */
  const uint32_t threshold = all ? 0 : (uint32_t)least;
  const real scale = all ? 0 : (real)(1 / (1 - a->p));
  const real *x = (const real *)a->x + first;
  real *y = (real *)a->y + first;
  const int64_t n = last - first;
  uint32_t word[TILE];
  real out[TILE];
  if (a->row > 0)
    draw_part(a, first, n, word);
  else
    draw(a->seed, a->offset + (uint64_t)first / 4, word);
  for (int64_t i = 0; i < n; i++) out[i] = word[i] >= threshold && !all ? x[i] * scale : 0;
  if (a->accumulate)
    for (int64_t i = 0; i < n; i++) y[i] += out[i];
  else
    for (int64_t i = 0; i < n; i++) y[i] = out[i];
}

int FN(sq_cpu_dropout)(sq_exec *exec, const sq_dropout_args *a) {
  sq_split(exec, a->count, TILE, 4, drop_tile, a);
  return 0;
}
