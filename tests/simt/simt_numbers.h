/* simt_numbers.h - the short number formats as CUDA's conversions make them: TF32, bfloat16, half.
 *
 * half (IEEE 754 binary16) has 10 bits of mantissa and normal numbers from 2^-14 to 65504, subnormal ones
 * down to 2^-24.
 */
#ifndef SIMT_NUMBERS_H
#define SIMT_NUMBERS_H

#include <math.h>
#include <stdint.h>
#include <string.h>

namespace simt {

inline uint32_t bits_of(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits;
}
inline float float_of(uint32_t bits) {
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}
/* cvt.rna.tf32.f32: 10 bits of mantissa, ties away from zero. */
inline uint32_t to_tf32(float x) {
  const uint32_t bits = bits_of(x);
  return isfinite(x) ? (bits + 0x1000u) & ~0x1FFFu : bits;
}
/* cvt.rn.bf16.f32: 7 bits of mantissa, ties to even. */
inline uint16_t to_bf16(float x) {
  const uint32_t bits = bits_of(x);
  if (isnan(x)) return 0x7FFF;
  return (uint16_t)((bits + 0x7FFFu + (bits >> 16 & 1u)) >> 16);
}
inline float from_bf16(uint16_t bits) { return float_of((uint32_t)bits << 16); }
/* cvt.rn.f16.f32: ties to even; from 65520 on infinity.  Below 2^-14 the number is a multiple of 2^-24, and
 * 2^-14 itself, to which it may round, has the bits that follow. */
inline uint16_t to_half(float x) {
  const uint32_t infinite = 0x7C00, bias = (127 - 15) << 10;
  const uint32_t sign = bits_of(x) >> 16 & 0x8000u, size = bits_of(x) & 0x7FFFFFFFu;
  if (isnan(x)) return 0x7FFF;
  if (size < bits_of(0x1p-14f)) return (uint16_t)(sign | (uint32_t)rintf(fabsf(x) * 0x1p24f));
  const uint32_t half = ((size + 0xFFFu + (size >> 13 & 1u)) >> 13) - bias;
  return (uint16_t)(sign | (half < infinite ? half : infinite));
}
inline float from_half(uint16_t half) {
  const int exponent = half >> 10 & 31, mantissa = half & 1023;
  float size = ldexpf((float)(1024 + mantissa), exponent - 25);
  if (exponent == 0) size = ldexpf((float)mantissa, -24);
  if (exponent == 31) size = mantissa ? NAN : INFINITY;
  return half & 0x8000 ? -size : size;
}

} // namespace simt

#endif
