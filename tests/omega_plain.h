/* omega_plain.h - Pascanu's regulariser of a layer in plain loops, for test_omega.c: the cells' steps as
 * core/rnn.c, leaky.c, lstm.c and gru.c have their equations, each step's Jacobian transposed times a vector,
 * and the regulariser as a function of the weights alone, with error signals, states and gates held constant.
 */
#ifndef OMEGA_PLAIN_H
#define OMEGA_PLAIN_H

#include "seqgpu/seqgpu.h"

#include "tests/check.h"

enum { T = 6, B = 3, I = 4, H = 5, Q = 3 * H, STATES = 3, MOST = 4 * (22 * H * H + 8 * H) };

/* One layer and direction, or a network of them, as the test has it. */
typedef struct setting {
  const char *name;
  seqgpu_rnn_desc cell; /* the cell and its options; NULL: rnn */
  seqgpu_activation activation;
  seqgpu_omega_form form;
  int64_t layers;
  int bidirectional, reverse, batch_first, ragged;
  int with_final; /* dfinal is given */
  seqgpu_merge merge;
} setting;

static const int32_t some_lengths[B] = {4, 6, 1};

static const char *cell_of(const setting *s) { return s->cell.cell ? s->cell.cell : "rnn"; }

static int is(const setting *s, const char *cell) { return strcmp(cell_of(s), cell) == 0; }

/* Blocks of gates, in the order of the library; -1: it is not there. */
typedef struct blocks {
  int i, f, g, o, count;
} blocks;

static blocks blocks_of(const setting *s) {
  const seqgpu_rnn_desc *c = &s->cell;
  blocks k = {-1, -1, -1, -1, 0};
  const int lstm = is(s, "lstm") || is(s, "lstm0");
  if (!lstm) k.count = is(s, "gru") ? 3 : 1;
  if (!lstm) return k;
  if (!c->no_input_gate) k.i = k.count++;
  if (!c->no_forget_gate && !c->coupled && !is(s, "lstm0")) k.f = k.count++;
  k.g = k.count++;
  if (!c->no_output_gate) k.o = k.count++;
  return k;
}

/* Widths of the states, 0 where there is none. */
static int64_t width_of(const setting *s, int state) {
  if (state == 0) return s->cell.projection_size ? s->cell.projection_size : H;
  if (blocks_of(s).g < 0) return 0;
  return state == 1 ? H : s->cell.full_gate_recurrence ? (blocks_of(s).count - 1) * H : 0;
}

/* The parameters of a layer and direction; NULL: not there. */
typedef struct weights {
  const double *wih, *bias, *whh, *gates, *p_i, *p_f, *p_o, *whr, *bias_rec;
  int64_t count; /* of all of them */
} weights;

static const double *next_weights(const double **at, int there, int64_t n) {
  const double *here = *at;
  if (!there) return NULL;
  *at += n;
  return here;
}

static weights weights_of(const setting *s, int64_t inputs, const double *param) {
  const blocks k = blocks_of(s);
  const int64_t P = width_of(s, 0), q = width_of(s, 2);
  const double *at = param;
  weights w;
  w.wih = next_weights(&at, 1, k.count * H * inputs);
  w.bias = next_weights(&at, 1, k.count * H);
  w.whh = next_weights(&at, 1, k.count * H * P);
  w.gates = next_weights(&at, q > 0, q * q);
  w.p_i = next_weights(&at, s->cell.peephole && k.i >= 0, H);
  w.p_f = next_weights(&at, s->cell.peephole && k.f >= 0, H);
  w.p_o = next_weights(&at, s->cell.peephole && k.o >= 0, H);
  w.whr = next_weights(&at, P < H, P * H);
  w.bias_rec = next_weights(&at, s->cell.reset_after, H);
  w.count = at - param;
  return w;
}

/* ---------------------------------------------------------------- steps */

/* h, c and q of one sequence. */
typedef struct state {
  double of[STATES][Q];
} state;

/* What a step leaves: its gates, the GRU's U_c h (reset after), the states before and after it. */
typedef struct moment {
  double gate[4][H], rec[H];
  state old, now;
} moment;

typedef struct plain {
  const setting *s;
  int reverse;
  int64_t inputs;               /* of the layer */
  const double *param;          /* of the layer and direction */
  const double *x, *dy;         /* [T,B,inputs], [T,B,P] */
  const double *dfinal[STATES]; /* [B,W] or NULL */
  moment at[T][B];
  state d[T][B]; /* error signals; 0 at padded steps */
} plain;

