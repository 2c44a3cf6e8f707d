/* packed.c - where the packed weights of a plan lie (packed.h). */
#include "host/plan/packed.h"

#include <string.h>

#include "host/plan/check.h"
#include "host/plan/layers.h"

enum { MARK_SIZE = 64 };

int64_t sq_plan_packed_offset(const seqgpu_plan *plan, int64_t layer, int64_t direction) {
  const int64_t first = plan->packed_size[0], rest = plan->packed_size[1];
  if (layer == 0) return MARK_SIZE + direction * first;
  return MARK_SIZE + plan->directions * (first + (layer - 1) * rest) + direction * rest;
}

int64_t sq_plan_packed_size(const seqgpu_plan *plan) {
  return plan->packed_size[0] ? sq_plan_packed_offset(plan, plan->layers, 0) : 0;
}

/* FNV-1a: Fowler, Noll and Vo's hash of bytes. */
static uint64_t add_bytes(uint64_t hash, const void *data, size_t size) {
  const unsigned char *byte = data;
  for (size_t i = 0; i < size; i++) hash = (hash ^ byte[i]) * 0x100000001B3u;
  return hash;
}

static uint64_t add_value(uint64_t hash, double value) { return add_bytes(hash, &value, sizeof value); }

/* The same for plans that differ in seq_len and batch alone. */
static uint64_t mark_of(const seqgpu_plan *plan) {
  const sq_config config = sq_plan_config(&plan->desc);
  uint64_t hash = 0xCBF29CE484222325u;
  hash = add_bytes(hash, plan->algorithm->name, strlen(plan->algorithm->name));
  hash = add_bytes(hash, plan->desc.cell, strlen(plan->desc.cell));
  hash = add_value(hash, (double)config.input_size);
  hash = add_value(hash, (double)config.hidden_size);
  hash = add_value(hash, (double)plan->layers);
  hash = add_value(hash, (double)plan->directions);
  hash = add_value(hash, (double)plan->desc.merge);
  for (int i = 0; i < SQ_OPTIONS; i++) hash = add_value(hash, sq_options[i].value(&config));
  return hash;
}

void sq_plan_ask_packed(seqgpu_plan *plan) {
  plan->packed_size[0] = plan->algorithm->packed(&plan->first);
  plan->packed_size[1] = plan->algorithm->packed(&plan->rest);
  plan->packed_mark = mark_of(plan);
}
