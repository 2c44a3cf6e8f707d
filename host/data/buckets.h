/* buckets.h - batches of sequences whose lengths are near each other, so that little of a batch is padding.
 *
 * Each epoch has an order of its own, which follows from the seed and the number of the epoch: all sequences
 * are shuffled, each pool of 50 batches is sorted by length and cut into batches, and the batches are
 * shuffled.  Every sequence is in one batch of each epoch; one batch of them may be smaller.
 *
 * A batch may be learnt in shards: number k of S has its sequences k n / S to (k + 1) n / S - 1, of n, which are
 * none where n is less than S.  What is drawn for a sequence goes by its number in the whole batch, and a shard
 * is filled up to the longest sequence of that, so that the shards together are the batch.
 */
#ifndef BUCKETS_H
#define BUCKETS_H

#include <stdint.h>

enum { BUCKETS_NONE = -1, BUCKETS_SORTED = -2 };

/* Sequences side by side: a batch, or a part of it. */
typedef struct buckets_part {
  const int32_t *batch;        /* [whole] the sequences of the batch */
  int64_t whole, first, count; /* those of the part are its numbers first to first + count - 1 */
} buckets_part;

typedef struct buckets {
  int64_t count, batch, batches; /* sequences; the most of a batch; batches of an epoch */
  uint64_t seed;
  const int32_t *length;     /* [count] the caller's */
  int64_t epoch;             /* that the orders are of, or one of these: */
  int32_t *order;            /* [count] of the sequences */
  int32_t *turn;             /* [batches] of the batches */
  struct buckets_item *item; /* [count] to sort */
  int64_t shard, shards;     /* which of each batch is learnt; 0 shards: all of it */
  buckets_part part;         /* that was given last */
} buckets;

/* 0, or CLI_FAILED after a sentence: out of memory.  buckets_free is to be called in any case. */
int buckets_create(int64_t count, const int32_t *length, int64_t batch, int64_t seed, buckets *out);
void buckets_free(buckets *b);

/* What is learnt of each batch from now on: a shard of so many. */
void buckets_take(buckets *b, int64_t shard, int64_t shards);
/* The part of update number `step`, from 0; valid until the next call.  `batch` is NULL where there is no order,
 * since each update draws its own sequences. */
buckets_part buckets_update(buckets *b, int64_t step);
/* The same, the sequences [*count] of the part alone. */
const int32_t *buckets_batch(buckets *b, int64_t step, int64_t *count);
/* The part that sequences which[count] are: that of the order, if it has given them last; else they are whole,
 * as they are where b is NULL. */
buckets_part buckets_part_of(const buckets *b, const int32_t *which, int64_t count);

/* The longest sequence of the part's whole batch, of those that have length[i] steps. */
int64_t buckets_longest(const buckets_part *part, const int32_t *length);

/* The sequences [*count] of batch number `batch` of a validation: all by falling length, those of equal
 * lengths as they come.  Valid until the next call. */
const int32_t *buckets_in_turn(buckets *b, int64_t batch, int64_t *count);

/* So many steps do the sequences of a batch have together, at most. */
int64_t buckets_most_steps(buckets *b);

#endif
