/* bias.h - the last step of a sum in parts, for operators that cut their sums as reduce does (bias.cu). */
#ifndef SQ_KERNELS_BIAS_H
#define SQ_KERNELS_BIAS_H

#include "core/ops.h"

/* out[j] += sum of partial[i,j] over i < parts, in that order; partial [parts,cols]. */
int sq_gpu_add_parts(sq_exec *exec, const float *partial, int64_t parts, int64_t cols, float *out);

#endif