static int64_t length_of(const setting *s, int64_t b) { return s->ragged ? some_lengths[b] : T; }

static double sigmoid(double a) { return 1 / (1 + exp(-a)); }

static double activate(seqgpu_activation g, double a) {
  if (g == SEQGPU_ACTIVATION_TANH) return tanh(a);
  if (g == SEQGPU_ACTIVATION_SIGMOID) return sigmoid(a);
  return g == SEQGPU_ACTIVATION_RELU && a < 0 ? 0 : a;
}

static double slope(seqgpu_activation g, double h) {
  if (g == SEQGPU_ACTIVATION_TANH) return 1 - h * h;
  if (g == SEQGPU_ACTIVATION_SIGMOID) return h * (1 - h);
  return g == SEQGPU_ACTIVATION_RELU ? h > 0 : 1;
}

static double leak_of(const setting *s) { return s->cell.leak > 0 ? s->cell.leak : 1; }

/* y[rows] += W x, and x[cols] += W^T y. */
static void add_rows(int64_t rows, int64_t cols, const double *w, const double *x, double *y) {
  for (int64_t i = 0; i < rows; i++)
    for (int64_t j = 0; j < cols; j++) y[i] += w[i * cols + j] * x[j];
}

static void add_columns(int64_t rows, int64_t cols, const double *w, const double *y, double *x) {
  for (int64_t i = 0; i < rows; i++)
    for (int64_t j = 0; j < cols; j++) x[j] += w[i * cols + j] * y[i];
}

/* The block of gates that block n of q is, and of the rows of R. */
static int block_of_q(const blocks *k, int64_t n) { return k->g <= n ? (int)n + 1 : (int)n; }

static void lstm_forward(const plain *p, const weights *w, double a[4][H], moment *m) {
  const seqgpu_rnn_desc *o = &p->s->cell;
  const blocks k = blocks_of(p->s);
  const double *cp = m->old.of[1];
  const int64_t q = width_of(p->s, 2), P = width_of(p->s, 0);
  double out[H], rq[Q] = {0};
  if (q > 0) add_rows(q, q, w->gates, m->old.of[2], rq);
  for (int64_t n = 0; n < q; n++) a[block_of_q(&k, n / H)][n % H] += rq[n];
  for (int j = 0; j < H; j++) {
    const double i = k.i < 0 ? 1 : sigmoid(a[k.i][j] + (w->p_i ? w->p_i[j] * cp[j] : 0));
    const double f = k.f >= 0     ? sigmoid(a[k.f][j] + (w->p_f ? w->p_f[j] * cp[j] : 0))
                     : o->coupled ? 1 - i
                                  : 1;
    const double g = o->no_input_activation ? a[k.g][j] : tanh(a[k.g][j]), c = f * cp[j] + i * g;
    const double last = k.o < 0 ? 1 : sigmoid(a[k.o][j] + (w->p_o ? w->p_o[j] * c : 0));
    out[j] = last * (o->no_output_activation ? c : tanh(c));
    m->now.of[1][j] = c;
    const double gates[4] = {i, f, g, last};
    for (int n = 0; n < 4; n++) m->gate[n][j] = gates[n];
  }
  for (int64_t n = 0; n < q; n++) {
    const int block = block_of_q(&k, n / H);
    m->now.of[2][n] = m->gate[block == k.i ? 0 : block == k.f ? 1 : 3][n % H];
  }
  memset(m->now.of[0], 0, sizeof m->now.of[0]);
  if (w->whr)
    add_rows(P, H, w->whr, out, m->now.of[0]);
  else
    memcpy(m->now.of[0], out, sizeof out);
}

