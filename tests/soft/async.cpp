/* async.cpp - what happens by itself: bytes on their way into shared memory, and the mbarriers that count them.
 * Source: PTX ISA 9.0, "mbarrier" and "Asynchronous operations"; st.async completes as release.cluster.
 *
 * Bytes land in any order, at a time that the machine draws (Machine::land_one).  A bulk copy goes in several
 * pieces to each of its blocks, and reads global memory when a piece lands.  An mbarrier is a row of
 * Block::mbarriers; its eight bytes in shared memory read as never written, and nobody may store there.
 */
#include "tests/soft/access.h"
#include "tests/soft/weak.h"

#include <algorithm>

namespace soft {

namespace {

/* Of arrivals, and of bytes in either direction, in a phase. */
const int64_t MOST = (1 << 20) - 1;

/* A place in the shared memory of a block. */
struct Spot {
  Block *block;
  uint32_t offset;
};

Spot spot_of(const Warp &warp, unsigned lane, const char *what, uint64_t address, const Access &access) {
  if (access.space == Space::generic && space_of(address) != Space::cluster)
    fault(warp, lane, "%s at 0x%llx, which is not in shared memory", what, (unsigned long long)address);
  if (access.space == Space::generic) address -= SHARED_WINDOW;
  Block &block = find_target(warp, lane, what, address, access.space == Space::shared);
  return {&block, (uint32_t)address & 0xFFFFFFu};
}

Spot spot_at(const Warp &warp, const Instruction &ins, unsigned lane, const char *what, unsigned k,
             int64_t displacement) {
  const uint64_t base = warp.value(ins.at[k], ins.size[k], lane);
  const uint64_t address =
      ins.size[k] == 4 ? (uint32_t)base + (uint32_t)displacement : base + (uint64_t)displacement;
  return spot_of(warp, lane, what, address, ins.access);
}

void check_spot(const Warp &warp, unsigned lane, const char *what, Spot s, unsigned bytes,
                unsigned multiple) {
  if (s.offset % multiple != 0)
    fault(warp, lane, "%s at byte %u of shared memory, which is not a multiple of %u", what, s.offset,
          multiple);
  const size_t size = s.block->shared.bytes.size();
  if (s.offset + (size_t)bytes > size)
    fault(warp, lane, "%s of %u bytes at byte %u of %zu bytes of shared memory", what, bytes, s.offset, size);
}

/* ---- mbarriers ---- */

Mbarrier *find_mbarrier(Block &block, uint32_t offset) {
  for (Mbarrier &m : block.mbarriers)
    if (m.offset == offset) return &m;
  return nullptr;
}

Mbarrier &mbarrier_at(const Warp &warp, unsigned lane, const char *what, Spot s) {
  Mbarrier *m = find_mbarrier(*s.block, s.offset);
  if (m == nullptr)
    fault(warp, lane, "%s on byte %u of the shared memory of rank %u, where no mbarrier was initialised",
          what, s.offset, s.block->rank);
  if (s.block != warp.block && !m->fenced)
    fault(
        warp, lane,
        "%s on an mbarrier of rank %u that was initialised without fence.mbarrier_init or a cluster barrier "
        "behind it",
        what, s.block->rank);
  return *m;
}

/* The phase ends when all have arrived and all announced bytes have landed. */
void settle(Mbarrier &m) {
  machine().changed();
  if (m.pending != 0 || m.bytes != 0) return;
  m.phase++;
  m.pending = m.count;
}

void tell_order_of(Warp &warp, const Instruction &ins, unsigned lane, Does what, Spot s) {
  if (!machine().order.on) return;
  uint64_t at[WARP];
  std::fill(at, at + WARP, s.offset);
  machine().order.access(warp, ins, 1u << lane, what, s.block, at, 8);
}

After mbarrier_init(Warp &warp, const Instruction &ins, uint32_t lanes) {
  each_lane(lanes, [&](unsigned lane) {
    const Spot s = spot_at(warp, ins, lane, "an mbarrier", 0, ins.displacement);
    check_spot(warp, lane, "an mbarrier", s, 8, 8);
    const uint64_t count = warp.value(ins.at[1], ins.size[1], lane);
    if (count == 0 || count > (uint64_t)MOST)
      fault(warp, lane, "an mbarrier of %llu arrivals", (unsigned long long)count);
    if (find_mbarrier(*s.block, s.offset) != nullptr)
      fault(warp, lane, "an mbarrier at byte %u of shared memory, where one is already", s.offset);
    tell_order_of(warp, ins, lane, Does::store, s);
    s.block->mbarriers.push_back(
        {s.offset, (uint32_t)count, (uint32_t)count, 0, 0, warp.number * WARP + lane, false, false});
    std::fill_n(s.block->shared.valid.begin() + s.offset, 8, (unsigned char)0);
  });
  return After::next;
}

After mbarrier_inval(Warp &warp, const Instruction &ins, uint32_t lanes) {
  each_lane(lanes, [&](unsigned lane) {
    const Spot s = spot_at(warp, ins, lane, "inval", 0, ins.displacement);
    Mbarrier &m = mbarrier_at(warp, lane, "inval", s);
    if (m.bytes != 0) fault(warp, lane, "inval of an mbarrier that waits for %lld bytes", (long long)m.bytes);
    tell_order_of(warp, ins, lane, Does::store, s);
    std::swap(m, s.block->mbarriers.back());
    s.block->mbarriers.pop_back();
  });
  return After::next;
}

void expect(const Warp &warp, unsigned lane, Mbarrier &m, uint64_t bytes) {
  if (bytes > (uint64_t)MOST)
    fault(warp, lane, "%llu bytes announced at once, more than 2^20 - 1", (unsigned long long)bytes);
  m.bytes += (int64_t)bytes;
  if (m.bytes > MOST)
    fault(warp, lane, "%lld bytes announced in a phase, more than 2^20 - 1", (long long)m.bytes);
}

template <bool releasing> After mbarrier_expect(Warp &warp, const Instruction &ins, uint32_t lanes) {
  each_lane(lanes, [&](unsigned lane) {
    const Spot s = spot_at(warp, ins, lane, "expect_tx", 0, ins.displacement);
    Mbarrier &m = mbarrier_at(warp, lane, "expect_tx", s);
    tell_order_of(warp, ins, lane, Does::atomic, s);
    expect(warp, lane, m, warp.value(ins.at[1], ins.size[1], lane));
    settle(m);
  });
  return After::next;
}

/* state, [mbarrier] and either bytes to come or, perhaps, a number of arrivals */
template <bool expecting, bool releasing>
After mbarrier_arrive(Warp &warp, const Instruction &ins, uint32_t lanes) {
  each_lane(lanes, [&](unsigned lane) {
    const Spot s = spot_at(warp, ins, lane, "an arrival", 1, ins.displacement);
    Mbarrier &m = mbarrier_at(warp, lane, "an arrival", s);
    tell_order_of(warp, ins, lane, Does::atomic, s);
    const uint64_t third = ins.operands > 2 ? warp.value(ins.at[2], ins.size[2], lane) : 1;
    const uint64_t arrivals = expecting ? 1 : third;
    if (arrivals == 0 || arrivals > m.pending)
      fault(warp, lane,
            "%llu arrivals on an mbarrier of %u, in a phase (number %llu) that needs %u more and %lld bytes",
            (unsigned long long)arrivals, m.count, (unsigned long long)m.phase, m.pending,
            (long long)m.bytes);
    if (expecting) expect(warp, lane, m, third);
    if (releasing) {
      if (weak && s.block != warp.block) late_stores_out(*warp.block);
      machine().order.mbarrier_arrive(warp, lane, *s.block, s.offset, m.phase);
    }
    warp.set(ins.at[0], ins.size[0], lane, m.phase);
    m.pending -= (uint32_t)arrivals;
    settle(m);
  });
  return After::next;
}

/* Whether the phase has ended that a lane asks for: by its parity, or by the state that an arrival gave. */
template <bool parity>
bool has_ended(const Warp &warp, const Instruction &ins, unsigned lane, const Mbarrier &m) {
  const uint64_t asked = warp.value(ins.at[2], ins.size[2], lane);
  if (parity) return (m.phase & 1) != (asked & 1);
  if (asked > m.phase || m.phase - asked > 1)
    fault(warp, lane, "a wait for phase %llu of an mbarrier that is in phase %llu", (unsigned long long)asked,
          (unsigned long long)m.phase);
  return asked != m.phase;
}

/* The chance that an unsuccessful try_wait comes back, which it may do at any time. */
const uint64_t SPURIOUS = 16;

template <bool parity, bool tries, bool acquiring>
After mbarrier_wait(Warp &warp, const Instruction &ins, uint32_t lanes) {
  uint32_t ended = 0;
  each_lane(lanes, [&](unsigned lane) {
    const Spot s = spot_at(warp, ins, lane, "a wait", 1, ins.displacement);
    Mbarrier &m = mbarrier_at(warp, lane, "a wait", s);
    if (!has_ended<parity>(warp, ins, lane, m)) return;
    ended |= 1u << lane;
    tell_order_of(warp, ins, lane, Does::atomic, s);
    if (acquiring) machine().order.mbarrier_acquire(warp, lane, *s.block, s.offset, m.phase - 1);
  });
  if (ended == 0) {
    warp.seen = machine().changes;
    if (tries && machine().random(SPURIOUS) != 0) {
      warp.waits = Waits::change;
      return After::wait;
    }
  } else if (weak && acquiring) {
    forget_lines(*warp.block);
  }
  each_lane(lanes, [&](unsigned lane) { warp.set(ins.at[0], ins.size[0], lane, ended >> lane & 1); });
  return ended == 0 ? After::poll : After::next;
}

After fence_mbarriers(Warp &warp, const Instruction &, uint32_t lanes) {
  for (Mbarrier &m : warp.block->mbarriers)
    if (m.thread / WARP == warp.number && (lanes >> m.thread % WARP & 1)) m.fenced = m.proxied = true;
  return After::next;
}

/* ---- the async proxy ---- */

After fence_proxy(Warp &warp, const Instruction &ins, uint32_t lanes) {
  if (ins.access.space != Space::global)
    for (Mbarrier &m : warp.block->mbarriers) m.proxied = true;
  if (weak && ins.access.space != Space::shared && ins.access.space != Space::cluster)
    late_stores_out(*warp.block);
  machine().order.fence_proxy(warp, lanes);
  return After::next;
}

void send(const Machine::Flight &flight) {
  machine().flights.push_back(flight);
  flight.target->bytes_in_flight += flight.bytes;
}

/* [to], {values}, [mbarrier].  An H100 calls it an illegal instruction in a launch without clusters. */
After store_async(Warp &warp, const Instruction &ins, uint32_t lanes) {
  const unsigned each = ins.access.bytes, count = ins.access.elements;
  each_lane(lanes, [&](unsigned lane) {
    if (warp.block->cluster->blocks.size() < 2) fault(warp, lane, "st.async in a launch without clusters");
    const Spot to = spot_at(warp, ins, lane, "st.async", 0, ins.displacement);
    const Spot bar = spot_at(warp, ins, lane, "st.async", 1 + count, 0);
    check_spot(warp, lane, "st.async", to, each * count, each * count);
    mbarrier_at(warp, lane, "st.async", bar);
    if (to.block != bar.block)
      fault(warp, lane, "st.async to rank %u that counts on an mbarrier of rank %u", to.block->rank,
            bar.block->rank);
    Machine::Flight f = {};
    f.target = to.block;
    f.to = to.offset;
    f.bar = bar.offset;
    f.bytes = each * count;
    for (unsigned k = 0; k < count; k++) {
      const uint64_t value = warp.value(ins.at[1 + k], ins.size[1 + k], lane);
      memcpy(f.value + k * each, &value, each);
    }
    f.ticket = machine().order.issue(warp, ins, lane, false);
    send(f);
  });
  return After::next;
}

/* To one block, in up to four pieces of whole 16 bytes. */
void send_pieces(const Machine::Flight &whole) {
  uint32_t rest = whole.bytes / 16;
  Machine::Flight piece = whole;
  for (unsigned left = 1 + (unsigned)machine().random(4); rest > 0; left--) {
    const uint32_t part = left <= 1 ? rest : 1 + (uint32_t)machine().random(rest);
    piece.bytes = part * 16;
    send(piece);
    piece.to += piece.bytes;
    piece.from += piece.bytes;
    rest -= part;
  }
}

/* [to], [from], bytes, [mbarrier], and with multicast the ranks, a bit each: the same places in each of them */
template <bool multicast> After copy_bulk(Warp &warp, const Instruction &ins, uint32_t lanes) {
  each_lane(lanes, [&](unsigned lane) {
    const char *what = "a bulk copy";
    const Spot to = spot_at(warp, ins, lane, what, 0, ins.displacement);
    const Spot bar = spot_at(warp, ins, lane, what, 3, 0);
    const uint64_t from = warp.value(ins.at[1], ins.size[1], lane);
    const uint64_t bytes = warp.value(ins.at[2], ins.size[2], lane);
    const uint64_t ranks = multicast ? warp.value(ins.at[4], ins.size[4], lane) : 1ull << to.block->rank;
    if (bytes % 16 != 0 || from % 16 != 0)
      fault(warp, lane, "a bulk copy of %llu bytes from 0x%llx: both must be multiples of 16",
            (unsigned long long)bytes, (unsigned long long)from);
    if (bytes == 0 || bytes > (uint64_t)MOST)
      fault(warp, lane, "a bulk copy of %llu bytes, not of 16 to 2^20 - 16", (unsigned long long)bytes);
    if (multicast && ranks == 0) fault(warp, lane, "a bulk copy to no block at all");
    Reach source = {{}, from, from, (unsigned)bytes, false};
    std::fill(source.at, source.at + WARP, from);
    check_lanes(warp, 1u << lane, what, source);
    const Ticket ticket = machine().order.issue(warp, ins, lane, true);
    for (uint32_t rank = 0; ranks >> rank != 0; rank++) {
      if (!(ranks >> rank & 1)) continue;
      Block &target = find_target(warp, lane, what, (uint64_t)(rank + 1) << 24, false);
      if (!multicast && bar.block != &target)
        fault(warp, lane, "a bulk copy to rank %u that counts on an mbarrier of rank %u", rank,
              bar.block->rank);
      check_spot(warp, lane, what, {&target, to.offset}, (unsigned)bytes, 16);
      if (!mbarrier_at(warp, lane, what, {&target, bar.offset}).proxied)
        fault(warp, lane,
              "a bulk copy on an mbarrier of rank %u that was initialised without fence.mbarrier_init or "
              "fence.proxy.async behind it",
              rank);
      send_pieces({&target, to.offset, bar.offset, (uint32_t)bytes, {}, from, ticket});
    }
  });
  return After::next;
}

/* ---- landing ---- */

void land(const Machine::Flight &f) {
  Block &target = *f.target;
  const Memory &memory = machine().memory;
  target.bytes_in_flight -= f.bytes;
  Mbarrier *m = find_mbarrier(target, f.bar);
  if (m == nullptr)
    fault(target.warps[0], 0, "%u bytes land for the mbarrier at byte %u, which is there no more", f.bytes,
          f.bar);
  machine().order.lands(f.ticket, target, f.to, f.bytes, f.bar, m->phase, f.from);
  memcpy(&target.shared.bytes[f.to], f.from == 0 ? f.value : memory.bytes(f.from), f.bytes);
  for (uint32_t i = 0; i < f.bytes; i++)
    target.shared.valid[f.to + i] = f.from == 0 || memory.is_valid(f.from + i, 1);
  m->bytes -= f.bytes;
  if (m->bytes < -MOST)
    fault(target.warps[0], 0, "more than 2^20 - 1 bytes that nobody has announced on the mbarrier at byte %u",
          f.bar);
  settle(*m);
}

} // namespace

bool Machine::land_one() {
  const bool late = late_stores() != 0;
  if (late && (flights.empty() || random(2) == 0)) return late_store_out();
  if (flights.empty()) return false;
  std::swap(flights[random(flights.size())], flights.back());
  const Flight f = flights.back();
  flights.pop_back();
  land(f);
  return true;
}

void mbarriers_known(Block &block) {
  for (Mbarrier &m : block.mbarriers) m.fenced = true;
}

/* ---- names ---- */

const Opcode async_opcodes[] = {
    {"fence.mbarrier_init.release.cluster", fence_mbarriers},
    {nullptr, nullptr},
};

namespace {

/* What is said of an mbarrier operation: arrivals release and waits acquire unless they are relaxed. */
Handler *mbarrier_handler(const std::string &operation, bool second, bool relaxed) {
  if (operation == "init") return mbarrier_init;
  if (operation == "inval") return mbarrier_inval;
  if (operation == "expect_tx") return relaxed ? mbarrier_expect<false> : mbarrier_expect<true>;
  if (operation == "arrive" && second)
    return relaxed ? mbarrier_arrive<true, false> : mbarrier_arrive<true, true>;
  if (operation == "arrive") return relaxed ? mbarrier_arrive<false, false> : mbarrier_arrive<false, true>;
  if (operation == "test_wait" && second)
    return relaxed ? mbarrier_wait<true, false, false> : mbarrier_wait<true, false, true>;
  if (operation == "test_wait")
    return relaxed ? mbarrier_wait<false, false, false> : mbarrier_wait<false, false, true>;
  if (operation == "try_wait" && second)
    return relaxed ? mbarrier_wait<true, true, false> : mbarrier_wait<true, true, true>;
  if (operation == "try_wait")
    return relaxed ? mbarrier_wait<false, true, false> : mbarrier_wait<false, true, true>;
  return nullptr;
}

/* mbarrier.try_wait.parity.acquire.cluster.shared::cta.b64 */
bool decode_mbarrier(const Parts &parts, Instruction *ins) {
  if (parts.size() < 3 || parts.back() != "b64") return false;
  const bool second = parts[2] == "expect_tx" || parts[2] == "parity";
  for (size_t i = second ? 3 : 2; i + 1 < parts.size(); i++)
    if (!read_qualifier(parts[i], &ins->access)) return false;
  ins->run = mbarrier_handler(parts[1], second, ins->access.strength == Strength::relaxed);
  /* for the race detector it is an atomic of the cluster; what it orders is told apart from that */
  const bool plain = parts[1] == "init" || parts[1] == "inval";
  ins->access.strength = plain ? Strength::weak : Strength::relaxed;
  ins->access.scope = plain ? Scope::none : Scope::cluster;
  return ins->run != nullptr;
}

/* st.async.shared::cluster.mbarrier::complete_tx::bytes.v4.u32 */
bool decode_store_async(const Parts &parts, Instruction *ins) {
  bool completes = false;
  for (size_t i = 2; i + 1 < parts.size(); i++) {
    const bool complete = parts[i] == "mbarrier::complete_tx::bytes";
    completes |= complete;
    if (!complete && !read_qualifier(parts[i], &ins->access)) return false;
  }
  ins->run = store_async;
  return completes && read_type(parts.back(), &ins->access) && ins->access.bytes >= 4 &&
         ins->access.bytes * ins->access.elements <= 16;
}

/* cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes.multicast::cluster */
bool decode_bulk(const Parts &parts, Instruction *ins) {
  if (parts.size() < 6 || parts[4] != "global" || parts[5] != "mbarrier::complete_tx::bytes") return false;
  if (!read_qualifier(parts[3], &ins->access)) return false;
  if (parts.size() > 7 || (parts.size() == 7 && parts[6] != "multicast::cluster")) return false;
  ins->run = parts.size() == 7 ? copy_bulk<true> : copy_bulk<false>;
  return ins->access.space == Space::cluster || ins->access.space == Space::shared;
}

/* fence.proxy.async.global */
bool decode_proxy(const Parts &parts, Instruction *ins) {
  ins->run = fence_proxy;
  if (parts.size() == 3) return parts[2] == "async";
  return parts.size() == 4 && parts[2] == "async" && read_qualifier(parts[3], &ins->access);
}

} // namespace

bool decode_async(const Parts &parts, Instruction *ins) {
  if (parts[0] == "mbarrier") return decode_mbarrier(parts, ins);
  if (parts.size() < 3) return false;
  if (parts[0] == "st" && parts[1] == "async") return decode_store_async(parts, ins);
  if (parts[0] == "cp" && parts[1] == "async" && parts[2] == "bulk") return decode_bulk(parts, ins);
  if (parts[0] == "fence" && parts[1] == "proxy") return decode_proxy(parts, ins);
  return false;
}

} // namespace soft
