/* ridge.c - least squares with a penalty, row by row; see ridge.h.
 *
 * qr: a piece Z of new rows is rotated into the triangle by one Householder reflection per column,
 *
 *   v = (R[j,j] - beta, Z[:,j]),  beta = -sign(R[j,j]) |(R[j,j], Z[:,j])|
 *   (row j of R; Z) = (I - 2 v v^T / v.v) (row j of R; Z)
 *
 * (Golub & Van Loan, section 6.5: updating QR).  The penalty is n more rows: sqrt(lambda) I | 0.
 *
 * cholesky: X^T X + lambda I = L L^T (cholesky.c).
 */
#define SEQGPU_REAL_BITS 64 /* whose GEMM it is */
#include "core/ridge.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "core/cholesky.h"
#include "core/dot.h"
#include "core/gemm.h"

enum { PIECE = 256 }; /* rows that are rotated at once */

/* ---------------------------------------------------------------- vectors */

/* y += alpha x */
SQ_CLONES static void add_scaled(int64_t n, double alpha, const double *restrict x, double *restrict y) {
  for (int64_t i = 0; i < n; i++) y[i] += alpha * x[i];
}

SQ_CLONES static double dot(int64_t n, const double *x, const double *y) { return sq_dot(n, x, y); }

/* ---------------------------------------------------------------- QR */

/* One reflection: column j of Z vanishes into R[j,j].  r: R[j,j], and the `width` - 1 elements after it; z:
 * Z[0,j]. */
static void reflect(int64_t width, double *r, int64_t rows, double *z, int64_t ld) {
  double v[PIECE], sum = 0;
  for (int64_t i = 0; i < rows; i++) v[i] = z[i * ld];
  for (int64_t i = 0; i < rows; i++) sum += v[i] * v[i];
  if (sum < DBL_MIN) return; /* nothing, or as good as that: 2 / sum must be a number */
  const double norm = sqrt(r[0] * r[0] + sum), beta = r[0] > 0 ? -norm : norm, v0 = r[0] - beta;
  const double scale = 2 / (v0 * v0 + sum);
  enum { STRIP = 512 }; /* columns at a time, so that `product` needs no memory of its own */
  for (int64_t first = 1; first < width; first += STRIP) {
    const int64_t n = width - first < STRIP ? width - first : STRIP;
    double product[STRIP]; /* scale * v^T (R[j,:]; Z) */
    for (int64_t k = 0; k < n; k++) product[k] = scale * v0 * r[first + k];
    for (int64_t i = 0; i < rows; i++) add_scaled(n, scale * v[i], z + i * ld + first, product);
    add_scaled(n, -v0, product, r + first);
    for (int64_t i = 0; i < rows; i++) add_scaled(n, -v[i], product, z + i * ld + first);
  }
  r[0] = beta;
}

/* In pieces (x | y), which are used up. */
static void qr_add(sq_pool *pool, int64_t n, int64_t m, double *a, int64_t rows, const double *x,
                   const double *y, double *work) {
  (void)pool;
  const int64_t width = n + m;
  for (int64_t first = 0; first < rows; first += PIECE) {
    const int64_t count = rows - first < PIECE ? rows - first : PIECE;
    for (int64_t i = 0; i < count; i++) {
      memcpy(work + i * width, x + (first + i) * n, (size_t)n * sizeof *x);
      memcpy(work + i * width + n, y + (first + i) * m, (size_t)m * sizeof *y);
    }
    for (int64_t j = 0; j < n; j++) reflect(width - j, a + j * width + j, count, work + j, width);
  }
}

/* The rows sqrt(lambda) I; those from `first` on have nothing in the columns before. */
static void qr_penalty(int64_t n, int64_t m, double *a, double lambda, double *work) {
  const int64_t width = n + m;
  for (int64_t first = 0; first < n; first += PIECE) {
    const int64_t rows = n - first < PIECE ? n - first : PIECE;
    memset(work, 0, (size_t)(rows * width) * sizeof *work);
    for (int64_t i = 0; i < rows; i++) work[i * width + first + i] = sqrt(lambda);
    for (int64_t j = first; j < n; j++) reflect(width - j, a + j * width + j, rows, work + j, width);
  }
}

/* Upper triangular R w = b for each column b of Q^T Y. */
static int64_t qr_solve(sq_pool *pool, int64_t n, int64_t m, double *a, double lambda, double *work,
                        double *w) {
  (void)pool;
  const int64_t width = n + m;
  double largest = 0;
  if (lambda > 0) qr_penalty(n, m, a, lambda, work);
  for (int64_t j = 0; j < n; j++) largest = fmax(largest, fabs(a[j * width + j]));
  for (int64_t j = 0; j < n; j++)
    if (!(fabs(a[j * width + j]) > DBL_EPSILON * (double)n * largest)) return 1 + j;
  for (int64_t k = 0; k < m; k++)
    for (int64_t j = n - 1; j >= 0; j--) {
      const double *row = a + j * width;
      w[k * n + j] = (row[n + k] - dot(n - 1 - j, row + j + 1, w + k * n + j + 1)) / row[j];
    }
  return 0;
}

/* ---------------------------------------------------------------- Cholesky */

/* a += (x | y)^T x */
static void cholesky_add(sq_pool *pool, int64_t n, int64_t m, double *a, int64_t rows, const double *x,
                         const double *y, double *work) {
  (void)work;
  sq_gemm_lower_f64(pool, n, n, rows, x, n, x, n, a, n);
  sq_gemm_f64(pool, 1, 0, m, n, rows, y, m, x, n, 1, a + n * n, n);
}

/* L L^T w = b: forward, then backward by columns of L^T, which are rows of L. */
static int64_t cholesky_solve(sq_pool *pool, int64_t n, int64_t m, double *a, double lambda, double *work,
                              double *w) {
  const int64_t singular = sq_cholesky(pool, n, a, lambda, work);
  if (singular) return singular;
  memcpy(w, a + n * n, (size_t)(m * n) * sizeof *w);
  for (int64_t k = 0; k < m; k++) {
    double *b = w + k * n;
    for (int64_t i = 0; i < n; i++) b[i] = (b[i] - dot(i, a + i * n, b)) / a[i * n + i];
    for (int64_t i = n - 1; i >= 0; i--) {
      b[i] /= a[i * n + i];
      add_scaled(i, -b[i], a + i * n, b);
    }
  }
  return 0;
}

static int64_t qr_work(int64_t n, int64_t m) { return PIECE * (n + m); }
static int64_t cholesky_work(int64_t n, int64_t m) {
  (void)m;
  return sq_cholesky_work(n);
}

const sq_ridge_method sq_ridge_qr = {qr_work, qr_add, qr_solve};
const sq_ridge_method sq_ridge_cholesky = {cholesky_work, cholesky_add, cholesky_solve};
