/* candidates.h - the algorithms among which a plan chooses, cheapest first. */
#ifndef SQ_PLANNER_CANDIDATES_H
#define SQ_PLANNER_CANDIDATES_H

#include "host/plan/plan.h"

/* More than any device has; one that comes after them would not be considered. */
enum { SQ_MAX_CANDIDATES = 32 };

typedef struct sq_candidates {
  int count;
  const sq_algorithm *algorithm[SQ_MAX_CANDIDATES];
  double cost[SQ_MAX_CANDIDATES]; /* microseconds by the model */
} sq_candidates;

/* Algorithm `index` of the context's device and element type, NULL past the last. */
const sq_algorithm *sq_algorithm_at(const seqgpu_context *ctx, int index);

/* NULL if the algorithm can run all layers of the plan, else why not (may use text[size]); sq_no_answer if the
 * device could not be asked, as is NaN below. */
const char *sq_algorithm_refusal(seqgpu_context *ctx, const seqgpu_plan *plan, const sq_algorithm *algorithm,
                                 char *text, size_t size);

/* Microseconds of a forward of all layers by the model, in training of a backward with it; *chunk: steps per
 * chunk of the wavefront, 0 where the layers run one after the other. */
double sq_algorithm_cost(seqgpu_context *ctx, const seqgpu_plan *plan, const sq_algorithm *algorithm,
                         int64_t *chunk);

/* EDEVICE, with the sentence that says of which algorithm. */
seqgpu_status sq_algorithm_unanswered(seqgpu_context *ctx, const sq_algorithm *algorithm);

/* The algorithms called `wanted` (NULL: any) that fit: the cheapest, or with `all` every one.
 * EINVAL: none has that name.  EUNSUPPORTED: none fits, and the sentence says why.  EDEVICE: one could not be
 * asked. */
seqgpu_status sq_candidates_find(seqgpu_context *ctx, const seqgpu_plan *plan, const char *wanted, int all,
                                 sq_candidates *fitting);

#endif
