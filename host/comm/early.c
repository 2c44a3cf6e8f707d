/* early.c - sums over processes that begin while gradients are still computed (seqgpu/comm.h).
 *
 *   elements   | bucket 0 | bucket 1 | ...              | bucket n-1 |
 *   summed       last ...                                 first
 *
 * A walk back computes the gradients of the last parameters first, so buckets go from the end to the
 * beginning, in every process and every update alike, each as soon as all of it and of those behind it is
 * final (Li et al., "PyTorch Distributed", VLDB 2020, section 3.2.3).  The sum of an element is that of the
 * same tree as without: a bucket joins the sums of this process's other shards and then goes to the thread
 * (worker.c), piece by piece what shards.c does with the whole.
 */
#include "host/comm/shards.h"

enum { BUCKET = 1 << 20 }; /* bytes, where the caller does not say */

/* ---------------------------------------------------------------- buckets */

static int64_t bucket_first(const seqgpu_shards *s, int64_t b) { return b * s->early.bucket; }

static int64_t bucket_end(const seqgpu_shards *s, int64_t b) {
  const int64_t end = (b + 1) * s->early.bucket;
  return end < s->elements ? end : s->elements;
}

static void start_buckets(seqgpu_shards *s) {
  sq_early *e = &s->early;
  e->next = e->buckets - 1;
  for (int64_t b = 0; b < e->buckets; b++) e->left[b] = bucket_end(s, b) - bucket_first(s, b);
}

/* The next bucket goes to the other processes; of an announced shard its gradients come in first. */
static seqgpu_status send_next(seqgpu_shards *s) {
  const int64_t first = bucket_first(s, s->early.next), end = bucket_end(s, s->early.next);
  const sq_partial *top = &s->stack[s->used - 1];
  if (s->is_last) SQ_TRY(sq_shards_move(s, top->weight, top->grad, first, end, 1));
  SQ_TRY(sq_shards_fold(s, first, end));
  char *sum = s->stack[0].grad;
  SQ_TRY(sq_worker_give(s->early.worker, sum + (size_t)first * s->params->ctx->element_size, end - first));
  s->early.next--;
  return SEQGPU_OK;
}

/* Where gradient [elements] lies among all of them; -1: in none of the blocks. */
static int64_t find(const seqgpu_shards *s, const void *gradient, int64_t elements) {
  const seqgpu_params *p = s->params;
  const char *from = gradient;
  int64_t at = 0;
  for (int i = 0; i < p->block_count; i++) {
    const sq_param_block *b = &p->blocks[i];
    const char *grad = b->grad;
    if (grad == NULL) continue;
    if (from >= grad && from < grad + (size_t)b->elements * p->ctx->element_size) {
      const int64_t first = (from - grad) / (int64_t)p->ctx->element_size;
      return first + elements <= b->elements ? at + first : -1;
    }
    at += b->elements;
  }
  return -1;
}

static seqgpu_status refuse(const seqgpu_shards *s, const char *why) {
  return sq_fail(s->params->ctx, SEQGPU_EINVAL, "shards_ready: gradient %s", why);
}

seqgpu_status seqgpu_shards_ready(void *shards, const void *gradient, int64_t elements) {
  seqgpu_shards *s = shards;
  SQ_TRY(sq_shards_check(s));
  sq_early *e = &s->early;
  if (e->worker == NULL || !s->is_last || elements == 0) return SEQGPU_OK;
  const int64_t first = elements > 0 ? find(s, gradient, elements) : -1, end = first + elements;
  if (first < 0) return refuse(s, "is not one of the params, or longer than that");
  for (int64_t b = first / e->bucket; b < e->buckets && bucket_first(s, b) < end; b++) {
    const int64_t from = bucket_first(s, b) > first ? bucket_first(s, b) : first;
    e->left[b] -= (bucket_end(s, b) < end ? bucket_end(s, b) : end) - from;
    if (e->left[b] < 0) return refuse(s, "has been final before");
  }
  while (e->next >= 0 && e->left[e->next] == 0) SQ_TRY(send_next(s));
  return SEQGPU_OK;
}

seqgpu_status sq_early_finish(seqgpu_shards *s) {
  sq_early *e = &s->early;
  seqgpu_status status = SEQGPU_OK;
  while (e->next >= 0 && status == SEQGPU_OK) status = send_next(s);
  const seqgpu_status summed = sq_worker_finish(e->worker);
  start_buckets(s);
  return status == SEQGPU_OK ? summed : status;
}

/* ---------------------------------------------------------------- life */

void sq_early_stop(seqgpu_shards *s) {
  sq_worker_stop(s->early.worker);
  sq_host_free(s->params->ctx, s->early.left);
  s->early = (sq_early){.worker = NULL};
}

seqgpu_status seqgpu_shards_overlap(seqgpu_shards *s, int64_t bytes) {
  SQ_TRY(sq_shards_check(s));
  seqgpu_context *ctx = s->params->ctx;
  SQ_TRY(sq_check_range(ctx, "shards_overlap: bytes", bytes, 0, SQ_COMM_BLOCK));
  if (s->used > 0)
    return sq_fail(ctx, SEQGPU_EINVAL,
                   "shards_overlap: shards were added; seqgpu_shards_average comes first");
  if (s->early.worker != NULL || seqgpu_comm_size(s->comm) == 1) return SEQGPU_OK;
  SQ_TRY(sq_comm_usable(s->comm));
  if (s->comm->one_thread)
    return sq_fail(ctx, SEQGPU_EUNSUPPORTED,
                   "shards_overlap: MPI was started for one thread; MPI_Init_thread must be asked for "
                   "MPI_THREAD_SERIALIZED at least");
  sq_early *e = &s->early;
  e->bucket = (bytes ? bytes : BUCKET) / (int64_t)ctx->element_size;
  if (e->bucket == 0) e->bucket = 1;
  e->buckets = (s->elements + e->bucket - 1) / e->bucket;
  e->left = sq_host_alloc(ctx, (size_t)e->buckets * sizeof *e->left);
  if (e->left == NULL) return sq_fail(ctx, SEQGPU_ENOMEM, "shards: out of memory");
  start_buckets(s);
  const seqgpu_status status = sq_worker_start(s->comm, e->buckets, &e->worker);
  if (status != SEQGPU_OK) sq_early_stop(s);
  return status;
}
