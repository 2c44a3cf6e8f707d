/* order_state.h - all that the race detector keeps of a launch: segments, blocks, warps, threads. */
#ifndef SOFT_ORDER_STATE_H
#define SOFT_ORDER_STATE_H

#include "tests/soft/machine.h"
#include "tests/soft/order_past.h"
#include "tests/soft/order_shadow.h"

#include <map>
#include <string>
#include <unordered_map>

namespace soft {

/* ---- releases: what a strong store gives to who reads it (order_sync.cpp) ---- */

/* Given at once by one author; who reads it must be in the scope, and have the author in its own. */
struct Gift {
  uint32_t block; /* of the author */
  Scope scope;
  View view;
};
struct Gifts {
  Stamp stamp = 0;                /* the store that they came with: another one at the place ends them */
  uint32_t block = 0, thread = 0; /* who stored */
  std::vector<Gift> all;
  void add(const Gift &gift);
};

/* Scopes that tell apart: cta, cluster, gpu. */
enum : unsigned { LEVELS = 3 };

/* What few threads have, beside what their warp has. */
struct Fences {
  View pending[LEVELS]; /* seen by relaxed loads: a fence of that scope makes it known */
  View fenced[LEVELS];  /* known at the last fence of that scope: relaxed stores give it away */
  Past proxied;         /* at the last fence.proxy.async */
  bool has_proxied = false;
};

struct ThreadOrder {
  View known; /* NULL: what its warp knows */
  std::unique_ptr<Fences> fences;
};

struct WarpOrder {
  uint32_t segment = 0;   /* in which it works; 0: the next access begins one */
  uint32_t last = 0;      /* the last that it began */
  uint32_t synced = 0;    /* its lanes know of each other what they did before */
  Stamp shared_floor = 0; /* older stamps in its block's shared memory are known to all its lanes */
  View known;             /* NULL: what its block knows */
  /* After bar.warp.sync of some lanes: what lane [i] knows of lane [j]. */
  std::unique_ptr<uint32_t[][WARP]> pairs;
  uint64_t turn = 0;    /* of the cluster barrier, counted at arrivals */
  uint32_t arrived = 0; /* lanes, in that turn */
};

/* Lanes that have sent bytes by one instruction. */
struct Senders {
  Past past;
  uint32_t last, lanes;
};

/* An mbarrier: what a phase of it gives.  [0]: came from its own block, [1] from the cluster. */
struct BarrierOrder {
  uint32_t number[2]; /* its numbers as owners of segments */
  uint64_t phase = 0;
  uint32_t segment[2] = {0, 0}; /* of the bytes that landed in the phase */
  View ended[2], current[2];    /* given by the phases before, and by this one */
  std::vector<Senders> senders; /* who have given to this phase, and are not in `current` yet */
  /* The last acquire: most threads that wait know the same and get the same. */
  View asked, answer;
  uint64_t answered = 0;            /* phase */
  Scope answer_scope = Scope::none; /* none: no answer */
};

struct ClusterOrder;

/* Bytes that have landed: a segment, and the mbarrier's number as its owner. */
struct Landing {
  uint32_t number, segment;
};

struct BlockOrder {
  uint32_t number = 0;
  uint32_t begin = 0;  /* segments before it are another block's */
  uint32_t last = 0;   /* segment that a warp of it began */
  uint32_t synced = 0; /* all its threads know of each other what they did before: bar.sync */
  View known;
  bool learnt = false;           /* some warp or thread knows more than the block */
  bool visited = false;          /* a peer has touched its shared memory */
  std::vector<Landing> landings; /* in its shared memory, that not all its threads know of */
  std::vector<WarpOrder> warps;
  std::vector<ThreadOrder> threads;
  Shadow shadow; /* of its shared memory */
  std::unordered_map<uint32_t, BarrierOrder> barriers;
  std::shared_ptr<ClusterOrder> peers;
  const Block *self = nullptr;
};

/* A turn of a cluster's barrier. */
struct ClusterTurn {
  View given;
  std::vector<Knowledge::Clause> arrivals;
  bool complete = false;
  View asked, answer; /* of the last wait: most warps know the same */
};
struct ClusterOrder {
  std::vector<BlockOrder *> blocks; /* resident */
  std::vector<uint32_t> numbers;    /* of all */
  std::map<uint64_t, ClusterTurn> turns;
};

struct Order::State {
  const Launch *launch = nullptr;
  uint32_t next = 1;             /* segment */
  uint32_t first = 1;            /* segment of the launch */
  std::vector<Owner> owners;     /* of the segments from `first` */
  uint32_t barriers = MBARRIERS; /* next number */
  Shadow global;
  uint64_t base = 0;                         /* of global memory */
  std::vector<Shadow> spare;                 /* of blocks that have ended */
  std::unordered_map<uint64_t, Gifts> gifts; /* by place */
  Gifts sequential;                          /* of fence.sc */
  std::unordered_map<const Cluster *, std::weak_ptr<ClusterOrder>> clusters;

