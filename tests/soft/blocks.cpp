/* blocks.cpp - how blocks of a launch come onto the device and leave it, and how a fault names its place. */
#include "tests/soft/machine.h"
#include "tests/soft/weak.h"

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <cxxabi.h>

namespace soft {

namespace {

/* Blocks that run at the same time, where nothing asks for more: enough that their order matters. */
enum : uint64_t { BLOCKS_AT_ONCE = 6 };

Dim3 index_of(uint64_t number, const Dim3 &size) {
  return {(uint32_t)(number % size.x), (uint32_t)(number / size.x % size.y),
          (uint32_t)(number / size.x / size.y)};
}

uint32_t along(const Dim3 &v, uint8_t axis) { return axis == 0 ? v.x : axis == 1 ? v.y : v.z; }

bool begins(const std::string &s, const char *prefix) { return s.compare(0, strlen(prefix), prefix) == 0; }

/* A special register of a lane of one kind, along one axis. */
typedef uint32_t SpecialValue(const Launch &launch, const Warp &warp, unsigned lane, uint8_t axis);

struct SpecialRow {
  const char *name; /* with a dot at its end, if an axis follows */
  SpecialValue *value;
};

const SpecialRow special_rows[] = {
    {"%tid.", [](const Launch &l, const Warp &w, unsigned lane,
                 uint8_t axis) { return along(index_of(w.number * WARP + lane, l.block), axis); }},
    {"%ntid.", [](const Launch &l, const Warp &, unsigned, uint8_t axis) { return along(l.block, axis); }},
    {"%ctaid.",
     [](const Launch &, const Warp &w, unsigned, uint8_t axis) { return along(w.block->index, axis); }},
    {"%nctaid.", [](const Launch &l, const Warp &, unsigned, uint8_t axis) { return along(l.grid, axis); }},
    {"%laneid", [](const Launch &, const Warp &, unsigned lane, uint8_t) { return (uint32_t)lane; }},
    {"%warpid", [](const Launch &, const Warp &w, unsigned, uint8_t) { return (uint32_t)w.number; }},
    {"%lanemask_lt", [](const Launch &, const Warp &, unsigned lane, uint8_t) { return (1u << lane) - 1; }},
    {"%cluster_ctarank", [](const Launch &, const Warp &w, unsigned, uint8_t) { return w.block->rank; }},
    {"%cluster_nctarank", [](const Launch &l, const Warp &, unsigned, uint8_t) { return l.cluster; }},
    {"%cluster_ctaid.",
     [](const Launch &, const Warp &w, unsigned, uint8_t axis) { return axis == 0 ? w.block->rank : 0; }},
    {"%cluster_nctaid.",
     [](const Launch &l, const Warp &, unsigned, uint8_t axis) { return axis == 0 ? l.cluster : 1; }},
    {"%clusterid.",
     [](const Launch &l, const Warp &w, unsigned, uint8_t axis) {
       return axis == 0 ? w.block->index.x / l.cluster : along(w.block->index, axis);
     }},
    {"%nclusterid.", [](const Launch &l, const Warp &, unsigned,
                        uint8_t axis) { return axis == 0 ? l.grid.x / l.cluster : along(l.grid, axis); }},
};

/* The row of a name; *axis from its last letter. */
const SpecialRow &special_row(const std::string &name, uint8_t *axis) {
  *axis = name.back() == 'y' ? 1 : name.back() == 'z' ? 2 : 0;
  for (const SpecialRow &row : special_rows) {
    const bool axes = row.name[strlen(row.name) - 1] == '.';
    if (axes ? begins(name, row.name) && name.size() == strlen(row.name) + 1 : name == row.name) return row;
  }
  throw Fault("PTX: the special register " + name + " is not modelled");
}

} // namespace

Machine &machine() {
  static Machine *const one = new Machine(); /* never destroyed: objects register before and after it */
  return *one;
}

Machine::Machine() {
  const char *asked = getenv("SEQGPU_SOFT_DEVICE"), *seed = getenv("SEQGPU_SOFT_SEED");
  const Device *row = find_device(asked != nullptr ? asked : "4 SMs");
  if (row == nullptr) {
    fprintf(stderr, "SEQGPU_SOFT_DEVICE is \"%s\"; it must be one of: %s\n", asked, device_names());
    exit(2);
  }
  device = *row;
  set_seed(seed != nullptr ? strtoull(seed, nullptr, 10) : (uint64_t)time(nullptr) * 1000003u % 1000000007u);
}

void Machine::set_seed(uint64_t seed) { seed_ = state_ = seed; }

/* SplitMix64 (Steele, Lea and Flood, 2014). */
uint64_t Machine::random(uint64_t below) {
  uint64_t z = state_ += 0x9E3779B97F4A7C15u;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return (z ^ (z >> 31)) % below;
}

void Machine::load(Module *module) {
  for (Module::Outer &outer : module->outers) {
    Variable &v = outer.variable;
    if (v.space != Space::global) continue;
    v.offset = memory.allocate(v.bytes);
    if (v.offset == 0) throw Fault("no memory for the global variable " + v.name);
    outer.initial.resize(v.bytes, 0);
    memcpy(memory.bytes(v.offset), outer.initial.data(), v.bytes);
    memory.set_valid(v.offset, v.bytes, true);
    loaded++;
  }
}

/* ---- begin ---- */

unsigned char *Machine::take_frame() {
  if (free_frames_.empty()) {
    const size_t bytes = (launch->kernel->frame_bytes + 63) / 64 * 64;
    frames_.emplace_back(new unsigned char[bytes + 64]);
    unsigned char *frame = frames_.back().get();
    frame += (64 - reinterpret_cast<uintptr_t>(frame) % 64) % 64;
    memset(frame, 0xFF, bytes); /* NaN, so that a register that nobody wrote shows */
    return frame;
  }
  unsigned char *frame = free_frames_.back();
  free_frames_.pop_back();
  return frame;
}

void Machine::start_warp(Warp *w, Block *block, unsigned number) {
  const Kernel &kernel = *launch->kernel;
  const uint64_t left = launch->block.count() - (uint64_t)number * WARP;
  w->frame = take_frame();
  w->constants = kernel.constants.data();
  w->pc = 0;
  w->threads = w->alive = w->active = left >= WARP ? uint32_t(ALL_LANES) : (1u << left) - 1;
  w->limit = UINT32_MAX;
  w->block = block;
  w->number = number;
  w->waits = Waits::nothing;
  w->polled_pc = UINT32_MAX;
  w->local.assign(kernel.local_bytes * WARP, 0xFF);
  for (const Special &s : kernel.specials) {
    uint8_t axis;
    SpecialValue *const value = special_row(s.name, &axis).value;
    for (unsigned lane = 0; lane < WARP; lane++)
      w->set(s.place, s.size, lane, value(*launch, *w, lane, axis));
  }
  ready_.push_back(w);
}

void Machine::start_block(Block *block, uint64_t number) {
  const size_t shared = launch->kernel->static_shared_bytes + launch->dynamic_shared;
  block->number = number;
  block->index = index_of(number, launch->grid);
  block->shared.bytes.assign(shared, 0xFF);
  block->shared.valid.assign(shared, 0);
  block->warps.resize((launch->block.count() + WARP - 1) / WARP);
  block->running = (uint32_t)block->warps.size();
  block->cluster->running += block->running;
  for (unsigned i = 0; i < block->warps.size(); i++) start_warp(&block->warps[i], block, i);
  order.block_begins(*block);
}

/* The blocks of a cluster begin together. */
void Machine::start(uint64_t first) {
  const auto cluster = std::make_shared<Cluster>();
  for (uint32_t rank = 0; rank < launch->cluster; rank++) {
    blocks_.push_back(std::make_unique<Block>());
    Block *block = blocks_.back().get();
    block->rank = rank;
    block->cluster = cluster;
    cluster->blocks.push_back(block);
  }
  for (uint32_t rank = 0; rank < launch->cluster; rank++) start_block(cluster->blocks[rank], first + rank);
}

/* As many as may be there at a time: all of a cooperative grid, which the runtime has found to fit, or a few. */
void Machine::admit() {
  const uint64_t few = BLOCKS_AT_ONCE > 2 * launch->cluster ? uint64_t(BLOCKS_AT_ONCE) : 2 * launch->cluster;
  while (!waiting_.empty() &&
         (launch->cooperative || blocks_.empty() || blocks_.size() + launch->cluster <= few)) {
    const uint64_t first = waiting_.back();
    waiting_.pop_back();
    start(first);
  }
}

/* ---- end ---- */

void Machine::end(Block *block) {
  if (block->bytes_in_flight != 0)
    fault(block->warps[0], 0, "the block has exited, and %u bytes are still in flight to its shared memory",
          block->bytes_in_flight);
  block_forgotten(*block);
  order.block_ends(*block);
  block->cluster->blocks[block->rank] = nullptr;
  for (Warp &w : block->warps) free_frames_.push_back(w.frame);
  for (size_t i = 0; i < blocks_.size(); i++)
    if (blocks_[i].get() == block) {
      blocks_[i] = std::move(blocks_.back());
      blocks_.pop_back();
      break;
    }
  admit();
}

void Machine::clear() {
  blocks_.clear();
  waiting_.clear();
  ready_.clear();
  asleep_.clear();
  flights.clear();
  weak_clear();
  frames_.clear();
  free_frames_.clear();
  launch = nullptr;
}

/* ---- sentences ---- */

std::string place_of(const Kernel &kernel, uint32_t line) {
  const Line &at = kernel.lines[line];
  if (at.line == 0 || at.file >= kernel.files.size()) return "an unknown line";
  const std::string &file = kernel.files[at.file];
  size_t begin = file.rfind('/') + 1; /* of the toolkit's files the name alone */
  for (const char *folder : {"/kernels/", "/core/", "/tests/"}) {
    const size_t found = file.rfind(folder);
    if (found != std::string::npos) begin = std::min(begin, found + 1);
  }
  return file.substr(begin) + ":" + std::to_string(at.line);
}

/* From "void recurrence_main<...>(recurrence_args)". */
std::string plain_name(const std::string &symbol) {
  int status = 0;
  char *text = abi::__cxa_demangle(symbol.c_str(), nullptr, nullptr, &status);
  std::string name = status == 0 ? text : symbol;
  free(text);
  const size_t arguments = name.rfind('(');
  if (arguments != std::string::npos && arguments > 0) name = name.substr(0, arguments);
  if (begins(name, "void ")) name = name.substr(5);
  return name;
}

void fault(const Warp &w, unsigned lane, const char *format, ...) {
  char what[2048], where[512];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(what, sizeof what, format, arguments);
  va_end(arguments);
  const Launch &launch = *machine().launch;
  const Kernel &kernel = *launch.kernel;
  const Instruction &i = kernel.code[w.pc < kernel.code.size() ? w.pc : kernel.code.size() - 1];
  const Dim3 block = w.block->index, thread = index_of(w.number * WARP + lane, launch.block);
  snprintf(where, sizeof where,
           "%s (%s), block (%u,%u,%u), thread (%u,%u,%u): ", place_of(kernel, i.line).c_str(),
           kernel.opcodes[i.opcode].c_str(), block.x, block.y, block.z, thread.x, thread.y, thread.z);
  throw Fault(plain_name(kernel.name) + " at " + where + what);
}

} // namespace soft
