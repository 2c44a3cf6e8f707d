/* test_ops_rows.c - operators on the rows of a matrix: gemm, bias, reduce, embedding, copy, relayout.
 *
 * Sizes around the vector width and of 0 rows, leading dimensions, padding that must not be read.
 */
#include "core/gemm.h"
#include "tests/tensors.h"

/* --- gemm: the seam only; its own test is elsewhere --- */

static void test_gemm(void) {
  tensor a = tensor_random("a", 5 * 7, -1, 1), b = tensor_random("b", 3 * 7, -1, 1);
  tensor c = tensor_random("c", 5 * 4, -1, 1), want = tensor_new("want", 5 * 4);
  for (int64_t i = 0; i < 20; i++) {
    double sum = c.d[i];
    for (int64_t k = 0; k < 7 && i % 4 < 3; k++) sum += a.d[i / 4 * 7 + k] * b.d[i % 4 * 7 + k];
    want.d[i] = sum;
  }
  for (int k = 0; k < 2; k++) {
    const int bits = both[k];
    const sq_gemm_args args = {0, 1, 1, 5, 3, 7, at(a, bits), 7, at(b, bits), 7, at(c, bits), 4, 0};
    check_bits(bits);
    CHECK(ops(bits)->gemm(&serial, &args) == 0, "gemm, returns 0");
  }
  check_bits(64);
  check_error(check_norm_f64(c.d, want.d, c.n), EXACT, "gemm, C += A B^T with strides");
  check_single(c, "gemm");
  TENSORS_FREE(&a, &b, &c, &want);
}

/* --- bias and reduce --- */

/* Products of no rows, no columns or no terms, and packed weights of nothing. */
static void test_empty_products(void) {
  const float a[6] = {1, 2, 3, 4, 5, 6}, b[6] = {1, 0, 2, 1, 0, 1};
  _Alignas(64) float packed[512] = {0};
  float c[4] = {7, 7, 7, 7};
  sq_gemm_f32(NULL, 0, 0, 0, 2, 3, a, 3, b, 2, 0, c, 2);
  sq_gemm_f32(NULL, 0, 0, 2, 0, 3, a, 3, b, 2, 0, c, 2);
  sq_gemm_f32(NULL, 0, 0, 2, 2, 0, a, 3, b, 2, 1, c, 2);
  sq_gemm_run_packed_f32(NULL, 0, 2, 3, a, 3, packed, 0, c, 2);
  sq_gemm_run_packed_f32(NULL, 2, 0, 3, a, 3, packed, 0, c, 2);
  sq_gemm_run_packed_f32(NULL, 2, 2, 0, a, 3, packed, 1, c, 2);
  CHECK(c[0] == 7 && c[1] == 7 && c[2] == 7 && c[3] == 7, "gemm, of nothing, adds nothing");
  sq_gemm_f32(NULL, 0, 0, 1, 2, 0, a, 3, b, 2, 0, c, 2);
  sq_gemm_run_packed_f32(NULL, 1, 2, 0, a, 3, packed, 0, c + 2, 2);
  CHECK(c[0] == 0 && c[1] == 0 && c[2] == 0 && c[3] == 0, "gemm, a sum of no terms is 0");
  sq_gemm_pack_f32(0, 0, 3, b, 2, packed);
  sq_gemm_pack_f32(0, 2, 0, b, 2, packed);
  CHECK(packed[0] == 0 && sq_gemm_packed_size_f32(2, 3) <= 512, "gemm, nothing is packed of nothing");
  sq_gemm_pack_f32(0, 2, 3, b, 2, packed);
  sq_gemm_run_packed_f32(NULL, 2, 2, 3, a, 3, packed, 0, c, 2);
  CHECK(c[0] == 5 && c[1] == 5 && c[2] == 14 && c[3] == 11, "gemm, packed, without scratch");
}

static void test_empty_triangles(void) {
  const double a[6] = {1, 2, 3, 4, 5, 6};
  double c[4] = {7, 7, 7, 7};
  sq_gemm_lower_f64(NULL, 0, 2, 3, a, 2, a, 2, c, 2);
  sq_gemm_lower_f64(NULL, 2, 0, 3, a, 2, a, 2, c, 2);
  sq_gemm_lower_f64(NULL, 2, 2, 0, a, 2, a, 2, c, 2);
  CHECK(c[0] == 7 && c[1] == 7 && c[2] == 7 && c[3] == 7, "gemm, a triangle of nothing");
}

