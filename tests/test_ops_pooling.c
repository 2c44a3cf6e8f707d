/* test_ops_pooling.c - pooling over time: the mean, the maximum and the last step of ragged sequences.
 *
 * Equal numbers, NaN, minus infinity, sequences without a step, what lies beyond a length.
 */
#include "tests/tensors.h"

typedef struct pooling_case {
  sq_pooling_args args[2];
  tensor x, y, dy, dx;
  int32_t *lengths, *at;
} pooling_case;

/* The steps of an element are 0.019 or more apart, for up to 64 steps, so that no difference moves a maximum. */
static void draw(tensor x, int64_t steps, int64_t stride) {
  for (int64_t i = 0; i < stride; i++) {
    const int64_t first = check_below(64);
    for (int64_t t = 0; t < steps; t++)
      tensor_set(x, t * stride + i, 0.02 * (double)((7 * t + first) % 64) - check_uniform(0.6, 0.601));
  }
}

static pooling_case pooling_new(sq_pooling_kind kind, int64_t steps, int64_t batch, int64_t dim) {
  pooling_case c = {.x = tensor_random("x", steps * batch * dim, -2, 2),
                    .y = tensor_new("y", batch * dim),
                    .dy = tensor_random("dy", batch * dim, -1, 1),
                    .dx = tensor_new("dx", steps * batch * dim),
                    .lengths = lengths_new(batch, 0, steps),
                    .at = lengths_new(batch * dim, 99, 99)};
  draw(c.x, steps, batch * dim);
  for (int k = 0; k < 2; k++) {
    const int bits = both[k];
    c.args[k] =
        (sq_pooling_args){kind, steps,          batch,          dim, c.lengths, at(c.x, bits), at(c.y, bits),
                          c.at, at(c.dy, bits), at(c.dx, bits), 0};
  }
  return c;
}

static void pooling_run(pooling_case *c) {
  for (int k = 0; k < 2; k++) {
    ops(both[k])->pooling_forward(&serial, &c->args[k]);
    ops(both[k])->pooling_backward(&serial, &c->args[k]);
  }
}

static void pooling_free(pooling_case *c) {
  TENSORS_FREE(&c->x, &c->y, &c->dy, &c->dx);
  check_free(c->lengths);
  check_free(c->at);
}

static double pooling_scalar(void *context) {
  pooling_case *c = context;
  sq_cpu_ops_f64.pooling_forward(&serial, &c->args[0]);
  return weighted_sum(c->dy, c->y);
}

/* Element i of y in plain words. */
static double plain(const pooling_case *c, int64_t i) {
  const sq_pooling_args *a = &c->args[0];
  const int64_t steps = c->lengths[i / a->dim];
  double sum = 0, max = -(double)INFINITY, last = 0;
  for (int64_t t = 0; t < steps; t++) {
    last = c->x.d[t * a->batch * a->dim + i];
    sum += last;
    max = check_worse(max, last);
  }
  if (steps == 0) return 0;
  return a->kind == SQ_POOLING_MEAN ? sum / (double)steps : a->kind == SQ_POOLING_MAX ? max : last;
}

static void test_pooling(sq_pooling_kind kind, int64_t steps, int64_t batch, int64_t dim) {
  static const char *const kinds[] = {"mean", "max", "last"};
  pooling_case c = pooling_new(kind, steps, batch, dim);
  for (int64_t i = 0; i < c.x.n; i++)
    if (i / (batch * dim) >= c.lengths[i / dim % batch]) c.x.d[i] = c.x.f[i] = NAN;
  pooling_run(&c);
  double worst = 0;
  int beyond_is_zero = 1;
  for (int64_t i = 0; i < c.y.n; i++) worst = check_worse(worst, fabs(c.y.d[i] - plain(&c, i)));
  for (int64_t i = 0; i < c.x.n; i++) beyond_is_zero &= !isnan(c.x.d[i]) || c.dx.d[i] == 0;
  char what[80];
  snprintf(what, sizeof what, "pooling %s, %ldx%ldx%ld", kinds[kind], (long)steps, (long)batch, (long)dim);
  check_error(worst, EXACT, "%s", what);
  CHECK(beyond_is_zero, "%s, no gradient beyond the lengths", what);
  check_single(c.y, name("%s, y", what));
  check_single(c.dx, name("%s, gradient", what));
  check_slope(pooling_scalar, &c, c.x, c.dx, name("%s, x", what));
  tensor once = tensor_new("once", c.dx.n); /* the same again, added */
  for (int64_t i = 0; i < c.dx.n; i++) tensor_set(once, i, c.dx.d[i]);
  sq_pooling_args again = c.args[0];
  again.accumulate = 1;
  sq_cpu_ops_f64.pooling_backward(&serial, &again);
  double apart = 0;
  for (int64_t i = 0; i < c.dx.n; i++) apart = check_worse(apart, fabs(c.dx.d[i] - 2 * once.d[i]));
  check_error(apart, 1e-6, "%s, gradient added", what); /* once is in single precision */
  tensor_free(once);
  pooling_free(&c);
}

static void test_edges(void) {
  pooling_case c = pooling_new(SQ_POOLING_MAX, 4, 2, 2);
  const double inf = (double)INFINITY, x[16] = {1, 2, -inf, 5, 3, 2, -inf, NAN, 3, 1, -inf, NAN, 0, 0, 7, 9};
  for (int64_t i = 0; i < 16; i++) tensor_set(c.x, i, x[i]);
  c.lengths[0] = 4;
  c.lengths[1] = 3;
  pooling_run(&c);
  CHECK(c.at[0] == 1 && c.at[1] == 0 && c.y.d[0] == 3 && c.dx.d[4] == c.dy.d[0] && c.dx.d[8] == 0,
        "pooling max, the first of equal numbers");
  CHECK(c.at[2] == 0 && c.y.d[2] == -inf && c.dx.d[2] == c.dy.d[2], "pooling max, of minus infinity");
  CHECK(c.at[3] == 1 && isnan(c.y.d[3]) && isnan(c.y.f[3]) && c.dx.d[7] == c.dy.d[3] && c.dx.d[11] == 0,
        "pooling max, the first NaN");
  c.lengths[1] = 0;
  pooling_run(&c);
  CHECK(c.at[2] == -1 && c.y.d[2] == 0 && c.dx.d[2] == 0, "pooling max, of no step");
  sq_pooling_args moved = c.args[0];
  moved.kind = SQ_POOLING_AT;
  tensor_set(c.x, 4, 8);
  sq_cpu_ops_f64.pooling_forward(&serial, &moved);
  CHECK(c.y.d[0] == 8 && c.y.d[2] == 0, "pooling at, of steps chosen before");
  pooling_free(&c);
}

int main(void) {
  check_start();
  check_bits(64);
  static const int64_t sizes[][3] = {{1, 1, 1}, {7, 3, 5}, {31, 2, 33}, {5, 33, 1}, {3, 0, 4}};
  for (int kind = 0; kind < 3; kind++)
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++)
      test_pooling((sq_pooling_kind)kind, sizes[s][0], sizes[s][1], sizes[s][2]);
  test_edges();
  return check_finish();
}
