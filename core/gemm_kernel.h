/* gemm_kernel.h - what one build of gemm_kernel.c offers to gemm.c (internal). */
#ifndef SQ_GEMM_KERNEL_H
#define SQ_GEMM_KERNEL_H

#include "core/real.h"

enum { SQ_TILE_ROWS_MAX = 12, SQ_TILE_COLS_MAX = 32, SQ_BY_ROWS_MIN = 3 };

/* c[rows, cols] = from + a[rows, k] b[k, cols], for the rows and cols of the table entry.
 *   a      element (i, p) at a[p * lda + i]: packed, with lda = rows, or a transposed matrix as it lies
 *   b      packed panels of nr columns: element (p, j) of a panel at b[p * nr + j]; next panel at b + panel
 *   from   what is added to, of stride ldfrom: c itself, or rows like it (0: a row for all), or NULL: zeros
 * Each element is the chain  s = from or 0;  s = s + a[p] * b[p]  for p = 0..k-1. */
typedef void FN(sq_tile)(int64_t k, const real *a, int64_t lda, const real *b, int64_t panel,
                         const real *from, int64_t ldfrom, real *c, int64_t ldc);

/* The same, of one panel, where element (i, p) of a is at a[i * lda + p]: a matrix that is not transposed, as it lies. */
typedef void FN(sq_tile_by_rows)(int64_t k, const real *a, int64_t lda, const real *b, const real *from,
                                 int64_t ldfrom, real *c, int64_t ldc);

/* dst[p * width + j] = op(src)[p, j], p < k, j < count, and zero for count <= j < width.
 * op(src)[p, j] is src[p * ld + j], or src[j * ld + p] when transposed. */
typedef void FN(sq_pack)(int transposed, int64_t k, int count, int width, const real *src, int64_t ld,
                         real *dst);

typedef struct {
  const char *name;
  int mr, nr;                               /* the largest tile: rows, and columns of one panel */
  FN(sq_tile) * tile[SQ_TILE_ROWS_MAX + 1]; /* tile[r]: r rows, one panel */
  FN(sq_tile) * wide[SQ_TILE_ROWS_MAX + 1]; /* wide[r]: r rows, wide_panels[r] panels; or NULL */
  int wide_panels[SQ_TILE_ROWS_MAX + 1];
  int columns_apart; /* bytes between columns of a transposed matrix up to which it is best read as it lies */
  FN(sq_tile_by_rows) * by_rows[SQ_TILE_ROWS_MAX + 1]; /* by_rows[r]: r rows, from SQ_BY_ROWS_MIN on */
  FN(sq_pack) * pack;
} FN(sq_gemm_kernels);

/* The tables: sq_gemm_baseline_f32, sq_gemm_avx2_f32, ... */
extern const FN(sq_gemm_kernels) FN(sq_gemm_baseline);
extern const FN(sq_gemm_kernels) FN(sq_gemm_avx2);
extern const FN(sq_gemm_kernels) FN(sq_gemm_avx512);

#endif
