/* test_soft_convert.cpp - the instructions of convert.cpp and compare.cpp against formulas of another kind:
 * integers in 128 bits, roundings by the processor's modes, short floats as multiples of their last place. */
#include "tests/soft/trial.h"

#include <fenv.h>
#include <float.h>

using namespace soft;

__extension__ typedef __int128 Exact;

namespace {

struct Type {
  const char *name;
  unsigned bytes;
  bool sign;
};
const Type integers[] = {{"s8", 1, true},  {"u8", 1, false},  {"s16", 2, true}, {"u16", 2, false},
                         {"s32", 4, true}, {"u32", 4, false}, {"s64", 8, true}, {"u64", 8, false}};

Exact value(const Type &type, uint64_t bits) {
  const unsigned above = 64 - 8 * type.bytes;
  return type.sign ? (Exact)((int64_t)(bits << above) >> above) : (Exact)(bits << above >> above);
}
Exact least(const Type &type) { return type.sign ? -((Exact)1 << (8 * type.bytes - 1)) : 0; }
Exact most(const Type &type) { return least(type) + (((Exact)1 << 8 * type.bytes) - 1); }
Exact clamped(const Type &type, Exact x) {
  return x < least(type) ? least(type) : x > most(type) ? most(type) : x;
}

float f32(uint64_t bits) {
  const uint32_t word = (uint32_t)bits;
  float x;
  memcpy(&x, &word, sizeof x);
  return x;
}
double f64(uint64_t bits) {
  double x;
  memcpy(&x, &bits, sizeof x);
  return x;
}
double f16(uint64_t bits) {
  const int exponent = bits >> 10 & 31, mantissa = bits & 1023;
  const double size = exponent == 31 ? (mantissa ? NAN : INFINITY)
                      : exponent     ? ldexp(1 + mantissa / 1024.0, exponent - 15)
                                     : ldexp(mantissa, -24);
  return bits >> 15 & 1 ? -size : size;
}
uint64_t bits(float x) {
  uint32_t word;
  memcpy(&word, &x, sizeof word);
  return isnan(x) ? 0x7FFFFFFF : word;
}
uint64_t bits(double x) {
  uint64_t word;
  memcpy(&word, &x, sizeof word);
  return word;
}

struct Mode {
  const char *name;
  int mode;
};
const Mode modes[] = {{"rn", FE_TONEAREST}, {"rz", FE_TOWARDZERO}, {"rm", FE_DOWNWARD}, {"rp", FE_UPWARD}};

double to_whole(double x, int mode) {
  volatile double y = x;
  fesetround(mode);
  y = nearbyint(y);
  fesetround(FE_TONEAREST);
  return y;
}
float to_float(double x, int mode) {
  volatile double y = x;
  fesetround(mode);
  volatile float z = (float)y;
  fesetround(FE_TONEAREST);
  return z;
}
template <class F> F of_integer(Exact x, bool sign, int mode) {
  volatile int64_t s = (int64_t)x;
  volatile uint64_t u = (uint64_t)x;
  volatile F result;
  fesetround(mode);
  if (sign || x <= INT64_MAX) /* one instruction; that of larger ones is made of several that round */
    result = (F)s;
  else
    result = (F)((long double)u);
  fesetround(FE_TONEAREST);
  return result;
}

/* ---- integers ---- */

void check_integers() {
  for (const Type &from : integers)
    for (const Type &to : integers) {
      const std::string types = std::string(to.name) + "." + from.name;
      auto low = [=](In in) { return (uint64_t)value(from, in[0]); };
      auto near = [=](In in) { return (uint64_t)clamped(to, value(from, in[0])); };
      check_instruction("cvt." + types, {to.bytes, from.bytes}, low);
      check_instruction("cvt.sat." + types, {to.bytes, from.bytes}, near);
      if (from.bytes < 8) check_instruction("cvt." + types, {to.bytes, 8}, low);
      if (from.bytes < 4) check_instruction("cvt." + types, {to.bytes, 4}, low);
      if (to.bytes < 4) /* a wider destination gets the sign of the type, or zeros */
        check_instruction("cvt." + types, {4, from.bytes},
                          [=](In in) { return (uint64_t)value(to, low(in)); });
    }
}

/* ---- integers and floats ---- */

uint64_t whole_number(const Type &to, double x, bool wide, int mode) {
  if (isnan(x)) return wide || to.bytes == 8 ? 1ull << (8 * to.bytes - 1) : 0;
  x = to_whole(x, mode);
  if (fabs(x) >= 0x1p65) return (uint64_t)(x > 0 ? most(to) : least(to));
  return (uint64_t)clamped(to, (Exact)x);
}
void check_integers_and_floats() {
  for (const Mode &mode : modes)
    for (const Type &type : integers) {
      const std::string m = mode.name, t = type.name;
      const unsigned n = type.bytes;
      auto to = [=](double x, bool wide) { return whole_number(type, x, wide, mode.mode); };
      auto flushed = [](float x) { return fabsf(x) < FLT_MIN ? 0 : x; };
      check_instruction("cvt." + m + "i." + t + ".f16", {n, 2}, [=](In in) { return to(f16(in[0]), false); });
      check_instruction("cvt." + m + "i." + t + ".f32", {n, 4},
                        [=](In in) { return to((double)f32(in[0]), false); });
      check_instruction("cvt." + m + "i.ftz." + t + ".f32", {n, 4},
                        [=](In in) { return to((double)flushed(f32(in[0])), false); });
      check_instruction("cvt." + m + "i." + t + ".f64", {n, 8}, [=](In in) { return to(f64(in[0]), true); });
      check_instruction("cvt." + m + ".f32." + t, {4, n}, [=](In in) {
        return bits(of_integer<float>(value(type, in[0]), type.sign, mode.mode));
      });
      check_instruction("cvt." + m + ".f64." + t, {8, n}, [=](In in) {
        return bits(of_integer<double>(value(type, in[0]), type.sign, mode.mode));
      });
    }
}

/* ---- floats ---- */

float in_unit(float x) { return !(x > 0) ? 0 : x > 1 ? 1 : x; }

void check_floats() {
  for (const Mode &mode : modes) {
    const std::string m = mode.name;
    const int how = mode.mode;
    check_instruction("cvt." + m + "i.f32.f32", {4, 4},
                      [=](In in) { return bits((float)to_whole((double)f32(in[0]), how)); });
    check_instruction("cvt." + m + "i.f64.f64", {8, 8},
                      [=](In in) { return bits(to_whole(f64(in[0]), how)); });
    check_instruction("cvt." + m + ".f32.f64", {4, 8},
                      [=](In in) { return bits(to_float(f64(in[0]), how)); });
    check_instruction("cvt." + m + ".sat.f32.f64", {4, 8},
                      [=](In in) { return bits(in_unit(to_float(f64(in[0]), how))); });
  }
  check_instruction("cvt.f64.f32", {8, 4}, [](In in) { return bits((double)f32(in[0])); });
  check_instruction("cvt.sat.f32.f32", {4, 4}, [](In in) { return bits(in_unit(f32(in[0]))); });
  check_instruction("cvt.ftz.f32.f32", {4, 4}, [](In in) {
    const float x = f32(in[0]);
    return fabsf(x) < FLT_MIN ? in[0] & 0x80000000 : isnan(x) ? in[0] : bits(x);
  });
  check_instruction("cvt.f32.f16", {4, 2}, [](In in) { return bits((float)f16(in[0])); });
  check_instruction("cvt.f64.f16", {8, 2}, [](In in) { return bits(f16(in[0])); });
  check_instruction("cvt.f32.bf16", {4, 2}, [](In in) { return bits(f32(in[0] << 16)); });
}

/* A format of so many bits of mantissa (with the leading one) and that least exponent: the value of x in it, as
 * a multiple of the last place.  Too large: infinity, or the largest if it is rounded inwards. */
double in_format(double x, int mantissa, int least_exponent, double largest, int mode) {
  if (isnan(x) || isinf(x) || x == 0) return x;
  int exponent;
  frexp(x, &exponent);
  const int place = (exponent - 1 < least_exponent ? least_exponent : exponent - 1) - (mantissa - 1);
  const double rounded = copysign(ldexp(to_whole(ldexp(x, -place), mode), place), x);
  if (fabs(rounded) <= largest) return rounded;
  const bool inwards = mode == FE_TOWARDZERO || mode == (x > 0 ? FE_DOWNWARD : FE_UPWARD);
  return copysign(inwards ? largest : INFINITY, x);
}
uint64_t half_bits(double x, int mode) {
  const double y = in_format(x, 11, -14, 65504, mode);
  if (isnan(y)) return 0x7FFF;
  for (uint64_t bits = 0; bits <= 0x7C00; bits += 0x400) /* the binade, then the place in it */
    if (f16(bits + 0x400) > fabs(y) || bits == 0x7C00) {
      const double step = f16(bits + 1) - f16(bits);
      const uint64_t within = bits == 0x7C00 ? 0 : (uint64_t)((fabs(y) - f16(bits)) / step);
      return (signbit(y) ? 0x8000u : 0u) + bits + within;
    }
  return 0;
}
uint64_t bfloat_bits(double x, int mode) {
  if (isnan(x)) return 0x7FFF;
  const float y = (float)in_format(x, 8, -126, (double)f32(0x7F7F0000), mode);
  return bits(y) >> 16;
}
uint64_t tf32_bits(float x, int mode) {
  return bits((float)in_format((double)x, 11, -126, (double)f32(0x7F7FE000), mode));
}

void check_short_floats() {
  for (const Mode &mode : modes) {
    const std::string m = mode.name;
    const int how = mode.mode;
    auto half = [=](uint64_t word) { return half_bits((double)f32(word), how); };
    auto bfloat = [=](uint64_t word) { return bfloat_bits((double)f32(word), how); };
    check_instruction("cvt." + m + ".f16.f32", {2, 4}, [=](In in) { return half(in[0]); });
    check_instruction("cvt." + m + ".bf16.f32", {2, 4}, [=](In in) { return bfloat(in[0]); });
    check_instruction("cvt." + m + ".f16.f64", {2, 8}, [=](In in) { return half_bits(f64(in[0]), how); });
    check_instruction("cvt." + m + ".bf16.f64", {2, 8}, [=](In in) { return bfloat_bits(f64(in[0]), how); });
    check_instruction("cvt." + m + ".f16x2.f32", {4, 4, 4},
                      [=](In in) { return half(in[0]) << 16 | half(in[1]); });
    check_instruction("cvt." + m + ".bf16x2.f32", {4, 4, 4},
                      [=](In in) { return bfloat(in[0]) << 16 | bfloat(in[1]); });
    check_instruction("cvt." + m + "i.f16.f16", {2, 2},
                      [=](In in) { return half_bits(to_whole(f16(in[0]), how), how); });
    for (const Type &type : integers)
      check_instruction("cvt." + m + ".f16." + type.name, {2, type.bytes},
                        [&](In in) { return half_bits((double)value(type, in[0]), how); });
  }
  check_instruction("cvt.rn.tf32.f32", {4, 4}, [](In in) { return tf32_bits(f32(in[0]), FE_TONEAREST); });
  check_instruction("cvt.rz.tf32.f32", {4, 4}, [](In in) { return tf32_bits(f32(in[0]), FE_TOWARDZERO); });
  /* Ties away from zero: half a unit more is cut off.  NaN stays as it is. */
  check_instruction("cvt.rna.tf32.f32", {4, 4},
                    [](In in) { return isfinite(f32(in[0])) ? (in[0] + 0x1000) & 0xFFFFE000 : in[0]; });
}

/* ---- comparisons ---- */

struct Comparison {
  const char *name;
  bool less, equal, greater, unordered; /* for which of them it is true */
};
const Comparison of_bits[] = {{"eq", false, true, false, false}, {"ne", true, false, true, false}};
const Comparison ordered[] = {{"lt", true, false, false, false},
                              {"le", true, true, false, false},
                              {"gt", false, false, true, false},
                              {"ge", false, true, true, false}};
const Comparison of_unsigned[] = {{"lo", true, false, false, false},
                                  {"ls", true, true, false, false},
                                  {"hi", false, false, true, false},
                                  {"hs", false, true, true, false}};
const Comparison of_floats[] = {{"equ", false, true, false, true}, {"neu", true, false, true, true},
                                {"ltu", true, false, false, true}, {"leu", true, true, false, true},
                                {"gtu", false, false, true, true}, {"geu", false, true, true, true},
                                {"num", true, true, true, false},  {"nan", false, false, false, true}};

/* The second destination of setp, with a mask. */
void check_complement(const std::string &name, unsigned bytes) {
  Trial trial({0, 0, bytes, bytes});
  const uint32_t mask = random_mask();
  find(name)(trial.warp, trial.x, mask);
  bool right = true;
  for (unsigned lane = 0; lane < WARP; lane++)
    right = right && (mask >> lane & 1 ? trial.get(0, lane) != trial.get(1, lane)
                                       : trial.get(1, lane) == trial.was[lane][1]);
  CHECK(right, "%s p|q", name.c_str());
}
/* p = found and c, q = not found and c. */
void check_joined_complement() {
  Trial trial({0, 0, 4, 4, 0});
  find("setp.lt.and.s32")(trial.warp, trial.x, ALL_LANES);
  bool right = true;
  for (unsigned lane = 0; lane < WARP; lane++) {
    const uint64_t *was = trial.was[lane];
    const bool less = (int32_t)was[2] < (int32_t)was[3];
    right = right && trial.get(0, lane) == (less && was[4]) && trial.get(1, lane) == (!less && was[4]);
  }
  CHECK(right, "setp.lt.and.s32 p|q");
}

template <class Number>
void check_comparison(const Comparison &row, const std::string &type, unsigned bytes, Number number_of) {
  auto found = [=](In in) -> uint64_t {
    const auto a = number_of(in[0]), b = number_of(in[1]);
    return (row.less && a < b) || (row.equal && a == b) || (row.greater && a > b) ||
           (row.unordered && (a != a || b != b));
  };
  const std::string setp = std::string("setp.") + row.name, set = std::string("set.") + row.name;
  check_instruction(setp + type, {0, bytes, bytes}, found);
  check_instruction(setp + ".and" + type, {0, bytes, bytes, 0}, [=](In in) { return found(in) & in[2]; });
  check_instruction(setp + ".or" + type, {0, bytes, bytes, 0}, [=](In in) { return found(in) | in[2]; });
  check_instruction(setp + ".xor" + type, {0, bytes, bytes, 0}, [=](In in) { return found(in) ^ in[2]; });
  check_instruction(set + ".u32" + type, {4, bytes, bytes}, [=](In in) { return 0 - found(in); });
  check_instruction(set + ".f32" + type, {4, bytes, bytes}, [=](In in) { return bits((float)found(in)); });
  check_complement(setp + type, bytes);
}
void check_comparisons() {
  for (unsigned n : {2u, 4u, 8u})
    for (const Comparison &row : of_bits)
      check_comparison(row, ".b" + std::to_string(8 * n), n, [](uint64_t word) { return word; });
  for (const Type &type : integers) {
    if (type.bytes == 1) continue;
    auto number_of = [=](uint64_t word) { return value(type, word); };
    for (const Comparison &row : of_bits)
      check_comparison(row, std::string(".") + type.name, type.bytes, number_of);
    for (const Comparison &row : ordered)
      check_comparison(row, std::string(".") + type.name, type.bytes, number_of);
    if (type.sign) continue;
    for (const Comparison &row : of_unsigned)
      check_comparison(row, std::string(".") + type.name, type.bytes, number_of);
  }
  for (const auto &rows : {std::vector<Comparison>(of_bits, of_bits + COUNT(of_bits)),
                           std::vector<Comparison>(ordered, ordered + COUNT(ordered)),
                           std::vector<Comparison>(of_floats, of_floats + COUNT(of_floats))})
    for (const Comparison &row : rows) {
      check_comparison(row, ".f32", 4, f32);
      check_comparison(row, ".f64", 8, f64);
    }
  check_joined_complement();
}

/* ---- selection and predicates ---- */

void check_selection() {
  for (const char *type : {"b16", "u16", "s16", "b32", "u32", "s32", "f32", "b64", "u64", "s64", "f64"}) {
    const unsigned n = (unsigned)atoi(type + 1) / 8;
    const std::string slct = std::string("slct.") + type;
    check_instruction(slct + ".s32", {n, n, n, 4}, [](In in) { return (int32_t)in[2] >= 0 ? in[0] : in[1]; });
    check_instruction(slct + ".f32", {n, n, n, 4}, [](In in) { return f32(in[2]) >= 0 ? in[0] : in[1]; });
  }
  check_instruction("not.pred", {0, 0}, [](In in) { return !in[0]; });
  check_instruction("and.pred", {0, 0, 0}, [](In in) { return in[0] & in[1]; });
  check_instruction("or.pred", {0, 0, 0}, [](In in) { return in[0] | in[1]; });
  check_instruction("xor.pred", {0, 0, 0}, [](In in) { return in[0] ^ in[1]; });
}

} // namespace

int main() {
  check_start();
  check_integers();
  check_integers_and_floats();
  check_floats();
  check_short_floats();
  check_comparisons();
  check_selection();
  return check_finish();
}
