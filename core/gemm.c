/* gemm.c - the built-in GEMM: blocking, packing, threads.  The arithmetic is in gemm_kernel.c.
 *
 * The blocking is that of BLIS (Van Zee and van de Geijn 2015), around the micro-kernel's tile of mr x nr:
 *
 *   for columns of C in blocks of nc        B block, kc x nc, packed: up to 3.75 MB of scratch, lives in L3
 *     for k in blocks of kc                 (kc = 512 floats, 256 doubles)
 *       for rows of C in blocks of mc       A block, mc x kc: 128 KB, lives in L2
 *         for panels of nr columns          B panel, kc x nr: 64 KB with AVX-512, 32 KB with AVX2; L1 and L2
 *           for tiles of mr rows            A tile, mr x kc: 24 KB or 12 KB, L1;  C tile: in registers
 *
 * A is not packed but read where it is, by rows, or by columns where it is transposed, unless they lie badly for
 * the cache (can_lie): a tile reads each of its numbers once, and packing reads and writes them besides.  A
 * gradient of weights, 512 x 128 x 500 of a transposed A, is 9 % faster so with AVX-512 and 14 % with AVX2, a
 * layer's step back, 50 x 128 x 512, 6 %.
 *
 * kc is long because each block of k loads and stores all of C, which is far away, while L2 feeds the kernel
 * as fast as it needs.
 *
 * Threads share nothing: C is cut into a grid of rectangles, one for each thread, each with packing of its
 * own.  Some of A and B is packed more than once, but no barrier is needed.
 *
 * Order of summation.  A block of k continues the sum that the block before it left in C, so whatever the
 * blocking every element is one chain  s = fma(a[p], b[p], s)  for p = 0..k-1, from s = 0 or from C.
 * Hence a row has the same bits in any m, any n, any position, any number of threads, through sq_gemm or
 * sq_gemm_run_packed, with AVX2 or AVX-512.  The baseline rounds differently where it has no FMA.  None of
 * this holds where CBLAS does the work.
 *
 * CBLAS (-DSEQGPU_CBLAS) serves sq_gemm only on processors that have no vector kernel here.  On x86 with AVX2
 * (a Zen 3) ours has 0.9 to 1.0 of the speed of OpenBLAS 0.3.21 in float32 and 0.8 to 1.0 in float64; with
 * AVX-512 it is twice as fast on a Zen 5, which that release does not know.  It also keeps to the threads of the
 * pool and gives the bits promised above.
 */
#include "core/gemm.h"

#include "core/gemm_kernel.h"
#include "core/lanes.h"

#include <math.h>
#include <string.h>

#ifdef SEQGPU_CBLAS
#include <cblas.h>
#include <limits.h>
#endif

enum {
  KC = 2048 / (int)sizeof(real), /* a long k saves passes over C: each block loads and stores it */
  A_BLOCK_ELEMENTS = (128 << 10) / (int)sizeof(real), /* leaves most of L2 to B and C */
  PACKED_ELEMENTS = (64 << 10) / (int)sizeof(real),   /* sq_gemm_run_packed: 64 rows of A at a time */
  PACKED_KC = 1024 / (int)sizeof(real),
  STACK_ELEMENTS =
      (6 << 10) / (int)sizeof(real), /* packing without a pool: slow, but no stack is too small */
  STACK_KC = 128 / (int)sizeof(real),
};

typedef FN(sq_gemm_kernels) kernels;

/* What a product is added to, of the rows and columns of C: C itself, a row for all (ld 0), or NULL: zeros. */
typedef struct {
  const real *at;
  int64_t ld;
} addend;

/* C[m,n] = addend + op(A) op(B), else as the arguments of sq_gemm, in the columns of row i up to i + reach; what lies beyond
 * may be written or not. */
typedef struct {
  int trans_a, trans_b;
  int64_t m, n, k;
  const real *a, *b;
  int64_t lda, ldb;
  addend to;
  real *c;
  int64_t ldc;
  int64_t reach; /* EVERYWHERE: all of C */
} product;
#define EVERYWHERE (INT64_MAX / 2)

/* Packing buffers and the block sizes that they allow. */
typedef struct {
  real *a, *b;
  int64_t mc, nc, kc;
} blocks;

