/* vector.h - the trained tensors of a seqgpu_params as one vector, in float64 on the host (vector.c).
 *
 * All trained blocks one after the other, fixed tensors in them included: their gradients are 0.
 */
#ifndef SQ_HF_VECTOR_H
#define SQ_HF_VECTOR_H

#include "host/params/params.h"

typedef struct sq_vectors {
  seqgpu_params *params;
  int64_t n;     /* elements */
  void *staging; /* host memory [n] of the context's element type */
} sq_vectors;

typedef enum sq_vector_of { SQ_VECTOR_VALUES, SQ_VECTOR_GRADS } sq_vector_of;

/* The elements that a vector must have now. */
int64_t sq_vector_elements(const seqgpu_params *params);

/* v [n] from the parameters or their gradients; the parameters from v. */
seqgpu_status sq_vector_read(const sq_vectors *s, sq_vector_of what, double *v);
seqgpu_status sq_vector_write(const sq_vectors *s, const double *v);

/* To and from device memory [n] that is one piece. */
seqgpu_status sq_vector_to_device(const sq_vectors *s, const double *v, void *device);
seqgpu_status sq_vector_from_device(const sq_vectors *s, const void *device, double *v);

/* The place in such memory of what has its gradient at `grad`; NULL if that is none of params'. */
const void *sq_vector_place(const sq_vectors *s, const void *grad, const void *device);

#endif
