/* ridge.h - linear least squares with a penalty, from rows that come in pieces, in double precision:
 *
 *   W = argmin sum over rows |W x - y|^2 + lambda |W|^2     W [m,n], x [n], y [m]
 *     = Y^T X (X^T X + lambda I)^-1
 *
 * Two methods to remember the rows seen so far, each a dense matrix `a` that does not grow:
 *   qr         a [n,n+m] = (R | Q^T Y): the triangular factor of X.  As exact as the data: the error grows
 *              with the condition number of X.
 *   cholesky   a [n+m,n] = (X^T X above Y^T X), lower triangle: one product per piece, many times faster, but
 *              the condition number is squared: lambda must be above about 1e-14 times the elements on the
 *              diagonal of X^T X.
 */
#ifndef SQ_RIDGE_H
#define SQ_RIDGE_H

#include "core/pool.h"
#include "core/real.h"

/* One of the two methods.  add: x [rows,n], y [rows,m].  solve: w [m,n] from a, which is used up.  work: as many
 * elements as its first function says.
 * Returns 0, or 1 + the number of the column of x at which the matrix proved singular. */
typedef struct sq_ridge_method {
  int64_t (*work)(int64_t n, int64_t m);
  void (*add)(sq_pool *pool, int64_t n, int64_t m, double *a, int64_t rows, const double *x, const double *y,
              double *work);
  int64_t (*solve)(sq_pool *pool, int64_t n, int64_t m, double *a, double lambda, double *work, double *w);
} sq_ridge_method;

extern const sq_ridge_method sq_ridge_qr, sq_ridge_cholesky;

#endif
