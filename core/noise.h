/* noise.h - the numbers that gradient noise is made of: normal but for their tails, and the same on every
 * device.
 *
 * z is the sum of the 16 bytes of a Philox block less its mean: a whole number from -2040 to 2040 of
 * variance 16 (2^16 - 1) / 12.  By the central limit theorem it is as good as normal: kurtosis 2.92, none
 * beyond 6.9 standard deviations.  Logarithms and sines differ from one mathematical library to the next;
 * sums of bytes do not.  The scale has 12 bits of mantissa, so that its product with z is exact in
 * float32, and x + scale z is rounded once whether the compiler fuses the two operations or not.
 */
#ifndef SQ_NOISE_H
#define SQ_NOISE_H

#include "core/philox.h"

SQ_HOST_DEVICE static inline int sq_noise_number(uint64_t seed, uint64_t stream, uint64_t element) {
  const sq_philox_block block = sq_philox(seed, stream, element);
  uint32_t pairs = 0; /* two sums of eight bytes each, at most 2040 */
  for (int k = 0; k < 4; k++) pairs += (block.word[k] & 0x00ff00ffu) + ((block.word[k] >> 8) & 0x00ff00ffu);
  return (int)((pairs & 0xffffu) + (pairs >> 16)) - 2040;
}

/* What z is multiplied by for a standard deviation of sigma. */
static inline double sq_noise_scale(double sigma) {
  int exponent;
  const double mantissa = frexp(sigma / sqrt(16 * 65535.0 / 12), &exponent);
  return ldexp(round(mantissa * 4096), exponent - 12);
}

#endif
