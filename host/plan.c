/* plan.c - from a descriptor to a plan: checks, layouts, parameter map, memory map, choice of implementation. */
#include "plan.h"

#include <stdio.h>
#include <string.h>

/* ---------------------------------------------------------------- checks */

static seqgpu_status check_size(seqgpu_context *ctx, const char *name, int64_t value, int64_t least) {
  const int64_t most = (int64_t)1 << 31;
  if (value >= least && value < most) return SEQGPU_OK;
  return sq_fail(ctx, SEQGPU_EINVAL, "%s: %lld, must be from %lld to %lld", name, (long long)value,
                 (long long)least, (long long)(most - 1));
}

static seqgpu_status check_flag(seqgpu_context *ctx, const char *name, int value) {
  if (value == 0 || value == 1) return SEQGPU_OK;
  return sq_fail(ctx, SEQGPU_EINVAL, "%s: %d, must be 0 or 1", name, value);
}

static seqgpu_status check_desc(seqgpu_context *ctx, const seqgpu_rnn_desc *d) {
  SQ_TRY(check_size(ctx, "input_size", d->input_size, 1));
  SQ_TRY(check_size(ctx, "hidden_size", d->hidden_size, 1));
  SQ_TRY(check_size(ctx, "num_layers", d->num_layers, 0));
  SQ_TRY(check_size(ctx, "seq_len", d->seq_len, 1));
  SQ_TRY(check_size(ctx, "batch", d->batch, 1));
  SQ_TRY(check_size(ctx, "projection_size", d->projection_size, 0));
  SQ_TRY(check_flag(ctx, "bidirectional", d->bidirectional));
  SQ_TRY(check_flag(ctx, "peephole", d->peephole));
  SQ_TRY(check_flag(ctx, "coupled", d->coupled));
  SQ_TRY(check_flag(ctx, "reset_after", d->reset_after));
  SQ_TRY(check_flag(ctx, "batch_first", d->batch_first));
  SQ_TRY(check_flag(ctx, "inference", d->inference));
  if (d->num_layers > 1024)
    return sq_fail(ctx, SEQGPU_EINVAL, "num_layers: %lld, must be at most 1024", (long long)d->num_layers);
  if (d->merge != SEQGPU_CONCAT && d->merge != SEQGPU_SUM)
    return sq_fail(ctx, SEQGPU_EINVAL, "merge: %d is neither SEQGPU_CONCAT nor SEQGPU_SUM", (int)d->merge);
  if ((int)d->activation < SEQGPU_TANH || d->activation > SEQGPU_IDENTITY)
    return sq_fail(ctx, SEQGPU_EINVAL, "activation: %d is none of seqgpu_activation", (int)d->activation);
  if ((int)d->math < SEQGPU_MATH_F32 || d->math > SEQGPU_MATH_BF16)
    return sq_fail(ctx, SEQGPU_EINVAL, "math: %d is none of seqgpu_math", (int)d->math);
  if (d->mode != SEQGPU_PLAN_ESTIMATE && d->mode != SEQGPU_PLAN_MEASURE)
    return sq_fail(ctx, SEQGPU_EINVAL, "mode: %d is none of seqgpu_plan_mode", (int)d->mode);
  if (!(d->dropout >= 0 && d->dropout < 1))
    return sq_fail(ctx, SEQGPU_EINVAL, "dropout: %g, must be at least 0 and below 1", d->dropout);
  return SEQGPU_OK;
}

/* Rough sizes in floating point, before any integer product could overflow. */
static seqgpu_status check_total(seqgpu_context *ctx, const seqgpu_rnn_desc *d, int64_t layers,
                                 int64_t directions) {
  const double most = (double)((int64_t)1 << 46), H = (double)d->hidden_size, D = (double)directions;
  const double widest = (double)d->input_size > D * H ? (double)d->input_size : D * H;
  const double params = (double)layers * D * (4 * H * (widest + H + 2) + H * H);
  const double kept = (double)layers * D * ((double)d->seq_len + 1) * (double)d->batch * (9 * H + widest);
  if (params > most)
    return sq_fail(
        ctx, SEQGPU_ENOMEM,
        "hidden_size, input_size: out of memory: %lld units and %lld inputs make about %.3g parameters",
        (long long)d->hidden_size, (long long)d->input_size, params);
  if (kept > most)
    return sq_fail(ctx, SEQGPU_ENOMEM,
                   "seq_len, batch: out of memory: %lld steps of %lld sequences keep about %.3g numbers",
                   (long long)d->seq_len, (long long)d->batch, kept);
  return SEQGPU_OK;
}