static void lstm_back(const plain *p, const weights *w, const moment *m, const state *d, state *u) {
  const seqgpu_rnn_desc *option = &p->s->cell;
  const blocks k = blocks_of(p->s);
  const int64_t q = width_of(p->s, 2), P = width_of(p->s, 0);
  double a[4][H] = {{0}}, dm[H] = {0}, extra[4][H] = {{0}}, rows[Q];
  for (int64_t n = 0; n < q; n++) extra[block_of_q(&k, n / H)][n % H] = d->of[2][n];
  if (w->whr)
    add_columns(P, H, w->whr, d->of[0], dm);
  else
    memcpy(dm, d->of[0], sizeof dm);
  for (int j = 0; j < H; j++) {
    const double i = m->gate[0][j], f = m->gate[1][j], g = m->gate[2][j], o = m->gate[3][j];
    const double cp = m->old.of[1][j], c = m->now.of[1][j];
    const double tc = option->no_output_activation ? c : tanh(c);
    double dc = d->of[1][j] + dm[j] * o * (option->no_output_activation ? 1 : 1 - tc * tc);
    if (k.o >= 0) a[k.o][j] = (dm[j] * tc + extra[k.o][j]) * o * (1 - o);
    if (w->p_o) dc += w->p_o[j] * a[k.o][j];
    if (k.i >= 0) a[k.i][j] = (dc * (option->coupled ? g - cp : g) + extra[k.i][j]) * i * (1 - i);
    if (k.f >= 0) a[k.f][j] = (dc * cp + extra[k.f][j]) * f * (1 - f);
    a[k.g][j] = dc * i * (option->no_input_activation ? 1 : 1 - g * g);
    u->of[1][j] = dc * f;
    if (w->p_i) u->of[1][j] += w->p_i[j] * a[k.i][j];
    if (w->p_f) u->of[1][j] += w->p_f[j] * a[k.f][j];
  }
  add_columns(k.count * H, P, w->whh, a[0], u->of[0]);
  for (int64_t n = 0; n < q; n++) rows[n] = a[block_of_q(&k, n / H)][n % H];
  if (q > 0) add_columns(q, q, w->gates, rows, u->of[2]);
}

static void gru_forward(const plain *p, const weights *w, double a[4][H], moment *m) {
  const double *hp = m->old.of[0], *uc = w->whh + 2 * H * H;
  double rh[H];
  add_rows(2 * H, H, w->whh, hp, a[0]);
  for (int j = 0; j < H; j++) {
    m->gate[0][j] = sigmoid(a[0][j]);
    m->gate[1][j] = sigmoid(a[1][j]);
    rh[j] = m->gate[0][j] * hp[j];
    m->rec[j] = p->s->cell.reset_after ? w->bias_rec[j] : 0;
  }
  add_rows(H, H, uc, p->s->cell.reset_after ? hp : rh, m->rec);
  for (int j = 0; j < H; j++) {
    const double u = m->gate[1][j];
    m->gate[2][j] = tanh(a[2][j] + (p->s->cell.reset_after ? m->gate[0][j] : 1) * m->rec[j]);
    m->now.of[0][j] = (1 - u) * m->gate[2][j] + u * hp[j];
  }
}

static void gru_back(const plain *p, const weights *w, const moment *m, const state *d, state *out) {
  const int after = p->s->cell.reset_after;
  const double *hp = m->old.of[0], *uc = w->whh + 2 * H * H;
  double a[2][H], dc[H], e[H] = {0};
  for (int j = 0; j < H; j++) {
    const double r = m->gate[0][j], u = m->gate[1][j], c = m->gate[2][j];
    dc[j] = d->of[0][j] * (1 - u) * (1 - c * c);
    a[0][j] = dc[j] * m->rec[j] * r * (1 - r); /* reset after; else below */
    a[1][j] = d->of[0][j] * (hp[j] - c) * u * (1 - u);
    out->of[0][j] = d->of[0][j] * u;
    if (after) dc[j] *= r;
  }
  add_columns(H, H, uc, dc, e);
  for (int j = 0; j < H; j++) {
    const double r = m->gate[0][j];
    if (!after) a[0][j] = e[j] * hp[j] * r * (1 - r);
    out->of[0][j] += after ? e[j] : e[j] * r;
  }
  add_columns(2 * H, H, w->whh, a[0], out->of[0]);
}

static void vanilla_forward(const plain *p, double a[4][H], moment *m) {
  const double leak = leak_of(p->s);
  for (int j = 0; j < H; j++) {
    m->gate[0][j] = activate(p->s->activation, a[0][j]);
    m->now.of[0][j] = (1 - leak) * m->old.of[0][j] + leak * m->gate[0][j];
  }
}

static void vanilla_back(const plain *p, const weights *w, const moment *m, const state *d, state *u) {
  const double leak = leak_of(p->s);
  double a[H];
  for (int j = 0; j < H; j++) {
    a[j] = leak * d->of[0][j] * slope(p->s->activation, m->gate[0][j]);
    u->of[0][j] = (1 - leak) * d->of[0][j];
  }
  add_columns(H, H, w->whh, a, u->of[0]);
}

