/* waves.h - whether the layers of a stack should run side by side. */
#ifndef SQ_PLANNER_WAVES_H
#define SQ_PLANNER_WAVES_H

#include "host/plan/plan.h"

/* Steps per chunk with which the algorithm's layers should run side by side (host/run/wavefront.c); 0: one
 * after the other is as good, or all there is.  *cost, the microseconds of all layers one after the other, is
 * lowered to those of the wavefront; NaN if the device could not be asked. */
int64_t sq_wave_choose(seqgpu_context *ctx, const seqgpu_plan *plan, const sq_algorithm *algorithm,
                       double *cost);

#endif
