/* control.cpp - branches, exits and barriers: what moves lanes from one instruction to another. */
#include "tests/soft/machine.h"
#include "tests/soft/weak.h"

namespace soft {

namespace {

/* The lanes that take the branch go to its target; the others of the group go on below. */
After branch(Warp &w, const Instruction &i, uint32_t lanes) {
  const uint32_t stay = w.active & ~lanes;
  if (stay != 0) {
    w.others.push_back({w.pc + 1, stay});
    w.active = lanes;
  }
  machine().go_to(w, i.target);
  return After::jump;
}

After leave(Warp &w, const Instruction &, uint32_t lanes) {
  const uint32_t stay = w.active & ~lanes;
  if (stay != 0) w.others.push_back({w.pc + 1, stay});
  w.active = lanes;
  machine().exit_lanes(w, lanes);
  return After::jump;
}

After trap(Warp &w, const Instruction &, uint32_t lanes) { fault(w, (unsigned)__builtin_ctz(lanes), "trap"); }

After nothing(Warp &, const Instruction &, uint32_t) { return After::next; }

/* bar.sync 0: the whole warp, and then the whole block. */
After block_barrier(Warp &w, const Instruction &i, uint32_t lanes) {
  if (lanes != w.alive) return machine().hold(w, w.alive);
  if (i.operands != 1 || w.value(i.at[0], i.size[0], 0) != 0)
    fault(w, 0, "only barrier 0, of all threads, is modelled");
  machine().arrive_at_barrier(w);
  return After::jump;
}

/* bar.warp.sync MEMBERS */
After warp_barrier(Warp &w, const Instruction &i, uint32_t lanes) {
  const unsigned lane = (unsigned)__builtin_ctz(lanes);
  const uint32_t members = (uint32_t)w.value(i.at[0], i.size[0], lane) & w.alive;
  if ((lanes & members) != members) return machine().hold(w, members);
  if (lanes != members) fault(w, lane, "lanes %08x call it for the members %08x", lanes, members);
  machine().order.warp_barrier(w, members);
  return After::next;
}

template <bool release> After cluster_arrive(Warp &w, const Instruction &, uint32_t lanes) {
  if (lanes != w.alive) return machine().hold(w, w.alive);
  if (w.arrived) fault(w, 0, "arrives at the cluster's barrier a second time, without a wait between");
  Cluster &cluster = *w.block->cluster;
  machine().order.cluster_arrive(w, lanes, release);
  if (release) {
    mbarriers_known(*w.block);
    late_stores_out(*w.block);
  }
  w.arrived = true;
  w.cluster_turn = cluster.turns;
  cluster.arrived++;
  machine().complete_cluster_barrier(cluster);
  return After::next;
}

template <bool acquire> After cluster_wait(Warp &w, const Instruction &, uint32_t lanes) {
  if (lanes != w.alive) return machine().hold(w, w.alive);
  if (!w.arrived) fault(w, 0, "waits at the cluster's barrier without an arrival");
  if (w.block->cluster->turns == w.cluster_turn) {
    w.waits = Waits::change;
    w.seen = machine().changes;
    return After::wait;
  }
  w.arrived = false;
  machine().order.cluster_wait(w, lanes, acquire);
  if (acquire) forget_lines(*w.block);
  return After::next;
}

} // namespace

const Opcode control_opcodes[] = {{"bra", branch},
                                  {"bra.uni", branch},
                                  {"ret", leave},
                                  {"ret.uni", leave},
                                  {"exit", leave},
                                  {"trap", trap},
                                  {"nanosleep.u32", nothing},
                                  {"bar.sync", block_barrier},
                                  {"barrier.sync.aligned", block_barrier},
                                  {"barrier.sync", block_barrier},
                                  {"bar.warp.sync", warp_barrier},
                                  {"barrier.cluster.arrive", cluster_arrive<true>},
                                  {"barrier.cluster.arrive.release", cluster_arrive<true>},
                                  {"barrier.cluster.arrive.aligned", cluster_arrive<true>},
                                  {"barrier.cluster.arrive.release.aligned", cluster_arrive<true>},
                                  {"barrier.cluster.arrive.relaxed", cluster_arrive<false>},
                                  {"barrier.cluster.arrive.relaxed.aligned", cluster_arrive<false>},
                                  {"barrier.cluster.wait", cluster_wait<true>},
                                  {"barrier.cluster.wait.acquire", cluster_wait<true>},
                                  {"barrier.cluster.wait.aligned", cluster_wait<true>},
                                  {"barrier.cluster.wait.acquire.aligned", cluster_wait<true>},
                                  /* PTX has no such wait: a mutant of the one above (mutate.cpp) */
                                  {"barrier.cluster.wait.relaxed", cluster_wait<false>},
                                  {nullptr, nullptr}};

} // namespace soft
