/* network.c - the parts of a run of a network: addresses, one layer and direction, dropout (network.h). */
#include "host/run/network.h"

#include <string.h>

#include "core/masks.h"
#include "host/context/structs.h"
#include "host/plan/layers.h"
#include "host/plan/packed.h"

/* ---------------------------------------------------------------- addresses */

void *sq_net_kept(const sq_net *n, int64_t offset) {
  return sq_net_at(n, n->training ? n->run->reserve : n->run->workspace, offset);
}

void *sq_net_borrowed(const sq_net *n, int64_t offset) { return sq_net_at(n, n->run->workspace, offset); }

/* ---------------------------------------------------------------- checks */

static seqgpu_status check_range(seqgpu_context *ctx, const seqgpu_rnn_run *run, const char *name,
                                 const int32_t *lengths) {
  for (int64_t b = 0; b < run->batch; b++)
    if (lengths[b] < 0 || lengths[b] > run->seq_len)
      return sq_fail(ctx, SEQGPU_EINVAL, "run: %s[%lld] is %d; it must be from 0 to %lld, the seq_len", name,
                     (long long)b, (int)lengths[b], (long long)run->seq_len);
  return SEQGPU_OK;
}

/* Lengths in a GPU's memory cannot be looked at. */
static seqgpu_status check_lengths(seqgpu_context *ctx, const seqgpu_rnn_run *run) {
  if (run->lengths && ctx->backend == &sq_backend_cpu) SQ_TRY(check_range(ctx, run, "lengths", run->lengths));
  if (run->host_lengths == NULL) return SEQGPU_OK;
  if (run->lengths == NULL)
    return sq_fail(ctx, SEQGPU_EINVAL, "run: host_lengths is given; lengths must be, too");
  return check_range(ctx, run, "host_lengths", run->host_lengths);
}

seqgpu_status sq_run_need(seqgpu_context *ctx, const char *name, const void *pointer) {
  return pointer ? SEQGPU_OK : sq_fail(ctx, SEQGPU_EINVAL, "run: %s is NULL", name);
}

seqgpu_status sq_run_without_packed(seqgpu_context *ctx, const seqgpu_plan *plan, const seqgpu_rnn_run *run) {
  if (run->packed == NULL) return SEQGPU_OK;
  return sq_fail(ctx, SEQGPU_EINVAL, "run: packed is given; algorithm %s reads params, and it must be NULL",
                 plan->algorithm->name);
}

seqgpu_status sq_run_need_packed(seqgpu_context *ctx, const seqgpu_rnn_run *run) {
  SQ_TRY(sq_run_need(ctx, "packed", run->packed));
  if ((uintptr_t)run->packed % SQ_PACKED_ALIGNMENT == 0) return SEQGPU_OK;
  return sq_fail(ctx, SEQGPU_EINVAL, "run: packed is at %p; it must be at a multiple of %d", run->packed,
                 SQ_PACKED_ALIGNMENT);
}

static seqgpu_status check_packed(seqgpu_context *ctx, const seqgpu_plan *plan, const seqgpu_rnn_run *run) {
  if (plan->packed_size[0] == 0) return sq_run_without_packed(ctx, plan, run);
  SQ_TRY(sq_run_need_packed(ctx, run));
  if (memcmp(run->packed, &plan->packed_mark, sizeof plan->packed_mark) == 0) return SEQGPU_OK;
  return sq_fail(ctx, SEQGPU_EINVAL,
                 "run: packed holds no weights for this plan; seqgpu_rnn_pack must have filled it");
}

/* The sequences are some of a whole that the plan has blocks for. */
static seqgpu_status check_part(seqgpu_context *ctx, const seqgpu_plan *plan, const seqgpu_rnn_run *run) {
  SQ_TRY(sq_check_range(ctx, "run: whole_batch", run->whole_batch, run->batch, sq_plan_whole_batch(plan)));
  return sq_check_range(ctx, "run: first_sequence", run->first_sequence, 0, run->whole_batch - run->batch);
}

/* What a run must have, whichever way it goes. */
static seqgpu_status check_run(seqgpu_context *ctx, const seqgpu_plan *plan, const seqgpu_rnn_run *run) {
  const seqgpu_rnn_desc *d = &plan->desc;
  SQ_TRY(sq_check_range(ctx, "run: seq_len", run->seq_len, 0, d->seq_len));
  SQ_TRY(sq_check_range(ctx, "run: batch", run->batch, 0, d->batch));
  if (run->whole_batch != 0) SQ_TRY(check_part(ctx, plan, run));
  if (run->reserve && d->inference)
    return sq_fail(ctx, SEQGPU_EINVAL, "run: reserve is given; the plan is for inference and has none");
  SQ_TRY(sq_run_need(ctx, "params", run->params));
  SQ_TRY(sq_run_need(ctx, "workspace", run->workspace));
  SQ_TRY(check_packed(ctx, plan, run));
  if (run->seq_len > 0 && run->batch > 0) SQ_TRY(sq_run_need(ctx, "x", run->x));
  return check_lengths(ctx, run);
}

