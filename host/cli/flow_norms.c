/* flow_norms.c - sweeps over the steps of a network, and power iteration (flow_norms.h). */
#include "host/cli/flow_norms.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host/cli/cli.h"

/* ---------------------------------------------------------------- vectors with an exponent */

/* Brings the largest element to [1/2,1), and returns the power of two that was taken out. */
static int take_power(double *v, int64_t n) {
  double most = 0;
  int power = 0;
  for (int64_t i = 0; i < n; i++) most = fmax(most, fabs(v[i]));
  if (most == 0 || !isfinite(most)) return 0;
  frexp(most, &power);
  for (int64_t i = 0; i < n; i++) v[i] = ldexp(v[i], -power);
  return power;
}

/* log10(x 2^power) */
static double log_of(double x, int64_t power) {
  if (power > -900 && power < 900) return log10(ldexp(x, (int)power));
  return log10(x) + (double)power * log10(2.0);
}

static double norm_of(const double *v, int64_t n) {
  double sum = 0;
  for (int64_t i = 0; i < n; i++) sum += v[i] * v[i];
  return sqrt(sum);
}

static double *block_of(const flow *f, double *vector, flow_block b) {
  return vector + b.layer * f->W + f->state_first[b.state];
}

/* Everything but a block becomes 0. */
static void keep_block(const flow *f, double *vector, flow_block b) {
  double *first = block_of(f, vector, b), *last = first + f->state_width[b.state];
  for (double *v = vector; v < vector + f->S; v++)
    if (v < first || v >= last) *v = 0;
}

/* ---------------------------------------------------------------- sweeps of one vector */

static seqgpu_status sweep_gradient(flow *f, double *v, double *log_norm) {
  int64_t power = 0;
  for (int64_t t = f->T; t >= 1; t--) {
    power += take_power(v, f->S);
    for (int64_t l = 0; l < f->L; l++)
      for (int k = 0; k < f->K; k++)
        log_norm[((t - 1) * f->L + l) * f->K + k] =
            log_of(norm_of(block_of(f, v, (flow_block){l, k}), f->state_width[k]), power);
    if (t > 1) LIB_TRY(flow_step(f, 1, 1, &t, v, v));
  }
  return SEQGPU_OK;
}

seqgpu_status flow_gradient(flow *f, const double *gradient, double *log_norm) {
  double *v = malloc((size_t)f->S * sizeof *v);
  if (v == NULL) return cli_no_memory();
  memcpy(v, gradient, (size_t)f->S * sizeof *v);
  const seqgpu_status status = sweep_gradient(f, v, log_norm);
  free(v);
  return status;
}

static seqgpu_status sweep_path(flow *f, flow_block b, double *v, double *log_most, double *log_least) {
  const double *unit = block_of(f, v, b);
  int64_t power = 0;
  for (int64_t t = f->T; t >= 1; t--) {
    keep_block(f, v, b);
    power += take_power(v, f->S);
    double most = 0, least = INFINITY;
    for (int64_t j = 0; j < f->state_width[b.state]; j++) {
      most = fmax(most, fabs(unit[j]));
      least = fmin(least, fabs(unit[j]));
    }
    log_most[t - 1] = log_of(most, power);
    log_least[t - 1] = log_of(least, power);
    if (t > 1) LIB_TRY(flow_step(f, 1, 1, &t, v, v));
  }
  return SEQGPU_OK;
}

seqgpu_status flow_path(flow *f, int64_t layer, double *log_most, double *log_least) {
  double *v = malloc((size_t)f->S * sizeof *v);
  if (v == NULL) return cli_no_memory();
  for (int64_t i = 0; i < f->S; i++) v[i] = 1; /* its elements stay apart, so that each unit has its own */
  const seqgpu_status status = sweep_path(f, (flow_block){layer, 1}, v, log_most, log_least);
  free(v);
  return status;
}

/* ---------------------------------------------------------------- power iteration
 * With two vectors a product: one alone can miss the largest direction for long, where it begins almost at a
 * right angle to it. */

enum { PRODUCTS = FLOW_ROWS / 2 };

/* So many products ds_to/ds_from at once; vectors 2 i and 2 i + 1 are those of product i. */
typedef struct batch {
  flow_block block;
  int64_t count;
  const int64_t *from, *to;
  double *log_norm; /* of the last iteration */
  double *vector;   /* [2 count,S] */
  double *packed;   /* [2 count,S] those that move, side by side */
  int64_t power[FLOW_ROWS];
  unsigned char ready[PRODUCTS];
} batch;

/* Product i's step number n of a sweep, 0 if it has come to its end or is ready. */
static int64_t step_of(const batch *b, int back, int64_t i, int64_t n) {
  if (b->ready[i] || b->from[i] + n >= b->to[i]) return 0;
  return back ? b->to[i] - n : b->from[i] + n + 1;
}

/* All vectors through all of their steps. */
static seqgpu_status sweep(flow *f, batch *b, int back) {
  const size_t size = (size_t)f->S * sizeof(double);
  for (int64_t n = 0;; n++) {
    int64_t row[FLOW_ROWS], step[FLOW_ROWS], rows = 0;
    for (int64_t r = 0; r < 2 * b->count; r++) {
      const int64_t t = step_of(b, back, r / 2, n);
      if (t == 0) continue;
      b->power[r] += take_power(b->vector + r * f->S, f->S);
      memcpy(b->packed + rows * f->S, b->vector + r * f->S, size);
      row[rows] = r;
      step[rows++] = t;
    }
    if (rows == 0) return SEQGPU_OK;
    LIB_TRY(flow_step(f, back, rows, step, b->packed, b->packed));
    for (int64_t k = 0; k < rows; k++) memcpy(b->vector + row[k] * f->S, b->packed + k * f->S, size);
  }
}

