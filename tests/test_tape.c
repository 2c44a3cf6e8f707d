/* test_tape.c - gradients of every operator of the tape and of whole models (tape_cases.h).
 *
 * The loss is sum(dy * y) with random dy; dy and the leaves are drawn until they determine the value and
 * every gradient well (conditioned.h).  Each row of the table is
 *   - compared with finite differences, in float64 on the CPU:
 *       dL/dv = (8 (L(v+s) - L(v-s)) - (L(v+2s) - L(v-2s))) / 12s
 *   - run in float32 on every device of this build and compared with float64, value and gradients.
 */
#include "tests/tape_cases.h"

#define STEP      1e-3
#define TOLERANCE 1e-6

/* ---------------------------------------------------------------- the reference */

/* A case in float64: leaves and dy drawn, value and gradients in w->host_grad. */
typedef struct trial {
  world w;
  const test_case *c;
  int64_t count;
  double *dy, *y, ones[ONES];
} trial;

static void trial_draw(void *self) {
  trial *t = self;
  world_draw(&t->w, t->c);
  dy_draw(t->dy, t->count);
}

static void trial_run(void *self) {
  trial *t = self;
  seqgpu_tensor *y = world_build(&t->w, t->c, 1);
  net_require(t->w.ctx, seqgpu_tape_status(t->w.tape), t->c->name);
  if (y == NULL) return;
  net_download(t->w.ctx, t->y, seqgpu_tensor_value(y), t->count);
  world_backward(&t->w, y, t->dy);
}

static void list_gradients(const world *w, tensor_list *list) {
  char name[32];
  for (int i = 0; i < w->leaves; i++) {
    snprintf(name, sizeof name, "leaf %d (gradient)", i);
    list_add(list, name, w->host_grad[i], w->count[i]);
  }
}

static void trial_open(trial *t, seqgpu_context *oracle, const test_case *c) {
  problem p = {trial_draw, trial_run, t, {0}, {0}};
  *t = (trial){.c = c};
  world_open(&t->w, oracle, c);
  for (int i = 0; i < ONES; i++) t->ones[i] = 1;
  t->w.ones = t->ones;
  t->count = seqgpu_tensor_elements(world_build(&t->w, c, 1));
  t->dy = calloc((size_t)t->count + 1, sizeof(double));
  t->y = calloc((size_t)t->count + 1, sizeof(double));
  for (int i = 0; i < t->w.leaves; i++) list_add(&p.in, "leaf", t->w.host[i], t->w.count[i]);
  list_add(&p.in, "dy", t->dy, t->count);
  list_add(&p.in, "ones", t->ones, t->w.ones_used);
  list_add(&p.out, "y", t->y, t->count);
  list_gradients(&t->w, &p.out);
  problem_draw(&p, MODELS, c->name);
}

static void trial_close(trial *t) {
  free(t->dy);
  free(t->y);
  world_close(&t->w);
}

/* ---------------------------------------------------------------- gradients */

static double loss_at(world *w, const test_case *c, const double *dy, double *variable, double v) {
  const double before = *variable;
  *variable = v;
  seqgpu_tensor *y = world_build(w, c, 1);
  double *value = world_read(w, y), loss = 0;
  for (int64_t i = 0; i < seqgpu_tensor_elements(y); i++) loss += dy[i] * value[i];
  free(value);
  *variable = before;
  return loss;
}

static double difference(world *w, const test_case *c, const double *dy, double *variable) {
  const double v = *variable;
  const double near = loss_at(w, c, dy, variable, v + STEP) - loss_at(w, c, dy, variable, v - STEP);
  const double far = loss_at(w, c, dy, variable, v + 2 * STEP) - loss_at(w, c, dy, variable, v - 2 * STEP);
  return (8 * near - far) / (12 * STEP);
}

static void check_gradients(seqgpu_context *ctx, const test_case *c) {
  trial t;
  trial_open(&t, ctx, c);
  tensor_list gradients = {0};
  list_gradients(&t.w, &gradients);
  double *expected = list_copy(&gradients), *to = expected;
  for (int i = 0; i < t.w.leaves; i++)
    for (int64_t j = 0; j < t.w.count[i]; j++) *to++ = difference(&t.w, c, t.dy, &t.w.host[i][j]);
  char where[64];
  net_check(list_error(&gradients, expected, where), TOLERANCE, where, "tape %s, gradients", c->name);
  free(expected);
  trial_close(&t);
}

