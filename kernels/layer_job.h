/* layer_job.h - a layer that is walked step by step on a device: what the passes of the algorithm `step` have
 * in common (layer.cu, layer_tangent.cu, layer_signals.cu).  The CPU's is core/layer_job.h.
 */
#ifndef SQ_KERNELS_LAYER_JOB_H
#define SQ_KERNELS_LAYER_JOB_H

#include "core/step.h"
#include "core/structure.h"
#include "kernels/job.h"

/* A cell's pointwise step (cells.h). */
struct sq_cell_launchers {
  const char *name;
  int (*forward)(sq_exec *exec, const sq_step_f32 *step, int stage);
  int (*backward)(sq_exec *exec, const sq_step_f32 *step, int stage);
};

struct sq_layer_job : sq_job {
  const sq_cell_launchers *cell;
  int enters, leaves;         /* masks before and after the step */
  const uint64_t *key;        /* what they are drawn from, in the workspace; NULL in inference */
  float *held[SQ_MAX_STATES]; /* backward, [B,W_k] of states with zoneout */
};

/* The row of a layout's cell. */
const sq_cell_launchers *sq_launchers_of(const sq_layout *layout);

/* The key lies in the workspace of training, behind the frame of backward (job.h): its elements, 0 of a layout
 * without masks; where a job finds it; and what writes it, apart from what is replayed. */
int64_t sq_layer_key_size(const sq_layout *layout);
void sq_layer_place_key(const sq_layer_run *run, sq_layer_job *j);
int sq_layer_write_key(sq_exec *exec, const sq_layer_run *run);

/* The step at local time t (0 is t0), without what only forward or only backward needs; and for backward, but
 * for its masks. */
sq_step_f32 sq_layer_step(const sq_layer_job &j, int64_t t);
sq_step_f32 sq_layer_step_back(const sq_layer_job &j, int64_t t);

/* A place of one step: its value, or with `gradient` its gradient. */
sq_matrix sq_layer_place(const sq_step_f32 &s, const sq_place &p, bool gradient);

/* The batch of structured product i at one step. */
sq_rows_f32 sq_layer_rows(const sq_layer_job &j, const sq_step_f32 &s, int i);

/* Product i of a step.  One into the gates is added; one into aux overwrites, or is added as well if `adds`
 * is set. */
int sq_layer_product(sq_exec *exec, const sq_layer_job &j, const sq_step_f32 &s, int i, bool adds);

/* The tensors of a step for its norms. */
sq_norm_rows_f32 sq_layer_norm_rows(const sq_layer_job &j, const sq_step_f32 &s);

/* The stages of a step backward, last first: from dy and dstate at the new states to dgates, daux, and dstate
 * at the old ones. */
int sq_layer_stages_back(sq_exec *exec, const sq_layer_job &j, const sq_step_f32 &s);

#endif
