/* test_ops_omega.c - Pascanu's regulariser as operators: the error signal of a step, the ratios of norms in
 * both forms, and their gradient against differences, with error signals and states held constant.
 */
#include "tests/ops_cases.h"

enum { B = 5, H = 7, T = 4, ROWS = T * B };

/* ---------------------------------------------------------------- the signal of a step */

static double slope_of(sq_activation g, double h) {
  if (g == SQ_TANH) return 1 - h * h;
  if (g == SQ_SIGMOID) return h * (1 - h);
  return g == SQ_RELU ? h > 0 : 1;
}

/* Row b of step t: what the sequence's own last step takes from dfinal, another from the step after. */
static void test_signal(sq_activation g, int reverse, int ragged, int with_dy, int with_final) {
  static const int32_t some[B] = {4, 0, 2, 1, 3};
  const int64_t ld = H + 2;
  tensor h = tensor_random("h", B * H, -0.9, 0.9), dy = tensor_random("dy", B * ld, -1, 1);
  tensor next = tensor_random("next", B * H, -1, 1), last = tensor_random("last", B * H, -1, 1);
  tensor v = tensor_new("v", B * H), norm2 = tensor_new("norm2", B), want = tensor_new("want", B * H);
  double worst = 0;
  for (int64_t t = 0; t < T; t++) {
    for (int k = 0; k < 2; k++) {
      const int bits = both[k];
      const sq_signal_args a = {.batch = B,
                                .dim = H,
                                .t = t,
                                .seq_len = T,
                                .reverse = reverse,
                                .lengths = ragged ? some : NULL,
                                .activation = g,
                                .h = at(h, bits),
                                .dy = with_dy ? at(dy, bits) : NULL,
                                .ld_dy = ld,
                                .next = at(next, bits),
                                .dfinal = with_final ? at(last, bits) : NULL,
                                .v = at(v, bits),
                                .norm2 = at(norm2, bits)};
      ops(bits)->omega_signal(&serial, &a);
    }
    for (int64_t b = 0; b < B; b++) {
      const int64_t length = ragged ? some[b] : T, end = reverse ? 0 : length - 1;
      double sum = 0;
      for (int64_t j = 0; j < H; j++) {
        double d = with_dy ? dy.d[b * ld + j] : 0;
        d += t != end ? next.d[b * H + j] : with_final ? last.d[b * H + j] : 0;
        if (t >= length) d = 0;
        want.d[b * H + j] = d * slope_of(g, h.d[b * H + j]);
        sum += d * d;
      }
      worst = check_worse(worst, fabs(norm2.d[b] - sum));
    }
    worst = check_worse(worst, check_norm_f64(v.d, want.d, B * H));
    check_single(v, name("omega_signal, step %ld, float32", (long)t));
  }
  check_error(worst, EXACT, "omega_signal, activation %d%s%s%s%s", (int)g, reverse ? ", reverse" : "",
              ragged ? ", ragged" : "", with_dy ? "" : ", without dy", with_final ? "" : ", without dfinal");
  TENSORS_FREE(&h, &dy, &next, &last, &v, &norm2, &want);
}

static void test_signals(void) {
  for (int g = SQ_TANH; g <= SQ_IDENTITY; g++)
    for (int reverse = 0; reverse < 2; reverse++)
      for (int ragged = 0; ragged < 2; ragged++) {
        test_signal((sq_activation)g, reverse, ragged, 1, 1);
        test_signal((sq_activation)g, reverse, ragged, 0, 1);
        test_signal((sq_activation)g, reverse, ragged, 1, 0);
      }
}

/* ---------------------------------------------------------------- the ratios */

typedef struct ratios {
  sq_omega_form form;
  tensor v, w, norm2, u, slope, row, omega; /* [R,H] [H,H] [R] [R,H] [R] [R] [2] */
} ratios;

/* Row 3 has too small a signal, row 5 no u. */
static ratios ratios_new(sq_omega_form form) {
  ratios c = {.form = form,
              .v = tensor_random("v", ROWS * H, -1, 1),
              .w = tensor_random("w", H * H, -0.6, 0.6),
              .norm2 = tensor_random("norm2", ROWS, 0.5, 4),
              .u = tensor_new("u", ROWS * H),
              .slope = tensor_new("slope", ROWS),
              .row = tensor_new("row", ROWS),
              .omega = tensor_new("omega", 2)};
  tensor_set(c.norm2, 3, 0.9e-20);
  for (int j = 0; j < H; j++) tensor_set(c.v, 5 * H + j, 0);
  return c;
}

