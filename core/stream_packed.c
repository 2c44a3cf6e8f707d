/* stream_packed.c - a product of few vectors with packed weights (stream_pack.h), for one instruction set.
 *
 *   bf16   out[b,r] += sum_k w[r,k] v[b,k]                   w widened to float32, sums in float32
 *   int8   out[b,r] += scale[r] m[b] sum_k q[r,k] u[b,k]     v = m u / 127, m = max |v|, sums exact in int32
 *
 * Compiled once for each instruction set with -DSQ_ISA=name.  A lane is a row: eight rows lie side by side, a
 * few columns of each, and are multiplied by the same columns of the vector in all lanes.  So no lanes have to
 * be added up at the end, as in stream_kernel.c, which takes a row of a hundred columns a quarter of its time.
 *
 *              columns   a block                         sums in registers
 *   bf16             2   32 rows x 1, or 16 rows x 2     8: even and odd columns apart
 *   int8             4   32 rows x 1, or 16 rows x 2     4
 *
 * AVX2 multiplies 32 bytes by 32 in three instructions, on |u| and q with the sign of u (vpmaddubsw wants one
 * operand without a sign).  Its pairs of products are sums in 16 bits, at most 2 127^2 < 2^15: no -128 ever
 * comes up, and nothing saturates.  The avx512 build does the same: bytes in its long vectors take AVX512BW.  Where
 * there is AVX512VNNI, one instruction adds four products to a sum in 32 bits (the vnni build), the same integers.
 */
#include "core/stream_kernel.h"

#if defined(__AVX2__)
#include <immintrin.h>
#endif

enum { ROWS = SQ_STREAM_ROWS, SUMS_MAX = 4 };

/* One number for each of eight rows.  Passed by address: plain C has no such vectors in registers. */
typedef float octet __attribute__((vector_size(ROWS * 4), may_alias));
typedef float octet_unaligned __attribute__((vector_size(ROWS * 4), aligned(4), may_alias));
typedef uint32_t words __attribute__((vector_size(ROWS * 4), may_alias));
typedef uint32_t words_unaligned __attribute__((vector_size(ROWS * 4), aligned(4), may_alias));

#define ALL(x)                                                                                               \
  { x, x, x, x, x, x, x, x }

/* gcc would load the words a second time for the odd columns, and loads are what the loop is short of. */
#if defined(__AVX2__) && defined(__GNUC__)
#define KEEP_IN_REGISTER(w) __asm__("" : "+x"(w))
#else
#define KEEP_IN_REGISTER(w)
#endif

/* One operand of a product, its vectors made ready, and where the results go. */
typedef struct factor {
  const char *weights;  /* of the matrix: groups of ROWS rows */
  const float *scales;  /* [rows of the matrix], int8 */
  int64_t stride;       /* columns of a row, with its padding */
  const float *vectors; /* [batch, stride] row stride ld, bf16 */
  int64_t ld;
  const int8_t *bytes;  /* [batch, stride], int8 */
  const float *largest; /* [batch], int8: m */
  int64_t first, rows;  /* of the matrix that are wanted */
  float *out;           /* [batch, rows] row stride ld_out */
  int64_t ld_out;
} factor;

/* Adds those results of a group that are wanted. */
SQ_INLINE void add_results(const factor *f, int64_t group, int64_t b, const octet *results) {
  const int64_t row = group * ROWS - f->first;
  float *out = f->out + b * f->ld_out;
  if (row >= 0 && row + ROWS <= f->rows) {
    *(octet_unaligned *)(out + row) += *results;
    return;
  }
  float each[ROWS];
  memcpy(each, results, sizeof each);
  for (int i = 0; i < ROWS; i++)
    if (row + i >= 0 && row + i < f->rows) out[row + i] += each[i];
}

/* ---- bf16 ---------------------------------------------------------------------------------------------- */

