/* order_past.h - what a thread knows of the others: the vector clocks of the race detector, made small.
 *
 * A vector clock of every thread would be the number of threads squared.  Here a warp's work is cut into
 * segments, numbered through the whole device in the order in which they begin; a new one begins after
 * anything by which others may come to know what was done before (a barrier, a release, an arrival).  So "what
 * that block did before segment n" is exact, and one number does for a block after bar.sync.  What single
 * warps and lanes have released without bar.sync stands beside it, in clauses.
 * After Flanagan and Freund, "FastTrack", PLDI 2009, where the numbers are called epochs.
 */
#ifndef SOFT_ORDER_PAST_H
#define SOFT_ORDER_PAST_H

#include "tests/soft/order.h"

#include <vector>

namespace soft {

/* Who did what a segment holds.  An mbarrier is a block of its own, numbered from MBARRIERS: what lands in a
 * phase of it is a segment. */
enum : uint32_t { MBARRIERS = 1u << 31 };
struct Owner {
  uint32_t block, warp;
};

/* Facts about others; a thing once published does not change. */
struct Knowledge {
  /* Everything that block first + i did before segment before[i]. */
  uint32_t first = 0;
  std::vector<uint32_t> before;
  /* What those lanes did before that segment.  Sorted by block, warp and lanes. */
  struct Clause {
    uint32_t block, warp, lanes, before;
  };
  std::vector<Clause> clauses;

  uint32_t of_block(uint32_t block) const {
    return block - first < before.size() ? before[block - first] : 0;
  }
  /* Whether it holds what one of the lanes did in that segment. */
  bool holds(Owner owner, uint32_t lanes, uint32_t segment) const;
  void add_block(uint32_t block, uint32_t before);
  void add_clause(const Clause &clause);
  void join(const Knowledge &other);
  bool empty() const { return before.empty() && clauses.empty(); }
};
typedef std::shared_ptr<const Knowledge> View;

View joined(const View &a, const View &b);

/* Whether the thread knew what one of the lanes of the owner did in that segment. */
bool past_holds(const Past &past, Owner owner, uint32_t lanes, uint32_t segment);
/* All of a past, to be given to others.  `last`: the last segment of the thread's warp.  `lanes`: of the warp,
 * if others have the same past; 0: the thread alone. */
View published(const Past &past, uint32_t last, uint32_t lanes = 0);

} // namespace soft

#endif
