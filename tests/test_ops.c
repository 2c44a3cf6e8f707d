/* test_ops.c - the CPU operators, in both precisions, one section an operator.
 *
 * Forward: float64 against a formula written down again here, without the tricks of core/.  Backward: against
 * central differences of the float64 forward.  Float32: against float64 on the same inputs.  Then masks,
 * sizes around the vector width, NaN, aliasing, guards, and the same bits for any number of threads.
 */
#include "check.h"

#include "activations.h"
#include "initialise.h"
#include "ops.h"
#include "philox.h"

static const double EXACT = 1e-13; /* float64 against another order of summation */
static const double SINGLE = 1e-5; /* float32 against float64 */
static const double SLOPE = 1e-6;  /* gradients against differences */

/* --- tensors in both precisions --- */

typedef struct tensor {
  int64_t n;
  double *d;
  float *f;
} tensor;

/* Not written yet: NaN everywhere. */
static tensor tensor_new(const char *name, int64_t n) {
  const tensor t = {n, check_alloc(name, (size_t)n * sizeof(double)),
                    check_alloc(name, (size_t)n * sizeof(float))};
  return t;
}

static void tensor_set(tensor t, int64_t i, double value) {
  t.f[i] = (float)value;
  t.d[i] = (double)t.f[i]; /* the same number in both */
}

static void tensor_fill(tensor t, double low, double high) {
  for (int64_t i = 0; i < t.n; i++) tensor_set(t, i, check_uniform(low, high));
}

static tensor tensor_random(const char *name, int64_t n, double low, double high) {
  const tensor t = tensor_new(name, n);
  tensor_fill(t, low, high);
  return t;
}

static void tensor_free(tensor t) {
  check_free(t.d);
  check_free(t.f);
}

static void tensors_free(int n, tensor *const list[]) {
  for (int i = 0; i < n; i++) tensor_free(*list[i]);
}
#define TENSORS_FREE(...)                                                                                    \
  tensors_free((int)(sizeof((tensor *[]){__VA_ARGS__}) / sizeof(tensor *)), (tensor *[]){__VA_ARGS__})

static void *at(tensor t, int bits) { return bits == 64 ? (void *)t.d : (void *)t.f; }
static double get(tensor t, int bits, int64_t i) { return bits == 64 ? t.d[i] : (double)t.f[i]; }
static const sq_ops *ops(int bits) { return bits == 64 ? &sq_cpu_ops_f64 : &sq_cpu_ops_f32; }

static void check_single(tensor t, const char *what) {
  check_error(check_norm_f32(t.f, t.d, t.n), SINGLE, "%s f32", what);
}

static int32_t *lengths_new(int64_t n, int64_t low, int64_t high) {
  int32_t *lengths = check_alloc("lengths", (size_t)n * sizeof *lengths);
  for (int64_t i = 0; i < n; i++) lengths[i] = (int32_t)(low + check_below(high - low + 1));
  return lengths;
}

static sq_exec serial; /* no pool */
static const int both[2] = {64, 32};
static char label[160];

__attribute__((format(printf, 1, 2))) static const char *name(const char *format, ...) {
  va_list args;
  va_start(args, format);
  vsnprintf(label, sizeof label, format, args);
  va_end(args);
  return label;
}

/* scalar(context) with x[i] moved by h. */
static double moved(double (*scalar)(void *), void *context, tensor x, int64_t i, double h) {
  const double kept = x.d[i];
  x.d[i] = kept + h;
  const double value = scalar(context);
  x.d[i] = kept;
  return value;
}

/* d(scalar)/dx by central differences of fourth order against an analytic gradient, at up to 40 places.  The
 * step is wide, which keeps rounding small: the error is h^4 of the fifth derivative. */
static void check_slope(double (*scalar)(void *), void *context, tensor x, tensor gradient,
                        const char *what) {
  const double h = 1e-3;
  double difference2 = 0, reference2 = 0;
  const int64_t places = x.n < 40 ? x.n : 40;
  for (int64_t k = 0; k < places; k++) {
    const int64_t i = x.n <= 40 ? k : check_below(x.n);
    const double near = moved(scalar, context, x, i, h) - moved(scalar, context, x, i, -h);
    const double far = moved(scalar, context, x, i, 2 * h) - moved(scalar, context, x, i, -2 * h);
    const double slope = (8 * near - far) / (12 * h);
    difference2 += (slope - gradient.d[i]) * (slope - gradient.d[i]);
    reference2 += slope * slope;
  }
  scalar(context); /* leaves the results of the unmoved x */
  check_error(sqrt(difference2) / (sqrt(reference2) + 1e-4), SLOPE, "%s gradient", what);
}

static double weighted_sum(tensor w, tensor y) {
  double sum = 0;
  for (int64_t i = 0; i < w.n; i++) sum += w.d[i] * y.d[i];
  return sum;
}

/* --- activations --- */

static void worst_error(double *worst, float got, double want) {
  const double error = fabs((double)got - want) / fmax(fabs(want), 0x1p-126);
  if (!(error <= *worst)) *worst = error;
}

static void test_activations(void) {
  double exp_error = 0, tanh_error = 0, sigmoid_error = 0;
  for (int i = 0; i < 200000; i++) {
    const double size = pow(10, check_uniform(-30, 1.9)), sign = check_below(2) ? 1 : -1;
    const float x = (float)(sign * size);
    if (x < 88) worst_error(&exp_error, sq_exp_f32(x), exp((double)x));
    worst_error(&tanh_error, sq_tanh_f32(x), tanh((double)x));
    worst_error(&sigmoid_error, sq_sigmoid_f32(x), 1 / (1 + exp(-(double)x)));
  }
  check_error(exp_error, 3e-7, "exp f32 against libm");
  check_error(tanh_error, 3e-7, "tanh f32 against libm");
  check_error(sigmoid_error, 3e-7, "sigmoid f32 against libm");
  CHECK(isnan(sq_exp_f32(NAN)) && isnan(sq_tanh_f32(NAN)) && isnan(sq_sigmoid_f32(NAN)),
        "activations of NaN");
  CHECK(isnan(sq_activate_f32(SQ_RELU, NAN)), "relu of NaN");
  CHECK(sq_exp_f32(INFINITY) == INFINITY && sq_exp_f32(-INFINITY) == 0, "exp of infinities");
  CHECK(sq_tanh_f32(INFINITY) == 1 && sq_tanh_f32(-INFINITY) == -1, "tanh of infinities");
  CHECK(sq_sigmoid_f32(INFINITY) == 1 && sq_sigmoid_f32(-INFINITY) == 0, "sigmoid of infinities");
  CHECK(signbit(sq_tanh_f32(-0.0f)) && sq_tanh_f32(1e-40f) == 1e-40f, "tanh of -0 and of a denormal");
  CHECK(sq_exp_f32(0) == 1 && sq_sigmoid_f32(0) == 0.5f, "exp and sigmoid of 0");
}

/* --- Philox --- */

static int block_is(sq_philox_block b, uint32_t w0, uint32_t w1, uint32_t w2, uint32_t w3) {
  return b.word[0] == w0 && b.word[1] == w1 && b.word[2] == w2 && b.word[3] == w3;
}

/* kat_vectors of the Random123 distribution, philox4x32-10. */
static void test_philox(void) {
  CHECK(block_is(sq_philox(0, 0, 0), 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8), "philox of zeros");
  CHECK(
      block_is(sq_philox(UINT64_MAX, UINT64_MAX, UINT64_MAX), 0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd),
      "philox of ones");
  CHECK(block_is(sq_philox(0x299f31d0a4093822, 0x0370734413198a2e, 0x85a308d3243f6a88), 0xd16cfe09,
                 0x94fdcceb, 0x5001e420, 0x24126ea1),
        "philox of the digits of pi");
  CHECK(sq_philox_uniform(0) > 0 && sq_philox_uniform(UINT32_MAX) < 1, "uniform numbers are inside (0, 1)");
  sq_rng rng = {check_random(), 0, 0};
  const sq_philox_block second = sq_philox(rng.seed, 0, 1);
  for (int i = 0; i < 4; i++) sq_rng_u32(&rng);
  CHECK(sq_rng_u32(&rng) == second.word[0] && rng.drawn == 5, "a generator walks through the blocks");
  long count[7] = {0};
  for (int i = 0; i < 70000; i++) count[sq_rng_below(&rng, 7)]++;
  double chi2 = 0;
  for (int i = 0; i < 7; i++) chi2 += (double)(count[i] - 10000) * (double)(count[i] - 10000) / 10000;
  CHECK(chi2 < 40, "integers below 7 are uniform (chi2 = %.1f, 6 degrees of freedom)", chi2);
  CHECK(sq_rng_below(&rng, 1) == 0, "integers below 1");
}

