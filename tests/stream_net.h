/* stream_net.h - a network on one of the algorithms of streams, for the tests of these. */
#ifndef STREAM_NET_H
#define STREAM_NET_H

#include <string.h>

#include "seqgpu/seqgpu.h"
#include "tests/cells.h"
#include "tests/check.h"

/* A network with all its memory; y, params and x are the run's. */
typedef struct network {
  seqgpu_context *ctx;
  seqgpu_plan *plan;
  seqgpu_rnn_run run;
  seqgpu_plan_sizes sizes;
} network;

/* 0, with the sentence in the context, where the algorithm refuses. */
static inline int open_network(network *n, seqgpu_context *ctx, const seqgpu_rnn_desc *desc,
                               const char *algorithm) {
  const seqgpu_plan_options options = {.algorithm = algorithm};
  *n = (network){.ctx = ctx};
  if (seqgpu_plan_create(ctx, desc, &options, &n->plan) != SEQGPU_OK) return 0;
  n->sizes = seqgpu_plan_get_sizes(n->plan);
  return CHECK(seqgpu_run_allocate(ctx, n->plan, &n->run) == SEQGPU_OK, "%s: memory", desc->cell);
}

static inline void close_network(network *n) {
  seqgpu_run_release(n->ctx, &n->run);
  seqgpu_plan_destroy(n->plan);
}

/* All buffers of the CPU are ordinary memory of ours, however the run declares them. */
static inline float *of(const void *at) { return (float *)(uintptr_t)at; }

static inline void pack(network *n) {
  if (seqgpu_rnn_pack(n->ctx, n->plan, &n->run) != SEQGPU_OK)
    check_record(0, seqgpu_last_error(n->ctx), "packing");
}

static inline void fill(network *n) {
  check_fill_f32(of(n->run.params), n->sizes.param_elements, -0.5, 0.5);
  check_fill_f32(of(n->run.x), (int64_t)(n->sizes.x / sizeof(float)), -1, 1);
  for (int k = 0; k < n->sizes.state_count; k++)
    check_fill_f32(of(n->run.initial[k]), (int64_t)(n->sizes.state[k] / sizeof(float)), -0.5, 0.5);
  pack(n);
}

static inline void forward(network *n) {
  if (seqgpu_rnn_forward(n->ctx, n->plan, &n->run) != SEQGPU_OK)
    check_record(0, seqgpu_last_error(n->ctx), "forward");
}

static inline seqgpu_rnn_desc desc_of(const cell_row *cell, int64_t T, int64_t B, int64_t I, int64_t H) {
  seqgpu_rnn_desc desc = cell->desc;
  desc.input_size = I;
  desc.hidden_size = H;
  desc.seq_len = T;
  desc.batch = B;
  desc.inference = 1;
  if (cell->projects) desc.projection_size = H / 2;
  return desc;
}

static inline int same(const void *a, const void *b, size_t size) { return memcmp(a, b, size) == 0; }

#endif
