/* grid_multicast.cu - persistent kernels of the whole grid: the state goes through L2, with flags, and from
 * there by bulk copies with multicast into all blocks of a cluster at once.  Backward is split packets': on an H100 a
 * part of the gates' gradients arrived sooner than all of them so (bench/results/h100-2026-11-27.md).
 * Processors without clusters (before sm_90) get empty kernels, which the algorithm refuses to run.
 * kernel.h has the skeleton, geometry and costs; exchange.h the exchange.
 * grid_multicast.litmus, and _reuse, _buffer and _ends, prove that it is ordered.
 */
#include "kernels/persistent/tables.h"

recurrence_kernel *sq_grid_multicast_kernel(int cell, int backward, sq_math math, int each) {
  return recurrence_find<exchange_grid_multicast, recurrence_forward>(cell, backward, math, each);
}
