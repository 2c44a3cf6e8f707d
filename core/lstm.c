/* lstm.c - long short-term memory, and its variants.
 *
 *   i_t = s(W_i x_t + b_i + U_i h_{t-1} + p_i c_{t-1})     input gate
 *   f_t = s(W_f x_t + b_f + U_f h_{t-1} + p_f c_{t-1})     forget gate     s = logistic sigmoid
 *   g_t = tanh(W_g x_t + b_g + U_g h_{t-1})                cell input
 *   c_t = f_t c_{t-1} + i_t g_t
 *   o_t = s(W_o x_t + b_o + U_o h_{t-1} + p_o c_t)         output gate
 *   h_t = o_t tanh(c_t)                                    or  h_t = W_hr (o_t tanh(c_t)) with a projection
 *
 * "lstm":  Gers, Schmidhuber, Cummins 2000 (forget gate); gates [B,4H] = i,f,g,o, PyTorch's order.
 * "lstm0": Hochreiter, Schmidhuber 1997: "lstm" with no_forget_gate, the constant error carousel.
 * Options: peephole: vectors p (Gers, Schmidhuber 2000), of the gates that there are;
 *          projection_size (Sak, Senior, Beaufays 2014): h has P elements.
 *          aux [B,A] = m = o tanh(c) [H], then W_hr m [P];  without a projection none of these.
 * Zoneout and dropout of the recurrence (masks.h) have further columns of aux: with zoneout_cell, the new c
 * before zoneout, which the output gate and h see (Krueger et al. 2017); with update_dropout, the mask m_g of
 * g in c_t = f_t c_{t-1} + i_t (m_g g_t), while the gates hold g_t.
 * Normalisation (norm.h): W x and U h each by itself, all gates together, before the bias; and, with
 * layer_norm and batch_norm_steps, tanh(N(c_t)) for tanh(c_t), in a stage of its own, where the peepholes see
 * c_t.
 * And, "lstm" only, the variants of Greff, Srivastava, Koutnik, Steunebrink, Schmidhuber, "LSTM: a search
 * space odyssey", 2017 (their names in brackets).  Gates that are absent have no block in `gates`:
 *          coupled: f = 1 - i (CIFG);   no_input_gate: i = 1 (NIG);   no_forget_gate: f = 1 (NFG);
 *          no_output_gate: o = 1 (NOG);   no_input_activation: g without tanh (NIAF);
 *          no_output_activation: c_t for tanh(c_t) (NOAF);
 *          full_gate_recurrence: i, f and o also see R q_{t-1}, where q = (i,f,o), those that there are, is a
 *          third state (FGR).
 * Another cell with the same c and h (mlstm.c) uses this pointwise step as well.  Its further gates stand
 * behind i,f,g,o, have no bias, and are its own, as is aux.  It has no projection and no masks.
 *
 * Backward, where dm is the gradient at o tanh(c), and a gate that is 1 has none:
 *   do' = dm tanh(c) o(1-o)      dc += dm o (1 - tanh(c)^2) + p_o do'
 *   di' = dc g i(1-i)    df' = dc c_{t-1} f(1-f)    dg' = dc i (1-g^2)
 *   di' = dc (g - c_{t-1}) i(1-i)                    if coupled
 *   dc_{t-1} = dc f + p_i di' + p_f df'
 * where with full_gate_recurrence dq, the gradient at q_t, is added to those at i, f and o.
 */
#include <string.h>

#include "core/cells.h"
#include "core/step.h"

enum { ABSENT = -1 };

/* The columns of the gates; those of the sigmoids i and f come first. */
typedef struct lstm_gates {
  int64_t i, f, g, o; /* ABSENT: the gate is 1, or f = 1 - i */
  int64_t end;
} lstm_gates;

/* The next block of H columns, if it is there. */
static int64_t take_block(lstm_gates *at, int there, int64_t H) {
  const int64_t column = at->end;
  if (!there) return ABSENT;
  at->end += H;
  return column;
}

static lstm_gates gates_of(const sq_config *c) {
  lstm_gates at = {.end = 0};
  at.i = take_block(&at, !c->no_input_gate, c->hidden_size);
  at.f = take_block(&at, !c->no_forget_gate && !c->coupled, c->hidden_size);
  at.g = take_block(&at, 1, c->hidden_size);
  at.o = take_block(&at, !c->no_output_gate, c->hidden_size);
  return at;
}

