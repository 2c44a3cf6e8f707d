/* test_curvature.c - Gauss-Newton products G v = J^T H J v (seqgpu_tape_gauss_newton).
 *
 * Where the losses look at something linear in the leaves, and where a squared error has no residual, G is
 * the Hessian: there G v is compared with differences of gradients along v,
 *   (8 (g(s) - g(-s)) - (g(2s) - g(-2s))) / 12s,  g(s) = the gradient at leaves + s v
 * For every other model u .  G v = v .  G u and v .  G v >= 0.  The damping of a tensor is the product of a
 * squared error of it.  In float64 on the CPU; float32 on every device is compared with it.
 */
#include "tests/tape_cases.h"

#define STEP      3e-4
#define TOLERANCE 1e-7
#define EXACT     1e-12

/* ---------------------------------------------------------------- losses */

/* x [2,3,4] through a linear layer into losses of both kinds, scaled and added. */
static seqgpu_tensor *linear_losses(world *w) {
  seqgpu_tape *t = w->tape;
  seqgpu_tensor *x = seqgpu_tape_reshape(t, w->leaf[0], 2, DIM(6, 4));
  seqgpu_tensor *z = seqgpu_tape_linear(t, x, w->leaf[1], w->leaf[2]); /* [6,5] */
  seqgpu_tensor *targets = seqgpu_tape_ids(t, 1, DIM(6), (int32_t[]){0, 3, -1, 1, 4, -5});
  seqgpu_tensor *mask = seqgpu_tape_ids(t, 1, DIM(6), (int32_t[]){1, 0, 1, 2, 0, 1});
  seqgpu_tensor *wanted = seqgpu_tape_wrap(t, 2, DIM(6, 5), w->value[3], NULL);
  seqgpu_tensor *a = seqgpu_tape_cross_entropy(t, z, targets, 1, 1.5);
  seqgpu_tensor *b = seqgpu_tape_scale(t, seqgpu_tape_squared_error(t, z, wanted, mask, 1, 0.7), 2);
  seqgpu_tensor *c = seqgpu_tape_cross_entropy(t, seqgpu_tape_scale(t, z, 0.5), targets, 0, 0.1);
  seqgpu_tensor *d = seqgpu_tape_binary_cross_entropy(
      t, z, seqgpu_tape_activation(t, wanted, SEQGPU_ACTIVATION_SIGMOID), NULL, 1, 0.8);
  return seqgpu_tape_add(t, seqgpu_tape_add(t, a, b), seqgpu_tape_add(t, d, seqgpu_tape_scale(t, c, 3)));
}

/* A deep ragged bidirectional network, whose final states and outputs are classified. */
static seqgpu_tensor *network_y; /* its output */

static seqgpu_tensor *network_losses(world *w) {
  seqgpu_tape *t = w->tape;
  seqgpu_tensor *initial[2] = {w->leaf[2], w->leaf[3]};
  seqgpu_tensor *y = seqgpu_tape_rnn(t, w->plan[0], w->leaf[0], w->leaf[1], initial, lengths_4231(w));
  network_y = y;
  seqgpu_tensor *h = seqgpu_tape_rnn_final(t, y, 0);
  seqgpu_tensor *z = seqgpu_tape_linear(t, seqgpu_tape_dropout(t, y, 0.3), w->leaf[4], w->leaf[5]);
  seqgpu_tensor *last = seqgpu_tape_linear(t, h, w->leaf[6], NULL);
  seqgpu_tensor *targets =
      seqgpu_tape_ids(t, 2, DIM(4, 4), (int32_t[]){0, 1, 2, 0, 1, -1, 2, -1, 1, -1, 0, -1, 2, -1, -1, -1});
  seqgpu_tensor *classes =
      seqgpu_tape_ids(t, 2, DIM(4, 4), (int32_t[]){0, 1, 1, 0, 1, 0, 0, 1, 1, 1, 0, 1, 0, 0, 0, 1});
  return seqgpu_tape_add(t, seqgpu_tape_cross_entropy(t, z, targets, 1, 1),
                         seqgpu_tape_scale(t, seqgpu_tape_cross_entropy(t, last, classes, 1, 1), 0.4));
}