SQ_INLINE void block_bf16(const int groups, const int batch, const factor *f, int64_t group, int64_t first) {
  octet even[SUMS_MAX], odd[SUMS_MAX];
  const int64_t size = f->stride * ROWS * 2; /* of a group */
  const char *at = f->weights + group * size;
  UNROLL for (int i = 0; i < groups * batch; i++) { even[i] = odd[i] = (octet){0}; }
  for (int64_t k = 0; k < f->stride; k += 2, at += ROWS * 4) {
    octet x[2], z[2];
    UNROLL for (int b = 0; b < batch; b++) {
      const float *v = f->vectors + (first + b) * f->ld + k;
      x[b] = (octet)ALL(v[0]);
      z[b] = (octet)ALL(v[1]);
    }
    UNROLL for (int g = 0; g < groups; g++) {
      words w = *(const words_unaligned *)(at + g * size);
      KEEP_IN_REGISTER(w);
      UNROLL for (int b = 0; b < batch; b++) {
        even[g * batch + b] += (octet)(w << 16) * x[b];
        odd[g * batch + b] += (octet)w * z[b];
      }
    }
  }
  UNROLL for (int g = 0; g < groups; g++) {
    UNROLL for (int b = 0; b < batch; b++) {
      const octet results = even[g * batch + b] + odd[g * batch + b];
      add_results(f, group + g, first + b, &results);
    }
  }
}

/* ---- int8 ---------------------------------------------------------------------------------------------- */

#if defined(__AVX2__)
typedef __m256i sums;

/* Four columns of eight rows: q [ROWS,4], u [4]. */
SQ_INLINE void add_products(sums *sum, const char *q, int32_t u) {
  const __m256i all = _mm256_set1_epi32(u), w = _mm256_loadu_si256((const __m256i *)q);
  const __m256i size = _mm256_abs_epi8(all), signed_w = _mm256_sign_epi8(w, all);
#if defined(__AVX512VNNI__)
  *sum = _mm256_dpbusd_epi32(*sum, size, signed_w);
#else
  const __m256i pairs = _mm256_maddubs_epi16(size, signed_w);
  *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
#endif
}

SQ_INLINE void to_floats(const sums *sum, octet *out) { *out = (octet)_mm256_cvtepi32_ps(*sum); }
#else
typedef int32_t ints __attribute__((vector_size(16)));
typedef uint32_t halves __attribute__((vector_size(16)));
typedef int16_t shorts __attribute__((vector_size(16)));
typedef int8_t bytes __attribute__((vector_size(8)));

/* Rows 2i and 2i + 1 in at[i]: two lanes each. */
typedef struct sums {
  ints at[ROWS / 2];
} sums;

SQ_INLINE void add_products(sums *sum, const char *q, int32_t u) {
  const int32_t twice[2] = {u, u};
  bytes v, w;
  memcpy(&v, twice, sizeof v);
  UNROLL for (int i = 0; i < ROWS / 2; i++) {
    memcpy(&w, q + 8 * i, sizeof w);
    const shorts p = __builtin_convertvector(w, shorts) * __builtin_convertvector(v, shorts);
    sum->at[i] += ((ints)p >> 16) + ((ints)((halves)p << 16) >> 16); /* both products in a lane */
  }
}

SQ_INLINE void to_floats(const sums *sum, octet *out) {
  UNROLL for (int i = 0; i < ROWS / 2; i++) {
    /* NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult): block_int8 has set every sum to 0 */
    (*out)[2 * i] = (float)(sum->at[i][0] + sum->at[i][1]);
    (*out)[2 * i + 1] = (float)(sum->at[i][2] + sum->at[i][3]);
  }
}
#endif

SQ_INLINE void block_int8(const int groups, const int batch, const factor *f, int64_t group, int64_t first) {
  sums sum[SUMS_MAX];
  const int64_t size = f->stride * ROWS; /* of a group */
  const char *at = f->weights + group * size;
  UNROLL for (int i = 0; i < groups * batch; i++) { sum[i] = (sums){0}; }
  for (int64_t k = 0; k < f->stride; k += 4, at += ROWS * 4) {
    int32_t u[2];
    UNROLL for (int b = 0; b < batch; b++) { memcpy(&u[b], f->bytes + (first + b) * f->stride + k, 4); }
    UNROLL for (int g = 0; g < groups; g++) {
      UNROLL for (int b = 0; b < batch; b++) { add_products(&sum[g * batch + b], at + g * size, u[b]); }
    }
  }
  UNROLL for (int g = 0; g < groups; g++) {
    const octet scale = *(const octet_unaligned *)(f->scales + (group + g) * ROWS);
    UNROLL for (int b = 0; b < batch; b++) {
      octet results = {0};
      to_floats(&sum[g * batch + b], &results);
      results = results * scale * f->largest[first + b];
      add_results(f, group + g, first + b, &results);
    }
  }
}

