/* test_initialise.c - recurrent weights by their eigenvalues (core/spectral.c), and the schemes of
 * seqgpu_params_init_rnn. */
#include "tests/check.h"

#include "core/initialise.h"
#include "core/spectral.h"
#include "core/spectral_draw.h"
#include "core/spectral_links.h"
#include "host/context/context.h"
#include "seqgpu/seqgpu.h"

/* ---------------------------------------------------------------- spectral radius */

/* y = A x */
static void multiply(int n, const double *a, const double *x, double *y) {
  for (int i = 0; i < n; i++) {
    y[i] = 0;
    for (int j = 0; j < n; j++) y[i] += a[i * n + j] * x[j];
  }
}

/* log|A^m x| for m = steps and 2 steps: their difference over `steps` is log rho up to (a constant)/steps,
 * whatever the eigenvalues are.  Independent of core/spectral.c, which squares. */
static double radius_by_steps(int n, const double *a, int steps) {
  double x[64], y[64], logs = 0, half = 0;
  for (int i = 0; i < n; i++) x[i] = check_uniform(-1, 1);
  for (int m = 0; m < 2 * steps; m++) {
    double norm = 0;
    multiply(n, a, x, y);
    for (int i = 0; i < n; i++) norm += y[i] * y[i];
    norm = sqrt(norm);
    for (int i = 0; i < n; i++) x[i] = y[i] / norm;
    logs += log(norm);
    if (m == steps - 1) half = logs;
  }
  return exp((logs - half) / steps);
}

static void check_radius(const char *name, int n, const double *a, double expected) {
  double radius = (double)NAN;
  const int failed = sq_spectral_radius(n, a, &radius);
  check_error(failed ? (double)NAN : fabs(radius - expected), 1e-11 * (1 + expected), "spectral radius of %s",
              name);
}

/* B = S A S^-1 for a unit triangular S: the same eigenvalues, far from normal. */
static void disguise(int n, double *a) {
  for (int k = 0; k < 4 * n; k++) {
    const int i = (int)check_below(n), j = (int)check_below(n);
    const double s = check_uniform(-1, 1);
    if (i == j) continue;
    for (int c = 0; c < n; c++) a[i * n + c] += s * a[j * n + c];
    for (int r = 0; r < n; r++) a[r * n + j] -= s * a[r * n + i];
  }
}

/* The radius of a large matrix by its links, where squaring says the same; none of a nilpotent one. */
static void test_links_radii(void) {
  enum { N = 520, LINKS = 7 };
  double *a = check_alloc("matrix", sizeof(double) * N * N), by_links = 0, by_squaring = 0;
  for (int nilpotent = 0; nilpotent < 2; nilpotent++) {
    memset(a, 0, sizeof(double) * N * N);
    for (int i = 1; i < N; i++)
      for (int k = 0; k < LINKS; k++)
        a[i * N + check_below((uint32_t)(nilpotent ? i : N))] = check_uniform(-1, 1);
    CHECK(sq_spectral_radius_links(N, LINKS, a, &by_links) == 0, "a radius by links");
    if (nilpotent)
      CHECK(isnan(by_links), "a nilpotent matrix has none by its links");
    else if (CHECK(sq_spectral_radius(N, a, &by_squaring) == 0, "a radius by squaring"))
      check_error(fabs(by_links / by_squaring - 1), 1e-7, "the same radius");
  }
  check_free(a);
}

/* A matrix that is drawn large enough to be scaled by its links has the radius that was asked for. */
static void test_drawn_radius(void) {
  enum { N = 512, LINKS = 10 };
  double *a = check_alloc("matrix", sizeof(double) * N * N), radius = 0;
  sq_rng rng = {.seed = check_random()};
  CHECK(sq_draw_links(&rng, N, LINKS, SQ_LINK_UNIFORM, 0.9, a) == 0, "drawn");
  sq_spectral_radius(N, a, &radius);
  check_error(fabs(radius / 0.9 - 1), 1e-7, "the radius of %d units", N);
  check_free(a);
}

