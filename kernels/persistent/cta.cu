/* cta.cu - persistent kernels of one block: weights and state stay in one processor, with __syncthreads only.
 * kernel.h has the skeleton, geometry and costs; exchange.h the exchange; cta.litmus proves that it is ordered.
 */
#include "kernels/persistent/tables.h"

recurrence_kernel *sq_cta_kernel(int cell, int backward, sq_math math, int each) {
  return recurrence_find<exchange_cta>(cell, backward, math, each);
}
