/* shards.h - the gradients of a batch that comes in shards, inside: what shards.c, sums.c and early.c share. */
#ifndef SQ_COMM_SHARDS_H
#define SQ_COMM_SHARDS_H

#include "host/comm/worker.h"
#include "host/params/store.h"

enum { SQ_SHARDS_LEVELS = 64 }; /* digits of a count of shards */

/* A sum of shards: of w, w loss, and w g, which is [elements] on the device. */
typedef struct sq_partial {
  double weight, loss;
  void *grad;
} sq_partial;

/* Sums over processes that begin before the gradients are complete (early.c). */
typedef struct sq_early {
  sq_worker *worker; /* NULL: there are none */
  int64_t bucket;    /* elements of all but the last one, of those of the shards */
  int64_t buckets;
  int64_t *left; /* [buckets] elements that are not final yet */
  int64_t next;  /* the bucket that is summed next; they go from the last one down, -1: all have */
} sq_early;

struct seqgpu_shards {
  seqgpu_params *params;
  seqgpu_comm *comm;
  int64_t elements; /* of all trained blocks, one after the other */
  int64_t count;    /* shards since the last average */
  int used;         /* partial sums on the stack */
  int is_last;      /* the uppermost one, on top of `used`, is of a shard whose gradients are still to come */
  sq_partial stack[SQ_SHARDS_LEVELS];
  sq_early early;
};

/* ---- sums.c ---- */

/* Elements of all trained blocks. */
int64_t sq_shards_elements(const seqgpu_params *params);
/* SEQGPU_OK if calls can be made. */
seqgpu_status sq_shards_check(const seqgpu_shards *shards);
/* A sum more, without its gradients. */
seqgpu_status sq_shards_push(seqgpu_shards *shards, double weight, double loss);
/* Elements first .. end - 1 of the sum: y = alpha x of the gradients, block by block; back, if not
 * `into_sum`. */
seqgpu_status sq_shards_move(const seqgpu_shards *shards, double alpha, void *sum, int64_t first, int64_t end,
                             int into_sum);
/* Elements first .. end - 1 of sum `level` join the one below it. */
seqgpu_status sq_shards_join(const seqgpu_shards *shards, int level, int64_t first, int64_t end);
/* Elements first .. end - 1 of the uppermost sum join the one below it, and so on down to the lowest. */
seqgpu_status sq_shards_fold(const seqgpu_shards *shards, int64_t first, int64_t end);

/* ---- early.c ---- */

/* The sums over processes of what is not on its way yet, with the shard that is_last in the lowest sum: all
 * is summed afterwards. */
seqgpu_status sq_early_finish(seqgpu_shards *shards);
void sq_early_stop(seqgpu_shards *shards);

#endif
