/* test_soft_order.cpp - the rules of the race detector, each as a small play: once with a race, whose sentence
 * must name both accesses, and once in order.
 */
#include "tests/check.h"
#include "tests/soft/order_world.h"

using namespace soft;

namespace {

const Where X = global_at(512), Y = global_at(1024), FLAG = global_at(4096), FLAG2 = global_at(4160);
const Where S = shared_at(0, 64); /* in block 0 */

/* The sentence of the race, or "" if all is in order. */
template <class F> std::string sentence(F play, uint32_t blocks, uint32_t cluster) {
  World world(blocks, cluster);
  try {
    play(world);
  } catch (const Fault &race) {
    return race.what();
  }
  return "";
}

std::string line_of(Plays play) { return "played.cu:" + std::to_string(World::FIRST_LINE + (int)play); }

/* The later access and the earlier one are both named. */
template <class F>
void races(const char *name, Plays later, Plays earlier, F play, uint32_t blocks = 2, uint32_t cluster = 1) {
  const std::string said = sentence(play, blocks, cluster);
  const bool named = said.find("data race") != std::string::npos &&
                     said.find(line_of(later)) < said.find("data race") &&
                     said.find(line_of(earlier), said.find("data race")) != std::string::npos;
  check_record(named, said.empty() ? "no race was seen" : said.c_str(), "%s: a race", name);
}
template <class F> void orders(const char *name, F play, uint32_t blocks = 2, uint32_t cluster = 1) {
  const std::string said = sentence(play, blocks, cluster);
  check_record(said.empty(), said.c_str(), "%s: in order", name);
}

/* ---- one block ---- */

void test_bar_sync() {
  races("read after write without bar.sync", LD, ST, [](World &w) {
    w.act(0, 3, ST, S);
    w.act(0, 40, LD, S);
  });
  orders("read after write and bar.sync", [](World &w) {
    w.act(0, 3, ST, S);
    w.bar_sync(0);
    w.act(0, 40, LD, S);
  });
  races("write after read without bar.sync", ST, LD, [](World &w) {
    w.act(0, 3, ST, S);
    w.bar_sync(0);
    w.lanes(0, 1, ALL_LANES, LD, S, 0);
    w.act(0, 3, ST, S);
  });
  races("write after reads of the whole block", ST, LD, [](World &w) {
    w.lanes(0, 0, ALL_LANES, LD, S, 0);
    w.lanes(0, 1, ALL_LANES, LD, S, 0);
    w.bar_warp_sync(0, 0);
    w.bar_warp_sync(0, 1);
    w.act(0, 63, ST, S);
  });
  orders("write after reads of the whole block and bar.sync", [](World &w) {
    w.lanes(0, 0, ALL_LANES, LD, S, 0);
    w.lanes(0, 1, ALL_LANES, LD, S, 0);
    w.bar_sync(0);
    w.act(0, 63, ST, S);
  });
  races("write after write without bar.sync", ST, ST, [](World &w) {
    w.act(0, 3, ST, X);
    w.act(0, 40, ST, X);
  });
  orders("a thread alone", [](World &w) {
    for (const Where at : {S, X})
      for (const Plays play : {ST, LD, ST}) w.act(0, 3, play, at);
  });
  races("two lanes of one store", ST, ST, [](World &w) { w.lanes(0, 0, 3, ST, S, 0); });
  races("bar.sync of another block", LD, ST, [](World &w) {
    w.act(0, 3, ST, X);
    w.bar_sync(0);
    w.bar_sync(1);
    w.act(1, 3, LD, X);
  });
  races("any part of a vector", LD, ST_V4, [](World &w) {
    w.act(0, 3, ST_V4, S);
    w.act(0, 4, LD, shared_at(0, S.offset + 12));
  });
  orders("beside a vector", [](World &w) {
    w.act(0, 3, ST_V4, S);
    w.act(0, 4, ST, shared_at(0, S.offset + 16));
  });
}

void test_bar_warp_sync() {
  races("lanes without bar.warp.sync", LD, ST, [](World &w) {
    w.lanes(0, 0, ALL_LANES, ST, S, 4);
    w.lanes(0, 0, 1, LD, shared_at(0, S.offset + 4), 0);
  });
  orders("lanes and bar.warp.sync", [](World &w) {
    w.lanes(0, 0, ALL_LANES, ST, S, 4);
    w.bar_warp_sync(0, 0);
    w.lanes(0, 0, 1, LD, shared_at(0, S.offset + 4), 0);
  });
  races("write after the warp's load", ST, LD, [](World &w) {
    w.lanes(0, 0, ALL_LANES, LD, S, 0);
    w.act(0, 5, ST, S);
  });
  races("bar.warp.sync of the other warp", LD, ST, [](World &w) {
    w.act(0, 3, ST, S);
    w.bar_warp_sync(0, 1);
    w.act(0, 40, LD, S);
  });
  races("bar.warp.sync without the reader", LD, ST, [](World &w) {
    w.act(0, 3, ST, S);
    w.bar_warp_sync(0, 0, 0xFF);
    w.act(0, 9, LD, S);
  });
  orders("bar.warp.sync of some lanes, one after the other", [](World &w) {
    w.act(0, 3, ST, S);
    w.bar_warp_sync(0, 0, 0xFF);
    w.bar_warp_sync(0, 0, 0x3F0);
    w.act(0, 9, LD, S);
  });
}

void test_neighbours() {
  orders("two halves of a word", [](World &w) {
    w.act(0, 3, ST_16, S);
    w.act(0, 40, ST_16, shared_at(0, S.offset + 2));
    w.act(0, 3, LD_16, S);
  });
  orders("bytes of a word in global memory", [](World &w) {
    for (unsigned i = 0; i < 4; i++) w.act((int)i % 2, i, ST_8, global_at(X.offset + i));
  });
  for (unsigned other : {3u, 40u})
    races("the word of two halves", LD, ST_16, [other](World &w) {
      w.act(0, 3, ST_16, S);
      w.act(0, 40, ST_16, shared_at(0, S.offset + 2));
      w.act(0, other, LD, S);
    });
  races("the same half", ST_16, ST_16, [](World &w) {
    w.act(0, 3, ST_16, S);
    w.act(0, 40, ST_16, S);
  });
  races("a half that was loaded", ST_16, LD_16, [](World &w) {
    w.act(0, 3, LD_16, S);
    w.act(0, 40, ST_16, shared_at(0, S.offset + 2));
    w.act(0, 40, ST_16, S);
  });
}

/* ---- releases and acquires ---- */

/* Block 0 stores and sets a flag; block 1 reads the flag and loads. */
void flags(World &w, Plays set, Plays get) {
  w.act(0, 0, ST, X);
  w.act(0, 0, set, FLAG);
  w.act(1, 7, get, FLAG);
  w.act(1, 7, LD, X);
}

void test_release_acquire() {
  orders("release and acquire", [](World &w) { flags(w, RELEASE, ACQUIRE); });
  races("a relaxed flag", LD, ST, [](World &w) { flags(w, RELAXED_ST, ACQUIRE); });
  races("a relaxed look at the flag", LD, ST, [](World &w) { flags(w, RELEASE, RELAXED_LD); });
  races("a flag released to the block", ACQUIRE, RELEASE_CTA,
        [](World &w) { flags(w, RELEASE_CTA, ACQUIRE); });
  races("a flag acquired from the block", ACQUIRE_CTA, RELEASE,
        [](World &w) { flags(w, RELEASE, ACQUIRE_CTA); });
  races("a plain flag", ACQUIRE, ST, [](World &w) { flags(w, ST, ACQUIRE); });
  races("a plain look at the flag", LD, RELEASE, [](World &w) { flags(w, RELEASE, LD); });
  for (uint32_t cluster : {2u, 1u}) {
    const auto play = [](World &w) { flags(w, RELEASE_CLUSTER, ACQUIRE_CLUSTER); };
    if (cluster == 2)
      orders("a flag of the cluster", play, 2, cluster);
    else
      races("a flag of another cluster", ACQUIRE_CLUSTER, RELEASE_CLUSTER, play, 2, cluster);
  }
  orders("scope of a block, within it", [](World &w) {
    w.act(0, 0, ST, S);
    w.act(0, 0, RELEASE_CTA, shared_at(0, 512));
    w.act(0, 40, ACQUIRE_CTA, shared_at(0, 512));
    w.act(0, 40, LD, S);
  });
  races("a store after the release", LD, ST, [](World &w) {
    w.act(0, 0, ST, Y);
    w.act(0, 0, RELEASE, FLAG);
    w.act(0, 0, ST, X);
    w.act(1, 7, ACQUIRE, FLAG);
    w.act(1, 7, LD, X);
  });
  races("an acquire too early", LD, ST, [](World &w) {
    w.act(1, 7, ACQUIRE, FLAG);
    w.act(0, 0, ST, X);
    w.act(0, 0, RELEASE, FLAG);
    w.act(1, 7, LD, X);
  });
  races("another thread's work", LD, ST, [](World &w) {
    w.act(0, 1, ST, X);
    w.act(0, 0, RELEASE, FLAG);
    w.act(1, 7, ACQUIRE, FLAG);
    w.act(1, 7, LD, X);
  });
  races("write after a read that was not released", ST, LD, [](World &w) {
    w.act(0, 0, RELEASE, FLAG);
    w.act(0, 0, LD, X);
    w.act(1, 7, ACQUIRE, FLAG);
    w.act(1, 7, ST, X);
  });
  orders(
      "through a third block",
      [](World &w) {
        flags(w, RELEASE, ACQUIRE);
        w.act(1, 7, RELEASE, FLAG2);
        w.act(2, 9, ACQUIRE, FLAG2);
        w.act(2, 9, ST, X);
      },
      3);
  races("the flag overwritten meanwhile", LD, ST, [](World &w) {
    w.act(0, 0, ST, X);
    w.act(0, 0, RELEASE, FLAG);
    w.act(1, 0, RELAXED_ST, FLAG);
    w.act(1, 7, ACQUIRE, FLAG);
    w.act(1, 7, LD, X);
  });
  orders("a release, then a relaxed store of the same thread", [](World &w) {
    w.act(0, 0, ST, X);
    w.act(0, 0, RELEASE, FLAG);
    w.act(0, 0, RELAXED_ST, FLAG);
    w.act(1, 7, ACQUIRE, FLAG);
    w.act(1, 7, LD, X);
  });
  orders("a flag reset by who has seen it", [](World &w) {
    flags(w, RELEASE, ACQUIRE);
    w.act(1, 7, ST, FLAG);
  });
}

void test_cumulativity() {
  const auto play = [](bool before, bool after) {
    return [before, after](World &w) {
      w.act(0, 5, ST, X);
      if (before) w.bar_sync(0);
      w.act(0, 0, RELEASE, FLAG);
      w.act(1, 0, ACQUIRE, FLAG);
      if (after) w.bar_sync(1);
      w.act(1, 40, LD, X);
    };
  };
  orders("bar.sync, release, acquire, bar.sync", play(true, true));
  races("no bar.sync before the release", LD, ST, play(false, true));
  races("no bar.sync after the acquire", LD, ST, play(true, false));
  orders("bar.warp.sync, release, acquire, bar.warp.sync", [](World &w) {
    w.act(0, 5, ST, X);
    w.bar_warp_sync(0, 0);
    w.act(0, 0, RELEASE, FLAG);
    w.act(1, 0, ACQUIRE, FLAG);
    w.bar_warp_sync(1, 0);
    w.act(1, 9, LD, X);
  });
  races("bar.warp.sync of other lanes after the acquire", LD, ST, [](World &w) {
    w.act(0, 0, ST, X);
    w.act(0, 0, RELEASE, FLAG);
    w.act(1, 0, ACQUIRE, FLAG);
    w.bar_warp_sync(1, 0, 0xFE);
    w.act(1, 5, LD, X);
  });
}

void test_fences() {
  const auto play = [](int before, int after) {
    return [before, after](World &w) {
      w.act(0, 0, ST, X);
      if (before >= 0) w.fence(0, 0, (Plays)before);
      w.act(0, 0, RELAXED_ST, FLAG);
      w.act(1, 7, RELAXED_LD, FLAG);
      if (after >= 0) w.fence(1, 7, (Plays)after);
      w.act(1, 7, LD, X);
    };
  };
  orders("fences round relaxed flags", play(FENCE, FENCE));
  races("no fence before the flag", LD, ST, play(-1, FENCE));
  races("no fence after the flag", LD, ST, play(FENCE, -1));
  races("a fence of the block before the flag", LD, ST, play(FENCE_CTA, FENCE));
  races("a fence of the block after the flag", LD, ST, play(FENCE, FENCE_CTA));
  races("a store between fence and flag", LD, ST, [](World &w) {
    w.act(0, 0, ST, Y);
    w.fence(0, 0, FENCE);
    w.act(0, 0, ST, X);
    w.act(0, 0, RELAXED_ST, FLAG);
    w.act(1, 7, ACQUIRE, FLAG);
    w.act(1, 7, LD, X);
  });
  orders("a narrow fence does not undo a wide one", [](World &w) {
    w.act(0, 0, ST, X);
    w.fence(0, 0, FENCE);
    w.fence(0, 0, FENCE_CTA);
    w.act(0, 0, RELAXED_ST, FLAG);
    w.act(1, 7, ACQUIRE, FLAG);
    w.act(1, 7, LD, X);
  });
  orders("two fence.sc", [](World &w) {
    w.act(0, 0, ST, X);
    w.fence(0, 0, FENCE_SC);
    w.fence(1, 7, FENCE_SC);
    w.act(1, 7, LD, X);
  });
  races("a fence.sc too early", LD, ST, [](World &w) {
    w.fence(1, 7, FENCE_SC);
    w.act(0, 0, ST, X);
    w.fence(0, 0, FENCE_SC);
    w.act(1, 7, LD, X);
  });
}

void test_atomics() {
  orders("atomics do not race", [](World &w) {
    for (int i = 0; i < 4; i++) w.act(i % 2, 7, ADD, FLAG);
    w.lanes(0, 0, ALL_LANES, ADD, FLAG, 0);
  });
  races("an atomic and a plain load", LD, ADD, [](World &w) {
    w.act(0, 0, ADD, X);
    w.act(1, 0, LD, X);
  });
  orders(
      "an atomic hands on a release",
      [](World &w) {
        w.act(0, 0, ST, X);
        w.act(0, 0, ADD_RELEASE, FLAG);
        w.act(1, 0, ADD, FLAG);
        w.act(2, 0, ADD_ACQUIRE, FLAG);
        w.act(2, 0, LD, X);
      },
      3);
  races("the atomic in the middle has acquired nothing", LD, ST, [](World &w) {
    w.act(0, 0, ST, X);
    w.act(0, 0, ADD_RELEASE, FLAG);
    w.act(1, 0, ADD, FLAG);
    w.act(1, 0, LD, X);
  });
  orders(
      "the last block of a count",
      [](World &w) {
        for (int i = 0; i < 3; i++) {
          w.act(i, 0, ST, global_at(X.offset + 4 * (uint64_t)i));
          w.fence(i, 0, FENCE);
          w.act(i, 0, ADD, FLAG);
        }
        w.fence(2, 0, FENCE);
        for (unsigned i = 0; i < 3; i++) w.act(2, 0, LD, global_at(X.offset + 4 * i));
        w.act(2, 0, ST, FLAG);
      },
      3);
}

void test_packets() {
  orders("packets", [](World &w) {
    for (int turn = 0; turn < 4; turn++) {
      w.lanes(turn % 2, 0, ALL_LANES, PACKET_ST, X, 16);
      w.lanes(1 - turn % 2, 1, ALL_LANES, PACKET_LD, X, 16);
    }
  });
  races("a packet loaded plainly", LD_V4, PACKET_ST, [](World &w) {
    w.act(0, 0, PACKET_ST, X);
    w.act(1, 0, LD_V4, X);
  });
  races("a packet loaded in the scope of the block", PACKET_LD_CTA, PACKET_ST, [](World &w) {
    w.act(0, 0, PACKET_ST, X);
    w.act(1, 0, PACKET_LD_CTA, X);
  });
  races("half a packet", RELAXED_LD, PACKET_ST, [](World &w) {
    w.act(0, 0, PACKET_ST, X);
    w.act(1, 0, RELAXED_LD, X);
  });
  races("plain data beside a packet", LD, ST, [](World &w) {
    w.act(0, 0, ST, Y);
    w.act(0, 0, PACKET_ST, X);
    w.act(1, 0, PACKET_LD, X);
    w.act(1, 0, LD, Y);
  });
}

/* ---- clusters and asynchronous copies ---- */

void meet(World &w, bool release = true, bool acquire = true) {
  for (int b = 0; b < 2; b++) w.arrive(b, release);
  for (int b = 0; b < 2; b++) w.wait(b, acquire);
}

void test_cluster_barrier() {
  const auto play = [](bool release, bool acquire) {
    return [release, acquire](World &w) {
      w.act(1, 3, ST_V4, S);
      w.bar_sync(1);
      meet(w, release, acquire);
      w.act(0, 40, LD_V4, S);
      meet(w);
      w.act(1, 9, ST_V4, S);
    };
  };
  orders("a cluster's barrier", play(true, true), 2, 2);
  races("arrival without release", LD_V4, ST_V4, play(false, true), 2, 2);
  races("wait without acquire", LD_V4, ST_V4, play(true, false), 2, 2);
  races(
      "no barrier before the peer reads", LD_V4, ST_V4,
      [](World &w) {
        w.act(1, 3, ST_V4, S);
        w.act(0, 40, LD_V4, S);
      },
      2, 2);
  races(
      "no barrier before the peer writes again", ST_V4, LD_V4,
      [](World &w) {
        w.act(1, 3, ST_V4, S);
        meet(w);
        w.act(0, 40, LD_V4, S);
        w.act(1, 3, ST_V4, S);
      },
      2, 2);
  for (const bool barrier : {false, true})
    races(
        barrier ? "a store and bar.sync between arrival and wait" : "a store between arrival and wait", LD,
        ST,
        [barrier](World &w) {
          w.arrive(0);
          w.act(0, 3, ST, S);
          if (barrier) w.bar_sync(0);
          w.arrive(1);
          w.wait(1);
          w.act(1, 3, LD, S);
        },
        2, 2);
  orders(
      "another warp's store before its arrival",
      [](World &w) {
        w.order.cluster_arrive(w.warp(0, 0), ALL_LANES, true);
        w.act(0, 40, ST, S);
        w.order.cluster_arrive(w.warp(0, 40), ALL_LANES, true);
        w.arrive(1);
        w.wait(1);
        w.act(1, 3, LD, S);
      },
      2, 2);
  races(
      "arrivals of the next turn", LD, ST,
      [](World &w) {
        w.arrive(0);
        w.arrive(1);
        w.wait(0);
        w.act(0, 3, ST, S);
        w.arrive(0);
        w.wait(1);
        w.act(1, 3, LD, S);
      },
      2, 2);
  races(
      "the barrier of another cluster", LD, ST,
      [](World &w) {
        w.act(0, 3, ST, X);
        for (int b = 0; b < 4; b++) w.arrive(b);
        for (int b = 0; b < 4; b++) w.wait(b);
        w.act(2, 3, LD, X);
      },
      4, 2);
  orders(
      "what was acquired before it",
      [](World &w) {
        w.act(2, 0, ST, X);
        w.act(2, 0, RELEASE, FLAG);
        w.act(0, 7, ACQUIRE, FLAG);
        meet(w);
        w.act(1, 40, LD, X);
      },
      4, 2);
}

void test_mbarriers() {
  const auto landed = [](int waits) {
    return [waits](World &w) {
      meet(w);
      w.land(w.issue(1, 3, ST_ASYNC), 0, 64, 0);
      if (waits >= 0) w.wait_phase(0, 40, 0, (Scope)waits);
      w.act(0, 40, LD_V4, S);
    };
  };
  orders("landed and waited for", landed((int)Scope::cluster), 2, 2);
  races("landed and not waited for", LD_V4, ST_ASYNC, landed(-1), 2, 2);
  races("waited for in the scope of the block", LD_V4, ST_ASYNC, landed((int)Scope::cta), 2, 2);
  races(
      "another thread has waited", LD_V4, ST_ASYNC,
      [](World &w) {
        meet(w);
        w.land(w.issue(1, 3, ST_ASYNC), 0, 64, 0);
        w.wait_phase(0, 40, 0);
        w.act(0, 41, LD_V4, S);
      },
      2, 2);
  orders(
      "another thread has waited, and bar.sync",
      [](World &w) {
        meet(w);
        w.land(w.issue(1, 3, ST_ASYNC), 0, 64, 0);
        w.wait_phase(0, 40, 0);
        w.bar_sync(0);
        w.act(0, 3, LD_V4, S);
      },
      2, 2);
  races(
      "bytes of the next phase", LD_V4, ST_ASYNC,
      [](World &w) {
        meet(w);
        w.land(w.issue(1, 3, ST_ASYNC), 0, 64, 0);
        w.land(w.issue(1, 3, ST_ASYNC), 0, 128, 1);
        w.wait_phase(0, 40, 0);
        w.act(0, 40, LD_V4, shared_at(0, 128));
      },
      2, 2);
  orders(
      "phase after phase",
      [](World &w) {
        meet(w);
        for (unsigned phase = 0; phase < 3; phase++) {
          w.land(w.issue(1, 3, ST_ASYNC), 0, 64 + 64 * phase, phase);
          w.wait_phase(0, 40, phase);
        }
        for (unsigned phase = 0; phase < 3; phase++) w.act(0, 40, LD_V4, shared_at(0, 64 + 64 * phase));
      },
      2, 2);
  races(
      "lands twice in a phase", ST_ASYNC, ST_ASYNC,
      [](World &w) {
        meet(w);
        for (int i = 0; i < 2; i++) w.land(w.issue(1, 3, ST_ASYNC), 0, 64, 0);
      },
      2, 2);
  const auto sender = [](Plays play, bool later) {
    return [play, later](World &w) {
      meet(w);
      if (!later) w.act(1, 3, ST, X);
      const Ticket ticket = w.issue(1, 3, play);
      if (later) w.act(1, 3, ST, X);
      w.land(ticket, 0, 64, 0, play == BULK ? Y : shared_at(0, 0));
      w.wait_phase(0, 40, 0);
      w.act(0, 40, LD, X);
    };
  };
  orders("st.async gives what its sender did before", sender(ST_ASYNC, false), 2, 2);
  races("st.async does not give what its sender did after", LD, ST, sender(ST_ASYNC, true), 2, 2);
  races("a bulk copy gives its own bytes only", LD, ST, sender(BULK, false), 2, 2);
}

void test_landings() {
  const auto play = [](bool read, bool barrier) {
    return [read, barrier](World &w) {
      meet(w);
      if (read)
        w.lanes(0, 0, ALL_LANES, LD_V4, S, 0);
      else
        w.act(0, 9, ST_V4, S);
      if (barrier) meet(w);
      w.land(w.issue(1, 3, ST_ASYNC), 0, 64, 0);
    };
  };
  orders("lands after all have read", play(true, true), 2, 2);
  races("lands where somebody may still read", ST_ASYNC, LD_V4, play(true, false), 2, 2);
  orders("lands after all have written", play(false, true), 2, 2);
  races("lands where somebody may still write", ST_ASYNC, ST_V4, play(false, false), 2, 2);
  races(
      "sent before its receiver was ready", ST_ASYNC, LD_V4,
      [](World &w) {
        meet(w);
        const Ticket early = w.issue(1, 3, ST_ASYNC);
        w.act(0, 9, LD_V4, S);
        meet(w);
        w.land(early, 0, 64, 0);
      },
      2, 2);
  races("the sender itself reads before it lands", BULK, LD_V4, [](World &w) {
    w.act(0, 0, ST, Y);
    const Ticket own = w.issue(0, 0, BULK);
    w.act(0, 0, LD_V4, S);
    w.land(own, 0, 64, 0, X);
  });
  const auto reuse = [](bool arrives) {
    return [arrives](World &w) {
      w.land(w.issue(0, 0, BULK), 0, 64, 0, X);
      for (const unsigned thread : {5u, 40u}) {
        w.wait_phase(0, thread, 0);
        w.act(0, thread, LD_V4, S);
        if (arrives || thread != 5) w.arrive_phase(0, thread, 0, 1);
      }
      w.wait_phase(0, 0, 1);
      w.act(0, 0, ST, S);
    };
  };
  orders("all readers have arrived", reuse(true));
  races("one reader has not arrived", ST, LD_V4, reuse(false));
}

void test_proxies() {
  const auto play = [](bool fence, bool known) {
    return [fence, known](World &w) {
      w.act(1, 0, ST_V4, X);
      if (known) {
        w.act(1, 0, RELEASE, FLAG);
        w.act(0, 0, ACQUIRE, FLAG);
      }
      if (fence) w.fence_proxy(0, 0);
      w.land(w.issue(0, 0, BULK), 0, 64, 0, X);
    };
  };
  orders("acquire, fence.proxy.async, bulk copy", play(true, true));
  races("acquire, bulk copy", BULK, ST_V4, play(false, true));
  races("fence.proxy.async without acquire", BULK, ST_V4, play(true, false));
  races("the fence came before the acquire", BULK, ST_V4, [](World &w) {
    w.fence_proxy(0, 0);
    w.act(1, 0, ST_V4, X);
    w.act(1, 0, RELEASE, FLAG);
    w.act(0, 0, ACQUIRE, FLAG);
    w.land(w.issue(0, 0, BULK), 0, 64, 0, X);
  });
  races("its own store without fence", BULK, ST_V4, [](World &w) {
    w.act(0, 0, ST_V4, X);
    w.land(w.issue(0, 0, BULK), 0, 64, 0, X);
  });
  orders("a store of the launch before", [](World &w) {
    w.act(1, 0, ST_V4, X);
    w.begin();
    w.land(w.issue(0, 0, BULK), 0, 64, 0, X);
  });
  races("a store between the fence and the copy", BULK, ST_V4, [](World &w) {
    w.act(0, 0, ST_V4, Y);
    w.fence_proxy(0, 0);
    w.act(0, 0, ST_V4, X);
    w.land(w.issue(0, 0, BULK), 0, 64, 0, X);
  });
  const auto overwrite = [](bool waits) {
    return [waits](World &w) {
      w.land(w.issue(0, 0, BULK), 0, 64, 0, X);
      if (waits) w.wait_phase(0, 0, 0);
      w.act(0, 0, RELEASE, FLAG);
      w.act(1, 0, ACQUIRE, FLAG);
      w.act(1, 0, ST, X);
    };
  };
  orders("the copy is over before its source is stored to", overwrite(true));
  races("the source is stored to during the copy", ST, BULK, overwrite(false));
}

/* ---- launches, blocks, memory ---- */

void test_lives() {
  races("two blocks of a launch", LD, ST, [](World &w) {
    w.act(0, 3, ST, X);
    w.act(1, 3, LD, X);
  });
  orders("two launches", [](World &w) {
    w.act(0, 3, ST, X);
    w.act(0, 3, ADD, FLAG);
    w.begin();
    w.act(1, 3, LD, X);
    w.act(1, 3, ST, FLAG);
  });
  orders("memory that was freed between", [](World &w) {
    w.act(0, 3, ST, X);
    w.act(0, 3, ST, global_at(20000));
    w.order.memory_released(w.global + 500, 20000);
    w.act(1, 3, LD, X);
    w.act(1, 3, LD, global_at(20000));
  });
  races("memory beside what was freed", LD, ST, [](World &w) {
    w.act(0, 3, ST, X);
    w.order.memory_released(w.global + 516, 20000);
    w.act(1, 3, LD, X);
  });
  orders("shared memory after another block has had it", [](World &w) {
    for (unsigned i = 0; i < 8; i++) {
      w.lanes(0, 0, ALL_LANES, ST, S, 4);
      w.replace(0, 10 + i);
      w.lanes(0, 1, ALL_LANES, LD, S, 4);
      w.bar_sync(0);
    }
  });
  World world(2, 1);
  world.order.on = false;
  bool silent = true;
  try {
    World off(2, 1);
    off.act(0, 3, ST, X);
    off.act(1, 3, LD, X);
    off.bar_sync(0);
    off.fence(0, 0, FENCE);
    off.land(off.issue(0, 0, BULK), 0, 64, 0, X);
  } catch (const Fault &) {
    silent = false;
  }
  world.order.on = true;
  CHECK(silent, "switched off, it says nothing");
}

void test_sentences() {
  const std::string said = sentence(
      [](World &w) {
        w.act(1, 3, ST, X);
        w.act(0, 40, LD_V4, X);
      },
      2, 1);
  for (const char *part :
       {"data race: this load, 16 bytes of global memory, allocation", "at offset 512",
        "an earlier store (st.f32 at played.cu:", "block (1,0,0), thread (3,0,0)", "no release and acquire"})
    check_record(said.find(part) != std::string::npos, said.c_str(), "a sentence says \"%s\"", part);
}

} // namespace

int main() {
  check_start();
  test_bar_sync();
  test_bar_warp_sync();
  test_neighbours();
  test_release_acquire();
  test_cumulativity();
  test_fences();
  test_atomics();
  test_packets();
  test_cluster_barrier();
  test_mbarriers();
  test_landings();
  test_proxies();
  test_lives();
  test_sentences();
  return check_finish();
}
