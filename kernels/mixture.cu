/* mixture.cu - the loss of a pen stroke: a mixture of M bivariate Gaussians and a Bernoulli, masked by lengths
 * (core/mixture.c has the equations, and says why in this way).
 * Graves, "Generating sequences with recurrent neural networks", 2013, equations 18 to 26 and 29 to 37.
 *
 *   n_j    = -log 2pi - sx - sy + log(C) / 2 - (a^2 + C (b - rho a)^2) / 2
 *   loss_r = log sum_j exp(p_j) - log sum_j exp(p_j + n_j) - log P(end or not)           0 where masked
 *   dp = weight - g,  dmx = -g C (a - rho b) / sigma_x,  dsx = -g (C a (a - rho b) - 1);  my and sy likewise
 *   dr = -g (a b + rho (1 - C Z)),  de = P(end) - end
 *
 * forward, backward: one warp per row, a lane for every 32nd Gaussian, 4 warps per block; 28 bytes, 6 exp and
 * logarithms a Gaussian, two passes and in backward a third, and 24 bytes more.  Limited by these functions.  Then
 * one block of 256 threads adds the rows' losses in double precision, in a fixed order.
 * Shared: 256 bytes, in block sums only.
 */
#include "kernels/loss.h"
#include "kernels/ops.h"

