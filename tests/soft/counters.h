/* counters.h - counts what kernels execute (counts.h), so that none of it depends on the schedule.
 *
 * Waits.  A warp that waits for another loads the same flag again and again, as often as the schedule will.
 * Before its first strong load (or try_wait) a warp is therefore remembered as it is.  If it comes to load an
 * address that it has loaded since, then it has not seen what it waits for: it is put back to where it was,
 * with its counts, its time and what it has stored in shared memory meanwhile, and sleeps until something has
 * changed.  In the end it has executed what it would have if everything had been there at once.  Once it does
 * what others could see (a store to global memory, an arrival, a barrier), it cannot be put back any more.
 */
#ifndef SOFT_COUNTERS_H
#define SOFT_COUNTERS_H

#include "tests/soft/chain.h"
#include "tests/soft/counts.h"
#include "tests/soft/machine.h"

#include <string>
#include <unordered_map>
#include <vector>

namespace soft {

class Counting : public Counters {
public:
  struct Counted {
    std::string kernel;
    uint64_t blocks;
    soft_counts counts;
  };
  std::vector<Counted> launches;

  void begins(const Launch &launch) override;
  void ends() override;
  bool note(Warp &warp, const Instruction &instruction, uint32_t lanes) override;
  void again(Warp &warp) override;

private:
  struct Overwritten { /* in the block's shared memory */
    uint32_t at, bytes;
    unsigned char value[16], valid[16];
  };
  /* A warp as it was before it began to look. */
  struct Before {
    bool kept = false;
    unsigned left = 0; /* instructions until it is forgotten */
    Warp warp;
    std::vector<unsigned char> frame;
    soft_counts counts;
    Timing timing;
    uint64_t changes = 0;               /* Machine::changes then */
    std::vector<uint64_t> looked[WARP]; /* addresses, by lane */
    std::vector<Overwritten> overwritten;
  };
  struct State {
    soft_counts counts = {};
    Timing timing;
    Before before;
    uint8_t last_kind = 0; /* of the last instruction, and what it added */
    unsigned last_lanes = 0, last_slots = 0;
    uint64_t last_flops = 0;
    uint32_t last_looks = 0; /* lanes whose last address is of that instruction */
  };
  struct BlockState {
    std::vector<State> warps;
    unsigned left; /* warps that have not exited */
  };

  State &state_of(const Warp &warp);
  void exits(const Warp &warp, const State &state);
  void keep(State *state, const Warp &warp);
  bool looks(State *state, const Warp &warp, const Instruction &instruction, const Meaning &meaning,
             uint32_t lanes);
  void put_back(State *state, Warp *warp);
  void keep_shared(State *state, const Warp &warp, const Instruction &instruction, uint32_t lanes);
  unsigned request(State *state, const Warp &warp, const Instruction &instruction, const Meaning &meaning,
                   uint32_t lanes);

  std::unordered_map<std::shared_ptr<const Kernel>, std::vector<Meaning>> meanings_; /* by opcode */
  const Meaning *meaning_ = nullptr;                                                 /* of the launch */
  std::unordered_map<uint64_t, BlockState> blocks_;                                  /* by number */
  const Warp *warp_ = nullptr; /* whose state was asked for last */
  State *state_ = nullptr;
  Chain chain_;
};

} // namespace soft

#endif
