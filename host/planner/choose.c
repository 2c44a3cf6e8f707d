/* choose.c - which algorithm runs a descriptor: plans are made here (seqgpu/rnn.h).
 *
 *   a descriptor resolved            host/plan/resolve.c
 *   -> the algorithms that fit it    candidates.c
 *   -> the cheapest by the model; or the one remembered as the fastest (cache.c), or measured now (measure.c)
 *
 * By default the model decides, and only algorithms cheaper than the chosen one have been asked whether they
 * fit.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "host/context/structs.h"
#include "host/plan/map.h"
#include "host/plan/resolve.h"
#include "host/planner/cache.h"
#include "host/planner/candidates.h"
#include "host/planner/key.h"
#include "host/planner/measure.h"

/* The algorithm, how its layers run, and its memory, into the plan. */
static seqgpu_status take(seqgpu_context *ctx, seqgpu_plan *plan, const sq_algorithm *algorithm) {
  plan->algorithm = algorithm;
  if (isnan(sq_algorithm_cost(ctx, plan, algorithm, &plan->chunk)))
    return sq_algorithm_unanswered(ctx, algorithm);
  return sq_plan_ask_memory(ctx, plan);
}

/* ---------------------------------------------------------------- measuring */

/* Times all candidates; the fastest, or NULL if none could be run. */
static const sq_algorithm *fastest(seqgpu_context *ctx, const seqgpu_plan *plan, const sq_candidates *c,
                                   double *best) {
  const sq_algorithm *winner = NULL;
  seqgpu_plan *trial = sq_host_alloc(ctx, sizeof *trial);
  for (int i = 0; trial && i < c->count; i++) {
    double microseconds;
    *trial = *plan;
    if (take(ctx, trial, c->algorithm[i]) != SEQGPU_OK) continue;
    if (sq_plan_time(ctx, trial, &microseconds) != SEQGPU_OK) continue;
    if (winner && microseconds >= *best) continue;
    winner = c->algorithm[i];
    *best = microseconds;
  }
  sq_host_free(ctx, trial);
  return winner;
}

/* The choice in the cache file, if it has one and that fits. */
static const sq_algorithm *remembered(const sq_candidates *c, const char *cache, const char *key) {
  char name[64];
  if (cache == NULL || !sq_plan_cache_find(cache, key, name, sizeof name)) return NULL;
  for (int i = 0; i < c->count; i++)
    if (strcmp(c->algorithm[i]->name, name) == 0) return c->algorithm[i];
  return NULL;
}

/* The measured choice, or the model's where nothing could be measured.  Trials that fail leave no sentence
 * behind. */
static const sq_algorithm *measured(seqgpu_context *ctx, const seqgpu_plan *plan, const sq_candidates *c,
                                    const seqgpu_plan_options *o) {
  char key[SQ_PLAN_CACHE_KEY], error[SQ_ERROR_SIZE];
  sq_plan_key(ctx, plan, o->algorithm, key, sizeof key);
  const sq_algorithm *known = remembered(c, o->cache, key);
  if (known) return known;
  memcpy(error, ctx->error, sizeof error);
  double microseconds = 0;
  const sq_algorithm *winner = fastest(ctx, plan, c, &microseconds);
  memcpy(ctx->error, error, sizeof error);
  if (winner && o->cache) sq_plan_cache_store(o->cache, key, winner->name, microseconds);
  return winner ? winner : c->algorithm[0];
}

static seqgpu_status choose(seqgpu_context *ctx, seqgpu_plan *plan, const seqgpu_plan_options *o) {
  sq_candidates fitting;
  SQ_TRY(sq_candidates_find(ctx, plan, o->algorithm, o->mode == SEQGPU_PLAN_MEASURE, &fitting));
  return take(ctx, plan, fitting.count > 1 ? measured(ctx, plan, &fitting, o) : fitting.algorithm[0]);
}

/* ---------------------------------------------------------------- plans */

