/* simt_engine.h - the engine of the emulator, inside: threads, warps, blocks, clusters, and the class that
 * runs them.
 *
 * simt_emulator.cpp has fibers, the random schedule and launches; simt_rendezvous.cpp has barriers, shuffles,
 * matrix fragments, clusters, flags and shared memory; simt_async.cpp has what lands by itself.
 */
#ifndef SIMT_ENGINE_H
#define SIMT_ENGINE_H

#include "tests/simt/simt_emulator.h"
#include "tests/simt/simt_tsan.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include <map>
#include <memory>
#include <vector>

#if defined(SIMT_ASAN) /* only what it is linked with has the checks */
#elif defined(__SANITIZE_ADDRESS__)
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

namespace simt {

enum : size_t { STACK_BYTES = 128 << 10, STATIC_SHARED_MAX = 48 << 10 };
/* Blocks that run at the same time: more than one, so that the order between blocks matters too. */
enum : unsigned { RESIDENT_BLOCKS = 3, RESIDENT_CLUSTERS = 2, WARP = 32, THREADS_MAX = 1024 };

struct Block;
struct Thread;
struct Warp;

/* A stack and its saved context.  The launching OS thread is one as well. */
struct Fiber {
  ucontext_t context; /* its beginning, then, without QUICK_SWITCH, where it is suspended */
  void *place[5];     /* with QUICK_SWITCH: where it is suspended */
  bool suspended = false;
  void *mapping = nullptr; /* guard page, then the stack */
  const void *bottom = nullptr;
  size_t size = 0;
  void *fake_stack = nullptr; /* AddressSanitizer's */
  Thread *thread = nullptr;   /* what it runs */
  bool entered = false;
  /* ThreadSanitizer's */
  void *tsan = nullptr, *carrier = nullptr;
  char issued = 0; /* the edge from it to its carrier */
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
  uint64_t turn;         /* the cluster's when it arrived there */
  bool arrived;          /* at the cluster's barrier, and has not waited yet */
  const void *sleeps_on; /* a flag, an mbarrier or a packet */
};

struct Warp {
  std::vector<Thread *> ready;
  size_t place;                    /* in the engine's list of ready warps, while it has a ready thread */
  std::map<unsigned, Turns> syncs; /* by their mask */
};

struct SharedArray {
  const void *key;
  void *memory;
  size_t bytes;
};

/* The barrier of a cluster. */
struct Cluster {
  std::vector<Block *> blocks;
  unsigned arrived = 0, closed = 0;
  Turns turns;
};

struct Block {
  std::shared_ptr<Cluster> cluster;
  unsigned rank;
  std::vector<Thread> threads;
  std::vector<Warp> warps;
  unsigned running, at_barrier, exited; /* running: ready or on the processor */
  std::unique_ptr<Turns> syncs;         /* new for every block, as its edges are */
  std::vector<SharedArray> shared;
  void *dynamic;
};

/* Bytes on their way into a block's shared memory. */
struct Flight {
  const Block *target;
  char *to;
  uint64_t *bar;
  const void *from; /* global memory, or NULL: `value` */
  uint4 value;
  unsigned bytes;
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

inline void *poisoned(size_t bytes) {
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
  void sleep_on(const void *address, Site site);
  void wake(const void *address);
  void mbarrier_init(uint64_t *word);
  void mbarrier_expect(uint64_t *word, unsigned bytes, Site site);
  void mbarrier_wait(uint64_t *word, unsigned parity, Site site);
  void store_async(const void *own, uint64_t *bar, unsigned rank, uint4 value, Site site, void *caller);
  void copy_bulk(const void *own, const void *from, unsigned bytes, uint64_t *bar, unsigned ranks, Site site,
                 void *caller);
  uint64_t warp_exchange(WarpOp op, unsigned mask, uint64_t value, unsigned source, Site site);
  void *shared_array(const void *key, size_t bytes);
  void *shared_dynamic() { return running_->thread->owner->dynamic; }
  unsigned lane() const { return running_->thread->number % WARP; }

  /* Edges of what the running thread comes to. */
  const char *block_edge() const { return running_->thread->owner->syncs->edge(); }
  const char *warp_edge(unsigned mask) const { return running_->thread->warp->syncs[mask].edge(); }
  const char *arrive_edge() const { return running_->thread->owner->cluster->turns.edge(); }
  const char *wait_edge() const {
    return running_->thread->owner->cluster->turns.edge(running_->thread->turn);
  }
  const char *issue_edge() const { return &running_->issued; }
  const char *fence_edge() const { return &fence_; }

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
  Warp *draw_warp();
  Thread *next_thread();
  void wait();
  void make_ready(Thread *thread);
  void thread_exits(Thread *thread);
  bool admit_cluster();
  void admit_block(uint32_t number, const std::shared_ptr<Cluster> &cluster);
  int refuse_launch(uint64_t blocks, size_t threads);
  void enter_launch();
  void leave_launch();
  void run_thread(Fiber *fiber);
  void forget(Fiber *fiber);
  void depart(const Flight &flight, void *caller);
  void end_phase(const uint64_t *word);
  void land();
  void check_flights(const Block *block);
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
  std::vector<Thread *> sleepers_; /* who waits for flags, mbarriers and packets */
  std::vector<Flight> flights_;
  unsigned live_ = 0;             /* resident blocks */
  std::vector<Warp *> ready_;     /* warps with a ready thread */
  Warp *favourite_ = nullptr;     /* the one that runs ahead */
  size_t stretch_ = 1;            /* threads that it runs on average before another one is drawn */
  unsigned laggard_ = UINT32_MAX; /* blockIdx.x of the blocks that fall behind */
  std::vector<std::unique_ptr<Block>> blocks_; /* slots for resident blocks, reused */
  std::vector<Block *> free_blocks_;
  std::vector<std::unique_ptr<Fiber>> fibers_;
  std::vector<Fiber *> free_fibers_, used_fibers_; /* used: in this launch, under ThreadSanitizer */
  Fiber main_, *running_ = &main_, *previous_ = nullptr;
  void *tsan_ = nullptr, *host_ = nullptr; /* ThreadSanitizer's fibers of the engine and of who launches */
  char start_ = 0, end_ = 0, fence_ = 0;   /* edges of the launch */

  friend class Visit;
};

/* One engine an OS thread (simt_emulator.cpp), known from its first launch on.  A pointer: the thread's own object
 * would be asked at each use whether it has been constructed. */
extern __thread Engine *engine;

/* The call of a running thread into the engine, as ThreadSanitizer sees it: before it the thread releases
 * what it did to one edge, after it acquires what others did from another; NULL: no edge. */
class Visit {
public:
  explicit Visit(const void *before = nullptr, const void *after = nullptr) : after_(after) {
    if (before != nullptr) tsan::release(before);
    tsan::run(engine->tsan_);
  }
  ~Visit() {
    tsan::run(engine->running_->tsan);
    if (after_ != nullptr) tsan::acquire(after_);
  }
  Visit(const Visit &) = delete;
  Visit &operator=(const Visit &) = delete;

private:
  const void *after_;
};

} // namespace simt

#endif
