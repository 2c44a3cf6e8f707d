/* order.cpp - who knows of whom: launches, blocks, and the barriers that join what threads know.
 *
 * A thread knows what its warp knows unless it has learnt more (an acquire), and a warp what its block knows
 * unless it has learnt more (a cluster barrier): each keeps a pointer to all that it knows, or NULL.  bar.sync
 * joins what all of them know into the block's, which is the cumulativity of the model: what one thread has
 * acquired before a barrier, the others know after it.
 */
#include "tests/soft/order_state.h"

#include <stdlib.h>
#include <string.h>

#include <algorithm>

namespace soft {

Order::Order() : state_(new State) {
  const char *races = getenv("SEQGPU_SOFT_RACES");
  on = races == NULL || strcmp(races, "0") != 0;
}
Order::~Order() = default;

/* ---- launches and blocks ---- */

/* All segments of earlier launches are below `first`: nobody asks for them again.  When the numbers come to
 * an end the shadow is dropped, as all that it remembers is in the past. */
void Order::launch_begins(const Launch &launch) {
  if (!on) return;
  State &s = *state_;
  const size_t reach = machine().memory.reach();
  if (s.global.cells() == nullptr || s.next > UINT32_MAX / 4 * 3) {
    s.global = Shadow(reach);
    s.spare.clear();
    s.next = 1;
  }
  s.launch = &launch;
  s.base = 0 - machine().memory.offset(0);
  s.first = s.next;
  s.owners.clear();
  s.barriers = MBARRIERS;
  s.gifts.clear();
  s.sequential = Gifts();
  s.clusters.clear();
}

void Order::launch_ends() { state_->launch = nullptr; }

static std::shared_ptr<ClusterOrder> peers_of(Order::State &s, const Cluster *cluster) {
  if (cluster == nullptr) return std::make_shared<ClusterOrder>();
  std::weak_ptr<ClusterOrder> &known = s.clusters[cluster];
  std::shared_ptr<ClusterOrder> peers = known.lock();
  if (!peers) known = peers = std::make_shared<ClusterOrder>();
  return peers;
}

static Shadow shadow_of(Order::State &s, size_t bytes) {
  for (Shadow &spare : s.spare)
    if (spare.bytes() >= bytes) {
      Shadow found = std::move(spare);
      spare = std::move(s.spare.back());
      s.spare.pop_back();
      return found;
    }
  return Shadow(bytes);
}

void Order::block_begins(Block &block) {
  if (!on) return;
  State &s = *state_;
  auto order = std::make_shared<BlockOrder>();
  order->self = &block;
  order->number = (uint32_t)block.number;
  order->begin = order->synced = s.next;
  order->warps.resize(block.warps.size());
  order->threads.resize(block.warps.size() * WARP);
  for (WarpOrder &warp : order->warps) {
    warp.synced = s.next;
    warp.shared_floor = (Stamp)s.next << 32;
  }
  order->shadow = shadow_of(s, block.shared.bytes.size());
  order->peers = peers_of(s, block.cluster.get());
  order->peers->blocks.push_back(order.get());
  order->peers->numbers.push_back(order->number);
  block.clock.order = order;
}

void Order::block_ends(Block &block) {
  if (!block.clock.order) return;
  BlockOrder &order = *block.clock.order;
  auto &blocks = order.peers->blocks;
  blocks.erase(std::find(blocks.begin(), blocks.end(), &order));
  state_->spare.push_back(std::move(order.shadow));
  block.clock.order.reset();
}

void Order::memory_released(uint64_t address, size_t bytes) {
  state_->global.forget(machine().memory.offset(address), bytes);
}

/* ---- what a thread knows ---- */

const View &view_of(const BlockOrder &block, unsigned thread) {
  const View &own = block.threads[thread].known;
  if (own) return own;
  const View &warps = block.warps[thread / WARP].known;
  return warps ? warps : block.known;
}

Past past_of(const Warp &warp, unsigned lane, uint32_t next) {
  const BlockOrder &block = *warp.block->clock.order;
  const WarpOrder &own = block.warps[warp.number];
  Past past;
  past.block = block.number;
  past.thread = warp.number * WARP + lane;
  past.others = view_of(block, past.thread);
  past.of_block = block.synced;
  past.of_warp = own.synced;
  past.of_own = next;
  if (own.pairs) {
    auto more = std::make_shared<Knowledge>();
    for (unsigned j = 0; j < WARP; j++)
      if (j != lane && own.pairs[lane][j] > own.synced)
        more->add_clause({block.number, warp.number, 1u << j, own.pairs[lane][j]});
    past.others = joined(past.others, more);
  }
  return past;
}

void learn(Warp &warp, unsigned lane, const View &view) {
  BlockOrder &block = *warp.block->clock.order;
  const unsigned thread = warp.number * WARP + lane;
  block.threads[thread].known = joined(view_of(block, thread), view);
  block.learnt = true;
}

Fences &fences_of(Warp &warp, unsigned lane) {
  ThreadOrder &thread = warp.block->clock.order->threads[warp.number * WARP + lane];
  if (!thread.fences) thread.fences.reset(new Fences);
  return *thread.fences;
}

/* Below it, stamps in the shared memory of the block are known to all lanes of the warp: what its block did
 * before bar.sync, its peers if they have ever touched it, and what has landed. */
void raise_floor(const BlockOrder &block, WarpOrder &warp) {
  uint32_t floor = block.synced;
  const View &view = warp.known ? warp.known : block.known;
  if (view) floor = std::max(floor, view->of_block(block.number));
  if (block.visited)
    for (const uint32_t peer : block.peers->numbers)
      if (peer != block.number) floor = std::min(floor, view ? view->of_block(peer) : 0);
  for (const Landing &l : block.landings)
    if (!view || !view->holds({l.number, 0}, ALL_LANES, l.segment)) floor = std::min(floor, l.segment);
  warp.shared_floor = (Stamp)std::max(floor, block.begin) << 32;
}

void mark_visited(BlockOrder &block) {
  if (block.visited) return;
  block.visited = true;
  for (WarpOrder &warp : block.warps) warp.shared_floor = (Stamp)block.begin << 32;
}

/* ---- barriers ---- */

/* All that the lanes know. */
static View of_lanes(BlockOrder &block, unsigned warp, uint32_t lanes) {
  View all;
  const View *last = nullptr;
  for (unsigned lane = 0; lane < WARP; lane++) {
    if ((lanes >> lane & 1u) == 0) continue;
    const View &view = view_of(block, warp * WARP + lane);
    if (last == nullptr || view != *last) all = joined(all, view);
    last = &view;
  }
  return all;
}

static void warp_members(Warp &warp, WarpOrder &own, uint32_t members, uint32_t next) {
  if (!own.pairs) {
    own.pairs.reset(new uint32_t[WARP][WARP]);
    for (unsigned i = 0; i < WARP; i++) std::fill_n(own.pairs[i], WARP, own.synced);
  }
  for (unsigned j = 0; j < WARP; j++) {
    uint32_t most = (members >> j & 1u) != 0 ? next : 0;
    for (unsigned i = 0; i < WARP; i++)
      if ((members >> i & 1u) != 0) most = std::max(most, own.pairs[i][j]);
    for (unsigned i = 0; i < WARP; i++)
      if ((members >> i & 1u) != 0) own.pairs[i][j] = most;
  }
  BlockOrder &block = *warp.block->clock.order;
  if (!block.learnt) return;
  const View all = of_lanes(block, warp.number, members);
  for (unsigned i = 0; i < WARP; i++)
    if ((members >> i & 1u) != 0) block.threads[warp.number * WARP + i].known = all;
}

void Order::warp_barrier(Warp &warp, uint32_t members) {
  if (!on) return;
  BlockOrder &block = *warp.block->clock.order;
  WarpOrder &own = block.warps[warp.number];
  own.segment = 0;
  if ((members & warp.alive) != warp.alive) {
    warp_members(warp, own, members, state_->next);
    return;
  }
  own.synced = state_->next;
  own.pairs.reset();
  if (!block.learnt) return;
  own.known = of_lanes(block, warp.number, ALL_LANES);
  for (unsigned lane = 0; lane < WARP; lane++) block.threads[warp.number * WARP + lane].known.reset();
}

void Order::block_barrier(Block &block) {
  if (!on) return;
  BlockOrder &order = *block.clock.order;
  order.synced = state_->next;
  if (order.learnt) {
    auto all = std::make_shared<Knowledge>();
    if (order.known) *all = *order.known;
    for (WarpOrder &warp : order.warps)
      if (warp.known) all->join(*warp.known), warp.known.reset();
    View last;
    for (ThreadOrder &thread : order.threads) {
      if (!thread.known) continue;
      if (thread.known != last) all->join(*thread.known);
      last = std::move(thread.known);
      thread.known.reset();
    }
    order.known = all;
    order.learnt = false;
    const auto known = [&](const Landing &l) { return all->holds({l.number, 0}, ALL_LANES, l.segment); };
    order.landings.erase(std::remove_if(order.landings.begin(), order.landings.end(), known),
                         order.landings.end());
  }
  for (WarpOrder &warp : order.warps) {
    warp.segment = 0;
    warp.synced = order.synced;
    warp.pairs.reset();
    raise_floor(order, warp);
  }
}

/* ---- the barrier of a cluster ---- */

void Order::cluster_arrive(Warp &warp, uint32_t lanes, bool release) {
  if (!on) return;
  BlockOrder &block = *warp.block->clock.order;
  WarpOrder &own = block.warps[warp.number];
  if ((own.arrived & lanes) != 0) own.turn++, own.arrived = 0;
  own.arrived |= lanes;
  if (!release) return;
  ClusterTurn &turn = block.peers->turns[own.turn];
  auto before = std::make_shared<Knowledge>();
  before->add_block(block.number, block.synced);
  turn.given = joined(joined(turn.given, before), of_lanes(block, warp.number, lanes));
  turn.arrivals.push_back({block.number, warp.number, lanes, state_->next});
  own.segment = 0;
}

/* Whether all threads of a block have arrived and none has touched memory since. */
static bool stands_still(const BlockOrder &block, const ClusterTurn &turn) {
  for (const Warp &warp : block.self->warps) {
    uint32_t lanes = 0;
    for (const Knowledge::Clause &arrival : turn.arrivals) {
      if (arrival.block != block.number || arrival.warp != warp.number) continue;
      if (block.warps[warp.number].last >= arrival.before) return false;
      lanes |= arrival.lanes;
    }
    if ((warp.alive & ~lanes) != 0) return false;
  }
  return true;
}

/* All have arrived.  One number does for a block that has done nothing since. */
static void complete(ClusterOrder &cluster, ClusterTurn &turn, uint32_t next) {
  auto all = std::make_shared<Knowledge>();
  if (turn.given) *all = *turn.given;
  for (const BlockOrder *block : cluster.blocks)
    if (stands_still(*block, turn)) all->add_block(block->number, next);
  for (const Knowledge::Clause &arrival : turn.arrivals) all->add_clause(arrival);
  auto sorted = std::make_shared<Knowledge>();
  sorted->join(*all); /* drops the clauses that the numbers hold */
  turn.given = sorted;
  turn.complete = true;
}

void Order::cluster_wait(Warp &warp, uint32_t lanes, bool acquire) {
  if (!on) return;
  BlockOrder &block = *warp.block->clock.order;
  WarpOrder &own = block.warps[warp.number];
  auto &turns = block.peers->turns;
  ClusterTurn &turn = turns[own.turn];
  if (!turn.complete) {
    complete(*block.peers, turn, state_->next);
    turns.erase(turns.begin(), turns.find(own.turn));
  }
  if (!acquire) return;
  block.learnt = true;
  const bool whole = (lanes & warp.alive) == warp.alive;
  if (whole) {
    const View &before = own.known ? own.known : block.known;
    if (before != turn.asked || !turn.answer) turn.answer = joined(before, turn.given), turn.asked = before;
    own.known = turn.answer;
    raise_floor(block, own);
  }
  for (unsigned lane = 0; lane < WARP; lane++)
    if ((lanes >> lane & 1u) != 0 && (!whole || block.threads[warp.number * WARP + lane].known))
      learn(warp, lane, turn.given);
}

} // namespace soft
