/* xent.cu - log-softmax and cross-entropy with a mask.
 *
 *   lse_r  = m + log sum_v exp(z[r,v] - m),  m = max_v z[r,v]
 *   loss_r = lse_r - z[r,target_r]                                0 where masked (target outside 0..V-1)
 *   loss   = scale sum_r loss_r / N                            N = unmasked rows (at least 1) if mean, else 1
 *   dz[r,v] = (exp(z[r,v] - lse_r) - [v = target_r]) dloss scale / N
 *   H t     = p (t - p . t) dloss scale / N,  p = exp(z - lse_r): the second derivatives times t
 *
 * forward: one warp per row up to XENT_WARP_CLASSES classes, else one block of 256 threads; two passes over
 * the row, the second from the cache.  4 bytes and one exp per logit, limited by memory.  Then one block of
 * 256 threads adds the rows' losses in double precision, in a fixed order.
 * backward: one thread per element, 32 x 8 per block; 8 bytes and one exp per logit, limited by memory.
 * curvature: one warp per row, two passes; 12 bytes and two exp per logit.
 * Shared: 256 bytes or less, in block sums only.
 */
#include "kernels/loss.h"
#include "kernels/ops.h"

namespace {

enum { XENT_WARPS = 4, XENT_THREADS = 256, XENT_WARP_CLASSES = 1024 };

__device__ __forceinline__ bool xent_masked(const sq_xent_args &a, int64_t r) {
  return a.targets[r] < 0 || a.targets[r] >= a.classes;
}

/* lse and loss of row r by `threads` threads: a warp, or the whole block. */
template <int threads> __device__ __forceinline__ void xent_row(const sq_xent_args &a, int64_t r) {
  const float *z = static_cast<const float *>(a.logits) + r * a.classes;
  float max = -INFINITY, sum = 0.0f;
  for (int64_t v = threadIdx.x; v < a.classes; v += threads) max = fmaxf(max, z[v]);
  max = threads == SQ_WARP ? sq_warp_max(max) : sq_block_max(max);
  for (int64_t v = threadIdx.x; v < a.classes; v += threads) sum += expf(z[v] - max);
  sum = threads == SQ_WARP ? sq_warp_sum(sum) : sq_block_sum(sum);
  if (threadIdx.x != 0) return;
  const float lse = max + logf(sum);
  static_cast<float *>(a.lse)[r] = lse;
  static_cast<float *>(a.row_loss)[r] = xent_masked(a, r) ? 0.0f : lse - z[a.targets[r]];
}

__global__ void xent_warp_kernel(sq_xent_args a) {
  for (int64_t r = (int64_t)blockIdx.x * XENT_WARPS + threadIdx.y; r < a.rows;
       r += (int64_t)gridDim.x * XENT_WARPS)
    xent_row<SQ_WARP>(a, r);
}

__global__ void __launch_bounds__(XENT_THREADS) xent_block_kernel(sq_xent_args a) {
  for (int64_t r = blockIdx.x; r < a.rows; r += gridDim.x) xent_row<XENT_THREADS>(a, r);
}

__global__ void __launch_bounds__(LOSS_THREADS) xent_loss_kernel(sq_xent_args a) {
  const auto masked = [&](int64_t r) { return xent_masked(a, r); };
  sq_loss_store(a.rows, a.row_loss, masked, a.mean, a.scale, 1.0, a.loss);
}

__global__ void xent_backward_kernel(sq_xent_args a) {
  const float scale = (float)sq_loss_gradient(a.loss, a.dloss, a.mean, a.scale, 1.0);
  SQ_FOR_ROWS(r, a.rows) {
    const bool masked = xent_masked(a, r);
    const float lse = static_cast<const float *>(a.lse)[r];
    const float *z = static_cast<const float *>(a.logits) + r * a.classes;
    float *dz = static_cast<float *>(a.dlogits) + r * a.classes;
    SQ_FOR_COLS(v, a.classes)
    dz[v] = masked ? 0.0f : (expf(z[v] - lse) - (v == a.targets[r] ? 1.0f : 0.0f)) * scale;
  }
}

/* One warp a row. */
__global__ void xent_curvature_kernel(sq_xent_args a) {
  const float scale = (float)sq_loss_gradient(a.loss, a.dloss, a.mean, a.scale, 1.0);
  for (int64_t r = (int64_t)blockIdx.x * XENT_WARPS + threadIdx.y; r < a.rows;
       r += (int64_t)gridDim.x * XENT_WARPS) {
    const bool masked = xent_masked(a, r);
    const float lse = static_cast<const float *>(a.lse)[r];
    const float *z = static_cast<const float *>(a.logits) + r * a.classes;
    const float *t = static_cast<const float *>(a.tlogits) + r * a.classes;
    float *out = static_cast<float *>(a.dlogits) + r * a.classes;
    float mean = 0.0f;
    for (int64_t v = threadIdx.x; v < a.classes; v += SQ_WARP) mean += expf(z[v] - lse) * t[v];
    mean = sq_warp_sum(mean);
    for (int64_t v = threadIdx.x; v < a.classes; v += SQ_WARP)
      out[v] = masked ? 0.0f : expf(z[v] - lse) * (t[v] - mean) * scale;
  }
}

} // namespace

extern "C" int SQ_GPU(xent_forward)(sq_exec *exec, const sq_xent_args *a) {
  int error;
  if (a->classes <= XENT_WARP_CLASSES)
    error =
        SQ_LAUNCH(exec, xent_warp_kernel, sq_blocks(a->rows, XENT_WARPS), dim3(SQ_WARP, XENT_WARPS), 0, *a);
  else
    error = SQ_LAUNCH(exec, xent_block_kernel, sq_blocks(a->rows, 1), XENT_THREADS, 0, *a);
  if (error != 0) return error;
  return SQ_LAUNCH(exec, xent_loss_kernel, 1, LOSS_THREADS, 0, *a);
}

extern "C" int SQ_GPU(xent_backward)(sq_exec *exec, const sq_xent_args *a) {
  return SQ_LAUNCH(exec, xent_backward_kernel, sq_matrix_grid(a->rows, a->classes), sq_matrix_block(), 0, *a);
}

extern "C" int SQ_GPU(xent_curvature)(sq_exec *exec, const sq_xent_args *a) {
  return SQ_LAUNCH(exec, xent_curvature_kernel, sq_blocks(a->rows, XENT_WARPS), dim3(SQ_WARP, XENT_WARPS), 0,
                   *a);
}
