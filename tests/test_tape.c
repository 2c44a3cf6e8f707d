/* test_tape.c - gradients of every operator of the tape and of whole models (tape_cases.h).
 *
 * The loss is sum(dy * y) with random dy.  Each row of the table is
 *   - compared with finite differences, in float64 on the CPU:
 *       dL/dv = (8 (L(v+s) - L(v-s)) - (L(v+2s) - L(v-2s))) / 12s
 *   - run in float32 on every device of this build and compared with float64, value and gradients.
 */
#include "tape_cases.h"

#define STEP      1e-3
#define TOLERANCE 1e-6

/* ---------------------------------------------------------------- gradients */

static double loss_at(world *w, const test_case *c, const double *dy, double *variable, double v) {
  const double before = *variable;
  *variable = v;
  seqgpu_tensor *y = world_build(w, c, 1);
  double *value = world_read(w, y), loss = 0;
  for (int64_t i = 0; i < seqgpu_tensor_count(y); i++) loss += dy[i] * value[i];
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
  world w;
  world_open(&w, ctx, c);
  seqgpu_tensor *y = world_build(&w, c, 1);
  double *dy = random_dy(y), worst = world_backward(&w, y, dy) ? NAN : 0;
  for (int i = 0; i < w.leaves && worst == worst; i++) {
    double *expected = malloc((size_t)w.count[i] * sizeof *expected);
    for (int64_t j = 0; j < w.count[i]; j++) expected[j] = difference(&w, c, dy, &w.host[i][j]);
    worst = net_worse(worst, check_norm_f64(w.host_grad[i], expected, w.count[i]));
    free(expected);
  }
  check_error(worst, TOLERANCE, "gradients of %s", c->name);
  free(dy);
  world_close(&w);
}

/* ---------------------------------------------------------------- devices */

static double norm_of(const double *v, int64_t count) {
  double sum = 0;
  for (int64_t j = 0; j < count; j++) sum += v[j] * v[j];
  return sqrt(sum);
}

/* Root mean square of all gradient numbers of a world. */
static double typical_gradient(const world *w) {
  double sum = 0, count = 0;
  for (int i = 0; i < w->leaves; i++) {
    const double norm = norm_of(w->host_grad[i], w->count[i]);
    sum += norm * norm;
    count += (double)w->count[i];
  }
  return sqrt(sum / (count > 0 ? count : 1));
}

/* ||got - wanted|| / ||wanted||.  Through a chain of operators a small gradient can be what is left of large ones that
 * cancel; it is measured as if its numbers were a tenth of the typical size at least. */
static double gradient_error(const world *b, const world *a, int i) {
  const int64_t n = a->count[i];
  const double norm = norm_of(a->host_grad[i], n), least = 0.1 * typical_gradient(a) * sqrt((double)n);
  const double error = check_norm_f64(b->host_grad[i], a->host_grad[i], n);
  return norm < least ? error * norm / least : error;
}

/* Value and gradients on ctx against the same in float64. */
static void check_device(seqgpu_context *oracle, seqgpu_context *ctx, const test_case *c) {
  world a, b;
  world_open(&a, oracle, c);
  world_open(&b, ctx, c);
  for (int i = 0; i < a.leaves; i++) memcpy(b.host[i], a.host[i], (size_t)a.count[i] * sizeof(double));
  seqgpu_tensor *y = world_build(&a, c, 1), *z = world_build(&b, c, 1);
  net_require(ctx, seqgpu_tape_status(b.tape), c->name);
  double *dy = random_dy(y), *wanted = world_read(&a, y), *got = world_read(&b, z);
  double worst = check_norm_f64(got, wanted, seqgpu_tensor_count(y));
  if (z == NULL || world_backward(&a, y, dy) || world_backward(&b, z, dy)) worst = NAN;
  for (int i = 0; i < a.leaves; i++) worst = net_worse(worst, gradient_error(&b, &a, i));
  check_error(worst, 1e-5, "%s f32 on %s", c->name, seqgpu_context_device(ctx));
  free(dy);
  free(wanted);
  free(got);
  world_close(&a);
  world_close(&b);
}

static void check_devices(seqgpu_context *oracle) {
  static const char *const devices[] = {"cpu", "emulator", "cuda"};
  for (int d = 0; d < 3; d++) {
    const seqgpu_context_options options = {.device = devices[d], .threads = 2};
    seqgpu_context *ctx = NULL;
    if (seqgpu_context_create(&options, &ctx) != SEQGPU_OK)
      check_skip(seqgpu_last_error(ctx), "tape on %s", devices[d]);
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
  seqgpu_context *ctx = net_context("cpu", SEQGPU_F64, 1);
  for (int i = 0; i < CASES; i++) check_gradients(ctx, &cases[i]);
  check_devices(ctx);
  check_accumulation(ctx);
  seqgpu_context_destroy(ctx);
  return check_finish();
}
