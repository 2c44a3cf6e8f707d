/* mrnn.cu - the pointwise steps of the multiplicative network (core/mrnn.c has the paper): stage 0 is the
 * step of the factors (factor.cu), stage 1 that of the vanilla network (rnn.cu).
 */
#include "kernels/cells.h"
#include "kernels/factor.h"

extern "C" int SQ_GPU(mrnn_forward)(sq_exec *exec, const sq_step *s, int stage) {
  return stage == 0 ? SQ_GPU(factor_forward)(exec, s) : SQ_GPU(rnn_forward)(exec, s, 0);
}

extern "C" int SQ_GPU(mrnn_backward)(sq_exec *exec, const sq_step *s, int stage) {
  return stage == 0 ? SQ_GPU(factor_backward)(exec, s) : SQ_GPU(rnn_backward)(exec, s, 0);
}