/* The column of aux with N(c_t); -1: c is not normalised. */
static int64_t normalised_c(const sq_layout *l) {
  const sq_norm *last = l->norms > 0 ? &l->norm[l->norms - 1] : NULL;
  return last && last->from.buffer == SQ_STATE ? last->to.column : -1;
}

#if SEQGPU_REAL_BITS == 32
/* A peephole vector, unless its gate is absent: dp = sum over time of d(gate) * c. */
static void add_peephole(sq_layout *layout, const char *name, int64_t column, sq_place c) {
  const int64_t H = layout->config.hidden_size;
  if (column == ABSENT) return;
  const int param = sq_layout_add_param(layout, name, H, 1);
  sq_layout_add_sum(
      layout, (sq_sum){.param = param, .width = H, .to = {.buffer = SQ_GATES, .column = column}, .from = c});
}

static void add_projection(sq_layout *layout) {
  const int64_t H = layout->config.hidden_size, P = layout->config.projection_size;
  const int whr = sq_layout_add_param(layout, "weight_hr", P, H);
  sq_layout_add_product(layout, (sq_product){.stage = layout->stages - 1,
                                             .param = whr,
                                             .rows = P,
                                             .cols = H,
                                             .from = {.buffer = SQ_AUX},
                                             .to = {.buffer = SQ_AUX, .column = H}});
}

/* c, m (which is h, or the operand of the projection) and what is projected.  Where m is of N(c), a stage
 * later, c is its operand as well, where the peephole of o sees it: through the stage that made c. */
static void add_results(sq_layout *layout) {
  const int64_t H = layout->config.hidden_size, P = layout->config.projection_size;
  const int64_t n = normalised_c(layout);
  sq_result m = {.to = {.buffer = P ? SQ_AUX : SQ_STATE}, .units = H};
  if (n >= 0) {
    m.stage = m.back = 1;
    m.first_aux = n;
  }
  sq_layout_add_result(layout, (sq_result){.to = {.buffer = SQ_STATE, .state = 1}, .units = H});
  sq_layout_add_result(layout, m);
  if (P == 0) return;
  sq_layout_add_result(
      layout,
      (sq_result){.stage = layout->stages - 1, .to = {.buffer = SQ_STATE}, .units = P, .first_aux = H});
}

/* R: i and f stand before g, o behind it. */
static const char *add_gate_recurrence(sq_layout *layout, lstm_gates at) {
  const int64_t H = layout->config.hidden_size, Q = at.end - H;
  if (Q == 0) return "full_gate_recurrence: must be 0 where the LSTM has no gate";
  if (sq_layout_norms_recurrence(&layout->config))
    return "full_gate_recurrence: must be 0 with layer_norm or batch_norm_steps, which say nothing about it";
  const int param = sq_layout_add_param(layout, "weight_gates", Q, Q);
  sq_product product = {.param = param, .rows = at.g, .cols = Q};
  product.from = (sq_place){.buffer = SQ_STATE_PREV, .state = 2};
  product.to = (sq_place){.buffer = SQ_GATES};
  if (product.rows > 0) sq_layout_add_product(layout, product);
  product.row = at.g;
  product.rows = Q - at.g;
  product.to.column = at.o;
  if (product.rows > 0) sq_layout_add_product(layout, product);
  for (int64_t column = 0; column < Q; column += H)
    sq_layout_add_result(
        layout,
        (sq_result){.to = {.buffer = SQ_STATE, .state = layout->states, .column = column}, .units = H});
  layout->state_width[layout->states++] = Q;
  return NULL;
}

