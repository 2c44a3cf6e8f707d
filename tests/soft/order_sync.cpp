/* order_sync.cpp - releases, acquires and fences.
 *
 * A release leaves what its thread knows, and has done, at the address that it stores to: a gift.  An acquire
 * that reads this very store takes it.  A relaxed store after a fence gives what the fence knew, and a relaxed
 * load before a fence takes when the fence comes.  Atomic operations hand on what they read beside their own
 * gift.  Scopes: author and taker must be in the scope of everything that takes part (store, load, both
 * fences), so the least of them counts.
 */
#include "tests/soft/order_state.h"

#include <algorithm>

namespace soft {

static bool releases(Strength s) {
  return s == Strength::release || s == Strength::acq_rel || s == Strength::sc;
}
static bool acquires(Strength s) {
  return s == Strength::acquire || s == Strength::acq_rel || s == Strength::sc;
}

static unsigned level_of(Scope scope) { return std::min<unsigned>((unsigned)scope, LEVELS) - 1; }
static Scope scope_at(unsigned level) { return (Scope)(level + 1); }

void Gifts::add(const Gift &gift) {
  for (Gift &old : all)
    if (old.block == gift.block && old.scope == gift.scope) {
      old.view = joined(old.view, gift.view);
      return;
    }
  all.push_back(gift);
}

/* What a release gives: all that its thread knows and has done, and the store itself, which will be alone in
 * the next segment.  If the block has done nothing else since bar.sync, one number says it. */
static View released(const Warp &warp, unsigned lane, uint32_t next) {
  const BlockOrder &block = *warp.block->clock.order;
  Past past = past_of(warp, lane, next + 1);
  if (block.last < block.synced) {
    past.of_block = next + 1;
    past.of_warp = past.of_own = 0;
  }
  return published(past, next);
}

/* A store ends the gifts of others at its place; its thread's own stay, since a release followed by a relaxed
 * store of the same thread is a release as well. */
Gifts *Order::State::give(Warp &warp, unsigned lane, const Access &access, bool atomic, uint64_t place,
                          Stamp before) {
  const BlockOrder &block = *warp.block->clock.order;
  const unsigned thread = warp.number * WARP + lane;
  const Fences *fences = block.threads[thread].fences.get();
  const bool release = releases(access.strength), fenced = fences && fences->fenced[0];
  if (!release && !fenced && gifts.empty()) return NULL;
  auto found = gifts.find(place);
  const bool there = found != gifts.end() && found->second.stamp == before;
  const bool kept =
      there && (atomic || (found->second.block == block.number && found->second.thread == thread));
  if (!release && !fenced && !kept) return NULL;

  Gifts &at = gifts[place];
  const Scope scope = scope_of(access);
  if (!kept) at.all.clear();
  at.block = block.number;
  at.thread = thread;
  for (Gift &old : at.all) old.scope = std::min(old.scope, scope);
  if (release) {
    at.add({block.number, scope, released(warp, lane, next)});
    cut(warp);
  }
  for (unsigned level = 0; fenced && level < LEVELS; level++)
    if (fences->fenced[level])
      at.add({block.number, std::min(scope_at(level), scope), fences->fenced[level]});
  return &at;
}

void Order::State::take(Warp &warp, unsigned lane, const Gifts &from, Scope scope, bool acquire) {
  for (const Gift &gift : from.all) {
    const Scope least = holding(gift.block, warp.block->clock.order->number);
    if (std::min(gift.scope, scope) < least) continue;
    if (acquire) {
      learn(warp, lane, gift.view);
    } else {
      View &pending = fences_of(warp, lane).pending[level_of(least)];
      pending = joined(pending, gift.view);
    }
  }
}

void Order::State::take(Warp &warp, unsigned lane, const Access &access, uint64_t place, Stamp now) {
  if (gifts.empty()) return;
  auto found = gifts.find(place);
  if (found != gifts.end() && found->second.stamp == now)
    take(warp, lane, found->second, scope_of(access), acquires(access.strength));
}

static void fence_lane(Order::State &s, Warp &warp, unsigned lane, const Access &access) {
  BlockOrder &block = *warp.block->clock.order;
  const unsigned level = level_of(scope_of(access));
  Fences &fences = fences_of(warp, lane);
  if (acquires(access.strength))
    for (unsigned i = 0; i <= level; i++)
      if (fences.pending[i]) learn(warp, lane, fences.pending[i]), fences.pending[i].reset();
  /* All fence.sc are in one order: each synchronises with those after it. */
  if (access.strength == Strength::sc) s.take(warp, lane, s.sequential, scope_of(access), true);
  if (!releases(access.strength)) return;
  const View all = published(past_of(warp, lane, s.next), block.warps[warp.number].last);
  for (unsigned i = 0; i <= level; i++) fences.fenced[i] = all;
  if (access.strength == Strength::sc) s.sequential.add({block.number, scope_of(access), all});
}

void Order::fence(Warp &warp, uint32_t lanes, const Access &access) {
  if (!on) return;
  for (; lanes != 0; lanes &= lanes - 1) fence_lane(*state_, warp, (unsigned)__builtin_ctz(lanes), access);
  cut(warp);
}

void Order::fence_proxy(Warp &warp, uint32_t lanes) {
  if (!on) return;
  for (; lanes != 0; lanes &= lanes - 1) {
    const unsigned lane = (unsigned)__builtin_ctz(lanes);
    Fences &fences = fences_of(warp, lane);
    fences.proxied = past_of(warp, lane, state_->next);
    fences.has_proxied = true;
  }
  cut(warp);
}

} // namespace soft
