/* gru.c - gated recurrent unit, in the lecture's form and in PyTorch's.
 *
 *   r_t = s(W_r x_t + b_r + U_r h_{t-1})        reset gate       s = logistic sigmoid
 *   u_t = s(W_u x_t + b_u + U_u h_{t-1})        update gate (PyTorch calls it z); it keeps the old state
 *   reset before (Cho et al. 2014, the lecture):  c_t = tanh(W_c x_t + b_c + U_c (r_t h_{t-1}))
 *   reset after  (cuDNN, PyTorch):                c_t = tanh(W_c x_t + b_c + r_t (U_c h_{t-1} + b_rec))
 *   h_t = (1 - u_t) c_t + u_t h_{t-1}
 *
 * gates [B,3H] = r,u,c (PyTorch's order).
 * aux [B,A]: reset before, r h_{t-1} [H], the operand of the second product (stage 1);
 *            reset after, q = U_c h_{t-1} + b_rec [H];  then whatever masks.h needs.
 * Normalisation (norm.h): W_ih x of r and u together, W_c x, U h of r and u together, and U_c (r h) or U_c h,
 * each by itself, before the biases.
 * With recurrent_dropout r h_{t-1} is of the h_{t-1} that the products see.  With update_dropout, c_t is
 * multiplied by its mask in h_t, and stored without it.
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
  const char *why = sq_layout_refuses_norms(config);
  if (why) return why;
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
  if (after) {
    const int rec = sq_layout_add_param(layout, "bias_rec", H, 1);
    sq_layout_add_sum(layout, (sq_sum){.param = rec, .width = H, .to = {.buffer = SQ_AUX}});
  }
  sq_layout_norm_input(layout, 2 * H);
  sq_layout_norm_products(layout, 0, 2);
  sq_layout_add_masks(layout);
  if (after) return NULL;
  layout->product[0].adds = 1; /* to what r h_{t-1} leaves at the dropped h_{t-1} */
  sq_result reset = {.to = {.buffer = SQ_AUX}, .units = H};
  if (layout->masks.drop > 0) reset.first_aux = layout->masks.dropped;
  sq_layout_add_result(layout, reset);
  return NULL;
}
#endif

/* A row of a part of aux; NULL if the layout does not have it. */
static real *part_of(const sq_layout *l, real *aux, int64_t b, int64_t column) {
  return column < 0 ? NULL : aux + b * l->aux + column;
}

/* h = (1-u) c + u h_{t-1}, written to the state and to y; m: the mask of c, or NULL. */
SQ_INLINE void mix_row(int64_t H, const real *restrict u, const real *restrict c, const real *restrict m,
                       const real *restrict hp, real *restrict h, real *restrict y) {
  for (int64_t j = 0; j < H; j++) y[j] = h[j] = (1 - u[j]) * (m ? m[j] * c[j] : c[j]) + u[j] * hp[j];
}

/* Gradients through the mix; dh becomes its direct part at h_{t-1}. */
SQ_INLINE void unmix_masked(int64_t H, const real *restrict a, const real *restrict m,
                            const real *restrict hp, real *restrict dh, real *restrict d) {
  const real *restrict u = a + H, *restrict c = a + 2 * H;
  real *restrict du = d + H, *restrict dc = d + 2 * H;
  for (int64_t j = 0; j < H; j++) {
    dc[j] = dh[j] * (1 - u[j]) * (m ? m[j] * (1 - c[j] * c[j]) : 1 - c[j] * c[j]);
    du[j] = dh[j] * (hp[j] - (m ? m[j] * c[j] : c[j])) * u[j] * (1 - u[j]);
    dh[j] *= u[j];
  }
}

SQ_CLONES static void unmix_row(int64_t H, const real *a, const real *m, const real *hp, real *dh, real *d) {
  if (m)
    unmix_masked(H, a, m, hp, dh, d);
  else
    unmix_masked(H, a, NULL, hp, dh, d);
}

