/* moments.c - moments of the optimiser, shared out among processes (seqgpu/comm.h, host/params/share.c).
 *
 *   after an update      values: the slice of each process to all, one gather a block
 *   before a checkpoint  moments: the slices of all processes to one, by way of host memory
 */
#include "host/comm/comm.h"
#include "host/params/share.h"

/* ---------------------------------------------------------------- values to all */

/* The bytes that each process has of elements first .. end - 1, and where they begin among those. */
static void find_pieces(seqgpu_comm *c, const int64_t *edges, int64_t first, int64_t end) {
  const int64_t size = (int64_t)c->ctx->element_size;
  for (int r = 0; r < c->size; r++) {
    const int64_t from = edges[r] < first ? first : edges[r], to = edges[r + 1] > end ? end : edges[r + 1];
    c->sizes[r] = from < to ? (int)((to - from) * size) : 0;
    c->sizes[c->size + r] = from < to ? (int)((from - first) * size) : 0;
  }
}

/* At most SQ_COMM_BLOCK bytes of a GPU, where the transport is between hosts. */
static seqgpu_status gather_staged(seqgpu_comm *c, char *data, size_t bytes) {
  seqgpu_context *ctx = c->ctx;
  const int size = c->sizes[c->rank], at = c->sizes[c->size + c->rank];
  char *host;
  SQ_TRY(sq_comm_stage(c, &host));
  SQ_TRY(seqgpu_copy_out(ctx, host + at, data + at, (size_t)size));
  SQ_TRY(c->transport->gather(c, host, c->sizes, c->sizes + c->size));
  SQ_TRY(seqgpu_copy_in(ctx, data, host, bytes));
  return seqgpu_synchronize(ctx); /* the stage is written again */
}

static seqgpu_status gather_block(seqgpu_comm *c, const sq_param_block *b) {
  const int64_t size = (int64_t)c->ctx->element_size, most = SQ_COMM_BLOCK / size;
  for (int64_t first = 0; first < b->elements; first += most) {
    const int64_t end = b->elements - first < most ? b->elements : first + most;
    char *data = (char *)b->value + first * size;
    find_pieces(c, b->edges, first, end);
    if (c->device != NULL)
      SQ_TRY(c->device->gather(c, data, c->sizes, c->sizes + c->size));
    else if (c->ctx->backend == &sq_backend_cpu)
      SQ_TRY(c->transport->gather(c, data, c->sizes, c->sizes + c->size));
    else
      SQ_TRY(gather_staged(c, data, (size_t)((end - first) * size)));
  }
  return SEQGPU_OK;
}

static seqgpu_status gather(void *about, const seqgpu_params *p) {
  seqgpu_comm *c = about;
  SQ_TRY(sq_comm_usable(c));
  for (int i = 0; i < p->block_count; i++)
    if (p->blocks[i].edges) SQ_TRY(gather_block(c, &p->blocks[i]));
  return SEQGPU_OK;
}

/* ---------------------------------------------------------------- moments to one */

/* Elements first .. end - 1 of a moment, which process `owner` has, to root, where the moment is whole. */
static seqgpu_status bring(seqgpu_comm *c, const void *moment, int64_t start, int64_t first, int64_t end,
                           int owner, int root) {
  seqgpu_context *ctx = c->ctx;
  const int64_t size = (int64_t)ctx->element_size, most = SQ_COMM_BLOCK / size;
  char *host, *mine = (char *)(uintptr_t)moment;
  SQ_TRY(sq_comm_stage(c, &host));
  for (int64_t at = first; at < end; at += most) {
    const int64_t bytes = (end - at < most ? end - at : most) * size;
    char *there = mine + (at - start) * size;
    if (c->rank == owner) SQ_TRY(seqgpu_copy_out(ctx, host, there, (size_t)bytes));
    SQ_TRY(seqgpu_comm_broadcast(c, host, (size_t)bytes, owner));
    if (c->rank != root) continue;
    SQ_TRY(seqgpu_copy_in(ctx, there, host, (size_t)bytes));
    SQ_TRY(seqgpu_synchronize(ctx));
  }
  return SEQGPU_OK;
}

static seqgpu_status collect_moment(seqgpu_comm *c, const seqgpu_params *p, const sq_param_block *b,
                                    const void *moment, int root) {
  for (int r = 0; r < c->size; r++)
    if (r != root) SQ_TRY(bring(c, moment, sq_share_first(p, b), b->edges[r], b->edges[r + 1], r, root));
  return SEQGPU_OK;
}

/* Fails in all processes if it has failed in one. */
static seqgpu_status agree(seqgpu_comm *c, seqgpu_status status) {
  double failed = status != SEQGPU_OK;
  SQ_TRY(seqgpu_comm_sum(c, &failed, 1));
  if (status != SEQGPU_OK || failed == 0) return status;
  return sq_fail(c->ctx, SEQGPU_ENOMEM, "comm_collect_moments: another process has no memory for them");
}

/* ---------------------------------------------------------------- the calls */

static seqgpu_status check(seqgpu_comm *c, const seqgpu_params *p, const char *call) {
  SQ_TRY(sq_comm_usable(c));
  if (p != NULL && p->ctx == c->ctx) return SEQGPU_OK;
  return sq_fail(c->ctx, SEQGPU_EINVAL, "%s: params is %s", call,
                 p ? "of another context than comm" : "NULL");
}

seqgpu_status seqgpu_comm_share_moments(seqgpu_comm *c, seqgpu_params *p) {
  SQ_TRY(check(c, p, "comm_share_moments"));
  return c->size > 1 ? sq_share_moments(p, c->rank, c->size, gather, c) : SEQGPU_OK;
}

seqgpu_status seqgpu_comm_collect_moments(seqgpu_comm *c, seqgpu_params *p, int root) {
  SQ_TRY(check(c, p, "comm_collect_moments"));
  SQ_TRY(sq_check_range(c->ctx, "comm_collect_moments: root", root, 0, c->size - 1));
  if (p->share.size == 0) return SEQGPU_OK;
  seqgpu_status status = sq_share_cut(p); /* none is out of date where an earlier call has left them whole */
  if (status == SEQGPU_OK && c->rank == root) status = sq_share_make_whole(p);
  SQ_TRY(agree(c, status));
  for (int i = 0; i < p->block_count; i++) {
    const sq_param_block *b = &p->blocks[i];
    if (b->edges && p->has_first) SQ_TRY(collect_moment(c, p, b, b->first, root));
    if (b->edges && p->has_second) SQ_TRY(collect_moment(c, p, b, b->second, root));
  }
  return SEQGPU_OK;
}
