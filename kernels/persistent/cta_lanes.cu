/* cta_lanes.cu - persistent kernels of one block whose threads hold the weights in registers, with one __syncthreads a
 * step.  kernel.h has the skeleton, lanes.h the products; cta_lanes.litmus proves that it is ordered.
 */
#include "kernels/persistent/tables.h"

recurrence_kernel *sq_cta_lanes_kernel(int cell, int backward, sq_math math, int each) {
  return recurrence_find<exchange_cta_lanes, recurrence_lanes>(cell, backward, math, each);
}