static int64_t min64(int64_t x, int64_t y) { return x < y ? x : y; }
static int64_t ceil_div(int64_t x, int64_t y) { return (x + y - 1) / y; }

static const kernels *best_kernels(void) {
#if defined(__x86_64__)
  if (sq_best_isa() == SQ_ISA_AVX512) return &FN(sq_gemm_avx512);
  if (sq_best_isa() == SQ_ISA_AVX2) return &FN(sq_gemm_avx2);
#endif
  return &FN(sq_gemm_baseline);
}

/* ---- tiles and blocks ---------------------------------------------------------------------------------- */

/* m rows are cut into the fewest tiles, all of nearly the same height: 16 = 8 + 8, not 14 + 2. */
static int64_t tile_count(const kernels *ks, int64_t m) { return ceil_div(m, ks->mr); }
static int tile_height(int64_t m, int64_t tiles, int64_t tile) {
  return (int)(m / tiles + (tile < m % tiles));
}

static addend added_to(int accumulate, const real *c, int64_t ldc) {
  return accumulate ? (addend){c, ldc} : (addend){NULL, 0};
}

/* The addend from this row and column on. */
static addend addend_at(addend to, int64_t row, int64_t col) {
  if (to.at) to.at += row * to.ld + col;
  return to;
}

/* C = the addend, which is not C */
static void set_matrix(int64_t m, int64_t n, addend to, real *c, int64_t ldc) {
  for (int64_t i = 0; i < m; i++, c += ldc) {
    if (to.at)
      memcpy(c, to.at + i * to.ld, (size_t)n * sizeof(real));
    else
      memset(c, 0, (size_t)n * sizeof(real));
  }
}

static void copy_matrix(int rows, int cols, const real *from, int64_t ld_from, real *to, int64_t ld_to) {
  for (int i = 0; i < rows; i++) memcpy(to + i * ld_to, from + i * ld_from, (size_t)cols * sizeof(real));
}

/* The rows of A that a block multiplies, and how they lie: packed as tiles, or where they are, element (i, p) at
 * a[p * lda + i] or a[i * lda + p]. */
typedef struct {
  enum { PACKED, BY_COLUMNS, BY_ROWS } how;
  const real *a;
  int64_t lda;
} rows_of_a;

static rows_of_a rows_below(rows_of_a a, int rows, int64_t k) {
  a.a += a.how == PACKED ? rows * k : a.how == BY_COLUMNS ? rows : rows * a.lda;
  return a;
}

/* How far it is from one column of a tile to the next. */
static int64_t column_step(rows_of_a a, int64_t rows) { return a.how == PACKED ? rows : a.lda; }

/* rows x nr of C */
static void run_whole_tile(const kernels *ks, int rows, int64_t k, rows_of_a a, const real *b, addend to,
                           real *c, int64_t ldc) {
  if (a.how == BY_ROWS)
    ks->by_rows[rows](k, a.a, a.lda, b, to.at, to.ld, c, ldc);
  else
    ks->tile[rows](k, a.a, column_step(a, rows), b, 0, to.at, to.ld, c, ldc);
}

/* One tile.  At the right edge of C the kernel works on a copy of full width; only the true columns come back. */
static void run_tile(const kernels *ks, int rows, int cols, int64_t k, rows_of_a a, const real *b, addend to,
                     real *c, int64_t ldc) {
  const int nr = ks->nr;
  if (cols == nr) {
    run_whole_tile(ks, rows, k, a, b, to, c, ldc);
    return;
  }
  _Alignas(64) real copy[SQ_TILE_ROWS_MAX * SQ_TILE_COLS_MAX];
  memset(copy, 0, sizeof copy);
  if (to.at) copy_matrix(rows, cols, to.at, to.ld, copy, nr);
  run_whole_tile(ks, rows, k, a, b, to.at ? (addend){copy, nr} : to, copy, nr);
  copy_matrix(rows, cols, copy, nr, c, ldc);
}

