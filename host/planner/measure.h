/* measure.h - how long a plan takes on this device. */
#ifndef SQ_PLANNER_MEASURE_H
#define SQ_PLANNER_MEASURE_H

#include "host/plan/plan.h"

/* Times the plan's algorithm on buffers of its own: median microseconds of a forward, and of the backward
 * with it unless the plan is for inference.  Waits for the device. */
seqgpu_status sq_plan_time(seqgpu_context *ctx, const seqgpu_plan *plan, double *microseconds);

#endif
