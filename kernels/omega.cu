/* omega.cu - Pascanu's regulariser (core/omega.c has the equations): the error signal of a step, the
 * ratios of norms, and what the regulariser wants of the weights.
 *
 * signal: one warp per sequence, 16 bytes and an activation's derivative per element; limited by memory,
 * or by the launch where the batch is small.  forward: one warp per row, 4 bytes per element; then one
 * block of 256 threads adds the rows in double precision, in a fixed order.  backward: one thread per
 * element, 32 x 8 per block. Shared: 256 bytes, in block sums only.
 */
#include "core/lengths.h"
#include "kernels/ops.h"
#include "kernels/simt.h"

namespace {

enum { OMEGA_WARPS = 4, OMEGA_THREADS = 256 };

template <int g> __global__ void omega_signal_kernel(sq_signal_args a) {
  const int64_t H = a.dim;
  for (int64_t b = (int64_t)blockIdx.x * OMEGA_WARPS + threadIdx.y; b < a.batch;
       b += (int64_t)gridDim.x * OMEGA_WARPS) {
    const int64_t length = sq_length_within(a.lengths, b, a.seq_len);
    const bool runs = a.t < length;
    const bool last = a.t == (a.reverse ? 0 : length - 1); /* the signal begins here */
    const float *later = static_cast<const float *>(last ? a.dfinal : a.next);
    const float *dy = static_cast<const float *>(a.dy), *h = static_cast<const float *>(a.h);
    float *v = static_cast<float *>(a.v);
    float sum = 0.0f;
    for (int64_t j = threadIdx.x; j < H; j += SQ_WARP) {
      float d = 0.0f;
      if (runs) d = (later != NULL ? later[b * H + j] : 0.0f) + (dy != NULL ? dy[b * a.ld_dy + j] : 0.0f);
      v[b * H + j] = runs ? d * sq_activate_grad<g>(h[b * H + j]) : 0.0f;
      sum += d * d;
    }
    sum = sq_warp_sum(sum);
    if (threadIdx.x == 0) static_cast<float *>(a.norm2)[b] = sum;
  }
}

template <int g> int omega_signal_run(sq_exec *exec, const sq_signal_args *a) {
  return SQ_LAUNCH(exec, omega_signal_kernel<g>, sq_blocks(a->batch, OMEGA_WARPS), dim3(SQ_WARP, OMEGA_WARPS),
                   0, *a);
}

typedef int omega_signal_runner(sq_exec *exec, const sq_signal_args *a);

/* In the order of sq_activation. */
omega_signal_runner *const omega_signals[] = {omega_signal_run<SQ_TANH>, omega_signal_run<SQ_RELU>,
                                              omega_signal_run<SQ_SIGMOID>, omega_signal_run<SQ_IDENTITY>};

/* (q-1)^2, or -1 where the row is not active, and its slope. */
__global__ void omega_rows_kernel(sq_omega_args a) {
  for (int64_t r = (int64_t)blockIdx.x * OMEGA_WARPS + threadIdx.y; r < a.rows;
       r += (int64_t)gridDim.x * OMEGA_WARPS) {
    const float *u = static_cast<const float *>(a.u) + r * a.dim;
    double u2 = 0.0;
    for (int64_t j = threadIdx.x; j < a.dim; j += SQ_WARP) u2 += (double)u[j] * (double)u[j];
    u2 = sq_warp_sum(u2);
    if (threadIdx.x != 0) continue;
    const double d2 = (double)static_cast<const float *>(a.norm2)[r];
    const bool norms = a.form == SQ_OMEGA_NORMS, active = d2 >= 1e-20;
    const double q = !active ? 1.0 : norms ? sqrt(u2 / d2) : u2 / d2;
    const double slope = norms ? (u2 > 0.0 ? 2.0 * (q - 1.0) / sqrt(u2 * d2) : 0.0) : 4.0 * (q - 1.0) / d2;
    static_cast<float *>(a.row)[r] = active ? (float)((q - 1.0) * (q - 1.0)) : -1.0f;
    static_cast<float *>(a.slope)[r] = active ? (float)slope : 0.0f;
  }
}

__device__ __forceinline__ double omega_divisor(const sq_omega_args &a, double active) {
  const double n = a.form == SQ_OMEGA_NORMS ? (double)a.batch : active;
  return n > 1.0 ? n : 1.0;
}

__global__ void __launch_bounds__(OMEGA_THREADS) omega_sum_kernel(sq_omega_args a) {
  double sum = 0.0, active = 0.0;
  for (int64_t r = threadIdx.x; r < a.rows; r += OMEGA_THREADS) {
    const float term = static_cast<const float *>(a.row)[r];
    sum += term < 0.0f ? 0.0 : (double)term;
    active += term < 0.0f ? 0.0 : 1.0;
  }
  sum = sq_block_sum(sum);
  active = sq_block_sum(active);
  if (threadIdx.x != 0) return;
  static_cast<float *>(a.omega)[0] = (float)(sum / omega_divisor(a, active));
  static_cast<float *>(a.omega)[1] = (float)active;
}

__global__ void omega_scale_kernel(sq_omega_args a) {
  const double by = a.alpha / omega_divisor(a, (double)static_cast<const float *>(a.omega)[1]);
  SQ_FOR_ROWS(r, a.rows) {
    const float slope = (float)(by * (double)static_cast<const float *>(a.slope)[r]);
    float *u = static_cast<float *>(a.u) + r * a.dim;
    SQ_FOR_COLS(j, a.dim) u[j] *= slope;
  }
}

} // namespace

extern "C" int SQ_GPU(omega_signal)(sq_exec *exec, const sq_signal_args *a) {
  return omega_signals[a->activation](exec, a);
}

extern "C" int SQ_GPU(omega_forward)(sq_exec *exec, const sq_omega_args *a) {
  const int error =
      SQ_LAUNCH(exec, omega_rows_kernel, sq_blocks(a->rows, OMEGA_WARPS), dim3(SQ_WARP, OMEGA_WARPS), 0, *a);
  if (error != 0) return error;
  return SQ_LAUNCH(exec, omega_sum_kernel, 1, OMEGA_THREADS, 0, *a);
}

extern "C" int SQ_GPU(omega_backward)(sq_exec *exec, const sq_omega_args *a) {
  return SQ_LAUNCH(exec, omega_scale_kernel, sq_matrix_grid(a->rows, a->dim), sq_matrix_block(), 0, *a);
}
