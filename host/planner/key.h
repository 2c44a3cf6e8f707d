/* key.h - what a measured choice depends on, as a line of text. */
#ifndef SQ_PLANNER_KEY_H
#define SQ_PLANNER_KEY_H

#include "host/plan/plan.h"

/* The key of a plan whose algorithm is to be chosen among those called `wanted` (NULL: any), for cache.h. */
void sq_plan_key(const seqgpu_context *ctx, const seqgpu_plan *plan, const char *wanted, char *key,
                 size_t size);

#endif
