/* gru.c - gated recurrent unit, in the lecture's form and in PyTorch's.
 *
 *   r_t = s(W_r x_t + b_r + U_r h_{t-1})        reset gate       s = logistic sigmoid
 *   u_t = s(W_u x_t + b_u + U_u h_{t-1})        update gate (PyTorch calls it z); it keeps the old state
 *   reset before (Cho et al. 2014, the lecture):  c_t = tanh(W_c x_t + b_c + U_c (r_t h_{t-1}))
 *   reset after  (cuDNN, PyTorch):                c_t = tanh(W_c x_t + b_c + r_t (U_c h_{t-1} + b_rec))
 *   h_t = (1 - u_t) c_t + u_t h_{t-1}
 *
 * gates [B,3H] = r,u,c (PyTorch's order).
 * aux [B,H]: reset before, r h_{t-1}, the operand of the second product (stage 1);
 *            reset after, q = U_c h_{t-1} + b_rec.
 *
 * Backward:  dc' = dh (1-u) (1-c^2)     du' = dh (h_{t-1} - c) u(1-u)     dh_{t-1} = dh u + products
 *   before:  e = U_c^T dc' (the gradient at r h):   dr' = e h_{t-1} r(1-r),   dh_{t-1} += e r
 *   after:   dq = dc' r,                            dr' = dc' q r(1-r)
 */
#include "core/cells.h"
#include "core/step.h"

#if SEQGPU_REAL_BITS == 32
const char *sq_gru_layout(const sq_config *config, sq_layout *layout) {
  const int64_t H = config->hidden_size;
  const int after = config->reset_after;
  layout->aux = H;
  layout->output = H;
  layout->states = 1;
  layout->state_width[0] = H;
  layout->stages = after ? 1 : 2;
  sq_layout_add_input(layout, 3 * H, 3 * H);
  const int whh = sq_layout_add_param(layout, "weight_hh", 3 * H, H);
  sq_layout_add_product(layout, (sq_product){.param = whh,
                                             .rows = 2 * H,
                                             .cols = H,
                                             .from = {.buffer = SQ_STATE_PREV},
                                             .to = {.buffer = SQ_GATES}});
  sq_product candidate = {.stage = 1, .param = whh, .row = 2 * H, .rows = H, .cols = H};
  candidate.from = (sq_place){.buffer = SQ_AUX};
  candidate.to = (sq_place){.buffer = SQ_GATES, .column = 2 * H};
  if (after) {
    candidate.stage = 0;
    candidate.from = (sq_place){.buffer = SQ_STATE_PREV};
    candidate.to = (sq_place){.buffer = SQ_AUX};
  }
  sq_layout_add_product(layout, candidate);
  if (!after) sq_layout_add_result(layout, (sq_result){.to = {.buffer = SQ_AUX}, .units = H});
  if (after) {
    const int rec = sq_layout_add_param(layout, "bias_rec", H, 1);
    sq_layout_add_sum(layout, (sq_sum){.param = rec, .width = H, .to = {.buffer = SQ_AUX}});
  }
  return NULL;
}
#endif

/* h = (1-u) c + u h_{t-1}, written to the state and to y. */
SQ_INLINE void mix_row(int64_t H, const real *restrict u, const real *restrict c, const real *restrict hp,
                       real *restrict h, real *restrict y) {
  for (int64_t j = 0; j < H; j++) y[j] = h[j] = (1 - u[j]) * c[j] + u[j] * hp[j];
}

/* Gradients through the mix; dh becomes its direct part at h_{t-1}. */
SQ_CLONES static void unmix_row(int64_t H, const real *restrict a, const real *restrict hp, real *restrict dh,
                                real *restrict d) {
  const real *restrict u = a + H, *restrict c = a + 2 * H;
  real *restrict du = d + H, *restrict dc = d + 2 * H;
  for (int64_t j = 0; j < H; j++) {
    dc[j] = dh[j] * (1 - u[j]) * (1 - c[j] * c[j]);
    du[j] = dh[j] * (hp[j] - c[j]) * u[j] * (1 - u[j]);
    dh[j] *= u[j];
  }
}

