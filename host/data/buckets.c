/* buckets.c - see buckets.h. */
#include "host/data/buckets.h"

#include <stdlib.h>

#include "host/cli/cli.h"
#include "host/data/shuffle.h"

enum { POOL = 50 }; /* batches that are sorted together */

/* The streams of random numbers: of sequences, of batches. */
static const uint64_t SEQUENCES = UINT64_C(7) << 60, BATCHES = UINT64_C(8) << 60;

/* A sequence, and where it stood before it was sorted. */
typedef struct buckets_item {
  int32_t length, place, sequence;
} buckets_item;

int buckets_create(int64_t count, const int32_t *length, int64_t batch, int64_t seed, buckets *out) {
  *out = (buckets){.count = count,
                   .batch = batch,
                   .batches = (count + batch - 1) / batch,
                   .seed = (uint64_t)seed,
                   .length = length,
                   .epoch = BUCKETS_NONE};
  out->order = malloc((size_t)count * sizeof *out->order);
  out->turn = malloc((size_t)out->batches * sizeof *out->turn);
  out->item = malloc((size_t)count * sizeof *out->item);
  return out->order && out->turn && out->item ? CLI_OK : cli_error("out of memory");
}

void buckets_free(buckets *b) {
  free(b->order);
  free(b->turn);
  free(b->item);
  *b = (buckets){.count = 0};
}

/* ---------------------------------------------------------------- orders */

/* By falling length; what stood first stays first. */
static int by_length(const void *a, const void *b) {
  const buckets_item *x = a, *y = b;
  return x->length != y->length ? y->length - x->length : x->place - y->place; /* none is below 0 */
}

/* Sorts order[first .. first+n-1]. */
static void sort(buckets *b, int64_t first, int64_t n) {
  int32_t *order = b->order + first;
  for (int64_t i = 0; i < n; i++) b->item[i] = (buckets_item){b->length[order[i]], (int32_t)i, order[i]};
  qsort(b->item, (size_t)n, sizeof *b->item, by_length);
  for (int64_t i = 0; i < n; i++) order[i] = b->item[i].sequence;
}

static void order_epoch(buckets *b, int64_t epoch) {
  const int64_t pool = POOL * b->batch;
  shuffle(b->order, b->count, b->seed, SEQUENCES | (uint64_t)epoch);
  shuffle(b->turn, b->batches, b->seed, BATCHES | (uint64_t)epoch);
  for (int64_t first = 0; first < b->count; first += pool)
    sort(b, first, b->count - first < pool ? b->count - first : pool);
  b->epoch = epoch;
}

static void order_by_length(buckets *b) {
  for (int64_t i = 0; i < b->count; i++) b->order[i] = (int32_t)i;
  for (int64_t i = 0; i < b->batches; i++) b->turn[i] = (int32_t)i;
  sort(b, 0, b->count);
  b->epoch = BUCKETS_SORTED;
}

/* ---------------------------------------------------------------- batches */

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

/* Batch number `turn` of an order, and which part of it. */
static buckets_part *give(buckets *b, int64_t turn, int64_t shard, int64_t shards) {
  const int64_t at = b->turn ? b->turn[turn] * b->batch : 0, n = least(b->count - at, b->batch),
                S = shards > 1 ? shards : 1, first = n * shard / S;
  b->part = (buckets_part){b->order ? b->order + at : NULL, n, first, n * (shard + 1) / S - first};
  return &b->part;
}

void buckets_take(buckets *b, int64_t shard, int64_t shards) {
  b->shard = shard;
  b->shards = shards;
}

buckets_part buckets_update(buckets *b, int64_t step) {
  if (b->order && b->epoch != step / b->batches) order_epoch(b, step / b->batches);
  return *give(b, step % b->batches, b->shard, b->shards);
}

const int32_t *buckets_batch(buckets *b, int64_t step, int64_t *count) {
  const buckets_part part = buckets_update(b, step);
  *count = part.count;
  return part.batch + part.first;
}

const int32_t *buckets_in_turn(buckets *b, int64_t batch, int64_t *count) {
  if (b->epoch != BUCKETS_SORTED) order_by_length(b);
  *count = give(b, batch, 0, 1)->count;
  return b->order + b->turn[batch] * b->batch;
}

buckets_part buckets_part_of(const buckets *b, const int32_t *which, int64_t count) {
  const buckets_part whole = {which, count, 0, count};
  if (b == NULL || b->part.batch == NULL) return whole;
  return which == b->part.batch + b->part.first && count == b->part.count ? b->part : whole;
}

int64_t buckets_longest(const buckets_part *part, const int32_t *length) {
  int64_t longest = 0;
  for (int64_t i = 0; i < part->whole; i++)
    if (length[part->batch[i]] > longest) longest = length[part->batch[i]];
  return longest;
}

int64_t buckets_most_steps(buckets *b) {
  int64_t count, steps = 0;
  const int32_t *longest = buckets_in_turn(b, 0, &count);
  for (int64_t i = 0; i < count; i++) steps += b->length[longest[i]];
  return steps;
}
