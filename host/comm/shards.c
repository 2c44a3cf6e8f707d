/* shards.c - the gradients of a batch that comes in shards (seqgpu/comm.h).
 *
 *   g = sum_i w_i g_i / sum_i w_i        i over the shards of all processes
 *
 * The sums of a process lie on a stack as the digits of a binary counter: after shard i each is of 2^k
 * shards, the larger ones below, and two of one size become one.  So 2^k shards are added in pairs, pairs of pairs,
 * and so on, whatever comes after them, and the sum over processes (comm.c) goes on in the same way.
 */
#include "host/comm/comm.h"
#include "host/params/store.h"

enum { LEVELS = 64 }; /* digits of a count of shards */

/* A sum of shards: of w, w loss, and w g, which is [elements] on the device. */
typedef struct partial {
  double weight, loss;
  void *grad;
} partial;

struct seqgpu_shards {
  seqgpu_params *params;
  seqgpu_comm *comm;
  int64_t elements; /* of all trained blocks, one after the other */
  int64_t count;    /* shards since the last average */
  int used;         /* partial sums on the stack */
  partial stack[LEVELS];
};

/* ---------------------------------------------------------------- life */

static int64_t trained_elements(const seqgpu_params *p) {
  int64_t elements = 0;
  for (int i = 0; i < p->block_count; i++) elements += p->blocks[i].grad ? p->blocks[i].elements : 0;
  return elements;
}

seqgpu_status seqgpu_shards_create(seqgpu_params *params, seqgpu_comm *comm, seqgpu_shards **out) {
  if (out) *out = NULL;
  if (params == NULL) return SEQGPU_EINVAL;
  seqgpu_context *ctx = params->ctx;
  SQ_TRY(sq_usable(ctx));
  if (out == NULL) return sq_fail(ctx, SEQGPU_EINVAL, "shards: out is NULL");
  if (comm != NULL && comm->ctx != ctx)
    return sq_fail(ctx, SEQGPU_EINVAL, "shards: comm is of another context than params");
  const int64_t elements = trained_elements(params);
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
  const int stays = s->comm != NULL && s->comm->held; /* another process may still write to it */
  for (int i = 0; i < LEVELS && !stays; i++) seqgpu_free(ctx, s->stack[i].grad);
  sq_host_free(ctx, s);
}

/* ---------------------------------------------------------------- on the device */

/* y = alpha x; 0 for alpha 0, whatever x is. */
static seqgpu_status scale(seqgpu_context *ctx, double alpha, const void *x, int64_t count, void *y) {
  const sq_map_args a = {.kind = SQ_MAP_SCALE, .count = count, .alpha = alpha, .a = x, .y = y};
  if (alpha == 0) return seqgpu_zero(ctx, y, (size_t)count * ctx->element_size);
  return SQ_RUN(ctx, map, &a);
}

/* The gradients of all blocks times alpha into `flat`, or the other way. */
static seqgpu_status move(const seqgpu_shards *s, double alpha, void *flat, int into_flat) {
  const seqgpu_params *p = s->params;
  char *at = flat;
  for (int i = 0; i < p->block_count; i++) {
    const sq_param_block *b = &p->blocks[i];
    if (b->grad == NULL) continue;
    SQ_TRY(scale(p->ctx, alpha, into_flat ? b->grad : at, b->elements, into_flat ? (void *)at : b->grad));
    at += (size_t)b->elements * p->ctx->element_size;
  }
  return SEQGPU_OK;
}

/* The uppermost sum joins the one below it. */
static seqgpu_status merge(seqgpu_shards *s) {
  const partial *from = &s->stack[s->used - 1];
  partial *to = &s->stack[s->used - 2];
  const sq_map_args a = {
      .kind = SQ_MAP_ADD, .count = s->elements, .alpha = 1, .a = to->grad, .b = from->grad, .y = to->grad};
  SQ_TRY(SQ_RUN(s->params->ctx, map, &a));
  to->weight += from->weight;
  to->loss += from->loss;
  s->used--;
  return SEQGPU_OK;
}

/* ---------------------------------------------------------------- the calls */

/* One sum more, of which memory from an earlier batch may be there. */
static seqgpu_status push(seqgpu_shards *s, double weight, double loss) {
  seqgpu_context *ctx = s->params->ctx;
  partial *top = &s->stack[s->used];
  if (top->grad == NULL) SQ_TRY(seqgpu_malloc(ctx, (size_t)s->elements * ctx->element_size, &top->grad));
  SQ_TRY(move(s, weight, top->grad, 1));
  top->weight = weight;
  top->loss = weight == 0 ? 0 : weight * loss;
  s->used++;
  return SEQGPU_OK;
}

static seqgpu_status check_shards(const seqgpu_shards *s) {
  if (s == NULL) return SEQGPU_EINVAL;
  SQ_TRY(sq_usable(s->params->ctx));
  if (trained_elements(s->params) == s->elements) return SEQGPU_OK;
  return sq_fail(s->params->ctx, SEQGPU_EINVAL,
                 "shards: trained tensors were added to params since they were made");
}

seqgpu_status seqgpu_shards_add(seqgpu_shards *s, double weight, double loss) {
  SQ_TRY(check_shards(s));
  if (!(weight >= 0 && weight <= 1e15))
    return sq_fail(s->params->ctx, SEQGPU_EINVAL, "shards_add: weight is %g; it must be from 0 to 1e15",
                   weight);
  SQ_TRY(push(s, weight, loss));
  s->count++;
  for (int64_t n = s->count; n % 2 == 0; n /= 2) SQ_TRY(merge(s));
  return SEQGPU_OK;
}

static seqgpu_status sum_processes(seqgpu_shards *s) {
  partial *sum = &s->stack[0];
  double both[] = {sum->weight, sum->loss};
  if (s->comm == NULL) return SEQGPU_OK;
  SQ_TRY(seqgpu_comm_sum(s->comm, both, 2));
  SQ_TRY(seqgpu_comm_all_reduce(s->comm, sum->grad, s->elements));
  sum->weight = both[0];
  sum->loss = both[1];
  return SEQGPU_OK;
}

seqgpu_status seqgpu_shards_average(seqgpu_shards *s, double *loss) {
  SQ_TRY(check_shards(s));
  if (s->count == 0) SQ_TRY(push(s, 0, 0));
  s->count = 0;
  while (s->used > 1) SQ_TRY(merge(s));
  s->used = 0;
  SQ_TRY(sum_processes(s));
  const partial *sum = &s->stack[0];
  const double share = sum->weight > 0 ? 1 / sum->weight : 0;
  if (loss) *loss = share * sum->loss;
  return move(s, share, sum->grad, 0);
}
