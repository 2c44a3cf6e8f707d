/* test_cells_plain.c - every cell against its paper: one step of one sequence in plain loops.
 *
 * Nothing is shared with core/: no layouts, no blocks of gates in one product, no stages.  Float64, forward
 * only; gradients are tested against differences of the forward (test_gradients.c).
 *
 * Masks of the recurrence are drawn from Philox as core/masks.h says, in training; and inference, where it
 * has its expectation, is looked at, too.
 *
 * Batch normalisation is looked at in inference alone, since in training it is not a matter of one sequence
 * (test_laws_norms.c).
 *
 * A paper's function takes x [I] and the states before the step, and leaves the states after it and y.  Every
 * row of cells.h must have one.
 */
#include "core/philox.h"
#include "tests/net.h"
#include "tests/shapes.h"

enum { MOST = 16, GATES = 4 * MOST }; /* units, factors, inputs; rows of gates */

/* One step: inputs, states to be replaced, and the output. */
typedef struct step {
  const net *n;
  const seqgpu_rnn_desc *desc;
  int64_t I, H;
  const double *x;
  double *h, *c, *q, *y; /* c, q: the second state, the third */
  int64_t t, b;          /* of the sequence b of the batch */
} step;

/* --- words of the papers --- */

static double sigmoid(double x) { return 1 / (1 + exp(-x)); }

static double g(const step *s, double x) {
  if (s->desc->activation == SEQGPU_ACTIVATION_RELU) return x > 0 ? x : 0;
  if (s->desc->activation == SEQGPU_ACTIVATION_SIGMOID) return sigmoid(x);
  return s->desc->activation == SEQGPU_ACTIVATION_IDENTITY ? x : tanh(x);
}

/* A parameter of the only layer, and its columns. */
static const double *param(const step *s, const char *name, int64_t *cols) {
  seqgpu_param_info p;
  const size_t length = strlen(name);
  for (int i = 0; seqgpu_plan_param_get(s->n->ctx, s->n->plan, i, &p) == SEQGPU_OK; i++) {
    if (strncmp(p.name, name, length) != 0 || strcmp(p.name + length, "_l0") != 0) continue;
    *cols = p.cols;
    return s->n->value[NET_PARAMS] + p.offset;
  }
  check_record(0, "the plan has no such parameter", "%s of cell %s", name, s->desc->cell);
  *cols = 0;
  return s->x;
}

/* Row r of W times v. */
static double row(const step *s, const char *name, int64_t r, const double *v) {
  int64_t cols;
  const double *w = param(s, name, &cols);
  double sum = 0;
  for (int64_t j = 0; j < cols; j++) sum += w[r * cols + j] * v[j];
  return sum;
}

/* Number r of a vector. */
static double number(const step *s, const char *name, int64_t r) {
  int64_t cols;
  return param(s, name, &cols)[r];
}

/* W x + b of row r. */
static double input(const step *s, int64_t r) { return row(s, "weight_ih", r, s->x) + number(s, "bias", r); }

/* --- masks: Krueger et al. 2017, Gal & Ghahramani 2016, Semeniuta et al. 2016 --- */

enum { KEEP_H, KEEP_C, UPDATE, SEQUENCE }; /* words of a block */

/* A step's blocks follow one another as wide as the widest state. */
static int64_t widest(const step *s) {
  const seqgpu_plan_sizes sizes = seqgpu_plan_get_sizes(s->n->plan);
  int64_t width = 0;
  for (int k = 0; k < sizes.state_count; k++)
    width = sizes.state_width[k] > width ? sizes.state_width[k] : width;
  return width;
}

/* Whether what has probability p happens to unit j in step t; -1: in the whole sequence. */
static int happens(const step *s, double p, int64_t t, int64_t j, int word) {
  const uint64_t block = s->n->run.offset + (uint64_t)(((t + 1) * s->desc->batch + s->b) * widest(s) + j);
  return sq_philox(s->n->run.seed, 0, block).word[word] / 4294967296.0 < p;
}

static double mask(const step *s, double p, int64_t t, int64_t j, int word) {
  if (p == 0 || s->desc->inference) return 1;
  return happens(s, p, t, j, word) ? 0 : 1 / (1 - p);
}

/* What becomes of a state where zoneout has probability p. */
static double zone(const step *s, double p, int64_t j, int word, double old, double made) {
  if (s->desc->inference) return p * old + (1 - p) * made;
  return happens(s, p, s->t, j, word) ? old : made;
}

/* The h_{t-1} that products see. */
static void seen(const step *s, int64_t width, double *h) {
  for (int64_t j = 0; j < width; j++) h[j] = s->h[j] * mask(s, s->desc->recurrent_dropout, -1, j, SEQUENCE);
}

