/* buckets.h - batches of sequences whose lengths are near each other, so that little of a batch is padding.
 *
 * Each epoch has an order of its own, which follows from the seed and the number of the epoch: all sequences
 * are shuffled, each pool of 50 batches is sorted by length and cut into batches, and the batches are
 * shuffled.  Every sequence is in one batch of each epoch; one batch of them may be smaller.
 */
#ifndef BUCKETS_H
#define BUCKETS_H

#include <stdint.h>

enum { BUCKETS_NONE = -1, BUCKETS_SORTED = -2 };

typedef struct buckets {
  int64_t count, batch, batches; /* sequences; the most of a batch; batches of an epoch */
  uint64_t seed;
  const int32_t *length;     /* [count] the caller's */
  int64_t epoch;             /* that the orders are of, or one of these: */
  int32_t *order;            /* [count] of the sequences */
  int32_t *turn;             /* [batches] of the batches */
  struct buckets_item *item; /* [count] to sort */
} buckets;

/* 0, or CLI_FAILED after a sentence: out of memory.  buckets_free is to be called in any case. */
int buckets_create(int64_t count, const int32_t *length, int64_t batch, int64_t seed, buckets *out);
void buckets_free(buckets *b);

/* The sequences [*count] of update number `step`, from 0; valid until the next call. */
const int32_t *buckets_batch(buckets *b, int64_t step, int64_t *count);

/* The sequences [*count] of batch number `batch` of a validation: all by falling length, those of equal
 * lengths as they come.  Valid until the next call. */
const int32_t *buckets_in_turn(buckets *b, int64_t batch, int64_t *count);

/* So many steps do the sequences of a batch have together, at most. */
int64_t buckets_most_steps(buckets *b);

#endif
