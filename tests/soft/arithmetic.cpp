/* arithmetic.cpp - instructions that compute: integers, bits, floats, moves.  Source: the PTX ISA, "Integer
 * Arithmetic Instructions" to "Logic and Shift Instructions", and "Data Movement".
 *
 * A function says what a lane does, lanes.h makes the handler, the table at the end gives it its names.
 * Rounding is exact where PTX is exact.  The approximations (.approx) are good to float's last bit, which lies
 * within the error that PTX allows; what the hardware gives differs in the last bits.
 */
#include "tests/soft/rounding.h"

namespace soft {
namespace {

__extension__ typedef __int128 int128_t;
__extension__ typedef unsigned __int128 uint128_t;

/* ---- integers: modulo 2^bits, so unsigned, and no narrower than int ---- */

template <class T> using Modular = std::conditional_t<sizeof(T) == 8, uint64_t, uint32_t>;
/* Twice as wide, of the same sign. */
template <class T>
using Wide = std::conditional_t<
    sizeof(T) == 8, std::conditional_t<std::is_signed_v<T>, int128_t, uint128_t>,
    std::conditional_t<sizeof(T) == 4, std::conditional_t<std::is_signed_v<T>, int64_t, uint64_t>,
                       std::conditional_t<std::is_signed_v<T>, int32_t, uint32_t>>>;

template <class T> T plus(T a, T b) { return (T)((Modular<T>)a + (Modular<T>)b); }
template <class T> T minus(T a, T b) { return (T)((Modular<T>)a - (Modular<T>)b); }
template <class T> T mul_lo(T a, T b) { return (T)((Modular<T>)a * (Modular<T>)b); }
template <class T> T mul_hi(T a, T b) { return (T)((Wide<T>)a * (Wide<T>)b >> 8 * sizeof(T)); }
template <class T> Wide<T> mul_wide(T a, T b) { return (Wide<T>)a * (Wide<T>)b; }
template <class T> T mad_lo(T a, T b, T c) { return plus(mul_lo(a, b), c); }
template <class T> T mad_hi(T a, T b, T c) { return plus(mul_hi(a, b), c); }
template <class T> Wide<T> mad_wide(T a, T b, Wide<T> c) { return plus<Wide<T>>(mul_wide(a, b), c); }
/* The low 24 bits of both, with their sign. */
template <class T> T low24(T a) { return (T)((T)((uint32_t)a << 8) >> 8); }
template <class T> T mul24_lo(T a, T b) { return mul_lo(low24(a), low24(b)); }
template <class T> T mad24_lo(T a, T b, T c) { return plus(mul24_lo(a, b), c); }
template <class T> T minimum(T a, T b) { return a < b ? a : b; }
template <class T> T maximum(T a, T b) { return a > b ? a : b; }
template <class T> T negate(T a) { return minus((T)0, a); }
template <class T> T absolute(T a) { return a < 0 ? negate(a) : a; }
template <class T> T sad(T a, T b, T c) { return plus(c, a > b ? minus(a, b) : minus(b, a)); }
int32_t clamp_s32(int64_t x) { return (int32_t)(x < INT32_MIN ? INT32_MIN : x > INT32_MAX ? INT32_MAX : x); }
int32_t add_sat(int32_t a, int32_t b) { return clamp_s32((int64_t)a + b); }
int32_t sub_sat(int32_t a, int32_t b) { return clamp_s32((int64_t)a - b); }

/* By zero: all ones.  The quotient of two 32-bit numbers as doubles lies too far below the next integer to be
 * rounded to it, and doubles are divided four at a time. */
template <class T> T divide(T a, T b) {
  if (b == 0) return (T)-1;
  if constexpr (std::is_signed_v<T>)
    if (b == (T)-1) return negate(a);
  if constexpr (sizeof(T) == 8) return a / b;
  return (T)((double)a / (double)b);
}
template <class T> T remainder(T a, T b) { return b == 0 ? (T)-1 : minus(a, mul_lo(divide(a, b), b)); }

/* ---- carry: add.cc, addc, ...: each lane has a carry flag ---- */

enum class Carry { add, sub, mad_lo, mad_hi };

/* The carry goes in if `in`, and comes out if `out`.  Of a subtraction it is the borrow. */
template <class T, Carry C, bool in, bool out>
After carrying(Warp &warp, const Instruction &x, uint32_t lanes) {
  typedef std::make_unsigned_t<T> U;
  const bool product = C == Carry::mad_lo || C == Carry::mad_hi;
  const Source<T> left(warp, x, 1), right(warp, x, 2), added(warp, x, product ? 3 : 2);
  Results<U> results;
  uint32_t carry = 0;
  for (unsigned i = 0; i < WARP; i++) {
    const T a = left.lanes()[i], b = right.lanes()[i];
    const U first = (U)(C == Carry::mad_lo ? mul_lo(a, b) : C == Carry::mad_hi ? mul_hi(a, b) : a);
    const uint128_t second = (uint128_t)(U)added.lanes()[i] + (in ? warp.carry >> i & 1u : 0);
    const uint128_t sum = C == Carry::sub ? first - second : first + second;
    results.lane[i] = (U)sum;
    carry |= (uint32_t)(sum >> 8 * sizeof(T) & 1) << i;
  }
  results.store(warp, x.at[0], lanes);
  if (out) warp.carry = (warp.carry & ~lanes) | (carry & lanes);
  return After::next;
}

/* ---- bits ---- */

template <class T> T bit_and(T a, T b) { return (T)(a & b); }
template <class T> T bit_or(T a, T b) { return (T)(a | b); }
template <class T> T bit_xor(T a, T b) { return (T)(a ^ b); }
template <class T> T bit_not(T a) { return (T)~a; }
template <class T> T logical_not(T a) { return a == 0; }
/* Shifts by the width and more give zero, or the sign. */
template <class T> T shift_left(T a, uint32_t b) {
  return b < 8 * sizeof(T) ? (T)((Modular<T>)a << b) : (T)0;
}
template <class T> T shift_right(T a, uint32_t b) {
  const uint32_t last = 8 * sizeof(T) - 1;
  if constexpr (std::is_signed_v<T>) return (T)(a >> (b < last ? b : last));
  return b <= last ? (T)(a >> b) : (T)0;
}
/* The shift counts of shf: .clamp stops at 32, .wrap takes five bits. */
inline uint64_t both(uint32_t low, uint32_t high) { return (uint64_t)high << 32 | low; }
uint32_t shf_l_clamp(uint32_t a, uint32_t b, uint32_t c) {
  return (uint32_t)(both(a, b) << (c < 32 ? c : 32) >> 32);
}
uint32_t shf_r_clamp(uint32_t a, uint32_t b, uint32_t c) {
  return (uint32_t)(both(a, b) >> (c < 32 ? c : 32));
}
uint32_t shf_l_wrap(uint32_t a, uint32_t b, uint32_t c) { return shf_l_clamp(a, b, c & 31); }
uint32_t shf_r_wrap(uint32_t a, uint32_t b, uint32_t c) { return shf_r_clamp(a, b, c & 31); }

uint32_t popc_b32(uint32_t a) { return (uint32_t)__builtin_popcount(a); }
uint32_t popc_b64(uint64_t a) { return (uint32_t)__builtin_popcountll(a); }
uint32_t clz_b32(uint32_t a) { return a ? (uint32_t)__builtin_clz(a) : 32; }
uint32_t clz_b64(uint64_t a) { return a ? (uint32_t)__builtin_clzll(a) : 64; }
/* The highest bit that is not the sign's; all ones if there is none.  .shiftamt: how far it is to the top. */
template <class T, bool amount> uint32_t bfind(T a) {
  const uint64_t bits = to_bits(a < 0 ? (T)~a : a);
  if (bits == 0) return 0xFFFFFFFFu;
  const uint32_t bit = 63 - (uint32_t)__builtin_clzll(bits);
  return amount ? 8 * (uint32_t)sizeof(T) - 1 - bit : bit;
}
/* Neighbouring bits change places, then pairs, and so on; the bytes at last. */
template <class T> T brev(T a) {
  for (unsigned by = 1; by < 8; by *= 2) {
    const T lower = (T)(~(T)0 / ((1u << by) + 1)); /* 0x5555..., 0x3333..., 0x0F0F... */
    a = (T)((a >> by & lower) | (a & lower) << by);
  }
  return (T)(sizeof(T) == 4 ? __builtin_bswap32((uint32_t)a) : __builtin_bswap64((uint64_t)a));
}
/* `length` bits from `from`, those that there are; above them the sign bit of the field, or zeros. */
template <class T> T bfe(T a, uint32_t from, uint32_t length) {
  typedef std::make_unsigned_t<T> U;
  const uint32_t bits = 8 * sizeof(T);
  from &= 255, length &= 255;
  if (length == 0) return 0;
  const uint32_t sign = minimum(from + length - 1, bits - 1);
  const uint32_t there = from < bits ? minimum(length, bits - from) : 0;
  const U kept = there < bits ? (U)(((U)1 << there) - 1) : (U) ~(U)0;
  const U field = from < bits ? (U)((U)a >> from) & kept : (U)0;
  return (T)(std::is_signed_v<T> && ((U)a >> sign & 1) ? field | (U)~kept : field);
}
/* `a` into b. */
template <class T> T bfi(T a, T b, uint32_t to, uint32_t length) {
  const uint32_t bits = 8 * sizeof(T);
  to &= 255, length &= 255;
  if (to >= bits) return b;
  const T field = (T)((length < bits ? ((T)1 << length) - 1 : ~(T)0) << to);
  return (T)((b & ~field) | ((T)(a << to) & field));
}
/* Bit 4a + 2b + c of the table. */
uint32_t lop3(uint32_t a, uint32_t b, uint32_t c, uint32_t table) {
  uint32_t result = 0;
  for (unsigned row = 0; row < 8; row++)
    result |= (table >> row & 1 ? ~0u : 0u) & (row & 4 ? a : ~a) & (row & 2 ? b : ~b) & (row & 1 ? c : ~c);
  return result;
}

/* Byte `index` (3 bits) of {b, a}; with bit 3 its sign eight times. */
inline uint32_t byte_of(uint32_t a, uint32_t b, uint32_t index) {
  const uint32_t byte = (uint32_t)(both(a, b) >> 8 * (index & 7)) & 255;
  return index & 8 ? (byte & 128 ? 255 : 0) : byte;
}
inline uint32_t four_bytes(uint32_t a, uint32_t b, uint32_t i0, uint32_t i1, uint32_t i2, uint32_t i3) {
  return byte_of(a, b, i0) | byte_of(a, b, i1) << 8 | byte_of(a, b, i2) << 16 | byte_of(a, b, i3) << 24;
}
uint32_t prmt(uint32_t a, uint32_t b, uint32_t c) {
  return four_bytes(a, b, c & 15, c >> 4 & 15, c >> 8 & 15, c >> 12 & 15);
}
uint32_t prmt_f4e(uint32_t a, uint32_t b, uint32_t c) {
  c &= 3;
  return four_bytes(a, b, c, c + 1, c + 2, c + 3);
}
uint32_t prmt_b4e(uint32_t a, uint32_t b, uint32_t c) {
  c &= 3;
  return four_bytes(a, b, c, (c - 1) & 7, (c - 2) & 7, (c - 3) & 7);
}
uint32_t prmt_rc8(uint32_t a, uint32_t b, uint32_t c) { return four_bytes(a, b, c & 3, c & 3, c & 3, c & 3); }
uint32_t prmt_ecl(uint32_t a, uint32_t b, uint32_t c) {
  c &= 3;
  return four_bytes(a, b, c, maximum(c, 1u), maximum(c, 2u), 3);
}
uint32_t prmt_ecr(uint32_t a, uint32_t b, uint32_t c) {
  c &= 3;
  return four_bytes(a, b, 0, minimum(c, 1u), minimum(c, 2u), c);
}
uint32_t prmt_rc16(uint32_t a, uint32_t b, uint32_t c) {
  c = 2 * (c & 1);
  return four_bytes(a, b, c, c + 1, c, c + 1);
}

/* ---- floats ---- */

template <class F> F add(F a, F b) { return canonical(a + b); }
template <class F> F sub(F a, F b) { return canonical(a - b); }
template <class F> F mul(F a, F b) { return canonical(a * b); }
template <class F> F div(F a, F b) { return canonical(a / b); }
float fma_rn(float a, float b, float c) { return canonical(__builtin_fmaf(a, b, c)); }
double fma_rn(double a, double b, double c) { return __builtin_fma(a, b, c); }
template <class F> F fma(F a, F b, F c) { return fma_rn(a, b, c); }
float root(float a) { return sqrtf(a); }
double root(double a) { return ::sqrt(a); }
template <class F> F sqrt(F a) { return canonical(root(a)); }
template <class F> F rcp(F a) { return canonical(1 / a); }

/* The sign bit alone, of NaN too. */
template <class F> F neg(F a) { return -a; }
template <class F> F abs(F a) { return fabs(a); }
/* The sign of a on the size of b. */
float copysign(float a, float b) { return copysignf(b, a); }
double copysign(double a, double b) { return ::copysign(b, a); }
template <class F> F sign_of(F a, F b) { return copysign(a, b); }

/* NaN gives the other operand; -0 lies below +0: of equal numbers the bits are the same but for that. */
template <class F> F min(F a, F b) {
  const F equal = from_bits<F>(to_bits(a) | to_bits(b)), least = a < b ? a : b < a ? b : equal;
  return canonical(a != a ? b : b != b ? a : least);
}
template <class F> F max(F a, F b) {
  const F equal = from_bits<F>(to_bits(a) & to_bits(b)), most = a > b ? a : b > a ? b : equal;
  return canonical(a != a ? b : b != b ? a : most);
}
/* .NaN: any NaN gives NaN. */
float min_nan(float a, float b) { return a != a || b != b ? canonical(NAN) : min(a, b); }
float max_nan(float a, float b) { return a != a || b != b ? canonical(NAN) : max(a, b); }

/* 2^a = 2^n e^t: the sum with 1.5 * 2^52 rounds a to n, which then stands in its low bits, and |t| <= ln(2)/2,
 * so that eight terms of the series leave 2e-10.  In doubles, unlike exp2f a vector instruction. */
float ex2(float a) {
  const double rounds = 0x1.8p52, within = a < -200 ? -200 : a > 200 ? 200 : (double)a;
  const double shifted = within + rounds, t = (within - (shifted - rounds)) * M_LN2;
  const double high = 1 / 24.0 + t * (1 / 120.0 + t * (1 / 720.0 + t * (1 / 5040.0 + t * (1 / 40320.0))));
  const double power = 1 + t * (1 + t * (1 / 2.0 + t * (1 / 6.0 + t * high)));
  const double result = from_bits<double>(to_bits(power) + (to_bits(shifted) << 52));
  return canonical(a != a ? a : (float)result);
}
float lg2(float a) { return canonical((float)log2((double)a)); }
float sine(float a) { return canonical((float)sin((double)a)); }
float cosine(float a) { return canonical((float)cos((double)a)); }
float tanh_f32(float a) { return canonical((float)tanh((double)a)); }
float rsqrt(float a) { return canonical((float)(1 / ::sqrt((double)a))); }
double rsqrt_f64(double a) { return 1 / ::sqrt(a); }
/* The upper half of the double: 20 bits of mantissa. */
double rcp_f64(double a) {
  const double flushed = fabs(a) < DBL_MIN ? ::copysign(0.0, a) : a;
  const double result = from_bits<double>(to_bits(1 / flushed) & ~(uint64_t)0xFFFFFFFF);
  return fabs(result) < DBL_MIN ? ::copysign(0.0, result) : result;
}

template <class F> bool finite(F a) { return fabs(a) < (F)INFINITY; }
template <class F> bool infinite(F a) { return fabs(a) == (F)INFINITY; }
template <class F> bool number(F a) { return a == a; }
template <class F> bool not_a_number(F a) { return a != a; }
template <class F> bool normal(F a) {
  const F least = sizeof(F) == 4 ? (F)FLT_MIN : (F)DBL_MIN;
  return finite(a) && fabs(a) >= least;
}
template <class F> bool subnormal(F a) {
  const F least = sizeof(F) == 4 ? (F)FLT_MIN : (F)DBL_MIN;
  return a != 0 && fabs(a) < least;
}

/* ---- moves ---- */

template <class T> T same(T a) { return a; }
template <class T> T select(T a, T b, Chooser<T> p) { return p.choose(a, b); }
template <class T> constexpr Handler *choose = lanewise<select<T>>;

/* mov d, a; mov d, {a, b, ...}; mov {d, e, ...}, a: the first of a vector is the lowest bits. */
template <class T> After pack(Warp &warp, const Instruction &x, uint32_t lanes) {
  const unsigned parts = x.operands - 1u, bits = 8 * (unsigned)sizeof(T) / parts;
  const uint64_t part = ((uint64_t)1 << bits) - 1;
  Results<T> results;
  for (unsigned i = 0; i < WARP; i++) {
    uint64_t whole = 0;
    for (unsigned k = 0; k < parts; k++)
      whole |= (warp.value(x.at[1 + k], x.size[1 + k], i) & part) << bits * k;
    results.lane[i] = (T)whole;
  }
  results.store(warp, x.at[0], lanes);
  return After::next;
}
template <class T> After unpack(Warp &warp, const Instruction &x, uint32_t lanes) {
  const unsigned parts = x.operands - 1u, bytes = (unsigned)sizeof(T) / parts;
  T whole[WARP];
  memcpy(whole, Source<T>(warp, x, parts).lanes(), sizeof whole);
  for (uint32_t left = lanes; left != 0; left &= left - 1) {
    const unsigned i = (unsigned)__builtin_ctz(left);
    for (unsigned k = 0; k < parts; k++) warp.set(x.at[k], bytes, i, whole[i] >> 8 * bytes * k);
  }
  return After::next;
}
/* Of a vector's elements `_` and numbers may have any size. */
template <class T> After move(Warp &warp, const Instruction &x, uint32_t lanes) {
  if (x.operands == 2) return lanewise<same<T>>(warp, x, lanes);
  const unsigned last = x.operands - 1u;
  const bool packs = x.size[0] == sizeof(T) && (x.size[last] != sizeof(T) || x.at[last].constant);
  return packs ? pack<T>(warp, x, lanes) : unpack<T>(warp, x, lanes);
}

} // namespace

/* ---- names ---- */

#define INTEGER_ROWS(name, f)                                                                                \
  {name ".s16", lanewise<f<int16_t>>}, {name ".u16", lanewise<f<uint16_t>>},                                 \
      {name ".s32", lanewise<f<int32_t>>}, {name ".u32", lanewise<f<uint32_t>>},                             \
      {name ".s64", lanewise<f<int64_t>>}, {                                                                 \
    name ".u64", lanewise<f<uint64_t>>                                                                       \
  }
#define BIT_ROWS(name, f)                                                                                    \
  {name ".b16", lanewise<f<uint16_t>>}, {name ".b32", lanewise<f<uint32_t>>}, {                              \
    name ".b64", lanewise<f<uint64_t>>                                                                       \
  }
#define SHORT_ROWS(name, f)                                                                                  \
  {name ".s16", lanewise<f<int16_t>>}, {name ".u16", lanewise<f<uint16_t>>},                                 \
      {name ".s32", lanewise<f<int32_t>>}, {                                                                 \
    name ".u32", lanewise<f<uint32_t>>                                                                       \
  }
#define SIGNED_ROWS(name, f)                                                                                 \
  {name ".s16", lanewise<f<int16_t>>}, {name ".s32", lanewise<f<int32_t>>}, {                                \
    name ".s64", lanewise<f<int64_t>>                                                                        \
  }
#define PROPERTY_ROWS(name, f)                                                                               \
  {name ".f32", lanewise<f<float>>}, { name ".f64", lanewise<f<double>> }
/* As many bits, called an integer or a float. */
#define TYPE_ROWS(name, f)                                                                                   \
  {name ".b16", f<uint16_t>}, {name ".u16", f<uint16_t>}, {name ".s16", f<uint16_t>},                        \
      {name ".b32", f<uint32_t>}, {name ".u32", f<uint32_t>}, {name ".s32", f<uint32_t>},                    \
      {name ".f32", f<uint32_t>}, {name ".b64", f<uint64_t>}, {name ".u64", f<uint64_t>},                    \
      {name ".s64", f<uint64_t>}, {                                                                          \
    name ".f64", f<uint64_t>                                                                                 \
  }
#define FTZ_ROWS(name, type, f)                                                                              \
  {name type, lanewise<f>}, { name ".ftz" type, lanewise<Flushed<f>::of> }
#define SAT_ROWS(name, f)                                                                                    \
  FTZ_ROWS(name, ".f32", f), {name ".sat.f32", lanewise<Saturated<f>::of>}, {                                \
    name ".ftz.sat.f32", lanewise<Saturated<Flushed<f>::of>::of>                                             \
  }
#define ROUND_ROWS(name, f)                                                                                  \
  SAT_ROWS(name ".rz", f<Round::zero>), SAT_ROWS(name ".rm", f<Round::down>),                                \
      SAT_ROWS(name ".rp", f<Round::up>)
#define APPROX_ROWS(name, f)                                                                                 \
  {name ".f32", lane_by_lane<f>}, { name ".ftz.f32", lane_by_lane<Flushed<f>::of> }
/* name.cc writes the carry, namec reads it, namec.cc does both. */
#define CARRY_ROWS(name, part, type, T, operation)                                                           \
  {name part ".cc" type, carrying<T, operation, false, true>},                                               \
      {name "c" part type, carrying<T, operation, true, false>}, {                                           \
    name "c" part ".cc" type, carrying<T, operation, true, true>                                             \
  }
#define CARRY_TYPES(name, part, operation)                                                                   \
  CARRY_ROWS(name, part, ".u32", uint32_t, operation), CARRY_ROWS(name, part, ".s32", int32_t, operation),   \
      CARRY_ROWS(name, part, ".u64", uint64_t, operation),                                                   \
      CARRY_ROWS(name, part, ".s64", int64_t, operation)

const Opcode arithmetic_opcodes[] = {
    /* integers */
    INTEGER_ROWS("add", plus),
    INTEGER_ROWS("sub", minus),
    INTEGER_ROWS("mul.lo", mul_lo),
    INTEGER_ROWS("mul.hi", mul_hi),
    INTEGER_ROWS("mad.lo", mad_lo),
    INTEGER_ROWS("mad.hi", mad_hi),
    INTEGER_ROWS("min", minimum),
    INTEGER_ROWS("max", maximum),
    INTEGER_ROWS("sad", sad),
    SHORT_ROWS("mul.wide", mul_wide),
    SHORT_ROWS("mad.wide", mad_wide),
    SHORT_ROWS("div", divide),
    SHORT_ROWS("rem", remainder),
    {"div.s64", lane_by_lane<divide<int64_t>>},
    {"div.u64", lane_by_lane<divide<uint64_t>>},
    {"rem.s64", lane_by_lane<remainder<int64_t>>},
    {"rem.u64", lane_by_lane<remainder<uint64_t>>},
    SIGNED_ROWS("neg", negate),
    SIGNED_ROWS("abs", absolute),
    {"add.sat.s32", lanewise<add_sat>},
    {"sub.sat.s32", lanewise<sub_sat>},
    {"mul24.lo.s32", lanewise<mul24_lo<int32_t>>},
    {"mul24.lo.u32", lanewise<mul24_lo<uint32_t>>},
    {"mad24.lo.s32", lanewise<mad24_lo<int32_t>>},
    {"mad24.lo.u32", lanewise<mad24_lo<uint32_t>>},
    CARRY_TYPES("add", "", Carry::add),
    CARRY_TYPES("sub", "", Carry::sub),
    CARRY_TYPES("mad", ".lo", Carry::mad_lo),
    CARRY_TYPES("mad", ".hi", Carry::mad_hi),

    /* bits */
    BIT_ROWS("and", bit_and),
    BIT_ROWS("or", bit_or),
    BIT_ROWS("xor", bit_xor),
    BIT_ROWS("not", bit_not),
    BIT_ROWS("cnot", logical_not),
    BIT_ROWS("shl", shift_left),
    BIT_ROWS("shr", shift_right),
    INTEGER_ROWS("shr", shift_right),
    {"shf.l.clamp.b32", lanewise<shf_l_clamp>},
    {"shf.r.clamp.b32", lanewise<shf_r_clamp>},
    {"shf.l.wrap.b32", lanewise<shf_l_wrap>},
    {"shf.r.wrap.b32", lanewise<shf_r_wrap>},
    {"popc.b32", lanewise<popc_b32>},
    {"popc.b64", lanewise<popc_b64>},
    {"clz.b32", lanewise<clz_b32>},
    {"clz.b64", lanewise<clz_b64>},
    {"bfind.s32", lanewise<bfind<int32_t, false>>},
    {"bfind.u32", lanewise<bfind<uint32_t, false>>},
    {"bfind.s64", lanewise<bfind<int64_t, false>>},
    {"bfind.u64", lanewise<bfind<uint64_t, false>>},
    {"bfind.shiftamt.s32", lanewise<bfind<int32_t, true>>},
    {"bfind.shiftamt.u32", lanewise<bfind<uint32_t, true>>},
    {"bfind.shiftamt.s64", lanewise<bfind<int64_t, true>>},
    {"bfind.shiftamt.u64", lanewise<bfind<uint64_t, true>>},
    {"brev.b32", lanewise<brev<uint32_t>>},
    {"brev.b64", lanewise<brev<uint64_t>>},
    {"bfe.s32", lanewise<bfe<int32_t>>},
    {"bfe.u32", lanewise<bfe<uint32_t>>},
    {"bfe.s64", lanewise<bfe<int64_t>>},
    {"bfe.u64", lanewise<bfe<uint64_t>>},
    {"bfi.b32", lanewise<bfi<uint32_t>>},
    {"bfi.b64", lanewise<bfi<uint64_t>>},
    {"lop3.b32", lanewise<lop3>},
    {"prmt.b32", lanewise<prmt>},
    {"prmt.b32.f4e", lanewise<prmt_f4e>},
    {"prmt.b32.b4e", lanewise<prmt_b4e>},
    {"prmt.b32.rc8", lanewise<prmt_rc8>},
    {"prmt.b32.ecl", lanewise<prmt_ecl>},
    {"prmt.b32.ecr", lanewise<prmt_ecr>},
    {"prmt.b32.rc16", lanewise<prmt_rc16>},

    /* floats */
    SAT_ROWS("add", add<float>),
    SAT_ROWS("sub", sub<float>),
    SAT_ROWS("mul", mul<float>),
    SAT_ROWS("add.rn", add<float>),
    SAT_ROWS("sub.rn", sub<float>),
    SAT_ROWS("mul.rn", mul<float>),
    SAT_ROWS("fma.rn", fma<float>),
    SAT_ROWS("mad.rn", fma<float>),
    ROUND_ROWS("add", add_f32),
    ROUND_ROWS("sub", sub_f32),
    ROUND_ROWS("mul", mul_f32),
    ROUND_ROWS("fma", fma_f32),
    FTZ_ROWS("div.rn", ".f32", div<float>),
    FTZ_ROWS("div.full", ".f32", div<float>),
    FTZ_ROWS("div.approx", ".f32", div<float>),
    FTZ_ROWS("rcp.rn", ".f32", rcp<float>),
    FTZ_ROWS("rcp.approx", ".f32", rcp<float>),
    FTZ_ROWS("sqrt.rn", ".f32", sqrt<float>),
    FTZ_ROWS("sqrt.approx", ".f32", sqrt<float>),
    FTZ_ROWS("neg", ".f32", neg<float>),
    FTZ_ROWS("abs", ".f32", abs<float>),
    FTZ_ROWS("min", ".f32", min<float>),
    FTZ_ROWS("max", ".f32", max<float>),
    FTZ_ROWS("min", ".NaN.f32", min_nan),
    FTZ_ROWS("max", ".NaN.f32", max_nan),
    APPROX_ROWS("rsqrt.approx", rsqrt),
    FTZ_ROWS("ex2.approx", ".f32", ex2),
    APPROX_ROWS("lg2.approx", lg2),
    APPROX_ROWS("sin.approx", sine),
    APPROX_ROWS("cos.approx", cosine),
    {"tanh.approx.f32", lane_by_lane<tanh_f32>},
    {"add.f64", lanewise<add<double>>},
    {"sub.f64", lanewise<sub<double>>},
    {"mul.f64", lanewise<mul<double>>},
    {"add.rn.f64", lanewise<add<double>>},
    {"sub.rn.f64", lanewise<sub<double>>},
    {"mul.rn.f64", lanewise<mul<double>>},
    {"fma.rn.f64", lanewise<fma<double>>},
    {"mad.rn.f64", lanewise<fma<double>>},
    {"div.rn.f64", lanewise<div<double>>},
    {"rcp.rn.f64", lanewise<rcp<double>>},
    {"sqrt.rn.f64", lanewise<sqrt<double>>},
    {"neg.f64", lanewise<neg<double>>},
    {"abs.f64", lanewise<abs<double>>},
    {"min.f64", lanewise<min<double>>},
    {"max.f64", lanewise<max<double>>},
    {"rsqrt.approx.f64", lane_by_lane<rsqrt_f64>},
    {"rcp.approx.ftz.f64", lanewise<rcp_f64>},
    {"copysign.f32", lanewise<sign_of<float>>},
    {"copysign.f64", lanewise<sign_of<double>>},
    PROPERTY_ROWS("testp.finite", finite),
    PROPERTY_ROWS("testp.infinite", infinite),
    PROPERTY_ROWS("testp.number", number),
    PROPERTY_ROWS("testp.notanumber", not_a_number),
    PROPERTY_ROWS("testp.normal", normal),
    PROPERTY_ROWS("testp.subnormal", subnormal),

    /* moves */
    TYPE_ROWS("mov", move),
    TYPE_ROWS("selp", choose),
    {NULL, NULL}};

} // namespace soft
