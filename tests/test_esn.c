/* test_esn.c - ridge regression, echo state networks, and the series they are measured on. */
#define _POSIX_C_SOURCE 200809L
#include "tests/check.h"

#include <stdlib.h>
#include <unistd.h>

#include "host/cli/series.h"
#include "host/context/context.h"
#include "seqgpu/seqgpu.h"
#include "tests/failing.h"
#include "tests/refused.h"

static seqgpu_context *open_on(const char *device, seqgpu_dtype dtype) {
  const seqgpu_context_options options = {.device = device, .threads = 1, .dtype = dtype};
  seqgpu_context *ctx = NULL;
  if (seqgpu_context_create(&options, &ctx) == SEQGPU_OK) return ctx;
  seqgpu_context_destroy(ctx);
  return NULL;
}

static seqgpu_context *open_cpu(void) { return open_on("cpu", SEQGPU_DTYPE_F64); }

static double difference(const double *a, const double *b, int64_t n) {
  double worst = 0;
  for (int64_t i = 0; i < n; i++) worst = check_worse(worst, fabs(a[i] - b[i]));
  return worst;
}

/* ---------------------------------------------------------------- ridge regression */

enum { ROWS = 150, IN = 37, OUT = 2 };

/* The closed form once more: (X^T X + lambda I) W^T = X^T Y by Gauss-Jordan elimination with row pivots. */
static void closed_form(const double *x, const double *y, double lambda, double *w) {
  enum { WIDTH = IN + OUT };
  static long double a[IN][WIDTH];
  for (int i = 0; i < IN; i++)
    for (int j = 0; j < WIDTH; j++) {
      a[i][j] = i == j ? (long double)lambda : 0;
      for (int r = 0; r < ROWS; r++)
        a[i][j] += (long double)x[r * IN + i] * (long double)(j < IN ? x[r * IN + j] : y[r * OUT + j - IN]);
    }
  for (int p = 0; p < IN; p++) {
    int best = p;
    for (int i = p + 1; i < IN; i++)
      if (fabsl(a[i][p]) > fabsl(a[best][p])) best = i;
    for (int j = 0; j < WIDTH; j++) {
      const long double swap = a[p][j];
      a[p][j] = a[best][j];
      a[best][j] = swap;
    }
    for (int i = 0; i < IN; i++) {
      const long double f = a[i][p] / a[p][p];
      for (int j = p; j < WIDTH && i != p; j++) a[i][j] -= f * a[p][j];
    }
  }
  for (int k = 0; k < OUT; k++)
    for (int j = 0; j < IN; j++) w[k * IN + j] = (double)(a[j][IN + k] / a[j][j]);
}

/* Adds ROWS rows in pieces of `piece`. */
static void add_pieces(seqgpu_ridge *r, int64_t piece, const double *x, const double *y) {
  for (int64_t done = 0; done < ROWS; done += piece)
    seqgpu_ridge_add(r, ROWS - done < piece ? ROWS - done : piece, x + done * IN, y + done * OUT);
}

static void test_ridge(seqgpu_context *ctx, seqgpu_ridge_method method, const char *name) {
  static double x[ROWS * IN], y[ROWS * OUT], w[OUT * IN], ref[OUT * IN];
  const double lambdas[] = {0, 1e-6, 3, 1e4};
  const int64_t pieces[] = {1, 7, 32, 33, ROWS};
  seqgpu_ridge *r;
  check_fill_f64(x, ROWS * IN, -1, 1);
  check_fill_f64(y, ROWS * OUT, -1, 1);
  CHECK(seqgpu_ridge_create(ctx, IN, OUT, method, &r) == SEQGPU_OK, "%s: created", name);
  for (int p = 0; p < 5; p++) {
    seqgpu_ridge_reset(r);
    add_pieces(r, pieces[p], x, y);
    for (int l = 0; l < 4; l++) { /* a solution leaves what was seen as it was, so the later ones are right */
      closed_form(x, y, lambdas[l], ref);
      const seqgpu_status status = seqgpu_ridge_solve(r, lambdas[l], w);
      check_error(status ? (double)NAN : check_norm_f64(w, ref, OUT * IN), 1e-11,
                  "%s: pieces of %d, lambda %g", name, (int)pieces[p], lambdas[l]);
    }
  }
  CHECK(seqgpu_ridge_rows(r) == ROWS, "%s: rows are counted", name);
  seqgpu_ridge_destroy(r);
}

