/** @file ridge.h
 * Ridge regression: linear least squares with a penalty, from data that arrive in pieces.
 *
 *   W = argmin  sum over all rows |W x - y|^2 + lambda |W|^2 = Y^T X (X^T X + lambda I)^-1
 *
 * It computes in float64 on the host, whatever the context's device and element type: the read-out of an echo
 * state network, or of any features.  Memory does not grow with the number of rows.  A constant is a feature
 * like any other: add a column of ones.
 */
#ifndef SEQGPU_RIDGE_H
#define SEQGPU_RIDGE_H

#include "base.h"

#ifdef __cplusplus
extern "C" {
#endif

/** A regression and what it remembers of its rows; freed by seqgpu_ridge_destroy. */
typedef struct seqgpu_ridge seqgpu_ridge;

/** What is remembered of the rows. */
typedef enum seqgpu_ridge_method {
  SEQGPU_RIDGE_QR = 0, /**< the triangular factor of X: as exact as the data allow, even with lambda = 0 */
  SEQGPU_RIDGE_CHOLESKY =
      1 /**< X^T X: squares the condition number; much faster with thousands of features */
} seqgpu_ridge_method;

/** Creates a regression without rows.
 * ctx: must outlive it; its threads do the work.  in, out: width of x and y, each from 1 to 2^20.  result:
 * receives the regression, or NULL on failure.  It takes 16 in (in + out) bytes of host memory and, to work in,
 * some hundred times in + out elements.
 * Errors: SEQGPU_EINVAL, SEQGPU_ENOMEM. */
SEQGPU_API seqgpu_status seqgpu_ridge_create(seqgpu_context *ctx, int64_t in, int64_t out,
                                             seqgpu_ridge_method method, seqgpu_ridge **result);

/** Frees a regression.  NULL is allowed. */
SEQGPU_API void seqgpu_ridge_destroy(seqgpu_ridge *ridge);

/** Forgets all rows. */
SEQGPU_API seqgpu_status seqgpu_ridge_reset(seqgpu_ridge *ridge);

/** Adds rows.
 * x [rows, in], y [rows, out]: host memory, not kept.  rows: 0 does nothing.
 * Errors: SEQGPU_EINVAL, with nothing added, if an element is infinite or NaN; the sentence says which. */
SEQGPU_API seqgpu_status seqgpu_ridge_add(seqgpu_ridge *ridge, int64_t rows, const double *x,
                                          const double *y);

/** The number of rows added so far; 0 for NULL. */
SEQGPU_API int64_t seqgpu_ridge_rows(const seqgpu_ridge *ridge);

/** Computes W from all rows added so far.  It changes nothing: solve for several lambdas, or go on adding
 * rows.
 * lambda: finite, at least 0.  w [out, in]: host memory that receives W.
 * Errors: SEQGPU_EINVAL: no rows, or lambda is negative or so small that the solution is not determined; the
 * sentence says at which feature. */
SEQGPU_API seqgpu_status seqgpu_ridge_solve(seqgpu_ridge *ridge, double lambda, double *w);

#ifdef __cplusplus
}
#endif
#endif
