/* addresses.h - where the lanes of an instruction go in memory, and whether they may.
 *
 * An instruction is checked as a whole wherever its lanes go to one allocation, or to the shared memory of one
 * block: the lowest and the highest address decide.  Only what fails is looked at lane by lane, for a sentence
 * that says which lane and why.
 */
#ifndef SOFT_ADDRESSES_H
#define SOFT_ADDRESSES_H

#include "tests/soft/machine.h"

#include <string.h>

namespace soft {

/* The addresses of the lanes; one that takes no part has the address of the first that does.  In shared memory
 * they are offsets. */
struct Reach {
  alignas(64) uint64_t at[WARP];
  uint64_t low, high; /* the lowest and the highest of them */
  unsigned bytes;     /* of each lane */
  bool row;           /* all 32 lanes, one behind the other */
};

inline unsigned first_of(uint32_t lanes) { return (unsigned)__builtin_ctz(lanes); }
/* for (uint32_t rest = lanes; rest != 0; rest &= rest - 1) with first_of(rest) */
template <class F> void each_lane(uint32_t lanes, F f) {
  for (uint32_t rest = lanes; rest != 0; rest &= rest - 1) f(first_of(rest));
}

/* Sets low, high and row from `at`.  Addresses are below 2^63, and signed numbers compare faster. */
inline void measure(Reach *r, uint32_t lanes) {
  uint64_t astray = 0;
  if (lanes == ALL_LANES)
    for (unsigned i = 0; i < WARP; i++) astray |= r->at[i] - r->at[0] - (uint64_t)i * r->bytes;
  r->row = lanes == ALL_LANES && astray == 0;
  r->low = r->at[0];
  r->high = r->at[WARP - 1];
  if (r->row) return;
  int64_t low = (int64_t)r->low, high = low;
  for (unsigned i = 0; i < WARP; i++) {
    const int64_t at = (int64_t)r->at[i];
    low = at < low ? at : low;
    high = at > high ? at : high;
  }
  r->low = (uint64_t)low;
  r->high = (uint64_t)high;
}

/* The addresses of operand number k, each of so many bytes. */
inline void find_reach(const Warp &warp, const Instruction &instruction, unsigned k, int64_t displacement,
                       unsigned bytes, uint32_t lanes, Reach *r) {
  if (instruction.size[k] == 4) {
    const uint32_t *base = warp.in<uint32_t>(instruction.at[k]);
    for (unsigned i = 0; i < WARP; i++) r->at[i] = base[i] + (uint32_t)displacement;
  } else {
    const uint64_t *base = warp.in<uint64_t>(instruction.at[k]);
    for (unsigned i = 0; i < WARP; i++) r->at[i] = base[i] + (uint64_t)displacement;
  }
  if (lanes != ALL_LANES) {
    const uint64_t first = r->at[first_of(lanes)];
    for (unsigned i = 0; i < WARP; i++) r->at[i] = lanes >> i & 1 ? r->at[i] : first;
  }
  r->bytes = bytes;
  measure(r, lanes);
}

/* Whether all bytes of the lanes [low, high + bytes) are multiples of their size away from 0. */
inline bool aligned(const Reach &r) {
  uint64_t all = r.low;
  if (!r.row)
    for (unsigned i = 0; i < WARP; i++) all |= r.at[i];
  return (all & (r.bytes - 1)) == 0;
}

/* ---- checks; `what` is the kind of access, "a load", for the sentence ---- */

[[noreturn]] void explain_global(const Warp &warp, uint32_t lanes, const char *what, const Reach &r);
[[noreturn]] void explain_shared(const Warp &warp, uint32_t lanes, const char *what, const Block &target,
                                 const Reach &r);
[[noreturn]] void explain_alignment(const Warp &warp, uint32_t lanes, const char *what, const Reach &r);
/* Checks lane by lane, for lanes in several allocations. */
void check_lanes(const Warp &warp, uint32_t lanes, const char *what, const Reach &r);

inline void check_global(const Warp &warp, uint32_t lanes, const char *what, const Reach &r) {
  if (!aligned(r)) explain_alignment(warp, lanes, what, r);
  if (!machine().memory.holds(r.low, r.high - r.low + r.bytes)) check_lanes(warp, lanes, what, r);
}

inline void check_shared(const Warp &warp, uint32_t lanes, const char *what, const Block &target,
                         const Reach &r) {
  if (!aligned(r)) explain_alignment(warp, lanes, what, r);
  if (r.high + r.bytes > target.shared.bytes.size()) explain_shared(warp, lanes, what, target, r);
}

/* The bytes that lanes read must have been written. */
void check_written_global(const Warp &warp, uint32_t lanes, const char *what, const Reach &r);
void check_written_shared(const Warp &warp, uint32_t lanes, const char *what, const Block &target,
                          const Reach &r);
/* A store must not go over a live mbarrier. */
void check_mbarriers(const Warp &warp, uint32_t lanes, const char *what, const Block &target, const Reach &r);

/* ---- shared memory of the cluster ---- */

/* The block that a shared address of a lane belongs to: itself, or a peer that is there.  `own`: the
 * instruction says that it is the block itself. */
Block &find_target(const Warp &warp, unsigned lane, const char *what, uint64_t address, bool own);

/* Calls f(block, lanes, reach of offsets) for each block that lanes go to. */
template <class F>
void each_target(const Warp &warp, uint32_t lanes, const char *what, bool own, const Reach &r, F f) {
  if (r.high < 1u << 24) return f(*warp.block, lanes, r);
  for (uint32_t rest = lanes; rest != 0;) {
    const uint64_t first = r.at[first_of(rest)];
    Block &target = find_target(warp, first_of(rest), what, first, own);
    uint32_t group = 0;
    each_lane(rest, [&](unsigned lane) {
      if (r.at[lane] >> 24 == first >> 24) group |= 1u << lane;
    });
    Reach there = r;
    for (unsigned i = 0; i < WARP; i++) there.at[i] = (group >> i & 1 ? r.at[i] : first) & 0xFFFFFFu;
    measure(&there, group);
    f(target, group, there);
    rest &= ~group;
  }
}

/* ---- generic addresses ---- */

inline Space space_of(uint64_t address) {
  return address >= LOCAL_WINDOW ? Space::local : address >= SHARED_WINDOW ? Space::cluster : Space::global;
}

/* Calls f(space, lanes, reach in that space) for each space that lanes go to. */
template <class F> void each_space(uint32_t lanes, const Reach &r, F f) {
  if (space_of(r.high) == Space::global) return f(Space::global, lanes, r);
  for (uint32_t rest = lanes; rest != 0;) {
    const uint64_t first = r.at[first_of(rest)];
    const Space space = space_of(first);
    const uint64_t window = space == Space::local     ? uint64_t{LOCAL_WINDOW}
                            : space == Space::cluster ? uint64_t{SHARED_WINDOW}
                                                      : 0;
    uint32_t group = 0;
    each_lane(rest, [&](unsigned lane) {
      if (space_of(r.at[lane]) == space) group |= 1u << lane;
    });
    Reach there = r;
    for (unsigned i = 0; i < WARP; i++) there.at[i] = (group >> i & 1 ? r.at[i] : first) - window;
    measure(&there, group);
    f(space, group, there);
    rest &= ~group;
  }
}

/* Tells the race detector of an access; `shared` is NULL for global memory. */
inline void tell_order(Warp &warp, uint32_t lanes, const Instruction &instruction, Does what, Block *shared,
                       const Reach &r) {
  if (machine().order.on) machine().order.access(warp, instruction, lanes, what, shared, r.at, r.bytes);
}

} // namespace soft

#endif