static seqgpu_status resolve_layouts(seqgpu_context *ctx, seqgpu_plan *plan, const sq_cell *cell) {
  const seqgpu_rnn_desc *d = &plan->desc;
  sq_config config = {.input = d->input_size,
                      .hidden = d->hidden_size,
                      .projection = d->projection_size,
                      .activation = (sq_activation)d->activation,
                      .peephole = d->peephole,
                      .coupled = d->coupled,
                      .reset_after = d->reset_after};
  const char *why = sq_layout_resolve(cell, &config, &plan->first);
  if (why) return sq_fail(ctx, SEQGPU_EINVAL, "%s (cell %s)", why, cell->name);
  plan->out = plan->first.output * (d->bidirectional && d->merge == SEQGPU_CONCAT ? 2 : 1);
  config.input = plan->out;
  sq_layout_resolve(cell, &config, &plan->rest);
  plan->count = plan->directions * (plan->first.param_count + (plan->layers - 1) * plan->rest.param_count);
  return SEQGPU_OK;
}

/* ---------------------------------------------------------------- the planner */

static int row_matches(const sq_impl *row, const seqgpu_context *ctx, const char *wanted) {
  if (strcmp(row->device, ctx->backend->device->name) != 0 || row->dtype != ctx->dtype) return 0;
  return wanted == NULL || strcmp(wanted, row->plan) == 0 || strcmp(wanted, row->name) == 0;
}

/* The question a row is asked about a layer. */
static sq_problem problem_of(const seqgpu_plan *plan, const sq_layout *layout) {
  const seqgpu_rnn_desc *d = &plan->desc;
  return (sq_problem){.layout = layout,
                      .seq_len = d->seq_len,
                      .batch = d->batch,
                      .directions = (int)plan->directions,
                      .training = !d->inference,
                      .math = (sq_math)d->math};
}

/* NULL if the row can run all layers of the plan, else why not. */
static const char *row_refuses(const sq_impl *row, seqgpu_context *ctx, const seqgpu_plan *plan, char *text,
                               size_t size) {
  const sq_problem first = problem_of(plan, &plan->first), rest = problem_of(plan, &plan->rest);
  const char *why = row->refuses(&ctx->exec, &first, text, size);
  return why || plan->layers == 1 ? why : row->refuses(&ctx->exec, &rest, text, size);
}

/* The cheapest applicable row by the model.  SEQGPU_PLAN_MEASURE differs only where there is a choice to measure. */
static seqgpu_status choose(seqgpu_context *ctx, seqgpu_plan *plan) {
  const seqgpu_rnn_desc *d = &plan->desc;
  const sq_problem problem = problem_of(plan, &plan->first);
  const char *refusal = NULL;
  char text[256];
  double best = 0;
  for (const sq_impl *row = sq_impls; row->name; row++) {
    if (!row_matches(row, ctx, d->plan)) continue;
    refusal = row_refuses(row, ctx, plan, text, sizeof text);
    if (refusal) continue;
    const double cost = row->estimate(&ctx->exec, &problem);
    if (plan->impl && cost >= best) continue;
    plan->impl = row;
    best = cost;
  }
  if (plan->impl) return SEQGPU_OK;
  if (refusal) return sq_fail(ctx, SEQGPU_EUNSUPPORTED, "plan: \"%s\" does not fit: %s", d->plan, refusal);
  return sq_fail(ctx, SEQGPU_EINVAL, "plan: \"%s\" is not a plan of device \"%s\"",
                 d->plan ? d->plan : "auto", ctx->backend->device->name);
}

seqgpu_status seqgpu_plan_create(seqgpu_context *ctx, const seqgpu_rnn_desc *desc, seqgpu_plan **out) {
  if (out) *out = NULL;
  SQ_TRY(sq_usable(ctx));
  if (out == NULL) return sq_fail(ctx, SEQGPU_EINVAL, "out: is NULL");
  if (desc == NULL) return sq_fail(ctx, SEQGPU_EINVAL, "desc: is NULL");
  const sq_cell *cell = sq_cell_find(desc->cell);
  if (cell == NULL)
    return sq_fail(ctx, SEQGPU_EINVAL, "cell: \"%.60s\" is not a cell of this build",
                   desc->cell ? desc->cell : "(NULL)");
  SQ_TRY(check_desc(ctx, desc));
  const int64_t layers = desc->num_layers ? desc->num_layers : 1, directions = desc->bidirectional ? 2 : 1;
  SQ_TRY(check_total(ctx, desc, layers, directions));
  seqgpu_plan *plan = sq_host_alloc(ctx, sizeof *plan);
  if (plan == NULL) return sq_fail(ctx, SEQGPU_ENOMEM, "plan: out of memory");
  plan->allocator = ctx->allocator;
  plan->desc = *desc;
  plan->desc.cell = cell->name;
  plan->desc.num_layers = layers;
  plan->device = ctx->backend->device->name;
  plan->dtype = ctx->dtype;
  plan->layers = layers;
  plan->directions = directions;
  seqgpu_status status = resolve_layouts(ctx, plan, cell);
  if (status == SEQGPU_OK) status = choose(ctx, plan);
  if (status != SEQGPU_OK) {
    sq_host_free(ctx, plan);
    return status;
  }
  plan->desc.plan = plan->impl->plan;
  *out = plan;
  return SEQGPU_OK;
}

