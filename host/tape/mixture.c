/* mixture.c - the loss of pen strokes on the tape: a mixture of Gaussians and a Bernoulli (core/mixture.c). */
#include "host/tape/grad.h"
#include "host/tape/losses.h"
#include "host/tape/record.h"
#include "host/tape/tangent.h"

enum { MIXTURE_PARAMS, MIXTURE_POINTS, MIXTURE_LENGTHS, MIXTURE_INPUTS };

/* Without lengths any rows are a batch of their own. */
static sq_mixture_args mixture_args(const seqgpu_tensor *y) {
  const seqgpu_tensor *params = y->input[MIXTURE_PARAMS], *lengths = y->input[MIXTURE_LENGTHS];
  return (sq_mixture_args){.rows = sq_rows(params),
                           .batch = lengths ? lengths->elements : sq_rows(params),
                           .mixtures = (sq_last_dim(params) - 1) / 6,
                           .mean = y->attr.loss.mean,
                           .scale = y->attr.loss.scale,
                           .params = params->value,
                           .points = y->input[MIXTURE_POINTS]->value,
                           .lengths = lengths ? lengths->value : NULL,
                           .row_loss = y->attr.loss.row_loss,
                           .loss = y->value};
}

static seqgpu_status mixture_forward(seqgpu_tensor *y) {
  SQ_TRY(sq_loss_memory(y, sq_rows(y->input[MIXTURE_PARAMS])));
  const sq_mixture_args args = mixture_args(y);
  return SQ_RUN(y->tape->ctx, mixture_forward, &args);
}

static seqgpu_status mixture_backward(seqgpu_tensor *y) {
  sq_mixture_args args = mixture_args(y);
  args.dloss = y->grad;
  SQ_TRY(sq_grad_to_set(y->input[MIXTURE_PARAMS], &args.dparams)); /* which want one (losses.c) */
  SQ_TRY(SQ_RUN(y->tape->ctx, mixture_backward, &args));
  return sq_grad_join(y->input[MIXTURE_PARAMS], args.dparams);
}

static seqgpu_status mixture_tangent(seqgpu_tensor *y) {
  sq_mixture_args args = mixture_args(y);
  SQ_TRY(sq_loss_constant(y, MIXTURE_POINTS, "points"));
  SQ_TRY(sq_loss_scratch(y, &args.dparams));
  SQ_TRY(SQ_RUN(y->tape->ctx, mixture_backward, &args));
  return sq_loss_along(y, args.dparams);
}

static const sq_tape_op mixture_op = {"mixture_density", SQ_TAPE_LOSS,    mixture_forward,
                                      mixture_backward,  mixture_tangent, NULL};

seqgpu_tensor *seqgpu_tape_mixture_density(seqgpu_tape *tape, seqgpu_tensor *params, seqgpu_tensor *points,
                                           seqgpu_tensor *lengths, int mean, double scale) {
  const sq_tape_arg args[MIXTURE_INPUTS] = {[MIXTURE_PARAMS] = {"params", params, SQ_REALS, 0},
                                            [MIXTURE_POINTS] = {"points", points, SQ_REALS, 0},
                                            [MIXTURE_LENGTHS] = {"lengths", lengths, SQ_LENGTHS, 1}};
  const char *who = mixture_op.name;
  if (!sq_tape_accepts(tape, &mixture_op, MIXTURE_INPUTS, args)) return NULL;
  if (sq_last_dim(params) < 7 || sq_last_dim(params) % 6 != 1)
    return sq_tape_fail(tape, SEQGPU_EINVAL,
                        "%s: params is %s; its last dimension must be 1 + 6 M, M at least 1", who,
                        SQ_SHAPE(params->shape));
  if (points->shape.rank != params->shape.rank || sq_last_dim(points) != 3 ||
      !sq_same_dims(points->shape.dim, params->shape.dim, params->shape.rank - 1))
    return sq_tape_fail(tape, SEQGPU_EINVAL,
                        "%s: params is %s but points is %s; points must be params with a "
                        "last dimension of 3",
                        who, SQ_SHAPE(params->shape), SQ_SHAPE(points->shape));
  if (points->needs_grad)
    return sq_tape_fail(tape, SEQGPU_EINVAL, "%s: points wants a gradient; it must be constant", who);
  if (lengths != NULL && !sq_tape_fits_lengths(tape, who, "params", params, lengths)) return NULL;
  const sq_tape_attr attr = {.loss = {.mean = mean != 0, .scale = scale}};
  return sq_tape_apply(tape, &mixture_op, (sq_shape){1, {1}}, MIXTURE_INPUTS, args, attr);
}
