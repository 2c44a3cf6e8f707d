/* buffers.c - a run with device memory for every buffer of it, in one block (seqgpu_run_allocate). */
#include "host/context/context.h"
#include "host/context/structs.h"
#include "seqgpu/rnn.h"

/* What every device's allocations are aligned to, and so the parts of the block. */
enum { ALIGNMENT = 256 };

/* Hands out parts of a block; without one it only adds up their sizes. */
typedef struct block {
  char *base;
  size_t used;
} block;

static void *part(block *b, size_t size) {
  void *at = b->base && size > 0 ? b->base + b->used : NULL;
  b->used += (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
  return at;
}

static void lay_out(block *b, const seqgpu_plan_sizes *s, int inference, seqgpu_rnn_run *run) {
  run->params = part(b, s->params);
  run->x = part(b, s->x);
  run->y = part(b, s->y);
  for (int k = 0; k < s->state_count; k++) run->initial[k] = run->final[k] = part(b, s->state[k]);
  run->workspace = part(b, s->workspace ? s->workspace : 1); /* never NULL */
  run->workspace_bytes = s->workspace;
  run->packed = part(b, s->packed);
  if (inference) return;
  run->reserve = part(b, s->reserve);
  run->reserve_bytes = s->reserve;
  run->dy = part(b, s->y);
  run->dx = part(b, s->x);
  run->dparams = part(b, s->params);
}

seqgpu_status seqgpu_run_allocate_(seqgpu_context *ctx, const seqgpu_plan *plan, seqgpu_rnn_run *run,
                                   size_t run_size) {
  if (run) sq_struct_out(run, run_size, &(seqgpu_rnn_run){.seq_len = 0}, sizeof(seqgpu_rnn_run));
  SQ_TRY(sq_usable(ctx));
  if (plan == NULL) return sq_fail(ctx, SEQGPU_EINVAL, "plan is NULL");
  if (run == NULL) return sq_fail(ctx, SEQGPU_EINVAL, "run is NULL");
  const seqgpu_plan_sizes sizes = seqgpu_plan_get_sizes(plan);
  const seqgpu_rnn_desc desc = seqgpu_plan_get_desc(plan);
  seqgpu_rnn_run filled = {.seq_len = desc.seq_len, .batch = desc.batch};
  block b = {.base = NULL};
  lay_out(&b, &sizes, desc.inference, &filled);
  const size_t size = b.used;
  SQ_TRY(seqgpu_malloc(ctx, size, &filled.memory));
  b = (block){.base = filled.memory};
  lay_out(&b, &sizes, desc.inference, &filled);
  const seqgpu_status status = seqgpu_zero(ctx, filled.memory, size);
  if (status == SEQGPU_OK)
    sq_struct_out(run, run_size, &filled, sizeof filled);
  else
    seqgpu_free(ctx, filled.memory);
  return status;
}

void seqgpu_run_release(seqgpu_context *ctx, seqgpu_rnn_run *run) {
  if (run == NULL) return;
  seqgpu_free(ctx, run->memory);
  run->memory = NULL;
}
