/* simt_rendezvous.cpp - where threads of the emulator meet: barriers, shuffles, matrix fragments, clusters,
 * flags, and the shared memory between them. */
#include "tests/simt/simt_engine.h"

namespace simt {

/* ---- rendezvous ---- */

void Engine::sync_block(Site site) {
  Thread *self = running_->thread;
  Block *block = self->owner;
  self->state = State::waits_block;
  self->site = site;
  if (++block->at_barrier == block->threads.size()) {
    for (const Thread &thread : block->threads)
      if (thread.site.line != site.line) fail(DIVERGED, *block, "divergent barrier");
    block->at_barrier = 0;
    block->syncs->count++;
    counters_.block_barriers++;
    for (Thread &thread : block->threads) make_ready(&thread);
  }
  wait();
}

bool Engine::rendezvous_complete(const Thread &last) const {
  const Thread *warp = &last.owner->threads[last.number / WARP * WARP];
  for (unsigned lane = 0; lane < WARP; lane++) {
    if (!(last.mask >> lane & 1)) continue;
    const Thread &other = warp[lane];
    if (other.state != State::waits_warp || other.mask != last.mask || other.op != last.op ||
        other.site.line != last.site.line)
      return false;
  }
  return true;
}

/* Row-major A[16,K], B[K,8], C[16,8] from the registers of the lanes: lane = 4 g + t holds rows g and g + 8
 * of A and C, column g of B, and the columns t of A and rows t of B (TF32), or the pairs 2t, 2t + 1
 * (bfloat16). */
void Engine::multiply_fragments(const Thread &last) {
  const Thread *warp = &last.owner->threads[last.number / WARP * WARP];
  const bool bf16 = last.op == WarpOp::mma_bf16;
  const unsigned depth = bf16 ? 16 : 8, group = depth / 2, each = bf16 ? 2 : 1;
  float a[16][16], b[16][8], c[16][8];
  const auto number = [&](uint32_t word, unsigned part) {
    return float_of(bf16 ? (part ? word & 0xFFFF0000u : word << 16) : word & ~0x1FFFu);
  };
  for (unsigned lane = 0; lane < WARP; lane++) {
    const Fragments *f = (const Fragments *)(uintptr_t)warp[lane].given;
    const unsigned g = lane / 4, t = lane % 4;
    for (unsigned half = 0; half < 2; half++)
      for (unsigned part = 0; part < each; part++) {
        const unsigned k = half * group + t * each + part;
        a[g][k] = number(f->a[half * 2], part);
        a[g + 8][k] = number(f->a[half * 2 + 1], part);
        b[k][g] = number(f->b[half], part);
      }
    for (unsigned i = 0; i < 4; i++) c[g + i / 2 * 8][t * 2 + i % 2] = f->c[i];
  }
  for (unsigned m = 0; m < 16; m++)
    for (unsigned k = 0; k < depth; k++)
      for (unsigned n = 0; n < 8; n++) c[m][n] += a[m][k] * b[k][n];
  for (unsigned lane = 0; lane < WARP; lane++) {
    Fragments *f = (Fragments *)(uintptr_t)warp[lane].given;
    for (unsigned i = 0; i < 4; i++) f->c[i] = c[lane / 4 + i / 2 * 8][lane % 4 * 2 + i % 2];
  }
}

void Engine::finish_rendezvous(const Thread &last) {
  Thread *warp = &last.owner->threads[last.number / WARP * WARP];
  const unsigned mask = last.mask;
  uint64_t ballot = 0;
  if (last.op == WarpOp::mma_tf32 || last.op == WarpOp::mma_bf16) multiply_fragments(last);
  for (unsigned lane = 0; lane < WARP; lane++)
    if (mask >> lane & 1) ballot |= (uint64_t)(warp[lane].given != 0) << lane;
  for (unsigned lane = 0; lane < WARP; lane++) {
    if (!(mask >> lane & 1)) continue;
    Thread &thread = warp[lane];
    const unsigned source = thread.source;
    if (thread.op == WarpOp::shuffle && !(mask >> source & 1))
      fail(BAD_LANE, *thread.owner, "%s in line %d: lane %u reads lane %u, which is not in mask %08x",
           thread.site.what, thread.site.line, lane, source, mask);
    thread.taken = thread.op == WarpOp::shuffle ? warp[source].given : ballot;
  }
  if (tsan::ON && last.op == WarpOp::sync) last.warp->syncs[mask].count++;
  counters_.warp_operations++;
  for (unsigned lane = 0; lane < WARP; lane++)
    if (mask >> lane & 1) make_ready(&warp[lane]);
}

uint64_t Engine::warp_exchange(WarpOp op, unsigned mask, uint64_t value, unsigned source, Site site) {
  Thread *self = running_->thread;
  const unsigned first = self->number / WARP * WARP, lane = self->number % WARP;
  const size_t lanes = self->owner->threads.size() - first;
  if (!(mask >> lane & 1))
    fail(BAD_LANE, *self->owner, "%s in line %d: lane %u is not in its mask %08x", site.what, site.line, lane,
         mask);
  if (lanes < WARP && mask >> lanes != 0)
    fail(BAD_LANE, *self->owner, "%s in line %d: mask %08x names lanes that do not exist", site.what,
         site.line, mask);
  self->state = State::waits_warp;
  self->op = op;
  self->mask = mask;
  self->given = value;
  self->source = source;
  self->site = site;
  if (rendezvous_complete(*self)) finish_rendezvous(*self);
  wait();
  return self->taken;
}

/* A block in which nobody runs but not everybody has exited will never go on, unless another block may wake
 * it. */
void Engine::check_stuck(Block *block) {
  if (block->running != 0) return;
  for (const Thread &thread : block->threads)
    if (thread.state == State::waits_cluster || thread.state == State::waits_flag) return;
  fail(DIVERGED, *block, "divergent barrier");
}

/* Nobody is ready, somebody waits: names a block in which somebody waits for another block. */
void Engine::deadlock() {
  const Block *stuck = nullptr;
  for (const auto &block : blocks_)
    for (const Thread &thread : block->threads)
      if (block->cluster && (thread.state == State::waits_cluster || thread.state == State::waits_flag))
        stuck = block.get();
  fail(DEADLOCK, *stuck, "deadlock of %u resident blocks, %zu more to come", live_,
       order_.size() * mode_.cluster);
}

/* ---- clusters and flags ---- */

void Engine::cluster_arrive(Site site) {
  Thread *self = running_->thread;
  Cluster *cluster = self->owner->cluster.get();
  if (self->arrived) fail(DIVERGED, *self->owner, "two arrivals at a cluster's barrier, line %d", site.line);
  self->arrived = true;
  self->turn = cluster->turns.count;
  if (++cluster->arrived < cluster->blocks.size() * self->owner->threads.size()) return;
  cluster->arrived = 0;
  cluster->turns.count++;
  counters_.cluster_barriers++;
  for (Block *block : cluster->blocks) {
    if (block->cluster.get() != cluster) continue; /* it has exited */
    for (Thread &thread : block->threads)
      if (thread.state == State::waits_cluster) make_ready(&thread);
  }
}

void Engine::cluster_wait(Site site) {
  Thread *self = running_->thread;
  if (!self->arrived) fail(DIVERGED, *self->owner, "a wait without an arrival, line %d", site.line);
  self->arrived = false;
  if (self->turn != self->owner->cluster->turns.count) return;
  self->state = State::waits_cluster;
  self->site = site;
  wait();
}

void *Engine::cluster_peer(const void *address, unsigned rank, Site site) {
  Block *own = running_->thread->owner;
  if (rank >= own->cluster->blocks.size())
    fail(BAD_LANE, *own, "line %d: rank %u of a cluster of %zu", site.line, rank,
         own->cluster->blocks.size());
  Block *peer = own->cluster->blocks[rank];
  const size_t offset = (size_t)((const char *)address - (const char *)own->dynamic);
  if (own->dynamic == nullptr || offset >= dynamic_bytes_)
    fail(BAD_SHARED, *own, "line %d: an address outside the block's dynamic shared memory", site.line);
  if (peer->cluster != own->cluster)
    fail(BAD_SHARED, *own, "line %d: shared memory of block %u of the cluster, which has exited", site.line,
         rank);
  return (char *)peer->dynamic + offset;
}

void Engine::sleep_on(const void *address, Site site) {
  Thread *self = running_->thread;
  self->state = State::waits_flag;
  self->sleeps_on = address;
  self->site = site;
  sleepers_.push_back(self);
  wait();
}

void Engine::wake(const void *address) {
  for (size_t i = 0; i < sleepers_.size();) {
    if (sleepers_[i]->sleeps_on != address) {
      i++;
      continue;
    }
    make_ready(sleepers_[i]);
    sleepers_[i] = sleepers_.back();
    sleepers_.pop_back();
  }
}

/* "31 threads (first 1) wait at __syncthreads in line 40; 1 thread (first 0) exited" */
void Engine::describe_threads(const Block &block, char *text, size_t size) const {
  std::vector<const Thread *> kinds;
  size_t used = 0;
  for (const Thread &thread : block.threads) {
    const auto same = [&](const Thread &other) {
      return other.state == thread.state &&
             (thread.state == State::exited || other.site.line == thread.site.line);
    };
    if (thread.state == State::ready) continue;
    bool known = false;
    for (const Thread *kind : kinds) known = known || same(*kind);
    if (known || kinds.size() == 4) continue;
    kinds.push_back(&thread);
    unsigned count = 0;
    for (const Thread &other : block.threads) count += same(other);
    char where[64] = "exited";
    if (thread.state != State::exited)
      snprintf(where, sizeof where, "at %.30s in line %d", thread.site.what, thread.site.line);
    const int n = snprintf(text + used, size - used, "%s%u of %zu threads (first %u) %s", used ? "; " : "",
                           count, block.threads.size(), thread.number, where);
    used = n > 0 && used + (size_t)n < size ? used + (size_t)n : size - 1;
  }
}

void Engine::fail(int code, const Block &block, const char *format, ...) {
  char what[160], threads[256] = "";
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(what, sizeof what, format, arguments);
  va_end(arguments);
  describe_threads(block, threads, sizeof threads);
  const uint3 at = block.threads.empty() ? uint3{0, 0, 0} : block.threads[0].block;
  snprintf(error_, sizeof error_, "kernel %.80s, block (%u,%u,%u): %s: %s", kernel_, at.x, at.y, at.z, what,
           threads);
  status_ = code;
  switch_to(&main_);
  abort(); /* nobody switches back: the fiber is abandoned */
}

/* ---- shared memory ---- */

void *Engine::shared_array(const void *key, size_t bytes) {
  Block *block = running_->thread->owner;
  size_t total = bytes;
  for (const SharedArray &array : block->shared) {
    if (array.key == key && array.bytes == bytes) return array.memory;
    total += array.bytes;
  }
  if (total > STATIC_SHARED_MAX)
    fail(BAD_SHARED, *block, "%zu bytes of static shared memory, 49152 are there", total);
  void *memory = poisoned(bytes);
  if (memory == nullptr) fail(NO_MEMORY, *block, "no memory for a shared array");
  block->shared.push_back({key, memory, bytes});
  return memory;
}

/* ---- what the kernels call ---- */

void sync_block(Site site) {
  const char *edge = engine->block_edge();
  const Visit visit(edge, edge);
  engine->sync_block(site);
}

/* Only __syncwarp orders memory. */
uint64_t warp_exchange(WarpOp op, unsigned mask, uint64_t value, unsigned source, Site site) {
  const char *edge = tsan::ON && op == WarpOp::sync ? engine->warp_edge(mask) : nullptr;
  const Visit visit(edge, edge);
  return engine->warp_exchange(op, mask, value, source, site);
}
void mma(WarpOp op, const Fragments &mine, Site site) {
  warp_exchange(op, 0xFFFFFFFFu, (uint64_t)(uintptr_t)&mine, 0, site);
}
unsigned lane() { return engine->lane(); }

unsigned cluster_rank() { return engine->cluster_rank(); }
void cluster_arrive(Site site) {
  const Visit visit(engine->arrive_edge());
  engine->cluster_arrive(site);
}
void cluster_wait(Site site) {
  const Visit visit(nullptr, engine->wait_edge());
  engine->cluster_wait(site);
}
void *cluster_peer(const void *address, unsigned rank, Site site) {
  const Visit visit;
  return engine->cluster_peer(address, rank, site);
}

void fence() { const Visit visit(engine->fence_edge(), engine->fence_edge()); }
void sleep_on(const void *address, Site site) {
  const Visit visit;
  engine->sleep_on(address, site);
}
void wake(const void *address) {
  const Visit visit;
  engine->wake(address);
}

void *shared_array(const void *key, size_t bytes) {
  const Visit visit;
  return engine->shared_array(key, bytes);
}
void *shared_dynamic() { return engine->shared_dynamic(); }

} // namespace simt
