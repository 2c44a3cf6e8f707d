/* chain.cpp - see chain.h. */
#include "tests/soft/chain.h"
#include "tests/soft/addresses.h"
#include "tests/soft/counts.h"

#include <algorithm>

namespace soft {

namespace {

/* Registers lie in units of 32 bytes. */
size_t unit_of(Place p) { return p.offset / WARP; }

uint64_t first_block(const Block &block) { return block.number - block.rank; }

bool holds(Compare compare, bool sign, unsigned size, uint64_t a, uint64_t b) {
  if (sign) { /* so that the order of unsigned numbers is that of signed ones */
    const uint64_t top = 1ull << (size * 8 - 1);
    a ^= top;
    b ^= top;
  }
  switch (compare) {
  case Compare::eq:
    return a == b;
  case Compare::ne:
    return a != b;
  case Compare::lt:
    return a < b;
  case Compare::le:
    return a <= b;
  case Compare::gt:
    return a > b;
  default:
    return a >= b;
  }
}

} // namespace

void Chain::Meeting::come(uint64_t which, uint64_t time) {
  const unsigned i = which & 1;
  at[i] = turn[i] == which ? std::max(at[i], time) : time;
  turn[i] = which;
}

uint64_t Chain::Meeting::end(uint64_t which) const { return turn[which & 1] == which ? at[which & 1] : 0; }

void Chain::begin() {
  blocks_.clear();
  clusters_.clear();
  mbarriers_.clear();
  places_.clear();
  longest_ = 0;
}

void Chain::issue(Timing *timing, const Warp &w, const Instruction &i, const Meaning &m, uint32_t lanes,
                  unsigned extra) {
  Timing::Moment &now = timing->now;
  std::vector<uint64_t> &ready = timing->ready;
  if (ready.empty()) ready.resize(machine().launch->kernel->frame_bytes / WARP + 2, 0);
  if (now.last != nullptr)
    for (unsigned k = 0; k < now.last->results; k++) ready[unit_of(now.last->at[k])] = now.last_ready;
  now.last = nullptr;
  if (!timing->sights.empty()) judge(timing, w, i, m, lanes);
  if (now.joins) now.next = std::max(now.next, blocks_[w.block->number].end(now.barriers));
  now.joins = false;
  timing->before = now;

  uint64_t at = now.next;
  if (i.guarded) at = std::max(at, ready[unit_of(i.guard)]);
  for (unsigned k = i.results; k < i.operands; k++)
    if (!i.at[k].constant) at = std::max(at, ready[unit_of(i.at[k])]);
  at = in_order(&now, i, m, at);
  uint64_t done = at + m.cost.latency + extra;
  if (m.act != Act::none && lanes != 0) done = meet(timing, w, i, m, lanes, at);
  if (m.act == Act::cluster_wait) now.next = done;
  now.last = &i;
  now.last_ready = done;
}

namespace {

/* No instruction moves across it: a branch, and what other warps may wait for. */
bool is_border(const Instruction &i, const Meaning &m) {
  switch (m.act) {
  case Act::none:
  case Act::store_shared:
    return m.kind == SOFT_BRANCH;
  case Act::look: /* relaxed ones keep the order among themselves */
  case Act::show:
    return i.access.strength != Strength::relaxed;
  case Act::other:
    return !m.requests;
  default:
    return true;
  }
}

} // namespace

/* When an instruction issues whose sources are ready at `at`. */
uint64_t Chain::in_order(Timing::Moment *now, const Instruction &i, const Meaning &m, uint64_t at) {
  if (is_border(i, m)) {
    at = std::max(at, std::max(now->latest, now->next + now->count));
    now->next = now->latest = at + m.cost.issue;
    now->count = 0;
    return at;
  }
  if (m.requests) {
    const unsigned space = m.kind == SOFT_SHARED ? 0 : 1;
    const bool strong = i.access.strength != Strength::weak, load = m.act == Act::none || m.act == Act::look;
    at = std::max(at, now->stored[space]);
    if (!load || strong) at = std::max(at, now->loaded[space]);
    uint64_t *last = load ? now->loaded : now->stored;
    last[space] = std::max(last[space], at);
  }
  now->count += m.cost.issue;
  now->latest = std::max(now->latest, at + m.cost.issue);
  return at;
}

/* What the instruction has to do with other warps; when its result is ready. */
uint64_t Chain::meet(Timing *timing, const Warp &w, const Instruction &i, const Meaning &m, uint32_t lanes,
                     uint64_t at) {
  const uint64_t done = at + m.cost.latency;
  switch (m.act) {
  case Act::block_barrier:
    timing->now.barriers++;
    timing->now.joins = true;
    blocks_[w.block->number].come(timing->now.barriers, done);
    return done;
  case Act::cluster_arrive:
    clusters_[first_block(*w.block)].come(w.block->cluster->turns, at);
    return done;
  case Act::cluster_wait:
    return std::max(at, clusters_[first_block(*w.block)].end(w.cluster_turn)) + m.cost.latency;
  case Act::mbarrier_arrive:
    arrive(w, i, m, lanes, at);
    return done;
  case Act::send:
  case Act::copy:
  case Act::copy_to_many:
    arrive(w, i, m, lanes, done);
    return done;
  case Act::mbarrier_wait:
    return std::max(at, wait(w, i, lanes, at)) + m.cost.latency;
  case Act::show:
    show(w, i, lanes, at + m.cost.issue - 1);
    return done;
  case Act::look:
    return look(timing, w, i, m, lanes, at);
  default:
    return done;
  }
}

/* ---- mbarriers ---- */

Chain::Meeting &Chain::phases_at(const Warp &w, uint64_t address, const Mbarrier **found) {
  static const Mbarrier none = {};
  const uint64_t rank = address >> 24 & 0xFF, offset = address & 0xFFFFFF;
  const Block *block = rank == 0 ? w.block : w.block->cluster->blocks[rank - 1];
  *found = &none;
  if (block == nullptr) block = w.block; /* the machine will say what is wrong */
  for (const Mbarrier &m : block->mbarriers)
    if (m.offset == offset) *found = &m;
  return mbarriers_[block->number << 24 | offset];
}

/* An arrival at the phase that the mbarrier is in, or bytes that land there: of those that follow the rules of
 * the exchanges, none is sent before the phase that it counts in has begun. */
void Chain::arrive(const Warp &w, const Instruction &i, const Meaning &m, uint32_t lanes, uint64_t at) {
  const unsigned operand = m.act == Act::mbarrier_arrive ? 1
                           : m.act == Act::send          ? 1u + i.access.elements
                                                         : 3;
  each_lane(lanes, [&](unsigned lane) {
    const uint64_t bar = w.value(i.at[operand], i.size[operand], lane) +
                         (m.act == Act::mbarrier_arrive ? (uint64_t)i.displacement : 0);
    uint64_t ranks = 1;
    if (m.act == Act::copy_to_many) ranks = w.value(i.at[4], i.size[4], lane);
    for (uint64_t rank = 0; ranks >> rank != 0; rank++) {
      if (!(ranks >> rank & 1)) continue;
      const Mbarrier *mbarrier;
      const bool many = m.act == Act::copy_to_many;
      Meeting &phases = phases_at(w, many ? (bar & 0xFFFFFF) | (rank + 1) << 24 : bar, &mbarrier);
      phases.come(mbarrier->phase, at);
    }
  });
}

uint64_t Chain::wait(const Warp &w, const Instruction &i, uint32_t lanes, uint64_t at) {
  each_lane(lanes, [&](unsigned lane) {
    const Mbarrier *mbarrier;
    const Meeting &phases =
        phases_at(w, w.value(i.at[1], i.size[1], lane) + (uint64_t)i.displacement, &mbarrier);
    if (mbarrier->phase != 0) at = std::max(at, phases.end(mbarrier->phase - 1));
  });
  return at;
}

/* ---- flags and packets ---- */

void Chain::show(const Warp &w, const Instruction &i, uint32_t lanes, uint64_t at) {
  const unsigned bytes = i.access.bytes;
  Reach r;
  find_reach(w, i, 0, i.displacement, bytes * i.access.elements, lanes, &r);
  each_lane(lanes, [&](unsigned lane) {
    for (unsigned k = 0; k < i.access.elements; k++) {
      const uint64_t address = r.at[lane] + k * bytes;
      std::vector<Shown> &all = places_[address];
      if (all.empty()) {
        uint64_t before = 0;
        if (machine().memory.holds(address, bytes)) memcpy(&before, machine().memory.bytes(address), bytes);
        all.push_back({before, 0});
      }
      all.push_back({w.value(i.at[1 + k], i.size[1 + k], lane), at});
    }
  });
}

/* At first as if the value itself were waited for, which is right for packets. */
uint64_t Chain::look(Timing *timing, const Warp &w, const Instruction &i, const Meaning &m, uint32_t lanes,
                     uint64_t at) {
  Timing::Sight sight = {i.at[0], lanes, {}, {}, at + m.cost.latency, m.cost.latency};
  uint64_t done = sight.soonest;
  Reach r;
  find_reach(w, i, i.access.elements, i.displacement, i.access.bytes * i.access.elements, lanes, &r);
  each_lane(lanes, [&](unsigned lane) {
    for (unsigned k = 0; k < i.access.elements; k++) {
      const auto found = places_.find(r.at[lane] + k * i.access.bytes);
      if (found == places_.end()) continue;
      done = std::max(done, found->second.back().at + m.cost.latency);
      sight.shown[lane] = found->second.size();
    }
    sight.at[lane] = r.at[lane];
  });
  if (i.access.elements == 1 && done > sight.soonest) timing->sights.push_back(sight);
  return done;
}

/* The first look at a flag says which of its values would have done. */
void Chain::judge(Timing *timing, const Warp &w, const Instruction &i, const Meaning &m, uint32_t lanes) {
  for (size_t s = timing->sights.size(); s-- > 0;) {
    const Timing::Sight sight = timing->sights[s];
    unsigned named = i.operands;
    for (unsigned k = 0; k < i.operands; k++)
      if (!i.at[k].constant && i.at[k].offset == sight.place.offset) named = k;
    if (named == i.operands) continue;
    timing->sights.erase(timing->sights.begin() + (long)s);
    if (m.compare == Compare::none || named == 0 || i.operands != 3) continue;
    uint64_t done = sight.soonest;
    each_lane(lanes & sight.lanes, [&](unsigned lane) {
      if (sight.shown[lane] == 0) return;
      const std::vector<Shown> &all = places_[sight.at[lane]];
      const uint64_t other = w.value(i.at[3 - named], i.size[3 - named], lane);
      const auto outcome = [&](uint64_t v) {
        return named == 1 ? holds(m.compare, m.sign, i.size[1], v, other)
                          : holds(m.compare, m.sign, i.size[1], other, v);
      };
      size_t first = sight.shown[lane] - 1;
      const bool seen = outcome(all[first].value);
      while (first > 0 && outcome(all[first - 1].value) == seen) first--;
      done = std::max(done, all[first].at + sight.latency);
    });
    timing->ready[unit_of(sight.place)] = done;
  }
}

} // namespace soft