static void test_known_radii(void) {
  const double zero[4] = {0}, one[1] = {-3}, shift[9] = {0, 1e3, 0, 0, 0, 1e3, 0, 0, 0};
  const double turn[4] = {0.6, -0.8, 0.8, 0.6}, jordan[4] = {0.5, 1, 0, 0.5}, twins[4] = {2, 0, 0, -2};
  const double huge[4] = {1e200, 0, 0, 1e-200}, broken[1] = {(double)NAN};
  check_radius("nothing", 0, zero, 0);
  check_radius("zeros", 2, zero, 0);
  check_radius("one number", 1, one, 3);
  check_radius("a nilpotent matrix", 3, shift, 0);
  check_radius("a rotation", 2, turn, 1);
  check_radius("a Jordan block", 2, jordan, 0.5);
  check_radius("2 and -2", 2, twins, 2);
  double radius = 0;
  sq_spectral_radius(2, huge, &radius);
  check_error(fabs(radius / 1e200 - 1), 1e-11, "spectral radius of numbers near the end of the range");
  sq_spectral_radius(1, broken, &radius);
  CHECK(isnan(radius), "spectral radius of NaN");
  enum { N = 12 };
  double a[N * N] = {0};
  for (int i = 0; i < N; i++) a[i * N + i] = 0.9 * check_uniform(-1, 1);
  a[0] = a[N + 1] = 0.3; /* a pair 0.3 +- 1.2 i */
  a[1] = 1.2;
  a[N] = -1.2;
  disguise(N, a);
  check_radius("a complex pair among real ones", N, a, sqrt(0.09 + 1.44));
}

/* ---------------------------------------------------------------- square initialisers */

static int links_of(int n, const double *row) {
  int links = 0;
  for (int j = 0; j < n; j++) links += row[j] != 0;
  return links;
}

static void test_links(const char *name, int expected, double radius) {
  enum { N = 48 };
  static double w[N * N], again[N * N], small[4 * 4];
  const uint64_t seed = check_random();
  sq_rng rng = {seed, 0, 0}, same = {seed, 0, 0};
  const sq_initialiser *init = sq_initialiser_find(name);
  CHECK(init->fill_f64(&rng, N, N, radius, w) == 0, "%s: drawn", name);
  int exact = 1, inputs[N] = {0};
  for (int i = 0; i < N; i++) {
    exact &= links_of(N, w + i * N) == expected;
    for (int j = 0; j < N; j++) inputs[j] += w[i * N + j] != 0;
  }
  CHECK(exact, "%s: %d links into each unit", name, expected);
  int used = 0;
  for (int j = 0; j < N; j++) used += inputs[j] > 0;
  CHECK(used > N - 4, "%s: from %d of %d units", name, used, N);
  check_error(fabs(radius_by_steps(N, w, 20000) - radius), 2e-3 * radius, "%s: spectral radius %g", name,
              radius);
  init->fill_f64(&same, N, N, radius, again);
  CHECK(memcmp(w, again, sizeof w) == 0, "%s: same seed, same bits", name);
  init->fill_f64(&rng, 4, 4, radius, small);
  CHECK(links_of(4, small) == 4 && links_of(4, small + 12) == 4, "%s: all links where there are fewer units",
        name);
}

static void test_np(void) {
  enum { N = 40 };
  static double w[N * N];
  double x[N], y[N];
  sq_rng rng = {check_random(), 0, 0};
  sq_initialise_np_f64(&rng, N, N, 1, w);
  double skew = 0, least = 1;
  for (int i = 0; i < N; i++)
    for (int j = 0; j < i; j++) skew = check_worse(skew, fabs(w[i * N + j] - w[j * N + i]));
  check_error(skew, 1e-15, "np: symmetric");
  for (int k = 0; k < 100; k++) { /* x^T W x / x^T x lies between the eigenvalues */
    double xx = 0, xy = 0;
    for (int i = 0; i < N; i++) x[i] = check_uniform(-1, 1);
    multiply(N, w, x, y);
    for (int i = 0; i < N; i++) xx += x[i] * x[i], xy += x[i] * y[i];
    least = fmin(least, xy / xx);
  }
  CHECK(least > 0.15, "np: positive definite (%.3f)", least); /* 1 / (1 + lambda_max(A)), lambda_max(A) ~ 4 */
  check_error(fabs(radius_by_steps(N, w, 4000) - 1), 1e-9, "np: largest eigenvalue 1");
}

