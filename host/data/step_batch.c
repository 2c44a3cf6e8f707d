/* step_batch.c - see step_batch.h. */
#include "host/data/step_batch.h"

#include <stdlib.h>
#include <string.h>

#include "host/data/grow.h"

/* 0 when out of memory. */
static int make_room(step_room *r, size_t elements, size_t ends) {
  void *memory = r->memory, *lengths = r->ends;
  const int ok = grow(&memory, &r->room, elements, sizeof *r->memory) &&
                 grow(&lengths, &r->room_ends, ends, sizeof *r->ends);
  r->memory = memory;
  r->ends = lengths;
  return ok;
}

int step_batch_begin(step_room *r, const buckets *order, int64_t width, const int32_t *which, int64_t count,
                     step_batch *out) {
  const int32_t *length = order->length;
  const buckets_part part = buckets_part_of(order, which, count);
  *out = (step_batch){.batch = count, .first = part.first, .seq_len = buckets_longest(&part, length)};
  for (int64_t i = 0; i < count; i++) out->steps += length[which[i]];
  const size_t elements = (size_t)(out->seq_len * count * width);
  if (!make_room(r, 2 * elements, (size_t)count)) return 0;
  memset(r->memory, 0, 2 * elements * sizeof *r->memory);
  for (int64_t i = 0; i < count; i++) r->ends[i] = length[which[i]];
  out->lengths = r->ends;
  out->before = r->memory;
  out->x = r->memory + elements;
  return 1;
}

void step_room_free(step_room *r) {
  free(r->memory);
  free(r->ends);
  *r = (step_room){.memory = NULL};
}
