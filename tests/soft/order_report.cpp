/* order_report.cpp - the sentences of the race detector. */
#include "tests/soft/order_state.h"

namespace soft {

static std::string block_name(const Launch &launch, uint64_t number) {
  const uint64_t x = launch.grid.x, y = launch.grid.y;
  return "block (" + std::to_string(number % x) + "," + std::to_string(number / x % y) + "," +
         std::to_string(number / x / y) + ")";
}

static std::string thread_name(const Launch &launch, unsigned thread) {
  const unsigned x = launch.block.x, y = launch.block.y;
  return "thread (" + std::to_string(thread % x) + "," + std::to_string(thread / x % y) + "," +
         std::to_string(thread / x / y) + ")";
}

/* "4 bytes of shared memory at offset 64". */
static std::string spot_name(const Order::State &state, const Spot &spot) {
  std::string name = std::to_string(spot.bytes) + " bytes of ";
  if (spot.shared)
    return name + "shared memory at offset " + std::to_string(spot.address) + " of " +
           block_name(*state.launch, spot.shared->number);
  const Allocation *in = machine().memory.find(spot.address);
  if (in == NULL) return name + "global memory";
  return name + "global memory, allocation " + std::to_string(in->number) + " at offset " +
         std::to_string(spot.address - in->begin);
}

/* "an earlier store (st.shared.f32 at FILE:LINE) by block (0,0,0), thread (3,0,0)". */
static std::string earlier(const Order::State &state, Stamp old, bool stored) {
  const Kernel &kernel = *state.launch->kernel;
  const Instruction &instruction = state.instruction(old);
  const Owner owner = state.owner(old);
  const unsigned thread = owner.warp * WARP + stamp_lane(old);
  std::string name = stored ? "an earlier store (" : "an earlier load (";
  name += kernel.opcodes.at(instruction.opcode) + " at " + place_of(kernel, instruction.line) + ") by ";
  if ((old & STAMP_LANDED) != 0) return name + "an asynchronous copy";
  name += block_name(*state.launch, owner.block) + ", " + thread_name(*state.launch, thread);
  return (old & STAMP_SEVERAL) != 0 ? name + " and others of its warp" : name;
}

/* What should have stood between the two. */
static const char *missing(const Order::State &state, uint32_t block, uint32_t warp, Stamp old) {
  const Owner owner = state.owner(old);
  if ((old & STAMP_LANDED) != 0) return "whose phase of the mbarrier it has not waited for";
  if (owner.block != block) return "with no release and acquire, and no barrier, that order them";
  return owner.warp == warp ? "with no bar.warp.sync between" : "with no bar.sync between";
}

void report_race(const Order::State &state, const Warp &warp, unsigned lane, const Instruction &instruction,
                 const char *what, const Spot &spot, Stamp old, bool old_stored) {
  const bool both = (old & STAMP_STRONG) != 0 && instruction.access.strength != Strength::weak;
  fault(warp, lane, "data race: this %s, %s, and %s, %s%s", what, spot_name(state, spot).c_str(),
        earlier(state, old, old_stored).c_str(),
        missing(state, warp.block->clock.order->number, warp.number, old),
        both ? "; both are strong, but their scopes or sizes differ too much" : "");
}

/* No thread is running the copy any more: the sentence names the one that has issued it. */
void report_landing(const Order::State &state, const Ticket &ticket, const char *what, const Spot &spot,
                    Stamp old, bool old_stored, bool unfenced) {
  const Kernel &kernel = *state.launch->kernel;
  const Instruction &instruction = kernel.code[ticket.instruction];
  const std::string &name = kernel.opcodes.at(instruction.opcode);
  const std::string source = place_of(kernel, instruction.line);
  throw Fault(kernel.name + " at " + source + " (" + name + "), " +
              block_name(*state.launch, ticket.past.block) + ", " +
              thread_name(*state.launch, ticket.past.thread) + ": data race: the " + what +
              " of this copy at " + source + ", " + spot_name(state, spot) + ", and " +
              earlier(state, old, old_stored) +
              (unfenced ? ", with no fence.proxy.async between"
                        : ", which the sender did not know to be over when it issued the copy"));
}

} // namespace soft
