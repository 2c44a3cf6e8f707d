/* test_soft_clocks.cpp - the race detector against plain vector clocks, on random launches.
 *
 * The oracle has a clock for every pair of threads and remembers every access: slow, and nothing to get wrong
 * (Mattern, "Virtual time and global states", 1988).  It does the same things as the detector, one by one:
 * stores, loads, releases, acquires, fences, atomics, and all barriers.  The detector must never see a race
 * that the oracle does not; it must see every race with the last store and the last load of a place, which it
 * never forgets.
 */
#include "tests/check.h"
#include "tests/soft/order_world.h"

#include <map>

using namespace soft;

namespace {

enum {
  BLOCKS = 4,
  CLUSTER = 2,
  THREADS = World::THREADS,
  ALL = BLOCKS * THREADS,
  PLACES = 6,
  FLAGS = 3,
  RECKLESS = 20
};

typedef std::vector<uint32_t> Vector; /* by thread: how far its work is known */

void join(Vector &a, const Vector &b) {
  for (size_t i = 0; i < a.size(); i++) a[i] = std::max(a[i], b[i]);
}

struct Event {
  int thread;
  uint32_t time;
  Plays play;
};
struct History {
  std::vector<Event> stores, loads; /* loads: since the last store */
};

/* What a flag's last store gives, and to whom. */
struct Gift {
  Vector clock;
  int block;
  Scope scope;
};

struct Oracle {
  std::vector<Vector> clock = std::vector<Vector>(ALL, Vector(ALL, 0));
  /* Of threads, by scope: seen by relaxed loads, and known at a fence. */
  std::vector<std::vector<Gift>> pending = std::vector<std::vector<Gift>>(ALL);
  std::vector<std::map<Scope, Vector>> fenced = std::vector<std::map<Scope, Vector>>(ALL);
  std::map<uint64_t, History> places;
  std::map<uint64_t, std::pair<int, std::vector<Gift>>> flags; /* who stored last, what it gives */
  std::vector<Vector> arrived = std::vector<Vector>(BLOCKS / CLUSTER, Vector(ALL, 0)); /* by cluster */

  Oracle() {
    for (int t = 0; t < ALL; t++) clock[(size_t)t][(size_t)t] = 1;
  }
  Vector &of(int t) { return clock[(size_t)t]; }
  uint32_t &own(int t) { return of(t)[(size_t)t]; }

  static Scope holding(int a, int b) {
    return a == b ? Scope::cta : a / CLUSTER == b / CLUSTER ? Scope::cluster : Scope::gpu;
  }
  bool knows(int t, const Event &old) { return of(t)[(size_t)old.thread] >= old.time; }
  static bool both_strong(const Event &a, const Event &b) {
    const Play &x = plays[a.play], &y = plays[b.play];
    return x.strength != Strength::weak && y.strength != Strength::weak &&
           std::min(x.scope, y.scope) >= holding(a.thread / THREADS, b.thread / THREADS);
  }
  bool race(int t, Plays play, const Event &old) { return !knows(t, old) && !both_strong({t, 0, play}, old); }

  /* A strong store happens before what follows a strong load that has seen it. */
  bool last_seen(int t, const History &h) {
    const auto sees = [&](const Event &load) { return both_strong(load, h.stores.back()) && knows(t, load); };
    return std::any_of(h.loads.begin(), h.loads.end(), sees);
  }

  /* `possible`: there is a race, unless one has seen the other's store.  `certain`: there is one with the
   * last store, or with the last load. */
  void access(int t, Plays play, uint64_t place, bool *possible, bool *certain) {
    History &h = places[place];
    for (const Event &store : h.stores) *possible |= race(t, play, store);
    if (!h.stores.empty()) *certain |= race(t, play, h.stores.back()) && !last_seen(t, h);
    if (plays[play].does != Does::load) {
      for (const Event &load : h.loads) *possible |= race(t, play, load);
      if (!h.loads.empty()) *certain |= race(t, play, h.loads.back());
    }
  }
  void remember(int t, Plays play, uint64_t place) {
    History &h = places[place];
    if (plays[play].does != Does::load) h.loads.clear();
    (plays[play].does == Does::load ? h.loads : h.stores).push_back({t, own(t), play});
  }