const char *sq_lstm_layout(const sq_config *config, sq_layout *layout) {
  const int64_t H = config->hidden_size, P = config->projection_size, out = P ? P : H;
  const lstm_gates at = gates_of(config);
  if (P < 0 || P >= H) {
    if (P != 0) return "projection_size: must be 0 (none) or from 1 to hidden_size - 1";
  }
  const char *why = sq_layout_refuses_norms(config);
  if (why) return why;
  if (config->coupled && (config->no_input_gate || config->no_forget_gate))
    return "coupled: must be 0 with no_input_gate or no_forget_gate, because f = 1 - i needs both gates";
  layout->output = out;
  layout->states = 2;
  layout->state_width[0] = out;
  layout->state_width[1] = H;
  layout->stages = 1 + sq_layout_norms_recurrence(config) + (P != 0);
  sq_layout_add_input(layout, at.end, at.end);
  const int whh = sq_layout_add_param(layout, "weight_hh", at.end, out);
  sq_layout_add_product(layout, (sq_product){.param = whh,
                                             .rows = at.end,
                                             .cols = out,
                                             .from = {.buffer = SQ_STATE_PREV},
                                             .to = {.buffer = SQ_GATES}});
  if (config->full_gate_recurrence) why = add_gate_recurrence(layout, at);
  if (why) return why;
  if (P) sq_layout_add_aux(layout, H + P);
  sq_place old = {.buffer = SQ_STATE_PREV, .state = 1}, made = {.buffer = SQ_STATE, .state = 1};
  if (config->zoneout_cell > 0) {
    made = (sq_place){.buffer = SQ_AUX, .column = sq_layout_add_aux(layout, H)};
    layout->masks.candidate[1] = made.column;
  }
  if (config->peephole) {
    add_peephole(layout, "peephole_i", at.i, old);
    add_peephole(layout, "peephole_f", at.f, old);
    add_peephole(layout, "peephole_o", at.o, made);
  }
  if (P) add_projection(layout);
  sq_layout_norm_input(layout, at.end);
  sq_layout_norm_products(layout, 0, 1);
  if (sq_layout_norms_recurrence(config)) sq_layout_norm_state(layout, 1, 1);
  add_results(layout);
  sq_layout_add_masks(layout);
  return NULL;
}

const char *sq_lstm0_layout(const sq_config *config, sq_layout *layout) {
  (void)config;
  layout->config.no_forget_gate = 1;
  return sq_lstm_layout(&layout->config, layout);
}
#endif

/* Where the blocks of one row are, and which of the options hold. */
typedef struct lstm_row {
  int64_t H;
  lstm_gates at;
  int coupled;
  int bounded_in, bounded_out; /* g and c go through a tanh */
  const real *p_i, *p_f, *p_o; /* NULL: none */
} lstm_row;

static int projected(const FN(sq_step) * s) { return s->layout->config.projection_size != 0; }

static const real *peephole(const FN(sq_step) * s, const char *name) {
  const int param = sq_layout_param(s->layout, name);
  return param < 0 ? NULL : s->params + s->layout->param[param].offset;
}

static lstm_row row_of(const FN(sq_step) * s) {
  const sq_config *c = &s->layout->config;
  lstm_row r = {.H = c->hidden_size, .at = gates_of(c), .coupled = c->coupled};
  r.bounded_in = !c->no_input_activation;
  r.bounded_out = !c->no_output_activation;
  if (!c->peephole) return r;
  r.p_i = peephole(s, "peephole_i");
  r.p_f = peephole(s, "peephole_f");
  r.p_o = peephole(s, "peephole_o");
  return r;
}

/* A gate's block of a row; NULL if it is absent. */
SQ_INLINE const real *block(const real *row, int64_t column) {
  return column == ABSENT ? NULL : row + column;
}
SQ_INLINE real *block_out(real *row, int64_t column) { return column == ABSENT ? NULL : row + column; }

SQ_INLINE void add_scaled(int64_t n, real *restrict a, const real *restrict p, const real *restrict c) {
  for (int64_t j = 0; j < n; j++) a[j] += p[j] * c[j];
}

/* The loops below are compiled for the common variants apart, where `has_i` and so on are constants, and once
 * for all others.  mask: of g, or NULL. */

/* c_t from activated gates. */
SQ_INLINE void next_cell_of(int has_i, int has_f, int coupled, int64_t H, const real *restrict i,
                            const real *restrict f, const real *restrict g, const real *restrict mask,
                            const real *restrict cp, real *restrict c) {
  for (int64_t j = 0; j < H; j++)
    /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): a mask beside c is not NULL, and so aux is not */
    c[j] = (has_f     ? f[j]
            : coupled ? 1 - i[j]
                      : 1) *
               cp[j] +
           (has_i ? i[j] : 1) * (mask ? mask[j] * g[j] : g[j]);
}

