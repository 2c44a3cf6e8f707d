/* everything.c - the params of one process to all: whatever training goes on with (seqgpu/comm.h). */
#include "host/comm/comm.h"
#include "host/params/share.h"
#include "host/params/store.h"

/* What stands beside the blocks; `mark` says which tensors there are. */
typedef struct head {
  int64_t updates, draws, averaged, first, second;
  uint64_t seed, mark;
} head;

/* FNV-1a (Fowler, Noll, Vo): the same in every process that has the same tensors. */
static uint64_t add_byte(uint64_t mark, uint64_t byte) { return (mark ^ byte) * 0x100000001b3u; }

static uint64_t add_name(uint64_t mark, const char *name) {
  do mark = add_byte(mark, (unsigned char)*name);
  while (*name++ != '\0');
  return mark;
}

static uint64_t add_number(uint64_t mark, int64_t number) {
  for (int bit = 0; bit < 64; bit += 8) mark = add_byte(mark, (uint64_t)number >> bit & 255);
  return mark;
}

static uint64_t mark_of(const seqgpu_params *p) {
  uint64_t mark = 0xcbf29ce484222325u;
  for (int i = 0; i < p->tensor_count; i++) {
    const sq_tensor *t = p->tensors[i];
    mark = add_name(mark, t->name);
    mark = add_number(add_number(mark, t->rows), t->cols);
    mark = add_number(add_number(mark, t->block), t->offset);
  }
  for (int i = 0; i < p->block_count; i++) {
    mark = add_number(mark, p->blocks[i].elements);
    mark = add_number(mark, p->blocks[i].grad != NULL);
  }
  return mark;
}

static head head_of(const seqgpu_params *p) {
  return (head){.updates = p->updates,
                .draws = p->draws,
                .averaged = p->averaged,
                .first = p->has_first,
                .second = p->has_second,
                .seed = p->seed,
                .mark = mark_of(p)};
}

/* EINVAL in all processes if the tensors of one are not root's. */
static seqgpu_status agree(seqgpu_comm *c, const seqgpu_params *p, int root, head *all) {
  *all = head_of(p);
  const uint64_t mark = all->mark;
  SQ_TRY(seqgpu_comm_broadcast(c, all, sizeof *all, root));
  double refused = p->in_use || all->mark != mark;
  SQ_TRY(seqgpu_comm_sum(c, &refused, 1));
  if (refused == 0) return SEQGPU_OK;
  return sq_fail(
      c->ctx, SEQGPU_EINVAL,
      "comm_broadcast_params: in %.0f of %d processes the params have other tensors than in process %d, "
      "or averages stand in the place of values",
      refused, c->size, root);
}

/* Takes over what stands beside the blocks, and makes room for what root has. */
static seqgpu_status take_head(seqgpu_params *p, const head *all) {
  p->averaged = all->averaged;
  if (all->first || all->second) SQ_TRY(sq_params_need_moments(p, all->first != 0, all->second != 0));
  if (all->averaged > 0) SQ_TRY(sq_params_need_average(p));
  p->updates = all->updates;
  p->draws = all->draws;
  p->seed = all->seed;
  return SEQGPU_OK;
}

static seqgpu_status give(seqgpu_comm *c, void *device, int64_t count, int root) {
  seqgpu_context *ctx = c->ctx;
  const size_t size = (size_t)count * ctx->element_size;
  if (device == NULL) return SEQGPU_OK;
  if (c->device != NULL) return sq_comm_broadcast_device(c, device, size, root);
  if (ctx->backend == &sq_backend_cpu) return seqgpu_comm_broadcast(c, device, size, root);
  void *host = sq_host_alloc(ctx, size);
  if (host == NULL)
    return sq_fail(ctx, SEQGPU_ENOMEM, "comm_broadcast_params: out of memory for %zu bytes", size);
  seqgpu_status status = seqgpu_copy_out(ctx, host, device, size);
  if (status == SEQGPU_OK) status = seqgpu_comm_broadcast(c, host, size, root);
  if (status == SEQGPU_OK) status = seqgpu_copy_in(ctx, device, host, size);
  if (status == SEQGPU_OK) status = seqgpu_synchronize(ctx);
  if (!c->held) sq_host_free(ctx, host);
  return status;
}

seqgpu_status seqgpu_comm_broadcast_params(seqgpu_comm *c, seqgpu_params *p, int root) {
  head all;
  SQ_TRY(sq_comm_usable(c));
  SQ_TRY(sq_check_range(c->ctx, "comm_broadcast_params: root", root, 0, c->size - 1));
  if (p == NULL || p->ctx != c->ctx)
    return sq_fail(c->ctx, SEQGPU_EINVAL, "comm_broadcast_params: params is %s",
                   p ? "of another context than comm" : "NULL");
  SQ_TRY(sq_share_check_whole(p, "comm_broadcast_params"));
  SQ_TRY(agree(c, p, root, &all));
  SQ_TRY(take_head(p, &all));
  for (int i = 0; i < p->block_count; i++) {
    const sq_param_block *b = &p->blocks[i];
    SQ_TRY(give(c, b->value, b->elements, root));
    if (all.first) SQ_TRY(give(c, b->first, b->elements, root));
    if (all.second) SQ_TRY(give(c, b->second, b->elements, root));
    if (all.averaged > 0) SQ_TRY(give(c, b->average, b->elements, root));
  }
  return give(c, p->clip_state, SQ_CLIP_STATE, root);
}
