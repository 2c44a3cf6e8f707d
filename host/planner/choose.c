/* planner.c - which implementation runs a descriptor.
 *
 *   the rows of the context's device and number type   (impls.c)
 *   -> those with the wanted name                      none: EINVAL
 *   -> those that do not refuse a layer of the plan    none: EUNSUPPORTED, with the reason
 *   -> the cheapest by the model, or by measuring      plan_measure.c, plan_cache.c
 *
 * A tie goes to the row that comes first in the table.  By default the model decides, and only rows cheaper than the
 * chosen one have been asked whether they fit.
 */
#include <stdio.h>
#include <string.h>

#include "host/plan/plan.h"
#include "host/planner/cache.h"

/* More rows than any device has; one that comes after them would not be considered. */
enum { MAX_ROWS = 32 };

/* Some rows of the table, cheapest first. */
typedef struct rows {
  int count;
  const sq_algorithm *row[MAX_ROWS];
  double cost[MAX_ROWS];
} rows;

static int is_of(const sq_algorithm *row, const seqgpu_context *ctx) {
  return strcmp(row->device, ctx->backend->device->name) == 0 && row->dtype == ctx->dtype;
}

/* True if the row is called `wanted`: "persistent-grid", "cuda/persistent-grid", or the beginning "persistent". */
static int is_called(const sq_algorithm *row, const char *wanted) {
  if (wanted == NULL) return 1;
  const size_t device = strlen(row->device);
  if (strncmp(wanted, row->device, device) == 0 && wanted[device] == '/') wanted += device + 1;
  const size_t length = strlen(wanted);
  return length > 0 && strncmp(row->plan, wanted, length) == 0 &&
         (row->plan[length] == 0 || row->plan[length] == '-');
}

sq_problem sq_plan_problem(const seqgpu_plan *plan, int64_t layer, int training) {
  const seqgpu_rnn_desc *d = &plan->desc;
  return (sq_problem){.layout = sq_plan_layout(plan, layer),
                      .seq_len = d->seq_len,
                      .batch = d->batch,
                      .directions = (int)plan->directions,
                      .training = training,
                      .math = (sq_math)d->math};
}

/* NULL if the row can run all layers of the plan, else why not. */
static const char *row_refuses(const sq_algorithm *row, seqgpu_context *ctx, const seqgpu_plan *plan,
                               char *text, size_t size) {
  const sq_problem first = sq_plan_problem(plan, 0, !plan->desc.inference);
  const sq_problem rest = sq_plan_problem(plan, 1, !plan->desc.inference);
  const char *why = row->refuses(&ctx->exec, &first, text, size);
  return why || plan->layers == 1 ? why : row->refuses(&ctx->exec, &rest, text, size);
}

/* Microseconds of all layers, one after the other or side by side in *chunk steps (0: not); in training of a backward, too. */
static double row_cost(const sq_algorithm *row, seqgpu_context *ctx, const seqgpu_plan *plan,
                       int64_t *chunk) {
  const sq_problem first = sq_plan_problem(plan, 0, !plan->desc.inference);
  const sq_problem rest = sq_plan_problem(plan, 1, !plan->desc.inference);
  double cost = row->estimate(&ctx->exec, &first);
  if (plan->layers > 1) cost += (double)(plan->layers - 1) * row->estimate(&ctx->exec, &rest);
  *chunk = sq_wave_choose(ctx, plan, row, &cost);
  return cost;
}

/* The row, how its layers run, and its memory into the plan. */
static seqgpu_status take_row(seqgpu_context *ctx, seqgpu_plan *plan, const sq_algorithm *row) {
  plan->algorithm = row;
  row_cost(row, ctx, plan, &plan->chunk);
  return sq_plan_ask_memory(ctx, plan);
}

