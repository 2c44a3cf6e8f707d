/* plan.c - from a descriptor to a plan, and the questions a plan answers.
 *
 * Its parts are in plan_check.c (is the descriptor valid), planner.c (which implementation), plan_measure.c (how fast is
 * it), plan_cache.c (what was measured before) and plan_map.c (where everything lies). */
#include "host/plan/plan.h"

#include <stdio.h>
#include <string.h>

/* What a layer's cell may look at: sizes and options, which have the same names on both sides. */
sq_config sq_plan_config(const seqgpu_rnn_desc *d) {
  return (sq_config){
      .input_size = d->input_size,
      .hidden_size = d->hidden_size,
#define OPTION(BIT, field, kind, ...) .field = (sq_option_##kind)d->field,
#include "core/options.def"
#undef OPTION
  };
}

static seqgpu_status resolve_layouts(seqgpu_context *ctx, seqgpu_plan *plan, const sq_cell *cell) {
  const seqgpu_rnn_desc *d = &plan->desc;
  sq_config config = sq_plan_config(d);
  const char *why = sq_layout_resolve(cell, &config, &plan->first);
  if (why) return sq_fail(ctx, SEQGPU_EINVAL, "%s (cell %s)", why, cell->name);
  plan->out = plan->first.output * (d->bidirectional && d->merge == SEQGPU_MERGE_CONCAT ? 2 : 1);
  config.input_size = plan->out;
  sq_layout_resolve(cell, &config, &plan->rest);
  plan->count = plan->directions * (plan->first.param_count + (plan->layers - 1) * plan->rest.param_count);
  return SEQGPU_OK;
}

seqgpu_status sq_plan_resolve(seqgpu_context *ctx, const seqgpu_rnn_desc *desc, seqgpu_plan *plan) {
  const sq_cell *cell = sq_cell_find(desc->cell);
  if (cell == NULL)
    return sq_fail(ctx, SEQGPU_EINVAL, "cell: \"%.60s\" is not a cell of this build",
                   desc->cell ? desc->cell : "(NULL)");
  SQ_TRY(sq_plan_check(ctx, desc));
  *plan = (seqgpu_plan){.allocator = ctx->allocator, .desc = *desc};
  plan->layers = desc->num_layers ? desc->num_layers : 1;
  plan->directions = desc->bidirectional ? 2 : 1;
  plan->device = ctx->backend->device->name;
  plan->dtype = ctx->dtype;
  plan->desc.cell = cell->name; /* the caller's strings may go away */
  plan->desc.plan = plan->desc.cache = NULL;
  plan->desc.num_layers = plan->layers;
  return resolve_layouts(ctx, plan, cell);
}

seqgpu_status seqgpu_plan_create(seqgpu_context *ctx, const seqgpu_rnn_desc *desc, seqgpu_plan **out) {
  if (out) *out = NULL;
  SQ_TRY(sq_usable(ctx));
  if (out == NULL) return sq_fail(ctx, SEQGPU_EINVAL, "out: is NULL");
  if (desc == NULL) return sq_fail(ctx, SEQGPU_EINVAL, "desc: is NULL");
  seqgpu_plan resolved;
  SQ_TRY(sq_plan_resolve(ctx, desc, &resolved));
  SQ_TRY(sq_plan_choose(ctx, &resolved, desc->plan, desc->cache));
  resolved.desc.plan = resolved.algorithm->plan;
  seqgpu_plan *plan = sq_host_alloc(ctx, sizeof *plan);
  if (plan == NULL) return sq_fail(ctx, SEQGPU_ENOMEM, "plan: out of memory");
  *plan = resolved;
  *out = plan;
  return SEQGPU_OK;
}

void seqgpu_plan_destroy(seqgpu_plan *plan) {
  if (plan == NULL) return;
  const seqgpu_allocator allocator = plan->allocator;
  allocator.release(plan, allocator.user);
}

/* ---------------------------------------------------------------- questions */

const char *seqgpu_plan_name(const seqgpu_plan *plan) { return plan ? plan->algorithm->name : "none"; }
const seqgpu_rnn_desc *seqgpu_plan_desc(const seqgpu_plan *plan) { return plan ? &plan->desc : NULL; }
int64_t seqgpu_plan_output_size(const seqgpu_plan *plan) { return plan ? plan->out : 0; }
int64_t seqgpu_plan_param_count(const seqgpu_plan *plan) { return plan ? plan->count : 0; }
int seqgpu_plan_num_states(const seqgpu_plan *plan) { return plan ? plan->first.states : 0; }

int64_t seqgpu_plan_state_size(const seqgpu_plan *plan, int state) {
  return plan && state >= 0 && state < plan->first.states ? plan->first.state_width[state] : 0;
}

size_t seqgpu_plan_workspace_size(const seqgpu_plan *plan) {
  if (plan == NULL) return 0;
  const seqgpu_rnn_desc *d = &plan->desc;
  const int64_t training = sq_plan_map(plan, d->seq_len, d->batch, 1, 1).workspace_size;
  const int64_t inference = sq_plan_map(plan, d->seq_len, d->batch, 1, 0).workspace_size;
  const int64_t size = d->inference ? inference : training > inference ? training : inference;
  return (size_t)size * seqgpu_dtype_size(plan->dtype);
}

size_t seqgpu_plan_reserve_size(const seqgpu_plan *plan) {
  if (plan == NULL || plan->desc.inference) return 0;
  const seqgpu_rnn_desc *d = &plan->desc;
  return (size_t)sq_plan_map(plan, d->seq_len, d->batch, 1, 1).reserve_size * seqgpu_dtype_size(plan->dtype);
}

const char *seqgpu_plan_part(const seqgpu_plan *plan, int index, int64_t *width) {
  if (plan == NULL || index < 0 || index >= plan->first.parts) return NULL;
  if (width) *width = plan->first.part[index].width;
  return plan->first.part[index].name;
}

/* Each layer's mask starts at a block of its own: four numbers a block. */
uint64_t seqgpu_plan_random_blocks(const seqgpu_plan *plan) {
  if (plan == NULL || plan->desc.dropout <= 0) return 0;
  const int64_t numbers = plan->desc.seq_len * plan->desc.batch * plan->out;
  return (uint64_t)((plan->layers - 1) * ((numbers + 3) / 4));
}

int seqgpu_plan_num_params(const seqgpu_plan *plan) {
  return plan ? (int)(plan->layers * plan->directions) * plan->first.params : 0;
}

const sq_param *sq_plan_param(const seqgpu_plan *plan, int index) {
  const int per_direction = plan->first.params, layer = index / per_direction / (int)plan->directions;
  return &sq_plan_layout(plan, layer)->param[index % per_direction];
}

seqgpu_status seqgpu_plan_param(const seqgpu_plan *plan, int index, seqgpu_param_info *out) {
  if (plan == NULL || out == NULL || index < 0 || index >= seqgpu_plan_num_params(plan)) return SEQGPU_EINVAL;
  const int per_direction = plan->first.params, block = index / per_direction;
  const int layer = block / (int)plan->directions, direction = block % (int)plan->directions;
  const sq_param *p = sq_plan_param(plan, index);
  *out = (seqgpu_param_info){
      .rows = p->rows, .cols = p->cols, .layer = layer, .direction = direction, .fixed = p->fixed};
  out->offset = sq_plan_param_offset(plan, layer, direction) + p->offset;
  snprintf(out->name, sizeof out->name, "%s_l%d%s", p->name, layer, direction ? "_reverse" : "");
  return SEQGPU_OK;
}
