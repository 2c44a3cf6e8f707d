/* rnn.c - the vanilla recurrent network.
 *
 *   a_t = W_ih x_t + b + W_hh h_{t-1}      h_t = g(a_t)      g = tanh, relu, sigmoid or identity
 *
 * Elman 1990; the lecture's h_t = g(V x_t + W h_{t-1} + b_h).  The output y_t = f(U h_t + b_y) is a linear
 * layer above.
 * gates [B,H] = h (the activation is its own record: every g' is a function of g).  No aux but for options.
 * layer_norm: h_t = g(LN(W_ih x_t + W_hh h_{t-1}) + b), one normalisation of the sum, as in the paper's
 * equation 4.
 * Batch normalisation: h_t = g(BN(W_ih x_t) + BN(W_hh h_{t-1}) + b), with batch_norm_input the first alone.
 * Other cells with the same h (householder.c, mrnn.c) use this pointwise step; their further gates stand
 * behind.
 *
 * Backward:  da = dh * g'(a);   the driver adds W_hh^T da to dh_{t-1}.
 */
#include "core/cells.h"
#include "core/quick.h"
#include "core/step.h"

#if SEQGPU_REAL_BITS == 32
const char *sq_rnn_layout(const sq_config *config, sq_layout *layout) {
  const int64_t H = config->hidden_size;
  const char *why = sq_layout_refuses_norms(config);
  if (why) return why;
  sq_layout_one_gate(layout);
  const int whh = sq_layout_add_param(layout, "weight_hh", H, H);
  sq_layout_add_product(
      layout,
      (sq_product){
          .param = whh, .rows = H, .cols = H, .from = {.buffer = SQ_STATE_PREV}, .to = {.buffer = SQ_GATES}});
  if (config->layer_norm) {
    sq_layout_norm_gates(layout);
  } else {
    sq_layout_norm_input(layout, H);
    sq_layout_norm_products(layout, 0, 1);
  }
  sq_layout_add_masks(layout);
  return NULL;
}
#endif

SQ_CLONES static void forward_row(int quick, sq_activation g, int64_t n, real *restrict a, real *restrict h,
                                  real *restrict y) {
  FN(sq_activate_quick_row)(quick, g, n, a, a);
  for (int64_t j = 0; j < n; j++) y[j] = h[j] = a[j];
}

SQ_CLONES static void backward_row(sq_activation g, int64_t n, const real *restrict h, real *restrict dh,
                                   real *restrict da) {
  for (int64_t j = 0; j < n; j++) {
    da[j] = dh[j] * FN(sq_activate_grad)(g, h[j]);
    dh[j] = 0; /* h_{t-1} enters only through the product */
  }
}

void FN(sq_rnn_forward)(const FN(sq_step) * s, int stage) {
  (void)stage;
  const int64_t H = s->layout->config.hidden_size, G = s->layout->gates;
  const sq_activation g = s->layout->config.activation;
  SQ_FORWARD_ROWS(s, b) {
    forward_row(s->quick, g, H, s->gates + b * G, s->next[0] + b * H, s->y + b * s->ldy);
  }
}

void FN(sq_rnn_backward)(const FN(sq_step) * s, int stage) {
  (void)stage;
  const int64_t H = s->layout->config.hidden_size, G = s->layout->gates;
  const sq_activation g = s->layout->config.activation;
  SQ_BACKWARD_ROWS(s, b) {
    FN(sq_step_add_dy)(s, b, s->dstate[0] + b * H);
    backward_row(g, H, s->gates + b * G, s->dstate[0] + b * H, s->dgates + b * G);
  }
}
