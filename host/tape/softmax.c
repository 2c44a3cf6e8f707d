/* softmax.c - softmax along the last dimension on the tape (core/softmax.c). */
#include "host/tape/grad.h"
#include "host/tape/record.h"
#include "host/tape/tangent.h"

enum { SOFTMAX_X, SOFTMAX_LENGTHS, SOFTMAX_INPUTS };

static sq_softmax_args softmax_args(const seqgpu_tensor *y) {
  const seqgpu_tensor *x = y->input[SOFTMAX_X], *lengths = y->input[SOFTMAX_LENGTHS];
  return (sq_softmax_args){.rows = sq_rows(x),
                           .cols = sq_last_dim(x),
                           .batch = lengths ? lengths->elements : 1,
                           .lengths = lengths ? lengths->value : NULL,
                           .x = x->value,
                           .y = y->value};
}

static seqgpu_status softmax_forward(seqgpu_tensor *y) {
  const sq_softmax_args args = softmax_args(y);
  return SQ_RUN(y->tape->ctx, softmax_forward, &args);
}

static seqgpu_status softmax_backward(seqgpu_tensor *y) {
  sq_softmax_args args = softmax_args(y);
  args.dy = y->grad;
  SQ_TRY(sq_grad_open(y->input[SOFTMAX_X], &args.dx, &args.accumulate));
  return args.dx ? SQ_RUN(y->tape->ctx, softmax_backward, &args) : SEQGPU_OK;
}

/* The Jacobian is symmetric. */
static seqgpu_status softmax_tangent(seqgpu_tensor *y) {
  sq_softmax_args args = softmax_args(y);
  args.dy = sq_tangent_of(y->input[SOFTMAX_X]);
  args.dx = y->tangent;
  return SQ_RUN(y->tape->ctx, softmax_backward, &args);
}

static const sq_tape_op softmax_op = {"softmax",        SQ_TAPE_OWN,     softmax_forward,
                                      softmax_backward, softmax_tangent, NULL};

static int softmax_accepts(seqgpu_tape *tape, const seqgpu_tensor *x, const seqgpu_tensor *lengths) {
  if (lengths == NULL) return 1;
  if (x->shape.rank < 2)
    sq_tape_fail(tape, SEQGPU_EINVAL, "softmax: x is %s; with lengths it must be [...,batch,width]",
                 SQ_SHAPE(x->shape));
  else if (lengths->elements != x->shape.dim[x->shape.rank - 2] || lengths->highest > sq_last_dim(x))
    sq_tape_fail(tape, SEQGPU_EINVAL,
                 "softmax: there are %lld lengths of at most %d; there must be %lld of at most %lld",
                 (long long)lengths->elements, (int)lengths->highest,
                 (long long)x->shape.dim[x->shape.rank - 2], (long long)sq_last_dim(x));
  return tape->status == SEQGPU_OK;
}

seqgpu_tensor *seqgpu_tape_softmax(seqgpu_tape *tape, seqgpu_tensor *x, seqgpu_tensor *lengths) {
  const sq_tape_arg args[SOFTMAX_INPUTS] = {
      [SOFTMAX_X] = {"x", x, SQ_REALS, 0}, [SOFTMAX_LENGTHS] = {"lengths", lengths, SQ_LENGTHS, 1}};
  if (!sq_tape_accepts(tape, &softmax_op, SOFTMAX_INPUTS, args)) return NULL;
  if (!softmax_accepts(tape, x, lengths)) return NULL;
  return sq_tape_apply(tape, &softmax_op, x->shape, SOFTMAX_INPUTS, args, (sq_tape_attr){0});
}
