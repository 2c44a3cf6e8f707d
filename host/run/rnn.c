/* rnn.c - a network of recurrent layers: depth, directions, dropout between layers, ragged and batch-major input.
 *
 * It knows nothing of cells or devices: each layer and direction is one sq_layer_run given to the plan's
 * implementation, everything between them is an operator of the context's table.  Layer after layer here; side by
 * side in wavefront.c.
 *
 *   x -> [relayout] -> layer 0 -> dropout -> layer 1 -> ... -> layer L-1 -> [relayout] -> y
 *
 * Dropout is applied to the outputs of all layers but the last, as PyTorch does (Zaremba et al. 2014: non-recurrent
 * connections only).  The mask is drawn again in backward; nothing is stored for it.
 */
#include <string.h>

#include "host/run/network.h"

typedef sq_net net;

void *sq_net_at(const net *n, const void *base, int64_t offset) {
  return base == NULL || offset < 0 ? NULL : (char *)(uintptr_t)base + (size_t)offset * n->element_size;
}

static void *kept(const net *n, int64_t offset) {
  return sq_net_at(n, n->training ? n->run->reserve : n->run->workspace, offset);
}

static void *borrowed(const net *n, int64_t offset) { return sq_net_at(n, n->run->workspace, offset); }

/* ---------------------------------------------------------------- checks */

static seqgpu_status check_range(seqgpu_context *ctx, const seqgpu_rnn_run *run, const char *name,
                                 const int32_t *lengths) {
  for (int64_t b = 0; b < run->batch; b++)
    if (lengths[b] < 0 || lengths[b] > run->seq_len)
      return sq_fail(ctx, SEQGPU_EINVAL, "%s[%lld]: %d, must be from 0 to seq_len %lld", name, (long long)b,
                     (int)lengths[b], (long long)run->seq_len);
  return SEQGPU_OK;
}

/* Lengths in a GPU's memory cannot be looked at. */
static seqgpu_status check_lengths(seqgpu_context *ctx, const seqgpu_rnn_run *run) {
  if (run->lengths && ctx->backend == &sq_backend_cpu) SQ_TRY(check_range(ctx, run, "lengths", run->lengths));
  if (run->host_lengths == NULL) return SEQGPU_OK;
  if (run->lengths == NULL) return sq_fail(ctx, SEQGPU_EINVAL, "host_lengths: given, but lengths is NULL");
  return check_range(ctx, run, "host_lengths", run->host_lengths);
}

static seqgpu_status need(seqgpu_context *ctx, const char *name, const void *pointer) {
  return pointer ? SEQGPU_OK : sq_fail(ctx, SEQGPU_EINVAL, "run.%s: is NULL", name);
}

static seqgpu_status prepare(net *n, seqgpu_context *ctx, const seqgpu_plan *plan,
                             const seqgpu_rnn_run *run) {
  SQ_TRY(sq_usable(ctx));
  if (plan == NULL) return sq_fail(ctx, SEQGPU_EINVAL, "plan: is NULL");
  if (run == NULL) return sq_fail(ctx, SEQGPU_EINVAL, "run: is NULL");
  const seqgpu_rnn_desc *d = &plan->desc;
  if (plan->device != ctx->backend->device->name || plan->dtype != ctx->dtype)
    return sq_fail(ctx, SEQGPU_EINVAL, "plan: was made for another device or number type than ctx");
  if (run->seq_len < 0 || run->seq_len > d->seq_len)
    return sq_fail(ctx, SEQGPU_EINVAL, "run.seq_len: %lld, must be from 0 to the plan's %lld",
                   (long long)run->seq_len, (long long)d->seq_len);
  if (run->batch < 0 || run->batch > d->batch)
    return sq_fail(ctx, SEQGPU_EINVAL, "run.batch: %lld, must be from 0 to the plan's %lld",
                   (long long)run->batch, (long long)d->batch);
  if (run->reserve && d->inference)
    return sq_fail(ctx, SEQGPU_EINVAL, "run.reserve: given, but the plan was made for inference");
  SQ_TRY(need(ctx, "params", run->params));
  SQ_TRY(need(ctx, "workspace", run->workspace));
  if (run->seq_len > 0 && run->batch > 0) SQ_TRY(need(ctx, "x", run->x));
  SQ_TRY(check_lengths(ctx, run));
  *n = (net){.ctx = ctx,
             .plan = plan,
             .run = run,
             .training = run->reserve != NULL,
             .element_size = ctx->element_size};
  n->map = sq_plan_map(plan, run->seq_len, run->batch, run->lengths != NULL, n->training);
  return SEQGPU_OK;
}

