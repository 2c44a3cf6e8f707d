/* pooling.cu - one vector of a sequence: the mean, the maximum or the last of its steps.
 *
 *   mean  y[b,f] = sum_{t < n_b} x[t,b,f] / n_b
 *   max   y[b,f] = x[t*,b,f], t* the first step with the largest number, or the first NaN
 *   last  y[b,f] = x[n_b - 1,b,f]
 *   at    y[b,f] = x[t*,b,f] for a given t*
 *   dx[t,b,f] = dy[b,f] / n_b for t < n_b (mean), dy[b,f] at t = t* or n_b - 1, 0 elsewhere
 *
 * forward: one thread per element (b,f), 32 x 8 per block, loop over the steps; 4 bytes per element of x.  The
 * steps of a mean are added with what each addition rounds away (Kahan 1965).
 * backward: one thread per element of dx, 32 x 8 per block; 4 bytes written, and dy from the cache.
 * Limited by memory, or by latency where batch and width are small.  No shared memory.
 */
#include "core/lengths.h"
#include "kernels/ops.h"
#include "kernels/simt.h"

namespace {

__device__ __forceinline__ float pooling_mean(const float *x, int64_t steps, int64_t stride) {
  float sum = 0.0f, lost = 0.0f;
  for (int64_t t = 0; t < steps; t++) {
    const float y = x[t * stride] - lost, next = sum + y;
    lost = (next - sum) - y;
    sum = next;
  }
  return sum / (float)(steps > 0 ? steps : 1);
}

__device__ __forceinline__ int32_t pooling_largest(const float *x, int64_t steps, int64_t stride) {
  if (steps == 0) return -1;
  float best = x[0];
  int32_t at = 0;
  for (int64_t t = 1; t < steps; t++) {
    const float next = x[t * stride];
    if (!(next > best || (isnan(next) && !isnan(best)))) continue;
    best = next;
    at = (int32_t)t;
  }
  return at;
}

__global__ void pooling_forward_kernel(sq_pooling_args a) {
  const int64_t stride = a.batch * a.dim;
  SQ_FOR_ROWS(b, a.batch) {
    const int64_t steps = sq_length_within(a.lengths, b, a.seq_len);
    SQ_FOR_COLS(f, a.dim) {
      const int64_t i = b * a.dim + f;
      const float *x = static_cast<const float *>(a.x) + i;
      float *y = static_cast<float *>(a.y) + i;
      if (a.kind == SQ_POOLING_MEAN) {
        *y = pooling_mean(x, steps, stride);
        continue;
      }
      if (a.kind == SQ_POOLING_MAX) a.at[i] = pooling_largest(x, steps, stride);
      const int64_t t = a.kind == SQ_POOLING_LAST ? steps - 1 : a.at[i];
      *y = t < 0 ? 0.0f : x[t * stride];
    }
  }
}

__global__ void pooling_backward_kernel(sq_pooling_args a) {
  SQ_FOR_ROWS(r, a.seq_len * a.batch) {
    const int64_t t = r / a.batch, b = r % a.batch, steps = sq_length_within(a.lengths, b, a.seq_len);
    const float share = a.kind == SQ_POOLING_MEAN ? 1.0f / (float)(steps > 0 ? steps : 1) : 1.0f;
    SQ_FOR_COLS(f, a.dim) {
      const int64_t i = b * a.dim + f;
      const bool chosen =
          a.kind == SQ_POOLING_MEAN ? t < steps : t == (a.kind == SQ_POOLING_LAST ? steps - 1 : a.at[i]);
      const float d = chosen ? static_cast<const float *>(a.dy)[i] * share : 0.0f;
      float *dx = static_cast<float *>(a.dx) + r * a.dim + f;
      *dx = a.accumulate ? *dx + d : d;
    }
  }
}

} // namespace

extern "C" int SQ_GPU(pooling_forward)(sq_exec *exec, const sq_pooling_args *a) {
  return SQ_LAUNCH(exec, pooling_forward_kernel, sq_matrix_grid(a->batch, a->dim), sq_matrix_block(), 0, *a);
}

extern "C" int SQ_GPU(pooling_backward)(sq_exec *exec, const sq_pooling_args *a) {
  return SQ_LAUNCH(exec, pooling_backward_kernel, sq_matrix_grid(a->seq_len * a->batch, a->dim),
                   sq_matrix_block(), 0, *a);
}
