/* access.cpp - loads, stores, fences, and the arithmetic of addresses.  Source: PTX ISA 9.0, "Data movement and
 * conversion instructions" and "Memory consistency model".
 *
 * A handler is a template of the space, the element and the number of elements, so that the usual loads and
 * stores are a check, a call of the race detector and a copy.  All lanes are read before any register is
 * written: a destination may be the address.
 */
#include "tests/soft/access.h"
#include "tests/soft/weak.h"

namespace soft {

namespace {

/* ---- between memory and registers ---- */

template <class E> using Lanes = E[WARP];

/* Element k of each lane to a register of its own size, or a wider one. */
template <class D, class E> void widen(D *to, const E *from, uint32_t lanes, bool sign) {
  typedef std::make_signed_t<E> S;
  for (unsigned i = 0; i < WARP; i++) {
    const D v = sign ? (D)(std::make_signed_t<D>)(S)from[i] : (D)from[i];
    to[i] = lanes >> i & 1 ? v : to[i];
  }
}
template <class E>
void to_register(Warp &warp, const Instruction &ins, unsigned k, uint32_t lanes, const E *from) {
  if (ins.size[k] == sizeof(E) && lanes == ALL_LANES)
    memcpy(warp.out<E>(ins.at[k]), from, sizeof(Lanes<E>));
  else if (ins.size[k] == sizeof(E))
    widen<E, E>(warp.out<E>(ins.at[k]), from, lanes, false);
  else if (ins.size[k] == 2)
    widen<uint16_t, E>(warp.out<uint16_t>(ins.at[k]), from, lanes, ins.access.sign);
  else if (ins.size[k] == 4)
    widen<uint32_t, E>(warp.out<uint32_t>(ins.at[k]), from, lanes, ins.access.sign);
  else
    widen<uint64_t, E>(warp.out<uint64_t>(ins.at[k]), from, lanes, ins.access.sign);
}
/* A register's low bytes. */
template <class E> void from_register(const Warp &warp, const Instruction &ins, unsigned k, E *to) {
  if (ins.size[k] == sizeof(E)) {
    memcpy(to, warp.in<E>(ins.at[k]), sizeof(Lanes<E>));
    return;
  }
  for (unsigned i = 0; i < WARP; i++) to[i] = (E)warp.value(ins.at[k], ins.size[k], i);
}

/* Four rows of four to four columns. */
typedef uint32_t Four __attribute__((vector_size(16)));
void transpose(Four *v) {
  const Four a = __builtin_shufflevector(v[0], v[1], 0, 4, 1, 5),
             b = __builtin_shufflevector(v[0], v[1], 2, 6, 3, 7),
             c = __builtin_shufflevector(v[2], v[3], 0, 4, 1, 5),
             d = __builtin_shufflevector(v[2], v[3], 2, 6, 3, 7);
  v[0] = __builtin_shufflevector(a, c, 0, 1, 4, 5);
  v[1] = __builtin_shufflevector(a, c, 2, 3, 6, 7);
  v[2] = __builtin_shufflevector(b, d, 0, 1, 4, 5);
  v[3] = __builtin_shufflevector(b, d, 2, 3, 6, 7);
}
template <class E, unsigned N> constexpr bool is_four = sizeof(E) == 4 && N == 4;

/* `from`: where r.low is.  Lanes that take no part read what the first one reads. */
template <class E, unsigned N> void gather(const unsigned char *from, const Reach &r, Lanes<E> *to) {
  if (r.row && N == 1) {
    memcpy(to[0], from, sizeof(Lanes<E>));
    return;
  }
  for (unsigned i = 0; i < WARP && is_four<E, N>; i += 4) {
    Four v[4];
    for (unsigned j = 0; j < 4; j++) memcpy(&v[j], from + (r.at[i + j] - r.low), sizeof(Four));
    transpose(v);
    for (unsigned k = 0; k < N; k++) memcpy(&to[k][i], &v[k % 4], sizeof(Four));
  }
  for (unsigned i = 0; i < WARP && !is_four<E, N>; i++)
    for (unsigned k = 0; k < N; k++) memcpy(&to[k][i], from + (r.at[i] - r.low) + k * sizeof(E), sizeof(E));
}
template <class E, unsigned N>
void scatter(unsigned char *to, const Reach &r, uint32_t lanes, const Lanes<E> *from) {
  if (r.row && N == 1) {
    memcpy(to, from[0], sizeof(Lanes<E>));
    return;
  }
  for (unsigned i = 0; i < WARP && is_four<E, N>; i += 4) {
    Four v[4];
    for (unsigned k = 0; k < N; k++) memcpy(&v[k % 4], &from[k][i], sizeof(Four));
    transpose(v);
    for (unsigned j = 0; j < 4; j++)
      if (lanes >> (i + j) & 1) memcpy(to + (r.at[i + j] - r.low), &v[j], sizeof(Four));
  }
  for (unsigned i = 0; i < WARP && !is_four<E, N>; i++)
    for (unsigned k = 0; k < N; k++)
      if (lanes >> i & 1) memcpy(to + (r.at[i] - r.low) + k * sizeof(E), &from[k][i], sizeof(E));
}

/* ---- whether it was written ----
 *
 * Mostly everything between the lowest and the highest lane was, and if that is not far, it is quicker to look
 * at all of it than lane by lane.
 */

const size_t NOT_FAR = 2048;

/* All of so many bytes of `valid` are `mark`. */
bool all_are(const unsigned char *valid, size_t bytes, unsigned char mark) {
  enum { STEP = 32 };
  unsigned char astray = 0;
  if (bytes < STEP) {
    for (size_t i = 0; i < bytes; i++) astray |= valid[i] ^ mark;
    return astray == 0;
  }
  unsigned char strays[STEP] = {};
  const unsigned char *const last = valid + bytes - STEP;
  for (; valid < last; valid += STEP)
    for (unsigned i = 0; i < STEP; i++) strays[i] |= valid[i] ^ mark;
  for (unsigned i = 0; i < STEP; i++) astray |= strays[i] | (last[i] ^ mark);
  return astray == 0;
}

bool between_written_shared(const Block &target, const Reach &r) {
  const size_t span = r.high - r.low + r.bytes;
  return span <= NOT_FAR && all_are(target.shared.valid.data() + r.low, span, 1);
}
bool between_written_global(const Reach &r) {
  const uint64_t first = r.low / 4 * 4, end = (r.high + r.bytes + 3) / 4 * 4;
  return end - first <= 4 * NOT_FAR && all_are(machine().memory.valid(first), (end - first) / 4, 0xF);
}

void need_written_shared(const Warp &warp, uint32_t lanes, const Block &target, const Reach &r) {
  if (!between_written_shared(target, r)) check_written_shared(warp, lanes, "a load", target, r);
}
void need_written_global(const Warp &warp, uint32_t lanes, const Reach &r) {
  if (!between_written_global(r)) check_written_global(warp, lanes, "a load", r);
}

template <unsigned B> void mark_written_shared(uint32_t lanes, Block &target, const Reach &r) {
  unsigned char *valid = target.shared.valid.data();
  if (r.row)
    memset(valid + r.low, 1, B * WARP);
  else if (!between_written_shared(target, r))
    each_lane(lanes, [&](unsigned lane) { memset(valid + r.at[lane], 1, B); });
}

template <unsigned B> void mark_written_global(uint32_t lanes, const Reach &r) {
  Memory &memory = machine().memory;
  if (r.row && B >= 4)
    memset(memory.valid(r.low), 0xF, B / 4 * WARP);
  else if (between_written_global(r))
    return;
  else if (B < 4)
    each_lane(lanes, [&](unsigned lane) { memory.set_valid(r.at[lane], B, true); });
  else
    each_lane(lanes, [&](unsigned lane) { memset(memory.valid(r.at[lane]), 0xF, B / 4); });
}

/* ---- strong loads ---- */

/* A loop that waits sees at the same place the same values again. */
After seen_before(Warp &warp, const Instruction &ins, uint32_t lanes, const Reach &r) {
  bool same = warp.polled_pc == warp.pc;
  warp.polled_pc = warp.pc;
  each_lane(lanes, [&](unsigned lane) {
    uint64_t now = r.at[lane];
    for (unsigned k = 0; k < ins.access.elements; k++)
      now = now * 0x9E3779B97F4A7C15u + warp.value(ins.at[k], ins.size[k], lane);
    same &= warp.polled[lane] == now;
    warp.polled[lane] = now;
  });
  if (same) warp.seen = machine().changes;
  return same ? After::poll : After::next;
}

/* ---- loads ---- */

template <class E, unsigned N>
void load_weakly(const Warp &warp, const Instruction &ins, uint32_t lanes, const Reach &r, Lanes<E> *to) {
  const bool first_level = ins.access.strength == Strength::weak && ins.access.cache != Cache::l2;
  each_lane(lanes, [&](unsigned lane) {
    for (unsigned k = 0; k < N; k++)
      to[k][lane] = (E)weak_load(*warp.block, r.at[lane] + k * sizeof(E), sizeof(E), first_level);
  });
}

template <class E, unsigned N>
void load_global(Warp &warp, const Instruction &ins, uint32_t lanes, const Reach &r) {
  alignas(64) E value[N][WARP];
  check_global(warp, lanes, "a load", r);
  need_written_global(warp, lanes, r);
  tell_order(warp, lanes, ins, Does::load, nullptr, r);
  if (weak) {
    load_weakly<E, N>(warp, ins, lanes, r, value);
    if (acquires(ins.access) && beyond_block(ins.access)) forget_lines(*warp.block);
  } else {
    gather<E, N>(machine().memory.bytes(r.low), r, value);
  }
  for (unsigned k = 0; k < N; k++) to_register<E>(warp, ins, k, lanes, value[k]);
}

template <class E, unsigned N>
void load_shared(Warp &warp, const Instruction &ins, uint32_t lanes, const Reach &reach, bool own) {
  each_target(warp, lanes, "a load", own, reach, [&](Block &target, uint32_t group, const Reach &r) {
    alignas(64) E value[N][WARP];
    check_shared(warp, group, "a load", target, r);
    need_written_shared(warp, group, target, r);
    tell_order(warp, group, ins, Does::load, &target, r);
    gather<E, N>(target.shared.bytes.data() + r.low, r, value);
    for (unsigned k = 0; k < N; k++) to_register<E>(warp, ins, k, group, value[k]);
  });
}

/* Local memory, and parameters: nobody else writes there, and nothing is unwritten. */
unsigned char *local_at(Warp &warp, unsigned lane, const char *what, const Reach &r) {
  const size_t each = warp.local.size() / WARP;
  if (r.at[lane] > each || r.bytes > each - r.at[lane])
    fault(warp, lane, "%s of %u bytes at byte %llu of a thread's %zu bytes of local memory", what, r.bytes,
          (unsigned long long)r.at[lane], each);
  return warp.local.data() + lane * each + r.at[lane];
}

template <class E, unsigned N>
void load_local(Warp &warp, const Instruction &ins, uint32_t lanes, const Reach &r) {
  if (!aligned(r)) explain_alignment(warp, lanes, "a load", r);
  alignas(64) E value[N][WARP] = {};
  each_lane(lanes, [&](unsigned lane) {
    const unsigned char *from = local_at(warp, lane, "a load", r);
    for (unsigned k = 0; k < N; k++) memcpy(&value[k][lane], from + k * sizeof(E), sizeof(E));
  });
  for (unsigned k = 0; k < N; k++) to_register<E>(warp, ins, k, lanes, value[k]);
}

template <class E, unsigned N>
void load_parameter(Warp &warp, const Instruction &ins, uint32_t lanes, const Reach &r) {
  const std::vector<unsigned char> &all = machine().launch->parameters;
  if (r.high + r.bytes > all.size())
    fault(warp, first_of(lanes), "a load of %u bytes at byte %llu of %zu bytes of parameters", r.bytes,
          (unsigned long long)r.high, all.size());
  if (!aligned(r)) explain_alignment(warp, lanes, "a load", r);
  alignas(64) E value[N][WARP];
  gather<E, N>(all.data() + r.low, r, value);
  for (unsigned k = 0; k < N; k++) to_register<E>(warp, ins, k, lanes, value[k]);
}

template <class E, unsigned N>
void load_from(Warp &warp, const Instruction &ins, uint32_t lanes, Space space, const Reach &r) {
  if (space == Space::global) return load_global<E, N>(warp, ins, lanes, r);
  if (space == Space::local) return load_local<E, N>(warp, ins, lanes, r);
  if (space == Space::param) return load_parameter<E, N>(warp, ins, lanes, r);
  load_shared<E, N>(warp, ins, lanes, r, space == Space::shared);
}

template <Space space, class E, unsigned N> After load(Warp &warp, const Instruction &ins, uint32_t lanes) {
  Reach r;
  find_reach(warp, ins, N, ins.displacement, N * sizeof(E), lanes, &r);
  if (space == Space::generic)
    each_space(lanes, r, [&](Space in, uint32_t group, const Reach &there) {
      load_from<E, N>(warp, ins, group, in, there);
    });
  else
    load_from<E, N>(warp, ins, lanes, space, r);
  return ins.access.strength == Strength::weak ? After::next : seen_before(warp, ins, lanes, r);
}

/* ---- stores ---- */

template <class E, unsigned N>
void store_global(Warp &warp, const Instruction &ins, uint32_t lanes, const Reach &r, const Lanes<E> *value) {
  check_global(warp, lanes, "a store", r);
  tell_order(warp, lanes, ins, Does::store, nullptr, r);
  mark_written_global<N * sizeof(E)>(lanes, r);
  if (!weak) return scatter<E, N>(machine().memory.bytes(r.low), r, lanes, value);
  each_lane(lanes, [&](unsigned lane) {
    for (unsigned k = 0; k < N; k++)
      weak_store(*warp.block, r.at[lane] + k * sizeof(E), sizeof(E), value[k][lane]);
  });
  if (releases(ins.access) && beyond_block(ins.access))
    each_lane(lanes, [&](unsigned lane) { late_stores_out(*warp.block, r.at[lane], r.bytes); });
}

template <class E, unsigned N>
void store_shared(Warp &warp, const Instruction &ins, uint32_t lanes, const Reach &reach, bool own,
                  const Lanes<E> *value) {
  each_target(warp, lanes, "a store", own, reach, [&](Block &target, uint32_t group, const Reach &r) {
    check_shared(warp, group, "a store", target, r);
    if (!target.mbarriers.empty()) check_mbarriers(warp, group, "a store", target, r);
    tell_order(warp, group, ins, Does::store, &target, r);
    mark_written_shared<N * sizeof(E)>(group, target, r);
    scatter<E, N>(target.shared.bytes.data() + r.low, r, group, value);
  });
}

template <class E, unsigned N>
void store_local(Warp &warp, uint32_t lanes, const Reach &r, const Lanes<E> *value) {
  if (!aligned(r)) explain_alignment(warp, lanes, "a store", r);
  each_lane(lanes, [&](unsigned lane) {
    unsigned char *to = local_at(warp, lane, "a store", r);
    for (unsigned k = 0; k < N; k++) memcpy(to + k * sizeof(E), &value[k][lane], sizeof(E));
  });
}

template <class E, unsigned N>
void store_to(Warp &warp, const Instruction &ins, uint32_t lanes, Space space, const Reach &r,
              const Lanes<E> *value) {
  if (space == Space::global) return store_global<E, N>(warp, ins, lanes, r, value);
  if (space == Space::local) return store_local<E, N>(warp, lanes, r, value);
  store_shared<E, N>(warp, ins, lanes, r, space == Space::shared, value);
}

template <Space space, class E, unsigned N> After store(Warp &warp, const Instruction &ins, uint32_t lanes) {
  Reach r;
  alignas(64) E value[N][WARP];
  find_reach(warp, ins, 0, ins.displacement, N * sizeof(E), lanes, &r);
  for (unsigned k = 0; k < N; k++) from_register<E>(warp, ins, 1 + k, value[k]);
  if (weak && releases(ins.access) && beyond_block(ins.access)) late_stores_out(*warp.block);
  if (space == Space::generic)
    each_space(lanes, r, [&](Space in, uint32_t group, const Reach &there) {
      store_to<E, N>(warp, ins, group, in, there, value);
    });
  else
    store_to<E, N>(warp, ins, lanes, space, r, value);
  if (ins.access.strength != Strength::weak) machine().changed();
  return After::next;
}

/* ---- the handler of a name ---- */

template <template <Space, class, unsigned> class Which, Space space, class E> Handler *by_count(unsigned n) {
  return n == 1 ? Which<space, E, 1>::run : n == 2 ? Which<space, E, 2>::run : Which<space, E, 4>::run;
}
template <template <Space, class, unsigned> class Which, Space space> Handler *by_element(const Access &a) {
  return a.bytes == 1   ? by_count<Which, space, uint8_t>(a.elements)
         : a.bytes == 2 ? by_count<Which, space, uint16_t>(a.elements)
         : a.bytes == 4 ? by_count<Which, space, uint32_t>(a.elements)
                        : by_count<Which, space, uint64_t>(a.elements);
}
template <template <Space, class, unsigned> class Which> Handler *by_space(const Access &a) {
  switch (a.space) {
  case Space::global:
    return by_element<Which, Space::global>(a);
  case Space::shared:
    return by_element<Which, Space::shared>(a);
  case Space::cluster:
    return by_element<Which, Space::cluster>(a);
  case Space::local:
    return by_element<Which, Space::local>(a);
  case Space::param:
    return by_element<Which, Space::param>(a);
  default:
    return by_element<Which, Space::generic>(a);
  }
}
template <Space space, class E, unsigned N> struct Load {
  static constexpr Handler *run = load<space, E, N>;
};
template <Space space, class E, unsigned N> struct Store {
  static constexpr Handler *run = store<space, E, N>;
};

/* ---- fences ---- */

After fence(Warp &warp, const Instruction &ins, uint32_t lanes) {
  if (weak && beyond_block(ins.access)) {
    late_stores_out(*warp.block);
    forget_lines(*warp.block);
  }
  machine().order.fence(warp, lanes, ins.access);
  machine().changed();
  return After::next;
}

After nothing(Warp &, const Instruction &, uint32_t) { return After::next; }

/* ---- addresses ---- */

template <class F> After map_lanes(Warp &warp, const Instruction &ins, uint32_t lanes, F f) {
  each_lane(lanes, [&](unsigned lane) {
    const uint64_t a = warp.value(ins.at[1], ins.size[1], lane);
    warp.set(ins.at[0], ins.size[0], lane, f(a, lane));
  });
  return After::next;
}

uint64_t window_of(const Instruction &ins) {
  return ins.access.space == Space::local                                          ? uint64_t{LOCAL_WINDOW}
         : ins.access.space == Space::shared || ins.access.space == Space::cluster ? uint64_t{SHARED_WINDOW}
                                                                                   : 0;
}

After to_generic(Warp &warp, const Instruction &ins, uint32_t lanes) {
  const uint64_t window = window_of(ins);
  return map_lanes(warp, ins, lanes, [=](uint64_t a, unsigned) { return a + window; });
}

/* A cvta of another space gives an address that is out of bounds there. */
After from_generic(Warp &warp, const Instruction &ins, uint32_t lanes) {
  const uint64_t window = window_of(ins);
  if (window == 0 && lanes == ALL_LANES && ins.size[0] == 8 && ins.size[1] == 8) {
    memmove(warp.out<uint64_t>(ins.at[0]), warp.in<uint64_t>(ins.at[1]), sizeof(Lanes<uint64_t>));
    return After::next;
  }
  return map_lanes(warp, ins, lanes, [=](uint64_t a, unsigned) { return a - window; });
}

/* The offset of a shared address, generic or not, and who it belongs to: rank + 1, or 0. */
uint32_t offset_of(uint64_t a) { return (uint32_t)a & 0xFFFFFFu; }
uint32_t owner_of(uint64_t a) { return (uint32_t)a >> 24; }

After map_address(Warp &warp, const Instruction &ins, uint32_t lanes) {
  const uint64_t window = ins.access.space == Space::generic ? uint64_t{SHARED_WINDOW} : 0;
  return map_lanes(warp, ins, lanes, [&](uint64_t a, unsigned lane) {
    const uint64_t rank = warp.value(ins.at[2], ins.size[2], lane);
    return window + ((rank < 254 ? rank + 1 : 255) << 24 | offset_of(a));
  });
}

After get_rank(Warp &warp, const Instruction &ins, uint32_t lanes) {
  return map_lanes(warp, ins, lanes, [&](uint64_t a, unsigned) -> uint64_t {
    return owner_of(a) == 0 ? warp.block->rank : owner_of(a) - 1;
  });
}

After is_space(Warp &warp, const Instruction &ins, uint32_t lanes) {
  const Space space = ins.access.space;
  return map_lanes(warp, ins, lanes, [&](uint64_t a, unsigned) -> uint64_t {
    const bool own = owner_of(a) == 0 || owner_of(a) - 1 == warp.block->rank;
    return space == Space::shared ? space_of(a) == Space::cluster && own : space_of(a) == space;
  });
}

} // namespace

/* ---- names ---- */

bool read_type(const std::string &part, Access *a) {
  if (part.size() < 2) return false;
  const std::string bits = part.substr(part[0] == 'b' && part[1] == 'f' ? 2 : 1);
  if (strchr("usbf", part[0]) == nullptr) return false;
  a->sign = part[0] == 's';
  a->bytes = bits == "8" ? 1 : bits == "16" ? 2 : bits == "32" ? 4 : bits == "64" ? 8 : 0;
  return a->bytes != 0;
}

bool read_qualifier(const std::string &part, Access *a) {
  struct Row {
    const char *name;
    void (*set)(Access *);
  };
  static const Row rows[] = {
      {"weak", [](Access *) {}},
      {"relaxed", [](Access *to) { to->strength = Strength::relaxed; }},
      {"acquire", [](Access *to) { to->strength = Strength::acquire; }},
      {"release", [](Access *to) { to->strength = Strength::release; }},
      {"acq_rel", [](Access *to) { to->strength = Strength::acq_rel; }},
      {"sc", [](Access *to) { to->strength = Strength::sc; }},
      {"volatile",
       [](Access *to) {
         to->strength = Strength::relaxed;
         to->scope = Scope::sys;
       }},
      {"cta", [](Access *to) { to->scope = Scope::cta; }},
      {"cluster", [](Access *to) { to->scope = Scope::cluster; }},
      {"gpu", [](Access *to) { to->scope = Scope::gpu; }},
      {"sys", [](Access *to) { to->scope = Scope::sys; }},
      {"global", [](Access *to) { to->space = Space::global; }},
      {"shared", [](Access *to) { to->space = Space::shared; }},
      {"shared::cta", [](Access *to) { to->space = Space::shared; }},
      {"shared::cluster", [](Access *to) { to->space = Space::cluster; }},
      {"local", [](Access *to) { to->space = Space::local; }},
      {"param", [](Access *to) { to->space = Space::param; }},
      {"param::entry", [](Access *to) { to->space = Space::param; }},
      {"ca", [](Access *) {}},
      {"cs", [](Access *) {}},
      {"wb", [](Access *) {}},
      {"wt", [](Access *) {}},
      {"cg", [](Access *to) { to->cache = Cache::l2; }},
      {"cv", [](Access *to) { to->cache = Cache::l2; }},
      {"lu", [](Access *to) { to->cache = Cache::l2; }},
      {"nc", [](Access *to) { to->cache = Cache::read_only; }},
      {"v2", [](Access *to) { to->elements = 2; }},
      {"v4", [](Access *to) { to->elements = 4; }},
  };
  if (part.compare(0, 4, "L1::") == 0 || part.compare(0, 4, "L2::") == 0) /* a hint to the caches */
    return part != "L2::cache_hint";                                      /* that one is an operand */
  for (const Row &row : rows) {
    if (part != row.name) continue;
    row.set(a);
    return true;
  }
  return false;
}

namespace {

/* All parts but the first `skip`, and but the type at the end. */
bool read_middle(const Parts &parts, size_t skip, size_t end, Access *a) {
  for (size_t i = skip; i < end; i++)
    if (!read_qualifier(parts[i], a)) return false;
  return true;
}

bool decode_load(const Parts &parts, Instruction *ins) {
  Access &a = ins->access;
  if (!read_type(parts.back(), &a) || !read_middle(parts, 1, parts.size() - 1, &a)) return false;
  if (a.bytes * a.elements > 16 || releases(a)) return false;
  ins->run = by_space<Load>(a);
  return true;
}

bool decode_store(const Parts &parts, Instruction *ins) {
  Access &a = ins->access;
  if (!read_type(parts.back(), &a) || !read_middle(parts, 1, parts.size() - 1, &a)) return false;
  if (a.bytes * a.elements > 16 || acquires(a)) return false;
  if (a.space == Space::param || a.cache == Cache::read_only) return false; /* nobody can store there */
  ins->run = by_space<Store>(a);
  return true;
}

bool decode_fence(const Parts &parts, Instruction *ins) {
  Access &a = ins->access;
  if (parts[0] == "membar") { /* the old name of fence.sc */
    if (parts.size() != 2) return false;
    a.strength = Strength::sc;
    a.scope = parts[1] == "cta" ? Scope::cta : parts[1] == "gl" ? Scope::gpu : Scope::sys;
    ins->run = fence;
    return parts[1] == "cta" || parts[1] == "gl" || parts[1] == "sys";
  }
  a.strength = Strength::acq_rel;
  ins->run = fence;
  return read_middle(parts, 1, parts.size(), &a) && a.scope != Scope::none && a.space == Space::generic;
}

bool decode_address(const Parts &parts, Instruction *ins) {
  const bool to = parts.size() > 1 && parts[1] == "to";
  const size_t begin = to ? 2 : 1;
  const bool typed = parts[0] != "isspacep";
  if (typed && parts.back() != "u32" && parts.back() != "u64") return false;
  if (!read_middle(parts, begin, parts.size() - typed, &ins->access)) return false;
  if (ins->access.space == Space::param) return false; /* parameters have no generic addresses here */
  ins->run = parts[0] == "mapa"         ? map_address
             : parts[0] == "getctarank" ? get_rank
             : parts[0] == "isspacep"   ? is_space
             : to                       ? from_generic
                                        : to_generic;
  return true;
}

} // namespace

bool decode_memory(const std::vector<std::string> &parts, Instruction *ins) {
  typedef bool Decode(const Parts &, Instruction *);
  struct Row {
    const char *name;
    Decode *decode;
  };
  static const Row rows[] = {
      {"ld", decode_load},          {"ldu", decode_load},
      {"st", decode_store},         {"atom", decode_atomic},
      {"red", decode_atomic},       {"fence", decode_fence},
      {"membar", decode_fence},     {"cvta", decode_address},
      {"mapa", decode_address},     {"getctarank", decode_address},
      {"isspacep", decode_address},
  };
  ins->access = {Space::generic, Strength::weak, Scope::none, Cache::all, 0, 1, false};
  if (decode_async(parts, ins)) return true;
  ins->access = {Space::generic, Strength::weak, Scope::none, Cache::all, 0, 1, false};
  if (parts[0] == "prefetch" || parts[0] == "prefetchu") {
    ins->run = nothing;
    return true;
  }
  for (const Row &row : rows)
    if (parts[0] == row.name) return row.decode(parts, ins);
  return false;
}

} // namespace soft
