/* how.h - how a network runs, whatever it computes: arithmetic, algorithm, and choices that were measured
 * before. */
#ifndef HOW_H
#define HOW_H

#include "host/cli/args.h"
#include "seqgpu/seqgpu.h"

typedef struct how_options {
  seqgpu_math math;
  const char *plan;  /* an algorithm, or the beginning of several names; NULL = the planner's choice */
  const char *cache; /* of plans that are measured; NULL = plans are estimated */
} how_options;

/* --math, --plan, --plan-cache.  --math is kept in checkpoints, so that a resumed run goes on in it. */
extern const arg_spec how_specs[];

/* What the library calls it; the math belongs to the descriptor. */
seqgpu_plan_options how_to_plan(const how_options *how);

#endif
