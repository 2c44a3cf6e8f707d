/* mse.cu - squared error with a mask.
 *
 *   loss_r = sum_d (x[r,d] - target[r,d])^2                       0 where masked (mask[r] = 0)
 *   loss   = scale sum_r loss_r / N            N = elements of the unmasked rows if mean (at least 1), else 1
 *   dx[r,d] = 2 (x[r,d] - target[r,d]) dloss scale / N            0 where masked
 *
 * forward: one warp per row; 8 bytes and 2 operations per element, limited by memory.  Then one block of 256
 * threads adds the rows' losses in double precision, in a fixed order.
 * backward: one thread per element, 32 x 8 per block; 12 bytes and 2 operations per element, limited by
 * memory.
 * Shared: 256 bytes, in block sums only.
 */
#include "kernels/loss.h"
#include "kernels/ops.h"

namespace {

enum { MSE_WARPS = 4 };

__device__ __forceinline__ bool mse_masked(const sq_mse_args &a, int64_t r) {
  return a.mask != NULL && a.mask[r] == 0;
}

__global__ void mse_rows_kernel(sq_mse_args a) {
  for (int64_t r = (int64_t)blockIdx.x * MSE_WARPS + threadIdx.y; r < a.rows;
       r += (int64_t)gridDim.x * MSE_WARPS) {
    const float *x = static_cast<const float *>(a.x) + r * a.dim;
    const float *target = static_cast<const float *>(a.targets) + r * a.dim;
    const int64_t count = mse_masked(a, r) ? 0 : a.dim;
    float sum = 0.0f;
    for (int64_t d = threadIdx.x; d < count; d += SQ_WARP) {
      const float error = x[d] - target[d];
      sum += error * error;
    }
    sum = sq_warp_sum(sum);
    if (threadIdx.x == 0) static_cast<float *>(a.row_loss)[r] = sum;
  }
}

__global__ void __launch_bounds__(LOSS_THREADS) mse_loss_kernel(sq_mse_args a) {
  const auto masked = [&](int64_t r) { return mse_masked(a, r); };
  sq_loss_store(a.rows, a.row_loss, masked, a.mean, a.scale, (double)a.dim, a.loss);
}

__global__ void mse_backward_kernel(sq_mse_args a) {
  const float scale = (float)(2.0 * sq_loss_gradient(a.loss, a.dloss, a.mean, a.scale, (double)a.dim));
  SQ_FOR_ROWS(r, a.rows) {
    const bool masked = mse_masked(a, r);
    const float *x = static_cast<const float *>(a.x) + r * a.dim;
    const float *target = static_cast<const float *>(a.targets) + r * a.dim;
    float *dx = static_cast<float *>(a.dx) + r * a.dim;
    SQ_FOR_COLS(d, a.dim)
    dx[d] = masked ? 0.0f : (x[d] - target[d]) * scale;
  }
}

} // namespace

extern "C" int SQ_GPU(mse_forward)(sq_exec *exec, const sq_mse_args *a) {
  const int error =
      SQ_LAUNCH(exec, mse_rows_kernel, sq_blocks(a->rows, MSE_WARPS), dim3(SQ_WARP, MSE_WARPS), 0, *a);
  if (error != 0) return error;
  return SQ_LAUNCH(exec, mse_loss_kernel, 1, LOSS_THREADS, 0, *a);
}

extern "C" int SQ_GPU(mse_backward)(sq_exec *exec, const sq_mse_args *a) {
  return SQ_LAUNCH(exec, mse_backward_kernel, sq_matrix_grid(a->rows, a->dim), sq_matrix_block(), 0, *a);
}
