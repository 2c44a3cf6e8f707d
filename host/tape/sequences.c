/* sequences.c - the tape's operators on sequences: recurrent networks, pooling, attention.
 *
 * An rnn node keeps the seqgpu_rnn_run of its forward, with final states and reserve; backward completes it
 * with the gradients that have come to y and to the tensors of the final states.  Its tangent fills theirs as
 * well.
 */
#include "host/run/tangent.h"
#include "host/tape/grad.h"
#include "host/tape/ready.h"
#include "host/tape/record.h"
#include "host/tape/tangent.h"

/* --- rnn --- */

enum { RNN_X, RNN_PARAMS, RNN_INITIAL, RNN_LENGTHS = RNN_INITIAL + SQ_TAPE_STATES, RNN_INPUTS };
_Static_assert((int)RNN_INPUTS == (int)SQ_TAPE_INPUTS, "the rnn has the most inputs");

/* [L*N,B,W] of a state. */
static sq_shape state_shape(const seqgpu_plan *plan, int64_t batch, int state) {
  const seqgpu_rnn_desc d = seqgpu_plan_get_desc(plan);
  const int64_t layers = d.num_layers > 0 ? d.num_layers : 1;
  return (sq_shape){
      3, {layers * (d.bidirectional ? 2 : 1), batch, seqgpu_plan_get_sizes(plan).state_width[state]}};
}

/* The shape wanted, or that of one layer without its leading 1. */
static int is_state(sq_shape given, sq_shape wanted) {
  if (wanted.dim[0] == 1 && given.rank == 2) return sq_same_dims(given.dim, wanted.dim + 1, 2);
  return sq_same_shape(given, wanted);
}

/* x and the sizes of the run. */
static int rnn_accepts_x(seqgpu_tape *tape, const seqgpu_plan *plan, const seqgpu_tensor *x) {
  const seqgpu_rnn_desc d = seqgpu_plan_get_desc(plan);
  if (x->shape.rank != 3 || sq_last_dim(x) != d.input_size)
    sq_tape_fail(tape, SEQGPU_EINVAL, "rnn: x is %s; it must be %s with input_size %lld", SQ_SHAPE(x->shape),
                 d.batch_first ? "[batch,time,input]" : "[time,batch,input]", (long long)d.input_size);
  else if (x->shape.dim[d.batch_first] > d.seq_len || x->shape.dim[!d.batch_first] > d.batch)
    sq_tape_fail(tape, SEQGPU_EINVAL,
                 "rnn: x is %s; it must have at most the plan's seq_len %lld and batch %lld",
                 SQ_SHAPE(x->shape), (long long)d.seq_len, (long long)d.batch);
  return tape->status == SEQGPU_OK;
}

static int rnn_accepts_rest(seqgpu_tape *tape, const seqgpu_plan *plan, const sq_tape_arg *args,
                            int64_t seq_len, int64_t batch) {
  const seqgpu_tensor *params = args[RNN_PARAMS].tensor, *lengths = args[RNN_LENGTHS].tensor;
  const seqgpu_plan_sizes sizes = seqgpu_plan_get_sizes(plan);
  if (params->elements != sizes.param_elements)
    sq_tape_fail(tape, SEQGPU_EINVAL, "rnn: params is %s; it must have the plan's %lld elements",
                 SQ_SHAPE(params->shape), (long long)sizes.param_elements);
  for (int k = 0; k < sizes.state_count; k++) {
    const seqgpu_tensor *initial = args[RNN_INITIAL + k].tensor;
    const sq_shape wanted = state_shape(plan, batch, k);
    if (initial != NULL && !is_state(initial->shape, wanted))
      sq_tape_fail(tape, SEQGPU_EINVAL, "rnn: initial[%d] is %s; it must be %s", k, SQ_SHAPE(initial->shape),
                   SQ_SHAPE(wanted));
  }
  if (lengths != NULL && (lengths->elements != batch || lengths->highest > seq_len))
    sq_tape_fail(tape, SEQGPU_EINVAL,
                 "rnn: there are %lld lengths of at most %d; there must be %lld of at most %lld",
                 (long long)lengths->elements, (int)lengths->highest, (long long)batch, (long long)seq_len);
  return tape->status == SEQGPU_OK;
}

