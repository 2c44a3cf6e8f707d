/* split_flags.cu - persistent kernels of the whole grid whose backward divides the depth of its product among the blocks of
 * a cluster: the gradients at the gates go through L2, with flags.  Forward is grid flags'.
 * Processors without clusters (before sm_90) get empty kernels, which the algorithm refuses to run.
 * kernel.h has the skeleton, geometry and costs; exchange.h the exchange, split.h the rest.
 * split_flags.litmus and split_flags_seen, _sums and _slots prove that it is ordered.
 */
#include "kernels/persistent/tables.h"

recurrence_kernel *sq_split_flags_kernel(int cell, int backward, sq_math math, int each) {
  return recurrence_find<exchange_split_flags, recurrence_backward>(cell, backward, math, each);
}