static seqgpu_status take_options(seqgpu_context *ctx, const seqgpu_plan_options *theirs, size_t size,
                                  seqgpu_plan_options *o) {
  *o = (seqgpu_plan_options){.algorithm = NULL};
  if (theirs == NULL) return SEQGPU_OK;
  SQ_TRY(sq_struct_in(ctx, "options", o, sizeof *o, theirs, size));
  if (o->mode == SEQGPU_PLAN_ESTIMATE || o->mode == SEQGPU_PLAN_MEASURE) return SEQGPU_OK;
  return sq_fail(ctx, SEQGPU_EINVAL,
                 "options: mode is %d; it must be SEQGPU_PLAN_ESTIMATE or SEQGPU_PLAN_MEASURE", (int)o->mode);
}

/* The caller's descriptor, checked and resolved. */
static seqgpu_status resolve(seqgpu_context *ctx, const seqgpu_rnn_desc *theirs, size_t size,
                             seqgpu_plan *plan) {
  seqgpu_rnn_desc desc;
  if (theirs == NULL) return sq_fail(ctx, SEQGPU_EINVAL, "desc is NULL");
  SQ_TRY(sq_struct_in(ctx, "desc", &desc, sizeof desc, theirs, size));
  return sq_plan_resolve(ctx, &desc, plan);
}

seqgpu_status seqgpu_plan_create_(seqgpu_context *ctx, const seqgpu_rnn_desc *desc, size_t desc_size,
                                  const seqgpu_plan_options *options, size_t options_size,
                                  seqgpu_plan **out) {
  if (out) *out = NULL;
  SQ_TRY(sq_usable(ctx));
  if (out == NULL) return sq_fail(ctx, SEQGPU_EINVAL, "out is NULL");
  seqgpu_plan_options o;
  SQ_TRY(take_options(ctx, options, options_size, &o));
  seqgpu_plan *plan = sq_host_alloc(ctx, sizeof *plan); /* here and elsewhere not on the stack: it is 7 KB */
  if (plan == NULL) return sq_fail(ctx, SEQGPU_ENOMEM, "plan: out of memory");
  seqgpu_status status = resolve(ctx, desc, desc_size, plan);
  if (status == SEQGPU_OK) status = choose(ctx, plan, &o);
  if (status == SEQGPU_OK)
    *out = plan;
  else
    sq_host_free(ctx, plan);
  return status;
}

/* ---------------------------------------------------------------- what the planner thinks */

int seqgpu_algorithm_count(const seqgpu_context *ctx) {
  int count = 0;
  if (ctx == NULL || ctx->ops == NULL) return 0;
  while (sq_algorithm_at(ctx, count)) count++;
  return count;
}

static seqgpu_status describe(seqgpu_context *ctx, const seqgpu_plan *plan, const sq_algorithm *algorithm,
                              seqgpu_algorithm_info *info) {
  char text[256];
  int64_t chunk;
  const char *why = sq_algorithm_refusal(ctx, plan, algorithm, text, sizeof text);
  *info = (seqgpu_algorithm_info){.estimate_us = why ? 0 : sq_algorithm_cost(ctx, plan, algorithm, &chunk),
                                  .by_name = algorithm->by_name};
  if (why == sq_no_answer || isnan(info->estimate_us)) return sq_algorithm_unanswered(ctx, algorithm);
  snprintf(info->name, sizeof info->name, "%s", algorithm->name);
  snprintf(info->why_not, sizeof info->why_not, "%s", why ? why : "");
  return SEQGPU_OK;
}

seqgpu_status seqgpu_algorithm_get_(seqgpu_context *ctx, const seqgpu_rnn_desc *desc, size_t desc_size,
                                    int index, seqgpu_algorithm_info *out, size_t out_size) {
  SQ_TRY(sq_usable(ctx));
  if (out == NULL) return sq_fail(ctx, SEQGPU_EINVAL, "out is NULL");
  SQ_TRY(sq_check_range(ctx, "index", index, 0, seqgpu_algorithm_count(ctx) - 1));
  seqgpu_plan *plan = sq_host_alloc(ctx, sizeof *plan);
  if (plan == NULL) return sq_fail(ctx, SEQGPU_ENOMEM, "algorithm: out of memory");
  seqgpu_algorithm_info info;
  seqgpu_status status = resolve(ctx, desc, desc_size, plan);
  if (status == SEQGPU_OK) status = describe(ctx, plan, sq_algorithm_at(ctx, index), &info);
  if (status == SEQGPU_OK) sq_struct_out(out, out_size, &info, sizeof info);
  sq_host_free(ctx, plan);
  return status;
}
