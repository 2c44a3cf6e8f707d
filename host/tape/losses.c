/* losses.c - the tape's operators whose result is one element: softmax cross-entropy, squared error, binary
 * cross-entropy.
 *
 * They are sums over rows: the operator leaves every row's loss in row_loss, the result in value[0] and the
 * number of unmasked rows in value[1] (core/loss.h).  Their backward overwrites the gradient of one input,
 * which wants one, since no other could have made the loss want one; their tangent is its product with the
 * input's tangent.  Their curvature is the matrix of second derivatives with respect to that input, which is
 * positive semi-definite, times its tangent.
 */
#include "host/tape/losses.h"

#include "host/tape/grad.h"
#include "host/tape/record.h"
#include "host/tape/tangent.h"

/* `of` without its last dimension. */
static int is_per_row(const seqgpu_tensor *t, const seqgpu_tensor *of) {
  return t->shape.rank == of->shape.rank - 1 && sq_same_dims(t->shape.dim, of->shape.dim, t->shape.rank);
}

static seqgpu_tensor *apply_loss(seqgpu_tape *tape, const sq_tape_op *op, int count, const sq_tape_arg *args,
                                 int mean, double scale) {
  const sq_tape_attr attr = {.loss = {.mean = mean != 0, .scale = scale}};
  return sq_tape_apply(tape, op, (sq_shape){1, {1}}, count, args, attr);
}

seqgpu_status sq_loss_memory(seqgpu_tensor *y, int64_t rows) {
  y->attr.loss.rows = rows;
  return sq_tape_alloc(y->tape, rows, &y->attr.loss.row_loss);
}

seqgpu_status sq_loss_constant(const seqgpu_tensor *y, int input, const char *name) {
  if (sq_tangent_of(y->input[input]) == NULL) return SEQGPU_OK;
  return sq_fail(y->tape->ctx, SEQGPU_EINVAL, "%s: %s moves; it must be constant", y->op->name, name);
}

seqgpu_status sq_loss_scratch(seqgpu_tensor *y, void **out) {
  return sq_tape_scratch(y->tape, (size_t)y->input[0]->elements * y->tape->ctx->element_size, out);
}

seqgpu_status sq_loss_along(seqgpu_tensor *y, const void *gradient) {
  SQ_TRY(seqgpu_zero(y->tape->ctx, y->tangent, y->tape->ctx->element_size));
  const sq_reduce_args dot = {.rows = y->input[0]->elements,
                              .cols = 1,
                              .a = gradient,
                              .lda = 1,
                              .b = sq_tangent_of(y->input[0]),
                              .ldb = 1,
                              .out = y->tangent};
  return SQ_RUN(y->tape->ctx, reduce, &dot);
}

/* --- cross-entropy (sq_xent_args) --- */

enum { XENT_LOGITS, XENT_TARGETS, XENT_INPUTS };

static sq_xent_args xent_args(const seqgpu_tensor *y) {
  const seqgpu_tensor *logits = y->input[XENT_LOGITS];
  return (sq_xent_args){.rows = sq_rows(logits),
                        .classes = sq_last_dim(logits),
                        .mean = y->attr.loss.mean,
                        .scale = y->attr.loss.scale,
                        .logits = logits->value,
                        .targets = y->input[XENT_TARGETS]->value,
                        .lse = y->attr.loss.lse,
                        .row_loss = y->attr.loss.row_loss,
                        .loss = y->value,
                        .smoothing = y->attr.loss.smoothing};
}

static seqgpu_status cross_entropy_forward(seqgpu_tensor *y) {
  SQ_TRY(sq_tape_alloc(y->tape, sq_rows(y->input[XENT_LOGITS]), &y->attr.loss.lse));
  SQ_TRY(sq_loss_memory(y, sq_rows(y->input[0])));
  const sq_xent_args args = xent_args(y);
  return SQ_RUN(y->tape->ctx, xent_forward, &args);
}

static seqgpu_status cross_entropy_backward(seqgpu_tensor *y) {
  sq_xent_args args = xent_args(y);
  args.dloss = y->grad;
  SQ_TRY(sq_grad_to_set(y->input[XENT_LOGITS], &args.dlogits));
  SQ_TRY(SQ_RUN(y->tape->ctx, xent_backward, &args));
  return sq_grad_join(y->input[XENT_LOGITS], args.dlogits);
}

