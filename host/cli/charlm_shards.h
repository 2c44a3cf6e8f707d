/* charlm_shards.h - the streams of the language model shared out: each shard of a batch is some of them, with
 * the states that they carry.
 *
 * Letters: S = shards, B = streams of all, b = B/S of a shard, L = layers, W = width of a state.
 */
#ifndef CHARLM_SHARDS_H
#define CHARLM_SHARDS_H

#include "host/cli/charlm_streams.h"
#include "host/cli/ranks.h"

/* Those of one process.  With one shard it is all streams, and the pass has their states. */
typedef struct charlm_shards {
  seqgpu_context *ctx;
  int64_t first, count;            /* of this process's among all */
  charlm_streams *streams;         /* [count] */
  void *(*carried)[CHARLM_STATES]; /* [count] states [L,b,W] on the device; NULL with one shard of all */
} charlm_shards;

/* Cuts `tokens` tokens into B streams of `length` predictions, as charlm_streams_create, and keeps those of
 * this process. */
seqgpu_status charlm_shards_create(seqgpu_context *ctx, const ranks *r, const model_config *config,
                                   const int32_t *ids, int64_t tokens, int64_t length, charlm_shards *out);
void charlm_shards_destroy(charlm_shards *s);

/* Makes the states of each shard, from those in the model's tensors: `p` is the pass that trains. */
seqgpu_status charlm_shards_start(charlm_shards *s, const charlm_pass *p);
/* The pass goes on with the states of a shard of this process, and draws its masks. */
void charlm_shards_use(const charlm_shards *s, int64_t shard, charlm_pass *p);
/* The states of all shards of all processes come into the model's tensors. */
seqgpu_status charlm_shards_collect(const charlm_shards *s, const ranks *r, const charlm_pass *p);

#endif