seqgpu_status sq_net_take_run(seqgpu_context *ctx, const seqgpu_plan *plan, const seqgpu_rnn_run *run,
                              size_t run_size, seqgpu_rnn_run *completed, const seqgpu_rnn_run **out) {
  SQ_TRY(sq_usable(ctx));
  if (plan == NULL) return sq_fail(ctx, SEQGPU_EINVAL, "plan is NULL");
  if (run == NULL) return sq_fail(ctx, SEQGPU_EINVAL, "run is NULL");
  *out = run;
  if (run_size != sizeof *run) {
    SQ_TRY(sq_struct_in(ctx, "run", completed, sizeof *completed, run, run_size));
    *out = completed;
  }
  if (plan->device == ctx->backend->device->name && plan->dtype == ctx->dtype) return SEQGPU_OK;
  return sq_fail(ctx, SEQGPU_EINVAL, "run: the plan was made for another device or element type than ctx");
}

seqgpu_status sq_net_prepare(sq_net *n, seqgpu_context *ctx, const seqgpu_plan *plan,
                             const seqgpu_rnn_run *run, size_t run_size) {
  SQ_TRY(sq_net_take_run(ctx, plan, run, run_size, &n->completed, &n->run));
  n->ctx = ctx; /* every field is set here once: clearing all of them costs a stream more than its checks */
  n->plan = plan;
  n->element_size = ctx->element_size;
  SQ_TRY(check_run(ctx, plan, n->run));
  n->training = n->run->reserve != NULL;
  const int ragged = n->run->lengths != NULL;
  n->map = &plan->largest[ragged];
  if (n->training || n->run->seq_len != plan->desc.seq_len || n->run->batch != plan->desc.batch) {
    n->own = sq_plan_map(plan, n->run->seq_len, n->run->batch, ragged, n->training);
    n->map = &n->own;
  }
  return SEQGPU_OK;
}

/* ---------------------------------------------------------------- between layers */

seqgpu_status sq_net_drop(const sq_net *n, int64_t layer, void *data, int64_t first, int64_t steps) {
  const double p = n->plan->desc.dropout;
  if (!n->training || p <= 0) return SEQGPU_OK;
  const seqgpu_rnn_run *run = n->run;
  const int64_t Y = n->plan->output_width, width = run->batch * Y;
  const int64_t blocks = sq_plan_dropout_blocks(n->plan);
  sq_dropout_args a = {.count = steps * width,
                       .p = p,
                       .seed = run->seed,
                       .offset = run->offset + (uint64_t)(layer * blocks),
                       .x = sq_net_at(n, data, first * width),
                       .y = sq_net_at(n, data, first * width)};
  if (run->whole_batch > run->batch) {
    a.row = width;
    a.pitch = run->whole_batch * Y;
    a.first = first * a.pitch + run->first_sequence * Y;
  } else {
    a.offset += (uint64_t)(first * width / 4);
  }
  return SQ_RUN(n->ctx, dropout, &a);
}

seqgpu_status sq_net_relayout(const sq_net *n, int to_time_major, int64_t width, const void *src, void *dst) {
  const seqgpu_rnn_run *run = n->run;
  sq_relayout_args a = {.width = width, .swap = n->plan->desc.batch_first, .src = src, .dst = dst};
  a.lengths = run->lengths;
  a.time_axis = a.swap && to_time_major ? 1 : 0;
  a.outer = a.time_axis ? run->batch : run->seq_len;
  a.inner = a.time_axis ? run->seq_len : run->batch;
  return SQ_RUN(n->ctx, relayout, &a);
}

int sq_net_sums(const sq_net *n) {
  return n->plan->directions == 2 && n->plan->desc.merge == SEQGPU_MERGE_SUM;
}

seqgpu_status sq_net_add(const sq_net *n, void *sum, const void *other) {
  const int64_t count = n->run->seq_len * n->run->batch * n->plan->output_width;
  const sq_map_args a = {.kind = SQ_MAP_ADD, .count = count, .alpha = 1, .a = sum, .b = other, .y = sum};
  return SQ_RUN(n->ctx, map, &a);
}

seqgpu_status sq_net_tell(const sq_net *n, int64_t layer) {
  const seqgpu_rnn_run *run = n->run;
  if (run->ready == NULL || run->dparams == NULL) return SEQGPU_OK;
  const int64_t first = sq_plan_param_offset(n->plan, layer, 0);
  const int64_t end = sq_plan_param_offset(n->plan, layer, n->plan->directions - 1) +
                      sq_plan_layout(n->plan, layer)->param_elements;
  return run->ready(run->ready_about, sq_net_at(n, run->dparams, first), end - first);
}

