/* test_hessian_free.c - Hessian-free optimisation (seqgpu/hessian_free.h): conjugate gradients alone, a
 * quadratic that one update solves, a recurrent network that a few teach what it has to remember, resuming,
 * what is refused, and running statistics.
 */
#define _DEFAULT_SOURCE /* mkdtemp */
#include <stdlib.h>

#include "host/hf/hessian_free.h"
#include "tests/breaking.h"
#include "tests/net.h"

/* ---------------------------------------------------------------- conjugate gradients */

enum { N = 40 };

/* A = D (M^T M + I) D, whose scales D differ by three orders. */
typedef struct matrix {
  double a[N][N], b[N], diag[N];
} matrix;

static void matrix_draw(matrix *m) {
  double factor[N][N], scale[N];
  for (int i = 0; i < N; i++) {
    scale[i] = pow(10, check_uniform(-1.5, 1.5));
    m->b[i] = check_uniform(-1, 1);
    for (int j = 0; j < N; j++) factor[i][j] = check_uniform(-0.3, 0.3);
  }
  for (int i = 0; i < N; i++)
    for (int j = 0; j < N; j++) {
      double sum = i == j;
      for (int k = 0; k < N; k++) sum += factor[k][i] * factor[k][j];
      m->a[i][j] = scale[i] * scale[j] * sum;
    }
  for (int i = 0; i < N; i++) m->diag[i] = m->a[i][i];
}

static seqgpu_status multiply(void *self, const double *v, double *out) {
  const matrix *m = self;
  for (int i = 0; i < N; i++) {
    out[i] = 0;
    for (int j = 0; j < N; j++) out[i] += m->a[i][j] * v[j];
  }
  return SEQGPU_OK;
}

static void check_cg(seqgpu_context *ctx) {
  static const int places[] = {1, 2, 3, 4, 5, 7, 9, 11, 14, 18, 24, 31, 40, 52, 67, 87, 113, 147, 191};
  matrix m;
  matrix_draw(&m);
  int iterations[2];
  for (int preconditioned = 0; preconditioned < 2; preconditioned++) {
    sq_cg cg = {
        .ctx = ctx, .n = N, .product = multiply, .self = &m, .b = m.b, .most = 1000, .progress = 1e-30};
    cg.diag = preconditioned ? m.diag : NULL;
    net_require(ctx, sq_cg_open(&cg), "sq_cg_open");
    for (int i = 0; i < N; i++) cg.x[i] = check_uniform(-1, 1);
    net_require(ctx, sq_cg_run(&cg), "sq_cg_run");
    double residual[N];
    multiply(&m, cg.x, residual);
    check_error(check_norm_f64(residual, m.b, N), 1e-7, "conjugate gradients, A x = b%s",
                preconditioned ? ", preconditioned" : "");
    int right = cg.kept_count > 5 && cg.kept_at[cg.kept_count - 1] == cg.iterations;
    for (int i = 0; i < cg.kept_count - 1; i++) right &= i < (int)COUNT(places) && cg.kept_at[i] == places[i];
    CHECK(right && memcmp(cg.kept[cg.kept_count - 1], cg.x, sizeof m.b) == 0,
          "conjugate gradients, iterates are kept after 1.3^j iterations, and the last");
    int falls = 1;
    for (int i = 1; i <= cg.iterations; i++)
      falls &= cg.value[i] <= cg.value[i - 1] + 1e-12 * fabs(cg.value[i]);
    CHECK(falls, "conjugate gradients, the quadratic falls");
    iterations[preconditioned] = cg.iterations;
    cg.progress = 0.01;
    net_require(ctx, sq_cg_run(&cg), "sq_cg_run");
    CHECK(cg.iterations <= 11, "conjugate gradients, no progress where they begin at the end");
    sq_cg_close(&cg);
  }
  CHECK(iterations[1] < iterations[0], "conjugate gradients, %d iterations with a preconditioner, %d without",
        iterations[1], iterations[0]);
}

/* ---------------------------------------------------------------- a model */

