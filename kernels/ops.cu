/* ops.cu - the operator table of this backend: sq_cuda_ops, or sq_emulator_ops. */
#include "kernels/ops.h"

#define SQ_OP_ROW(name, args) SQ_GPU(name),
extern "C" const sq_ops SQ_GPU(ops) = {SQ_OPS(SQ_OP_ROW)};
#undef SQ_OP_ROW
