/* ops_cpu.c - the table of CPU operators of this precision: sq_cpu_ops_f32 or sq_cpu_ops_f64. */
#include "core/ops_cpu.h"

#include "core/gemm.h"

int FN(sq_cpu_gemm)(sq_exec *exec, const sq_gemm_args *a) {
  FN(sq_gemm)
  (exec->pool, a->trans_a, a->trans_b, a->m, a->n, a->k, a->a, a->lda, a->b, a->ldb, a->accumulate, a->c,
   a->ldc);
  return 0;
}

const sq_ops FN(sq_cpu_ops) = {
#define SQ_OP_ROW(name, args) .name = FN(sq_cpu_##name),
    SQ_OPS(SQ_OP_ROW)
#undef SQ_OP_ROW
};