/* No gradient passes through a plan for inference. */
static int rnn_accepts_mode(seqgpu_tape *tape, const seqgpu_plan *plan, const sq_tape_arg *args) {
  int wanted = 0;
  for (int i = 0; i < RNN_INPUTS; i++) wanted |= args[i].tensor != NULL && args[i].tensor->needs_grad;
  if (tape->training && wanted && seqgpu_plan_get_desc(plan).inference)
    sq_tape_fail(tape, SEQGPU_EINVAL,
                 "rnn: the plan has inference = 1, but an argument wants a gradient; it must be 0");
  return tape->status == SEQGPU_OK;
}

static const void *value_of(const seqgpu_tensor *t) { return t ? t->value : NULL; }

static int moves_statistics(const seqgpu_plan *plan) {
  const seqgpu_rnn_desc d = seqgpu_plan_get_desc(plan);
  return !d.inference && (d.batch_norm_input || d.batch_norm_steps);
}

static seqgpu_status rnn_forward(seqgpu_tensor *y) {
  seqgpu_tape *tape = y->tape;
  const seqgpu_plan *plan = y->attr.rnn.plan;
  const seqgpu_plan_sizes sizes = seqgpu_plan_get_sizes(plan);
  seqgpu_rnn_run *run = &y->attr.rnn.run;
  run->params = y->input[RNN_PARAMS]->value;
  run->x = y->input[RNN_X]->value;
  run->lengths = value_of(y->input[RNN_LENGTHS]);
  run->y = y->value;
  for (int k = 0; k < sizes.state_count; k++) {
    const sq_shape shape = state_shape(plan, run->batch, k);
    run->initial[k] = value_of(y->input[RNN_INITIAL + k]);
    SQ_TRY(sq_tape_alloc(tape, shape.dim[0] * shape.dim[1] * shape.dim[2], &run->final[k]));
  }
  if (tape->training && !seqgpu_plan_get_desc(plan).inference)
    SQ_TRY(sq_arena_alloc(&tape->device, sizes.reserve, &run->reserve));
  if (tape->steady)
    tape->held |= moves_statistics(plan);
  else
    run->running = y->input[RNN_PARAMS]->value;
  SQ_TRY(sq_tape_scratch(tape, sizes.workspace, &run->workspace));
  return seqgpu_rnn_forward(tape->ctx, plan, run);
}

/* The gradient that has come, or NULL = zeros. */
static const void *grad_of(const seqgpu_tensor *t) { return t && t->written ? t->grad : NULL; }

static seqgpu_status rnn_backward(seqgpu_tensor *y) {
  seqgpu_tape *tape = y->tape;
  const seqgpu_plan *plan = y->attr.rnn.plan;
  const seqgpu_plan_sizes sizes = seqgpu_plan_get_sizes(plan);
  const double omega = seqgpu_plan_get_desc(plan).omega;
  seqgpu_rnn_run run = y->attr.rnn.run;
  if (tape->curves && omega > 0)
    return sq_fail(tape->ctx, SEQGPU_EUNSUPPORTED,
                   "the plan has omega = %g, and the regulariser is in no Gauss-Newton product; it must be 0",
                   omega);
  run.dy = grad_of(y);
  SQ_TRY(sq_tape_scratch(tape, sizes.workspace, &run.workspace)); /* it may have moved */
  SQ_TRY(sq_grad_to_add(y->input[RNN_PARAMS], &run.dparams));
  SQ_TRY(sq_grad_to_set(y->input[RNN_X], &run.dx));
  for (int k = 0; k < sizes.state_count; k++) {
    run.dfinal[k] = grad_of(y->attr.rnn.final[k]);
    SQ_TRY(sq_grad_to_set(y->input[RNN_INITIAL + k], &run.dinitial[k]));
  }
  if (sq_ready_take(y, y->input[RNN_PARAMS])) {
    run.ready = tape->ready;
    run.ready_about = tape->ready_about;
  }
  SQ_TRY(seqgpu_rnn_backward(tape->ctx, plan, &run));
  SQ_TRY(sq_grad_join(y->input[RNN_X], run.dx));
  for (int k = 0; k < sizes.state_count; k++)
    SQ_TRY(sq_grad_join(y->input[RNN_INITIAL + k], run.dinitial[k]));
  return SEQGPU_OK;
}