/* Squared error against what the network computed the first time. */
static double fit_targets[4 * 4 * 3];
static int fit_known;

static seqgpu_tensor *network_fit(world *w) {
  seqgpu_tape *t = w->tape;
  seqgpu_tensor *initial[2] = {w->leaf[2], w->leaf[3]};
  seqgpu_tensor *y = seqgpu_tape_rnn(t, w->plan[0], w->leaf[0], w->leaf[1], initial, lengths_4231(w));
  y = seqgpu_tape_activation(t, seqgpu_tape_linear(t, y, w->leaf[4], w->leaf[5]), SEQGPU_ACTIVATION_SIGMOID);
  if (!fit_known) net_download(w->ctx, fit_targets, seqgpu_tensor_value(y), (int64_t)COUNT(fit_targets));
  fit_known = 1;
  return seqgpu_tape_squared_error(t, y, seqgpu_tape_input(t, 3, DIM(4, 4, 3), fit_targets), NULL, 1, 1);
}

/* Attention and an embedding below a loss. */
static seqgpu_tensor *attention_loss(world *w) {
  seqgpu_tape *t = w->tape;
  seqgpu_tensor *ids =
      seqgpu_tape_ids(t, 2, DIM(4, 4), (int32_t[]){0, 1, 2, 3, 4, 0, 1, 9, 3, 2, 0, 4, 1, 3, 2, 2});
  seqgpu_tensor *keys = seqgpu_tape_embedding(t, w->leaf[0], ids); /* [4,4,3] */
  seqgpu_tensor *context = seqgpu_tape_attention(t, w->leaf[1], keys, keys, w->leaf[2], NULL);
  seqgpu_tensor *both = seqgpu_tape_concat(t, context, seqgpu_tape_mul(t, w->leaf[1], context));
  seqgpu_tensor *targets = seqgpu_tape_ids(t, 1, DIM(4), (int32_t[]){0, 5, 1, 2});
  return seqgpu_tape_cross_entropy(t, both, targets, 1, 1);
}

/* Only the weights of linear_losses move: in x and w together the logits are not linear. */
typedef struct curve_case {
  test_case c;
  int is_hessian, first, last; /* leaves that move */
} curve_case;

static const curve_case curve_cases[] = {
    {{"linear losses", linear_losses, {{2, 3, 4}, {5, 4}, {5}, {30}}, {0}}, 1, 1, 2},
    {{"a network that fits",
      network_fit,
      {{PLAN_0}, {4, 4, 2}, {4, 4, 3}, {4, 4, 3}, {3, 6}, {3, 1}},
      {&bi_lstm}},
     1,
     0,
     5},
    {{"linear losses in all leaves", linear_losses, {{2, 3, 4}, {5, 4}, {5}, {30}}, {0}}, 0, 0, 2},
    {{"a network",
      network_losses,
      {{PLAN_0}, {4, 4, 2}, {4, 4, 3}, {4, 4, 3}, {3, 6}, {3, 1}, {2, 3}},
      {&bi_lstm}},
     0,
     0,
     6},
    {{"attention", attention_loss, {{5, 3}, {4, 3}, {3}}, {0}}, 0, 0, 2},
};

/* ---------------------------------------------------------------- one product */

typedef struct bend {
  world w;
  const curve_case *k;
  void *direction[LEAVES];
  int64_t count;
} bend;

static void bend_open(bend *b, seqgpu_context *ctx, const curve_case *k) {
  *b = (bend){.k = k};
  world_open(&b->w, ctx, &k->c);
  for (int i = k->first; i <= k->last; i++) {
    net_require(ctx, seqgpu_malloc(ctx, (size_t)b->w.count[i] * sizeof(double), &b->direction[i]),
                "seqgpu_malloc");
    b->count += b->w.count[i];
  }
}

static void bend_close(bend *b) {
  for (int i = b->k->first; i <= b->k->last; i++) seqgpu_free(b->w.ctx, b->direction[i]);
  world_close(&b->w);
}

