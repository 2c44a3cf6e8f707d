/* device.cu - memory, copies and lifetime of a device context: the table sq_cuda_device, or in the emulator
 * sq_emulator_device, whose device memory is plain memory.
 *
 * Functions make the context's device current in the calling thread and leave it so.
 */
#include "kernels/device.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/cudnn/context.h"
#include "kernels/graph.h"
#include "kernels/persistent/cut.h"
#include "kernels/urnn/cufft_calls.h"

#include <new>

#ifdef SEQGPU_EMULATE

#include "tests/simt/simt_emulator.h"

namespace {

int device_count(int *devices) {
  *devices = 1;
  return 0;
}

/* The exact size, so that AddressSanitizer sees the end; NaNs, so that a test sees what was never written. */
int device_allocate(sq_exec *, size_t bytes, void **out) {
  if (posix_memalign(out, 256, bytes ? bytes : 1) != 0) return simt::NO_MEMORY;
  memset(*out, 0xFF, bytes);
  return 0;
}

void device_release(sq_exec *, void *pointer) { free(pointer); }

int device_copy(sq_exec *, void *to, const void *from, size_t bytes) {
  if (bytes != 0) memmove(to, from, bytes);
  return 0;
}

int device_zero(sq_exec *, void *pointer, size_t bytes) {
  if (bytes != 0) memset(pointer, 0, bytes);
  return 0;
}

int device_synchronize(sq_exec *) { return 0; }

const char *device_error_text(int error) {
  if (error == simt::OK) return "no error";
  if (error == simt::NO_MEMORY) return "out of memory";
  if (error >= SQ_CUFFT_ERRORS) return "out of memory for a Fourier transform";
#ifdef SEQGPU_CUDNN_STANDIN
  if (error >= SQ_CUDNN_MISSING) return sq_cudnn_error_text(error);
#endif
  return simt::last_error();
}

void device_describe(sq_exec *, char *text, size_t size) { snprintf(text, size, "SIMT emulator on the CPU"); }

void device_close(sq_exec *exec) {
  sq_gpu *gpu = sq_gpu_of(exec);
  if (gpu == NULL) return;
#ifdef SEQGPU_CUDNN_STANDIN
  sq_cudnn_close(gpu);
#endif
  sq_cut_close(gpu);
  free(gpu->scratch);
  delete gpu;
  exec->device = NULL;
}

int device_open(sq_exec *exec, int) {
  sq_gpu *gpu = new (std::nothrow) sq_gpu();
  if (gpu == NULL) return simt::NO_MEMORY;
  exec->device = gpu;
  void *scratch = NULL;
  const int error = device_allocate(exec, SQ_SCRATCH_ELEMENTS * sizeof(float), &scratch);
  gpu->scratch = static_cast<float *>(scratch);
  if (error != 0) device_close(exec);
  return error;
}

} // namespace

int sq_gpu_bind(const sq_exec *) { return 0; }

int sq_gpu_limits_of(const sq_exec *, sq_gpu_limits *limits) {
  const simt::Device device = simt::device();
  *limits = {(int)device.processors, device.shared_per_block, (int)device.cluster_max};
  return 0;
}

extern "C" const sq_device sq_emulator_device = {
    "emulator",         device_count,      device_open,    device_close, device_allocate,
    device_release,     device_copy,       device_copy,    device_copy,  device_zero,
    device_synchronize, device_error_text, device_describe};

#else

#include <cuda_runtime.h>
#ifdef SEQGPU_CUBLAS
#include "kernels/cublas_calls.h"
#endif

