/* record.c - how a result is recorded: errors, new tensors, operators applied.
 *
 * Tensors form a list, newest first, in which every tensor comes before its inputs.
 */
#include "host/tape/record.h"

#include <stdarg.h>
#include <stdio.h>

#include "host/context/sizes.h"

/* --- errors --- */

/* Keeps the first error of the step, in the tape and as the context's last one. */
static seqgpu_status record(seqgpu_tape *tape, seqgpu_status status, const char *sentence) {
  if (tape->status != SEQGPU_OK) return tape->status;
  tape->status = status;
  snprintf(tape->error, sizeof tape->error, "%.*s", SQ_ERROR_SIZE - 1, sentence);
  return sq_fail(tape->ctx, status, "%s", tape->error);
}

seqgpu_status sq_tape_check(seqgpu_tape *tape, seqgpu_status status, const char *who) {
  if (status == SEQGPU_OK) return SEQGPU_OK;
  char sentence[SQ_ERROR_SIZE + 64];
  snprintf(sentence, sizeof sentence, "%s: %s", who, tape->ctx->error);
  return record(tape, status, sentence);
}

seqgpu_tensor *sq_tape_fail(seqgpu_tape *tape, seqgpu_status status, const char *format, ...) {
  char sentence[SQ_ERROR_SIZE];
  va_list args;
  va_start(args, format);
  vsnprintf(sentence, sizeof sentence, format, args);
  va_end(args);
  record(tape, status, sentence);
  return NULL;
}

/* --- memory --- */

seqgpu_status sq_tape_alloc(seqgpu_tape *tape, int64_t elements, void **out) {
  return sq_arena_alloc(&tape->device, (size_t)elements * tape->ctx->element_size, out);
}

seqgpu_status sq_tape_aside(seqgpu_tape *tape, int64_t elements, void **out) {
  return sq_arena_alloc(&tape->aside, (size_t)elements * tape->ctx->element_size, out);
}

seqgpu_status sq_tape_scratch(seqgpu_tape *tape, size_t bytes, void **out) {
  if (bytes > tape->scratch_size) {
    if (tape->scratch != NULL) SQ_TRY(seqgpu_synchronize(tape->ctx)); /* it may still be in use */
    seqgpu_free(tape->ctx, tape->scratch);
    tape->scratch = NULL;
    tape->scratch_size = 0;
    SQ_TRY(seqgpu_malloc(tape->ctx, bytes, &tape->scratch));
    tape->scratch_size = bytes;
  }
  *out = tape->scratch;
  return SEQGPU_OK;
}

/* --- tensors --- */

/* Elements of a shape; 0, recorded, if it is not one of a tensor. */
static int64_t shape_elements(seqgpu_tape *tape, const char *who, sq_shape shape) {
  int64_t elements = 1;
  for (int i = 0; i < shape.rank; i++) {
    if (shape.dim[i] < 1) {
      sq_tape_fail(tape, SEQGPU_EINVAL, "%s: dimension %d of shape is %lld; it must be at least 1", who, i,
                   (long long)shape.dim[i]);
      return 0;
    }
    if (!sq_mul_size(elements, shape.dim[i], &elements)) {
      sq_tape_fail(tape, SEQGPU_EINVAL, "%s: a tensor %s has too many elements; the limit is 2^46", who,
                   SQ_SHAPE(shape));
      return 0;
    }
  }
  return elements;
}

seqgpu_tensor *sq_tape_tensor(seqgpu_tape *tape, const char *who, sq_element element, sq_shape shape) {
  const int64_t elements = shape_elements(tape, who, shape);
  if (elements == 0) return NULL;
  void *memory = NULL;
  const seqgpu_status status = sq_arena_alloc(&tape->host[tape->step % 2], sizeof(seqgpu_tensor), &memory);
  if (sq_tape_check(tape, status, who) != SEQGPU_OK) return NULL;
  seqgpu_tensor *t = memory;
  *t = (seqgpu_tensor){.tape = tape,
                       .step = tape->step,
                       .older = tape->newest,
                       .shape = shape,
                       .elements = elements,
                       .element = element};
  tape->newest = t;
  return t;
}

