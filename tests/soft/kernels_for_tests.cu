/* kernels_for_tests.cu - small kernels for the tests of the software device: sound ones, and ones with a
 * mistake that it must name. */
#include "tests/soft/kernels_for_tests.h"

#include "kernels/simt.h"

__global__ void soft_fill(float *out, float value, int count) {
  const int i = (int)(blockIdx.x * blockDim.x + threadIdx.x);
  if (i < count) out[i] = value;
}

__global__ void soft_add(float *out, const float *a, const float *b, int count) {
  const int i = (int)(blockIdx.x * blockDim.x + threadIdx.x);
  if (i < count) out[i] = a[i] + b[i];
}

__global__ void __launch_bounds__(64) soft_bounded(int *out) { out[threadIdx.x] = (int)threadIdx.x; }

__global__ void soft_static_shared(int *out) {
  __shared__ int place[10000];
  place[threadIdx.x] = 2 * (int)threadIdx.x;
  __syncthreads();
  out[threadIdx.x] = place[blockDim.x - 1 - threadIdx.x];
}

extern __shared__ int dynamic[];

__global__ void soft_dynamic_shared(int *out) {
  dynamic[threadIdx.x] = 3 * (int)threadIdx.x;
  __syncthreads();
  out[threadIdx.x] = dynamic[blockDim.x - 1 - threadIdx.x];
}

__global__ void soft_cluster_ranks(unsigned *out) {
  unsigned rank;
  asm("mov.u32 %0, %%cluster_ctarank;" : "=r"(rank));
  if (threadIdx.x == 0) out[blockIdx.x] = rank;
}

__global__ void soft_functions(const float *x, float *sigmoid, float *tangent, int count) {
  const int i = (int)(blockIdx.x * blockDim.x + threadIdx.x);
  if (i >= count) return;
  sigmoid[i] = sq_sigmoid(x[i]);
  tangent[i] = sq_tanh(x[i]);
}

/* ---- mistakes ---- */

__global__ void soft_bad_no_barrier(int *out) {
  dynamic[threadIdx.x] = (int)threadIdx.x;
  out[threadIdx.x] = dynamic[(threadIdx.x + 33) % blockDim.x];
}

__global__ void soft_bad_unwritten_shared(int *out) {
  if (threadIdx.x != 5) dynamic[threadIdx.x] = 1;
  __syncthreads();
  out[threadIdx.x] = dynamic[threadIdx.x];
}

__global__ void soft_bad_unwritten_global(int *out, const int *in) { out[threadIdx.x] = in[threadIdx.x] + 1; }

__global__ void soft_bad_divergent_barrier(int *out) {
  if (threadIdx.x < 40) __syncthreads();
  out[threadIdx.x] = 1;
}

__global__ void soft_bad_wait_for_ever(const int *flag) {
  int seen;
  do asm volatile("ld.acquire.gpu.global.s32 %0, [%1];" : "=r"(seen) : "l"(flag) : "memory");
  while (seen == 0);
}

__global__ void soft_bad_misaligned(char *bytes) { *reinterpret_cast<int *>(bytes + 2) = 1; }

__global__ void soft_bad_two_writers(int *out) { out[threadIdx.x] = (int)blockIdx.x; }
