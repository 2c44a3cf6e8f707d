/* rnn.cu - the pointwise step of the vanilla network (core/rnn.c; Elman 1990).
 *
 *   h_t = g(a_t)          backward:  da = dh g'(a), with g' from h
 *
 * Launch as in step.h.  16 bytes per thread and step forward, 16 to 20 backward; one transcendental at most.
 */
#include "kernels/cells.h"
#include "kernels/step.h"

namespace {

template <int g> __global__ void rnn_kernel(sq_step s, int64_t H, int64_t G) {
  SQ_FOR_ROWS(b, s.batch) {
    const bool valid = sq_valid(s, b);
    SQ_FOR_COLS(j, H) {
      const int64_t at = b * H + j, gate = b * G + j;
      const float h = valid ? sq_activate<g>(s.gates[gate]) : 0.0f;
      s.gates[gate] = h;
      s.next[0][at] = valid ? h : s.prev[0][at];
      s.y[b * s.ldy + j] = h;
    }
  }
}

template <int g> __global__ void rnn_backward_kernel(sq_step s, int64_t H, int64_t G) {
  SQ_FOR_ROWS(b, s.batch) {
    const bool valid = sq_valid(s, b);
    SQ_FOR_COLS(j, H) {
      const int64_t at = b * H + j, gate = b * G + j;
      const float dh = valid ? s.dstate[0][at] + sq_dy(s, b, j) : 0.0f;
      s.dgates[gate] = valid ? dh * sq_activate_grad<g>(s.gates[gate]) : 0.0f;
      if (valid) s.dstate[0][at] = 0.0f; /* h_{t-1} enters only through the product */
    }
  }
}

typedef void rnn_step_kernel(sq_step s, int64_t H, int64_t G);

rnn_step_kernel *const rnn_kernels[] = SQ_EACH_ACTIVATION(rnn_kernel);
rnn_step_kernel *const rnn_backward_kernels[] = SQ_EACH_ACTIVATION(rnn_backward_kernel);

} // namespace

extern "C" int SQ_GPU(rnn_forward)(sq_exec *exec, const sq_step *s, int) {
  const sq_config &c = s->layout->config;
  return sq_step_launch(exec, "rnn_kernel", rnn_kernels[c.activation], c.hidden_size, s, c.hidden_size,
                        s->layout->gates);
}

extern "C" int SQ_GPU(rnn_backward)(sq_exec *exec, const sq_step *s, int) {
  const sq_config &c = s->layout->config;
  return sq_step_launch(exec, "rnn_backward_kernel", rnn_backward_kernels[c.activation], c.hidden_size, s,
                        c.hidden_size, s->layout->gates);
}
