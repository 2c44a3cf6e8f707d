/* ops.cu - the operator table of this backend: sq_cuda_ops, or sq_emulator_ops. */
#include "kernels/kernels.h"

extern "C" {

#define SQ_OP_DECLARE(name, args) int SQ_GPU(name)(sq_exec * exec, const args *a);
SQ_OPS(SQ_OP_DECLARE)
#undef SQ_OP_DECLARE

#define SQ_OP_ROW(name, args) SQ_GPU(name),
extern const sq_ops SQ_GPU(ops) = {SQ_OPS(SQ_OP_ROW)};
#undef SQ_OP_ROW
}
