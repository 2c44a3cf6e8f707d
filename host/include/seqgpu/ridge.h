/* seqgpu/ridge.h - ridge regression: linear least squares with a penalty, from data that comes in pieces.
 *
 *   W = argmin  sum over all rows |W x - y|^2 + lambda |W|^2 = Y^T X (X^T X + lambda I)^-1
 *
 * In float64 on the host, whatever the context's device and number type: the read-out of an echo state network, or of
 * any features.  Memory does not grow with the rows.  A constant is a feature like any other: add a column of ones.
 */
#ifndef SEQGPU_RIDGE_H
#define SEQGPU_RIDGE_H

#include "base.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct seqgpu_ridge seqgpu_ridge;

/* QR keeps the triangular factor of X, and is as exact as the data allow, with lambda = 0 too.  CHOLESKY keeps X^T X, which
 * squares the condition number, and is many times faster for thousands of features. */
typedef enum seqgpu_ridge_method { SEQGPU_RIDGE_QR, SEQGPU_RIDGE_CHOLESKY } seqgpu_ridge_method;

/* x has `in` numbers a row, y has `out`; each from 1 to 2^20.  The context must outlive it. */
SEQGPU_API seqgpu_status seqgpu_ridge_create(seqgpu_context *ctx, int64_t in, int64_t out,
                                             seqgpu_ridge_method method, seqgpu_ridge **result);
SEQGPU_API void seqgpu_ridge_destroy(seqgpu_ridge *ridge); /* NULL is allowed */
/* Forgets all rows. */
SEQGPU_API seqgpu_status seqgpu_ridge_reset(seqgpu_ridge *ridge);
/* More rows: x [rows,in], y [rows,out] in host memory.  EINVAL, and nothing added, if a number is not finite. */
SEQGPU_API seqgpu_status seqgpu_ridge_add(seqgpu_ridge *ridge, int64_t rows, const double *x,
                                          const double *y);
/* Rows added so far. */
SEQGPU_API int64_t seqgpu_ridge_rows(const seqgpu_ridge *ridge);
/* w [out,in] in host memory.  Changes nothing: solve for several lambdas, or go on adding.  EINVAL: no rows, or lambda is
 * negative or so small that the solution is not determined; the sentence says at which feature. */
SEQGPU_API seqgpu_status seqgpu_ridge_solve(seqgpu_ridge *ridge, double lambda, double *w);

#ifdef __cplusplus
}
#endif
#endif
