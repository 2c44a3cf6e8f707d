/* gemm_kernel.c - the micro-kernels and packing of the built-in GEMM for one instruction set.
 *
 * Compiled once for each instruction set and precision with -DSQ_ISA=name; exports one table.  A tile of C
 * stays in registers over the whole k loop: R rows by two vectors of columns.  For each k it loads two
 * vectors of B, broadcasts R numbers of A and does 2R multiply-adds.
 *
 *              vector     registers   tile (float)   tile (double)
 *   avx512     64 bytes   32          12 x 32        12 x 16         24 sums + 2 of B + 1 of A
 *   avx2       32 bytes   16           6 x 16         6 x  8         12 sums + 2 of B + 1 of A
 *   baseline   16 bytes   16 or more   6 x  8         6 x  4         the same, in SSE2, NEON, or plain C
 *
 * 12 rows rather than the 14 that would fit: rows of C that are a multiple of 4 KB apart share one set of L1,
 * which has 8 or 12 ways (measured: 1 to 2 % faster at ldc = 2048).
 *
 * Two multiply-adds per cycle of latency 4 need 8 sums or more in flight.  Tiles of 1 to 3 rows have fewer,
 * so they have wide variants that walk several panels of B at once.
 *
 * Compile with -ffp-contract=fast: s + a*b must become one fused multiply-add, both for speed and because
 * then every element has the same bits whichever tile, and whichever FMA instruction set, computes it.
 */
#include "core/gemm_kernel.h"

#include <string.h>

#include "core/lanes.h"

enum { MR = VEC_BYTES == 64 ? 12 : 6 };
enum { VEC = VEC_BYTES / (int)sizeof(real), VECS = 2, NR = VECS * VEC, SUMS_MAX = MR * VECS };

/* A tile of 12 rows has 24 multiply-adds, 24 cycles, for the next column of a transposed A to arrive, one of 6 rows with
 * AVX2 has 6.  Measured on a Zen 4: 512 x 128 x 500 9 % and 14 % faster than packed; 8192 x 512 x 512 with AVX-512, and
 * 1024 x 256 x 512 with AVX2, slower. */
enum { COLUMNS_APART = VEC_BYTES == 64 ? 16384 : VEC_BYTES == 32 ? 2048 : 0 };

typedef real vec __attribute__((vector_size(VEC_BYTES), may_alias));
typedef real vec_unaligned __attribute__((vector_size(VEC_BYTES), aligned(sizeof(real)), may_alias));
typedef real quad __attribute__((vector_size(4 * sizeof(real)), aligned(sizeof(real)), may_alias));

/* Four steps of k in one turn of the loop: 5 % faster with AVX2, where 12 multiply-adds leave little room for
 * counting. */
#if defined(__GNUC__) && !defined(__clang__)
#define UNROLL_K _Pragma("GCC unroll 4")
#else
#define UNROLL_K
#endif

/* ---- tiles --------------------------------------------------------------------------------------------- */

/* The rows of C below this tile are those of the next: they arrive while this tile is computed.  A row that does
 * not begin with a line of the cache (64 bytes) ends in one line more, which its last byte names.  An address
 * outside C does no harm. */
SQ_INLINE void prefetch_next(const int rows, const int vecs, const real *c, int64_t ldc) {
  uintptr_t next = (uintptr_t)c + (uintptr_t)(rows * ldc) * sizeof(real);
  for (int i = 0; i < rows; i++, next += (uintptr_t)ldc * sizeof(real)) {
    for (int byte = 0; byte < vecs * VEC_BYTES; byte += 64) __builtin_prefetch((const char *)next + byte);
    __builtin_prefetch((const char *)next + vecs * VEC_BYTES - 1);
  }
}

SQ_INLINE void begin_sums(const int rows, const int vecs, const real *from, int64_t ldfrom, vec *sum) {
  UNROLL for (int i = 0; i < rows; i++) {
    UNROLL for (int v = 0; v < vecs; v++) { sum[i * vecs + v] = (vec){0}; }
  }
  if (from == NULL) return;
  UNROLL for (int i = 0; i < rows; i++) {
    UNROLL for (int v = 0; v < vecs; v++) {
      sum[i * vecs + v] = *(const vec_unaligned *)(from + i * ldfrom + v * VEC);
    }
  }
}

SQ_INLINE void end_sums(const int rows, const int vecs, const vec *sum, real *c, int64_t ldc) {
  UNROLL for (int i = 0; i < rows; i++) {
    UNROLL for (int v = 0; v < vecs; v++) { *(vec_unaligned *)(c + i * ldc + v * VEC) = sum[i * vecs + v]; }
  }
}

