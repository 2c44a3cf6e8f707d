/* chain.h - how long the chain of dependences of a launch is, in estimated cycles.
 *
 * Each warp issues one instruction a cycle, when its sources are ready; a result is ready after the latency of its
 * instruction (meaning.cpp).  PTX is not in the order of the machine code: ptxas moves loads to the front, and what
 * waits for them back.  So between one branch, barrier or wait and the next an instruction issues as soon as its
 * sources are ready and the stores that it must not overtake have issued, as if ptxas had found the best order; the
 * branch issues when all before it have.  What ties warps together carries time from one to the other:
 *
 *   bar.sync                   from the last to arrive, to all warps of the block
 *   the cluster's barrier      likewise, of the cluster
 *   strong stores and loads    from the store to who waits for its value: the first store of the place from
 *                              which on its comparison comes out as it does
 *   st.async, bulk copies      from the sender to the phase of the mbarrier, and to who waits for its end
 *
 * Warps do not compete for issue slots or bandwidth, all blocks run at the same time, and caches always hit
 * the second level: the chain is what no number of warps can hide, and less than a time.  It depends on the
 * data and not on the schedule.
 */
#ifndef SOFT_CHAIN_H
#define SOFT_CHAIN_H

#include "tests/soft/machine.h"
#include "tests/soft/meaning.h"

#include <algorithm>
#include <unordered_map>

namespace soft {

/* The time of a warp. */
struct Timing {
  /* What an instruction that turns out not to be executed yet must be given back. */
  struct Moment {
    uint64_t next = 0;   /* the earliest that an instruction issues, since the last that none may cross */
    uint64_t count = 0;  /* cycles to issue all since then, */
    uint64_t latest = 0; /* and the end of the last of them */
    uint64_t stored[2] = {}, loaded[2] = {}; /* the last store and load: to shared memory, to global memory */
    uint64_t barriers = 0;                   /* of its block that it has come to */
    bool joins = false;                      /* the last of them has not been left yet */
    const Instruction *last = nullptr;
    uint64_t last_ready = 0; /* the results of `last`, which are not in `ready` yet */
  };
  Moment now, before;
  std::vector<uint64_t> ready; /* by place in the frame */

  /* A flag that was loaded, and not looked at yet. */
  struct Sight {
    Place place;
    uint32_t lanes;
    uint64_t at[WARP];
    size_t shown[WARP]; /* how often there had been a store there */
    uint64_t soonest;   /* the load alone */
    uint64_t latency;   /* of the load */
  };
  std::vector<Sight> sights;
};

class Chain {
public:
  void begin();
  /* The instruction is about to issue.  `extra`: cycles on top of its latency. */
  void issue(Timing *timing, const Warp &warp, const Instruction &instruction, const Meaning &meaning,
             uint32_t lanes, unsigned extra);
  /* It was not executed, and will be tried again. */
  static void again(Timing *timing) { timing->now = timing->before; }
  /* The warp has left the kernel. */
  void leave(const Timing &timing) { longest_ = std::max(longest_, timing.now.next); }
  uint64_t longest() const { return longest_; }

private:
  /* Where several meet, by turns: of one turn and the next at the same time. */
  struct Meeting {
    uint64_t turn[2] = {UINT64_MAX, UINT64_MAX}, at[2] = {0, 0};
    void come(uint64_t turn, uint64_t at);
    uint64_t end(uint64_t turn) const;
  };
  struct Shown {
    uint64_t value, at;
  };

  static uint64_t in_order(Timing::Moment *now, const Instruction &instruction, const Meaning &meaning,
                           uint64_t at);
  uint64_t meet(Timing *timing, const Warp &warp, const Instruction &instruction, const Meaning &meaning,
                uint32_t lanes, uint64_t at);
  void arrive(const Warp &warp, const Instruction &instruction, const Meaning &meaning, uint32_t lanes,
              uint64_t at);
  uint64_t wait(const Warp &warp, const Instruction &instruction, uint32_t lanes, uint64_t at);
  void show(const Warp &warp, const Instruction &instruction, uint32_t lanes, uint64_t at);
  uint64_t look(Timing *timing, const Warp &warp, const Instruction &instruction, const Meaning &meaning,
                uint32_t lanes, uint64_t at);
  void judge(Timing *timing, const Warp &warp, const Instruction &instruction, const Meaning &meaning,
             uint32_t lanes);
  Meeting &phases_at(const Warp &warp, uint64_t address, const Mbarrier **mbarrier);

  std::unordered_map<uint64_t, Meeting> blocks_, clusters_; /* by the number of the (first) block */
  std::unordered_map<uint64_t, Meeting> mbarriers_;         /* by block and offset */
  std::unordered_map<uint64_t, std::vector<Shown>> places_; /* by address; first what was there before */
  uint64_t longest_ = 0;
};

} // namespace soft

#endif
