/* average.c - averages of the values over updates, and their use in the place of the values
 * (seqgpu/params.h).
 *
 *   average_k = average_{k-1} + (value - average_{k-1}) / k
 *
 * Polyak & Juditsky, "Acceleration of stochastic approximation by averaging", 1992; as ASGD, from a
 * trigger on, in Merity, Keskar, Socher, "Regularizing and optimizing LSTM language models", 2018.
 * A block is averaged as a whole: what never changes in it, fixed and frozen tensors, is its own average.
 */
#include "host/params/split.h"
#include "host/params/store.h"

seqgpu_status seqgpu_params_average(seqgpu_params *p) {
  if (p == NULL) return SEQGPU_EINVAL;
  SQ_TRY(sq_params_check_values(p, "params_average"));
  int trained = 0;
  for (int i = 0; i < p->block_count; i++) trained |= p->blocks[i].grad != NULL;
  if (!trained)
    return sq_fail(p->ctx, SEQGPU_EINVAL, "params_average: there is no trained tensor to average");
  SQ_TRY(sq_params_need_average(p));
  for (int i = 0; i < p->block_count; i++) {
    const sq_param_block *block = &p->blocks[i];
    if (block->grad == NULL) continue;
    if (p->averaged == 0) {
      SQ_TRY(
          seqgpu_copy(p->ctx, block->average, block->value, (size_t)block->elements * p->ctx->element_size));
      continue;
    }
    const sq_map_args m = {.kind = SQ_MAP_TOWARDS,
                           .count = block->elements,
                           .alpha = 1 / (double)(p->averaged + 1),
                           .a = block->value,
                           .b = block->average,
                           .y = block->average};
    SQ_TRY(SQ_RUN(p->ctx, map, &m));
  }
  p->averaged++;
  return SEQGPU_OK;
}

seqgpu_status seqgpu_params_use_average(seqgpu_params *p, int use) {
  if (p == NULL) return SEQGPU_EINVAL;
  if (p->averaged == 0 || p->in_use == (use != 0)) return SEQGPU_OK;
  SQ_TRY(sq_params_need_average(p)); /* of blocks that were added since */
  for (int i = 0; i < p->block_count; i++) {
    const sq_param_block *block = &p->blocks[i];
    const size_t bytes = (size_t)block->elements * p->ctx->element_size;
    if (block->grad == NULL) continue;
    if (use) SQ_TRY(seqgpu_copy(p->ctx, block->raw, block->value, bytes));
    SQ_TRY(seqgpu_copy(p->ctx, block->value, use ? block->average : block->raw, bytes));
  }
  p->in_use = use != 0;
  return use ? sq_split_add_up(p) : SEQGPU_OK;
}

int64_t seqgpu_params_averaged(const seqgpu_params *p) { return p ? p->averaged : 0; }
