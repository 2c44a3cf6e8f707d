/* gemm_kernel.h - what one build of gemm_kernel.c offers to gemm.c (internal). */
#ifndef SQ_GEMM_KERNEL_H
#define SQ_GEMM_KERNEL_H

#include "core/real.h"

enum { SQ_TILE_ROWS_MAX = 12, SQ_TILE_COLS_MAX = 32, SQ_LYING_ROWS = 3 };

/* c[rows, cols] (+)= a[rows, k] b[k, cols], for the rows and cols of the table entry.
 *   a      packed: element (i, p) at a[p * rows + i]
 *   b      packed panels of nr columns: element (p, j) of a panel at b[p * nr + j]; next panel at b + panel
 *   load   0: c is only written; 1: c is added to
 * Each element is the chain  s = c or 0;  s = s + a[p] * b[p]  for p = 0..k-1. */
typedef void FN(sq_tile)(int64_t k, const real *a, const real *b, int64_t panel, int load, real *c,
                         int64_t ldc);

/* The same of a as it lies: element (i, p) at a[i * lda + p]. */
typedef void FN(sq_lying)(int64_t k, const real *a, int64_t lda, const real *b, int load, real *c,
                          int64_t ldc);

/* dst[p * width + j] = op(src)[p, j], p < k, j < count, and zero for count <= j < width.
 * op(src)[p, j] is src[p * ld + j], or src[j * ld + p] when transposed. */
typedef void FN(sq_pack)(int transposed, int64_t k, int count, int width, const real *src, int64_t ld,
                         real *dst);

typedef struct {
  const char *name;
  int mr, nr;                                 /* the largest tile: rows, and columns of one panel */
  FN(sq_tile) * tile[SQ_TILE_ROWS_MAX + 1];   /* tile[r]: r rows, one panel */
  FN(sq_lying) * lying[SQ_TILE_ROWS_MAX + 1]; /* lying[r]: r rows, from SQ_LYING_ROWS on */
  FN(sq_tile) * wide[SQ_TILE_ROWS_MAX + 1];   /* wide[r]: r rows, wide_panels[r] panels; or NULL */
  int wide_panels[SQ_TILE_ROWS_MAX + 1];
  FN(sq_pack) * pack;
} FN(sq_gemm_kernels);

/* The tables: sq_gemm_baseline_f32, sq_gemm_avx2_f32, ... */
extern const FN(sq_gemm_kernels) FN(sq_gemm_baseline);
extern const FN(sq_gemm_kernels) FN(sq_gemm_avx2);
extern const FN(sq_gemm_kernels) FN(sq_gemm_avx512);

#endif