static seqgpu_status rnn_tangent(seqgpu_tensor *y) {
  seqgpu_tape *tape = y->tape;
  const seqgpu_plan *plan = y->attr.rnn.plan;
  const seqgpu_plan_sizes sizes = seqgpu_plan_get_sizes(plan);
  seqgpu_rnn_run run = y->attr.rnn.run;
  sq_rnn_tangents t = {.x = sq_tangent_of(y->input[RNN_X]), .params = sq_tangent_of(y->input[RNN_PARAMS])};
  if (run.reserve == NULL)
    return sq_fail(tape->ctx, SEQGPU_EINVAL,
                   "the plan has inference = 1, but an argument moves; it must be 0");
  t.y = y->tangent;
  for (int k = 0; k < sizes.state_count; k++) {
    seqgpu_tensor *final = y->attr.rnn.final[k];
    t.initial[k] = sq_tangent_of(y->input[RNN_INITIAL + k]);
    if (final == NULL) continue;
    SQ_TRY(sq_tangent_memory(final));
    t.final[k] = final->tangent;
  }
  SQ_TRY(sq_tape_scratch(tape, sizes.workspace, &run.workspace)); /* it may have moved */
  return sq_rnn_tangent(tape->ctx, plan, &run, &t);
}

static const sq_tape_op rnn_op = {"rnn", SQ_TAPE_OWN, rnn_forward, rnn_backward, rnn_tangent, NULL};

seqgpu_tensor *seqgpu_tape_rnn(seqgpu_tape *tape, const seqgpu_plan *plan, seqgpu_tensor *params,
                               seqgpu_tensor *x, seqgpu_tensor *const *initial, seqgpu_tensor *lengths) {
  if (tape == NULL || tape->status != SEQGPU_OK) return NULL;
  if (plan == NULL) return sq_tape_fail(tape, SEQGPU_EINVAL, "rnn: plan is NULL");
  const seqgpu_plan_sizes sizes = seqgpu_plan_get_sizes(plan);
  sq_tape_arg args[RNN_INPUTS] = {[RNN_X] = {"x", x, SQ_REALS, 0},
                                  [RNN_PARAMS] = {"params", params, SQ_REALS, 0},
                                  [RNN_LENGTHS] = {"lengths", lengths, SQ_LENGTHS, 1}};
  for (int k = 0; k < SQ_TAPE_STATES; k++) {
    const int given = initial != NULL && k < sizes.state_count;
    args[RNN_INITIAL + k] = (sq_tape_arg){"an initial state", given ? initial[k] : NULL, SQ_REALS, 1};
  }
  if (!sq_tape_accepts(tape, &rnn_op, RNN_INPUTS, args)) return NULL;
  if (!rnn_accepts_x(tape, plan, x)) return NULL;

  const seqgpu_rnn_desc d = seqgpu_plan_get_desc(plan);
  const int64_t seq_len = x->shape.dim[d.batch_first], batch = x->shape.dim[!d.batch_first];
  if (!rnn_accepts_rest(tape, plan, args, seq_len, batch)) return NULL;
  if (!rnn_accepts_mode(tape, plan, args)) return NULL;
  sq_shape shape = x->shape;
  shape.dim[2] = sizes.output_width;
  sq_tape_attr attr = {.rnn = {.plan = plan, .run = {.seq_len = seq_len, .batch = batch}}};
  if (tape->training) {
    attr.rnn.run.seed = tape->seed;
    attr.rnn.run.offset = tape->counter;
    if (sizes.random_blocks > 0) {
      attr.rnn.run.whole_batch = tape->whole;
      attr.rnn.run.first_sequence = tape->first;
    }
    tape->counter += sizes.random_blocks;
  }
  return sq_tape_apply(tape, &rnn_op, shape, RNN_INPUTS, args, attr);
}