enum { T = 12, B = 24, H = 10, LAG = 3, WIDTH = 4, CASES = 6 };

/* A network is to say what it heard LAG steps ago; or, if linear, x [T*B/WIDTH,WIDTH] is regressed without a
 * network. */
typedef struct model {
  seqgpu_context *ctx;
  seqgpu_plan *plan, *single;
  seqgpu_params *params;
  seqgpu_param rnn, w, bias;
  seqgpu_hessian_free *hf;
  double x[T * B], wanted[T * B];
  int linear, normalised, fails, calls;
  double dropout, omega;
} model;

/* Numbers of the context's type: of all sequences, or of one. */
static seqgpu_tensor *numbers(const model *m, seqgpu_tape *tape, const double *from, int64_t count,
                              int64_t index) {
  double wide[T * B];
  float narrow[T * B];
  for (int64_t i = 0; i < T * count; i++) {
    wide[i] = count == B ? from[i] : from[i * B + index];
    narrow[i] = (float)wide[i];
  }
  const int f64 = seqgpu_context_dtype(m->ctx) == SEQGPU_DTYPE_F64;
  return seqgpu_tape_input(tape, 3, (int64_t[]){T, count, 1}, f64 ? (const void *)wide : narrow);
}

static seqgpu_tensor *linear_loss(const model *m, seqgpu_tape *tape) {
  seqgpu_tensor *x =
      seqgpu_tape_reshape(tape, numbers(m, tape, m->x, B, 0), 2, (int64_t[]){T * B / WIDTH, WIDTH});
  seqgpu_tensor *wanted =
      seqgpu_tape_reshape(tape, numbers(m, tape, m->wanted, B, 0), 2, (int64_t[]){T * B, 1});
  seqgpu_tensor *w = seqgpu_tape_param(tape, &m->w), *bias = seqgpu_tape_param(tape, &m->bias);
  return seqgpu_tape_squared_error(tape, seqgpu_tape_linear(tape, x, w, bias),
                                   seqgpu_tape_rows(tape, wanted, 0, T * B / WIDTH), NULL, 1, 1);
}

static seqgpu_tensor *network_loss(const model *m, seqgpu_hessian_free *hf, seqgpu_tape *tape, int64_t count,
                                   int64_t index) {
  int32_t heard[T * B];
  for (int64_t i = 0; i < T * count; i++) heard[i] = i >= LAG * count;
  seqgpu_tensor *mask = seqgpu_tape_ids(tape, 2, (int64_t[]){T, count}, heard);
  seqgpu_tensor *block = seqgpu_tape_param(tape, &m->rnn), *x = numbers(m, tape, m->x, count, index);
  seqgpu_tensor *h = seqgpu_tape_rnn(tape, count == 1 ? m->single : m->plan, block, x, NULL, NULL);
  h = seqgpu_tape_dropout(tape, seqgpu_hessian_free_damp(hf, h, 1.0 / (double)count), m->dropout);
  seqgpu_tensor *w = seqgpu_tape_param(tape, &m->w), *bias = seqgpu_tape_param(tape, &m->bias);
  return seqgpu_tape_squared_error(tape, seqgpu_tape_linear(tape, h, w, bias),
                                   numbers(m, tape, m->wanted, count, index), mask, 1, 1);
}

static seqgpu_tensor *build(seqgpu_hessian_free *hf, seqgpu_tape *tape, seqgpu_hessian_free_batch batch,
                            int64_t index, void *user) {
  model *m = user;
  if (m->calls++ == m->fails) return NULL;
  if (m->linear) return linear_loss(m, tape);
  return network_loss(m, hf, tape, batch == SEQGPU_HESSIAN_FREE_CASE ? 1 : B, index);
}

static seqgpu_status model_params(model *m, uint64_t seed, const seqgpu_hessian_free_options *options) {
  seqgpu_status status = seqgpu_params_create(m->ctx, seed, &m->params);
  if (status == SEQGPU_OK) status = seqgpu_params_add_rnn(m->params, "rnn", m->plan, &m->rnn);
  if (status == SEQGPU_OK)
    status = seqgpu_params_add(m->params, "w", 1, m->linear ? WIDTH : H, "xavier", 1, &m->w);
  if (status == SEQGPU_OK) status = seqgpu_params_add(m->params, "bias", 1, 1, "zeros", 0, &m->bias);
  if (status == SEQGPU_OK) status = seqgpu_hessian_free_create(m->params, options, &m->hf);
  return status;
}

