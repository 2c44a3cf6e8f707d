/* lstm.c - long short-term memory, with and without forget gate.
 *
 *   i_t = s(W_i x_t + b_i + U_i h_{t-1} + p_i c_{t-1})     input gate
 *   f_t = s(W_f x_t + b_f + U_f h_{t-1} + p_f c_{t-1})     forget gate     s = logistic sigmoid
 *   g_t = tanh(W_g x_t + b_g + U_g h_{t-1})                cell input
 *   c_t = f_t c_{t-1} + i_t g_t
 *   o_t = s(W_o x_t + b_o + U_o h_{t-1} + p_o c_t)         output gate
 *   h_t = o_t tanh(c_t)                                    or  h_t = W_hr (o_t tanh(c_t)) with a projection
 *
 * "lstm":  Gers, Schmidhuber, Cummins 2000 (forget gate); gates [B,4H] = i,f,g,o, PyTorch's order.
 * "lstm0": Hochreiter, Schmidhuber 1997: f = 1, the constant error carousel; gates [B,3H] = i,g,o.
 * Options: peephole: vectors p (Gers, Schmidhuber 2000), without p_f where there is no forget gate;
 *          coupled: f = 1 - i (Greff et al. 2017), gates i,g,o, "lstm" only;
 *          projection_size (Sak, Senior, Beaufays 2014): h has P elements.
 *          aux [B,H+P] = m = o tanh(c), then W_hr m.
 * Another cell with the same c and h (mlstm.c) uses this pointwise step as well.  Its further gates stand
 * behind i,f,g,o, have no bias, and are its own, as is aux.
 *
 * Backward, where dm is the gradient at o tanh(c):
 *   do' = dm tanh(c) o(1-o)      dc += dm o (1 - tanh(c)^2) + p_o do'
 *   di' = dc g i(1-i)    df' = dc c_{t-1} f(1-f)    dg' = dc i (1-g^2)
 *   di' = dc (g - c_{t-1}) i(1-i)                    if coupled
 *   dc_{t-1} = dc f + p_i di' + p_f df'
 */
#include "core/cells.h"
#include "core/step.h"

#if SEQGPU_REAL_BITS == 32
/* A peephole vector: dp = sum over time of d(gate) * c. */
static void add_peephole(sq_layout *layout, const char *name, int64_t column, sq_buffer c) {
  const int64_t H = layout->config.hidden_size;
  const int param = sq_layout_add_param(layout, name, H, 1);
  sq_layout_add_sum(layout, (sq_sum){.param = param,
                                     .width = H,
                                     .to = {.buffer = SQ_GATES, .column = column},
                                     .from = {.buffer = c, .state = 1}});
}

static void add_projection(sq_layout *layout) {
  const int64_t H = layout->config.hidden_size, P = layout->config.projection_size;
  const int whr = sq_layout_add_param(layout, "weight_hr", P, H);
  sq_layout_add_product(layout, (sq_product){.stage = 1,
                                             .param = whr,
                                             .rows = P,
                                             .cols = H,
                                             .from = {.buffer = SQ_AUX},
                                             .to = {.buffer = SQ_AUX, .column = H}});
}

static const char *layout_with(const sq_config *config, sq_layout *layout, int forget) {
  const int64_t H = config->hidden_size, P = config->projection_size;
  const int64_t blocks = forget ? 4 : 3, out = P ? P : H;
  if (P < 0 || P >= H) {
    if (P != 0) return "projection_size: must be 0 (none) or from 1 to hidden_size - 1";
  }
  layout->aux = P ? H + P : 0;
  layout->output = out;
  layout->states = 2;
  layout->state_width[0] = out;
  layout->state_width[1] = H;
  layout->stages = P ? 2 : 1;
  sq_layout_add_input(layout, blocks * H, blocks * H);
  const int whh = sq_layout_add_param(layout, "weight_hh", blocks * H, out);
  sq_layout_add_product(layout, (sq_product){.param = whh,
                                             .rows = blocks * H,
                                             .cols = out,
                                             .from = {.buffer = SQ_STATE_PREV},
                                             .to = {.buffer = SQ_GATES}});
  if (config->peephole) {
    add_peephole(layout, "peephole_i", 0, SQ_STATE_PREV);
    if (forget) add_peephole(layout, "peephole_f", H, SQ_STATE_PREV);
    add_peephole(layout, "peephole_o", (blocks - 1) * H, SQ_STATE);
  }
  if (P) add_projection(layout);
  return NULL;
}

