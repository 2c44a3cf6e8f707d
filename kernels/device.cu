/* device.cu - memory, copies and lifetime of a device context: the table sq_cuda_device, or in the emulator
 * sq_emulator_device, whose device memory is plain memory.
 *
 * A function makes the context's device current in the calling thread for as long as it runs.  An error that it
 * returns is CUDA's last one no more.
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

int device_idle(sq_exec *, int *idle) {
  *idle = 1;
  return 0;
}

int device_within(sq_exec *, void (*function)(void *), void *argument) {
  function(argument);
  return 0;
}

int device_make_stream(sq_exec *, void **stream) {
  *stream = NULL;
  return 0;
}

int device_end_stream(sq_exec *, void *) { return 0; }
int device_follow(sq_exec *, sq_exec *) { return 0; }

const char *device_error_text(int error) {
  if (error == simt::OK) return "no error";
  if (error == simt::NO_MEMORY) return "out of memory";
  if (error >= SQ_CUFFT_ERRORS) return "out of memory for a Fourier transform";
#ifdef SEQGPU_CUDNN_STANDIN
  if (error >= SQ_CUDNN_CAPTURED) return sq_cudnn_error_text(error);
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
  free(gpu->strays);
  delete gpu;
  exec->device = NULL;
}

int device_open(sq_exec *exec, int) {
  sq_gpu *gpu = new (std::nothrow) sq_gpu();
  if (gpu == NULL) return simt::NO_MEMORY;
  exec->device = gpu;
  void *scratch = NULL, *strays = NULL;
  int error = device_allocate(exec, SQ_SCRATCH_ELEMENTS * sizeof(float), &scratch);
  gpu->scratch = static_cast<float *>(scratch);
  if (error == 0) error = device_allocate(exec, sizeof(int64_t), &strays);
  gpu->strays = static_cast<int64_t *>(strays);
  if (error == 0) error = device_zero(exec, strays, sizeof(int64_t));
  if (error != 0) device_close(exec);
  return error;
}

} // namespace

sq_gpu_current::sq_gpu_current(const sq_exec *) : error(0), before_(0), now_(0) {}
sq_gpu_current::~sq_gpu_current() {}
int sq_gpu_prepare(sq_exec *, const void *) { return 0; }

int sq_gpu_limits_of(const sq_exec *, sq_gpu_limits *limits) {
  const simt::Device device = simt::device();
  *limits = {(int)device.processors, device.shared_per_block, (int)device.cluster_max};
  return 0;
}

extern "C" const sq_device sq_emulator_device = {
    "emulator",         device_count,      device_open,        device_close,      device_allocate,
    device_release,     device_copy,       device_copy,        device_copy,       device_zero,
    device_synchronize, device_error_text, device_describe,    sq_gpu_strays,     NULL,
    device_idle,        device_within,     device_make_stream, device_end_stream, device_follow};

#else

#include <cuda_runtime.h>

#include "kernels/simt.h"
#ifdef SEQGPU_CUBLAS
#include "kernels/cublas_calls.h"
#endif

namespace {

cudaStream_t stream_of(const sq_exec *exec) { return static_cast<cudaStream_t>(exec->stream); }

int device_count(int *devices) {
  *devices = 0;
  const int error = sq_reported(cudaGetDeviceCount(devices));
  if (error == 0) return 0;
  *devices = 0; /* no driver and no card are an answer, not a failure */
  return error == cudaErrorNoDevice || error == cudaErrorInsufficientDriver ? 0 : error;
}

int device_allocate(sq_exec *exec, size_t bytes, void **out) {
  const sq_gpu_current here(exec);
  return here.error != 0 ? here.error : sq_reported(cudaMalloc(out, bytes ? bytes : 1));
}

/* Also where the device could not be made current: a pointer tells which device it is of. */
void device_release(sq_exec *exec, void *pointer) {
  const sq_gpu_current here(exec);
  sq_reported(cudaFree(pointer));
}

int device_copy(sq_exec *exec, void *to, const void *from, size_t bytes) {
  const sq_gpu_current here(exec);
  if (here.error != 0 || bytes == 0) return here.error;
  return sq_reported(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDefault, stream_of(exec)));
}