void seqgpu_plan_destroy(seqgpu_plan *plan) {
  if (plan == NULL) return;
  const seqgpu_allocator allocator = plan->allocator;
  allocator.release(plan, allocator.user);
}

/* ---------------------------------------------------------------- maps */

const sq_layout *sq_plan_layout(const seqgpu_plan *plan, int64_t layer) {
  return layer == 0 ? &plan->first : &plan->rest;
}

int64_t sq_plan_param_offset(const seqgpu_plan *plan, int64_t layer, int64_t direction) {
  if (layer == 0) return direction * plan->first.param_count;
  return plan->directions * (plan->first.param_count + (layer - 1) * plan->rest.param_count) +
         direction * plan->rest.param_count;
}

/* Takes `count` reals from a running total, or nothing and -1. */
static int64_t take(int64_t *total, int needed, int64_t count) {
  if (!needed) return -1;
  const int64_t at = *total;
  *total += sq_align_reals(count);
  return at;
}

static int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }

sq_network_map sq_plan_map(const seqgpu_plan *plan, int64_t T, int64_t B, int ragged, int training) {
  const seqgpu_rnn_desc *d = &plan->desc;
  const int64_t rows = T * B, N = plan->directions, L = plan->layers;
  sq_network_map m = {.layer_out_size = sq_align_reals(rows * plan->out)};
  int64_t kept = 0, borrowed = 0;
  int64_t *keep = training ? &kept : &borrowed; /* inference keeps nothing: all of it is workspace */
  m.clean_x = take(keep, ragged || d->batch_first, rows * d->input_size);
  /* in inference two outputs are enough, used in turn */
  m.layer_out = take(keep, L > 1, (training ? L - 1 : L > 2 ? 2 : 1) * m.layer_out_size);
  m.first_reserve = training ? sq_reserve_layout(&plan->first, T, B).size : 0;
  m.rest_reserve = training ? sq_reserve_layout(&plan->rest, T, B).size : 0;
  m.reserves = take(&kept, training, N * (m.first_reserve + (L - 1) * m.rest_reserve));
  m.reserve_size = kept;
  m.sequence_size = sq_align_reals(larger(plan->impl->workspace(&plan->first, T, B, training),
                                          plan->impl->workspace(&plan->rest, T, B, training)));
  m.sequence = take(&borrowed, 1, N * m.sequence_size);
  m.half = take(&borrowed, N == 2 && d->merge == SEQGPU_SUM, rows * plan->first.output);
  m.y = take(&borrowed, d->batch_first, rows * plan->out);
  m.dx = take(&borrowed, training && d->batch_first, rows * d->input_size);
  m.grad[0] = take(&borrowed, training && L > 1, rows * plan->out);
  m.grad[1] = take(&borrowed, training && L > 2, rows * plan->out);
  m.workspace_size = borrowed;
  return m;
}

/* ---------------------------------------------------------------- questions */

const char *seqgpu_plan_name(const seqgpu_plan *plan) { return plan ? plan->impl->name : "none"; }
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
  const int64_t size = d->inference ? inference : larger(training, inference);
  return (size_t)size * seqgpu_dtype_size(plan->dtype);
}

size_t seqgpu_plan_reserve_size(const seqgpu_plan *plan) {
  if (plan == NULL || plan->desc.inference) return 0;
  const seqgpu_rnn_desc *d = &plan->desc;
  return (size_t)sq_plan_map(plan, d->seq_len, d->batch, 1, 1).reserve_size * seqgpu_dtype_size(plan->dtype);
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

seqgpu_status seqgpu_plan_param(const seqgpu_plan *plan, int index, seqgpu_param_info *out) {
  if (plan == NULL || out == NULL || index < 0 || index >= seqgpu_plan_num_params(plan)) return SEQGPU_EINVAL;
  const int per_direction = plan->first.params, block = index / per_direction;
  const int layer = block / (int)plan->directions, direction = block % (int)plan->directions;
  const sq_param *p = &sq_plan_layout(plan, layer)->param[index % per_direction];
  *out = (seqgpu_param_info){.rows = p->rows, .cols = p->cols, .layer = layer, .direction = direction};
  out->offset = sq_plan_param_offset(plan, layer, direction) + p->offset;
  snprintf(out->name, sizeof out->name, "%s_l%d%s", p->name, layer, direction ? "_reverse" : "");
  return SEQGPU_OK;
}
