/* urnn.cu - the pointwise step of the unitary evolution RNN (core/urnn.c; Arjovsky, Shah, Bengio 2016).
 *
 *   h = modReLU(z)          gates [B,2n] = z, Re then Im; aux [B,n] = 1 / |z|
 *
 * Launch as in step.h: a thread owns one complex unit.  36 bytes per thread and step forward, 48 to 56
 * backward; one square root and one division.
 */
#include "kernels/cells.h"
#include "kernels/modrelu.h"
#include "kernels/step.h"

namespace {

__global__ void urnn_kernel(sq_step s, int64_t n, const float *bias) {
  SQ_FOR_ROWS(b, s.batch) {
    const bool valid = sq_valid(s, b);
    SQ_FOR_COLS(j, n) {
      const int64_t re = b * 2 * n + j, im = re + n;
      float q = 0.0f;
      sq_complex h = {0.0f, 0.0f};
      if (valid) h = sq_modrelu({s.gates[re], s.gates[im]}, bias[j], &q);
      if (!valid) s.gates[re] = s.gates[im] = 0.0f;
      s.aux[b * n + j] = q;
      s.next[0][re] = valid ? h.re : s.prev[0][re];
      s.next[0][im] = valid ? h.im : s.prev[0][im];
      s.y[b * s.ldy + j] = h.re;
      s.y[b * s.ldy + n + j] = h.im;
    }
  }
}

__global__ void urnn_backward_kernel(sq_step s, int64_t n, const float *bias) {
  SQ_FOR_ROWS(b, s.batch) {
    const bool valid = sq_valid(s, b);
    SQ_FOR_COLS(j, n) {
      const int64_t re = b * 2 * n + j, im = re + n;
      float db = 0.0f;
      sq_complex dz = {0.0f, 0.0f};
      if (valid) {
        const sq_complex dh = {s.dstate[0][re] + sq_dy(s, b, j), s.dstate[0][im] + sq_dy(s, b, n + j)};
        dz = sq_modrelu_backward({s.gates[re], s.gates[im]}, bias[j], s.aux[b * n + j], dh, &db);
        s.dstate[0][re] = s.dstate[0][im] = 0.0f; /* h_{t-1} enters only through the product */
      }
      s.dgates[re] = dz.re;
      s.dgates[im] = dz.im;
      s.daux[b * n + j] = db;
    }
  }
}

} // namespace

extern "C" int SQ_GPU(urnn_forward)(sq_exec *exec, const sq_step *s, int) {
  const int64_t n = s->layout->config.hidden_size;
  return sq_step_launch(exec, "urnn_kernel", urnn_kernel, n, s, n, sq_step_param(s, "bias_mod"));
}

extern "C" int SQ_GPU(urnn_backward)(sq_exec *exec, const sq_step *s, int) {
  const int64_t n = s->layout->config.hidden_size;
  return sq_step_launch(exec, "urnn_backward_kernel", urnn_backward_kernel, n, s, n,
                        sq_step_param(s, "bias_mod"));
}