/* ---------------------------------------------------------------- schemes */

enum { IN = 5, H = 20, T = 200 };

static seqgpu_context *open_cpu(void) {
  const seqgpu_context_options options = {.device = "cpu", .threads = 1, .dtype = SEQGPU_DTYPE_F64};
  seqgpu_context *ctx = NULL;
  seqgpu_context_create(&options, &ctx);
  return ctx;
}

static seqgpu_plan *plan_of(seqgpu_context *ctx, const char *cell, int layers, int projection) {
  const seqgpu_rnn_desc desc = {.cell = cell,
                                .input_size = IN,
                                .hidden_size = H,
                                .num_layers = layers,
                                .projection_size = projection,
                                .activation = strcmp(cell, "rnn") == 0 ? SEQGPU_ACTIVATION_IDENTITY
                                                                       : SEQGPU_ACTIVATION_TANH,
                                .seq_len = T,
                                .batch = 1};
  seqgpu_plan *plan = NULL;
  seqgpu_plan_create(ctx, &desc, NULL, &plan);
  return plan;
}

static seqgpu_params *params_of(seqgpu_context *ctx, const seqgpu_plan *plan, uint64_t seed) {
  seqgpu_params *p = NULL;
  seqgpu_params_create(ctx, seed, &p);
  seqgpu_params_add_rnn(p, "net", plan, NULL);
  return p;
}

/* The largest |Q^T Q - I| over the gates of a weight [gates*H, H]. */
static double orthogonality(const double *w, int gates) {
  double worst = 0;
  for (int g = 0; g < gates; g++)
    for (int i = 0; i < H; i++)
      for (int j = 0; j < H; j++) {
        double dot = 0;
        for (int k = 0; k < H; k++) dot += w[(g * H + k) * H + i] * w[(g * H + k) * H + j];
        worst = check_worse(worst, fabs(dot - (i == j)));
      }
  return worst;
}

static const double *values(const seqgpu_params *p, const char *name) {
  seqgpu_param found = {0};
  seqgpu_params_find(p, name, &found);
  return found.value;
}

static void test_gate_blocks(seqgpu_context *ctx) {
  seqgpu_plan *plan = plan_of(ctx, "lstm", 2, 0);
  seqgpu_params *p = params_of(ctx, plan, check_random());
  CHECK(seqgpu_params_init_rnn(p, "net", plan, "orthogonal", 0) == SEQGPU_OK, "orthogonal LSTM");
  check_error(orthogonality(values(p, "net.weight_hh_l0"), 4), 1e-13, "orthogonal LSTM: each gate, layer 0");
  check_error(orthogonality(values(p, "net.weight_hh_l1"), 4), 1e-13, "orthogonal LSTM: each gate, layer 1");
  const double *bias = values(p, "net.bias_l1");
  CHECK(bias[0] == 0 && bias[H] == 1 && bias[2 * H - 1] == 1 && bias[2 * H] == 0, "forget gates have bias 1");
  CHECK(seqgpu_params_init_rnn(p, "net", plan, "irnn", 0.01) == SEQGPU_OK, "identity LSTM");
  const double *w = values(p, "net.weight_hh_l0");
  int identity = 1;
  for (int i = 0; i < 4 * H; i++)
    for (int j = 0; j < H; j++) identity &= w[i * H + j] == (i % H == j ? 0.01 : 0);
  CHECK(identity, "identity LSTM: each gate, at the scale given");
  CHECK(seqgpu_params_init_rnn(p, "net", plan, "careful", 0) == SEQGPU_OK, "careful LSTM");
  check_error(fabs(radius_by_steps(H, w + 2 * H * H, 20000) - 1.1), 3e-3, "careful LSTM: radius of a gate");
  CHECK(seqgpu_params_set_gate_bias(p, "net", plan, NULL, 3) == SEQGPU_OK && bias[H - 1] == 0 &&
            bias[H] == 3 && bias[2 * H - 1] == 3 && bias[2 * H] == 0,
        "the forget gate's bias is set, and no other");
  CHECK(seqgpu_params_set_gate_bias(p, "net", plan, "o", -1) == SEQGPU_OK && bias[3 * H] == -1 &&
            bias[H] == 3,
        "a gate by its name");
  seqgpu_params_destroy(p);
  seqgpu_plan_destroy(plan);
}

