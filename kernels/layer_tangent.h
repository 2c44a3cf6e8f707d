/* layer_tangent.h - the tangent pass over the steps of a layer on a device (layer_tangent.cu), for another
 * pass that needs derivatives along a direction of the states (layer_signals.cu).  The CPU's is
 * core/layer_tangent.h.
 */
#ifndef SQ_KERNELS_LAYER_TANGENT_H
#define SQ_KERNELS_LAYER_TANGENT_H

#include "kernels/layer_job.h"

/* The tangents of gates and aux are the job's dgates and daux; what backward of ones leaves is here, and in
 * the job's dstate. */
struct sq_tangent_pass {
  sq_layer_job j;
  const sq_layer_tangent *of;
  float *tstate[2][SQ_MAX_STATES]; /* [B,W_k] before and after a step, in turn */
  float *dgates, *daux;            /* [B,G], [B,A] */
};

/* Elements beyond the frame of backward (job.h). */
int64_t sq_tangent_room(const sq_layout *layout, int64_t batch);

/* Lays out the pass of a run as it is for backward, and behind it. */
void sq_tangent_place(sq_tangent_pass *p, const sq_layer_run *run);

/* All steps of the job: from tstate[0], and what dgates and daux begin with, to tstate[steps % 2]. */
int sq_tangent_steps(sq_exec *exec, const sq_tangent_pass &p);

#endif
