/* mlstm.c - multiplicative LSTM: all gates see an intermediate state whose transition depends on the input.
 *
 *   m_t = (W_mx x_t) * (W_mh h_{t-1})
 *   i, f, g, o = the LSTM's gates (lstm.c) of W x_t + b + W_m m_t, in place of W x_t + b + U h_{t-1}
 *   c_t = f c_{t-1} + i g      h_t = o tanh(c_t)
 *
 * Krause, Lu, Murray, Renals, "Multiplicative LSTM for sequence modelling", 2016.  The paper's m has as many
 * units as h; here it has config.factor_size, where 0 stands for H.  Layout, parameters and the step of m are
 * factor.h's, with 4H gates:
 * weight_fh is the paper's W_mh, and weight_hf its W_im, W_fm, W_hm and W_om, one below the other.  The step
 * of c and h is the LSTM's.
 */
#include "core/cells.h"
#include "core/factor.h"

#if SEQGPU_REAL_BITS == 32
const char *sq_mlstm_layout(const sq_config *config, sq_layout *layout) {
  sq_factor_layout(layout, 4 * config->hidden_size);
  layout->states = 2;
  layout->state_width[0] = layout->state_width[1] = layout->output = config->hidden_size;
  return NULL;
}
#endif

void FN(sq_mlstm_forward)(const FN(sq_step) * s, int stage) {
  if (stage == 0)
    FN(sq_factor_forward)(s);
  else
    FN(sq_lstm_forward)(s, 0);
}

void FN(sq_mlstm_backward)(const FN(sq_step) * s, int stage) {
  if (stage == 0)
    FN(sq_factor_backward)(s);
  else
    FN(sq_lstm_backward)(s, 0);
}
