/* addresses.cpp - the checks of addresses.h that look at single lanes, and their sentences. */
#include "tests/soft/addresses.h"

namespace soft {

namespace {

typedef unsigned long long ull;

[[noreturn]] void explain_lane(const Warp &warp, unsigned lane, const char *what, uint64_t address,
                               unsigned bytes) {
  const Memory &memory = machine().memory;
  if (address < 1u << 16)
    fault(warp, lane, "%s of %u bytes through a NULL pointer, at 0x%llx", what, bytes, (ull)address);
  if (!memory.is_device(address))
    fault(warp, lane, "%s of %u bytes at 0x%llx, which is no address of the device (one of the host?)", what,
          bytes, (ull)address);
  const Allocation *below = memory.find(address), *above = memory.above(address);
  if (below != nullptr && address - below->begin < below->bytes && !below->live)
    fault(warp, lane, "%s of %u bytes at byte %llu of allocation %llu (%zu bytes), which has been freed",
          what, bytes, (ull)(address - below->begin), (ull)below->number, below->bytes);
  const uint64_t behind = below == nullptr ? UINT64_MAX : address - below->begin;
  if (above != nullptr && (below == nullptr || above->begin - address <= behind - below->bytes) &&
      (below == nullptr || behind >= below->bytes))
    fault(warp, lane, "%s of %u bytes that begins %llu bytes before allocation %llu (%zu bytes%s)", what,
          bytes, (ull)(above->begin - address), (ull)above->number, above->bytes,
          above->live ? "" : ", freed");
  if (below == nullptr) fault(warp, lane, "%s of %u bytes where nothing was ever allocated", what, bytes);
  fault(warp, lane, "%s of %u bytes at byte %llu of allocation %llu, %llu bytes beyond its %zu bytes%s", what,
        bytes, (ull)behind, (ull)below->number, (ull)(behind + bytes - below->bytes), below->bytes,
        below->live ? "" : " (freed)");
}

} // namespace

void check_lanes(const Warp &warp, uint32_t lanes, const char *what, const Reach &r) {
  each_lane(lanes, [&](unsigned lane) {
    if (!machine().memory.holds(r.at[lane], r.bytes)) explain_lane(warp, lane, what, r.at[lane], r.bytes);
  });
}

void explain_global(const Warp &warp, uint32_t lanes, const char *what, const Reach &r) {
  const unsigned lane = first_of(lanes);
  explain_lane(warp, lane, what, r.at[lane], r.bytes);
}

void explain_shared(const Warp &warp, uint32_t lanes, const char *what, const Block &target, const Reach &r) {
  const size_t size = target.shared.bytes.size();
  unsigned lane = first_of(lanes);
  each_lane(lanes, [&](unsigned i) {
    if (r.at[i] > r.at[lane]) lane = i;
  });
  fault(warp, lane, "%s of %u bytes at byte %llu of shared memory%s, %llu bytes beyond its %zu bytes", what,
        r.bytes, (ull)r.at[lane], &target == warp.block ? "" : " of a peer",
        (ull)(r.at[lane] + r.bytes - size), size);
}

void explain_alignment(const Warp &warp, uint32_t lanes, const char *what, const Reach &r) {
  unsigned lane = 0;
  each_lane(lanes, [&](unsigned i) {
    if (r.at[i] % r.bytes != 0) lane = i;
  });
  fault(warp, lane, "%s of %u bytes at 0x%llx, which is not a multiple of %u", what, r.bytes, (ull)r.at[lane],
        r.bytes);
}

void check_written_global(const Warp &warp, uint32_t lanes, const char *what, const Reach &r) {
  const Memory &memory = machine().memory;
  each_lane(lanes, [&](unsigned lane) {
    if (memory.is_valid(r.at[lane], r.bytes)) return;
    const Allocation *a = memory.find(r.at[lane]);
    fault(warp, lane, "%s of %u bytes at byte %llu of allocation %llu (%zu bytes), which nobody has written",
          what, r.bytes, (ull)(r.at[lane] - a->begin), (ull)a->number, a->bytes);
  });
}

void check_written_shared(const Warp &warp, uint32_t lanes, const char *what, const Block &target,
                          const Reach &r) {
  const uint64_t all = 0x0101010101010101u >> (r.bytes < 8 ? 64 - 8 * r.bytes : 0);
  each_lane(lanes, [&](unsigned lane) {
    uint64_t valid[2] = {0, all}; /* of up to 16 bytes */
    memcpy(valid, &target.shared.valid[r.at[lane]], r.bytes);
    if (valid[0] == all && valid[1] == all) return;
    for (const Mbarrier &m : target.mbarriers)
      if (r.at[lane] < m.offset + 8 && m.offset < r.at[lane] + r.bytes)
        fault(warp, lane, "%s at byte %llu of shared memory, where an mbarrier is", what, (ull)r.at[lane]);
    fault(warp, lane, "%s of %u bytes at byte %llu of shared memory%s, which nobody has written", what,
          r.bytes, (ull)r.at[lane], &target == warp.block ? "" : " of a peer");
  });
}

void check_mbarriers(const Warp &warp, uint32_t lanes, const char *what, const Block &target,
                     const Reach &r) {
  for (const Mbarrier &m : target.mbarriers) {
    if (r.low >= m.offset + 8 || m.offset >= r.high + r.bytes) continue;
    each_lane(lanes, [&](unsigned lane) {
      if (r.at[lane] < m.offset + 8 && m.offset < r.at[lane] + r.bytes)
        fault(warp, lane, "%s at byte %llu of shared memory, over the mbarrier there", what, (ull)r.at[lane]);
    });
  }
}

Block &find_target(const Warp &warp, unsigned lane, const char *what, uint64_t address, bool own) {
  Block &block = *warp.block;
  if (address >> 32 != 0)
    fault(warp, lane, "%s at 0x%llx, which is no address of shared memory", what, (ull)address);
  const uint32_t rank = (uint32_t)(address >> 24) - 1;
  if (rank == UINT32_MAX || rank == block.rank) return block;
  if (own)
    fault(warp, lane, "%s in the shared memory of rank %u, by an instruction for the block's own", what,
          rank);
  const size_t ranks = block.cluster == nullptr ? 1 : block.cluster->blocks.size();
  if (rank >= ranks)
    fault(warp, lane, "%s in the shared memory of rank %u, in a cluster of %zu", what, rank, ranks);
  const Cluster &cluster = *block.cluster;
  if (cluster.turns == 0 || (warp.arrived && warp.cluster_turn == 0))
    fault(warp, lane,
          "%s in the shared memory of rank %u before the end of the cluster's first barrier: it may not run "
          "yet",
          what, rank);
  if (cluster.blocks[rank] == nullptr)
    fault(warp, lane, "%s in the shared memory of rank %u, which has exited", what, rank);
  return *cluster.blocks[rank];
}

} // namespace soft
