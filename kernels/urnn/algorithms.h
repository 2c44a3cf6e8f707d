/* algorithms.h - the algorithms of the unitary evolution RNN.
 *
 *   fused   all time steps in one kernel (fused.cu)
 *   cufft   step by step, with transforms by cuFFT where the build has it (cufft.cu)
 */
#ifndef SQ_URNN_ALGORITHMS_H
#define SQ_URNN_ALGORITHMS_H

#include "kernels/algorithm.h"

#ifdef __cplusplus
extern "C" {
#endif

/* X(identifier, name of the algorithm) */
#define SQ_URNN_ALGORITHMS(X) X(fused, "fused") X(cufft, "cufft")

#define SQ_URNN_DECLARE(id, name)                                                                            \
  SQ_ALGORITHM_DECLARE(cuda, id)                                                                             \
  SQ_ALGORITHM_DECLARE(emulator, id)
SQ_URNN_ALGORITHMS(SQ_URNN_DECLARE)
#undef SQ_URNN_DECLARE

#ifdef __cplusplus
}
#endif
#endif
