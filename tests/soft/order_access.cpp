/* order_access.cpp - the check of a load, a store or an atomic against those before it at the same place.
 *
 * Nearly every stamp that is met is of an earlier launch, of before the last bar.sync, or the thread's own:
 * the sweeps look for these and `judge` does the rest.
 */
#include "tests/soft/order_state.h"

#include <string.h>

#include <algorithm>

namespace soft {

namespace {

/* An access of a warp, while it is checked. */
struct Visit {
  Order::State &state;
  Warp &warp;
  BlockOrder &block;
  WarpOrder &own;
  const Instruction &instruction;
  Does what;
  Block *shared;
  Cell *cells;
  uint64_t base; /* address of cell 0 */
  Stamp floor;   /* older stamps are known */
};

const char *name_of(Does what) {
  return what == Does::load ? "load" : what == Does::store ? "store" : "atomic operation";
}

/* Two strong accesses of one size whose scopes hold both threads: "morally strong" in the model. */
bool both_strong(const Visit &v, Stamp old, uint32_t old_block, const Access &mine) {
  if ((old & STAMP_STRONG) == 0) return false;
  const Access &theirs = v.state.instruction(old).access;
  const Scope least = std::min(scope_of(theirs), scope_of(mine));
  return theirs.bytes == mine.bytes && v.state.holding(old_block, v.block.number) <= least;
}

/* A strong store that a strong load has seen happens before what follows the load.  The loads of a cell are
 * later than its store. */
bool was_seen(const Visit &v, const Past &past, const Cell &cell, Stamp store) {
  for (const Stamp load : cell.load) {
    if ((load & STAMP_STRONG) == 0 || (load & store & STAMP_BYTES) == 0) continue;
    if (both_strong(v, store, v.state.owner(store).block, v.state.instruction(load).access) &&
        past_holds(past, v.state.owner(load), 1u << stamp_lane(load), stamp_segment(load)))
      return true;
  }
  return false;
}

/* A stamp that is none of the usual ones. */
__attribute__((noinline)) void judge(const Visit &v, unsigned lane, uint64_t address, unsigned bytes,
                                     const Cell &cell, Stamp old, Stamp me, bool old_stored) {
  if ((old & me & STAMP_BYTES) == 0) return;
  const Owner owner = v.state.owner(old);
  const uint32_t segment = stamp_segment(old);
  uint32_t lanes = 1u << stamp_lane(old);
  if (owner.block == v.block.number) {
    if (segment < v.block.synced) return;
    if (owner.warp == v.warp.number) {
      if (segment < v.own.synced) return;
      if (stamp_lane(old) == lane) lanes = (old & STAMP_SEVERAL) != 0 ? ~lanes : 0; /* the others, whoever */
      if (lanes == 0) return;
    }
  }
  if ((me & STAMP_STRONG) != 0 && both_strong(v, old, owner.block, v.instruction.access)) return;
  const View &view = view_of(v.block, v.warp.number * WARP + lane);
  if (view && view->holds(owner, lanes, segment)) return;
  const Past past = past_of(v.warp, lane, v.state.next);
  if (past_holds(past, owner, lanes, segment)) return;
  if (old_stored && (old & STAMP_STRONG) != 0 && was_seen(v, past, cell, old)) return;
  report_race(v.state, v.warp, lane, v.instruction, name_of(v.what), {v.shared, address, bytes}, old,
              old_stored);
}

/* The usual cases: known to the whole warp, before the block's last bar.sync, or the thread's own. */
inline bool settled(const Visit &v, Stamp old, Stamp me) {
  if (old < v.floor || stamp_same(old, me)) return true;
  return v.state.owner(old).block == v.block.number && stamp_segment(old) < v.block.synced;
}

template <bool stores>
inline void check(const Visit &v, unsigned lane, uint64_t address, unsigned bytes, const Cell &cell,
                  Stamp me) {
  for (const Stamp old : cell.store)
    if (!settled(v, old, me)) judge(v, lane, address, bytes, cell, old, me, true);
  if (!stores) return;
  for (const Stamp old : cell.load)
    if (!settled(v, old, me)) judge(v, lane, address, bytes, cell, old, me, false);
}

/* The bytes of its first cell that an access touches, as a stamp has them; an access is aligned. */
inline unsigned bytes_in_cell(uint64_t address, unsigned bytes) {
  return bytes >= 4 ? 0xFu : ((1u << bytes) - 1u) << address % 4;
}

/* The warp's segment, begun if need be. */
inline void work(Order::State &s, BlockOrder &block, const Warp &warp, WarpOrder &own) {
  if (own.segment != 0) return;
  own.segment = own.last = s.begin_segment(block.number, warp.number);
  block.last = own.segment;
}

/* ---- weak accesses ---- */

inline Stamp newer(const Stamp (&two)[2]) { return std::max(two[0], two[1]); }

void sweep_stores(const Visit &v, uint32_t lanes, const uint64_t *addresses, unsigned bytes, Stamp stamp) {
  const unsigned cells = std::max(1u, bytes / 4);
  for (; lanes != 0; lanes &= lanes - 1) {
    const unsigned lane = (unsigned)__builtin_ctz(lanes);
    const Stamp me = stamp | (Stamp)lane << 3 | (Stamp)bytes_in_cell(addresses[lane] - v.base, bytes) << 8;
    Cell *cell = v.cells + (addresses[lane] - v.base) / 4;
    for (unsigned k = 0; k < cells; k++, cell++) {
      if (std::max(newer(cell->store), newer(cell->load)) >= v.floor)
        check<true>(v, lane, addresses[lane], bytes, *cell, me);
      remember_store(*cell, me);
    }
  }
}

/* Lanes that load the same address. */
struct Readers {
  uint64_t address;
  uint32_t lanes;
};

inline bool one_after_another(const uint64_t *addresses, unsigned bytes) {
  uint64_t apart = 0;
  for (unsigned lane = 0; lane < WARP; lane++) apart |= addresses[lane] ^ (addresses[0] + lane * bytes);
  return apart == 0;
}

/* Many loads are of few addresses: a product reads an operand in several lanes at once. */
unsigned group(uint32_t lanes, const uint64_t *addresses, unsigned bytes, Readers readers[WARP]) {
  unsigned count = 0;
  if (lanes == ALL_LANES && one_after_another(addresses, bytes)) {
    for (; count < WARP; count++) readers[count] = {addresses[count], 1u << count};
    return count;
  }
  uint8_t found[64]; /* by address: where in `readers` it may be */
  memset(found, WARP, sizeof found);
  const unsigned shift = (unsigned)__builtin_ctz(bytes);
  for (; lanes != 0; lanes &= lanes - 1) {
    const unsigned lane = (unsigned)__builtin_ctz(lanes);
    uint8_t &at = found[addresses[lane] >> shift & 63u];
    if (at == WARP || readers[at].address != addresses[lane]) {
      at = (uint8_t)count;
      readers[count++] = {addresses[lane], 0};
    }
    readers[at].lanes |= 1u << lane;
  }
  return count;
}

void check_readers(const Visit &v, const Readers &r, unsigned bytes, const Cell &cell, Stamp stamp) {
  for (uint32_t lanes = r.lanes; lanes != 0; lanes &= lanes - 1) {
    const unsigned lane = (unsigned)__builtin_ctz(lanes);
    check<false>(v, lane, r.address, bytes, cell, stamp | (Stamp)lane << 3);
  }
}

void sweep_loads(const Visit &v, uint32_t lanes, const uint64_t *addresses, unsigned bytes, Stamp stamp) {
  Readers readers[WARP];
  const unsigned count = group(lanes, addresses, bytes, readers), cells = std::max(1u, bytes / 4);
  for (unsigned i = 0; i < count; i++) {
    const Readers r = readers[i];
    const Stamp touched = stamp | (Stamp)bytes_in_cell(r.address - v.base, bytes) << 8;
    const Stamp me = touched | (Stamp)(31 - __builtin_clz(r.lanes)) << 3 |
                     ((r.lanes & (r.lanes - 1)) != 0 ? (Stamp)STAMP_SEVERAL : 0);
    Cell *cell = v.cells + (r.address - v.base) / 4;
    for (unsigned k = 0; k < cells; k++, cell++) {
      if (newer(cell->store) >= v.floor) check_readers(v, r, bytes, *cell, touched);
      remember_load(*cell, me, v.floor);
    }
  }
}

/* ---- strong accesses ---- */

/* A strong access of one element by one lane. */
void strong_element(const Visit &v, unsigned lane, uint64_t address, unsigned bytes, Cell *cell) {
  Order::State &s = v.state;
  const Access &access = v.instruction.access;
  const unsigned touched = bytes_in_cell(address, bytes);
  const uint32_t index = s.index(v.instruction);
  const uint64_t place = v.shared ? 1ull << 63 | v.shared->number << 24 | address : address;
  const Stamp before = cell->store[0];
  const Stamp asking = make_stamp(v.own.segment, index, touched, lane, STAMP_STRONG);
  for (unsigned k = 0; k < std::max(1u, bytes / 4); k++)
    if (v.what == Does::load)
      check<false>(v, lane, address, bytes, cell[k], asking);
    else
      check<true>(v, lane, address, bytes, cell[k], asking);
  if (v.what != Does::store) s.take(v.warp, lane, access, place, before);
  Gifts *gifts = NULL;
  if (v.what != Does::load) gifts = s.give(v.warp, lane, access, v.what == Does::atomic, place, before);
  work(v.state, v.block, v.warp, v.own);
  const Stamp me = make_stamp(v.own.segment, index, touched, lane, STAMP_STRONG);
  for (unsigned k = 0; k < std::max(1u, bytes / 4); k++)
    if (v.what == Does::load)
      remember_load(cell[k], me, v.floor);
    else
      remember_store(cell[k], me);
  if (gifts) gifts->stamp = me, cut(v.warp);
}

} // namespace

void Order::access(Warp &warp, const Instruction &instruction, uint32_t lanes, Does what, Block *shared,
                   const uint64_t addresses[WARP], unsigned bytes) {
  if (!on) return;
  State &s = *state_;
  BlockOrder &block = *warp.block->clock.order;
  WarpOrder &own = block.warps[warp.number];
  Visit v = {s, warp, block, own, instruction, what, shared, s.global.cells(), s.base, (Stamp)s.first << 32};
  if (shared) {
    BlockOrder &target = *shared->clock.order;
    if (&target != &block) mark_visited(target);
    v.cells = target.shadow.cells();
    v.base = 0;
    v.floor = &target == &block ? own.shared_floor : (Stamp)target.begin << 32;
  }
  if (instruction.access.strength != Strength::weak || what == Does::atomic) {
    const unsigned each = instruction.access.bytes != 0 ? instruction.access.bytes : bytes;
    for (; lanes != 0; lanes &= lanes - 1) {
      const unsigned lane = (unsigned)__builtin_ctz(lanes);
      for (unsigned done = 0; done < bytes; done += each) {
        const uint64_t address = addresses[lane] + done;
        strong_element(v, lane, address, each, v.cells + (address - v.base) / 4);
      }
    }
    return;
  }
  work(s, block, warp, own);
  const Stamp stamp = make_stamp(own.segment, s.index(instruction), 0, 0, 0);
  if (what == Does::load)
    sweep_loads(v, lanes, addresses, bytes, stamp);
  else
    sweep_stores(v, lanes, addresses, bytes, stamp);
}

} // namespace soft
