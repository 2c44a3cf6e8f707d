/* lanes.h - a handler made of a function on one lane.
 *
 *   template <class T> T add(T a, T b) { return a + b; }      {"add.f32", lanewise<add<float>>}
 *
 * The function's type says what the operands are: its result is operand 0, `bool` is a predicate.  It is called
 * for all 32 lanes whatever the mask says, so that the loop becomes a few vector instructions, and must
 * therefore do no harm with garbage; the results stand in an array of their own until all lanes have been read,
 * because the destination may lie on a source.  A long function that the compiler cannot make a vector of goes
 * through lane_by_lane, which calls it for the lanes of the mask only.
 */
#ifndef SOFT_LANES_H
#define SOFT_LANES_H

#include "tests/soft/machine.h"

#include <string.h>

#include <type_traits>
#include <utility>

namespace soft {

template <size_t bytes> struct UnsignedOf;
template <> struct UnsignedOf<1> { typedef uint8_t Type; };
template <> struct UnsignedOf<2> { typedef uint16_t Type; };
template <> struct UnsignedOf<4> { typedef uint32_t Type; };
template <> struct UnsignedOf<8> { typedef uint64_t Type; };
/* The unsigned integer of the same width. */
template <class T> using Bits = typename UnsignedOf<sizeof(T)>::Type;

template <class T> inline Bits<T> to_bits(T value) {
  Bits<T> bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}
/* The low bits as a value of that type. */
template <class T> inline T from_bits(uint64_t bits) {
  const Bits<T> low = (Bits<T>)bits;
  T value;
  memcpy(&value, &low, sizeof value);
  return value;
}

/* The low bits of a register that is wider than the instruction's type (cvt), or of a number written in the
 * text. */
template <class T>
__attribute__((noinline)) void narrow(const Warp &warp, Place place, unsigned size, T *lanes) {
  if (size == 8) {
    const uint64_t *from = warp.in<uint64_t>(place);
    for (unsigned i = 0; i < WARP; i++) lanes[i] = from_bits<T>(from[i]);
  } else {
    for (unsigned i = 0; i < WARP; i++) lanes[i] = from_bits<T>(warp.value(place, size, i));
  }
}

/* An operand that is read. */
template <class T> class Source {
public:
  Source(const Warp &warp, const Instruction &x, unsigned i) : lanes_(warp.in<T>(x.at[i])) {
    if (x.size[i] == sizeof(T)) return;
    narrow(warp, x.at[i], x.size[i], narrowed_);
    lanes_ = narrowed_;
  }
  Source(const Source &) = delete;
  Source &operator=(const Source &) = delete;
  const T *lanes() const { return lanes_; }

private:
  const T *lanes_;
  T narrowed_[WARP];
};
template <> class Source<bool> {
public:
  Source(const Warp &warp, const Instruction &x, unsigned i) : mask_(*warp.in<uint32_t>(x.at[i])) {
    if (x.size[i] == 0) return;
    mask_ = 0; /* a number in the text */
    for (unsigned lane = 0; lane < WARP; lane++)
      mask_ |= (uint32_t)(warp.value(x.at[i], x.size[i], lane) != 0) << lane;
  }
  uint32_t lanes() const { return mask_; }

private:
  uint32_t mask_;
};

/* A predicate as a number as wide as T, all ones or zero: the compiler makes vector instructions of a choice
 * only when the condition is as wide as what is chosen. */
template <class T> struct Chooser {
  Bits<T> ones;
  T choose(T yes, T no) const { return from_bits<T>((to_bits(yes) & ones) | (to_bits(no) & (Bits<T>)~ones)); }
};
template <class T> struct Choosers {
  Chooser<T> lane[WARP];
  explicit Choosers(uint32_t mask) {
    for (unsigned i = 0; i < WARP; i++) lane[i].ones = (Bits<T>)((Bits<T>)0 - (Bits<T>)(mask >> i & 1u));
  }
};
template <class T> class Source<Chooser<T>> {
public:
  Source(const Warp &warp, const Instruction &x, unsigned i) : choosers_(Source<bool>(warp, x, i).lanes()) {}
  const Chooser<T> *lanes() const { return choosers_.lane; }

private:
  Choosers<T> choosers_;
};

template <class T> inline T lane_of(const T *lanes, unsigned i) { return lanes[i]; }
inline bool lane_of(uint32_t mask, unsigned i) { return mask >> i & 1u; }

/* What all lanes would get. */
template <class T> struct Results {
  T lane[WARP];
  template <auto F, class... L> void compute(L... sources) {
    for (unsigned i = 0; i < WARP; i++) lane[i] = F(lane_of(sources, i)...);
  }
  void store(Warp &warp, Place place, uint32_t lanes) const {
    T *to = warp.out<T>(place);
    if (lanes == ALL_LANES) {
      memcpy(to, lane, sizeof lane);
    } else {
      const Choosers<T> mask(lanes);
      for (unsigned i = 0; i < WARP; i++) to[i] = mask.lane[i].choose(lane[i], to[i]);
    }
  }
};
template <> struct Results<bool> {
  uint32_t mask = 0;
  template <auto F, class... L> void compute(L... sources) {
    for (unsigned i = 0; i < WARP; i++) mask |= (uint32_t)F(lane_of(sources, i)...) << i;
  }
  void store(Warp &warp, Place place, uint32_t lanes) const {
    uint32_t *to = warp.out<uint32_t>(place);
    *to = (*to & ~lanes) | (mask & lanes);
  }
};

/* The handlers of the function F, taken apart by its type. */
template <auto F, class = decltype(F)> struct Lanes;
template <auto F, class D, class... A> struct Lanes<F, D (*)(A...)> {
  typedef D Result;

  /* All lanes, the first source being operand `first`. */
  static Results<D> all(const Warp &warp, const Instruction &x, unsigned first) {
    return all(warp, x, first, std::index_sequence_for<A...>());
  }
  static After vector(Warp &warp, const Instruction &x, uint32_t lanes) {
    all(warp, x, 1).store(warp, x.at[0], lanes);
    return After::next;
  }
  static After each(Warp &warp, const Instruction &x, uint32_t lanes) {
    return each(warp, x, lanes, std::index_sequence_for<A...>());
  }

private:
  template <size_t... I>
  static Results<D> all(const Warp &warp, const Instruction &x, unsigned first, std::index_sequence<I...>) {
    Results<D> results;
    results.template compute<F>(Source<A>(warp, x, first + (unsigned)I).lanes()...);
    return results;
  }
  template <size_t... I>
  static After each(Warp &warp, const Instruction &x, uint32_t lanes, std::index_sequence<I...>) {
    Results<D> results;
    each(results, lanes, Source<A>(warp, x, 1 + (unsigned)I).lanes()...);
    results.store(warp, x.at[0], lanes);
    return After::next;
  }
  template <class... L> static void each(Results<D> &results, uint32_t lanes, L... sources) {
    for (uint32_t left = lanes; left != 0; left &= left - 1) {
      const unsigned i = (unsigned)__builtin_ctz(left);
      results.lane[i] = F(lane_of(sources, i)...);
    }
  }
};

template <auto F> After lanewise(Warp &warp, const Instruction &x, uint32_t lanes) {
  return Lanes<F>::vector(warp, x, lanes);
}
template <auto F> After lane_by_lane(Warp &warp, const Instruction &x, uint32_t lanes) {
  return Lanes<F>::each(warp, x, lanes);
}

} // namespace soft

#endif
