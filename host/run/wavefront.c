/* wavefront.c - the layers of a unidirectional stack side by side.
 *
 * The time steps are cut into chunks.  In wave w, layer l works on chunk w - l, and all layers of the wave
 * are one launch of a persistent algorithm, each on processors of its own:
 *
 *             chunk 0   1   2   3                      backward: from the last chunk and the last layer on
 *   layer 0   wave  0   1   2   3
 *   layer 1         1   2   3   4      before a wave, the GEMM of each layer's input for its chunk alone
 *   layer 2         2   3   4   5
 *
 * Every product sees the same operands as one after the other, so in one cut of the work (`abreast`) the
 * results have the same bits whatever the chunk.  The price is memory: each layer has a workspace of its own.
 * When it pays: host/planner/waves.c.
 */
#include "host/run/wavefront.h"

/* ---------------------------------------------------------------- one layer's part of a wave */

static int64_t chunks_of(const sq_net *n) { return (n->run->seq_len + n->plan->chunk - 1) / n->plan->chunk; }

int sq_wave_applies(const sq_net *n) {
  return n->plan->chunk > 0 && n->run->seq_len > 0 && n->run->batch > 0;
}

/* The states, or their gradients, that a chunk of the layer hands to the next one. */
static void *carry(const sq_net *n, int64_t layer, int state) {
  const int64_t place = layer * SQ_MAX_STATES + state;
  return sq_net_at(n, n->run->workspace, n->map->carry + place * n->map->carry_size);
}

/* Chunk `chunk` of the layer; between chunks the states come from the carry and go there. */
static sq_stretch stretch_of(const sq_net *n, int64_t layer, int64_t chunk, int backward) {
  const int64_t T = n->run->seq_len, K = n->plan->chunk, last = chunks_of(n) - 1;
  sq_stretch s = {.first = chunk * K};
  sq_net_layer_run(n, layer, 0, &s.run);
  s.steps = chunk == last ? T - s.first : K;
  s.run.ldy = n->plan->output_width;
  for (int k = 0; k < s.run.layout->states; k++) {
    void *between = carry(n, layer, k);
    if (!backward && chunk > 0) s.run.initial[k] = between;
    if (!backward && chunk < last) s.run.final[k] = between;
    if (backward && chunk < last) s.run.dfinal[k] = between;
    if (backward && chunk > 0) s.run.dinitial[k] = between;
  }
  return s;
}

/* ---------------------------------------------------------------- waves */

static seqgpu_status forward_wave(const sq_net *n, int64_t wave) {
  const seqgpu_plan *plan = n->plan;
  const int64_t L = plan->layers, chunks = chunks_of(n);
  const int64_t from = wave < chunks ? 0 : wave - chunks + 1, to = wave < L ? wave : L - 1;
  sq_stretch s[SQ_WAVE_ABREAST] = {{.first = 0}};
  for (int64_t layer = from; layer <= to; layer++) {
    s[layer - from] = stretch_of(n, layer, wave - layer, 0);
    s[layer - from].run.y = sq_net_output(n, layer);
  }
  SQ_TRY(SQ_RUN_CALL(n->ctx, plan->algorithm->wave_forward(&n->ctx->exec, s, (int)(to - from + 1), (int)L),
                     plan->algorithm->name));
  for (int64_t layer = from; layer <= to && layer < L - 1; layer++)
    SQ_TRY(sq_net_drop(n, layer, sq_net_output(n, layer), s[layer - from].first, s[layer - from].steps));
  return SEQGPU_OK;
}

seqgpu_status sq_wave_forward(const sq_net *n) {
  const int64_t waves = chunks_of(n) + n->plan->layers - 1;
  for (int64_t wave = 0; wave < waves; wave++) SQ_TRY(forward_wave(n, wave));
  return SEQGPU_OK;
}

/* Counted from the end: layer L-1-i works on the chunk before the last wave - i. */
static seqgpu_status backward_wave(const sq_net *n, const void *dy, int64_t wave) {
  const seqgpu_plan *plan = n->plan;
  const int64_t L = plan->layers, chunks = chunks_of(n);
  const int64_t from = wave < chunks ? 0 : wave - chunks + 1, to = wave < L ? wave : L - 1;
  sq_stretch s[SQ_WAVE_ABREAST] = {{.first = 0}};
  for (int64_t i = from; i <= to; i++) {
    const int64_t layer = L - 1 - i;
    s[i - from] = stretch_of(n, layer, chunks - 1 - (wave - i), 1);
    s[i - from].run.dy = layer == L - 1 ? dy : sq_net_dx(n, layer + 1);
    s[i - from].run.dx = sq_net_dx(n, layer);
  }
  SQ_TRY(SQ_RUN_CALL(n->ctx, plan->algorithm->wave_backward(&n->ctx->exec, s, (int)(to - from + 1), (int)L),
                     plan->algorithm->name));
  for (int64_t i = from; i <= to && i < L - 1; i++)
    SQ_TRY(sq_net_drop(n, L - 2 - i, s[i - from].run.dx, s[i - from].first, s[i - from].steps));
  return SEQGPU_OK;
}

seqgpu_status sq_wave_backward(const sq_net *n, const void *dy) {
  const int64_t L = n->plan->layers, waves = chunks_of(n) + L - 1;
  for (int64_t wave = 0; wave < waves; wave++) SQ_TRY(backward_wave(n, dy, wave));
  for (int64_t layer = L - 1; layer >= 0 && n->run->dparams; layer--) {
    sq_layer_run run;
    sq_net_layer_run(n, layer, 0, &run);
    SQ_TRY(SQ_RUN_CALL(n->ctx, n->plan->algorithm->wave_gradients(&n->ctx->exec, &run),
                       n->plan->algorithm->name));
    SQ_TRY(sq_net_tell(n, layer));
  }
  return SEQGPU_OK;
}