/* A feature that differs from another in the ninth digit: enough for float64, not for its square. */
static void test_conditioning(seqgpu_context *ctx) {
  enum { N = 3, POINTS = 60 };
  double x[POINTS * N], y[POINTS], w[N], truth[N];
  check_fill_f64(truth, N, -1, 1);
  check_fill_f64(x, POINTS * N, -1, 1);
  for (int i = 0; i < POINTS; i++) {
    x[i * N + 2] = x[i * N] + 1e-9 * x[i * N + 2];
    y[i] = truth[0] * x[i * N] + truth[1] * x[i * N + 1] + truth[2] * x[i * N + 2];
  }
  seqgpu_ridge *qr, *cholesky;
  seqgpu_ridge_create(ctx, N, 1, SEQGPU_RIDGE_QR, &qr);
  seqgpu_ridge_create(ctx, N, 1, SEQGPU_RIDGE_CHOLESKY, &cholesky);
  seqgpu_ridge_add(qr, POINTS, x, y);
  seqgpu_ridge_add(cholesky, POINTS, x, y);
  seqgpu_ridge_solve(qr, 0, w);
  check_error(check_norm_f64(w, truth, N), 1e-4, "qr: features that differ by 1e-9 are told apart");
  w[0] = 7;
  REFUSED(ctx, EINVAL, "lambda", seqgpu_ridge_solve(cholesky, 0, w));
  CHECK(w[0] == 7, "cholesky: what is refused writes nothing");
  ACCEPTED(ctx, seqgpu_ridge_solve(cholesky, 1e-6, w));
  seqgpu_ridge_destroy(qr);
  seqgpu_ridge_destroy(cholesky);
}

/* More features than a panel of the factorisation, and more rows than a piece: both methods agree. */
static void test_wide(seqgpu_context *ctx) {
  enum { WIDE = 150, LONG = 600 };
  static double x[LONG * WIDE], y[LONG], w[2][WIDE];
  check_fill_f64(x, LONG * WIDE, -1, 1);
  check_fill_f64(y, LONG, -1, 1);
  for (int k = 0; k < 2; k++) {
    seqgpu_ridge *r = NULL;
    ACCEPTED(ctx, seqgpu_ridge_create(ctx, WIDE, 1, k ? SEQGPU_RIDGE_CHOLESKY : SEQGPU_RIDGE_QR, &r));
    ACCEPTED(ctx, seqgpu_ridge_add(r, LONG, x, y));
    ACCEPTED(ctx, seqgpu_ridge_solve(r, 0.1, w[k]));
    seqgpu_ridge_destroy(r);
  }
  check_error(difference(w[0], w[1], WIDE), 1e-12, "150 features, by either method");
}

static void test_ridge_refusals(seqgpu_context *ctx, seqgpu_ridge_method method) {
  const double good[6] = {1, 2, 3, 4, 5, 6}, bad[6] = {1, 2, 3, (double)NAN, 5, 6};
  double w[3];
  seqgpu_ridge *r = NULL;
  ACCEPTED(ctx, seqgpu_ridge_create(ctx, 3, 1, method, &r));
  REFUSED(ctx, EINVAL, "no rows", seqgpu_ridge_solve(r, 1, w));
  REFUSED(ctx, EINVAL, "x ", seqgpu_ridge_add(r, 2, bad, good));
  REFUSED(ctx, EINVAL, "row 1, column 0", seqgpu_ridge_add(r, 2, bad, good));
  REFUSED(ctx, EINVAL, "y ", seqgpu_ridge_add(r, 2, good, bad + 2));
  REFUSED(ctx, EINVAL, "x ", seqgpu_ridge_add(r, 1, NULL, good));
  REFUSED(ctx, EINVAL, "rows", seqgpu_ridge_add(r, -1, good, good));
  CHECK(seqgpu_ridge_rows(r) == 0, "nothing was added");
  ACCEPTED(ctx, seqgpu_ridge_add(r, 0, NULL, NULL));
  ACCEPTED(ctx, seqgpu_ridge_add(r, 2, good, good));
  REFUSED(ctx, EINVAL, "feature 2 of 3", seqgpu_ridge_solve(r, 0, w));
  REFUSED(ctx, EINVAL, "lambda", seqgpu_ridge_solve(r, -1, w));
  REFUSED(ctx, EINVAL, "lambda", seqgpu_ridge_solve(r, (double)NAN, w));
  REFUSED(ctx, EINVAL, "w is NULL", seqgpu_ridge_solve(r, 1, NULL));
  ACCEPTED(ctx, seqgpu_ridge_solve(r, 1e-3, w));
  seqgpu_ridge_destroy(r);
}

