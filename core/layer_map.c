/* layer_map.c - see layer_map.h. */
#include "core/layer_map.h"

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
  map.stats = map.size;
  map.size += sq_align_elements(seq_len * layout->stats);
  return map;
}

int64_t sq_signals_width(const sq_layout *layout) {
  int64_t width = 0;
  for (int k = 0; k < layout->states; k++) width += layout->state_width[k];
  return width;
}

int64_t sq_gates_size(const sq_layout *layout, int64_t rows) {
  return sq_align_elements(rows * layout->gates) + sq_align_elements(rows * layout->aux);
}

int64_t sq_chunk_steps(int64_t rows, int64_t seq_len, int64_t batch) {
  const int64_t steps = batch > 0 ? rows / batch : rows;
  return steps < 1 ? 1 : steps < seq_len ? steps : seq_len;
}

int64_t sq_chunk_size(const sq_layout *layout, int64_t rows, int64_t seq_len, int64_t batch) {
  if (batch > rows) rows = batch;
  if (seq_len * batch < rows) rows = seq_len * batch;
  int64_t size = sq_gates_size(layout, rows);
  for (int k = 0; k < layout->states; k++) size += sq_align_elements((rows + batch) * layout->state_width[k]);
  return size;
}