/* The tiles of one panel of B that have a row from `first` on: op(A) [m,k], cols <= nr. */
static void run_panel(const kernels *ks, int64_t m, int64_t first, int cols, int64_t k, rows_of_a a,
                      const real *b, addend to, real *c, int64_t ldc) {
  int64_t tiles = tile_count(ks, m), end = 0;
  for (int64_t t = 0; t < tiles; t++) {
    int rows = tile_height(m, tiles, t);
    end += rows;
    if (end > first) run_tile(ks, rows, cols, k, a, b, to, c, ldc);
    a = rows_below(a, rows, k);
    to = addend_at(to, rows, 0);
    c += rows * ldc;
  }
}

/* C[m,n] = addend + A [m,k] times packed panels of B [k,n], `panel` elements from one panel to the next; row i as
 * far as column i + reach. */
static void run_block(const kernels *ks, int64_t m, int64_t n, int64_t k, rows_of_a a, const real *b,
                      int64_t panel, addend to, real *c, int64_t ldc, int64_t reach) {
  int64_t j = 0;
  if (a.how != BY_ROWS && m <= ks->mr && ks->wide[m]) {
    int64_t wide = (int64_t)ks->wide_panels[m] * ks->nr;
    for (; j + wide <= n; j += wide) {
      const addend here = addend_at(to, 0, j);
      ks->wide[m](k, a.a, column_step(a, m), b + j / ks->nr * panel, panel, here.at, here.ld, c + j, ldc);
    }
  }
  for (; j < n; j += ks->nr)
    run_panel(ks, m, j - reach, (int)min64(ks->nr, n - j), k, a, b + j / ks->nr * panel, addend_at(to, 0, j),
              c + j, ldc);
}

/* Columns p.. of op(A)[m,k] as tiles, `count` of them; a is the first element of op(A). */
static void pack_a_columns(const kernels *ks, int trans, int64_t m, int64_t k, int64_t p, int64_t count,
                           const real *a, int64_t lda, real *packed) {
  int64_t tiles = tile_count(ks, m);
  a += trans ? p * lda : p;
  for (int64_t t = 0; t < tiles; t++) {
    int rows = tile_height(m, tiles, t);
    ks->pack(!trans, count, rows, rows, a, lda, packed + p * rows);
    a += trans ? rows : rows * lda;
    packed += rows * k;
  }
}

/* op(A)[m,k] as tiles.  A tile takes part of a line from each row of a transposed A, and rows a large power of two
 * apart share few sets of the cache: all tiles take theirs from some rows before those are gone.  How many rows is
 * measured: 16 doubles make 512 x 128 x 2500 15 % faster, with so few floats the calls cost more than the lines. */
static void pack_a(const kernels *ks, int trans, int64_t m, int64_t k, const real *a, int64_t lda,
                   real *packed) {
  enum { ROWS = sizeof(real) == 8 ? 16 : 64 };
  const int64_t step = trans ? ROWS : k;
  for (int64_t p = 0; p < k; p += step)
    pack_a_columns(ks, trans, m, k, p, min64(step, k - p), a, lda, packed);
}

/* Whether tiles read op(A) where it is.  Rows a multiple of 4 KB apart share a set of L1, which has fewer ways than a tile
 * has rows; a column of a transposed A is a line or two, and the next one is in another place. */
static int can_lie(const kernels *ks, int trans, int64_t m, int64_t lda) {
  const int64_t apart = lda * (int64_t)sizeof(real);
  return trans ? apart <= ks->columns_apart : m > SQ_BY_ROWS_MIN && apart % 4096 != 0;
}

/* op(A)[m,k] where it is, or packed. */
static rows_of_a take_rows(const kernels *ks, int trans, int64_t m, int64_t k, const real *a, int64_t lda,
                           real *packed) {
  if (can_lie(ks, trans, m, lda)) return (rows_of_a){trans ? BY_COLUMNS : BY_ROWS, a, lda};
  pack_a(ks, trans, m, k, a, lda, packed);
  return (rows_of_a){PACKED, packed, 0};
}

/* op(B)[k,n] as panels. */
static void pack_b(const kernels *ks, int trans, int64_t n, int64_t k, const real *b, int64_t ldb,
                   real *packed) {
  for (int64_t j = 0; j < n; j += ks->nr) {
    ks->pack(trans, k, (int)min64(ks->nr, n - j), ks->nr, trans ? b + j * ldb : b + j, ldb, packed);
    packed += ks->nr * k;
  }
}

