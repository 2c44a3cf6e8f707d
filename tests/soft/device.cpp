/* device.cpp - the cards that the software device can be, and what fits on them (device.h).
 *
 * Occupancy follows the rules that NVIDIA publishes in cuda_occupancy.h, for compute capability 9.0: registers
 * are given out to warps in pieces of 256 by four sub-partitions of a processor, shared memory to blocks in
 * pieces of 128 bytes, of which the system keeps 1 KB for itself in each block.
 */
#include "tests/soft/device.h"

#include <string.h>

#include <string>

namespace soft {

namespace {

enum : size_t { KB = 1024 };
enum : unsigned {
  THREADS_OF_A_WARP = 32,
  SUB_PARTITIONS = 4,
  REGISTER_PIECE = 256, /* registers are given to a warp in such pieces */
  SHARED_PIECE = 128    /* bytes */
};

/* Hopper's processor throughout; what differs is how many there are, how they are grouped, and in one row their
 * shared memory. */
constexpr Device hopper(const char *name, unsigned processors, unsigned per_cluster_group,
                        size_t shared = 227 * KB) {
  return {name, 9, 0, processors, per_cluster_group, shared, shared + KB, 1 * KB, 16, 2048u, 32u, 65536u};
}

/* An H100 (SXM) and an H200 have 132 of the 144 processors of the chip, so that their GPCs have 16 or 18. */
const Device devices[] = {hopper("4 SMs", 4, 4), hopper("8 SMs", 8, 8), hopper("H100", 132, 18),
                          hopper("H200", 132, 18), hopper("4 SMs, 16 KB", 4, 4, 16 * KB)};

size_t round_up(size_t n, size_t piece) { return (n + piece - 1) / piece * piece; }

template <class T> T least(T a, T b) { return a < b ? a : b; }

} // namespace

const Device *find_device(const char *name) {
  for (const Device &device : devices)
    if (strcmp(device.name, name) == 0) return &device;
  return NULL;
}

const char *device_names() {
  static const std::string names = [] {
    std::string all;
    for (const Device &device : devices) all += std::string(all.empty() ? "" : ", ") + device.name;
    return all;
  }();
  return names.c_str();
}

unsigned blocks_per_processor(const Device &device, unsigned threads, unsigned registers, size_t shared) {
  if (threads == 0 || shared > device.shared_per_block) return 0;
  const unsigned warps = (threads + THREADS_OF_A_WARP - 1) / THREADS_OF_A_WARP;
  unsigned blocks =
      least(device.blocks_per_processor, device.threads_per_processor / THREADS_OF_A_WARP / warps);
  if (registers != 0) {
    const size_t of_a_warp = round_up((size_t)registers * THREADS_OF_A_WARP, REGISTER_PIECE);
    const size_t warps_at_a_time =
        device.registers_per_processor / SUB_PARTITIONS / of_a_warp * SUB_PARTITIONS;
    blocks = least(blocks, (unsigned)(warps_at_a_time / warps));
  }
  const size_t of_a_block = round_up(shared + device.shared_reserved, SHARED_PIECE);
  return least(blocks, (unsigned)(device.shared_per_processor / of_a_block));
}

/* Processors come in pairs, which are spread over the groups as evenly as they can be: 132 in groups of at
 * most 18 are six groups of 16 and two of 18. */
unsigned clusters_on(const Device &device, unsigned cluster, unsigned blocks_per_processor) {
  if (cluster == 0 || cluster > device.cluster_max) return 0;
  const unsigned groups = (device.processors + device.per_cluster_group - 1) / device.per_cluster_group;
  const unsigned pairs = device.processors / 2;
  unsigned clusters = 0;
  for (unsigned group = 0; group < groups; group++) {
    const unsigned processors = 2 * (pairs / groups + (group < pairs % groups ? 1 : 0));
    clusters += processors * blocks_per_processor / cluster;
  }
  return clusters;
}

} // namespace soft