static void model_data(model *m) {
  check_fill_f64(m->x, T * B, -1, 1);
  for (int i = 0; i < T * B; i++)
    m->wanted[i] = m->linear ? check_uniform(-1, 1) : i >= LAG * B ? m->x[i - LAG * B] : 0;
}

static seqgpu_status model_open(model *m, seqgpu_context *ctx, const seqgpu_hessian_free_options *options) {
  const seqgpu_rnn_desc desc = {.cell = "rnn",
                                .input_size = 1,
                                .hidden_size = H,
                                .seq_len = T,
                                .batch = B,
                                .batch_norm_steps = m->normalised ? T : 0,
                                .omega = m->omega};
  seqgpu_rnn_desc one = desc;
  one.batch = 1;
  m->ctx = ctx;
  m->fails = -1;
  model_data(m);
  seqgpu_status status = seqgpu_plan_create(ctx, &desc, NULL, &m->plan);
  if (status == SEQGPU_OK) status = seqgpu_plan_create(ctx, &one, NULL, &m->single);
  return status == SEQGPU_OK ? model_params(m, 3, options) : status;
}

static void model_close(model *m) {
  seqgpu_hessian_free_destroy(m->hf);
  seqgpu_params_destroy(m->params);
  seqgpu_plan_destroy(m->plan);
  seqgpu_plan_destroy(m->single);
}

static seqgpu_status model_update(model *m, seqgpu_hessian_free_report *report) {
  m->calls = 0;
  return seqgpu_hessian_free_update(m->hf, build, m, report);
}

/* ---------------------------------------------------------------- learning */

/* A quadratic, nearly without damping: the first update ends where the gradient is 0, and the ratio is 1. */
static void check_quadratic(seqgpu_context *ctx) {
  const seqgpu_hessian_free_options options = {.lambda = 1e-9, .progress = 1e-12};
  model m = {.linear = 1};
  seqgpu_hessian_free_report first, second;
  net_require(ctx, model_open(&m, ctx, &options), "open");
  net_require(ctx, model_update(&m, &first), "update");
  net_require(ctx, model_update(&m, &second), "update");
  check_error(second.gradient_norm / first.gradient_norm, 1e-6, "one update solves a quadratic");
  check_error(fabs(first.ratio - 1), 1e-6, "of a quadratic the loss falls as foreseen");
  check_error(fabs(second.lambda * 1.5 / first.lambda - 1), 1e-12, "then lambda is divided by 3/2");
  CHECK(first.rate == 1 && first.chosen == first.iterations && first.iterations <= WIDTH + 3,
        "a quadratic of %d numbers takes %d iterations", WIDTH + 1, first.iterations);
  model_close(&m);
}

/* What holds from update to update. */
static int follows(const seqgpu_hessian_free_report *before, const seqgpu_hessian_free_report *r) {
  const double factor = before->ratio < 0.25 ? 1.5 : before->ratio > 0.75 ? 1 / 1.5 : 1;
  return r->loss == before->new_loss && r->new_loss <= r->loss &&
         fabs(r->lambda / (before->lambda * factor) - 1) < 1e-6 && r->iterations <= 250 &&
         r->chosen <= r->iterations;
}

/* The variance of x is 1/3: what is said without knowing anything. */
static void check_memory(seqgpu_context *ctx, const char *name, const seqgpu_hessian_free_options *options) {
  model m = {0};
  seqgpu_hessian_free_report r = {0}, before = {0};
  net_require(ctx, model_open(&m, ctx, options), "open");
  int right = 1, updates = 0;
  while (updates < 40 && (updates == 0 || r.new_loss > 0.003)) {
    net_require(ctx, model_update(&m, &r), name);
    right &= updates == 0 || follows(&before, &r);
    before = r;
    updates++;
  }
  CHECK(r.new_loss <= 0.003, "a network remembers, %s: loss %.4f after %d updates", name, r.new_loss,
        updates);
  CHECK(right, "losses and lambda go from update to update, %s", name);
  model_close(&m);
}