static void test_ridge_creation(seqgpu_context *ctx) {
  seqgpu_ridge *r;
  REFUSED(ctx, EINVAL, "in is 0", seqgpu_ridge_create(ctx, 0, 1, SEQGPU_RIDGE_QR, &r));
  REFUSED(ctx, EINVAL, "out is -3", seqgpu_ridge_create(ctx, 1, -3, SEQGPU_RIDGE_QR, &r));
  REFUSED(ctx, EINVAL, "method", seqgpu_ridge_create(ctx, 1, 1, (seqgpu_ridge_method)2, &r));
  REFUSED(ctx, EINVAL, "result", seqgpu_ridge_create(ctx, 1, 1, SEQGPU_RIDGE_QR, NULL));
  CHECK(seqgpu_ridge_create(NULL, 1, 1, SEQGPU_RIDGE_QR, &r) == SEQGPU_EINVAL && r == NULL, "context NULL");
  seqgpu_ridge_destroy(NULL);
}

/* ---------------------------------------------------------------- echo state networks */

enum { H = 30, T = 40, I = 2, O = 1, WIDTH = I + O };

static const double leak = 0.4;

static seqgpu_esn_desc small_desc(void) {
  return (seqgpu_esn_desc){.input_size = I,
                           .output_size = O,
                           .hidden_size = H,
                           .feedback = 1,
                           .leak = leak,
                           .links = 5,
                           .spectral_radius = 0.8,
                           .input_scale = 0.5,
                           .feedback_scale = 0.7,
                           .bias_scale = 0.2,
                           .batch = 3,
                           .seq_len = 16};
}

typedef struct net {
  seqgpu_params *params;
  seqgpu_esn *esn;
} net;

static net make_net(seqgpu_context *ctx, const seqgpu_esn_desc *desc, uint64_t seed) {
  net n = {NULL, NULL};
  seqgpu_params_create(ctx, seed, &n.params);
  if (seqgpu_esn_create(n.params, "esn", desc, &n.esn)) printf("%s\n", seqgpu_last_error(ctx));
  return n;
}

static void free_net(net n) {
  seqgpu_esn_destroy(n.esn);
  seqgpu_params_destroy(n.params);
}

static const double *values(net n, const char *name) {
  seqgpu_param found = {0};
  seqgpu_params_find(n.params, name, &found);
  return found.value;
}

/* A network whose read-out has seen a series with a rule in it. */
static net trained_net(seqgpu_context *ctx, const seqgpu_esn_desc *desc, uint64_t seed) {
  enum { LONG = 300 };
  double u[LONG * I], d[LONG * O] = {0};
  const net n = make_net(ctx, desc, seed);
  check_fill_f64(u, LONG * I, -1, 1);
  for (int t = 2; t < LONG; t++) d[t] = 0.5 * d[t - 1] + 0.3 * u[(t - 2) * I] * u[t * I + 1];
  seqgpu_esn_reset(n.esn, 1);
  seqgpu_esn_train(n.esn, LONG, u, d, 50);
  seqgpu_esn_solve(n.esn, 1e-8);
  return n;
}

static void test_weights(seqgpu_context *ctx) {
  const seqgpu_esn_desc desc = small_desc();
  const net n = make_net(ctx, &desc, check_random());
  const double *in = values(n, "esn.reservoir.weight_ih_l0"), *hh = values(n, "esn.reservoir.weight_hh_l0");
  const double *b = values(n, "esn.reservoir.bias_l0");
  double largest[4] = {0};
  int links = 1;
  for (int i = 0; i < H; i++) {
    int row = 0;
    for (int j = 0; j < H; j++) row += hh[i * H + j] != 0;
    links &= row == 5;
    for (int j = 0; j < WIDTH; j++)
      largest[j < I ? 0 : 1] = check_worse(largest[j < I ? 0 : 1], fabs(in[i * WIDTH + j]));
    largest[2] = check_worse(largest[2], fabs(b[i]));
  }
  CHECK(links, "reservoir: 5 links into each unit");
  CHECK(largest[0] <= 0.5 && largest[0] > 0.4 && largest[1] <= 0.7 && largest[1] > 0.5 && largest[2] <= 0.2 &&
            largest[2] > 0.1,
        "reservoir: inputs, feedback and bias in their ranges");
  CHECK(seqgpu_esn_features(n.esn) == 1 + WIDTH + H, "the read-out sees 1, inputs, feedback, states");
  CHECK(values(n, "esn.readout.weight")[0] == 0, "and is 0 at first");
  free_net(n);
}

