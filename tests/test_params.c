/* test_params.c - named parameters: names, initial values, updates, and misuse (seqgpu/params.h). */
#include "seqgpu/seqgpu.h"

#include "tests/check.h"
#include "tests/failing.h"

enum { H = 7, IN = 5 };

/* A device under test. */
typedef struct world {
  const char *device;
  seqgpu_dtype dtype;
} world;
static const world worlds[] = {{"cpu", SEQGPU_DTYPE_F32},
                               {"cpu", SEQGPU_DTYPE_F64},
                               {"emulator", SEQGPU_DTYPE_F32},
                               {"cuda", SEQGPU_DTYPE_F32}};
enum { WORLDS = COUNT(worlds) };

static const char *label(const world *w) { return w->dtype == SEQGPU_DTYPE_F64 ? "f64" : w->device; }

/* NULL where this build does not have the device. */
static seqgpu_context *open_world(const world *w) {
  const seqgpu_context_options options = {.device = w->device, .threads = 1, .dtype = w->dtype};
  seqgpu_context *ctx;
  if (seqgpu_context_create(&options, &ctx) == SEQGPU_OK) return ctx;
  check_skip("this build has no such device", "params on %s", w->device);
  seqgpu_context_destroy(ctx);
  return NULL;
}

static seqgpu_plan *make_plan(seqgpu_context *ctx, const char *cell, int64_t layers) {
  const seqgpu_rnn_desc desc = {
      .cell = cell, .input_size = IN, .hidden_size = H, .num_layers = layers, .seq_len = 3, .batch = 2};
  seqgpu_plan *plan = NULL;
  seqgpu_plan_create(ctx, &desc, NULL, &plan);
  return plan;
}

/* Elements in device memory as doubles. */
static void get(seqgpu_context *ctx, const void *device, double *out, int64_t n) {
  const size_t real = seqgpu_dtype_size(seqgpu_context_dtype(ctx));
  void *host = malloc((size_t)n * real);
  seqgpu_copy_out(ctx, host, device, (size_t)n * real);
  for (int64_t i = 0; i < n; i++)
    out[i] = real == sizeof(double) ? ((double *)host)[i] : (double)((float *)host)[i];
  free(host);
}

static void put(seqgpu_context *ctx, void *device, const double *in, int64_t n) {
  const size_t real = seqgpu_dtype_size(seqgpu_context_dtype(ctx));
  void *host = malloc((size_t)n * real);
  for (int64_t i = 0; i < n; i++) {
    if (real == sizeof(double))
      ((double *)host)[i] = in[i];
    else
      ((float *)host)[i] = (float)in[i];
  }
  seqgpu_copy_in(ctx, device, host, (size_t)n * real);
  free(host);
}

/* ---------------------------------------------------------------- names and memory */

