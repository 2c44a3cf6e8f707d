/* spectral.c - the spectral radius of any matrix; see spectral.h.
 *
 * The radius is the limit that Gelfand's formula names, reached by squaring:
 *
 *   rho(A) = lim |A^m|^(1/m),  m = 2^k      P_0 = A / |A|,  P_{k+1} = P_k P_k / |P_k P_k|
 *   log rho = log|A| + sum over k of log|P_k P_k| / 2^(k+1)
 *
 * It needs nothing but products, and unlike power iteration it works alike whether the largest eigenvalue is
 * real, a complex pair, or one of several of the same size.  After k squarings the error is the log of a
 * constant over 2^k.
 */
#define SEQGPU_REAL_BITS 64 /* whose GEMM it is */
#include "core/spectral.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/gemm.h"

enum { SQUARINGS = 40 }; /* leaves an error of about 1e-12 */

/* Divides by the Frobenius norm and returns it; 0 leaves the matrix as it is. */
static double normalise(int64_t count, double *a) {
  double largest = 0, sum = 0;
  for (int64_t i = 0; i < count; i++) {
    if (!isfinite(a[i])) return (double)NAN;
    largest = fmax(largest, fabs(a[i]));
  }
  if (largest == 0) return 0;
  for (int64_t i = 0; i < count; i++) sum += a[i] / largest * (a[i] / largest);
  const double norm = largest * sqrt(sum);
  for (int64_t i = 0; i < count; i++) a[i] = a[i] / norm;
  return norm;
}

/* The radius of p [n,n], which is used up; `square` is work of the same size, the pool brings scratch. */
static double radius_of(sq_pool *pool, int64_t n, double *p, double *square) {
  double norm = normalise(n * n, p), power = 1, total = log(norm);
  for (int k = 0; k < SQUARINGS && norm > 0; k++) {
    sq_gemm_f64(pool, 0, 0, n, n, n, p, n, p, n, 0, square, n);
    norm = normalise(n * n, square);
    power /= 2;
    total += power * log(norm);
    double *swap = p;
    p = square;
    square = swap;
  }
  return norm == 0 ? 0 : exp(total);
}

int sq_spectral_radius(int64_t n, const double *a, double *radius) {
  *radius = 0;
  if (n == 0) return 0;
  double *work = malloc((size_t)(2 * n * n) * sizeof *work);
  sq_pool *pool = sq_pool_create(1);
  const int failed = work == NULL || pool == NULL;
  if (!failed) {
    memcpy(work, a, (size_t)(n * n) * sizeof *a);
    *radius = radius_of(pool, n, work, work + n * n);
  }
  sq_pool_destroy(pool);
  free(work);
  return failed ? -1 : 0;
}
