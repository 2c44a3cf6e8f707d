/* mutate.cpp - which faults are planted: one row of a table for each kind (mutate.h). */
#include "tests/soft/mutate.h"

#include "tests/soft/machine.h"

#include <cstring>
#include <utility>

namespace soft {

namespace {

bool begins(const std::string &s, const char *prefix) { return s.compare(0, strlen(prefix), prefix) == 0; }

/* An instruction whose name begins with `prefix` is deleted, or has a part of its name replaced. */
struct Rule {
  const char *prefix;
  Mutant::Change change;
  const char *from, *to, *kind;
};

const Rule rules[] = {
    {"bar.sync", Mutant::deleted, nullptr, nullptr, "bar.sync deleted"},
    {"bar.warp.sync", Mutant::deleted, nullptr, nullptr, "bar.warp.sync deleted"},
    {"barrier.cluster.arrive", Mutant::deleted, nullptr, nullptr, "cluster barrier deleted"},
    {"barrier.cluster.arrive.release", Mutant::renamed, ".release", ".relaxed", "cluster arrive relaxed"},
    {"barrier.cluster.wait.acquire", Mutant::renamed, ".acquire", ".relaxed", "cluster wait relaxed"},
    {"fence.", Mutant::deleted, nullptr, nullptr, "fence deleted"},
    {"membar", Mutant::deleted, nullptr, nullptr, "fence deleted"},
    {"mbarrier.init", Mutant::deleted, nullptr, nullptr, "mbarrier init deleted"},
    {"mbarrier.arrive", Mutant::deleted, nullptr, nullptr, "mbarrier arrive deleted"},
    {"mbarrier.try_wait", Mutant::passed, nullptr, nullptr, "mbarrier wait deleted"},
    {"mbarrier.try_wait", Mutant::renamed, ".acquire", ".relaxed", "mbarrier wait relaxed"},
    {"st.async", Mutant::deleted, nullptr, nullptr, "st.async deleted"},
    {"cp.async.bulk", Mutant::deleted, nullptr, nullptr, "bulk copy deleted"},
    {"st.release", Mutant::deleted, nullptr, nullptr, "release deleted"},
    {"st.release", Mutant::renamed, ".release", ".relaxed", "release relaxed"},
    {"st.release.gpu", Mutant::renamed, ".gpu", ".cta", "release of the block only"},
    {"ld.acquire", Mutant::renamed, ".acquire", ".relaxed", "acquire relaxed"},
    {"ld.acquire.gpu", Mutant::renamed, ".gpu", ".cta", "acquire of the block only"},
    {"st.relaxed.gpu", Mutant::renamed, ".relaxed.gpu", "", "packet store weak"},
    {"ld.relaxed.gpu", Mutant::renamed, ".relaxed.gpu", "", "packet load weak"},
    {"ld.global.cg", Mutant::renamed, ".cg", "", "load through the first level"},
};

/* Pairs of sources that are exchanged; for an mma (d 0..3, a 4..7, b 8..9, c 10..13) of one matrix each. */
struct Exchange {
  const char *prefix;
  uint8_t first, second;
  const char *kind;
};

const Exchange exchanges[] = {
    {"mma.", 4, 5, "mma a0, a1"},
    {"mma.", 5, 6, "mma a1, a2"},
    {"mma.", 6, 7, "mma a2, a3"},
    {"mma.", 8, 9, "mma b0, b1"},
    {"mma.", 4, 8, "mma a0, b0"},
    {"mma.", 10, 11, "mma c0, c1"},
    {"mma.", 11, 12, "mma c1, c2"},
    {"mma.", 12, 13, "mma c2, c3"},
    {"mapa.", 1, 2, "mapa address, rank"},
    {"st.async.", 1, 2, "st.async x, y"},
    {"st.async.", 3, 4, "st.async z, w"},
    {"st.async.", 0, 5, "st.async address, mbarrier"},
    {"st.shared::cluster.", 1, 2, "cluster store x, y"},
    {"st.shared::cluster.", 3, 4, "cluster store z, w"},
    {"st.relaxed.gpu.global.v2", 1, 2, "packets of a store"},
    {"ld.relaxed.gpu.global.v2", 0, 1, "packets of a load"},
    {"mbarrier.arrive.expect_tx", 1, 2, "mbarrier, bytes"},
};

/* Where the arrival's wait stands: the next one. */
uint32_t wait_of(const Kernel &kernel, uint32_t arrive) {
  for (uint32_t i = arrive + 1; i < kernel.code.size(); i++)
    if (begins(kernel.opcodes[kernel.code[i].opcode], "barrier.cluster.wait")) return i;
  return arrive;
}

/* One barrier is written once and inlined at several places: the last of a kernel is a kind by itself. */
std::string kind_at(const Kernel &kernel, uint32_t at, const char *kind) {
  const std::string &name = kernel.opcodes[kernel.code[at].opcode];
  if (!begins(name, "barrier.cluster")) return kind;
  for (size_t i = at + 1; i < kernel.code.size(); i++)
    if (kernel.opcodes[kernel.code[i].opcode] == name) return kind;
  return std::string("last ") + kind;
}

After nothing(Warp &, const Instruction &, uint32_t) { return After::next; }

/* A wait that says at once that it is over. */
After passes(Warp &w, const Instruction &i, uint32_t lanes) {
  *w.out<uint32_t>(i.at[0]) |= lanes;
  return After::next;
}

std::string replaced(std::string name, const char *from, const char *to) {
  return name.replace(name.find(from), strlen(from), to);
}

} // namespace

std::vector<Mutant> mutants_of(const Kernel &kernel) {
  std::vector<Mutant> all;
  for (uint32_t at = 0; at < kernel.code.size(); at++) {
    const Instruction &i = kernel.code[at];
    const std::string &name = kernel.opcodes[i.opcode];
    for (const Rule &r : rules) {
      if (!begins(name, r.prefix) || (r.from != nullptr && name.find(r.from) == std::string::npos)) continue;
      Mutant m = {r.change, at, at, 0, 0, "", kind_at(kernel, at, r.kind)};
      if (begins(name, "barrier.cluster.arrive") && r.change == Mutant::deleted)
        m.partner = wait_of(kernel, at);
      if (r.change == Mutant::renamed) m.name = replaced(name, r.from, r.to);
      all.push_back(m);
    }
    for (const Exchange &e : exchanges)
      if (begins(name, e.prefix) && e.second < i.operands && i.size[e.first] == i.size[e.second] &&
          (i.at[e.first].offset != i.at[e.second].offset ||
           i.at[e.first].constant != i.at[e.second].constant))
        all.push_back({Mutant::exchanged, at, at, e.first, e.second, e.prefix, e.kind});
  }
  return all;
}

Kernel mutated(const Kernel &kernel, const Mutant &m) {
  Kernel mutant = kernel;
  Instruction *i = &mutant.code[m.at];
  switch (m.change) {
  case Mutant::deleted:
    i->run = nothing;
    mutant.code[m.partner].run = nothing;
    break;
  case Mutant::passed:
    i->run = passes;
    break;
  case Mutant::exchanged: /* wherever the statement was inlined */
    for (Instruction &other : mutant.code)
      if (begins(kernel.opcodes[other.opcode], m.name.c_str()) && m.second < other.operands &&
          other.size[m.first] == other.size[m.second])
        std::swap(other.at[m.first], other.at[m.second]);
    break;
  case Mutant::renamed: {
    const Instruction other = instruction_of(m.name);
    i->run = other.run;
    i->access = other.access;
    break;
  }
  }
  return mutant;
}

} // namespace soft
