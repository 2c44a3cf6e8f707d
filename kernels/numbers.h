/* numbers.h - conversions between float32 and the short formats, and the bits of float32.
 *
 *   TF32       8 bits of exponent, 10 of mantissa: a float32 whose last 13 bits are zero, in a uint32_t
 *   bfloat16   8 bits of exponent,  7 of mantissa: the upper half of a float32, in a uint16_t
 *   half       5 bits of exponent, 10 of mantissa: IEEE 754 binary16, in a uint16_t
 */
#ifndef SQ_NUMBERS_H
#define SQ_NUMBERS_H

#include "kernels/simt.h"

/* Rounds to nearest, ties away from zero. */
static __device__ __forceinline__ uint32_t sq_to_tf32(float x) {
#ifdef SEQGPU_EMULATE
  return simt::to_tf32(x);
#else
  uint32_t bits;
  asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(bits) : "f"(x));
  return bits;
#endif
}

/* Rounds to nearest, ties to even: 2^128 - 2^119 and more becomes infinity. */
static __device__ __forceinline__ uint16_t sq_to_bf16(float x) {
#ifdef SEQGPU_EMULATE
  return simt::to_bf16(x);
#else
  uint16_t bits;
  asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(bits) : "f"(x));
  return bits;
#endif
}
static __device__ __forceinline__ float sq_from_bf16(uint16_t bits) {
#ifdef SEQGPU_EMULATE
  return simt::from_bf16(bits);
#else
  return __uint_as_float((uint32_t)bits << 16);
#endif
}

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
