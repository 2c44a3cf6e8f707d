/* simt_emulator.cpp - the engine: fibers, the random scheduler, rendezvous and shared memory. */
#include "simt_emulator.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include <memory>
#include <vector>

#if defined(__SANITIZE_ADDRESS__)
#define SIMT_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SIMT_ASAN 1
#endif
#endif
#ifdef SIMT_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

__thread simt::Here *simt::here;

namespace simt {
namespace {

enum : size_t { STACK_BYTES = 128 << 10, STATIC_SHARED_MAX = 48 << 10 };
/* Blocks that run at the same time: more than one, so that the order between blocks matters too. */
enum : unsigned { RESIDENT_BLOCKS = 3, RESIDENT_CLUSTERS = 2, WARP = 32, THREADS_MAX = 1024 };

struct Block;
struct Thread;
struct Warp;

/* A stack and its saved context.  The launching OS thread is one, too. */
struct Fiber {
  ucontext_t context;
  void *mapping = nullptr; /* guard page, then the stack */
  const void *bottom = nullptr;
  size_t size = 0;
  void *fake_stack = nullptr; /* AddressSanitizer's */
  Thread *thread = nullptr;   /* what it runs */
  bool entered = false;
};

enum class State { ready, waits_block, waits_warp, waits_cluster, waits_flag, exited };

struct Thread : Here {
  Block *owner;
  Warp *warp;
  Fiber *fiber; /* NULL before the first instruction and after exit */
  State state;
  unsigned number; /* in the block */
  /* the rendezvous it waits at */
  Site site;
  WarpOp op;
  unsigned mask, source;
  uint64_t given, taken;
  uint64_t turn; /* the cluster's when it arrived there */
  bool arrived;  /* at the cluster's barrier, and has not waited yet */
  const uint32_t *flag;
};

struct Warp {
  std::vector<Thread *> ready;
  size_t place; /* in the engine's list of ready warps, while it has a ready thread */
};

struct SharedArray {
  const void *key;
  void *memory;
  size_t bytes;
};

/* The barrier of a cluster: it has been completed `turns` times. */
struct Cluster {
  std::vector<Block *> blocks;
  unsigned arrived = 0, closed = 0;
  uint64_t turns = 0;
};

struct Block {
  std::shared_ptr<Cluster> cluster;
  unsigned rank;
  std::vector<Thread> threads;
  std::vector<Warp> warps;
  unsigned running, at_barrier, exited; /* running: ready or on the processor */
  std::vector<SharedArray> shared;
  void *dynamic;
};

/* SplitMix64 (Steele, Lea, Flood 2014). */
struct Random {
  uint64_t state = 1;
  uint64_t next() {
    uint64_t z = state += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
  }
  size_t below(size_t n) { return (size_t)(((next() >> 32) * (uint64_t)n) >> 32); } /* n < 2^32 */
};

void *poisoned(size_t bytes) {
  void *memory = malloc(bytes ? bytes : 1);
  if (memory != nullptr) memset(memory, 0xFF, bytes);
  return memory;
}

class Engine {
public:
  Engine();
  ~Engine();
  int launch(const char *kernel, dim3 grid, dim3 block, size_t dynamic_shared, void (*invoke)(void *),
             void *argument, Mode mode);
  void set_seed(uint64_t seed);
  unsigned occupancy(unsigned threads, size_t dynamic_shared) const;

  void sync_block(Site site);
  unsigned cluster_rank() const { return running_->thread->owner->rank; }
  void cluster_arrive(Site site);
  void cluster_wait(Site site);
  void *cluster_peer(const void *address, unsigned rank, Site site);
  void store_release(uint32_t *flag, uint32_t value);
  void wait_at_least(const uint32_t *flag, uint32_t value, Site site);
  uint64_t warp_exchange(WarpOp op, unsigned mask, uint64_t value, unsigned source, Site site);
  void *shared_array(const void *key, size_t bytes);
  void *shared_dynamic() { return running_->thread->owner->dynamic; }
  unsigned lane() const { return running_->thread->number % WARP; }

