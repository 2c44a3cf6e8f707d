/* grid_packets.cu - persistent kernels of the whole grid: the state goes through L2 in packets that carry
 * their own flags.
 * kernel.h has the skeleton, geometry and costs; exchange.h the exchange.
 * grid_packets.litmus, grid_packets_reuse.litmus and grid_packets_state.litmus prove that it is ordered.
 */
#include "kernels/persistent/tables.h"

recurrence_kernel *sq_grid_packets_kernel(int cell, int backward, sq_math math, int each) {
  return recurrence_find<exchange_grid_packets>(cell, backward, math, each);
}
