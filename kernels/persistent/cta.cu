/* persistent_cta.cu - persistent kernels of one block: weights and state in one processor, only __syncthreads.
 * persistent_kernel.h has the skeleton, geometry and costs; persistent_exchange.h the exchange.
 */
#include "kernels/persistent/kernel.h"

recurrence_kernel *sq_cta_kernel(int cell, int backward, sq_math math) {
  return recurrence_find<exchange_cta>(cell, backward, math);
}
