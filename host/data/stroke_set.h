/* stroke_set.h - drawings of pen strokes in batches: what a model of them learns from.
 *
 * Offsets are divided by one deviation, that of the training set, in x and y alike, so that shapes keep.
 * Letters: T = points of the longest drawing of a batch, B = drawings.
 */
#ifndef STROKE_SET_H
#define STROKE_SET_H

#include "host/data/buckets.h"
#include "host/data/strokes.h"

/* Drawings side by side. */
typedef struct stroke_batch {
  int64_t seq_len, batch; /* T, B */
  int64_t points;         /* of all drawings together, without padding */
  const int32_t *lengths; /* [B] */
  const float *before,
      *x; /* [T,B,3] the point before, 0 before the first; the point itself; both 0 behind the
                              end of a drawing */
} stroke_batch;

typedef struct stroke_set {
  strokes ink; /* filled by a reader; no drawing: the set is empty, and may be opened all the same */
  int64_t longest;
  int32_t *length; /* [drawings] */
  buckets order;
  float *memory; /* of the batch, with `room` elements */
  int32_t *ends;
  size_t room, room_ends;
} stroke_set;

/* Divides the offsets that were read by the deviation.  0, or CLI_FAILED after a sentence; stroke_set_close
 * is to be called in any case. */
int stroke_set_open(stroke_set *s, double deviation, int64_t batch, int64_t seed);
void stroke_set_close(stroke_set *s);

/* The drawings which[count] side by side: valid until the next call.  0 when out of memory. */
int stroke_set_batch(stroke_set *s, const int32_t *which, int64_t count, stroke_batch *out);

/* The loss, in nats a point, of always answering the one Gaussian that fits all offsets best, and how often a
 * stroke ends; NaN if they all lie on a line. */
double stroke_set_entropy(const stroke_set *s);

#endif