/* --- rnn_final: its value is what rnn's forward left, its tangent what rnn's tangent left, its
 * gradient what rnn's backward fetches --- */

static seqgpu_status rnn_final_forward(seqgpu_tensor *y) {
  y->value = y->input[0]->attr.rnn.run.final[y->attr.state];
  return SEQGPU_OK;
}

static seqgpu_status rnn_final_backward(seqgpu_tensor *y) {
  y->input[0]->reached = 1;
  return SEQGPU_OK;
}

/* It is there already. */
static seqgpu_status rnn_final_tangent(seqgpu_tensor *y) {
  (void)y;
  return SEQGPU_OK;
}

static const sq_tape_op rnn_final_op = {"rnn_final",        SQ_TAPE_PLACED,    rnn_final_forward,
                                        rnn_final_backward, rnn_final_tangent, NULL};

seqgpu_tensor *seqgpu_tape_rnn_final(seqgpu_tape *tape, seqgpu_tensor *y, int state) {
  const sq_tape_arg args[] = {{"y", y, SQ_REALS, 0}};
  if (!sq_tape_accepts(tape, &rnn_final_op, 1, args)) return NULL;
  if (y->op != &rnn_op)
    return sq_tape_fail(tape, SEQGPU_EINVAL, "rnn_final: y was not returned by seqgpu_tape_rnn");
  const int states = seqgpu_plan_get_sizes(y->attr.rnn.plan).state_count;
  if (state < 0 || state >= states)
    return sq_tape_fail(tape, SEQGPU_EINVAL, "rnn_final: state is %d; it must be from 0 to %d", state,
                        states - 1);
  if (y->attr.rnn.final[state] != NULL) return y->attr.rnn.final[state];
  const sq_shape shape = state_shape(y->attr.rnn.plan, y->attr.rnn.run.batch, state);
  const sq_tape_attr attr = {.state = state};
  return y->attr.rnn.final[state] = sq_tape_apply(tape, &rnn_final_op, shape, 1, args, attr);
}

/* --- pooling --- */

enum { POOLING_X, POOLING_LENGTHS, POOLING_INPUTS };

static sq_pooling_args pooling_args(const seqgpu_tensor *y) {
  const seqgpu_tensor *x = y->input[POOLING_X];
  return (sq_pooling_args){.kind = y->attr.pooling.kind,
                           .seq_len = x->shape.dim[0],
                           .batch = x->shape.dim[1],
                           .dim = x->shape.dim[2],
                           .lengths = value_of(y->input[POOLING_LENGTHS]),
                           .at = y->attr.pooling.at};
}

static seqgpu_status pooling_forward(seqgpu_tensor *y) {
  if (y->attr.pooling.kind == SQ_POOLING_MAX)
    SQ_TRY(sq_tape_alloc(y->tape, y->elements, &y->attr.pooling.at)); /* an int32 is no larger than a real */
  sq_pooling_args args = pooling_args(y);
  args.x = y->input[POOLING_X]->value;
  args.y = y->value;
  return SQ_RUN(y->tape->ctx, pooling_forward, &args);
}

static seqgpu_status pooling_backward(seqgpu_tensor *y) {
  sq_pooling_args args = pooling_args(y);
  args.dy = y->grad;
  SQ_TRY(sq_grad_open(y->input[POOLING_X], &args.dx, &args.accumulate));
  return args.dx ? SQ_RUN(y->tape->ctx, pooling_backward, &args) : SEQGPU_OK;
}

/* The maximum moves as the step does that it is of. */
static seqgpu_status pooling_tangent(seqgpu_tensor *y) {
  sq_pooling_args args = pooling_args(y);
  if (args.kind == SQ_POOLING_MAX) args.kind = SQ_POOLING_AT;
  args.x = sq_tangent_of(y->input[POOLING_X]);
  args.y = y->tangent;
  return SQ_RUN(y->tape->ctx, pooling_forward, &args);
}

