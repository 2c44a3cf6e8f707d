/* cholesky.c - the Cholesky factor of a symmetric matrix; see cholesky.h.
 *
 *   (A11  .  )   (L11  0 ) (L11  0 )^T       L11 L11^T = A11                  a block of BLOCK x BLOCK
 *   (A21 A22 ) = (L21 L22) (L21 L22)         L21 = A21 L11^-T                 in strips of LANES rows
 *                                            A22 - L21 L21^T = L22 L22^T      a product, then the same again
 *
 * (Golub & Van Loan, Matrix Computations, section 4.2: the block outer product form.)  The product is n^3/3
 * of multiplications and additions, all but a share of BLOCK / n, and the GEMM computes half of it.  It
 * subtracts by adding the product of -L21, so that L21 is kept transposed in both signs.
 */
#define SEQGPU_REAL_BITS 64 /* whose GEMM it is */
#include "core/cholesky.h"

#include <float.h>
#include <math.h>

#include "core/dot.h"
#include "core/gemm.h"

enum { BLOCK = 64, LANES = 32 };

/* The diagonal of A + lambda I, L21^T [BLOCK,n] in both signs, and a strip of it. */
int64_t sq_cholesky_work(int64_t n) { return n + 2 * BLOCK * n + BLOCK * LANES; }

/* Element [i,j] of a block without the product of the columns before j. */
SQ_CLONES static double remainder_of(int64_t n, const double *a, int64_t i, int64_t j) {
  return a[i * n + j] - sq_dot(j, a + i * n, a + j * n);
}

/* L11 of one block, whose rows are n elements apart; diagonal: what the pivots are compared with. */
static int64_t factor_block(int64_t n, int64_t rows, double *a, const double *diagonal) {
  for (int64_t i = 0; i < rows; i++) {
    for (int64_t j = 0; j < i; j++) a[i * n + j] = remainder_of(n, a, i, j) / a[j * n + j];
    const double pivot = remainder_of(n, a, i, i);
    if (!(pivot > 64 * DBL_EPSILON * diagonal[i])) return 1 + i;
    a[i * n + i] = sqrt(pivot);
  }
  return 0;
}

/* X L11^T = A21 for LANES rows side by side: column c of X is (A21[:,c] - sum over k < c of X[:,k] L11[c,k])
 * / L11[c,c]. */
SQ_CLONES static void solve_lanes(int64_t n, int64_t cols, const double *l, double (*restrict x)[LANES]) {
  for (int64_t c = 0; c < cols; c++) {
    double sum[LANES];
    for (int r = 0; r < LANES; r++) sum[r] = x[c][r];
    for (int64_t k = 0; k < c; k++)
      for (int r = 0; r < LANES; r++) sum[r] -= l[c * n + k] * x[k][r];
    for (int r = 0; r < LANES; r++) x[c][r] = sum[r] / l[c * n + c];
  }
}

/* Rows of A21 become rows of L21, and columns of plus = L21^T and minus = -L21^T, whose rows are n apart,
 * too; x [BLOCK] is work. */
static void solve_strip(int64_t n, int64_t cols, const double *l, int64_t rows, double *a, double *plus,
                        double *minus, double (*x)[LANES]) {
  for (int64_t c = 0; c < cols; c++)
    for (int64_t r = 0; r < LANES; r++) x[c][r] = r < rows ? a[r * n + c] : 0;
  solve_lanes(n, cols, l, x);
  for (int64_t c = 0; c < cols; c++)
    for (int64_t r = 0; r < rows; r++) {
      a[r * n + c] = plus[c * n + r] = x[c][r];
      minus[c * n + r] = -x[c][r];
    }
}

int64_t sq_cholesky(sq_pool *pool, int64_t n, double *a, double lambda, double *work) {
  double *diagonal = work, *plus = diagonal + n, *minus = plus + BLOCK * n;
  double(*x)[LANES] = (double(*)[LANES])(minus + BLOCK * n);
  for (int64_t i = 0; i < n; i++) diagonal[i] = a[i * n + i] += lambda;
  for (int64_t i = 0; i < n; i += BLOCK) {
    const int64_t cols = n - i < BLOCK ? n - i : BLOCK, below = i + cols;
    double *l = a + i * n + i;
    const int64_t singular = factor_block(n, cols, l, diagonal + i);
    if (singular) return i + singular;
    for (int64_t r = below; r < n; r += LANES)
      solve_strip(n, cols, l, n - r < LANES ? n - r : LANES, a + r * n + i, plus + r - below,
                  minus + r - below, x);
    sq_gemm_lower_f64(pool, n - below, n - below, cols, minus, n, plus, n, a + below * n + below, n);
  }
  return 0;
}
