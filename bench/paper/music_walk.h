/* music_walk.h - the way through the pieces of a piano roll, in batches of ragged windows.
 *
 * B streams walk side by side: each goes through a piece in windows of nearly equal length, of at most W
 * steps, then takes the next piece that nobody has begun.  A stream that finds none leaves the batch.  The
 * state of a network is kept between the windows of a piece, and begins at zero.
 *
 *   walk_start(&w, seed);                      // another order of pieces for each seed, 0: as they stand
 *   while (walk_next(&w)) { ...x, target, length and state of a batch...; write the new states to w.state }
 */
#ifndef PAPER_MUSIC_WALK_H
#define PAPER_MUSIC_WALK_H

#include "host/data/rolls.h"

typedef struct walk {
  const rolls *r;
  int64_t streams, window, units; /* B, W, and elements of a state */
  int64_t *order, next;           /* [pieces], and the place there of the next piece */
  int64_t *piece, *at;            /* [B] of each stream, and the step there that comes next */
  /* The batch: T steps of n streams. */
  int64_t steps, active;
  int64_t count;   /* steps of all streams together, without padding */
  float *x;        /* [T,n,88] the step before; of the first step of a piece, silence */
  float *target;   /* [T,n,88] */
  int32_t *length; /* [n] */
  float *state;    /* [n,units] */
} walk;

/* Room for a walk through `r`, which must stay: 0, or 1 after a sentence on stderr. */
int walk_open(walk *w, const rolls *r, int64_t streams, int64_t window, int64_t units);
void walk_close(walk *w);
void walk_start(walk *w, uint64_t seed);
/* The next batch; 0 at the end of all pieces. */
int walk_next(walk *w);

#endif
