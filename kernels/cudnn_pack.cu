/* cudnn_pack.cu - between our parameters and cuDNN's weight space, and the sequences without steps.
 *
 * Launch: one row of blocks for each run of numbers, a thread an element, grid-stride.  8 bytes an element (12 where it
 * adds): limited by memory, and done once a call, not once a step.  No shared memory.
 */
#include "cudnn_plans.h"
#include "simt.h"

namespace {

enum { THREADS = 256 };

__global__ void pack_kernel(sq_cudnn_blocks blocks, const float *params, float *weights) {
  const sq_cudnn_block b = blocks.block[blockIdx.y];
  SQ_FOR_EACH(i, b.count) weights[b.theirs + i] = b.ours < 0 ? 0.0f : params[b.ours + i];
}

__global__ void unpack_kernel(sq_cudnn_blocks blocks, const float *weights, float *params) {
  const sq_cudnn_block b = blocks.block[blockIdx.y];
  if (b.ours < 0) return;
  SQ_FOR_EACH(i, b.count) params[b.ours + i] += weights[b.theirs + i];
}

__global__ void empty_kernel(int64_t rows, int64_t batch, int64_t width, const int32_t *lengths,
                             const float *from, float *out) {
  SQ_FOR_ROWS(r, rows) {
    if (lengths[r % batch] > 0) continue;
    SQ_FOR_COLS(c, width) out[r * width + c] = from != NULL ? from[r * width + c] : 0.0f;
  }
}

dim3 grid_of(const sq_cudnn_blocks &blocks) {
  int64_t longest = 0;
  for (int i = 0; i < blocks.count; i++)
    if (blocks.block[i].count > longest) longest = blocks.block[i].count;
  return dim3(sq_blocks(longest, THREADS), (unsigned)blocks.count);
}

} // namespace

extern "C" int SQ_GPU(cudnn_pack)(sq_exec *exec, const sq_cudnn_blocks *blocks, const float *params,
                                  float *weights) {
  return SQ_LAUNCH(exec, pack_kernel, grid_of(*blocks), THREADS, 0, *blocks, params, weights);
}

extern "C" int SQ_GPU(cudnn_unpack)(sq_exec *exec, const sq_cudnn_blocks *blocks, const float *weights,
                                    float *params) {
  return SQ_LAUNCH(exec, unpack_kernel, grid_of(*blocks), THREADS, 0, *blocks, weights, params);
}

extern "C" int SQ_GPU(cudnn_empty)(sq_exec *exec, int64_t directions, int64_t batch, int64_t width,
                                   const int32_t *lengths, const float *from, float *out) {
  return SQ_LAUNCH(exec, empty_kernel, sq_matrix_grid(directions * batch, width), sq_matrix_block(), 0,
                   directions * batch, batch, width, lengths, from, out);
}