static void insert(rows *r, const sq_algorithm *row, double cost) {
  if (r->count == MAX_ROWS) return;
  int i = r->count++;
  for (; i > 0 && r->cost[i - 1] > cost; i--) {
    r->row[i] = r->row[i - 1];
    r->cost[i] = r->cost[i - 1];
  }
  r->row[i] = row;
  r->cost[i] = cost;
}

/* All rows called `wanted`, cheapest first, whether they fit or not. */
static rows find_called(seqgpu_context *ctx, const seqgpu_plan *plan, const char *wanted) {
  rows called = {.count = 0};
  int64_t chunk;
  for (const sq_algorithm *row = sq_algorithms; row->name; row++)
    if (is_of(row, ctx) && is_called(row, wanted)) insert(&called, row, row_cost(row, ctx, plan, &chunk));
  return called;
}

/* Those of them that fit: the cheapest, or with `all` every one.  None is an error that says why.  Rows that cost more
 * than one that fits are not even asked: some load a library to answer. */
static seqgpu_status find_fitting(seqgpu_context *ctx, const seqgpu_plan *plan, const char *wanted, int all,
                                  rows *fitting) {
  const rows called = find_called(ctx, plan, wanted);
  char text[256], reason[256] = "";
  *fitting = (rows){.count = 0};
  for (int i = 0; i < called.count && (all || fitting->count == 0); i++) {
    const char *why = row_refuses(called.row[i], ctx, plan, text, sizeof text);
    if (why == NULL)
      insert(fitting, called.row[i], called.cost[i]);
    else if (reason[0] == 0) /* the first reason speaks for a whole family */
      snprintf(reason, sizeof reason, "%s", why);
  }
  if (fitting->count > 0) return SEQGPU_OK;
  if (called.count > 0)
    return sq_fail(ctx, SEQGPU_EUNSUPPORTED, "plan: \"%s\" does not fit: %s", wanted ? wanted : "(any)",
                   reason);
  return sq_fail(ctx, SEQGPU_EINVAL, "plan: \"%.60s\" is not a plan of device \"%s\"",
                 wanted ? wanted : "(any)", ctx->backend->device->name);
}

/* ---------------------------------------------------------------- measuring */

/* What a measured choice depends on, in one line of printable text. */
static void cache_key(const seqgpu_context *ctx, const seqgpu_plan *plan, const char *wanted, char *key,
                      size_t size) {
  const seqgpu_rnn_desc *d = &plan->desc;
  const int64_t sizes[] = {d->input_size,      d->hidden_size, d->num_layers,   d->seq_len,    d->batch,
                           d->projection_size, d->factor_size, d->context_size, d->reflections};
  const int options[] = {d->bidirectional, (int)d->merge,    (int)d->activation, d->peephole,
                         d->coupled,       d->reset_after,   d->batch_first,     d->inference,
                         (int)d->math,     (int)plan->dtype, d->learn_leak};
  char device[160];
  seqgpu_context_describe(ctx, device, sizeof device);
  int used = snprintf(key, size, "%s %s dropout=%.17g leak=%.17g plan=%s sizes", device, d->cell, d->dropout,
                      d->leak, wanted ? wanted : "any");
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes && used > 0 && (size_t)used < size; i++)
    used += snprintf(key + used, size - (size_t)used, " %lld", (long long)sizes[i]);
  if (used > 0 && (size_t)used < size) used += snprintf(key + used, size - (size_t)used, " options");
  for (size_t i = 0; i < sizeof options / sizeof *options && used > 0 && (size_t)used < size; i++)
    used += snprintf(key + used, size - (size_t)used, " %d", options[i]);
  for (char *c = key; *c; c++)
    if ((unsigned char)*c < ' ') *c = ' ';
}

/* Times all rows that fit; the fastest, or NULL if none could be run. */
static const sq_algorithm *fastest(seqgpu_context *ctx, const seqgpu_plan *plan, const rows *f,
                                   double *best) {
  const sq_algorithm *winner = NULL;
  for (int i = 0; i < f->count; i++) {
    seqgpu_plan trial = *plan;
    double microseconds;
    if (take_row(ctx, &trial, f->row[i]) != SEQGPU_OK) continue;
    if (sq_plan_time(ctx, &trial, &microseconds) != SEQGPU_OK) continue;
    if (winner && microseconds >= *best) continue;
    winner = f->row[i];
    *best = microseconds;
  }
  return winner;
}

