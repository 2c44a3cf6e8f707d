/* traffic.h - what a request of a warp to memory costs: turns at the banks of shared memory, and sectors of
 * global memory.
 */
#ifndef SOFT_TRAFFIC_H
#define SOFT_TRAFFIC_H

#include "tests/soft/addresses.h"

namespace soft {

/* `least`: what the same lanes would cost with the best of addresses. */
struct Traffic {
  unsigned cost, least;
};

/* Wavefronts: 32 banks of 4 bytes give one word each at a time, to all lanes that want it.  Lanes are served
 * 32 at once, 16 where each wants 8 bytes, 8 where each wants 16. */
Traffic wavefronts_of(const Reach &reach, uint32_t lanes);
/* Sectors of 32 bytes. */
Traffic sectors_of(const Reach &reach, uint32_t lanes);

} // namespace soft

#endif
