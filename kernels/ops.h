/* ops.h - the operator tables of the two backends (ops.cu), and the operators in them.
 *
 * The prototypes are generated from core/ops.h's table; each operator's own .cu includes this, so that a
 * definition cannot drift.  What an operator does and takes is said there.
 */
#ifndef SQ_KERNELS_OPS_H
#define SQ_KERNELS_OPS_H

#include "core/ops.h"
#include "kernels/backend.h"

#ifdef __cplusplus
extern "C" {
#endif

extern const sq_ops sq_cuda_ops, sq_emulator_ops;

#define SQ_OP_DECLARE(name, args) int SQ_GPU(name)(sq_exec * exec, const args *a);
SQ_OPS(SQ_OP_DECLARE)
#undef SQ_OP_DECLARE

#ifdef __cplusplus
}
#endif
#endif
