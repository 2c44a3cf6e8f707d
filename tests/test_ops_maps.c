/* test_ops_maps.c - operators on single elements: the float32 activations against libm, and the maps. */
#include "tests/tensors.h"

#include "core/activations.h"

/* --- activations --- */

static void worst_error(double *worst, float got, double want) {
  const double error = fabs((double)got - want) / fmax(fabs(want), 0x1p-126);
  *worst = check_worse(error, *worst);
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
  check_error(exp_error, 3e-7, "exp against libm");
  check_error(tanh_error, 3e-7, "tanh against libm");
  check_error(sigmoid_error, 3e-7, "sigmoid against libm");
  CHECK(isnan(sq_exp_f32(NAN)) && isnan(sq_tanh_f32(NAN)) && isnan(sq_sigmoid_f32(NAN)),
        "activations of NaN");
  CHECK(isnan(sq_activate_f32(SQ_RELU, NAN)), "relu of NaN");
  CHECK(sq_exp_f32(INFINITY) == INFINITY && sq_exp_f32(-INFINITY) == 0, "exp of infinities");
  CHECK(sq_tanh_f32(INFINITY) == 1 && sq_tanh_f32(-INFINITY) == -1, "tanh of infinities");
  CHECK(sq_sigmoid_f32(INFINITY) == 1 && sq_sigmoid_f32(-INFINITY) == 0, "sigmoid of infinities");
  CHECK(signbit(sq_tanh_f32(-0.0f)) && sq_tanh_f32(1e-40f) == 1e-40f, "tanh of -0 and of a denormal");
  CHECK(sq_exp_f32(0) == 1 && sq_sigmoid_f32(0) == 0.5f, "exp and sigmoid of 0");
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
                          [SQ_MAP_MUL] = a * b,
                          [SQ_MAP_TOWARDS] = (1 - m->alpha) * b + m->alpha * a};
  return value[m->kind];
}

static const char *const map_names[] = {"activation", "activation gradient", "scale", "add", "multiply",
                                        "towards"};
static const char *const activation_names[] = {"tanh", "relu", "sigmoid", "identity"};

/* The ranges keep results away from 0, where float32 has few digits left of a difference. */
static void test_map(sq_map_kind kind, sq_activation activation, int64_t n, int accumulate) {
  const double range = kind == SQ_MAP_ACTIVATION_GRAD ? 0.9 : 3;
  tensor a = tensor_random("a", n, -range, range), b = tensor_random("b", n, -3, 3),
         want = tensor_new("want", n);
  tensor y = accumulate ? tensor_random("y", n, 20, 21) : tensor_new("y", n);
  const int two = kind != SQ_MAP_ACTIVATION && kind != SQ_MAP_SCALE;
  sq_map_args m = {kind, activation, n, -0.7, NULL, NULL, NULL, accumulate};
  for (int64_t i = 0; i < n; i++) want.d[i] = plain_map(&m, a.d[i], b.d[i]) + (accumulate ? y.d[i] : 0);
  for (int k = 0; k < 2; k++) {
    m.a = at(a, both[k]);
    m.b = two ? at(b, both[k]) : NULL;
    m.y = at(y, both[k]);
    ops(both[k])->map(&serial, &m);
  }
  char what[80];
  snprintf(what, sizeof what, "map, %s %s of %ld%s", map_names[kind], activation_names[activation], (long)n,
           accumulate ? " +=" : "");
  check_error(check_norm_f64(y.d, want.d, n), EXACT, "%s", what);
  check_single(y, what);
  if (!accumulate) {
    m.y = (void *)(uintptr_t)(m.a = at(a, 64));
    m.b = two ? at(b, 64) : NULL;
    sq_cpu_ops_f64.map(&serial, &m);
    CHECK(memcmp(a.d, y.d, (size_t)n * sizeof(double)) == 0, "%s, in place", what);
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
  check_slope(map_scalar, &s, x, dx, name("map, %s", activation_names[kind]));
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
    check_bits(both[k]);
    CHECK(right, "map, %s keeps a NaN in its place", activation_names[kind]);
  }
  check_bits(64);
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
      test_map(SQ_MAP_TOWARDS, SQ_IDENTITY, sizes[i], accumulate);
    }
  }
  for (int k = SQ_TANH; k <= SQ_IDENTITY; k++) {
    test_activation_slope((sq_activation)k);
    test_map_nan((sq_activation)k);
  }
}

int main(void) {
  check_start();
  check_bits(32);
  test_activations();
  check_bits(64);
  test_maps();
  return check_finish();
}