/* h and y from the new h. */
static void leave(const step *s, const double *h, int64_t width) {
  for (int64_t j = 0; j < width; j++)
    s->y[j] = s->h[j] = zone(s, s->desc->zoneout_hidden, j, KEEP_H, s->h[j], h[j]);
}

/* --- normalisation: Ba et al. 2016, Laurent et al. 2016, Cooijmans et al. 2017 --- */

/* a[j] = gain (a[j] - mean) / sqrt(variance + 1e-5): `of` is ih, hh or c, and a[0] is its number `first`. */
static void normalise(const step *s, const char *of, int64_t first, int64_t n, double *a) {
  char gain[32], means[32], variances[32];
  const seqgpu_rnn_desc *d = s->desc;
  double mean = 0, variance = 0;
  if (!d->layer_norm && d->batch_norm_steps == 0 && !(d->batch_norm_input && strcmp(of, "ih") == 0)) return;
  snprintf(gain, sizeof gain, "gain_%s", of);
  snprintf(means, sizeof means, "running_mean_%s", of);
  snprintf(variances, sizeof variances, "running_var_%s", of);
  for (int64_t j = 0; j < n; j++) mean += a[j] / (double)n;
  for (int64_t j = 0; j < n; j++) variance += (a[j] - mean) * (a[j] - mean) / (double)n;
  for (int64_t j = 0; j < n; j++) {
    if (!d->layer_norm) {
      int64_t cols;
      const int64_t last = d->batch_norm_steps > 0 ? d->batch_norm_steps - 1 : 0;
      const int64_t slot = s->t < last ? s->t : last;
      const double *at = param(s, means, &cols);
      mean = at[slot * cols + first + j];
      at = param(s, variances, &cols);
      variance = at[slot * cols + first + j];
    }
    a[j] = number(s, gain, first + j) * (a[j] - mean) / sqrt(variance + 1e-5);
  }
}

/* Rows first..first+n-1 of W v, normalised. */
static void product(const step *s, const char *of, int64_t first, int64_t n, const double *v, double *out) {
  char weight[32];
  snprintf(weight, sizeof weight, "weight_%s", of);
  for (int64_t j = 0; j < n; j++) out[j] = row(s, weight, first + j, v);
  normalise(s, of, first, n, out);
}

static void replace(double *to, const double *from, int64_t n) { memcpy(to, from, (size_t)n * sizeof *to); }

/* --- the papers --- */

/* Elman 1990. */
static void elman(const step *s) {
  double h[MOST], old[MOST], x[MOST], a[MOST];
  seen(s, s->H, old);
  if (s->desc->layer_norm) { /* of the sum, equation 4 */
    for (int64_t j = 0; j < s->H; j++) a[j] = row(s, "weight_ih", j, s->x) + row(s, "weight_hh", j, old);
    normalise(s, "hh", 0, s->H, a);
  } else {
    product(s, "ih", 0, s->H, s->x, x);
    product(s, "hh", 0, s->H, old, a);
    for (int64_t j = 0; j < s->H; j++) a[j] += x[j];
  }
  for (int64_t j = 0; j < s->H; j++) h[j] = g(s, a[j] + number(s, "bias", j));
  leave(s, h, s->H);
}

/* Jaeger 2001: units that keep a share 1 - a of themselves. */
static void jaeger(const step *s) {
  const double a = s->desc->leak != 0 ? s->desc->leak : 1;
  double h[MOST];
  for (int64_t j = 0; j < s->H; j++)
    h[j] = (1 - a) * s->h[j] + a * g(s, input(s, j) + row(s, "weight_hh", j, s->h));
  replace(s->h, h, s->H);
  replace(s->y, h, s->H);
}

/* The gates' order by name; gates that a cell does not have are left out of its blocks. */
enum { GATE_I, GATE_F, GATE_G, GATE_O };

static int has_gate(const seqgpu_rnn_desc *d, int which) {
  if (which == GATE_I) return !d->no_input_gate;
  if (which == GATE_F) return strcmp(d->cell, "lstm0") != 0 && !d->coupled && !d->no_forget_gate;
  return which == GATE_O ? !d->no_output_gate : 1;
}

/* The first row of a gate; of the one behind the last, how many there are. */
static int64_t rows_before(const step *s, int which) {
  int64_t r = 0;
  for (int before = 0; before < which; before++) r += has_gate(s->desc, before) ? s->H : 0;
  return r;
}

static double peephole(const step *s, const char *name, int64_t j, double c) {
  return s->desc->peephole ? number(s, name, j) * c : 0;
}