/* Brings the two vectors of a product to one power of two, and returns it. */
static int64_t share_power(const flow *f, batch *b, int64_t i) {
  int64_t power[2], most = INT64_MIN;
  for (int k = 0; k < 2; k++) {
    double *v = b->vector + (2 * i + k) * f->S;
    keep_block(f, v, b->block);
    power[k] = b->power[2 * i + k] + take_power(v, f->S);
    b->power[2 * i + k] = 0;
    if (norm_of(v, f->S) > 0 && power[k] > most) most = power[k];
  }
  for (int k = 0; k < 2 && most > INT64_MIN; k++) {
    const int64_t less = most - power[k] < 2000 ? most - power[k] : 2000; /* more than a double has */
    for (int64_t j = 0; less > 0 && j < f->S; j++)
      b->vector[(2 * i + k) * f->S + j] = ldexp(b->vector[(2 * i + k) * f->S + j], (int)-less);
  }
  return most > INT64_MIN ? most : 0;
}

/* Divides by the norm; what is no longer than `least` becomes 0. */
static void scale(double *v, int64_t n, double norm, double least) {
  for (int64_t j = 0; j < n; j++) v[j] = norm > least ? v[j] / norm : 0;
}

/* Turns the two vectors of a product so that they are orthogonal and the first is the longest that a turn
 * can make; both get norm 1.  Of a second one that is much shorter little but rounding is left, which need
 * not be orthogonal; by then the first has found its direction.  Returns the logarithm of the norm that the
 * first had. */
static double turn(const flow *f, batch *b, int64_t i) {
  double *v = b->vector + 2 * i * f->S, *w = v + f->S, vv = 0, vw = 0, ww = 0;
  const int64_t power = share_power(f, b, i);
  for (int64_t j = 0; j < f->S; j++) vv += v[j] * v[j], vw += v[j] * w[j], ww += w[j] * w[j];
  const double angle = atan2(2 * vw, vv - ww) / 2, c = cos(angle), s = sin(angle);
  for (int64_t j = 0; j < f->S; j++) {
    const double x = v[j], y = w[j];
    v[j] = c * x + s * y;
    w[j] = c * y - s * x;
  }
  const double norm = norm_of(v, f->S);
  scale(v, f->S, norm, 0);
  scale(w, f->S, norm_of(w, f->S), 1e-5 * norm);
  return log_of(norm, power);
}

/* 1 when all products are ready. */
static int judge(const flow *f, batch *b) {
  int all = 1;
  for (int64_t i = 0; i < b->count; i++) {
    if (b->ready[i]) continue;
    const double now = turn(f, b, i), change = fabs(now - b->log_norm[i]);
    b->log_norm[i] = now;
    b->ready[i] = !isfinite(now) || change < log10(1 + FLOW_CHANGE);
    all &= b->ready[i];
  }
  return all;
}

static seqgpu_status iterate(flow *f, batch *b, int *iterations) {
  enum { STREAM = 11 };
  for (int64_t i = 0; i < b->count; i++) {
    b->log_norm[i] = INFINITY;
    for (int64_t j = 0; j < 2 * f->S; j++)
      b->vector[2 * i * f->S + j] = seqgpu_uniform(0, STREAM, (uint64_t)j) - 0.5;
    turn(f, b, i);
  }
  for (int n = 1; n <= FLOW_MOST; n++) {
    LIB_TRY(sweep(f, b, 0));
    for (int64_t i = 0; i < b->count; i++)
      if (!b->ready[i]) turn(f, b, i);
    LIB_TRY(sweep(f, b, 1));
    if (n > *iterations) *iterations = n;
    if (judge(f, b)) break;
  }
  return SEQGPU_OK;
}

seqgpu_status flow_singular(flow *f, flow_block block, int64_t count, const int64_t *from, const int64_t *to,
                            double *log_norm, int *iterations) {
  const size_t size = (size_t)(FLOW_ROWS * f->S) * sizeof(double);
  double *vector = calloc(1, size), *packed = calloc(1, size);
  seqgpu_status status = vector && packed ? SEQGPU_OK : cli_no_memory();
  *iterations = 0;
  for (int64_t first = 0; vector && packed && status == SEQGPU_OK && first < count; first += PRODUCTS) {
    batch b = {.block = block,
               .count = count - first < PRODUCTS ? count - first : PRODUCTS,
               .from = from + first,
               .to = to + first,
               .log_norm = log_norm + first,
               .vector = vector,
               .packed = packed};
    status = iterate(f, &b, iterations);
  }
  free(vector);
  free(packed);
  return status;
}

/* ---------------------------------------------------------------- rates */

double flow_factor(int64_t count, const int64_t *t, const double *log_norm) {
  double n = 0, sx = 0, sy = 0, sxx = 0, sxy = 0;
  const double origin = count ? (double)t[0] : 0; /* keeps the sums of squares small */
  for (int64_t i = 0; i < count; i++) {
    if (!isfinite(log_norm[i])) continue;
    const double x = origin - (double)t[i];
    n++, sx += x, sy += log_norm[i], sxx += x * x, sxy += x * log_norm[i];
  }
  const double spread = n * sxx - sx * sx;
  return spread > 0 ? pow(10, (n * sxy - sx * sy) / spread) : (double)NAN;
}
