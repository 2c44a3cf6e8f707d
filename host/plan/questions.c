/* questions.c - what anyone may ask about cells and plans (seqgpu/rnn.h). */
#include <stdio.h>

#include "core/cells.h"
#include "host/context/structs.h"
#include "host/plan/layers.h"
#include "host/plan/map.h"
#include "host/plan/packed.h"

int seqgpu_cell_count(void) { return sq_cell_count; }

seqgpu_status seqgpu_cell_get_(int index, seqgpu_cell_info *out, size_t out_size) {
  if (out == NULL || index < 0 || index >= sq_cell_count) return SEQGPU_EINVAL;
  const seqgpu_cell_info info = {.name = sq_cells[index].name, .about = sq_cells[index].about};
  sq_struct_out(out, out_size, &info, sizeof info);
  return SEQGPU_OK;
}

void seqgpu_plan_destroy(seqgpu_plan *plan) {
  if (plan == NULL) return;
  const seqgpu_allocator allocator = plan->allocator;
  allocator.release(plan, allocator.user);
}

const char *seqgpu_plan_algorithm(const seqgpu_plan *plan) { return plan ? plan->algorithm->name : "none"; }

void seqgpu_plan_get_desc_(const seqgpu_plan *plan, seqgpu_rnn_desc *out, size_t out_size) {
  const seqgpu_rnn_desc none = {.cell = NULL};
  if (out) sq_struct_out(out, out_size, plan ? &plan->desc : &none, sizeof none);
}

/* ---------------------------------------------------------------- sizes */

/* Elements of the workspace that serves any run of the plan: a training plan may also run in inference. */
static int64_t workspace_elements(const seqgpu_plan *plan) {
  const seqgpu_rnn_desc *d = &plan->desc;
  const int64_t inference = sq_plan_map(plan, d->seq_len, d->batch, 1, 0).workspace_size;
  if (d->inference) return inference;
  const int64_t training = sq_plan_map(plan, d->seq_len, d->batch, 1, 1).workspace_size;
  return training > inference ? training : inference;
}

static int64_t reserve_elements(const seqgpu_plan *plan) {
  const seqgpu_rnn_desc *d = &plan->desc;
  return d->inference ? 0 : sq_plan_map(plan, d->seq_len, d->batch, 1, 1).reserve_size;
}

static uint64_t random_blocks(const seqgpu_plan *plan) {
  return (uint64_t)((plan->layers - 1) * sq_plan_dropout_blocks(plan) +
                    plan->layers * plan->directions * sq_plan_recurrent_blocks(plan));
}

static seqgpu_plan_sizes sizes_of(const seqgpu_plan *plan) {
  const seqgpu_rnn_desc *d = &plan->desc;
  const size_t element = seqgpu_dtype_size(plan->dtype), rows = (size_t)(d->seq_len * d->batch);
  seqgpu_plan_sizes s = {.params = (size_t)plan->param_elements * element,
                         .x = rows * (size_t)d->input_size * element,
                         .y = rows * (size_t)plan->output_width * element,
                         .workspace = (size_t)workspace_elements(plan) * element,
                         .reserve = (size_t)reserve_elements(plan) * element,
                         .param_elements = plan->param_elements,
                         .output_width = plan->output_width,
                         .state_count = plan->first.states,
                         .random_blocks = random_blocks(plan),
                         .packed = (size_t)sq_plan_packed_size(plan)};
  if (sq_plan_has_omega(plan)) s.omega = (size_t)(plan->layers * plan->directions * 2) * element;
  for (int k = 0; k < s.state_count; k++) {
    s.state_width[k] = plan->first.state_width[k];
    s.state[k] = (size_t)(plan->layers * plan->directions * d->batch * s.state_width[k]) * element;
  }
  return s;
}

void seqgpu_plan_get_sizes_(const seqgpu_plan *plan, seqgpu_plan_sizes *out, size_t out_size) {
  if (out == NULL) return;
  const seqgpu_plan_sizes sizes = plan ? sizes_of(plan) : (seqgpu_plan_sizes){.params = 0};
  sq_struct_out(out, out_size, &sizes, sizeof sizes);
}

