/* map.c - where everything lies that a run keeps or borrows (map.h).
 *
 * The sizes that only the algorithm knows are asked once, for the largest run of the plan; a smaller run uses
 * the beginning of the same room.
 */
#include "host/plan/map.h"

#include "host/plan/layers.h"
#include "host/plan/mark.h"
#include "host/plan/packed.h"

/* Takes `count` elements from a running total, or nothing and -1. */
static int64_t take(int64_t *total, int needed, int64_t count) {
  if (!needed) return -1;
  const int64_t at = *total;
  *total += sq_align_elements(count);
  return at;
}

/* Elements that one direction of a layer keeps: the cell's own layout, or what the algorithm asked for. */
static int64_t reserve_size(const seqgpu_plan *plan, int64_t layer, int64_t T, int64_t B) {
  if (plan->algorithm->reserve) return plan->private_reserve[layer > 0];
  return sq_reserve_layout(sq_plan_layout(plan, layer), T, B).size;
}

/* Notes what the algorithm needs for the largest run of a layer. */
static seqgpu_status ask_layer(seqgpu_context *ctx, seqgpu_plan *plan, int64_t layer, int training) {
  sq_problem problem = sq_plan_problem(plan, layer, training);
  if (plan->chunk && !training) problem.seq_len = plan->chunk; /* what a layer does at a time */
  int64_t borrowed = plan->algorithm->workspace(&ctx->exec, &problem);
  if (borrowed >= 0 && training && plan->algorithm->pass_workspace) {
    const int64_t passes = plan->algorithm->pass_workspace(&ctx->exec, &problem);
    if (passes > borrowed) borrowed = passes;
  }
  const int64_t kept =
      training && plan->algorithm->reserve ? plan->algorithm->reserve(&ctx->exec, &problem) : 0;
  if (borrowed < 0 || kept < 0)
    return sq_fail(ctx, SEQGPU_EDEVICE, "plan: algorithm %s could not say how much memory it needs",
                   plan->algorithm->name);
  const int64_t size = sq_align_elements(borrowed);
  if (size > plan->scratch_size[training]) plan->scratch_size[training] = size;
  if (training) plan->private_reserve[layer > 0] = sq_align_elements(kept);
  return SEQGPU_OK;
}

seqgpu_status sq_plan_ask_memory(seqgpu_context *ctx, seqgpu_plan *plan) {
  plan->scratch_size[0] = plan->scratch_size[1] = 0;
  plan->mark = ctx->backend == &sq_backend_cpu ? sq_plan_mark(plan) : 0;
  if (plan->algorithm->packed) sq_plan_ask_packed(plan);
  const int kinds = plan->desc.inference ? 1 : 2; /* of calls: inference, training */
  for (int training = 0; training < kinds; training++) {
    SQ_TRY(ask_layer(ctx, plan, 0, training));
    if (plan->layers > 1) SQ_TRY(ask_layer(ctx, plan, 1, training));
  }
  for (int ragged = 0; ragged < 2; ragged++)
    plan->largest[ragged] = sq_plan_map(plan, plan->desc.seq_len, plan->desc.batch, ragged, 0);
  return SEQGPU_OK;
}

int64_t sq_omega_elements(const seqgpu_plan *plan, int64_t T, int64_t B) {
  const sq_layout *l = &plan->first;
  const int64_t rows = T * B;
  const int64_t other =
      sq_plan_omega_by_itself(plan) ? sq_align_elements(rows * l->config.hidden_size) : sq_gates_size(l, B);
  return sq_align_elements(rows * sq_signals_width(l)) + other + 3 * sq_align_elements(rows) + 2;
}

sq_network_map sq_plan_map(const seqgpu_plan *plan, int64_t T, int64_t B, int ragged, int training) {
  const seqgpu_rnn_desc *d = &plan->desc;
  const int64_t rows = T * B, N = plan->directions, L = plan->layers;
  sq_network_map m = {.layer_out_size = sq_align_elements(rows * plan->output_width)};
  int64_t kept = 0, borrowed = 0;
  int64_t *keep = training ? &kept : &borrowed;       /* inference keeps nothing: all of it is workspace */
  m.stamp = take(&kept, training, SQ_STAMP_ELEMENTS); /* on every device: a reserve has one layout */
  m.clean_x = take(keep, ragged || d->batch_first, rows * d->input_size);
  /* in inference two outputs are enough, used in turn */
  m.layer_out = take(keep, L > 1, (training ? L - 1 : L > 2 ? 2 : 1) * m.layer_out_size);
  m.first_reserve = training ? reserve_size(plan, 0, T, B) : 0;
  m.rest_reserve = training ? reserve_size(plan, 1, T, B) : 0;
  m.reserves = take(&kept, training, N * (m.first_reserve + (L - 1) * m.rest_reserve));
  m.reserve_size = kept;
  m.scratch_size = plan->scratch_size[training];
  m.scratch = take(&borrowed, 1, (plan->chunk ? L : N) * m.scratch_size);
  m.half = take(&borrowed, N == 2 && d->merge == SEQGPU_MERGE_SUM, rows * plan->first.output);
  m.y = take(&borrowed, d->batch_first, rows * plan->output_width);
  m.dx = take(&borrowed, training && d->batch_first, rows * d->input_size);
  m.grad[0] = take(&borrowed, training && L > 1, rows * plan->output_width);
  m.grad[1] = take(&borrowed, training && L > 2, rows * plan->output_width);
  m.carry_size =
      sq_align_elements(B * (plan->first.output > d->hidden_size ? plan->first.output : d->hidden_size));
  m.carry = take(&borrowed, plan->chunk > 0, L * SQ_MAX_STATES * m.carry_size);
  m.omega = take(&borrowed, training && sq_plan_has_omega(plan), sq_omega_elements(plan, T, B));
  m.workspace_size = borrowed;
  return m;
}
