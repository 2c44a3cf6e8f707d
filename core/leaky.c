/* leaky.c - the leaky integrator: a vanilla network in which every unit keeps a share of its old value.
 *
 *   n_t = g(W_ih x_t + b + W_hh h_{t-1})      h_t = (1 - a) h_{t-1} + a n_t
 *
 * where g = tanh, relu, sigmoid or identity, and a = config.leak.  a = 0 stands for 1: no leak, the vanilla
 * network (rnn.c), whose layout this cell has.
 *
 * Jaeger, "The echo state approach to analysing and training recurrent neural networks", GMD report 148,
 * 2001; Jaeger, Lukosevicius, Popovici, Siewert, "Optimization and applications of echo state networks with
 * leaky-integrator neurons", Neural Networks 20, 2007.  The reservoir of an echo state network; here it can
 * also be trained.
 *
 * gates [B,H] = n.  No aux.
 *
 * Backward:  d(pre-activation) = a dh g'     dh_{t-1} = (1 - a) dh
 * to which the driver adds W_hh^T d(pre-activation).
 */
#include "core/cells.h"
#include "core/quick.h"
#include "core/step.h"

#if SEQGPU_REAL_BITS == 32
const char *sq_leaky_layout(const sq_config *config, sq_layout *layout) {
  if (config->leak == 0) layout->config.leak = 1;
  return sq_rnn_layout(config, layout);
}
#endif

SQ_CLONES static void forward_row(int quick, const sq_config *c, real *restrict n, const real *restrict hp,
                                  real *restrict h, real *restrict y) {
  const real a = (real)c->leak;
  FN(sq_activate_quick_row)(quick, c->activation, c->hidden_size, n, n);
  for (int64_t j = 0; j < c->hidden_size; j++) y[j] = h[j] = (1 - a) * hp[j] + a * n[j];
}

SQ_CLONES static void backward_row(const sq_config *c, const real *restrict n, real *restrict dh,
                                   real *restrict d) {
  const real a = (real)c->leak;
  for (int64_t j = 0; j < c->hidden_size; j++) {
    d[j] = a * dh[j] * FN(sq_activate_grad)(c->activation, n[j]);
    dh[j] *= 1 - a;
  }
}

void FN(sq_leaky_forward)(const FN(sq_step) * s, int stage) {
  (void)stage;
  const sq_config *c = &s->layout->config;
  SQ_FORWARD_ROWS(s, b) {
    const int64_t at = b * c->hidden_size;
    forward_row(s->quick, c, s->gates + at, s->prev[0] + at, s->next[0] + at, s->y + b * s->ldy);
  }
}

void FN(sq_leaky_backward)(const FN(sq_step) * s, int stage) {
  (void)stage;
  const sq_config *c = &s->layout->config;
  SQ_BACKWARD_ROWS(s, b) {
    const int64_t at = b * c->hidden_size;
    FN(sq_step_add_dy)(s, b, s->dstate[0] + at);
    backward_row(c, s->gates + at, s->dstate[0] + at, s->dgates + at);
  }
}
