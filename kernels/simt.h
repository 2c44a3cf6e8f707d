/* simt.h - the CUDA vocabulary of the kernels, in CUDA or in the emulator.
 *
 * Kernels are written in plain CUDA C++, with five exceptions that the emulator of tests/simt needs:
 *
 *   SQ_SHARED(float, tile, 1024);       __shared__ float tile[1024];
 *   SQ_SHARED_DYNAMIC(float, tile);     extern __shared__ float tile[];
 *   SQ_UNROLL, SQ_UNROLL_BY(n)          #pragma unroll, #pragma unroll n
 *   SQ_LAUNCH(exec, kernel, grid, block, dynamic_shared_bytes, arguments...)     no <<<>>>; returns the error
 *       sq_launch_as: the same for clusters and cooperative grids
 *   atomics on integers only, and shuffles over the full width of a warp
 *
 * Whatever is PTX rather than C++ (clusters, flags, tensor cores) is a named function, here, in async.h or in
 * mma.h, with a twin for the emulator.
 *
 * With -DSEQGPU_EMULATE a .cu file is compiled as C++, and SQ_LAUNCH runs the kernel at once on the CPU.
 */
#ifndef SQ_SIMT_H
#define SQ_SIMT_H

#include "core/ops.h"
#include "kernels/backend.h"
#include "kernels/context.h"

#ifdef SEQGPU_EMULATE
#include "tests/simt/simt_emulator.h"
#else
#include <cuda_runtime.h>

#include "kernels/reported.h"
#endif

enum { SQ_WARP = 32 };
#define SQ_FULL_MASK 0xFFFFFFFFu

#ifdef SEQGPU_EMULATE