/* A step of sequence b, whose old states stand in the moment. */
static void forward_step(const plain *p, const weights *w, const double *x, moment *m) {
  const blocks k = blocks_of(p->s);
  double a[4][H] = {{0}};
  for (int j = 0; j < k.count * H; j++) a[j / H][j % H] = w->bias[j];
  add_rows(k.count * H, p->inputs, w->wih, x, a[0]);
  if (is(p->s, "gru")) {
    gru_forward(p, w, a, m);
    return;
  }
  add_rows(k.count * H, width_of(p->s, 0), w->whh, m->old.of[0], a[0]);
  if (k.g < 0)
    vanilla_forward(p, a, m);
  else
    lstm_forward(p, w, a, m);
}

/* u = J^T d of a step, with these weights and what the moment holds. */
static void back_step(const plain *p, const weights *w, const moment *m, const state *d, state *u) {
  memset(u, 0, sizeof *u);
  if (is(p->s, "gru"))
    gru_back(p, w, m, d, u);
  else if (blocks_of(p->s).g < 0)
    vanilla_back(p, w, m, d, u);
  else
    lstm_back(p, w, m, d, u);
}

/* ---------------------------------------------------------------- a layer */

/* Step number i of sequence b in the direction of the layer, -1 beyond its end. */
static int64_t step_of(const plain *p, int64_t b, int64_t i) {
  const int64_t length = length_of(p->s, b);
  return i >= length ? -1 : p->reverse ? length - 1 - i : i;
}

static void run_plain(plain *p) {
  const weights w = weights_of(p->s, p->inputs, p->param);
  const int64_t out = width_of(p->s, 0);
  memset(p->at, 0, sizeof p->at);
  memset(p->d, 0, sizeof p->d);
  for (int64_t b = 0; b < B; b++) {
    state s = {{{0}}};
    for (int64_t i = 0; step_of(p, b, i) >= 0; i++) {
      const int64_t t = step_of(p, b, i);
      p->at[t][b].old = s;
      forward_step(p, &w, p->x + (t * B + b) * p->inputs, &p->at[t][b]);
      s = p->at[t][b].now;
    }
    memset(&s, 0, sizeof s);
    for (int k = 0; k < STATES; k++)
      for (int64_t j = 0; p->dfinal[k] && j < width_of(p->s, k); j++)
        s.of[k][j] = p->dfinal[k][b * width_of(p->s, k) + j];
    for (int64_t i = length_of(p->s, b) - 1; i >= 0; i--) {
      const int64_t t = step_of(p, b, i);
      for (int64_t j = 0; j < out; j++) s.of[0][j] += p->dy[(t * B + b) * out + j];
      p->d[t][b] = s;
      back_step(p, &w, &p->at[t][b], &p->d[t][b], &s);
    }
  }
}

static double square_of(const state *s) {
  double sum = 0;
  for (int k = 0; k < STATES; k++)
    for (int j = 0; j < Q; j++) sum += s->of[k][j] * s->of[k][j];
  return sum;
}

/* The regulariser as a function of the parameters alone. */
static double omega_of(const plain *p, const double *param, double *active) {
  const weights w = weights_of(p->s, p->inputs, param);
  double sum = 0, count = 0;
  for (int64_t t = 0; t < T; t++)
    for (int64_t b = 0; b < B; b++) {
      state u;
      if (t >= length_of(p->s, b)) continue;
      const double d2 = square_of(&p->d[t][b]);
      if (!(d2 >= 1e-20)) continue;
      back_step(p, &w, &p->at[t][b], &p->d[t][b], &u);
      const double u2 = square_of(&u), ratio = p->s->form == SEQGPU_OMEGA_NORMS ? sqrt(u2 / d2) : u2 / d2;
      sum += (ratio - 1) * (ratio - 1);
      count++;
    }
  if (active) *active = count;
  return p->s->form == SEQGPU_OMEGA_NORMS ? sum / B : sum / (count > 1 ? count : 1);
}

/* By differences; of weight_ih and bias, which J does not contain, it is 0. */
static void slope_of_omega(const plain *p, double *out) {
  static const double weight[] = {1, -8, 0, 8, -1};
  const double step = 1e-3;
  const weights w = weights_of(p->s, p->inputs, p->param);
  double param[MOST];
  memcpy(param, p->param, (size_t)w.count * sizeof *param);
  for (int64_t i = 0; i < w.count; i++) {
    out[i] = 0;
    for (int k = 0; k < 5 && i >= w.whh - w.wih; k++) {
      param[i] = p->param[i] + (k - 2) * step;
      out[i] += weight[k] * omega_of(p, param, NULL) / (12 * step);
    }
    param[i] = p->param[i];
  }
}

#endif