static int fits(sq_element wanted, sq_element given) {
  return given == wanted || (wanted == SQ_INDEXED && (given == SQ_REALS || given == SQ_IDS));
}

int sq_tape_accepts(seqgpu_tape *tape, const sq_tape_op *op, int count, const sq_tape_arg *args) {
  static const char *const kinds[] = {"reals", "ids", "lengths", "reals or ids"};
  if (tape == NULL || tape->status != SEQGPU_OK) return 0;
  const char *who = op->name;
  if (sq_tape_check(tape, sq_usable(tape->ctx), who) != SEQGPU_OK) return 0;
  for (int i = 0; i < count; i++) {
    const seqgpu_tensor *t = args[i].tensor;
    if (t == NULL && args[i].optional) continue;
    if (t == NULL)
      sq_tape_fail(tape, SEQGPU_EINVAL, "%s: %s is NULL", who, args[i].name);
    else if (t->tape != tape)
      sq_tape_fail(tape, SEQGPU_EINVAL, "%s: %s belongs to another tape", who, args[i].name);
    else if (sq_is_stale(t))
      sq_tape_fail(tape, SEQGPU_EINVAL, "%s: %s was made before the tape was cleared, and is no more", who,
                   args[i].name);
    else if (!fits(args[i].element, t->element))
      sq_tape_fail(tape, SEQGPU_EINVAL, "%s: %s holds %s; it must hold %s", who, args[i].name,
                   kinds[t->element], kinds[args[i].element]);
  }
  return tape->status == SEQGPU_OK;
}

int sq_tape_fits_lengths(seqgpu_tape *tape, const char *who, const char *name, const seqgpu_tensor *x,
                         const seqgpu_tensor *lengths) {
  if (x->shape.rank != 3)
    sq_tape_fail(tape, SEQGPU_EINVAL, "%s: %s is %s; it must be [time,batch,width]", who, name,
                 SQ_SHAPE(x->shape));
  else if (lengths != NULL && (lengths->elements != x->shape.dim[1] || lengths->highest > x->shape.dim[0]))
    sq_tape_fail(tape, SEQGPU_EINVAL,
                 "%s: there are %lld lengths of at most %d; there must be %lld of at most %lld", who,
                 (long long)lengths->elements, (int)lengths->highest, (long long)x->shape.dim[1],
                 (long long)x->shape.dim[0]);
  return tape->status == SEQGPU_OK;
}

static seqgpu_status compute(seqgpu_tensor *y) {
  if (y->op->memory == SQ_TAPE_OWN) SQ_TRY(sq_tape_alloc(y->tape, y->elements, &y->value));
  if (y->op->memory == SQ_TAPE_LOSS) SQ_TRY(sq_tape_alloc(y->tape, 2, &y->value));
  return y->op->forward(y);
}

seqgpu_tensor *sq_tape_apply(seqgpu_tape *tape, const sq_tape_op *op, sq_shape shape, int count,
                             const sq_tape_arg *args, sq_tape_attr attr) {
  const char *who = op->name;
  const sq_element element = op->memory == SQ_TAPE_PLACED ? args[0].tensor->element : SQ_REALS;
  seqgpu_tensor *y = sq_tape_tensor(tape, who, element, shape);
  if (y == NULL) return NULL;
  y->op = op;
  y->attr = attr;
  for (int i = 0; i < count; i++) {
    y->input[i] = args[i].tensor;
    if (tape->training && y->input[i] != NULL && y->input[i]->needs_grad) y->needs_grad = 1;
  }
  return sq_tape_check(tape, compute(y), who) == SEQGPU_OK ? y : NULL;
}
