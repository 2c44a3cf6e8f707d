/* mlstm.cu - the pointwise steps of the multiplicative LSTM (core/mlstm.c has the paper): stage 0 is the step
 * of the factors (factor.cu), stage 1 that of the LSTM (lstm.cu).
 */
#include "kernels/cells.h"
#include "kernels/factor.h"

extern "C" int SQ_GPU(mlstm_forward)(sq_exec *exec, const sq_step *s, int stage) {
  return stage == 0 ? SQ_GPU(factor_forward)(exec, s) : SQ_GPU(lstm_forward)(exec, s, 0);
}

extern "C" int SQ_GPU(mlstm_backward)(sq_exec *exec, const sq_step *s, int stage) {
  return stage == 0 ? SQ_GPU(factor_backward)(exec, s) : SQ_GPU(lstm_backward)(exec, s, 0);
}
