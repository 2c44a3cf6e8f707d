/* order_world.h - a launch played by hand for the tests of the race detector: threads do one thing each, in
 * the order of the calls.
 */
#ifndef SOFT_ORDER_WORLD_H
#define SOFT_ORDER_WORLD_H

#include "tests/soft/machine.h"

#include <algorithm>
#include <string>

namespace soft {

/* What a thread can do: an instruction of the kernel, on a source line of its own. */
struct Play {
  const char *name;
  Does does;
  Strength strength;
  Scope scope;
  uint8_t bytes, elements;
};

#define PLAYS(X)                                                                                             \
  X(LD, "ld.f32", load, weak, none, 4, 1)                                                                    \
  X(ST, "st.f32", store, weak, none, 4, 1)                                                                   \
  X(LD_V4, "ld.v4.f32", load, weak, none, 4, 4)                                                              \
  X(ST_V4, "st.v4.f32", store, weak, none, 4, 4)                                                             \
  X(LD_16, "ld.u16", load, weak, none, 2, 1)                                                                 \
  X(ST_16, "st.u16", store, weak, none, 2, 1)                                                                \
  X(ST_8, "st.u8", store, weak, none, 1, 1)                                                                  \
  X(RELEASE, "st.release.gpu.u32", store, release, gpu, 4, 1)                                                \
  X(RELEASE_CLUSTER, "st.release.cluster.u32", store, release, cluster, 4, 1)                                \
  X(RELEASE_CTA, "st.release.cta.u32", store, release, cta, 4, 1)                                            \
  X(ACQUIRE, "ld.acquire.gpu.u32", load, acquire, gpu, 4, 1)                                                 \
  X(ACQUIRE_CLUSTER, "ld.acquire.cluster.u32", load, acquire, cluster, 4, 1)                                 \
  X(ACQUIRE_CTA, "ld.acquire.cta.u32", load, acquire, cta, 4, 1)                                             \
  X(RELAXED_ST, "st.relaxed.gpu.u32", store, relaxed, gpu, 4, 1)                                             \
  X(RELAXED_LD, "ld.relaxed.gpu.u32", load, relaxed, gpu, 4, 1)                                              \
  X(PACKET_ST, "st.relaxed.gpu.v2.b64", store, relaxed, gpu, 8, 2)                                           \
  X(PACKET_LD, "ld.relaxed.gpu.v2.b64", load, relaxed, gpu, 8, 2)                                            \
  X(PACKET_LD_CTA, "ld.relaxed.cta.v2.b64", load, relaxed, cta, 8, 2)                                        \
  X(ADD, "atom.relaxed.gpu.add.u32", atomic, relaxed, gpu, 4, 1)                                             \
  X(ADD_RELEASE, "atom.release.gpu.add.u32", atomic, release, gpu, 4, 1)                                     \
  X(ADD_ACQUIRE, "atom.acquire.gpu.add.u32", atomic, acquire, gpu, 4, 1)                                     \
  X(FENCE, "fence.acq_rel.gpu", load, acq_rel, gpu, 0, 0)                                                    \
  X(FENCE_CTA, "fence.acq_rel.cta", load, acq_rel, cta, 0, 0)                                                \
  X(FENCE_SC, "fence.sc.gpu", load, sc, gpu, 0, 0)                                                           \
  X(ST_ASYNC, "st.async.v4.u32", store, weak, none, 4, 4)                                                    \
  X(BULK, "cp.async.bulk", store, weak, none, 0, 0)

#define NAME_OF(id, ...) id,
#define ROW_OF(id, name, does, strength, scope, bytes, many)                                                 \
  {name, Does::does, Strength::strength, Scope::scope, bytes, many},
enum Plays { PLAYS(NAME_OF) PLAYS_COUNT };
static const Play plays[] = {PLAYS(ROW_OF)};

/* Where: an offset in the shared memory of a block, or in the world's allocation of global memory. */
struct Where {
  int block;
  uint64_t offset;
};
static inline Where shared_at(int block, uint64_t offset) { return {block, offset}; }
static inline Where global_at(uint64_t offset) { return {-1, offset}; }

struct World {
  enum { THREADS = 64, SHARED = 4096, GLOBAL = 1 << 16, FIRST_LINE = 100 };
  Order &order = machine().order;
  Launch launch;
  uint64_t global;
  std::vector<std::unique_ptr<Block>> blocks;

  World(uint32_t count, uint32_t cluster) : global(machine().memory.allocate(GLOBAL)) {
    launch.kernel = kernel();
    launch.grid = {count, 1, 1};
    launch.block = {THREADS, 1, 1};
    launch.cluster = cluster;
    machine().launch = &launch;
    begin();
  }
  ~World() {
    for (auto &block : blocks) order.block_ends(*block);
    order.launch_ends();
    order.memory_released(global, GLOBAL);
    machine().memory.release(global);
    machine().launch = nullptr;
  }
  World(const World &) = delete;
  World &operator=(const World &) = delete;