/* rows and panels are constants at the call. */
SQ_INLINE void run_tile(const int rows, const int panels, int64_t k, const real *a, int64_t lda,
                        const real *b, int64_t panel, const real *from, int64_t ldfrom, real *c,
                        int64_t ldc) {
  vec sum[SUMS_MAX];
  const int vecs = panels * VECS;
  begin_sums(rows, vecs, from, ldfrom, sum);
  prefetch_next(rows, vecs, c, ldc);
  UNROLL_K for (int64_t p = 0; p < k; p++, a += lda, b += NR) {
    vec bv[8];
    UNROLL for (int v = 0; v < vecs; v++) { bv[v] = *(const vec *)(b + v / VECS * panel + v % VECS * VEC); }
    UNROLL for (int i = 0; i < rows; i++) {
      UNROLL for (int v = 0; v < vecs; v++) { sum[i * vecs + v] = sum[i * vecs + v] + a[i] * bv[v]; }
    }
  }
  end_sums(rows, vecs, sum, c, ldc);
}

/* One panel, with the rows of A as they lie.  A pointer leads three of them, since an address may have the distance
 * between rows in it once or twice, so that all pointers stay in registers. */
SQ_INLINE void run_by_rows(const int rows, int64_t k, const real *a, int64_t lda, const real *b,
                           const real *from, int64_t ldfrom, real *c, int64_t ldc) {
  vec sum[SUMS_MAX];
  const real *lead[(MR + 2) / 3];
  begin_sums(rows, VECS, from, ldfrom, sum);
  prefetch_next(rows, VECS, c, ldc);
  UNROLL for (int i = 0; i < (rows + 2) / 3; i++) { lead[i] = a + 3 * i * lda; }
  UNROLL_K for (int64_t p = 0; p < k; p++, b += NR) {
    vec bv[VECS];
    UNROLL for (int v = 0; v < VECS; v++) { bv[v] = *(const vec *)(b + v * VEC); }
    UNROLL for (int i = 0; i < rows; i++) {
      UNROLL for (int v = 0; v < VECS; v++) {
        sum[i * VECS + v] = sum[i * VECS + v] + lead[i / 3][i % 3 * lda] * bv[v];
      }
    }
    UNROLL for (int i = 0; i < (rows + 2) / 3; i++) { lead[i]++; }
  }
  end_sums(rows, VECS, sum, c, ldc);
}

#define TILE(rows, panels)                                                                                   \
  static void tile_##rows##x##panels(int64_t k, const real *a, int64_t lda, const real *b, int64_t panel,    \
                                     const real *from, int64_t ldfrom, real *c, int64_t ldc) {               \
    run_tile(rows, panels, k, a, lda, b, panel, from, ldfrom, c, ldc);                                       \
  }

TILE(1, 1)
TILE(2, 1)
TILE(3, 1)
TILE(4, 1)
TILE(5, 1)
TILE(6, 1)
TILE(1, 4)
TILE(2, 2)
#if defined(__AVX512F__)
TILE(7, 1)
TILE(8, 1)
TILE(9, 1)
TILE(10, 1)
TILE(11, 1)
TILE(12, 1)
TILE(3, 2)
#endif

#define BY_ROWS(rows)                                                                                        \
  static void by_rows_##rows(int64_t k, const real *a, int64_t lda, const real *b, const real *from,         \
                             int64_t ldfrom, real *c, int64_t ldc) {                                         \
    run_by_rows(rows, k, a, lda, b, from, ldfrom, c, ldc);                                                   \
  }

BY_ROWS(3)
BY_ROWS(4)
BY_ROWS(5)
BY_ROWS(6)
#if defined(__AVX512F__)
BY_ROWS(7)
BY_ROWS(8)
BY_ROWS(9)
BY_ROWS(10)
BY_ROWS(11)
BY_ROWS(12)
#endif

/* ---- packing ------------------------------------------------------------------------------------------- */

/* Rows of `count` elements, half <= count <= 2 half: two overlapping copies of fixed size. */
SQ_INLINE void copy_rows(const int half, int64_t k, int count, int width, const real *src, int64_t ld,
                         real *dst) {
  for (int64_t p = 0; p < k; p++, src += ld, dst += width) {
    memcpy(dst, src, (size_t)half * sizeof(real));
    memcpy(dst + count - half, src + count - half, (size_t)half * sizeof(real));
  }
}

static void pack_rows(int64_t k, int count, int width, const real *src, int64_t ld, real *dst) {
  if (count >= 16)
    copy_rows(16, k, count, width, src, ld, dst);
  else if (count >= 8)
    copy_rows(8, k, count, width, src, ld, dst);
  else if (count >= 4)
    copy_rows(4, k, count, width, src, ld, dst);
  else if (count >= 2)
    copy_rows(2, k, count, width, src, ld, dst);
  else
    copy_rows(1, k, count, width, src, ld, dst);
}