/* Each gate sees all gates of the step before: the nine matrices R of Greff et al. 2017, of three gates. */
static void add_gates(const step *s, int64_t rows, double *a) {
  const int64_t before_g = rows_before(s, GATE_G), Q = rows - s->H;
  for (int64_t r = 0; r < Q; r++) a[r < before_g ? r : r + s->H] += row(s, "weight_gates", r, s->q);
}

/* Hochreiter, Schmidhuber 1997 without a forget gate; Gers, Schmidhuber, Cummins 2000 with one; peepholes:
 * Gers, Schmidhuber 2000; f = 1 - i, and what else may be left out: Greff et al. 2017; projection: Sak,
 * Senior, Beaufays 2014. */
static void lstm_of(const step *s, const char *matrix, const double *recurrent) {
  const seqgpu_rnn_desc *d = s->desc;
  const int64_t rows = rows_before(s, GATE_O + 1);
  double m[MOST], h[MOST], o[MOST], c[MOST], x[GATES], a[GATES] = {0};
  product(s, "ih", 0, rows, s->x, x);
  product(s, matrix, 0, rows, recurrent, a);
  for (int64_t r = 0; r < rows; r++) a[r] += x[r] + number(s, "bias", r);
  if (d->full_gate_recurrence) add_gates(s, rows, a);
  const double *at_i = a, *at_f = a + rows_before(s, GATE_F), *at_g = a + rows_before(s, GATE_G);
  const double *at_o = a + rows_before(s, GATE_O);
  for (int64_t j = 0; j < s->H; j++) {
    const double old = s->c[j];
    double i = 1, f = 1, g = at_g[j];
    if (has_gate(d, GATE_I)) i = sigmoid(at_i[j] + peephole(s, "peephole_i", j, old));
    if (has_gate(d, GATE_F)) f = sigmoid(at_f[j] + peephole(s, "peephole_f", j, old));
    if (d->coupled) f = 1 - i;
    if (!d->no_input_activation) g = tanh(g);
    c[j] = f * old + i * g * mask(s, d->update_dropout, s->t, j, UPDATE);
    o[j] = has_gate(d, GATE_O) ? sigmoid(at_o[j] + peephole(s, "peephole_o", j, c[j])) : 1;
    if (has_gate(d, GATE_I)) s->q[j] = i;
    if (has_gate(d, GATE_F)) s->q[rows_before(s, GATE_F) + j] = f;
    if (has_gate(d, GATE_O)) s->q[rows_before(s, GATE_G) + j] = o[j];
    s->c[j] = zone(s, d->zoneout_cell, j, KEEP_C, old, c[j]);
  }
  normalise(s, "c", 0, s->H, c);
  for (int64_t j = 0; j < s->H; j++) {
    if (d->layer_norm || d->batch_norm_steps > 0) c[j] += number(s, "bias_c", j);
    m[j] = o[j] * (d->no_output_activation ? c[j] : tanh(c[j]));
  }
  const int64_t P = s->desc->projection_size ? s->desc->projection_size : s->H;
  for (int64_t j = 0; j < P; j++) h[j] = s->desc->projection_size ? row(s, "weight_hr", j, m) : m[j];
  leave(s, h, P);
}

static void lstm(const step *s) {
  double old[MOST];
  seen(s, s->desc->projection_size ? s->desc->projection_size : s->H, old);
  lstm_of(s, "hh", old);
}

/* Cho et al. 2014: reset before the product; or PyTorch's, after it. */
static void cho(const step *s) {
  const int64_t H = s->H;
  double r[MOST] = {0}, rh[MOST] = {0}, h[MOST], old[MOST], x[GATES], a[GATES];
  seen(s, H, old);
  product(s, "ih", 0, 2 * H, s->x, x);
  product(s, "ih", 2 * H, H, s->x, x + 2 * H);
  product(s, "hh", 0, 2 * H, old, a);
  for (int64_t j = 0; j < 3 * H; j++) x[j] += number(s, "bias", j);
  for (int64_t j = 0; j < H; j++) {
    r[j] = sigmoid(x[j] + a[j]);
    rh[j] = r[j] * old[j];
  }
  product(s, "hh", 2 * H, H, s->desc->reset_after ? old : rh, a + 2 * H);
  for (int64_t j = 0; j < H; j++) {
    const double u = sigmoid(x[H + j] + a[H + j]), q = a[2 * H + j];
    const double recurrent = s->desc->reset_after ? r[j] * (q + number(s, "bias_rec", j)) : q;
    const double c = tanh(x[2 * H + j] + recurrent) * mask(s, s->desc->update_dropout, s->t, j, UPDATE);
    h[j] = (1 - u) * c + u * s->h[j];
  }
  leave(s, h, H);
}