/* ---- one thread ---------------------------------------------------------------------------------------- */

static const real *at(const real *x, int64_t ld, int trans, int64_t row, int64_t col) {
  return trans ? x + col * ld + row : x + row * ld + col;
}

static void run_product(const kernels *ks, const product *g, const blocks *s) {
  for (int64_t j = 0; j < g->n; j += s->nc) {
    int64_t n = min64(s->nc, g->n - j);
    for (int64_t p = 0; p < g->k; p += s->kc) {
      int64_t k = min64(s->kc, g->k - p);
      pack_b(ks, g->trans_b, n, k, at(g->b, g->ldb, g->trans_b, p, j), g->ldb, s->b);
      for (int64_t i = 0; i < g->m; i += s->mc) {
        int64_t m = min64(s->mc, g->m - i), reach = g->reach + i - j;
        if (m + reach <= 0) continue; /* above the triangle */
        real *c = g->c + i * g->ldc + j;
        const addend to = p > 0 ? (addend){c, g->ldc} : addend_at(g->to, i, j);
        const rows_of_a a = take_rows(ks, g->trans_a, m, k, at(g->a, g->lda, g->trans_a, i, p), g->lda, s->a);
        run_block(ks, m, n, k, a, s->b, ks->nr * k, to, c, g->ldc, reach);
      }
    }
  }
}

static void cut_buffer(const kernels *ks, real *buffer, int64_t a_elements, int64_t all_elements, int64_t kc,
                       blocks *s) {
  s->kc = kc;
  s->mc = a_elements / kc / ks->mr * ks->mr;
  s->nc = (all_elements - a_elements) / kc / ks->nr * ks->nr;
  s->a = buffer;
  s->b = buffer + a_elements;
}

/* A third for A: its tiles are lower than a panel of B is wide. */
static void run_on_stack(const kernels *ks, const product *g) {
  _Alignas(64) real buffer[STACK_ELEMENTS];
  blocks s;
  cut_buffer(ks, buffer, STACK_ELEMENTS / 3, STACK_ELEMENTS, STACK_KC, &s);
  run_product(ks, g, &s);
}

static void run_in_scratch(const kernels *ks, const product *g, void *scratch) {
  blocks s;
  cut_buffer(ks, scratch, A_BLOCK_ELEMENTS, SQ_SCRATCH_BYTES / (int)sizeof(real), KC, &s);
  run_product(ks, g, &s);
}

/* ---- CBLAS --------------------------------------------------------------------------------------------- */

#ifdef SEQGPU_CBLAS
static int fits_int(int64_t x) { return x <= INT_MAX; }

