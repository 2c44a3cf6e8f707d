/* copy.cu - strided copies, and the change between batch-major and time-major.
 *
 * copy:      dst[r,c] (+)= src[r,c], rows of stride ld_dst and ld_src
 * relayout:  dst[j,i,:] (+)= src[i,j,:], src [outer, inner, width]; rows of padded steps count as zeros
 *
 * Launch: one thread per element, 32 columns x 8 rows per block, so both sides move whole 128-byte lines
 * where rows are long enough; grid-stride in both directions.  No shared memory: whole rows are transposed,
 * never elements.
 * Moves 8 bytes per element (12 accumulating): limited by memory.
 */
#include "kernels/ops.h"
#include "kernels/simt.h"

namespace {

__global__ void copy_kernel(int64_t rows, int64_t cols, const float *src, int64_t ld_src, float *dst,
                            int64_t ld_dst, int accumulate) {
  SQ_FOR_ROWS(r, rows) {
    SQ_FOR_COLS(c, cols) {
      const float old = accumulate ? dst[r * ld_dst + c] : 0.0f;
      dst[r * ld_dst + c] = old + src[r * ld_src + c];
    }
  }
}

__global__ void relayout_kernel(sq_relayout_args a) {
  const float *src = static_cast<const float *>(a.src);
  float *dst = static_cast<float *>(a.dst);
  SQ_FOR_ROWS(r, a.outer * a.inner) {
    const int64_t i = r / a.inner, j = r % a.inner;
    const int64_t time = a.time_axis == 0 ? i : j, batch = a.time_axis == 0 ? j : i;
    const bool valid = a.lengths == NULL || time < a.lengths[batch];
    const int64_t to = (a.swap ? j * a.outer + i : r) * a.width, from = r * a.width;
    SQ_FOR_COLS(c, a.width) {
      const float old = a.accumulate ? dst[to + c] : 0.0f;
      dst[to + c] = old + (valid ? src[from + c] : 0.0f);
    }
  }
}

} // namespace

extern "C" int SQ_GPU(copy)(sq_exec *exec, const sq_copy_args *a) {
  return SQ_LAUNCH(exec, copy_kernel, sq_matrix_grid(a->rows, a->cols), sq_matrix_block(), 0, a->rows,
                   a->cols, static_cast<const float *>(a->src), a->ld_src, static_cast<float *>(a->dst),
                   a->ld_dst, a->accumulate);
}

extern "C" int SQ_GPU(relayout)(sq_exec *exec, const sq_relayout_args *a) {
  return SQ_LAUNCH(exec, relayout_kernel, sq_matrix_grid(a->outer * a->inner, a->width), sq_matrix_block(), 0,
                   *a);
}
