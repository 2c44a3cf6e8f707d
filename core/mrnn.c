/* mrnn.c - the multiplicative recurrent network, whose recurrent matrix depends on the input.
 *
 *   m_t = (W_fx x_t) * (W_fh h_{t-1})      h_t = tanh(W_hx x_t + b + W_hf m_t)
 *
 * Sutskever, Martens, Hinton, "Generating text with recurrent neural networks", ICML 2011, eq. 6 and 7; the
 * paper's hidden units have no bias.  Layout, parameters and the factors' step are factor.h's, with H gates;
 * the step of h is the vanilla network's (rnn.c).
 */
#include "core/cells.h"
#include "core/factor.h"

#if SEQGPU_REAL_BITS == 32
const char *sq_mrnn_layout(const sq_config *config, sq_layout *layout) {
  sq_factor_layout(layout, config->hidden_size);
  layout->states = 1;
  layout->state_width[0] = layout->output = config->hidden_size;
  return NULL;
}
#endif

void FN(sq_mrnn_forward)(const FN(sq_step) * s, int stage) {
  if (stage == 0)
    FN(sq_factor_forward)(s);
  else
    FN(sq_rnn_forward)(s, 0);
}

void FN(sq_mrnn_backward)(const FN(sq_step) * s, int stage) {
  if (stage == 0)
    FN(sq_factor_backward)(s);
  else
    FN(sq_rnn_backward)(s, 0);
}