static void test_names(seqgpu_context *ctx, const char *where) {
  seqgpu_params *p;
  seqgpu_param first, found;
  char name[200];
  seqgpu_params_create(ctx, 1, &p);
  CHECK(seqgpu_params_add(p, "w", 3, 4, "uniform", 0.5, &first) == SEQGPU_OK, "%s: add", where);
  int added = 1;
  for (int i = 0; i < 200; i++) {
    snprintf(name, sizeof name, "many.%d", i);
    added &= seqgpu_params_add(p, name, 1, 1, "zeros", 0, NULL) == SEQGPU_OK;
  }
  CHECK(added && seqgpu_params_count(p) == 201 && seqgpu_params_elements(p) == 212, "%s: 200 more", where);
  seqgpu_params_find(p, "w", &found);
  CHECK(found.name == first.name && found.value == first.value && strcmp(first.name, "w") == 0,
        "%s: names and pointers stay where they were", where);
  seqgpu_param state;
  CHECK(seqgpu_params_add_state(p, "s", 2, 2, &state) == SEQGPU_OK && state.grad == NULL &&
            seqgpu_params_elements(p) == 212,
        "%s: a state is not trained", where);
  memset(name, 'x', sizeof name);
  name[128] = 0;
  CHECK(seqgpu_params_add(p, "w", 1, 1, "zeros", 0, NULL) == SEQGPU_EINVAL, "%s: a name twice", where);
  CHECK(seqgpu_params_add(p, "", 1, 1, "zeros", 0, NULL) == SEQGPU_EINVAL, "%s: no name", where);
  CHECK(seqgpu_params_add(p, NULL, 1, 1, "zeros", 0, NULL) == SEQGPU_EINVAL, "%s: name NULL", where);
  CHECK(seqgpu_params_add(p, name, 1, 1, "zeros", 0, NULL) == SEQGPU_EINVAL, "%s: 128 bytes of name", where);
  name[127] = 0;
  CHECK(seqgpu_params_add(p, name, 1, 1, "zeros", 0, NULL) == SEQGPU_OK, "%s: 127 bytes of name", where);
  CHECK(seqgpu_params_add(p, "optimizer.first.w", 1, 1, "zeros", 0, NULL) == SEQGPU_EINVAL,
        "%s: a name kept for checkpoints", where);
  CHECK(seqgpu_params_add(p, "a", 0, 1, "zeros", 0, NULL) == SEQGPU_EINVAL, "%s: no rows", where);
  CHECK(seqgpu_params_add(p, "a", INT64_MAX, INT64_MAX, "zeros", 0, NULL) == SEQGPU_EINVAL,
        "%s: 2^126 numbers", where);
  CHECK(seqgpu_params_add(p, "a", 1, 1, "nonsense", 0, NULL) == SEQGPU_EINVAL, "%s: unknown init", where);
  CHECK(seqgpu_params_add(p, "a", 1, 1, "normal", (double)NAN, NULL) == SEQGPU_EINVAL, "%s: scale NaN",
        where);
  CHECK(seqgpu_params_init(p, "nobody", "zeros", 0) == SEQGPU_EINVAL, "%s: init of nobody", where);
  CHECK(seqgpu_params_get(p, 1000, &found) == SEQGPU_EINVAL, "%s: index beyond the end", where);
  CHECK(seqgpu_params_find(p, "nobody", &found) == SEQGPU_EINVAL && strstr(seqgpu_last_error(ctx), "nobody"),
        "%s: the sentence names the tensor", where);
  CHECK(seqgpu_params_count(p) == 203, "%s: what failed added nothing", where);
  seqgpu_params_destroy(p);
}

/* ---------------------------------------------------------------- initial values */

static seqgpu_params *lstm_params(seqgpu_context *ctx, const seqgpu_plan *plan, uint64_t seed) {
  seqgpu_params *p = NULL;
  seqgpu_params_create(ctx, seed, &p);
  seqgpu_params_add(p, "w", 6, 4, "normal", 1, NULL);
  seqgpu_params_add_rnn(p, "rnn", plan, NULL);
  return p;
}

static int same_values(seqgpu_context *ctx, const seqgpu_params *a, const seqgpu_params *b) {
  int same = seqgpu_params_count(a) == seqgpu_params_count(b);
  for (int i = 0; same && i < seqgpu_params_count(a); i++) {
    double x[4 * H * H], y[4 * H * H];
    seqgpu_param pa, pb;
    seqgpu_params_get(a, i, &pa);
    seqgpu_params_get(b, i, &pb);
    get(ctx, pa.value, x, pa.rows * pa.cols);
    get(ctx, pb.value, y, pb.rows * pb.cols);
    same = memcmp(x, y, (size_t)(pa.rows * pa.cols) * sizeof *x) == 0;
  }
  return same;
}

static void test_forget_gate(seqgpu_context *ctx, const char *cell, const char *where) {
  seqgpu_plan *plan = make_plan(ctx, cell, 2);
  seqgpu_params *a = lstm_params(ctx, plan, 5);
  seqgpu_param p;
  double bias[4 * H];
  seqgpu_params_find(a, "rnn.bias_l1", &p);
  get(ctx, p.value, bias, 4 * H);
  int inside = 1;
  for (int i = 0; i < 4 * H; i++) inside &= fabs(bias[i] - (i / H == 1 ? 1 : 0)) <= 1 / sqrt(H);
  CHECK(inside, "%s: %s: forget gates have 1 added, all else is in +-1/sqrt(H)", where, cell);
  seqgpu_params_destroy(a);
  seqgpu_plan_destroy(plan);
}

