/* hand.h - for tests: blocks and warps made by hand, and single instructions run on them without a kernel.
 *
 * A register is a number; each has its place in the frame of the warp, and room for 8 bytes a lane.
 */
#ifndef SOFT_HAND_H
#define SOFT_HAND_H

#include "tests/soft/machine.h"

#include <initializer_list>
#include <string>

namespace hand {

using namespace soft;

enum : unsigned { REGISTERS = 16, REGISTER_BYTES = 8 * WARP, LOCAL_BYTES = 64, SHARED_BYTES = 4096 };

/* A cluster of blocks of so many warps, whose shared memory nobody has written. */
struct World {
  Launch launch; /* of a kernel without code, so that a fault has something to name */
  std::shared_ptr<Cluster> cluster = std::make_shared<Cluster>();
  std::vector<std::unique_ptr<Block>> blocks;
  std::vector<std::unique_ptr<unsigned char[]>> frames;

  explicit World(unsigned count = 1, unsigned warps = 1) {
    const auto kernel = std::make_shared<Kernel>();
    kernel->name = "by_hand";
    kernel->code.resize(1);
    kernel->lines.push_back({0, 0});
    kernel->opcodes.push_back("by hand");
    launch.kernel = kernel;
    launch.grid = {count, 1, 1};
    launch.block = {warps * WARP, 1, 1};
    launch.cluster = count;
    machine().order.on = false;
    machine().launch = &launch;
    machine().flights.clear();
    for (unsigned rank = 0; rank < count; rank++) {
      Block *block = new Block();
      blocks.emplace_back(block);
      cluster->blocks.push_back(block);
      block->number = block->index.x = block->rank = rank;
      block->cluster = cluster;
      block->shared.bytes.assign(SHARED_BYTES, 0xEE);
      block->shared.valid.assign(SHARED_BYTES, 0);
      block->warps.resize(warps);
      for (unsigned w = 0; w < warps; w++) add_frame(block, w);
    }
    cluster->turns = 1;
  }
  ~World() { machine().launch = nullptr; }
  Warp &warp(unsigned rank = 0, unsigned number = 0) { return blocks[rank]->warps[number]; }

private:
  void add_frame(Block *block, unsigned number) {
    Warp &warp = block->warps[number];
    frames.emplace_back(new unsigned char[REGISTERS * REGISTER_BYTES]());
    warp.frame = frames.back().get();
    warp.constants = warp.frame;
    warp.active = warp.alive = ALL_LANES;
    warp.block = block;
    warp.number = number;
    warp.polled_pc = UINT32_MAX;
    warp.local.resize(WARP * LOCAL_BYTES);
  }
};

/* A register as an operand of so many bytes; 0: a predicate. */
struct Operand {
  unsigned number, size;
};

inline Place place_in(unsigned number) { return in_frame(number * REGISTER_BYTES); }
inline uint64_t get(const Warp &warp, Operand o, unsigned lane) {
  return warp.value(place_in(o.number), o.size, lane);
}
inline void put(Warp &warp, Operand o, unsigned lane, uint64_t v) {
  warp.set(place_in(o.number), o.size, lane, v);
}
inline void put_all(Warp &warp, Operand o, uint64_t v) {
  for (unsigned lane = 0; lane < WARP; lane++) put(warp, o, lane, v);
}

/* The instruction of that name, with its operands in the order of the text. */
inline Instruction instruction(const char *name, std::initializer_list<Operand> operands,
                               int64_t displacement = 0) {
  Instruction ins = instruction_of(name);
  for (const Operand &o : operands) {
    ins.at[ins.operands] = place_in(o.number);
    ins.size[ins.operands++] = (uint8_t)o.size;
  }
  ins.displacement = displacement;
  return ins;
}

struct Result {
  After after;
  std::string fault; /* empty if there was none */
};
inline Result run(Warp &warp, const Instruction &ins, uint32_t lanes = ALL_LANES) {
  try {
    return {ins.run(warp, ins, lanes), ""};
  } catch (const Fault &f) {
    return {After::next, f.what()};
  }
}
inline Result run(Warp &warp, const char *name, std::initializer_list<Operand> operands,
                  uint32_t lanes = ALL_LANES, int64_t displacement = 0) {
  return run(warp, instruction(name, operands, displacement), lanes);
}
inline bool says(const Result &r, const char *words) { return r.fault.find(words) != std::string::npos; }

} // namespace hand

#endif