  uint64_t seed_ = 1;
  Counters counters_ = {};
  Device device_;
  char error_[640] = "";

private:
  static void entry();
  void run_threads();
  void run_grid();
  void start_fiber(Fiber *fiber);
  void switch_to(Fiber *to);
  Fiber *fiber_of(Thread *thread);
  Thread *next_thread();
  void wait();
  void make_ready(Thread *thread);
  void thread_exits(Thread *thread);
  bool admit_cluster();
  void admit_block(uint32_t number, const std::shared_ptr<Cluster> &cluster);
  int refuse_launch(uint64_t blocks, size_t threads);
  void multiply_fragments(const Thread &last);
  void deadlock();
  void close_block(Block *block);
  void abandon();
  bool rendezvous_complete(const Thread &last) const;
  void finish_rendezvous(const Thread &last);
  void check_stuck(Block *block);
  void describe_threads(const Block &block, char *text, size_t size) const;
  [[noreturn]] void fail(int code, const Block &block, const char *format, ...)
      __attribute__((format(printf, 4, 5)));

  /* the launch */
  const char *kernel_ = "";
  dim3 grid_, block_;
  size_t dynamic_bytes_ = 0;
  Mode mode_ = {1, false};
  void (*invoke_)(void *) = nullptr;
  void *argument_ = nullptr;
  int status_ = OK;

