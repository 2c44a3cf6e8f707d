/* sums.c - the sums of shards on their stack (shards.c), whole or piece by piece. */
#include "host/comm/shards.h"

int64_t sq_shards_elements(const seqgpu_params *p) {
  int64_t elements = 0;
  for (int i = 0; i < p->block_count; i++) elements += p->blocks[i].grad ? p->blocks[i].elements : 0;
  return elements;
}

seqgpu_status sq_shards_check(const seqgpu_shards *s) {
  if (s == NULL) return SEQGPU_EINVAL;
  SQ_TRY(sq_usable(s->params->ctx));
  if (sq_shards_elements(s->params) == s->elements) return SEQGPU_OK;
  return sq_fail(s->params->ctx, SEQGPU_EINVAL,
                 "shards: trained tensors were added to params since they were made");
}

seqgpu_status sq_shards_push(seqgpu_shards *s, double weight, double loss) {
  seqgpu_context *ctx = s->params->ctx;
  sq_partial *top = &s->stack[s->used];
  if (top->grad == NULL) SQ_TRY(seqgpu_malloc(ctx, (size_t)s->elements * ctx->element_size, &top->grad));
  top->weight = weight;
  top->loss = weight == 0 ? 0 : weight * loss;
  s->used++;
  return SEQGPU_OK;
}

/* y = alpha x; 0 for alpha 0, whatever x is. */
static seqgpu_status scale(seqgpu_context *ctx, double alpha, const void *x, int64_t count, void *y) {
  const sq_map_args a = {.kind = SQ_MAP_SCALE, .count = count, .alpha = alpha, .a = x, .y = y};
  if (alpha == 0) return seqgpu_zero(ctx, y, (size_t)count * ctx->element_size);
  return SQ_RUN(ctx, map, &a);
}

static void *element(const seqgpu_shards *s, void *base, int64_t index) {
  return (char *)base + (size_t)index * s->params->ctx->element_size;
}

seqgpu_status sq_shards_move(const seqgpu_shards *s, double alpha, void *sum, int64_t first, int64_t end,
                             int into_sum) {
  const seqgpu_params *p = s->params;
  int64_t at = 0; /* of the block's first element */
  for (int i = 0; i < p->block_count; i++) {
    const sq_param_block *b = &p->blocks[i];
    if (b->grad == NULL) continue;
    const int64_t from = first > at ? first : at, to = end < at + b->elements ? end : at + b->elements;
    void *grad = element(s, b->grad, from - at), *there = element(s, sum, from);
    if (from < to) SQ_TRY(scale(p->ctx, alpha, into_sum ? grad : there, to - from, into_sum ? there : grad));
    at += b->elements;
  }
  return SEQGPU_OK;
}

seqgpu_status sq_shards_join(const seqgpu_shards *s, int level, int64_t first, int64_t end) {
  void *to = element(s, s->stack[level - 1].grad, first);
  const sq_map_args a = {.kind = SQ_MAP_ADD,
                         .count = end - first,
                         .alpha = 1,
                         .a = to,
                         .b = element(s, s->stack[level].grad, first),
                         .y = to};
  return SQ_RUN(s->params->ctx, map, &a);
}

seqgpu_status sq_shards_fold(const seqgpu_shards *s, int64_t first, int64_t end) {
  for (int level = s->used - 1; level > 0; level--) SQ_TRY(sq_shards_join(s, level, first, end));
  return SEQGPU_OK;
}
