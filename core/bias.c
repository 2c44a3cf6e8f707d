/* bias.c - a vector copied to all rows of a matrix, and its gradient, the sum over rows.
 *
 *   bias     y[r,j] = bias[j]
 *   reduce   out[j] += sum_r a[r,j] b[r,j]      (b NULL: * 1)
 *
 * The rows of a reduction are the time steps of all sequences, often 10^5.  In float32 a plain running sum
 * would lose digits, so blocks of ROW_BLOCK rows are summed first, then the blocks, in double precision and
 * in the order of r.
 */
#include "core/ops_cpu.h"

enum { ROW_BLOCK = 128, COLUMN_TILE = 128 };

SQ_CLONES static void bias_rows(const void *arg, int64_t first, int64_t last) {
  const sq_bias_args *a = arg;
  const real *bias = a->bias;
  for (int64_t r = first; r < last; r++) {
    real *y = (real *)a->y + r * a->ld;
    for (int64_t j = 0; j < a->cols; j++) y[j] = bias[j];
  }
}

int FN(sq_cpu_bias)(sq_exec *exec, const sq_bias_args *a) {
  sq_split(exec, a->rows, 1, a->cols, bias_rows, a);
  return 0;
}

/* sum[j] += the products of one row. */
SQ_INLINE void add_row(int64_t n, const real *a, const real *b, real *sum) {
  if (b == NULL)
    for (int64_t j = 0; j < n; j++) sum[j] += a[j];
  else
    for (int64_t j = 0; j < n; j++) sum[j] += a[j] * b[j];
}

/* Columns first..last-1, at most COLUMN_TILE. */
SQ_CLONES static void reduce_tile(const void *arg, int64_t first, int64_t last) {
  const sq_reduce_args *a = arg;
  const int64_t n = last - first;
  double total[COLUMN_TILE] = {0};
  for (int64_t r0 = 0; r0 < a->rows; r0 += ROW_BLOCK) {
    real block[COLUMN_TILE] = {0};
    const int64_t end = sq_min(r0 + ROW_BLOCK, a->rows);
    for (int64_t r = r0; r < end; r++)
      add_row(n, (const real *)a->a + r * a->lda + first,
              a->b ? (const real *)a->b + r * a->ldb + first : NULL, block);
    for (int64_t j = 0; j < n; j++) total[j] += (double)block[j];
  }
  real *out = (real *)a->out + first;
  for (int64_t j = 0; j < n; j++) out[j] = (real)((double)out[j] + total[j]);
}

int FN(sq_cpu_reduce)(sq_exec *exec, const sq_reduce_args *a) {
  sq_split(exec, a->cols, COLUMN_TILE, a->rows, reduce_tile, a);
  return 0;
}