static seqgpu_status cross_entropy_tangent(seqgpu_tensor *y) {
  sq_xent_args args = xent_args(y);
  SQ_TRY(sq_loss_scratch(y, &args.dlogits));
  SQ_TRY(SQ_RUN(y->tape->ctx, xent_backward, &args));
  return sq_loss_along(y, args.dlogits);
}

static seqgpu_status cross_entropy_curvature(seqgpu_tensor *y) {
  seqgpu_tensor *logits = y->input[XENT_LOGITS];
  sq_xent_args args = xent_args(y);
  args.scale *= y->weight;
  args.tlogits = sq_tangent_of(logits);
  SQ_TRY(sq_grad_to_set(logits, &args.dlogits));
  if (args.dlogits == NULL) return SEQGPU_OK;
  SQ_TRY(SQ_RUN(y->tape->ctx, xent_curvature, &args));
  return sq_grad_join(logits, args.dlogits);
}

static const sq_tape_op cross_entropy_op = {"cross_entropy",       SQ_TAPE_LOSS,
                                            cross_entropy_forward, cross_entropy_backward,
                                            cross_entropy_tangent, cross_entropy_curvature};

seqgpu_tensor *seqgpu_tape_smoothed_cross_entropy(seqgpu_tape *tape, seqgpu_tensor *logits,
                                                  seqgpu_tensor *targets, int mean, double scale,
                                                  double smoothing) {
  const sq_tape_arg args[] = {{"logits", logits, SQ_REALS, 0}, {"targets", targets, SQ_IDS, 0}};
  if (!sq_tape_accepts(tape, &cross_entropy_op, XENT_INPUTS, args)) return NULL;
  if (!is_per_row(targets, logits))
    return sq_tape_fail(
        tape, SEQGPU_EINVAL,
        "cross_entropy: logits is %s but targets is %s; targets must be logits without the last "
        "dimension",
        SQ_SHAPE(logits->shape), SQ_SHAPE(targets->shape));
  if (targets->highest >= sq_last_dim(logits))
    return sq_tape_fail(tape, SEQGPU_EINVAL, "cross_entropy: targets hold %d; logits has %lld classes",
                        (int)targets->highest, (long long)sq_last_dim(logits));
  if (!(smoothing >= 0 && smoothing <= 1))
    return sq_tape_fail(tape, SEQGPU_EINVAL, "cross_entropy: smoothing is %g; it must be from 0 to 1",
                        smoothing);
  const sq_tape_attr attr = {.loss = {.mean = mean != 0, .scale = scale, .smoothing = smoothing}};
  return sq_tape_apply(tape, &cross_entropy_op, (sq_shape){1, {1}}, XENT_INPUTS, args, attr);
}

seqgpu_tensor *seqgpu_tape_cross_entropy(seqgpu_tape *tape, seqgpu_tensor *logits, seqgpu_tensor *targets,
                                         int mean, double scale) {
  return seqgpu_tape_smoothed_cross_entropy(tape, logits, targets, mean, scale, 0);
}

/* --- squared error (sq_mse_args) --- */

enum { MSE_X, MSE_TARGETS, MSE_MASK, MSE_INPUTS };

static sq_mse_args mse_args(const seqgpu_tensor *y) {
  const seqgpu_tensor *x = y->input[MSE_X], *mask = y->input[MSE_MASK];
  return (sq_mse_args){.rows = sq_rows(x),
                       .dim = sq_last_dim(x),
                       .mean = y->attr.loss.mean,
                       .scale = y->attr.loss.scale,
                       .x = x->value,
                       .targets = y->input[MSE_TARGETS]->value,
                       .mask = mask ? mask->value : NULL,
                       .row_loss = y->attr.loss.row_loss,
                       .loss = y->value};
}

static seqgpu_status squared_error_forward(seqgpu_tensor *y) {
  SQ_TRY(sq_loss_memory(y, sq_rows(y->input[0])));
  const sq_mse_args args = mse_args(y);
  return SQ_RUN(y->tape->ctx, mse_forward, &args);
}

static seqgpu_status squared_error_backward(seqgpu_tensor *y) {
  sq_mse_args args = mse_args(y);
  args.dloss = y->grad;
  SQ_TRY(sq_grad_to_set(y->input[MSE_X], &args.dx));
  SQ_TRY(SQ_RUN(y->tape->ctx, mse_backward, &args));
  return sq_grad_join(y->input[MSE_X], args.dx);
}

