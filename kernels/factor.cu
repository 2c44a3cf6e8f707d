/* factor.cu - the pointwise step of the factored product (core/factor.h has equations, paper and layout).
 *
 *   m = fx fh           backward, where e is the gradient at m:   d(fx) = e fh,  d(fh) = e fx
 *
 * Launch as in step.h, one thread per factor.  12 bytes per thread and step forward, 20 backward.
 */
#include "kernels/factor.h"

namespace {

/* Where factor j of sequence b is: fx in the gates behind the cell's own N, fh in aux, m behind it. */
struct factor_shape {
  int64_t N, F;
};
__device__ __forceinline__ int64_t factor_fx(const factor_shape &n, int64_t b, int64_t j) {
  return b * (n.N + n.F) + n.N + j;
}
__device__ __forceinline__ int64_t factor_fh(const factor_shape &n, int64_t b, int64_t j) {
  return b * 2 * n.F + j;
}

__global__ void factor_kernel(sq_step s, factor_shape n) {
  SQ_FOR_ROWS(b, s.batch) {
    const bool valid = sq_valid(s, b);
    SQ_FOR_COLS(j, n.F) {
      const int64_t fx = factor_fx(n, b, j), fh = factor_fh(n, b, j);
      if (!valid) s.gates[fx] = s.aux[fh] = 0.0f;
      s.aux[fh + n.F] = valid ? s.gates[fx] * s.aux[fh] : 0.0f;
    }
  }
}

__global__ void factor_backward_kernel(sq_step s, factor_shape n) {
  SQ_FOR_ROWS(b, s.batch) {
    const bool valid = sq_valid(s, b);
    SQ_FOR_COLS(j, n.F) {
      const int64_t fx = factor_fx(n, b, j), fh = factor_fh(n, b, j);
      const float e = s.daux[fh + n.F];
      s.dgates[fx] = valid ? e * s.aux[fh] : 0.0f;
      s.daux[fh] = valid ? e * s.gates[fx] : 0.0f;
    }
  }
}

factor_shape factor_shape_of(const sq_step *s) {
  const factor_shape n = {s->layout->biased, s->layout->config.factor_size};
  return n;
}

} // namespace

extern "C" int SQ_GPU(factor_forward)(sq_exec *exec, const sq_step *s) {
  const factor_shape n = factor_shape_of(s);
  return sq_step_launch(exec, "factor_kernel", factor_kernel, n.F, s, n);
}

extern "C" int SQ_GPU(factor_backward)(sq_exec *exec, const sq_step *s) {
  const factor_shape n = factor_shape_of(s);
  return sq_step_launch(exec, "factor_backward_kernel", factor_backward_kernel, n.F, s, n);
}