/* The equations of esn.h, step by step, from the weights; d NULL: free-running.  h [H] and last [O] go on. */
static void by_hand(net n, int64_t steps, const double *u, const double *d, double *h, double *last,
                    double *y) {
  const double *in = values(n, "esn.reservoir.weight_ih_l0"), *hh = values(n, "esn.reservoir.weight_hh_l0");
  const double *b = values(n, "esn.reservoir.bias_l0"), *out = values(n, "esn.readout.weight");
  for (int64_t t = 0; t < steps; t++) {
    double next[H];
    const double x[WIDTH] = {u[t * I], u[t * I + 1], *last};
    for (int i = 0; i < H; i++) {
      double a = b[i];
      for (int j = 0; j < WIDTH; j++) a += in[i * WIDTH + j] * x[j];
      for (int j = 0; j < H; j++) a += hh[i * H + j] * h[j];
      next[i] = (1 - leak) * h[i] + leak * tanh(a);
    }
    memcpy(h, next, sizeof next);
    y[t] = out[0];
    for (int j = 0; j < WIDTH; j++) y[t] += out[1 + j] * x[j];
    for (int j = 0; j < H; j++) y[t] += out[1 + WIDTH + j] * h[j];
    *last = d ? d[t] : y[t];
  }
}

static void test_equations(seqgpu_context *ctx) {
  const seqgpu_esn_desc desc = small_desc();
  const net n = trained_net(ctx, &desc, check_random());
  double u[T * I], d[T * O], y[T], ref[T], h[H] = {0}, state[H], last = 0;
  check_fill_f64(u, T * I, -1, 1);
  check_fill_f64(d, T * O, -0.3, 0.3);
  seqgpu_esn_reset(n.esn, 1);
  ACCEPTED(ctx, seqgpu_esn_run(n.esn, T, u, d, y));
  by_hand(n, T, u, d, h, &last, ref);
  check_error(difference(y, ref, T), 1e-11, "echo state network, teacher-forced: the equations");
  ACCEPTED(ctx, seqgpu_esn_run(n.esn, T, u, NULL, y));
  by_hand(n, T, u, NULL, h, &last, ref);
  check_error(difference(y, ref, T), 1e-10, "echo state network, then free-running: the equations");
  ACCEPTED(ctx, seqgpu_esn_state(n.esn, state));
  check_error(difference(state, h, H), 1e-10, "echo state network, and the state");
  free_net(n);
}

/* However a series is cut, the bits are the same. */
static void test_pieces(seqgpu_context *ctx) {
  const seqgpu_esn_desc desc = small_desc();
  const net n = trained_net(ctx, &desc, check_random());
  double u[T * I], d[T * O], whole[2 * T], cut[2 * T];
  check_fill_f64(u, T * I, -1, 1);
  check_fill_f64(d, T * O, -0.3, 0.3);
  seqgpu_esn_reset(n.esn, 1);
  seqgpu_esn_run(n.esn, T, u, d, whole);
  seqgpu_esn_run(n.esn, T, u, NULL, whole + T);
  seqgpu_esn_reset(n.esn, 1);
  for (int64_t t = 0; t < 2 * T; t++) {
    const int64_t s = t % T;
    seqgpu_esn_run(n.esn, 1, u + s * I, t < T ? d + s * O : NULL, cut + t);
  }
  CHECK(memcmp(whole, cut, sizeof whole) == 0,
        "echo state network, a run at once and step by step have the same bits");
  free_net(n);
}

/* Sequences side by side do what each does alone. */
static void test_batch(seqgpu_context *ctx) {
  enum { B = 3 };
  const seqgpu_esn_desc desc = small_desc();
  const net n = trained_net(ctx, &desc, check_random());
  double u[T * B * I], d[T * B], y[T * B], alone_u[T * I], alone_d[T], alone[T], worst = 0;
  check_fill_f64(u, T * B * I, -1, 1);
  check_fill_f64(d, T * B, -0.3, 0.3);
  seqgpu_esn_reset(n.esn, B);
  seqgpu_esn_run(n.esn, T, u, d, NULL);
  seqgpu_esn_run(n.esn, T, u, NULL, y);
  for (int b = 0; b < B; b++) {
    for (int t = 0; t < T; t++) {
      memcpy(alone_u + t * I, u + (t * B + b) * I, I * sizeof *u);
      alone_d[t] = d[t * B + b];
    }
    seqgpu_esn_reset(n.esn, 1);
    seqgpu_esn_run(n.esn, T, alone_u, alone_d, NULL);
    seqgpu_esn_run(n.esn, T, alone_u, NULL, alone);
    for (int t = 0; t < T; t++) worst = check_worse(worst, fabs(alone[t] - y[t * B + b]));
  }
  check_error(worst, 1e-11, "echo state network, three sequences side by side");
  free_net(n);
}

