/* carried.c - see carried.h. */
#include "host/cli/carried.h"

#include <stdlib.h>

#include "host/cli/cli.h"

void carried_give(const carried *c, seqgpu_tape *tape, int states, seqgpu_tensor **initial) {
  for (int i = 0; i < states; i++)
    initial[i] = i < c->count ? seqgpu_tape_input(tape, 3, c->shape[i], c->state[i]) : NULL;
}

static seqgpu_status keep_state(carried *c, seqgpu_tape *tape, seqgpu_tensor *h, int i) {
  seqgpu_tensor *last = seqgpu_tape_rnn_final(tape, h, i);
  LIB_TRY(seqgpu_tape_status(tape));
  if (c->state[i] == NULL) c->state[i] = malloc((size_t)seqgpu_tensor_elements(last) * sizeof(float));
  if (c->state[i] == NULL) return cli_no_memory();
  seqgpu_tensor_shape(last, c->shape[i]);
  return seqgpu_tensor_read(last, c->state[i]);
}

seqgpu_status carried_keep(carried *c, seqgpu_tape *tape, seqgpu_tensor *h, int states) {
  for (int i = 0; i < states; i++) LIB_TRY(keep_state(c, tape, h, i));
  c->count = states;
  return SEQGPU_OK;
}

void carried_free(carried *c) {
  for (int i = 0; i < SEQGPU_MAX_STATES; i++) free(c->state[i]);
  *c = (carried){0};
}
