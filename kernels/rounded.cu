/* rounded.cu - see rounded.h.
 *
 * round:  to[r,c] = bfloat16(from[r,c]), the rows of `to` a multiple of 8 apart, as tensor cores like them
 *
 * Launch: a thread rounds two neighbouring columns, 32 of them x 8 rows per block; grid-stride in both directions.
 * Moves 6 bytes per element: limited by memory.
 */
#include "kernels/rounded.h"

#include "kernels/numbers.h"
#include "kernels/simt.h"

namespace {

int64_t largest(int64_t a, int64_t b) { return a > b ? a : b; }
int64_t stride_of(int64_t columns) { return sq_ceil_div(columns, 8) * 8; }

__global__ void round_kernel(int64_t rows, int64_t columns, const float *from, int64_t ld, uint32_t *to,
                             int64_t ld_to) {
  SQ_FOR_ROWS(r, rows) {
    SQ_FOR_COLS(pair, (columns + 1) / 2) {
      const float *at = from + r * ld + 2 * pair;
      const uint32_t low = sq_to_bf16(at[0]), high = 2 * pair + 1 < columns ? sq_to_bf16(at[1]) : 0;
      to[r * ld_to + pair] = high << 16 | low;
    }
  }
}

int round_operand(sq_exec *exec, sq_rounded::operand *o, int64_t rows, int64_t columns, sq_matrix from) {
  if (o->from == from.data && o->rows == rows && o->columns == columns && o->ld == from.ld) return 0;
  *o = {o->to, from.data, rows, columns, from.ld};
  return SQ_LAUNCH(exec, round_kernel, sq_matrix_grid(rows, sq_ceil_div(columns, 2)), sq_matrix_block(), 0,
                   rows, columns, from.data, from.ld, reinterpret_cast<uint32_t *>(o->to),
                   stride_of(columns) / 2);
}

/* The widest gradient of a step, [G] or [A], or forward the input. */
int64_t size_of_a(const sq_layout *l, int64_t rows, int training) {
  const int64_t I = l->config.input_size;
  return rows * stride_of(training ? largest(I, largest(l->gates, l->aux)) : I);
}
/* W_ih, or what a product of the layout reads. */
int64_t size_of_b(const sq_layout *l, int64_t rows, int training) {
  int64_t widest = l->config.input_size;
  const int64_t weights = l->gates * stride_of(widest);
  for (int i = 0; i < l->products; i++) widest = largest(widest, l->product[i].cols);
  return training ? largest(weights, rows * stride_of(widest)) : weights;
}
int64_t floats_of(int64_t elements) { return sq_align_elements(sq_ceil_div(elements, 2)); }

} // namespace

int64_t sq_rounded_size(const sq_layout *l, int64_t rows, int training) {
  return floats_of(size_of_a(l, rows, training)) + floats_of(size_of_b(l, rows, training));
}

sq_rounded sq_rounded_begin(const sq_job &j) {
  const int64_t rows = j.run->seq_len * j.run->batch;
  const int training = j.run->reserve != NULL;
  sq_rounded r = {};
  if (j.rounded == NULL) return r;
  r.a.to = reinterpret_cast<uint16_t *>(j.rounded);
  r.b.to = reinterpret_cast<uint16_t *>(j.rounded + floats_of(size_of_a(j.layout, rows, training)));
  return r;
}

int sq_rounded_gemm(sq_exec *exec, sq_rounded *r, int trans_a, int trans_b, int64_t m, int64_t n, int64_t k,
                    sq_matrix a, sq_matrix b, int accumulate, sq_matrix c) {
  const int64_t columns_a = trans_a ? m : k, columns_b = trans_b ? k : n;
  if (m == 0 || n == 0) return 0;
  int error = round_operand(exec, &r->a, trans_a ? k : m, columns_a, a);
  if (error == 0) error = round_operand(exec, &r->b, trans_b ? n : k, columns_b, b);
  const sq_gemm_args g = {trans_a,
                          trans_b,
                          accumulate,
                          m,
                          n,
                          k,
                          r->a.to,
                          stride_of(columns_a),
                          r->b.to,
                          stride_of(columns_b),
                          const_cast<float *>(c.data),
                          c.ld,
                          SQ_MATH_BF16};
  return error != 0 ? error : sq_gpu_gemm_rounded(exec, &g);
}
