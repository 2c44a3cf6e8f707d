/* layer_map.c - where things are in the reserve: the same for every backend and precision. */
#include "core/layer.h"

int64_t sq_align_elements(int64_t n) {
  return (n + SQ_ALIGN_ELEMENTS - 1) / SQ_ALIGN_ELEMENTS * SQ_ALIGN_ELEMENTS;
}

sq_reserve_map sq_reserve_layout(const sq_layout *layout, int64_t seq_len, int64_t batch) {
  sq_reserve_map map = {.size = 0};
  for (int k = 0; k < layout->states; k++) {
    map.state[k] = map.size;
    map.size += sq_align_elements((seq_len + 1) * batch * layout->state_width[k]);
  }
  map.gates = map.size;
  map.size += sq_align_elements(seq_len * batch * layout->gates);
  map.aux = map.size;
  map.size += sq_align_elements(seq_len * batch * layout->aux);
  return map;
}
