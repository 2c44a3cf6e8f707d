/* rounding.h - directed rounding and the flush of subnormal numbers, without the processor's rounding mode.
 *
 * The exact result of an addition, a multiplication or a fused multiply-add of floats is a sum high + low of
 * two doubles, low being what the rounding of high has lost (Knuth's TwoSum; the product of two floats is exact
 * in double).  Which float lies below or above it is then a matter of two comparisons.
 */
#ifndef SOFT_ROUNDING_H
#define SOFT_ROUNDING_H

#include "tests/soft/lanes.h"

#include <float.h>
#include <math.h>

namespace soft {

enum class Round { nearest, zero, down, up };

/* The one NaN that float instructions make; those of doubles keep the operand's. */
inline float canonical(float x) { return x == x ? x : from_bits<float>(0x7FFFFFFFu); }
inline double canonical(double x) { return x; }

/* .ftz: a subnormal number counts as zero of its sign. */
inline float flush(float x) { return fabsf(x) < FLT_MIN ? copysignf(0.0f, x) : x; }
/* .sat: to [0, 1]; NaN and -0 become +0. */
template <class T> inline T saturate_unit(T x) { return x > 0 ? (x < 1 ? x : (T)1) : (T)0; }

/* The function with .ftz, with .sat. */
template <auto F, class = decltype(F)> struct Flushed;
template <auto F, class D, class... A> struct Flushed<F, D (*)(A...)> {
  static D of(A... a) {
    if constexpr (std::is_same_v<D, float>)
      return flush(F(flush(a)...));
    else
      return F(flush(a)...);
  }
};
template <auto F, class = decltype(F)> struct Saturated;
template <auto F, class D, class... A> struct Saturated<F, D (*)(A...)> {
  static D of(A... a) { return saturate_unit(F(a...)); }
};

/* The float below or above, in bits: those of a positive number grow with it, those of a negative one shrink. */
inline float next_down(float x) {
  const uint32_t bits = to_bits(x);
  return from_bits<float>(x > 0 ? bits - 1 : x < 0 ? bits + 1 : 0x80000001u);
}
inline float next_up(float x) { return -next_down(-x); }

/* high + low as a float.  |low| is at most half a unit in the last place of high. */
template <Round R> inline float rounded(double high, double low) {
  const float near = (float)high;
  const bool above = (double)near > high || ((double)near == high && low < 0);
  const bool below = (double)near < high || ((double)near == high && low > 0);
  /* Infinity stays what it is; a sum that has only grown too large for a float has `near` above or below it. */
  if constexpr (R == Round::down) return canonical(above ? next_down(near) : near);
  if constexpr (R == Round::up) return canonical(below ? next_up(near) : near);
  if constexpr (R == Round::zero)
    return canonical(above && high > 0 ? next_down(near) : below && high < 0 ? next_up(near) : near);
  return canonical(near);
}

/* a + b with all its bits; a zero that comes of x - x is -0 when rounding down. */
template <Round R> inline float rounded_sum(double a, double b) {
  const double high = a + b, of_b = high - a;
  const double low = (a - (high - of_b)) + (b - of_b);
  if constexpr (R == Round::down) return high == 0 ? (float)-(-a - b) : rounded<R>(high, low);
  return rounded<R>(high, low);
}
template <Round R> inline float add_f32(float a, float b) { return rounded_sum<R>(a, b); }
template <Round R> inline float sub_f32(float a, float b) { return rounded_sum<R>(a, -(double)b); }
template <Round R> inline float mul_f32(float a, float b) { return rounded<R>((double)a * b, 0); }
template <Round R> inline float fma_f32(float a, float b, float c) {
  return rounded_sum<R>((double)a * b, c);
}

/* An integer as a float or double. */
template <class F, Round R, class I> inline F from_integer(I value) {
  if constexpr (R == Round::nearest) return (F)value;
  const int mantissa = sizeof(F) == 4 ? FLT_MANT_DIG : DBL_MANT_DIG;
  const bool negative = value < 0;
  const uint64_t size = negative ? 0 - (uint64_t)value : (uint64_t)value;
  const int drop = size ? 64 - __builtin_clzll(size) - mantissa : 0;
  if (drop <= 0) return (F)value;
  const bool more = size & ((1ull << drop) - 1);
  const bool away = more && (R == Round::zero ? false : R == Round::down ? negative : !negative);
  const F result = (F)ldexp((double)((size >> drop) + away), drop); /* exact */
  return negative ? -result : result;
}

} // namespace soft

#endif
