/* test_gemm_kernel.c - the GEMM's tiles (core/gemm_kernel.h) of every instruction set that this processor has: on packed
 * rows and on rows as they lie, each element is the chain  s = fma(a, b, s)  that core/gemm.c promises, and nothing
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
  float *packed, *c, *expected;
} world;

static float element_of_b(const world *w, int64_t p, int column) {
  const int nr = w->kernels->nr;
  return w->b[(column / nr * w->k + p) * nr + column % nr];
}

/* C of so many rows and panels, and what is beside it. */
static void expect(const world *w, int rows, int columns, int load) {
  for (int i = 0; i < SQ_TILE_ROWS_MAX; i++)
    for (int j = 0; j < LDC; j++) {
      float sum = w->c[i * LDC + j];
      const int inside = i < rows && j < columns;
      if (inside && !load) sum = 0;
      for (int64_t p = 0; inside && p < w->k; p++)
        sum = fmaf(w->a[i * w->lda + p], element_of_b(w, p, j), sum);
      w->expected[i * LDC + j] = sum;
    }
}

/* Largest difference, of what the chain may round otherwise where there is no fused multiply-add. */
static void compare(const world *w, const char *what, int rows, int load) {
  const double allowed = w->kernels == &sq_gemm_baseline_f32 ? 1e-5 : 0;
  double worst = 0;
  for (int i = 0; i < SQ_TILE_ROWS_MAX * LDC; i++)
    worst = check_worse(worst, fabs((double)w->c[i] - (double)w->expected[i]));
  CHECK(worst <= allowed, "%s: %s, %d rows, k %d, load %d: %g off", w->kernels->name, what, rows, (int)w->k,
        load, worst);
}

static void begin(const world *w, int rows, int columns, int load) {
  check_fill_f32(w->c, SQ_TILE_ROWS_MAX * LDC, -1, 1);
  expect(w, rows, columns, load);
}

static void test_rows(const world *w, int rows, int load) {
  const sq_gemm_kernels_f32 *ks = w->kernels;
  for (int64_t p = 0; p < w->k; p++)
    for (int i = 0; i < rows; i++) w->packed[p * rows + i] = w->a[i * w->lda + p];
  begin(w, rows, ks->nr, load);
  ks->tile[rows](w->k, w->packed, w->b, 0, load, w->c, LDC);
  compare(w, "packed", rows, load);
  if (rows >= SQ_LYING_ROWS) {
    begin(w, rows, ks->nr, load);
    ks->lying[rows](w->k, w->a, w->lda, w->b, load, w->c, LDC);
    compare(w, "as they lie", rows, load);
  }
  if (ks->wide[rows]) {
    begin(w, rows, ks->wide_panels[rows] * ks->nr, load);
    ks->wide[rows](w->k, w->packed, w->b, w->k * ks->nr, load, w->c, LDC);
    compare(w, "wide", rows, load);
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
    w.packed = check_alloc("packed", (size_t)(SQ_TILE_ROWS_MAX * w.k) * sizeof(float));
    w.b = check_alloc("b", (size_t)(PANELS_MAX * w.k * kernels->nr) * sizeof(float));
    w.c = check_alloc("c", SQ_TILE_ROWS_MAX * LDC * sizeof(float));
    w.expected = check_alloc("expected", SQ_TILE_ROWS_MAX * LDC * sizeof(float));
    check_fill_f32(w.a, SQ_TILE_ROWS_MAX * w.lda, -1, 1);
    check_fill_f32(w.b, PANELS_MAX * w.k * kernels->nr, -1, 1);
    for (int rows = 1; rows <= kernels->mr; rows++)
      for (int load = 0; load < 2; load++) test_rows(&w, rows, load);
    check_free(w.a);
    check_free(w.packed);
    check_free(w.b);
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
