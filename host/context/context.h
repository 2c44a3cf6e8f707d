/* internal.h - what the files of host/ share: the context, the backend seam, and how errors are said. */
#ifndef SQ_INTERNAL_H
#define SQ_INTERNAL_H

#include <stdarg.h>

#include "core/ops.h"
#include "kernels/kernels.h"
#include "seqgpu/base.h"

enum { SQ_ERROR_SIZE = 512 };

/* A backend: device management plus one table of operators for each precision (NULL where it has none). */
typedef struct sq_backend {
  const sq_device *device;
  const sq_ops *ops[2]; /* by seqgpu_dtype */
} sq_backend;

/* All backends of this build, in the order in which "auto" tries them; NULL-terminated. */
extern const sq_backend *const sq_backends[];
extern const sq_backend sq_backend_cpu;

struct seqgpu_context {
  const sq_backend *backend;
  const sq_ops *ops; /* of the context's precision; NULL if creation failed */
  sq_exec exec;
  seqgpu_dtype dtype;
  size_t element_size;
  seqgpu_allocator allocator;
  char error[SQ_ERROR_SIZE];
};

/* Records the sentence and returns the status: `return sq_fail(ctx, SEQGPU_EINVAL, "batch is %d ...")`. */
seqgpu_status sq_fail(seqgpu_context *ctx, seqgpu_status status, const char *format, ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 3, 4)))
#endif
    ;
/* SEQGPU_OK if the context exists and has a device; else SEQGPU_EINVAL. First line of every public call. */
seqgpu_status sq_usable(seqgpu_context *ctx);
/* SEQGPU_EINVAL and "name: value, must be from ... to ..." if it is not. */
seqgpu_status sq_check_range(seqgpu_context *ctx, const char *name, int64_t value, int64_t least,
                             int64_t most);
/* Turns a backend's error number into a status; 0 is SEQGPU_OK. */
seqgpu_status sq_check(seqgpu_context *ctx, int backend_error, const char *what);

/* A struct of the caller's, of the size it has in the headers the caller was compiled with, into ours:
 * completed with zeros, or refused where it sets a field that this library does not have yet.  And one of
 * ours into the caller's. (structs.c) */
seqgpu_status sq_struct_in(seqgpu_context *ctx, const char *name, void *ours, size_t our_size,
                           const void *theirs, size_t their_size);
void sq_struct_out(void *theirs, size_t their_size, const void *ours, size_t our_size);

/* Host memory of the library's objects, from the context's allocator; zeroed; NULL when out of memory. */
void *sq_host_alloc(seqgpu_context *ctx, size_t bytes);
void sq_host_free(seqgpu_context *ctx, void *pointer);

/* a*b and a+b of sizes that came from outside: 0 on overflow of what a tensor may have (2^46 numbers). */
int sq_mul_size(int64_t a, int64_t b, int64_t *out);

/* Runs operator `name` of the context's table: SQ_RUN(ctx, gemm, &args). */
#define SQ_RUN(ctx, name, args) sq_check((ctx), (ctx)->ops->name(&(ctx)->exec, (args)), #name)

/* Leaves the function with the status of a call that failed. */
#define SQ_TRY(call)                                                                                         \
  do {                                                                                                       \
    const seqgpu_status sq_try_status = (call);                                                              \
    if (sq_try_status != SEQGPU_OK) return sq_try_status;                                                    \
  } while (0)

#endif