static void test_values(seqgpu_context *ctx, const char *where) {
  seqgpu_plan *plan = make_plan(ctx, "lstm", 2);
  seqgpu_params *a = lstm_params(ctx, plan, 5), *b = lstm_params(ctx, plan, 5),
                *c = lstm_params(ctx, plan, 6);
  CHECK(same_values(ctx, a, b), "%s: same seed, same bits", where);
  CHECK(!same_values(ctx, a, c), "%s: another seed, other bits", where);
  double weight[4 * H * H], bound = 1 / sqrt(H);
  seqgpu_param p;
  int different = 0;
  seqgpu_params_find(a, "rnn.weight_hh_l0", &p);
  get(ctx, p.value, weight, 4 * H * H);
  for (int i = 0; i < 4 * H * H; i++) different += fabs(weight[i]) <= bound && weight[i] != weight[0];
  CHECK(different >= 4 * H * H - 3, "%s: weights are drawn one by one", where);
  CHECK(seqgpu_params_init(b, "w", "normal", 1) == SEQGPU_OK && !same_values(ctx, a, b),
        "%s: drawing again draws anew", where);
  CHECK(seqgpu_params_add_rnn(a, "rnn", plan, NULL) == SEQGPU_EINVAL && seqgpu_params_count(a) == 7,
        "%s: the same prefix twice adds nothing", where);
  seqgpu_param block;
  CHECK(seqgpu_params_add_rnn(a, NULL, plan, &block) == SEQGPU_OK &&
            seqgpu_params_find(a, "weight_ih_l0", &p) == SEQGPU_OK && p.value == block.value,
        "%s: without a prefix, the block begins with weight_ih_l0", where);
  seqgpu_params_destroy(a);
  seqgpu_params_destroy(b);
  seqgpu_params_destroy(c);
  seqgpu_plan_destroy(plan);
}

/* ---------------------------------------------------------------- updates */

enum { N = 6 };

/* The equations of core/ops.h, two updates, in double precision. */
static void reference(const seqgpu_optimizer *o, double p[N], const double g0[N], double scale) {
  double m[N] = {0}, v[N] = {0};
  for (int k = 1; k <= 2; k++)
    for (int i = 0; i < N; i++) {
      const double g = scale * g0[i] + o->weight_decay * p[i], b1 = 0.9,
                   b2 = o->kind == SEQGPU_OPTIMIZER_ADAM ? 0.999 : 0.95;
      if (o->kind == SEQGPU_OPTIMIZER_SGD) p[i] -= o->lr * g;
      if (o->kind == SEQGPU_OPTIMIZER_MOMENTUM) {
        m[i] = b1 * m[i] + g;
        p[i] -= o->lr * (o->nesterov ? g + b1 * m[i] : m[i]);
      }
      if (o->kind == SEQGPU_OPTIMIZER_RMSPROP || o->kind == SEQGPU_OPTIMIZER_ADAM)
        v[i] = b2 * v[i] + (1 - b2) * g * g;
      if (o->kind == SEQGPU_OPTIMIZER_RMSPROP) p[i] -= o->lr * g / (sqrt(v[i]) + 1e-8);
      if (o->kind == SEQGPU_OPTIMIZER_ADAM) {
        m[i] = b1 * m[i] + (1 - b1) * g;
        p[i] -= o->lr * (m[i] / (1 - pow(b1, k))) / (sqrt(v[i] / (1 - pow(b2, k))) + 1e-8);
      }
    }
}

