/* tangent.c - forward mode: where tangents lie, and the walk forward (seqgpu/tape.h).
 *
 * The walk goes along the list of tensors, oldest first, and passes by those whose inputs do not move.  A
 * view has no tangent of its own: it reads its base's.
 */
#include "host/tape/tangent.h"

#include "host/tape/record.h"

const void *sq_tangent_of(const seqgpu_tensor *x) {
  if (x == NULL || !x->moves) return NULL;
  const char *tangent = x->base != NULL ? x->base->tangent : x->tangent;
  return tangent + (size_t)x->base_offset * x->tape->ctx->element_size;
}

seqgpu_status sq_tangent_memory(seqgpu_tensor *y) {
  return y->tangent != NULL ? SEQGPU_OK : sq_tape_alloc(y->tape, y->elements, &y->tangent);
}

static int input_moves(const seqgpu_tensor *y) {
  for (int i = 0; i < SQ_TAPE_INPUTS; i++)
    if (y->input[i] != NULL && y->input[i]->moves) return 1;
  return 0;
}

static seqgpu_status move(seqgpu_tensor *y) {
  if (y->op == NULL || !input_moves(y)) return SEQGPU_OK;
  if (y->base == NULL) SQ_TRY(sq_tangent_memory(y));
  SQ_TRY(y->op->tangent(y));
  y->moves = 1;
  return SEQGPU_OK;
}

seqgpu_status sq_tangent_walk(seqgpu_tensor *y, int count, seqgpu_tensor *const *leaf,
                              const void *const *direction) {
  y->tape->moved = NULL;
  for (seqgpu_tensor *t = y->tape->newest; t != NULL; t = t->older) t->moves = 0;
  for (int i = 0; i < count; i++) {
    leaf[i]->tangent = (void *)direction[i]; /* never written: a leaf has no operator */
    leaf[i]->moves = 1;
  }
  seqgpu_tensor *oldest = y;
  for (y->newer = NULL; oldest->older != NULL; oldest = oldest->older) oldest->older->newer = oldest;
  for (seqgpu_tensor *t = oldest; t != NULL; t = t->newer) SQ_TRY(move(t));
  y->tape->moved = y;
  return SEQGPU_OK;
}

/* --- the call --- */

static int accepts_leaf(seqgpu_tape *tape, int i, const seqgpu_tensor *leaf, const void *direction) {
  if (leaf == NULL || leaf->tape != tape)
    sq_tape_fail(tape, SEQGPU_EINVAL, "tangent: leaf[%d] %s", i,
                 leaf ? "belongs to another tape" : "is NULL");
  else if (sq_is_stale(leaf))
    sq_tape_fail(tape, SEQGPU_EINVAL,
                 "tangent: leaf[%d] was made before the tape was cleared, and is no more", i);
  else if (leaf->op != NULL || leaf->element != SQ_REALS)
    sq_tape_fail(
        tape, SEQGPU_EINVAL,
        "tangent: leaf[%d] %s; it must come from seqgpu_tape_input, seqgpu_tape_wrap or seqgpu_tape_param", i,
        leaf->op ? "is the result of an operator" : "holds integers");
  else if (direction == NULL)
    sq_tape_fail(tape, SEQGPU_EINVAL, "tangent: direction[%d] is NULL", i);
  return tape->status == SEQGPU_OK;
}

static int accepts(seqgpu_tape *tape, const seqgpu_tensor *y, int count, seqgpu_tensor *const *leaf,
                   const void *const *direction) {
  if (tape->status != SEQGPU_OK || sq_tape_check(tape, sq_usable(tape->ctx), "tangent") != SEQGPU_OK)
    return 0;
  if (y == NULL || y->tape != tape)
    sq_tape_fail(tape, SEQGPU_EINVAL, "tangent: y %s", y ? "belongs to another tape" : "is NULL");
  else if (sq_is_stale(y))
    sq_tape_fail(tape, SEQGPU_EINVAL, "tangent: y was made before the tape was cleared, and is no more");
  else if (!tape->training)
    sq_tape_fail(tape, SEQGPU_EINVAL, "tangent: the tape was cleared with training = 0; it must be 1");
  else if (count < 1)
    sq_tape_fail(tape, SEQGPU_EINVAL, "tangent: count is %d; it must be at least 1", count);
  else if (leaf == NULL || direction == NULL) {
    sq_tape_fail(tape, SEQGPU_EINVAL, "tangent: %s is NULL", leaf ? "direction" : "leaf");
    return 0;
  }
  for (int i = 0; tape->status == SEQGPU_OK && i < count; i++) accepts_leaf(tape, i, leaf[i], direction[i]);
  return tape->status == SEQGPU_OK;
}

seqgpu_status seqgpu_tape_tangent(seqgpu_tape *tape, seqgpu_tensor *y, int count, seqgpu_tensor *const *leaf,
                                  const void *const *direction) {
  if (tape == NULL) return SEQGPU_EINVAL;
  if (!accepts(tape, y, count, leaf, direction)) return sq_fail(tape->ctx, tape->status, "%s", tape->error);
  return sq_tape_check(tape, sq_tangent_walk(y, count, leaf, direction), "tangent");
}

const void *seqgpu_tensor_tangent(const seqgpu_tensor *tensor) {
  return tensor == NULL || sq_is_stale(tensor) ? NULL : sq_tangent_of(tensor);
}
