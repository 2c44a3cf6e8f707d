/* context.h - the context: a device, its operators, and the last error.  Every room of host/ builds on it. */
#ifndef SQ_HOST_CONTEXT_H
#define SQ_HOST_CONTEXT_H

#include "host/context/backend.h"
#include "host/context/errors.h"
#include "host/context/home.h"

enum { SQ_ERROR_SIZE = 512 };

struct seqgpu_context {
  const sq_backend *backend;
  const sq_ops *ops; /* of the context's precision; NULL if creation failed */
  sq_exec exec;
  sq_home home; /* of what a child of fork() lacks: worker threads, a GPU; nothing where there are none */
  int device_index;
  seqgpu_dtype dtype;
  size_t element_size; /* bytes */
  seqgpu_allocator allocator;
  char error[SQ_ERROR_SIZE];
};

/* SEQGPU_OK if the context exists, has a device, and is used in the process that made it; else
 * SEQGPU_EINVAL.  The first line of every public call. */
seqgpu_status sq_usable(seqgpu_context *ctx);

/* Host memory of the library's objects, from the context's allocator; zeroed; NULL when out of memory. */
void *sq_host_alloc(seqgpu_context *ctx, size_t size);
void sq_host_free(seqgpu_context *ctx, void *pointer);
/* Moves the first `used` bytes of *array to a place of `size` bytes; 0 when out of memory, and then nothing
 * has changed. */
int sq_host_enlarge(seqgpu_context *ctx, void **array, size_t used, size_t size);

/* A profiler that knows the device shows `name` between the two.  The second returns the `status` it gets. */
void sq_range_begin(seqgpu_context *ctx, const char *name);
seqgpu_status sq_range_end(seqgpu_context *ctx, seqgpu_status status);

/* What `call` on the device returns, as a status; `name` names its range, and who says the sentence. */
#define SQ_RUN_CALL(ctx, call, name) (sq_range_begin(ctx, name), sq_range_end(ctx, sq_check(ctx, call, name)))

/* Runs operator `name` of the table of a usable context: SQ_RUN(ctx, gemm, &args). */
#define SQ_RUN(ctx, name, args) SQ_RUN_CALL(ctx, (ctx)->ops->name(&(ctx)->exec, (args)), #name)

#endif
