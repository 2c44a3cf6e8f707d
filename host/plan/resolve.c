/* resolve.c - from a descriptor to a plan without an algorithm: the cell, the layouts of the layers, and
 * their widths. */
#include "host/plan/resolve.h"

#include "core/cells.h"
#include "host/plan/check.h"

static seqgpu_status resolve_layouts(seqgpu_context *ctx, seqgpu_plan *plan, const sq_cell *cell) {
  const seqgpu_rnn_desc *d = &plan->desc;
  sq_config config = sq_plan_config(d);
  const char *why = sq_layout_resolve(cell, &config, &plan->first);
  if (why) return sq_fail(ctx, SEQGPU_EINVAL, "desc: %s (cell %s)", why, cell->name);
  plan->output_width = plan->first.output * (d->bidirectional && d->merge == SEQGPU_MERGE_CONCAT ? 2 : 1);
  config.input_size = plan->output_width;
  sq_layout_resolve(cell, &config, &plan->rest);
  plan->param_elements =
      plan->directions * (plan->first.param_elements + (plan->layers - 1) * plan->rest.param_elements);
  return SEQGPU_OK;
}

seqgpu_status sq_plan_resolve(seqgpu_context *ctx, const seqgpu_rnn_desc *desc, seqgpu_plan *plan) {
  const sq_cell *cell = sq_cell_find(desc->cell);
  if (cell == NULL)
    return sq_fail(ctx, SEQGPU_EINVAL, "desc: cell is \"%.60s\"; this build has no such cell",
                   desc->cell ? desc->cell : "(NULL)");
  SQ_TRY(sq_plan_check(ctx, desc));
  *plan = (seqgpu_plan){.allocator = ctx->allocator, .desc = *desc};
  plan->layers = desc->num_layers ? desc->num_layers : 1;
  plan->directions = desc->bidirectional ? 2 : 1;
  plan->device = ctx->backend->device->name;
  plan->dtype = ctx->dtype;
  plan->desc.cell = cell->name; /* the caller's string may go away */
  plan->desc.num_layers = plan->layers;
  return resolve_layouts(ctx, plan, cell);
}
