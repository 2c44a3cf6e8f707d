/* rows.h - operators that reduce the rows of a matrix: one warp per row of few columns, else one block.
 *
 * A row's work is a template over its number of threads, `threads`: a warp, whose lanes are threadIdx.x, or
 * the whole block.
 */
#ifndef SQ_KERNELS_ROWS_H
#define SQ_KERNELS_ROWS_H

#include "kernels/backend.h"
#include "kernels/simt.h"

enum { SQ_ROW_WARPS = 4, SQ_ROW_THREADS = 256, SQ_ROW_WARP_COLS = 1024 };

template <int threads> static __device__ __forceinline__ float sq_row_max(float v) {
  return threads == SQ_WARP ? sq_warp_max(v) : sq_block_max(v);
}
template <int threads> static __device__ __forceinline__ float sq_row_sum(float v) {
  return threads == SQ_WARP ? sq_warp_sum(v) : sq_block_sum(v);
}

/* The rows that this warp of a block of SQ_ROW_WARPS takes, and those that this block takes. */
#define SQ_FOR_WARP_ROWS(r, rows)                                                                            \
  for (int64_t r = (int64_t)blockIdx.x * SQ_ROW_WARPS + threadIdx.y; r < (rows);                             \
       r += (int64_t)gridDim.x * SQ_ROW_WARPS)
#define SQ_FOR_BLOCK_ROWS(r, rows) for (int64_t r = blockIdx.x; r < (rows); r += gridDim.x)

/* By the kernel for rows of so many columns. */
template <typename Args>
static inline int sq_launch_rows(sq_exec *exec, const char *name, int64_t rows, int64_t cols,
                                 void (*warp)(Args), void (*block)(Args), const Args &a) {
  if (cols <= SQ_ROW_WARP_COLS)
    return sq_launch(exec, name, warp, sq_blocks(rows, SQ_ROW_WARPS), dim3(SQ_WARP, SQ_ROW_WARPS), 0, a);
  return sq_launch(exec, name, block, sq_blocks(rows, 1), SQ_ROW_THREADS, 0, a);
}

#endif
