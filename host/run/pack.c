/* pack.c - weights packed once for many runs (seqgpu_rnn_pack), for algorithms that read them so. */
#include <string.h>

#include "host/plan/layers.h"
#include "host/plan/packed.h"
#include "host/run/network.h"

static void pack_layer(const seqgpu_plan *plan, const seqgpu_rnn_run *run, int64_t layer, int64_t direction) {
  const int64_t offset = sq_plan_param_offset(plan, layer, direction);
  const char *params = (const char *)run->params + (size_t)offset * seqgpu_dtype_size(plan->dtype);
  char *packed = (char *)run->packed + sq_plan_packed_offset(plan, layer, direction);
  plan->algorithm->pack(sq_plan_layout(plan, layer), params, packed);
}

seqgpu_status seqgpu_rnn_pack_(seqgpu_context *ctx, const seqgpu_plan *plan, const seqgpu_rnn_run *theirs,
                               size_t run_size) {
  seqgpu_rnn_run completed;
  const seqgpu_rnn_run *run;
  SQ_TRY(sq_net_take_run(ctx, plan, theirs, run_size, &completed, &run));
  SQ_TRY(sq_run_need(ctx, "params", run->params));
  if (plan->packed_size[0] == 0) return sq_run_without_packed(ctx, plan, run);
  SQ_TRY(sq_run_need_packed(ctx, run));
  for (int64_t layer = 0; layer < plan->layers; layer++)
    for (int64_t direction = 0; direction < plan->directions; direction++)
      pack_layer(plan, run, layer, direction);
  memcpy(run->packed, &plan->packed_mark, sizeof plan->packed_mark); /* last: now they are whole */
  return SEQGPU_OK;
}
