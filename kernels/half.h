/* half.h - conversions between float32 and half (IEEE 754 binary16), whose bits are a uint16_t; and the bits
 * of float32. */
#ifndef SQ_HALF_H
#define SQ_HALF_H

#include "kernels/simt.h"

/* Rounds to nearest, ties to even: 65520 and more becomes infinity, 2^-25 and less zero. */
static __device__ __forceinline__ uint16_t sq_to_half(float x) {
#ifdef SEQGPU_EMULATE
  return simt::to_half(x);
#else
  uint16_t bits;
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(bits) : "f"(x));
  return bits;
#endif
}
static __device__ __forceinline__ float sq_from_half(uint16_t bits) {
#ifdef SEQGPU_EMULATE
  return simt::from_half(bits);
#else
  float x;
  asm("cvt.f32.f16 %0, %1;" : "=f"(x) : "h"(bits));
  return x;
#endif
}

/* As an integer: floats >= 0 keep their order. */
static __device__ __forceinline__ uint32_t sq_float_bits(float x) {
#ifdef SEQGPU_EMULATE
  return simt::bits_of(x);
#else
  return __float_as_uint(x);
#endif
}

#endif
