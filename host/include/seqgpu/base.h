/** @file
 * seqgpu/base.h - contexts, errors and memory: what every other header of libseqgpu builds on.
 *
 * The rules of the library
 *
 *  - Every call that can fail returns a seqgpu_status, and seqgpu_last_error(ctx) is then a sentence that
 *    names the argument and its limit.  The library never prints, exits or aborts, and it has no global
 *    state.
 *  - A context is used by one thread at a time; any number of contexts may be used by any number of threads.
 *  - fork(): the child must make contexts of its own.  Calls with one of its parent's return EINVAL, and
 *    destroying that one frees what the child has of it.  A context of one thread on the CPU may be used on
 *    both sides.
 *  - The caller owns all tensors.  On a GPU, calls enqueue their work on the context's stream and return: no
 *    hidden allocation, no hidden synchronisation, no streams of their own.  Streams are opaque pointers
 *    here, so these headers need no CUDA.
 *  - A call needs at most SEQGPU_STACK_SIZE bytes of the caller's stack, and no frame in it is above 8 KB:
 *    threads with small stacks may call.  CUDA's own libraries take more; see their documents.
 *  - A stream may be recorded (cudaStreamBeginCapture) around calls that only enqueue: forward, backward, the
 *    operators, seqgpu_copy, seqgpu_zero, and seqgpu_params_update after seqgpu_params_reserve.  One run of
 *    the same sizes must have come before, outside, since the first one opens libraries.  The graph holds the
 *    addresses of the run, and the context and the plan must outlive it.  Not while recording:
 *    seqgpu_copy_out, seqgpu_synchronize, seqgpu_malloc, plans, and ragged runs of the cudnn algorithms
 *    without host_lengths.
 *  - Bits: the same processor or GPU, version and seed give the same bits in each run, with any number of
 *    threads.  Another instruction set, which is chosen when the library runs, may round the last bit
 *    otherwise, as may another C library or algorithm; there is no mode that makes a processor with AVX-512
 *    and one without agree in all bits.
 *  - Gradients of parameters accumulate (+=); gradients of activations overwrite (=).
 *  - Tensors are dense, row-major, of the context's element type, in the memory of the context's device.
 *
 * How the interface may grow
 *
 *  - Fields are only ever appended to a struct, and 0 keeps the meaning that the struct had without the
 *    field.  Leave what you do not need at 0: `{.cell = "lstm", .hidden_size = 128}`.
 *  - A program tells the library how large a struct was in the headers it was compiled with.  The function of
 *    the library that takes or fills a struct has a name that ends in an underscore and a parameter for the
 *    size; the function of the plain name is inline and passes `sizeof`.  So an old program runs with a newer
 *    library; a field that the library does not know is refused unless it is 0.
 *  - The values of enum constants never change.  Sets that may grow (cells, algorithms, devices) are strings.
 *  - Structs whose comment says so never grow: they are members or array elements.
 *
 * Words: `size` is in bytes, `elements` counts numbers, `count` counts objects, `width` is elements per row.
 * Objects of an owner are enumerated by seqgpu_THING_count(owner) and seqgpu_THING_get(owner, index, &info).
 */
#ifndef SEQGPU_BASE_H
#define SEQGPU_BASE_H

#include <stddef.h>
#include <stdint.h>

#if SIZE_MAX < 0xffffffffffffffff
#error "libseqgpu needs a 64-bit target: tensors, files and their sizes may exceed 4 GB"
#endif

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
/** Marks what the library exports. */
#define SEQGPU_API __attribute__((visibility("default")))
#else
/** Marks what the library exports. */
#define SEQGPU_API
#endif

/** The version of these headers: major, minor and patch.  That of the library that runs: seqgpu_version. */
#define SEQGPU_VERSION_MAJOR 0
#define SEQGPU_VERSION_MINOR 2 /**< see SEQGPU_VERSION_MAJOR */
#define SEQGPU_VERSION_PATCH 0 /**< see SEQGPU_VERSION_MAJOR */

/** Bytes of stack that suffice for a thread in which a network is planned, run and trained on the CPU, with
 * what the C library takes for each thread.  Measured for every cell with glibc on x86-64. */
#define SEQGPU_STACK_SIZE 32768

/** Every status: X(name, value, what it means). */
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
  X(ESTOPPED, 9, "stopped on request")                                                                       \
  X(EPEER, 10, "another process has ended or does not answer")

/** What a call returns: SEQGPU_OK, SEQGPU_EINVAL, ... */
typedef enum seqgpu_status {
/** @cond */
#define SEQGPU_STATUS_ENUM(name, number, text) SEQGPU_##name = number,
  SEQGPU_STATUS_LIST(SEQGPU_STATUS_ENUM)
#undef SEQGPU_STATUS_ENUM
  /** @endcond */
} seqgpu_status;

/** The name of a status, "EINVAL"; "unknown status" for any other number.  Static memory. */
SEQGPU_API const char *seqgpu_status_name(seqgpu_status status);

/** The meaning of a status in words; "unknown status" for any other number.  Static memory. */
SEQGPU_API const char *seqgpu_status_text(seqgpu_status status);

/** The version of the library that runs, "0.2.0".  Static memory. */
SEQGPU_API const char *seqgpu_version(void);

/** The element type of a context. */
typedef enum seqgpu_dtype { SEQGPU_DTYPE_F32 = 0, SEQGPU_DTYPE_F64 = 1 } seqgpu_dtype;

