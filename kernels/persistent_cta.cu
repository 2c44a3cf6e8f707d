/* persistent_cta.cu - persistent kernels of one block: weights and state in one processor, only __syncthreads.
 * persistent_kernel.h has the skeleton, geometry and costs; persistent_exchange.h the exchange.
 */
#include "persistent_kernel.h"

recurrence_kernel *sq_cta_kernel(int cell, int backward, sq_math math) {
  return recurrence_find<exchange_cta>(cell, backward, math);
}

/* What the host needs to know of cells and products, said by themselves. */

namespace {

template <class cell> recurrence_cell_info info_of() {
  recurrence_cell_info info = {};
  info.stages = cell::STAGES;
  info.kept = cell::KEPT;
  for (int s = 0; s < cell::STAGES; s++) {
    info.first[s] = cell::first(s);
    info.count[s] = cell::count(s);
  }
  return info;
}

template <class product> recurrence_product_info product_info_of() {
  return {(int)sizeof(typename product::element), product::UNIT_TILE, product::ROW_TILE, product::DEPTH_TILE};
}

} // namespace

recurrence_cell_info sq_recurrence_cell(int cell) {
  static const recurrence_cell_info infos[RECURRENCE_CELLS] = {
      info_of<rnn_recurrence>(), info_of<lstm_recurrence<4>>(), info_of<lstm_recurrence<3>>(),
      info_of<gru_after_recurrence>(), info_of<gru_before_recurrence>()};
  return infos[cell];
}

recurrence_product_info sq_recurrence_product(sq_math math) {
  static const recurrence_product_info infos[] = {
      product_info_of<product_f32>(), product_info_of<product_tf32>(), product_info_of<product_bf16>()};
  return infos[math];
}
