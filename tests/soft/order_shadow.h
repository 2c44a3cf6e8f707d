/* order_shadow.h - the shadow memory of the race detector: who touched a place last.
 *
 * Each four bytes of global and of shared memory have a cell of 32 bytes: their last store and two loads since
 * then, each a stamp of 64 bits.  A stamp knows which of the four bytes it is about, so that neighbours of 1
 * and 2 bytes are told apart; a second stamp of a store is kept for them.
 */
#ifndef SOFT_ORDER_SHADOW_H
#define SOFT_ORDER_SHADOW_H

#include <stddef.h>
#include <stdint.h>

namespace soft {

/* From the low bits: 3 of kind, 5 lane, 4 which bytes, 20 instruction (its index in the code), 32 segment. */
typedef uint64_t Stamp;
enum : Stamp {
  STAMP_STRONG = 1,
  STAMP_SEVERAL = 2, /* several lanes of the warp have loaded it, `lane` is the last of them */
  STAMP_LANDED = 4,  /* by an asynchronous copy */
  STAMP_LANE = 0xF8,
  STAMP_BYTES = 0xF00,
  STAMP_INSTRUCTION = 0xFFFFF000,
  STAMP_SEGMENT = ~(Stamp)0xFFFFFFFF
};
enum : uint32_t { STAMP_CODE = 1u << 20 }; /* instructions of a kernel */

inline Stamp make_stamp(uint32_t segment, uint32_t instruction, unsigned bytes, unsigned lane, Stamp kind) {
  return (Stamp)segment << 32 | (Stamp)(instruction % STAMP_CODE) << 12 | (Stamp)bytes << 8 |
         (Stamp)lane << 3 | kind;
}
inline uint32_t stamp_segment(Stamp s) { return (uint32_t)(s >> 32); }
inline uint32_t stamp_instruction(Stamp s) { return (uint32_t)(s >> 12) % STAMP_CODE; }
inline unsigned stamp_lane(Stamp s) { return (unsigned)(s >> 3) & 31u; }
/* The same thread in the same segment. */
inline bool stamp_same(Stamp a, Stamp b) {
  return ((a ^ b) & ~(STAMP_INSTRUCTION | STAMP_BYTES | STAMP_STRONG)) == 0;
}

struct alignas(32) Cell {
  Stamp store[2], load[2];
};

/* Remembers a load.  Of more than two warps that have loaded a place the two latest are kept: whoever stores
 * there without a barrier after it races with one of them. */
inline void remember_load(Cell &cell, Stamp me, Stamp floor) {
  Stamp differs = STAMP_SEGMENT | STAMP_BYTES | STAMP_STRONG | STAMP_LANDED;
  if ((me & STAMP_STRONG) != 0)
    differs |= STAMP_INSTRUCTION | STAMP_LANE; /* who has seen what, in which scope */
  for (Stamp &old : cell.load)
    if (((old ^ me) & differs) == 0) { /* the same warp in the same segment */
      if (((old ^ me) & (STAMP_LANE | STAMP_SEVERAL)) != 0) old = me | STAMP_SEVERAL;
      return;
    }
  if (cell.load[0] < floor)
    cell.load[0] = me;
  else
    cell.load[cell.load[1] < cell.load[0]] = me;
}

/* Remembers a store, and forgets what was known of the bytes that it covers. */
inline void remember_store(Cell &cell, Stamp me) {
  if ((me & STAMP_BYTES) == STAMP_BYTES) {
    cell = {{me, 0}, {0, 0}};
    return;
  }
  const Stamp covered = me & STAMP_BYTES;
  for (Stamp &old : cell.load) old &= ~covered;
  for (Stamp &old : cell.store) old &= ~covered;
  if ((cell.store[0] & STAMP_BYTES) != 0) cell.store[1] = cell.store[0];
  cell.store[0] = me;
}

/* The cells of so many bytes, zero at first.  Pages appear when they are touched. */
class Shadow {
public:
  Shadow() = default;
  explicit Shadow(size_t bytes);
  ~Shadow();
  Shadow(const Shadow &) = delete;
  Shadow &operator=(const Shadow &) = delete;
  Shadow(Shadow &&other) noexcept;
  Shadow &operator=(Shadow &&other) noexcept;
  Cell *cells() const { return cells_; }
  Cell *at(uint64_t offset) const { return cells_ + offset / 4; }
  size_t bytes() const { return count_ * 4; }
  /* Nothing is known of the range any more; its whole pages are given back. */
  void forget(uint64_t offset, size_t bytes);

private:
  Cell *cells_ = nullptr;
  size_t count_ = 0;
};

} // namespace soft

#endif