/* --- gemm: the seam only; its own test is elsewhere --- */

static void test_gemm(void) {
  tensor a = tensor_random("a", 5 * 7, -1, 1), b = tensor_random("b", 3 * 7, -1, 1);
  tensor c = tensor_random("c", 5 * 4, -1, 1), want = tensor_new("want", 5 * 4);
  for (int64_t i = 0; i < 20; i++) {
    double sum = c.d[i];
    for (int64_t k = 0; k < 7 && i % 4 < 3; k++) sum += a.d[i / 4 * 7 + k] * b.d[i % 4 * 7 + k];
    want.d[i] = sum;
  }
  for (int k = 0; k < 2; k++) {
    const int bits = both[k];
    const sq_gemm_args args = {0, 1, 1, 5, 3, 7, at(a, bits), 7, at(b, bits), 7, at(c, bits), 4};
    CHECK(ops(bits)->gemm(&serial, &args) == 0, "gemm returns 0, f%d", bits);
  }
  check_error(check_norm_f64(c.d, want.d, c.n), EXACT, "gemm C += A B^T with strides");
  check_single(c, "gemm");
  TENSORS_FREE(&a, &b, &c, &want);
}

/* --- bias and reduce --- */

static void test_bias(int64_t rows, int64_t cols) {
  const int64_t ld = cols + 3;
  tensor bias = tensor_random("bias", cols, -1, 1), y = tensor_random("y", rows * ld, -1, 1);
  tensor before = tensor_new("before", rows * ld);
  memcpy(before.d, y.d, (size_t)y.n * sizeof(double));
  for (int k = 0; k < 2; k++) {
    const sq_bias_args args = {rows, cols, at(bias, both[k]), at(y, both[k]), ld};
    ops(both[k])->bias(&serial, &args);
  }
  int right = 1;
  for (int64_t i = 0; i < y.n; i++) right &= y.d[i] == (i % ld < cols ? bias.d[i % ld] : before.d[i]);
  CHECK(right, "bias %ldx%ld", (long)rows, (long)cols);
  check_single(y, name("bias %ldx%ld", (long)rows, (long)cols));
  TENSORS_FREE(&bias, &y, &before);
}

static void test_reduce(int64_t rows, int64_t cols, int product) {
  const int64_t lda = cols + 2, ldb = cols + 5;
  tensor a = tensor_random("a", rows * lda, 0.1, 2), b = tensor_random("b", rows * ldb, 0.1, 2);
  tensor out = tensor_random("out", cols, 0, 1), want = tensor_new("want", cols);
  for (int64_t j = 0; j < cols; j++) {
    want.d[j] = out.d[j];
    for (int64_t r = 0; r < rows; r++) want.d[j] += a.d[r * lda + j] * (product ? b.d[r * ldb + j] : 1);
  }
  for (int k = 0; k < 2; k++) {
    const int bits = both[k];
    const sq_reduce_args args = {rows, cols,         at(a, bits), lda, product ? at(b, bits) : NULL,
                                 ldb,  at(out, bits)};
    ops(bits)->reduce(&serial, &args);
  }
  const char *what = name("reduce %ldx%ld%s", (long)rows, (long)cols, product ? " of a product" : "");
  check_error(check_norm_f64(out.d, want.d, cols), EXACT, "%s", what);
  check_single(out, what);
  TENSORS_FREE(&a, &b, &out, &want);
}

/* Where a plain float32 sum has lost its digits: 6e-6. */
static void test_long_reduce(void) {
  const int64_t rows = 100000;
  tensor a = tensor_random("a", rows * 8, 0, 2), out = tensor_random("out", 8, 0, 0);
  for (int k = 0; k < 2; k++) {
    const sq_reduce_args args = {rows, 8, at(a, both[k]), 8, NULL, 0, at(out, both[k])};
    ops(both[k])->reduce(&serial, &args);
  }
  check_error(check_norm_f32(out.f, out.d, 8), 5e-7, "reduce of 100000 rows f32 keeps its digits");
  TENSORS_FREE(&a, &out);
}

static void test_bias_and_reduce(void) {
  static const int64_t sizes[] = {0, 1, 31, 33, 300};
  for (int i = 0; i < 5; i++) {
    for (int j = 1; j < 5; j++) {
      test_bias(sizes[i], sizes[j]);
      test_reduce(sizes[i], sizes[j], 0);
      test_reduce(sizes[i], sizes[j], 1);
    }
  }
  test_long_reduce();
}

/* --- embedding --- */

static void test_embedding(int64_t rows, int64_t dim, int64_t vocab) {
  tensor table = tensor_random("table", vocab * dim, -1, 1), y = tensor_new("y", rows * dim);
  tensor dy = tensor_random("dy", rows * dim, -1, 1), dtable = tensor_random("dtable", vocab * dim, -1, 1);
  tensor want = tensor_new("want", vocab * dim);
  int32_t *ids = lengths_new(rows, -1, vocab); /* one outside on each side */
  if (rows > 1) ids[rows - 1] = ids[0];        /* a row that is used twice */
  memcpy(want.d, dtable.d, (size_t)want.n * sizeof(double));
  for (int k = 0; k < 2; k++) {
    const int bits = both[k];
    const sq_embedding_args args = {rows,        dim,          vocab,           ids, at(table, bits),
                                    at(y, bits), at(dy, bits), at(dtable, bits)};
    ops(bits)->embedding_forward(&serial, &args);
    ops(bits)->embedding_backward(&serial, &args);
  }
  int right = 1;
  for (int64_t i = 0; i < rows * dim; i++) {
    const int64_t id = ids[i / dim];
    const int inside = id >= 0 && id < vocab;
    right &= y.d[i] == (inside ? table.d[id * dim + i % dim] : 0);
    if (inside) want.d[id * dim + i % dim] += dy.d[i];
  }
  const char *what = name("embedding %ldx%ld of %ld", (long)rows, (long)dim, (long)vocab);
  CHECK(right, "%s forward", what);
  CHECK(memcmp(dtable.d, want.d, (size_t)want.n * sizeof(double)) == 0, "%s backward, order of rows", what);
  check_single(y, what);
  check_single(dtable, name("embedding %ldx%ld of %ld gradient", (long)rows, (long)dim, (long)vocab));
  TENSORS_FREE(&table, &y, &dy, &dtable, &want);
  check_free(ids);
}

/* --- cross-entropy --- */

typedef struct xent_case {
  sq_xent_args args[2];
  tensor logits, lse, row_loss, loss, dloss, dlogits;
  int32_t *targets;
} xent_case;

static xent_case xent_new(int64_t rows, int64_t classes, int mean) {
  xent_case c = {.logits = tensor_random("logits", rows * classes, 0.5, 2.5),
                 .lse = tensor_new("lse", rows),
                 .row_loss = tensor_new("row_loss", rows),
                 .loss = tensor_new("loss", 2),
                 .dloss = tensor_random("dloss", 1, 0.5, 2),
                 .dlogits = tensor_new("dlogits", rows * classes),
                 .targets = lengths_new(rows, -1, classes - 1)};
  for (int k = 0; k < 2; k++) {
    const int bits = both[k];
    c.args[k] = (sq_xent_args){rows,
                               classes,
                               mean,
                               1.5,
                               at(c.logits, bits),
                               c.targets,
                               at(c.lse, bits),
                               at(c.row_loss, bits),
                               at(c.loss, bits),
                               at(c.dloss, bits),
                               at(c.dlogits, bits)};
  }
  return c;
}

static void xent_run(xent_case *c) {
  for (int k = 0; k < 2; k++) {
    ops(both[k])->xent_forward(&serial, &c->args[k]);
    ops(both[k])->xent_backward(&serial, &c->args[k]);
  }
}

static void xent_free(xent_case *c) {
  TENSORS_FREE(&c->logits, &c->lse, &c->row_loss, &c->loss, &c->dloss, &c->dlogits);
  check_free(c->targets);
}

static double xent_scalar(void *context) {
  xent_case *c = context;
  sq_cpu_ops_f64.xent_forward(&serial, &c->args[0]);
  return c->loss.d[0] * c->dloss.d[0];
}

