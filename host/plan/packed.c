/* packed.c - where the packed weights of a plan lie (packed.h). */
#include "host/plan/packed.h"

#include "host/plan/layers.h"
#include "host/plan/mark.h"

enum { MARK_SIZE = 64 };

int64_t sq_plan_packed_offset(const seqgpu_plan *plan, int64_t layer, int64_t direction) {
  const int64_t first = plan->packed_size[0], rest = plan->packed_size[1];
  if (layer == 0) return MARK_SIZE + direction * first;
  return MARK_SIZE + plan->directions * (first + (layer - 1) * rest) + direction * rest;
}

int64_t sq_plan_packed_size(const seqgpu_plan *plan) {
  return plan->packed_size[0] ? sq_plan_packed_offset(plan, plan->layers, 0) : 0;
}

void sq_plan_ask_packed(seqgpu_plan *plan) {
  plan->packed_size[0] = plan->algorithm->packed(&plan->first);
  plan->packed_size[1] = plan->algorithm->packed(&plan->rest);
  plan->packed_mark = sq_plan_packed_mark(plan);
}
