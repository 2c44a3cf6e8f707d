/* dropout.cu - inverted dropout: y = x / (1-p) with probability 1-p, else 0.
 *
 * Element i draws word i % 4 of Philox block offset + i/4 (core/philox.h), so every backend drops the same
 * elements.
 * Launch: one thread per Philox block, which is four elements; blocks of 256 threads, grid-stride.  No shared
 * memory.
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

} // namespace

extern "C" int SQ_GPU(dropout)(sq_exec *exec, const sq_dropout_args *a) {
  dropout_rule rule = {a->seed, a->offset, 0, 0.0f};
  rule.threshold = (uint64_t)ceil(a->p * 4294967296.0);
  rule.scale = a->p < 1.0 ? (float)(1.0 / (1.0 - a->p)) : 0.0f; /* at p = 1 nothing is kept */
  const bool wide = sq_aligned16(a->x) && sq_aligned16(a->y);
  return SQ_LAUNCH(exec, dropout_kernel, sq_blocks(sq_ceil_div(a->count, 4), DROPOUT_THREADS),
                   DROPOUT_THREADS, 0, a->count, rule, static_cast<const float *>(a->x),
                   static_cast<float *>(a->y), wide, a->accumulate);
}