static double naive_lse(int64_t n, const double *z) {
  double sum = 0;
  for (int64_t v = 0; v < n; v++) sum += exp(z[v]);
  return log(sum);
}

static void test_xent(int64_t rows, int64_t classes, int mean) {
  xent_case c = xent_new(rows, classes, mean);
  xent_run(&c);
  double sum = 0, count = 0, worst = 0;
  int masked_rows_are_zero = 1;
  for (int64_t r = 0; r < rows; r++) {
    const int32_t target = c.targets[r];
    const double lse = naive_lse(classes, c.logits.d + r * classes);
    worst = fmax(worst, fabs(lse - c.lse.d[r]));
    if (target >= 0) {
      sum += lse - c.logits.d[r * classes + target];
      count += 1;
      continue;
    }
    masked_rows_are_zero &= c.row_loss.d[r] == 0;
    for (int64_t v = 0; v < classes; v++) masked_rows_are_zero &= c.dlogits.d[r * classes + v] == 0;
  }
  const double want = 1.5 * sum / (mean && count > 0 ? count : 1);
  char what[80];
  snprintf(what, sizeof what, "xent %ldx%ld %s", (long)rows, (long)classes, mean ? "mean" : "sum");
  check_error(worst, 1e-12, "%s log-sum-exp", what);
  check_error(fabs(c.loss.d[0] - want) / (1 + fabs(want)), 1e-12, "%s loss", what);
  CHECK(c.loss.d[1] == count && (double)c.loss.f[1] == count, "%s unmasked rows", what);
  CHECK(masked_rows_are_zero, "%s masked rows", what);
  check_single(c.lse, name("%s lse", what));
  check_error(fabs((double)c.loss.f[0] - c.loss.d[0]) / (1 + fabs(c.loss.d[0])), SINGLE, "%s loss f32", what);
  check_single(c.dlogits, name("%s gradient", what));
  check_slope(xent_scalar, &c, c.logits, c.dlogits, what);
  xent_free(&c);
}

static void test_xent_edges(void) {
  xent_case c = xent_new(3, 50, 1);
  for (int r = 0; r < 3; r++) c.targets[r] = r;
  for (int64_t i = 0; i < 50; i++) tensor_set(c.logits, i, 1e4 * check_uniform(-1, 1)); /* exp overflows */
  tensor_set(c.logits, 50 + 7, -(double)INFINITY); /* a forbidden class */
  xent_run(&c);
  CHECK(isfinite(c.loss.d[0]) && isfinite(c.loss.f[0]), "xent of logits of 1e4");
  CHECK(c.dlogits.f[50 + 7] == 0 && isfinite(c.lse.f[1]), "xent of a logit of minus infinity");
  tensor_set(c.logits, 100, NAN);
  xent_run(&c);
  CHECK(isnan(c.loss.d[0]) && isnan(c.loss.f[0]) && isnan(c.row_loss.f[2]), "xent of NaN");
  c.targets[2] = 50;
  xent_run(&c);
  CHECK(c.loss.d[1] == 2 && !isnan(c.loss.d[0]) && c.dlogits.d[101] == 0,
        "xent masks a target beyond the classes");
  for (int r = 0; r < 3; r++) c.targets[r] = -1;
  xent_run(&c);
  CHECK(c.loss.d[0] == 0 && c.loss.d[1] == 0 && c.dlogits.d[0] == 0, "xent with every row masked");
  xent_free(&c);
  c = xent_new(4, 10, 0);
  for (int r = 0; r < 4; r++) c.targets[r] = r;
  c.args[0].dloss = NULL;
  tensor_set(c.dloss, 0, 1);
  xent_run(&c);
  check_single(c.dlogits, "xent without dloss is dloss = 1,");
  double sum = 0;
  for (int v = 0; v < 10; v++) sum += c.dlogits.d[v];
  check_error(fabs(sum), 1e-14, "xent gradient of a row sums to 0");
  xent_free(&c);
}

static void test_xents(void) {
  static const int64_t rows[] = {0, 1, 31, 33}, classes[] = {1, 2, 31, 33, 1000};
  for (int i = 0; i < 4; i++) {
    for (int j = 0; j < 5; j++) {
      test_xent(rows[i], classes[j], 0);
      test_xent(rows[i], classes[j], 1);
    }
  }
  test_xent_edges();
}

/* --- dropout --- */

static void dropout(int bits, sq_exec *exec, tensor x, tensor y, double p, uint64_t seed, int accumulate) {
  const sq_dropout_args args = {x.n, p, seed, 77, at(x, bits), at(y, bits), accumulate};
  ops(bits)->dropout(exec, &args);
}

static void test_dropout(int64_t n, double p) {
  const uint64_t seed = check_random();
  tensor x = tensor_random("x", n, 1, 2), y = tensor_new("y", n);
  for (int k = 0; k < 2; k++) dropout(both[k], &serial, x, y, p, seed, 0);
  int right = 1;
  double kept = 0;
  for (int64_t i = 0; i < n; i++) {
    const int keep = (double)sq_philox(seed, 0, 77 + (uint64_t)i / 4).word[i % 4] >= p * 4294967296.0;
    right &= keep ? fabs(y.d[i] - x.d[i] / (1 - p)) <= 1e-15 * fabs(y.d[i]) : y.d[i] == 0;
    right &= (y.d[i] != 0) == (y.f[i] != 0);
    kept += keep;
  }
  char what[60];
  snprintf(what, sizeof what, "dropout p=%g of %ld", p, (long)n);
  CHECK(right, "%s: every element by its own word", what);
  const double deviation = sqrt((double)n * p * (1 - p));
  CHECK(fabs(kept - (1 - p) * (double)n) <= 5 * deviation, "%s: kept %g", what, kept);
  check_single(y, what);
  tensor twice = tensor_new("twice", n);
  for (int64_t i = 0; i < n; i++) tensor_set(twice, i, y.d[i]);
  dropout(64, &serial, x, twice, p, seed, 1);
  right = 1;
  for (int64_t i = 0; i < n; i++) right &= fabs(twice.d[i] - 2 * y.d[i]) <= 1e-6;
  CHECK(right, "%s: accumulate", what);
  dropout(64, &serial, x, x, p, seed, 0);
  CHECK(memcmp(x.d, y.d, (size_t)n * sizeof(double)) == 0, "%s: in place", what);
  TENSORS_FREE(&x, &y, &twice);
}

static void test_dropouts(void) {
  static const int64_t sizes[] = {0, 1, 3, 31, 33, 257, 40000};
  for (int i = 0; i < 7; i++) {
    test_dropout(sizes[i], 0);
    test_dropout(sizes[i], 0.3);
    test_dropout(sizes[i], 1 - 0x1p-40); /* p 2^32 rounds up to 2^32 */
  }
  tensor x = tensor_random("x", 1000, 1, 2), y = tensor_new("y", 1000);
  x.d[5] = x.f[5] = NAN;
  for (int k = 0; k < 2; k++) dropout(both[k], &serial, x, y, 1, 3, 0);
  int zeros = 1;
  for (int i = 0; i < 1000; i++) zeros &= y.d[i] == 0 && y.f[i] == 0;
  CHECK(zeros, "dropout p=1 gives zeros, of NaN too");
  tensor_fill(x, 1, 1);
  dropout(64, &serial, x, y, 0.25, check_random(), 0);
  double mean = 0;
  for (int i = 0; i < 1000; i++) mean += y.d[i] / 1000;
  CHECK(fabs(mean - 1) < 5 * sqrt(0.25 / 0.75 / 1000), "dropout keeps the mean (%.3f)", mean);
  TENSORS_FREE(&x, &y);
}

/* --- maps --- */

static double plain_activation(sq_activation kind, double x) {
  if (kind == SQ_TANH) return tanh(x);
  if (kind == SQ_RELU) return fmax(x, 0);
  if (kind == SQ_SIGMOID) return 1 / (1 + exp(-x));
  return x;
}

static double plain_map(const sq_map_args *m, double a, double b) {
  const double slope[] = {
      [SQ_TANH] = 1 - a * a, [SQ_RELU] = a > 0, [SQ_SIGMOID] = a * (1 - a), [SQ_IDENTITY] = 1};
  const double value[] = {[SQ_MAP_ACTIVATION] = plain_activation(m->activation, a),
                          [SQ_MAP_ACTIVATION_GRAD] = b * slope[m->activation],
                          [SQ_MAP_SCALE] = m->alpha * a,
                          [SQ_MAP_ADD] = a + b,
                          [SQ_MAP_MUL] = a * b};
  return value[m->kind];
}