/* Every cell by the names of its parameters: "pytorch" redraws what add_rnn drew, the same bits from
 * the same seed. */
static void test_every_cell(seqgpu_context *ctx) {
  seqgpu_cell_info info;
  for (int c = 0; seqgpu_cell_get(c, &info) == SEQGPU_OK; c++) {
    const char *cell = info.name;
    seqgpu_plan *plan = plan_of(ctx, cell, 1, 0);
    if (plan == NULL) {
      check_skip("it takes other options", "schemes for %s", cell);
      continue;
    }
    const uint64_t seed = check_random();
    seqgpu_params *p = params_of(ctx, plan, seed), *q = params_of(ctx, plan, seed);
    seqgpu_param w = {0};
    if (seqgpu_params_find(p, "net.weight_hh_l0", &w) != SEQGPU_OK) {
      CHECK(seqgpu_params_init_rnn(p, "net", plan, "irnn", 0) == SEQGPU_EINVAL,
            "%s has no weight_hh: refused", cell);
    } else {
      static const char *const names[] = {"irnn", "np", "careful", "orthogonal", "pytorch"};
      int right = 1;
      for (int i = 0; i < 5; i++) {
        right &= seqgpu_params_init_rnn(p, "net", plan, names[i], 0) == SEQGPU_OK;
        right &= seqgpu_params_init_rnn(q, "net", plan, names[i], 0) == SEQGPU_OK;
        right &=
            memcmp(w.value, values(q, "net.weight_hh_l0"), (size_t)(w.rows * w.cols) * sizeof(double)) == 0;
      }
      CHECK(right, "%s: every scheme, same seed, same bits", cell);
      const double *d = w.value;
      int inside = 1;
      for (int64_t i = 0; i < w.rows * w.cols; i++) inside &= fabs(d[i]) <= 1 / sqrt(H) && d[i] != 0;
      CHECK(inside, "%s: pytorch's range", cell);
    }
    seqgpu_params_destroy(p);
    seqgpu_params_destroy(q);
    seqgpu_plan_destroy(plan);
  }
}

/* Saxe et al. 2013: dh_T/dh_0 of the linear network keeps every vector's length if W_hh is orthogonal. */
static void test_jacobian(seqgpu_context *ctx) {
  seqgpu_plan *plan = plan_of(ctx, "rnn", 1, 0);
  seqgpu_params *p = params_of(ctx, plan, check_random());
  seqgpu_params_init_rnn(p, "net", plan, "orthogonal", 0);
  double *x = check_alloc("x", T * IN * sizeof *x), *y = check_alloc("y", T * H * sizeof *y);
  void *reserve = malloc(seqgpu_plan_get_sizes(plan).reserve), *workspace = NULL;
  seqgpu_malloc(ctx, seqgpu_plan_get_sizes(plan).workspace, &workspace);
  double dfinal[H], dinitial[H], before = 0, after = 0;
  check_fill_f64(x, T * IN, -1, 1);
  check_fill_f64(dfinal, H, -1, 1);
  const seqgpu_rnn_run run = {.seq_len = T,
                              .batch = 1,
                              .params = values(p, "net.weight_ih_l0"),
                              .x = x,
                              .y = y,
                              .reserve = reserve,
                              .workspace = workspace,
                              .dfinal = {dfinal},
                              .dinitial = {dinitial}};
  CHECK(seqgpu_rnn_forward(ctx, plan, &run) == SEQGPU_OK && seqgpu_rnn_backward(ctx, plan, &run) == SEQGPU_OK,
        "linear network of %d steps", T);
  for (int i = 0; i < H; i++) before += dfinal[i] * dfinal[i], after += dinitial[i] * dinitial[i];
  check_error(fabs(sqrt(after / before) - 1), 1e-12, "orthogonal: a gradient keeps its length over %d steps",
              T);
  seqgpu_free(ctx, workspace);
  free(reserve);
  check_free(x);
  check_free(y);
  seqgpu_params_destroy(p);
  seqgpu_plan_destroy(plan);
}