/* ---------------------------------------------------------------- settings that are seen at work */

/* (lambda + mean of g^2)^exponent, where the gradients of single cases are taken one by one. */
static void check_preconditioner(seqgpu_context *ctx) {
  const seqgpu_hessian_free_options options = {
      .cases = CASES, .exponent = 0.5, .lambda = 0.3, .iterations = 1};
  model m = {0};
  net_require(ctx, model_open(&m, ctx, &options), "open");
  const int64_t n = m.hf->vectors.n;
  double *wanted = calloc((size_t)n, sizeof *wanted), *g = malloc((size_t)n * sizeof *g), loss;
  m.hf->build = build;
  m.hf->user = &m;
  for (int64_t c = 0; c < CASES; c++) {
    net_require(ctx, sq_hf_gradient(m.hf, SEQGPU_HESSIAN_FREE_CASE, c, &loss, g), "gradient");
    for (int64_t i = 0; i < n; i++) wanted[i] += g[i] * g[i] / CASES;
  }
  for (int64_t i = 0; i < n; i++) wanted[i] = sqrt(0.3 + wanted[i]);
  net_require(ctx, model_update(&m, NULL), "update");
  check_error(check_norm_f64(m.hf->diag, wanted, n), 1e-12, "the preconditioner is of squared gradients");
  free(wanted);
  free(g);
  model_close(&m);
}

/* Structural damping makes the product larger, by lambda structural |J_h v|^2 / B. */
static void check_structural(seqgpu_context *ctx) {
  const seqgpu_hessian_free_options plain = {0}, damped = {.structural = 2};
  double bend[2];
  for (int k = 0; k < 2; k++) {
    model m = {0};
    net_require(ctx, model_open(&m, ctx, k ? &damped : &plain), "open");
    m.hf->build = build;
    m.hf->user = &m;
    const int64_t n = m.hf->vectors.n;
    double *v = malloc((size_t)n * sizeof *v), *out = malloc((size_t)n * sizeof *out);
    for (int64_t i = 0; i < n; i++) v[i] = sin((double)i + 1);
    net_require(ctx, sq_hf_curve(m.hf), "curve");
    net_require(ctx, sq_hf_product(m.hf, 0.5, v, out), "product");
    bend[k] = 0;
    for (int64_t i = 0; i < n; i++) bend[k] += v[i] * out[i];
    CHECK(m.hf->damped_count == k, "%d tensors are damped", k);
    free(v);
    free(out);
    model_close(&m);
  }
  CHECK(bend[1] > bend[0], "structural damping bends more");
}

/* ---------------------------------------------------------------- resuming */

static void check_resuming(seqgpu_context *ctx, const char *path) {
  model a = {.dropout = 0.2}, b = {.dropout = 0.2};
  seqgpu_hessian_free_report straight, resumed;
  net_require(ctx, model_open(&a, ctx, NULL), "open");
  for (int i = 0; i < 4; i++) {
    if (i == 2) net_require(ctx, seqgpu_checkpoint_save(a.params, path, NULL, 0), "save");
    net_require(ctx, model_update(&a, &straight), "update");
  }
  net_require(ctx, model_open(&b, ctx, NULL), "open");
  memcpy(b.x, a.x, sizeof a.x);
  memcpy(b.wanted, a.wanted, sizeof a.wanted);
  seqgpu_checkpoint *file = NULL;
  net_require(ctx, seqgpu_checkpoint_open(ctx, path, &file), "open");
  net_require(ctx, seqgpu_checkpoint_load(file, b.params, 1), "load");
  seqgpu_checkpoint_close(file);
  for (int i = 0; i < 2; i++) net_require(ctx, model_update(&b, &resumed), "update");
  CHECK(memcmp(&straight, &resumed, sizeof straight) == 0, "a run that is resumed goes on as it would have");
  model_close(&a);
  model_close(&b);
}