static const char *const map_names[] = {"activation", "activation gradient", "scale", "add", "multiply"};
static const char *const activation_names[] = {"tanh", "relu", "sigmoid", "identity"};

/* The ranges keep results away from 0, where float32 has few digits left of a difference. */
static void test_map(sq_map_kind kind, sq_activation activation, int64_t n, int accumulate) {
  const double range = kind == SQ_MAP_ACTIVATION_GRAD ? 0.9 : 3;
  tensor a = tensor_random("a", n, -range, range), b = tensor_random("b", n, -3, 3),
         want = tensor_new("want", n);
  tensor y = accumulate ? tensor_random("y", n, 20, 21) : tensor_new("y", n);
  const int two = kind == SQ_MAP_ADD || kind == SQ_MAP_MUL || kind == SQ_MAP_ACTIVATION_GRAD;
  sq_map_args m = {kind, activation, n, -0.7, NULL, NULL, NULL, accumulate};
  for (int64_t i = 0; i < n; i++) want.d[i] = plain_map(&m, a.d[i], b.d[i]) + (accumulate ? y.d[i] : 0);
  for (int k = 0; k < 2; k++) {
    m.a = at(a, both[k]);
    m.b = two ? at(b, both[k]) : NULL;
    m.y = at(y, both[k]);
    ops(both[k])->map(&serial, &m);
  }
  char what[80];
  snprintf(what, sizeof what, "map %s %s of %ld%s", map_names[kind], activation_names[activation], (long)n,
           accumulate ? " +=" : "");
  check_error(check_norm_f64(y.d, want.d, n), EXACT, "%s", what);
  check_single(y, what);
  if (!accumulate) {
    m.y = (void *)(uintptr_t)(m.a = at(a, 64));
    m.b = two ? at(b, 64) : NULL;
    sq_cpu_ops_f64.map(&serial, &m);
    CHECK(memcmp(a.d, y.d, (size_t)n * sizeof(double)) == 0, "%s in place", what);
  }
  TENSORS_FREE(&a, &b, &y, &want);
}

typedef struct map_slope {
  sq_map_args args;
  tensor y, dy;
} map_slope;

static double map_scalar(void *context) {
  const map_slope *s = context;
  sq_cpu_ops_f64.map(&serial, &s->args);
  return weighted_sum(s->dy, s->y);
}

static void test_activation_slope(sq_activation kind) {
  tensor x = tensor_random("x", 40, -2, 2), y = tensor_new("y", 40), dy = tensor_random("dy", 40, -1, 1);
  tensor dx = tensor_new("dx", 40);
  for (int i = 0; i < 40; i++)
    if (fabs(x.d[i]) < 0.01) tensor_set(x, i, 0.5); /* not across the corner of relu */
  map_slope s = {{SQ_MAP_ACTIVATION, kind, 40, 0, x.d, NULL, y.d, 0}, y, dy};
  sq_cpu_ops_f64.map(&serial, &s.args);
  const sq_map_args gradient = {SQ_MAP_ACTIVATION_GRAD, kind, 40, 0, y.d, dy.d, dx.d, 0};
  sq_cpu_ops_f64.map(&serial, &gradient);
  check_slope(map_scalar, &s, x, dx, activation_names[kind]);
  TENSORS_FREE(&x, &y, &dy, &dx);
}

static void test_map_nan(sq_activation kind) {
  tensor x = tensor_random("x", 40, -2, 2), y = tensor_new("y", 40);
  for (int k = 0; k < 2; k++) {
    x.d[17] = x.f[17] = NAN;
    const sq_map_args m = {SQ_MAP_ACTIVATION, kind, 40, 0, at(x, both[k]), NULL, at(y, both[k]), 0};
    ops(both[k])->map(&serial, &m);
    int right = 1;
    for (int i = 0; i < 40; i++) right &= (isnan(get(y, both[k], i)) != 0) == (i == 17);
    CHECK(right, "map %s keeps a NaN in its place f%d", activation_names[kind], both[k]);
  }
  TENSORS_FREE(&x, &y);
}

static void test_maps(void) {
  static const int64_t sizes[] = {0, 1, 31, 33, 1000};
  for (int i = 0; i < 5; i++) {
    for (int accumulate = 0; accumulate < 2; accumulate++) {
      for (int k = SQ_TANH; k <= SQ_IDENTITY; k++) {
        test_map(SQ_MAP_ACTIVATION, (sq_activation)k, sizes[i], accumulate);
        test_map(SQ_MAP_ACTIVATION_GRAD, (sq_activation)k, sizes[i], accumulate);
      }
      test_map(SQ_MAP_SCALE, SQ_IDENTITY, sizes[i], accumulate);
      test_map(SQ_MAP_ADD, SQ_IDENTITY, sizes[i], accumulate);
      test_map(SQ_MAP_MUL, SQ_IDENTITY, sizes[i], accumulate);
    }
  }
  for (int k = SQ_TANH; k <= SQ_IDENTITY; k++) {
    test_activation_slope((sq_activation)k);
    test_map_nan((sq_activation)k);
  }
}

/* --- copy and relayout --- */

static void test_copy(int64_t rows, int64_t cols, int accumulate) {
  const int64_t ld_src = cols + 4, ld_dst = cols + 1;
  tensor src = tensor_random("src", rows * ld_src, -1, 1), dst = tensor_random("dst", rows * ld_dst, -1, 1);
  tensor want = tensor_new("want", rows * ld_dst);
  for (int64_t i = 0; i < want.n; i++) {
    const int64_t r = i / ld_dst, j = i % ld_dst;
    want.d[i] = j < cols ? src.d[r * ld_src + j] + (accumulate ? dst.d[i] : 0) : dst.d[i];
  }
  for (int k = 0; k < 2; k++) {
    const sq_copy_args args = {rows, cols, at(src, both[k]), ld_src, at(dst, both[k]), ld_dst, accumulate};
    ops(both[k])->copy(&serial, &args);
  }
  const char *what = name("copy %ldx%ld%s", (long)rows, (long)cols, accumulate ? " +=" : "");
  CHECK(memcmp(dst.d, want.d, (size_t)want.n * sizeof(double)) == 0, "%s", what);
  check_single(dst, what);
  TENSORS_FREE(&src, &dst, &want);
}

static void test_relayout(int64_t time, int64_t batch, int64_t width, int time_axis, int swap, int ragged,
                          int add) {
  const int64_t outer = time_axis ? batch : time, inner = time_axis ? time : batch;
  int32_t *lengths = lengths_new(batch, 0, time);
  tensor src = tensor_random("src", time * batch * width, -1, 1);
  tensor dst = tensor_random("dst", src.n, -1, 1), want = tensor_new("want", src.n);
  memcpy(want.d, dst.d, (size_t)want.n * sizeof(double));
  for (int64_t i = 0; i < src.n; i++) {
    const int64_t o = i / width / inner, n = i / width % inner, j = i % width;
    const int padded = ragged && (time_axis ? n : o) >= lengths[time_axis ? o : n];
    const int64_t to = (swap ? n * outer + o : o * inner + n) * width + j;
    want.d[to] = (padded ? 0 : src.d[i]) + (add ? want.d[to] : 0);
    if (padded) src.d[i] = src.f[i] = NAN; /* must not be read */
  }
  for (int k = 0; k < 2; k++) {
    const int bits = both[k];
    const sq_relayout_args args = {
        outer, inner, width, swap, time_axis, ragged ? lengths : NULL, at(src, bits), at(dst, bits), add};
    ops(bits)->relayout(&serial, &args);
  }
  const char *what = name("relayout %ldx%ldx%ld axis %d%s%s%s", (long)outer, (long)inner, (long)width,
                          time_axis, swap ? " swap" : "", ragged ? " ragged" : "", add ? " +=" : "");
  CHECK(memcmp(dst.d, want.d, (size_t)want.n * sizeof(double)) == 0, "%s", what);
  check_single(dst, what);
  if (!swap && !add) {
    const sq_relayout_args args = {outer, inner, width, 0, time_axis, ragged ? lengths : NULL,
                                   src.d, src.d, 0};
    sq_cpu_ops_f64.relayout(&serial, &args);
    CHECK(memcmp(src.d, want.d, (size_t)want.n * sizeof(double)) == 0, "%s in place", what);
  }
  TENSORS_FREE(&src, &dst, &want);
  check_free(lengths);
}

