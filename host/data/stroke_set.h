/* stroke_set.h - drawings of pen strokes in batches: what a model of them learns from.
 *
 * Offsets are divided by one deviation, that of the training set, in x and y alike, so that shapes keep.
 */
#ifndef STROKE_SET_H
#define STROKE_SET_H

#include "host/data/buckets.h"
#include "host/data/step_batch.h"
#include "host/data/strokes.h"

typedef struct stroke_set {
  strokes ink; /* filled by a reader; no drawing: the set is empty, and may be opened all the same */
  int64_t longest;
  int32_t *length; /* [drawings] */
  buckets order;
  step_room room; /* of the batch */
} stroke_set;

/* Divides the offsets that were read by the deviation.  0, or CLI_FAILED after a sentence; stroke_set_close
 * is to be called in any case. */
int stroke_set_open(stroke_set *s, double deviation, int64_t batch, int64_t seed);
void stroke_set_close(stroke_set *s);

/* The drawings which[count] side by side, 0 before the first point: valid until the next call.  0 when out of
 * memory. */
int stroke_set_batch(stroke_set *s, const int32_t *which, int64_t count, step_batch *out);

/* The loss, in nats a point, of always answering the one Gaussian that fits all offsets best, and how often a
 * stroke ends; NaN if they all lie on a line. */
double stroke_set_entropy(const stroke_set *s);

#endif
