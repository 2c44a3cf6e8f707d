/* backend_cpu.c - the CPU as a device, and the table of all backends of this build.
 *
 * Memory is ordinary memory (seqgpu_malloc takes it from the context's allocator), the stream is the caller.
 */
#define _POSIX_C_SOURCE 200809L

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/gemm.h"
#include "host/context/context.h"

static int cpu_count(int *devices) {
  *devices = 1;
  return 0;
}

static int cpu_open(sq_exec *exec, int device) {
  (void)exec;
  (void)device;
  return 0;
}

static void cpu_close(sq_exec *exec) { (void)exec; }

static int cpu_copy(sq_exec *exec, void *to, const void *from, size_t bytes) {
  (void)exec;
  memmove(to, from, bytes);
  return 0;
}

static int cpu_zero(sq_exec *exec, void *pointer, size_t bytes) {
  (void)exec;
  memset(pointer, 0, bytes);
  return 0;
}

static int cpu_synchronize(sq_exec *exec) {
  (void)exec;
  return 0;
}

static const char *cpu_error_text(int error) { return strerror(error); }

static void cpu_describe(sq_exec *exec, char *text, size_t size) {
  snprintf(text, size, "cpu, %d threads, GEMM: %s", exec->pool ? sq_pool_threads(exec->pool) : 1,
           sq_gemm_name_f32());
}

/* allocate and release stay NULL: seqgpu_malloc goes to the context's allocator, which knows its user. */
static const sq_device cpu_device = {.name = "cpu",
                                     .count = cpu_count,
                                     .open = cpu_open,
                                     .close = cpu_close,
                                     .copy_in = cpu_copy,
                                     .copy_out = cpu_copy,
                                     .copy = cpu_copy,
                                     .zero = cpu_zero,
                                     .synchronize = cpu_synchronize,
                                     .error_text = cpu_error_text,
                                     .describe = cpu_describe};

const sq_backend sq_backend_cpu = {&cpu_device, {&sq_cpu_ops_f32, &sq_cpu_ops_f64}};

#ifdef SEQGPU_WITH_CUDA
static const sq_backend backend_cuda = {&sq_cuda_device, {&sq_cuda_ops, NULL}};
#endif
#ifdef SEQGPU_WITH_EMULATOR
static const sq_backend backend_emulator = {&sq_emulator_device, {&sq_emulator_ops, NULL}};
#endif

const sq_backend *const sq_backends[] = {
#ifdef SEQGPU_WITH_CUDA
    &backend_cuda,
#endif
#ifdef SEQGPU_WITH_EMULATOR
    &backend_emulator,
#endif
    &sq_backend_cpu, NULL};
