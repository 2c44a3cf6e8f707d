/* softmax.cu - softmax of rows, of the first n_r = lengths[r % batch] elements of each.
 *
 *   y[r,v] = exp(x[r,v] - m_r) / sum_{u < n_r} exp(x[r,u] - m_r)    m_r = max_u x[r,u]
 *   dx[r,v] = y[r,v] (dy[r,v] - sum_u y[r,u] dy[r,u])               also a tangent, with tx for dy
 *
 * One warp per row up to SQ_ROW_WARP_COLS columns, else one block of 256 threads (kernels/rows.h); what is
 * read again comes from the cache.  Limited by memory: forward 8 bytes and one exp per element, backward 12
 * bytes.  Shared: 256 bytes or less, in block sums only.
 */
#include "kernels/softmax.h"

#include "core/lengths.h"
#include "kernels/ops.h"

namespace {

__device__ __forceinline__ int64_t softmax_columns(const sq_softmax_args &a, int64_t r) {
  return a.lengths == NULL ? a.cols : sq_length_within(a.lengths, r % a.batch, a.cols);
}

template <int threads>
__device__ __forceinline__ void softmax_forward_row(const sq_softmax_args &a, int64_t r) {
  const int64_t n = softmax_columns(a, r);
  float *y = static_cast<float *>(a.y) + r * a.cols;
  sq_softmax<threads>(n, 1, static_cast<const float *>(a.x) + r * a.cols, y);
  for (int64_t v = n + threadIdx.x; v < a.cols; v += threads) y[v] = 0.0f;
}

template <int threads>
__device__ __forceinline__ void softmax_backward_row(const sq_softmax_args &a, int64_t r) {
  const int64_t n = softmax_columns(a, r), at = r * a.cols;
  float *dx = static_cast<float *>(a.dx) + at;
  sq_softmax_slope<threads>(n, 1, static_cast<const float *>(a.y) + at, static_cast<const float *>(a.dy) + at,
                            a.accumulate, dx);
  for (int64_t v = n + threadIdx.x; v < a.cols && !a.accumulate; v += threads) dx[v] = 0.0f;
}

__global__ void softmax_warp_kernel(sq_softmax_args a) {
  SQ_FOR_WARP_ROWS(r, a.rows) softmax_forward_row<SQ_WARP>(a, r);
}
__global__ void __launch_bounds__(SQ_ROW_THREADS) softmax_block_kernel(sq_softmax_args a) {
  SQ_FOR_BLOCK_ROWS(r, a.rows) softmax_forward_row<SQ_ROW_THREADS>(a, r);
}
__global__ void softmax_backward_warp_kernel(sq_softmax_args a) {
  SQ_FOR_WARP_ROWS(r, a.rows) softmax_backward_row<SQ_WARP>(a, r);
}
__global__ void __launch_bounds__(SQ_ROW_THREADS) softmax_backward_block_kernel(sq_softmax_args a) {
  SQ_FOR_BLOCK_ROWS(r, a.rows) softmax_backward_row<SQ_ROW_THREADS>(a, r);
}

} // namespace

extern "C" int SQ_GPU(softmax_forward)(sq_exec *exec, const sq_softmax_args *a) {
  return sq_launch_rows(exec, "softmax_forward", a->rows, a->cols, softmax_warp_kernel, softmax_block_kernel,
                        *a);
}

extern "C" int SQ_GPU(softmax_backward)(sq_exec *exec, const sq_softmax_args *a) {
  return sq_launch_rows(exec, "softmax_backward", a->rows, a->cols, softmax_backward_warp_kernel,
                        softmax_backward_block_kernel, *a);
}
