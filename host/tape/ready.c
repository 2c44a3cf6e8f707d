/* ready.c - which gradients nothing will add to any more, while a walk back goes on (seqgpu_tape_set_ready).
 *
 * A walk back passes the tensors newest first, so the gradient of a leaf is final once the oldest tensor that
 * was computed from it has been passed.  One memory may be wrapped several times, as that of tied weights is:
 * it is final with the last of those leaves.
 */
#include "host/tape/ready.h"

#include "host/tape/grad.h"

/* Whose gradient is wrapped memory, or NULL. */
static seqgpu_tensor *leaf_of(seqgpu_tensor *x) {
  if (x == NULL || !x->needs_grad) return NULL;
  seqgpu_tensor *o = sq_owner(x);
  return o->wrapped ? o : NULL;
}

void sq_ready_prepare(seqgpu_tensor *loss) {
  if (loss->tape->ready == NULL) return;
  for (seqgpu_tensor *t = loss->tape->newest; t != NULL; t = t->older) t->last = NULL;
  for (seqgpu_tensor *t = loss; t != NULL; t = t->older)
    for (int i = 0; i < SQ_TAPE_INPUTS; i++) {
      seqgpu_tensor *leaf = leaf_of(t->input[i]);
      if (leaf != NULL) leaf->last = t;
    }
}

static int overlap(const seqgpu_tensor *a, const seqgpu_tensor *b) {
  const size_t size = a->tape->ctx->element_size;
  const char *a_grad = a->grad, *b_grad = b->grad;
  return a_grad < b_grad + (size_t)b->elements * size && b_grad < a_grad + (size_t)a->elements * size;
}

/* Another leaf, to which something is still to come, has some of the same memory. */
static int is_shared(const seqgpu_tensor *leaf) {
  for (const seqgpu_tensor *t = leaf->tape->newest; t != NULL; t = t->older)
    if (t != leaf && t->last != NULL && overlap(t, leaf)) return 1;
  return 0;
}

seqgpu_status sq_ready_tell(seqgpu_tensor *t) {
  const seqgpu_tape *tape = t->tape;
  for (int i = 0; i < SQ_TAPE_INPUTS && tape->ready != NULL; i++) {
    seqgpu_tensor *leaf = leaf_of(t->input[i]);
    if (leaf == NULL || leaf->last != t) continue;
    leaf->last = NULL;
    if (!is_shared(leaf)) SQ_TRY(tape->ready(tape->ready_about, leaf->grad, leaf->elements));
  }
  return SEQGPU_OK;
}

int sq_ready_take(seqgpu_tensor *t, seqgpu_tensor *x) {
  if (t->tape->ready == NULL || x == NULL || leaf_of(x) != x || x->last != t || is_shared(x)) return 0;
  x->last = NULL;
  return 1;
}