namespace {

enum { MIXTURE_WARPS = 4, MIXTURE_P = 0, MIXTURE_MX, MIXTURE_MY, MIXTURE_SX, MIXTURE_SY, MIXTURE_R };

__device__ __forceinline__ bool mixture_masked(const sq_mixture_args &a, int64_t r) {
  return sq_past_length(a.lengths, a.batch, r);
}

/* One Gaussian, seen from the point. */
struct mixture_component {
  float p, a, b, rho, c, cz, log_density, inverse_x, inverse_y;
};

__device__ __forceinline__ mixture_component mixture_at(const sq_mixture_args &a, const float *row,
                                                        const float *point, int64_t j) {
  const auto param = [&](int which) { return row[1 + which * a.mixtures + j]; };
  const float sx = param(MIXTURE_SX), sy = param(MIXTURE_SY), r = param(MIXTURE_R), size = fabsf(r);
  const float log_c = 2.0f * (size + log1pf(expf(-2.0f * size)) - 0.693147181f);
  mixture_component g;
  g.p = param(MIXTURE_P);
  g.inverse_x = expf(-sx);
  g.inverse_y = expf(-sy);
  g.a = (point[0] - param(MIXTURE_MX)) * g.inverse_x;
  g.b = (point[1] - param(MIXTURE_MY)) * g.inverse_y;
  g.rho = sq_tanh(r);
  g.c = expf(log_c);
  const float off = g.b - g.rho * g.a;
  g.cz = g.a * g.a + g.c * off * off;
  g.log_density = -1.83787707f - sx - sy + 0.5f * (log_c - g.cz);
  return g;
}

/* log sum_j exp(p_j), and of exp(p_j + n_j), in every lane. */
struct mixture_totals {
  float weights, joint;
};

__device__ __forceinline__ mixture_totals mixture_total(const sq_mixture_args &a, const float *row,
                                                        const float *point) {
  float max_p = -INFINITY, max_all = -INFINITY, sum_p = 0.0f, sum_all = 0.0f;
  for (int64_t j = threadIdx.x; j < a.mixtures; j += SQ_WARP) {
    const mixture_component g = mixture_at(a, row, point, j);
    max_p = fmaxf(max_p, g.p);
    max_all = fmaxf(max_all, g.p + g.log_density);
  }
  max_p = sq_warp_max(max_p);
  max_all = sq_warp_max(max_all);
  for (int64_t j = threadIdx.x; j < a.mixtures; j += SQ_WARP) {
    const mixture_component g = mixture_at(a, row, point, j);
    sum_p += expf(g.p - max_p);
    sum_all += expf(g.p + g.log_density - max_all);
  }
  return {max_p + logf(sq_warp_sum(sum_p)), max_all + logf(sq_warp_sum(sum_all))};
}

__global__ void mixture_rows_kernel(sq_mixture_args a) {
  for (int64_t r = (int64_t)blockIdx.x * MIXTURE_WARPS + threadIdx.y; r < a.rows;
       r += (int64_t)gridDim.x * MIXTURE_WARPS) {
    float loss = 0.0f;
    if (!mixture_masked(a, r)) {
      const float *row = static_cast<const float *>(a.params) + r * (1 + 6 * a.mixtures);
      const float *point = static_cast<const float *>(a.points) + 3 * r;
      const mixture_totals total = mixture_total(a, row, point);
      const float e = row[0], end = point[2];
      loss = total.weights - total.joint + (e > 0.0f ? e * (1.0f - end) : -e * end) + log1pf(expf(-fabsf(e)));
    }
    if (threadIdx.x == 0) static_cast<float *>(a.row_loss)[r] = loss;
  }
}

__global__ void __launch_bounds__(LOSS_THREADS) mixture_loss_kernel(sq_mixture_args a) {
  const auto masked = [&](int64_t r) { return mixture_masked(a, r); };
  sq_loss_store(a.rows, a.row_loss, masked, a.mean, a.scale, 1.0, a.loss);
}

__device__ __forceinline__ void mixture_gradient(const sq_mixture_args &a, const float *row,
                                                 const float *point, float scale, float *d) {
  const int64_t M = a.mixtures;
  const mixture_totals total = mixture_total(a, row, point);
  const float e = row[0], small = expf(-fabsf(e)), large = 1.0f / (1.0f + small), end = point[2];
  const float on = e < 0.0f ? small * large : large, off = e < 0.0f ? large : small * large;
  if (threadIdx.x == 0) d[0] = ((1.0f - end) * on - end * off) * scale;
  for (int64_t j = threadIdx.x; j < M; j += SQ_WARP) {
    const mixture_component g = mixture_at(a, row, point, j);
    const float share = expf(g.p + g.log_density - total.joint) * scale;
    const float x = g.c * (g.a - g.rho * g.b), y = g.c * (g.b - g.rho * g.a);
    float *to = d + 1 + j;
    to[MIXTURE_P * M] = expf(g.p - total.weights) * scale - share;
    to[MIXTURE_MX * M] = -share * x * g.inverse_x;
    to[MIXTURE_MY * M] = -share * y * g.inverse_y;
    to[MIXTURE_SX * M] = -share * (g.a * x - 1.0f);
    to[MIXTURE_SY * M] = -share * (g.b * y - 1.0f);
    to[MIXTURE_R * M] = -share * (g.a * g.b + g.rho * (1.0f - g.cz));
  }
}

__global__ void mixture_backward_kernel(sq_mixture_args a) {
  const float scale = (float)sq_loss_gradient(a.loss, a.dloss, a.mean, a.scale, 1.0);
  const int64_t width = 1 + 6 * a.mixtures;
  for (int64_t r = (int64_t)blockIdx.x * MIXTURE_WARPS + threadIdx.y; r < a.rows;
       r += (int64_t)gridDim.x * MIXTURE_WARPS) {
    float *d = static_cast<float *>(a.dparams) + r * width;
    if (mixture_masked(a, r))
      for (int64_t i = threadIdx.x; i < width; i += SQ_WARP) d[i] = 0.0f;
    else
      mixture_gradient(a, static_cast<const float *>(a.params) + r * width,
                       static_cast<const float *>(a.points) + 3 * r, scale, d);
  }
}

} // namespace

extern "C" int SQ_GPU(mixture_forward)(sq_exec *exec, const sq_mixture_args *a) {
  const int error = SQ_LAUNCH(exec, mixture_rows_kernel, sq_blocks(a->rows, MIXTURE_WARPS),
                              dim3(SQ_WARP, MIXTURE_WARPS), 0, *a);
  if (error != 0) return error;
  return SQ_LAUNCH(exec, mixture_loss_kernel, 1, LOSS_THREADS, 0, *a);
}

extern "C" int SQ_GPU(mixture_backward)(sq_exec *exec, const sq_mixture_args *a) {
  return SQ_LAUNCH(exec, mixture_backward_kernel, sq_blocks(a->rows, MIXTURE_WARPS),
                   dim3(SQ_WARP, MIXTURE_WARPS), 0, *a);
}