  void take(int t, const Gift &gift, bool now) {
    if (now)
      join(of(t), gift.clock);
    else
      pending[(size_t)t].push_back(gift);
  }
  /* Releases, acquires and atomics on a flag. */
  void flag(int t, Plays play, uint64_t place) {
    const Play &p = plays[play];
    auto &at = flags[place];
    if (p.does != Does::store)
      for (const Gift &gift : at.second)
        if (holding(t / THREADS, gift.block) <= std::min(gift.scope, p.scope))
          take(t, {gift.clock, gift.block, std::min(gift.scope, p.scope)}, p.strength == Strength::acquire);
    if (p.does == Does::load) return;
    if (p.does == Does::store && at.first != t) at.second.clear();
    for (Gift &gift : at.second) gift.scope = std::min(gift.scope, p.scope);
    at.first = t;
    if (p.strength == Strength::release) {
      at.second.push_back({of(t), t / THREADS, p.scope});
    } else {
      for (const auto &known : fenced[(size_t)t])
        at.second.push_back({known.second, t / THREADS, std::min(known.first, p.scope)});
    }
    if (p.strength == Strength::release) own(t)++;
  }
  void fence(int t, Scope scope) {
    for (const Gift &gift : pending[(size_t)t])
      if (holding(t / THREADS, gift.block) <= std::min(gift.scope, scope)) join(of(t), gift.clock);
    for (const Scope s : {Scope::cta, Scope::cluster, Scope::gpu})
      if (s <= scope) fenced[(size_t)t][s] = of(t);
    own(t)++;
  }
  /* Those threads know all of each other. */
  void meet(const std::vector<int> &threads) {
    Vector all(ALL, 0);
    for (const int t : threads) join(all, of(t));
    for (const int t : threads) of(t) = all, own(t)++;
  }
  void arrive(int block) {
    for (int t = block * THREADS; t < (block + 1) * THREADS; t++) {
      join(arrived[(size_t)(block / CLUSTER)], of(t));
      own(t)++;
    }
  }
  void wait(int block) {
    for (int t = block * THREADS; t < (block + 1) * THREADS; t++)
      join(of(t), arrived[(size_t)(block / CLUSTER)]);
  }
};

std::vector<int> members_of(int block, unsigned warp, uint32_t lanes) {
  std::vector<int> threads;
  for (unsigned lane = 0; lane < WARP; lane++)
    if (lanes >> lane & 1u) threads.push_back(block * THREADS + (int)(warp * WARP + lane));
  return threads;
}

struct Outcome {
  bool seen = false, possible = false, certain = false;
  std::string what;
};

/* One random thing, done by both.  Few threads take part, so that they meet. */
struct Pair {
  World world{BLOCKS, CLUSTER};
  Oracle oracle;
  Outcome out;

  static int thread() {
    const unsigned some[] = {0, 1, 5, 40};
    return (int)check_below(BLOCKS) * THREADS + (int)some[check_below(4)];
  }
  /* False if it is left undone: most accesses that would race are. */
  bool access(int t, Plays play, uint64_t place) {
    bool possible = false, certain = false;
    oracle.access(t, play, place, &possible, &certain);
    if (possible && check_below(RECKLESS) != 0) return false;
    out.possible = possible;
    out.certain = certain;
    oracle.remember(t, play, place);
    try {
      world.act(t / THREADS, (unsigned)t % THREADS, play, global_at(place));
    } catch (const Fault &race) {
      out.seen = true;
      out.what = race.what();
    }
    return !possible && !out.seen;
  }
  void plain(int t) { access(t, check_below(2) ? LD : ST, 16 * (uint64_t)check_below(PLACES)); }
  void flag(int t) {
    const Plays some[] = {RELEASE, ACQUIRE, RELEASE_CLUSTER, ACQUIRE_CLUSTER, RELAXED_ST, RELAXED_LD,
                          ADD,     RELEASE, ACQUIRE,         ADD_RELEASE,     ADD_ACQUIRE};
    const Plays play = some[check_below((int64_t)COUNT(some))];
    const uint64_t place = 4096 + 64 * (uint64_t)check_below(FLAGS);
    if (access(t, play, place)) oracle.flag(t, play, place);
  }
  void barrier(int t) {
    const int block = t / THREADS;
    const unsigned warp = (unsigned)(t % THREADS) / WARP;
    const int64_t which = check_below(8);
    if (which == 0) {
      for (int b = block / CLUSTER * CLUSTER, i = 0; i < CLUSTER; i++)
        world.arrive(b + i), oracle.arrive(b + i);
      if (check_below(2)) plain(t);
      for (int b = block / CLUSTER * CLUSTER, i = 0; i < CLUSTER; i++) world.wait(b + i), oracle.wait(b + i);
      oracle.arrived[(size_t)(block / CLUSTER)].assign(ALL, 0);
    } else if (which < 4) {
      const uint32_t lanes = which == 1 ? uint32_t(ALL_LANES) : which == 2 ? 0x3u : 0x22u;
      world.bar_warp_sync(block, warp, lanes);
      oracle.meet(members_of(block, warp, lanes));
    } else {
      world.bar_sync(block);
      std::vector<int> all = members_of(block, 0, ALL_LANES), more = members_of(block, 1, ALL_LANES);
      all.insert(all.end(), more.begin(), more.end());
      oracle.meet(all);
    }
  }
  void fence(int t) {
    const bool wide = check_below(3) != 0;
    world.fence(t / THREADS, (unsigned)t % THREADS, wide ? FENCE : FENCE_CTA);
    oracle.fence(t, wide ? Scope::gpu : Scope::cta);
  }
  /* Until the first race, or for so many things. */
  void play(int things) {
    for (int i = 0; i < things && !out.possible && !out.seen; i++) {
      const int t = thread();
      const int64_t which = check_below(20);
      if (which < 3)
        plain(t);
      else if (which < 11)
        flag(t);
      else if (which < 16)
        barrier(t);
      else
        fence(t);
    }
  }
};

} // namespace

int main() {
  check_start();
  enum { LAUNCHES = 3000, THINGS = 60 };
  long false_alarms = 0, missed = 0, races = 0, clean = 0;
  std::string said;
  for (int i = 0; i < LAUNCHES; i++) {
    Pair pair;
    pair.play(THINGS);
    const Outcome &out = pair.out;
    races += out.certain && out.seen;
    clean += !out.possible && !out.seen;
    missed += out.certain && !out.seen;
    if (!out.possible && out.seen) false_alarms++, said = out.what;
  }
  check_record(false_alarms == 0, said.c_str(), "no false alarm in %d random launches", LAUNCHES);
  CHECK(missed == 0, "no race with the last store or the last load is missed");
  CHECK(races > LAUNCHES / 10 && clean > LAUNCHES / 10, "both happen: %ld races, %ld in order", races, clean);
  return check_finish();
}