/* All moving leaves' gradients, one after the other. */
static void collect(const bend *b, double *out) {
  for (int i = b->k->first; i <= b->k->last; out += b->w.count[i++])
    memcpy(out, b->w.host_grad[i], (size_t)b->w.count[i] * sizeof *out);
}

static void zero_grads(world *w) {
  for (int i = 0; i < w->leaves; i++)
    net_require(w->ctx, seqgpu_zero(w->ctx, w->grad[i], (size_t)w->count[i] * sizeof(double)), "seqgpu_zero");
}

static seqgpu_status move(bend *b, seqgpu_tensor *loss, const double *v) {
  const int first = b->k->first, moving = b->k->last - first + 1;
  for (int i = first; i <= b->k->last; v += b->w.count[i++])
    net_upload(b->w.ctx, b->direction[i], v, b->w.count[i]);
  return seqgpu_tape_tangent(b->w.tape, loss, moving, b->w.leaf + first,
                             (const void *const *)(b->direction + first));
}

/* G v [count] of a loss on the tape, with a tensor damped unless that is NULL. */
static seqgpu_status bent(bend *b, seqgpu_tensor *loss, seqgpu_tensor *damped, double strength,
                          const double *v, double *out) {
  world *w = &b->w;
  zero_grads(w);
  seqgpu_status status = move(b, loss, v);
  if (status == SEQGPU_OK)
    status = seqgpu_tape_gauss_newton(w->tape, loss, damped != NULL, &damped, &strength);
  if (status != SEQGPU_OK) return status;
  for (int i = 0; i < w->leaves; i++) net_download(w->ctx, w->host_grad[i], w->grad[i], w->count[i]);
  collect(b, out);
  return status;
}

static seqgpu_status product(bend *b, const double *v, double *out) {
  return bent(b, world_build(&b->w, &b->k->c, 1), NULL, 0, v, out);
}

static double dot(const double *a, const double *b, int64_t n) {
  double sum = 0;
  for (int64_t i = 0; i < n; i++) sum += a[i] * b[i];
  return sum;
}

/* Not yet written: of NaN.  check_free frees it. */
static double *vector(const char *name, int64_t n) { return check_alloc(name, (size_t)n * sizeof(double)); }

static double *random_vector(const char *name, int64_t n) {
  double *v = vector(name, n);
  dy_draw(v, n);
  return v;
}

/* ---------------------------------------------------------------- what holds of it */

/* sum += weight * gradient at leaves + step v */
static void add_gradient(bend *b, const double *v, double step, double weight, double *sum) {
  world *w = &b->w;
  const double *from = v, one = 1;
  for (int i = b->k->first; i <= b->k->last; i++)
    for (int64_t j = 0; j < w->count[i]; j++) w->host[i][j] += step * *from++;
  seqgpu_tensor *loss = world_build(w, &b->k->c, 1);
  world_backward(w, loss, &one);
  double *g = vector("gradient", b->count);
  collect(b, g);
  for (int64_t j = 0; j < b->count; j++) sum[j] += weight * g[j];
  check_free(g);
  from = v;
  for (int i = b->k->first; i <= b->k->last; i++)
    for (int64_t j = 0; j < w->count[i]; j++) w->host[i][j] -= step * *from++;
}

static void check_hessian(bend *b, const double *v, const double *gv) {
  static const double place[] = {1, -1, 2, -2}, weight[] = {8, -8, -1, 1};
  double *hv = calloc((size_t)b->count, sizeof *hv);
  for (int i = 0; i < 4; i++) add_gradient(b, v, place[i] * STEP, weight[i] / (12 * STEP), hv);
  check_error(check_norm_f64(gv, hv, b->count), TOLERANCE, "%s, G v is the Hessian's product", b->k->c.name);
  free(hv);
}

static void check_products(seqgpu_context *oracle, const curve_case *k, bend *b, double *v, double *gv) {
  const int64_t n = b->count;
  double *u = random_vector("u", n), *gu = vector("G u", n);
  net_require(oracle, product(b, v, gv), k->c.name);
  net_require(oracle, product(b, u, gu), k->c.name);
  const double scale = sqrt(dot(u, u, n) * dot(gv, gv, n));
  check_error(fabs(dot(u, gv, n) - dot(v, gu, n)) / scale, EXACT, "%s, u . G v = v . G u", k->c.name);
  CHECK(dot(v, gv, n) >= 0 && dot(u, gu, n) >= 0, "%s, v . G v is not negative", k->c.name);
  if (k->is_hessian) check_hessian(b, v, gv);
  check_free(u);
  check_free(gu);
}

