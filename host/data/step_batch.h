/* step_batch.h - sequences of rows of numbers side by side, for models that say what comes next: every step, and
 * the one before it.  Letters: T = steps of the longest sequence, B = sequences, W = numbers of a step.
 */
#ifndef STEP_BATCH_H
#define STEP_BATCH_H

#include <stddef.h>
#include <stdint.h>

#include "host/data/buckets.h"

typedef struct step_batch {
  int64_t seq_len, batch; /* T, B */
  int64_t first;          /* the number of the first sequence in the whole batch */
  int64_t steps;          /* of all sequences together, without padding */
  const int32_t *lengths; /* [B] */
  float *before, *x;      /* [T,B,W] the step before, the step itself; both 0 behind the end of a sequence */
} step_batch;

/* Memory of a batch, for one after the other. */
typedef struct step_room {
  float *memory;
  int32_t *ends;
  size_t room, room_ends;
} step_room;

/* A batch of the sequences which[count] of an order; all of its numbers are 0, until the caller writes them.
 * Valid until the next call.  0 when out of memory. */
int step_batch_begin(step_room *room, const buckets *order, int64_t width, const int32_t *which,
                     int64_t count, step_batch *out);
void step_room_free(step_room *room);

#endif
