/* initialise.c - initialisation of weights; see initialise.h.
 *
 *   orthogonal   Saxe, McClelland, Ganguli 2013: Q of the QR decomposition of a Gaussian matrix by
 *                Householder reflections; column k times the sign of R[k,k], else Q would not be uniformly
 *                distributed (Mezzadri 2007).
 *   sparse, np, reservoir   square matrices with a given largest eigenvalue: spectral.c
 */
#include "core/initialise.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/dot.h"
#include "core/spectral_draw.h"

int FN(sq_initialise_uniform)(sq_rng *rng, int64_t rows, int64_t cols, double value, real *weight) {
  for (int64_t i = 0; i < rows * cols; i++) weight[i] = (real)(value * (2 * sq_rng_uniform(rng) - 1));
  return 0;
}

int FN(sq_initialise_normal)(sq_rng *rng, int64_t rows, int64_t cols, double value, real *weight) {
  double pair[2];
  for (int64_t i = 0; i < rows * cols; i++) {
    if (i % 2 == 0) sq_rng_normal_pair(rng, pair);
    weight[i] = (real)(value * pair[i % 2]);
  }
  return 0;
}

int FN(sq_initialise_xavier)(sq_rng *rng, int64_t rows, int64_t cols, double value, real *weight) {
  return FN(sq_initialise_uniform)(rng, rows, cols, value * sqrt(6 / (double)(rows + cols)), weight);
}

int FN(sq_initialise_identity)(sq_rng *rng, int64_t rows, int64_t cols, double value, real *weight) {
  (void)rng;
  for (int64_t i = 0; i < rows; i++)
    for (int64_t j = 0; j < cols; j++) weight[i * cols + j] = i == j ? (real)value : 0;
  return 0;
}

int FN(sq_initialise_constant)(sq_rng *rng, int64_t rows, int64_t cols, double value, real *weight) {
  (void)rng;
  for (int64_t i = 0; i < rows * cols; i++) weight[i] = (real)value;
  return 0;
}

int FN(sq_initialise_zeros)(sq_rng *rng, int64_t rows, int64_t cols, double value, real *weight) {
  (void)value;
  return FN(sq_initialise_constant)(rng, rows, cols, 0, weight);
}

/* Fisher & Yates, from the front: i goes to a random place among 0..i, and what was there goes to place i. */
int FN(sq_initialise_permutation)(sq_rng *rng, int64_t rows, int64_t cols, double value, real *weight) {
  (void)value;
  for (int64_t i = 0; i < rows * cols; i++) {
    const int64_t place = sq_rng_below(rng, (uint32_t)(i + 1));
    weight[i] = weight[place];
    weight[place] = (real)i;
  }
  return 0;
}

/* x = (1 - 2 v v^T / v.v) x */
static void reflect(int64_t n, const double *v, double *x) {
  const double vv = sq_dot(n, v, v);
  if (vv == 0) return;
  const double twice = 2 * sq_dot(n, v, x) / vv;
  for (int64_t i = 0; i < n; i++) x[i] -= twice * v[i];
}

/* The vector v whose reflection takes x to (r, 0, 0, ...), in place of x; returns r.  Its sign is opposite to
 * that of x[0], so nothing cancels. */
static double householder(int64_t n, double *x) {
  const double norm = sqrt(sq_dot(n, x, x));
  const double r = x[0] > 0 ? -norm : norm;
  x[0] -= r;
  return r;
}

/* Orthonormal columns: a and q hold `count` columns of n elements, count <= n; a is Gaussian and used up. */
static void orthonormal_columns(int64_t n, int64_t count, double *a, double *q) {
  memset(q, 0, (size_t)(n * count) * sizeof *q);
  for (int64_t k = 0; k < count; k++) {
    double *v = a + k * n + k; /* rows k.. of column k */
    q[k * n + k] = householder(n - k, v) < 0 ? -1 : 1;
    for (int64_t j = k + 1; j < count; j++) reflect(n - k, v, a + j * n + k);
  }
  for (int64_t k = count - 1; k >= 0; k--)
    for (int64_t j = k; j < count; j++) reflect(n - k, a + k * n + k, q + j * n + k);
}

int FN(sq_initialise_orthogonal)(sq_rng *rng, int64_t rows, int64_t cols, double value, real *weight) {
  const int tall = rows > cols;
  const int64_t n = tall ? rows : cols, count = tall ? cols : rows;
  if (count == 0) return 0;
  double *a = malloc((size_t)(2 * n * count) * sizeof *a);
  if (a == NULL) return -1;
  double *q = a + n * count, pair[2];
  for (int64_t i = 0; i < n * count; i++) {
    if (i % 2 == 0) sq_rng_normal_pair(rng, pair);
    a[i] = pair[i % 2];
  }
  orthonormal_columns(n, count, a, q);
  for (int64_t i = 0; i < rows; i++)
    for (int64_t j = 0; j < cols; j++)
      weight[i * cols + j] = (real)(value * (tall ? q[j * n + i] : q[i * n + j]));
  free(a);
  return 0;
}

/* ---------------------------------------------------------------- square matrices */

typedef int draw_fn(sq_rng *rng, int64_t n, double value, double *weight);

static int draw_sparse(sq_rng *rng, int64_t n, double value, double *weight) {
  return sq_draw_links(rng, n, 15, SQ_LINK_NORMAL, value, weight);
}

static int draw_reservoir(sq_rng *rng, int64_t n, double value, double *weight) {
  return sq_draw_links(rng, n, 10, SQ_LINK_UNIFORM, value, weight);
}

/* Drawn in double precision, and rounded. */
static int fill_square(draw_fn *draw, sq_rng *rng, int64_t n, double value, real *weight) {
  double *drawn = malloc((size_t)(n * n + 1) * sizeof *drawn);
  if (drawn == NULL) return -1;
  const int failed = draw(rng, n, value, drawn);
  for (int64_t i = 0; !failed && i < n * n; i++) weight[i] = (real)drawn[i];
  free(drawn);
  return failed;
}

int FN(sq_initialise_sparse)(sq_rng *rng, int64_t rows, int64_t cols, double value, real *weight) {
  (void)cols;
  return fill_square(draw_sparse, rng, rows, value, weight);
}

int FN(sq_initialise_reservoir)(sq_rng *rng, int64_t rows, int64_t cols, double value, real *weight) {
  (void)cols;
  return fill_square(draw_reservoir, rng, rows, value, weight);
}

int FN(sq_initialise_np)(sq_rng *rng, int64_t rows, int64_t cols, double value, real *weight) {
  (void)cols;
  return fill_square(sq_draw_normalised_positive, rng, rows, value, weight);
}

/* The table serves both precisions; it is compiled with one of them. */
#if SEQGPU_REAL_BITS == 32

const sq_initialiser sq_initialisers[] = {
#define SQ_INITIALISER_ROW(name, value, square, about)                                                       \
  {#name, value, square, about, sq_initialise_##name##_f32, sq_initialise_##name##_f64},
    SQ_INITIALISERS(SQ_INITIALISER_ROW)
#undef SQ_INITIALISER_ROW
};
const int sq_initialiser_count = (int)(sizeof sq_initialisers / sizeof sq_initialisers[0]);

const sq_initialiser *sq_initialiser_find(const char *name) {
  for (int i = 0; name != NULL && i < sq_initialiser_count; i++)
    if (strcmp(sq_initialisers[i].name, name) == 0) return &sq_initialisers[i];
  return NULL;
}

#endif
