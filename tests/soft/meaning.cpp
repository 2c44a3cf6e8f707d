/* meaning.cpp - the table of latencies, and what the names of PTX say.
 *
 * Latencies are cycles from the issue of an instruction to that of one that uses its result, of Hopper where
 * somebody has measured it there:
 *
 *   [A]  H. Abdelkhalik and others, "Demystifying the Nvidia Ampere architecture through microbenchmarking and
 *        instruction-level analysis", 2022: dependent arithmetic 4 on A100
 *   [H]  W. Luo and others, "Benchmarking and dissecting the Nvidia Hopper GPU architecture", 2024, and
 *        "Dissecting the NVIDIA Hopper architecture", 2025: shared memory, first and second level cache, mma,
 *        shared memory of a peer, on H100
 *   [-]  nobody's measurement: composed of the above by what ptxas makes of the instruction, or a guess
 *
 * They are there to compare two versions of a kernel with.
 */
#include "tests/soft/meaning.h"

#include "tests/soft/counts.h"
#include "tests/soft/text.h"

#include <algorithm>
#include <vector>

namespace soft {

namespace {

typedef std::vector<std::string> Parts;

bool begins(const std::string &s, const std::string &with) { return s.compare(0, with.size(), with) == 0; }
bool ends(const std::string &s, const std::string &with) {
  return s.size() >= with.size() && s.compare(s.size() - with.size(), with.size(), with) == 0;
}
bool has(const Parts &parts, const char *part) {
  return std::find(parts.begin(), parts.end(), part) != parts.end();
}

/* ---- costs ---- */

const struct {
  const char *first, *last; /* how the name begins and ends */
  Cost cost;
} costs[] = {
    {"mma.", "", {33, 1}},                  /* [H] */
    {"ld.shared::cluster", "", {180, 1}},   /* [H] */
    {"ld.shared", "", {30, 1}},             /* [H]; each further wavefront one more */
    {"ld.param", "", {4, 1}},               /* [-] an operand in the constant bank */
    {"ld.local", "", {40, 1}},              /* [H] first level */
    {"ld.", "", {270, 1}},                  /* [H] second level, where the data of a step are */
    {"atom.shared", "", {60, 1}},           /* [-] */
    {"atom.", "", {270, 1}},                /* [-] as a load */
    {"st.release", "", {0, 270}},           /* [-] earlier stores must have reached the second level */
    {"st.async", "", {180, 1}},             /* [H] as a store to a peer */
    {"cp.async.bulk", "", {600, 1}},        /* [-] */
    {"fence.proxy", "", {0, 30}},           /* [-] */
    {"fence.mbarrier_init", "", {0, 1}},    /* [-] */
    {"fence.", "cta", {0, 20}},             /* [-] */
    {"fence.", "", {0, 270}},               /* [-] as st.release */
    {"membar.", "", {0, 270}},              /* [-] */
    {"bar.sync", "", {20, 1}},              /* [-] */
    {"barrier.cluster.wait", "", {180, 1}}, /* [-] as a store to a peer */
    {"mbarrier.", "", {30, 1}},             /* [-] as a load of shared memory */
    {"shfl.", "", {24, 1}},                 /* [-] */
    {"vote.", "", {6, 1}},                  /* [-] */
    {"div.approx", "", {33, 3}},            /* [-] a reciprocal, and what keeps its argument in range */
    {"div.full", "", {33, 3}},              /* [-] */
    {"div.", "f32", {45, 8}},               /* [-] a reciprocal and five dependent fma */
    {"div.", "f64", {120, 12}},             /* [-] */
    {"div.", "64", {300, 80}},              /* [-] a call */
    {"rem.", "64", {300, 80}},              /* [-] */
    {"div.", "", {115, 20}},                /* [-] to float, reciprocal, back: 75; then ten dependent steps */
    {"rem.", "", {115, 20}},                /* [-] */
    {"rcp.rn", "", {45, 8}},                /* [-] */
    {"sqrt.rn", "", {45, 8}},               /* [-] */
    {"ex2.", "", {25, 1}},                  /* [-] the special function unit, as all those below */
    {"lg2.", "", {25, 1}},
    {"rcp.", "", {25, 1}},
    {"rsqrt.", "", {25, 1}},
    {"sqrt.", "", {25, 1}},
    {"sin.", "", {25, 1}},
    {"cos.", "", {25, 1}},
    {"tanh.", "", {25, 1}},
    {"popc.", "", {25, 1}},
    {"cvt.", "f32.s32", {25, 1}}, /* integers to and from floats go there too */
    {"cvt.", "f32.u32", {25, 1}},
    {"cvt.r", "s32.f32", {25, 1}},
    {"cvt.r", "u32.f32", {25, 1}},
    {"mov.", "", {0, 0}},       /* [-] a second name for a register, which ptxas does away with */
    {"mul.lo.", "64", {16, 4}}, /* [-] four multiplications of 32 bits */
    {"mad.lo.", "64", {16, 4}}, /* [-] */
    {"add.", "64", {8, 2}},     /* [-] two instructions, with a carry; so are the following */
    {"sub.", "64", {8, 2}},
    {"shl.", "64", {8, 2}},
    {"shr.", "64", {8, 2}},
    {"setp.", "64", {8, 2}},
    {"add.", "f64", {8, 1}}, /* [-] found after the integers: their names end in s64, u64 */
    {"mul.", "f64", {8, 1}},
    {"fma.", "f64", {8, 1}},
    {"", "", {4, 1}}, /* [A] all other arithmetic */
};

/* f64 ends in 64 as well: rows of 64-bit integers are not for it. */
Cost cost_of(const std::string &name) {
  const bool f64 = ends(name, "f64");
  for (const auto &row : costs) {
    const std::string last = row.last;
    if (last == "64" && f64) continue;
    if (begins(name, row.first) && ends(name, last)) return row.cost;
  }
  return {4, 1};
}

/* ---- classes ---- */

bool is_float(const Parts &parts) {
  return parts.back() == "f32" || parts.back() == "f64" || parts.back() == "f16";
}

struct Rule {
  const char *first; /* part of the name */
  uint8_t kind;
};
const Rule rules[] = {
    {"mma", SOFT_TENSOR},        {"bra", SOFT_BRANCH},      {"ret", SOFT_BRANCH},
    {"exit", SOFT_BRANCH},       {"call", SOFT_BRANCH},     {"bar", SOFT_EXCHANGE},
    {"barrier", SOFT_EXCHANGE},  {"shfl", SOFT_EXCHANGE},   {"vote", SOFT_EXCHANGE},
    {"match", SOFT_EXCHANGE},    {"redux", SOFT_EXCHANGE},  {"activemask", SOFT_EXCHANGE},
    {"mbarrier", SOFT_EXCHANGE}, {"fence", SOFT_EXCHANGE},  {"membar", SOFT_EXCHANGE},
    {"cp", SOFT_EXCHANGE},       {"mov", SOFT_MOVE},        {"cvt", SOFT_MOVE},
    {"cvta", SOFT_MOVE},         {"mapa", SOFT_MOVE},       {"ex2", SOFT_SPECIAL},
    {"lg2", SOFT_SPECIAL},       {"rcp", SOFT_SPECIAL},     {"rsqrt", SOFT_SPECIAL},
    {"sqrt", SOFT_SPECIAL},      {"sin", SOFT_SPECIAL},     {"cos", SOFT_SPECIAL},
    {"tanh", SOFT_SPECIAL},      {"nanosleep", SOFT_OTHER}, {"trap", SOFT_OTHER},
    {"prefetch", SOFT_OTHER},
};

uint8_t class_of(const Parts &parts) {
  const std::string &first = parts[0];
  for (const Rule &rule : rules)
    if (first == rule.first) return rule.kind;
  if (first == "div" || first == "rem") return is_float(parts) ? SOFT_SPECIAL : SOFT_DIVISION;
  /* what chooses bits whatever they stand for is done by the integer units */
  if (first == "selp" || first == "slct" || first == "copysign") return SOFT_INTEGER;
  return is_float(parts) ? SOFT_FLOAT : SOFT_INTEGER;
}

uint16_t flops_of(const Parts &parts) {
  if (parts[0] == "mma") { /* m16n8kK: 2 * 16 * 8 * K of the warp */
    const std::string &shape = parts[3];
    return (uint16_t)(2 * 16 * 8 * std::stoul(shape.substr(shape.find('k') + 1)) / WARP);
  }
  if (!is_float(parts)) return 0;
  if (parts[0] == "fma" || parts[0] == "mad") return 2;
  return parts[0] == "add" || parts[0] == "sub" || parts[0] == "mul";
}

Compare compare_of(const Parts &parts) {
  static const struct {
    const char *name;
    Compare compare;
  } all[] = {{"eq", Compare::eq}, {"ne", Compare::ne}, {"lt", Compare::lt}, {"le", Compare::le},
             {"gt", Compare::gt}, {"ge", Compare::ge}, {"lo", Compare::lt}, {"ls", Compare::le},
             {"hi", Compare::gt}, {"hs", Compare::ge}};
  if (parts[0] != "setp" || parts.size() != 3 || is_float(parts)) return Compare::none;
  for (const auto &row : all)
    if (parts[1] == row.name) return row.compare;
  return Compare::none;
}

/* ---- memory ---- */

void of_memory(const Parts &parts, const Access &access, Meaning *m) {
  const bool load = parts[0] == "ld" || parts[0] == "ldu", store = parts[0] == "st";
  const bool peer = has(parts, "shared::cluster");
  const bool own = has(parts, "shared") || has(parts, "shared::cta");
  const bool strong = access.strength != Strength::weak;
  m->kind = peer                                         ? SOFT_EXCHANGE
            : own                                        ? SOFT_SHARED
            : has(parts, "local")                        ? SOFT_LOCAL
            : has(parts, "param") || has(parts, "const") ? SOFT_OTHER
                                                         : SOFT_GLOBAL;
  m->requests = m->kind == SOFT_SHARED || m->kind == SOFT_GLOBAL;
  m->address = load ? access.elements : store || parts[0] == "red" ? 0 : 1;
  if (m->kind == SOFT_LOCAL || m->kind == SOFT_OTHER) return;
  if (load)
    m->act = strong ? Act::look : Act::none;
  else if (store)
    m->act = strong ? Act::show : own ? Act::store_shared : Act::other;
  else
    m->act = Act::other;
}

Act act_of(const std::string &name) {
  static const struct {
    const char *first;
    Act act;
  } all[] = {{"bar.sync", Act::block_barrier},
             {"barrier.sync", Act::block_barrier},
             {"barrier.cluster.arrive", Act::cluster_arrive},
             {"barrier.cluster.wait", Act::cluster_wait},
             {"mbarrier.arrive", Act::mbarrier_arrive},
             {"mbarrier.try_wait", Act::mbarrier_wait},
             {"mbarrier.test_wait", Act::mbarrier_wait},
             {"mbarrier.", Act::other},
             {"st.async", Act::send},
             {"cp.async.bulk", Act::copy},
             {"fence.", Act::other},
             {"membar.", Act::other}};
  for (const auto &row : all)
    if (begins(name, row.first))
      return row.act == Act::copy && ends(name, "multicast::cluster") ? Act::copy_to_many : row.act;
  return Act::none;
}

} // namespace

Meaning meaning_of(const std::string &name, const Access &access) {
  const Parts parts = split(name, '.');
  Meaning m = {};
  m.cost = cost_of(name);
  m.act = act_of(name);
  if (m.act == Act::send) {
    m.kind = SOFT_EXCHANGE;
  } else if (parts[0] == "ld" || parts[0] == "ldu" || parts[0] == "st" || parts[0] == "atom" ||
             parts[0] == "red") {
    of_memory(parts, access, &m);
  } else {
    m.kind = class_of(parts);
    m.flops = flops_of(parts);
    m.compare = compare_of(parts);
    m.leaves = parts[0] == "ret" || parts[0] == "exit";
    m.sign = parts.back()[0] == 's';
  }
  return m;
}

} // namespace soft