/** Bytes per element: 4 or 8. */
SEQGPU_API size_t seqgpu_dtype_size(seqgpu_dtype dtype);

/** Where the library's own objects and the CPU's seqgpu_malloc take host memory from; worker threads and
 * their packing buffers use the C library.  `allocate` returns memory aligned to 64 bytes, or NULL.  This
 * struct never grows. */
typedef struct seqgpu_allocator {
  void *(*allocate)(size_t size, void *user); /**< `size` bytes, or NULL */
  void (*release)(void *pointer, void *user); /**< of memory that `allocate` returned */
  void *user;                                 /**< handed to both */
} seqgpu_allocator;

/** How to open a context. */
typedef struct seqgpu_context_options {
  const char *device; /**< "cpu", "cuda", or "auto": cuda where there is one, else cpu; NULL = "auto" */
  int device_index;   /**< which GPU */
  /** CPU: threads including the caller's; 0 = one for each processor that the affinity mask and the CPU quota
   * of the control group leave to the process; at most 1024. */
  int threads;
  seqgpu_dtype dtype;                /**< SEQGPU_DTYPE_F64 on the CPU only */
  void *stream;                      /**< GPU: a cudaStream_t of the caller; NULL = the default stream */
  const seqgpu_allocator *allocator; /**< NULL = the C library's; copied */
} seqgpu_context_options;

/** A device, a stream on it, and the last error. */
typedef struct seqgpu_context seqgpu_context;

/** What seqgpu_context_create calls, with the size of the caller's struct. */
SEQGPU_API seqgpu_status seqgpu_context_create_(const seqgpu_context_options *options, size_t options_size,
                                                seqgpu_context **out);

/** Opens a device.  options NULL = all defaults. *out is a context even where the status is not SEQGPU_OK, so
 * that seqgpu_last_error(*out) can say why; it must be destroyed all the same.  *out is NULL only on ENOMEM,
 * and on EINVAL for an allocator that lacks a function. */
static inline seqgpu_status seqgpu_context_create(const seqgpu_context_options *options,
                                                  seqgpu_context **out) {
  return seqgpu_context_create_(options, sizeof(seqgpu_context_options), out);
}

/** Closes the context.  Everything made with it must have been destroyed before.  NULL is allowed. */
SEQGPU_API void seqgpu_context_destroy(seqgpu_context *ctx);

/** The sentence of the last call that failed on this context, "" if none did.  Valid until the next call on
 * it. */
SEQGPU_API const char *seqgpu_last_error(const seqgpu_context *ctx);

/** The context's element type. */
SEQGPU_API seqgpu_dtype seqgpu_context_dtype(const seqgpu_context *ctx);

/** The kind of device: "cpu", "cuda"; "none" where opening it failed.  Static memory. */
SEQGPU_API const char *seqgpu_context_device(const seqgpu_context *ctx);

/** How many targets of cross-entropies were V or more, on a GPU, since the last call with this context: such
 * rows are masked there, since the library does not look at a GPU's memory before it runs.  On the CPU, where
 * they are refused, *count is 0.  Waits for the device.  EINVAL, EDEVICE. */
SEQGPU_API seqgpu_status seqgpu_context_stray_targets(seqgpu_context *ctx, int64_t *count);

/** Further calls enqueue on `stream`, a cudaStream_t of the context's device; NULL = the default stream.  The
 * context keeps scratch memory on the device, which its calls share: work on the stream before must have
 * finished, or the new one wait for an event on it, before the next call.  EUNSUPPORTED: a stream for the
 * CPU. */
SEQGPU_API seqgpu_status seqgpu_context_set_stream(seqgpu_context *ctx, void *stream);

/** One line about the device and the libraries in use into text[size], cut off where it does not fit. */
SEQGPU_API void seqgpu_context_describe(const seqgpu_context *ctx, char *text, size_t size);

/** Allocates `size` bytes of device memory; on the CPU, of the context's allocator.  Aligned to 64 bytes at
 * least. ENOMEM: there is not as much.  Free it with seqgpu_free. */
SEQGPU_API seqgpu_status seqgpu_malloc(seqgpu_context *ctx, size_t size, void **out);

/** Frees memory of seqgpu_malloc.  A NULL pointer is allowed. */
SEQGPU_API void seqgpu_free(seqgpu_context *ctx, void *pointer);

/** Copies `size` bytes from host to device memory.  On a GPU, page-locked host memory must not change before
 * the stream has got there (seqgpu_synchronize); ordinary memory may be reused when the call returns. */
SEQGPU_API seqgpu_status seqgpu_copy_in(seqgpu_context *ctx, void *device, const void *host, size_t size);

/** Copies `size` bytes from device to host memory, and waits until they are there. */
SEQGPU_API seqgpu_status seqgpu_copy_out(seqgpu_context *ctx, void *host, const void *device, size_t size);

/** Copies `size` bytes inside device memory. */
SEQGPU_API seqgpu_status seqgpu_copy(seqgpu_context *ctx, void *to, const void *from, size_t size);

/** Sets `size` bytes of device memory to 0. */
SEQGPU_API seqgpu_status seqgpu_zero(seqgpu_context *ctx, void *pointer, size_t size);

/** Waits for everything that was enqueued on the context's stream, and reports its errors. */
SEQGPU_API seqgpu_status seqgpu_synchronize(seqgpu_context *ctx);

#ifdef __cplusplus
}
#endif
#endif
