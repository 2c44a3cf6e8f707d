/* bias.cu - a vector copied to all rows of a matrix, and sums over rows.
 *
 *   bias     y[r,j] = bias[j]
 *   reduce   out[j] += sum_r a[r,j] b[r,j]      (b NULL: * 1)
 *
 * bias: a thread has 4 columns, where they are aligned, else one, and every eighth of 64 rows; 4 bytes per element,
 * limited by memory.
 * reduce: the rows are cut into up to 64 parts (SQ_PART_ROWS or more rows each) so that even a narrow matrix
 * has work for the whole device.  A block sums one part of 32 columns: each of its 8 rows of threads every
 * eighth row, then the 8 sums through 1 KB of shared memory.  A second launch adds the parts in order.  4 or
 * 8 bytes per multiply-add:
 * limited by memory.  The order of the sum depends on the sizes only.
 */
#include "kernels/bias.h"
#include "kernels/ops.h"
#include "kernels/simt.h"

namespace {

/* Rows of a block. */
enum { BIAS_ROWS = 64 };

/* number: float4 or float; cols and ld count numbers. */
template <class number>
__global__ void bias_kernel(int64_t rows, int64_t cols, const number *bias, number *y, int64_t ld) {
  SQ_FOR_COLS(c, cols) {
    const number v = bias[c];
    SQ_FOR_ROWS(r, rows) y[r * ld + c] = v;
  }
}

template <class number> int bias_of(sq_exec *exec, const sq_bias_args &a) {
  const int64_t each = sizeof(number) / sizeof(float), cols = a.cols / each;
  const dim3 grid(sq_blocks(cols, SQ_TILE_COLS), sq_blocks(a.rows, BIAS_ROWS));
  return SQ_LAUNCH(exec, bias_kernel<number>, grid, sq_matrix_block(), 0, a.rows, cols,
                   static_cast<const number *>(a.bias), static_cast<number *>(a.y), a.ld / each);
}

/* Sum of rows first..last-1 of column c that this row of threads takes. */
__device__ __forceinline__ float column_part(const sq_reduce_args &a, int64_t first, int64_t last,
                                             int64_t c) {
  const float *x = static_cast<const float *>(a.a) + c;
  const float *y = a.b != NULL ? static_cast<const float *>(a.b) + c : NULL;
  float sum = 0.0f;
  SQ_UNROLL_BY(4) /* loads in flight */
  for (int64_t r = first + threadIdx.y; r < last && y == NULL; r += SQ_TILE_ROWS) sum += x[r * a.lda];
  SQ_UNROLL_BY(4)
  for (int64_t r = first + threadIdx.y; r < last && y != NULL; r += SQ_TILE_ROWS)
    sum += x[r * a.lda] * y[r * a.ldb];
  return sum;
}

/* Part blockIdx.y into out + blockIdx.y * cols, or added to out if there is only one. */
__global__ void reduce_kernel(sq_reduce_args a, int64_t part_rows, float *out, int accumulate) {
  const int64_t first = (int64_t)blockIdx.y * part_rows;
  const int64_t last = first + part_rows < a.rows ? first + part_rows : a.rows;
  for (int64_t tile = blockIdx.x; tile * SQ_TILE_COLS < a.cols; tile += gridDim.x) {
    const int64_t c = tile * SQ_TILE_COLS + threadIdx.x;
    const float sum = sq_column_sum(c < a.cols ? column_part(a, first, last, c) : 0.0f);
    if (threadIdx.y != 0 || c >= a.cols) continue;
    float *to = out + (int64_t)blockIdx.y * a.cols + c;
    *to = sum + (accumulate ? *to : 0.0f);
  }
}

__global__ void add_parts_kernel(const float *partial, int64_t parts, int64_t cols, float *out) {
  SQ_FOR_EACH(c, cols) {
    float sum = 0.0f;
    for (int64_t i = 0; i < parts; i++) sum += partial[i * cols + c];
    out[c] += sum;
  }
}

} // namespace

int sq_gpu_add_parts(sq_exec *exec, const float *partial, int64_t parts, int64_t cols, float *out) {
  return SQ_LAUNCH(exec, add_parts_kernel, sq_blocks(cols, 128), 128, 0, partial, parts, cols, out);
}

extern "C" int SQ_GPU(bias)(sq_exec *exec, const sq_bias_args *a) {
  const bool four = a->cols % 4 == 0 && a->ld % 4 == 0 && sq_aligned16(a->bias) && sq_aligned16(a->y);
  return four ? bias_of<float4>(exec, *a) : bias_of<float>(exec, *a);
}

extern "C" int SQ_GPU(reduce)(sq_exec *exec, const sq_reduce_args *a) {
  if (a->rows == 0 || a->cols == 0) return 0;
  float *out = static_cast<float *>(a->out), *scratch = sq_gpu_of(exec)->scratch;
  const int64_t parts = sq_parts(a->rows, SQ_PART_ROWS, a->cols);
  const dim3 grid(sq_blocks(a->cols, SQ_TILE_COLS), (unsigned)parts);
  const int error = SQ_LAUNCH(exec, reduce_kernel, grid, sq_matrix_block(), 0, *a,
                              sq_ceil_div(a->rows, parts), parts == 1 ? out : scratch, parts == 1);
  if (error != 0 || parts == 1) return error;
  return sq_gpu_add_parts(exec, scratch, parts, a->cols, out);
}
