/* test_soft_memory.cpp - loads, stores, atomics and addresses of the software device, one instruction at a
 * time: against plain loops over bytes, and each check by what it says.
 */
#include "tests/check.h"

#include "tests/soft/hand.h"

using namespace hand;

namespace {

const char *const SPACES[] = {"global", "shared", "generic", "local"};

/* Where lanes go: the ways that handlers tell apart, and none of them. */
enum Pattern { ROW, SAME, STRIDED, ANY, PATTERNS };

uint64_t element_of(Pattern p, unsigned lane, unsigned count) {
  return p == ROW ? lane : p == SAME ? 3 : p == STRIDED ? lane * 2 : (uint64_t)check_below(count);
}

/* A warp, a buffer in each space, and the bytes that should be in it. */
struct Trial {
  World world;
  uint64_t global;
  std::vector<unsigned char> expected[WARP]; /* local memory has one a lane, the others [0] */

  Trial() : global(machine().memory.allocate(SHARED_BYTES)) {}
  ~Trial() { machine().memory.release(global); }

  Warp &warp() { return world.warp(); }
  size_t bytes(int space) const { return space == 3 ? size_t{LOCAL_BYTES} : size_t{SHARED_BYTES}; }
  uint64_t base(int space) const { return space == 0 ? global : space == 2 ? uint64_t{SHARED_WINDOW} : 0; }
  unsigned char *at(int space, unsigned lane) {
    return space == 0   ? machine().memory.bytes(global)
           : space == 3 ? warp().local.data() + lane * LOCAL_BYTES
                        : warp().block->shared.bytes.data();
  }
  void fill(int space) {
    for (unsigned lane = 0; lane < WARP; lane++) {
      expected[lane].resize(bytes(space));
      for (unsigned char &b : expected[lane]) b = (unsigned char)check_random();
      memcpy(at(space, lane), expected[lane].data(), bytes(space));
      if (space != 3) expected[lane] = expected[0];
      if (space != 3 && lane != 0) memcpy(at(space, lane), expected[0].data(), bytes(space));
    }
    machine().memory.set_valid(global, SHARED_BYTES, true);
    std::fill(warp().block->shared.valid.begin(), warp().block->shared.valid.end(), (unsigned char)1);
  }
};

struct Form {
  const char *type;
  unsigned bytes, count;
  bool sign;
  std::string name(const char *what, int space) const {
    std::string n = what;
    if (space != 2) n += std::string(".") + SPACES[space];
    if (count != 1) n += count == 2 ? ".v2" : ".v4";
    return n + "." + type;
  }
};
const Form FORMS[] = {
    {"u8", 1, 1, false},  {"s8", 1, 1, true},   {"b16", 2, 1, false}, {"s16", 2, 1, true},
    {"f32", 4, 1, false}, {"s32", 4, 1, true},  {"f64", 8, 1, false}, {"u8", 1, 4, false},
    {"u16", 2, 4, false}, {"f32", 4, 2, false}, {"f32", 4, 4, false}, {"b64", 8, 2, false},
};
const Operand ADDRESS = {0, 8};

/* Addresses in register 0; where each lane's element lies in the buffer. */
std::vector<size_t> set_addresses(Trial &t, const Form &f, int space, Pattern p, int64_t displacement) {
  const unsigned each = f.bytes * f.count;
  std::vector<size_t> where(WARP);
  for (unsigned lane = 0; lane < WARP; lane++) {
    const unsigned count = (unsigned)t.bytes(space) / each;
    where[lane] = element_of(p, lane, count) % count * each;
    put(t.warp(), ADDRESS, lane, t.base(space) + where[lane] - (uint64_t)displacement);
  }
  return where;
}

uint64_t extended(uint64_t v, const Form &f, unsigned size) {
  if (f.sign && f.bytes < 8 && v >> (f.bytes * 8 - 1)) v |= ~0ull << f.bytes * 8;
  return size == 8 ? v : v & ((1ull << size * 8) - 1);
}

bool load_is_right(Trial &t, const Form &f, int space, Pattern p, uint32_t lanes, unsigned size) {
  t.fill(space);
  const std::vector<size_t> where = set_addresses(t, f, space, p, 8);
  Instruction ins = instruction(f.name("ld", space).c_str(), {}, 8);
  const unsigned first = size == 8 ? 0 : 1; /* 8 bytes wide: over the address itself */
  for (unsigned k = 0; k < f.count; k++) {
    if (first + k != 0) put_all(t.warp(), {first + k, 8}, 0x5555555555555555u);
    ins.at[k] = place_in(first + k);
    ins.size[k] = (uint8_t)size;
  }
  std::vector<uint64_t> before(WARP);
  for (unsigned lane = 0; lane < WARP; lane++) before[lane] = get(t.warp(), {first, size}, lane);
  ins.at[f.count] = place_in(0);
  ins.size[f.count] = 8;
  ins.operands = (uint8_t)(f.count + 1);
  if (!run(t.warp(), ins, lanes).fault.empty()) return false;
  for (unsigned lane = 0; lane < WARP; lane++)
    for (unsigned k = 0; k < f.count; k++) {
      uint64_t v = 0;
      memcpy(&v, &t.expected[lane][where[lane] + k * f.bytes], f.bytes);
      const uint64_t right = lanes >> lane & 1 ? extended(v, f, size)
                             : k == 0          ? before[lane]
                                               : 0x5555555555555555u & (~0ull >> (64 - size * 8));
      if (get(t.warp(), {first + k, size}, lane) != right) return false;
    }
  return true;
}

bool store_is_right(Trial &t, const Form &f, int space, Pattern p, uint32_t lanes, unsigned size) {
  t.fill(space);
  machine().memory.set_valid(t.global, SHARED_BYTES, false);
  std::fill(t.warp().block->shared.valid.begin(), t.warp().block->shared.valid.end(), (unsigned char)0);
  std::vector<bool> written(t.bytes(space));
  const std::vector<size_t> where = set_addresses(t, f, space, p, -16);
  Instruction ins = instruction(f.name("st", space).c_str(), {ADDRESS}, -16);
  for (unsigned k = 0; k < f.count; k++) {
    for (unsigned lane = 0; lane < WARP; lane++) {
      /* the same for all lanes where lanes may meet */
      const uint64_t v = p == SAME || p == ANY || space == 3 ? 0x1122334455667788u + k : check_random();
      put(t.warp(), {1 + k, size}, lane, v);
    }
    ins.at[1 + k] = place_in(1 + k);
    ins.size[1 + k] = (uint8_t)size;
  }
  ins.operands = (uint8_t)(f.count + 1);
  if (!run(t.warp(), ins, lanes).fault.empty()) return false;
  for (unsigned lane = 0; lane < WARP; lane++) {
    if (!(lanes >> lane & 1)) continue;
    for (unsigned k = 0; k < f.count; k++) {
      const uint64_t v = get(t.warp(), {1 + k, size}, lane);
      for (unsigned i = 0; i < f.bytes; i++) {
        t.expected[space == 3 ? lane : 0][where[lane] + k * f.bytes + i] = (unsigned char)(v >> 8 * i);
        written[where[lane] + k * f.bytes + i] = true;
      }
    }
  }
  for (unsigned lane = 0; lane < WARP; lane++)
    if (memcmp(t.at(space, lane), t.expected[space == 3 ? lane : 0].data(), t.bytes(space)) != 0)
      return false;
  for (size_t i = 0; space != 3 && i < written.size(); i++) {
    const bool valid =
        space == 0 ? machine().memory.is_valid(t.global + i, 1) : t.warp().block->shared.valid[i] == 1;
    if (valid != written[i]) return false;
  }
  return true;
}

void check_forms() {
  for (int space = 0; space < 4; space++)
    for (const Form &f : FORMS) {
      bool loads = true, stores = true;
      for (int p = 0; p < PATTERNS; p++)
        for (const uint32_t lanes : {uint32_t{ALL_LANES}, (uint32_t)check_random() | 1u << 7, 1u << 31})
          for (unsigned size = f.bytes < 2 ? 2 : f.bytes; size <= 8; size *= 2) {
            Trial t;
            loads &= load_is_right(t, f, space, (Pattern)p, lanes, size);
            stores &= store_is_right(t, f, space, (Pattern)p, lanes, size);
          }
      CHECK(loads, "soft memory: load %s x%u %s", f.type, f.count, SPACES[space]);
      CHECK(stores, "soft memory: store %s x%u %s", f.type, f.count, SPACES[space]);
    }
}

/* ---- what must be refused ---- */

/* A load (or store, or atomic) of lane 5 at an address, the others at `good`. */
Result one_astray(World &w, const char *name, uint64_t good, uint64_t bad) {
  put_all(w.warp(), {1, 8}, good);
  put(w.warp(), {1, 8}, 5, bad);
  put_all(w.warp(), {2, 4}, 7);
  if (name[0] == 's') return run(w.warp(), name, {{1, 8}, {2, 4}});
  if (name[0] == 'a') return run(w.warp(), name, {{3, 4}, {1, 8}, {2, 4}});
  return run(w.warp(), name, {{2, 4}, {1, 8}});
}

void check_global_faults() {
  World w;
  Memory &m = machine().memory;
  const uint64_t a = m.allocate(400), b = m.allocate(64), gone = m.allocate(1000);
  m.set_valid(a, 400, true);
  m.set_valid(b, 64, true);
  m.release(gone);
  const struct {
    const char *name;
    uint64_t bad;
    const char *words, *more;
  } rows[] = {
      {"ld.global.f32", a + 400, "4 bytes beyond its 400 bytes", "thread (5,0,0)"},
      {"ld.global.f32", a + 396 + 8, "8 bytes beyond", "a load"},
      {"st.global.f32", b - 4, "begins 4 bytes before allocation", "(64 bytes)"},
      {"atom.global.add.u32", b + 64, "beyond its 64 bytes", "an atomic"},
      {"ld.global.f32", gone + 20, "byte 20 of allocation", "has been freed"},
      {"ld.global.f32", 16, "NULL pointer", "a load of 4 bytes"},
      {"ld.f32", (uint64_t)(uintptr_t)&rows / 4 * 4, "no address of the device", "host"},
      {"ld.global.f32", a + 2, "not a multiple of 4", "a load of 4 bytes"},
      {"ld.f32", SHARED_WINDOW + SHARED_BYTES, "of shared memory, 4 bytes beyond its 4096", "thread (5,0,0)"},
      {"st.f32", LOCAL_WINDOW + LOCAL_BYTES, "of a thread's 64 bytes of local memory", "thread (5,0,0)"},
  };
  for (const auto &row : rows) {
    const Result r = one_astray(w, row.name, a, row.bad);
    CHECK(says(r, row.words) && says(r, row.more), "soft memory: %s: %s", row.name, row.words);
  }
  CHECK(one_astray(w, "ld.global.f32", a, b + 60).fault.empty(), "soft memory: lanes in two allocations");
  m.set_valid(b + 8, 1, false);
  CHECK(says(one_astray(w, "ld.global.f32", a, b + 8), "byte 8 of allocation") &&
            says(one_astray(w, "ld.global.f32", a, b + 8), "nobody has written"),
        "soft memory: a load of unwritten global memory");
  CHECK(says(one_astray(w, "atom.global.max.u32", a, b + 8), "nobody has written"),
        "soft memory: an atomic on unwritten global memory");
  CHECK(one_astray(w, "st.global.u8", a, b + 8).fault.empty() &&
            one_astray(w, "ld.global.f32", a, b + 8).fault.empty(),
        "soft memory: a store of the one byte mends it");
  m.release(a);
  m.release(b);
}

void check_shared_faults() {
  World w(2);
  std::fill(w.blocks[0]->shared.valid.begin(), w.blocks[0]->shared.valid.end(), (unsigned char)1);
  const uint64_t peer = 2u << 24;
  CHECK(says(one_astray(w, "ld.shared.f32", 0, 4094), "multiple of 4"), "soft memory: shared alignment");
  CHECK(says(one_astray(w, "ld.shared.f32", 0, 4096), "byte 4096 of shared memory, 4 bytes beyond"),
        "soft memory: shared bounds");
  CHECK(says(one_astray(w, "ld.shared.f32", 0, peer), "for the block's own"),
        "soft memory: own shared memory");
  CHECK(says(one_astray(w, "st.shared::cluster.f32", 0, 3u << 24), "of rank 2, in a cluster of 2"),
        "soft memory: a peer outside of the cluster");
  CHECK(says(one_astray(w, "st.shared::cluster.f32", 0, peer + 4096), "of a peer, 4 bytes beyond"),
        "soft memory: bounds of a peer");
  CHECK(says(one_astray(w, "ld.shared::cluster.f32", 0, peer + 8), "of a peer, which nobody has written"),
        "soft memory: unwritten shared memory of a peer");
  CHECK(one_astray(w, "st.shared::cluster.f32", 0, peer + 8).fault.empty() &&
            one_astray(w, "ld.shared::cluster.f32", 0, peer + 8).fault.empty() &&
            get(w.warp(), {2, 4}, 5) == 7,
        "soft memory: through a peer's shared memory");
  w.blocks[0]->shared.valid[9] = 0;
  CHECK(says(one_astray(w, "ld.shared.f32", 0, 8), "which nobody has written"),
        "soft memory: unwritten shared memory");
  w.cluster->turns = 0;
  CHECK(
      says(one_astray(w, "st.shared::cluster.f32", 0, peer), "before the end of the cluster's first barrier"),
      "soft memory: a peer that may not run yet");
  w.cluster->turns = 1;
  w.warp().arrived = true;
  CHECK(
      says(one_astray(w, "st.shared::cluster.f32", 0, peer), "before the end of the cluster's first barrier"),
      "soft memory: a peer of which this warp does not know yet that it runs");
  w.warp().arrived = false;
  w.cluster->blocks[1] = nullptr;
  CHECK(says(one_astray(w, "st.shared::cluster.f32", 0, peer), "which has exited"),
        "soft memory: a peer that has exited");
}

/* ---- parameters, addresses ---- */

void check_parameters() {
  World w;
  w.launch.parameters = {1, 0, 0, 0, 0xFE, 0xFF, 0xFF, 0xFF, 9, 0, 0, 0, 0, 0, 0, 0x80};
  put_all(w.warp(), {1, 8}, 0);
  run(w.warp(), "ld.param.v2.u32", {{2, 4}, {3, 4}, {1, 8}});
  CHECK(get(w.warp(), {2, 4}, 0) == 1 && get(w.warp(), {3, 4}, 31) == 0xFFFFFFFEu, "soft memory: parameters");
  run(w.warp(), "ld.param.u64", {{2, 8}, {1, 8}}, ALL_LANES, 8);
  CHECK(get(w.warp(), {2, 8}, 17) == 0x8000000000000009u, "soft memory: a parameter of 8 bytes");
  run(w.warp(), "ld.param.s8", {{2, 2}, {1, 8}}, ALL_LANES, 4);
  CHECK(get(w.warp(), {2, 2}, 3) == 0xFFFE, "soft memory: a narrow parameter with its sign");
  CHECK(says(run(w.warp(), "ld.param.u32", {{2, 4}, {1, 8}}, ALL_LANES, 16), "16 bytes of parameters"),
        "soft memory: behind the parameters");
}

void check_addresses() {
  World w(3);
  Warp &warp = w.warp(1);
  put_all(warp, {1, 8}, 0x123);
  run(warp, "cvta.shared.u64", {{2, 8}, {1, 8}});
  CHECK(get(warp, {2, 8}, 4) == SHARED_WINDOW + 0x123, "soft memory: cvta.shared");
  run(warp, "cvta.to.shared.u64", {{3, 8}, {2, 8}});
  CHECK(get(warp, {3, 8}, 4) == 0x123, "soft memory: cvta.to.shared");
  run(warp, "cvta.local.u64", {{3, 8}, {1, 8}});
  CHECK(get(warp, {3, 8}, 4) == LOCAL_WINDOW + 0x123, "soft memory: cvta.local");
  run(warp, "cvta.to.global.u64", {{4, 8}, {1, 8}});
  CHECK(get(warp, {4, 8}, 9) == 0x123, "soft memory: cvta.to.global");

  for (unsigned lane = 0; lane < WARP; lane++) put(warp, {5, 4}, lane, lane % 3);
  put_all(warp, {13, 4}, 0x123);
  run(warp, "mapa.shared::cluster.u32", {{6, 4}, {13, 4}, {5, 4}});
  run(warp, "mapa.u64", {{7, 8}, {2, 8}, {5, 4}});
  run(warp, "getctarank.shared::cluster.u32", {{8, 4}, {6, 4}});
  run(warp, "getctarank.u64", {{9, 4}, {2, 8}});
  run(warp, "isspacep.shared::cta", {{10, 0}, {7, 8}});
  run(warp, "isspacep.shared::cluster", {{11, 0}, {7, 8}});
  run(warp, "isspacep.global", {{12, 0}, {7, 8}});
  bool mapped = true, ranks = true, spaces = true;
  for (unsigned lane = 0; lane < WARP; lane++) {
    mapped &= get(warp, {6, 4}, lane) == ((lane % 3 + 1) << 24 | 0x123);
    mapped &= get(warp, {7, 8}, lane) == SHARED_WINDOW + ((lane % 3 + 1) << 24 | 0x123);
    ranks &= get(warp, {8, 4}, lane) == lane % 3 && get(warp, {9, 4}, lane) == 1;
    spaces &= get(warp, {10, 0}, lane) == (lane % 3 == 1) && get(warp, {11, 0}, lane) == 1 &&
              get(warp, {12, 0}, lane) == 0;
  }
  CHECK(mapped, "soft memory: mapa");
  CHECK(ranks, "soft memory: getctarank");
  CHECK(spaces, "soft memory: isspacep");

  /* lanes to all three blocks at once, through generic addresses */
  for (unsigned lane = 0; lane < WARP; lane++)
    put(warp, {7, 8}, lane, SHARED_WINDOW + ((lane % 3 + 1) << 24) + 4 * lane);
  for (unsigned lane = 0; lane < WARP; lane++) put(warp, {5, 4}, lane, 100 + lane);
  run(warp, "st.u32", {{7, 8}, {5, 4}});
  bool there = true;
  for (unsigned lane = 0; lane < WARP; lane++)
    for (unsigned rank = 0; rank < 3; rank++) {
      uint32_t v;
      memcpy(&v, &w.blocks[rank]->shared.bytes[4 * lane], sizeof v);
      there &= v == (rank == lane % 3 ? 100 + lane : 0xEEEEEEEE);
      there &= w.blocks[rank]->shared.valid[4 * lane] == (rank == lane % 3);
    }
  CHECK(there, "soft memory: one store to three blocks");
}

/* ---- atomics ---- */

void check_atomics() {
  World w;
  Warp &warp = w.warp();
  const uint64_t a = machine().memory.allocate(256);
  machine().memory.set_valid(a, 256, true);
  const auto at = [&](auto v) {
    memcpy(&v, machine().memory.bytes(a), sizeof v);
    return v;
  };
  const auto begin = [&](auto v) { memcpy(machine().memory.bytes(a), &v, sizeof v); };
  put_all(warp, {1, 8}, a);
  for (unsigned lane = 0; lane < WARP; lane++) {
    put(warp, {2, 4}, lane, lane + 1);
    put(warp, {7, 8}, lane, lane + 1);
  }

  begin(uint32_t{10});
  run(warp, "atom.global.add.u32", {{3, 4}, {1, 8}, {2, 4}}, 0xFF);
  uint32_t seen = 0;
  for (unsigned lane = 0; lane < 8; lane++) seen += get(warp, {3, 4}, lane) == 10;
  CHECK(at(uint32_t{}) == 46 && seen == 1, "soft memory: atom.add, one lane comes first");
  begin(uint64_t{1} << 40);
  run(warp, "red.relaxed.gpu.global.add.u64", {{1, 8}, {7, 8}});
  CHECK(at(uint64_t{}) == (uint64_t{1} << 40) + 528, "soft memory: red.add");
  begin(-5);
  run(warp, "atom.global.max.s32", {{3, 4}, {1, 8}, {2, 4}});
  CHECK(at(int32_t{}) == 32, "soft memory: atom.max of signed numbers");
  begin(-5);
  run(warp, "atom.global.max.u32", {{3, 4}, {1, 8}, {2, 4}});
  CHECK(at(int32_t{}) == -5, "soft memory: atom.max of unsigned numbers");
  begin(1.5f);
  for (unsigned lane = 0; lane < WARP; lane++) put(warp, {4, 4}, lane, 0x3F800000);
  run(warp, "red.global.add.f32", {{1, 8}, {4, 4}});
  CHECK(at(0.0f) == 33.5f, "soft memory: red.add of floats");
  begin(uint32_t{0});
  put_all(warp, {5, 4}, 0);
  run(warp, "atom.acq_rel.gpu.global.cas.b32", {{3, 4}, {1, 8}, {5, 4}, {2, 4}});
  const uint32_t winner = at(uint32_t{});
  unsigned won = 0;
  for (unsigned lane = 0; lane < WARP; lane++) won += get(warp, {3, 4}, lane) == 0;
  CHECK(won == 1 && winner >= 1 && get(warp, {3, 4}, winner - 1) == 0,
        "soft memory: atom.cas, one lane wins");
  begin(uint32_t{7});
  put_all(warp, {5, 4}, 9);
  run(warp, "atom.global.inc.u32", {{3, 4}, {1, 8}, {5, 4}});
  CHECK(at(uint32_t{}) == (7 + 32) % 10, "soft memory: atom.inc goes round");
  begin(uint32_t{0xF0});
  put_all(warp, {5, 4}, 0x3C);
  run(warp, "atom.global.exch.b32", {{3, 4}, {1, 8}, {5, 4}}, 1);
  run(warp, "red.global.and.b32", {{1, 8}, {5, 4}}, 1);
  CHECK(at(uint32_t{}) == 0x3C && get(warp, {3, 4}, 0) == 0xF0, "soft memory: atom.exch");
  put_all(warp, {6, 4}, 64);
  run(warp, "st.shared.u32", {{6, 4}, {5, 4}}, 1);
  run(warp, "atom.shared.xor.b32", {{3, 4}, {6, 4}, {2, 4}}, 3);
  uint32_t shared;
  memcpy(&shared, &w.blocks[0]->shared.bytes[64], sizeof shared);
  CHECK(shared == (0x3C ^ 1 ^ 2), "soft memory: an atomic in shared memory");
  machine().memory.release(a);
}

/* ---- polls, allocations ---- */

void check_polls() {
  World w;
  Warp &warp = w.warp();
  const uint64_t a = machine().memory.allocate(64);
  machine().memory.set_valid(a, 64, true);
  put_all(warp, {1, 8}, a);
  put_all(warp, {2, 4}, 0);
  run(warp, "st.global.u32", {{1, 8}, {2, 4}});
  const Instruction load = instruction("ld.acquire.gpu.global.u32", {{3, 4}, {1, 8}});
  warp.pc = 12;
  CHECK(run(warp, load).after == After::next, "soft memory: the first look at a flag");
  CHECK(run(warp, load).after == After::poll && warp.seen == machine().changes,
        "soft memory: the second is a poll");
  const uint64_t changes = machine().changes;
  put_all(warp, {2, 4}, 1);
  run(warp, "st.release.gpu.global.u32", {{1, 8}, {2, 4}}, 1);
  CHECK(machine().changes > changes, "soft memory: a strong store wakes those who poll");
  CHECK(run(warp, load).after == After::next && get(warp, {3, 4}, 2) == 1, "soft memory: the flag has come");
  warp.pc = 13;
  CHECK(run(warp, load).after == After::next, "soft memory: another place, not a poll");
  CHECK(run(warp, "ld.global.u32", {{3, 4}, {1, 8}}).after == After::next &&
            run(warp, "ld.global.u32", {{3, 4}, {1, 8}}).after == After::next,
        "soft memory: weak loads are no polls");
  machine().memory.release(a);
}

void check_allocations() {
  Memory m;
  m.capacity = 1 << 20;
  const uint64_t a = m.allocate(1000), b = m.allocate(3);
  CHECK(a % 256 == 0 && a % 512 != 0, "soft memory: an allocation is aligned to 256 and no more");
  CHECK(m.holds(a, 1000) && !m.holds(a, 1001) && !m.holds(a - 1, 1) && m.holds(b + 2, 1) &&
            !m.holds(b + 3, 1),
        "soft memory: exact sizes");
  CHECK(!m.holds(a, ~(size_t)0) && !m.holds(~0ull, 2), "soft memory: sizes that go round");
  CHECK(m.allocate(1 << 20) == 0 && m.live_bytes() == 1003 && m.live_count() == 2, "soft memory: full");
  CHECK(!m.release(a + 4) && m.release(a) && !m.release(a), "soft memory: freed once, and at its begin");
  const uint64_t c = m.allocate(1000);
  CHECK(c != a && !m.holds(a, 1), "soft memory: a freed address does not come again at once");
  m.set_valid(c + 3, 10, true);
  CHECK(m.is_valid(c + 3, 10) && !m.is_valid(c + 2, 1) && !m.is_valid(c + 13, 1) && !m.is_valid(c + 2, 11),
        "soft memory: which bytes were written");
  const size_t large = 1 << 19;
  const uint64_t d = m.allocate(large);
  m.set_valid(d, large, true);
  memset(m.bytes(d), 7, large);
  m.release(d);
  CHECK(!m.is_valid(d, 1) && !m.is_valid(d + large - 1, 1) && m.is_valid(c + 3, 10),
        "soft memory: a freed allocation is unwritten again");
  m.capacity = m.reach();
  uint64_t again = 0;
  size_t rounds = 0;
  const size_t most = 4 * m.reach() / large;
  while (rounds < most && again != d) {
    again = m.allocate(large);
    m.release(again);
    rounds++;
    if (again == c) break;
  }
  CHECK(again == d || rounds == most, "soft memory: addresses go round, past what lives (%zu)", rounds);
  CHECK(m.holds(c, 1000), "soft memory: what lives stays");
}

/* ---- names ---- */

void check_names() {
  const char *const unknown[] = {"ld.release.gpu.u32",  "st.acquire.gpu.u32",
                                 "st.param.u32",        "st.global.nc.u32",
                                 "ld.global.v4.f64",    "ld.surface.u32",
                                 "atom.global.add.b32", "fence.acq_rel",
                                 "cvta.to.param.u64",   "ld.global.L2::cache_hint.u32"};
  for (const char *name : unknown) {
    bool refused = false;
    try {
      instruction_of(name);
    } catch (const std::runtime_error &) {
      refused = true;
    }
    CHECK(refused, "soft memory: refused: %s", name);
  }
  const Instruction packet = instruction("ld.relaxed.gpu.global.v2.b64", {});
  CHECK(packet.access.strength == Strength::relaxed && packet.access.scope == Scope::gpu &&
            packet.access.space == Space::global && packet.access.bytes == 8 && packet.access.elements == 2,
        "soft memory: the parts of a name");
  const Instruction nc = instruction("ld.global.nc.L1::no_allocate.L2::128B.v4.f32", {});
  CHECK(nc.access.cache == Cache::read_only && nc.access.elements == 4, "soft memory: hints to the caches");
  const Instruction old = instruction("ld.volatile.global.u32", {});
  CHECK(old.access.strength == Strength::relaxed && old.access.scope == Scope::sys, "soft memory: volatile");
}

} // namespace

int main() {
  check_start();
  machine().set_seed(check_counts.seed);
  check_forms();
  check_global_faults();
  check_shared_faults();
  check_parameters();
  check_addresses();
  check_atomics();
  check_polls();
  check_allocations();
  check_names();
  return check_finish();
}
