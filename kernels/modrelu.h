/* modrelu.h - modReLU of one complex number and its gradient (core/urnn.c).
 *
 *   h = k z,  k = 1 + b q where that is positive, else 0;  q = 1 / sqrt(|z|^2 + 1e-10)
 */
#ifndef SQ_KERNELS_MODRELU_H
#define SQ_KERNELS_MODRELU_H

#include "kernels/fft.h"

/* 1 / sqrt(x): 2 ulp (CUDA C++ Programming Guide, mathematical functions). */
static __device__ __forceinline__ float sq_rsqrt(float x) {
#ifdef SEQGPU_EMULATE
  return 1.0f / sqrtf(x);
#else
  return rsqrtf(x);
#endif
}

static __device__ __forceinline__ sq_complex sq_modrelu(sq_complex z, float b, float *q) {
  sq_count(10);
  *q = sq_rsqrt(z.re * z.re + z.im * z.im + 1e-10f);
  const float factor = 1.0f + b * *q, k = factor > 0.0f ? factor : 0.0f;
  return {k * z.re, k * z.im};
}

/* dz from dh, and b's gradient. */
static __device__ __forceinline__ sq_complex sq_modrelu_backward(sq_complex z, float b, float q,
                                                                 sq_complex dh, float *db) {
  sq_count(14);
  const float bq = b * q, direct = 1.0f + bq;
  *db = 0.0f;
  if (!(direct > 0.0f)) return {0.0f, 0.0f};
  *db = q * (z.re * dh.re + z.im * dh.im);
  const float radial = bq * q * *db;
  return {direct * dh.re - radial * z.re, direct * dh.im - radial * z.im};
}

#endif