const char *sq_lstm_layout(const sq_config *config, sq_layout *layout) {
  return layout_with(config, layout, !config->coupled);
}

const char *sq_lstm0_layout(const sq_config *config, sq_layout *layout) {
  return layout_with(config, layout, 0);
}
#endif

/* Where the blocks of one row are, and which of the options hold. */
typedef struct lstm_row {
  int64_t H;
  int forget, coupled;
  int64_t f, g, o; /* columns; i is at 0 */
  const real *p_i, *p_f, *p_o;
} lstm_row;

static int projected(const FN(sq_step) * s) { return s->layout->config.projection_size != 0; }

static const real *peephole(const FN(sq_step) * s, const char *name) {
  return s->params + s->layout->param[sq_layout_param(s->layout, name)].offset;
}

static lstm_row row_of(const FN(sq_step) * s) {
  const int64_t H = s->layout->config.hidden_size;
  const int forget = s->layout->biased == 4 * H;
  lstm_row r = {.H = H, .forget = forget, .coupled = s->layout->config.coupled};
  r.f = H;
  r.g = forget ? 2 * H : H;
  r.o = r.g + H;
  if (!s->layout->config.peephole) return r;
  r.p_i = peephole(s, "peephole_i");
  r.p_f = forget ? peephole(s, "peephole_f") : NULL;
  r.p_o = peephole(s, "peephole_o");
  return r;
}

SQ_INLINE void add_scaled(int64_t n, real *restrict a, const real *restrict p, const real *restrict c) {
  for (int64_t j = 0; j < n; j++) a[j] += p[j] * c[j];
}

/* c_t from activated gates. */
SQ_INLINE void next_cell(const lstm_row *r, const real *restrict a, const real *restrict cp,
                         real *restrict c) {
  const real *restrict i = a, *restrict f = a + r->f, *restrict g = a + r->g;
  if (r->forget)
    for (int64_t j = 0; j < r->H; j++) c[j] = f[j] * cp[j] + i[j] * g[j];
  else if (r->coupled)
    for (int64_t j = 0; j < r->H; j++) c[j] = (1 - i[j]) * cp[j] + i[j] * g[j];
  else
    for (int64_t j = 0; j < r->H; j++) c[j] = cp[j] + i[j] * g[j];
}

/* Activates one row of gates, writes c, and m = o tanh(c). */
SQ_CLONES static void forward_row(const lstm_row *r, real *a, const real *cp, real *c, real *restrict m) {
  const int64_t H = r->H;
  if (r->p_i) add_scaled(H, a, r->p_i, cp);
  if (r->p_f) add_scaled(H, a + r->f, r->p_f, cp);
  FN(sq_activate_row)(SQ_SIGMOID, r->forget ? 2 * H : H, a, a);
  FN(sq_activate_row)(SQ_TANH, H, a + r->g, a + r->g);
  next_cell(r, a, cp, c);
  real *restrict o = a + r->o;
  if (r->p_o) add_scaled(H, o, r->p_o, c);
  FN(sq_activate_row)(SQ_SIGMOID, H, o, o);
  for (int64_t j = 0; j < H; j++) m[j] = o[j] * FN(sq_tanh)(c[j]);
}

/* One row backward.  In: dm, and dc at c_t; out: d, the gradients at the pre-activations, and dc at
 * c_{t-1}. */
