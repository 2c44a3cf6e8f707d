/* async.h - the exchanges of Hopper's asynchronous instructions (kernels/async.h): st.async, and bulk copies
 * with multicast.
 *
 * They complete on an mbarrier.  kernels.h has the portable siblings of the same exchanges; the kernels
 * here check what arrives in the same way.  Below sm_90 they compile to nothing.
 */
#ifndef BENCH_SYNC_ASYNC_H
#define BENCH_SYNC_ASYNC_H

#include "bench/sync/kernels.h"
#include "kernels/async.h"

namespace bench_sync {

/* Rank 0 of a cluster and its last rank throw a value to and fro: a round is two exchanges. */
__global__ void store_async_kernel(unsigned ranks, uint32_t base, int rounds, int *bad) {
#if SQ_HAS_CLUSTERS
  SQ_SHARED_DYNAMIC(uint4, memory);
  uint4 *ball = memory;
  uint64_t *bar = reinterpret_cast<uint64_t *>(memory + 1);
  const unsigned mine = blockIdx.x % ranks, peer = mine == 0 ? ranks - 1 : 0;
  if (threadIdx.x == 0) sq_mbarrier_init(bar);
  __syncwarp(SQ_FULL_MASK); /* the cluster's barrier needs whole warps, here and below */
  sq_cluster_arrive();
  sq_cluster_wait();
  const bool plays = threadIdx.x == 0 && (mine == 0 || mine == ranks - 1);
  for (uint32_t r = 1; plays && r <= (uint32_t)rounds; r++) {
    sq_mbarrier_expect(bar, sizeof *ball);
    if (mine == 0) sq_store_async(ball, bar, peer, filled(base + r));
    sq_mbarrier_wait(bar, (r - 1) & 1);
    if (ball->w != base + r) atomicAdd(bad, 1);
    if (mine != 0) sq_store_async(ball, bar, peer, filled(base + r));
  }
  __syncwarp(SQ_FULL_MASK);
  sq_cluster_arrive(); /* nobody leaves while a peer may still store to it */
  sq_cluster_wait();
#else
  (void)ranks, (void)base, (void)rounds, (void)bad;
#endif
}

/* Every block gets all of h from the L2 by bulk copies; in a cluster each block fetches its share for all of
 * them.  After the cluster's barrier at the end of a round the stage may be written again. */
__global__ void bulk_kernel(unsigned ranks, const uint4 *h, unsigned count, int rounds, int *bad) {
#if SQ_HAS_CLUSTERS
  SQ_SHARED_DYNAMIC(uint4, stage); /* followed by the mbarrier */
  uint64_t *bar = reinterpret_cast<uint64_t *>(stage + count);
  const unsigned share = count / ranks, first = blockIdx.x % ranks * share;
  if (threadIdx.x == 0) sq_mbarrier_init(bar);
  __syncwarp(SQ_FULL_MASK); /* the cluster's barrier needs whole warps, here and below */
  sq_cluster_arrive();
  sq_cluster_wait();
  for (unsigned r = 0; r < (unsigned)rounds; r++) {
    if (threadIdx.x == 0) {
      sq_mbarrier_expect(bar, count * (unsigned)sizeof *h);
      sq_copy_multicast(stage + first, h + first, share * (unsigned)sizeof *h, bar,
                        (uint16_t)((1u << ranks) - 1));
    }
    sq_mbarrier_wait(bar, r & 1);
    const unsigned look = (threadIdx.x * 7 + r) % count;
    if (stage[look].x != look) atomicAdd(bad, 1);
    __syncwarp(SQ_FULL_MASK);
    sq_cluster_arrive();
    sq_cluster_wait();
  }
#else
  (void)ranks, (void)h, (void)count, (void)rounds, (void)bad;
#endif
}

} // namespace bench_sync

#endif