/* ---------------------------------------------------------------- devices */

/* Value and gradients on ctx against the same in float64. */
static void check_device(seqgpu_context *oracle, seqgpu_context *ctx, const test_case *c) {
  trial t;
  world w;
  trial_open(&t, oracle, c);
  world_open(&w, ctx, c);
  for (int i = 0; i < w.leaves; i++) memcpy(w.host[i], t.w.host[i], (size_t)w.count[i] * sizeof(double));
  seqgpu_tensor *y = world_build(&w, c, 1);
  net_require(ctx, seqgpu_tape_status(w.tape), c->name);
  double *value = world_read(&w, y);
  tensor_list ours = {0}, wanted = {0};
  list_add(&ours, "y", value, t.count);
  list_add(&wanted, "y", t.y, t.count);
  list_gradients(&w, &ours);
  list_gradients(&t.w, &wanted);
  double *reference = list_copy(&wanted);
  char where[64];
  const int ran = y != NULL && world_backward(&w, y, t.dy) == SEQGPU_OK;
  const double error = list_error(&ours, reference, where);
  net_check(ran ? error : (double)NAN, arithmetic[MODELS].limit, where, "tape %s", c->name);
  free(reference);
  free(value);
  world_close(&w);
  trial_close(&t);
}

static void check_devices(seqgpu_context *oracle) {
  static const char *const devices[] = {"cpu", "emulator", "cuda"};
  for (size_t d = 0; d < COUNT(devices); d++) {
    if (!check_is_for(devices[d])) continue;
    const seqgpu_context_options options = {.device = devices[d], .threads = 2};
    seqgpu_context *ctx = NULL;
    check_at("%s f32", devices[d]);
    if (seqgpu_context_create(&options, &ctx) != SEQGPU_OK)
      check_skip(seqgpu_last_error(ctx), "tape");
    else
      for (int i = 0; i < CASES; i++) check_device(oracle, ctx, &cases[i]);
    seqgpu_context_destroy(ctx);
  }
}

/* ---------------------------------------------------------------- accumulation */

static void check_accumulation(seqgpu_context *ctx) {
  const test_case c = {"mul", mul, {{2}, {2}}, {0}};
  world w;
  world_open(&w, ctx, &c);
  seqgpu_tensor *product = world_build(&w, &c, 1);
  seqgpu_tensor *y = seqgpu_tape_scale(w.tape, product, 2);
  const double dy[] = {1, 1};
  world_backward(&w, y, dy);
  check_error(fabs(w.host_grad[0][0] - 2 * w.host[1][0]), 1e-15, "gradient of a wrapped leaf");
  net_require(ctx, seqgpu_tape_backward(w.tape, y, dy), "a second backward");
  double twice[2], inner[2];
  net_download(ctx, twice, w.grad[0], 2);
  net_download(ctx, inner, seqgpu_tensor_grad(product), 2);
  check_error(fabs(twice[1] - 2 * w.host_grad[0][1]), 1e-15,
              "a second backward adds to the wrapped gradient");
  CHECK(inner[0] == 2 && inner[1] == 2, "a second backward starts the inner gradients afresh");
  CHECK(seqgpu_tensor_grad(w.leaf[0]) == w.grad[0], "the gradient of a leaf is the caller's buffer");
  net_require(ctx, seqgpu_tape_backward(w.tape, product, dy), "backward of an inner tensor");
  CHECK(seqgpu_tensor_grad(y) == NULL, "no gradient where the last backward brought none");
  double sum = 0, both[4];
  seqgpu_tensor *seed = w.leaf[0]; /* a leaf as loss: its own gradient is added to the buffer */
  net_download(ctx, twice, w.grad[0], 2);
  net_require(ctx, seqgpu_tape_backward(w.tape, seed, dy), "backward of a leaf");
  net_download(ctx, both, w.grad[0], 2);
  for (int i = 0; i < 2; i++) sum += fabs(both[i] - twice[i] - 1);
  check_error(sum, 1e-14, "backward of a leaf adds to its buffer");
  world_close(&w);
}

int main(void) {
  check_start();
  check_at("cpu f64");
  seqgpu_context *ctx = net_context("cpu", SEQGPU_DTYPE_F64, 1);
  for (int i = 0; i < CASES; i++) check_gradients(ctx, &cases[i]);
  check_devices(ctx);
  check_at("cpu f64");
  check_accumulation(ctx);
  seqgpu_context_destroy(ctx);
  return check_finish();
}
