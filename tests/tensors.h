/* tensors.h - what the operator tests (test_ops_*.c) share: tensors in both precisions, and gradients by
 * differences.
 *
 * Forward: float64 against a formula written down again in the test, without the tricks of core/.  Backward:
 * against central differences of the float64 forward.  Float32: against float64 on the same inputs.
 */
#ifndef TENSORS_H
#define TENSORS_H

#include "tests/check.h"

#include "core/ops.h"

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
static inline tensor tensor_new(const char *name, int64_t n) {
  const tensor t = {n, check_alloc(name, (size_t)n * sizeof(double)),
                    check_alloc(name, (size_t)n * sizeof(float))};
  return t;
}

static inline void tensor_set(tensor t, int64_t i, double value) {
  t.f[i] = (float)value;
  t.d[i] = (double)t.f[i]; /* the same number in both */
}

static inline void tensor_fill(tensor t, double low, double high) {
  for (int64_t i = 0; i < t.n; i++) tensor_set(t, i, check_uniform(low, high));
}

static inline tensor tensor_random(const char *name, int64_t n, double low, double high) {
  const tensor t = tensor_new(name, n);
  tensor_fill(t, low, high);
  return t;
}

static inline void tensor_free(tensor t) {
  check_free(t.d);
  check_free(t.f);
}

static inline void tensors_free(int n, tensor *const list[]) {
  for (int i = 0; i < n; i++) tensor_free(*list[i]);
}
#define TENSORS_FREE(...)                                                                                    \
  tensors_free((int)(sizeof((tensor *[]){__VA_ARGS__}) / sizeof(tensor *)), (tensor *[]){__VA_ARGS__})

static inline void *at(tensor t, int bits) { return bits == 64 ? (void *)t.d : (void *)t.f; }
static inline double get(tensor t, int bits, int64_t i) { return bits == 64 ? t.d[i] : (double)t.f[i]; }
static inline const sq_ops *ops(int bits) { return bits == 64 ? &sq_cpu_ops_f64 : &sq_cpu_ops_f32; }

/* Most checks of these programs are of float64, which main says; what is of another precision says so for its
 * time. */
static inline void check_bits(int bits) { check_at("cpu f%d", bits); }

static inline void check_single(tensor t, const char *what) {
  check_bits(32);
  check_error(check_norm_f32(t.f, t.d, t.n), SINGLE, "%s", what);
  check_bits(64);
}

static inline int32_t *lengths_new(int64_t n, int64_t low, int64_t high) {
  int32_t *lengths = check_alloc("lengths", (size_t)n * sizeof *lengths);
  for (int64_t i = 0; i < n; i++) lengths[i] = (int32_t)(low + check_below(high - low + 1));
  return lengths;
}

static sq_exec serial; /* no pool */
static const int both[2] = {64, 32};
static char label[160];

__attribute__((format(printf, 1, 2))) static inline const char *name(const char *format, ...) {
  va_list args;
  va_start(args, format);
  vsnprintf(label, sizeof label, format, args);
  va_end(args);
  return label;
}

/* scalar(context) with x[i] moved by h. */
static inline double moved(double (*scalar)(void *), void *context, tensor x, int64_t i, double h) {
  const double kept = x.d[i];
  x.d[i] = kept + h;
  const double value = scalar(context);
  x.d[i] = kept;
  return value;
}

/* d(scalar)/dx by central differences of fourth order against an analytic gradient, at up to 40 places.  The
 * step is wide, which keeps rounding small: the error is h^4 of the fifth derivative. */
static inline void check_slope(double (*scalar)(void *), void *context, tensor x, tensor gradient,
                               const char *what) {
  const double h = 1e-3;
  check_distance d = {0, 0};
  const int64_t places = x.n < 40 ? x.n : 40;
  for (int64_t k = 0; k < places; k++) {
    const int64_t i = x.n <= 40 ? k : check_below(x.n);
    const double near = moved(scalar, context, x, i, h) - moved(scalar, context, x, i, -h);
    const double far = moved(scalar, context, x, i, 2 * h) - moved(scalar, context, x, i, -2 * h);
    check_distance_add(&d, gradient.d[i], (8 * near - far) / (12 * h));
  }
  scalar(context); /* leaves the results of the unmoved x */
  check_error(sqrt(d.difference2) / (sqrt(d.reference2) + 1e-4), SLOPE, "%s, gradient", what);
}

static inline double weighted_sum(tensor w, tensor y) {
  double sum = 0;
  for (int64_t i = 0; i < w.n; i++) sum += w.d[i] * y.d[i];
  return sum;
}

#endif
