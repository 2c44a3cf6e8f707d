/* dropout.cu - inverted dropout: y = x / (1-p) with probability 1-p, else 0.
 *
 * Number g draws word g % 4 of Philox block offset + g/4 (core/philox.h), so every backend drops the same
 * elements; that of an element is its place, in x or in the larger tensor that x is a part of.
 * Launch: one thread per Philox block, which is four elements, fewer at either end of a part's rows; blocks
 * of 256 threads, grid-stride.  No shared memory.
 * 8 bytes per element (12 accumulating) and 25 integer operations: limited by memory.
 */
#include "kernels/ops.h"
#include "kernels/simt.h"

#include "core/philox.h"

namespace {

enum { DROPOUT_THREADS = 256 };

struct dropout_rule {
  uint64_t seed, offset, threshold; /* kept: words >= threshold, which is p 2^32 rounded up */
  float scale;
};

/* The last block may be cut short: n elements. */
__device__ __forceinline__ void drop_some(const sq_philox_block &drawn, const dropout_rule &rule, int n,
                                          const float *x, float *y, int accumulate) {
  for (int k = 0; k < n; k++) {
    const float kept = drawn.word[k] >= rule.threshold ? x[k] * rule.scale : 0.0f;
    y[k] = kept + (accumulate ? y[k] : 0.0f);
  }
}

__device__ __forceinline__ void drop_four(const sq_philox_block &drawn, const dropout_rule &rule,
                                          const float *x, float *y, int accumulate) {
  const float4 v = *reinterpret_cast<const float4 *>(x);
  float4 r = accumulate ? *reinterpret_cast<const float4 *>(y) : make_float4(0.0f, 0.0f, 0.0f, 0.0f);
  r.x += drawn.word[0] >= rule.threshold ? v.x * rule.scale : 0.0f;
  r.y += drawn.word[1] >= rule.threshold ? v.y * rule.scale : 0.0f;
  r.z += drawn.word[2] >= rule.threshold ? v.z * rule.scale : 0.0f;
  r.w += drawn.word[3] >= rule.threshold ? v.w * rule.scale : 0.0f;
  *reinterpret_cast<float4 *>(y) = r;
}

__global__ void __launch_bounds__(DROPOUT_THREADS)
    dropout_kernel(int64_t count, dropout_rule rule, const float *x, float *y, bool wide, int accumulate) {
  SQ_FOR_EACH(block, (count + 3) / 4) {
    const sq_philox_block drawn = sq_philox(rule.seed, 0, rule.offset + (uint64_t)block);
    const int64_t left = count - 4 * block;
    if (wide && left >= 4)
      drop_four(drawn, rule, x + 4 * block, y + 4 * block, accumulate);
    else
      drop_some(drawn, rule, left < 4 ? (int)left : 4, x + 4 * block, y + 4 * block, accumulate);
  }
}

/* Rows of a part (core/ops.h).  A row of `row` elements touches at most row/4 + 2 blocks. */
__global__ void __launch_bounds__(DROPOUT_THREADS)
    dropout_part_kernel(int64_t rows, int64_t row, int64_t pitch, int64_t first, dropout_rule rule,
                        const float *x, float *y, int accumulate) {
  const int64_t most = row / 4 + 2;
  SQ_FOR_EACH(i, rows * most) {
    const int64_t r = i / most, begin = r * pitch + first; /* the number of the row's first element */
    const int64_t block = begin / 4 + i % most;
    const int64_t from = 4 * block > begin ? 4 * block : begin;
    const int64_t to = 4 * block + 4 < begin + row ? 4 * block + 4 : begin + row;
    if (from >= to) continue;
    const sq_philox_block drawn = sq_philox(rule.seed, 0, rule.offset + (uint64_t)block);
    for (int64_t g = from; g < to; g++) {
      const int64_t at = r * row + g - begin;
      const float kept = drawn.word[g - 4 * block] >= rule.threshold ? x[at] * rule.scale : 0.0f;
      y[at] = kept + (accumulate ? y[at] : 0.0f);
    }
  }
}

} // namespace

extern "C" int SQ_GPU(dropout)(sq_exec *exec, const sq_dropout_args *a) {
  dropout_rule rule = {a->seed, a->offset, 0, 0.0f};
  rule.threshold = (uint64_t)ceil(a->p * 4294967296.0);
  rule.scale = a->p < 1.0 ? (float)(1.0 / (1.0 - a->p)) : 0.0f; /* at p = 1 nothing is kept */
  if (a->row > 0) {
    const int64_t rows = a->count / a->row;
    return SQ_LAUNCH(exec, dropout_part_kernel, sq_blocks(rows * (a->row / 4 + 2), DROPOUT_THREADS),
                     DROPOUT_THREADS, 0, rows, a->row, a->pitch, a->first, rule,
                     static_cast<const float *>(a->x), static_cast<float *>(a->y), a->accumulate);
  }
  const bool wide = sq_aligned16(a->x) && sq_aligned16(a->y);
  return SQ_LAUNCH(exec, dropout_kernel, sq_blocks(sq_ceil_div(a->count, 4), DROPOUT_THREADS),
                   DROPOUT_THREADS, 0, a->count, rule, static_cast<const float *>(a->x),
                   static_cast<float *>(a->y), wide, a->accumulate);
}
