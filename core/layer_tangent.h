/* layer_tangent.h - the tangent pass over the steps of a layer on the CPU (layer_tangent.c), for another pass
 * that needs derivatives along a direction of the states (layer_signals.c).
 */
#ifndef SQ_LAYER_TANGENT_H
#define SQ_LAYER_TANGENT_H

#include "core/layer_job.h"

/* The tangents of gates and aux are the job's dgates and daux. */
typedef struct FN(sq_tangent_pass) {
  FN(sq_job) j;
  const sq_layer_tangent *of;
  real *tstate[2][SQ_MAX_STATES]; /* [B,W_k] before and after a step, in turn */
  /* [B,G], [B,A], [B,W_k]: what backward of ones leaves */
  real *dgates, *daux, *dstate[SQ_MAX_STATES];
} FN(sq_tangent_pass);

/* Room for all of it that is not the job's. */
real *FN(sq_tangent_place)(FN(sq_tangent_pass) * p, real *at);

/* All steps of the job, whose weights are packed for forward: from tstate[0], and what dgates and daux begin
 * with, to tstate[steps % 2]. */
void FN(sq_tangent_steps)(FN(sq_tangent_pass) * p);

#endif