/* ---------------------------------------------------------------- between layers */

/* [T,B,width] <-> [B,T,width], and zeros at padded steps. */
static seqgpu_status relayout(const net *n, int to_time_major, int64_t width, const void *src, void *dst) {
  const seqgpu_rnn_run *run = n->run;
  sq_relayout_args a = {.width = width, .swap = n->plan->desc.batch_first, .src = src, .dst = dst};
  a.lengths = run->lengths;
  a.time_axis = a.swap && to_time_major ? 1 : 0;
  a.outer = a.time_axis ? run->batch : run->seq_len;
  a.inner = a.time_axis ? run->seq_len : run->batch;
  return SQ_RUN(n->ctx, relayout, &a);
}

seqgpu_status sq_net_drop(const net *n, int64_t layer, void *data, int64_t first, int64_t steps) {
  const double p = n->plan->desc.dropout;
  if (!n->training || p <= 0) return SEQGPU_OK;
  const int64_t width = n->run->batch * n->plan->out;
  const int64_t blocks = (n->plan->desc.seq_len * n->plan->desc.batch * n->plan->out + 3) / 4;
  const sq_dropout_args a = {.count = steps * width,
                             .p = p,
                             .seed = n->run->seed,
                             .offset = n->run->offset + (uint64_t)(layer * blocks + first * width / 4),
                             .x = sq_net_at(n, data, first * width),
                             .y = sq_net_at(n, data, first * width)};
  return SQ_RUN(n->ctx, dropout, &a);
}

static seqgpu_status add_into(const net *n, void *sum, const void *other, int64_t count) {
  const sq_map_args a = {.kind = SQ_MAP_ADD, .count = count, .alpha = 1, .a = sum, .b = other, .y = sum};
  return SQ_RUN(n->ctx, map, &a);
}

/* What layer l reads: x, or the (dropped) output of the layer below. */
static const void *layer_input(const net *n, int64_t layer) {
  if (layer == 0) return n->map.clean_x >= 0 ? kept(n, n->map.clean_x) : n->run->x;
  const int64_t index = n->training ? layer - 1 : (layer - 1) % 2;
  return kept(n, n->map.layer_out + index * n->map.layer_out_size);
}

void *sq_net_output(const net *n, int64_t layer) {
  if (layer < n->plan->layers - 1) return (void *)(uintptr_t)layer_input(n, layer + 1);
  return n->map.y >= 0 ? borrowed(n, n->map.y) : n->run->y;
}

/* ---------------------------------------------------------------- one layer and direction */

sq_layer_run sq_net_layer_run(const net *n, int64_t layer, int64_t direction) {
  const seqgpu_plan *plan = n->plan;
  const seqgpu_rnn_run *run = n->run;
  const sq_layout *l = sq_plan_layout(plan, layer);
  const int64_t block = layer * plan->directions + direction;
  sq_layer_run s = {.layout = l, .seq_len = run->seq_len, .batch = run->batch, .reverse = (int)direction};
  s.lengths = run->lengths;
  s.host_lengths = run->host_lengths;
  s.params = sq_net_at(n, run->params, sq_plan_param_offset(plan, layer, direction));
  s.dparams = sq_net_at(n, run->dparams, sq_plan_param_offset(plan, layer, direction));
  s.x = layer_input(n, layer);
  s.ldx = l->config.input_size;
  s.math = (sq_math)plan->desc.math;
  s.workspace = borrowed(n, n->map.sequence + (plan->chunk ? layer : direction) * n->map.scratch_size);
  s.workspace_size = n->map.scratch_size;
  if (n->training) {
    const int64_t below =
        layer == 0 ? direction * n->map.first_reserve
                   : plan->directions * (n->map.first_reserve + (layer - 1) * n->map.rest_reserve) +
                         direction * n->map.rest_reserve;
    s.reserve = sq_net_at(n, run->reserve, n->map.reserves + below);
    s.reserve_size = layer == 0 ? n->map.first_reserve : n->map.rest_reserve;
  }
  for (int k = 0; k < l->states; k++) {
    const int64_t offset = block * run->batch * l->state_width[k];
    s.initial[k] = sq_net_at(n, run->initial[k], offset);
    s.final[k] = sq_net_at(n, run->final[k], offset);
    s.dfinal[k] = sq_net_at(n, run->dfinal[k], offset);
    s.dinitial[k] = sq_net_at(n, run->dinitial[k], offset);
  }
  return s;
}