/* Jaeger 2001, definition 1: what the state was is forgotten. */
static void test_echo_state(seqgpu_context *ctx) {
  enum { LONG = 200 };
  const seqgpu_esn_desc desc = small_desc();
  const net n = make_net(ctx, &desc, check_random());
  double u[LONG * I], d[LONG], h[2][H], past_u[20 * I], past_d[20], before[2][H];
  check_fill_f64(u, LONG * I, -1, 1);
  check_fill_f64(d, LONG, -1, 1);
  for (int k = 0; k < 2; k++) { /* 20 steps of a past of its own, then the same series */
    check_fill_f64(past_u, 20 * I, -1, 1);
    check_fill_f64(past_d, 20, -1, 1);
    seqgpu_esn_reset(n.esn, 1);
    seqgpu_esn_run(n.esn, 20, past_u, past_d, NULL);
    seqgpu_esn_state(n.esn, before[k]);
    seqgpu_esn_run(n.esn, LONG, u, d, NULL);
    seqgpu_esn_state(n.esn, h[k]);
  }
  CHECK(difference(before[0], before[1], H) > 0.01, "echo state network, two pasts make two states");
  check_error(difference(h[0], h[1], H), 1e-9,
              "echo state network, after 200 steps of one series they are one");
  free_net(n);
}

/* The read-out is the ridge regression of what a run by hand sees after the wash-out; the rule is learnt. */
static void test_readout(seqgpu_context *ctx) {
  enum { LONG = 400, WASHOUT = 37 };
  static double u[LONG * I], d[LONG], y[LONG], rows[LONG * (1 + WIDTH + 2 * H)];
  seqgpu_esn_desc desc = small_desc();
  desc.squares = 1;
  const net n = make_net(ctx, &desc, check_random());
  const int64_t F = seqgpu_esn_features(n.esn);
  double h[H] = {0}, last = 0, w[1 + WIDTH + 2 * H];
  check_fill_f64(u, LONG * I, -1, 1);
  for (int t = 0; t < LONG; t++) d[t] = t < 1 ? 0.1 : 0.4 * d[t - 1] + 0.3 * u[(t - 1) * I];
  for (int t = 0; t < LONG; t++) {
    double *row = rows + t * F, ignored;
    row[0] = 1;
    row[1] = u[t * I];
    row[2] = u[t * I + 1];
    row[3] = last;
    by_hand(n, 1, u + t * I, d + t, h, &last, &ignored);
    for (int j = 0; j < H; j++) {
      row[4 + j] = h[j];
      row[4 + H + j] = h[j] * h[j];
    }
  }
  seqgpu_ridge *ridge;
  seqgpu_ridge_create(ctx, F, 1, SEQGPU_RIDGE_QR, &ridge);
  seqgpu_ridge_add(ridge, LONG - WASHOUT, rows + WASHOUT * F, d + WASHOUT);
  seqgpu_ridge_solve(ridge, 1e-4, w);
  seqgpu_esn_reset(n.esn, 1);
  ACCEPTED(ctx, seqgpu_esn_train(n.esn, 100, u, d, WASHOUT));
  ACCEPTED(ctx, seqgpu_esn_train(n.esn, LONG - 100, u + 100 * I, d + 100, 0));
  ACCEPTED(ctx, seqgpu_esn_solve(n.esn, 1e-4));
  check_error(check_norm_f64(values(n, "esn.readout.weight"), w, F), 1e-8,
              "echo state network, read-out: wash-out, squares, ridge");
  seqgpu_esn_reset(n.esn, 1);
  seqgpu_esn_run(n.esn, LONG, u, d, y);
  double error = 0, power = 0;
  for (int t = WASHOUT; t < LONG; t++) error += (y[t] - d[t]) * (y[t] - d[t]), power += d[t] * d[t];
  check_error(sqrt(error / power), 0.2, "echo state network, the rule of the series is learnt");
  seqgpu_ridge_destroy(ridge);
  free_net(n);
}