SQ_CLONES static void backward_row(const lstm_row *r, const real *restrict a, const real *restrict cp,
                                   const real *restrict c, const real *restrict dm, real *restrict dc,
                                   real *restrict d) {
  const int64_t H = r->H;
  const real *restrict i = a, *restrict g = a + r->g, *restrict o = a + r->o;
  real *restrict di = d, *restrict dg = d + r->g, *restrict dout = d + r->o;
  for (int64_t j = 0; j < H; j++) {
    const real tc = FN(sq_tanh)(c[j]);
    dout[j] = dm[j] * tc * o[j] * (1 - o[j]);
    dc[j] += dm[j] * o[j] * (1 - tc * tc);
  }
  if (r->p_o) add_scaled(H, dc, r->p_o, dout);
  for (int64_t j = 0; j < H; j++) dg[j] = dc[j] * i[j] * (1 - g[j] * g[j]);
  if (r->coupled) {
    for (int64_t j = 0; j < H; j++) {
      di[j] = dc[j] * (g[j] - cp[j]) * i[j] * (1 - i[j]);
      dc[j] *= 1 - i[j];
    }
  } else {
    for (int64_t j = 0; j < H; j++) di[j] = dc[j] * g[j] * i[j] * (1 - i[j]);
  }
  if (r->forget) {
    const real *restrict f = a + r->f;
    real *restrict df = d + r->f;
    for (int64_t j = 0; j < H; j++) {
      df[j] = dc[j] * cp[j] * f[j] * (1 - f[j]);
      dc[j] *= f[j];
    }
    if (r->p_f) add_scaled(H, dc, r->p_f, df);
  }
  if (r->p_i) add_scaled(H, dc, r->p_i, di);
}

/* Stage 0: gates, c, and m (which is h, or the operand of the projection). */
static void forward_cell(const FN(sq_step) * s) {
  const lstm_row r = row_of(s);
  const int64_t H = r.H, G = s->layout->gates, A = projected(s) ? s->layout->aux : 0;
  SQ_FORWARD_ROWS(s, b) {
    real *m = A ? s->aux + b * A : s->next[0] + b * H;
    forward_row(&r, s->gates + b * G, s->prev[1] + b * H, s->next[1] + b * H, m);
    if (A) continue;
    for (int64_t j = 0; j < H; j++) s->y[b * s->ldy + j] = m[j];
  }
}

/* Stage 1, with a projection only: h = W_hr m, which the product left in aux. */
static void forward_projection(const FN(sq_step) * s) {
  const int64_t H = s->layout->config.hidden_size, P = s->layout->output, A = s->layout->aux;
  SQ_FORWARD_ROWS(s, b) {
    const real *h = s->aux + b * A + H;
    for (int64_t j = 0; j < P; j++) s->y[b * s->ldy + j] = s->next[0][b * P + j] = h[j];
  }
}

static void backward_projection(const FN(sq_step) * s) {
  const int64_t H = s->layout->config.hidden_size, P = s->layout->output, A = s->layout->aux;
  SQ_BACKWARD_ROWS(s, b) {
    real *dh = s->dstate[0] + b * P, *d = s->daux + b * A + H;
    FN(sq_step_add_dy)(s, b, dh);
    for (int64_t j = 0; j < P; j++) {
      d[j] = dh[j];
      dh[j] = 0; /* h_{t-1} enters only through the products */
    }
  }
}

static void backward_cell(const FN(sq_step) * s) {
  const lstm_row r = row_of(s);
  const int64_t H = r.H, G = s->layout->gates, A = projected(s) ? s->layout->aux : 0;
  SQ_BACKWARD_ROWS(s, b) {
    real *dm = A ? s->daux + b * A : s->dstate[0] + b * H;
    if (!A) FN(sq_step_add_dy)(s, b, dm);
    backward_row(&r, s->gates + b * G, s->prev[1] + b * H, s->next[1] + b * H, dm, s->dstate[1] + b * H,
                 s->dgates + b * G);
    if (A) continue;
    for (int64_t j = 0; j < H; j++) dm[j] = 0;
  }
}

void FN(sq_lstm_forward)(const FN(sq_step) * s, int stage) {
  if (stage == 0)
    forward_cell(s);
  else
    forward_projection(s);
}

void FN(sq_lstm_backward)(const FN(sq_step) * s, int stage) {
  if (stage == 0)
    backward_cell(s);
  else
    backward_projection(s);
}

/* lstm0 is the same arithmetic; its layout has no forget block. */
void FN(sq_lstm0_forward)(const FN(sq_step) * s, int stage) { FN(sq_lstm_forward)(s, stage); }
void FN(sq_lstm0_backward)(const FN(sq_step) * s, int stage) { FN(sq_lstm_backward)(s, stage); }