  Random random_;
  std::vector<uint32_t> order_;    /* clusters (of one block, mostly) that were not admitted yet, shuffled */
  std::vector<Thread *> sleepers_; /* who waits for flags */
  unsigned live_ = 0;              /* resident blocks */
  std::vector<Warp *> ready_;      /* warps with a ready thread */
  Warp *favourite_ = nullptr;      /* the one that runs ahead */
  size_t stretch_ = 1;             /* threads that it runs on average before another one is drawn */
  std::vector<std::unique_ptr<Block>> blocks_; /* slots for resident blocks, reused */
  std::vector<Block *> free_blocks_;
  std::vector<std::unique_ptr<Fiber>> fibers_;
  std::vector<Fiber *> free_fibers_;
  Fiber main_, *running_ = &main_, *previous_ = nullptr;
};

thread_local Engine engine;

Engine::Engine() {
  const char *text = getenv("SEQGPU_SIMT_SEED");
  set_seed(text != nullptr ? strtoull(text, nullptr, 0) : 1);
}

Engine::~Engine() {
  for (auto &fiber : fibers_) munmap(fiber->mapping, STACK_BYTES + (size_t)sysconf(_SC_PAGESIZE));
}

void Engine::set_seed(uint64_t seed) {
  seed_ = random_.state = seed;
  counters_.schedule = 0;
}

/* ---- fibers ---- */

/* Every switch passes here; returns when somebody switches back. */
void Engine::switch_to(Fiber *to) {
  Fiber *from = running_;
  counters_.switches++;
  previous_ = from;
  running_ = to;
#ifdef SIMT_ASAN
  __sanitizer_start_switch_fiber(&from->fake_stack, to->bottom, to->size);
#endif
  swapcontext(&from->context, &to->context);
#ifdef SIMT_ASAN
  __sanitizer_finish_switch_fiber(from->fake_stack, &previous_->bottom, &previous_->size);
#endif
}

void Engine::entry() {
#ifdef SIMT_ASAN
  __sanitizer_finish_switch_fiber(nullptr, &engine.previous_->bottom, &engine.previous_->size);
#endif
  engine.run_threads();
}

void Engine::start_fiber(Fiber *fiber) {
#ifdef SIMT_ASAN
  __asan_unpoison_memory_region(fiber->bottom, fiber->size);
#endif
  getcontext(&fiber->context);
  fiber->context.uc_stack.ss_sp = const_cast<void *>(fiber->bottom);
  fiber->context.uc_stack.ss_size = fiber->size;
  fiber->context.uc_link = nullptr;
  makecontext(&fiber->context, &Engine::entry, 0);
  /* Only makecontext needs the stack's size; AddressSanitizer would clear the whole stack's shadow at every switch. */
  fiber->context.uc_stack.ss_size = 0;
  fiber->entered = true;
}

/* The fiber to switch to for a thread: its own, or a free one if it has not started. */
Fiber *Engine::fiber_of(Thread *thread) {
  if (thread->fiber != nullptr) return thread->fiber;
  if (free_fibers_.empty()) {
    const size_t guard = (size_t)sysconf(_SC_PAGESIZE);
    void *mapping = mmap(nullptr, STACK_BYTES + guard, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (mapping == MAP_FAILED) fail(NO_MEMORY, *thread->owner, "no memory for another fiber");
    mprotect(mapping, guard, PROT_NONE);
    fibers_.push_back(std::make_unique<Fiber>());
    Fiber *fiber = fibers_.back().get();
    fiber->mapping = mapping;
    fiber->bottom = (char *)mapping + guard;
    fiber->size = STACK_BYTES;
    free_fibers_.push_back(fiber);
  }
  Fiber *fiber = free_fibers_.back();
  free_fibers_.pop_back();
  if (!fiber->entered) start_fiber(fiber);
  fiber->thread = thread;
  thread->fiber = fiber;
  return fiber;
}

/* The life of a fiber: runs its thread, then whichever is drawn next, as long as that one has no fiber of its own. */
void Engine::run_threads() {
  Fiber *fiber = running_;
  for (;;) {
    here = fiber->thread;
    invoke_(argument_);
    thread_exits(fiber->thread);
    Thread *next = next_thread();
    if (next != nullptr && next->fiber == nullptr) {
      fiber->thread = next;
      next->fiber = fiber;
      continue;
    }
    if (next == nullptr && live_ != 0) deadlock();
    fiber->thread = nullptr;
    free_fibers_.push_back(fiber);
    switch_to(next != nullptr ? next->fiber : &main_);
  }
}

/* ---- schedule ---- */

/* Draws the next thread; NULL when none is ready.  Uniform draws would keep all warps at much the same place; so one
 * of them is let run ahead for a while, how long is drawn for each launch. */
Thread *Engine::next_thread() {
  if (ready_.empty()) return nullptr;
  if (favourite_ == nullptr || favourite_->ready.empty() || random_.below(stretch_) == 0)
    favourite_ = ready_[random_.below(ready_.size())];
  std::vector<Thread *> &threads = favourite_->ready;
  std::swap(threads[random_.below(threads.size())], threads.back());
  Thread *thread = threads.back();
  threads.pop_back();
  if (threads.empty()) {
    ready_.back()->place = favourite_->place;
    ready_[favourite_->place] = ready_.back();
    ready_.pop_back();
  }
  counters_.schedule = (counters_.schedule ^ thread->number ^ (thread->block.x << 10)) * 0x100000001B3u + 1;
  return thread;
}

/* The running thread has been put where it waits: others run until it is ready and drawn. */
void Engine::wait() {
  Thread *self = running_->thread;
  self->owner->running--;
  check_stuck(self->owner);
  Thread *next = next_thread();
  if (next == nullptr) deadlock();
  if (next != self) switch_to(fiber_of(next));
  here = self;
}

void Engine::make_ready(Thread *thread) {
  thread->state = State::ready;
  thread->owner->running++;
  Warp *warp = thread->warp;
  if (warp->ready.empty()) {
    warp->place = ready_.size();
    ready_.push_back(warp);
  }
  warp->ready.push_back(thread);
}

void Engine::thread_exits(Thread *thread) {
  Block *block = thread->owner;
  thread->state = State::exited;
  thread->fiber = nullptr;
  block->exited++;
  block->running--;
  if (block->exited == block->threads.size()) {
    const bool last = ++block->cluster->closed == mode_.cluster;
    close_block(block);
    if (last) admit_cluster();
  } else {
    check_stuck(block);
  }
}

/* Makes the threads of the next cluster ready. */
bool Engine::admit_cluster() {
  if (order_.empty()) return false;
  const uint32_t number = order_.back();
  order_.pop_back();
  const auto cluster = std::make_shared<Cluster>();
  for (unsigned rank = 0; rank < mode_.cluster; rank++) admit_block(number * mode_.cluster + rank, cluster);
  return true;
}

void Engine::admit_block(uint32_t number, const std::shared_ptr<Cluster> &cluster) {
  if (free_blocks_.empty()) {
    blocks_.push_back(std::make_unique<Block>());
    free_blocks_.push_back(blocks_.back().get());
  }
  Block *block = free_blocks_.back();
  free_blocks_.pop_back();
  const unsigned count = block_.x * block_.y * block_.z;
  block->threads.assign(count, Thread{});
  block->warps.assign((count + WARP - 1) / WARP, Warp{});
  block->running = block->at_barrier = block->exited = 0;
  block->cluster = cluster;
  block->rank = (unsigned)cluster->blocks.size();
  cluster->blocks.push_back(block);
  live_++;
  block->dynamic = dynamic_bytes_ ? poisoned(dynamic_bytes_) : nullptr;
  for (unsigned i = 0; i < count; i++) {
    Thread *thread = &block->threads[i];
    thread->thread = {i % block_.x, i / block_.x % block_.y, i / block_.x / block_.y};
    thread->block = {number % grid_.x, number / grid_.x % grid_.y, number / grid_.x / grid_.y};
    thread->block_dim = block_;
    thread->grid_dim = grid_;
    thread->owner = block;
    thread->warp = &block->warps[i / WARP];
    thread->number = i;
    make_ready(thread);
  }
  counters_.blocks++;
  counters_.threads += count;
}

void Engine::close_block(Block *block) {
  for (SharedArray &array : block->shared) free(array.memory);
  block->shared.clear();
  free(block->dynamic);
  block->dynamic = nullptr;
  block->cluster.reset();
  live_--;
  favourite_ = nullptr; /* it may be a warp of this block */
  free_blocks_.push_back(block);
}

unsigned Engine::occupancy(unsigned threads, size_t dynamic_shared) const {
  const size_t reserved = 1 << 10, by_shared = device_.shared_per_processor / (dynamic_shared + reserved);
  const size_t by_threads = threads ? 2048 / threads : 0,
               blocks = by_shared < by_threads ? by_shared : by_threads;
  return dynamic_shared > device_.shared_per_block ? 0 : blocks < 32 ? (unsigned)blocks : 32;
}

/* BAD_LAUNCH or TOO_LARGE with a sentence, or OK. */
int Engine::refuse_launch(uint64_t blocks, size_t threads) {
  const dim3 &g = grid_, &b = block_;
  const unsigned cluster = mode_.cluster;
  const bool bad_grid = blocks == 0 || blocks > UINT32_MAX || g.y > 65535 || g.z > 65535;
  const bool bad_block = threads == 0 || threads > THREADS_MAX || b.z > 64;
  const bool bad_cluster =
      cluster == 0 || cluster > device_.cluster_max || g.x % (cluster ? cluster : 1) != 0;
  if (bad_grid || bad_block || bad_cluster || dynamic_bytes_ > device_.shared_per_block) {
    snprintf(error_, sizeof error_,
             "kernel %s: grid (%u,%u,%u) block (%u,%u,%u) shared %zu cluster %u cannot be launched", kernel_,
             g.x, g.y, g.z, b.x, b.y, b.z, dynamic_bytes_, cluster);
    return BAD_LAUNCH;
  }
  const uint64_t room = (uint64_t)device_.processors * occupancy((unsigned)threads, dynamic_bytes_);
  if (!mode_.cooperative || blocks <= room) return OK;
  snprintf(error_, sizeof error_, "kernel %s: a cooperative grid of %llu blocks, %llu can be resident",
           kernel_, (unsigned long long)blocks, (unsigned long long)room);
  return TOO_LARGE;
}

int Engine::launch(const char *kernel, dim3 grid, dim3 block, size_t dynamic_shared, void (*invoke)(void *),
                   void *argument, Mode mode) {
  const uint64_t threads = (uint64_t)block.x * block.y * block.z;
  const uint64_t blocks = (uint64_t)grid.x * grid.y * grid.z;
  counters_.launches++;
  kernel_ = kernel;
  grid_ = grid;
  block_ = block;
  dynamic_bytes_ = dynamic_shared;
  invoke_ = invoke;
  argument_ = argument;
  mode_ = mode;
  status_ = OK;
  const int refused = refuse_launch(blocks, (size_t)threads);
  if (refused != OK) return refused;
  static const size_t stretches[] = {1, 16, 512};
  stretch_ = stretches[random_.below(3)];
  order_.resize((size_t)(blocks / mode.cluster));
  for (size_t i = 0; i < order_.size(); i++) order_[i] = (uint32_t)i;
  for (size_t i = order_.size(); i > 1; i--) std::swap(order_[i - 1], order_[random_.below(i)]);
  run_grid();
  return status_;
}

void Engine::run_grid() {
  size_t clusters = mode_.cluster > 1 ? RESIDENT_CLUSTERS : RESIDENT_BLOCKS;
  if (mode_.cooperative) clusters = order_.size();
  while (clusters-- > 0 && admit_cluster()) {}
  Thread *first = next_thread();
  switch_to(fiber_of(first)); /* comes back when the grid is done or has failed */
  here = nullptr;
  if (status_ != OK) abandon();
}

/* After a failure: suspended fibers start afresh next time, blocks are closed as they are. */
void Engine::abandon() {
  ready_.clear();
  order_.clear();
  sleepers_.clear();
  free_fibers_.clear();
  for (auto &fiber : fibers_) {
    fiber->entered = false;
    fiber->thread = nullptr;
    free_fibers_.push_back(fiber.get());
  }
  free_blocks_.clear();
  for (auto &block : blocks_) close_block(block.get());
  live_ = 0;
}

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

/* Row-major A[16,K], B[K,8], C[16,8] from the registers of the lanes: lane = 4 g + t holds rows g and g + 8 of A and C,
 * column g of B, and the columns t of A and rows t of B (TF32), or the pairs 2t, 2t + 1 (bfloat16). */
void Engine::multiply_fragments(const Thread &last) {
  const Thread *warp = &last.owner->threads[last.number / WARP * WARP];
  const bool bf16 = last.op == WarpOp::mma_bf16;
  const unsigned depth = bf16 ? 16 : 8, group = depth / 2, each = bf16 ? 2 : 1;
  const auto fragments = [&](unsigned lane) { return (const Fragments *)(uintptr_t)warp[lane].given; };
  const auto number = [&](uint32_t word, unsigned k) {
    return float_of(bf16 ? (k % 2 ? word & 0xFFFF0000u : word << 16) : word & ~0x1FFFu);
  };
  for (unsigned m = 0; m < 16; m++) {
    for (unsigned n = 0; n < 8; n++) {
      float *c = &fragments(m % 8 * 4 + n / 2)->c[m / 8 * 2 + n % 2], sum = *c;
      for (unsigned k = 0; k < depth; k++) {
        const unsigned t = k % group / each;
        const uint32_t a = fragments(m % 8 * 4 + t)->a[m / 8 + k / group * 2];
        const uint32_t b = fragments(n * 4 + t)->b[k / group];
        sum += number(a, k) * number(b, k);
      }
      *c = sum;
    }
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

/* A block in which nobody runs but not everybody has exited will never go on, unless another block may wake it. */
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
  self->turn = cluster->turns;
  if (++cluster->arrived < cluster->blocks.size() * self->owner->threads.size()) return;
  cluster->arrived = 0;
  cluster->turns++;
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
  if (self->turn != self->owner->cluster->turns) return;
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

void Engine::store_release(uint32_t *flag, uint32_t value) {
  *flag = value;
  counters_.releases++;
  for (size_t i = 0; i < sleepers_.size();) {
    if (sleepers_[i]->flag != flag) {
      i++;
      continue;
    }
    make_ready(sleepers_[i]);
    sleepers_[i] = sleepers_.back();
    sleepers_.pop_back();
  }
}

void Engine::wait_at_least(const uint32_t *flag, uint32_t value, Site site) {
  Thread *self = running_->thread;
  while (*flag < value) {
    self->state = State::waits_flag;
    self->flag = flag;
    self->site = site;
    sleepers_.push_back(self);
    wait();
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

} // namespace

int launch(const char *kernel, dim3 grid, dim3 block, size_t dynamic_shared, void (*invoke)(void *),
           void *argument, Mode mode) {
  return engine.launch(kernel, grid, block, dynamic_shared, invoke, argument, mode);
}
Device device() { return engine.device_; }
void set_device(const Device &device) { engine.device_ = device; }
unsigned occupancy(unsigned threads, size_t dynamic_shared) {
  return engine.occupancy(threads, dynamic_shared);
}
unsigned cluster_rank() { return engine.cluster_rank(); }
void cluster_arrive(Site site) { engine.cluster_arrive(site); }
void cluster_wait(Site site) { engine.cluster_wait(site); }
void *cluster_peer(const void *address, unsigned rank, Site site) {
  return engine.cluster_peer(address, rank, site);
}
void store_release(uint32_t *flag, uint32_t value) { engine.store_release(flag, value); }
void wait_at_least(const uint32_t *flag, uint32_t value, Site site) {
  engine.wait_at_least(flag, value, site);
}
void mma(WarpOp op, const Fragments &mine, Site site) {
  engine.warp_exchange(op, 0xFFFFFFFFu, (uint64_t)(uintptr_t)&mine, 0, site);
}
const char *last_error() { return engine.error_; }
void set_seed(uint64_t seed) { engine.set_seed(seed); }
uint64_t seed() { return engine.seed_; }
Counters counters() { return engine.counters_; }
void sync_block(Site site) { engine.sync_block(site); }
uint64_t warp_exchange(WarpOp op, unsigned mask, uint64_t value, unsigned source, Site site) {
  return engine.warp_exchange(op, mask, value, source, site);
}
unsigned lane() { return engine.lane(); }
void *shared_array(const void *key, size_t bytes) { return engine.shared_array(key, bytes); }
void *shared_dynamic() { return engine.shared_dynamic(); }

} // namespace simt

extern "C" void sq_simt_set_seed(uint64_t seed) { simt::set_seed(seed); }
extern "C" uint64_t sq_simt_get_seed(void) { return simt::seed(); }
extern "C" void sq_simt_set_device(unsigned processors, size_t shared_per_block, unsigned cluster_max) {
  simt::Device device;
  device.processors = processors;
  device.shared_per_block = shared_per_block;
  device.shared_per_processor = shared_per_block + 1024;
  device.cluster_max = cluster_max;
  simt::set_device(device);
}
extern "C" void sq_simt_reset_device(void) { simt::set_device(simt::Device()); }
extern "C" uint64_t sq_simt_blocks(void) { return simt::counters().blocks; }
extern "C" uint64_t sq_simt_cluster_barriers(void) { return simt::counters().cluster_barriers; }
extern "C" uint64_t sq_simt_releases(void) { return simt::counters().releases; }
