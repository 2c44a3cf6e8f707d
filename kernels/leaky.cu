/* leaky.cu - the pointwise step of the leaky integrator (core/leaky.c has the equations and the papers).
 *
 *   n = g(pre-activation)     h = (1 - a) h' + a n         h' = h_{t-1}
 * Backward:  d(pre-activation) = a dh g'     dh' = (1 - a) dh
 *
 * Launch as in step.h.  20 bytes per thread and step forward, 16 to 20 backward; one transcendental at most.
 */
#include "kernels/cells.h"
#include "kernels/step.h"

namespace {

template <int g> __global__ void leaky_kernel(sq_step s, int64_t H, float a) {
  SQ_FOR_ROWS(b, s.batch) {
    const bool valid = sq_valid(s, b);
    SQ_FOR_COLS(j, H) {
      const int64_t at = b * H + j;
      const float n = valid ? sq_activate<g>(s.gates[at]) : 0.0f, old = s.prev[0][at];
      const float h = valid ? (1.0f - a) * old + a * n : old;
      s.gates[at] = n;
      s.next[0][at] = h;
      s.y[b * s.ldy + j] = valid ? h : 0.0f;
    }
  }
}

template <int g> __global__ void leaky_backward_kernel(sq_step s, int64_t H, float a) {
  SQ_FOR_ROWS(b, s.batch) {
    const bool valid = sq_valid(s, b);
    SQ_FOR_COLS(j, H) {
      const int64_t at = b * H + j;
      const float dh = s.dstate[0][at] + (valid ? sq_dy(s, b, j) : 0.0f);
      s.dgates[at] = valid ? a * dh * sq_activate_grad<g>(s.gates[at]) : 0.0f;
      if (valid) s.dstate[0][at] = (1.0f - a) * dh;
    }
  }
}

typedef void leaky_step_kernel(sq_step s, int64_t H, float a);

leaky_step_kernel *const leaky_kernels[] = SQ_EACH_ACTIVATION(leaky_kernel);
leaky_step_kernel *const leaky_backward_kernels[] = SQ_EACH_ACTIVATION(leaky_backward_kernel);

} // namespace

extern "C" int SQ_GPU(leaky_forward)(sq_exec *exec, const sq_step *s, int) {
  const sq_config &c = s->layout->config;
  return sq_step_launch(exec, "leaky_kernel", leaky_kernels[c.activation], c.hidden_size, s, c.hidden_size,
                        (float)c.leak);
}

extern "C" int SQ_GPU(leaky_backward)(sq_exec *exec, const sq_step *s, int) {
  const sq_config &c = s->layout->config;
  return sq_step_launch(exec, "leaky_backward_kernel", leaky_backward_kernels[c.activation], c.hidden_size, s,
                        c.hidden_size, (float)c.leak);
}
