/* device.h - memory and lifetime of a device context, as a table per backend (device.cu). */
#ifndef SQ_DEVICE_H
#define SQ_DEVICE_H

#include "core/ops.h"

#ifdef __cplusplus
extern "C" {
#endif

/* exec->stream is the caller's stream (NULL = the default stream), exec->device what `open` has made. */
typedef struct sq_device {
  const char *name;                       /* "cuda", "emulator" */
  int (*count)(int *devices);             /* usable devices; 0 is not an error */
  int (*open)(sq_exec *exec, int device); /* handles and scratch into exec->device */
  void (*close)(sq_exec *exec);
  int (*allocate)(sq_exec *exec, size_t bytes, void **out); /* 256-byte aligned */
  void (*release)(sq_exec *exec, void *pointer);
  int (*copy_in)(sq_exec *exec, void *device, const void *host, size_t bytes);
  int (*copy_out)(sq_exec *exec, void *host, const void *device, size_t bytes); /* waits for the stream */
  int (*copy)(sq_exec *exec, void *to, const void *from, size_t bytes);
  int (*zero)(sq_exec *exec, void *pointer, size_t bytes);
  int (*synchronize)(sq_exec *exec);
  const char *(*error_text)(int error);
  void (*describe)(sq_exec *exec, char *text, size_t size); /* "NVIDIA H200, sm_90, 132 SMs, cuBLAS 13.0" */
  /* Targets of cross-entropies that were no class, since the last call; waits for the stream.  NULL: such
   * targets are refused. */
  int (*strays)(sq_exec *exec, int64_t *count);
  /* Begins a range for a profiler, or with NULL ends the last; may be NULL. */
  void (*range)(const char *name);
  /* *idle: all that was put on the stream has run; does not wait for it.  NULL: nothing else may use the
   * stream. */
  int (*idle)(sq_exec *exec, int *idle);
  /* Calls somebody else's function with the context's device current. */
  int (*within)(sq_exec *exec, void (*function)(void *argument), void *argument);
  /* A stream that runs beside all others, and the end of one; of two contexts on one device, what is put on
   * that of `behind` from now on runs after all that is on that of `ahead` now.  NULL: a device without
   * streams. */
  int (*make_stream)(sq_exec *exec, void **stream);
  int (*end_stream)(sq_exec *exec, void *stream);
  int (*follow)(sq_exec *behind, sq_exec *ahead);
} sq_device;

void sq_gpu_range(const char *name); /* ranges.cu */

extern const sq_device sq_cuda_device, sq_emulator_device;

#ifdef __cplusplus
}
#endif
#endif