/* ---------------------------------------------------------------- devices */

static void check_device(const bend *reference, seqgpu_context *ctx, const double *v, const double *gv) {
  const curve_case *k = reference->k;
  bend b;
  bend_open(&b, ctx, k);
  for (int i = 0; i < b.w.leaves; i++)
    memcpy(b.w.host[i], reference->w.host[i], (size_t)b.w.count[i] * sizeof(double));
  double *out = calloc((size_t)b.count, sizeof *out);
  const seqgpu_status status = product(&b, v, out);
  check_on(ctx);
  net_require(ctx, status, k->c.name);
  check_error(status == SEQGPU_OK ? check_norm_f64(out, gv, b.count) : (double)NAN, 1e-5, "%s, G v",
              k->c.name);
  check_at("cpu f64");
  free(out);
  bend_close(&b);
}

static void check_devices(const bend *reference, const double *v, const double *gv) {
  static const char *const devices[] = {"cpu", "emulator", "cuda"};
  for (size_t d = 0; d < COUNT(devices); d++) {
    if (!check_is_for(devices[d]) || reference->k->c.build == network_fit)
      continue; /* its targets are float64 */
    const seqgpu_context_options options = {.device = devices[d], .threads = 2};
    seqgpu_context *ctx = NULL;
    if (seqgpu_context_create(&options, &ctx) == SEQGPU_OK)
      check_device(reference, ctx, v, gv);
    else {
      check_at("%s f32", devices[d]);
      check_skip(seqgpu_last_error(ctx), "%s, G v", reference->k->c.name);
      check_at("cpu f64");
    }
    seqgpu_context_destroy(ctx);
  }
}

static void check_case(seqgpu_context *oracle, const curve_case *k) {
  bend b;
  bend_open(&b, oracle, k);
  double *v = random_vector("v", b.count), *gv = vector("G v", b.count);
  check_products(oracle, k, &b, v, gv);
  check_devices(&b, v, gv);
  check_free(v);
  check_free(gv);
  bend_close(&b);
}

/* ---------------------------------------------------------------- damping */

/* Damping y by s is the product of s/2 sum of y^2. */
static void check_damping(seqgpu_context *oracle, const curve_case *k) {
  const double strength = 0.37;
  bend b;
  bend_open(&b, oracle, k);
  double *v = random_vector("v", b.count), *damped = vector("damped", b.count);
  double *added = vector("added", b.count);
  seqgpu_tensor *loss = world_build(&b.w, &k->c, 1);
  net_require(oracle, bent(&b, loss, network_y, strength, v, damped), "damped");
  int64_t shape[SEQGPU_TAPE_RANK];
  loss = world_build(&b.w, &k->c, 1);
  const int rank = seqgpu_tensor_shape(network_y, shape);
  double *zeros = calloc((size_t)seqgpu_tensor_elements(network_y), sizeof *zeros);
  seqgpu_tensor *origin = seqgpu_tape_input(b.w.tape, rank, shape, zeros);
  seqgpu_tensor *square = seqgpu_tape_squared_error(b.w.tape, network_y, origin, NULL, 0, strength / 2);
  net_require(oracle, bent(&b, seqgpu_tape_add(b.w.tape, loss, square), NULL, 0, v, added), "added");
  check_error(check_norm_f64(damped, added, b.count), EXACT, "a damped tensor is a squared error more");
  free(zeros);
  check_free(v);
  check_free(damped);
  check_free(added);
  bend_close(&b);
}

/* ---------------------------------------------------------------- memory */

