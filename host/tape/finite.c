/* finite.c - the first number on a tape that is infinite or NaN (seqgpu_tape_check_finite).
 *
 * Values are searched in the order in which they were computed, gradients in the order of the walk back.
 * Of a recurrent network the run is searched in its turn, which names layer, part and step.
 */
#include <string.h>

#include "host/run/finite.h"
#include "host/tape/grad.h"
#include "host/tape/record.h"

/* "[3,0,4]": the place of an element in a tensor. */
static const char *place_of(const seqgpu_tensor *t, int64_t index, char text[SQ_SHAPE_TEXT]) {
  int64_t at[SEQGPU_TAPE_RANK];
  for (int i = t->shape.rank - 1; i >= 0; i--) {
    at[i] = index % t->shape.dim[i];
    index /= t->shape.dim[i];
  }
  return sq_shape_text(t->shape.rank, at, text);
}

/* How many tensors were made before it. */
static int64_t number_of(const seqgpu_tensor *t) {
  int64_t number = 0;
  while ((t = t->older) != NULL) number++;
  return number;
}

static seqgpu_status report(const seqgpu_tensor *t, const char *what, int64_t index, double value) {
  char place[SQ_SHAPE_TEXT];
  return sq_fail(t->tape->ctx, SEQGPU_ENONFINITE, "%s (tensor %lld): %s is %g at %s of %s",
                 t->op        ? t->op->name
                 : t->wrapped ? "a parameter or what was wrapped"
                              : "an input",
                 (long long)number_of(t), what, value, place_of(t, index, place), SQ_SHAPE(t->shape));
}

static int is_rnn(const seqgpu_tensor *t) { return t->op != NULL && strcmp(t->op->name, "rnn") == 0; }

/* The oldest tensor whose value is not finite. */
static seqgpu_status check_values(const seqgpu_tape *tape) {
  const seqgpu_tensor *first = NULL;
  int64_t at = -1;
  double is = 0;
  for (const seqgpu_tensor *t = tape->newest; t != NULL; t = t->older) {
    int64_t index;
    double value;
    if (t->element != SQ_REALS) continue;
    SQ_TRY(sq_first_not_finite(tape->ctx, t->value, t->value ? t->elements : 0, &index, &value));
    if (index < 0) continue;
    first = t;
    at = index;
    is = value;
  }
  if (first == NULL) return SEQGPU_OK;
  if (is_rnn(first)) SQ_TRY(seqgpu_rnn_check_finite(tape->ctx, first->attr.rnn.plan, &first->attr.rnn.run));
  return report(first, "its value", at, is);
}

/* The first gradient of the walk back; those that the caller owns come last, where parameters add up. */
static seqgpu_status check_gradients(const seqgpu_tape *tape) {
  for (int owned = 0; owned < 2; owned++)
    for (const seqgpu_tensor *t = tape->newest; t != NULL; t = t->older) {
      const void *grad = t->wrapped == owned ? seqgpu_tensor_grad(t) : NULL;
      int64_t index;
      double value;
      if (t->element != SQ_REALS || grad == NULL) continue;
      SQ_TRY(sq_first_not_finite(tape->ctx, grad, t->elements, &index, &value));
      if (index >= 0) return report(t, "its gradient", index, value);
    }
  return SEQGPU_OK;
}

seqgpu_status seqgpu_tape_check_finite(seqgpu_tape *tape) {
  if (tape == NULL) return SEQGPU_EINVAL;
  SQ_TRY(check_values(tape));
  return check_gradients(tape);
}