static void test_update(seqgpu_context *ctx, const seqgpu_optimizer *o, const char *name, const char *where) {
  double start[N], grad[N], ref[N], out[N], norm = 0;
  check_fill_f64(start, N, -1, 1);
  check_fill_f64(grad, N, -4, 4);
  for (int i = 0; i < N; i++) { /* as float32 sees them */
    start[i] = ref[i] = (double)(float)start[i];
    grad[i] = (double)(float)grad[i];
    norm += grad[i] * grad[i];
  }
  norm = sqrt(norm);
  seqgpu_params *p;
  seqgpu_param a, b;
  seqgpu_params_create(ctx, 1, &p);
  seqgpu_params_add(p, "a", 2, 2, "zeros", 0, &a);
  seqgpu_params_add(p, "b", 2, 1, "zeros", 0, &b);
  put(ctx, a.value, start, 4);
  put(ctx, b.value, start + 4, 2);
  seqgpu_status status = SEQGPU_OK;
  for (int k = 0; k < 2 && status == SEQGPU_OK; k++) {
    status = seqgpu_params_zero_grad(p);
    get(ctx, a.grad, out, 4);
    CHECK(out[0] == 0 && out[3] == 0, "%s %s: zero_grad", where, name);
    put(ctx, a.grad, grad, 4);
    put(ctx, b.grad, grad + 4, 2);
    if (status == SEQGPU_OK) status = seqgpu_params_update(p, o);
  }
  const double scale = o->clip == SEQGPU_CLIP_NORM && norm > o->clip_threshold ? o->clip_threshold / norm : 1;
  reference(o, ref, grad, scale);
  get(ctx, a.value, out, 4);
  get(ctx, b.value, out + 4, 2);
  CHECK(status == SEQGPU_OK, "%s %s: status", where, name);
  const double tolerance = seqgpu_context_dtype(ctx) == SEQGPU_DTYPE_F64 ? 1e-13 : 2e-6;
  check_error(check_norm_f64(out, ref, N), tolerance, "%s %s: two updates", where, name);
  double said = 0, factor = 0;
  CHECK(seqgpu_params_grad_norm(p, &said, &factor) == SEQGPU_OK, "%s %s: norm is told", where, name);
  check_error(fabs(said - norm) + fabs(factor - scale), 1e-5, "%s %s: norm and scale", where, name);
  seqgpu_params_destroy(p);
}

static void test_updates(seqgpu_context *ctx, const char *where) {
  const struct {
    const char *name;
    seqgpu_optimizer o;
  } rows[] = {
      {"sgd", {.kind = SEQGPU_OPTIMIZER_SGD, .lr = 0.1}},
      {"sgd with weight decay", {.kind = SEQGPU_OPTIMIZER_SGD, .lr = 0.1, .weight_decay = 0.2}},
      {"sgd clipped",
       {.kind = SEQGPU_OPTIMIZER_SGD, .lr = 0.1, .clip = SEQGPU_CLIP_NORM, .clip_threshold = 0.5}},
      {"momentum", {.kind = SEQGPU_OPTIMIZER_MOMENTUM, .lr = 0.1}},
      {"nesterov", {.kind = SEQGPU_OPTIMIZER_MOMENTUM, .lr = 0.1, .nesterov = 1}},
      {"rmsprop", {.kind = SEQGPU_OPTIMIZER_RMSPROP, .lr = 0.01}},
      {"adam", {.kind = SEQGPU_OPTIMIZER_ADAM, .lr = 0.01}},
  };
  for (size_t i = 0; i < COUNT(rows); i++) test_update(ctx, &rows[i].o, rows[i].name, where);
}

static void test_nonfinite(seqgpu_context *ctx, const char *where) {
  const seqgpu_optimizer o = {.kind = SEQGPU_OPTIMIZER_ADAM, .lr = 0.1, .clip = SEQGPU_CLIP_NORM};
  const double one = 1, bad = (double)INFINITY;
  double norm = 0, out = 0;
  seqgpu_params *p;
  seqgpu_param a;
  seqgpu_params_create(ctx, 1, &p);
  seqgpu_params_add(p, "a", 1, 1, "zeros", 0, &a);
  CHECK(seqgpu_params_grad_norm(p, &norm, NULL) == SEQGPU_EINVAL, "%s: no norm before the first update",
        where);
  put(ctx, a.value, &one, 1);
  put(ctx, a.grad, &bad, 1);
  CHECK(seqgpu_params_update(p, &o) == SEQGPU_OK, "%s: an infinite gradient is not an error of the call",
        where);
  CHECK(seqgpu_params_grad_norm(p, &norm, NULL) == SEQGPU_ENONFINITE && !isfinite(norm), "%s: but it is told",
        where);
  get(ctx, a.value, &out, 1);
  CHECK(out == 1, "%s: and nothing was updated", where);
  put(ctx, a.grad, &one, 1);
  seqgpu_params_update(p, &o);
  get(ctx, a.value, &out, 1);
  CHECK(seqgpu_params_grad_norm(p, &norm, NULL) == SEQGPU_OK && out < 1, "%s: the next update works", where);
  seqgpu_params_destroy(p);
}