static seqgpu_status squared_error_tangent(seqgpu_tensor *y) {
  sq_mse_args args = mse_args(y);
  SQ_TRY(sq_loss_constant(y, MSE_TARGETS, "targets"));
  SQ_TRY(sq_loss_scratch(y, &args.dx));
  SQ_TRY(SQ_RUN(y->tape->ctx, mse_backward, &args));
  return sq_loss_along(y, args.dx);
}

/* The gradient of a squared error is linear: it is the curvature's product with x - targets. */
static seqgpu_status squared_error_curvature(seqgpu_tensor *y) {
  seqgpu_tensor *x = y->input[MSE_X];
  sq_mse_args args = mse_args(y);
  void *zeros;
  args.scale *= y->weight;
  args.x = sq_tangent_of(x);
  SQ_TRY(sq_loss_scratch(y, &zeros));
  SQ_TRY(seqgpu_zero(y->tape->ctx, zeros, (size_t)x->elements * y->tape->ctx->element_size));
  args.targets = zeros;
  SQ_TRY(sq_grad_to_set(x, &args.dx));
  if (args.dx == NULL) return SEQGPU_OK;
  SQ_TRY(SQ_RUN(y->tape->ctx, mse_backward, &args));
  return sq_grad_join(x, args.dx);
}

static const sq_tape_op squared_error_op = {"squared_error",       SQ_TAPE_LOSS,
                                            squared_error_forward, squared_error_backward,
                                            squared_error_tangent, squared_error_curvature};

seqgpu_tensor *seqgpu_tape_squared_error(seqgpu_tape *tape, seqgpu_tensor *x, seqgpu_tensor *targets,
                                         seqgpu_tensor *mask, int mean, double scale) {
  const sq_tape_arg args[] = {
      {"x", x, SQ_REALS, 0}, {"targets", targets, SQ_REALS, 0}, {"mask", mask, SQ_IDS, 1}};
  if (!sq_tape_accepts(tape, &squared_error_op, MSE_INPUTS, args)) return NULL;
  if (!sq_same_shape(x->shape, targets->shape))
    return sq_tape_fail(tape, SEQGPU_EINVAL,
                        "squared_error: x is %s but targets is %s; they must have the same shape",
                        SQ_SHAPE(x->shape), SQ_SHAPE(targets->shape));
  if (targets->needs_grad)
    return sq_tape_fail(tape, SEQGPU_EINVAL, "squared_error: targets wants a gradient; it must be constant");
  if (mask && !is_per_row(mask, x))
    return sq_tape_fail(tape, SEQGPU_EINVAL,
                        "squared_error: x is %s but mask is %s; mask must be x without the last dimension",
                        SQ_SHAPE(x->shape), SQ_SHAPE(mask->shape));
  return apply_loss(tape, &squared_error_op, MSE_INPUTS, args, mean, scale);
}

/* --- binary cross-entropy (sq_bce_args) --- */

enum { BCE_LOGITS, BCE_TARGETS, BCE_LENGTHS, BCE_INPUTS };

/* Without lengths any rows are a batch of their own. */
static sq_bce_args bce_args(const seqgpu_tensor *y) {
  const seqgpu_tensor *logits = y->input[BCE_LOGITS], *lengths = y->input[BCE_LENGTHS];
  return (sq_bce_args){.rows = sq_rows(logits),
                       .dim = sq_last_dim(logits),
                       .batch = lengths ? lengths->elements : sq_rows(logits),
                       .mean = y->attr.loss.mean,
                       .scale = y->attr.loss.scale,
                       .logits = logits->value,
                       .targets = y->input[BCE_TARGETS]->value,
                       .lengths = lengths ? lengths->value : NULL,
                       .row_loss = y->attr.loss.row_loss,
                       .loss = y->value};
}

static seqgpu_status binary_cross_entropy_forward(seqgpu_tensor *y) {
  SQ_TRY(sq_loss_memory(y, sq_rows(y->input[0])));
  const sq_bce_args args = bce_args(y);
  return SQ_RUN(y->tape->ctx, bce_forward, &args);
}

static seqgpu_status binary_cross_entropy_backward(seqgpu_tensor *y) {
  sq_bce_args args = bce_args(y);
  args.dloss = y->grad;
  SQ_TRY(sq_grad_to_set(y->input[BCE_LOGITS], &args.dlogits));
  SQ_TRY(SQ_RUN(y->tape->ctx, bce_backward, &args));
  return sq_grad_join(y->input[BCE_LOGITS], args.dlogits);
}

