/* order.h - data races by happens-before, as the PTX memory model orders what threads do.
 *
 * Two accesses of one place, one of them a store, by two threads, are a race unless one happens before the
 * other or both are strong (relaxed or more, with scopes that hold both threads).  What orders accesses:
 * bar.sync the threads of a block, bar.warp.sync lanes of a warp, a cluster barrier the blocks of a cluster, a
 * release that an acquire has seen, the end of an mbarrier's phase whoever waited for it, and the end of a
 * launch everything.
 *
 * Each block counts its barriers: an epoch.  An access is stamped with block, thread and epoch.  A block knows
 * of each other block up to which epoch it has seen its work, and a thread may know more, after an acquire of
 * its own; bar.sync joins what the threads of a block know.
 */
#ifndef SOFT_ORDER_H
#define SOFT_ORDER_H

#include "tests/soft/ptx.h"

#include <stdint.h>

#include <memory>
#include <unordered_map>
#include <vector>

namespace soft {

struct Block;
struct Cluster;
struct Launch;

/* What somebody knows: of the block [i], everything before epoch known[i]; and of single threads a little
 * more. */
struct Knowledge {
  std::vector<uint32_t> known; /* by block number; empty: nothing */
  struct Clause {
    uint32_t block, thread, epoch; /* what that thread did up to and in that epoch */
  };
  std::vector<Clause> clauses;
  void join(const Knowledge &other);
  bool empty() const { return known.empty() && clauses.empty(); }
};

/* The order's part of a block. */
struct Clock {
  uint32_t epoch = 1;
  std::vector<uint32_t> warp_epoch; /* by warp: counts bar.warp.sync and bar.sync */
  Knowledge block;                  /* what all its threads know */
  /* by thread, made when first needed */
  std::vector<std::unique_ptr<Knowledge>> acquired; /* since the last bar.sync */
  std::vector<std::unique_ptr<Knowledge>> pending;  /* of relaxed loads, until a fence */
  std::vector<std::unique_ptr<Knowledge>> fenced;   /* what a later relaxed store publishes */
  std::vector<std::unique_ptr<Knowledge>> proxied;  /* what the async proxy sees: since fence.proxy.async */
};

/* What the sender of an asynchronous copy knew, kept until it lands. */
struct Ticket {
  std::shared_ptr<const Knowledge> knowledge;
  uint32_t block = 0, thread = 0, epoch = 0, warp_epoch = 0;
  uint32_t line = 0;
};

enum class Does : uint8_t { load, store, atomic };

/* What an access touches: an address of global memory, or an offset in the shared memory of a block. */
struct Target {
  Block *shared; /* NULL: global memory */
  uint64_t address;
};

class Order {
public:
  Order();
  ~Order();
  bool on = true; /* SEQGPU_SOFT_RACES=0 switches it off */

  void launch_begins(const Launch &launch);
  void launch_ends();
  void block_begins(Block &block);
  void block_ends(Block &block);
  void memory_released(uint64_t address, size_t bytes); /* cudaFree */

  /* A lane's access, after memory has been found to be there.  Orders and checks; throws Fault on a race. */
  void access(Warp &warp, unsigned lane, const Instruction &instruction, Does what, Target target,
              unsigned bytes);
  void fence(Warp &warp, unsigned lane, const Access &access);
  void fence_proxy(Warp &warp, unsigned lane); /* fence.proxy.async */

  void warp_barrier(Warp &warp, uint32_t members);
  void block_barrier(Block &block); /* all warps have come */
  /* The barrier of a cluster: what a warp gives when it arrives with release, and what it takes when it has
   * waited with acquire. */
  void cluster_arrive(Warp &warp, uint32_t lanes, bool release);
  void cluster_wait(Warp &warp, uint32_t lanes, bool acquire);

  /* Asynchronous copies: `bar` is an offset in the target's shared memory. */
  Ticket issue(Warp &warp, unsigned lane, bool async_proxy);
  void lands(const Ticket &ticket, Block &target, uint32_t to, unsigned bytes, uint32_t bar, uint64_t phase,
             uint64_t from /* global memory or 0 */);
  /* An arrival (with release) by a lane on an mbarrier, and the acquire of who has waited for that phase. */
  void mbarrier_arrive(Warp &warp, unsigned lane, Block &target, uint32_t bar, uint64_t phase);
  void mbarrier_acquire(Warp &warp, unsigned lane, Block &target, uint32_t bar, uint64_t phase);

private:
  struct State;
  std::unique_ptr<State> state_;
};

} // namespace soft

#endif