/* ---------------------------------------------------------------- parameters */

static seqgpu_status check_index(seqgpu_context *ctx, const seqgpu_plan *plan, int index, int count,
                                 const void *out) {
  if (plan == NULL) return sq_fail(ctx, SEQGPU_EINVAL, "plan is NULL");
  if (out == NULL) return sq_fail(ctx, SEQGPU_EINVAL, "out is NULL");
  return sq_check_range(ctx, "index", index, 0, count - 1);
}

int seqgpu_plan_param_count(const seqgpu_plan *plan) { return plan ? sq_plan_param_count(plan) : 0; }

seqgpu_status seqgpu_plan_param_get_(seqgpu_context *ctx, const seqgpu_plan *plan, int index,
                                     seqgpu_param_info *out, size_t out_size) {
  SQ_TRY(check_index(ctx, plan, index, seqgpu_plan_param_count(plan), out));
  const seqgpu_param_info info = sq_plan_param_info(plan, index);
  sq_struct_out(out, out_size, &info, sizeof info);
  return SEQGPU_OK;
}

/* ---------------------------------------------------------------- the cut */

/* The layers of a wavefront run side by side, as directions do (host/run/wavefront.c). */
static sq_problem problem_cut(const seqgpu_plan *plan) {
  sq_problem problem = sq_plan_problem(plan, 0, !plan->desc.inference);
  if (plan->chunk > 0) problem.directions = (int)plan->layers;
  return problem;
}

seqgpu_status seqgpu_plan_cut_get_(seqgpu_context *ctx, const seqgpu_plan *plan, int backward,
                                   seqgpu_cut_info *out, size_t out_size) {
  SQ_TRY(sq_usable(ctx));
  if (plan == NULL) return sq_fail(ctx, SEQGPU_EINVAL, "plan is NULL");
  if (out == NULL) return sq_fail(ctx, SEQGPU_EINVAL, "out is NULL");
  SQ_TRY(sq_check_range(ctx, "backward", backward, 0, 1));
  const sq_problem problem = problem_cut(plan);
  sq_cut_numbers n;
  if (plan->algorithm->cut == NULL || (backward && plan->desc.inference) ||
      plan->algorithm->cut(&ctx->exec, &problem, backward, &n) != 0)
    return sq_fail(ctx, SEQGPU_EUNSUPPORTED, "plan: its algorithm %s does not cut the %s pass",
                   plan->algorithm->name, backward ? "backward" : "forward");
  const seqgpu_cut_info info = {.ctas = n.ctas,
                                .cluster = n.cluster,
                                .slices = n.slices,
                                .launches = n.launches,
                                .units = n.units,
                                .columns = n.columns,
                                .width = n.width,
                                .parts = {n.parts[0], n.parts[1]},
                                .threads = n.threads,
                                .shared_size = n.shared_size,
                                .resident = n.resident,
                                .step_us = n.step_us,
                                .blocks = {n.blocks[0], n.blocks[1]},
                                .product_us = n.product_us,
                                .pointwise_us = n.pointwise_us,
                                .exchange_us = n.exchange_us};
  sq_struct_out(out, out_size, &info, sizeof info);
  return SEQGPU_OK;
}

/* ---------------------------------------------------------------- parts of a cell */

int seqgpu_plan_part_count(const seqgpu_plan *plan) { return plan ? plan->first.parts : 0; }

seqgpu_status seqgpu_plan_part_get_(seqgpu_context *ctx, const seqgpu_plan *plan, int index,
                                    seqgpu_part_info *out, size_t out_size) {
  SQ_TRY(check_index(ctx, plan, index, seqgpu_plan_part_count(plan), out));
  const sq_part *part = &plan->first.part[index];
  seqgpu_part_info info = {.width = part->width};
  snprintf(info.name, sizeof info.name, "%s", part->name);
  sq_struct_out(out, out_size, &info, sizeof info);
  return SEQGPU_OK;
}