static const sq_tape_op pooling_op = {"pooling",        SQ_TAPE_OWN,     pooling_forward,
                                      pooling_backward, pooling_tangent, NULL};

seqgpu_tensor *seqgpu_tape_pooling(seqgpu_tape *tape, seqgpu_tensor *x, seqgpu_tensor *lengths,
                                   seqgpu_pooling pooling) {
  const sq_tape_arg args[POOLING_INPUTS] = {{"x", x, SQ_REALS, 0}, {"lengths", lengths, SQ_LENGTHS, 1}};
  if (!sq_tape_accepts(tape, &pooling_op, POOLING_INPUTS, args)) return NULL;
  if ((unsigned)pooling > (unsigned)SEQGPU_POOLING_LAST)
    return sq_tape_fail(tape, SEQGPU_EINVAL, "pooling: pooling is %d; it must be 0 (mean) to %d (last)",
                        (int)pooling, (int)SEQGPU_POOLING_LAST);
  if (!sq_tape_fits_lengths(tape, pooling_op.name, "x", x, lengths)) return NULL;
  const sq_tape_attr attr = {.pooling = {.kind = (sq_pooling_kind)pooling}};
  const sq_shape shape = {2, {x->shape.dim[1], x->shape.dim[2]}};
  return sq_tape_apply(tape, &pooling_op, shape, POOLING_INPUTS, args, attr);
}

/* --- attention --- */

enum { ATTENTION_QUERY, ATTENTION_KEYS, ATTENTION_VALUES, ATTENTION_V, ATTENTION_LENGTHS, ATTENTION_INPUTS };
_Static_assert((int)ATTENTION_INPUTS <= (int)SQ_TAPE_INPUTS, "a tensor has room for the inputs");

static int attention_accepts(seqgpu_tape *tape, const sq_tape_arg *args) {
  const sq_shape query = args[ATTENTION_QUERY].tensor->shape, keys = args[ATTENTION_KEYS].tensor->shape;
  const sq_shape values = args[ATTENTION_VALUES].tensor->shape;
  const seqgpu_tensor *v = args[ATTENTION_V].tensor, *lengths = args[ATTENTION_LENGTHS].tensor;
  if (keys.rank != 3)
    sq_tape_fail(tape, SEQGPU_EINVAL, "attention: keys is %s; it must be [source,batch,width]",
                 SQ_SHAPE(keys));
  else if (query.rank < 2 || query.rank > 3 || !sq_same_dims(query.dim + query.rank - 2, keys.dim + 1, 2))
    sq_tape_fail(tape, SEQGPU_EINVAL,
                 "attention: query is %s but keys is %s; query must be [%lld,%lld] or [steps,%lld,%lld]",
                 SQ_SHAPE(query), SQ_SHAPE(keys), (long long)keys.dim[1], (long long)keys.dim[2],
                 (long long)keys.dim[1], (long long)keys.dim[2]);
  else if (values.rank != 3 || !sq_same_dims(values.dim, keys.dim, 2))
    sq_tape_fail(tape, SEQGPU_EINVAL,
                 "attention: values is %s but keys is %s; the first two dimensions must agree",
                 SQ_SHAPE(values), SQ_SHAPE(keys));
  else if (v != NULL && v->elements != keys.dim[2])
    sq_tape_fail(tape, SEQGPU_EINVAL, "attention: v is %s but keys is %s; v must have %lld elements",
                 SQ_SHAPE(v->shape), SQ_SHAPE(keys), (long long)keys.dim[2]);
  else if (lengths != NULL && lengths->elements != keys.dim[1])
    sq_tape_fail(tape, SEQGPU_EINVAL,
                 "attention: there are %lld lengths; there must be %lld, one per sequence of the batch",
                 (long long)lengths->elements, (long long)keys.dim[1]);
  else if (lengths != NULL && (lengths->lowest < 1 || lengths->highest > keys.dim[0]))
    sq_tape_fail(tape, SEQGPU_EINVAL, "attention: lengths are %d to %d; they must be 1 to %lld",
                 (int)lengths->lowest, (int)lengths->highest, (long long)keys.dim[0]);
  return tape->status == SEQGPU_OK;
}