/* ---------------------------------------------------------------- refusals */

static void check_says(seqgpu_context *ctx, seqgpu_status status, seqgpu_status expected, const char *word) {
  check_record(status == expected && strstr(seqgpu_last_error(ctx), word), seqgpu_last_error(ctx), "%s: %s",
               seqgpu_status_name(expected), word);
}

static void check_options(seqgpu_context *ctx) {
  static const struct {
    seqgpu_hessian_free_options options;
    const char *says;
  } wrong[] = {{{.lambda = -1}, "lambda is -1"},         {{.structural = NAN}, "structural is"},
               {{.iterations = -1}, "iterations is -1"}, {{.progress = INFINITY}, "progress is inf"},
               {{.decay = 1.5}, "decay is 1.5"},         {{.cold = 2}, "cold is 2"},
               {{.cases = -1}, "cases is -1"},           {{.exponent = 2}, "exponent is 2"}};
  seqgpu_params *params = NULL;
  seqgpu_hessian_free *hf = NULL;
  net_require(ctx, seqgpu_params_create(ctx, 1, &params), "seqgpu_params_create");
  check_says(ctx, seqgpu_hessian_free_create(params, NULL, &hf), SEQGPU_EINVAL, "no trained tensor");
  net_require(ctx, seqgpu_params_add(params, "w", 2, 2, "orthogonal", 1, NULL), "seqgpu_params_add");
  for (size_t i = 0; i < COUNT(wrong); i++)
    check_says(ctx, seqgpu_hessian_free_create(params, &wrong[i].options, &hf), SEQGPU_EINVAL, wrong[i].says);
  check_says(ctx, seqgpu_hessian_free_create(params, NULL, NULL), SEQGPU_EINVAL, "out is NULL");
  net_require(ctx, seqgpu_params_add_state(params, "hessian_free.state", 1, 2, NULL),
              "seqgpu_params_add_state");
  check_says(ctx, seqgpu_hessian_free_create(params, NULL, &hf), SEQGPU_EINVAL, "already taken");
  CHECK(seqgpu_params_count(params) == 2, "a failed creation leaves no tensor behind");
  net_require(ctx, seqgpu_params_orthogonal(params, "w"), "seqgpu_params_orthogonal");
  check_says(ctx, seqgpu_hessian_free_create(params, NULL, &hf), SEQGPU_EUNSUPPORTED,
             "\"w\" is to stay orthogonal");
  CHECK(hf == NULL && seqgpu_hessian_free_create(NULL, NULL, &hf) == SEQGPU_EINVAL, "no params");
  seqgpu_params_destroy(params);
  seqgpu_hessian_free_destroy(NULL);
}

/* Each backward of such a network adds the regulariser's gradient, those of Gauss-Newton products, too. */
static void check_regulariser(seqgpu_context *ctx) {
  model m = {.omega = 2};
  net_require(ctx, model_open(&m, ctx, NULL), "open");
  check_says(ctx, model_update(&m, NULL), SEQGPU_EUNSUPPORTED, "the plan has omega = 2");
  model_close(&m);
}

static seqgpu_tensor *build_wrong(seqgpu_hessian_free *hf, seqgpu_tape *tape, seqgpu_hessian_free_batch batch,
                                  int64_t index, void *user) {
  model *m = user;
  (void)batch;
  (void)index;
  seqgpu_tensor *w = seqgpu_tape_param(tape, &m->w);
  const double many[H] = {1}, huge[H] = {1e200, 1e200};
  seqgpu_tensor *zeros = seqgpu_tape_input(tape, 2, (int64_t[]){1, H}, m->fails == 4 ? huge : many);
  if (m->fails == 0) return seqgpu_tape_add(tape, w, NULL);
  if (m->fails == 1) return w;
  if (m->fails == 2) return seqgpu_tape_mul(tape, linear_loss(m, tape), linear_loss(m, tape));
  if (m->fails == 3)
    return seqgpu_tape_squared_error(tape, seqgpu_hessian_free_damp(hf, w, -1), zeros, NULL, 1, 1);
  return seqgpu_tape_squared_error(tape, w, zeros, NULL, 1, 1);
}

