/* reservoir.h - how the reservoir of an echo state network runs: on its plan, or on the CPU by its links alone,
 * where they are few. */
#ifndef SQ_RESERVOIR_H
#define SQ_RESERVOIR_H

#include "core/sparse.h"
#include "host/plan/plan.h"

typedef struct sq_reservoir {
  const seqgpu_plan *plan; /* the caller's, of one layer and direction */
  sq_links links;          /* most = 0: it always runs on the plan */
  void *workspace;         /* of the links */
  int sparse;              /* 1 between a begin that found few links and the next begin */
} sq_reservoir;

/* At most `links` into each unit.  ENOMEM; release it in any case. */
seqgpu_status sq_reservoir_open(seqgpu_context *ctx, const seqgpu_plan *plan, int64_t links,
                                sq_reservoir *out);
void sq_reservoir_release(seqgpu_context *ctx, sq_reservoir *reservoir);

/* Before the runs of one call: looks at the weights, which may have changed since the last one. */
void sq_reservoir_begin(seqgpu_context *ctx, sq_reservoir *reservoir, const void *params);

/* A forward: run->workspace is the plan's. */
seqgpu_status sq_reservoir_run(seqgpu_context *ctx, const sq_reservoir *reservoir, const seqgpu_rnn_run *run);

#endif
