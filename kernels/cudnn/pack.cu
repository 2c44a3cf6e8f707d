/* pack.cu - between our memory and cuDNN's: parameters and its weight space, tensors and its rows, in each of
 * its types.
 *
 * Launch: parameters: one row of blocks per run of elements, one thread per element; tensors: a thread per
 * element, 32 columns x 8 rows per block; both grid-stride.  8 bytes per element in float32 and 6 in half
 * and bfloat16, 4 more where it adds: limited by memory, and done once per call, not once per step.
 * No shared memory.
 *
 * The largest element needs no order of summation: one atomic maximum per warp, on the bits, whose order for
 * floats >= 0 is that of the numbers.
 */
#include "kernels/cudnn/pack.h"
#include "kernels/numbers.h"

namespace {

enum { THREADS = 256 };
const unsigned LARGEST_BLOCKS = 1024; /* a few thousand atomics to one address */

/* The element types of cuDNN's side: what one element is stored in, from float32, and back. */
struct in_f32 {
  typedef float element;
  static __device__ __forceinline__ element of(float x) { return x; }
  static __device__ __forceinline__ float value(element x) { return x; }
};
struct in_half {
  typedef uint16_t element;
  static __device__ __forceinline__ element of(float x) { return sq_to_half(x); }
  static __device__ __forceinline__ float value(element x) { return sq_from_half(x); }
};
struct in_bf16 {
  typedef uint16_t element;
  static __device__ __forceinline__ element of(float x) { return sq_to_bf16(x); }
  static __device__ __forceinline__ float value(element x) { return sq_from_bf16(x); }
};

/* 2^(sign * e), where 2^e is the power of two at or below the largest number.  Both are normal numbers, even
 * if that is not. */
__device__ __forceinline__ float power_of_two(const uint32_t *largest, int sign) {
  if (largest == NULL || *largest == 0) return 1.0f;
  const int e = (int)(*largest >> 23) - 127;
  return ldexpf(1.0f, sign * (e < -126 ? -126 : e > 126 ? 126 : e));
}

__device__ __forceinline__ bool is_padding(const sq_cudnn_move &m, int64_t row) {
  return m.lengths != NULL && row / m.batch * m.step >= m.lengths[row % m.batch];
}

template <typename Type>
__global__ void pack_kernel(sq_cudnn_blocks blocks, const float *params, void *space) {
  const sq_cudnn_block b = blocks.block[blockIdx.y];
  auto *weights = static_cast<typename Type::element *>(space);
  SQ_FOR_EACH(i, b.count) weights[b.theirs + i] = Type::of(b.ours < 0 ? 0.0f : params[b.ours + i]);
}

template <typename Type>
__global__ void unpack_kernel(sq_cudnn_blocks blocks, const void *space, const uint32_t *largest,
                              float *params) {
  const sq_cudnn_block b = blocks.block[blockIdx.y];
  const auto *weights = static_cast<const typename Type::element *>(space);
  const float unscale = power_of_two(largest, 1);
  if (b.ours < 0) return;
  SQ_FOR_EACH(i, b.count) params[b.ours + i] += unscale * Type::value(weights[b.theirs + i]);
}

template <typename Type> __global__ void take_kernel(sq_cudnn_move m) {
  const float *src = static_cast<const float *>(m.src);
  auto *dst = static_cast<typename Type::element *>(m.dst);
  const float scale = power_of_two(m.largest, -1);
  SQ_FOR_ROWS(r, m.outer * m.batch) {
    const bool zero = src == NULL || is_padding(m, r);
    SQ_FOR_COLS(c, m.width) { dst[r * m.ld_dst + c] = Type::of(zero ? 0.0f : scale * src[r * m.ld_src + c]); }
  }
}

template <typename Type> __global__ void give_kernel(sq_cudnn_move m) {
  const auto *src = static_cast<const typename Type::element *>(m.src);
  float *dst = static_cast<float *>(m.dst);
  const float unscale = power_of_two(m.largest, 1);
  SQ_FOR_ROWS(r, m.outer * m.batch) {
    const bool padding = is_padding(m, r);
    SQ_FOR_COLS(c, m.width) {
      const float old = m.accumulate ? dst[r * m.ld_dst + c] : 0.0f;
      const float instead = padding && m.padding != NULL ? m.padding[r * m.width + c] : 0.0f;
      dst[r * m.ld_dst + c] = old + (padding ? instead : unscale * Type::value(src[r * m.ld_src + c]));
    }
  }
}

__global__ void largest_kernel(sq_cudnn_move m, uint32_t *largest) {
  const float *src = static_cast<const float *>(m.src);
  float most = 0.0f;
  for (int64_t r = (int64_t)blockIdx.x * blockDim.y + threadIdx.y; r < m.outer * m.batch;
       r += (int64_t)gridDim.x * blockDim.y) {
    if (is_padding(m, r)) continue;
    for (int64_t c = threadIdx.x; c < m.width; c += blockDim.x)
      most = fmaxf(most, fabsf(src[r * m.ld_src + c]));
  }
  most = sq_warp_max(most);
  if (threadIdx.x == 0) atomicMax(largest, sq_float_bits(most));
}

dim3 grid_of(const sq_cudnn_blocks &blocks) {
  int64_t longest = 0;
  for (int i = 0; i < blocks.count; i++)
    if (blocks.block[i].count > longest) longest = blocks.block[i].count;
  return dim3(sq_blocks(longest, THREADS), (unsigned)blocks.count);
}

} // namespace

/* The kernel of cuDNN's element type. */
#define OF_TYPE(type, kernel)                                                                                \
  (type == SQ_CUDNN_HALF ? kernel<in_half> : type == SQ_CUDNN_BF16 ? kernel<in_bf16> : kernel<in_f32>)

extern "C" int SQ_GPU(cudnn_pack)(sq_exec *exec, sq_cudnn_type type, const sq_cudnn_blocks *blocks,
                                  const float *params, void *weights) {
  return SQ_LAUNCH(exec, OF_TYPE(type, pack_kernel), grid_of(*blocks), THREADS, 0, *blocks, params, weights);
}

extern "C" int SQ_GPU(cudnn_unpack)(sq_exec *exec, sq_cudnn_type type, const sq_cudnn_blocks *blocks,
                                    const void *weights, const uint32_t *largest, float *params) {
  return SQ_LAUNCH(exec, OF_TYPE(type, unpack_kernel), grid_of(*blocks), THREADS, 0, *blocks, weights,
                   largest, params);
}

extern "C" int SQ_GPU(cudnn_take)(sq_exec *exec, const sq_cudnn_move *m) {
  return SQ_LAUNCH(exec, OF_TYPE(m->type, take_kernel), sq_matrix_grid(m->outer * m->batch, m->width),
                   sq_matrix_block(), 0, *m);
}

extern "C" int SQ_GPU(cudnn_give)(sq_exec *exec, const sq_cudnn_move *m) {
  return SQ_LAUNCH(exec, OF_TYPE(m->type, give_kernel), sq_matrix_grid(m->outer * m->batch, m->width),
                   sq_matrix_block(), 0, *m);
}

extern "C" int SQ_GPU(cudnn_largest)(sq_exec *exec, const sq_cudnn_move *m, uint32_t *largest) {
  const unsigned blocks = m->src != NULL ? sq_blocks(m->outer * m->batch, SQ_TILE_ROWS) : 0;
  return SQ_LAUNCH(exec, largest_kernel, blocks < LARGEST_BLOCKS ? blocks : LARGEST_BLOCKS, sq_matrix_block(),
                   0, *m, largest);
}
