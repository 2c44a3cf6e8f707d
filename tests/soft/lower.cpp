/* lower.cpp - from registers by number to places in the frame of a warp.
 *
 * nvcc writes nearly every result to a register of its own, thousands in a kernel.  Registers that are never
 * needed at the same time share a place (linear scan: Poletto and Sarkar, 1999), so that a warp's frame stays
 * in the cache: liveness by basic blocks, an interval of instructions for each register, and places given out
 * in the order of the intervals' begins.  What is live is live in each lane by itself, and a handler writes
 * only its lanes, so diverged lanes do not disturb each other.
 */
#include "tests/soft/draft.h"
#include "tests/soft/text.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <stdexcept>
#include <unordered_map>

namespace soft {

namespace {

/* ---- handlers ---- */

Handler *find_handler(const std::string &name) {
  static const auto table = [] {
    std::unordered_map<std::string, Handler *> all;
    for (const Opcode *opcodes :
         {arithmetic_opcodes, convert_opcodes, compare_opcodes, warp_opcodes, control_opcodes, async_opcodes})
      for (const Opcode *o = opcodes; o->name != nullptr; o++) all[o->name] = o->run;
    return all;
  }();
  const auto found = table.find(name);
  return found == table.end() ? nullptr : found->second;
}

/* ---- liveness ---- */

typedef std::vector<uint64_t> Bits;

bool has(const Bits &bits, uint32_t i) { return bits[i / 64] >> (i % 64) & 1; }
void put(Bits *bits, uint32_t i) { (*bits)[i / 64] |= 1ull << (i % 64); }

template <class F> void each_set(const Bits &bits, F f) {
  for (size_t w = 0; w < bits.size(); w++)
    for (uint64_t left = bits[w]; left != 0; left &= left - 1)
      f((uint32_t)(w * 64) + (uint32_t)__builtin_ctzll(left));
}

struct BasicBlock {
  uint32_t begin, end;
  std::vector<uint32_t> next;
  Bits reads, writes, in; /* read before they are written; certainly written; live at the begin */
};

bool ends_block(const Step &s) { return s.jumps || s.name == "ret" || s.name == "exit"; }

std::vector<BasicBlock> basic_blocks(const std::vector<Step> &steps, size_t words) {
  const uint32_t count = (uint32_t)steps.size();
  std::vector<bool> leads(count + 1, false);
  leads[0] = leads[count] = true;
  for (uint32_t i = 0; i < count; i++) {
    if (steps[i].jumps) leads[steps[i].target] = true;
    if (ends_block(steps[i])) leads[i + 1] = true;
  }
  std::vector<BasicBlock> blocks;
  std::vector<uint32_t> block_of(count + 1, 0);
  for (uint32_t i = 0; i < count; i++) {
    if (leads[i]) {
      if (!blocks.empty()) blocks.back().end = i;
      blocks.push_back({i, count, {}, Bits(words), Bits(words), Bits(words)});
    }
    block_of[i] = (uint32_t)blocks.size() - 1;
  }
  for (BasicBlock &b : blocks) {
    const Step &last = steps[b.end - 1];
    if (last.jumps && last.target < count) b.next.push_back(block_of[last.target]);
    if ((!ends_block(last) || last.guarded) && b.end < count) b.next.push_back(block_of[b.end]);
  }
  return blocks;
}

template <class F> void each_read(const Step &s, F f) {
  if (s.guarded) f(s.guard);
  for (const Value &v : s.values) /* what a guarded instruction does not write stays as it was */
    if (v.kind == Value::reg && (!v.written || s.guarded)) f(v.number);
}
template <class F> void each_written(const Step &s, F f) {
  for (const Value &v : s.values)
    if (v.kind == Value::reg && v.written) f(v.number);
}

void find_liveness(const std::vector<Step> &steps, std::vector<BasicBlock> *blocks) {
  for (BasicBlock &b : *blocks)
    for (uint32_t i = b.begin; i < b.end; i++) {
      each_read(steps[i], [&](uint32_t r) {
        if (!has(b.writes, r)) put(&b.reads, r);
      });
      if (!steps[i].guarded) each_written(steps[i], [&](uint32_t r) { put(&b.writes, r); });
    }
  for (bool changed = true; changed;) {
    changed = false;
    for (size_t k = blocks->size(); k-- > 0;) {
      BasicBlock &b = (*blocks)[k];
      for (size_t w = 0; w < b.in.size(); w++) {
        uint64_t out = 0;
        for (const uint32_t n : b.next) out |= (*blocks)[n].in[w];
        const uint64_t in = b.reads[w] | (out & ~b.writes[w]);
        changed |= in != b.in[w];
        b.in[w] = in;
      }
    }
  }
}

/* The first and the last instruction at which a register must keep its value. */
struct Interval {
  uint32_t begin = UINT32_MAX, end = 0;
  void reach(uint32_t i) {
    begin = std::min(begin, i);
    end = std::max(end, i);
  }
};

std::vector<Interval> intervals_of(const Draft &draft) {
  const size_t words = (draft.registers.size() + 63) / 64;
  std::vector<BasicBlock> blocks = basic_blocks(draft.steps, words);
  find_liveness(draft.steps, &blocks);
  std::vector<Interval> intervals(draft.registers.size());
  for (const BasicBlock &b : blocks) {
    for (uint32_t i = b.begin; i < b.end; i++) {
      const auto reach = [&](uint32_t r) { intervals[r].reach(i); };
      each_read(draft.steps[i], reach);
      each_written(draft.steps[i], reach);
    }
    each_set(b.in, [&](uint32_t r) { intervals[r].reach(b.begin); });
    for (const uint32_t n : b.next)
      each_set(blocks[n].in, [&](uint32_t r) { intervals[r].reach(b.end - 1); });
  }
  return intervals;
}

/* ---- places ---- */

size_t lanes_bytes(uint8_t size) { return size == 0 ? 64 : (size_t)size * WARP; }

class Frame {
public:
  /* A place of that size, of a register that is not needed any more or a new one. */
  uint32_t take(uint8_t size) {
    std::vector<uint32_t> &free = free_[size];
    if (!free.empty()) {
      const uint32_t offset = free.back();
      free.pop_back();
      return offset;
    }
    const uint32_t offset = (uint32_t)bytes;
    bytes += lanes_bytes(size);
    return offset;
  }
  void give(uint8_t size, uint32_t offset) { free_[size].push_back(offset); }
  size_t bytes = 0;

private:
  std::map<uint8_t, std::vector<uint32_t>> free_;
};

std::vector<uint32_t> places_of(const Draft &draft, Frame *frame, Kernel *kernel) {
  const std::vector<Interval> intervals = intervals_of(draft);
  std::vector<uint32_t> place(draft.registers.size(), 0), order;
  for (uint32_t r = 0; r < draft.registers.size(); r++) {
    const Register &reg = draft.registers[r];
    if (!reg.special.empty()) { /* set when the warp begins */
      place[r] = frame->take(reg.size);
      kernel->specials.push_back({reg.special, in_frame(place[r]), reg.size});
    } else if (intervals[r].begin != UINT32_MAX) {
      order.push_back(r);
    }
  }
  std::sort(order.begin(), order.end(),
            [&](uint32_t a, uint32_t b) { return intervals[a].begin < intervals[b].begin; });
  std::multimap<uint32_t, uint32_t> living; /* end -> register */
  for (const uint32_t r : order) {
    while (!living.empty() && living.begin()->first < intervals[r].begin) {
      const uint32_t gone = living.begin()->second;
      frame->give(draft.registers[gone].size, place[gone]);
      living.erase(living.begin());
    }
    place[r] = frame->take(draft.registers[r].size);
    living.insert({intervals[r].end, r});
  }
  return place;
}

class Constants {
public:
  explicit Constants(std::vector<unsigned char> *bytes) : bytes_(*bytes) {}
  Place place(uint8_t size, uint64_t value) {
    const auto found = known_.find({size, value});
    if (found != known_.end()) return in_constants(found->second);
    const uint32_t offset = (uint32_t)bytes_.size();
    bytes_.resize(offset + lanes_bytes(size));
    if (size == 0)
      memcpy(&bytes_[offset], &value, sizeof(uint32_t));
    else
      for (unsigned lane = 0; lane < WARP; lane++) memcpy(&bytes_[offset + lane * size], &value, size);
    known_[{size, value}] = offset;
    return in_constants(offset);
  }

private:
  std::vector<unsigned char> &bytes_;
  std::map<std::pair<uint8_t, uint64_t>, uint32_t> known_;
};

uint32_t number_of(const std::string &name, std::vector<std::string> *names,
                   std::map<std::string, uint32_t> *known) {
  const auto found = known->find(name);
  if (found != known->end()) return found->second;
  names->push_back(name);
  return (*known)[name] = (uint32_t)names->size() - 1;
}

} // namespace

/* From a table, or from the parts of its name. */
Instruction instruction_of(const std::string &name) {
  Instruction instruction = {};
  instruction.run = find_handler(name);
  if (instruction.run == nullptr && !decode_memory(split(name, '.'), &instruction))
    throw std::runtime_error("PTX: the software device does not know `" + name + "`");
  return instruction;
}

void lower(const Draft &draft, Kernel *kernel) {
  Frame frame;
  const uint32_t sink = frame.take(8);
  const std::vector<uint32_t> place = places_of(draft, &frame, kernel);
  Constants constants(&kernel->constants);
  std::map<std::string, uint32_t> opcodes;
  std::vector<Instruction> made; /* by opcode */
  for (const Step &s : draft.steps) {
    const uint32_t opcode = number_of(s.name, &kernel->opcodes, &opcodes);
    if (opcode == made.size()) made.push_back(instruction_of(s.name));
    Instruction i = made[opcode];
    i.opcode = opcode;
    i.displacement = s.displacement;
    i.guarded = s.guarded;
    i.negated = s.negated;
    if (s.guarded) i.guard = in_frame(place[s.guard]);
    i.target = s.target;
    i.line = s.line;
    i.operands = (uint8_t)s.values.size();
    for (size_t k = 0; k < s.values.size(); k++) {
      const Value &v = s.values[k];
      i.size[k] = v.size;
      if (v.written) i.results = (uint8_t)(k + 1);
      if (v.kind == Value::reg)
        i.at[k] = in_frame(place[v.number]);
      else if (v.kind == Value::nobody)
        i.at[k] = in_frame(sink);
      else
        i.at[k] = constants.place(v.size, v.bits);
    }
    kernel->code.push_back(i);
  }
  kernel->ran.assign(kernel->code.size(), 0);
  kernel->frame_bytes = frame.bytes;
}

} // namespace soft
