/* layers.h - the layers of a plan: their layouts, their parameters, and what an algorithm is asked about
 * them. */
#ifndef SQ_PLAN_LAYERS_H
#define SQ_PLAN_LAYERS_H

#include <string.h>

#include "host/plan/plan.h"

/* The layout of a layer. */
const sq_layout *sq_plan_layout(const seqgpu_plan *plan, int64_t layer);

/* What an algorithm is asked about a layer: the plan's largest run of it. */
sq_problem sq_plan_problem(const seqgpu_plan *plan, int64_t layer, int training);

/* The element of the flat parameter buffer with which a layer and direction begins. */
int64_t sq_plan_param_offset(const seqgpu_plan *plan, int64_t layer, int64_t direction);

/* Philox blocks of the largest run, in the order in which they lie from run.offset on: the masks between
 * layers, which follow one another, then what each layer and direction draws inside its recurrence
 * (core/masks.h). */
int64_t sq_plan_whole_batch(const seqgpu_plan *plan);      /* the sequences that they are for */
int64_t sq_plan_dropout_blocks(const seqgpu_plan *plan);   /* of one layer */
int64_t sq_plan_recurrent_blocks(const seqgpu_plan *plan); /* of one layer and direction */

/* The number of named parameters of all layers and directions, and one of them as its layout has it. */
int sq_plan_param_count(const seqgpu_plan *plan);
const sq_param *sq_plan_param(const seqgpu_plan *plan, int index);
/* What seqgpu_plan_param_get tells of it. */
seqgpu_param_info sq_plan_param_info(const seqgpu_plan *plan, int index);

/* Whether backward adds the gradient of a regulariser (host/run/omega.c). */
static inline int sq_plan_has_omega(const seqgpu_plan *plan) {
  return plan->desc.omega > 0 && !plan->desc.inference;
}

/* Whether the regulariser makes the error signals itself, as it can for cell rnn, and not the algorithm. */
static inline int sq_plan_omega_by_itself(const seqgpu_plan *plan) {
  return strcmp(plan->desc.cell, "rnn") == 0;
}

#endif