/* Whatever fails, the parameters are what they were; afterwards an update works. */
static void check_failures(seqgpu_context *ctx) {
  static const char *const sentence[] = {"add: b is NULL", "must be one element", "linear: w is",
                                         "damp: scale is -1", "the loss is inf"};
  model m = {0};
  double before[H], after[H];
  net_require(ctx, model_open(&m, ctx, NULL), "open");
  net_require(ctx, seqgpu_copy_out(ctx, before, m.w.value, sizeof before), "copy");
  for (m.fails = 0; m.fails < 5; m.fails++) {
    const seqgpu_status status = seqgpu_hessian_free_update(m.hf, build_wrong, &m, NULL);
    check_says(ctx, status, m.fails == 4 ? SEQGPU_ENONFINITE : SEQGPU_EINVAL, sentence[m.fails]);
  }
  for (m.fails = 0; m.fails < 4; m.fails++)
    check_says(ctx, model_update(&m, NULL), SEQGPU_ESTOPPED, "build returned NULL");
  net_require(ctx, seqgpu_copy_out(ctx, after, m.w.value, sizeof after), "copy");
  CHECK(memcmp(before, after, sizeof before) == 0, "after a failure the parameters are what they were");
  check_says(ctx, seqgpu_hessian_free_update(m.hf, NULL, &m, NULL), SEQGPU_EINVAL, "build is NULL");
  CHECK(seqgpu_hessian_free_update(NULL, build, &m, NULL) == SEQGPU_EINVAL, "no optimiser");
  m.fails = -1;
  net_require(ctx, model_update(&m, NULL), "an update after failures");
  net_require(ctx, seqgpu_params_add(m.params, "more", 1, 1, "zeros", 0, NULL), "seqgpu_params_add");
  check_says(ctx, model_update(&m, NULL), SEQGPU_EINVAL, "params has");
  model_close(&m);
}

/* ---------------------------------------------------------------- running statistics */

enum { MOST = 4096 }; /* bytes of them */

/* Reads the running statistics, or sets them. */
static void statistics(const model *m, char *bytes, int set) {
  const size_t size_of = seqgpu_context_dtype(m->ctx) == SEQGPU_DTYPE_F64 ? sizeof(double) : sizeof(float);
  size_t at = 0;
  for (int i = 0; i < seqgpu_params_count(m->params); i++) {
    seqgpu_param p;
    seqgpu_params_get(m->params, i, &p);
    const size_t size = (size_t)(p.rows * p.cols) * size_of;
    if (strstr(p.name, "running_") == NULL || at + size > MOST) continue;
    net_require(m->ctx,
                set ? seqgpu_copy_in(m->ctx, p.value, bytes + at, size)
                    : seqgpu_copy_out(m->ctx, bytes + at, p.value, size),
                p.name);
    at += size;
  }
  CHECK(at > 0 && at < MOST, "%d bytes of running statistics", (int)at);
}

/* An update moves them once, to those of the gradient's batch at the new parameters, as a training pass there
 * does.  One that fails leaves them, even if that pass is what fails. */
static void check_statistics(seqgpu_context *ctx) {
  static char before[MOST], after[MOST], once[MOST], left[MOST];
  model a = {.normalised = 1}, b = {.normalised = 1};
  seqgpu_hessian_free_report r;
  seqgpu_tape *tape = NULL;
  net_require(ctx, model_open(&a, ctx, NULL), "open");
  statistics(&a, before, 0);
  net_require(ctx, model_update(&a, &r), "update");
  statistics(&a, after, 0);
  statistics(&a, before, 1);
  net_require(ctx, seqgpu_tape_create(ctx, 1, &tape), "seqgpu_tape_create");
  CHECK(network_loss(&a, a.hf, tape, B, 0) != NULL, "a training pass");
  statistics(&a, once, 0);
  CHECK(r.rate > 0 && memcmp(before, after, MOST) != 0 && memcmp(once, after, MOST) == 0,
        "running statistics move once in an update");
  net_require(ctx, model_open(&b, ctx, NULL), "open");
  memcpy(b.x, a.x, sizeof a.x);
  memcpy(b.wanted, a.wanted, sizeof a.wanted);
  b.fails = a.calls - 1;
  check_says(ctx, model_update(&b, NULL), SEQGPU_ESTOPPED, "build returned NULL");
  statistics(&b, left, 0);
  CHECK(memcmp(before, left, MOST) == 0, "and not in one that fails");
  seqgpu_tape_destroy(tape);
  model_close(&a);
  model_close(&b);
}

