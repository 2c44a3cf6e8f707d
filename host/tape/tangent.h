/* tangent.h - where the tangents of tensors lie (tangent.c). */
#ifndef SQ_TANGENT_H
#define SQ_TANGENT_H

#include "host/tape/tensor.h"

/* The tangent that an operator reads; NULL for a tensor that is NULL or does not move. */
const void *sq_tangent_of(const seqgpu_tensor *x);

/* Gives a tensor that is no view memory for its tangent, once; it stays until clear. */
seqgpu_status sq_tangent_memory(seqgpu_tensor *y);

/* How everything up to y moves when each leaf moves in its direction, device memory of its shape; `who` has
 * checked the arguments. */
seqgpu_status sq_tangent_walk(seqgpu_tensor *y, int count, seqgpu_tensor *const *leaf,
                              const void *const *direction);

#endif