static void test_copies(void) {
  static const int64_t sizes[] = {0, 1, 31, 33};
  for (int i = 0; i < 4; i++)
    for (int add = 0; add < 2; add++) test_copy(sizes[i], 33 - i, add);
  for (int options = 0; options < 16; options++) {
    test_relayout(5, 3, 7, options & 1, options >> 1 & 1, options >> 2 & 1, options >> 3);
    test_relayout(1, 33, 1, options & 1, options >> 1 & 1, options >> 2 & 1, options >> 3);
  }
  test_relayout(0, 3, 4, 0, 1, 1, 0);
}

/* --- attention --- */

typedef struct attention_case {
  sq_attention_args args[2];
  tensor query, keys, values, v, weights, context, dcontext, scratch, dquery, dkeys, dvalues, dv;
  int32_t *lengths;
} attention_case;

static attention_case attention_new(int64_t source, int64_t batch, int64_t dim, int64_t value_dim,
                                    int ragged) {
  attention_case c = {.query = tensor_random("query", batch * dim, -1, 1),
                      .keys = tensor_random("keys", source * batch * dim, -1, 1),
                      .values = tensor_random("values", source * batch * value_dim, -1, 1),
                      .v = tensor_random("v", dim, -1, 1),
                      .weights = tensor_new("weights", source * batch),
                      .context = tensor_new("context", batch * value_dim),
                      .dcontext = tensor_random("dcontext", batch * value_dim, -1, 1),
                      .scratch = tensor_new("scratch", source * batch * dim),
                      .dquery = tensor_new("dquery", batch * dim),
                      .dkeys = tensor_new("dkeys", source * batch * dim),
                      .dvalues = tensor_new("dvalues", source * batch * value_dim),
                      .dv = tensor_new("dv", dim),
                      .lengths = lengths_new(batch, 1, source)};
  tensor_fill(c.dkeys, 0, 0);
  tensor_fill(c.dvalues, 0, 0);
  tensor_fill(c.dv, 0, 0);
  for (int k = 0; k < 2; k++) {
    const int bits = both[k];
    c.args[k] = (sq_attention_args){.source_len = source,
                                    .batch = batch,
                                    .dim = dim,
                                    .value_dim = value_dim,
                                    .lengths = ragged ? c.lengths : NULL,
                                    .query = at(c.query, bits),
                                    .keys = at(c.keys, bits),
                                    .values = at(c.values, bits),
                                    .v = at(c.v, bits),
                                    .weights = at(c.weights, bits),
                                    .context = at(c.context, bits),
                                    .dcontext = at(c.dcontext, bits),
                                    .scratch = at(c.scratch, bits),
                                    .dquery = at(c.dquery, bits),
                                    .dkeys = at(c.dkeys, bits),
                                    .dvalues = at(c.dvalues, bits),
                                    .dv = at(c.dv, bits)};
  }
  return c;
}

static void attention_free(attention_case *c) {
  TENSORS_FREE(&c->query, &c->keys, &c->values, &c->v, &c->weights, &c->context, &c->dcontext, &c->scratch,
               &c->dquery, &c->dkeys, &c->dvalues, &c->dv);
  check_free(c->lengths);
}

static double attention_scalar(void *context) {
  const attention_case *c = context;
  sq_cpu_ops_f64.attention_forward(&serial, &c->args[0]);
  return weighted_sum(c->dcontext, c->context);
}

static int64_t attention_length(const attention_case *c, int64_t b) {
  return c->args[0].lengths ? c->lengths[b] : c->args[0].source_len;
}

/* exp(e[s,b]), not normalised */
static double plain_attention(const attention_case *c, int64_t s, int64_t b) {
  const sq_attention_args *a = &c->args[0];
  double e = 0;
  for (int64_t d = 0; d < a->dim; d++)
    e += c->v.d[d] * tanh(c->query.d[b * a->dim + d] + c->keys.d[(s * a->batch + b) * a->dim + d]);
  return exp(e);
}

static void plain_attentions(const attention_case *c, tensor weights, tensor context) {
  const sq_attention_args *a = &c->args[0];
  tensor_fill(context, 0, 0);
  for (int64_t b = 0; b < a->batch; b++) {
    double sum = 0;
    for (int64_t s = 0; s < attention_length(c, b); s++) sum += plain_attention(c, s, b);
    for (int64_t s = 0; s < a->source_len; s++) {
      const double w = s < attention_length(c, b) ? plain_attention(c, s, b) / sum : 0;
      weights.d[s * a->batch + b] = w;
      for (int64_t j = 0; j < a->value_dim && w != 0; j++)
        context.d[b * a->value_dim + j] += w * c->values.d[(s * a->batch + b) * a->value_dim + j];
    }
  }
}

/* Keys and values of padded source steps become NaN: they must not be read. */
static void poison_padding(const attention_case *c) {
  const sq_attention_args *a = &c->args[0];
  for (int64_t r = 0; r < a->source_len * a->batch; r++) {
    if (r / a->batch < attention_length(c, r % a->batch)) continue;
    for (int64_t d = 0; d < a->dim; d++) c->keys.d[r * a->dim + d] = c->keys.f[r * a->dim + d] = NAN;
    for (int64_t j = 0; j < a->value_dim; j++)
      c->values.d[r * a->value_dim + j] = c->values.f[r * a->value_dim + j] = NAN;
  }
}

static void test_attention(int64_t source, int64_t batch, int64_t dim, int64_t value_dim, int ragged) {
  attention_case c = attention_new(source, batch, dim, value_dim, ragged);
  tensor weights = tensor_new("weights", c.weights.n), context = tensor_new("context", c.context.n);
  tensor once = tensor_new("once", c.dkeys.n);
  poison_padding(&c);
  for (int k = 0; k < 2; k++) {
    ops(both[k])->attention_forward(&serial, &c.args[k]);
    ops(both[k])->attention_backward(&serial, &c.args[k]);
  }
  plain_attentions(&c, weights, context);
  char what[80];
  snprintf(what, sizeof what, "attention S=%ld B=%ld D=%ld E=%ld%s", (long)source, (long)batch, (long)dim,
           (long)value_dim, ragged ? " ragged" : "");
  check_error(check_norm_f64(c.weights.d, weights.d, weights.n), EXACT, "%s weights", what);
  check_error(check_norm_f64(c.context.d, context.d, context.n), EXACT, "%s context", what);
  const tensor outputs[] = {c.weights, c.context, c.dquery, c.dkeys, c.dvalues, c.dv};
  const char *const names[] = {"weights", "context", "dquery", "dkeys", "dvalues", "dv"};
  /* With one source step the weight is 1 and these gradients are exactly 0 up to rounding. */
  for (int i = 0; i < 6; i++)
    if (source > 1 || i < 2 || i == 4) check_single(outputs[i], name("%s %s", what, names[i]));
  check_slope(attention_scalar, &c, c.query, c.dquery, name("%s query", what));
  check_slope(attention_scalar, &c, c.keys, c.dkeys, name("%s keys", what));
  check_slope(attention_scalar, &c, c.values, c.dvalues, name("%s values", what));
  check_slope(attention_scalar, &c, c.v, c.dv, name("%s v", what));
  memcpy(once.d, c.dkeys.d, (size_t)once.n * sizeof(double));
  sq_cpu_ops_f64.attention_backward(&serial, &c.args[0]);
  for (int64_t i = 0; i < once.n; i++) once.d[i] *= 2;
  check_error(check_norm_f64(c.dkeys.d, once.d, once.n), EXACT, "%s dkeys accumulate", what);
  TENSORS_FREE(&weights, &context, &once);
  attention_free(&c);
}

static void test_attention_nan(void) {
  attention_case c = attention_new(4, 3, 5, 2, 0);
  c.keys.d[(2 * 3 + 1) * 5 + 3] = c.keys.f[(2 * 3 + 1) * 5 + 3] = NAN; /* sequence 1 */
  for (int k = 0; k < 2; k++) {
    ops(both[k])->attention_forward(&serial, &c.args[k]);
    CHECK(isnan(get(c.context, both[k], 2)) && !isnan(get(c.context, both[k], 0)),
          "attention NaN stays in its sequence f%d", both[k]);
  }
  attention_free(&c);
}

static void test_attentions(void) {
  test_attention(1, 1, 1, 1, 0);
  test_attention(7, 3, 5, 4, 0);
  test_attention(7, 3, 5, 4, 1);
  test_attention(31, 2, 33, 31, 1);
  test_attention(33, 1, 64, 65, 0);
  test_attention(5, 33, 100, 1, 1);
  test_attention(3, 0, 4, 4, 0);
  test_attention_nan();
}

