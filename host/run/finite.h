/* finite.h - the first number of a tensor that is infinite or NaN (finite.c). */
#ifndef SQ_RUN_FINITE_H
#define SQ_RUN_FINITE_H

#include "host/context/context.h"

/* Index of the first of device memory [count] that is not finite, -1 if all are; value receives it.  Waits
 * for the device. */
seqgpu_status sq_first_not_finite(seqgpu_context *ctx, const void *device, int64_t count, int64_t *index,
                                  double *value);

#endif
