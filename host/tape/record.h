/* record.h - how a result is recorded: errors, new tensors, operators applied (record.c). */
#ifndef SQ_RECORD_H
#define SQ_RECORD_H

#include "host/tape/tensor.h"

/* Records the first error of the step, in the tape and as the context's last one; always NULL, for a builder
 * to return. */
seqgpu_tensor *sq_tape_fail(seqgpu_tape *tape, seqgpu_status status, const char *format, ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 3, 4)))
#endif
    ;
/* Returns the status of a call that `who` made.  If it failed, its sentence is in the context and is
 * recorded. */
seqgpu_status sq_tape_check(seqgpu_tape *tape, seqgpu_status status, const char *who);

/* Device memory for elements of the context's element type, kept until clear. */
seqgpu_status sq_tape_alloc(seqgpu_tape *tape, int64_t elements, void **out);
/* The same, kept until the next walk back. */
seqgpu_status sq_tape_aside(seqgpu_tape *tape, int64_t elements, void **out);
/* Device memory that the next operator may use as well. */
seqgpu_status sq_tape_scratch(seqgpu_tape *tape, size_t bytes, void **out);

/* A new tensor without a value; NULL, recorded, when its shape is impossible or memory ran out. */
seqgpu_tensor *sq_tape_tensor(seqgpu_tape *tape, const char *who, sq_element element, sq_shape shape);

/* A tensor that a builder was given, and what its errors call it. */
typedef struct sq_tape_arg {
  const char *name;
  seqgpu_tensor *tensor;
  sq_element element;
  int optional; /* may be NULL */
} sq_tape_arg;

/* 1 if the tape has no error and every argument is there, of this tape and of its kind; else 0, recorded. */
int sq_tape_accepts(seqgpu_tape *tape, const sq_tape_op *op, int count, const sq_tape_arg *args);
/* 1 if x is [T,B,W], and lengths B of at most T or NULL; else 0, recorded as a failure of `who`, which calls x
 * by that name. */
int sq_tape_fits_lengths(seqgpu_tape *tape, const char *who, const char *name, const seqgpu_tensor *x,
                         const seqgpu_tensor *lengths);
/* A new tensor computed by the operator from args; NULL, recorded, on failure. */
seqgpu_tensor *sq_tape_apply(seqgpu_tape *tape, const sq_tape_op *op, sq_shape shape, int count,
                             const sq_tape_arg *args, sq_tape_attr attr);

#endif
