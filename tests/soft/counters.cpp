/* counters.cpp - see counters.h. */
#include "tests/soft/counters.h"
#include "tests/soft/traffic.h"

#include <algorithm>

namespace soft {

namespace {

/* A loop that waits comes back within so many instructions; then the warp as it was is forgotten. */
enum : unsigned { SOON = 1000 };

/* Slots that an instruction takes from other warps: what makes only its own warp wait, as a fence does, is one. */
unsigned slots_of(const Meaning &m) {
  return m.cost.issue < 30 || m.kind == SOFT_DIVISION ? m.cost.issue : 1;
}

bool is_look(const Meaning &m) { return m.act == Act::look || m.act == Act::mbarrier_wait; }

} // namespace

/* ---- launches, blocks, warps ---- */

void Counting::begins(const Launch &launch) {
  const Kernel &kernel = *launch.kernel;
  std::vector<Meaning> &meanings = meanings_[launch.kernel];
  if (meanings.empty()) {
    meanings.resize(kernel.opcodes.size());
    for (const Instruction &i : kernel.code)
      if (meanings[i.opcode].cost.issue == 0)
        meanings[i.opcode] = meaning_of(kernel.opcodes[i.opcode], i.access);
  }
  meaning_ = meanings.data();
  blocks_.clear();
  warp_ = nullptr;
  chain_.begin();
  launches.push_back({plain_name(kernel.name), launch.grid.count(), {}});
}

void Counting::ends() { launches.back().counts.of[SOFT_CHAIN] = chain_.longest(); }

Counting::State &Counting::state_of(const Warp &w) {
  if (warp_ == &w) return *state_;
  BlockState &block = blocks_[w.block->number];
  if (block.warps.empty()) {
    block.warps.resize(w.block->warps.size());
    block.left = (unsigned)block.warps.size();
  }
  warp_ = &w;
  state_ = &block.warps[w.number];
  return *state_;
}

/* All lanes leave the kernel. */
void Counting::exits(const Warp &w, const State &state) {
  soft_counts &sum = launches.back().counts;
  for (unsigned k = 0; k < SOFT_COUNTS; k++) sum.of[k] += state.counts.of[k];
  chain_.leave(state.timing);
  warp_ = nullptr;
  if (--blocks_[w.block->number].left == 0) blocks_.erase(w.block->number);
}

/* ---- waits ---- */

void Counting::keep(State *s, const Warp &w) {
  Before &b = s->before;
  const unsigned char *frame = w.frame;
  b.kept = true;
  b.warp = w;
  b.frame.assign(frame, frame + machine().launch->kernel->frame_bytes);
  b.counts = s->counts;
  b.timing = s->timing;
  b.changes = machine().changes;
  b.overwritten.clear();
  for (auto &addresses : b.looked) addresses.clear();
}

void Counting::put_back(State *s, Warp *w) {
  Before &b = s->before;
  for (size_t k = b.overwritten.size(); k-- > 0;) {
    const Overwritten &o = b.overwritten[k];
    Shared &shared = w->block->shared;
    std::copy_n(o.value, o.bytes, shared.bytes.begin() + o.at);
    std::copy_n(o.valid, o.bytes, shared.valid.begin() + o.at);
  }
  *w = b.warp;
  std::copy(b.frame.begin(), b.frame.end(), w->frame);
  s->counts = b.counts;
  s->timing = b.timing;
  b.kept = false;
  if (machine().changes == b.changes) w->waits = Waits::change; /* else something has come meanwhile */
  w->seen = b.changes;
}

/* False if a lane has looked there before. */
bool Counting::looks(State *s, const Warp &w, const Instruction &i, const Meaning &m, uint32_t lanes) {
  Before &b = s->before;
  const unsigned operand = m.act == Act::look ? i.access.elements : 1;
  if (!b.kept) keep(s, w);
  b.left = SOON;
  bool first = true;
  each_lane(lanes, [&](unsigned lane) {
    const uint64_t address = w.value(i.at[operand], i.size[operand], lane) + (uint64_t)i.displacement;
    std::vector<uint64_t> &looked = b.looked[lane];
    first &= std::find(looked.begin(), looked.end(), address) == looked.end();
    looked.push_back(address);
  });
  return first;
}

/* What a store to shared memory is about to overwrite; the handler checks the addresses afterwards. */
void Counting::keep_shared(State *s, const Warp &w, const Instruction &i, uint32_t lanes) {
  const Shared &shared = w.block->shared;
  Overwritten o;
  o.bytes = (uint32_t)i.access.bytes * i.access.elements;
  Reach r;
  find_reach(w, i, 0, i.displacement, o.bytes, lanes, &r);
  if (r.high + o.bytes > shared.bytes.size()) return;
  each_lane(lanes, [&](unsigned lane) {
    o.at = (uint32_t)r.at[lane];
    std::copy_n(shared.bytes.begin() + o.at, o.bytes, o.value);
    std::copy_n(shared.valid.begin() + o.at, o.bytes, o.valid);
    s->before.overwritten.push_back(o);
  });
}

/* ---- counting ---- */

/* A request to memory; how many cycles it takes beyond a single wavefront. */
unsigned Counting::request(State *s, const Warp &w, const Instruction &i, const Meaning &m, uint32_t lanes) {
  Reach r;
  find_reach(w, i, m.address, i.displacement, (unsigned)i.access.bytes * i.access.elements, lanes, &r);
  uint64_t *of = s->counts.of;
  if (m.kind == SOFT_SHARED || (i.access.space == Space::generic && space_of(r.low) == Space::cluster)) {
    const Traffic t = wavefronts_of(r, lanes);
    of[SOFT_SHARED_REQUESTS]++;
    of[SOFT_WAVEFRONTS] += t.cost;
    of[SOFT_WAVEFRONTS_LEAST] += t.least;
    return t.cost - 1;
  }
  const Traffic t = sectors_of(r, lanes);
  of[SOFT_GLOBAL_REQUESTS]++;
  of[SOFT_SECTORS] += t.cost;
  of[SOFT_SECTORS_LEAST] += t.least;
  return 0;
}

bool Counting::note(Warp &w, const Instruction &i, uint32_t lanes) {
  State &s = state_of(w);
  const Meaning &m = meaning_[i.opcode];
  s.last_looks = 0;
  if (m.act != Act::none && lanes != 0) {
    if (is_look(m)) {
      if (!looks(&s, w, i, m, lanes)) {
        put_back(&s, &w);
        return false;
      }
      s.last_looks = lanes;
    } else if (s.before.kept && m.act == Act::store_shared) {
      keep_shared(&s, w, i, lanes);
    } else {
      s.before.kept = false;
    }
  }
  if (s.before.kept && s.before.left-- == 0) s.before.kept = false;

  s.last_kind = m.kind;
  s.last_lanes = (unsigned)__builtin_popcount(m.kind == SOFT_BRANCH ? w.active : lanes);
  s.last_flops = (uint64_t)m.flops * (unsigned)__builtin_popcount(lanes);
  s.last_slots = slots_of(m);
  s.counts.of[m.kind]++;
  s.counts.of[SOFT_SLOTS] += s.last_slots;
  s.counts.of[SOFT_LANES] += s.last_lanes;
  s.counts.of[SOFT_FLOPS] += s.last_flops;
  const unsigned extra = m.requests && lanes != 0 ? request(&s, w, i, m, lanes) : 0;
  chain_.issue(&s.timing, w, i, m, lanes, extra);
  if (m.leaves && lanes == w.alive) exits(w, s);
  return true;
}

/* Only what takes several lanes, warps or blocks is tried again: no requests to memory. */
void Counting::again(Warp &w) {
  State &s = state_of(w);
  s.counts.of[s.last_kind]--;
  s.counts.of[SOFT_SLOTS] -= s.last_slots;
  s.counts.of[SOFT_LANES] -= s.last_lanes;
  s.counts.of[SOFT_FLOPS] -= s.last_flops;
  Chain::again(&s.timing);
  each_lane(s.last_looks, [&](unsigned lane) { s.before.looked[lane].pop_back(); });
  s.last_looks = 0;
}

} // namespace soft
