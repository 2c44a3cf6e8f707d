/* atomics.cpp - atom and red: each lane by itself, from a random one on, since nothing is promised about the
 * order.  Source: PTX ISA 9.0, "Parallel synchronization and communication instructions".
 */
#include "tests/soft/access.h"
#include "tests/soft/weak.h"

namespace soft {

namespace {

/* What is there, and the operands: what will be there. */
template <class T> T add(T old, T b, T) { return (T)(old + b); }
template <class T> T least(T old, T b, T) { return b < old ? b : old; }
template <class T> T most(T old, T b, T) { return b > old ? b : old; }
template <class T> T both(T old, T b, T) { return old & b; }
template <class T> T either(T old, T b, T) { return old | b; }
template <class T> T one_of(T old, T b, T) { return old ^ b; }
template <class T> T exchange(T, T b, T) { return b; }
template <class T> T if_equal(T old, T b, T c) { return old == b ? c : old; }
uint32_t count_up(uint32_t old, uint32_t b, uint32_t) { return old >= b ? 0 : old + 1; }
uint32_t count_down(uint32_t old, uint32_t b, uint32_t) { return old == 0 || old > b ? b : old - 1; }

template <class T> T operand(const Warp &warp, const Instruction &ins, unsigned k, unsigned lane) {
  T value = 0;
  if (k >= ins.operands) return value;
  const uint64_t bits = warp.value(ins.at[k], ins.size[k], lane);
  memcpy(&value, &bits, sizeof value);
  return value;
}

/* `first`: the operand of the address; `at`: where each lane's number is. */
template <class T, T operation(T, T, T), class F>
void act(Warp &warp, const Instruction &ins, uint32_t lanes, unsigned first, F at) {
  const unsigned begin = (unsigned)machine().random(WARP);
  for (unsigned i = 0; i < WARP; i++) {
    const unsigned lane = (begin + i) % WARP;
    if (!(lanes >> lane & 1)) continue;
    unsigned char *where = at(lane);
    T old;
    memcpy(&old, where, sizeof old);
    const T now =
        operation(old, operand<T>(warp, ins, first + 1, lane), operand<T>(warp, ins, first + 2, lane));
    memcpy(where, &now, sizeof now);
    if (first == 0) continue;
    uint64_t bits = 0;
    memcpy(&bits, &old, sizeof old);
    warp.set(ins.at[0], ins.size[0], lane, bits);
  }
}

template <class T, T operation(T, T, T)>
void act_global(Warp &warp, const Instruction &ins, uint32_t lanes, unsigned first, const Reach &r) {
  check_global(warp, lanes, "an atomic", r);
  check_written_global(warp, lanes, "an atomic", r);
  tell_order(warp, lanes, ins, Does::atomic, nullptr, r);
  if (weak)
    each_lane(lanes, [&](unsigned lane) {
      late_stores_out(*warp.block, r.at[lane], r.bytes);
      forget_line(*warp.block, r.at[lane]);
    });
  act<T, operation>(warp, ins, lanes, first,
                    [&](unsigned lane) { return machine().memory.bytes(r.at[lane]); });
}

template <class T, T operation(T, T, T)>
void act_shared(Warp &warp, const Instruction &ins, uint32_t lanes, unsigned first, bool own,
                const Reach &reach) {
  each_target(warp, lanes, "an atomic", own, reach, [&](Block &target, uint32_t group, const Reach &r) {
    check_shared(warp, group, "an atomic", target, r);
    check_written_shared(warp, group, "an atomic", target, r);
    tell_order(warp, group, ins, Does::atomic, &target, r);
    act<T, operation>(warp, ins, group, first,
                      [&](unsigned lane) { return &target.shared.bytes[r.at[lane]]; });
  });
}

/* With a destination, `first` is 1; red has none. */
template <class T, T operation(T, T, T), unsigned first>
After atomic(Warp &warp, const Instruction &ins, uint32_t lanes) {
  const Access &a = ins.access;
  Reach reach;
  find_reach(warp, ins, first, ins.displacement, sizeof(T), lanes, &reach);
  if (weak && releases(a) && beyond_block(a)) late_stores_out(*warp.block);
  const auto go = [&](Space space, uint32_t group, const Reach &r) {
    if (space == Space::local) fault(warp, first_of(group), "an atomic in local memory");
    if (space == Space::global)
      act_global<T, operation>(warp, ins, group, first, r);
    else
      act_shared<T, operation>(warp, ins, group, first, space == Space::shared, r);
  };
  if (a.space == Space::generic)
    each_space(lanes, reach, go);
  else
    go(a.space, lanes, reach);
  if (weak && acquires(a) && beyond_block(a)) forget_lines(*warp.block);
  machine().changed();
  return After::next;
}

struct Row {
  const char *operation, *type;
  Handler *atom, *red;
};
#define ROW(name, type, T, operation)                                                                        \
  { name, type, atomic<T, operation, 1>, atomic<T, operation, 0> }
const Row rows[] = {
    ROW("add", "u32", uint32_t, add),       ROW("add", "s32", uint32_t, add),
    ROW("add", "u64", uint64_t, add),       ROW("add", "s64", uint64_t, add),
    ROW("add", "f32", float, add),          ROW("add", "f64", double, add),
    ROW("min", "u32", uint32_t, least),     ROW("min", "s32", int32_t, least),
    ROW("min", "u64", uint64_t, least),     ROW("min", "s64", int64_t, least),
    ROW("max", "u32", uint32_t, most),      ROW("max", "s32", int32_t, most),
    ROW("max", "u64", uint64_t, most),      ROW("max", "s64", int64_t, most),
    ROW("and", "b32", uint32_t, both),      ROW("and", "b64", uint64_t, both),
    ROW("or", "b32", uint32_t, either),     ROW("or", "b64", uint64_t, either),
    ROW("xor", "b32", uint32_t, one_of),    ROW("xor", "b64", uint64_t, one_of),
    ROW("exch", "b32", uint32_t, exchange), ROW("exch", "b64", uint64_t, exchange),
    ROW("cas", "b32", uint32_t, if_equal),  ROW("cas", "b64", uint64_t, if_equal),
    ROW("inc", "u32", uint32_t, count_up),  ROW("dec", "u32", uint32_t, count_down),
};
#undef ROW

} // namespace

/* atom.acq_rel.gpu.global.add.u32, in any order but for the end; relaxed.gpu if nothing is said. */
bool decode_atomic(const Parts &parts, Instruction *ins) {
  if (parts.size() < 3) return false;
  Access &a = ins->access;
  a.strength = Strength::relaxed;
  a.scope = Scope::gpu;
  const std::string &operation = parts[parts.size() - 2];
  for (size_t i = 1; i + 2 < parts.size(); i++)
    if (!read_qualifier(parts[i], &a)) return false;
  if (!read_type(parts.back(), &a)) return false;
  for (const Row &row : rows) {
    if (operation != row.operation || parts.back() != row.type) continue;
    ins->run = parts[0] == "atom" ? row.atom : row.red;
    return true;
  }
  return false;
}

} // namespace soft
