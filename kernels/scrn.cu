/* scrn.cu - the pointwise steps of the structurally constrained network (core/scrn.c has equations, paper and
 * layout).
 *
 *   stage 0, C units:   s = a u + (1 - a) s'       u = B x, in the gates behind h;  s' = s_{t-1}
 *   stage 1, H units:   h = sigmoid(pre-activation)
 * Backward:  d(pre-activation) = dh h (1 - h);  du = a ds,  ds' = (1 - a) ds,  d(logit) = ds (u - s') a (1 -
 * a)
 *
 * Launch as in step.h.  16 bytes per thread and stage forward; backward 16 to 20, and 24 to 28 with leaks
 * that are learnt.
 * One transcendental at most.
 */
#include "kernels/cells.h"
#include "kernels/step.h"

namespace {

struct scrn_shape {
  int64_t H, C;
  float leak;         /* of all units */
  const float *logit; /* [C] of each of them, or NULL */
};

__device__ __forceinline__ float scrn_leak(const scrn_shape &n, int64_t j) {
  return n.logit != NULL ? sq_sigmoid(n.logit[j]) : n.leak;
}

__global__ void scrn_context_kernel(sq_step s, scrn_shape n) {
  SQ_FOR_ROWS(b, s.batch) {
    const bool valid = sq_valid(s, b);
    SQ_FOR_COLS(j, n.C) {
      float *u = s.gates + b * (n.H + n.C) + n.H + j;
      const float a = scrn_leak(n, j), old = s.prev[1][b * n.C + j];
      const float context = valid ? a * *u + (1.0f - a) * old : old;
      if (!valid) *u = 0.0f;
      if (!valid && n.logit != NULL) s.aux[b * n.C + j] = 0.0f;
      s.next[1][b * n.C + j] = context;
      s.y[b * s.ldy + n.H + j] = valid ? context : 0.0f;
    }
  }
}

__global__ void scrn_hidden_kernel(sq_step s, scrn_shape n) {
  SQ_FOR_ROWS(b, s.batch) {
    const bool valid = sq_valid(s, b);
    SQ_FOR_COLS(j, n.H) {
      float *a = s.gates + b * (n.H + n.C) + j;
      const float h = valid ? sq_sigmoid(*a) : 0.0f;
      *a = h;
      s.next[0][b * n.H + j] = valid ? h : s.prev[0][b * n.H + j];
      s.y[b * s.ldy + j] = h;
    }
  }
}

__global__ void scrn_hidden_backward_kernel(sq_step s, scrn_shape n) {
  SQ_FOR_ROWS(b, s.batch) {
    const bool valid = sq_valid(s, b);
    SQ_FOR_COLS(j, n.H) {
      const int64_t gate = b * (n.H + n.C) + j;
      const float h = s.gates[gate];
      float *dh = s.dstate[0] + b * n.H + j;
      s.dgates[gate] = valid ? (*dh + sq_dy(s, b, j)) * h * (1.0f - h) : 0.0f;
      if (valid) *dh = 0.0f; /* h_{t-1} enters only through the product */
    }
  }
}

__global__ void scrn_context_backward_kernel(sq_step s, scrn_shape n) {
  SQ_FOR_ROWS(b, s.batch) {
    const bool valid = sq_valid(s, b);
    SQ_FOR_COLS(j, n.C) {
      const int64_t gate = b * (n.H + n.C) + n.H + j, at = b * n.C + j;
      const float a = scrn_leak(n, j), ds = valid ? s.dstate[1][at] + sq_dy(s, b, n.H + j) : 0.0f;
      s.dgates[gate] = a * ds;
      if (n.logit != NULL) s.daux[at] = valid ? ds * (s.gates[gate] - s.prev[1][at]) * a * (1.0f - a) : 0.0f;
      if (valid) s.dstate[1][at] = (1.0f - a) * ds;
    }
  }
}

scrn_shape scrn_shape_of(const sq_step *s) {
  const scrn_shape n = {s->layout->state_width[0], s->layout->state_width[1], (float)s->layout->config.leak,
                        sq_step_param(s, "leak_logit")};
  return n;
}

} // namespace

extern "C" int SQ_GPU(scrn_forward)(sq_exec *exec, const sq_step *s, int stage) {
  const scrn_shape n = scrn_shape_of(s);
  if (stage == 0) return sq_step_launch(exec, "scrn_context_kernel", scrn_context_kernel, n.C, s, n);
  return sq_step_launch(exec, "scrn_hidden_kernel", scrn_hidden_kernel, n.H, s, n);
}

extern "C" int SQ_GPU(scrn_backward)(sq_exec *exec, const sq_step *s, int stage) {
  const scrn_shape n = scrn_shape_of(s);
  if (stage == 0)
    return sq_step_launch(exec, "scrn_context_backward_kernel", scrn_context_backward_kernel, n.C, s, n);
  return sq_step_launch(exec, "scrn_hidden_backward_kernel", scrn_hidden_backward_kernel, n.H, s, n);
}
