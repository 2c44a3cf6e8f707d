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

/* ---------------------------------------------------------------- power iteration */

/* So many products ds_to/ds_from at once. */
typedef struct batch {
  flow_block block;
  int64_t rows;
  const int64_t *from, *to;
  double *log_norm;         /* of the last iteration */
  double *vector;           /* [rows,S] */
  double *packed;           /* [rows,S] those that move, side by side */
  int64_t power[FLOW_ROWS]; /* of vector */
  unsigned char ready[FLOW_ROWS];
} batch;

/* Row r's step number i of a sweep, 0 if it has come to its end or is ready. */
static int64_t step_of(const batch *b, int back, int64_t r, int64_t i) {
  if (b->ready[r] || b->from[r] + i >= b->to[r]) return 0;
  return back ? b->to[r] - i : b->from[r] + i + 1;
}

/* All rows through all of their steps. */
static seqgpu_status sweep(flow *f, batch *b, int back) {
  for (int64_t i = 0;; i++) {
    int64_t row[FLOW_ROWS], step[FLOW_ROWS], n = 0;
    for (int64_t r = 0; r < b->rows; r++) {
      const int64_t t = step_of(b, back, r, i);
      if (t == 0) continue;
      b->power[r] += take_power(b->vector + r * f->S, f->S);
      memcpy(b->packed + n * f->S, b->vector + r * f->S, (size_t)f->S * sizeof(double));
      row[n] = r;
      step[n++] = t;
    }
    if (n == 0) return SEQGPU_OK;
    LIB_TRY(flow_step(f, back, n, step, b->packed, b->packed));
    for (int64_t k = 0; k < n; k++)
      memcpy(b->vector + row[k] * f->S, b->packed + k * f->S, (size_t)f->S * sizeof(double));
  }
}

/* Rows of unit norm, and the logarithms of the norms that they had. */
static void normalise(const flow *f, batch *b, double log_norm[FLOW_ROWS]) {
  for (int64_t r = 0; r < b->rows; r++) {
    if (b->ready[r]) continue;
    double *v = b->vector + r * f->S;
    keep_block(f, v, b->block);
    b->power[r] += take_power(v, f->S);
    const double norm = norm_of(v, f->S);
    log_norm[r] = log_of(norm, b->power[r]);
    b->power[r] = 0;
    for (int64_t j = 0; norm > 0 && j < f->S; j++) v[j] /= norm;
  }
}

/* 1 when all rows are ready. */
static int judge(batch *b, const double log_norm[FLOW_ROWS]) {
  int all = 1;
  for (int64_t r = 0; r < b->rows; r++) {
    if (b->ready[r]) continue;
    const double change = fabs(log_norm[r] - b->log_norm[r]);
    b->log_norm[r] = log_norm[r];
    b->ready[r] = !isfinite(log_norm[r]) || change < log10(1 + FLOW_CHANGE);
    all &= b->ready[r];
  }
  return all;
}

static seqgpu_status iterate(flow *f, batch *b, int *iterations) {
  enum { STREAM = 11 };
  double log_norm[FLOW_ROWS] = {0};
  for (int64_t r = 0; r < b->rows; r++) {
    b->log_norm[r] = INFINITY;
    for (int64_t j = 0; j < f->S; j++) b->vector[r * f->S + j] = seqgpu_uniform(0, STREAM, (uint64_t)j) - 0.5;
  }
  normalise(f, b, log_norm);
  for (int i = 1; i <= FLOW_MOST; i++) {
    LIB_TRY(sweep(f, b, 0));
    normalise(f, b, log_norm);
    LIB_TRY(sweep(f, b, 1));
    normalise(f, b, log_norm);
    if (i > *iterations) *iterations = i;
    if (judge(b, log_norm)) break;
  }
  return SEQGPU_OK;
}

seqgpu_status flow_singular(flow *f, flow_block block, int64_t count, const int64_t *from, const int64_t *to,
                            double *log_norm, int *iterations) {
  const size_t size = (size_t)(FLOW_ROWS * f->S) * sizeof(double);
  double *vector = malloc(size), *packed = malloc(size);
  seqgpu_status status = vector && packed ? SEQGPU_OK : cli_no_memory();
  *iterations = 0;
  for (int64_t first = 0; first < count && status == SEQGPU_OK; first += FLOW_ROWS) {
    batch b = {.block = block,
               .rows = count - first < FLOW_ROWS ? count - first : FLOW_ROWS,
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
