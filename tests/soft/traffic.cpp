/* traffic.cpp - bank conflicts and sectors (traffic.h). */
#include "tests/soft/traffic.h"

#include <algorithm>

namespace soft {

namespace {

enum : unsigned { BANKS = 32, SECTOR = 32 };

/* Of numbers that are added one by one, mostly in order, those that are different. */
struct Different {
  uint64_t of[WARP];
  unsigned count = 0;
  uint64_t highest = 0;
  void add(uint64_t v) {
    for (unsigned i = count; v <= highest && i-- > 0;)
      if (of[i] == v) return;
    of[count++] = v;
    highest = std::max(highest, v);
  }
};

/* The words of one group of lanes: the most that one bank must give. */
unsigned turns_of(const Reach &r, uint32_t group) {
  const unsigned words = r.bytes > 4 ? r.bytes / 4 : 1;
  uint64_t given[BANKS][WARP];
  unsigned count[BANKS] = {}, most = 0;
  each_lane(group, [&](unsigned lane) {
    for (unsigned k = 0; k < words; k++) {
      const uint64_t word = r.at[lane] / 4 + k;
      uint64_t *begin = given[word % BANKS];
      unsigned &n = count[word % BANKS];
      if (std::find(begin, begin + n, word) != begin + n) continue;
      begin[n++] = word;
      most = std::max(most, n);
    }
  });
  return most;
}

} // namespace

Traffic wavefronts_of(const Reach &r, uint32_t lanes) {
  const unsigned width = r.bytes <= 4 ? WARP : WARP * 4 / r.bytes;
  Traffic sum = {0, 0};
  for (unsigned first = 0; first < WARP; first += width) {
    const uint32_t group = lanes & (width == WARP ? uint32_t(ALL_LANES) : ((1u << width) - 1) << first);
    if (group == 0) continue;
    sum.least++;
    sum.cost += r.row || r.low == r.high ? 1 : turns_of(r, group);
  }
  return sum;
}

Traffic sectors_of(const Reach &r, uint32_t lanes) {
  if (r.row || r.low == r.high) {
    const uint64_t end = r.high + r.bytes;
    return {(unsigned)((end - 1) / SECTOR - r.low / SECTOR + 1),
            (unsigned)((end - r.low + SECTOR - 1) / SECTOR)};
  }
  Different places, sectors;
  each_lane(lanes, [&](unsigned lane) { places.add(r.at[lane]); });
  for (unsigned i = 0; i < places.count; i++) sectors.add(places.of[i] / SECTOR);
  return {sectors.count, (places.count * r.bytes + SECTOR - 1) / SECTOR};
}

} // namespace soft