/* dst[p, 0..3] = src[0..3, p] for four values of p. */
SQ_INLINE void transpose_4x4(const real *src, int64_t ld, real *dst, int width) {
#ifdef HAVE_SHUFFLE
  quad r0 = *(const quad *)src, r1 = *(const quad *)(src + ld);
  quad r2 = *(const quad *)(src + 2 * ld), r3 = *(const quad *)(src + 3 * ld);
  quad lo01 = __builtin_shufflevector(r0, r1, 0, 4, 1, 5), hi01 = __builtin_shufflevector(r0, r1, 2, 6, 3, 7);
  quad lo23 = __builtin_shufflevector(r2, r3, 0, 4, 1, 5), hi23 = __builtin_shufflevector(r2, r3, 2, 6, 3, 7);
  *(quad *)dst = __builtin_shufflevector(lo01, lo23, 0, 1, 4, 5);
  *(quad *)(dst + width) = __builtin_shufflevector(lo01, lo23, 2, 3, 6, 7);
  *(quad *)(dst + 2 * width) = __builtin_shufflevector(hi01, hi23, 0, 1, 4, 5);
  *(quad *)(dst + 3 * width) = __builtin_shufflevector(hi01, hi23, 2, 3, 6, 7);
#else
  for (int p = 0; p < 4; p++)
    for (int j = 0; j < 4; j++) dst[p * width + j] = src[j * ld + p];
#endif
}

static void transpose_plain(int64_t k, int count, int width, const real *src, int64_t ld, real *dst) {
  for (int64_t p = 0; p < k; p++)
    for (int j = 0; j < count; j++) dst[p * width + j] = src[j * ld + p];
}

/* The last block of four, in either direction, overlaps its neighbour where 4 does not divide the size. */
static void transpose_chunk(int64_t k, int count, int width, const real *src, int64_t ld, real *dst) {
  for (int jj = 0; jj < count; jj += 4) {
    int j = jj + 4 <= count ? jj : count - 4;
    for (int64_t pp = 0; pp < k; pp += 4) {
      int64_t p = pp + 4 <= k ? pp : k - 4;
      transpose_4x4(src + j * ld + p, ld, dst + p * width + j, width);
    }
  }
}

/* In chunks of k: the columns of a matrix with a large power of two between its rows share few cache sets, so
 * a line that has been fetched must be used up at once. */
static void pack_transposed(int64_t k, int count, int width, const real *src, int64_t ld, real *dst) {
  enum { CHUNK = 64 / (int)sizeof(real) };
  if (k < 4 || count < 4) {
    transpose_plain(k, count, width, src, ld, dst);
    return;
  }
  int64_t p = 0;
  for (; p + CHUNK + 4 <= k; p += CHUNK) transpose_chunk(CHUNK, count, width, src + p, ld, dst + p * width);
  transpose_chunk(k - p, count, width, src + p, ld, dst + p * width);
}

static void zero_columns(int64_t k, int count, int width, real *dst) {
  for (int64_t p = 0; p < k; p++)
    for (int j = count; j < width; j++) dst[p * width + j] = 0;
}

static void pack(int transposed, int64_t k, int count, int width, const real *src, int64_t ld, real *dst) {
  if (transposed)
    pack_transposed(k, count, width, src, ld, dst);
  else
    pack_rows(k, count, width, src, ld, dst);
  if (count < width) zero_columns(k, count, width, dst);
}

/* ---- the table ----------------------------------------------------------------------------------------- */

#define FN_(name)   FN(name)
#define TABLE_(isa) FN_(sq_gemm_##isa)
#define TABLE(isa)  TABLE_(isa)
#define TEXT_(isa)  #isa
#define TEXT(isa)   TEXT_(isa)

const FN(sq_gemm_kernels) TABLE(SQ_ISA) = {
    .name = "built-in " TEXT(SQ_ISA),
    .mr = MR,
    .nr = NR,
#if defined(__AVX512F__)
    .tile = {NULL, tile_1x1, tile_2x1, tile_3x1, tile_4x1, tile_5x1, tile_6x1, tile_7x1, tile_8x1, tile_9x1,
             tile_10x1, tile_11x1, tile_12x1},
    .by_rows = {NULL, NULL, NULL, by_rows_3, by_rows_4, by_rows_5, by_rows_6, by_rows_7, by_rows_8, by_rows_9,
                by_rows_10, by_rows_11, by_rows_12},
#else
    .tile = {NULL, tile_1x1, tile_2x1, tile_3x1, tile_4x1, tile_5x1, tile_6x1},
    .by_rows = {NULL, NULL, NULL, by_rows_3, by_rows_4, by_rows_5, by_rows_6},
#endif
#if defined(__AVX512F__)
    .wide = {NULL, tile_1x4, tile_2x2, tile_3x2},
    .wide_panels = {0, 4, 2, 2},
#else
    .wide = {NULL, tile_1x4, tile_2x2},
    .wide_panels = {0, 4, 2},
#endif
    .columns_apart = COLUMNS_APART,
    .pack = pack,
};
