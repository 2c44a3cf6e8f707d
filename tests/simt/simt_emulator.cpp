/* simt_emulator.cpp - the engine: fibers, the random scheduler and launches. */
#include "tests/simt/simt_engine.h"

__thread simt::Here *simt::here;

namespace simt {

static __thread uint64_t operations;

static thread_local Engine own;
__thread Engine *engine;

static Engine &engine_of_thread() { return *(engine = &own); }

Engine::Engine() {
  const char *text = getenv("SEQGPU_SIMT_SEED");
  set_seed(text != nullptr ? strtoull(text, nullptr, 0) : 1);
}

Engine::~Engine() {
  for (auto &fiber : fibers_) {
    forget(fiber.get());
    munmap(fiber->mapping, STACK_BYTES + (size_t)sysconf(_SC_PAGESIZE));
  }
  if (tsan_ == nullptr) return;
  void *const host = tsan::current();
  tsan::run(tsan_);
  tsan::regard();
  tsan::run(host);
  tsan::destroy(tsan_);
}

void Engine::set_seed(uint64_t seed) {
  seed_ = random_.state = seed;
  counters_.schedule = 0;
}

/* ---- fibers ---- */

/* swapcontext asks the kernel for the signal mask at every switch, a third of a run's time.  The compiler's
 * own setjmp saves a stack, a frame and an address; it is not in Clang for every processor. */
#if defined(__x86_64__) || !defined(__clang__)
#define QUICK_SWITCH __attribute__((noinline, no_sanitize("address"), no_sanitize("undefined")))

[[noreturn]] QUICK_SWITCH static void resume(Fiber *to) {
  if (!to->suspended) setcontext(&to->context);
  __builtin_longjmp(to->place, 1);
}
QUICK_SWITCH static void change_stacks(Fiber *from, Fiber *to) {
  from->suspended = true;
  if (__builtin_setjmp(from->place) == 0) resume(to);
}
#else
static void change_stacks(Fiber *from, Fiber *to) { swapcontext(&from->context, &to->context); }
#endif

/* Every switch passes here; returns when somebody switches back. */
void Engine::switch_to(Fiber *to) {
  Fiber *from = running_;
  counters_.switches++;
  previous_ = from;
  running_ = to;
#ifdef SIMT_ASAN
  __sanitizer_start_switch_fiber(&from->fake_stack, to->bottom, to->size);
#endif
  change_stacks(from, to);
#ifdef SIMT_ASAN
  __sanitizer_finish_switch_fiber(from->fake_stack, &previous_->bottom, &previous_->size);
#endif
}

void Engine::entry() {
#ifdef SIMT_ASAN
  __sanitizer_finish_switch_fiber(nullptr, &engine->previous_->bottom, &engine->previous_->size);
#endif
  engine->run_threads();
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
  /* Only makecontext needs the stack's size; AddressSanitizer would clear the whole stack's shadow at every
   * switch. */
  fiber->context.uc_stack.ss_size = 0;
  fiber->suspended = false;
  fiber->entered = true;
}

/* The fiber to switch to for a thread: its own, or a free one if it has not started. */
Fiber *Engine::fiber_of(Thread *thread) {
  if (thread->fiber != nullptr) return thread->fiber;
  if (free_fibers_.empty() && fibers_.size() >= tsan::FIBERS_MAX) free_fibers_.swap(used_fibers_);
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
  if (fiber->tsan == nullptr) fiber->tsan = tsan::create();
  fiber->thread = thread;
  thread->fiber = fiber;
  return fiber;
}

/* The life of a fiber: runs its thread, then whichever is drawn next, as long as that one has no fiber of its
 * own. */
void Engine::run_threads() {
  Fiber *fiber = running_;
  for (;;) {
    run_thread(fiber);
    thread_exits(fiber->thread);
    Thread *next = next_thread();
    if (next != nullptr && next->fiber == nullptr && !tsan::ON) {
      fiber->thread = next;
      next->fiber = fiber;
      continue;
    }
    if (next == nullptr && live_ != 0) deadlock();
    fiber->thread = nullptr;
    (tsan::ON ? used_fibers_ : free_fibers_).push_back(fiber);
    switch_to(next != nullptr ? fiber_of(next) : &main_);
  }
}

void Engine::run_thread(Fiber *fiber) {
  here = fiber->thread;
  if (tsan::ON) {
    const uint3 b = here->block, t = here->thread;
    char name[64];
    snprintf(name, sizeof name, "block (%u,%u,%u), thread (%u,%u,%u)", b.x, b.y, b.z, t.x, t.y, t.z);
    tsan::name(fiber->tsan, name);
  }
  tsan::run(fiber->tsan);
  tsan::acquire(&start_);
  invoke_(argument_);
  tsan::release(&end_);
  tsan::run(tsan_);
}

/* ---- schedule ---- */

/* A ready warp.  Uniform draws would keep all warps at much the same place; so one of them is let run ahead
 * for a while, how long is drawn for each launch.  In every second launch one block in a row falls behind: it
 * is drawn when others wait for it, which is not yet while something is on its way to them. */
Warp *Engine::draw_warp() {
  for (int tries = 0;; tries++) {
    Warp *warp = ready_[random_.below(ready_.size())];
    const bool late = warp->ready.back()->block.x == laggard_;
    if (late && tries < 20) continue;
    if (!late || flights_.empty()) return warp;
    land();
  }
}

/* Draws the next thread; NULL when none is ready. */
Thread *Engine::next_thread() {
  while (!flights_.empty() && (ready_.empty() || random_.below(16) == 0)) land();
  if (ready_.empty()) return nullptr;
  const bool stay = favourite_ != nullptr && !favourite_->ready.empty() && random_.below(stretch_) != 0;
  if (!stay || favourite_->ready.back()->block.x == laggard_) favourite_ = draw_warp();
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
    check_flights(block);
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
  block->syncs = std::make_unique<Turns>();
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
  laggard_ = random_.below(2) == 0 ? (unsigned)random_.below(grid.x) : UINT32_MAX;
  order_.resize((size_t)(blocks / mode.cluster));
  for (size_t i = 0; i < order_.size(); i++) order_[i] = (uint32_t)i;
  for (size_t i = order_.size(); i > 1; i--) std::swap(order_[i - 1], order_[random_.below(i)]);
  enter_launch();
  run_grid();
  leave_launch();
  return status_;
}

/* Who launches hands over to the engine, and takes over what the threads did. */
void Engine::enter_launch() {
  host_ = tsan::current();
  tsan::release(&start_);
  if (tsan_ == nullptr) {
    tsan_ = tsan::create();
    tsan::run(tsan_);
    tsan::ignore();
  }
  tsan::run(tsan_);
}
void Engine::leave_launch() {
  if (tsan::
          ON) { /* the first ones first, to keep the list of those that ThreadSanitizer must look at short */
    free_fibers_.clear();
    used_fibers_.clear();
    for (size_t i = fibers_.size(); i-- > 0;) free_fibers_.push_back(fibers_[i].get());
  }
  tsan::run(host_);
  tsan::acquire(&end_);
}

/* A fiber that was left in the middle, or whose stack goes. */
void Engine::forget(Fiber *fiber) {
  if (fiber->tsan != nullptr) {
    void *const now = tsan::current();
    tsan::run(fiber->tsan);
    tsan::release(&end_);
    tsan::run(now);
  }
  tsan::destroy(fiber->tsan);
  tsan::destroy(fiber->carrier);
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
  flights_.clear();
  free_fibers_.clear();
  for (auto &fiber : fibers_) {
    forget(fiber.get());
    fiber->entered = false;
    fiber->thread = nullptr;
    free_fibers_.push_back(fiber.get());
  }
  free_blocks_.clear();
  for (auto &block : blocks_) close_block(block.get());
  live_ = 0;
}

int launch(const char *kernel, dim3 grid, dim3 block, size_t dynamic_shared, void (*invoke)(void *),
           void *argument, Mode mode) {
  return engine_of_thread().launch(kernel, grid, block, dynamic_shared, invoke, argument, mode);
}
Device device() { return engine_of_thread().device_; }
void set_device(const Device &device) { engine_of_thread().device_ = device; }
unsigned occupancy(unsigned threads, size_t dynamic_shared) {
  return engine_of_thread().occupancy(threads, dynamic_shared);
}
const char *last_error() { return engine_of_thread().error_; }
void set_seed(uint64_t seed) { engine_of_thread().set_seed(seed); }
uint64_t seed() { return engine_of_thread().seed_; }
Counters counters() { return engine_of_thread().counters_; }
void count(unsigned n) { operations += n; }
void count_release() { engine->counters_.releases++; }
void count_packet() { engine->counters_.packets++; }

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
extern "C" uint64_t sq_simt_launches(void) { return simt::counters().launches; }
extern "C" uint64_t sq_simt_blocks(void) { return simt::counters().blocks; }
extern "C" uint64_t sq_simt_cluster_barriers(void) { return simt::counters().cluster_barriers; }
extern "C" uint64_t sq_simt_releases(void) { return simt::counters().releases; }
extern "C" uint64_t sq_simt_landed(void) { return simt::counters().landed; }
extern "C" uint64_t sq_simt_phases(void) { return simt::counters().phases; }
extern "C" uint64_t sq_simt_operations(void) { return simt::operations; }
extern "C" uint64_t sq_simt_packets(void) { return simt::counters().packets; }
