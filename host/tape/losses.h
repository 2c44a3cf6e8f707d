/* losses.h - what the losses on a tape share (losses.c): a loss is a sum over rows, whose backward
 * overwrites the gradient of input 0, and whose tangent is that gradient's product with the input's tangent.
 */
#ifndef SQ_LOSSES_H
#define SQ_LOSSES_H

#include "host/tape/tensor.h"

/* Memory for the losses of the rows. */
seqgpu_status sq_loss_memory(seqgpu_tensor *y, int64_t rows);

/* Memory for the gradient of input 0, free between operators. */
seqgpu_status sq_loss_scratch(seqgpu_tensor *y, void **out);

/* ty = gradient . the tangent of input 0 */
seqgpu_status sq_loss_along(seqgpu_tensor *y, const void *gradient);

/* Refuses a tangent of an input that must be constant. */
seqgpu_status sq_loss_constant(const seqgpu_tensor *y, int input, const char *name);

#endif
