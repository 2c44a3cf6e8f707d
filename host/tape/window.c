/* window.c - the Gaussian window over characters on the tape (core/window.c).
 *
 * A node keeps kappa of all steps.  That of the last one is a tensor of its own where it is asked for: its
 * value is what the window's forward left, its gradient what the window's backward fetches.
 */
#include "host/tape/grad.h"
#include "host/tape/record.h"
#include "host/tape/tangent.h"

enum { WINDOW_PARAMS, WINDOW_BEFORE, WINDOW_VALUES, WINDOW_LENGTHS, WINDOW_INPUTS };

static const void *value_of(const seqgpu_tensor *t) { return t ? t->value : NULL; }

static sq_window_args window_args(const seqgpu_tensor *y) {
  const seqgpu_tensor *params = y->input[WINDOW_PARAMS], *values = y->input[WINDOW_VALUES];
  return (sq_window_args){.seq_len = params->shape.dim[0],
                          .batch = params->shape.dim[1],
                          .source_len = values->shape.dim[0],
                          .gaussians = params->shape.dim[2] / 3,
                          .value_dim = values->shape.dim[2],
                          .lengths = value_of(y->input[WINDOW_LENGTHS]),
                          .params = params->value,
                          .before = value_of(y->input[WINDOW_BEFORE]),
                          .values = values->value,
                          .kappa = y->attr.window.kappa,
                          .phi = y->attr.window.phi->value,
                          .context = y->value};
}

/* Elements of kappa at one step, at all of them, and of phi. */
static int64_t pairs_of(const sq_window_args *a) { return a->batch * a->gaussians; }
static int64_t kappas_of(const sq_window_args *a) { return a->seq_len * pairs_of(a); }
static int64_t weights_of(const sq_window_args *a) { return a->seq_len * a->batch * (a->source_len + 1); }

static seqgpu_status window_forward(seqgpu_tensor *y) {
  seqgpu_tensor *phi = y->attr.window.phi;
  const int64_t kappas = y->input[WINDOW_PARAMS]->elements / 3;
  SQ_TRY(sq_tape_alloc(y->tape, phi->elements, &phi->value));
  SQ_TRY(sq_tape_alloc(y->tape, kappas, &y->attr.window.kappa));
  const sq_window_args args = window_args(y);
  return SQ_RUN(y->tape->ctx, window_forward, &args);
}

/* Where the gradient of an input is to be set, or memory that nobody reads: the operator has no NULL here. */
static seqgpu_status set_or_drop(seqgpu_tensor *y, int input, int64_t elements, void **at) {
  SQ_TRY(sq_grad_to_set(y->input[input], at));
  return *at ? SEQGPU_OK : sq_tape_aside(y->tape, elements, at);
}

static seqgpu_status window_backward(seqgpu_tensor *y) {
  const seqgpu_tensor *last = y->attr.window.last;
  sq_window_args args = window_args(y);
  args.dcontext = y->written ? y->grad : NULL;
  args.dlast = last && last->written ? last->grad : NULL;
  SQ_TRY(sq_tape_scratch(y->tape, (size_t)weights_of(&args) * y->tape->ctx->element_size, &args.scratch));
  SQ_TRY(sq_grad_to_add(y->input[WINDOW_VALUES], &args.dvalues));
  SQ_TRY(set_or_drop(y, WINDOW_PARAMS, 3 * kappas_of(&args), &args.dparams));
  SQ_TRY(set_or_drop(y, WINDOW_BEFORE, pairs_of(&args), &args.dbefore));
  SQ_TRY(SQ_RUN(y->tape->ctx, window_backward, &args));
  SQ_TRY(sq_grad_join(y->input[WINDOW_PARAMS], args.dparams));
  return sq_grad_join(y->input[WINDOW_BEFORE], args.dbefore);
}

static seqgpu_status window_tangent(seqgpu_tensor *y) {
  const size_t element = y->tape->ctx->element_size;
  seqgpu_tensor *last = y->attr.window.last;
  sq_window_args args = window_args(y);
  const int64_t kappas = kappas_of(&args), pairs = pairs_of(&args);
  SQ_TRY(sq_tape_scratch(y->tape, (size_t)(kappas + weights_of(&args)) * element, &args.tkappa));
  args.scratch = (char *)args.tkappa + (size_t)kappas * element;
  args.tparams = sq_tangent_of(y->input[WINDOW_PARAMS]);
  args.tbefore = sq_tangent_of(y->input[WINDOW_BEFORE]);
  args.tvalues = sq_tangent_of(y->input[WINDOW_VALUES]);
  args.tcontext = y->tangent;
  SQ_TRY(SQ_RUN(y->tape->ctx, window_tangent, &args));
  if (last == NULL) return SEQGPU_OK;
  SQ_TRY(sq_tangent_memory(last));
  return seqgpu_copy(y->tape->ctx, last->tangent,
                     (const char *)args.tkappa + (size_t)(kappas - pairs) * element, (size_t)pairs * element);
}

static const sq_tape_op window_op = {"window",        SQ_TAPE_OWN,    window_forward,
                                     window_backward, window_tangent, NULL};