int device_synchronize(sq_exec *exec) {
  const sq_gpu_current here(exec);
  return here.error != 0 ? here.error : sq_reported(cudaStreamSynchronize(stream_of(exec)));
}

int device_idle(sq_exec *exec, int *idle) {
  const sq_gpu_current here(exec);
  if (here.error != 0) return here.error;
  const int state = sq_reported(cudaStreamQuery(stream_of(exec)));
  *idle = state == 0;
  return state == cudaErrorNotReady ? 0 : state;
}

int device_within(sq_exec *exec, void (*function)(void *), void *argument) {
  const sq_gpu_current here(exec);
  if (here.error == 0) function(argument);
  return here.error;
}

int device_make_stream(sq_exec *exec, void **stream) {
  const sq_gpu_current here(exec);
  cudaStream_t made = NULL;
  if (here.error != 0) return here.error;
  const int error = sq_reported(cudaStreamCreateWithFlags(&made, cudaStreamNonBlocking));
  *stream = made;
  return error;
}

int device_end_stream(sq_exec *exec, void *stream) {
  const sq_gpu_current here(exec);
  return here.error != 0 ? here.error : sq_reported(cudaStreamDestroy(static_cast<cudaStream_t>(stream)));
}

int device_follow(sq_exec *behind, sq_exec *ahead) {
  const sq_gpu_current here(ahead);
  cudaEvent_t event;
  if (here.error != 0) return here.error;
  int error = sq_reported(cudaEventCreateWithFlags(&event, cudaEventDisableTiming));
  if (error != 0) return error;
  error = sq_reported(cudaEventRecord(event, stream_of(ahead)));
  if (error == 0) error = sq_reported(cudaStreamWaitEvent(stream_of(behind), event, 0));
  const int destroyed = sq_reported(cudaEventDestroy(event)); /* once it has happened */
  return error != 0 ? error : destroyed;
}

int device_copy_out(sq_exec *exec, void *host, const void *device, size_t bytes) {
  const int error = device_copy(exec, host, device, bytes);
  return error != 0 ? error : device_synchronize(exec);
}

int device_zero(sq_exec *exec, void *pointer, size_t bytes) {
  const sq_gpu_current here(exec);
  if (here.error != 0 || bytes == 0) return here.error;
  return sq_reported(cudaMemsetAsync(pointer, 0, bytes, stream_of(exec)));
}

const char *device_error_text(int error) {
  if (error >= SQ_CUFFT_ERRORS) return "cuFFT cannot transform vectors of this size (or is out of memory)";
#ifdef SEQGPU_CUDNN
  if (error >= SQ_CUDNN_CAPTURED) return sq_cudnn_error_text(error);
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
  const int error = sq_reported(cudaMalloc(&gpu->cublas_space, SQ_CUBLAS_SPACE_BYTES));
  if (error != 0) return error;
  const cublasStatus_t status = blas->cublasSetWorkspace(handle, gpu->cublas_space, SQ_CUBLAS_SPACE_BYTES);
  return status == CUBLAS_STATUS_SUCCESS ? 0 : SQ_CUBLAS_ERRORS + (int)status;
#else
  (void)gpu;
  return 0;
#endif
}

/* What one call cannot give back is no reason to keep the rest. */
void device_close(sq_exec *exec) {
  sq_gpu *gpu = sq_gpu_of(exec);
  if (gpu == NULL) return;
  const sq_gpu_current here(exec);
  sq_graph_close(gpu);
  sq_cufft_close(gpu);
#ifdef SEQGPU_CUDNN
  sq_cudnn_close(gpu);
#endif
#ifdef SEQGPU_CUBLAS
  if (gpu->cublas != NULL) sq_cublas_library()->cublasDestroy(static_cast<cublasHandle_t>(gpu->cublas));
#endif
  sq_reported(cudaFree(gpu->cublas_space));
  sq_reported(cudaFree(gpu->scratch));
  sq_reported(cudaFree(gpu->strays));
  if (gpu->capture != NULL) sq_reported(cudaStreamDestroy(static_cast<cudaStream_t>(gpu->capture)));
  sq_cut_close(gpu);
  delete gpu;
  exec->device = NULL;
}

