/* shards.c - the gradients of a batch that comes in shards (seqgpu/comm.h).
 *
 *   g = sum_i w_i g_i / sum_i w_i        i over the shards of all processes
 *
 * The sums of a process lie on a stack as the digits of a binary counter: after shard i each is of 2^k
 * shards, the larger ones below, and two of one size become one.  So 2^k shards are added in pairs, pairs of pairs,
 * and so on, whatever comes after them, and the sum over processes (comm.c) goes on in the same way.
 *
 * The last shard of a process may be announced: then its gradients join the sums when they are there, all at
 * the end or piece by piece (early.c), in the same order either way.  What both do with sums is in sums.c.
 */
#include "host/comm/shards.h"

/* ---------------------------------------------------------------- life */

seqgpu_status seqgpu_shards_create(seqgpu_params *params, seqgpu_comm *comm, seqgpu_shards **out) {
  if (out) *out = NULL;
  if (params == NULL) return SEQGPU_EINVAL;
  seqgpu_context *ctx = params->ctx;
  SQ_TRY(sq_usable(ctx));
  if (out == NULL) return sq_fail(ctx, SEQGPU_EINVAL, "shards: out is NULL");
  if (comm != NULL && comm->ctx != ctx)
    return sq_fail(ctx, SEQGPU_EINVAL, "shards: comm is of another context than params");
  const int64_t elements = sq_shards_elements(params);
  if (elements == 0) return sq_fail(ctx, SEQGPU_EINVAL, "shards: params have no trained tensor");
  seqgpu_shards *s = sq_host_alloc(ctx, sizeof *s);
  if (s == NULL) return sq_fail(ctx, SEQGPU_ENOMEM, "shards: out of memory");
  s->params = params;
  s->comm = comm;
  s->elements = elements;
  *out = s;
  return SEQGPU_OK;
}

void seqgpu_shards_destroy(seqgpu_shards *s) {
  if (s == NULL) return;
  seqgpu_context *ctx = s->params->ctx;
  sq_early_stop(s);
  const int stays = s->comm != NULL && s->comm->held; /* another process may still write to it */
  for (int i = 0; i < SQ_SHARDS_LEVELS && !stays; i++) seqgpu_free(ctx, s->stack[i].grad);
  sq_host_free(ctx, s);
}

/* What stands beside the gradients of the uppermost sum joins that of the one below it. */
static void join_numbers(seqgpu_shards *s) {
  const sq_partial *from = &s->stack[--s->used];
  sq_partial *to = &s->stack[s->used - 1];
  to->weight += from->weight;
  to->loss += from->loss;
}

/* ---------------------------------------------------------------- the calls */

/* The gradients of the uppermost sum's shard. */
static seqgpu_status take_gradients(seqgpu_shards *s) {
  const sq_partial *top = &s->stack[s->used - 1];
  return sq_shards_move(s, top->weight, top->grad, 0, s->elements, 1);
}

static seqgpu_status check_shard(const seqgpu_shards *s, const char *call, double weight) {
  SQ_TRY(sq_shards_check(s));
  seqgpu_context *ctx = s->params->ctx;
  if (!(weight >= 0 && weight <= 1e15))
    return sq_fail(ctx, SEQGPU_EINVAL, "%s: weight is %g; it must be from 0 to 1e15", call, weight);
  if (!s->is_last) return SEQGPU_OK;
  return sq_fail(ctx, SEQGPU_EINVAL,
                 "%s: the last shard has been announced; seqgpu_shards_average comes next", call);
}

seqgpu_status seqgpu_shards_add(seqgpu_shards *s, double weight, double loss) {
  SQ_TRY(check_shard(s, "shards_add", weight));
  SQ_TRY(sq_shards_push(s, weight, loss));
  SQ_TRY(take_gradients(s));
  s->count++;
  for (int64_t n = s->count; n % 2 == 0; n /= 2) {
    SQ_TRY(sq_shards_join(s, s->used - 1, 0, s->elements));
    join_numbers(s);
  }
  return SEQGPU_OK;
}

seqgpu_status seqgpu_shards_last(seqgpu_shards *s, double weight, double loss) {
  SQ_TRY(check_shard(s, "shards_last", weight));
  SQ_TRY(sq_shards_push(s, weight, loss));
  s->is_last = 1;
  return SEQGPU_OK;
}

/* The sum over this process's shards, or where it begins early that over all processes, into the lowest. */
static seqgpu_status sum_gradients(seqgpu_shards *s) {
  if (s->used == 0) {
    SQ_TRY(sq_shards_push(s, 0, 0));
    SQ_TRY(take_gradients(s));
  }
  if (s->early.worker) return sq_early_finish(s);
  if (s->is_last) SQ_TRY(take_gradients(s));
  return sq_shards_fold(s, 0, s->elements);
}

static seqgpu_status sum_processes(seqgpu_shards *s) {
  sq_partial *sum = &s->stack[0];
  double both[] = {sum->weight, sum->loss};
  if (s->comm == NULL) return SEQGPU_OK;
  SQ_TRY(seqgpu_comm_sum(s->comm, both, 2));
  if (s->early.worker == NULL) SQ_TRY(seqgpu_comm_all_reduce(s->comm, sum->grad, s->elements));
  sum->weight = both[0];
  sum->loss = both[1];
  return SEQGPU_OK;
}

/* The only shard of the only process: its gradients are there, and are the average. */
static seqgpu_status average_one(seqgpu_shards *s, double *loss) {
  const sq_partial *only = &s->stack[0];
  if (loss) *loss = only->weight > 0 ? only->loss / only->weight : 0;
  return only->weight > 0 ? SEQGPU_OK : seqgpu_params_zero_grad(s->params);
}

static seqgpu_status average(seqgpu_shards *s, double *loss) {
  if (s->is_last && s->used == 1 && seqgpu_comm_size(s->comm) == 1) return average_one(s, loss);
  SQ_TRY(sum_gradients(s));
  while (s->used > 1) join_numbers(s);
  SQ_TRY(sum_processes(s));
  const sq_partial *sum = &s->stack[0];
  const double share = sum->weight > 0 ? 1 / sum->weight : 0;
  if (loss) *loss = share * sum->loss;
  return sq_shards_move(s, share, sum->grad, 0, s->elements, 0);
}

seqgpu_status seqgpu_shards_average(seqgpu_shards *s, double *loss) {
  SQ_TRY(sq_shards_check(s));
  const seqgpu_status status = average(s, loss);
  s->count = 0;
  s->used = s->is_last = 0;
  return status;
}
