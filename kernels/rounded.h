/* rounded.h - the products over a whole sequence with operands rounded to bfloat16 beforehand.
 *
 * Where a plan allows bfloat16, cuBLAS would round float32 operands itself, in each product anew, and on an H100 takes up to
 * twice as long as for operands that are bfloat16 (bench/results/h100-2026-11-27.md).  The gradients at the gates
 * are an operand of three products: they are rounded once.
 */
#ifndef SQ_ROUNDED_H
#define SQ_ROUNDED_H

#include "core/ops.h"
#include "kernels/job.h"

/* The two operands of a product at a time, in the workspace of a job. */
struct sq_rounded {
  struct operand {
    uint16_t *to;
    const float *from; /* what it holds: rows of `columns` elements, ld apart; NULL: nothing */
    int64_t rows, columns, ld;
  } a, b;
};

/* Elements (float32) of the workspace that the products of `rows` rows of [T,B] borrow. */
int64_t sq_rounded_size(const sq_layout *layout, int64_t rows, int training);
/* Neither holds anything yet.  job.rounded has that many elements, for all rows of the run. */
sq_rounded sq_rounded_begin(const sq_job &job);

/* c [m,n] (+)= op(a) op(b), as sq_job_gemm; c is float32. */
int sq_rounded_gemm(sq_exec *exec, sq_rounded *rounded, int trans_a, int trans_b, int64_t m, int64_t n,
                    int64_t k, sq_matrix a, sq_matrix b, int accumulate, sq_matrix c);

/* As SQ_GPU(gemm), with a and b of bfloat16 (gemm.cu). */
int sq_gpu_gemm_rounded(sq_exec *exec, const sq_gemm_args *args);

#endif