SQ_INLINE void next_cell(const lstm_row *r, const real *a, const real *mask, const real *cp, real *c) {
  const real *i = block(a, r->at.i), *f = block(a, r->at.f), *g = a + r->at.g;
  const int coupled = r->coupled && i;
  if (mask)
    next_cell_of(i != NULL, f != NULL, coupled, r->H, i, f, g, mask, cp, c);
  else if (i && f)
    next_cell_of(1, 1, 0, r->H, i, f, g, NULL, cp, c);
  else if (coupled)
    next_cell_of(1, 0, 1, r->H, i, f, g, NULL, cp, c);
  else if (i)
    next_cell_of(1, 0, 0, r->H, i, f, g, NULL, cp, c);
  else
    next_cell_of(0, f != NULL, 0, r->H, i, f, g, NULL, cp, c);
}

/* m = o tanh(c) */
SQ_INLINE void output_of(int has_o, int bounded, int64_t H, const real *restrict o, const real *restrict c,
                         real *restrict m) {
  for (int64_t j = 0; j < H; j++) m[j] = (has_o ? o[j] : 1) * (bounded ? FN(sq_tanh)(c[j]) : c[j]);
}

SQ_INLINE void output(const lstm_row *r, const real *a, const real *c, real *m) {
  const int has_o = r->at.o != ABSENT;
  const real *o = block(a, r->at.o);
  if (has_o && r->bounded_out)
    output_of(1, 1, r->H, o, c, m);
  else
    output_of(has_o, r->bounded_out, r->H, o, c, m);
}

SQ_CLONES static void output_row(const lstm_row *r, const real *a, const real *c, real *m) {
  output(r, a, c, m);
}

/* q = (i,f,o), those that there are. */
static void keep_gates(const lstm_row *r, const real *a, real *q) {
  memcpy(q, a, (size_t)r->at.g * sizeof(real));
  if (r->at.o != ABSENT) memcpy(q + r->at.g, a + r->at.o, (size_t)r->H * sizeof(real));
}

/* d += dq a(1-a), what q adds at n pre-activations; dq is 0 then, since q_{t-1} enters only through the
 * product. */
static void add_gates(int64_t n, const real *restrict a, real *restrict dq, real *restrict d) {
  for (int64_t j = 0; j < n; j++) {
    d[j] += dq[j] * a[j] * (1 - a[j]);
    dq[j] = 0;
  }
}

/* Activates one row of gates, writes c, and unless m is NULL, m = o tanh(c). */
SQ_CLONES static void forward_row(const lstm_row *r, real *a, const real *mask, const real *cp, real *c,
                                  real *restrict m) {
  const int64_t H = r->H;
  if (r->p_i) add_scaled(H, a + r->at.i, r->p_i, cp);
  if (r->p_f) add_scaled(H, a + r->at.f, r->p_f, cp);
  FN(sq_activate_row)(SQ_SIGMOID, r->at.g, a, a);
  if (r->bounded_in) FN(sq_activate_row)(SQ_TANH, H, a + r->at.g, a + r->at.g);
  next_cell(r, a, mask, cp, c);
  real *o = block_out(a, r->at.o);
  if (r->p_o) add_scaled(H, o, r->p_o, c);
  if (o) FN(sq_activate_row)(SQ_SIGMOID, H, o, o);
  if (m) output(r, a, c, m);
}

/* do', and what h adds to dc. */
SQ_INLINE void output_back_of(int has_o, int bounded, const lstm_row *r, const real *restrict a,
                              const real *restrict c, const real *restrict dm, real *restrict dc,
                              real *restrict d) {
  const real *restrict o = block(a, r->at.o);
  real *restrict dout = block_out(d, r->at.o);
  for (int64_t j = 0; j < r->H; j++) {
    const real tc = bounded ? FN(sq_tanh)(c[j]) : c[j], slope = bounded ? 1 - tc * tc : 1;
    if (has_o) dout[j] = dm[j] * tc * o[j] * (1 - o[j]);
    dc[j] += dm[j] * (has_o ? o[j] : 1) * slope;
  }
}

SQ_INLINE void input_back_of(int has_i, int bounded, const lstm_row *r, const real *restrict a,
                             const real *restrict mask, const real *restrict dc, real *restrict d) {
  const real *restrict i = block(a, r->at.i), *restrict g = a + r->at.g;
  real *restrict dg = d + r->at.g;
  for (int64_t j = 0; j < r->H; j++)
    dg[j] = dc[j] * (has_i ? i[j] : 1) * (mask ? mask[j] : 1) * (bounded ? 1 - g[j] * g[j] : 1);
}

