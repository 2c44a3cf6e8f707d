/* stream_kernel.c - a product of few vectors with matrices that are read as they lie, for one instruction
 * set.
 *
 * Compiled once for each instruction set with -DSQ_ISA=name.  A row of a matrix is a run of memory, so it is
 * multiplied by the vector in lanes: lane l sums the elements l, l + VEC, l + 2 VEC, ...  A block of rows
 * shares each load of the vector, the vectors of a batch share each load of the rows:
 *
 *             lanes   a block                      sums in registers
 *   1 vector    VEC   8 rows x 1                    8: enough for two multiply-adds of latency 4 a cycle
 *   2           VEC   4 rows x 2                    8
 *   3           VEC   4 rows x 3                   12
 *   4           VEC   4 rows x 2, twice             8: the second time the rows come from L1
 *
 * Then the lanes of four sums are added at once (stream_lanes.h).
 *
 * The last columns, where VEC does not divide them, are read with those before them, which are masked: no
 * load leaves the row.  An operand narrower than a vector has loops of its own.
 */
#include "core/stream_kernel.h"

#include "core/stream_lanes.h"

enum { SUMS_MAX = 12, L1_BYTES = 32 << 10 };

typedef int32_t bits __attribute__((vector_size(VEC_BYTES), may_alias));

/* ---- blocks -------------------------------------------------------------------------------------------- */

/* All bits of the last `count` lanes. */
SQ_INLINE bits last_lanes(int64_t count) {
  bits number = {0};
  for (int i = 1; i < VEC; i++) number[i] = i;
  return number >= (int32_t)(VEC - count);
}

SQ_INLINE vec load_masked(const float *at, bits mask) { return (vec)((bits)load(at) & mask); }

/* sum[r, b] += the lanes of w[r] . v[b]; rows, batch and ahead are constants at the call.  With `ahead`, 1 on the
 * way up and -1 on the way down, the rows that come next arrive while these are computed: a quarter less time
 * where the weights live in L2, and one twelfth more where they are in L1 anyway.  An address outside does no
 * harm. */
SQ_INLINE void add_operand(const int ahead, const int rows, const int batch, int64_t cols, const float *w,
                           int64_t ld_w, const float *v, int64_t ld_v, vec *sum) {
  int64_t k = 0;
  const int bytes = ahead ? rows * VEC * 4 : 0;
  uintptr_t next = (uintptr_t)w + (uintptr_t)(ahead * rows * ld_w) * sizeof(float);
  for (; k + VEC <= cols; k += VEC) {
    vec x[3];
    UNROLL for (int i = 0; i < bytes; i += 64) { __builtin_prefetch((const char *)next + i); }
    next += (uintptr_t)bytes;
    UNROLL for (int b = 0; b < batch; b++) { x[b] = load(v + b * ld_v + k); }
    UNROLL for (int r = 0; r < rows; r++) {
      const vec row = load(w + r * ld_w + k);
      UNROLL for (int b = 0; b < batch; b++) { sum[r * batch + b] += row * x[b]; }
    }
  }
  if (k == cols) return;
  const bits mask = last_lanes(cols - k);
  k = cols - VEC;
  vec x[3];
  UNROLL for (int b = 0; b < batch; b++) { x[b] = load_masked(v + b * ld_v + k, mask); }
  UNROLL for (int r = 0; r < rows; r++) {
    const vec row = load_masked(w + r * ld_w + k, mask);
    UNROLL for (int b = 0; b < batch; b++) { sum[r * batch + b] += row * x[b]; }
  }
}

SQ_INLINE const float *first_row(const sq_stream_operand *o, int64_t row) {
  return (const float *)o->weights + (o->row + row) * o->cols;
}

/* Adds the sums of rows row.. and vectors first.. over all operands, none of which is narrow.  stride: 1, or 0
 * for the same row over and over. */
SQ_INLINE void sum_block(const int ahead, const int rows, const int batch, const sq_stream_product *p,
                         int64_t row, int64_t first, int64_t stride, vec *sum) {
  UNROLL for (int i = 0; i < rows * batch; i++) { sum[i] = (vec){0}; }
  const sq_stream_operand *o = p->operand;
  add_operand(ahead, rows, batch, o->cols, first_row(o, row), stride * o->cols, o->vectors + first * o->ld,
              o->ld, sum);
  if (p->operands == 1) return;
  o++;
  add_operand(ahead, rows, batch, o->cols, first_row(o, row), stride * o->cols, o->vectors + first * o->ld,
              o->ld, sum);
}

