/* test_mixture.c - the mixture density of pen strokes on the CPU, in float64 and float32.
 *
 * Against the density in plain words, against what PyTorch's distributions computed (goldens/make_losses.py), and
 * the gradient against differences; correlations of almost 1, deviations and distances of any size, masked rows.
 */
#include "tests/goldens.h"
#include "tests/tensors.h"

#ifndef SEQGPU_LOSSES
#define SEQGPU_LOSSES "goldens/losses.bin" /* ctest runs in tests/ */
#endif

typedef struct mixture_case {
  sq_mixture_args args[2];
  tensor params, points, row_loss, loss, dloss, dparams;
  int32_t *lengths;
} mixture_case;

static mixture_case mixture_new(int64_t steps, int64_t batch, int64_t mixtures, int mean) {
  const int64_t rows = steps * batch, width = 1 + 6 * mixtures;
  mixture_case c = {.params = tensor_random("params", rows * width, -1, 1),
                    .points = tensor_random("points", rows * 3, -2, 2),
                    .row_loss = tensor_new("row_loss", rows),
                    .loss = tensor_new("loss", 2),
                    .dloss = tensor_random("dloss", 1, 0.5, 2),
                    .dparams = tensor_new("dparams", rows * width),
                    .lengths = lengths_new(batch, 0, steps)};
  for (int64_t r = 0; r < rows; r++) tensor_set(c.points, 3 * r + 2, (double)(check_random() & 1));
  for (int k = 0; k < 2; k++) {
    const int bits = both[k];
    c.args[k] = (sq_mixture_args){rows,
                                  batch,
                                  mixtures,
                                  mean,
                                  1.5,
                                  at(c.params, bits),
                                  at(c.points, bits),
                                  c.lengths,
                                  at(c.row_loss, bits),
                                  at(c.loss, bits),
                                  at(c.dloss, bits),
                                  at(c.dparams, bits)};
  }
  return c;
}

static void mixture_run(mixture_case *c) {
  for (int k = 0; k < 2; k++) {
    ops(both[k])->mixture_forward(&serial, &c->args[k]);
    ops(both[k])->mixture_backward(&serial, &c->args[k]);
  }
}

static void mixture_free(mixture_case *c) {
  TENSORS_FREE(&c->params, &c->points, &c->row_loss, &c->loss, &c->dloss, &c->dparams);
  check_free(c->lengths);
}

static double mixture_scalar(void *context) {
  mixture_case *c = context;
  sq_cpu_ops_f64.mixture_forward(&serial, &c->args[0]);
  return c->loss.d[0] * c->dloss.d[0];
}

/* -log of the density of row r, equations 18 to 26 as they stand. */
static double plain(const mixture_case *c, int64_t r) {
  const int64_t M = c->args[0].mixtures;
  const double *row = c->params.d + r * (1 + 6 * M), *point = c->points.d + 3 * r, pi = acos(-1);
  double weights = 0, density = 0;
  int64_t j = 1;
  for (int64_t i = 1; i <= M; i++) weights += exp(row[i]);
  do { /* there is one at least */
    const double sx = exp(row[3 * M + j]), sy = exp(row[4 * M + j]), rho = tanh(row[5 * M + j]);
    const double a = (point[0] - row[M + j]) / sx, b = (point[1] - row[2 * M + j]) / sy;
    const double z = a * a + b * b - 2 * rho * a * b, rest = 1 - rho * rho;
    density += exp(row[j]) / weights * exp(-z / (2 * rest)) / (2 * pi * sx * sy * sqrt(rest));
  } while (++j <= M);
  const double end = 1 / (1 + exp(-row[0]));
  return -log(density) - log(point[2] != 0 ? end : 1 - end);
}

/* Masked rows become NaN: nothing of them may be read. */
static void test_mixture(int64_t steps, int64_t batch, int64_t mixtures, int mean) {
  mixture_case c = mixture_new(steps, batch, mixtures, mean);
  const int64_t width = 1 + 6 * mixtures;
  double sum = 0, count = 0;
  int zero = 1;
  for (int64_t r = 0; r < steps * batch; r++) {
    const int inside = r / batch < c.lengths[r % batch];
    sum += inside ? plain(&c, r) : 0;
    count += inside;
    for (int64_t i = r * width; i < (r + 1) * width && !inside; i++) c.params.d[i] = c.params.f[i] = NAN;
  }
  mixture_run(&c);
  for (int64_t i = 0; i < c.params.n; i++) zero &= !isnan(c.params.d[i]) || c.dparams.d[i] == 0;
  const double want = 1.5 * sum / (mean && count > 0 ? count : 1);
  char what[80];
  snprintf(what, sizeof what, "mixture, %ldx%ldx%ld %s", (long)steps, (long)batch, (long)mixtures,
           mean ? "mean" : "sum");
  check_error(fabs(c.loss.d[0] - want) / (1 + fabs(want)), 1e-12, "%s, loss", what);
  CHECK(c.loss.d[1] == count && zero, "%s, masked rows", what);
  check_single(c.row_loss, name("%s, row loss", what));
  check_single(c.dparams, name("%s, gradient", what));
  check_slope(mixture_scalar, &c, c.params, c.dparams, what);
  mixture_free(&c);
}

