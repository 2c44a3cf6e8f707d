/* layers.c - the layers of a plan (layers.h).  Layer 0 reads x; those above it read Y elements and are all
 * alike. */
#include "host/plan/layers.h"

#include <stdio.h>

#include "core/masks.h"

const sq_layout *sq_plan_layout(const seqgpu_plan *plan, int64_t layer) {
  return layer == 0 ? &plan->first : &plan->rest;
}

sq_problem sq_plan_problem(const seqgpu_plan *plan, int64_t layer, int training) {
  const seqgpu_rnn_desc *d = &plan->desc;
  return (sq_problem){.layout = sq_plan_layout(plan, layer),
                      .seq_len = d->seq_len,
                      .batch = d->batch,
                      .directions = (int)plan->directions,
                      .reverse = d->reverse,
                      .training = training,
                      .math = (sq_math)d->math};
}

int64_t sq_plan_param_offset(const seqgpu_plan *plan, int64_t layer, int64_t direction) {
  if (layer == 0) return direction * plan->first.param_elements;
  return plan->directions * (plan->first.param_elements + (layer - 1) * plan->rest.param_elements) +
         direction * plan->rest.param_elements;
}

int64_t sq_plan_whole_batch(const seqgpu_plan *plan) {
  return plan->desc.whole_batch > 0 ? plan->desc.whole_batch : plan->desc.batch;
}

/* A block is four numbers, and the mask of each layer begins with a block of its own. */
int64_t sq_plan_dropout_blocks(const seqgpu_plan *plan) {
  const int64_t elements = plan->desc.seq_len * sq_plan_whole_batch(plan) * plan->output_width;
  return plan->desc.dropout > 0 ? (elements + 3) / 4 : 0;
}

int64_t sq_plan_recurrent_blocks(const seqgpu_plan *plan) {
  return sq_masks_blocks(&plan->first, plan->desc.seq_len, sq_plan_whole_batch(plan));
}

int sq_plan_param_count(const seqgpu_plan *plan) {
  return (int)(plan->layers * plan->directions) * plan->first.params;
}

const sq_param *sq_plan_param(const seqgpu_plan *plan, int index) {
  const int per_direction = plan->first.params, layer = index / per_direction / (int)plan->directions;
  return &sq_plan_layout(plan, layer)->param[index % per_direction];
}

seqgpu_param_info sq_plan_param_info(const seqgpu_plan *plan, int index) {
  const int block = index / plan->first.params;
  const int layer = block / (int)plan->directions, direction = block % (int)plan->directions;
  const sq_param *p = sq_plan_param(plan, index);
  seqgpu_param_info info = {
      .rows = p->rows, .cols = p->cols, .layer = layer, .direction = direction, .fixed = p->fixed};
  info.offset = sq_plan_param_offset(plan, layer, direction) + p->offset;
  snprintf(info.name, sizeof info.name, "%s_l%d%s", p->name, layer, direction ? "_reverse" : "");
  return info;
}