/* Steps of the query [T,B,D]; one if it is [B,D]. */
static int64_t attention_steps(const seqgpu_tensor *y) { return y->shape.rank == 3 ? y->shape.dim[0] : 1; }

/* Where step t lies in memory of T equal parts, of a tensor of so many elements; NULL in NULL. */
static void *attention_part(const seqgpu_tensor *y, const void *memory, int64_t t, int64_t elements) {
  const int64_t part = elements / attention_steps(y);
  return memory ? (char *)memory + (size_t)(t * part) * y->tape->ctx->element_size : NULL;
}

static sq_attention_args attention_args(const seqgpu_tensor *y, int64_t t) {
  const seqgpu_tensor *query = y->input[ATTENTION_QUERY], *keys = y->input[ATTENTION_KEYS],
                      *weights = y->attr.attention.weights;
  return (sq_attention_args){.source_len = keys->shape.dim[0],
                             .batch = keys->shape.dim[1],
                             .dim = keys->shape.dim[2],
                             .value_dim = sq_last_dim(y),
                             .lengths = value_of(y->input[ATTENTION_LENGTHS]),
                             .query = attention_part(y, query->value, t, query->elements),
                             .keys = keys->value,
                             .values = y->input[ATTENTION_VALUES]->value,
                             .v = value_of(y->input[ATTENTION_V]),
                             .weights = attention_part(y, weights->value, t, weights->elements)};
}

static seqgpu_status attention_forward(seqgpu_tensor *y) {
  seqgpu_tensor *weights = y->attr.attention.weights;
  SQ_TRY(sq_tape_alloc(y->tape, weights->elements, &weights->value));
  for (int64_t t = 0; t < attention_steps(y); t++) {
    sq_attention_args args = attention_args(y, t);
    args.context = attention_part(y, y->value, t, y->elements);
    SQ_TRY(SQ_RUN(y->tape->ctx, attention_forward, &args));
  }
  return SEQGPU_OK;
}

/* The operator adds to three gradients at once, so no two may be the same memory (keys as values, say), and
 * it has no NULL but that of v.  So each goes to memory of its own, unless it is the first one of its owner.
 */
static seqgpu_status apart(seqgpu_tensor *y, int input, void **at) {
  seqgpu_tensor *x = y->input[input];
  SQ_TRY(sq_grad_to_add(x, at));
  if (x == NULL) return SEQGPU_OK;
  int shared = *at == NULL;
  for (int i = ATTENTION_KEYS; i < input; i++) shared |= sq_owner(x) == sq_owner(y->input[i]);
  if (!shared) return SEQGPU_OK;
  SQ_TRY(sq_tape_aside(y->tape, x->elements, at));
  return seqgpu_zero(y->tape->ctx, *at, (size_t)x->elements * y->tape->ctx->element_size);
}

/* A number for each pair of a step of the source and a sequence. */
static seqgpu_status attention_scratch(seqgpu_tensor *y, void **at) {
  const int64_t pairs = y->attr.attention.weights->elements / attention_steps(y);
  return sq_tape_scratch(y->tape, (size_t)pairs * y->tape->ctx->element_size, at);
}

/* Keys, values and v add up over the steps of the query. */
static seqgpu_status attention_backward(seqgpu_tensor *y) {
  seqgpu_tensor *query = y->input[ATTENTION_QUERY];
  void *scratch, *dkeys, *dvalues, *dv, *dquery;
  SQ_TRY(attention_scratch(y, &scratch));
  SQ_TRY(apart(y, ATTENTION_KEYS, &dkeys));
  SQ_TRY(apart(y, ATTENTION_VALUES, &dvalues));
  SQ_TRY(apart(y, ATTENTION_V, &dv));
  SQ_TRY(sq_grad_to_set(query, &dquery));
  if (dquery == NULL) SQ_TRY(sq_tape_aside(y->tape, query->elements, &dquery));
  for (int64_t t = 0; t < attention_steps(y); t++) {
    sq_attention_args args = attention_args(y, t);
    args.dcontext = attention_part(y, y->grad, t, y->elements);
    args.dquery = attention_part(y, dquery, t, query->elements);
    args.dkeys = dkeys;
    args.dvalues = dvalues;
    args.dv = dv;
    args.scratch = scratch;
    SQ_TRY(SQ_RUN(y->tape->ctx, attention_backward, &args));
  }
  SQ_TRY(sq_grad_join(y->input[ATTENTION_KEYS], dkeys));
  SQ_TRY(sq_grad_join(y->input[ATTENTION_VALUES], dvalues));
  SQ_TRY(sq_grad_join(y->input[ATTENTION_V], dv));
  return sq_grad_join(query, dquery);
}

