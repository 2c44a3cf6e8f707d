/* cholesky.h - the Cholesky factor of a symmetric matrix, in double precision, most of it by the GEMM. */
#ifndef SQ_CHOLESKY_H
#define SQ_CHOLESKY_H

#include <stdint.h>

#include "core/pool.h"

/* Elements of work for a matrix of n rows. */
int64_t sq_cholesky_work(int64_t n);

/* A + lambda I = L L^T.  a [n,n]: the lower triangle is read, and becomes L; what is above it is lost.
 * Returns 0, or 1 + the row at which the matrix proved singular: its pivot is at most 64 rounding errors of its
 * diagonal element, so that no digit of it is correct. */
int64_t sq_cholesky(sq_pool *pool, int64_t n, double *a, double lambda, double *work);

#endif
