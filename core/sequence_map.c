/* sequence_map.c - where things are in the reserve: the same for every backend and precision. */
#include "core/sequence.h"

int64_t sq_align_reals(int64_t n) { return (n + SQ_ALIGN_REALS - 1) / SQ_ALIGN_REALS * SQ_ALIGN_REALS; }

sq_reserve_map sq_reserve_layout(const sq_layout *layout, int64_t seq_len, int64_t batch) {
  sq_reserve_map map = {.size = 0};
  for (int k = 0; k < layout->states; k++) {
    map.state[k] = map.size;
    map.size += sq_align_reals((seq_len + 1) * batch * layout->state_width[k]);
  }
  map.gates = map.size;
  map.size += sq_align_reals(seq_len * batch * layout->gates);
  map.aux = map.size;
  map.size += sq_align_reals(seq_len * batch * layout->aux);
  return map;
}