/* ---------------------------------------------------------------- matrices that stay orthogonal */

enum { MOST = 8 };

/* Largest number of W^T W - I. */
static double crooked(int n, const double *w) {
  double worst = 0;
  for (int i = 0; i < n * n; i++) {
    double sum = i / n == i % n ? -1 : 0;
    for (int k = 0; k < n; k++) sum += w[k * n + i / n] * w[k * n + i % n];
    worst = fabs(sum) > worst || isnan(sum) ? fabs(sum) : worst;
  }
  return worst;
}

static seqgpu_params *orthogonal_params(seqgpu_context *ctx, int n, seqgpu_param *w) {
  seqgpu_params *p = NULL;
  seqgpu_params_create(ctx, check_random(), &p);
  seqgpu_params_add(p, "other", 3, 2, "normal", 1, NULL);
  seqgpu_params_add(p, "w", n, n, "zeros", 0, w);
  check_record(seqgpu_params_orthogonal(p, "w") == SEQGPU_OK, seqgpu_last_error(ctx), "w becomes orthogonal");
  return p;
}

/* q = w, its neighbouring rows turned by an angle of 1, one pair after the other. */
static void turn_rows(int n, const double *w, double *q) {
  memcpy(q, w, (size_t)(n * n) * sizeof *q);
  for (int k = 0; k < (n - 1) * n; k++) {
    double *a = &q[k], *b = &q[k + n], before = *a;
    *a = cos(1) * *a - sin(1) * *b;
    *b = sin(1) * before + cos(1) * *b;
  }
}

/* Learns a rotation Q from |W - Q|^2 / 2, whose gradient is W - Q. */
static void test_turning(seqgpu_context *ctx, const char *where, int n, int updates,
                         seqgpu_optimizer_kind kind) {
  const int f64 = seqgpu_context_dtype(ctx) == SEQGPU_DTYPE_F64,
            slow = kind == SEQGPU_OPTIMIZER_RMSPROP || kind == SEQGPU_OPTIMIZER_ADAM;
  const seqgpu_optimizer o = {.kind = kind, .lr = slow ? 0.01 : 0.05, .weight_decay = 0.1};
  seqgpu_param param;
  seqgpu_params *p = orthogonal_params(ctx, n, &param);
  double w[MOST * MOST], g[MOST * MOST], q[MOST * MOST], first = 0, loss = 0, worst = 0;
  get(ctx, param.value, w, n * n);
  turn_rows(n, w, q);
  for (int k = 0; k <= updates; k++) {
    get(ctx, param.value, w, n * n);
    loss = 0;
    for (int i = 0; i < n * n; i++) g[i] = w[i] - q[i];
    for (int i = 0; i < n * n; i++) loss += g[i] * g[i] / 2;
    if (k == 0) first = loss;
    worst = check_worse(worst, crooked(n, w));
    put(ctx, param.grad, g, n * n);
    if (k < updates) seqgpu_params_update(p, &o);
  }
  check_error(worst, f64 ? 1e-14 : 1e-5, "%s: W^T W is I in %d updates, optimizer %d", where, updates,
              (int)kind);
  CHECK(loss < (updates > 500 ? (slow ? 0.02 : 1e-5) : 0.99) * first,
        "%s: and the loss falls, optimizer %d: %g to %g", where, (int)kind, first, loss);
  seqgpu_params_destroy(p);
}

/* Solves m x = b for x [n,n] by elimination, in place of b. */
static void solve(int n, double *m, double *b) {
  for (int c = 0; c < n; c++) {
    for (int r = 0; r < n; r++) { /* m = I + skew has no pivot near 0 */
      const double factor = r == c ? 0 : m[r * n + c] / m[c * n + c];
      for (int j = 0; j < n; j++) m[r * n + j] -= factor * m[c * n + j];
      for (int j = 0; j < n; j++) b[r * n + j] -= factor * b[c * n + j];
    }
  }
  for (int i = 0; i < n * n; i++) b[i] /= m[i / n * n + i / n];
}

