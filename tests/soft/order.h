/* order.h - data races by happens-before, as the PTX memory model orders what threads do.
 *
 * Two accesses of one place, one of them a store, by two threads, are a race unless one happens before the
 * other or both are strong (relaxed or more, of one size, with scopes that hold both threads).  What orders
 * accesses: bar.sync the threads of a block, bar.warp.sync lanes of a warp, a cluster barrier the blocks of a
 * cluster, a release that an acquire has seen, the end of an mbarrier's phase whoever waited for it, and the
 * end of a launch everything.
 *
 *   order.cpp         launches, blocks, barriers: who knows of whom
 *   order_access.cpp  loads and stores: the check
 *   order_sync.cpp    releases, acquires, fences
 *   order_async.cpp   asynchronous copies and mbarriers
 *   order_past.h      what a thread knows; order_shadow.h: who touched a place last
 */
#ifndef SOFT_ORDER_H
#define SOFT_ORDER_H

#include "tests/soft/ptx.h"

#include <stdint.h>

#include <memory>

namespace soft {

struct Block;
struct Launch;
struct Knowledge;
struct BlockOrder;

/* The order's part of a block: made by block_begins, gone after block_ends. */
struct Clock {
  std::shared_ptr<BlockOrder> order;
};

/* What a thread knows at some moment (order_past.h). */
struct Past {
  std::shared_ptr<const Knowledge> others; /* NULL: nothing */
  uint32_t block = 0, thread = 0;
  /* It knows the accesses before these segments: of all its block, of its warp, its own. */
  uint32_t of_block = 0, of_warp = 0, of_own = 0;
};

/* What the sender of an asynchronous copy knew, kept until it lands. */
struct Ticket {
  Past past;         /* before the copy */
  Past proxied;      /* a bulk copy: before the last fence.proxy.async */
  uint32_t last = 0; /* segment of the sender's warp */
  uint32_t instruction = 0;
  bool bulk = false;
};

enum class Does : uint8_t { load, store, atomic };

class Order {
public:
  Order();
  ~Order();
  bool on = true; /* SEQGPU_SOFT_RACES=0 switches it off; not to be changed while a launch runs */

  void launch_begins(const Launch &launch);
  void launch_ends();
  void block_begins(Block &block); /* its warps and its shared memory are there */
  void block_ends(Block &block);
  void memory_released(uint64_t address, size_t bytes); /* cudaFree */

  /* What `lanes` do at once, after memory has been found to be there and before a store is done.  Orders and
   * checks; throws Fault on a race.  `bytes`: of the whole access of a lane, vector included.  `shared`: the
   * block in whose shared memory the addresses are offsets, NULL for global memory; lanes that differ in it
   * need a call each.  `instruction` is one of the launch's kernel. */
  void access(Warp &warp, const Instruction &instruction, uint32_t lanes, Does what, Block *shared,
              const uint64_t addresses[WARP], unsigned bytes);
  void fence(Warp &warp, uint32_t lanes, const Access &access);
  void fence_proxy(Warp &warp, uint32_t lanes); /* fence.proxy.async */

  void warp_barrier(Warp &warp, uint32_t members);
  void block_barrier(Block &block); /* all warps have come */
  /* The barrier of a cluster: what lanes give when they arrive with release, and what they take when they
   * have waited with acquire; to be called when the wait succeeds. */
  void cluster_arrive(Warp &warp, uint32_t lanes, bool release);
  void cluster_wait(Warp &warp, uint32_t lanes, bool acquire);

  /* Asynchronous copies: `bar` is an offset in the target's shared memory, `phase` the one that the bytes
   * count in; `from`: global memory, or 0. */
  Ticket issue(Warp &warp, const Instruction &instruction, unsigned lane, bool async_proxy);
  void lands(const Ticket &ticket, Block &target, uint32_t to, unsigned bytes, uint32_t bar, uint64_t phase,
             uint64_t from);
  /* An arrival (with release) by a lane in a phase of an mbarrier, and the acquire of who has waited for the
   * end of that phase. */
  void mbarrier_arrive(Warp &warp, unsigned lane, Block &target, uint32_t bar, uint64_t phase);
  void mbarrier_acquire(Warp &warp, unsigned lane, Block &target, uint32_t bar, uint64_t phase,
                        Scope scope = Scope::cluster);

  struct State;

private:
  std::unique_ptr<State> state_;
};

} // namespace soft

#endif