static seqgpu_status use_everything(seqgpu_context *ctx) {
  const seqgpu_hessian_free_options options = {.cases = 2, .structural = 0.1, .iterations = 4};
  model m = {0};
  seqgpu_status status = model_open(&m, ctx, &options);
  for (int i = 0; i < 2 && status == SEQGPU_OK; i++) status = model_update(&m, NULL);
  model_close(&m);
  return status;
}

/* One update of everything, of few iterations: each call of the device fails in turn. */
static seqgpu_status use_briefly(seqgpu_context *ctx) {
  const seqgpu_hessian_free_options options = {.cases = 1, .structural = 0.1, .iterations = 2};
  model m = {.normalised = 1};
  seqgpu_status status = model_open(&m, ctx, &options);
  if (status == SEQGPU_OK) status = model_update(&m, NULL);
  model_close(&m);
  return status;
}

/* On other devices: a network remembers, and running statistics move once. */
static void check_elsewhere(const char *device) {
  const seqgpu_hessian_free_options structural = {.structural = 0.03, .cases = CASES};
  const seqgpu_context_options options = {.device = device};
  seqgpu_context *ctx;
  if (!check_is_for(device)) return;
  check_at("%s f32", device);
  if (seqgpu_context_create(&options, &ctx) == SEQGPU_OK) {
    check_memory(ctx, "structural damping, preconditioned", &structural);
    check_statistics(ctx);
  } else
    check_skip(seqgpu_last_error(ctx), "Hessian-free");
  seqgpu_context_destroy(ctx);
}

int main(void) {
  check_start();
  check_elsewhere("emulator");
  check_elsewhere("cuda");
  if (!check_is_for("cpu")) return check_finish();
  char folder[] = "/tmp/seqgpu_hessian_free_XXXXXX", path[64];
  if (mkdtemp(folder) == NULL) return EXIT_FAILURE;
  snprintf(path, sizeof path, "%s/model.safetensors", folder);
  const seqgpu_hessian_free_options structural = {.structural = 0.03}, cases = {.cases = CASES},
                                    cold = {.cold = 1};
  for (int bits = 64; bits >= 32; bits -= 32) {
    seqgpu_context *ctx = net_context("cpu", bits == 64 ? SEQGPU_DTYPE_F64 : SEQGPU_DTYPE_F32, 1);
    check_on(ctx);
    check_memory(ctx, "defaults", NULL);
    check_memory(ctx, "structural damping", &structural);
    check_memory(ctx, "preconditioned", &cases);
    check_memory(ctx, "cold starts", &cold);
    check_resuming(ctx, path);
    check_statistics(ctx);
    if (bits == 64) {
      check_cg(ctx);
      check_quadratic(ctx);
      check_preconditioner(ctx);
      check_structural(ctx);
      check_options(ctx);
      check_failures(ctx);
      check_regulariser(ctx);
    }
    seqgpu_context_destroy(ctx);
  }
  check_at("cpu f32");
  CHECK(failing_each("cpu", use_everything, 1) > 20, "it does ask for memory"); /* a tape asks again */
  for (int f64 = 0; f64 < 2; f64++)
    breaking_each_of("Hessian-free", f64 ? SEQGPU_DTYPE_F64 : SEQGPU_DTYPE_F32, use_briefly, 1);
  remove(path);
  remove(folder);
  return check_finish();
}
