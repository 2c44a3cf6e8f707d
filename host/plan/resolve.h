/* resolve.h - from a descriptor to a plan without an algorithm. */
#ifndef SQ_PLAN_RESOLVE_H
#define SQ_PLAN_RESOLVE_H

#include "host/plan/plan.h"

/* Checks the descriptor and fills everything of *plan but the algorithm and what depends on it. */
seqgpu_status sq_plan_resolve(seqgpu_context *ctx, const seqgpu_rnn_desc *desc, seqgpu_plan *plan);

#endif