/* --- clip --- */

enum { TENSORS = 4 };
static const int64_t clip_sizes[TENSORS] = {33, 0, 1, 5000};

typedef struct clip_case {
  tensor g[TENSORS], state, partial;
  void *data[2][TENSORS];
  sq_clip_args args[2];
} clip_case;

static void clip_new(clip_case *c, sq_clip_kind kind, double threshold, double window) {
  for (int i = 0; i < TENSORS; i++) c->g[i] = tensor_random("gradient", clip_sizes[i], -1, 1);
  c->state = tensor_random("clip state", 8, 0, 0);
  c->partial = tensor_new("clip partials", SQ_CLIP_PARTIALS);
  for (int k = 0; k < 2; k++) {
    for (int i = 0; i < TENSORS; i++) c->data[k][i] = at(c->g[i], both[k]);
    c->args[k] = (sq_clip_args){kind,
                                threshold,
                                window,
                                {TENSORS, c->data[k], clip_sizes},
                                at(c->state, both[k]),
                                at(c->partial, both[k])};
  }
}

static void clip_free(clip_case *c) {
  for (int i = 0; i < TENSORS; i++) tensor_free(c->g[i]);
  TENSORS_FREE(&c->state, &c->partial);
}

static void clip_run(clip_case *c) {
  for (int k = 0; k < 2; k++) ops(both[k])->clip(&serial, &c->args[k]);
}

static double clip_norm(const clip_case *c) {
  double sum = 0;
  for (int i = 0; i < TENSORS; i++)
    for (int64_t j = 0; j < clip_sizes[i]; j++) sum += c->g[i].d[j] * c->g[i].d[j];
  return sqrt(sum);
}

static void test_clip_norm(double threshold) {
  clip_case c;
  clip_new(&c, SQ_CLIP_NORM, threshold, 0);
  const double norm = clip_norm(&c), scale = fmin(1, threshold / norm), first = c.g[3].d[7];
  clip_run(&c);
  const char *what = name("clip norm at %g", threshold);
  check_error(fabs(c.state.d[0] - norm) / norm, EXACT, "%s: norm", what);
  check_error(fabs(c.state.d[1] - scale), EXACT, "%s: scale", what);
  check_error(fabs(c.g[3].d[7] - first * scale), EXACT, "%s: element", what);
  check_error(fabs(clip_norm(&c) - fmin(norm, threshold)), 1e-10, "%s: norm afterwards", what);
  CHECK(c.state.d[3] == 1 && c.state.d[4] == 1, "%s: counted, finite", what);
  check_single(c.state, name("clip norm at %g: state", threshold));
  check_single(c.g[3], name("clip norm at %g: gradients", threshold));
  clip_free(&c);
}

static void test_clip_value(void) {
  clip_case c;
  clip_new(&c, SQ_CLIP_VALUE, 0.25, 0);
  tensor before = tensor_new("before", clip_sizes[3]);
  memcpy(before.d, c.g[3].d, (size_t)before.n * sizeof(double));
  const double norm = clip_norm(&c);
  clip_run(&c);
  int right = 1;
  for (int64_t i = 0; i < before.n; i++) right &= c.g[3].d[i] == fmin(fmax(before.d[i], -0.25), 0.25);
  CHECK(right, "clip value");
  CHECK(fabs(c.state.d[0] - norm) < 1e-10 && c.state.d[1] == 1, "clip value: norm before, scale 1");
  check_single(c.g[3], "clip value");
  tensor_free(before);
  clip_free(&c);
}

static void test_clip_none(void) {
  clip_case c;
  clip_new(&c, SQ_CLIP_NONE, 0.1, 0);
  const double norm = clip_norm(&c), first = c.g[0].d[3];
  clip_run(&c);
  CHECK(c.g[0].d[3] == first && c.state.d[1] == 1 && fabs(c.state.d[0] - norm) < 1e-10,
        "clip none only measures");
  clip_free(&c);
}

/* Eight updates, sizes jumping about, one of them not finite; the recurrence written down again. */
static void test_clip_auto(void) {
  const double factor = 1.5, window = 4, sizes[8] = {1, 3, 100, 1, NAN, 0.5, 2, 1};
  clip_case c;
  clip_new(&c, SQ_CLIP_AUTO, factor, window);
  double average = 0, updates = 0;
  for (int u = 0; u < 8; u++) {
    for (int i = 0; i < TENSORS; i++) tensor_fill(c.g[i], -1, 1);
    for (int i = 0; i < TENSORS; i++)
      for (int64_t j = 0; j < clip_sizes[i]; j++) tensor_set(c.g[i], j, c.g[i].d[j] * sizes[u]);
    const double norm = clip_norm(&c), kept = c.state.d[2];
    clip_run(&c);
    if (isnan(norm)) {
      CHECK(c.state.d[1] == 0 && c.state.d[4] == 0 && c.state.d[2] == kept, "clip auto refuses a NaN");
      continue;
    }
    updates++;
    const double scale = updates == 1 ? 1 : fmin(1, factor * average / norm);
    average = updates == 1 ? norm : average + (fmin(norm, 10 * average) - average) / fmin(updates, window);
    check_error(fabs(c.state.d[1] - scale), 1e-12, "clip auto update %d: scale", u);
    check_error(fabs(c.state.d[2] - average) / average, 1e-12, "clip auto update %d: average", u);
    check_single(c.state, name("clip auto update %d: state", u));
  }
  clip_free(&c);
  clip_new(&c, SQ_CLIP_AUTO, factor, window);
  for (int i = 0; i < TENSORS; i++) tensor_fill(c.g[i], 0, 0);
  clip_run(&c);
  for (int i = 0; i < TENSORS; i++) tensor_fill(c.g[i], -1, 1);
  clip_run(&c);
  CHECK(c.state.d[1] == 1 && c.state.d[2] > 0, "clip auto starts again after a gradient of zeros");
  clip_free(&c);
}

static void test_clip_not_finite(sq_clip_kind kind, double value) {
  clip_case c;
  clip_new(&c, kind, 1, 10);
  c.g[3].d[4321] = value;
  c.g[3].f[4321] = (float)value;
  clip_run(&c);
  int right = 1;
  for (int k = 0; k < 2; k++) {
    const double at_place = get(c.g[3], both[k], 4321), beside = get(c.g[3], both[k], 1);
    right &=
        get(c.state, both[k], 1) == 0 && get(c.state, both[k], 4) == 0 && !isfinite(get(c.state, both[k], 0));
    right &= kind == SQ_CLIP_NONE ? !isfinite(at_place) && beside != 0 : at_place == 0 && beside == 0;
  }
  CHECK(right, "clip kind %d of %g", (int)kind, value);
  clip_free(&c);
}

static void test_clips(void) {
  test_clip_norm(1);
  test_clip_norm(1e6);
  test_clip_value();
  test_clip_none();
  test_clip_auto();
  for (int kind = SQ_CLIP_NONE; kind <= SQ_CLIP_VALUE; kind++) {
    test_clip_not_finite((sq_clip_kind)kind, NAN);
    test_clip_not_finite((sq_clip_kind)kind, -(double)INFINITY);
  }
  clip_case c;
  clip_new(&c, SQ_CLIP_NORM, 1, 0);
  for (int i = 0; i < TENSORS; i++) tensor_fill(c.g[i], 1e30, 1e30);
  clip_run(&c);
  CHECK(c.state.f[4] == 1 && c.g[0].f[0] > 0, "clip of gradients whose squares overflow float32");
  for (int k = 0; k < 2; k++) c.args[k].grads.count = 0;
  clip_run(&c);
  CHECK(c.state.d[0] == 0 && c.state.d[1] == 1 && c.state.d[4] == 1, "clip of no tensors");
  clip_free(&c);
}

/* --- optimisers --- */

typedef struct moments {
  double p, m, v;
} moments;

