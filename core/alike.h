/* alike.h - rows of a matrix that are alike bit for bit, so that a product with them is made once (internal).
 *
 *   gates[r] = x[r] W^T + b     is that of the first row that is like row r
 *   dW       = sum_r dgates[r]^T x[r] = sum_k (sum of dgates[r] over the rows r of kind k)^T x_k
 *
 * A batch of text has as many kinds of inputs as there are letters in it, whatever its size: 2,500 rows of
 * embeddings have some 60, and so do one-hot inputs.  Kinds are numbered in the order in which they come up. */
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

/* Elements of memory that a search among at most so many rows takes, and those of a table of_kind [kinds, cols], which
 * has a row for each kind that may be found, without a gap between them. */
int64_t FN(sq_alike_size)(int64_t rows, int64_t cols);
int64_t FN(sq_alike_table_size)(int64_t rows, int64_t cols);

/* Looks for rows of x [rows, cols] that are alike, up to where they turn out to be too few to be worth it: true if
 * a row in four at most is of a new kind.  What is found lies in `memory`, of sq_alike_size elements. */
int FN(sq_alike_find)(int64_t rows, int64_t cols, const real *x, int64_t ldx, real *memory,
                      FN(sq_alike) * found);

/* y[r] = of_kind[kind[first + r]] for so many rows, in the calling thread. */
void FN(sq_alike_spread)(const FN(sq_alike) * a, int64_t first, int64_t rows, int64_t cols,
                         const real *of_kind, real *y, int64_t ld);
/* of_kind[kind[first + r]] += y[r] for so many rows, in the order of r. */
void FN(sq_alike_add)(struct sq_exec *exec, const FN(sq_alike) * a, int64_t first, int64_t rows, int64_t cols,
                      const real *y, int64_t ld, real *of_kind);

/* y[r] (+)= of_kind[k] in the first row of kind k, 0 in its others, for all rows. */
void FN(sq_alike_give)(const FN(sq_alike) * a, int64_t cols, const real *of_kind, int add, real *y,
                       int64_t ld);

#ifdef __cplusplus
}
#endif
#endif
