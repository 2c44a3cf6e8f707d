/* test_cholesky.c - the Cholesky factor (core/cholesky.c), and the lower half of a product that it is made of.
 *
 *   product    on and below the diagonal the bits of the whole product, in one and in three threads; columns of
 *              other matrices, right of C, stay as they are
 *   factor     L L^T = A + lambda I, in sizes around those of the blocks; what is above the diagonal is not read
 *   singular   the row that is a combination of those before it is named
 */
#define SEQGPU_REAL_BITS 64 /* whose GEMM it is */
#include "core/cholesky.h"
#include "core/gemm.h"
#include "tests/check.h"

static double *drawn(const char *name, int64_t elements) {
  double *p = check_alloc(name, (size_t)elements * sizeof *p);
  check_fill_f64(p, elements, -1, 1);
  return p;
}

/* ---------------------------------------------------------------- the lower half of a product */

static void check_product(sq_pool *pool, int64_t m, int64_t n, int64_t k) {
  const int64_t lda = m + 1, ldb = n + 2, ldc = n + 3;
  double *a = drawn("a", k * lda), *b = drawn("b", k * ldb), *whole = drawn("whole", m * ldc);
  double *lower = check_alloc("lower", (size_t)(m * ldc) * sizeof *lower);
  memcpy(lower, whole, (size_t)(m * ldc) * sizeof *lower);
  sq_gemm_f64(NULL, 1, 0, m, n, k, a, lda, b, ldb, 1, whole, ldc);
  sq_gemm_lower_f64(pool, m, n, k, a, lda, b, ldb, lower, ldc);
  int64_t wrong = 0;
  for (int64_t i = 0; i < m; i++)
    for (int64_t j = 0; j < ldc; j++)
      wrong += (j <= i || j >= n) && memcmp(&lower[i * ldc + j], &whole[i * ldc + j], sizeof *lower) != 0;
  CHECK(wrong == 0, "lower product, %dx%dx%d, %d threads", (int)m, (int)n, (int)k, sq_pool_threads(pool));
  check_free(a);
  check_free(b);
  check_free(whole);
  check_free(lower);
}

/* It is half of the work only if most of the other half is left alone. */
static void check_half(sq_pool *pool) {
  enum { N = 300, K = 20 };
  double *a = drawn("a", K * N), *c = check_alloc("c", N * N * sizeof *c);
  int64_t left = 0;
  for (int64_t i = 0; i < N * N; i++) c[i] = 7;
  sq_gemm_lower_f64(pool, N, N, K, a, N, a, N, c, N);
  for (int64_t i = 0; i < N * N; i++) left += c[i] == 7;
  CHECK(left > N * N * 2 / 5, "above the diagonal %d of %d elements are left alone", (int)left, N * N);
  check_free(a);
  check_free(c);
}

static void test_products(int threads) {
  static const int sizes[][3] = {{1, 1, 1},     {5, 5, 3},      {7, 7, 300},   {130, 130, 65},
                                 {131, 129, 9}, {257, 257, 64}, {300, 40, 12}, {9, 2100, 5}};
  sq_pool *pool = sq_pool_create(threads);
  for (size_t s = 0; s < COUNT(sizes); s++) check_product(pool, sizes[s][0], sizes[s][1], sizes[s][2]);
  check_half(pool);
  sq_pool_destroy(pool);
}

/* ---------------------------------------------------------------- the factor */

/* X^T X of 2 n rows of n numbers, below the diagonal; NaN above it. */
static double *squares(int64_t n) {
  double *x = drawn("x", 2 * n * n), *a = check_alloc("a", (size_t)(n * n) * sizeof *a);
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = 0; j <= i; j++) {
      a[i * n + j] = 0;
      for (int64_t k = 0; k < 2 * n; k++) a[i * n + j] += x[k * n + i] * x[k * n + j];
    }
  check_free(x);
  return a;
}

static double *copy_of(const char *name, const double *from, int64_t elements) {
  double *to = check_alloc(name, (size_t)elements * sizeof *to);
  memcpy(to, from, (size_t)elements * sizeof *to);
  return to;
}

/* The largest |(L L^T - A - lambda I)[i,j]| over the largest element of A. */
static double residual(int64_t n, const double *l, const double *a, double lambda) {
  double worst = 0, largest = 0;
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = 0; j <= i; j++) {
      long double sum = -(long double)a[i * n + j] - (i == j ? (long double)lambda : 0);
      for (int64_t k = 0; k <= j; k++) sum += (long double)l[i * n + k] * (long double)l[j * n + k];
      worst = !(fabsl(sum) <= (long double)worst) ? (double)fabsl(sum) : worst;
      largest = check_worse(largest, fabs(a[i * n + j]));
    }
  return worst / largest;
}

static void check_factor(sq_pool *pool, int64_t n, double lambda) {
  double *a = squares(n), *l = copy_of("l", a, n * n);
  double *work = check_alloc("work", (size_t)sq_cholesky_work(n) * sizeof *work);
  const int64_t singular = sq_cholesky(pool, n, l, lambda, work);
  check_error(singular ? (double)NAN : residual(n, l, a, lambda), 1e-14, "factor, n = %d, lambda %g", (int)n,
              lambda);
  check_free(a);
  check_free(l);
  check_free(work);
}

/* Row and column `at` of X^T X as of a feature that is the sum of the two before it. */
static void check_singular(sq_pool *pool, int64_t n, int64_t at) {
  double *a = squares(n), *work = check_alloc("work", (size_t)sq_cholesky_work(n) * sizeof *work);
  for (int64_t j = 0; j < n; j++) {
    const int64_t i = j < at ? at : j, k = j < at ? j : at;
    if (j == at) continue;
    a[i * n + k] = j < at - 1 ? a[(at - 1) * n + j] : a[(j > at - 1 ? j : at - 1) * n + at - 1];
    a[i * n + k] += j < at - 2 ? a[(at - 2) * n + j] : a[(j > at - 2 ? j : at - 2) * n + at - 2];
  }
  a[at * n + at] = a[at * n + at - 1] + a[at * n + at - 2];
  const int64_t singular = sq_cholesky(pool, n, a, 0, work);
  CHECK(singular == 1 + at, "n = %d: row %d of a singular matrix, found %d", (int)n, (int)at,
        (int)singular - 1);
  check_free(a);
  check_free(work);
}

int main(void) {
  static const int sizes[] = {1, 2, 31, 63, 64, 65, 97, 128, 131, 200};
  check_start();
  test_products(1);
  test_products(3);
  sq_pool *pool = sq_pool_create(2);
  for (size_t s = 0; s < COUNT(sizes); s++) check_factor(pool, sizes[s], s % 2 ? 0.5 : 0);
  check_singular(pool, 50, 20);
  check_singular(pool, 150, 64);
  check_singular(pool, 150, 149);
  sq_pool_destroy(pool);
  return check_finish();
}