/* One parameter, as the papers have it. */
static void plain_update(const sq_optimizer_args *o, double gradient, moments *s) {
  const double g = gradient + o->weight_decay * s->p;
  if (o->kind == SQ_SGD) s->p -= o->lr * g;
  if (o->kind == SQ_MOMENTUM) {
    s->m = o->momentum * s->m + g;
    s->p -= o->lr * (o->nesterov ? g + o->momentum * s->m : s->m);
  }
  if (o->kind == SQ_RMSPROP) {
    s->v = o->decay * s->v + (1 - o->decay) * g * g;
    s->p -= o->lr * g / (sqrt(s->v) + o->eps);
  }
  if (o->kind == SQ_ADAM) {
    s->m = o->momentum * s->m + (1 - o->momentum) * g;
    s->v = o->decay * s->v + (1 - o->decay) * g * g;
    const double m = s->m / (1 - pow(o->momentum, (double)o->update));
    const double v = s->v / (1 - pow(o->decay, (double)o->update));
    s->p -= o->lr * m / (sqrt(v) + o->eps);
  }
}

static const char *const optimizer_names[] = {"sgd", "momentum", "rmsprop", "adam"};

/* Tensors of several sizes, 0 among them, for five updates. */
static void test_optimizer(sq_optimizer_kind kind, int nesterov, double weight_decay) {
  tensor p[TENSORS], g[TENSORS], m[TENSORS], v[TENSORS], want[TENSORS];
  void *data[2][4][TENSORS];
  moments *plain[TENSORS];
  const int has_m = kind == SQ_MOMENTUM || kind == SQ_ADAM, has_v = kind == SQ_RMSPROP || kind == SQ_ADAM;
  for (int i = 0; i < TENSORS; i++) {
    const int64_t n = clip_sizes[i];
    p[i] = tensor_random("p", n, 0.5, 1.5);
    g[i] = tensor_new("g", n);
    m[i] = tensor_random("m", n, 0, 0);
    v[i] = tensor_random("v", n, 0, 0);
    want[i] = tensor_new("want", n);
    plain[i] = check_alloc("plain", (size_t)n * sizeof(moments));
    for (int64_t j = 0; j < n; j++) plain[i][j] = (moments){p[i].d[j], 0, 0};
    for (int k = 0; k < 2; k++) {
      data[k][0][i] = at(p[i], both[k]);
      data[k][1][i] = at(g[i], both[k]);
      data[k][2][i] = at(m[i], both[k]);
      data[k][3][i] = at(v[i], both[k]);
    }
  }
  for (int64_t update = 1; update <= 5; update++) {
    for (int i = 0; i < TENSORS; i++) tensor_fill(g[i], -1, 1);
    for (int k = 0; k < 2; k++) {
      const sq_optimizer_args args = {kind,
                                      0.01,
                                      0.9,
                                      0.95,
                                      1e-3,
                                      weight_decay,
                                      nesterov,
                                      update,
                                      {TENSORS, data[k][0], clip_sizes},
                                      {TENSORS, data[k][1], clip_sizes},
                                      {has_m ? TENSORS : 0, has_m ? data[k][2] : NULL, clip_sizes},
                                      {has_v ? TENSORS : 0, has_v ? data[k][3] : NULL, clip_sizes},
                                      NULL};
      ops(both[k])->optimizer(&serial, &args);
      for (int i = 0; k == 0 && i < TENSORS; i++)
        for (int64_t j = 0; j < clip_sizes[i]; j++) plain_update(&args, g[i].d[j], &plain[i][j]);
    }
  }
  for (int i = 0; i < TENSORS; i++) {
    for (int64_t j = 0; j < clip_sizes[i]; j++) want[i].d[j] = plain[i][j].p;
    const char *what = name("%s%s%s, %ld parameters", optimizer_names[kind], nesterov ? " nesterov" : "",
                            weight_decay > 0 ? " weight decay" : "", (long)clip_sizes[i]);
    check_error(check_norm_f64(p[i].d, want[i].d, p[i].n), EXACT, "%s", what);
    check_single(p[i], what);
    TENSORS_FREE(&p[i], &g[i], &m[i], &v[i], &want[i]);
    check_free(plain[i]);
  }
}

/* p += after one SGD update under this clip state */
static int sgd_moves(double norm, double finite, int bits) {
  tensor p = tensor_random("p", 1, 1, 1), g = tensor_random("g", 1, 1, 1);
  tensor state = tensor_random("state", 8, 0, 0);
  tensor_set(state, 0, norm);
  tensor_set(state, 4, finite);
  void *params[1] = {at(p, bits)}, *grads[1] = {at(g, bits)};
  const int64_t size = 1;
  const sq_optimizer_args args = {.kind = SQ_SGD,
                                  .lr = 0.5,
                                  .update = 1,
                                  .params = {1, params, &size},
                                  .grads = {1, grads, &size},
                                  .clip_state = at(state, bits)};
  ops(bits)->optimizer(&serial, &args);
  const int moved = get(p, bits, 0) == 0.5;
  TENSORS_FREE(&p, &g, &state);
  return moved;
}

static void test_optimizers(void) {
  for (int kind = SQ_SGD; kind <= SQ_ADAM; kind++) {
    test_optimizer((sq_optimizer_kind)kind, 0, 0);
    test_optimizer((sq_optimizer_kind)kind, 0, 0.1);
  }
  test_optimizer(SQ_MOMENTUM, 1, 0.1);
  for (int k = 0; k < 2; k++) {
    CHECK(sgd_moves(0, 0, both[k]), "optimizer before the first clip f%d", both[k]);
    CHECK(sgd_moves(3, 1, both[k]), "optimizer after a finite norm f%d", both[k]);
    CHECK(!sgd_moves(NAN, 0, both[k]), "optimizer after a NaN f%d", both[k]);
    CHECK(!sgd_moves((double)INFINITY, 0, both[k]), "optimizer after an infinite norm f%d", both[k]);
  }
}

/* --- initialisers --- */

/* |W W^T - I| (or W^T W, the smaller one), largest element */
static double orthogonality_error(int64_t rows, int64_t cols, double gain) {
  sq_rng rng = {check_random(), 0, 0};
  tensor w = tensor_new("w", rows * cols);
  sq_initialise_orthogonal_f64(&rng, rows, cols, gain, w.d);
  const int tall = rows > cols;
  const int64_t count = tall ? cols : rows, n = tall ? rows : cols;
  double worst = 0;
  for (int64_t i = 0; i < count; i++) {
    for (int64_t j = 0; j < count; j++) {
      double dot = 0;
      for (int64_t k = 0; k < n; k++)
        dot += tall ? w.d[k * cols + i] * w.d[k * cols + j] : w.d[i * cols + k] * w.d[j * cols + k];
      const double error = fabs(dot / (gain * gain) - (i == j));
      if (!(error <= worst)) worst = error;
    }
  }
  tensor_free(w);
  return worst;
}

static void test_orthogonal(void) {
  static const int64_t shapes[][2] = {{0, 0}, {0, 4},   {1, 1},   {1, 7},   {7, 1},    {5, 3},
                                      {3, 5}, {31, 33}, {33, 31}, {64, 64}, {200, 50}, {128, 128}};
  for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
    check_error(orthogonality_error(shapes[i][0], shapes[i][1], 1.4), 1e-13, "orthogonal %ldx%ld",
                (long)shapes[i][0], (long)shapes[i][1]);
  int positive = 0;
  for (int i = 0; i < 200; i++) {
    double w[9];
    sq_rng rng = {check_random(), 0, 0};
    sq_initialise_orthogonal_f64(&rng, 3, 3, 1, w);
    positive += w[0] > 0;
  }
  CHECK(positive > 60 && positive < 140, "orthogonal has both signs (%d of 200)", positive);
}

/* Mean and standard deviation of what a named initialiser draws. */
static void moments_of(const char *which, double value, int64_t rows, int64_t cols, double out[3]) {
  sq_rng rng = {check_random(), 0, 0};
  tensor w = tensor_new("w", rows * cols);
  sq_initialiser_find(which)->fill_f64(&rng, rows, cols, value, w.d);
  double sum = 0, squares = 0, largest = 0;
  for (int64_t i = 0; i < w.n; i++) {
    sum += w.d[i];
    squares += w.d[i] * w.d[i];
    largest = fmax(largest, fabs(w.d[i]));
  }
  out[0] = sum / (double)w.n;
  out[1] = sqrt(squares / (double)w.n);
  out[2] = largest;
  tensor_free(w);
}

static void test_distributions(void) {
  double s[3];
  moments_of("uniform", 0.5, 200, 200, s);
  CHECK(fabs(s[0]) < 5 * 0.5 / sqrt(3 * 40000.0) && s[2] < 0.5 && s[2] > 0.499, "uniform: range");
  CHECK(fabs(s[1] - 0.5 / sqrt(3)) < 0.005, "uniform: deviation %.4f", s[1]);
  moments_of("normal", 2, 200, 200, s);
  CHECK(fabs(s[0]) < 0.05 && fabs(s[1] - 2) < 0.04, "normal: mean %.4f, deviation %.4f", s[0], s[1]);
  CHECK(s[2] > 6 && s[2] < 12, "normal: largest of 40000 is %.1f", s[2]);
  moments_of("xavier", 1, 100, 50, s);
  CHECK(s[2] < 0.2 && s[2] > 0.199, "xavier: limit sqrt(6/150) = 0.2");
}

