/* compare.cpp - instructions that compare, and those on predicates.  Source: the PTX ISA, "Comparison and
 * Selection Instructions".
 *
 * A comparison of all lanes is a mask, which is what a predicate is; setp stores it, perhaps joined with
 * another predicate, and its complement in the second destination if there is one; set makes numbers of it.
 */
#include "tests/soft/rounding.h"

namespace soft {
namespace {

/* ---- the comparisons: of NaN the ordered ones are false, the unordered ones (-u) true ---- */

template <class T> bool eq(T a, T b) { return a == b; }
template <class T> bool ne(T a, T b) { return a < b || a > b; }
template <class T> bool lt(T a, T b) { return a < b; }
template <class T> bool le(T a, T b) { return a <= b; }
template <class T> bool gt(T a, T b) { return a > b; }
template <class T> bool ge(T a, T b) { return a >= b; }
template <class T> bool equ(T a, T b) { return !(a < b || a > b); }
template <class T> bool neu(T a, T b) { return !(a == b); }
template <class T> bool ltu(T a, T b) { return !(a >= b); }
template <class T> bool leu(T a, T b) { return !(a > b); }
template <class T> bool gtu(T a, T b) { return !(a <= b); }
template <class T> bool geu(T a, T b) { return !(a < b); }
template <class T> bool num(T a, T b) { return a == a && b == b; }
template <class T> bool nan(T a, T b) { return a != a || b != b; }

/* ---- setp, set ---- */

enum class Join { both, either, one };

inline uint32_t join(Join how, uint32_t a, uint32_t b) {
  return how == Join::both ? a & b : how == Join::either ? a | b : a ^ b;
}
/* Made once for the rarer instructions. */
template <auto F>
__attribute__((noinline)) uint32_t compare(const Warp &warp, const Instruction &x, unsigned first) {
  return Lanes<F>::all(warp, x, first).mask;
}
template <auto F> After setp(Warp &warp, const Instruction &x, uint32_t lanes) {
  const unsigned first = x.operands - 2u;
  const uint32_t found = Lanes<F>::all(warp, x, first).mask;
  Results<bool>{found}.store(warp, x.at[0], lanes);
  if (first == 2) Results<bool>{~found}.store(warp, x.at[1], lanes);
  return After::next;
}
/* setp p|q, a, b, c: p = (a ? b) join c, q = !(a ? b) join c. */
template <auto F, Join J> After setp_join(Warp &warp, const Instruction &x, uint32_t lanes) {
  const unsigned first = x.operands - 3u;
  const uint32_t found = compare<F>(warp, x, first), with = Source<bool>(warp, x, first + 2).lanes();
  Results<bool>{join(J, found, with)}.store(warp, x.at[0], lanes);
  if (first == 2) Results<bool>{join(J, ~found, with)}.store(warp, x.at[1], lanes);
  return After::next;
}

/* True as a number: all ones, or 1. */
template <class D> D as_number(bool p) { return p ? (D)(std::is_integral_v<D> ? -1 : 1) : (D)0; }
template <auto F, class D> After set(Warp &warp, const Instruction &x, uint32_t lanes) {
  Results<D> results;
  results.template compute<as_number<D>>(compare<F>(warp, x, 1));
  results.store(warp, x.at[0], lanes);
  return After::next;
}

/* ---- slct, predicates ---- */

template <class T, class C> T sign_selects(T a, T b, C c) { return c >= 0 ? a : b; }
/* One step on masks instead of 32 on lanes. */
After move_predicate(Warp &warp, const Instruction &x, uint32_t lanes) {
  Results<bool>{Source<bool>(warp, x, 1).lanes()}.store(warp, x.at[0], lanes);
  return After::next;
}
template <Join J> After join_predicates(Warp &warp, const Instruction &x, uint32_t lanes) {
  const uint32_t a = Source<bool>(warp, x, 1).lanes(), b = Source<bool>(warp, x, 2).lanes();
  Results<bool>{join(J, a, b)}.store(warp, x.at[0], lanes);
  return After::next;
}
After negate_predicate(Warp &warp, const Instruction &x, uint32_t lanes) {
  Results<bool>{~Source<bool>(warp, x, 1).lanes()}.store(warp, x.at[0], lanes);
  return After::next;
}

} // namespace

/* ---- names ---- */

/* clang-format off */
#define COMPARE_ROWS(name, type, f) \
  {"setp." name type, setp<f>}, \
  {"setp." name ".and" type, setp_join<f, Join::both>}, \
  {"setp." name ".or" type, setp_join<f, Join::either>}, \
  {"setp." name ".xor" type, setp_join<f, Join::one>}, \
  {"set." name ".u32" type, set<f, uint32_t>}, \
  {"set." name ".s32" type, set<f, int32_t>}, \
  {"set." name ".f32" type, set<f, float>}
/* clang-format on */
#define EQUAL_ROWS(type, T) COMPARE_ROWS("eq", type, eq<T>), COMPARE_ROWS("ne", type, ne<T>)
#define ORDER_ROWS(type, T)                                                                                  \
  EQUAL_ROWS(type, T), COMPARE_ROWS("lt", type, lt<T>), COMPARE_ROWS("le", type, le<T>),                     \
      COMPARE_ROWS("gt", type, gt<T>), COMPARE_ROWS("ge", type, ge<T>)
/* The unsigned comparisons have two names. */
#define UNSIGNED_ROWS(type, T)                                                                               \
  ORDER_ROWS(type, T), COMPARE_ROWS("lo", type, lt<T>), COMPARE_ROWS("ls", type, le<T>),                     \
      COMPARE_ROWS("hi", type, gt<T>), COMPARE_ROWS("hs", type, ge<T>)
#define UNORDERED_ROWS(type, T)                                                                              \
  COMPARE_ROWS("equ", type, equ<T>), COMPARE_ROWS("neu", type, neu<T>), COMPARE_ROWS("ltu", type, ltu<T>),   \
      COMPARE_ROWS("leu", type, leu<T>), COMPARE_ROWS("gtu", type, gtu<T>),                                  \
      COMPARE_ROWS("geu", type, geu<T>), COMPARE_ROWS("num", type, num<T>),                                  \
      COMPARE_ROWS("nan", type, nan<T>)
#define SLCT_ROWS(type, T)                                                                                   \
  {"slct" type ".s32", lanewise<sign_selects<T, int32_t>>}, {                                                \
    "slct" type ".f32", lanewise<sign_selects<T, float>>                                                     \
  }

const Opcode compare_opcodes[] = {EQUAL_ROWS(".b16", uint16_t),
                                  EQUAL_ROWS(".b32", uint32_t),
                                  EQUAL_ROWS(".b64", uint64_t),
                                  ORDER_ROWS(".s16", int16_t),
                                  ORDER_ROWS(".s32", int32_t),
                                  ORDER_ROWS(".s64", int64_t),
                                  UNSIGNED_ROWS(".u16", uint16_t),
                                  UNSIGNED_ROWS(".u32", uint32_t),
                                  UNSIGNED_ROWS(".u64", uint64_t),
                                  ORDER_ROWS(".f32", float),
                                  UNORDERED_ROWS(".f32", float),
                                  ORDER_ROWS(".f64", double),
                                  UNORDERED_ROWS(".f64", double),
                                  SLCT_ROWS(".b16", uint16_t),
                                  SLCT_ROWS(".u16", uint16_t),
                                  SLCT_ROWS(".s16", uint16_t),
                                  SLCT_ROWS(".b32", uint32_t),
                                  SLCT_ROWS(".u32", uint32_t),
                                  SLCT_ROWS(".s32", uint32_t),
                                  SLCT_ROWS(".f32", uint32_t),
                                  SLCT_ROWS(".b64", uint64_t),
                                  SLCT_ROWS(".u64", uint64_t),
                                  SLCT_ROWS(".s64", uint64_t),
                                  SLCT_ROWS(".f64", uint64_t),
                                  {"mov.pred", move_predicate},
                                  {"not.pred", negate_predicate},
                                  {"and.pred", join_predicates<Join::both>},
                                  {"or.pred", join_predicates<Join::either>},
                                  {"xor.pred", join_predicates<Join::one>},
                                  {NULL, NULL}};

} // namespace soft
