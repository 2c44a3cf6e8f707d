/* cluster_async.cu - persistent kernels of a thread-block cluster whose blocks push the state into each
 * other's shared memory by st.async, counted on mbarriers.
 * Processors without clusters (before sm_90) get empty kernels, which the algorithm refuses to run.
 * kernel.h has the skeleton, geometry and costs; exchange.h the exchange.
 * cluster_async.litmus and cluster_async_reuse.litmus prove that it is ordered.
 */
#include "kernels/persistent/tables.h"

recurrence_kernel *sq_cluster_async_kernel(int cell, int backward, sq_math math, int each) {
  return recurrence_find<exchange_cluster_async>(cell, backward, math, each);
}