/* di' and df'; dc becomes the gradient at c_{t-1} but for the peepholes. */
SQ_INLINE void gates_back(const lstm_row *r, const real *restrict a, const real *restrict mask,
                          const real *restrict cp, real *restrict dc, real *restrict d) {
  const int64_t H = r->H;
  const real *restrict i = block(a, r->at.i), *restrict f = block(a, r->at.f), *restrict g = a + r->at.g;
  real *restrict di = block_out(d, r->at.i), *restrict df = block_out(d, r->at.f);
  if (r->coupled) {
    for (int64_t j = 0; j < H; j++) {
      di[j] = dc[j] * ((mask ? mask[j] * g[j] : g[j]) - cp[j]) * i[j] * (1 - i[j]);
      dc[j] *= 1 - i[j];
    }
  } else if (r->at.i != ABSENT) {
    for (int64_t j = 0; j < H; j++) di[j] = dc[j] * (mask ? mask[j] * g[j] : g[j]) * i[j] * (1 - i[j]);
  }
  if (r->at.f == ABSENT) return;
  for (int64_t j = 0; j < H; j++) {
    df[j] = dc[j] * cp[j] * f[j] * (1 - f[j]);
    dc[j] *= f[j];
  }
}

SQ_INLINE void output_back(const lstm_row *r, const real *a, const real *c, const real *dm, real *dc,
                           real *d) {
  const int has_o = r->at.o != ABSENT;
  if (has_o && r->bounded_out)
    output_back_of(1, 1, r, a, c, dm, dc, d);
  else
    output_back_of(has_o, r->bounded_out, r, a, c, dm, dc, d);
}

SQ_CLONES static void output_back_row(const lstm_row *r, const real *a, const real *c, const real *dm,
                                      real *dc, real *d) {
  for (int64_t j = 0; j < r->H; j++) dc[j] = 0;
  output_back(r, a, c, dm, dc, d);
}

/* One row backward.  In: dm, and dc at c_t, or where the output has a stage of its own dm = NULL, and d of o;
 * dq or NULL; out: d, the gradients at the pre-activations, and dc at c_{t-1}. */
SQ_CLONES static void backward_row(const lstm_row *r, const real *a, const real *mask, const real *cp,
                                   const real *c, const real *dm, real *dc, real *dq, real *d) {
  const int has_i = r->at.i != ABSENT;
  if (dm) output_back(r, a, c, dm, dc, d);
  if (dq && r->at.o != ABSENT) add_gates(r->H, a + r->at.o, dq + r->at.g, d + r->at.o);
  if (r->p_o) add_scaled(r->H, dc, r->p_o, d + r->at.o);
  if (has_i && r->bounded_in && mask == NULL)
    input_back_of(1, 1, r, a, NULL, dc, d);
  else
    input_back_of(has_i, r->bounded_in, r, a, mask, dc, d);
  if (mask == NULL)
    gates_back(r, a, NULL, cp, dc, d);
  else
    gates_back(r, a, mask, cp, dc, d);
  if (dq) add_gates(r->at.g, a, dq, d);
  if (r->p_f) add_scaled(r->H, dc, r->p_f, d + r->at.f);
  if (r->p_i) add_scaled(r->H, dc, r->p_i, d + r->at.i);
}

/* What one sequence has in the tensors of a step, beside its gates. */
typedef struct lstm_places {
  const real *mask; /* of g, or NULL */
  const real *cp;   /* c_{t-1} */
  real *c;          /* c_t, before zoneout */
  real *n;          /* N(c_t), or NULL */
  real *m;          /* o tanh(c): h, or the operand of the projection */
} lstm_places;

static lstm_places places_of(const FN(sq_step) * s, int64_t b) {
  const sq_layout *l = s->layout;
  const int64_t H = l->config.hidden_size, new_c = l->masks.candidate[1], n = normalised_c(l);
  real *aux = s->aux + b * l->aux;
  return (lstm_places){.mask = l->masks.scale < 0 ? NULL : aux + l->masks.scale,
                       .cp = s->prev[1] + b * H,
                       .c = new_c < 0 ? s->next[1] + b * H : aux + new_c,
                       .n = n < 0 ? NULL : aux + n,
                       .m = projected(s) ? aux : s->next[0] + b * H};
}

