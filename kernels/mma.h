/* mma.h - products on the tensor cores: c[16,8] += a[16,K] b[K,8] by one warp, float32 sums.
 *
 * Lane = 4 g + t.  What its registers hold (PTX ISA, mma.m16n8k8 for TF32 and mma.m16n8k16 for bfloat16):
 *
 *            a[0]           a[1]            a[2]            a[3]             b[0]           b[1]
 *   TF32     (g, t)         (g+8, t)        (g, t+4)        (g+8, t+4)       (t, g)         (t+4, g)
 *   bf16     (g, 2t..)      (g+8, 2t..)     (g, 2t+8..)     (g+8, 2t+8..)    (2t.., g)      (2t+8.., g)
 *
 * and c[0..1] = (g, 2t..), c[2..3] = (g+8, 2t..), in both; "2t.." are two neighbours, the first in the low
 * half.
 */
#ifndef SQ_MMA_H
#define SQ_MMA_H

#include "kernels/simt.h"

static __device__ __forceinline__ void sq_mma_tf32(float (&c)[4], const uint32_t (&a)[4],
                                                   const uint32_t (&b)[2]) {
#ifdef SEQGPU_EMULATE
  simt::mma(simt::WarpOp::mma_tf32, {c, a, b}, SIMT_SITE("mma"));
#else
  asm volatile("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 "
               "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
               : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#endif
}
static __device__ __forceinline__ void sq_mma_bf16(float (&c)[4], const uint32_t (&a)[4],
                                                   const uint32_t (&b)[2]) {
#ifdef SEQGPU_EMULATE
  simt::mma(simt::WarpOp::mma_bf16, {c, a, b}, SIMT_SITE("mma"));
#else
  asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 "
               "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
               : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#endif
}

#endif
