/* pair_set.h - pairs as numbers and in batches of near lengths: what a translator learns from.
 *
 * Letters: S = words of the longest source of a batch, T = of the longest target and its end, B = pairs.
 */
#ifndef PAIR_SET_H
#define PAIR_SET_H

#include "host/data/buckets.h"
#include "host/data/pairs.h"
#include "host/data/word_set.h"
#include "seqgpu/translator.h"

typedef struct pair_set {
  pairs text;              /* filled by a reader; none: the set is empty, and may be opened all the same */
  word_set source, target; /* their numbers; target: none where nothing is known of it */
  int32_t *length;         /* [count] of both together, by which batches are made; 0 of an empty source */
  buckets order;
  int backwards;   /* the source is read so */
  int32_t end;     /* the class of the end */
  int32_t *memory; /* of the batch */
  size_t room;
} pair_set;

typedef struct pair_batch {
  seqgpu_translator_batch words;
  const int32_t *target; /* [T,B] the words that are to be written, and then the end; -1 behind it */
  int64_t steps;         /* of all targets, with their ends */
} pair_batch;

/* Numbers what was read.  0, or CLI_FAILED after a sentence; pair_set_close is to be called in any case. */
int pair_set_open(pair_set *s, const vocabulary *source, const vocabulary *target, int backwards,
                  int64_t batch, int64_t seed);
void pair_set_close(pair_set *s);

/* The pairs which[count], all of which have a source, side by side; valid until the next call.  0 when out of
 * memory. */
int pair_set_batch(pair_set *s, const int32_t *which, int64_t count, pair_batch *out);

/* Words of all targets, with their ends. */
int64_t pair_set_steps(const pair_set *s);
/* The loss of always answering how frequent each word is; NaN when out of memory. */
double pair_set_entropy(const pair_set *s);

#endif
