/* carried.h - the states of a recurrent network that runs a step a call: read from the tape after each step,
 * given to it before the next. */
#ifndef CARRIED_H
#define CARRIED_H

#include "seqgpu/tape.h"

/* All 0 before the first step. */
typedef struct carried {
  int count;
  float *state[SEQGPU_MAX_STATES]; /* on the host */
  int64_t shape[SEQGPU_MAX_STATES][SEQGPU_TAPE_RANK];
} carried;

/* What the next step begins with, [states], for seqgpu_tape_rnn; NULLs before the first. */
void carried_give(const carried *c, seqgpu_tape *tape, int states, seqgpu_tensor **initial);
/* Keeps the states after a step whose output is h, of a cell that has so many. */
seqgpu_status carried_keep(carried *c, seqgpu_tape *tape, seqgpu_tensor *h, int states);
void carried_free(carried *c);

#endif
