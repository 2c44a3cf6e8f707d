/* machine.h - the software device while it runs a kernel: warps, blocks, clusters, and their scheduler.
 *
 * Lanes of a warp that stand at the same instruction run together, those at the lowest instruction first, so
 * that they meet again where their ways join.  Warps take turns at random, by a printed seed; a warp runs a
 * stretch of random length and is left at barriers and at polls.  When no warp can go on and nothing is on
 * its way to memory, the launch is a deadlock and ends with a sentence.
 */
#ifndef SOFT_MACHINE_H
#define SOFT_MACHINE_H

#include "tests/soft/device.h"
#include "tests/soft/memory.h"
#include "tests/soft/order.h"
#include "tests/soft/ptx.h"

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace soft {

/* A kernel did what it must not do; what() is the sentence. */
struct Fault : std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct Dim3 {
  uint32_t x, y, z;
  uint64_t count() const { return (uint64_t)x * y * z; }
};

/* One launch: a copy of everything, so that a captured one can be run again. */
struct Launch {
  std::shared_ptr<const Kernel> kernel;
  Dim3 grid, block;
  uint32_t cluster = 1; /* blocks along x */
  bool cooperative = false;
  size_t dynamic_shared = 0;
  std::vector<unsigned char> parameters;
};

struct Group {
  uint32_t pc, lanes;
};

/* Why a warp does not run.  `held` groups are no reason: the warp runs its other lanes. */
enum class Waits : uint8_t { nothing, block_barrier, change, done };

struct Block;

struct Warp {
  unsigned char *frame;
  const unsigned char *constants;
  uint32_t pc, active;       /* the group of lanes that runs */
  uint32_t limit;            /* the lowest pc of the others: where the group meets them */
  uint32_t threads, alive;   /* lanes that there are, and those that have not exited */
  std::vector<Group> others; /* lanes that stand elsewhere, lowest pc first */
  std::vector<Group> held;   /* lanes that wait for others of their warp */
  Block *block;
  unsigned number;                  /* in the block: its first thread is 32 * number */
  Waits waits;                      /* why it does not run */
  uint64_t seen;                    /* Machine::changes at its last unsuccessful poll */
  uint32_t polled_pc;               /* where that was */
  uint64_t polled[WARP];            /* what it saw there */
  uint32_t carry = 0;               /* by lane: what add.cc and its like leave for addc */
  uint64_t cluster_turn;            /* the cluster barrier it has arrived at */
  bool arrived;                     /* at the cluster barrier, and has not waited yet */
  std::vector<unsigned char> local; /* [32][local_bytes] */

  template <class T> const T *in(Place p) const {
    return reinterpret_cast<const T *>((p.constant ? constants : frame) + p.offset);
  }
  template <class T> T *out(Place p) { return reinterpret_cast<T *>(frame + p.offset); }
  /* One lane of an operand of `size` bytes (0: a predicate), without its sign. */
  uint64_t value(Place p, unsigned size, unsigned lane) const {
    switch (size) {
    case 0:
      return *in<uint32_t>(p) >> lane & 1u;
    case 1:
      return in<uint8_t>(p)[lane];
    case 2:
      return in<uint16_t>(p)[lane];
    case 4:
      return in<uint32_t>(p)[lane];
    default:
      return in<uint64_t>(p)[lane];
    }
  }
  void set(Place p, unsigned size, unsigned lane, uint64_t v) {
    switch (size) {
    case 0:
      *out<uint32_t>(p) = (*out<uint32_t>(p) & ~(1u << lane)) | (uint32_t)(v & 1) << lane;
      break;
    case 1:
      out<uint8_t>(p)[lane] = (uint8_t)v;
      break;
    case 2:
      out<uint16_t>(p)[lane] = (uint16_t)v;
      break;
    case 4:
      out<uint32_t>(p)[lane] = (uint32_t)v;
      break;
    default:
      out<uint64_t>(p)[lane] = v;
      break;
    }
  }
};

/* An mbarrier in the shared memory of a block (async.cpp). */
struct Mbarrier {
  uint32_t offset;
  uint32_t count, pending; /* arrivals of a phase, and those still to come */
  int64_t bytes;           /* announced and not landed; below 0: landed before they were announced */
  uint64_t phase;
  uint32_t thread; /* that initialised it */
  bool fenced;     /* fence.mbarrier_init, or the cluster's barrier, has made it known to the cluster */
  bool proxied;    /* fence.mbarrier_init, or fence.proxy.async, has made it known to bulk copies */
};

struct Cluster {
  std::vector<Block *> blocks;       /* by rank; NULL once a block has exited */
  uint32_t arrived = 0, running = 0; /* warps: at the barrier, not exited */
  uint64_t turns = 0;                /* completed barriers */
};

/* The block releases to its cluster: its mbarriers are known there. */
void mbarriers_known(Block &block);

struct Block {
  uint64_t number = 0; /* in the grid, x first */
  Dim3 index;
  uint32_t rank = 0; /* in the cluster */
  std::shared_ptr<Cluster> cluster;
  std::vector<Warp> warps;
  Shared shared;
  std::vector<Mbarrier> mbarriers;
  uint32_t at_barrier = 0, running = 0; /* warps */
  uint32_t bytes_in_flight = 0;         /* to its shared memory */
  Clock clock;                          /* what it knows of the others (order.h) */
};

/* Told of every instruction, where somebody counts them (counters.cpp). */
struct Counters {
  virtual ~Counters() {}
  virtual void begins(const Launch &launch) = 0;
  virtual void ends() = 0;
  /* The instruction is about to be executed.  False: the warp has been put back to an earlier one instead,
   * and sleeps until something changes. */
  virtual bool note(Warp &warp, const Instruction &instruction, uint32_t lanes) = 0;
  /* It was not executed after all, and will be tried again. */
  virtual void again(Warp &warp) = 0;
};

/* The device: one for the process, used under the runtime's lock. */
class Machine {
public:
  Machine();
  /* Runs to the end.  Throws Fault; the device can be used again after it. */
  void run(const Launch &launch);
  /* Gives the global variables of a module their memory: allocations that nobody frees. */
  void load(Module *module);
  size_t loaded = 0; /* how many those are */
  void set_seed(uint64_t seed);
  uint64_t random(uint64_t below); /* in 0..below-1 */

  /* Something happened that a waiting warp may have waited for. */
  void changed() { changes++; }

  /* ---- asynchronous copies (async.cpp) ---- */
  struct Flight {
    Block *target;
    uint32_t to, bar, bytes; /* offsets in its shared memory */
    unsigned char value[16];
    uint64_t from; /* global memory, or 0: `value` */
    Ticket ticket; /* what the sender knew (order.h) */
  };
  std::vector<Flight> flights;
  bool land_one(); /* lets a random one land, or a late store (weak.h); false if there is none */

  Device device;
  Memory memory;
  Order order;
  const Launch *launch = nullptr;
  Counters *counters = nullptr;
  uint64_t changes = 0;
  uint64_t instructions = 0, launches = 0; /* executed: warp instructions, kernels */

  /* ---- for handlers ---- */

  /* The warp has come to the barrier of its block, and goes on once all have. */
  void arrive_at_barrier(Warp &warp);
  /* All warps that run have arrived at the cluster's barrier. */
  void complete_cluster_barrier(Cluster &cluster);
  /* The lanes leave the kernel. */
  void exit_lanes(Warp &warp, uint32_t lanes);
  /* The group waits until the lanes of `members` stand at the same instruction. */
  After hold(Warp &warp, uint32_t members);
  /* Moves the running group to another instruction, with the others as they are. */
  void go_to(Warp &warp, uint32_t pc);

private:
  void admit();
  void start(uint64_t first_block);
  void start_block(Block *block, uint64_t number);
  void start_warp(Warp *warp, Block *block, unsigned number);
  void end(Block *block);
  void step(Warp &warp, uint64_t instructions);
  void settle(Warp &warp);
  void wake_all();
  void clear();
  [[noreturn]] void stuck();
  unsigned char *take_frame();

  uint64_t seed_ = 1, state_ = 1;
  std::vector<std::unique_ptr<Block>> blocks_; /* resident */
  std::vector<uint64_t> waiting_;              /* clusters that were not admitted yet, by first block */
  std::vector<Warp *> ready_, asleep_;
  std::vector<std::unique_ptr<unsigned char[]>> frames_;
  std::vector<unsigned char *> free_frames_;
  uint64_t woken_ = 0;  /* `changes` when the sleepers were last woken */
  uint64_t budget_ = 0; /* instructions left to the launch */
};

Machine &machine();

/* Ends the launch with a sentence: "KERNEL at FILE:LINE (INSTRUCTION), block (x,y,z), thread (x,y,z): ...". */
[[noreturn]] void fault(const Warp &warp, unsigned lane, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* "kernels/async.h:60", and "barrier.cluster.wait" there. */
std::string place_of(const Kernel &kernel, uint32_t line);
/* The name of a kernel as in the source, "recurrence_main<...>", without type and arguments. */
std::string plain_name(const std::string &symbol);

} // namespace soft

#endif