  uint32_t begin_segment(uint32_t block, uint32_t warp) {
    owners.push_back({block, warp});
    return next++;
  }
  Owner owner(Stamp stamp) const { return owners[stamp_segment(stamp) - first]; }
  const Instruction &instruction(Stamp stamp) const { return launch->kernel->code[stamp_instruction(stamp)]; }
  uint32_t index(const Instruction &instruction) const {
    return (uint32_t)(&instruction - launch->kernel->code.data());
  }
  /* The least scope that holds both blocks. */
  Scope holding(uint32_t a, uint32_t b) const {
    if (a == b) return Scope::cta;
    const uint32_t cluster = launch->cluster;
    return a / cluster == b / cluster ? Scope::cluster : Scope::gpu;
  }

  /* order_sync.cpp.  A strong store gives: what stands at the place afterwards, to be stamped; NULL: nothing.
   * A strong load takes, now or at a later fence. */
  Gifts *give(Warp &warp, unsigned lane, const Access &access, bool atomic, uint64_t place, Stamp before);
  void take(Warp &warp, unsigned lane, const Access &access, uint64_t place, Stamp now);
  void take(Warp &warp, unsigned lane, const Gifts &from, Scope scope, bool acquire);
};

inline Scope scope_of(const Access &access) {
  return access.scope == Scope::none ? Scope::sys : access.scope;
}

/* What a thread knows of others now. */
const View &view_of(const BlockOrder &block, unsigned thread);
/* All that it knows; its accesses count up to segment `next`. */
Past past_of(const Warp &warp, unsigned lane, uint32_t next);
/* It knows more now. */
void learn(Warp &warp, unsigned lane, const View &view);
Fences &fences_of(Warp &warp, unsigned lane);
/* Recomputes WarpOrder::shared_floor. */
void raise_floor(const BlockOrder &block, WarpOrder &warp);
/* A peer is about to touch the block's shared memory: from now on the floors must know of peers. */
void mark_visited(BlockOrder &block);
/* What its warp did until now may become known: what follows is another segment. */
inline void cut(Warp &warp) { warp.block->clock.order->warps[warp.number].segment = 0; }

/* ---- sentences (order_report.cpp) ---- */

struct Spot {
  const Block *shared; /* NULL: global memory */
  uint64_t address;
  unsigned bytes;
};
/* Two accesses race: what a lane does, or bytes that land, and what a stamp tells of. */
[[noreturn]] void report_race(const Order::State &state, const Warp &warp, unsigned lane,
                              const Instruction &instruction, const char *what, const Spot &spot, Stamp old,
                              bool old_stored);
[[noreturn]] void report_landing(const Order::State &state, const Ticket &ticket, const char *what,
                                 const Spot &spot, Stamp old, bool old_stored, bool unfenced);

} // namespace soft

#endif
