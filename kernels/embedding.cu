/* embedding.cu - rows of a table by number.
 *
 *   forward    y[r,:] = table[ids[r],:]           zeros for an id outside 0..V-1
 *   backward   dtable[ids[r],:] += dy[r,:]        in the order of r, nothing for such an id
 *
 * forward: one thread per element, 32 columns x 8 rows per block; 8 bytes per element, limited by memory.
 *
 * backward, without atomics: the first r that names an id owns that row of dtable.  One warp per row r and
 * 128 columns:
 * it looks back through the ids, 32 at a time, and returns if it finds its own, which for a frequent id takes
 * a few steps.  The owner then walks forward through the ids and adds every row of dy that names its id, in
 * order.
 * Launch: blocks of 4 warps.  No shared memory.  Moves each row of dy once, and at most R^2/32 warp-wide
 * loads of ids, which stay in the cache; limited by memory for small vocabularies and by the search when
 * nearly all ids differ.
 */
#include "kernels/ops.h"
#include "kernels/simt.h"

namespace {

enum { EMBED_WARPS = 4, EMBED_LANE_COLS = 4, EMBED_WARP_COLS = SQ_WARP * EMBED_LANE_COLS };

__global__ void embedding_kernel(sq_embedding_args a) {
  const float *table = static_cast<const float *>(a.table);
  float *y = static_cast<float *>(a.y);
  SQ_FOR_ROWS(r, a.rows) {
    const int32_t id = a.ids[r];
    const bool known = id >= 0 && id < a.vocab;
    SQ_FOR_COLS(c, a.dim) y[r * a.dim + c] = known ? table[id * a.dim + c] : 0.0f;
  }
}

/* Does a row before r name this id?  The whole warp asks. */
__device__ __forceinline__ bool named_before(const int32_t *ids, int64_t r, int32_t id) {
  for (int64_t end = r; end > 0; end -= SQ_WARP) {
    const int64_t i = end - 1 - (int64_t)threadIdx.x;
    if (__any_sync(SQ_FULL_MASK, i >= 0 && ids[i >= 0 ? i : 0] == id)) return true;
  }
  return false;
}

/* Adds dy[r,:] to this lane's columns first, first + 32, ... */
__device__ __forceinline__ void add_row(const sq_embedding_args &a, int64_t r, int64_t first,
                                        float (&sum)[EMBED_LANE_COLS]) {
  const float *dy = static_cast<const float *>(a.dy) + r * a.dim;
  SQ_UNROLL
  for (int k = 0; k < EMBED_LANE_COLS; k++) {
    const int64_t c = first + k * SQ_WARP;
    if (c < a.dim) sum[k] += dy[c];
  }
}

/* The sum of all rows from r on that name the id, for columns from tile * 128. */
__device__ __forceinline__ void gather(const sq_embedding_args &a, int64_t r, int32_t id, int64_t tile) {
  const int64_t first = tile * EMBED_WARP_COLS + threadIdx.x;
  float sum[EMBED_LANE_COLS] = {};
  for (int64_t start = r; start < a.rows; start += SQ_WARP) {
    const int64_t i = start + (int64_t)threadIdx.x;
    unsigned named = __ballot_sync(SQ_FULL_MASK, i < a.rows && a.ids[i < a.rows ? i : r] == id);
    for (; named != 0; named &= named - 1) add_row(a, start + __ffs((int)named) - 1, first, sum);
  }
  float *dtable = static_cast<float *>(a.dtable) + id * a.dim;
  SQ_UNROLL
  for (int k = 0; k < EMBED_LANE_COLS; k++)
    if (first + k * SQ_WARP < a.dim) dtable[first + k * SQ_WARP] += sum[k];
}

__global__ void embedding_backward_kernel(sq_embedding_args a) {
  for (int64_t r = (int64_t)blockIdx.x * EMBED_WARPS + threadIdx.y; r < a.rows;
       r += (int64_t)gridDim.x * EMBED_WARPS) {
    const int32_t id = a.ids[r];
    if (id < 0 || id >= a.vocab || named_before(a.ids, r, id)) continue;
    for (int64_t tile = blockIdx.y; tile * EMBED_WARP_COLS < a.dim; tile += gridDim.y) gather(a, r, id, tile);
  }
}

} // namespace

extern "C" int SQ_GPU(embedding_forward)(sq_exec *exec, const sq_embedding_args *a) {
  return SQ_LAUNCH(exec, embedding_kernel, sq_matrix_grid(a->rows, a->dim), sq_matrix_block(), 0, *a);
}

extern "C" int SQ_GPU(embedding_backward)(sq_exec *exec, const sq_embedding_args *a) {
  const dim3 grid(sq_blocks(a->rows, EMBED_WARPS), sq_blocks(a->dim, EMBED_WARP_COLS));
  return SQ_LAUNCH(exec, embedding_backward_kernel, grid, dim3(SQ_WARP, EMBED_WARPS), 0, *a);
}