/* Mikolov et al. 2015, equations 5 to 7. */
static void mikolov(const step *s) {
  const int64_t C = s->desc->context_size ? s->desc->context_size : s->H;
  double h[MOST];
  for (int64_t j = 0; j < C; j++) {
    double leak = s->desc->leak != 0 ? s->desc->leak : 0.05;
    if (s->desc->learn_leak) leak = sigmoid(number(s, "leak_logit", j));
    const double alpha = 1 - leak;
    s->c[j] = (1 - alpha) * row(s, "weight_ih", s->H + j, s->x) + alpha * s->c[j];
  }
  for (int64_t j = 0; j < s->H; j++)
    h[j] = sigmoid(row(s, "weight_hs", j, s->c) + input(s, j) + row(s, "weight_hh", j, s->h));
  replace(s->h, h, s->H);
  replace(s->y, h, s->H);
  replace(s->y + s->H, s->c, C);
}

/* Sutskever, Martens, Hinton 2011, equation 6; `rows`: where W_fx begins. */
static void factors(const step *s, int64_t rows, double *m) {
  const int64_t F = s->desc->factor_size ? s->desc->factor_size : s->H;
  for (int64_t j = 0; j < F; j++) m[j] = row(s, "weight_ih", rows + j, s->x) * row(s, "weight_fh", j, s->h);
}

static void sutskever(const step *s) {
  double m[MOST];
  factors(s, s->H, m);
  for (int64_t j = 0; j < s->H; j++) s->y[j] = s->h[j] = tanh(input(s, j) + row(s, "weight_hf", j, m));
}

/* Krause, Lu, Murray, Renals 2016. */
static void krause(const step *s) {
  double m[MOST];
  factors(s, 4 * s->H, m);
  lstm_of(s, "hf", m);
}

/* Mhammedi et al. 2017: reflections one after the other, the last one first. */
static void mhammedi(const step *s) {
  const int64_t k = s->desc->reflections ? s->desc->reflections : s->H;
  double z[MOST];
  replace(z, s->h, s->H);
  for (int64_t i = k - 1; i >= 0; i--) {
    int64_t cols;
    const double *v = param(s, "vectors", &cols) + i * s->H;
    double along = 0, square = 0;
    for (int64_t j = 0; j < s->H; j++) along += v[j] * z[j];
    for (int64_t j = 0; j < s->H; j++) square += v[j] * v[j];
    for (int64_t j = 0; j < s->H; j++) z[j] -= 2 * along / square * v[j];
  }
  for (int64_t j = 0; j < s->H; j++) s->y[j] = s->h[j] = g(s, input(s, j) + z[j]);
}

/* (re, im) = e^{i turn} (re, im) */
static void rotate(double turn, double *re, double *im) {
  const double before = *re;
  *re = cos(turn) * *re - sin(turn) * *im;
  *im = sin(turn) * before + cos(turn) * *im;
}

/* z = (I - 2 v v^* / |v|^2) z of n complex elements, real parts first. */
static void reflect(int64_t n, const double *v, double *z) {
  double re = 0, im = 0, square = 0; /* v^* z */
  for (int64_t j = 0; j < n; j++) {
    re += v[j] * z[j] + v[n + j] * z[n + j];
    im += v[j] * z[n + j] - v[n + j] * z[j];
    square += v[j] * v[j] + v[n + j] * v[n + j];
  }
  for (int64_t j = 0; j < n; j++) {
    z[j] -= 2 / square * (v[j] * re - v[n + j] * im);
    z[n + j] -= 2 / square * (v[j] * im + v[n + j] * re);
  }
}

/* The unitary transform, forward (sign -1) or back (1), by its sum. */
static void fourier(int64_t n, int sign, double *z) {
  double out[2 * MOST] = {0};
  for (int64_t k = 0; k < n; k++)
    for (int64_t j = 0; j < n; j++) {
      double re = z[j], im = z[n + j];
      rotate(sign * 6.283185307179586 * (double)(j * k) / (double)n, &re, &im);
      out[k] += re / sqrt((double)n);
      out[n + k] += im / sqrt((double)n);
    }
  replace(z, out, 2 * n);
}

