/* simt_async.cpp - what happens by itself in the emulator: bytes in flight into shared memory, and the
 * mbarriers that count them.
 *
 * A copy lands when it is drawn (Engine::next_thread), never in the order of issue by rule; one from global
 * memory reads its source when it lands.
 */
#include "tests/simt/simt_engine.h"

namespace simt {

namespace {

/* The 8 bytes of an mbarrier. */
struct Barrier {
  int32_t bytes; /* announced and not landed; negative: landed before they were announced */
  uint8_t arrived, phase, mark[2];
};
static_assert(sizeof(Barrier) == sizeof(uint64_t), "an mbarrier is 8 bytes");
const uint8_t MARK[2] = {0x5A, 0xA5};

Barrier load(const uint64_t *word) {
  Barrier b;
  memcpy(&b, word, sizeof b);
  return b;
}

bool is_barrier(const Barrier &b) { return memcmp(b.mark, MARK, sizeof MARK) == 0; }

/* Writes it back; true if the phase has ended with that. */
bool settle(uint64_t *word, Barrier b) {
  const bool ends = b.arrived && b.bytes == 0;
  if (ends) {
    b.arrived = 0;
    b.phase ^= 1;
  }
  memcpy(word, &b, sizeof b);
  return ends;
}

/* What a phase brought is known to those who wait for it. */
const char *edge_of(const uint64_t *word, unsigned phase) { return (const char *)word + phase % 2; }
const char *edge_of(const uint64_t *word) { return edge_of(word, load(word).phase); }

} // namespace

void Engine::end_phase(const uint64_t *word) {
  counters_.phases++;
  wake(word);
}

void Engine::mbarrier_init(uint64_t *word) {
  const Barrier b = {0, 0, 0, {MARK[0], MARK[1]}};
  memcpy(word, &b, sizeof b);
}

void Engine::mbarrier_expect(uint64_t *word, unsigned bytes, Site site) {
  Barrier b = load(word);
  Block *own = running_->thread->owner;
  if (!is_barrier(b)) fail(BAD_SHARED, *own, "line %d: an mbarrier that nobody initialised", site.line);
  if (b.arrived) fail(DIVERGED, *own, "line %d: a second arrival at an mbarrier of one", site.line);
  b.arrived = 1;
  b.bytes += (int32_t)bytes;
  if (settle(word, b)) end_phase(word);
}

void Engine::mbarrier_wait(uint64_t *word, unsigned parity, Site site) {
  Thread *self = running_->thread;
  if (!is_barrier(load(word)))
    fail(BAD_SHARED, *self->owner, "line %d: an mbarrier that nobody initialised", site.line);
  while (load(word).phase == parity) sleep_on(word, site);
}

/* To ThreadSanitizer its carrier makes the copy now, in the phase that the mbarrier is in: bytes may not
 * come before it (kernels/async.h). */
void Engine::depart(const Flight &f, void *caller) {
  flights_.push_back(f);
  if (!tsan::ON) return;
  Fiber *fiber = running_;
  if (fiber->carrier == nullptr) {
    fiber->carrier = tsan::create();
    tsan::name(fiber->carrier, "asynchronous copy");
  }
  tsan::run(fiber->carrier);
  tsan::acquire(&fiber->issued);
  tsan::reads(f.bar, sizeof *f.bar, caller);
  if (f.from != nullptr) tsan::reads(f.from, f.bytes, caller);
  tsan::writes(f.to, f.bytes, caller);
  tsan::release(edge_of(f.bar));
  tsan::release(&end_);
  tsan::run(tsan_);
}

void Engine::store_async(const void *own, uint64_t *bar, unsigned rank, uint4 value, Site site,
                         void *caller) {
  Block *owner = running_->thread->owner;
  if (owner->cluster->blocks.size() < 2) /* an H100 calls it an illegal instruction */
    fail(BAD_SHARED, *owner, "line %d: st.async in a launch without clusters", site.line);
  Flight f = {};
  f.to = (char *)cluster_peer(own, rank, site);
  f.bar = (uint64_t *)cluster_peer(bar, rank, site);
  f.target = owner->cluster->blocks[rank];
  f.value = value;
  f.bytes = sizeof value;
  depart(f, caller);
}

void Engine::copy_bulk(const void *own, const void *from, unsigned bytes, uint64_t *bar, unsigned ranks,
                       Site site, void *caller) {
  if (bytes % 16 != 0 || (uintptr_t)own % 16 != 0 || (uintptr_t)from % 16 != 0)
    fail(BAD_SHARED, *running_->thread->owner, "line %d: a bulk copy that is not of aligned 16 bytes",
         site.line);
  for (unsigned rank = 0; ranks >> rank != 0; rank++) {
    if (!(ranks >> rank & 1)) continue;
    Flight f = {};
    f.to = (char *)cluster_peer(own, rank, site);
    f.bar = (uint64_t *)cluster_peer(bar, rank, site);
    f.target = running_->thread->owner->cluster->blocks[rank];
    f.from = from;
    f.bytes = bytes;
    depart(f, caller);
  }
}

/* One of the copies in flight, drawn at random, arrives. */
void Engine::land() {
  std::swap(flights_[random_.below(flights_.size())], flights_.back());
  const Flight f = flights_.back();
  flights_.pop_back();
  memcpy(f.to, f.from != nullptr ? f.from : &f.value, f.bytes);
  counters_.landed += f.bytes;
  Barrier b = load(f.bar);
  if (!is_barrier(b)) fail(BAD_SHARED, *f.target, "bytes for an mbarrier that nobody initialised");
  b.bytes -= (int32_t)f.bytes;
  if (settle(f.bar, b)) end_phase(f.bar);
}

/* A block may not exit while something is still on its way to it. */
void Engine::check_flights(const Block *block) {
  for (const Flight &f : flights_)
    if (f.target == block) fail(BAD_SHARED, *block, "bytes in flight to a block that exits");
}

/* ---- what the kernels call ---- */

void mbarrier_init(uint64_t *bar) {
  tsan::writes(bar, sizeof *bar, __builtin_return_address(0));
  const Visit visit;
  engine->mbarrier_init(bar);
}
void mbarrier_expect(uint64_t *bar, unsigned bytes, Site site) {
  tsan::reads(bar, sizeof *bar, __builtin_return_address(0));
  const Visit visit(edge_of(bar));
  engine->mbarrier_expect(bar, bytes, site);
}
void mbarrier_wait(uint64_t *bar, unsigned parity, Site site) {
  tsan::reads(bar, sizeof *bar, __builtin_return_address(0));
  const Visit visit(nullptr, edge_of(bar, parity));
  engine->mbarrier_wait(bar, parity, site);
}
void store_async(const void *own, uint64_t *bar, unsigned rank, uint4 value, Site site) {
  const Visit visit(engine->issue_edge());
  engine->store_async(own, bar, rank, value, site, __builtin_return_address(0));
}
void copy_bulk(const void *own, const void *from, unsigned bytes, uint64_t *bar, unsigned ranks, Site site) {
  const Visit visit(engine->issue_edge());
  engine->copy_bulk(own, from, bytes, bar, ranks, site, __builtin_return_address(0));
}

} // namespace simt