/* r and u, then the operand r h_{t-1} of the candidate's product. */
SQ_CLONES static void forward_gates(const FN(sq_step) * s, int64_t b) {
  const int64_t H = s->layout->config.hidden_size;
  const int64_t dropped = s->layout->masks.dropped;
  real *aux = s->aux + b * s->layout->aux, *restrict r = s->gates + b * 3 * H, *restrict rh = aux;
  const real *restrict hp = dropped < 0 ? s->prev[0] + b * H : aux + dropped;
  FN(sq_activate_row)(SQ_SIGMOID, 2 * H, r, r);
  for (int64_t j = 0; j < H; j++) rh[j] = r[j] * hp[j];
}

SQ_CLONES static void forward_candidate(const FN(sq_step) * s, int64_t b) {
  const int64_t H = s->layout->config.hidden_size;
  const real *m = part_of(s->layout, s->aux, b, s->layout->masks.scale), *hp = s->prev[0] + b * H;
  real *a = s->gates + b * 3 * H, *h = s->next[0] + b * H, *y = s->y + b * s->ldy;
  FN(sq_activate_row)(SQ_TANH, H, a + 2 * H, a + 2 * H);
  if (m)
    mix_row(H, a + H, a + 2 * H, m, hp, h, y);
  else
    mix_row(H, a + H, a + 2 * H, NULL, hp, h, y);
}

SQ_CLONES static void forward_reset_after(const FN(sq_step) * s, int64_t b) {
  const int64_t H = s->layout->config.hidden_size;
  const real *restrict bias = s->params + s->layout->param[sq_layout_param(s->layout, "bias_rec")].offset;
  real *restrict r = s->gates + b * 3 * H, *restrict c = r + 2 * H, *restrict q = s->aux + b * s->layout->aux;
  FN(sq_activate_row)(SQ_SIGMOID, 2 * H, r, r);
  for (int64_t j = 0; j < H; j++) {
    q[j] += bias[j];
    c[j] += r[j] * q[j];
  }
  forward_candidate(s, b);
}

static void backward_candidate(const FN(sq_step) * s, int64_t b) {
  const int64_t H = s->layout->config.hidden_size;
  unmix_row(H, s->gates + b * 3 * H, part_of(s->layout, s->aux, b, s->layout->masks.scale),
            s->prev[0] + b * H, s->dstate[0] + b * H, s->dgates + b * 3 * H);
}

SQ_CLONES static void backward_reset_after(const FN(sq_step) * s, int64_t b) {
  const int64_t H = s->layout->config.hidden_size;
  const real *restrict r = s->gates + b * 3 * H, *restrict q = s->aux + b * s->layout->aux;
  real *restrict d = s->dgates + b * 3 * H, *restrict dq = s->daux + b * s->layout->aux;
  backward_candidate(s, b);
  for (int64_t j = 0; j < H; j++) {
    const real dc = d[2 * H + j];
    dq[j] = dc * r[j];
    d[j] = dc * q[j] * r[j] * (1 - r[j]);
  }
}

/* e is the gradient at r h_{t-1}; dh: the one at h_{t-1}, or with recurrent_dropout at what is left of it. */
SQ_INLINE void gates_back(int adds, int64_t H, const real *restrict r, const real *restrict hp,
                          const real *restrict e, real *restrict dh, real *restrict dr) {
  for (int64_t j = 0; j < H; j++) {
    dr[j] = e[j] * hp[j] * r[j] * (1 - r[j]);
    dh[j] = (adds ? dh[j] : 0) + e[j] * r[j];
  }
}

/* e = daux, as the second product left it. */
SQ_CLONES static void backward_gates(const FN(sq_step) * s, int64_t b) {
  const int64_t H = s->layout->config.hidden_size, A = s->layout->aux, dropped = s->layout->masks.dropped;
  const real *r = s->gates + b * 3 * H, *hp = part_of(s->layout, s->aux, b, dropped), *e = s->daux + b * A;
  if (hp)
    gates_back(0, H, r, hp, e, s->daux + b * A + dropped, s->dgates + b * 3 * H);
  else
    gates_back(1, H, r, s->prev[0] + b * H, e, s->dstate[0] + b * H, s->dgates + b * 3 * H);
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
      backward_candidate(s, b);
    else
      backward_gates(s, b);
  }
}