/* r and u, then the operand r h_{t-1} of the candidate's product. */
SQ_CLONES static void forward_gates(const FN(sq_step) * s, int64_t b) {
  const int64_t H = s->layout->config.hidden_size;
  real *restrict r = s->gates + b * 3 * H, *restrict rh = s->aux + b * H;
  const real *restrict hp = s->prev[0] + b * H;
  FN(sq_activate_row)(SQ_SIGMOID, 2 * H, r, r);
  for (int64_t j = 0; j < H; j++) rh[j] = r[j] * hp[j];
}

SQ_CLONES static void forward_candidate(const FN(sq_step) * s, int64_t b) {
  const int64_t H = s->layout->config.hidden_size;
  real *a = s->gates + b * 3 * H;
  FN(sq_activate_row)(SQ_TANH, H, a + 2 * H, a + 2 * H);
  mix_row(H, a + H, a + 2 * H, s->prev[0] + b * H, s->next[0] + b * H, s->y + b * s->ldy);
}

SQ_CLONES static void forward_reset_after(const FN(sq_step) * s, int64_t b) {
  const int64_t H = s->layout->config.hidden_size;
  const real *restrict bias = s->params + s->layout->param[sq_layout_param(s->layout, "bias_rec")].offset;
  real *restrict r = s->gates + b * 3 * H, *restrict c = r + 2 * H, *restrict q = s->aux + b * H;
  FN(sq_activate_row)(SQ_SIGMOID, 2 * H, r, r);
  for (int64_t j = 0; j < H; j++) {
    q[j] += bias[j];
    c[j] += r[j] * q[j];
  }
  forward_candidate(s, b);
}

SQ_CLONES static void backward_reset_after(const FN(sq_step) * s, int64_t b) {
  const int64_t H = s->layout->config.hidden_size;
  const real *restrict r = s->gates + b * 3 * H, *restrict q = s->aux + b * H;
  real *restrict d = s->dgates + b * 3 * H, *restrict dq = s->daux + b * H;
  unmix_row(H, s->gates + b * 3 * H, s->prev[0] + b * H, s->dstate[0] + b * H, s->dgates + b * 3 * H);
  for (int64_t j = 0; j < H; j++) {
    const real dc = d[2 * H + j];
    dq[j] = dc * r[j];
    d[j] = dc * q[j] * r[j] * (1 - r[j]);
  }
}

/* e = daux is the gradient at r h_{t-1}, as the second product left it. */
SQ_CLONES static void backward_gates(const FN(sq_step) * s, int64_t b) {
  const int64_t H = s->layout->config.hidden_size;
  const real *restrict r = s->gates + b * 3 * H, *restrict hp = s->prev[0] + b * H;
  const real *restrict e = s->daux + b * H;
  real *restrict dr = s->dgates + b * 3 * H, *restrict dh = s->dstate[0] + b * H;
  for (int64_t j = 0; j < H; j++) {
    dr[j] = e[j] * hp[j] * r[j] * (1 - r[j]);
    dh[j] += e[j] * r[j];
  }
}

void FN(sq_gru_forward)(const FN(sq_step) * s, int stage) {
  SQ_FORWARD_ROWS(s, b) {
    if (s->layout->stages == 1)
      forward_reset_after(s, b);
    else if (stage == 0)
      forward_gates(s, b);
    else
      forward_candidate(s, b);
  }
}

void FN(sq_gru_backward)(const FN(sq_step) * s, int stage) {
  const int64_t H = s->layout->config.hidden_size;
  SQ_BACKWARD_ROWS(s, b) {
    real *dh = s->dstate[0] + b * H;
    if (stage == s->layout->stages - 1) FN(sq_step_add_dy)(s, b, dh);
    if (s->layout->stages == 1)
      backward_reset_after(s, b);
    else if (stage == 1)
      unmix_row(H, s->gates + b * 3 * H, s->prev[0] + b * H, dh, s->dgates + b * 3 * H);
    else
      backward_gates(s, b);
  }
}
