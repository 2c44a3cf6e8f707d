/* alike.h - rows of a matrix that are alike bit for bit, so that a product with them is made once (internal).
 *
 *   gates[r] = x[r] W^T + b     is that of the first row that is like row r
 *   dW       = sum_r dgates[r]^T x[r] = sum_k (sum of dgates[r] over the rows r of kind k)^T x_k
 *
 * A batch of text has as many kinds of inputs as there are letters in it, whatever its size: 2,500 rows of
 * embeddings have some 60, and so do one-hot inputs.  Kinds are numbered in the order in which they come up,
 * so kind[r] <= r, and a matrix can be spread, or added up, where it is. */
#ifndef SQ_ALIKE_H
#define SQ_ALIKE_H

#include <stdint.h>

#include "core/real.h"

#ifdef __cplusplus
extern "C" {
#endif

struct sq_exec;

typedef struct FN(sq_alike) {
  int64_t rows, kinds;
  const int32_t *kind; /* [rows] */
  const real *x;       /* [kinds, cols] row stride ldx: a row of each kind */
  int64_t ldx;
} FN(sq_alike);

/* Elements of memory that a search among at most so many rows takes. */
int64_t FN(sq_alike_size)(int64_t rows, int64_t cols);

/* Looks for rows of x [rows, cols] that are alike, up to where they turn out to be too few to be worth it: true if
 * a row in four at most is of a new kind.  What is found lies in `memory`, of sq_alike_size elements. */
int FN(sq_alike_find)(int64_t rows, int64_t cols, const real *x, int64_t ldx, real *memory,
                      FN(sq_alike) * found);

/* y[r] = y[kind[r]] for all rows, where y [rows, cols] begins with a row for each kind. */
void FN(sq_alike_spread)(struct sq_exec *exec, const FN(sq_alike) * a, int64_t cols, real *y, int64_t ld);
/* y[k] = the sum of y[r] over the rows of kind k, in the order of r; the rows behind these are lost. */
void FN(sq_alike_add)(struct sq_exec *exec, const FN(sq_alike) * a, int64_t cols, real *y, int64_t ld);

/* y[r] (+)= sums[k] in the first row of kind k, 0 in its others; sums [kinds, cols] without a gap. */
void FN(sq_alike_give)(const FN(sq_alike) * a, int64_t cols, const real *sums, int add, real *y, int64_t ld);

#ifdef __cplusplus
}
#endif
#endif
