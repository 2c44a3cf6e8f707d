/* candidates.c - the algorithms among which a plan chooses.
 *
 *   the algorithms of the context's device and element type   host/plan/algorithms.c
 *   -> those with the wanted name                             none: EINVAL
 *   -> those that do not refuse a layer of the plan           none: EUNSUPPORTED, with the reason
 *
 * Of two that cost the same, the one that comes first in the table comes first.
 */
#include "host/planner/candidates.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "host/plan/algorithms.h"
#include "host/plan/layers.h"
#include "host/planner/waves.h"

static int is_of(const sq_algorithm *a, const seqgpu_context *ctx) {
  return strcmp(a->device, ctx->backend->device->name) == 0 && a->dtype == ctx->dtype;
}

/* True if the algorithm is called `wanted`: "persistent-grid", "cuda/persistent-grid", or unless only its
 * whole name will do, the beginning "persistent" or nothing at all. */
static int is_called(const sq_algorithm *a, const char *wanted) {
  if (wanted == NULL) return !a->by_name;
  const size_t device = strlen(a->device);
  if (strncmp(wanted, a->device, device) == 0 && wanted[device] == '/') wanted += device + 1;
  const size_t length = strlen(wanted);
  if (length == 0 || strncmp(a->id, wanted, length) != 0) return 0;
  return a->id[length] == 0 || (a->id[length] == '-' && !a->by_name);
}

const sq_algorithm *sq_algorithm_at(const seqgpu_context *ctx, int index) {
  for (const sq_algorithm *a = sq_algorithms; a->name && index >= 0; a++)
    if (is_of(a, ctx) && index-- == 0) return a;
  return NULL;
}

static const char *tangents_refused(seqgpu_context *ctx, const sq_algorithm *a, const sq_problem *problem,
                                    char *text, size_t size) {
  if (a->tangent == NULL) return "tangents: are asked for, and the algorithm has none";
  return sq_pass_refusal(&ctx->exec, a, problem, text, size);
}

const char *sq_algorithm_refusal(seqgpu_context *ctx, const seqgpu_plan *plan, const sq_algorithm *algorithm,
                                 char *text, size_t size) {
  const sq_problem first = sq_plan_problem(plan, 0, !plan->desc.inference);
  const sq_problem rest = sq_plan_problem(plan, 1, !plan->desc.inference);
  if (sq_plan_has_omega(plan) && algorithm->reserve)
    return "omega: is given, and the algorithm keeps the states in a form that only it can read";
  const char *why = plan->desc.tangents ? tangents_refused(ctx, algorithm, &first, text, size) : NULL;
  if (why == NULL) why = algorithm->refuses(&ctx->exec, &first, text, size);
  return why || plan->layers == 1 ? why : algorithm->refuses(&ctx->exec, &rest, text, size);
}

double sq_algorithm_cost(seqgpu_context *ctx, const seqgpu_plan *plan, const sq_algorithm *algorithm,
                         int64_t *chunk) {
  const sq_problem first = sq_plan_problem(plan, 0, !plan->desc.inference);
  const sq_problem rest = sq_plan_problem(plan, 1, !plan->desc.inference);
  double cost = algorithm->estimate(&ctx->exec, &first);
  if (plan->layers > 1) cost += (double)(plan->layers - 1) * algorithm->estimate(&ctx->exec, &rest);
  *chunk = sq_wave_choose(ctx, plan, algorithm, &cost);
  return cost;
}

static void insert(sq_candidates *c, const sq_algorithm *algorithm, double cost) {
  if (c->count == SQ_MAX_CANDIDATES) return;
  int i = c->count++;
  for (; i > 0 && c->cost[i - 1] > cost; i--) {
    c->algorithm[i] = c->algorithm[i - 1];
    c->cost[i] = c->cost[i - 1];
  }
  c->algorithm[i] = algorithm;
  c->cost[i] = cost;
}

seqgpu_status sq_algorithm_unanswered(seqgpu_context *ctx, const sq_algorithm *algorithm) {
  return sq_fail(ctx, SEQGPU_EDEVICE, "plan: algorithm %s: %s", algorithm->name, sq_no_answer);
}

/* All that are called `wanted`, whether they fit or not. */
static seqgpu_status find_called(seqgpu_context *ctx, const seqgpu_plan *plan, const char *wanted,
                                 sq_candidates *called) {
  int64_t chunk;
  for (const sq_algorithm *a = sq_algorithms; a->name; a++) {
    if (!is_of(a, ctx) || !is_called(a, wanted)) continue;
    const double cost = sq_algorithm_cost(ctx, plan, a, &chunk);
    if (isnan(cost)) return sq_algorithm_unanswered(ctx, a);
    insert(called, a, cost);
  }
  return SEQGPU_OK;
}

/* Algorithms that cost more than one that fits are not even asked: some load a library to answer. */
seqgpu_status sq_candidates_find(seqgpu_context *ctx, const seqgpu_plan *plan, const char *wanted, int all,
                                 sq_candidates *fitting) {
  sq_candidates called = {.count = 0};
  SQ_TRY(find_called(ctx, plan, wanted, &called));
  char text[256], reason[256] = "";
  *fitting = (sq_candidates){.count = 0};
  for (int i = 0; i < called.count && (all || fitting->count == 0); i++) {
    const char *why = sq_algorithm_refusal(ctx, plan, called.algorithm[i], text, sizeof text);
    if (why == sq_no_answer) return sq_algorithm_unanswered(ctx, called.algorithm[i]);
    if (why == NULL)
      insert(fitting, called.algorithm[i], called.cost[i]);
    else if (reason[0] == 0) /* the first reason speaks for a whole family */
      snprintf(reason, sizeof reason, "%s", why);
  }
  if (fitting->count > 0) return SEQGPU_OK;
  if (called.count == 0)
    return sq_fail(ctx, SEQGPU_EINVAL, "options: algorithm is \"%.60s\"; device \"%s\" has no such algorithm",
                   wanted ? wanted : "(any)", ctx->backend->device->name);
  return sq_fail(ctx, SEQGPU_EUNSUPPORTED, "options: algorithm is \"%.60s\"; it cannot run this: %s",
                 wanted ? wanted : "(any)", reason);
}
