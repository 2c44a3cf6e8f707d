/* xent.cu - log-softmax and cross-entropy with a mask (core/xent.c says why in this way).
 *
 *   m_r    = max_v z[r,v],  k_r how many z[r,v] are m
 *   s_r    = k - 1 + sum of exp(z[r,v] - m) over the others
 *   loss_r = (m - z[r,target_r]) + log(1 + s)                     0 where masked (target outside 0..V-1)
 *   loss   = scale sum_r loss_r / N                            N = unmasked rows (at least 1) if mean, else 1
 *   lse_r  = m + log(1 + s)
 *   dz[r,v] = e_v / sum_k e_k dloss scale / N, e_v = exp(z[r,v] - lse_r);  at the target, minus the sum of
 *             the other e in place of e
 *   with smoothing e: loss_r += e (z[r,target_r] - mean_v z[r,v]),
 *             dz[r,v] += (e [v = target_r] - e / V) dloss scale / N
 *   H t     = p (t - p . t) dloss scale / N,  p = e / sum e: the second derivatives times t
 *
 * One warp per row up to SQ_ROW_WARP_COLS classes, else one block of 256 threads; two passes over the row,
 * the second from the cache.  Limited by memory: 4 bytes and one exp per logit forward, 8 bytes and two exp
 * backward.
 * Curvature: one warp per row, two passes; 12 bytes and two exp per logit.
 * After forward one block of 256 threads adds the rows' losses in double precision, in a fixed order.
 * Shared: 256 bytes or less, in block sums only.
 */
#include "kernels/loss.h"
#include "kernels/ops.h"
#include "kernels/rows.h"

