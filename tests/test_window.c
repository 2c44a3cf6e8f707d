/* test_window.c - the Gaussian window over characters on the CPU, in float64 and float32.
 *
 * Against its equations in plain words; gradients against differences; the tangent against the gradients, by
 * the product that both give; the place after the last character, characters that a length hides, steps in
 * two halves.
 */
#include "tests/tensors.h"

typedef struct window_case {
  sq_window_args args[2];
  tensor params, before, values, kappa, phi, context, dcontext, dlast, scratch;
  tensor dparams, dbefore, dvalues, tparams, tbefore, tvalues, tkappa, tcontext;
  int32_t *lengths;
} window_case;

typedef struct window_sizes {
  int64_t T, B, U, K, C;
} window_sizes;

static window_case window_new(window_sizes n, int ragged) {
  const int64_t kappas = n.T * n.B * n.K, weights = n.T * n.B * (n.U + 1), shown = n.T * n.B * n.C,
                letters = n.U * n.B * n.C, pairs = n.B * n.K;
  window_case c = {.params = tensor_random("params", 3 * kappas, -1, 0.5),
                   .before = tensor_random("before", pairs, 0, 1),
                   .values = tensor_random("values", letters, -1, 1),
                   .kappa = tensor_new("kappa", kappas),
                   .phi = tensor_new("phi", weights),
                   .context = tensor_new("context", shown),
                   .dcontext = tensor_random("dcontext", shown, -1, 1),
                   .dlast = tensor_random("dlast", pairs, -1, 1),
                   .scratch = tensor_new("scratch", weights),
                   .dparams = tensor_new("dparams", 3 * kappas),
                   .dbefore = tensor_new("dbefore", pairs),
                   .dvalues = tensor_new("dvalues", letters),
                   .tparams = tensor_random("tparams", 3 * kappas, -1, 1),
                   .tbefore = tensor_random("tbefore", pairs, -1, 1),
                   .tvalues = tensor_random("tvalues", letters, -1, 1),
                   .tkappa = tensor_new("tkappa", kappas),
                   .tcontext = tensor_new("tcontext", shown),
                   .lengths = lengths_new(n.B, 0, n.U)};
  for (int k = 0; k < 2; k++) {
    const int bits = both[k];
    c.args[k] = (sq_window_args){.seq_len = n.T,
                                 .batch = n.B,
                                 .source_len = n.U,
                                 .gaussians = n.K,
                                 .value_dim = n.C,
                                 .lengths = ragged ? c.lengths : NULL,
                                 .params = at(c.params, bits),
                                 .before = ragged ? at(c.before, bits) : NULL,
                                 .values = at(c.values, bits),
                                 .kappa = at(c.kappa, bits),
                                 .phi = at(c.phi, bits),
                                 .context = at(c.context, bits),
                                 .dcontext = at(c.dcontext, bits),
                                 .dlast = at(c.dlast, bits),
                                 .scratch = at(c.scratch, bits),
                                 .dparams = at(c.dparams, bits),
                                 .dbefore = at(c.dbefore, bits),
                                 .dvalues = at(c.dvalues, bits),
                                 .tparams = at(c.tparams, bits),
                                 .tbefore = ragged ? at(c.tbefore, bits) : NULL,
                                 .tvalues = at(c.tvalues, bits),
                                 .tkappa = at(c.tkappa, bits),
                                 .tcontext = at(c.tcontext, bits)};
  }
  return c;
}

static void window_free(window_case *c) {
  TENSORS_FREE(&c->params, &c->before, &c->values, &c->kappa, &c->phi, &c->context, &c->dcontext, &c->dlast,
               &c->scratch, &c->dparams, &c->dbefore, &c->dvalues, &c->tparams, &c->tbefore, &c->tvalues,
               &c->tkappa, &c->tcontext);
  check_free(c->lengths);
}

static void window_run(window_case *c) {
  tensor_fill(c->dvalues, 0, 0);
  for (int k = 0; k < 2; k++) {
    ops(both[k])->window_forward(&serial, &c->args[k]);
    ops(both[k])->window_backward(&serial, &c->args[k]);
  }
}

/* ---------------------------------------------------------------- the equations */

static int64_t letters_of(const window_case *c, int64_t b) {
  return c->args[0].lengths ? c->lengths[b] : c->args[0].source_len;
}

/* kappa of step t, from the beginning. */
static double plain_kappa(const window_case *c, int64_t t, int64_t b, int64_t j) {
  const sq_window_args *a = &c->args[0];
  double sum = a->before ? c->before.d[b * a->gaussians + j] : 0;
  for (int64_t s = 0; s <= t; s++)
    sum += exp(c->params.d[(s * a->batch + b) * 3 * a->gaussians + 2 * a->gaussians + j]);
  return sum;
}

static double plain_phi(const window_case *c, int64_t t, int64_t b, int64_t u) {
  const sq_window_args *a = &c->args[0];
  const int64_t K = a->gaussians;
  const double *row = c->params.d + (t * a->batch + b) * 3 * K;
  double sum = 0;
  for (int64_t j = 0; j < K && u <= letters_of(c, b) + 1; j++)
    sum += exp(row[j]) * exp(-exp(row[K + j]) * pow(plain_kappa(c, t, b, j) - (double)u, 2));
  return sum;
}

