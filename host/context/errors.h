/* errors.h - how a call that fails says so: a status, and a sentence in the context.
 *
 * A sentence says who, what it is, and what it must be: "desc: hidden_size is -7; it must be from 1 to
 * 2147483647".
 */
#ifndef SQ_ERRORS_H
#define SQ_ERRORS_H

#include "seqgpu/base.h"

/* Records the sentence and returns the status: `return sq_fail(ctx, SEQGPU_EINVAL, "out is NULL")`.  ctx may
 * be NULL. */
seqgpu_status sq_fail(seqgpu_context *ctx, seqgpu_status status, const char *format, ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 3, 4)))
#endif
    ;

/* The status once more, where compilers and analysers see it: what comes after a check is reached only if it
 * has passed. */
#define sq_fail(ctx, status, ...) sq_failed(sq_fail(ctx, status, __VA_ARGS__), status)

static inline seqgpu_status sq_failed(seqgpu_status said, seqgpu_status status) {
  (void)said;
  return status;
}

/* SEQGPU_EINVAL and "NAME is VALUE; it must be from LEAST to MOST" if it is not; `name` may say who: "run:
 * seq_len". */
seqgpu_status sq_check_range(seqgpu_context *ctx, const char *name, int64_t value, int64_t least,
                             int64_t most);

/* Turns a backend's error number into a status; 0 is SEQGPU_OK. */
seqgpu_status sq_check(seqgpu_context *ctx, int backend_error, const char *what);

/* Leaves the function with the status of a call that failed. */
#define SQ_TRY(call)                                                                                         \
  do {                                                                                                       \
    const seqgpu_status sq_try_status = (call);                                                              \
    if (sq_try_status != SEQGPU_OK) return sq_try_status;                                                    \
  } while (0)

#endif