static seqgpu_status attention_tangent(seqgpu_tensor *y) {
  const seqgpu_tensor *query = y->input[ATTENTION_QUERY];
  void *scratch;
  SQ_TRY(attention_scratch(y, &scratch));
  for (int64_t t = 0; t < attention_steps(y); t++) {
    sq_attention_args args = attention_args(y, t);
    args.tquery = attention_part(y, sq_tangent_of(y->input[ATTENTION_QUERY]), t, query->elements);
    args.tkeys = sq_tangent_of(y->input[ATTENTION_KEYS]);
    args.tvalues = sq_tangent_of(y->input[ATTENTION_VALUES]);
    args.tv = sq_tangent_of(y->input[ATTENTION_V]);
    args.tcontext = attention_part(y, y->tangent, t, y->elements);
    args.scratch = scratch;
    SQ_TRY(SQ_RUN(y->tape->ctx, attention_tangent, &args));
  }
  return SEQGPU_OK;
}

static const sq_tape_op attention_op = {"attention",        SQ_TAPE_OWN,       attention_forward,
                                        attention_backward, attention_tangent, NULL};

seqgpu_tensor *seqgpu_tape_attention(seqgpu_tape *tape, seqgpu_tensor *query, seqgpu_tensor *keys,
                                     seqgpu_tensor *values, seqgpu_tensor *v, seqgpu_tensor *lengths) {
  const sq_tape_arg args[ATTENTION_INPUTS] = {[ATTENTION_QUERY] = {"query", query, SQ_REALS, 0},
                                              [ATTENTION_KEYS] = {"keys", keys, SQ_REALS, 0},
                                              [ATTENTION_VALUES] = {"values", values, SQ_REALS, 0},
                                              [ATTENTION_V] = {"v", v, SQ_REALS, 1},
                                              [ATTENTION_LENGTHS] = {"lengths", lengths, SQ_LENGTHS, 1}};
  if (!sq_tape_accepts(tape, &attention_op, ATTENTION_INPUTS, args)) return NULL;
  if (!attention_accepts(tape, args)) return NULL;
  const int64_t S = keys->shape.dim[0], B = keys->shape.dim[1], E = values->shape.dim[2];
  const int64_t T = query->shape.dim[0]; /* where it has steps */
  const int steps = query->shape.rank == 3;
  const sq_shape weights = steps ? (sq_shape){3, {T, S, B}} : (sq_shape){2, {S, B}};
  const sq_shape context = steps ? (sq_shape){3, {T, B, E}} : (sq_shape){2, {B, E}};
  const sq_tape_attr attr = {.attention = {sq_tape_tensor(tape, "attention", SQ_REALS, weights)}};
  if (attr.attention.weights == NULL) return NULL;
  return sq_tape_apply(tape, &attention_op, context, ATTENTION_INPUTS, args, attr);
}

seqgpu_tensor *seqgpu_tape_attention_weights(seqgpu_tape *tape, seqgpu_tensor *context) {
  const sq_tape_arg args[] = {{"context", context, SQ_REALS, 0}};
  if (!sq_tape_accepts(tape, &attention_op, 1, args)) return NULL;
  if (context->op != &attention_op)
    return sq_tape_fail(tape, SEQGPU_EINVAL,
                        "attention_weights: context was not returned by seqgpu_tape_attention");
  return context->attr.attention.weights;
}
