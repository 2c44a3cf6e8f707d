/* machine.cpp - runs one launch: which warp goes on, which lanes of it, and what happens when none can. */
#include "tests/soft/machine.h"
#include "tests/soft/weak.h"

#include <algorithm>
#include <cstdlib>

namespace soft {

/* ---- the groups of a warp ---- */

namespace {

/* Takes the group that stands at the lowest instruction out of the others. */
Group take_lowest(std::vector<Group> *groups) {
  const auto lowest = std::min_element(groups->begin(), groups->end(),
                                       [](const Group &a, const Group &b) { return a.pc < b.pc; });
  const Group group = *lowest;
  groups->erase(lowest);
  return group;
}

/* Lanes of the list that stand at pc, which leave it. */
uint32_t take_at(std::vector<Group> *groups, uint32_t pc) {
  uint32_t lanes = 0;
  for (size_t i = groups->size(); i-- > 0;)
    if ((*groups)[i].pc == pc) {
      lanes |= (*groups)[i].lanes;
      groups->erase(groups->begin() + (long)i);
    }
  return lanes;
}

std::string lanes_at(const Kernel &kernel, const Group &group) {
  char mask[16];
  snprintf(mask, sizeof mask, "%08x", group.lanes);
  return std::string("lanes ") + mask + " at " + place_of(kernel, kernel.code[group.pc].line);
}

} // namespace

/* After the running group has moved, or has left: the lowest group runs, with all lanes that stand there. */
void Machine::settle(Warp &w) {
  if (w.active != 0) w.others.push_back({w.pc, w.active});
  w.active = 0;
  if (!w.others.empty()) {
    const Group lowest = take_lowest(&w.others);
    w.pc = lowest.pc;
    w.active = lowest.lanes | take_at(&w.others, w.pc) | take_at(&w.held, w.pc);
  } else if (!w.held.empty()) {
    std::string sentence = "lanes wait for lanes of their warp that never come:";
    for (const Group &g : w.held) sentence += " " + lanes_at(*launch->kernel, g) + ";";
    w.pc = w.held[0].pc;
    fault(w, (unsigned)__builtin_ctz(w.held[0].lanes), "%s", sentence.c_str());
  }
  w.limit = UINT32_MAX;
  for (const Group &g : w.others) w.limit = std::min(w.limit, g.pc);
  for (const Group &g : w.held) w.limit = std::min(w.limit, g.pc);
}

After Machine::hold(Warp &w, uint32_t members) {
  if (w.others.empty() && (members & ~w.active) != 0 && w.held.empty())
    fault(w, (unsigned)__builtin_ctz(w.active),
          "lanes %08x are here, and wait for the lanes %08x, which have exited", w.active,
          members & ~w.active);
  if (counters != nullptr) counters->again(w);
  w.held.push_back({w.pc, w.active});
  w.active = 0;
  settle(w);
  return After::jump;
}

void Machine::go_to(Warp &w, uint32_t pc) {
  w.pc = pc;
  if (!w.others.empty() || !w.held.empty()) settle(w);
}

/* ---- barriers and exits ---- */

void Machine::arrive_at_barrier(Warp &w) {
  Block &block = *w.block;
  if (w.alive != w.threads)
    fault(w, (unsigned)__builtin_ctz(w.alive),
          "a barrier of the block after lanes %08x of the warp have exited", w.threads & ~w.alive);
  w.waits = Waits::block_barrier;
  w.pc++;
  block.at_barrier++;
  if (block.running != block.warps.size())
    fault(w, 0, "a barrier of the block after %zu of its warps have exited",
          block.warps.size() - block.running);
  if (block.at_barrier < block.running) return;
  order.block_barrier(block);
  block.at_barrier = 0;
  for (Warp &each : block.warps) {
    each.waits = Waits::nothing;
    if (&each != &w) ready_.push_back(&each);
  }
}

void Machine::complete_cluster_barrier(Cluster &cluster) {
  if (cluster.running == 0 || cluster.arrived < cluster.running) return;
  cluster.arrived = 0;
  cluster.turns++;
  changed();
}

void Machine::exit_lanes(Warp &w, uint32_t lanes) {
  if (w.arrived)
    fault(w, (unsigned)__builtin_ctz(lanes), "exits between arrival and wait at the cluster's barrier");
  w.alive &= ~lanes;
  w.active = 0;
  if (w.alive != 0) return settle(w);
  w.waits = Waits::done;
  Block &block = *w.block;
  block.running--;
  block.cluster->running--;
  if (block.at_barrier != 0)
    fault(w, (unsigned)__builtin_ctz(lanes), "exits while others wait at a barrier of the block");
  complete_cluster_barrier(*block.cluster);
}

/* ---- a warp's turn ---- */

void Machine::step(Warp &w, uint64_t count) {
  const Instruction *code = launch->kernel->code.data();
  unsigned char *ran = launch->kernel->ran.data();
  for (; count > 0; count--) {
    const Instruction &i = code[w.pc];
    uint32_t lanes = w.active;
    if (i.guarded) {
      const uint32_t guard = *w.in<uint32_t>(i.guard);
      lanes &= i.negated ? ~guard : guard;
    }
    instructions++;
    ran[w.pc] |= lanes != 0;
    if (counters != nullptr && !counters->note(w, i, lanes)) return;
    const After after = lanes != 0 ? i.run(w, i, lanes) : After::next;
    if (after == After::wait) {
      if (counters != nullptr) counters->again(w);
      return;
    }
    if (after == After::jump) {
      if (w.waits != Waits::nothing) return;
      continue;
    }
    if (++w.pc >= w.limit) settle(w);
    if (after == After::poll) {
      w.waits = Waits::change;
      w.seen = changes;
      return;
    }
  }
}

/* Sleepers wake when anything has changed since they were last asked. */
void Machine::wake_all() {
  woken_ = changes;
  for (size_t i = asleep_.size(); i-- > 0;) {
    Warp *w = asleep_[i];
    if (w->seen == changes) continue;
    w->waits = Waits::nothing;
    ready_.push_back(w);
    asleep_[i] = asleep_.back();
    asleep_.pop_back();
  }
}

void Machine::stuck() {
  std::string sentence = "deadlock: no warp can go on;";
  const Warp *first = nullptr;
  unsigned named = 0;
  for (const auto &block : blocks_)
    for (const Warp &w : block->warps) {
      if (w.waits == Waits::done) continue;
      if (first == nullptr) first = &w;
      if (named++ >= 6) continue;
      sentence += " block " + std::to_string(block->number) + " warp " + std::to_string(w.number) +
                  (w.waits == Waits::block_barrier ? " waits at the barrier before " : " waits at ") +
                  place_of(*launch->kernel, launch->kernel->code[w.pc].line) + ";";
    }
  if (named > 6) sentence += " and " + std::to_string(named - 6) + " more";
  fault(*first, (unsigned)__builtin_ctz(first->alive), "%s", sentence.c_str());
}

void Machine::run(const Launch &what) {
  launch = &what;
  launches++;
  const char *limit = getenv("SEQGPU_SOFT_LIMIT"); /* warp instructions of a launch, in millions */
  budget_ = (limit != nullptr ? strtoull(limit, nullptr, 10) : 20000) * 1000000;
  const uint64_t begun = instructions;
  try {
    order.launch_begins(what);
    if (counters != nullptr) counters->begins(what);
    waiting_.clear();
    for (uint64_t first = 0; first < what.grid.count(); first += what.cluster) waiting_.push_back(first);
    for (size_t i = waiting_.size(); i > 1; i--) std::swap(waiting_[i - 1], waiting_[random(i)]);
    admit();
    while (!blocks_.empty()) {
      if (changes != woken_) wake_all();
      if ((!flights.empty() || late_stores() != 0) && random(4) == 0) land_one();
      if (ready_.empty()) {
        if (changes == woken_ && !land_one()) stuck();
        continue;
      }
      const size_t pick = random(ready_.size());
      Warp *w = ready_[pick];
      ready_[pick] = ready_.back();
      ready_.pop_back();
      step(*w, random(4) == 0 ? 1 + random(8) : 1 + random(512));
      if (instructions - begun > budget_)
        fault(*w, (unsigned)__builtin_ctz(w->alive | 1u << 31),
              "the launch has not ended after %llu instructions", (unsigned long long)budget_);
      if (w->waits == Waits::nothing)
        ready_.push_back(w);
      else if (w->waits == Waits::change)
        asleep_.push_back(w);
      else if (w->waits == Waits::done && w->block->running == 0)
        end(w->block);
    }
    order.launch_ends();
    if (counters != nullptr) counters->ends();
  } catch (...) {
    clear();
    throw;
  }
  clear();
}

} // namespace soft