static int summed(const net *n) {
  return n->plan->directions == 2 && n->plan->desc.merge == SEQGPU_MERGE_SUM;
}

/* Where a direction's columns begin in a [T,B,Y] buffer. */
static int64_t column_of(const net *n, int64_t direction) {
  return summed(n) ? 0 : direction * n->plan->first.output;
}

static seqgpu_status forward_layer(const net *n, int64_t layer) {
  const seqgpu_plan *plan = n->plan;
  void *out = sq_net_output(n, layer);
  sq_layer_run s[2];
  for (int64_t direction = 0; direction < plan->directions; direction++) {
    const int half = direction == 1 && summed(n);
    s[direction] = sq_net_layer_run(n, layer, direction);
    s[direction].y = half ? borrowed(n, n->map.half) : sq_net_at(n, out, column_of(n, direction));
    s[direction].ldy = half ? plan->first.output : plan->out;
  }
  SQ_TRY(sq_check(n->ctx, plan->algorithm->forward(&n->ctx->exec, s, (int)plan->directions),
                  plan->algorithm->name));
  if (summed(n)) SQ_TRY(add_into(n, out, s[1].y, n->run->seq_len * n->run->batch * plan->out));
  return layer < plan->layers - 1 ? sq_net_drop(n, layer, out, 0, n->run->seq_len) : SEQGPU_OK;
}

static seqgpu_status forward_layers(const net *n) {
  for (int64_t layer = 0; layer < n->plan->layers; layer++) SQ_TRY(forward_layer(n, layer));
  return SEQGPU_OK;
}

seqgpu_status seqgpu_rnn_forward(seqgpu_context *ctx, const seqgpu_plan *plan, const seqgpu_rnn_run *run) {
  net n;
  SQ_TRY(prepare(&n, ctx, plan, run));
  if (run->seq_len > 0 && run->batch > 0) SQ_TRY(need(ctx, "y", run->y));
  if (n.map.clean_x >= 0) SQ_TRY(relayout(&n, 1, plan->desc.input_size, run->x, kept(&n, n.map.clean_x)));
  SQ_TRY(sq_wave_applies(&n) ? sq_wave_forward(&n) : forward_layers(&n));
  if (n.map.y >= 0) SQ_TRY(relayout(&n, 0, plan->out, borrowed(&n, n.map.y), run->y));
  return SEQGPU_OK;
}

/* dy of a layer -> dx of the layer, both directions. */
static seqgpu_status backward_layer(const net *n, int64_t layer, const void *dy, void *dx) {
  const seqgpu_plan *plan = n->plan;
  sq_layer_run s[2];
  for (int64_t direction = 0; direction < plan->directions; direction++) {
    s[direction] = sq_net_layer_run(n, layer, direction);
    s[direction].dy = sq_net_at(n, dy, column_of(n, direction));
    s[direction].ldy = plan->out;
    s[direction].dx = dx;
    s[direction].dx_accumulate = direction > 0;
  }
  return sq_check(n->ctx, plan->algorithm->backward(&n->ctx->exec, s, (int)plan->directions),
                  plan->algorithm->name);
}

/* That at layer 0's input goes straight to the caller, or through a time-major copy. */
void *sq_net_dx(const net *n, int64_t layer) {
  if (layer > 0) return borrowed(n, n->map.grad[layer % 2 && n->map.grad[1] >= 0]);
  if (n->run->dx == NULL) return NULL;
  return n->map.dx >= 0 ? borrowed(n, n->map.dx) : n->run->dx;
}

static seqgpu_status backward_layers(const net *n, const void *dy) {
  for (int64_t layer = n->plan->layers - 1; layer >= 0; layer--) {
    void *dx = sq_net_dx(n, layer);
    SQ_TRY(backward_layer(n, layer, dy, dx));
    if (layer > 0) SQ_TRY(sq_net_drop(n, layer - 1, dx, 0, n->run->seq_len));
    dy = dx;
  }
  return SEQGPU_OK;
}