/* Stage 0: gates, c, and m (which is h, or the operand of the projection).  Where c is normalised, m is stage
 * 1's. */
static void forward_cell(const FN(sq_step) * s) {
  const lstm_row r = row_of(s);
  const int64_t H = r.H, G = s->layout->gates, Q = s->layout->state_width[2];
  SQ_FORWARD_ROWS(s, b) {
    const lstm_places p = places_of(s, b);
    forward_row(&r, s->gates + b * G, p.mask, p.cp, p.c, p.n ? NULL : p.m);
    if (Q > 0) keep_gates(&r, s->gates + b * G, s->next[2] + b * Q);
    if (projected(s) || p.n) continue;
    for (int64_t j = 0; j < H; j++) s->y[b * s->ldy + j] = p.m[j];
  }
}

static void forward_output(const FN(sq_step) * s) {
  const lstm_row r = row_of(s);
  SQ_FORWARD_ROWS(s, b) {
    const lstm_places p = places_of(s, b);
    output_row(&r, s->gates + b * s->layout->gates, p.n, p.m);
    for (int64_t j = 0; j < r.H && !projected(s); j++) s->y[b * s->ldy + j] = p.m[j];
  }
}

/* The last stage, with a projection only: h = W_hr m, which the product left in aux. */
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

/* The gradient at m. */
static real *gradient_at_m(const FN(sq_step) * s, int64_t b) {
  if (projected(s)) return s->daux + b * s->layout->aux;
  real *dm = s->dstate[0] + b * s->layout->config.hidden_size;
  FN(sq_step_add_dy)(s, b, dm);
  return dm;
}

/* h_{t-1} enters only through the product. */
static void leave_h(const FN(sq_step) * s, real *dm) {
  if (projected(s)) return;
  for (int64_t j = 0; j < s->layout->config.hidden_size; j++) dm[j] = 0;
}

static void backward_output(const FN(sq_step) * s) {
  const lstm_row r = row_of(s);
  const int64_t G = s->layout->gates, A = s->layout->aux, n = normalised_c(s->layout);
  SQ_BACKWARD_ROWS(s, b) {
    const lstm_places p = places_of(s, b);
    real *dm = gradient_at_m(s, b);
    output_back_row(&r, s->gates + b * G, p.n, dm, s->daux + b * A + n, s->dgates + b * G);
    leave_h(s, dm);
  }
}

static void backward_cell(const FN(sq_step) * s) {
  const lstm_row r = row_of(s);
  const int64_t H = r.H, G = s->layout->gates, Q = s->layout->state_width[2];
  SQ_BACKWARD_ROWS(s, b) {
    const lstm_places p = places_of(s, b);
    real *dm = p.n ? NULL : gradient_at_m(s, b);
    backward_row(&r, s->gates + b * G, p.mask, p.cp, p.c, dm, s->dstate[1] + b * H,
                 Q > 0 ? s->dstate[2] + b * Q : NULL, s->dgates + b * G);
    if (dm) leave_h(s, dm);
  }
}

/* What a stage of the layout is. */
typedef void lstm_stage(const FN(sq_step) *);
static lstm_stage *stage_of(const sq_layout *l, int stage, lstm_stage *cell, lstm_stage *output_stage,
                            lstm_stage *projection) {
  if (stage == 0) return cell;
  return stage == 1 && normalised_c(l) >= 0 ? output_stage : projection;
}

void FN(sq_lstm_forward)(const FN(sq_step) * s, int stage) {
  stage_of(s->layout, stage, forward_cell, forward_output, forward_projection)(s);
}

void FN(sq_lstm_backward)(const FN(sq_step) * s, int stage) {
  stage_of(s->layout, stage, backward_cell, backward_output, backward_projection)(s);
}

/* lstm0 is the same arithmetic. */
void FN(sq_lstm0_forward)(const FN(sq_step) * s, int stage) { FN(sq_lstm_forward)(s, stage); }
void FN(sq_lstm0_backward)(const FN(sq_step) * s, int stage) { FN(sq_lstm_backward)(s, stage); }
