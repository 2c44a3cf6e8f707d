/* tangent.c - the tangent pass through a network of layers (tangent.h): what forward does, to tangents.
 *
 * The tangents of a layer's output lie where backward has the gradient at the next layer's input.
 */
#include "host/run/tangent.h"

#include "host/plan/algorithms.h"
#include "host/plan/layers.h"
#include "host/run/guard.h"

/* One layer, both directions: the tangent tx of its input, NULL = 0, to that of its output. */
static seqgpu_status tangent_layer(const sq_net *n, const sq_rnn_tangents *t, int64_t layer, const void *tx,
                                   void *ty) {
  const seqgpu_plan *plan = n->plan;
  sq_layer_tangent l[2];
  for (int64_t direction = 0; direction < plan->directions; direction++) {
    sq_layer_tangent *one = &l[direction];
    const int half = direction == 1 && sq_net_sums(n);
    sq_net_layer_run(n, layer, direction, &one->run);
    one->run.ldy = half ? plan->first.output : plan->output_width;
    one->x = tx;
    one->params = sq_net_at(n, t->params, sq_plan_param_offset(plan, layer, direction));
    one->y = half ? sq_net_borrowed(n, n->map->half) : sq_net_at(n, ty, sq_net_column(n, direction));
    for (int k = 0; k < SQ_MAX_STATES; k++) {
      const int is_state = k < one->run.layout->states;
      one->initial[k] = is_state ? sq_net_state(n, layer, direction, k, t->initial[k]) : NULL;
      one->final[k] = is_state ? sq_net_state(n, layer, direction, k, t->final[k]) : NULL;
    }
  }
  SQ_TRY(SQ_RUN_CALL(n->ctx, plan->algorithm->tangent(&n->ctx->exec, l, (int)plan->directions),
                     plan->algorithm->name));
  return sq_net_sums(n) ? sq_net_add(n, ty, l[1].y) : SEQGPU_OK;
}

static seqgpu_status tangent_layers(const sq_net *n, const sq_rnn_tangents *t, const void *tx, void *ty) {
  const int64_t last = n->plan->layers - 1;
  for (int64_t layer = 0; layer <= last; layer++) {
    void *out = layer < last ? sq_net_dx(n, layer + 1) : ty;
    SQ_TRY(tangent_layer(n, t, layer, tx, out));
    if (layer < last) SQ_TRY(sq_net_drop(n, layer, out, 0, n->run->seq_len));
    tx = out;
  }
  return SEQGPU_OK;
}

/* Tangents may be another algorithm's, which does not run everything that the plan's own does. */
static seqgpu_status check_algorithm(seqgpu_context *ctx, const seqgpu_plan *plan) {
  const sq_algorithm *a = plan->algorithm;
  const sq_problem problem = sq_plan_problem(plan, 0, 1);
  char text[160];
  if (a->tangent == NULL)
    return sq_fail(ctx, SEQGPU_EUNSUPPORTED,
                   "algorithm %s has no tangent pass; desc.tangents = 1 leaves it out", a->name);
  const char *why = sq_pass_refusal(&ctx->exec, a, &problem, text, sizeof text);
  if (why == NULL) return SEQGPU_OK;
  return sq_fail(ctx, why == sq_no_answer ? SEQGPU_EDEVICE : SEQGPU_EUNSUPPORTED,
                 "no tangent pass of this network: %s", why);
}

seqgpu_status sq_rnn_tangent(seqgpu_context *ctx, const seqgpu_plan *plan, const seqgpu_rnn_run *run,
                             const sq_rnn_tangents *t) {
  sq_net n;
  SQ_TRY(sq_net_prepare(&n, ctx, plan, run, sizeof *run));
  SQ_TRY(check_algorithm(ctx, plan));
  SQ_TRY(sq_run_need(ctx, "reserve", run->reserve));
  SQ_TRY(sq_guard_sizes(&n));
  SQ_TRY(sq_stamp_check(&n));
  const void *tx = t->x;
  if (tx && n.map->dx >= 0) {
    SQ_TRY(sq_net_relayout(&n, 1, plan->desc.input_size, tx, sq_net_borrowed(&n, n.map->dx)));
    tx = sq_net_borrowed(&n, n.map->dx);
  }
  void *ty = n.map->y >= 0 ? sq_net_borrowed(&n, n.map->y) : t->y;
  SQ_TRY(tangent_layers(&n, t, tx, ty));
  return n.map->y >= 0 ? sq_net_relayout(&n, 0, plan->output_width, ty, t->y) : SEQGPU_OK;
}
