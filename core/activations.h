/* activations.h - exp, tanh, sigmoid and relu of the CPU path, and their derivatives.
 *
 * The 64-bit build, which is the oracle, calls libm; quick.h has a tanh for reservoirs, which are not.  The
 * 32-bit build has no calls, tables or branches, so a plain loop over an array vectorises (gcc and clang, any
 * width, no -ffast-math needed):
 *
 *   x = n ln2 + r,  |r| <= ln2/2      Cody & Waite 1980: n ln2 in two parts, the first one exact
 *   e^r - 1 = r + r^2 q(r)            q: minimax polynomial of degree 4, error 4e-9 (Remez exchange)
 *   e^x     = 2^n e^r
 *   tanh x  = m/(m+2), m = e^2x - 1   m = 2^n (e^r - 1) + (2^n - 1), no cancellation at small x
 *   sigmoid = 1/(1+e^-x), or e^x/(1+e^x) for negative x, which keeps its digits down to the denormals
 *
 * Largest relative error, over every seventh float: exp 0.9e-7, tanh 1.9e-7, sigmoid 1.8e-7.  NaN gives NaN,
 * +-inf the limits, out of range inf or 0; tanh(-0) = -0.
 */
#ifndef SQ_ACTIVATIONS_H
#define SQ_ACTIVATIONS_H

#include <math.h>
#include <string.h>

#include "core/cell.h"
#include "core/real.h"

/* A number's bits as an integer, and back. */
#if SEQGPU_REAL_BITS == 64
typedef uint64_t FN(sq_word);
#else
typedef uint32_t FN(sq_word);
#endif

SQ_INLINE FN(sq_word) FN(sq_bits)(real x) {
  FN(sq_word) word;
  memcpy(&word, &x, sizeof word);
  return word;
}

SQ_INLINE real FN(sq_from_bits)(FN(sq_word) word) {
  real x;
  memcpy(&x, &word, sizeof x);
  return x;
}

#if SEQGPU_REAL_BITS == 64

SQ_INLINE real FN(sq_exp)(real x) { return exp(x); }
SQ_INLINE real FN(sq_exp_below)(real x) { return exp(x); }
SQ_INLINE real FN(sq_tanh)(real x) { return tanh(x); }

#else

/* 2^n for -126 <= n <= 127, n given with the exponent's bias: n + 127. */
SQ_INLINE float sq_float_power2(uint32_t biased) { return FN(sq_from_bits)(biased << 23); }

/* Returns e^r - 1, the reduced part of e^x for |x| <= 2^21, and the integer n + 512 of e^x = 2^n e^r.  Adding
 * 1.5 * 2^23 rounds to an integer and leaves it in the low bits; a conversion of a NaN would be undefined. */
SQ_INLINE float sq_exp_reduce(float x, uint32_t *n_plus_512) {
  const float magic = 0x1.8p23f;
  const float shifted = x * 0x1.715476p+0f + magic; /* x / ln2 */
  const float n = shifted - magic;
  const float r = (x - n * 0x1.62e4p-1f) - n * 0x1.7f7d1cp-20f;
  const float q =
      0.5f + r * (0x1.555492p-3f + r * (0x1.555464p-5f + r * (0x1.123a1ep-7f + r * 0x1.6db14cp-10f)));
  *n_plus_512 = FN(sq_bits)(shifted) - FN(sq_bits)(magic) + 512u;
  return r + r * r * q;
}

/* 2^n is applied in two halves: n reaches from -150 (denormal results) to 128 (overflow). */
SQ_INLINE float FN(sq_exp)(float x) {
  x = x > 89.0f ? 89.0f : x; /* this way round a NaN stays */
  x = x < -104.0f ? -104.0f : x;
  uint32_t n;
  const float e = 1.0f + sq_exp_reduce(x, &n);
  const uint32_t half = n >> 1;
  return e * sq_float_power2(half - 256u + 127u) * sq_float_power2(n - half - 256u + 127u);
}

/* The same for x up to 88, with 0 for what is less than e^-87 = 1.6e-38: two thirds of the time. */
SQ_INLINE float FN(sq_exp_below)(float x) {
  uint32_t n;
  const float e = 1.0f + sq_exp_reduce(x < -87.0f ? -87.0f : x, &n), y = e * sq_float_power2(n - 512u + 127u);
  return x < -87.0f ? 0.0f : y;
}

SQ_INLINE float FN(sq_tanh)(float x) {
  const uint32_t sign = FN(sq_bits)(x) & 0x80000000u;
  float a = 2.0f * FN(sq_from_bits)(FN(sq_bits)(x) ^ sign);
  a = a > 20.0f ? 20.0f : a; /* tanh 10 rounds to 1 */
  uint32_t n;
  const float p = sq_exp_reduce(a, &n);
  const float power = sq_float_power2(n - 512u + 127u);
  const float m = power * p + (power - 1.0f);
  return FN(sq_from_bits)(FN(sq_bits)(m / (m + 2.0f)) | sign);
}

#endif

SQ_INLINE real FN(sq_sigmoid)(real x) {
  const real e = FN(sq_exp)(x < 0 ? x : -x);
  return (x < 0 ? e : RC(1.0)) / (RC(1.0) + e);
}

/* g(x). In a loop use sq_activate_row: gcc does not take the choice out of it, but computes every g. */
SQ_INLINE real FN(sq_activate)(sq_activation kind, real x) {
  if (kind == SQ_TANH) return FN(sq_tanh)(x);
  if (kind == SQ_RELU) return x < 0 ? 0 : x;
  if (kind == SQ_SIGMOID) return FN(sq_sigmoid)(x);
  return x;
}

/* g'(x) from the output y = g(x): what backward has kept. */
SQ_INLINE real FN(sq_activate_grad)(sq_activation kind, real y) {
  if (kind == SQ_TANH) return 1 - y * y;
  if (kind == SQ_RELU) return y > 0 ? RC(1.0) : 0;
  if (kind == SQ_SIGMOID) return y * (1 - y);
  return 1;
}

/* y[i] = g(x[i]), i < n; y may be x. */
SQ_INLINE void FN(sq_activate_row)(sq_activation kind, int64_t n, const real *x, real *y) {
  if (kind == SQ_TANH) {
    for (int64_t i = 0; i < n; i++) y[i] = FN(sq_tanh)(x[i]);
  } else if (kind == SQ_SIGMOID) {
    for (int64_t i = 0; i < n; i++) y[i] = FN(sq_sigmoid)(x[i]);
  } else {
    for (int64_t i = 0; i < n; i++) y[i] = kind == SQ_RELU && x[i] < 0 ? 0 : x[i];
  }
}

#endif
