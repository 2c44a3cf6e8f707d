/* network.c - recurrent layers, a linear layer and a tape (network.h). */
#include "bench/paper/network.h"

#include <stdio.h>

int network_failed(const network *n) {
  fprintf(stderr, "%s: %s\n", n->program, n->ctx ? seqgpu_last_error(n->ctx) : "out of memory");
  return 1;
}

int network_open(network *n, const network_options *o, const seqgpu_rnn_desc desc[NETWORK_PLANS]) {
  const seqgpu_context_options cpu = {.device = "cpu", .threads = o->threads};
  *n = (network){.program = o->program};
  if (seqgpu_context_create(&cpu, &n->ctx)) return network_failed(n);
  for (int i = 0; i < NETWORK_PLANS; i++)
    if (seqgpu_plan_create(n->ctx, &desc[i], NULL, &n->plan[i])) return network_failed(n);
  const int64_t width = seqgpu_plan_get_sizes(n->plan[0]).output_width;
  if (seqgpu_params_create(n->ctx, o->seed, &n->params) ||
      seqgpu_params_add_rnn(n->params, "rnn", n->plan[0], &n->rnn) ||
      seqgpu_params_init_rnn(n->params, "rnn", n->plan[0], o->init, o->scale) ||
      seqgpu_params_add(n->params, "w", o->outputs, width, "xavier", 1, &n->w) ||
      seqgpu_params_add(n->params, "b", o->outputs, 1, "zeros", 0, &n->b) ||
      seqgpu_tape_create(n->ctx, o->seed, &n->tape))
    return network_failed(n);
  return 0;
}

void network_close(network *n) {
  seqgpu_tape_destroy(n->tape);
  seqgpu_params_destroy(n->params);
  for (int i = 0; i < NETWORK_PLANS; i++) seqgpu_plan_destroy(n->plan[i]);
  seqgpu_context_destroy(n->ctx);
}