static void test_noise(seqgpu_context *ctx) {
  double u[T * I], d[T], w[2][1 + WIDTH + H];
  seqgpu_esn_desc desc = small_desc();
  const uint64_t seed = check_random();
  check_fill_f64(u, T * I, -1, 1);
  check_fill_f64(d, T, -1, 1);
  for (int k = 0; k < 2; k++) {
    desc.noise = k * 1e-3;
    const net n = make_net(ctx, &desc, seed);
    seqgpu_esn_reset(n.esn, 1);
    seqgpu_esn_train(n.esn, T, u, d, 5);
    seqgpu_esn_solve(n.esn, 0.1);
    memcpy(w[k], values(n, "esn.readout.weight"), sizeof w[k]);
    free_net(n);
  }
  const double apart = difference(w[0], w[1], 1 + WIDTH + H);
  CHECK(apart > 1e-7 && apart < 0.1, "a little noise on the teacher changes the read-out a little (%.2g)",
        apart);
}

static void test_checkpoint(seqgpu_context *ctx) {
  const seqgpu_esn_desc desc = small_desc();
  const net n = trained_net(ctx, &desc, 1), m = make_net(ctx, &desc, 2);
  double u[T * I], d[T], y[2][T];
  char path[] = "/tmp/seqgpu_esn_XXXXXX";
  close(mkstemp(path));
  check_fill_f64(u, T * I, -1, 1);
  check_fill_f64(d, T, -1, 1);
  seqgpu_checkpoint *file = NULL;
  const seqgpu_status status = seqgpu_checkpoint_save(n.params, path, NULL, 0);
  if (status == SEQGPU_EUNSUPPORTED) {
    check_skip("this build has no checkpoints", "echo state network, checkpoint");
  } else {
    ACCEPTED(ctx, seqgpu_checkpoint_open(ctx, path, &file));
    ACCEPTED(ctx, seqgpu_checkpoint_load(file, m.params, 0));
    for (int k = 0; k < 2; k++) {
      seqgpu_esn *esn = k ? m.esn : n.esn;
      seqgpu_esn_reset(esn, 1);
      seqgpu_esn_run(esn, T, u, d, NULL);
      seqgpu_esn_run(esn, T, u, NULL, y[k]);
    }
    CHECK(memcmp(y[0], y[1], sizeof y[0]) == 0,
          "echo state network, a network from a checkpoint goes on alike");
  }
  seqgpu_checkpoint_close(file);
  unlink(path);
  free_net(n);
  free_net(m);
}

/* In float32, on the CPU and on GPUs, against float64 with the same weights: the state. */
static void test_single(const char *device) {
  check_at("%s f32", device);
  seqgpu_context *single = open_on(device, SEQGPU_DTYPE_F32), *ctx = open_cpu();
  if (single == NULL) {
    check_skip("this build has no such device", "echo state network");
  } else {
    seqgpu_esn_desc desc = small_desc();
    desc.hidden_size = 9;
    const net a = make_net(ctx, &desc, 3), b = make_net(single, &desc, 3);
    double u[8 * I], d[8], h[2][9];
    check_fill_f64(u, 8 * I, -1, 1);
    check_fill_f64(d, 8, -1, 1);
    seqgpu_esn_reset(a.esn, 1);
    seqgpu_esn_reset(b.esn, 1);
    ACCEPTED(ctx, seqgpu_esn_train(a.esn, 8, u, d, 0));
    ACCEPTED(single, seqgpu_esn_train(b.esn, 8, u, d, 0));
    ACCEPTED(single, seqgpu_esn_solve(b.esn, 0.1));
    ACCEPTED(single, seqgpu_esn_run(b.esn, 3, u, NULL, d));
    seqgpu_esn_reset(b.esn, 1);
    ACCEPTED(single, seqgpu_esn_run(b.esn, 1, u, d, NULL));
    seqgpu_esn_reset(a.esn, 1);
    ACCEPTED(ctx, seqgpu_esn_run(a.esn, 1, u, d, NULL));
    seqgpu_esn_state(a.esn, h[0]);
    seqgpu_esn_state(b.esn, h[1]);
    check_error(check_norm_f64(h[1], h[0], 9), 1e-5, "echo state network, a state");
    free_net(a);
    free_net(b);
  }
  seqgpu_context_destroy(single);
  seqgpu_context_destroy(ctx);
}