/* u = v W, and the regulariser by the formulas of the paper and of its authors' code. */
static double plain_omega(const ratios *c) {
  double sum = 0, active = 0;
  for (int r = 0; r < ROWS; r++) {
    double u2 = 0;
    for (int j = 0; j < H; j++) {
      double u = 0;
      for (int i = 0; i < H; i++) u += c->v.d[r * H + i] * c->w.d[i * H + j];
      u2 += u * u;
    }
    if (!(c->norm2.d[r] >= 1e-20)) continue;
    const double ratio = c->form == SQ_OMEGA_NORMS ? sqrt(u2) / sqrt(c->norm2.d[r]) : u2 / c->norm2.d[r];
    sum += (ratio - 1) * (ratio - 1);
    active++;
  }
  return c->form == SQ_OMEGA_NORMS ? sum / B : sum / active;
}

static void run_omega(const ratios *c, int bits, double alpha, tensor dw) {
  const sq_gemm_args product = {0, 0, 0, ROWS, H, H, at(c->v, bits), H, at(c->w, bits), H, at(c->u, bits),
                                H, 0};
  const sq_omega_args a = {.form = c->form,
                           .rows = ROWS,
                           .dim = H,
                           .batch = B,
                           .alpha = alpha,
                           .norm2 = at(c->norm2, bits),
                           .u = at(c->u, bits),
                           .slope = at(c->slope, bits),
                           .row = at(c->row, bits),
                           .omega = at(c->omega, bits)};
  const sq_gemm_args gradient = {1, 0, 0, H, H, ROWS, at(c->v, bits), H, at(c->u, bits), H, at(dw, bits),
                                 H, 0};
  ops(bits)->gemm(&serial, &product);
  ops(bits)->omega_forward(&serial, &a);
  ops(bits)->omega_backward(&serial, &a);
  ops(bits)->gemm(&serial, &gradient);
}

static void test_ratio(sq_omega_form form) {
  const char *what = form == SQ_OMEGA_NORMS ? "norms" : "squares";
  const double alpha = 1.7, step = 1e-4;
  ratios c = ratios_new(form);
  tensor dw = tensor_new("dw", H * H), want = tensor_new("want", H * H);
  for (int k = 0; k < 2; k++) run_omega(&c, both[k], alpha, dw);
  check_error(fabs(c.omega.d[0] / plain_omega(&c) - 1), EXACT, "omega, %s: the value", what);
  check_error(fabs((double)c.omega.f[0] / c.omega.d[0] - 1), SINGLE, "omega, %s: the value in float32", what);
  CHECK(c.omega.d[1] == ROWS - 1 && c.row.d[3] == -1 && c.slope.d[3] == 0,
        "omega, %s: a signal that is too small", what);
  CHECK(c.row.d[5] == 1 && (form == SQ_OMEGA_SQUARES || c.slope.d[5] == 0), "omega, %s: no signal goes on",
        what);
  for (int i = 0; i < H * H; i++) { /* fourth order */
    const double middle = c.w.d[i];
    double sum = 0;
    for (int k = -2; k <= 2; k++) {
      static const double weight[] = {1, -8, 0, 8, -1};
      c.w.d[i] = middle + k * step;
      sum += weight[k + 2] * plain_omega(&c) / (12 * step);
    }
    c.w.d[i] = middle;
    want.d[i] = alpha * sum;
  }
  check_error(check_norm_f64(dw.d, want.d, H * H), 1e-8, "omega, %s: the gradient against differences", what);
  check_single(dw, name("omega, %s: the gradient in float32", what));
  TENSORS_FREE(&c.v, &c.w, &c.norm2, &c.u, &c.slope, &c.row, &c.omega, &dw, &want);
}

/* No signal anywhere: no ratio, and no gradient. */
static void test_silence(sq_omega_form form) {
  ratios c = ratios_new(form);
  tensor dw = tensor_new("dw", H * H);
  tensor_fill(c.norm2, 0, 0);
  tensor_fill(c.v, 0, 0);
  int silent = 1;
  for (int k = 0; k < 2; k++) {
    run_omega(&c, both[k], 1, dw);
    silent &= get(c.omega, both[k], 0) == 0 && get(c.omega, both[k], 1) == 0;
    for (int i = 0; i < H * H; i++) silent &= get(dw, both[k], i) == 0;
  }
  CHECK(silent, "omega, %s: without a signal", form == SQ_OMEGA_NORMS ? "norms" : "squares");
  TENSORS_FREE(&c.v, &c.w, &c.norm2, &c.u, &c.slope, &c.row, &c.omega, &dw);
}

int main(void) {
  check_start();
  check_bits(64);
  test_signals();
  test_ratio(SQ_OMEGA_NORMS);
  test_ratio(SQ_OMEGA_SQUARES);
  test_silence(SQ_OMEGA_NORMS);
  test_silence(SQ_OMEGA_SQUARES);
  return check_finish();
}
