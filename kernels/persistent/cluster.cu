/* cluster.cu - persistent kernels of a thread-block cluster: the state goes through distributed shared
 * memory.
 * Processors without clusters (before sm_90) get empty kernels, which the algorithm refuses to run.
 * kernel.h has the skeleton, geometry and costs; exchange.h the exchange.
 * cluster.litmus and cluster_reuse.litmus prove that it is ordered.
 */
#include "kernels/persistent/kernel.h"

recurrence_kernel *sq_cluster_kernel(int cell, int backward, sq_math math) {
  return recurrence_find<exchange_cluster>(cell, backward, math);
}