static void test_bias(int64_t rows, int64_t cols) {
  const int64_t ld = cols + 3;
  tensor bias = tensor_random("bias", cols, -1, 1), y = tensor_random("y", rows * ld, -1, 1);
  tensor before = tensor_new("before", rows * ld);
  memcpy(before.d, y.d, (size_t)y.n * sizeof(double));
  for (int k = 0; k < 2; k++) {
    const sq_bias_args args = {rows, cols, at(bias, both[k]), at(y, both[k]), ld};
    ops(both[k])->bias(&serial, &args);
  }
  int right = 1;
  for (int64_t i = 0; i < y.n; i++) right &= y.d[i] == (i % ld < cols ? bias.d[i % ld] : before.d[i]);
  CHECK(right, "bias, %ldx%ld", (long)rows, (long)cols);
  check_single(y, name("bias, %ldx%ld", (long)rows, (long)cols));
  TENSORS_FREE(&bias, &y, &before);
}

static void test_reduce(int64_t rows, int64_t cols, int product) {
  const int64_t lda = cols + 2, ldb = cols + 5;
  tensor a = tensor_random("a", rows * lda, 0.1, 2), b = tensor_random("b", rows * ldb, 0.1, 2);
  tensor out = tensor_random("out", cols, 0, 1), want = tensor_new("want", cols);
  for (int64_t j = 0; j < cols; j++) {
    want.d[j] = out.d[j];
    for (int64_t r = 0; r < rows; r++) want.d[j] += a.d[r * lda + j] * (product ? b.d[r * ldb + j] : 1);
  }
  for (int k = 0; k < 2; k++) {
    const int bits = both[k];
    const sq_reduce_args args = {rows, cols,         at(a, bits), lda, product ? at(b, bits) : NULL,
                                 ldb,  at(out, bits)};
    ops(bits)->reduce(&serial, &args);
  }
  const char *what = name("reduce, %ldx%ld%s", (long)rows, (long)cols, product ? " of a product" : "");
  check_error(check_norm_f64(out.d, want.d, cols), EXACT, "%s", what);
  check_single(out, what);
  TENSORS_FREE(&a, &b, &out, &want);
}

/* Where a plain float32 sum has lost its digits: 6e-6. */
static void test_long_reduce(void) {
  const int64_t rows = 100000;
  tensor a = tensor_random("a", rows * 8, 0, 2), out = tensor_random("out", 8, 0, 0);
  for (int k = 0; k < 2; k++) {
    const sq_reduce_args args = {rows, 8, at(a, both[k]), 8, NULL, 0, at(out, both[k])};
    ops(both[k])->reduce(&serial, &args);
  }
  check_bits(32);
  check_error(check_norm_f32(out.f, out.d, 8), 5e-7, "reduce, 100000 rows keep their digits");
  check_bits(64);
  TENSORS_FREE(&a, &out);
}

static void test_bias_and_reduce(void) {
  static const int64_t sizes[] = {0, 1, 31, 33, 300};
  for (int i = 0; i < 5; i++) {
    for (int j = 1; j < 5; j++) {
      test_bias(sizes[i], sizes[j]);
      test_reduce(sizes[i], sizes[j], 0);
      test_reduce(sizes[i], sizes[j], 1);
    }
  }
  test_long_reduce();
}

/* --- embedding --- */

static void test_embedding(int64_t rows, int64_t dim, int64_t vocab) {
  tensor table = tensor_random("table", vocab * dim, -1, 1), y = tensor_new("y", rows * dim);
  tensor dy = tensor_random("dy", rows * dim, -1, 1), dtable = tensor_random("dtable", vocab * dim, -1, 1);
  tensor want = tensor_new("want", vocab * dim);
  int32_t *ids = lengths_new(rows, -1, vocab); /* one outside on each side */
  if (rows > 1) ids[rows - 1] = ids[0];        /* a row that is used twice */
  memcpy(want.d, dtable.d, (size_t)want.n * sizeof(double));
  for (int k = 0; k < 2; k++) {
    const int bits = both[k];
    const sq_embedding_args args = {rows,        dim,          vocab,           ids, at(table, bits),
                                    at(y, bits), at(dy, bits), at(dtable, bits)};
    ops(bits)->embedding_forward(&serial, &args);
    ops(bits)->embedding_backward(&serial, &args);
  }
  int right = 1;
  for (int64_t i = 0; i < rows * dim; i++) {
    const int64_t id = ids[i / dim];
    const int inside = id >= 0 && id < vocab;
    right &= y.d[i] == (inside ? table.d[id * dim + i % dim] : 0);
    if (inside) want.d[id * dim + i % dim] += dy.d[i];
  }
  const char *what = name("%ldx%ld of %ld", (long)rows, (long)dim, (long)vocab);
  CHECK(right, "embedding_forward, %s", what);
  CHECK(memcmp(dtable.d, want.d, (size_t)want.n * sizeof(double)) == 0,
        "embedding_backward, %s, order of rows", what);
  check_single(y, name("embedding_forward, %ldx%ld of %ld", (long)rows, (long)dim, (long)vocab));
  check_single(dtable, name("embedding_backward, %ldx%ld of %ld", (long)rows, (long)dim, (long)vocab));
  TENSORS_FREE(&table, &y, &dy, &dtable, &want);
  check_free(ids);
}

