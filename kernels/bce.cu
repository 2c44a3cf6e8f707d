/* bce.cu - binary cross-entropy of logits, element by element, masked by lengths (core/bce.c says why in this
 * way).
 *
 *   loss_r = sum_d (z > 0 ? z (1-y) : -z y) + log(1 + e),  e = exp(-|z|)                  0 where masked
 *   loss   = scale sum_r loss_r / N            N = unmasked rows if mean (at least 1), else 1
 *   dz     = ((1-y) s(z) - y s(-z)) dloss scale / N,  s(z) = 1 / (1 + exp(-z))
 *   H t    = s(z) s(-z) t dloss scale / N
 *
 * forward: one warp per row, 4 warps per block; 8 bytes, one exp and one log per element.  Then one block of
 * 256 threads adds the rows' losses in double precision, in a fixed order.
 * backward, curvature: one thread per element, 32 x 8 per block; 12 bytes and one exp per element.
 * Limited by memory.  Shared: 256 bytes, in block sums only.
 */
#include "kernels/loss.h"
#include "kernels/ops.h"

namespace {

enum { BCE_WARPS = 4 };

__device__ __forceinline__ bool bce_masked(const sq_bce_args &a, int64_t r) {
  return sq_past_length(a.lengths, a.batch, r);
}

__global__ void bce_rows_kernel(sq_bce_args a) {
  for (int64_t r = (int64_t)blockIdx.x * BCE_WARPS + threadIdx.y; r < a.rows;
       r += (int64_t)gridDim.x * BCE_WARPS) {
    const int64_t count = bce_masked(a, r) ? 0 : a.dim;
    float sum = 0.0f;
    for (int64_t d = threadIdx.x; d < count; d += SQ_WARP) {
      const float z = static_cast<const float *>(a.logits)[r * a.dim + d];
      const float y = static_cast<const float *>(a.targets)[r * a.dim + d];
      sum += (z > 0.0f ? z * (1.0f - y) : -z * y) + log1pf(expf(-fabsf(z)));
    }
    sum = sq_warp_sum(sum);
    if (threadIdx.x == 0) static_cast<float *>(a.row_loss)[r] = sum;
  }
}

__global__ void __launch_bounds__(LOSS_THREADS) bce_loss_kernel(sq_bce_args a) {
  const auto masked = [&](int64_t r) { return bce_masked(a, r); };
  sq_loss_store(a.rows, a.row_loss, masked, a.mean, a.scale, 1.0, a.loss);
}

/* s(z) and s(-z). */
struct bce_pair {
  float on, off;
};

__device__ __forceinline__ bce_pair bce_sigmoids(float z) {
  const float e = expf(-fabsf(z)), larger = 1.0f / (1.0f + e), smaller = e * larger;
  return z < 0.0f ? bce_pair{smaller, larger} : bce_pair{larger, smaller};
}

/* Every element of dlogits, 0 where masked: of(element, its pair), times what all are scaled by. */
template <typename Of> __device__ __forceinline__ void bce_elements(const sq_bce_args &a, Of of) {
  const float scale = (float)sq_loss_gradient(a.loss, a.dloss, a.mean, a.scale, 1.0);
  SQ_FOR_ROWS(r, a.rows) {
    const bool masked = bce_masked(a, r);
    SQ_FOR_COLS(d, a.dim) {
      const int64_t i = r * a.dim + d;
      static_cast<float *>(a.dlogits)[i] =
          masked ? 0.0f : of(i, bce_sigmoids(static_cast<const float *>(a.logits)[i])) * scale;
    }
  }
}

__global__ void bce_backward_kernel(sq_bce_args a) {
  bce_elements(a, [&](int64_t i, bce_pair s) {
    const float y = static_cast<const float *>(a.targets)[i];
    return (1.0f - y) * s.on - y * s.off;
  });
}

__global__ void bce_curvature_kernel(sq_bce_args a) {
  bce_elements(
      a, [&](int64_t i, bce_pair s) { return s.on * s.off * static_cast<const float *>(a.tlogits)[i]; });
}

} // namespace

extern "C" int SQ_GPU(bce_forward)(sq_exec *exec, const sq_bce_args *a) {
  const int error =
      SQ_LAUNCH(exec, bce_rows_kernel, sq_blocks(a->rows, BCE_WARPS), dim3(SQ_WARP, BCE_WARPS), 0, *a);
  if (error != 0) return error;
  return SQ_LAUNCH(exec, bce_loss_kernel, 1, LOSS_THREADS, 0, *a);
}

extern "C" int SQ_GPU(bce_backward)(sq_exec *exec, const sq_bce_args *a) {
  return SQ_LAUNCH(exec, bce_backward_kernel, sq_matrix_grid(a->rows, a->dim), sq_matrix_block(), 0, *a);
}

extern "C" int SQ_GPU(bce_curvature)(sq_exec *exec, const sq_bce_args *a) {
  return SQ_LAUNCH(exec, bce_curvature_kernel, sq_matrix_grid(a->rows, a->dim), sq_matrix_block(), 0, *a);
}
