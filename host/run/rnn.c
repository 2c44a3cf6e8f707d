/* rnn.c - a network of recurrent layers: depth, directions, dropout between layers, ragged and batch-major
 * input.
 *
 * It knows nothing of cells or devices: each layer and direction is one sq_layer_run given to the plan's
 * algorithm, and everything between them is an operator of the context's table.  Layer after layer here; side
 * by side in wavefront.c.
 *
 *   x -> [relayout] -> layer 0 -> dropout -> layer 1 -> ... -> layer L-1 -> [relayout] -> y
 *
 * Dropout is applied to the outputs of all layers but the last, as PyTorch does (Zaremba et al. 2014:
 * non-recurrent connections only).  The mask is drawn again in backward; nothing is stored for it.
 */
#include "host/plan/layers.h"
#include "host/run/guard.h"
#include "host/run/omega.h"
#include "host/run/wavefront.h"

/* ---------------------------------------------------------------- forward */

static seqgpu_status forward_layer(const sq_net *n, int64_t layer) {
  const seqgpu_plan *plan = n->plan;
  void *out = sq_net_output(n, layer);
  sq_layer_run s[2];
  for (int64_t direction = 0; direction < plan->directions; direction++) {
    const int half = direction == 1 && sq_net_sums(n);
    sq_net_layer_run(n, layer, direction, &s[direction]);
    s[direction].y = half ? sq_net_borrowed(n, n->map->half) : sq_net_at(n, out, sq_net_column(n, direction));
    s[direction].ldy = half ? plan->first.output : plan->output_width;
  }
  SQ_TRY(SQ_RUN_CALL(n->ctx, plan->algorithm->forward(&n->ctx->exec, s, (int)plan->directions),
                     plan->algorithm->name));
  if (sq_net_sums(n)) SQ_TRY(sq_net_add(n, out, s[1].y));
  return layer < plan->layers - 1 ? sq_net_drop(n, layer, out, 0, n->run->seq_len) : SEQGPU_OK;
}

static seqgpu_status forward_layers(const sq_net *n) {
  for (int64_t layer = 0; layer < n->plan->layers; layer++) SQ_TRY(forward_layer(n, layer));
  return SEQGPU_OK;
}

seqgpu_status seqgpu_rnn_forward_(seqgpu_context *ctx, const seqgpu_plan *plan, const seqgpu_rnn_run *theirs,
                                  size_t run_size) {
  sq_net n;
  SQ_TRY(sq_net_prepare(&n, ctx, plan, theirs, run_size));
  const seqgpu_rnn_run *run = n.run;
  if (run->seq_len > 0 && run->batch > 0) SQ_TRY(sq_run_need(ctx, "y", run->y));
  SQ_TRY(sq_guard_forward(&n));
  if (n.training) sq_stamp_remove(&n);
  if (n.map->clean_x >= 0)
    SQ_TRY(sq_net_relayout(&n, 1, plan->desc.input_size, run->x, sq_net_kept(&n, n.map->clean_x)));
  SQ_TRY(sq_wave_applies(&n) ? sq_wave_forward(&n) : forward_layers(&n));
  if (n.map->y >= 0)
    SQ_TRY(sq_net_relayout(&n, 0, plan->output_width, sq_net_borrowed(&n, n.map->y), run->y));
  if (n.training) sq_stamp_set(&n);
  return SEQGPU_OK;
}

/* ---------------------------------------------------------------- backward */

/* dy of a layer -> dx of the layer, both directions. */
static seqgpu_status backward_layer(const sq_net *n, int64_t layer, const void *dy, void *dx) {
  const seqgpu_plan *plan = n->plan;
  sq_layer_run s[2];
  for (int64_t direction = 0; direction < plan->directions; direction++) {
    sq_net_layer_run(n, layer, direction, &s[direction]);
    s[direction].dy = sq_net_at(n, dy, sq_net_column(n, direction));
    s[direction].ldy = plan->output_width;
    s[direction].dx = dx;
    s[direction].dx_accumulate = direction > 0;
    s[direction].dx_summed = layer == 0 && n->run->dx_summed;
    if (sq_plan_has_omega(plan)) SQ_TRY(sq_omega_add(n, &s[direction], layer * plan->directions + direction));
  }
  return SQ_RUN_CALL(n->ctx, plan->algorithm->backward(&n->ctx->exec, s, (int)plan->directions),
                     plan->algorithm->name);
}

static seqgpu_status backward_layers(const sq_net *n, const void *dy) {
  for (int64_t layer = n->plan->layers - 1; layer >= 0; layer--) {
    void *dx = sq_net_dx(n, layer);
    SQ_TRY(backward_layer(n, layer, dy, dx));
    SQ_TRY(sq_net_tell(n, layer));
    if (layer > 0) SQ_TRY(sq_net_drop(n, layer - 1, dx, 0, n->run->seq_len));
    dy = dx;
  }
  return SEQGPU_OK;
}

seqgpu_status seqgpu_rnn_backward_(seqgpu_context *ctx, const seqgpu_plan *plan, const seqgpu_rnn_run *theirs,
                                   size_t run_size) {
  sq_net n;
  SQ_TRY(sq_net_prepare(&n, ctx, plan, theirs, run_size));
  const seqgpu_rnn_run *run = n.run;
  SQ_TRY(sq_run_need(ctx, "reserve", run->reserve));
  if (run->omega && !sq_plan_has_omega(plan))
    return sq_fail(ctx, SEQGPU_EINVAL,
                   "run: omega is given; the plan has no regulariser, and it must be NULL");
  SQ_TRY(sq_guard_backward(&n));
  SQ_TRY(sq_stamp_check(&n));
  const void *dy = run->dy;
  if (dy && n.map->y >= 0) {
    SQ_TRY(sq_net_relayout(&n, 1, plan->output_width, dy, sq_net_borrowed(&n, n.map->y)));
    dy = sq_net_borrowed(&n, n.map->y);
  }
  SQ_TRY(sq_wave_applies(&n) ? sq_wave_backward(&n, dy) : backward_layers(&n, dy));
  if (run->dx && n.map->dx >= 0)
    SQ_TRY(sq_net_relayout(&n, 0, plan->desc.input_size, sq_net_borrowed(&n, n.map->dx), run->dx));
  return SEQGPU_OK;
}