  static std::shared_ptr<const Kernel> kernel() {
    auto made = std::make_shared<Kernel>();
    made->name = "played";
    made->files = {"played.cu"};
    for (uint32_t i = 0; i < PLAYS_COUNT; i++) {
      Instruction instruction = {};
      instruction.opcode = instruction.line = i;
      instruction.access.strength = plays[i].strength;
      instruction.access.scope = plays[i].scope;
      instruction.access.bytes = plays[i].bytes;
      instruction.access.elements = plays[i].elements;
      made->code.push_back(instruction);
      made->opcodes.push_back(plays[i].name);
      made->lines.push_back({0, FIRST_LINE + i});
    }
    return made;
  }

  /* All blocks anew, in another launch. */
  void begin() {
    for (auto &block : blocks) order.block_ends(*block);
    blocks.clear();
    order.launch_begins(launch);
    std::shared_ptr<Cluster> cluster;
    for (uint32_t i = 0; i < launch.grid.x; i++) {
      if (i % launch.cluster == 0) cluster = std::make_shared<Cluster>();
      blocks.push_back(new_block(i, cluster));
    }
  }
  std::unique_ptr<Block> new_block(uint32_t number, std::shared_ptr<Cluster> cluster) {
    auto block = std::make_unique<Block>();
    block->number = number;
    block->index = {number, 0, 0};
    block->rank = number % launch.cluster;
    block->cluster = cluster;
    cluster->blocks.push_back(block.get());
    block->shared.bytes.resize(SHARED);
    block->warps.resize(THREADS / WARP);
    for (unsigned w = 0; w < block->warps.size(); w++) {
      block->warps[w].block = block.get();
      block->warps[w].number = w;
      block->warps[w].threads = block->warps[w].alive = ALL_LANES;
    }
    order.block_begins(*block);
    return block;
  }
  /* The block leaves, and another takes its place. */
  void replace(int block, uint32_t number) {
    order.block_ends(*blocks[(size_t)block]);
    blocks[(size_t)block] = new_block(number, std::make_shared<Cluster>());
  }

  Warp &warp(int block, unsigned thread) { return blocks[(size_t)block]->warps[thread / WARP]; }

  /* A thread does it. */
  void act(int block, unsigned thread, Plays play, Where where) {
    lanes(block, thread / WARP, 1u << thread % WARP, play, where, 0);
  }
  /* Lanes of a warp do it at once, each `stride` bytes after the one before it. */
  void lanes(int block, unsigned number, uint32_t which, Plays play, Where where, uint64_t stride) {
    uint64_t addresses[WARP];
    for (unsigned lane = 0; lane < WARP; lane++)
      addresses[lane] = (where.block < 0 ? global : 0) + where.offset + lane * stride;
    Warp &w = warp(block, number * WARP);
    w.pc = play;
    const Instruction &instruction = launch.kernel->code[play];
    Block *shared = where.block < 0 ? NULL : blocks[(size_t)where.block].get();
    order.access(w, instruction, which, plays[play].does, shared, addresses,
                 (unsigned)plays[play].bytes * plays[play].elements);
  }
  void fence(int block, unsigned thread, Plays play) {
    order.fence(warp(block, thread), 1u << thread % WARP, launch.kernel->code[play].access);
  }
  void bar_sync(int block) { order.block_barrier(*blocks[(size_t)block]); }
  void bar_warp_sync(int block, unsigned number, uint32_t members = ALL_LANES) {
    order.warp_barrier(warp(block, number * WARP), members);
  }
  void arrive(int block, bool release = true) {
    for (Warp &w : blocks[(size_t)block]->warps) order.cluster_arrive(w, ALL_LANES, release);
  }
  void wait(int block, bool acquire = true) {
    for (Warp &w : blocks[(size_t)block]->warps) order.cluster_wait(w, ALL_LANES, acquire);
  }
  Ticket issue(int block, unsigned thread, Plays play) {
    Warp &w = warp(block, thread);
    w.pc = play;
    return order.issue(w, launch.kernel->code[play], thread % WARP, play == BULK);
  }
  /* 16 bytes at an offset in a block, counted on the mbarrier there. */
  enum { BAR = 2048 };
  void land(const Ticket &ticket, int block, uint32_t to, uint64_t phase, Where from = {0, 0}) {
    order.lands(ticket, *blocks[(size_t)block], to, 16, BAR, phase,
                from.block < 0 ? global + from.offset : 0);
  }
  void wait_phase(int block, unsigned thread, uint64_t phase, Scope scope = Scope::cluster) {
    order.mbarrier_acquire(warp(block, thread), thread % WARP, *blocks[(size_t)block], BAR, phase, scope);
  }
  void arrive_phase(int block, unsigned thread, int at, uint64_t phase) {
    order.mbarrier_arrive(warp(block, thread), thread % WARP, *blocks[(size_t)at], BAR, phase);
  }
  void fence_proxy(int block, unsigned thread) {
    order.fence_proxy(warp(block, thread), 1u << thread % WARP);
  }
};

} // namespace soft

#endif
