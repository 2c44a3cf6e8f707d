/* cluster_lanes.cu - persistent kernels of a thread-block cluster whose threads hold the weights in registers and push
 * the state into each other's shared memory by st.async, as in cluster_async.cu.
 * Processors without clusters (before sm_90) get empty kernels, which the algorithm refuses to run.
 * kernel.h has the skeleton, lanes.h the products, exchange.h the exchange.
 * cluster_lanes.litmus and cluster_lanes_reuse.litmus prove that it is ordered.
 */
#include "kernels/persistent/tables.h"

recurrence_kernel *sq_cluster_lanes_kernel(int cell, int backward, sq_math math, int each) {
  return recurrence_find<exchange_cluster_lanes, recurrence_lanes>(cell, backward, math, each);
}