/* False if the built-in GEMM is to run, because of the processor or of the sizes. */
static int run_cblas(const product *g) {
  if (best_kernels() != &FN(sq_gemm_baseline)) return 0;
  if (!fits_int(g->m) || !fits_int(g->n) || !fits_int(g->k)) return 0;
  if (!fits_int(g->lda) || !fits_int(g->ldb) || !fits_int(g->ldc)) return 0;
  if (g->to.at && g->to.at != g->c) set_matrix(g->m, g->n, g->to, g->c, g->ldc);
#if SEQGPU_REAL_BITS == 64
  cblas_dgemm(
#else
  cblas_sgemm(
#endif
      CblasRowMajor, g->trans_a ? CblasTrans : CblasNoTrans, g->trans_b ? CblasTrans : CblasNoTrans,
      (int)g->m, (int)g->n, (int)g->k, 1, g->a, (int)g->lda, g->b, (int)g->ldb, g->to.at ? 1 : 0, g->c,
      (int)g->ldc);
  return 1;
}
#else
static int run_cblas(const product *g) {
  (void)g;
  return 0;
}
#endif

/* ---- threads ------------------------------------------------------------------------------------------- */

/* C as rows x cols rectangles whose edges are multiples of the tile. */
typedef struct {
  const kernels *ks;
  const product *g;
  sq_pool *pool;
  int rows, cols;
} grid;

/* The i-th of `parts` pieces of 0..size, in whole steps. */
static void piece(int64_t size, int64_t step, int i, int parts, int64_t *begin, int64_t *count) {
  int64_t steps = ceil_div(size, step);
  *begin = min64(steps * i / parts * step, size);
  *count = min64(steps * (i + 1) / parts * step, size) - *begin;
}

/* Rows i.. and columns j.. of a product, m x n of them, with the scratch memory of a part. */
static void run_rectangle(const grid *r, int part, int64_t i, int64_t m, int64_t j, int64_t n) {
  product g = *r->g;
  if (m == 0 || n == 0) return;
  g.m = m;
  g.n = n;
  g.a = at(g.a, g.lda, g.trans_a, i, 0);
  g.b = at(g.b, g.ldb, g.trans_b, 0, j);
  g.to = addend_at(g.to, i, j);
  g.c += i * g.ldc + j;
  g.reach += i - j;
  void *scratch = sq_pool_scratch(r->pool, part);
  if (scratch)
    run_in_scratch(r->ks, &g, scratch);
  else
    run_on_stack(r->ks, &g);
}

static void run_part(void *arg, int part, int parts) {
  (void)parts;
  const grid *r = arg;
  int64_t i, m, j, n;
  piece(r->g->m, r->ks->mr, part / r->cols, r->rows, &i, &m);
  piece(r->g->n, r->ks->nr, part % r->cols, r->cols, &j, &n);
  run_rectangle(r, part, i, m, j, n);
}

/* Tiles of the largest rectangle, plus what it costs to pack its sides: about 1/16 of a tile's arithmetic for
 * each tile of either side. */
static int64_t grid_cost(const grid *r, int rows, int cols) {
  int64_t m = ceil_div(ceil_div(r->g->m, r->ks->mr), rows), n = ceil_div(ceil_div(r->g->n, r->ks->nr), cols);
  return 16 * m * n + m + n;
}

static void choose_grid(grid *r, int threads) {
  r->rows = r->cols = 1;
  for (int rows = 1; rows <= threads; rows++)
    if (grid_cost(r, rows, threads / rows) < grid_cost(r, r->rows, r->cols)) {
      r->rows = rows;
      r->cols = threads / rows;
    }
}

/* Waking the workers costs some microseconds. */
static int threads_for(sq_pool *pool, const product *g) {
  enum { WORK_OF_A_THREAD = 1 << 18 };
  double work = (double)g->m * (double)g->n * (double)g->k;
  int threads = sq_pool_threads(pool);
  return work < 2.0 * WORK_OF_A_THREAD ? 1 : threads;
}

static void multiply(sq_pool *pool, const product *g) {
  if (g->m <= 0 || g->n <= 0) return;
  if (g->k <= 0) {
    if (g->to.at != g->c) set_matrix(g->m, g->n, g->to, g->c, g->ldc);
    return;
  }
  if (run_cblas(g)) return;
  grid r = {.ks = best_kernels(), .g = g, .pool = pool};
  choose_grid(&r, threads_for(pool, g));
  sq_pool_run(pool, r.rows * r.cols, run_part, &r);
}

void FN(sq_gemm)(sq_pool *pool, int trans_a, int trans_b, int64_t m, int64_t n, int64_t k, const real *a,
                 int64_t lda, const real *b, int64_t ldb, int accumulate, real *c, int64_t ldc) {
  const addend to = added_to(accumulate, c, ldc);
  const product g = {trans_a, trans_b, m, n, k, a, b, lda, ldb, to, c, ldc, EVERYWHERE};
  multiply(pool, &g);
}

void FN(sq_gemm_biased)(sq_pool *pool, int64_t m, int64_t n, int64_t k, const real *a, int64_t lda,
                        const real *b, int64_t ldb, const real *bias, real *c, int64_t ldc) {
  const product g = {0, 1, m, n, k, a, b, lda, ldb, {bias, 0}, c, ldc, EVERYWHERE};
  multiply(pool, &g);
}

#if SEQGPU_REAL_BITS == 64 /* the regressions need it */
/* The row where the i-th of `parts` pieces of a triangle begins, pieces of about the same area. */
static int64_t triangle_row(const grid *r, int i, int parts) {
  const double share = sqrt((double)i / parts) * (double)r->g->m;
  return min64((int64_t)(share / r->ks->mr) * r->ks->mr, r->g->m);
}

static void run_lower_part(void *arg, int part, int parts) {
  const grid *r = arg;
  const int64_t begin = triangle_row(r, part, parts);
  const int64_t end = part + 1 == parts ? r->g->m : triangle_row(r, part + 1, parts);
  run_rectangle(r, part, begin, end - begin, 0, min64(end, r->g->n));
}

void sq_gemm_lower_f64(sq_pool *pool, int64_t m, int64_t n, int64_t k, const real *a, int64_t lda,
                       const real *b, int64_t ldb, real *c, int64_t ldc) {
  if (m <= 0 || n <= 0 || k <= 0) return;
  product g = {1, 0, m, n, k, a, b, lda, ldb, {c, ldc}, c, ldc, 0};
  if (run_cblas(&g)) return;
  grid r = {.ks = best_kernels(), .g = &g, .pool = pool};
  sq_pool_run(pool, threads_for(pool, &g), run_lower_part, &r);
}
#endif

/* ---- weights packed once ------------------------------------------------------------------------------- */

int64_t FN(sq_gemm_packed_size)(int64_t n, int64_t k) {
  int64_t nr = best_kernels()->nr;
  return ceil_div(n, nr) * nr * k;
}

void FN(sq_gemm_pack)(int trans_b, int64_t n, int64_t k, const real *b, int64_t ldb, real *packed) {
  if (n > 0 && k > 0) pack_b(best_kernels(), trans_b, n, k, b, ldb, packed);
}

/* The rows of A go through a small packed block, `kc` columns at a time. */
static void run_rows(const kernels *ks, const blocks *s, int64_t m, int64_t n, int64_t k, const real *a,
                     int64_t lda, const real *packed, int accumulate, real *c, int64_t ldc) {
  for (int64_t p = 0; p < k; p += s->kc) {
    int64_t kb = min64(s->kc, k - p);
    run_block(ks, m, n, kb, take_rows(ks, 0, m, kb, a + p, lda, s->a), packed + p * ks->nr, k * ks->nr,
              added_to(accumulate || p > 0, c, ldc), c, ldc, EVERYWHERE);
  }
}

static void run_all_rows(const kernels *ks, const blocks *s, int64_t m, int64_t n, int64_t k, const real *a,
                         int64_t lda, const real *packed, int accumulate, real *c, int64_t ldc) {
  for (int64_t i = 0; i < m; i += s->mc)
    run_rows(ks, s, min64(s->mc, m - i), n, k, a + i * lda, lda, packed, accumulate, c + i * ldc, ldc);
}

static void run_all_rows_on_stack(const kernels *ks, int64_t m, int64_t n, int64_t k, const real *a,
                                  int64_t lda, const real *packed, int accumulate, real *c, int64_t ldc) {
  _Alignas(64) real block[STACK_ELEMENTS];
  const blocks s = {.a = block, .mc = STACK_ELEMENTS / STACK_KC, .kc = STACK_KC};
  run_all_rows(ks, &s, m, n, k, a, lda, packed, accumulate, c, ldc);
}

void FN(sq_gemm_run_packed)(void *scratch, int64_t m, int64_t n, int64_t k, const real *a, int64_t lda,
                            const real *packed, int accumulate, real *c, int64_t ldc) {
  const kernels *ks = best_kernels();
  if (m <= 0 || n <= 0) return;
  if (k <= 0) {
    if (!accumulate) set_matrix(m, n, (addend){NULL, 0}, c, ldc);
    return;
  }
  if (m == 1) { /* one row is its own packed form */
    run_block(ks, 1, n, k, (rows_of_a){PACKED, a, 0}, packed, k * ks->nr, added_to(accumulate, c, ldc), c,
              ldc, EVERYWHERE);
    return;
  }
  if (scratch == NULL) {
    run_all_rows_on_stack(ks, m, n, k, a, lda, packed, accumulate, c, ldc);
    return;
  }
  const blocks s = {.a = scratch, .mc = PACKED_ELEMENTS / PACKED_KC, .kc = PACKED_KC};
  run_all_rows(ks, &s, m, n, k, a, lda, packed, accumulate, c, ldc);
}

const char *FN(sq_gemm_name)(void) {
#ifdef SEQGPU_CBLAS
  if (best_kernels() == &FN(sq_gemm_baseline)) return "cblas";
#endif
  return best_kernels()->name;
}