int open_parts(sq_exec *exec) {
  sq_gpu *gpu = sq_gpu_of(exec);
  const sq_gpu_current here(exec);
  if (here.error != 0) return here.error;
  cudaStream_t capture = NULL;
  int error =
      sq_reported(cudaMalloc(reinterpret_cast<void **>(&gpu->scratch), SQ_SCRATCH_ELEMENTS * sizeof(float)));
  if (error == 0)
    error = sq_reported(cudaMalloc(reinterpret_cast<void **>(&gpu->strays), sizeof *gpu->strays));
  if (error == 0) error = device_zero(exec, gpu->strays, sizeof *gpu->strays);
  if (error == 0) error = sq_reported(cudaStreamCreateWithFlags(&capture, cudaStreamNonBlocking));
  gpu->capture = capture;
  return error == 0 ? open_cublas(gpu) : error;
}

int device_open(sq_exec *exec, int device) {
  sq_gpu *gpu = new (std::nothrow) sq_gpu();
  if (gpu == NULL) return (int)cudaErrorMemoryAllocation;
  gpu->index = device;
  exec->device = gpu;
  const int error = open_parts(exec);
  if (error != 0) device_close(exec);
  return error;
}

} // namespace

sq_gpu_current::sq_gpu_current(const sq_exec *exec) : error(0), before_(-1), now_(sq_gpu_of(exec)->index) {
  error = sq_reported(cudaGetDevice(&before_));
  if (error == 0 && before_ != now_) error = sq_reported(cudaSetDevice(now_));
}
sq_gpu_current::~sq_gpu_current() {
  if (error == 0 && before_ != now_) sq_reported(cudaSetDevice(before_));
}

/* What the kernel declares by itself counts as well. */
int sq_gpu_prepare(sq_exec *exec, const void *kernel) {
  const void **place = &sq_gpu_of(exec)->prepared[reinterpret_cast<uintptr_t>(kernel) / 16 % SQ_PREPARED];
  if (*place == kernel) return 0;
  sq_gpu_limits limits;
  cudaFuncAttributes own;
  int error = sq_gpu_limits_of(exec, &limits);
  if (error == 0) error = sq_reported(cudaFuncGetAttributes(&own, kernel));
  if (error != 0) return error;
  const int shared = (int)(limits.shared_bytes - own.sharedSizeBytes);
  error = sq_reported(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, shared));
  if (error == 0 && limits.cluster_max > 8)
    error = sq_reported(cudaFuncSetAttribute(kernel, cudaFuncAttributeNonPortableClusterSizeAllowed, 1));
  if (error == 0) *place = kernel;
  return error;
}

int sq_gpu_limits_of(const sq_exec *exec, sq_gpu_limits *limits) {
  const int index = sq_gpu_of(exec)->index;
  int shared = 0, major = 0;
  int error = sq_reported(cudaDeviceGetAttribute(&limits->processors, cudaDevAttrMultiProcessorCount, index));
  if (error == 0)
    error = sq_reported(cudaDeviceGetAttribute(&shared, cudaDevAttrMaxSharedMemoryPerBlockOptin, index));
  if (error == 0)
    error = sq_reported(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, index));
  limits->shared_bytes = (size_t)shared;
  limits->cluster_max = major >= 9 ? 16 : 1;
  return error;
}

extern "C" const sq_device sq_cuda_device = {
    "cuda",          device_count,       device_open,        device_close,
    device_allocate, device_release,     device_copy,        device_copy_out,
    device_copy,     device_zero,        device_synchronize, device_error_text,
    device_describe, sq_gpu_strays,      sq_gpu_range,       device_idle,
    device_within,   device_make_stream, device_end_stream,  device_follow};

#endif

int sq_gpu_strays(sq_exec *exec, int64_t *count) {
  int64_t *const strays = sq_gpu_of(exec)->strays;
  const int error = SQ_GPU(device).copy_out(exec, count, strays, sizeof *strays);
  return error != 0 || *count == 0 ? error : device_zero(exec, strays, sizeof *strays);
}

int sq_gpu_zero(sq_exec *exec, void *p, int64_t count) {
  return device_zero(exec, p, (size_t)count * sizeof(float));
}

int sq_gpu_copy(sq_exec *exec, void *to, const void *from, int64_t count) {
  return device_copy(exec, to, from, (size_t)count * sizeof(float));
}
