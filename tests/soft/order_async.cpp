/* order_async.cpp - asynchronous copies, and the mbarriers that they complete on.
 *
 * Bytes land some time after the copy was issued, and nobody knows of them before he has waited for the phase
 * of the mbarrier that they count on: they are the work of the mbarrier in that phase, a segment.  What was
 * done before at the place must have been known to the sender when he issued the copy.
 *
 * The completion of st.async is a release at the scope of the cluster (PTX ISA, st.async): who has waited also
 * knows what the sender knew.  That of a bulk copy is about its own bytes only: "it does not transitively
 * establish ordering with respect to prior instructions from the issuing thread" (PTX ISA, Program order).  A
 * bulk copy reads global memory through the "async proxy": it sees what its sender knew at his last
 * fence.proxy.async.
 */
#include "tests/soft/order_state.h"

namespace soft {

Ticket Order::issue(Warp &warp, const Instruction &instruction, unsigned lane, bool async_proxy) {
  Ticket ticket;
  if (!on) return ticket;
  ticket.past = past_of(warp, lane, state_->next);
  ticket.last = warp.block->clock.order->warps[warp.number].last;
  ticket.instruction = state_->index(instruction);
  ticket.bulk = async_proxy;
  if (async_proxy) {
    const BlockOrder &block = *warp.block->clock.order;
    const Fences *fences = block.threads[ticket.past.thread].fences.get();
    if (fences && fences->has_proxied) ticket.proxied = fences->proxied;
  }
  cut(warp);
  return ticket;
}

static void give_to(BarrierOrder &at, unsigned which, const View &view) {
  at.current[which] = joined(at.current[which], view);
  at.answer_scope = Scope::none;
}

static void collect(BarrierOrder &at, uint32_t block) {
  for (const Senders &s : at.senders) give_to(at, s.past.block != block, published(s.past, s.last, s.lanes));
  at.senders.clear();
}

/* The mbarrier as it is in that phase. */
static BarrierOrder &barrier_at(Order::State &s, BlockOrder &block, uint32_t bar, uint64_t phase) {
  const bool first = block.barriers.find(bar) == block.barriers.end();
  BarrierOrder &at = block.barriers[bar];
  if (first) at.number[0] = s.barriers++, at.number[1] = s.barriers++;
  if (phase == at.phase) return at;
  collect(at, block.number);
  for (unsigned i = 0; i < 2; i++) {
    at.ended[i] = joined(at.ended[i], at.current[i]);
    at.current[i].reset();
    at.segment[i] = 0;
  }
  at.answer_scope = Scope::none;
  at.phase = phase;
  return at;
}

/* The sender of st.async; lanes of one instruction have the same past. */
static void add_sender(BarrierOrder &at, const Ticket &ticket) {
  const Past &p = ticket.past;
  const uint32_t lane = 1u << p.thread % WARP;
  for (Senders &s : at.senders)
    if (s.past.block == p.block && s.past.thread / WARP == p.thread / WARP && s.past.of_own == p.of_own &&
        s.past.others == p.others) {
      s.lanes |= lane;
      return;
    }
  at.senders.push_back({p, ticket.last, lane});
}

/* The first landing of a phase begins its segment, and says who will know it. */
static uint32_t segment_of(Order::State &s, BlockOrder &block, BarrierOrder &at, unsigned which) {
  if (at.segment[which] != 0) return at.segment[which];
  at.segment[which] = s.begin_segment(at.number[which], 0);
  block.landings.push_back({at.number[which], at.segment[which]});
  auto landing = std::make_shared<Knowledge>();
  landing->add_clause({at.number[which], 0, ALL_LANES, s.next});
  give_to(at, which, landing);
  return at.segment[which];
}

static bool knew(const Order::State &s, const Past &past, Stamp floor, Stamp old) {
  return old < floor || (old & STAMP_BYTES) == 0 ||
         past_holds(past, s.owner(old), 1u << stamp_lane(old), stamp_segment(old));
}

static void read_global(Order::State &s, const Ticket &ticket, uint64_t from, unsigned bytes, Stamp me) {
  const Stamp floor = (Stamp)s.first << 32;
  Cell *cell = s.global.at(machine().memory.offset(from));
  for (unsigned k = 0; k < bytes / 4; k++, cell++) {
    for (const Stamp old : cell->store)
      if (!knew(s, ticket.proxied, floor, old))
        report_landing(s, ticket, "read", {NULL, from + 4 * k, bytes}, old, true,
                       knew(s, ticket.past, floor, old));
    remember_load(*cell, me, floor);
  }
}

void Order::lands(const Ticket &ticket, Block &target, uint32_t to, unsigned bytes, uint32_t bar,
                  uint64_t phase, uint64_t from) {
  if (!on) return;
  State &s = *state_;
  BlockOrder &block = *target.clock.order;
  BarrierOrder &at = barrier_at(s, block, bar, phase);
  const uint32_t segment = segment_of(s, block, at, ticket.past.block != block.number);
  const Stamp me = make_stamp(segment, ticket.instruction, 0xF, ticket.past.thread % WARP, STAMP_LANDED);
  if (!ticket.bulk) add_sender(at, ticket);
  if (from != 0) read_global(s, ticket, from, bytes, me);
  const Stamp floor = (Stamp)block.begin << 32;
  Cell *cell = block.shadow.at(to);
  for (unsigned k = 0; k < bytes / 4; k++, cell++) {
    const Spot spot = {&target, to + 4 * k, bytes};
    for (const Stamp old : cell->store)
      if (!knew(s, ticket.past, floor, old)) report_landing(s, ticket, "store", spot, old, true, false);
    for (const Stamp old : cell->load)
      if (!knew(s, ticket.past, floor, old)) report_landing(s, ticket, "store", spot, old, false, false);
    remember_store(*cell, me);
  }
}

void Order::mbarrier_arrive(Warp &warp, unsigned lane, Block &target, uint32_t bar, uint64_t phase) {
  if (!on) return;
  BlockOrder &block = *target.clock.order;
  BarrierOrder &at = barrier_at(*state_, block, bar, phase);
  const Past past = past_of(warp, lane, state_->next);
  give_to(at, past.block != block.number, published(past, warp.block->clock.order->warps[warp.number].last));
  cut(warp);
}

/* Where all lanes of a warp know the same, their warp does. */
static void share(BlockOrder &block, const Warp &warp) {
  ThreadOrder *threads = &block.threads[warp.number * WARP];
  for (unsigned lane = 0; lane < WARP; lane++)
    if ((warp.alive >> lane & 1u) != 0 && threads[lane].known != threads[0].known) return;
  WarpOrder &own = block.warps[warp.number];
  own.known = threads[0].known;
  for (unsigned lane = 0; lane < WARP; lane++) threads[lane].known.reset();
  raise_floor(block, own);
}

/* Whoever waits for a phase knows what came in it and before it, not what has already come in the next.  The
 * phase before the first, which a new mbarrier has ended, is -1. */
void Order::mbarrier_acquire(Warp &warp, unsigned lane, Block &target, uint32_t bar, uint64_t phase,
                             Scope scope) {
  if (!on) return;
  BlockOrder &block = *target.clock.order;
  auto found = block.barriers.find(bar);
  if (found == block.barriers.end()) return;
  BarrierOrder &at = found->second;
  if (!at.senders.empty() && phase == at.phase) collect(at, block.number);
  const unsigned thread = warp.number * WARP + lane;
  const View before = view_of(block, thread);
  if (at.answer_scope != scope || at.answered != phase || at.asked != before) {
    at.answer = before;
    for (unsigned i = 0; i < (scope == Scope::cta ? 1u : 2u); i++) {
      at.answer = joined(at.answer, at.ended[i]);
      if (phase + 1 > at.phase) at.answer = joined(at.answer, at.current[i]);
    }
    at.asked = before;
    at.answered = phase;
    at.answer_scope = scope;
  }
  block.threads[thread].known = at.answer;
  block.learnt = true;
  if (lane == 31u - (unsigned)__builtin_clz(warp.alive)) share(block, warp);
}

} // namespace soft
