/* packed.h - where the packed weights of a plan lie, for algorithms that pack them (seqgpu_rnn_pack).
 *
 *   mark [64 bytes]   layer 0, a part for each direction   layer 1, ...
 *
 * The mark tells weights that were packed for this plan from any other memory. */
#ifndef SQ_PLAN_PACKED_H
#define SQ_PLAN_PACKED_H

#include "host/plan/plan.h"

/* Asks plan->algorithm for the sizes of its packed weights, and notes them and their mark in the plan. */
void sq_plan_ask_packed(seqgpu_plan *plan);

/* Bytes of everything; 0 where the algorithm packs nothing. */
int64_t sq_plan_packed_size(const seqgpu_plan *plan);

/* Where a layer and direction begin, in bytes. */
int64_t sq_plan_packed_offset(const seqgpu_plan *plan, int64_t layer, int64_t direction);

#endif