SQ_INLINE void run_block(const int ahead, const int rows, const int batch, const sq_stream_product *p,
                         int64_t row, int64_t first) {
  vec sum[SUMS_MAX];
  sum_block(ahead, rows, batch, p, row, first, 1, sum);
  UNROLL for (int b = 0; b < batch; b++) {
    UNROLL for (int r = 0; r < rows; r += QUAD) {
      const vec *s = sum + r * batch + b;
      quad *out = (quad *)(p->out + (first + b) * p->ld_out + row + r);
      *out += add_lanes(s[0], s[batch], s[2 * batch], s[3 * batch]);
    }
  }
}

/* One row and one vector: what four rows leave over. */
static void run_one(const sq_stream_product *p, int64_t row, int64_t b) {
  vec sum[QUAD];
  sum_block(0, QUAD, 1, p, row, b, 0, sum);
  p->out[b * p->ld_out + row] += add_lanes(sum[0], sum[1], sum[2], sum[3])[0];
}

/* Four rows and every vector. */
SQ_INLINE void run_quad(const int ahead, const sq_stream_product *p, int64_t row) {
  if (p->batch == 1)
    run_block(ahead, 4, 1, p, row, 0);
  else if (p->batch == 2)
    run_block(ahead, 4, 2, p, row, 0);
  else if (p->batch == 3)
    run_block(ahead, 4, 3, p, row, 0);
  else
    for (int64_t b = 0; b < p->batch; b += 2) run_block(ahead, 4, 2, p, row, b);
}

/* The weights of a product, in bytes. */
static int64_t size_of(const sq_stream_product *p) {
  int64_t cols = 0;
  for (int i = 0; i < p->operands; i++) cols += p->operand[i].cols;
  return p->rows * cols * (int64_t)sizeof(float);
}

/* What fours leave over, `row` and those behind it. */
static void run_rest(const sq_stream_product *p, int64_t row) {
  for (; row < p->rows; row++)
    for (int64_t b = 0; b < p->batch; b++) run_one(p, row, b);
}

static void run_up(const sq_stream_product *p) {
  int64_t row = 0;
  if (p->batch == 1 && size_of(p) <= L1_BYTES)
    for (; row + 8 <= p->rows; row += 8) run_block(0, 8, 1, p, row, 0);
  else if (p->batch == 1)
    for (; row + 8 <= p->rows; row += 8) run_block(1, 8, 1, p, row, 0);
  for (; row + QUAD <= p->rows; row += QUAD) run_quad(1, p, row);
  run_rest(p, row);
}

/* The blocks of run_up, from the last to the first. */
static void run_down(const sq_stream_product *p) {
  const int64_t eights = p->batch == 1 ? p->rows / 8 * 8 : 0;
  int64_t row = p->rows / QUAD * QUAD;
  run_rest(p, row);
  while (row > eights) run_quad(-1, p, row -= QUAD);
  while (row > 0) run_block(-1, 8, 1, p, row -= 8, 0);
}

static void run_wide(const sq_stream_product *p) {
  if (p->down)
    run_down(p);
  else
    run_up(p);
}

/* ---- narrow operands ----------------------------------------------------------------------------------- */

/* out[r] += weights[r] . v; in lanes over the rows where cols is a constant. */
SQ_INLINE void add_columns(int64_t rows, int64_t cols, const float *restrict w, const float *restrict v,
                           float *restrict out) {
  for (int64_t r = 0; r < rows; r++) {
    float sum = 0;
    for (int64_t k = 0; k < cols; k++) sum += w[r * cols + k] * v[k];
    out[r] += sum;
  }
}

static void add_narrow(int64_t rows, const sq_stream_operand *o, const float *v, float *out) {
  if (o->cols == 1)
    add_columns(rows, 1, first_row(o, 0), v, out);
  else if (o->cols == 2)
    add_columns(rows, 2, first_row(o, 0), v, out);
  else if (o->cols == 3)
    add_columns(rows, 3, first_row(o, 0), v, out);
  else if (o->cols == 4)
    add_columns(rows, 4, first_row(o, 0), v, out);
  else
    add_columns(rows, o->cols, first_row(o, 0), v, out);
}

/* ---- the entry ----------------------------------------------------------------------------------------- */

/* The narrow operands one by one, then the others together. */
static void multiply_some_narrow(const sq_stream_product *product) {
  sq_stream_product wide = *product;
  wide.operands = 0;
  for (int i = 0; i < product->operands; i++) {
    const sq_stream_operand *o = &product->operand[i];
    if (o->cols >= VEC) {
      wide.operand[wide.operands++] = *o;
      continue;
    }
    for (int64_t b = 0; b < product->batch; b++)
      add_narrow(product->rows, o, o->vectors + b * o->ld, product->out + b * product->ld_out);
  }
  if (wide.operands) run_wide(&wide);
}

void SQ_STREAM(multiply)(const sq_stream_product *product) {
  int narrow = 0;
  for (int i = 0; i < product->operands; i++) narrow |= product->operand[i].cols < VEC;
  if (narrow)
    multiply_some_narrow(product);
  else
    run_wide(product);
}