#define SQ_SHARED(type, name, count)                                                                         \
  static const char name##_key = 0;                                                                          \
  type *const name = static_cast<type *>(simt::shared_array(&name##_key, sizeof(type) * (count)))
#define SQ_SHARED_DYNAMIC(type, name) type *const name = static_cast<type *>(simt::shared_dynamic())
#define SQ_UNROLL
#define SQ_UNROLL_BY(n)

#else

#define SQ_SHARED(type, name, count) __shared__ type name[count]
#define SQ_SHARED_DYNAMIC(type, name)                                                                        \
  extern __shared__ __align__(16) unsigned char sq_dynamic_shared[];                                         \
  type *const name = reinterpret_cast<type *>(sq_dynamic_shared)
#define SQ_PRAGMA(words) _Pragma(#words)
#define SQ_UNROLL        SQ_PRAGMA(unroll)
#define SQ_UNROLL_BY(n)  SQ_PRAGMA(unroll n)

#endif

/* The value is worked out here, and not again and again where it is used: 32 bits, or 64. */
template <class T> static __device__ __forceinline__ void sq_work_out(T &value) {
#ifdef SEQGPU_EMULATE
  (void)value;
#else
  asm volatile("" : "+r"(value));
#endif
}

static __device__ __forceinline__ void sq_work_out(int64_t &value) {
#ifdef SEQGPU_EMULATE
  (void)value;
#else
  asm volatile("" : "+l"(value));
#endif
}

/* The thread has done that many float additions and multiplications.  The emulator adds them up; a device
 * does nothing.
 * Complex numbers (fft.h, unitary.h, modrelu.h) and matrix products (gemm.cu) are counted. */
static __device__ __forceinline__ void sq_count(unsigned operations) {
#ifdef SEQGPU_EMULATE
  simt::count(operations);
#else
  (void)operations;
#endif
}

/* A kernel whose template arguments contain commas must stand in parentheses. */
#define SQ_LAUNCH(exec, kernel, grid, block, ...) sq_launch(exec, #kernel, kernel, grid, block, __VA_ARGS__)

template <typename T> struct sq_same { typedef T type; };

/* How a grid is launched, beyond its size: blocks per cluster along x, and whether all blocks must be
 * resident together (if they cannot be, the launch is refused). */
struct sq_mode {
  unsigned cluster;
  bool cooperative;
};

#ifndef SEQGPU_EMULATE

static inline cudaLaunchConfig_t sq_config_of(sq_mode mode, dim3 grid, dim3 block, size_t shared,
                                              void *stream, cudaLaunchAttribute attribute[2]) {
  cudaLaunchConfig_t config = {};
  config.gridDim = grid;
  config.blockDim = block;
  config.dynamicSmemBytes = shared;
  config.stream = static_cast<cudaStream_t>(stream);
  config.attrs = attribute;
  if (mode.cluster > 1) {
    cudaLaunchAttribute *a = &attribute[config.numAttrs++];
    a->id = cudaLaunchAttributeClusterDimension;
    a->val.clusterDim.x = mode.cluster;
    a->val.clusterDim.y = a->val.clusterDim.z = 1;
  }
  if (mode.cooperative) {
    cudaLaunchAttribute *a = &attribute[config.numAttrs++];
    a->id = cudaLaunchAttributeCooperative;
    a->val.cooperative = 1;
  }
  return config;
}
#endif

/* Enqueues kernel(arguments...) and returns the error of the launch.  An empty grid is not launched. */
template <typename... P>
int sq_launch(sq_exec *exec, const char *name, void (*kernel)(P...), dim3 grid, dim3 block, size_t shared,
              typename sq_same<P>::type... arguments) {
  if (grid.x == 0 || grid.y == 0 || grid.z == 0) return 0;
#ifdef SEQGPU_EMULATE
  (void)exec;
  auto call = [&] { kernel(arguments...); };
  return simt::launch(
      name, grid, block, shared, [](void *c) { (*static_cast<decltype(call) *>(c))(); }, &call);
#else
  (void)name;
  const sq_gpu_current here(exec);
  if (here.error != 0) return here.error;
  void *pointers[] = {const_cast<void *>(static_cast<const void *>(&arguments))..., NULL};
  return sq_reported(cudaLaunchKernel(reinterpret_cast<const void *>(kernel), grid, block, pointers, shared,
                                      static_cast<cudaStream_t>(exec->stream)));
#endif
}

/* As sq_launch, for kernels that take more than 48 KB of dynamic shared memory, clusters, and cooperative
 * grids. */
template <typename... P>
int sq_launch_as(sq_exec *exec, sq_mode mode, const char *name, void (*kernel)(P...), dim3 grid, dim3 block,
                 size_t shared, typename sq_same<P>::type... arguments) {
  if (grid.x == 0 || grid.y == 0 || grid.z == 0) return 0;
#ifdef SEQGPU_EMULATE
  (void)exec;
  auto call = [&] { kernel(arguments...); };
  return simt::launch(name, grid, block, shared, [](void *c) { (*static_cast<decltype(call) *>(c))(); },
                      &call, {mode.cluster, mode.cooperative});
#else
  (void)name;
  const sq_gpu_current here(exec);
  const void *function = reinterpret_cast<const void *>(kernel);
  const int error = here.error != 0 ? here.error : sq_gpu_prepare(exec, function);
  if (error != 0) return error;
  void *pointers[] = {const_cast<void *>(static_cast<const void *>(&arguments))..., NULL};
  cudaLaunchAttribute attribute[2] = {};
  const cudaLaunchConfig_t config = sq_config_of(mode, grid, block, shared, exec->stream, attribute);
  return sq_reported(cudaLaunchKernelExC(&config, function, pointers));
#endif
}

#ifndef SEQGPU_EMULATE
/* What CUDA says where a launch asks for more than the device ever has: that is an answer. */
inline bool sq_is_too_much(int error) {
  return error == cudaErrorInvalidValue || error == cudaErrorInvalidConfiguration ||
         error == cudaErrorLaunchOutOfResources || error == cudaErrorInvalidClusterSize ||
         error == cudaErrorNotSupported;
}
#endif

/* *resident: blocks of this kernel, or clusters if mode.cluster > 1, that the whole device holds at a time; 0
 * if not even one. */
template <typename... P>
int sq_resident(sq_exec *exec, sq_mode mode, void (*kernel)(P...), unsigned threads, size_t shared,
                int *resident) {
  *resident = 0;
#ifdef SEQGPU_EMULATE
  (void)exec, (void)kernel;
  const simt::Device device = simt::device();
  if (mode.cluster > device.cluster_max) return 0;
  *resident = (int)(device.processors * simt::occupancy(threads, shared) / mode.cluster);
  return 0;
#else
  const sq_gpu_current here(exec);
  sq_gpu_limits limits;
  int error = here.error != 0 ? here.error : sq_gpu_limits_of(exec, &limits);
  if (error != 0 || shared > limits.shared_bytes || mode.cluster > (unsigned)limits.cluster_max) return error;
  error = sq_gpu_prepare(exec, reinterpret_cast<const void *>(kernel));
  if (error == 0 && mode.cluster > 1) {
    cudaLaunchAttribute attribute[2] = {};
    const cudaLaunchConfig_t config =
        sq_config_of({mode.cluster, false}, mode.cluster, threads, shared, exec->stream, attribute);
    error = sq_reported(cudaOccupancyMaxActiveClusters(resident, kernel, &config));
  } else if (error == 0) {
    error =
        sq_reported(cudaOccupancyMaxActiveBlocksPerMultiprocessor(resident, kernel, (int)threads, shared));
    *resident *= limits.processors;
  }
  if (!sq_is_too_much(error)) return error;
  *resident = 0;
  return 0;
#endif
}

/* ---- clusters, and flags in global memory ---- */

/* True where this code is compiled for a processor with clusters. */
#if defined(SEQGPU_EMULATE) || (defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900)
#define SQ_HAS_CLUSTERS 1
#else
#define SQ_HAS_CLUSTERS 0
#endif

/* The two halves of a barrier over all threads of the cluster.  Stores before the arrival, including those
 * into the shared memory of peers, are visible after the wait. */
static __device__ __forceinline__ void sq_cluster_arrive(void) {
#ifdef SEQGPU_EMULATE
  simt::cluster_arrive(SIMT_SITE("cluster arrive"));
#elif SQ_HAS_CLUSTERS
  asm volatile("barrier.cluster.arrive.release;" ::: "memory");
#endif
}
static __device__ __forceinline__ void sq_cluster_wait(void) {
#ifdef SEQGPU_EMULATE
  simt::cluster_wait(SIMT_SITE("cluster wait"));
#elif SQ_HAS_CLUSTERS
  asm volatile("barrier.cluster.wait.acquire;" ::: "memory");
#endif
}

/* Stores to where `own`, an address in this block's dynamic shared memory, lies in the block of that rank. */
static __device__ __forceinline__ void sq_cluster_store(uint4 *own, unsigned rank, uint4 v) {
#ifdef SEQGPU_EMULATE
  *static_cast<uint4 *>(simt::cluster_peer(own, rank, SIMT_SITE("cluster store"))) = v;
#elif SQ_HAS_CLUSTERS
  const unsigned address = (unsigned)__cvta_generic_to_shared(own);
  asm volatile("{\n"
               ".reg .u32 there;\n"
               "mapa.shared::cluster.u32 there, %0, %1;\n"
               "st.shared::cluster.v4.u32 [there], {%2, %3, %4, %5};\n"
               "}" ::"r"(address),
               "r"(rank), "r"(v.x), "r"(v.y), "r"(v.z), "r"(v.w)
               : "memory");
#else
  (void)own, (void)rank, (void)v;
#endif
}

/* A flag that another block waits for.  Whoever has seen it also sees what this thread, or its block before a
 * barrier, stored earlier.  The value waited for only grows.  In the emulator the wait sleeps, and a flag
 * that never comes is an error. */
static __device__ __forceinline__ void sq_flag_release(uint32_t *flag, uint32_t value) {
#ifdef SEQGPU_EMULATE
  simt::store_release(flag, value);
#else
  asm volatile("st.release.gpu.global.u32 [%0], %1;" ::"l"(flag), "r"(value) : "memory");
#endif
}
static __device__ __forceinline__ void sq_flag_wait(const uint32_t *flag, uint32_t least) {
#ifdef SEQGPU_EMULATE
  simt::wait_at_least(flag, least, SIMT_SITE("flag wait"));
#else
  uint32_t value;
  do asm volatile("ld.acquire.gpu.global.u32 %0, [%1];" : "=r"(value) : "l"(flag) : "memory");
  while (value < least);
#endif
}

/* What this thread did, or knows of by a barrier, before its fence comes before what another one does after
 * its own, if in between that one has read what this one stored.  Packets (async.h) alone give no order. */
static __device__ __forceinline__ void sq_fence_gpu(void) {
#ifdef SEQGPU_EMULATE
  simt::fence();
#else
  asm volatile("fence.acq_rel.gpu;" ::: "memory");
#endif
}

/* A load that bypasses the first-level cache, which does not see the stores of other processors. */
static __device__ __forceinline__ uint4 sq_load_l2(const uint4 *p) {
#ifdef SEQGPU_EMULATE
  return *p;
#else
  return __ldcg(p);
#endif
}

/* ---- launch geometry ---- */

#ifdef SEQGPU_EMULATE
/* Small, so that grid-stride loops take more than one turn, and small sums have more than one part. */
static const int64_t SQ_GRID_MAX = 3, SQ_PART_ROWS = 16;
#else
static const int64_t SQ_GRID_MAX = 65535, SQ_PART_ROWS = 256;
#endif

static inline int64_t sq_ceil_div(int64_t n, int64_t d) { return (n + d - 1) / d; }

/* At most SQ_GRID_MAX blocks for `count` elements; the kernel's loop does the rest. */
static inline unsigned sq_blocks(int64_t count, int64_t per_block) {
  const int64_t blocks = sq_ceil_div(count, per_block);
  return (unsigned)(blocks < SQ_GRID_MAX ? blocks : SQ_GRID_MAX);
}

/* A matrix, one thread per element: 32 columns x 8 rows per block, so that a warp touches one 128-byte
 * line. */
enum { SQ_TILE_COLS = 32, SQ_TILE_ROWS = 8 };
static inline dim3 sq_matrix_block(void) { return dim3(SQ_TILE_COLS, SQ_TILE_ROWS); }
static inline dim3 sq_matrix_grid(int64_t rows, int64_t cols) {
  return dim3(sq_blocks(cols, SQ_TILE_COLS), sq_blocks(rows, SQ_TILE_ROWS));
}

/* The number of parts into which a sum over `rows` rows is cut, with at least `least` rows per part.  Their
 * partial sums, `cols` columns each, go to the context's scratch.  It depends on the sizes only, as the order
 * of a sum must. */
static inline int64_t sq_parts(int64_t rows, int64_t least, int64_t cols) {
  int64_t parts = sq_ceil_div(rows, least);
  if (parts > 64) parts = 64;
  if (parts * cols > SQ_SCRATCH_ELEMENTS) parts = SQ_SCRATCH_ELEMENTS / cols;
  return parts < 1 ? 1 : parts;
}

/* The loops of such kernels. */
#define SQ_FOR_ROWS(r, rows)                                                                                 \
  for (int64_t r = (int64_t)blockIdx.y * blockDim.y + threadIdx.y; r < (rows);                               \
       r += (int64_t)gridDim.y * blockDim.y)
#define SQ_FOR_COLS(c, cols)                                                                                 \
  for (int64_t c = (int64_t)blockIdx.x * blockDim.x + threadIdx.x; c < (cols);                               \
       c += (int64_t)gridDim.x * blockDim.x)
#define SQ_FOR_EACH(i, count) SQ_FOR_COLS(i, count)

/* True if float4 may be loaded from p: NULL counts as aligned. */
static inline bool sq_aligned16(const void *p) { return (reinterpret_cast<uintptr_t>(p) & 15u) == 0; }

/* ---- sums in a fixed order ---- */

/* Over the 32 lanes of a warp, all of which must call; every lane gets the result.  The butterfly gives every
 * lane the same bits, since a + b = b + a. */
template <typename T> static __device__ __forceinline__ T sq_warp_sum(T v) {
  for (int bit = SQ_WARP / 2; bit > 0; bit /= 2) v += __shfl_xor_sync(SQ_FULL_MASK, v, bit);
  return v;
}
static __device__ __forceinline__ float sq_warp_max(float v) {
  for (int bit = SQ_WARP / 2; bit > 0; bit /= 2) v = fmaxf(v, __shfl_xor_sync(SQ_FULL_MASK, v, bit));
  return v;
}

/* Over a one-dimensional block of a multiple of 32 threads, at most 1024; every thread gets the result. */
template <typename T> static __device__ __forceinline__ T sq_block_sum(T v) {
  SQ_SHARED(T, part, SQ_WARP);
  const unsigned warps = blockDim.x / SQ_WARP, lane = threadIdx.x % SQ_WARP;
  v = sq_warp_sum(v);
  if (lane == 0) part[threadIdx.x / SQ_WARP] = v;
  __syncthreads();
  v = sq_warp_sum(lane < warps ? part[lane] : T(0));
  __syncthreads(); /* part may be written by the next call */
  return v;
}
static __device__ __forceinline__ float sq_block_max(float v) {
  SQ_SHARED(float, part, SQ_WARP);
  const unsigned warps = blockDim.x / SQ_WARP, lane = threadIdx.x % SQ_WARP;
  v = sq_warp_max(v);
  if (lane == 0) part[threadIdx.x / SQ_WARP] = v;
  __syncthreads();
  v = sq_warp_max(lane < warps ? part[lane] : -INFINITY);
  __syncthreads(); /* part may be written by the next call */
  return v;
}

/* Over the rows of a block of sq_matrix_block(): the sum of the block's column, in every thread of it. */
static __device__ __forceinline__ float sq_column_sum(float v) {
  SQ_SHARED(float, part, SQ_TILE_ROWS *SQ_TILE_COLS);
  part[threadIdx.y * SQ_TILE_COLS + threadIdx.x] = v;
  __syncthreads();
  float sum = 0.0f;
  for (unsigned y = 0; y < SQ_TILE_ROWS; y++) sum += part[y * SQ_TILE_COLS + threadIdx.x];
  __syncthreads(); /* part may be written by the next call */
  return sum;
}

/* ---- the functions of the literature ---- */

/* e^x and 1/x by the instructions that approximate 2^x and 1/x, without the branches of expf and of a division
 * that rounds, and with 0 for what is smaller than a normal number: many steps wait for them one after another.  e^x
 * has a relative error of 2^-22 + |x| 2^-24, and 1/x one of 2^-23 (PTX ISA, ex2.approx and rcp.approx).  Volatile: lest
 * a choice between two results become a branch round one of them. */
static __device__ __forceinline__ float sq_exp(float x) {
#ifdef SEQGPU_EMULATE
  return expf(x);
#else
  float y;
  asm volatile("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x * 1.44269504f));
  return y;
#endif
}
static __device__ __forceinline__ float sq_inverse(float x) {
#ifdef SEQGPU_EMULATE
  return 1.0f / x;
#else
  float y;
  asm volatile("rcp.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
#endif
}

/* s(x) = 1/(1+e^-x); e^-x may overflow to infinity, which gives the right 0. */
static __device__ __forceinline__ float sq_sigmoid(float x) { return sq_inverse(1.0f + sq_exp(-x)); }

/* tanh(x) = 1 - 2/(1+e^2x), and near 0, where that would cancel, x + x^3 p(x^2): p by least squares with weights
 * that even out the relative error, which is 8e-8 up to 0.625.  Both are computed, and one is chosen. */
static __device__ __forceinline__ float sq_tanh(float x) {
  const float a = fabsf(x), s = x * x;
  const float far = 1.0f - 2.0f * sq_inverse(1.0f + sq_exp(2.0f * a));
  float p = -0.00577684818f;
  p = fmaf(p, s, 0.0207055062f);
  p = fmaf(p, s, -0.0537610427f);
  p = fmaf(p, s, 0.133317173f);
  p = fmaf(p, s, -0.333332926f);
  return a < 0.625f ? fmaf(x * s, p, x) : copysignf(far, x);
}

/* g(x), and g'(x) from y = g(x), for an activation known at compile time. */
template <int activation> static __device__ __forceinline__ float sq_activate(float x) {
  if (activation == SQ_TANH) return sq_tanh(x);
  if (activation == SQ_RELU) return x < 0.0f ? 0.0f : x; /* written so that a NaN stays a NaN */
  if (activation == SQ_SIGMOID) return sq_sigmoid(x);
  return x;
}
template <int activation> static __device__ __forceinline__ float sq_activate_grad(float y) {
  if (activation == SQ_TANH) return 1.0f - y * y;
  if (activation == SQ_RELU) return y > 0.0f ? 1.0f : 0.0f;
  if (activation == SQ_SIGMOID) return y * (1.0f - y);
  return 1.0f;
}

#endif
