/* seqgpu/base.h - contexts, errors, memory: what every other header of libseqgpu builds on.
 *
 * The rules of the library
 *  - Every fallible call returns a seqgpu_status; seqgpu_last_error(ctx) is then a sentence that says which argument
 *    was wrong and what its limit is.  The library never prints, exits or aborts, and has no global state.
 *  - A context belongs to one thread at a time; any number of contexts may be used in any threads.
 *  - The caller owns all tensors.  On a GPU, calls enqueue on the context's stream and return: no hidden
 *    allocation, no hidden synchronisation, no stream of their own.  Streams are opaque pointers here, so no CUDA header
 *    is needed.
 *  - Gradients of parameters accumulate (+=); gradients of activations overwrite (=).
 *  - Tensors are dense, row-major, of the context's number type, in the memory of the context's device.
 */
#ifndef SEQGPU_BASE_H
#define SEQGPU_BASE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define SEQGPU_API __attribute__((visibility("default")))
#else
#define SEQGPU_API
#endif

#define SEQGPU_VERSION_MAJOR 0
#define SEQGPU_VERSION_MINOR 2
#define SEQGPU_VERSION_PATCH 0

/* Every status: X(name, number, what it means). */
#define SEQGPU_STATUS_LIST(X)                                                                                \
  X(OK, 0, "success")                                                                                        \
  X(EINVAL, 1, "an argument is out of its range")                                                            \
  X(ENOMEM, 2, "out of memory")                                                                              \
  X(EUNSUPPORTED, 3, "this build or device cannot do that")                                                  \
  X(ENODEVICE, 4, "no usable device")                                                                        \
  X(EDEVICE, 5, "the device reported an error")                                                              \
  X(EIO, 6, "a file could not be read or written")                                                           \
  X(EFORMAT, 7, "a file is damaged or not of this format")                                                   \
  X(ENONFINITE, 8, "a number became infinite or NaN")                                                        \
  X(ESTOPPED, 9, "stopped on request")

typedef enum seqgpu_status {
#define SEQGPU_STATUS_ENUM(name, number, text) SEQGPU_##name = number,
  SEQGPU_STATUS_LIST(SEQGPU_STATUS_ENUM)
#undef SEQGPU_STATUS_ENUM
} seqgpu_status;

/* "EINVAL", and its meaning; "unknown status" for other numbers. */
SEQGPU_API const char *seqgpu_status_name(seqgpu_status status);
SEQGPU_API const char *seqgpu_status_text(seqgpu_status status);

/* "0.2.0" */
SEQGPU_API const char *seqgpu_version(void);

typedef enum seqgpu_dtype { SEQGPU_DTYPE_F32, SEQGPU_DTYPE_F64 } seqgpu_dtype;

/* Host memory of the library's own objects and of the CPU's seqgpu_malloc (worker threads and their packing buffers come
 * from the C library). `allocate` must return memory aligned to 64 bytes or NULL. */
typedef struct seqgpu_allocator {
  void *(*allocate)(size_t bytes, void *user);
  void (*release)(void *pointer, void *user);
  void *user;
} seqgpu_allocator;

typedef struct seqgpu_context_options {
  const char *device; /* "cpu", "cuda", "auto" (cuda where there is one, else cpu); NULL = "auto" */
  int device_index;   /* which GPU */
  int threads;        /* CPU: threads, the caller's included; 0 = all processors, at most 1024 */
  seqgpu_dtype dtype; /* SEQGPU_DTYPE_F64 on the CPU only */
  void *stream;       /* GPU: a cudaStream_t of the caller, NULL = the default stream */
  const seqgpu_allocator *allocator; /* NULL = the C library's */
} seqgpu_context_options;

typedef struct seqgpu_context seqgpu_context;

/* Opens a device.  options NULL = all defaults.  *out is a context even when the status is not SEQGPU_OK (but NULL
 * on ENOMEM, and when the allocator lacks a function), so that seqgpu_last_error(*out) can tell why; it must be destroyed all the same. */
SEQGPU_API seqgpu_status seqgpu_context_create(const seqgpu_context_options *options, seqgpu_context **out);
/* Frees the context; what was made with it must have been freed before.  NULL is allowed. */
SEQGPU_API void seqgpu_context_destroy(seqgpu_context *ctx);

/* The sentence of the last failed call on this context, "" if none failed; valid until the next call on it. */
SEQGPU_API const char *seqgpu_last_error(const seqgpu_context *ctx);
SEQGPU_API seqgpu_dtype seqgpu_context_dtype(const seqgpu_context *ctx);
/* "cpu", "cuda" */
SEQGPU_API const char *seqgpu_context_device(const seqgpu_context *ctx);
/* One line about the device and the libraries used, into text[size]. */
SEQGPU_API void seqgpu_context_describe(const seqgpu_context *ctx, char *text, size_t size);
/* Bytes of one number: 4 or 8. */
SEQGPU_API size_t seqgpu_dtype_size(seqgpu_dtype dtype);

/* Device memory.  On the CPU this is ordinary memory, 64-byte aligned. seqgpu_free(ctx, NULL) is allowed. */
SEQGPU_API seqgpu_status seqgpu_malloc(seqgpu_context *ctx, size_t bytes, void **out);
SEQGPU_API void seqgpu_free(seqgpu_context *ctx, void *pointer);
/* Copies between host and device; copy_out waits until the result is there. */
SEQGPU_API seqgpu_status seqgpu_copy_in(seqgpu_context *ctx, void *device, const void *host, size_t bytes);
SEQGPU_API seqgpu_status seqgpu_copy_out(seqgpu_context *ctx, void *host, const void *device, size_t bytes);
SEQGPU_API seqgpu_status seqgpu_copy(seqgpu_context *ctx, void *to, const void *from, size_t bytes);
SEQGPU_API seqgpu_status seqgpu_zero(seqgpu_context *ctx, void *pointer, size_t bytes);
/* Waits for everything enqueued on the context's stream and reports its errors. */
SEQGPU_API seqgpu_status seqgpu_synchronize(seqgpu_context *ctx);

/* The cells of this build, by index: NULL past the last. `about` may be NULL. */
SEQGPU_API const char *seqgpu_cell_name(int index, const char **about);

#ifdef __cplusplus
}
#endif
#endif
