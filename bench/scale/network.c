/* network.c - an LSTM to be timed (network.h). */
#include "bench/scale/network.h"

#include <stdlib.h>

#include "bench/common/measure.h"

const scale_model scale_models[SCALE_MODELS] = {
    {"small", 1, 128}, {"medium", 2, 256}, {"large", 2, 512}, {"huge", 3, 1024}};

const seqgpu_optimizer scale_optimizer = {
    .kind = SEQGPU_OPTIMIZER_ADAM, .lr = 1e-3, .clip = SEQGPU_CLIP_NORM};

seqgpu_status scale_build(const scale_model *m, const seqgpu_context_options *device, int64_t steps,
                          int64_t batch, int runs, scale_network *n) {
  *n = (scale_network){.steps = steps, .batch = batch, .hidden = m->hidden};
  const seqgpu_rnn_desc desc = {.cell = "lstm",
                                .input_size = m->hidden,
                                .hidden_size = m->hidden,
                                .num_layers = m->layers,
                                .seq_len = steps,
                                .batch = batch};
  seqgpu_status status = seqgpu_context_create(device, &n->ctx);
  if (status == SEQGPU_OK) status = seqgpu_plan_create(n->ctx, &desc, NULL, &n->plan);
  if (status == SEQGPU_OK) status = seqgpu_params_create(n->ctx, 1, &n->params);
  if (status == SEQGPU_OK) status = seqgpu_params_add_rnn(n->params, "rnn", n->plan, &n->rnn);
  if (status == SEQGPU_OK) status = seqgpu_tape_create(n->ctx, 1, &n->tape);
  if (status != SEQGPU_OK || !runs) return status;
  const int64_t count = steps * batch * m->hidden;
  n->x = malloc((size_t)count * sizeof *n->x);
  if (n->x == NULL) return SEQGPU_ENOMEM;
  bench_fill(n->x, count, 1, 1);
  return SEQGPU_OK;
}

void scale_destroy(scale_network *n) {
  seqgpu_tape_destroy(n->tape);
  seqgpu_params_destroy(n->params);
  seqgpu_plan_destroy(n->plan);
  seqgpu_context_destroy(n->ctx);
  free(n->x);
}

seqgpu_tensor *scale_loss(scale_network *n) {
  const int64_t shape[] = {n->steps, n->batch, n->hidden};
  seqgpu_tensor *x = seqgpu_tape_input(n->tape, 3, shape, n->x);
  seqgpu_tensor *y = seqgpu_tape_rnn(n->tape, n->plan, seqgpu_tape_param(n->tape, &n->rnn), x, NULL, NULL);
  return seqgpu_tape_squared_error(n->tape, y, x, NULL, 1, 1);
}
