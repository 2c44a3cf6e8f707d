/* grid.cu - persistent kernels of the whole grid: the state goes through L2, with flags.
 * kernel.h has the skeleton, geometry and costs; exchange.h the exchange.
 * grid.litmus and grid_reuse.litmus prove that it is ordered.
 */
#include "kernels/persistent/tables.h"

recurrence_kernel *sq_grid_kernel(int cell, int backward, sq_math math, int each) {
  return recurrence_find<exchange_grid>(cell, backward, math, each);
}
