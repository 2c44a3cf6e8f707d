/* grad.c - where the gradients of tensors lie, and who adds to them (grad.h).
 *
 * The first contribution to a gradient overwrites, every further one adds.  A view has no gradient of its
 * own: it writes into the memory of its base.
 */
#include "host/tape/grad.h"

#include "host/tape/record.h"

void *sq_grad_address(const seqgpu_tensor *t) {
  char *grad = t->base != NULL ? t->base->grad : t->grad;
  return grad + (size_t)t->base_offset * t->tape->ctx->element_size;
}

static seqgpu_status grad_memory(seqgpu_tensor *o) {
  return o->grad != NULL ? SEQGPU_OK : sq_tape_alloc(o->tape, o->elements, &o->grad);
}

/* --- the beginning of a walk back --- */

seqgpu_status sq_grad_check(seqgpu_tape *tape, seqgpu_tensor *loss, const void *dloss, const char *who) {
  if (tape->status != SEQGPU_OK) return sq_fail(tape->ctx, tape->status, "%s", tape->error);
  SQ_TRY(sq_tape_check(tape, sq_usable(tape->ctx), who));
  if (loss == NULL || loss->tape != tape)
    sq_tape_fail(tape, SEQGPU_EINVAL, "%s: loss %s", who, loss ? "belongs to another tape" : "is NULL");
  else if (sq_is_stale(loss))
    sq_tape_fail(tape, SEQGPU_EINVAL, "%s: loss was made before the tape was cleared, and is no more", who);
  else if (!tape->training)
    sq_tape_fail(tape, SEQGPU_EINVAL, "%s: the tape was cleared with training = 0; it must be 1", who);
  else if (!loss->needs_grad)
    sq_tape_fail(tape, SEQGPU_EINVAL,
                 "%s: nothing that loss was computed from has a gradient buffer; wrap something with "
                 "seqgpu_tape_wrap or seqgpu_tape_param",
                 who);
  else if (dloss == NULL && loss->elements != 1)
    sq_tape_fail(tape, SEQGPU_EINVAL, "%s: loss is %s and has no dloss; it must be one element", who,
                 SQ_SHAPE(loss->shape));
  return tape->status;
}

seqgpu_status sq_grad_start(seqgpu_tape *tape) {
  for (seqgpu_tensor *t = tape->newest; t != NULL; t = t->older) {
    t->reached = 0;
    t->written = t->wrapped;
  }
  return sq_arena_reset(&tape->aside);
}

/* --- what an operator does --- */

seqgpu_status sq_grad_open(seqgpu_tensor *x, void **at, int *accumulate) {
  *at = NULL;
  *accumulate = 0;
  if (x == NULL || !x->needs_grad) return SEQGPU_OK;
  seqgpu_tensor *o = sq_owner(x);
  SQ_TRY(grad_memory(o));
  if (!o->written && x->elements < o->elements) { /* a part must not leave the rest undefined */
    SQ_TRY(seqgpu_zero(x->tape->ctx, o->grad, (size_t)o->elements * x->tape->ctx->element_size));
    o->written = 1;
  }
  *accumulate = o->written;
  *at = sq_grad_address(x);
  o->written = x->reached = 1;
  return SEQGPU_OK;
}

seqgpu_status sq_grad_to_add(seqgpu_tensor *x, void **at) {
  int accumulate;
  SQ_TRY(sq_grad_open(x, at, &accumulate));
  if (*at == NULL || accumulate) return SEQGPU_OK;
  return seqgpu_zero(x->tape->ctx, *at, (size_t)x->elements * x->tape->ctx->element_size);
}

seqgpu_status sq_grad_to_set(seqgpu_tensor *x, void **at) {
  int accumulate;
  SQ_TRY(sq_grad_open(x, at, &accumulate));
  return accumulate ? sq_tape_aside(x->tape, x->elements, at) : SEQGPU_OK;
}

seqgpu_status sq_grad_join(seqgpu_tensor *x, void *at) {
  if (x == NULL || !x->needs_grad || at == NULL || at == sq_grad_address(x)) return SEQGPU_OK;
  const sq_map_args add = {.kind = SQ_MAP_SCALE,
                           .count = x->elements,
                           .alpha = 1,
                           .a = at,
                           .y = sq_grad_address(x),
                           .accumulate = 1};
  return SQ_RUN(x->tape->ctx, map, &add);
}
