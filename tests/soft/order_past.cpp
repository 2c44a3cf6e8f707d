/* order_past.cpp - joins of what threads know: order_past.h. */
#include "tests/soft/order_past.h"

#include <algorithm>
#include <tuple>

namespace soft {

typedef Knowledge::Clause Clause;

static bool comes_first(const Clause &a, const Clause &b) {
  return std::tie(a.block, a.warp, a.lanes) < std::tie(b.block, b.warp, b.lanes);
}

bool Knowledge::holds(Owner owner, uint32_t lanes, uint32_t segment) const {
  if (segment < of_block(owner.block)) return true;
  auto at =
      std::lower_bound(clauses.begin(), clauses.end(), Clause{owner.block, owner.warp, 0, 0}, comes_first);
  for (; at != clauses.end() && at->block == owner.block && at->warp == owner.warp; ++at)
    if ((at->lanes & lanes) != 0 && segment < at->before) return true;
  return false;
}

/* The blocks of a cluster, or of a grid that is resident, are neighbours: a range of numbers is small. */
void Knowledge::add_block(uint32_t block, uint32_t until) {
  if (before.empty()) first = block;
  if (block < first) {
    before.insert(before.begin(), first - block, 0);
    first = block;
  }
  if (block - first >= before.size()) before.resize(block - first + 1, 0);
  before[block - first] = std::max(before[block - first], until);
}

void Knowledge::add_clause(const Clause &clause) {
  if (clause.before <= of_block(clause.block)) return;
  auto at = std::lower_bound(clauses.begin(), clauses.end(), clause, comes_first);
  if (at != clauses.end() && !comes_first(clause, *at))
    at->before = std::max(at->before, clause.before);
  else
    clauses.insert(at, clause);
}

void Knowledge::join(const Knowledge &other) {
  if (!other.before.empty()) {
    add_block(other.first, 0);
    add_block(other.first + (uint32_t)other.before.size() - 1, 0);
    uint32_t *to = before.data() + (other.first - first);
    const uint32_t *from = other.before.data();
    for (size_t i = 0; i < other.before.size(); i++) to[i] = std::max(to[i], from[i]);
  }
  if (clauses.empty() && other.clauses.empty()) return;
  std::vector<Clause> all;
  all.reserve(clauses.size() + other.clauses.size());
  auto a = clauses.begin(), b = clauses.end();
  auto c = other.clauses.begin(), d = other.clauses.end();
  while (a != b || c != d) {
    Clause next;
    if (c == d || (a != b && comes_first(*a, *c)))
      next = *a++;
    else if (a == b || comes_first(*c, *a))
      next = *c++;
    else
      next = *a++, next.before = std::max(next.before, c++->before);
    if (next.before > of_block(next.block)) all.push_back(next);
  }
  clauses.swap(all);
}

View joined(const View &a, const View &b) {
  if (!b || b->empty() || a == b) return a;
  if (!a || a->empty()) return b;
  auto both = std::make_shared<Knowledge>(*a);
  both->join(*b);
  return both;
}

bool past_holds(const Past &past, Owner owner, uint32_t lanes, uint32_t segment) {
  if (owner.block == past.block) {
    if (segment < past.of_block) return true;
    if (owner.warp == past.thread / WARP &&
        (segment < past.of_warp || (segment < past.of_own && (lanes >> past.thread % WARP & 1u) != 0)))
      return true;
  }
  return past.others && past.others->holds(owner, lanes, segment);
}

View published(const Past &past, uint32_t last, uint32_t lanes) {
  const bool worked = last >= past.of_block; /* since the last bar.sync */
  if (past.others && past.of_block <= past.others->of_block(past.block) && !worked) return past.others;
  auto all = past.others ? std::make_shared<Knowledge>(*past.others) : std::make_shared<Knowledge>();
  const uint32_t warp = past.thread / WARP, own = 1u << past.thread % WARP;
  if (past.of_block > 0) all->add_block(past.block, past.of_block);
  if (worked && past.of_warp > past.of_block) all->add_clause({past.block, warp, ALL_LANES, past.of_warp});
  if (worked && past.of_own > past.of_warp && last >= past.of_warp)
    all->add_clause({past.block, warp, own | lanes, past.of_own});
  return all;
}

} // namespace soft