static seqgpu_status binary_cross_entropy_tangent(seqgpu_tensor *y) {
  sq_bce_args args = bce_args(y);
  SQ_TRY(sq_loss_constant(y, BCE_TARGETS, "targets"));
  SQ_TRY(sq_loss_scratch(y, &args.dlogits));
  SQ_TRY(SQ_RUN(y->tape->ctx, bce_backward, &args));
  return sq_loss_along(y, args.dlogits);
}

static seqgpu_status binary_cross_entropy_curvature(seqgpu_tensor *y) {
  seqgpu_tensor *logits = y->input[BCE_LOGITS];
  sq_bce_args args = bce_args(y);
  args.scale *= y->weight;
  args.tlogits = sq_tangent_of(logits);
  SQ_TRY(sq_grad_to_set(logits, &args.dlogits));
  if (args.dlogits == NULL) return SEQGPU_OK;
  SQ_TRY(SQ_RUN(y->tape->ctx, bce_curvature, &args));
  return sq_grad_join(logits, args.dlogits);
}

static const sq_tape_op binary_cross_entropy_op = {
    "binary_cross_entropy",       SQ_TAPE_LOSS,
    binary_cross_entropy_forward, binary_cross_entropy_backward,
    binary_cross_entropy_tangent, binary_cross_entropy_curvature};

seqgpu_tensor *seqgpu_tape_binary_cross_entropy(seqgpu_tape *tape, seqgpu_tensor *logits,
                                                seqgpu_tensor *targets, seqgpu_tensor *lengths, int mean,
                                                double scale) {
  const sq_tape_arg args[] = {{"logits", logits, SQ_REALS, 0},
                              {"targets", targets, SQ_REALS, 0},
                              {"lengths", lengths, SQ_LENGTHS, 1}};
  const char *who = binary_cross_entropy_op.name;
  if (!sq_tape_accepts(tape, &binary_cross_entropy_op, BCE_INPUTS, args)) return NULL;
  if (!sq_same_shape(logits->shape, targets->shape))
    return sq_tape_fail(tape, SEQGPU_EINVAL,
                        "%s: logits is %s but targets is %s; they must have the same shape", who,
                        SQ_SHAPE(logits->shape), SQ_SHAPE(targets->shape));
  if (targets->needs_grad)
    return sq_tape_fail(tape, SEQGPU_EINVAL, "%s: targets wants a gradient; it must be constant", who);
  if (lengths != NULL && !sq_tape_fits_lengths(tape, who, "logits", logits, lengths)) return NULL;
  return apply_loss(tape, &binary_cross_entropy_op, BCE_INPUTS, args, mean, scale);
}

/* --- what else a loss knows --- */

/* A constant [n] that lies in memory of a loss already. */
static seqgpu_tensor *part_of(const sq_tape_op *op, seqgpu_tensor *loss, int64_t n, void *value) {
  seqgpu_tensor *part = sq_tape_tensor(loss->tape, op->name, SQ_REALS, (sq_shape){1, {n}});
  if (part != NULL) part->value = value;
  return part;
}

static int is_loss(seqgpu_tape *tape, const sq_tape_op *op, seqgpu_tensor *loss) {
  const sq_tape_arg args[] = {{"loss", loss, SQ_REALS, 0}};
  if (!sq_tape_accepts(tape, op, 1, args)) return 0;
  if (loss->op != NULL && loss->op->memory == SQ_TAPE_LOSS) return 1;
  sq_tape_fail(tape, SEQGPU_EINVAL, "%s: loss comes from %s; it must come from a loss over rows", op->name,
               loss->op ? loss->op->name : "outside");
  return 0;
}

seqgpu_tensor *seqgpu_tape_loss_count(seqgpu_tape *tape, seqgpu_tensor *loss) {
  static const sq_tape_op op = {.name = "loss_count"};
  if (!is_loss(tape, &op, loss)) return NULL;
  return part_of(&op, loss, 1, (char *)loss->value + tape->ctx->element_size);
}

seqgpu_tensor *seqgpu_tape_loss_each(seqgpu_tape *tape, seqgpu_tensor *loss) {
  static const sq_tape_op op = {.name = "loss_each"};
  if (!is_loss(tape, &op, loss)) return NULL;
  return part_of(&op, loss, loss->attr.loss.rows, loss->attr.loss.row_loss);
}