/* Walks back take no more memory the fiftieth time than the second, where gradients meet in one tensor. */
static void check_memory(seqgpu_context *oracle) {
  const curve_case shared = {*find_case("one tensor used by many"), 0, 0, 1};
  bend b;
  bend_open(&b, oracle, &shared);
  double *v = random_vector("v", b.count), *gv = vector("G v", b.count);
  seqgpu_tensor *loss = world_build(&b.w, &shared.c, 1);
  size_t memory = 0;
  seqgpu_status status = SEQGPU_OK;
  for (int i = 0; i < 50 && status == SEQGPU_OK; i++) {
    status = bent(&b, loss, NULL, 0, v, gv);
    if (status == SEQGPU_OK) status = seqgpu_tape_backward(b.w.tape, loss, NULL);
    if (i == 1) memory = seqgpu_tape_memory(b.w.tape);
  }
  CHECK(status == SEQGPU_OK && seqgpu_tape_memory(b.w.tape) == memory,
        "fifty products take the memory of two");
  check_free(v);
  check_free(gv);
  bend_close(&b);
}

/* ---------------------------------------------------------------- refusals */

static void check_says(const world *w, seqgpu_status status, const char *part) {
  const char *sentence = seqgpu_tape_error(w->tape);
  check_record(status == SEQGPU_EINVAL && strstr(sentence, part) &&
                   strcmp(seqgpu_last_error(w->ctx), sentence) == 0,
               sentence, "the tape says: %s", part);
}

static void check_refusals(seqgpu_context *oracle, const curve_case *k) {
  bend b;
  bend_open(&b, oracle, k);
  double *v = random_vector("v", b.count), *gv = vector("G v", b.count);
  seqgpu_tape *tape = b.w.tape;
  seqgpu_tensor *loss = world_build(&b.w, &k->c, 1), *nobody = NULL;
  check_says(&b.w, seqgpu_tape_gauss_newton(tape, loss, 0, NULL, NULL), "was before the tape was cleared");
  loss = world_build(&b.w, &k->c, 1);
  net_require(oracle, move(&b, loss, v), "move");
  check_says(&b.w, seqgpu_tape_gauss_newton(tape, seqgpu_tape_scale(tape, loss, 1), 0, NULL, NULL),
             "was for another tensor");
  loss = world_build(&b.w, &k->c, 1);
  check_says(&b.w, bent(&b, seqgpu_tape_mul(tape, loss, loss), NULL, 0, v, gv),
             "loss comes from operator mul");
  loss = world_build(&b.w, &k->c, 1);
  seqgpu_tensor *sum = seqgpu_tape_add(
      tape, loss, seqgpu_tape_rows(tape, seqgpu_tape_reshape(tape, b.w.leaf[1], 1, DIM(20)), 0, 1));
  check_says(&b.w, bent(&b, sum, NULL, 0, v, gv), "loss comes from operator rows");
  loss = world_build(&b.w, &k->c, 1);
  net_require(oracle, move(&b, loss, v), "move");
  check_says(&b.w, seqgpu_tape_gauss_newton(tape, loss, 1, &nobody, v), "damped[0] is NULL");
  loss = world_build(&b.w, &k->c, 1);
  net_require(oracle, move(&b, loss, v), "move");
  check_says(&b.w, seqgpu_tape_gauss_newton(tape, loss, 1, NULL, v), "damped is NULL");
  loss = world_build(&b.w, &k->c, 1);
  seqgpu_tensor *constant = seqgpu_tape_input(tape, 1, DIM(1), v);
  net_require(
      oracle,
      bent(&b, seqgpu_tape_add(tape, loss, seqgpu_tape_mul(tape, constant, constant)), NULL, 0, v, gv),
      "a constant term");
  CHECK(seqgpu_tape_gauss_newton(NULL, loss, 0, NULL, NULL) == SEQGPU_EINVAL, "no tape to go back");
  check_free(v);
  check_free(gv);
  bend_close(&b);
}

int main(void) {
  check_start();
  check_at("cpu f64");
  seqgpu_context *oracle = net_context("cpu", SEQGPU_DTYPE_F64, 1);
  for (size_t i = 0; i < COUNT(curve_cases); i++) check_case(oracle, &curve_cases[i]);
  check_damping(oracle, &curve_cases[3]);
  check_memory(oracle);
  check_refusals(oracle, &curve_cases[0]);
  seqgpu_context_destroy(oracle);
  return check_finish();
}
