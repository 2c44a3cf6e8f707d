/* grad.h - where the gradients of tensors lie, and who adds to them (grad.c).
 *
 * A backward leaves the gradient of an input by one of three calls, whichever suits its operator.  *at is
 * NULL for a tensor that is NULL or needs no gradient.  In one backward, ask for all _to_add before any
 * _to_set: memory that an input shares with another one (a view, or the same tensor twice) is then never
 * overwritten.
 */
#ifndef SQ_GRAD_H
#define SQ_GRAD_H

#include "host/tape/tensor.h"

/* The operator can overwrite and add: *accumulate says which. */
seqgpu_status sq_grad_open(seqgpu_tensor *x, void **at, int *accumulate);
/* It only adds: *at holds the sum so far, zeros if nothing has come yet. */
seqgpu_status sq_grad_to_add(seqgpu_tensor *x, void **at);
/* It only overwrites: *at is the gradient itself, or memory beside it that sq_grad_join adds afterwards. */
seqgpu_status sq_grad_to_set(seqgpu_tensor *x, void **at);
/* Does nothing for memory that is the gradient itself, nor for a tensor that needs none. */
seqgpu_status sq_grad_join(seqgpu_tensor *x, void *at);

/* What `who`, a walk back from loss, needs: no failure so far, training, and a gradient to bring. */
seqgpu_status sq_grad_check(seqgpu_tape *tape, seqgpu_tensor *loss, const void *dloss, const char *who);
/* No gradient has come yet, but to wrapped memory. */
seqgpu_status sq_grad_start(seqgpu_tape *tape);

/* Address of the gradient of a tensor that has one; of a view, in its base's memory. */
void *sq_grad_address(const seqgpu_tensor *t);

/* The tensor in whose memory the gradient of x lies. */
static inline seqgpu_tensor *sq_owner(seqgpu_tensor *x) { return x->base != NULL ? x->base : x; }

#endif