static void test_fixed_values(void) {
  double w[12];
  sq_rng rng = {1, 0, 0};
  sq_initialiser_find("identity")->fill_f64(&rng, 3, 4, 0.5, w);
  int right = 1;
  for (int i = 0; i < 12; i++) right &= w[i] == (i / 4 == i % 4 ? 0.5 : 0);
  CHECK(right, "identity 3x4");
  sq_initialiser_find("constant")->fill_f64(&rng, 3, 4, 40, w);
  CHECK(w[0] == 40 && w[11] == 40, "constant");
  sq_initialiser_find("zeros")->fill_f64(&rng, 3, 4, 1, w);
  CHECK(w[0] == 0 && w[11] == 0 && rng.drawn == 0, "zeros");
  CHECK(sq_initialiser_find("nonesuch") == NULL && sq_initialiser_find(NULL) == NULL,
        "an unknown initialiser");
}

static void test_initialisers(void) {
  test_orthogonal();
  test_distributions();
  test_fixed_values();
  for (int i = 0; i < sq_initialiser_count; i++) {
    const sq_initialiser *init = &sq_initialisers[i];
    sq_rng first = {check_random(), 3, 0}, second = first;
    tensor w = tensor_new("w", 33 * 7);
    const int failed =
        init->fill_f64(&first, 33, 7, init->value, w.d) | init->fill_f32(&second, 33, 7, init->value, w.f);
    int same = !failed && first.drawn == second.drawn;
    for (int64_t j = 0; j < w.n; j++) same &= w.f[j] == (float)w.d[j];
    CHECK(same, "%s: float32 is float64 rounded", init->name);
    CHECK(init->fill_f64(&first, 0, 5, init->value, w.d) == 0, "%s of 0 rows", init->name);
    tensor_free(w);
  }
}

/* --- any number of threads gives the same bits --- */

enum { OPERATORS = 20 };

typedef struct digest {
  const char *name[OPERATORS];
  uint64_t hash[OPERATORS];
  int count;
} digest;

static void digest_add(digest *d, const char *what, tensor t, int bits) {
  const unsigned char *bytes = at(t, bits);
  uint64_t hash = 0xcbf29ce484222325u; /* FNV-1a */
  for (size_t i = 0; i < (size_t)t.n * (size_t)bits / 8; i++) hash = (hash ^ bytes[i]) * 0x100000001b3u;
  d->name[d->count] = what;
  d->hash[d->count++] = hash;
}

static void digest_rows(digest *d, sq_exec *exec, int bits) {
  const int64_t rows = 3001, cols = 67;
  tensor a = tensor_random("a", rows * cols, -1, 1), b = tensor_random("b", rows * cols, -1, 1);
  tensor y = tensor_random("y", rows * cols, 0, 0), out = tensor_random("out", cols, 0, 0);
  int32_t *ids = lengths_new(rows, 0, cols - 1);
  const sq_bias_args bias = {rows, cols, at(a, bits), at(y, bits), cols};
  ops(bits)->bias(exec, &bias);
  digest_add(d, "bias", y, bits);
  const sq_reduce_args reduce = {rows, cols, at(a, bits), cols, at(b, bits), cols, at(out, bits)};
  ops(bits)->reduce(exec, &reduce);
  digest_add(d, "reduce", out, bits);
  const sq_embedding_args embedding = {rows,        cols,        cols,        ids,
                                       at(b, bits), at(y, bits), at(a, bits), at(b, bits)};
  ops(bits)->embedding_forward(exec, &embedding);
  digest_add(d, "embedding forward", y, bits);
  ops(bits)->embedding_backward(exec, &embedding);
  digest_add(d, "embedding backward", b, bits);
  const sq_copy_args copy = {rows, cols - 1, at(a, bits), cols, at(y, bits), cols, 1};
  ops(bits)->copy(exec, &copy);
  digest_add(d, "copy", y, bits);
  const sq_relayout_args relayout = {rows, cols, 1, 1, 1, ids, at(a, bits), at(y, bits), 0};
  ops(bits)->relayout(exec, &relayout);
  digest_add(d, "relayout", y, bits);
  TENSORS_FREE(&a, &b, &y, &out);
  check_free(ids);
}

static void digest_losses(digest *d, sq_exec *exec, int bits) {
  xent_case c = xent_new(1501, 131, 1);
  ops(bits)->xent_forward(exec, &c.args[bits == 32]);
  digest_add(d, "xent forward", c.loss, bits);
  ops(bits)->xent_backward(exec, &c.args[bits == 32]);
  digest_add(d, "xent backward", c.dlogits, bits);
  xent_free(&c);
  attention_case t = attention_new(37, 29, 131, 67, 1);
  ops(bits)->attention_forward(exec, &t.args[bits == 32]);
  digest_add(d, "attention forward", t.context, bits);
  ops(bits)->attention_backward(exec, &t.args[bits == 32]);
  digest_add(d, "attention dquery", t.dquery, bits);
  digest_add(d, "attention dkeys", t.dkeys, bits);
  digest_add(d, "attention dvalues", t.dvalues, bits);
  digest_add(d, "attention dv", t.dv, bits);
  attention_free(&t);
}

static void digest_elements(digest *d, sq_exec *exec, int bits) {
  const int64_t n = 200003;
  tensor x = tensor_random("x", n, -1, 1), y = tensor_new("y", n), state = tensor_random("state", 8, 0, 0);
  tensor m = tensor_random("m", n, 0, 0), v = tensor_random("v", n, 0, 0);
  dropout(bits, exec, x, y, 0.3, 5, 0);
  digest_add(d, "dropout", y, bits);
  const sq_map_args map = {SQ_MAP_ACTIVATION, SQ_SIGMOID, n, 0, at(x, bits), NULL, at(y, bits), 0};
  ops(bits)->map(exec, &map);
  digest_add(d, "map", y, bits);
  void *xs[1] = {at(x, bits)}, *ys[1] = {at(y, bits)}, *ms[1] = {at(m, bits)}, *vs[1] = {at(v, bits)};
  const sq_clip_args clip = {SQ_CLIP_NORM, 1, 0, {1, ys, &n}, at(state, bits), NULL};
  ops(bits)->clip(exec, &clip);
  digest_add(d, "clip gradients", y, bits);
  digest_add(d, "clip state", state, bits);
  const sq_optimizer_args adam = {SQ_ADAM,     0.1,         0.9,         0.99,        1e-8,           0, 0, 1,
                                  {1, xs, &n}, {1, ys, &n}, {1, ms, &n}, {1, vs, &n}, at(state, bits)};
  ops(bits)->optimizer(exec, &adam);
  digest_add(d, "optimizer", x, bits);
  TENSORS_FREE(&x, &y, &state, &m, &v);
}

static digest digest_all(int threads, int bits) {
  sq_exec exec = {.pool = threads > 0 ? sq_pool_create(threads) : NULL};
  digest d = {.count = 0};
  check_counts.random = check_counts.seed; /* the same inputs every time */
  digest_rows(&d, &exec, bits);
  digest_losses(&d, &exec, bits);
  digest_elements(&d, &exec, bits);
  sq_pool_destroy(exec.pool);
  return d;
}

static void test_threads(int bits) {
  const digest want = digest_all(0, bits);
  for (int threads = 1; threads <= 3; threads++) {
    const digest d = digest_all(threads, bits);
    for (int i = 0; i < d.count; i++)
      CHECK(d.hash[i] == want.hash[i], "%s f%d with %d threads", d.name[i], bits, threads);
  }
}

int main(void) {
  check_start();
  test_activations();
  test_philox();
  test_gemm();
  test_bias_and_reduce();
  test_embedding(0, 3, 5);
  test_embedding(1, 1, 1);
  test_embedding(33, 31, 5);
  test_embedding(31, 33, 100);
  test_xents();
  test_dropouts();
  test_maps();
  test_copies();
  test_attentions();
  test_clips();
  test_optimizers();
  test_initialisers();
  test_threads(64);
  test_threads(32);
  return check_finish();
}