/* ---------------------------------------------------------------- refusals */

static int says(const seqgpu_context *ctx, seqgpu_status status, const char *word) {
  return status == SEQGPU_EINVAL && strstr(seqgpu_last_error(ctx), word) != NULL;
}

static void test_refusals(seqgpu_context *ctx) {
  seqgpu_plan *plan = plan_of(ctx, "lstm", 1, 7), *gru = plan_of(ctx, "gru", 1, 0);
  seqgpu_params *p = params_of(ctx, plan, 1);
  const double first = values(p, "net.weight_ih_l0")[0];
  CHECK(says(ctx, seqgpu_params_init_rnn(p, "net", plan, "best", 0), "orthogonal"), "a scheme that is none");
  CHECK(says(ctx, seqgpu_params_init_rnn(p, "net", plan, NULL, 0), "scheme"), "scheme NULL");
  CHECK(says(ctx, seqgpu_params_init_rnn(p, "net", plan, "np", (double)NAN), "scale"), "scale NaN");
  CHECK(says(ctx, seqgpu_params_init_rnn(p, "net", NULL, "np", 0), "plan"), "plan NULL");
  CHECK(says(ctx, seqgpu_params_init_rnn(p, "other", plan, "np", 0), "other.weight_ih_l0"), "another prefix");
  CHECK(says(ctx, seqgpu_params_init_rnn(p, "net", gru, "np", 0), "plan"), "another plan");
  CHECK(says(ctx, seqgpu_params_init_rnn(p, "net", plan, "careful", 0), "[20,7]"),
        "a projection is not square");
  CHECK(values(p, "net.weight_ih_l0")[0] == first, "what is refused draws nothing");
  CHECK(seqgpu_params_init_rnn(p, "net", plan, "orthogonal", 0) == SEQGPU_OK, "but orthogonal it can be");
  CHECK(says(ctx, seqgpu_params_init(p, "net.weight_ih_l0", "np", 1), "square"),
        "one tensor that is not square");
  CHECK(says(ctx, seqgpu_params_add(p, "w", 3, 4, "sparse", 1, NULL), "square"), "a new one");
  CHECK(says(ctx, seqgpu_params_set_gate_bias(p, "net", plan, "u", 1), "lstm"), "a gate of another cell");
  CHECK(says(ctx, seqgpu_params_set_gate_bias(p, "net", plan, "forget", 1), "forget"), "a gate's long name");
  CHECK(says(ctx, seqgpu_params_set_gate_bias(p, "net", plan, "", 1), "gate"), "a gate without a name");
  CHECK(says(ctx, seqgpu_params_set_gate_bias(p, "net", plan, NULL, (double)INFINITY), "value"),
        "value infinite");
  CHECK(seqgpu_params_init_rnn(NULL, "net", plan, "np", 0) == SEQGPU_EINVAL, "params NULL");
  seqgpu_params_destroy(p);
  seqgpu_plan_destroy(plan);
  seqgpu_plan_destroy(gru);
}

int main(void) {
  check_start();
  test_known_radii();
  test_links_radii();
  test_drawn_radius();
  test_links("sparse", 15, 1.1);
  test_links("reservoir", 10, 0.95);
  test_np();
  seqgpu_context *ctx = open_cpu();
  test_gate_blocks(ctx);
  test_every_cell(ctx);
  test_jacobian(ctx);
  test_refusals(ctx);
  seqgpu_context_destroy(ctx);
  return check_finish();
}
