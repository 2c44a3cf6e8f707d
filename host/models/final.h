/* final.h - what a network has read when it is done: its last states, one row a sequence. */
#ifndef SQ_FINAL_H
#define SQ_FINAL_H

#include "seqgpu/tape.h"

/* Elements of a row: h of the last layer, all directions side by side; 0 for NULL. */
int64_t sq_final_size(const seqgpu_plan *plan);
/* The rows [B,sq_final_size] behind y, a tensor of seqgpu_tape_rnn with this plan and B sequences. */
seqgpu_tensor *sq_final_rows(seqgpu_tape *tape, const seqgpu_plan *plan, seqgpu_tensor *y, int64_t B);

#endif