/* One update is W <- (I + lr/2 A)^-1 (I - lr/2 A) W with A = G W^T - W G^T. */
static void test_cayley(seqgpu_context *ctx, const char *where) {
  enum { N_ = 4 };
  const int f64 = seqgpu_context_dtype(ctx) == SEQGPU_DTYPE_F64;
  const seqgpu_optimizer o = {.kind = SEQGPU_OPTIMIZER_SGD, .lr = 0.05};
  seqgpu_param param;
  seqgpu_params *p = orthogonal_params(ctx, N_, &param);
  double w[N_ * N_], g[N_ * N_], plus[N_ * N_], right[N_ * N_], worst = 0;
  get(ctx, param.value, w, N_ * N_);
  for (int i = 0; i < N_ * N_; i++) g[i] = check_uniform(-1, 1);
  put(ctx, param.grad, g, N_ * N_);
  for (int i = 0; i < N_ * N_; i++) {
    double a = 0;
    for (int k = 0; k < N_; k++)
      a += g[i / N_ * N_ + k] * w[i % N_ * N_ + k] - w[i / N_ * N_ + k] * g[i % N_ * N_ + k];
    plus[i] = (i / N_ == i % N_) + o.lr / 2 * a;
  }
  for (int i = 0; i < N_ * N_; i++) {
    right[i] = 2 * w[i]; /* (I - lr/2 A) W = 2 W - (I + lr/2 A) W */
    for (int k = 0; k < N_; k++) right[i] -= plus[i / N_ * N_ + k] * w[k * N_ + i % N_];
  }
  solve(N_, plus, right);
  seqgpu_params_update(p, &o);
  get(ctx, param.value, w, N_ * N_);
  for (int i = 0; i < N_ * N_; i++) worst = check_worse(worst, fabs(w[i] - right[i]));
  check_error(worst, f64 ? 1e-13 : 1e-5, "%s: an update is the Cayley map", where);
  seqgpu_params_destroy(p);
}

static void test_orthogonal(seqgpu_context *ctx, const char *where) {
  const int emulated = strcmp(seqgpu_context_device(ctx), "cpu") != 0;
  for (int kind = SEQGPU_OPTIMIZER_SGD; kind <= SEQGPU_OPTIMIZER_ADAM; kind++)
    test_turning(ctx, where, emulated ? 3 : MOST, emulated ? 5 : 1000, (seqgpu_optimizer_kind)kind);
  test_cayley(ctx, where);
  const seqgpu_optimizer far = {.kind = SEQGPU_OPTIMIZER_SGD, .lr = 1e4};
  seqgpu_param param, state;
  seqgpu_params *p = orthogonal_params(ctx, 3, &param);
  double w[9], again[9], broken[9] = {(double)NAN}, g[9];
  for (int i = 0; i < 9; i++) g[i] = check_uniform(-1, 1);
  get(ctx, param.value, w, 9);
  put(ctx, param.grad, broken, 9);
  seqgpu_params_update(p, &far);
  get(ctx, param.value, again, 9);
  CHECK(memcmp(w, again, sizeof w) == 0, "%s: gradients that are not finite change no bit", where);
  put(ctx, param.grad, g, 9);
  seqgpu_params_update(p, &far);
  get(ctx, param.value, again, 9);
  check_error(crooked(3, again), 1e-6, "%s: a step of any length keeps it orthogonal", where);
  seqgpu_params_add_state(p, "state", 2, 2, &state);
  CHECK(seqgpu_params_orthogonal(p, "other") == SEQGPU_EINVAL && strstr(seqgpu_last_error(ctx), "square"),
        "%s: only a square matrix", where);
  CHECK(seqgpu_params_orthogonal(p, "state") == SEQGPU_EINVAL, "%s: only one that is trained", where);
  CHECK(seqgpu_params_orthogonal(p, "nobody") == SEQGPU_EINVAL &&
            seqgpu_params_orthogonal(p, NULL) == SEQGPU_EINVAL &&
            seqgpu_params_orthogonal(NULL, "w") == SEQGPU_EINVAL,
        "%s: only one that is there", where);
  seqgpu_params_destroy(p);
}

