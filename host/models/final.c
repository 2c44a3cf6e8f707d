/* final.c - see final.h. */
#include "host/models/final.h"

static int64_t directions(const seqgpu_plan *plan) {
  return seqgpu_plan_get_desc(plan).bidirectional ? 2 : 1;
}

int64_t sq_final_size(const seqgpu_plan *plan) {
  return plan ? directions(plan) * seqgpu_plan_get_sizes(plan).state_width[0] : 0;
}

seqgpu_tensor *sq_final_rows(seqgpu_tape *tape, const seqgpu_plan *plan, seqgpu_tensor *y, int64_t B) {
  const int64_t D = directions(plan), L = seqgpu_plan_get_desc(plan).num_layers,
                row[] = {B, sq_final_size(plan) / D};
  seqgpu_tensor *h = seqgpu_tape_rnn_final(tape, y, 0), *rows = NULL;
  for (int64_t d = 0; d < D; d++) {
    seqgpu_tensor *one = seqgpu_tape_reshape(tape, seqgpu_tape_rows(tape, h, (L - 1) * D + d, 1), 2, row);
    rows = d ? seqgpu_tape_concat(tape, rows, one) : one;
  }
  return rows;
}