seqgpu_status seqgpu_rnn_backward(seqgpu_context *ctx, const seqgpu_plan *plan, const seqgpu_rnn_run *run) {
  net n;
  SQ_TRY(prepare(&n, ctx, plan, run));
  SQ_TRY(need(ctx, "reserve", run->reserve));
  const void *dy = run->dy;
  if (dy && n.map.y >= 0) {
    SQ_TRY(relayout(&n, 1, plan->out, dy, borrowed(&n, n.map.y)));
    dy = borrowed(&n, n.map.y);
  }
  SQ_TRY(sq_wave_applies(&n) ? sq_wave_backward(&n, dy) : backward_layers(&n, dy));
  if (run->dx && n.map.dx >= 0)
    SQ_TRY(relayout(&n, 0, plan->desc.input_size, borrowed(&n, n.map.dx), run->dx));
  return SEQGPU_OK;
}

/* ---------------------------------------------------------------- looking inside */

/* A part of the reserve of one layer and direction: its offset, row stride and width in reals. */
typedef struct part {
  int64_t offset, stride, width;
} part;

/* Finds a part by its name; 0 if the cell has no such part. */
static int find_part(const sq_layer_run *s, const char *name, part *out) {
  const sq_layout *l = s->layout;
  const sq_reserve_map map = sq_reserve_layout(l, s->seq_len, s->batch);
  for (int i = 0; i < l->parts; i++) {
    const sq_part *p = &l->part[i];
    if (strcmp(name, p->name) != 0) continue;
    const int k = p->place.state;
    if (p->place.buffer == SQ_STATE)
      *out = (part){map.state[k] + sq_slot_next(s->reverse, 0) * s->batch * l->state_width[k],
                    l->state_width[k], p->width};
    else if (p->place.buffer == SQ_GATES)
      *out = (part){map.gates, l->gates, p->width};
    else
      *out = (part){map.aux, l->aux, p->width};
    out->offset += p->place.column;
    return 1;
  }
  return 0;
}

static seqgpu_status no_part(seqgpu_context *ctx, const seqgpu_plan *plan, const char *name) {
  char names[SQ_MAX_PARTS * 10] = "";
  for (int i = 0; i < plan->first.parts; i++) {
    if (i > 0) strcat(names, ", ");
    strcat(names, plan->first.part[i].name);
  }
  return sq_fail(ctx, SEQGPU_EINVAL, "part: cell %s has no \"%.20s\", but %s", plan->first.cell->name,
                 name ? name : "(NULL)", names);
}

seqgpu_status seqgpu_rnn_inspect(seqgpu_context *ctx, const seqgpu_plan *plan, const seqgpu_rnn_run *run,
                                 int layer, int direction, const char *name, void *out, int64_t *width) {
  net n;
  SQ_TRY(prepare(&n, ctx, plan, run));
  SQ_TRY(need(ctx, "reserve", run->reserve));
  if (layer < 0 || layer >= plan->layers)
    return sq_fail(ctx, SEQGPU_EINVAL, "layer: %d, must be from 0 to %lld", layer,
                   (long long)plan->layers - 1);
  if (direction < 0 || direction >= plan->directions)
    return sq_fail(ctx, SEQGPU_EINVAL, "direction: %d, must be from 0 to %lld", direction,
                   (long long)plan->directions - 1);
  if (plan->algorithm->reserve)
    return sq_fail(ctx, SEQGPU_EUNSUPPORTED,
                   "plan: \"%s\" keeps its reserve in a form of its own; look inside with plan \"step\"",
                   plan->algorithm->name);
  const sq_layer_run s = sq_net_layer_run(&n, layer, direction);
  part p;
  if (name == NULL || !find_part(&s, name, &p)) return no_part(ctx, plan, name);
  if (width) *width = p.width;
  const int64_t rows = run->seq_len * run->batch;
  if (out == NULL || rows == 0) return SEQGPU_OK;
  char *block = sq_host_alloc(ctx, (size_t)(rows * p.stride) * n.element_size);
  if (block == NULL) return sq_fail(ctx, SEQGPU_ENOMEM, "part: out of memory for a host copy");
  const size_t bytes = (size_t)((rows - 1) * p.stride + p.width) * n.element_size;
  const seqgpu_status status = seqgpu_copy_out(ctx, block, sq_net_at(&n, s.reserve, p.offset), bytes);
  for (int64_t r = 0; status == SEQGPU_OK && r < rows; r++)
    memcpy((char *)out + (size_t)(r * p.width) * n.element_size,
           block + (size_t)(r * p.stride) * n.element_size, (size_t)p.width * n.element_size);
  sq_host_free(ctx, block);
  return status;
}
