/* quick.h - tanh in double precision without libm, for the states of a reservoir.
 *
 * libm computes one tanh at a time.  This has no calls, tables or branches, so that a plain loop over an array
 * vectorises, as those of float32 in activations.h do, and by the same equations:
 *
 *   2|x| = n ln2 + r,  |r| <= ln2/2   Cody & Waite 1980: n ln2 in two parts, the first one exact
 *   e^r - 1 = r + r^2 q(r)            q: of degree 10, through Chebyshev's points; error 5e-19 of r
 *   tanh |x| = m/(m+2),  m = e^2|x| - 1 = 2^n (e^r - 1) + (2^n - 1), no cancellation at small x
 *
 * Largest relative error: 4e-16, in 30 million draws beside a long double.  NaN gives NaN, +-inf +-1, and
 * tanh(-0) = -0.  It is not for the oracle of the tests, which calls libm: only a step that says it is `quick`
 * (step.h) has it.
 */
#ifndef SQ_QUICK_H
#define SQ_QUICK_H

#include "core/activations.h"

#if SEQGPU_REAL_BITS == 64

/* (e^r - 1 - r) / r^2 */
SQ_INLINE double sq_quick_q(double r) {
  const double low =
      0.5 + r * (0x1.5555555555557p-3 +
                 r * (0x1.5555555555556p-5 + r * (0x1.11111111100dcp-7 + r * 0x1.6c16c16c162d4p-10)));
  const double high =
      0x1.a01a01abe7fe1p-13 +
      r * (0x1.a01a01a6d889cp-16 +
           r * (0x1.71de0231960ebp-19 +
                r * (0x1.27e4db646b17ep-22 + r * (0x1.af4de97ca4194p-26 + r * 0x1.1f730349868cep-29))));
  const double r2 = r * r;
  return low + r2 * r2 * r * high;
}

/* Adding 1.5 * 2^52 rounds to an integer and leaves it in the low bits. */
SQ_INLINE double sq_tanh_quick(double x) {
  const double magic = 0x1.8p52;
  const uint64_t sign = FN(sq_bits)(x) & ((uint64_t)1 << 63);
  double a = 2 * FN(sq_from_bits)(FN(sq_bits)(x) ^ sign);
  a = a > 40 ? 40 : a; /* tanh 20 rounds to 1; this way round a NaN stays */
  const double shifted = a * 0x1.71547652b82fep+0 + magic, n = shifted - magic;
  const double r = (a - n * 0x1.62e42feep-1) - n * 0x1.a39ef35793c76p-33;
  const double p = r + r * r * sq_quick_q(r);
  const double power = FN(sq_from_bits)((FN(sq_bits)(shifted) - FN(sq_bits)(magic) + 1023) << 52);
  const double m = power * p + (power - 1);
  return FN(sq_from_bits)(FN(sq_bits)(m / (m + 2)) | sign);
}

#endif

/* y[i] = g(x[i]), i < n; y may be x.  Quick or not, float32 has its own. */
SQ_INLINE void FN(sq_activate_quick_row)(int quick, sq_activation kind, int64_t n, const real *x, real *y) {
#if SEQGPU_REAL_BITS == 64
  if (quick && kind == SQ_TANH) {
    for (int64_t i = 0; i < n; i++) y[i] = sq_tanh_quick(x[i]);
    return;
  }
#else
  (void)quick;
#endif
  FN(sq_activate_row)(kind, n, x, y);
}

#endif