/* Arjovsky, Shah, Bengio 2016, equations 6 and 8; |z| is smoothed as core/urnn.c says. */
static void arjovsky(const step *s) {
  const int64_t n = s->H;
  int64_t cols;
  const double *phases = param(s, "phases", &cols), *v = param(s, "reflections", &cols);
  double z[2 * MOST], permuted[2 * MOST];
  replace(z, s->h, 2 * n);
  for (int64_t j = 0; j < n; j++) rotate(phases[j], &z[j], &z[n + j]);
  fourier(n, -1, z);
  reflect(n, v, z);
  for (int64_t j = 0; j < n; j++) {
    const int64_t from = (int64_t)(number(s, "permutation", j) + 0.5);
    permuted[j] = z[from];
    permuted[n + j] = z[n + from];
    rotate(phases[n + j], &permuted[j], &permuted[n + j]);
  }
  fourier(n, 1, permuted);
  reflect(n, v + 2 * n, permuted);
  for (int64_t j = 0; j < n; j++) {
    rotate(phases[2 * n + j], &permuted[j], &permuted[n + j]);
    const double re = permuted[j] + row(s, "weight_ih", j, s->x);
    const double im = permuted[n + j] + row(s, "weight_ih", n + j, s->x);
    const double r = sqrt(re * re + im * im + 1e-10), grown = r + number(s, "bias_mod", j);
    s->y[j] = s->h[j] = grown > 0 ? grown * re / r : 0;
    s->y[n + j] = s->h[n + j] = grown > 0 ? grown * im / r : 0;
  }
}

typedef void paper(const step *s);

static const struct {
  const char *cell;
  paper *step;
} papers[] = {
    {"rnn", elman},    {"leaky", jaeger},   {"lstm", lstm},    {"lstm0", lstm},           {"gru", cho},
    {"scrn", mikolov}, {"mrnn", sutskever}, {"mlstm", krause}, {"householder", mhammedi}, {"urnn", arjovsky}};

static paper *paper_of(const char *cell) {
  for (size_t i = 0; i < COUNT(papers); i++)
    if (strcmp(papers[i].cell, cell) == 0) return papers[i].step;
  return NULL;
}

/* --- the comparison --- */

/* All steps of sequence b; returns the largest difference. */
static double follow(const net *n, paper *one, int64_t b) {
  const int64_t B = n->desc.batch, T = n->desc.seq_len, Y = seqgpu_plan_get_sizes(n->plan).output_width;
  double state[NET_STATES][GATES] = {{0}}, y[2 * MOST] = {0}, worst = 0;
  for (int k = 0; k < n->states; k++) {
    const int64_t width = seqgpu_plan_get_sizes(n->plan).state_width[k];
    replace(state[k], n->value[NET_H0 + k] + b * width, width);
  }
  for (int64_t t = 0; t < T; t++) {
    const double *x = n->value[NET_X] + (t * B + b) * n->desc.input_size;
    const step s = {n, &n->desc, n->desc.input_size, n->desc.hidden_size, x, state[0], state[1], state[2], y,
                    t, b};
    one(&s);
    for (int64_t j = 0; j < Y; j++)
      worst = check_worse(fabs(y[j] - n->value[NET_Y][(t * B + b) * Y + j]), worst);
  }
  for (int k = 0; k < n->states; k++) {
    const int64_t width = seqgpu_plan_get_sizes(n->plan).state_width[k];
    for (int64_t j = 0; j < width; j++)
      worst = check_worse(fabs(state[k][j] - n->value[NET_HT + k][b * width + j]), worst);
  }
  return worst;
}

static void check_cell(seqgpu_context *ctx, const cell_row *cell, int inference) {
  const shape_row shape = {.size = {6, 2, 3, 5}, .desc = {.inference = inference}};
  const seqgpu_rnn_desc desc = combine(cell, &shape);
  if (is_batch_normed(&desc) && !inference) return;
  paper *one = paper_of(desc.cell);
  net n;
  if (one == NULL) check_record(0, "papers[] has no row for it", "%s, what the paper says", cell->name);
  if (one == NULL || !net_open(&n, ctx, &desc, NULL)) return;
  net_fill(&n);
  net_forward(&n);
  double worst = 0;
  for (int64_t b = 0; b < desc.batch; b++) worst = check_worse(follow(&n, one, b), worst);
  check_error(worst, 1e-12, "%s, what the paper says%s", cell->name, inference ? " of inference" : "");
  net_close(&n);
}

int main(void) {
  check_start();
  check_at("cpu f64");
  seqgpu_context *ctx = net_context("cpu", SEQGPU_DTYPE_F64, 1);
  for (size_t c = 0; c < COUNT(cell_rows); c++)
    for (int inference = 0; inference < 2; inference++) check_cell(ctx, &cell_rows[c], inference);
  seqgpu_context_destroy(ctx);
  return check_finish();
}