static double plain_context(const window_case *c, int64_t t, int64_t b, int64_t i) {
  const sq_window_args *a = &c->args[0];
  double sum = 0;
  for (int64_t u = 1; u <= letters_of(c, b); u++)
    sum += plain_phi(c, t, b, u) * c->values.d[((u - 1) * a->batch + b) * a->value_dim + i];
  return sum;
}

static void check_forward(const window_case *c, const char *what) {
  const sq_window_args *a = &c->args[0];
  check_distance kappa = {0, 0}, phi = {0, 0}, context = {0, 0};
  for (int64_t t = 0; t < a->seq_len; t++)
    for (int64_t b = 0; b < a->batch; b++) {
      const int64_t row = t * a->batch + b, U = a->source_len;
      for (int64_t j = 0; j < a->gaussians; j++)
        check_distance_add(&kappa, c->kappa.d[row * a->gaussians + j], plain_kappa(c, t, b, j));
      for (int64_t u = 1; u <= U + 1; u++)
        check_distance_add(&phi, c->phi.d[row * (U + 1) + u - 1], plain_phi(c, t, b, u));
      for (int64_t i = 0; i < a->value_dim; i++)
        check_distance_add(&context, c->context.d[row * a->value_dim + i], plain_context(c, t, b, i));
    }
  check_error(check_distance_error(kappa), 1e-13, "%s, kappa", what);
  check_error(check_distance_error(phi), 1e-13, "%s, phi", what);
  check_error(check_distance_error(context), 1e-13, "%s, context", what);
}

/* ---------------------------------------------------------------- gradients */

/* The last step's part of kappa. */
static tensor last_of(const window_case *c, tensor kappa) {
  const int64_t pairs = c->dlast.n;
  kappa.d += kappa.n - pairs;
  kappa.n = pairs;
  return kappa;
}

static double window_scalar(void *context) {
  window_case *c = context;
  sq_cpu_ops_f64.window_forward(&serial, &c->args[0]);
  return weighted_sum(c->dcontext, c->context) + weighted_sum(c->dlast, last_of(c, c->kappa));
}

/* Float32 against float64, where there are several numbers: one alone may be a sum of which nearly nothing is left. */
static void check_narrow(tensor t, const char *what) {
  if (t.n >= 8) check_single(t, what);
}

/* What moves the results, along the gradients and along the tangent. */
static void check_tangent(window_case *c, const char *what) {
  for (int k = 0; k < 2; k++) ops(both[k])->window_tangent(&serial, &c->args[k]);
  double back = weighted_sum(c->tparams, c->dparams) + weighted_sum(c->tvalues, c->dvalues);
  if (c->args[0].before) back += weighted_sum(c->tbefore, c->dbefore);
  const double ahead = weighted_sum(c->dcontext, c->tcontext) + weighted_sum(c->dlast, last_of(c, c->tkappa));
  check_error(fabs(back - ahead) / (fabs(ahead) + 1), 1e-12, "%s, tangent", what);
  check_narrow(c->tcontext, what);
  check_narrow(c->tkappa, what);
}

static void test_window(window_sizes n, int ragged) {
  window_case c = window_new(n, ragged);
  char what[96];
  snprintf(what, sizeof what, "window, %ldx%ldx%ldx%ldx%ld%s", (long)n.T, (long)n.B, (long)n.U, (long)n.K,
           (long)n.C, ragged ? ", ragged" : "");
  window_run(&c);
  check_forward(&c, what);
  check_narrow(c.phi, what);
  check_narrow(c.context, what);
  check_narrow(c.dparams, what);
  check_narrow(c.dvalues, what);
  check_tangent(&c, what);
  check_slope(window_scalar, &c, c.params, c.dparams, what);
  check_slope(window_scalar, &c, c.values, c.dvalues, what);
  if (ragged) check_slope(window_scalar, &c, c.before, c.dbefore, what);
  window_free(&c);
}

/* ---------------------------------------------------------------- steps that go on */

/* The second half, begun with kappa of the first one, is what the whole is. */
static void test_halves(void) {
  const window_sizes n = {6, 3, 5, 2, 4};
  window_case c = window_new(n, 1);
  sq_window_args half = c.args[0];
  window_run(&c);
  tensor whole = tensor_new("whole", c.context.n);
  memcpy(whole.d, c.context.d, (size_t)whole.n * sizeof *whole.d);
  half.seq_len = n.T / 2;
  sq_cpu_ops_f64.window_forward(&serial, &half);
  half.before = c.kappa.d + (n.T / 2 - 1) * n.B * n.K;
  half.params = c.params.d + n.T / 2 * n.B * 3 * n.K;
  half.kappa = c.kappa.d + n.T / 2 * n.B * n.K;
  half.context = c.context.d + n.T / 2 * n.B * n.C;
  sq_cpu_ops_f64.window_forward(&serial, &half);
  check_error(check_norm_f64(c.context.d, whole.d, whole.n), 1e-15, "window, in two halves");
  TENSORS_FREE(&whole);
  window_free(&c);
}

int main(void) {
  static const window_sizes sizes[] = {{1, 1, 1, 1, 1}, {3, 2, 4, 2, 3}, {5, 3, 70, 3, 2}, {4, 1, 2, 10, 65}};
  check_start();
  check_bits(64);
  for (size_t s = 0; s < COUNT(sizes); s++) {
    test_window(sizes[s], 0);
    test_window(sizes[s], 1);
  }
  test_halves();
  return check_finish();
}
