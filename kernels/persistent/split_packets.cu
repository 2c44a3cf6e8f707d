/* split_packets.cu - persistent kernels of the whole grid whose backward divides the depth of its product among the blocks
 * of a cluster: the gradients at the gates go through L2 in packets.  Forward is grid packets'.
 * Processors without clusters (before sm_90) get empty kernels, which the algorithm refuses to run.
 * kernel.h has the skeleton, geometry and costs; exchange.h the exchange, split.h the rest.
 * split_packets.litmus and split_packets_reuse, _sums and _slots prove that it is ordered.
 */
#include "kernels/persistent/tables.h"

recurrence_kernel *sq_split_packets_kernel(int cell, int backward, sq_math math, int each) {
  return recurrence_find<exchange_split_packets, recurrence_backward>(cell, backward, math, each);
}
