/* mark.c - the numbers that tell the networks of plans apart (mark.h). */
#include "host/plan/mark.h"

#include <string.h>

#include "host/plan/check.h"

uint64_t sq_mark_bytes(uint64_t hash, const void *data, size_t size) {
  const unsigned char *byte = data;
  for (size_t i = 0; i < size; i++) hash = (hash ^ byte[i]) * 0x100000001B3u;
  return hash;
}

static uint64_t add_value(uint64_t hash, double value) { return sq_mark_bytes(hash, &value, sizeof value); }

uint64_t sq_plan_packed_mark(const seqgpu_plan *plan) {
  const sq_config config = sq_plan_config(&plan->desc);
  uint64_t hash = SQ_MARK_START;
  hash = sq_mark_bytes(hash, plan->algorithm->name, strlen(plan->algorithm->name));
  hash = sq_mark_bytes(hash, plan->desc.cell, strlen(plan->desc.cell));
  hash = add_value(hash, (double)config.input_size);
  hash = add_value(hash, (double)config.hidden_size);
  hash = add_value(hash, (double)plan->layers);
  hash = add_value(hash, (double)plan->directions);
  hash = add_value(hash, (double)plan->desc.merge);
  for (int i = 0; i < SQ_OPTIONS; i++) hash = add_value(hash, sq_options[i].value(&config));
  return hash;
}

uint64_t sq_plan_mark(const seqgpu_plan *plan) {
  uint64_t hash = add_value(sq_plan_packed_mark(plan), (double)plan->dtype);
  hash = add_value(hash, (double)plan->desc.batch_first);
  hash = add_value(hash, (double)plan->desc.reverse);
  return add_value(hash, plan->desc.dropout);
}