/* ---------------------------------------------------------------- misuse */

static void test_misuse(seqgpu_context *ctx) {
  seqgpu_params *p;
  seqgpu_params_create(ctx, 1, &p);
  const seqgpu_optimizer good = {.lr = 0.1};
  CHECK(seqgpu_params_update(p, &good) == SEQGPU_EINVAL, "nothing to update");
  seqgpu_params_add(p, "a", 1, 1, "zeros", 0, NULL);
  const seqgpu_optimizer bad[] = {
      {.kind = (seqgpu_optimizer_kind)9, .lr = 1},
      {.lr = -1},
      {.lr = (double)NAN},
      {.lr = 1e300},
      {.lr = 1, .nesterov = 1},
      {.lr = 1, .momentum = 1},
      {.lr = 1, .decay = -0.5},
      {.lr = 1, .eps = -1},
      {.lr = 1, .weight_decay = (double)INFINITY},
      {.lr = 1, .clip = (seqgpu_clip_kind)-1},
      {.lr = 1, .clip_threshold = -1},
      {.lr = 1, .clip_window = (double)NAN},
  };
  for (size_t i = 0; i < COUNT(bad); i++)
    CHECK(seqgpu_params_update(p, &bad[i]) == SEQGPU_EINVAL, "optimizer %zu is refused", i);
  CHECK(seqgpu_params_update(p, NULL) == SEQGPU_EINVAL, "optimizer NULL");
  CHECK(seqgpu_params_update(NULL, &good) == SEQGPU_EINVAL, "params NULL");
  CHECK(seqgpu_params_create(NULL, 1, NULL) == SEQGPU_EINVAL, "ctx NULL");
  CHECK(seqgpu_params_create(ctx, 1, NULL) == SEQGPU_EINVAL, "out NULL");
  CHECK(seqgpu_params_add_rnn(p, "x", NULL, NULL) == SEQGPU_EINVAL, "plan NULL");
  CHECK(seqgpu_params_count(NULL) == 0 && seqgpu_params_elements(NULL) == 0, "questions about NULL");
  seqgpu_params_destroy(p);
  seqgpu_params_destroy(NULL);
}

/* The same calls from programs whose structs are shorter and longer than ours: what both know crosses, the
 * rest of a longer result is 0, and a field that we do not know may not be set. */
static void test_struct_sizes(seqgpu_context *ctx) {
  struct {
    seqgpu_optimizer known;
    double unknown;
  } newer = {.known = {.kind = SEQGPU_OPTIMIZER_SGD, .lr = 0.5}};
  struct {
    seqgpu_param known;
    void *unknown;
  } longer = {.unknown = ctx};
  seqgpu_param given = {.grad = ctx}, whole;
  seqgpu_params *p;
  seqgpu_params_create(ctx, 1, &p);
  seqgpu_params_add(p, "w", 2, 3, "zeros", 0, &whole);
  CHECK(seqgpu_params_find_(p, "w", &longer.known, sizeof longer) == SEQGPU_OK && longer.unknown == NULL &&
            longer.known.grad == whole.grad,
        "a longer result ends with zeros");
  CHECK(seqgpu_params_get_(p, 0, &given, offsetof(seqgpu_param, grad)) == SEQGPU_OK && given.cols == 3 &&
            given.value == whole.value && given.grad == ctx,
        "a shorter one is not written past its end");
  CHECK(seqgpu_params_update_(p, &newer.known, sizeof newer) == SEQGPU_OK,
        "a newer optimizer with no new field set");
  newer.unknown = 1;
  CHECK(seqgpu_params_update_(p, &newer.known, sizeof newer) == SEQGPU_EINVAL &&
            strstr(seqgpu_last_error(ctx), "optimizer"),
        "a field that is not known here is refused");
  newer.known.clip = (seqgpu_clip_kind)77;
  CHECK(seqgpu_params_update_(p, &newer.known, offsetof(seqgpu_optimizer, clip)) == SEQGPU_OK,
        "what is beyond an older optimizer's end is not read");
  seqgpu_params_destroy(p);
}