namespace {

__device__ __forceinline__ bool xent_masked(const sq_xent_args &a, int64_t r) {
  return a.targets[r] < 0 || a.targets[r] >= a.classes;
}

/* A thread's sum of many numbers, which keeps what each addition rounds away (Kahan 1965). */
struct xent_total {
  float sum, lost;
  __device__ __forceinline__ void add(float x) {
    const float y = x - lost, next = sum + y;
    lost = (next - sum) - y;
    sum = next;
  }
};

/* What smoothing adds to the loss of a row, in differences of logits. */
template <int threads> __device__ __forceinline__ float xent_smoothed(const sq_xent_args &a, int64_t r) {
  if (a.smoothing <= 0.0 || xent_masked(a, r)) return 0.0f;
  const float *z = static_cast<const float *>(a.logits) + r * a.classes;
  const float own = z[a.targets[r]];
  xent_total total = {0.0f, 0.0f};
  for (int64_t v = threadIdx.x; v < a.classes; v += threads) total.add(own - z[v]);
  return sq_row_sum<threads>(total.sum) * (float)(a.smoothing / (double)a.classes);
}

/* lse and loss of row r by `threads` threads: a warp, or the whole block.  fmaxf loses a NaN; the sum brings
 * it back. */
template <int threads> __device__ __forceinline__ void xent_row(const sq_xent_args &a, int64_t r) {
  const float *z = static_cast<const float *>(a.logits) + r * a.classes;
  float max = -INFINITY, equal = 0.0f;
  xent_total total = {0.0f, 0.0f};
  for (int64_t v = threadIdx.x; v < a.classes; v += threads) max = fmaxf(max, z[v]);
  max = sq_row_max<threads>(max);
  for (int64_t v = threadIdx.x; v < a.classes; v += threads) {
    const float below = z[v] - max;
    equal += below == 0.0f ? 1.0f : 0.0f;
    total.add(below == 0.0f ? 0.0f : expf(below));
  }
  equal = sq_row_sum<threads>(equal);
  const float others = sq_row_sum<threads>(total.sum), smoothed = xent_smoothed<threads>(a, r);
  if (threadIdx.x != 0) return;
  const float log_sum = log1pf(equal - 1.0f + others);
  static_cast<float *>(a.lse)[r] = max + log_sum;
  static_cast<float *>(a.row_loss)[r] = xent_masked(a, r) ? 0.0f : max - z[a.targets[r]] + log_sum + smoothed;
}

/* The gradient of row r, likewise. */
template <int threads>
__device__ __forceinline__ void xent_backward_row(const sq_xent_args &a, int64_t r, float scale) {
  const float *z = static_cast<const float *>(a.logits) + r * a.classes;
  const float lse = static_cast<const float *>(a.lse)[r];
  const int64_t target = a.targets[r];
  const bool masked = xent_masked(a, r);
  const float own = masked ? 0.0f : expf(z[target] - lse); /* dz may be z: read before any thread writes */
  float *dz = static_cast<float *>(a.dlogits) + r * a.classes;
  xent_total total = {0.0f, 0.0f};
  for (int64_t v = threadIdx.x; v < a.classes && !masked; v += threads)
    total.add(v == target ? 0.0f : expf(z[v] - lse));
  const float others = sq_row_sum<threads>(total.sum), factor = masked ? 0.0f : scale / (others + own);
  const float own_share = (float)a.smoothing * scale, share = own_share / (float)a.classes;
  for (int64_t v = threadIdx.x; v < a.classes; v += threads)
    dz[v] = masked ? 0.0f : (v == target ? own_share - others * factor : expf(z[v] - lse) * factor) - share;
}

__global__ void xent_warp_kernel(sq_xent_args a) { SQ_FOR_WARP_ROWS(r, a.rows) xent_row<SQ_WARP>(a, r); }

__global__ void __launch_bounds__(SQ_ROW_THREADS) xent_block_kernel(sq_xent_args a) {
  SQ_FOR_BLOCK_ROWS(r, a.rows) xent_row<SQ_ROW_THREADS>(a, r);
}

/* Adds the number of targets that are no class to *strays, too. */
__global__ void __launch_bounds__(LOSS_THREADS) xent_loss_kernel(sq_xent_args a, int64_t *strays) {
  double beyond = 0.0;
  const auto masked = [&](int64_t r) {
    beyond += a.targets[r] >= a.classes ? 1.0 : 0.0;
    return xent_masked(a, r);
  };
  sq_loss_store(a.rows, a.row_loss, masked, a.mean, a.scale, 1.0, a.loss);
  beyond = sq_block_sum(beyond);
  if (threadIdx.x == 0 && beyond > 0.0) *strays += (int64_t)beyond;
}

__global__ void xent_backward_warp_kernel(sq_xent_args a) {
  const float scale = (float)sq_loss_gradient(a.loss, a.dloss, a.mean, a.scale, 1.0);
  SQ_FOR_WARP_ROWS(r, a.rows) xent_backward_row<SQ_WARP>(a, r, scale);
}

__global__ void __launch_bounds__(SQ_ROW_THREADS) xent_backward_block_kernel(sq_xent_args a) {
  const float scale = (float)sq_loss_gradient(a.loss, a.dloss, a.mean, a.scale, 1.0);
  SQ_FOR_BLOCK_ROWS(r, a.rows) xent_backward_row<SQ_ROW_THREADS>(a, r, scale);
}

/* One warp a row. */
__global__ void xent_curvature_kernel(sq_xent_args a) {
  const float scale = (float)sq_loss_gradient(a.loss, a.dloss, a.mean, a.scale, 1.0);
  SQ_FOR_WARP_ROWS(r, a.rows) {
    const bool masked = xent_masked(a, r);
    const float lse = static_cast<const float *>(a.lse)[r];
    const float *z = static_cast<const float *>(a.logits) + r * a.classes;
    const float *t = static_cast<const float *>(a.tlogits) + r * a.classes;
    float *out = static_cast<float *>(a.dlogits) + r * a.classes;
    float sum = 0.0f, mean = 0.0f;
    for (int64_t v = threadIdx.x; v < a.classes; v += SQ_WARP) {
      const float e = expf(z[v] - lse);
      sum += e;
      mean += e * t[v];
    }
    sum = sq_warp_sum(sum);
    mean = sq_warp_sum(mean) / sum;
    for (int64_t v = threadIdx.x; v < a.classes; v += SQ_WARP)
      out[v] = masked ? 0.0f : expf(z[v] - lse) * (t[v] - mean) * (scale / sum);
  }
}

} // namespace

extern "C" int SQ_GPU(xent_forward)(sq_exec *exec, const sq_xent_args *a) {
  const int error =
      sq_launch_rows(exec, "xent_forward", a->rows, a->classes, xent_warp_kernel, xent_block_kernel, *a);
  if (error != 0) return error;
  return SQ_LAUNCH(exec, xent_loss_kernel, 1, LOSS_THREADS, 0, *a, sq_gpu_of(exec)->strays);
}

extern "C" int SQ_GPU(xent_backward)(sq_exec *exec, const sq_xent_args *a) {
  return sq_launch_rows(exec, "xent_backward", a->rows, a->classes, xent_backward_warp_kernel,
                        xent_backward_block_kernel, *a);
}

extern "C" int SQ_GPU(xent_curvature)(sq_exec *exec, const sq_xent_args *a) {
  return SQ_LAUNCH(exec, xent_curvature_kernel, sq_blocks(a->rows, SQ_ROW_WARPS), dim3(SQ_WARP, SQ_ROW_WARPS),
                   0, *a);
}