int64_t sq_net_column(const sq_net *n, int64_t direction) {
  return sq_net_sums(n) ? 0 : direction * n->plan->first.output;
}

/* What layer l reads: x, or the (dropped) output of the layer below. */
static const void *layer_input(const sq_net *n, int64_t layer) {
  if (layer == 0) return n->map->clean_x >= 0 ? sq_net_kept(n, n->map->clean_x) : n->run->x;
  const int64_t index = n->training ? layer - 1 : (layer - 1) % 2;
  return sq_net_kept(n, n->map->layer_out + index * n->map->layer_out_size);
}

void *sq_net_output(const sq_net *n, int64_t layer) {
  if (layer < n->plan->layers - 1) return (void *)(uintptr_t)layer_input(n, layer + 1);
  return n->map->y >= 0 ? sq_net_borrowed(n, n->map->y) : n->run->y;
}

/* That at layer 0's input goes straight to the caller, or through a time-major copy. */
void *sq_net_dx(const sq_net *n, int64_t layer) {
  if (layer > 0) return sq_net_borrowed(n, n->map->grad[layer % 2 && n->map->grad[1] >= 0]);
  if (n->run->dx == NULL) return NULL;
  return n->map->dx >= 0 ? sq_net_borrowed(n, n->map->dx) : n->run->dx;
}

/* ---------------------------------------------------------------- one layer and direction */

void *sq_net_state(const sq_net *n, int64_t layer, int64_t direction, int k, const void *states) {
  const int64_t width = sq_plan_layout(n->plan, layer)->state_width[k];
  return sq_net_at(n, states, (layer * n->plan->directions + direction) * n->run->batch * width);
}

/* What only a run with a reserve has: that, and the gradients. */
static void add_training(const sq_net *n, int64_t layer, int64_t direction, sq_layer_run *s) {
  const int64_t first = n->map->first_reserve, rest = n->map->rest_reserve, N = n->plan->directions;
  const int64_t below = layer == 0 ? direction * first : N * (first + (layer - 1) * rest) + direction * rest;
  s->reserve = sq_net_at(n, n->run->reserve, n->map->reserves + below);
  s->reserve_size = layer == 0 ? first : rest;
  s->dparams = sq_net_at(n, n->run->dparams, sq_plan_param_offset(n->plan, layer, direction));
  s->running = sq_net_at(n, n->run->running, sq_plan_param_offset(n->plan, layer, direction));
  s->seed = n->run->seed;
  s->first_block = n->run->offset + (uint64_t)((n->plan->layers - 1) * sq_plan_dropout_blocks(n->plan) +
                                               (layer * N + direction) * sq_plan_recurrent_blocks(n->plan));
  s->whole_batch = n->run->whole_batch;
  if (s->whole_batch > 0) s->first_block += (uint64_t)(n->run->first_sequence * sq_masks_width(s->layout));
  for (int k = 0; k < s->layout->states; k++) {
    s->dfinal[k] = sq_net_state(n, layer, direction, k, n->run->dfinal[k]);
    s->dinitial[k] = sq_net_state(n, layer, direction, k, n->run->dinitial[k]);
  }
}

void sq_net_layer_run(const sq_net *n, int64_t layer, int64_t direction, sq_layer_run *s) {
  const seqgpu_plan *plan = n->plan;
  const seqgpu_rnn_run *run = n->run;
  memset(s, 0, sizeof *s);
  s->layout = sq_plan_layout(plan, layer);
  s->seq_len = run->seq_len;
  s->batch = run->batch;
  s->reverse = direction == 1 || plan->desc.reverse;
  s->lengths = run->lengths;
  s->host_lengths = run->host_lengths;
  s->params = sq_net_at(n, run->params, sq_plan_param_offset(plan, layer, direction));
  if (run->packed) s->packed = (char *)run->packed + sq_plan_packed_offset(plan, layer, direction);
  s->x = layer_input(n, layer);
  s->ldx = s->layout->config.input_size;
  s->math = (sq_math)plan->desc.math;
  s->workspace =
      sq_net_borrowed(n, n->map->scratch + (plan->chunk ? layer : direction) * n->map->scratch_size);
  s->workspace_size = n->map->scratch_size;
  for (int k = 0; k < s->layout->states; k++) {
    s->initial[k] = sq_net_state(n, layer, direction, k, run->initial[k]);
    s->final[k] = sq_net_state(n, layer, direction, k, run->final[k]);
  }
  if (n->training) add_training(n, layer, direction, s);
}