/* --- copy and relayout --- */

static void test_copy(int64_t rows, int64_t cols, int accumulate) {
  const int64_t ld_src = cols + 4, ld_dst = cols + 1;
  tensor src = tensor_random("src", rows * ld_src, -1, 1), dst = tensor_random("dst", rows * ld_dst, -1, 1);
  tensor want = tensor_new("want", rows * ld_dst);
  for (int64_t i = 0; i < want.n; i++) {
    const int64_t r = i / ld_dst, j = i % ld_dst;
    want.d[i] = j < cols ? src.d[r * ld_src + j] + (accumulate ? dst.d[i] : 0) : dst.d[i];
  }
  for (int k = 0; k < 2; k++) {
    const sq_copy_args args = {rows, cols, at(src, both[k]), ld_src, at(dst, both[k]), ld_dst, accumulate};
    ops(both[k])->copy(&serial, &args);
  }
  const char *what = name("copy, %ldx%ld%s", (long)rows, (long)cols, accumulate ? " +=" : "");
  CHECK(memcmp(dst.d, want.d, (size_t)want.n * sizeof(double)) == 0, "%s", what);
  check_single(dst, what);
  TENSORS_FREE(&src, &dst, &want);
}

static void test_relayout(int64_t time, int64_t batch, int64_t width, int time_axis, int swap, int ragged,
                          int add) {
  const int64_t outer = time_axis ? batch : time, inner = time_axis ? time : batch;
  int32_t *lengths = lengths_new(batch, 0, time);
  tensor src = tensor_random("src", time * batch * width, -1, 1);
  tensor dst = tensor_random("dst", src.n, -1, 1), want = tensor_new("want", src.n);
  memcpy(want.d, dst.d, (size_t)want.n * sizeof(double));
  for (int64_t i = 0; i < src.n; i++) {
    const int64_t o = i / width / inner, n = i / width % inner, j = i % width;
    const int padded = ragged && (time_axis ? n : o) >= lengths[time_axis ? o : n];
    const int64_t to = (swap ? n * outer + o : o * inner + n) * width + j;
    want.d[to] = (padded ? 0 : src.d[i]) + (add ? want.d[to] : 0);
    if (padded) src.d[i] = src.f[i] = NAN; /* must not be read */
  }
  for (int k = 0; k < 2; k++) {
    const int bits = both[k];
    const sq_relayout_args args = {
        outer, inner, width, swap, time_axis, ragged ? lengths : NULL, at(src, bits), at(dst, bits), add};
    ops(bits)->relayout(&serial, &args);
  }
  const char *what = name("relayout, %ldx%ldx%ld axis %d%s%s%s", (long)outer, (long)inner, (long)width,
                          time_axis, swap ? " swap" : "", ragged ? " ragged" : "", add ? " +=" : "");
  CHECK(memcmp(dst.d, want.d, (size_t)want.n * sizeof(double)) == 0, "%s", what);
  check_single(dst, what);
  if (!swap && !add) {
    const sq_relayout_args args = {outer, inner, width, 0, time_axis, ragged ? lengths : NULL,
                                   src.d, src.d, 0};
    sq_cpu_ops_f64.relayout(&serial, &args);
    CHECK(memcmp(src.d, want.d, (size_t)want.n * sizeof(double)) == 0, "%s, in place", what);
  }
  TENSORS_FREE(&src, &dst, &want);
  check_free(lengths);
}

static void test_copies(void) {
  static const int64_t sizes[] = {0, 1, 31, 33};
  for (int i = 0; i < 4; i++)
    for (int add = 0; add < 2; add++) test_copy(sizes[i], 33 - i, add);
  for (int options = 0; options < 16; options++) {
    test_relayout(5, 3, 7, options & 1, options >> 1 & 1, options >> 2 & 1, options >> 3);
    test_relayout(1, 33, 1, options & 1, options >> 1 & 1, options >> 2 & 1, options >> 3);
  }
  test_relayout(0, 3, 4, 0, 1, 1, 0);
}

int main(void) {
  check_start();
  check_bits(64);
  test_gemm();
  test_empty_products();
  test_empty_triangles();
  test_bias_and_reduce();
  test_embedding(0, 3, 5);
  test_embedding(1, 1, 1);
  test_embedding(33, 31, 5);
  test_embedding(31, 33, 100);
  test_copies();
  return check_finish();
}