/* ---------------------------------------------------------------- refusals and memory */

static void test_refusals(seqgpu_context *ctx) {
  static const struct {
    const char *word;
    seqgpu_esn_desc change;
  } rows[] = {
      {"input_size", {.input_size = -1}},
      {"output_size", {.output_size = -1}},
      {"hidden_size", {.hidden_size = 1 << 21}},
      {"links", {.links = -1}},
      {"links is 41", {.links = 41, .hidden_size = 40}},
      {"batch", {.batch = -1}},
      {"seq_len", {.seq_len = -5}},
      {"spectral_radius", {.spectral_radius = -1}},
      {"input_scale", {.input_scale = (double)INFINITY}},
      {"feedback_scale", {.feedback_scale = -1}},
      {"bias_scale", {.bias_scale = -1}},
      {"noise", {.noise = -1}},
      {"leak", {.leak = 2}},
  };
  seqgpu_params *p;
  seqgpu_esn *esn;
  seqgpu_params_create(ctx, 1, &p);
  for (size_t i = 0; i < COUNT(rows); i++) {
    const seqgpu_esn_desc *c = &rows[i].change;
    seqgpu_esn_desc desc = small_desc();
    if (c->input_size) desc.input_size = c->input_size;
    if (c->output_size) desc.output_size = c->output_size;
    if (c->hidden_size) desc.hidden_size = c->hidden_size;
    if (c->links) desc.links = c->links;
    if (c->batch) desc.batch = c->batch;
    if (c->seq_len) desc.seq_len = c->seq_len;
    if (c->spectral_radius != 0) desc.spectral_radius = c->spectral_radius;
    if (c->input_scale != 0) desc.input_scale = c->input_scale;
    if (c->feedback_scale != 0) desc.feedback_scale = c->feedback_scale;
    if (c->bias_scale != 0) desc.bias_scale = c->bias_scale;
    if (c->noise != 0) desc.noise = c->noise;
    if (c->leak != 0) desc.leak = c->leak;
    REFUSED(ctx, EINVAL, rows[i].word, seqgpu_esn_create(p, "esn", &desc, &esn));
  }
  seqgpu_esn_desc desc = small_desc();
  REFUSED(ctx, EINVAL, "out", seqgpu_esn_create(p, "esn", &desc, NULL));
  REFUSED(ctx, EINVAL, "desc", seqgpu_esn_create(p, "esn", NULL, &esn));
  CHECK(seqgpu_params_count(p) == 0, "what is refused adds no tensor");
  ACCEPTED(ctx, seqgpu_esn_create(p, "esn", &desc, &esn));
  const int count = seqgpu_params_count(p);
  seqgpu_esn *twice;
  REFUSED(ctx, EINVAL, "already taken", seqgpu_esn_create(p, "esn", &desc, &twice));
  CHECK(twice == NULL && seqgpu_params_count(p) == count, "the same name twice adds nothing");
  double u[I] = {0}, d[O] = {0}, bad[O] = {(double)NAN};
  REFUSED(ctx, EINVAL, "B is", seqgpu_esn_reset(esn, 4));
  REFUSED(ctx, EINVAL, "B is", seqgpu_esn_reset(esn, 0));
  ACCEPTED(ctx, seqgpu_esn_reset(esn, 1));
  REFUSED(ctx, EINVAL, "u is NULL", seqgpu_esn_train(esn, 1, NULL, d, 0));
  REFUSED(ctx, EINVAL, "d is NULL", seqgpu_esn_train(esn, 1, u, NULL, 0));
  REFUSED(ctx, EINVAL, "washout", seqgpu_esn_train(esn, 1, u, d, -1));
  REFUSED(ctx, EINVAL, "T is -1", seqgpu_esn_run(esn, -1, u, d, NULL));
  REFUSED(ctx, EINVAL, "no rows", seqgpu_esn_solve(esn, 1));
  REFUSED(ctx, EINVAL, "finite", seqgpu_esn_train(esn, 1, u, bad, 0));
  REFUSED(ctx, EINVAL, "h is NULL", seqgpu_esn_state(esn, NULL));
  ACCEPTED(ctx, seqgpu_esn_run(esn, 0, NULL, NULL, NULL));
  CHECK(seqgpu_esn_create(NULL, "esn", &desc, &twice) == SEQGPU_EINVAL && seqgpu_esn_features(NULL) == 0,
        "params NULL, questions about NULL");
  seqgpu_esn_destroy(esn);
  seqgpu_esn_destroy(NULL);
  seqgpu_params_destroy(p);
}