/* ---- blocks -------------------------------------------------------------------------------------------- */

SQ_INLINE void block(const sq_stream_format format, const int groups, const int batch, const factor *f,
                     int64_t group, int64_t first) {
  if (format == SQ_STREAM_BF16)
    block_bf16(groups, batch, f, group, first);
  else
    block_int8(groups, batch, f, group, first);
}

/* One vector, from group..end-1. */
SQ_INLINE void run_one(const sq_stream_format format, const factor *f, int64_t group, int64_t end,
                       int64_t b) {
  for (; group + 4 <= end; group += 4) block(format, 4, 1, f, group, b);
  for (; group < end; group++) block(format, 1, 1, f, group, b);
}

/* Two: the second of them reads no weight again. */
SQ_INLINE void run_two(const sq_stream_format format, const factor *f, int64_t group, int64_t end,
                       int64_t b) {
  for (; group + 2 <= end; group += 2) block(format, 2, 2, f, group, b);
  for (; group < end; group++) block(format, 1, 2, f, group, b);
}

SQ_INLINE void run(const sq_stream_format format, const factor *f, int64_t batch) {
  const int64_t group = f->first / ROWS, end = (f->first + f->rows + ROWS - 1) / ROWS;
  int64_t b = 0;
  for (; b + 2 <= batch; b += 2) run_two(format, f, group, end, b);
  if (b < batch) run_one(format, f, group, end, b);
}

/* ---- the entries --------------------------------------------------------------------------------------- */

SQ_INLINE factor factor_of(const sq_stream_product *p, const sq_stream_operand *o) {
  return (factor){.weights = o->weights,
                  .scales = o->scales,
                  .stride = sq_stream_stride(o->cols),
                  .first = o->row,
                  .rows = p->rows,
                  .out = p->out,
                  .ld_out = p->ld_out};
}

/* Vectors without padding are copied to where there is room for it. */
static void multiply_bf16(const sq_stream_product *p, const sq_stream_operand *o) {
  factor f = factor_of(p, o);
  f.vectors = o->vectors;
  f.ld = o->ld;
  if (f.stride > o->cols) {
    for (int64_t b = 0; b < p->batch; b++) {
      memcpy(p->scratch + b * f.stride, o->vectors + b * o->ld, (size_t)o->cols * sizeof(float));
      memset(p->scratch + b * f.stride + o->cols, 0, (size_t)(f.stride - o->cols) * sizeof(float));
    }
    f.vectors = p->scratch;
    f.ld = f.stride;
  }
  run(SQ_STREAM_BF16, &f, p->batch);
}

/* Rounds a vector into u [stride]; returns its largest. */
static float round_vector(int64_t cols, const float *restrict v, int8_t *restrict u) {
  const float m = sq_stream_largest(cols, v);
  for (int64_t k = 0; k < cols; k++) u[k] = sq_stream_round(v[k], m);
  for (int64_t k = cols; k < sq_stream_stride(cols); k++) u[k] = 0;
  return m;
}

static void multiply_int8(const sq_stream_product *p, const sq_stream_operand *o) {
  factor f = factor_of(p, o);
  float *largest = p->scratch;
  int8_t *rounded = (int8_t *)(p->scratch + p->batch);
  for (int64_t b = 0; b < p->batch; b++)
    largest[b] = round_vector(o->cols, o->vectors + b * o->ld, rounded + b * f.stride);
  f.largest = largest;
  f.bytes = rounded;
  run(SQ_STREAM_INT8, &f, p->batch);
}

void SQ_STREAM(multiply_bf16)(const sq_stream_product *p) {
  for (int i = 0; i < p->operands; i++) multiply_bf16(p, &p->operand[i]);
}

void SQ_STREAM(multiply_int8)(const sq_stream_product *p) {
  for (int i = 0; i < p->operands; i++) multiply_int8(p, &p->operand[i]);
}
