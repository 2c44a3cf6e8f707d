/* roll_set.h - pieces of piano rolls in batches: what a model of music learns from.
 *
 * A piece longer than the window is cut into parts of nearly equal length; each begins with the step before
 * it, and no memory.
 */
#ifndef ROLL_SET_H
#define ROLL_SET_H

#include "host/data/buckets.h"
#include "host/data/rolls.h"
#include "host/data/step_batch.h"

typedef struct roll_set {
  rolls music; /* filled by a reader; no piece: the set is empty, and may be opened all the same */
  int64_t parts, longest;
  int64_t *start;        /* [parts] where each begins among the steps */
  int32_t *length;       /* [parts] */
  unsigned char *begins; /* [parts] 1: it is the first of its piece */
  buckets order;
  step_room room; /* of the batch */
} roll_set;

/* Cuts what was read into parts of at most `window` steps, 0 = whole pieces.  0, or CLI_FAILED after a
 * sentence; roll_set_close is to be called in any case. */
int roll_set_open(roll_set *s, int64_t window, int64_t batch, int64_t seed);
void roll_set_close(roll_set *s);

/* Transposing the parts of an update: up to `most` keys up or down, 0 = not at all, as far as all their keys
 * stay on the keyboard; how far each, follows from seed and update. */
typedef struct roll_shift {
  int64_t most, seed, step;
} roll_shift;

/* The parts which[count] side by side, silence before the first step of a piece: valid until the next call.  0
 * when out of memory. */
int roll_set_batch(roll_set *s, const int32_t *which, int64_t count, roll_shift shift, step_batch *out);

/* The loss, in nats a step, of always answering how often each key sounds. */
double roll_set_entropy(const roll_set *s);

#endif