/* No tensor of a network that could not be made stays in its params. */
static seqgpu_status use_everything(seqgpu_context *ctx) {
  const seqgpu_esn_desc desc = small_desc();
  net n = {NULL, NULL};
  seqgpu_status status = seqgpu_params_create(ctx, 1, &n.params);
  if (status == SEQGPU_OK) status = seqgpu_esn_create(n.params, "esn", &desc, &n.esn);
  if (status != SEQGPU_OK && seqgpu_params_count(n.params) != 0) status = SEQGPU_EDEVICE;
  free_net(n);
  return status;
}

/* ---------------------------------------------------------------- series */

static void test_mackey_glass(void) {
  enum { N = 4000 };
  static double x[N], again[N], other[N];
  const uint64_t seed = check_random();
  double mean = 0, variance = 0;
  CHECK(series_mackey_glass(N, 17, seed, x) == 0 && series_mackey_glass(N, 17, seed, again) == 0 &&
            series_mackey_glass(N, 17, seed + 1, other) == 0,
        "Mackey-Glass: made");
  for (int i = 0; i < N; i++) mean += x[i] / N;
  for (int i = 0; i < N; i++) variance += (x[i] - mean) * (x[i] - mean) / N;
  CHECK(fabs(mean - 0.93) < 0.01 && fabs(variance - 0.0515) < 0.003, "Mackey-Glass: mean %.3f, variance %.4f",
        mean, variance);
  CHECK(memcmp(x, again, sizeof x) == 0 && memcmp(x, other, sizeof x) != 0, "Mackey-Glass: by its seed");
  /* The equation itself, integrated over one unit of time by Simpson's rule on the samples: x(t+2) - x(t). */
  double worst = 0;
  for (int t = 17; t + 2 < N; t++) {
    double s[3];
    for (int k = 0; k < 3; k++) s[k] = 0.2 * x[t + k - 17] / (1 + pow(x[t + k - 17], 10)) - 0.1 * x[t + k];
    worst = check_worse(worst, fabs(x[t + 2] - x[t] - (s[0] + 4 * s[1] + s[2]) / 3));
  }
  check_error(worst, 1e-3, "Mackey-Glass: the samples obey the equation");
}

static void test_narma(void) {
  enum { N = 3000 };
  static double u[N], y[N];
  double worst = 0, low = 1, high = 0;
  series_narma10(N, check_random(), u, y);
  for (int t = 10; t < N; t++) { /* y[t] stands for y_{t+1} */
    double sum = 0;
    for (int i = 0; i < 10; i++) sum += y[t - 1 - i];
    worst =
        check_worse(worst, fabs(y[t] - 0.3 * y[t - 1] - 0.05 * y[t - 1] * sum - 1.5 * u[t - 9] * u[t] - 0.1));
  }
  for (int t = 0; t < N; t++) low = fmin(low, u[t]), high = check_worse(high, u[t]);
  check_error(worst, 1e-14, "NARMA10: the equation");
  CHECK(low > 0 && low < 0.01 && high < 0.5 && high > 0.49, "NARMA10: inputs in [0, 0.5]");
}

int main(void) {
  check_start();
  check_at("cpu f64");
  seqgpu_context *ctx = open_cpu();
  test_ridge(ctx, SEQGPU_RIDGE_QR, "qr");
  test_ridge(ctx, SEQGPU_RIDGE_CHOLESKY, "cholesky");
  test_conditioning(ctx);
  test_wide(ctx);
  test_ridge_refusals(ctx, SEQGPU_RIDGE_QR);
  test_ridge_refusals(ctx, SEQGPU_RIDGE_CHOLESKY);
  test_ridge_creation(ctx);
  test_weights(ctx);
  test_equations(ctx);
  test_pieces(ctx);
  test_batch(ctx);
  test_echo_state(ctx);
  test_readout(ctx);
  test_noise(ctx);
  test_checkpoint(ctx);
  test_refusals(ctx);
  seqgpu_context_destroy(ctx);
  static const char *const devices[] = {"cpu", "emulator", "cuda"};
  for (size_t i = 0; i < COUNT(devices); i++)
    if (check_is_for(devices[i])) test_single(devices[i]);
  check_at("cpu f64");
  CHECK(failing_each("cpu", use_everything, 0) > 15, "it does ask for memory");
  test_mackey_glass();
  test_narma();
  return check_finish();
}
