/* gemm.h - the GEMM seam of the CPU path.
 *
 *   C[m,n] = op(A)[m,k] op(B)[k,n]        (accumulate = 0)
 *   C[m,n] += op(A)[m,k] op(B)[k,n]       (accumulate = 1)
 *
 * All matrices are row-major; op is the identity or the transpose; ld* is the distance between rows of the
 * stored matrix.  Each element of C is summed over k in an order that does not depend on m, n, the position
 * of the element or the number of threads.
 */
#ifndef SQ_GEMM_H
#define SQ_GEMM_H

#include "core/pool.h"
#include "core/real.h"

/* Over the whole pool.  Without one (NULL) in the calling thread, with 6 KB of its stack for packing, which
 * is slower. */
void FN(sq_gemm)(sq_pool *pool, int trans_a, int trans_b, int64_t m, int64_t n, int64_t k, const real *a,
                 int64_t lda, const real *b, int64_t ldb, int accumulate, real *c, int64_t ldc);

/* C[m,n] = A[m,k] B[n,k]^T, with bias[n] added to each row before the products, without a pass over C for it. */
void FN(sq_gemm_biased)(sq_pool *pool, int64_t m, int64_t n, int64_t k, const real *a, int64_t lda,
                        const real *b, int64_t ldb, const real *bias, real *c, int64_t ldc);

/* C[m,n] += A[k,m]^T B[k,n] on the diagonal and below it, over the whole pool: half of the work where the
 * product is symmetric.  What is above the diagonal is lost.  The elements below have the bits of
 * sq_gemm_f64. */
void sq_gemm_lower_f64(sq_pool *pool, int64_t m, int64_t n, int64_t k, const double *a, int64_t lda,
                       const double *b, int64_t ldb, double *c, int64_t ldc);

/* A weight that is multiplied at every step is packed once per run into the order in which the inner loop
 * reads it.  The packed matrix is op(B)[k,n]; `packed` holds sq_gemm_packed_size elements, 64-byte
 * aligned. */
int64_t FN(sq_gemm_packed_size)(int64_t n, int64_t k);
void FN(sq_gemm_pack)(int trans_b, int64_t n, int64_t k, const real *b, int64_t ldb, real *packed);

/* C[m,n] (+)= A[m,k] packed[k,n] in the calling thread, for small m (a batch slice).  `scratch` is the
 * thread's sq_pool_scratch; NULL: 6 KB of its stack. */
void FN(sq_gemm_run_packed)(void *scratch, int64_t m, int64_t n, int64_t k, const real *a, int64_t lda,
                            const real *packed, int accumulate, real *c, int64_t ldc);

/* Name of the GEMM that runs on this processor, for `seqgpu info`: "built-in avx512", "openblas". */
const char *sq_gemm_name_f32(void);
const char *sq_gemm_name_f64(void);

#endif
