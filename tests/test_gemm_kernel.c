/* test_gemm_kernel.c - the GEMM's tiles (core/gemm_kernel.h) of every instruction set that this processor has: A by
 * columns and by rows, each element is the chain  s = fma(a, b, s)  that core/gemm.c promises, and nothing
 * beside the tile is written.
 */
#include <math.h>

#include "core/gemm_kernel.h"
#include "core/lanes.h"
#include "tests/check.h"

enum { K_MAX = 70, PANELS_MAX = 4, LDC = PANELS_MAX * SQ_TILE_COLS_MAX + 5 };

typedef struct world {
  const sq_gemm_kernels_f32 *kernels;
  int64_t k, lda;
  float *a, *b; /* [rows, k] of stride lda; [panels, k, nr] */
  float *columns, *bias, *c, *expected;
} world;

static float element_of_b(const world *w, int64_t p, int column) {
  const int nr = w->kernels->nr;
  return w->b[(column / nr * w->k + p) * nr + column % nr];
}

/* What a tile is added to. */
enum { ZEROS, C_ITSELF, ONE_ROW, ADDENDS };
static const char *const addend_names[] = {"zeros", "c", "a row"};

static const float *addend_of(const world *w, int addend) {
  return addend == ZEROS ? NULL : addend == C_ITSELF ? w->c : w->bias;
}
static int64_t stride_of(int addend) { return addend == C_ITSELF ? LDC : 0; }

/* C of so many rows and panels, and what is beside it. */
static void expect(const world *w, int rows, int columns, int addend) {
  for (int i = 0; i < SQ_TILE_ROWS_MAX; i++)
    for (int j = 0; j < LDC; j++) {
      float sum = w->c[i * LDC + j];
      const int inside = i < rows && j < columns;
      if (inside && addend != C_ITSELF) sum = addend == ZEROS ? 0 : w->bias[j];
      for (int64_t p = 0; inside && p < w->k; p++)
        sum = fmaf(w->a[i * w->lda + p], element_of_b(w, p, j), sum);
      w->expected[i * LDC + j] = sum;
    }
}

/* Largest difference, of what the chain may round otherwise where there is no fused multiply-add. */
static void compare(const world *w, const char *what, int rows, int addend) {
  const double allowed = w->kernels == &sq_gemm_baseline_f32 ? 1e-5 : 0;
  double worst = 0;
  for (int i = 0; i < SQ_TILE_ROWS_MAX * LDC; i++)
    worst = check_worse(worst, fabs((double)w->c[i] - (double)w->expected[i]));
  CHECK(worst <= allowed, "%s: %s, %d rows, k %d, added to %s: %g off", w->kernels->name, what, rows,
        (int)w->k, addend_names[addend], worst);
}

static void begin(const world *w, int rows, int columns, int addend) {
  check_fill_f32(w->c, SQ_TILE_ROWS_MAX * LDC, -1, 1);
  expect(w, rows, columns, addend);
}

static void test_rows(const world *w, int rows, int addend) {
  const sq_gemm_kernels_f32 *ks = w->kernels;
  const float *from = addend_of(w, addend);
  const int64_t ldfrom = stride_of(addend);
  for (int64_t p = 0; p < w->k; p++)
    for (int i = 0; i < rows; i++) w->columns[p * (rows + 2) + i] = w->a[i * w->lda + p];
  begin(w, rows, ks->nr, addend);
  ks->tile[rows](w->k, w->columns, rows + 2, w->b, 0, from, ldfrom, w->c, LDC);
  compare(w, "by columns", rows, addend);
  if (rows >= SQ_BY_ROWS_MIN) {
    begin(w, rows, ks->nr, addend);
    ks->by_rows[rows](w->k, w->a, w->lda, w->b, from, ldfrom, w->c, LDC);
    compare(w, "by rows", rows, addend);
  }
  if (ks->wide[rows]) {
    begin(w, rows, ks->wide_panels[rows] * ks->nr, addend);
    ks->wide[rows](w->k, w->columns, rows + 2, w->b, w->k * ks->nr, from, ldfrom, w->c, LDC);
    compare(w, "wide", rows, addend);
  }
}

static void test_kernels(const sq_gemm_kernels_f32 *kernels, sq_isa needs) {
  if (sq_best_isa() < needs) {
    check_skip("this processor does not have it", "%s", kernels->name);
    return;
  }
  static const int64_t ks[] = {1, 2, 3, 4, 5, 8, 31, K_MAX};
  for (size_t i = 0; i < COUNT(ks); i++) {
    world w = {.kernels = kernels, .k = ks[i], .lda = ks[i] + 3};
    w.a = check_alloc("a", (size_t)(SQ_TILE_ROWS_MAX * w.lda) * sizeof(float));
    w.columns = check_alloc("columns", (size_t)((SQ_TILE_ROWS_MAX + 2) * w.k) * sizeof(float));
    w.b = check_alloc("b", (size_t)(PANELS_MAX * w.k * kernels->nr) * sizeof(float));
    w.bias = check_alloc("bias", LDC * sizeof(float));
    w.c = check_alloc("c", SQ_TILE_ROWS_MAX * LDC * sizeof(float));
    w.expected = check_alloc("expected", SQ_TILE_ROWS_MAX * LDC * sizeof(float));
    check_fill_f32(w.a, SQ_TILE_ROWS_MAX * w.lda, -1, 1);
    check_fill_f32(w.bias, LDC, -1, 1);
    check_fill_f32(w.b, PANELS_MAX * w.k * kernels->nr, -1, 1);
    for (int rows = 1; rows <= kernels->mr; rows++)
      for (int addend = 0; addend < ADDENDS; addend++) test_rows(&w, rows, addend);
    check_free(w.a);
    check_free(w.columns);
    check_free(w.b);
    check_free(w.bias);
    check_free(w.c);
    check_free(w.expected);
  }
}

int main(void) {
  check_start();
  test_kernels(&sq_gemm_baseline_f32, SQ_ISA_BASELINE);
#if defined(__x86_64__)
  test_kernels(&sq_gemm_avx2_f32, SQ_ISA_AVX2);
  test_kernels(&sq_gemm_avx512_f32, SQ_ISA_AVX512);
#endif
  return check_finish();
}