/* The choice of the cache file if it has one that fits. */
static const sq_algorithm *remembered(const rows *f, const char *cache, const char *key) {
  char name[64];
  if (cache == NULL || !sq_plan_cache_find(cache, key, name, sizeof name)) return NULL;
  for (int i = 0; i < f->count; i++)
    if (strcmp(f->row[i]->name, name) == 0) return f->row[i];
  return NULL;
}

/* The measured row, or the model's where nothing could be measured.  Trials that fail leave no sentence behind. */
static const sq_algorithm *measured(seqgpu_context *ctx, const seqgpu_plan *plan, const rows *f,
                                    const char *wanted, const char *cache) {
  char key[SQ_PLAN_CACHE_KEY], error[SQ_ERROR_SIZE];
  cache_key(ctx, plan, wanted, key, sizeof key);
  const sq_algorithm *row = remembered(f, cache, key);
  if (row) return row;
  memcpy(error, ctx->error, sizeof error);
  double microseconds = 0;
  row = fastest(ctx, plan, f, &microseconds);
  memcpy(ctx->error, error, sizeof error);
  if (row && cache) sq_plan_cache_store(cache, key, row->name, microseconds);
  return row ? row : f->row[0];
}

seqgpu_status sq_plan_choose(seqgpu_context *ctx, seqgpu_plan *plan, const char *wanted, const char *cache) {
  rows fitting;
  const int measure = plan->desc.mode == SEQGPU_PLAN_MEASURE;
  SQ_TRY(find_fitting(ctx, plan, wanted, measure, &fitting));
  return take_row(ctx, plan,
                  fitting.count > 1 ? measured(ctx, plan, &fitting, wanted, cache) : fitting.row[0]);
}

/* ---------------------------------------------------------------- questions */

/* Row `index` of the context's device, NULL past the last. */
static const sq_algorithm *row_at(const seqgpu_context *ctx, int index) {
  for (const sq_algorithm *row = sq_algorithms; row->name && index >= 0; row++)
    if (is_of(row, ctx) && index-- == 0) return row;
  return NULL;
}

int seqgpu_plan_num_candidates(const seqgpu_context *ctx) {
  int count = 0;
  if (ctx == NULL || ctx->ops == NULL) return 0;
  while (row_at(ctx, count)) count++;
  return count;
}

seqgpu_status seqgpu_plan_candidate(seqgpu_context *ctx, const seqgpu_rnn_desc *desc, int index,
                                    seqgpu_plan_candidate_info *out) {
  SQ_TRY(sq_usable(ctx));
  if (out == NULL) return sq_fail(ctx, SEQGPU_EINVAL, "out: is NULL");
  if (desc == NULL) return sq_fail(ctx, SEQGPU_EINVAL, "desc: is NULL");
  const sq_algorithm *row = row_at(ctx, index);
  if (row == NULL)
    return sq_fail(ctx, SEQGPU_EINVAL, "index: %d, must be from 0 to %d", index,
                   seqgpu_plan_num_candidates(ctx) - 1);
  seqgpu_plan plan;
  SQ_TRY(sq_plan_resolve(ctx, desc, &plan));
  char text[256];
  int64_t chunk;
  const char *why = row_refuses(row, ctx, &plan, text, sizeof text);
  *out = (seqgpu_plan_candidate_info){.estimate_us = why ? 0 : row_cost(row, ctx, &plan, &chunk)};
  snprintf(out->name, sizeof out->name, "%s", row->name);
  snprintf(out->why_not, sizeof out->why_not, "%s", why ? why : "");
  return SEQGPU_OK;
}
