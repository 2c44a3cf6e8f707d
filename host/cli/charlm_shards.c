/* charlm_shards.c - the streams of the language model shared out (charlm_shards.h). */
#include "host/cli/charlm_shards.h"

#include <stdlib.h>
#include <string.h>

seqgpu_status charlm_shards_create(seqgpu_context *ctx, const ranks *r, const model_config *config,
                                   const int32_t *ids, int64_t tokens, int64_t length, charlm_shards *out) {
  const int64_t B = config->rnn.batch, S = config->shards, b = B / S;
  *out = (charlm_shards){.ctx = ctx, .first = ranks_first_shard(r, config), .count = ranks_shards(r, config)};
  out->streams = calloc((size_t)out->count, sizeof *out->streams);
  if (S > 1) out->carried = calloc((size_t)out->count, sizeof *out->carried);
  if (out->streams == NULL || (S > 1 && out->carried == NULL)) return cli_no_memory();
  for (int64_t k = 0; k < out->count; k++) {
    const charlm_part part = {(out->first + k) * b, b};
    LIB_TRY(charlm_streams_create_part(ctx, ids, tokens, B, length, part, &out->streams[k]));
  }
  return SEQGPU_OK;
}

void charlm_shards_destroy(charlm_shards *s) {
  for (int64_t k = 0; k < s->count; k++) {
    if (s->streams) charlm_streams_destroy(s->ctx, &s->streams[k]);
    for (int i = 0; i < CHARLM_STATES && s->carried; i++) seqgpu_free(s->ctx, s->carried[k][i]);
  }
  free(s->streams);
  free(s->carried);
  *s = (charlm_shards){.ctx = NULL};
}

/* ---------------------------------------------------------------- states */

/* Rows of L blocks of B, of which a shard has b: between the host's copy of all, [L,B,W], and the shard's. */
typedef struct layout {
  int64_t layers, whole, part; /* L, B W and b W, in elements */
} layout;

static layout layout_of(const charlm_pass *p, int i) {
  const int64_t width = p->state[i].cols, layers = p->model->config.model.rnn.num_layers;
  return (layout){layers, p->state[i].rows / layers * width, p->B * width};
}

static size_t part_size(layout l) { return (size_t)(l.layers * l.part) * sizeof(float); }

static void cut(layout l, float *all, int64_t shard, float *one, int into_one) {
  const size_t size = (size_t)l.part * sizeof *all;
  for (int64_t k = 0; k < l.layers; k++) {
    float *there = all + k * l.whole + shard * l.part, *here = one + k * l.part;
    memcpy(into_one ? here : there, into_one ? there : here, size);
  }
}

/* Room for all and one of them, in host memory; NULL: out of memory. */
static float *room(layout l, float **one) {
  float *all = malloc((size_t)(l.layers * (l.whole + l.part)) * sizeof *all);
  *one = all ? all + l.layers * l.whole : NULL;
  return all;
}

static seqgpu_status start_state(charlm_shards *s, const charlm_pass *p, int i) {
  const layout l = layout_of(p, i);
  float *one, *all = room(l, &one);
  if (all == NULL) return cli_no_memory();
  seqgpu_status status =
      seqgpu_copy_out(s->ctx, all, p->saved[i], (size_t)(l.layers * l.whole) * sizeof *all);
  for (int64_t k = 0; k < s->count && status == SEQGPU_OK; k++) {
    status = seqgpu_malloc(s->ctx, part_size(l), &s->carried[k][i]);
    cut(l, all, s->first + k, one, 1);
    if (status == SEQGPU_OK) status = seqgpu_copy_in(s->ctx, s->carried[k][i], one, part_size(l));
    if (status == SEQGPU_OK) status = seqgpu_synchronize(s->ctx); /* `one` is written again */
  }
  free(all);
  return status;
}

seqgpu_status charlm_shards_start(charlm_shards *s, const charlm_pass *p) {
  for (int i = 0; i < p->states && s->carried; i++) LIB_TRY(start_state(s, p, i));
  return SEQGPU_OK;
}

void charlm_shards_use(const charlm_shards *s, int64_t shard, charlm_pass *p) {
  p->first = shard * p->B;
  for (int i = 0; i < p->states && s->carried; i++) p->state[i].value = s->carried[shard - s->first][i];
}

/* Each shard's own process gives it to all. */
static seqgpu_status collect_state(const charlm_shards *s, const ranks *r, const charlm_pass *p, int i) {
  const layout l = layout_of(p, i);
  const int64_t shards = p->model->config.model.shards;
  float *one, *all = room(l, &one);
  seqgpu_status status = SEQGPU_OK;
  if (all == NULL) return cli_no_memory();
  for (int64_t k = 0; k < shards && status == SEQGPU_OK; k++) {
    const int64_t owner = k / s->count;
    if (owner == r->rank) status = seqgpu_copy_out(s->ctx, one, s->carried[k - s->first][i], part_size(l));
    if (status == SEQGPU_OK && r->comm)
      status = seqgpu_comm_broadcast(r->comm, one, part_size(l), (int)owner);
    cut(l, all, k, one, 0);
  }
  if (status == SEQGPU_OK)
    status = seqgpu_copy_in(s->ctx, p->saved[i], all, (size_t)(l.layers * l.whole) * sizeof *all);
  if (status == SEQGPU_OK) status = seqgpu_synchronize(s->ctx);
  if (status != SEQGPU_EPEER) free(all); /* else another process may still write to it */
  return status;
}

seqgpu_status charlm_shards_collect(const charlm_shards *s, const ranks *r, const charlm_pass *p) {
  for (int i = 0; i < p->states && s->carried; i++) LIB_TRY(collect_state(s, r, p, i));
  return SEQGPU_OK;
}
