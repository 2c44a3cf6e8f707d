/* test_soft_arithmetic.cpp - the instructions of arithmetic.cpp against formulas of another kind: integers in
 * 128 bits, floats under the processor's rounding modes, bit fields bit by bit. */
#include "tests/soft/trial.h"

#include <fenv.h>
#include <float.h>

using namespace soft;

__extension__ typedef __int128 Exact;

namespace {

/* ---- integers ---- */

struct Type {
  const char *name;
  unsigned bytes;
  bool sign;
};
const Type integers[] = {{"s16", 2, true},  {"u16", 2, false}, {"s32", 4, true},
                         {"u32", 4, false}, {"s64", 8, true},  {"u64", 8, false}};

Exact value(const Type &type, uint64_t bits) {
  const unsigned above = 64 - 8 * type.bytes;
  return type.sign ? (Exact)((int64_t)(bits << above) >> above) : (Exact)bits;
}
/* The high half of a product: that of u64 has no room in Exact, so it is made of unsigned halves. */
uint64_t high_half(const Type &type, Exact a, Exact b) {
  if (type.bytes < 8 || type.sign) return (uint64_t)(a * b >> 8 * type.bytes);
  const uint64_t x = (uint64_t)a, y = (uint64_t)b, m = 0xFFFFFFFF;
  const uint64_t middle = (x >> 32) * (y & m) + ((x & m) * (y & m) >> 32),
                 other = (x & m) * (y >> 32) + (middle & m);
  return (x >> 32) * (y >> 32) + (middle >> 32) + (other >> 32);
}
uint64_t shifted_right(const Type &type, uint64_t bits, uint64_t by) {
  const Exact a = value(type, bits);
  return (uint64_t)(a >> (by > 64 ? 64 : by));
}

void check_integers() {
  for (const Type &type : integers) {
    const unsigned n = type.bytes;
    const std::string t = std::string(".") + type.name;
    auto two = [&](const char *name, std::function<Exact(Exact, Exact)> want) {
      check_instruction(name + t, {n, n, n},
                        [=](In in) { return (uint64_t)want(value(type, in[0]), value(type, in[1])); });
    };
    auto three = [&](const char *name, std::function<Exact(Exact, Exact, Exact)> want) {
      check_instruction(name + t, {n, n, n, n}, [=](In in) {
        return (uint64_t)want(value(type, in[0]), value(type, in[1]), value(type, in[2]));
      });
    };
    two("add", [](Exact a, Exact b) { return a + b; });
    two("sub", [](Exact a, Exact b) { return a - b; });
    two("mul.lo", [](Exact a, Exact b) { return (Exact)((uint64_t)a * (uint64_t)b); });
    two("mul.hi", [=](Exact a, Exact b) { return (Exact)high_half(type, a, b); });
    two("min", [](Exact a, Exact b) { return a < b ? a : b; });
    two("max", [](Exact a, Exact b) { return a > b ? a : b; });
    two("div", [](Exact a, Exact b) { return b ? a / b : -1; });
    two("rem", [](Exact a, Exact b) { return b ? a % b : -1; });
    three("mad.lo", [](Exact a, Exact b, Exact c) { return (Exact)((uint64_t)a * (uint64_t)b) + c; });
    three("mad.hi", [=](Exact a, Exact b, Exact c) { return (Exact)high_half(type, a, b) + c; });
    three("sad", [](Exact a, Exact b, Exact c) { return c + (a > b ? a - b : b - a); });
    check_instruction("shr" + t, {n, n, 4}, [=](In in) { return shifted_right(type, in[0], in[1]); });
    if (n < 8) {
      check_instruction("mul.wide" + t, {2 * n, n, n},
                        [=](In in) { return (uint64_t)(value(type, in[0]) * value(type, in[1])); });
      check_instruction("mad.wide" + t, {2 * n, n, n, 2 * n},
                        [=](In in) { return (uint64_t)(value(type, in[0]) * value(type, in[1])) + in[2]; });
    }
    if (type.sign) {
      check_instruction("neg" + t, {n, n}, [=](In in) { return 0 - in[0]; });
      check_instruction("abs" + t, {n, n}, [=](In in) { return value(type, in[0]) < 0 ? 0 - in[0] : in[0]; });
    }
  }
  auto clamp = [](int64_t x) {
    return (uint64_t)(x > INT32_MAX ? INT32_MAX : x < INT32_MIN ? INT32_MIN : x);
  };
  auto s32 = [](uint64_t bits) { return (int64_t)(int32_t)bits; };
  auto s24 = [](uint64_t bits) { return (int64_t)(bits << 40) >> 40; };
  check_instruction("add.sat.s32", {4, 4, 4}, [=](In in) { return clamp(s32(in[0]) + s32(in[1])); });
  check_instruction("sub.sat.s32", {4, 4, 4}, [=](In in) { return clamp(s32(in[0]) - s32(in[1])); });
  check_instruction("mul24.lo.s32", {4, 4, 4}, [=](In in) { return (uint64_t)(s24(in[0]) * s24(in[1])); });
  check_instruction("mad24.lo.u32", {4, 4, 4, 4},
                    [](In in) { return (in[0] & 0xFFFFFF) * (in[1] & 0xFFFFFF) + in[2]; });
}

/* ---- carries: numbers of 128 bits in words of 32 ---- */

struct Wide {
  uint32_t word[4];
};
/* Runs name on lane-wise words, the result into `to`; carry goes through the warp of the trial. */
void step(Trial &trial, const char *name, const std::vector<const Wide *> &in, unsigned word, Wide *to,
          uint32_t mask) {
  for (unsigned lane = 0; lane < WARP; lane++)
    for (unsigned i = 0; i < in.size(); i++) trial.give(1 + i, lane, in[i][lane].word[word]);
  find(name)(trial.warp, trial.x, mask);
  for (unsigned lane = 0; lane < WARP; lane++)
    if (mask >> lane & 1) to[lane].word[word] = (uint32_t)trial.get(0, lane);
}
Exact exact(const Wide &wide) {
  Exact all;
  memcpy(&all, &wide, sizeof all);
  return all;
}
/* The lanes of two masks go through the chain in turn: each has its own carry. */
void check_chain(const char *name, const char *const (&steps)[4], std::function<Exact(Exact, Exact)> want) {
  Wide a[WARP], b[WARP], sum[WARP];
  for (unsigned lane = 0; lane < WARP; lane++)
    for (unsigned k = 0; k < 4; k++)
      a[lane].word[k] = (uint32_t)number(4), b[lane].word[k] = (uint32_t)number(4);
  Trial trial({4, 4, 4});
  const uint32_t mask = random_mask();
  for (unsigned k = 0; k < 4; k++)
    for (uint32_t lanes : {mask, ~mask}) step(trial, steps[k], {a, b}, k, sum, lanes);
  bool right = true;
  for (unsigned lane = 0; lane < WARP; lane++)
    right = right && exact(sum[lane]) == want(exact(a[lane]), exact(b[lane]));
  CHECK(right, "%s of 128 bits", name);
}
/* a * b of 32 by 32 bits plus c of 64: mad.lo.cc, madc.hi, as 64 bits. */
void check_mad_chain() {
  Trial lower({4, 4, 4, 4}), upper({4, 4, 4, 4});
  for (unsigned lane = 0; lane < WARP; lane++)
    for (unsigned i = 1; i <= 2; i++) upper.give(i, lane, lower.was[lane][i]);
  find("mad.lo.cc.u32")(lower.warp, lower.x, ALL_LANES);
  upper.warp.carry = lower.warp.carry;
  find("madc.hi.u32")(upper.warp, upper.x, ALL_LANES);
  bool right = true;
  for (unsigned lane = 0; lane < WARP; lane++) {
    const uint64_t c = upper.was[lane][3] << 32 | lower.was[lane][3];
    const uint64_t got = upper.get(0, lane) << 32 | lower.get(0, lane);
    right = right && got == lower.was[lane][1] * lower.was[lane][2] + c;
  }
  CHECK(right, "mad.lo.cc, madc.hi: 32 by 32 bits plus 64");
}
void check_carries() {
  for (int i = 0; i < 5; i++) {
    check_chain("add.cc, addc", {"add.cc.u32", "addc.cc.u32", "addc.cc.s32", "addc.u32"},
                [](Exact a, Exact b) { return (Exact)((unsigned __int128)a + (unsigned __int128)b); });
    check_chain("sub.cc, subc", {"sub.cc.u32", "subc.cc.u32", "subc.cc.s32", "subc.u32"},
                [](Exact a, Exact b) { return (Exact)((unsigned __int128)a - (unsigned __int128)b); });
    check_mad_chain();
  }
}

/* ---- bits ---- */

bool bit(uint64_t bits, uint64_t i) { return bits >> i & 1; }

/* As the PTX ISA writes them. */
uint64_t field(uint64_t a, uint64_t from, uint64_t length, unsigned top, bool sign) {
  from &= 255, length &= 255;
  const uint64_t last = from + length - 1 < top ? from + length - 1 : top;
  const bool fill = sign && length != 0 && bit(a, last);
  uint64_t result = 0;
  for (unsigned i = 0; i <= top; i++)
    result |= (uint64_t)(i < length && from + i <= top ? bit(a, from + i) : fill) << i;
  return result;
}
uint64_t inserted(uint64_t a, uint64_t b, uint64_t to, uint64_t length, unsigned top) {
  to &= 255, length &= 255;
  for (uint64_t i = 0; i < length && to + i <= top; i++)
    b = (b & ~(1ull << (to + i))) | (uint64_t)bit(a, i) << (to + i);
  return b;
}
uint64_t highest(uint64_t a, unsigned bytes, bool sign, bool amount) {
  const int top = 8 * (int)bytes - 1;
  const bool negative = sign && bit(a, (uint64_t)top);
  for (int i = top; i >= 0; i--)
    if (bit(a, (uint64_t)i) != negative) return (uint64_t)(amount ? top - i : i);
  return 0xFFFFFFFF;
}
uint64_t reversed(uint64_t a, unsigned bytes) {
  uint64_t result = 0;
  for (unsigned i = 0; i < 8 * bytes; i++) result |= (uint64_t)bit(a, i) << (8 * bytes - 1 - i);
  return result;
}
uint64_t leading(uint64_t a, unsigned bytes) {
  uint64_t zeros = 0;
  while (zeros < 8 * bytes && !bit(a, 8 * bytes - 1 - zeros)) zeros++;
  return zeros;
}
uint64_t ones(uint64_t a) {
  uint64_t sum = 0;
  for (unsigned i = 0; i < 64; i++) sum += bit(a, i);
  return sum;
}
/* The bytes named from the top, as the ISA's tables have them. */
uint64_t bytes_of(In in, const char *names) {
  uint64_t result = 0;
  for (; *names; names++) result = result << 8 | ((in[1] << 32 | in[0]) >> 8 * (*names - '0') & 255);
  return result;
}

void check_bits() {
  for (unsigned n : {2u, 4u, 8u}) {
    const std::string t = ".b" + std::to_string(8 * n);
    check_instruction("and" + t, {n, n, n}, [](In in) { return in[0] & in[1]; });
    check_instruction("or" + t, {n, n, n}, [](In in) { return in[0] | in[1]; });
    check_instruction("xor" + t, {n, n, n}, [](In in) { return in[0] ^ in[1]; });
    check_instruction("not" + t, {n, n}, [](In in) { return ~in[0]; });
    check_instruction("cnot" + t, {n, n}, [](In in) { return in[0] == 0; });
    check_instruction("shl" + t, {n, n, 4}, [=](In in) { return in[1] < 8 * n ? in[0] << in[1] : 0; });
    check_instruction("shr" + t, {n, n, 4}, [=](In in) { return in[1] < 8 * n ? in[0] >> in[1] : 0; });
    check_instruction("selp" + t, {n, n, n, 0}, [](In in) { return in[2] ? in[0] : in[1]; });
  }
  for (unsigned n : {4u, 8u}) {
    const std::string t = std::to_string(8 * n);
    check_instruction("popc.b" + t, {4, n}, [](In in) { return ones(in[0]); });
    check_instruction("clz.b" + t, {4, n}, [=](In in) { return leading(in[0], n); });
    check_instruction("brev.b" + t, {n, n}, [=](In in) { return reversed(in[0], n); });
    check_instruction("bfi.b" + t, {n, n, n, 4, 4},
                      [=](In in) { return inserted(in[0], in[1], in[2], in[3], 8 * n - 1); });
    for (bool sign : {false, true}) {
      const std::string type = (sign ? ".s" : ".u") + t;
      check_instruction("bfe" + type, {n, n, 4, 4},
                        [=](In in) { return field(in[0], in[1], in[2], 8 * n - 1, sign); });
      check_instruction("bfind" + type, {4, n}, [=](In in) { return highest(in[0], n, sign, false); });
      check_instruction("bfind.shiftamt" + type, {4, n},
                        [=](In in) { return highest(in[0], n, sign, true); });
    }
  }
  auto both = [](In in) { return in[1] << 32 | in[0]; };
  check_instruction("shf.l.wrap.b32", {4, 4, 4, 4}, [=](In in) { return both(in) << (in[2] % 32) >> 32; });
  check_instruction("shf.r.wrap.b32", {4, 4, 4, 4}, [=](In in) { return both(in) >> (in[2] % 32); });
  check_instruction("shf.l.clamp.b32", {4, 4, 4, 4},
                    [=](In in) { return in[2] < 32 ? both(in) << in[2] >> 32 : in[0]; });
  check_instruction("shf.r.clamp.b32", {4, 4, 4, 4},
                    [=](In in) { return in[2] < 32 ? both(in) >> in[2] : in[1]; });
  check_instruction("lop3.b32", {4, 4, 4, 4, 4}, [](In in) {
    uint64_t result = 0;
    for (unsigned i = 0; i < 32; i++)
      result |= (uint64_t)bit(in[3], 4u * bit(in[0], i) + 2u * bit(in[1], i) + bit(in[2], i)) << i;
    return result;
  });
  check_instruction("prmt.b32", {4, 4, 4, 4}, [](In in) {
    uint64_t result = 0;
    for (unsigned k = 0; k < 4; k++) {
      const uint64_t pick = in[2] >> 4 * k & 15, byte = (in[1] << 32 | in[0]) >> 8 * (pick & 7) & 255;
      result |= (pick < 8 ? byte : byte >> 7 ? 255 : 0) << 8 * k;
    }
    return result;
  });
  static const struct {
    const char *name, *bytes[4];
  } modes[] = {{"f4e", {"3210", "4321", "5432", "6543"}}, {"b4e", {"5670", "6701", "7012", "0123"}},
               {"rc8", {"0000", "1111", "2222", "3333"}}, {"ecl", {"3210", "3211", "3222", "3333"}},
               {"ecr", {"0000", "1110", "2210", "3210"}}, {"rc16", {"1010", "3232", "1010", "3232"}}};
  for (const auto &mode : modes)
    check_instruction(std::string("prmt.b32.") + mode.name, {4, 4, 4, 4},
                      [&](In in) { return bytes_of(in, mode.bytes[in[2] & 3]); });
}

/* ---- floats: the processor's own, under its rounding modes ---- */

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
template <class F> F number_of(uint64_t word) {
  if constexpr (sizeof(F) == 4)
    return f32(word);
  else
    return f64(word);
}

enum class Op { add, sub, mul, fma, div, rcp, sqrt };
template <class F> F operate(Op op, int mode, F a, F b, F c) {
  volatile F x = a, y = b, z = c, result = 0;
  fesetround(mode);
  switch (op) {
  case Op::add:
    result = x + y;
    break;
  case Op::sub:
    result = x - y;
    break;
  case Op::mul:
    result = x * y;
    break;
  case Op::fma:
    result = sizeof(F) == 4 ? (F)fmaf((float)x, (float)y, (float)z) : (F)fma((double)x, (double)y, (double)z);
    break;
  case Op::div:
    result = x / y;
    break;
  case Op::rcp:
    result = 1 / x;
    break;
  case Op::sqrt:
    result = sizeof(F) == 4 ? (F)sqrtf((float)x) : (F)sqrt((double)x);
    break;
  }
  fesetround(FE_TONEAREST);
  return result;
}
float flushed(float x) { return fabsf(x) < FLT_MIN ? copysignf(0, x) : x; }
float in_unit(float x) { return isnan(x) || !(x > 0) ? 0 : x > 1 ? 1 : x; }

struct Row {
  const char *name;
  unsigned sources;
  Op op;
  int mode;
};
const Row rows[] = {{"add", 2, Op::add, FE_TONEAREST},     {"sub", 2, Op::sub, FE_TONEAREST},
                    {"mul", 2, Op::mul, FE_TONEAREST},     {"add.rn", 2, Op::add, FE_TONEAREST},
                    {"sub.rn", 2, Op::sub, FE_TONEAREST},  {"mul.rn", 2, Op::mul, FE_TONEAREST},
                    {"fma.rn", 3, Op::fma, FE_TONEAREST},  {"mad.rn", 3, Op::fma, FE_TONEAREST},
                    {"div.rn", 2, Op::div, FE_TONEAREST},  {"rcp.rn", 1, Op::rcp, FE_TONEAREST},
                    {"sqrt.rn", 1, Op::sqrt, FE_TONEAREST}};
const Row directed[] = {{"add.rz", 2, Op::add, FE_TOWARDZERO}, {"sub.rz", 2, Op::sub, FE_TOWARDZERO},
                        {"mul.rz", 2, Op::mul, FE_TOWARDZERO}, {"fma.rz", 3, Op::fma, FE_TOWARDZERO},
                        {"add.rm", 2, Op::add, FE_DOWNWARD},   {"sub.rm", 2, Op::sub, FE_DOWNWARD},
                        {"mul.rm", 2, Op::mul, FE_DOWNWARD},   {"fma.rm", 3, Op::fma, FE_DOWNWARD},
                        {"add.rp", 2, Op::add, FE_UPWARD},     {"sub.rp", 2, Op::sub, FE_UPWARD},
                        {"mul.rp", 2, Op::mul, FE_UPWARD},     {"fma.rp", 3, Op::fma, FE_UPWARD}};

void check_float_row(const Row &row) {
  const std::vector<unsigned> sizes(1 + row.sources, 4);
  auto plain = [=](float a, float b, float c) { return operate(row.op, row.mode, a, b, c); };
  auto ftz = [=](float a, float b, float c) { return flushed(plain(flushed(a), flushed(b), flushed(c))); };
  const std::string name = row.name;
  check_instruction(name + ".f32", sizes,
                    [=](In in) { return bits(plain(f32(in[0]), f32(in[1]), f32(in[2]))); });
  check_instruction(name + ".ftz.f32", sizes,
                    [=](In in) { return bits(ftz(f32(in[0]), f32(in[1]), f32(in[2]))); });
  if (find(name + ".sat.f32"))
    check_instruction(name + ".sat.f32", sizes,
                      [=](In in) { return bits(in_unit(plain(f32(in[0]), f32(in[1]), f32(in[2])))); });
  if (find(name + ".f64"))
    check_instruction(name + ".f64", std::vector<unsigned>(1 + row.sources, 8), [=](In in) {
      return bits(operate(row.op, row.mode, f64(in[0]), f64(in[1]), f64(in[2])));
    });
}

/* -0 < +0; a NaN gives the other. */
template <class F> F lesser(F a, F b) {
  if (isnan(a)) return b;
  if (isnan(b)) return a;
  return a < b || (a == b && signbit(a)) ? a : b;
}
template <class F> void check_signs(const char *type) {
  const unsigned n = sizeof(F);
  const std::string t = type;
  const uint64_t sign = 1ull << (8 * n - 1);
  auto of = [](uint64_t word) { return number_of<F>(word); };
  check_instruction("min" + t, {n, n, n}, [=](In in) { return bits(lesser(of(in[0]), of(in[1]))); });
  check_instruction("max" + t, {n, n, n}, [=](In in) { return bits(-lesser(-of(in[0]), -of(in[1]))); });
  check_instruction("neg" + t, {n, n}, [=](In in) { return in[0] ^ sign; });
  check_instruction("abs" + t, {n, n}, [=](In in) { return in[0] & ~sign; });
  check_instruction("copysign" + t, {n, n, n}, [=](In in) { return (in[0] & sign) | (in[1] & ~sign); });
  const std::pair<const char *, std::vector<int>> kinds[] = {
      {"finite", {FP_ZERO, FP_NORMAL, FP_SUBNORMAL}},
      {"infinite", {FP_INFINITE}},
      {"number", {FP_ZERO, FP_NORMAL, FP_SUBNORMAL, FP_INFINITE}},
      {"notanumber", {FP_NAN}},
      {"normal", {FP_NORMAL}},
      {"subnormal", {FP_SUBNORMAL}}};
  for (const auto &kind : kinds)
    check_instruction(std::string("testp.") + kind.first + t, {0, n}, [&](In in) {
      bool is = false;
      for (int c : kind.second) is = is || fpclassify(of(in[0])) == c;
      return (uint64_t)is;
    });
}

/* What a fused instruction is for: the product's low bits, and a sum that a double cannot hold. */
uint64_t one(const char *name, float a, float b, float c) {
  Trial trial({4, 4, 4, 4});
  trial.give(1, 5, bits(a)), trial.give(2, 5, bits(b)), trial.give(3, 5, bits(c));
  find(name)(trial.warp, trial.x, 1u << 5);
  return trial.get(0, 5);
}
void check_fused() {
  const float a = 1 + FLT_EPSILON;
  CHECK(one("fma.rn.f32", a, a, -(1 + 2 * FLT_EPSILON)) == bits(FLT_EPSILON * FLT_EPSILON),
        "fma.rn.f32 keeps the product's last bit");
  CHECK(one("fma.rm.f32", 1, 1, -0x1p-140f) == bits(1 - FLT_EPSILON / 2),
        "fma.rm.f32 of 1 and almost nothing less is below 1");
  CHECK(one("fma.rm.f32", 1, 1, 0x1p-140f) == bits(1.0f), "fma.rm.f32 of 1 and almost nothing more is 1");
  CHECK(one("fma.rm.f32", 1, 1, -1) == bits(-0.0f), "fma.rm.f32: 1 - 1 is -0");
  CHECK(one("fma.rm.f32", 0.999f, 252, 0x1.800002p23f) == bits(0x1.800002p23f + 251),
        "fma.rm.f32 rounds down as expf has it");
  CHECK(one("fma.rn.f32", 0.999f, 252, 0x1.800002p23f) == bits(0x1.800002p23f + 252),
        "fma.rn.f32 rounds to the nearest there");
}

/* Functions whose last bits are the hardware's own: within 2 units in the last place. */
void check_approximation(const char *name, double (*function)(double), double from, double to) {
  double worst = 0;
  for (int i = 0; i < 50; i++) {
    Trial trial({4, 4});
    const bool all = check_below(2);
    for (unsigned lane = 0; lane < WARP; lane++) trial.give(1, lane, bits((float)check_uniform(from, to)));
    const uint32_t mask = all ? ALL_LANES : random_mask();
    find(name)(trial.warp, trial.x, mask);
    for (unsigned lane = 0; lane < WARP; lane++) {
      const double want = function((double)f32(trial.was[lane][1])), got = (double)f32(trial.get(0, lane));
      if (mask >> lane & 1)
        worst = check_worse(worst, fabs(got - want) / fabs(want));
      else if (trial.get(0, lane) != trial.was[lane][0])
        worst = INFINITY;
    }
  }
  check_error(worst, 2 * FLT_EPSILON, "%s", name);
}
void check_approximations() {
  check_approximation("ex2.approx.ftz.f32", exp2, -125, 127);
  check_approximation("lg2.approx.f32", log2, 1e-30, 0.9);
  check_approximation("sin.approx.f32", sin, 0.01, 3);
  check_approximation("cos.approx.f32", cos, -1.5, 1.5);
  check_approximation("tanh.approx.f32", tanh, -5, 5);
  check_approximation(
      "rcp.approx.ftz.f32", [](double x) { return 1 / x; }, 1e-9, 1e9);
  check_approximation("sqrt.approx.f32", sqrt, 0, 1e9);
  check_approximation(
      "rsqrt.approx.f32", [](double x) { return 1 / sqrt(x); }, 1e-9, 1e9);
  const float least = FLT_MIN;
  CHECK(one("ex2.approx.ftz.f32", -126.5f, 0, 0) == 0, "ex2.approx.ftz.f32 flushes its result");
  CHECK(one("ex2.approx.f32", -126.5f, 0, 0) == bits(exp2f(-126.5f)), "ex2.approx.f32 does not");
  CHECK(one("rcp.approx.ftz.f32", -least / 2, 0, 0) == bits(-INFINITY),
        "rcp.approx.ftz.f32 flushes its operand");
  CHECK(one("rcp.approx.ftz.f32", -3e38f, 0, 0) == bits(-0.0f), "rcp.approx.ftz.f32 flushes its result");
  CHECK(one("rcp.rn.f32", 3e38f, 0, 0) == bits(1 / 3e38f), "rcp.rn.f32 does not");
  CHECK(one("lg2.approx.f32", -1, 0, 0) == 0x7FFFFFFF, "lg2.approx.f32 of -1 is NaN");
}

/* ---- moves ---- */

/* mov d, {a, b, ...} and back, with the destination on a source, and `_`. */
void check_vectors(const char *name, unsigned bytes, unsigned parts) {
  const unsigned part = bytes / parts;
  std::vector<unsigned> sizes(1 + parts, part);
  sizes[0] = bytes;
  check_instruction(name, sizes, [=](In in) {
    uint64_t whole = 0;
    for (unsigned k = parts; k-- > 0;) whole = whole << 8 * part | in[k];
    return whole;
  });
  for (bool sink : {false, true}) {
    std::vector<unsigned> back(1 + parts, part);
    back[parts] = bytes;
    if (sink) back[0] = 8;
    Trial trial(back);
    const uint32_t mask = random_mask();
    find(name)(trial.warp, trial.x, mask);
    bool right = true;
    for (unsigned lane = 0; lane < WARP; lane++)
      for (unsigned k = sink ? 1 : 0; k < parts; k++) {
        const uint64_t want = trial.was[lane][parts] >> 8 * part * k;
        right = right && trial.get(k, lane) == (mask >> lane & 1 ? low_bits(want, part) : trial.was[lane][k]);
      }
    CHECK(right, "%s into %u parts%s", name, parts, sink ? ", the first unwanted" : "");
  }
}
void check_moves() {
  for (const char *type :
       {"b16", "u16", "s16", "b32", "u32", "s32", "f32", "b64", "u64", "s64", "f64", "pred"}) {
    const std::string name = std::string("mov.") + type;
    const unsigned bytes = type[0] == 'p' ? 0 : (unsigned)atoi(type + 1) / 8;
    check_instruction(name, {bytes, bytes}, [](In in) { return in[0]; });
  }
  check_instruction("mov.pred", {0, 8}, [](In in) { return in[0] != 0; }); /* of a number */
  check_instruction("add.u32", {4, 8, 4}, [](In in) { return in[0] + in[1]; });
  check_vectors("mov.b32", 4, 2);
  check_vectors("mov.b32", 4, 4);
  check_vectors("mov.b64", 8, 2);
  check_vectors("mov.b64", 8, 4);
}

} // namespace

int main() {
  check_start();
  check_integers();
  check_carries();
  check_bits();
  for (const Row &row : rows) check_float_row(row);
  for (const Row &row : directed) check_float_row(row);
  check_signs<float>(".f32");
  check_signs<double>(".f64");
  check_fused();
  check_approximations();
  check_moves();
  return check_finish();
}
