/* ready.h - which gradients nothing will add to any more, while a walk back goes on (ready.c). */
#ifndef SQ_READY_H
#define SQ_READY_H

#include "host/tape/tensor.h"

/* Before a walk back from loss: finds out who adds last to the gradient of each leaf. */
void sq_ready_prepare(seqgpu_tensor *loss);
/* After the walk has passed t: tells of the leaves that it was the last to add to. */
seqgpu_status sq_ready_tell(seqgpu_tensor *t);
/* Whether t may tell by itself of x, piece by piece, as it adds to it; it is not told of again then. */
int sq_ready_take(seqgpu_tensor *t, seqgpu_tensor *x);

#endif