static void test_golden(void) {
  enum { ROWS = 9, M = 20, WIDTH = 1 + 6 * M };
  const golden *params = look_for("mixture", "params"), *points = look_for("mixture", "points"),
               *each = look_for("mixture", "each"), *dparams = look_for("mixture", "dparams");
  CHECK(params && points && each && dparams && params->count == ROWS * WIDTH, "golden mixture is there");
  if (!params || !points || !each || !dparams || params->count != ROWS * WIDTH) return;
  mixture_case c = mixture_new(1, ROWS, M, 0);
  for (int64_t i = 0; i < c.params.n; i++) c.params.f[i] = (float)(c.params.d[i] = params->data[i]);
  for (int64_t i = 0; i < c.points.n; i++) c.points.f[i] = (float)(c.points.d[i] = points->data[i]);
  for (int k = 0; k < 2; k++) {
    c.args[k].lengths = NULL;
    c.args[k].dloss = NULL;
    c.args[k].scale = 1;
  }
  mixture_run(&c);
  check_error(check_norm_f64(c.row_loss.d, each->data, ROWS), 1e-12, "golden mixture, losses");
  check_error(check_norm_f64(c.dparams.d, dparams->data, ROWS * WIDTH), 1e-11, "golden mixture, gradient");
  check_bits(32);
  check_error(check_norm_f32(c.row_loss.f, each->data, ROWS), SINGLE, "golden mixture, losses");
  check_bits(64);
  mixture_free(&c);
}

/* One Gaussian whose point is its mean, but for what is said. */
static void test_edges(void) {
  mixture_case c = mixture_new(6, 1, 1, 0);
  const double log_2pi = log(2 * acos(-1)), x[6] = {0, 0, 1e4, 0, 0, 0}, sx[6] = {0, -30, 0, 0, 0, 0};
  const double r[6] = {15, 0, 0, -18, 0, 0}, e[6] = {-200, -200, -200, -200, 200, 0};
  for (int i = 0; i < 6; i++) {
    const double row[7] = {e[i], i == 5 ? (double)NAN : 3, 0, 0, sx[i], 0, r[i]}, point[3] = {x[i], 0, 0};
    for (int k = 0; k < 7; k++) tensor_set(c.params, 7 * i + k, row[k]);
    for (int k = 0; k < 3; k++) tensor_set(c.points, 3 * i + k, point[k]);
  }
  for (int k = 0; k < 2; k++) c.args[k].lengths = NULL;
  mixture_run(&c);
  const double want[5] = {log_2pi + log(2) - 15, log_2pi - 30, log_2pi + 5e7, log_2pi + log(2) - 18,
                          log_2pi + 200};
  for (int k = 0; k < 2; k++) {
    double worst = 0;
    for (int64_t i = 0; i < 5; i++) {
      const double error = fabs(get(c.row_loss, both[k], i) / want[i] - 1);
      worst = check_worse(error, worst);
    }
    check_bits(both[k]);
    check_error(worst, k ? 1e-6 : 1e-11,
                "mixture, correlations near 1, tiny deviations, far points, sure ends");
  }
  check_bits(64);
  CHECK(isnan(c.row_loss.d[5]) && isnan(c.row_loss.f[5]) && isnan(c.dparams.f[36]), "mixture, of NaN");
  mixture_free(&c);
}

int main(int argc, char **argv) {
  static const int64_t sizes[][3] = {{0, 3, 2}, {1, 1, 1}, {7, 3, 2}, {5, 4, 20}};
  check_start();
  check_bits(64);
  for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
    test_mixture(sizes[s][0], sizes[s][1], sizes[s][2], 0);
    test_mixture(sizes[s][0], sizes[s][1], sizes[s][2], 1);
  }
  const char *path = argc > 1 ? argv[1] : SEQGPU_LOSSES;
  if (!read_goldens(path)) check_record(0, path, "the goldens can be read");
  test_golden();
  free_goldens();
  test_edges();
  return check_finish();
}