namespace {

cudaStream_t stream_of(const sq_exec *exec) { return static_cast<cudaStream_t>(exec->stream); }

int device_count(int *devices) {
  *devices = 0;
  const cudaError_t error = cudaGetDeviceCount(devices);
  if (error == cudaSuccess) return 0;
  *devices = 0;
  cudaGetLastError(); /* no driver and no card are an answer, not a failure */
  return error == cudaErrorNoDevice || error == cudaErrorInsufficientDriver ? 0 : (int)error;
}

int device_allocate(sq_exec *exec, size_t bytes, void **out) {
  int error = sq_gpu_bind(exec);
  if (error == 0) error = (int)cudaMalloc(out, bytes ? bytes : 1);
  if (error != 0) cudaGetLastError(); /* reported here, and not again to the next caller */
  return error;
}

void device_release(sq_exec *exec, void *pointer) {
  if (sq_gpu_bind(exec) == 0) cudaFree(pointer);
}

int device_copy(sq_exec *exec, void *to, const void *from, size_t bytes) {
  const int error = sq_gpu_bind(exec);
  if (error != 0 || bytes == 0) return error;
  return (int)cudaMemcpyAsync(to, from, bytes, cudaMemcpyDefault, stream_of(exec));
}

int device_synchronize(sq_exec *exec) {
  const int error = sq_gpu_bind(exec);
  return error != 0 ? error : (int)cudaStreamSynchronize(stream_of(exec));
}

int device_copy_out(sq_exec *exec, void *host, const void *device, size_t bytes) {
  const int error = device_copy(exec, host, device, bytes);
  return error != 0 ? error : device_synchronize(exec);
}

int device_zero(sq_exec *exec, void *pointer, size_t bytes) {
  const int error = sq_gpu_bind(exec);
  if (error != 0 || bytes == 0) return error;
  return (int)cudaMemsetAsync(pointer, 0, bytes, stream_of(exec));
}

const char *device_error_text(int error) {
  if (error >= SQ_CUFFT_ERRORS) return "cuFFT cannot transform vectors of this size (or is out of memory)";
#ifdef SEQGPU_CUDNN
  if (error >= SQ_CUDNN_MISSING) return sq_cudnn_error_text(error);
#endif
#ifdef SEQGPU_CUBLAS
  if (error >= SQ_CUBLAS_ERRORS)
    return sq_cublas_library()->cublasGetStatusString((cublasStatus_t)(error - SQ_CUBLAS_ERRORS));
#endif
  return cudaGetErrorString((cudaError_t)error);
}

void device_describe(sq_exec *exec, char *text, size_t size) {
  const sq_gpu *gpu = sq_gpu_of(exec);
  cudaDeviceProp p;
  if (cudaGetDeviceProperties(&p, gpu->index) != cudaSuccess) {
    snprintf(text, size, "CUDA device %d", gpu->index);
    return;
  }
  char blas[32] = "built-in GEMM", dnn[32] = "";
#ifdef SEQGPU_CUBLAS
  int version = 0;
  if (gpu->cublas != NULL)
    sq_cublas_library()->cublasGetVersion(static_cast<cublasHandle_t>(gpu->cublas), &version);
  if (version != 0) snprintf(blas, sizeof blas, "cuBLAS %d.%d", version / 10000, version / 100 % 100);
#endif
#ifdef SEQGPU_CUDNN
  sq_cudnn_describe(dnn, sizeof dnn);
#endif
  snprintf(text, size, "%s, sm_%d%d, %d SMs, %s%s", p.name, p.major, p.minor, p.multiProcessorCount, blas,
           dnn);
}

/* Without a usable cuBLAS the built-in GEMM runs; only a lack of memory is an error. */
int open_cublas(sq_gpu *gpu) {
#ifdef SEQGPU_CUBLAS
  const sq_cublas *blas = sq_cublas_library();
  cublasHandle_t handle = NULL;
  if (blas == NULL || blas->cublasCreate(&handle) != CUBLAS_STATUS_SUCCESS) return 0;
  gpu->cublas = handle;
  const cudaError_t error = cudaMalloc(&gpu->cublas_space, SQ_CUBLAS_SPACE_BYTES);
  if (error != cudaSuccess) return (int)error;
  const cublasStatus_t status = blas->cublasSetWorkspace(handle, gpu->cublas_space, SQ_CUBLAS_SPACE_BYTES);
  return status == CUBLAS_STATUS_SUCCESS ? 0 : SQ_CUBLAS_ERRORS + (int)status;
#else
  (void)gpu;
  return 0;
#endif
}

void device_close(sq_exec *exec) {
  sq_gpu *gpu = sq_gpu_of(exec);
  if (gpu == NULL) return;
  if (sq_gpu_bind(exec) == 0) {
    sq_graph_close(gpu);
    sq_cufft_close(gpu);
#ifdef SEQGPU_CUDNN
    sq_cudnn_close(gpu);
#endif
#ifdef SEQGPU_CUBLAS
    if (gpu->cublas != NULL) sq_cublas_library()->cublasDestroy(static_cast<cublasHandle_t>(gpu->cublas));
#endif
    cudaFree(gpu->cublas_space);
    cudaFree(gpu->scratch);
    if (gpu->capture != NULL) cudaStreamDestroy(static_cast<cudaStream_t>(gpu->capture));
  }
  sq_cut_close(gpu);
  delete gpu;
  exec->device = NULL;
}

int open_parts(sq_gpu *gpu) {
  cudaStream_t capture = NULL;
  cudaError_t error = cudaSetDevice(gpu->index);
  if (error == cudaSuccess)
    error = cudaMalloc(reinterpret_cast<void **>(&gpu->scratch), SQ_SCRATCH_ELEMENTS * sizeof(float));
  if (error == cudaSuccess) error = cudaStreamCreateWithFlags(&capture, cudaStreamNonBlocking);
  gpu->capture = capture;
  return error == cudaSuccess ? open_cublas(gpu) : (int)error;
}

int device_open(sq_exec *exec, int device) {
  sq_gpu *gpu = new (std::nothrow) sq_gpu();
  if (gpu == NULL) return (int)cudaErrorMemoryAllocation;
  gpu->index = device;
  exec->device = gpu;
  const int error = open_parts(gpu);
  if (error != 0) device_close(exec);
  return error;
}

} // namespace

int sq_gpu_bind(const sq_exec *exec) { return (int)cudaSetDevice(sq_gpu_of(exec)->index); }

int sq_gpu_limits_of(const sq_exec *exec, sq_gpu_limits *limits) {
  const int index = sq_gpu_of(exec)->index;
  int shared = 0, major = 0, error = sq_gpu_bind(exec);
  if (error == 0)
    error = (int)cudaDeviceGetAttribute(&limits->processors, cudaDevAttrMultiProcessorCount, index);
  if (error == 0)
    error = (int)cudaDeviceGetAttribute(&shared, cudaDevAttrMaxSharedMemoryPerBlockOptin, index);
  if (error == 0) error = (int)cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, index);
  limits->shared_bytes = (size_t)shared;
  limits->cluster_max = major >= 9 ? 16 : 1;
  return error;
}

extern "C" const sq_device sq_cuda_device = {
    "cuda",         device_count,    device_open, device_close, device_allocate,    device_release,
    device_copy,    device_copy_out, device_copy, device_zero,  device_synchronize, device_error_text,
    device_describe};

#endif

int sq_gpu_zero(sq_exec *exec, void *p, int64_t count) {
  return device_zero(exec, p, (size_t)count * sizeof(float));
}

int sq_gpu_copy(sq_exec *exec, void *to, const void *from, int64_t count) {
  return device_copy(exec, to, from, (size_t)count * sizeof(float));
}
