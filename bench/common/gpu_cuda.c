/* gpu_cuda.c - bench/common/gpu.h with the CUDA runtime. */
#include <cuda_runtime_api.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench/common/gpu.h"
#include "bench/common/nvml.h"

struct bench_gpu {
  cudaEvent_t event[BENCH_GPU_MARKS];
  void *flush;
  size_t flush_bytes;
  int turn; /* what the next flush writes */
  cudaError_t error;
};

static int succeeded(bench_gpu *gpu, cudaError_t error) {
  if (error != cudaSuccess) gpu->error = error;
  return error == cudaSuccess;
}

static double attribute(enum cudaDeviceAttr which) {
  int value = 0;
  return cudaDeviceGetAttribute(&value, which, 0) == cudaSuccess ? value : 0;
}

static int read_info(bench_gpu_info *info) {
  struct cudaDeviceProp p;
  if (cudaGetDeviceProperties(&p, 0) != cudaSuccess) return 0;
  snprintf(info->name, sizeof info->name, "%s", p.name);
  info->major = p.major;
  info->minor = p.minor;
  info->sms = p.multiProcessorCount;
  info->clock_hz = 1e3 * attribute(cudaDevAttrClockRate);
  info->memory_bytes_per_s =
      2e3 * attribute(cudaDevAttrMemoryClockRate) * attribute(cudaDevAttrGlobalMemoryBusWidth) / 8;
  info->l2_bytes = p.l2CacheSize;
  info->shared_bytes_per_sm = (int64_t)p.sharedMemPerMultiprocessor;
  info->register_bytes_per_sm = 4 * (int64_t)p.regsPerMultiprocessor;
  return 1;
}

static int open_parts(bench_gpu *gpu, const bench_gpu_info *info) {
  for (int i = 0; i < BENCH_GPU_MARKS; i++)
    if (!succeeded(gpu, cudaEventCreate(&gpu->event[i]))) return 0;
  gpu->flush_bytes = 2 * (size_t)(info->l2_bytes > 0 ? info->l2_bytes : 64 << 20);
  return succeeded(gpu, cudaMalloc(&gpu->flush, gpu->flush_bytes));
}

bench_gpu *bench_gpu_open(bench_gpu_info *info, const char **why) {
  int devices = 0;
  *info = (bench_gpu_info){.name = ""};
  const cudaError_t error = cudaGetDeviceCount(&devices);
  if (error != cudaSuccess || devices == 0) {
    *why = error == cudaSuccess ? "no CUDA device" : cudaGetErrorString(error);
    return NULL;
  }
  bench_gpu *gpu = calloc(1, sizeof *gpu);
  if (gpu == NULL || !read_info(info) || !open_parts(gpu, info)) {
    *why = gpu ? cudaGetErrorString(gpu->error) : "out of memory";
    bench_gpu_close(gpu);
    return NULL;
  }
  return gpu;
}

void bench_gpu_close(bench_gpu *gpu) {
  if (gpu == NULL) return;
  for (int i = 0; i < BENCH_GPU_MARKS; i++)
    if (gpu->event[i]) cudaEventDestroy(gpu->event[i]);
  cudaFree(gpu->flush);
  free(gpu);
}

int bench_gpu_flush_l2(bench_gpu *gpu) {
  return succeeded(gpu, cudaMemsetAsync(gpu->flush, gpu->turn++ & 0xFF, gpu->flush_bytes, NULL));
}

int bench_gpu_mark(bench_gpu *gpu, int mark) {
  return succeeded(gpu, cudaEventRecord(gpu->event[mark], NULL));
}

int bench_gpu_seconds(bench_gpu *gpu, int from, int to, double *out) {
  float milliseconds = 0;
  *out = 0;
  if (!succeeded(gpu, cudaEventSynchronize(gpu->event[to]))) return 0;
  if (!succeeded(gpu, cudaEventElapsedTime(&milliseconds, gpu->event[from], gpu->event[to]))) return 0;
  *out = 1e-3 * milliseconds;
  return 1;
}

double bench_gpu_clock_hz(void) {
  struct cudaDeviceProp p;
  if (cudaGetDeviceProperties(&p, 0) != cudaSuccess) return 0;
  return bench_nvml_clock_hz((unsigned)p.pciDomainID, (unsigned)p.pciBusID, (unsigned)p.pciDeviceID);
}

const char *bench_gpu_error(const bench_gpu *gpu) { return cudaGetErrorString(gpu->error); }
