/* check.h - whether a descriptor could be run at all. */
#ifndef SQ_PLAN_CHECK_H
#define SQ_PLAN_CHECK_H

#include "host/plan/plan.h"

/* The sizes and cell options of a descriptor, as core/ wants them. */
sq_config sq_plan_config(const seqgpu_rnn_desc *desc);

/* Every field, and the total size.  The cell's own demands are checked when its layout is made (resolve.c).
 */
seqgpu_status sq_plan_check(seqgpu_context *ctx, const seqgpu_rnn_desc *desc);

#endif