static void *counting_allocate(size_t bytes, void *user) {
  ++*(long *)user;
  return check_alloc("memory of the library", bytes);
}

static void counting_release(void *pointer, void *user) {
  (void)user;
  check_free(pointer);
}

/* How many allocations the first update makes, with or without a call that reserves the moments. */
static long allocations_of_update(int reserve) {
  long count = 0;
  const seqgpu_allocator allocator = {counting_allocate, counting_release, &count};
  const seqgpu_context_options options = {.device = "cpu", .threads = 1, .allocator = &allocator};
  const seqgpu_optimizer adam = {.kind = SEQGPU_OPTIMIZER_ADAM, .lr = 0.1};
  seqgpu_context *ctx = NULL;
  seqgpu_params *p = NULL;
  seqgpu_context_create(&options, &ctx);
  seqgpu_params_create(ctx, 1, &p);
  seqgpu_params_add(p, "w", 3, 3, "orthogonal", 1, NULL);
  if (reserve) CHECK(seqgpu_params_reserve(p, adam.kind) == SEQGPU_OK, "moments are reserved");
  const long before = count;
  CHECK(seqgpu_params_update(p, &adam) == SEQGPU_OK, "the first update, reserve %d", reserve);
  const long made = count - before;
  seqgpu_params_destroy(p);
  seqgpu_context_destroy(ctx);
  return made;
}

static void test_reserve(seqgpu_context *ctx) {
  seqgpu_params *p;
  seqgpu_params_create(ctx, 1, &p);
  CHECK(allocations_of_update(0) == 2, "the first update allocates two moments");
  CHECK(allocations_of_update(1) == 0, "after reserve it allocates nothing");
  CHECK(seqgpu_params_reserve(p, (seqgpu_optimizer_kind)9) == SEQGPU_EINVAL &&
            seqgpu_params_reserve(NULL, SEQGPU_OPTIMIZER_SGD) == SEQGPU_EINVAL,
        "an optimiser that does not exist, and no params");
  seqgpu_params_destroy(p);
}

static seqgpu_status use_everything(seqgpu_context *ctx) {
  const seqgpu_optimizer o = {.kind = SEQGPU_OPTIMIZER_ADAM, .lr = 0.1};
  seqgpu_params *p = NULL;
  seqgpu_plan *plan = make_plan(ctx, "gru", 1);
  if (plan == NULL) return SEQGPU_ENOMEM;
  seqgpu_status status = seqgpu_params_create(ctx, 1, &p);
  if (status == SEQGPU_OK) status = seqgpu_params_add(p, "a", 3, 3, "orthogonal", 1, NULL);
  if (status == SEQGPU_OK) status = seqgpu_params_orthogonal(p, "a");
  if (status == SEQGPU_OK) status = seqgpu_params_add_rnn(p, "r", plan, NULL);
  for (int i = 0; i < 9 && status == SEQGPU_OK; i++) {
    const char name[] = {(char)('b' + i), 0};
    status = seqgpu_params_add_state(p, name, 1, 2, NULL);
  }
  if (status == SEQGPU_OK) status = seqgpu_params_update(p, &o);
  seqgpu_params_destroy(p);
  seqgpu_plan_destroy(plan);
  return status;
}

int main(void) {
  check_start();
  for (int i = 0; i < WORLDS; i++) {
    if (!check_is_for(worlds[i].device)) continue;
    seqgpu_context *ctx = open_world(&worlds[i]);
    if (ctx == NULL) continue;
    test_names(ctx, label(&worlds[i]));
    test_values(ctx, label(&worlds[i]));
    test_forget_gate(ctx, "lstm", label(&worlds[i]));
    test_forget_gate(ctx, "mlstm", label(&worlds[i]));
    test_updates(ctx, label(&worlds[i]));
    test_nonfinite(ctx, label(&worlds[i]));
    test_orthogonal(ctx, label(&worlds[i]));
    if (i == 0) test_misuse(ctx);
    if (i == 0) test_struct_sizes(ctx);
    if (i == 0) test_reserve(ctx);
    seqgpu_context_destroy(ctx);
  }
  CHECK(failing_each("cpu", use_everything, 0) > 20, "it does ask for memory");
  return check_finish();
}
