/* convert.cpp - cvt: from every number format to every other.  Source: the PTX ISA, "cvt".
 *
 * A source register may be wider than the type that is read: its low bits count.  A destination may be wider
 * than the type that is made: it gets the sign, or zeros.  Formats below float (half, bfloat16, TF32) are made of
 * a float, and their nearest roundings are those of the other emulator (tests/simt/simt_numbers.h).
 */
#include "tests/simt/simt_numbers.h"
#include "tests/soft/rounding.h"

#include <limits>

namespace soft {
namespace {

/* As bits, with the sign of a signed integer above them. */
template <class T> uint64_t extended(T value) {
  if constexpr (std::is_integral_v<T>)
    return (uint64_t)value;
  else
    return to_bits(value);
}
/* Into a register that is wider than the type. */
template <class D>
__attribute__((noinline)) void widen(const Results<D> &results, Warp &warp, const Instruction &x,
                                     uint32_t lanes) {
  for (uint32_t left = lanes; left != 0; left &= left - 1) {
    const unsigned i = (unsigned)__builtin_ctz(left);
    warp.set(x.at[0], x.size[0], i, extended(results.lane[i]));
  }
}
/* The handler of a function that converts. */
template <auto F> After converting(Warp &warp, const Instruction &x, uint32_t lanes) {
  const auto results = Lanes<F>::all(warp, x, 1);
  if (x.size[0] == sizeof(results.lane[0]))
    results.store(warp, x.at[0], lanes);
  else
    widen(results, warp, x, lanes);
  return After::next;
}

/* ---- integers ---- */

template <class D, class A> D low_bits(A a) { return (D)a; }
/* .sat: to the nearest that there is. */
template <class D, class A> D clamp(A a) {
  typedef std::numeric_limits<D> Limits;
  if (std::is_signed_v<A> && a < 0) {
    if (std::is_unsigned_v<D>) return 0;
    return (int64_t)a < (int64_t)Limits::min() ? Limits::min() : (D)a;
  }
  return (uint64_t)a > (uint64_t)Limits::max() ? Limits::max() : (D)a;
}

/* ---- float and integer ---- */

template <Round R, class F> F integral(F a) {
  if constexpr (R == Round::zero) return trunc(a);
  if constexpr (R == Round::down) return floor(a);
  if constexpr (R == Round::up) return ceil(a);
  return rint(a);
}
/* Too large a number becomes the nearest that there is; NaN becomes 0, or the top bit alone if one of both types
 * has 64 bits. */
template <class D, class F, Round R> D to_integer(F a) {
  typedef std::numeric_limits<D> Limits;
  const D of_nan = sizeof(D) == 8 || sizeof(F) == 8 ? (D)((uint64_t)1 << (8 * sizeof(D) - 1)) : (D)0;
  const F whole = integral<R>(a), lowest = (F)Limits::min(), beyond = (F)(Limits::max() / 2 + 1) * 2;
  return a != a ? of_nan : whole < lowest ? Limits::min() : whole >= beyond ? Limits::max() : (D)whole;
}

/* ---- float and double ---- */

template <class F> F as_is(F a) { return canonical(a); }
template <Round R> float integral_f32(float a) { return canonical(integral<R>(a)); }
template <Round R> float flushed_integral(float a) { return integral_f32<R>(flush(a)); }
template <Round R> double integral_f64(double a) { return integral<R>(a); }
double lengthened(float a) { return a; }
template <Round R> float shortened(double a) { return rounded<R>(a, 0); }
template <Round R> float shortened_sat(double a) { return saturate_unit(shortened<R>(a)); }
template <Round R> float shortened_ftz(double a) { return flush(shortened<R>(a)); }

/* ---- half, bfloat16, TF32 ---- */

struct Half {
  uint16_t bits;
};
struct Bfloat {
  uint16_t bits;
};

/* The bits from `drop` on, rounded as R says; the low ones are zero. */
template <Round R> uint32_t cut(uint32_t bits, unsigned drop) {
  const uint32_t rest = bits & ((1u << drop) - 1), negative = bits >> 31;
  const bool away = rest && (R == Round::up ? !negative : R == Round::down ? negative : 0);
  return bits - rest + (away ? 1u << drop : 0);
}
template <Round R> Bfloat to_bfloat(float a) {
  if (R == Round::nearest || isnan(a)) return {simt::to_bf16(a)};
  return {(uint16_t)(cut<R>(simt::bits_of(a), 16) >> 16)};
}
float of_bfloat(Bfloat a) { return canonical(simt::float_of((uint32_t)a.bits << 16)); }
float of_half(Half a) { return canonical(simt::from_half(a.bits)); }
double double_of_half(Half a) { return (double)simt::from_half(a.bits); }

/* What the nearest half is not, one of its neighbours is. */
template <Round R> Half to_half(float a) {
  const uint16_t nearest = simt::to_half(a);
  if (R == Round::nearest || isnan(a)) return {nearest};
  const float got = simt::from_half(nearest);
  const bool inwards = R == Round::zero || (R == Round::down) == (a > 0);
  if (inwards && fabsf(got) > fabsf(a)) return {(uint16_t)(nearest - 1)};
  if (!inwards && fabsf(got) < fabsf(a)) return {(uint16_t)(nearest + 1)};
  return {nearest};
}
/* A double goes through a float that shows that something was lost, in its last bit (rounding to odd). */
float odd(double a) {
  const float inward = shortened<Round::zero>(a);
  return (double)inward == a ? inward : from_bits<float>(to_bits(inward) | 1);
}
template <Round R> Half half_of_double(double a) { return to_half<R>(odd(a)); }
template <Round R> Bfloat bfloat_of_double(double a) { return to_bfloat<R>(odd(a)); }

/* Integers and floats of any size.  An integer of more than 24 bits has no half, whichever float it becomes. */
template <class D, class F, Round R> D integer_of(F a) {
  if constexpr (std::is_same_v<F, Half>)
    return to_integer<D, float, R>(of_half(a));
  else
    return to_integer<D, F, R>(a);
}
template <class F, Round R, class A> F of_integer(A a) {
  if constexpr (std::is_same_v<F, Half>)
    return to_half<R>(from_integer<float, Round::zero>(a));
  else
    return from_integer<F, R>(a);
}
template <Round R> Half half_integral(Half a) { return to_half<Round::nearest>(integral<R>(of_half(a))); }

uint32_t tf32_rna(float a) { return simt::to_tf32(a); }
uint32_t tf32_rz(float a) { return isnan(a) ? 0x7FFFFFFF : cut<Round::zero>(simt::bits_of(a), 13); }
uint32_t tf32_rn(float a) {
  const uint32_t bits = simt::bits_of(a);
  return isfinite(a) ? (bits + 0xFFFu + (bits >> 13 & 1u)) & ~0x1FFFu : isnan(a) ? 0x7FFFFFFF : bits;
}

/* Two floats to two short ones, the first above. */
template <Round R> uint32_t two_halves(float high, float low) {
  return (uint32_t)to_half<R>(high).bits << 16 | to_half<R>(low).bits;
}
template <Round R> uint32_t two_bfloats(float high, float low) {
  return (uint32_t)to_bfloat<R>(high).bits << 16 | to_bfloat<R>(low).bits;
}

} // namespace

/* ---- names ---- */

#define EACH_INTEGER(ROWS, name, T)                                                                          \
  ROWS(name, T, "s8", int8_t), ROWS(name, T, "u8", uint8_t), ROWS(name, T, "s16", int16_t),                  \
      ROWS(name, T, "u16", uint16_t), ROWS(name, T, "s32", int32_t), ROWS(name, T, "u32", uint32_t),         \
      ROWS(name, T, "s64", int64_t), ROWS(name, T, "u64", uint64_t)
#define OF_INTEGER(from, A, to, D)                                                                           \
  {"cvt." to "." from, converting<low_bits<D, A>>}, { "cvt.sat." to "." from, converting<clamp<D, A>> }
#define OF_FLOAT(from, A, to, D)                                                                             \
  {"cvt.rni." to "." from, converting<integer_of<D, A, Round::nearest>>},                                    \
      {"cvt.rzi." to "." from, converting<integer_of<D, A, Round::zero>>},                                   \
      {"cvt.rmi." to "." from, converting<integer_of<D, A, Round::down>>}, {                                 \
    "cvt.rpi." to "." from, converting<integer_of<D, A, Round::up>>                                          \
  }
#define OF_FLUSHED(from, A, to, D)                                                                           \
  {"cvt.rni.ftz." to "." from, converting<Flushed<integer_of<D, A, Round::nearest>>::of>},                   \
      {"cvt.rzi.ftz." to "." from, converting<Flushed<integer_of<D, A, Round::zero>>::of>},                  \
      {"cvt.rmi.ftz." to "." from, converting<Flushed<integer_of<D, A, Round::down>>::of>}, {                \
    "cvt.rpi.ftz." to "." from, converting<Flushed<integer_of<D, A, Round::up>>::of>                         \
  }
#define TO_FLOAT(to, D, from, A)                                                                             \
  {"cvt.rn." to "." from, converting<of_integer<D, Round::nearest, A>>},                                     \
      {"cvt.rz." to "." from, converting<of_integer<D, Round::zero, A>>},                                    \
      {"cvt.rm." to "." from, converting<of_integer<D, Round::down, A>>}, {                                  \
    "cvt.rp." to "." from, converting<of_integer<D, Round::up, A>>                                           \
  }
/* A function whose only parameter is the rounding. */
#define EACH_ROUND(name, i, types, f)                                                                        \
  {name "rn" i types, converting<f<Round::nearest>>}, {name "rz" i types, converting<f<Round::zero>>},       \
      {name "rm" i types, converting<f<Round::down>>}, {                                                     \
    name "rp" i types, converting<f<Round::up>>                                                              \
  }

const Opcode convert_opcodes[] = {
    /* integers */
    EACH_INTEGER(OF_INTEGER, "s8", int8_t),
    EACH_INTEGER(OF_INTEGER, "u8", uint8_t),
    EACH_INTEGER(OF_INTEGER, "s16", int16_t),
    EACH_INTEGER(OF_INTEGER, "u16", uint16_t),
    EACH_INTEGER(OF_INTEGER, "s32", int32_t),
    EACH_INTEGER(OF_INTEGER, "u32", uint32_t),
    EACH_INTEGER(OF_INTEGER, "s64", int64_t),
    EACH_INTEGER(OF_INTEGER, "u64", uint64_t),

    /* integers and floats */
    EACH_INTEGER(OF_FLOAT, "f16", Half),
    EACH_INTEGER(OF_FLOAT, "f32", float),
    EACH_INTEGER(OF_FLUSHED, "f32", float),
    EACH_INTEGER(OF_FLOAT, "f64", double),
    EACH_INTEGER(TO_FLOAT, "f16", Half),
    EACH_INTEGER(TO_FLOAT, "f32", float),
    EACH_INTEGER(TO_FLOAT, "f64", double),

    /* floats */
    {"cvt.f32.f32", converting<as_is<float>>},
    {"cvt.ftz.f32.f32", converting<flush>},
    {"cvt.sat.f32.f32", converting<saturate_unit<float>>},
    {"cvt.ftz.sat.f32.f32", converting<Flushed<saturate_unit<float>>::of>},
    {"cvt.f64.f64", converting<as_is<double>>},
    {"cvt.sat.f64.f64", converting<saturate_unit<double>>},
    {"cvt.f64.f32", converting<lengthened>},
    {"cvt.ftz.f64.f32", converting<Flushed<lengthened>::of>},
    {"cvt.sat.f64.f32", converting<Saturated<lengthened>::of>},
    EACH_ROUND("cvt.", "i", ".f32.f32", integral_f32),
    EACH_ROUND("cvt.", "i.ftz", ".f32.f32", flushed_integral),
    EACH_ROUND("cvt.", "i", ".f64.f64", integral_f64),
    EACH_ROUND("cvt.", "", ".f32.f64", shortened),
    EACH_ROUND("cvt.", ".sat", ".f32.f64", shortened_sat),
    EACH_ROUND("cvt.", ".ftz", ".f32.f64", shortened_ftz),

    /* short floats */
    EACH_ROUND("cvt.", "i", ".f16.f16", half_integral),
    EACH_ROUND("cvt.", "", ".f16.f32", to_half),
    EACH_ROUND("cvt.", "", ".f16.f64", half_of_double),
    EACH_ROUND("cvt.", "", ".bf16.f32", to_bfloat),
    EACH_ROUND("cvt.", "", ".bf16.f64", bfloat_of_double),
    EACH_ROUND("cvt.", "", ".f16x2.f32", two_halves),
    EACH_ROUND("cvt.", "", ".bf16x2.f32", two_bfloats),
    {"cvt.f32.f16", converting<of_half>},
    {"cvt.ftz.f32.f16", converting<of_half>}, /* a subnormal half is a normal float */
    {"cvt.sat.f32.f16", converting<Saturated<of_half>::of>},
    {"cvt.f64.f16", converting<double_of_half>},
    {"cvt.f32.bf16", converting<of_bfloat>},
    {"cvt.rna.tf32.f32", converting<tf32_rna>},
    {"cvt.rn.tf32.f32", converting<tf32_rn>},
    {"cvt.rz.tf32.f32", converting<tf32_rz>},
    {NULL, NULL}};

} // namespace soft