static int window_accepts(seqgpu_tape *tape, const sq_tape_arg *args) {
  const sq_shape params = args[WINDOW_PARAMS].tensor->shape, values = args[WINDOW_VALUES].tensor->shape;
  const seqgpu_tensor *before = args[WINDOW_BEFORE].tensor, *lengths = args[WINDOW_LENGTHS].tensor;
  if (params.rank != 3 || params.dim[2] % 3 != 0)
    sq_tape_fail(tape, SEQGPU_EINVAL, "window: params is %s; it must be [steps,batch,3 K]", SQ_SHAPE(params));
  else if (values.rank != 3 || values.dim[1] != params.dim[1])
    sq_tape_fail(tape, SEQGPU_EINVAL, "window: values is %s; it must be [characters,%lld,width]",
                 SQ_SHAPE(values), (long long)params.dim[1]);
  else if (before != NULL && (before->shape.rank != 2 || before->shape.dim[0] != params.dim[1] ||
                              before->shape.dim[1] != params.dim[2] / 3))
    sq_tape_fail(tape, SEQGPU_EINVAL, "window: before is %s; it must be [%lld,%lld]", SQ_SHAPE(before->shape),
                 (long long)params.dim[1], (long long)params.dim[2] / 3);
  else if (lengths != NULL && (lengths->elements != params.dim[1] || lengths->highest > values.dim[0]))
    sq_tape_fail(tape, SEQGPU_EINVAL,
                 "window: there are %lld lengths of at most %d; there must be %lld of at most %lld",
                 (long long)lengths->elements, (int)lengths->highest, (long long)params.dim[1],
                 (long long)values.dim[0]);
  return tape->status == SEQGPU_OK;
}

seqgpu_tensor *seqgpu_tape_window(seqgpu_tape *tape, seqgpu_tensor *params, seqgpu_tensor *before,
                                  seqgpu_tensor *values, seqgpu_tensor *lengths) {
  const sq_tape_arg args[WINDOW_INPUTS] = {[WINDOW_PARAMS] = {"params", params, SQ_REALS, 0},
                                           [WINDOW_BEFORE] = {"before", before, SQ_REALS, 1},
                                           [WINDOW_VALUES] = {"values", values, SQ_REALS, 0},
                                           [WINDOW_LENGTHS] = {"lengths", lengths, SQ_LENGTHS, 1}};
  if (!sq_tape_accepts(tape, &window_op, WINDOW_INPUTS, args)) return NULL;
  if (!window_accepts(tape, args)) return NULL;
  const int64_t T = params->shape.dim[0], B = params->shape.dim[1];
  const sq_shape weights = {3, {T, B, values->shape.dim[0] + 1}}, context = {3, {T, B, sq_last_dim(values)}};
  const sq_tape_attr attr = {.window = {.phi = sq_tape_tensor(tape, "window", SQ_REALS, weights)}};
  if (attr.window.phi == NULL) return NULL;
  return sq_tape_apply(tape, &window_op, context, WINDOW_INPUTS, args, attr);
}

/* ---------------------------------------------------------------- where it stands */

/* Whether `who` got what seqgpu_tape_window returned. */
static int window_is(seqgpu_tape *tape, const char *who, seqgpu_tensor *context) {
  const sq_tape_arg args[] = {{"context", context, SQ_REALS, 0}};
  const sq_tape_op named = {.name = who};
  if (!sq_tape_accepts(tape, &named, 1, args)) return 0;
  if (context->op == &window_op) return 1;
  sq_tape_fail(tape, SEQGPU_EINVAL, "%s: context was not returned by seqgpu_tape_window", who);
  return 0;
}

static seqgpu_status last_forward(seqgpu_tensor *y) {
  const sq_window_args args = window_args(y->input[0]);
  y->value = (char *)args.kappa + (size_t)(kappas_of(&args) - pairs_of(&args)) * y->tape->ctx->element_size;
  return SEQGPU_OK;
}

static seqgpu_status last_backward(seqgpu_tensor *y) {
  y->input[0]->reached = 1;
  return SEQGPU_OK;
}

/* It is there already. */
static seqgpu_status last_tangent(seqgpu_tensor *y) {
  (void)y;
  return SEQGPU_OK;
}

static const sq_tape_op last_op = {"window_position", SQ_TAPE_PLACED, last_forward,
                                   last_backward,     last_tangent,   NULL};

seqgpu_tensor *seqgpu_tape_window_position(seqgpu_tape *tape, seqgpu_tensor *context) {
  const sq_tape_arg args[] = {{"context", context, SQ_REALS, 0}};
  if (!window_is(tape, last_op.name, context)) return NULL;
  if (context->attr.window.last != NULL) return context->attr.window.last;
  const int64_t *params = context->input[WINDOW_PARAMS]->shape.dim;
  const sq_shape shape = {2, {params[1], params[2] / 3}};
  return context->attr.window.last = sq_tape_apply(tape, &last_op, shape, 1, args, (sq_tape_attr){0});
}

seqgpu_tensor *seqgpu_tape_window_weights(seqgpu_tape *tape, seqgpu_tensor *context) {
  return window_is(tape, "window_weights", context) ? context->attr.window.phi : NULL;
}
