/* async.h - the exchanges that only Hopper's asynchronous instructions can do: st.async, and bulk copies with multicast.
 *
 * They complete on an mbarrier and have no twin in the emulator; kernels.h has the portable siblings of the same exchanges,
 * and the kernels here check what arrives as those do.  Below sm_90 they compile to nothing.
 */
#ifndef BENCH_SYNC_ASYNC_H
#define BENCH_SYNC_ASYNC_H

#include "kernels.h"

namespace bench_sync {

static __device__ __forceinline__ unsigned shared_address(const void *p) {
  return (unsigned)__cvta_generic_to_shared(p);
}

#if SQ_HAS_CLUSTERS

static __device__ __forceinline__ void mbarrier_init(uint64_t *bar) {
  asm volatile("mbarrier.init.shared::cta.b64 [%0], 1;\n"
               "fence.mbarrier_init.release.cluster;" ::"r"(shared_address(bar))
               : "memory");
}

/* One arrival, and so many bytes to come. */
static __device__ __forceinline__ void mbarrier_expect(uint64_t *bar, unsigned bytes) {
  asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(shared_address(bar)), "r"(bytes)
               : "memory");
}

static __device__ __forceinline__ void mbarrier_wait(uint64_t *bar, unsigned parity) {
  asm volatile("{\n"
               ".reg .pred done;\n"
               "again:\n"
               "mbarrier.try_wait.parity.acquire.cluster.shared::cta.b64 done, [%0], %1;\n"
               "@!done bra again;\n"
               "}" ::"r"(shared_address(bar)),
               "r"(parity)
               : "memory");
}

/* Stores to the place of `own` in the block of that rank and completes 4 bytes on its `bar`. */
static __device__ __forceinline__ void store_async(uint32_t *own, uint64_t *bar, unsigned rank,
                                                   uint32_t value) {
  asm volatile("{\n"
               ".reg .u32 there, flag;\n"
               "mapa.shared::cluster.u32 there, %0, %2;\n"
               "mapa.shared::cluster.u32 flag, %1, %2;\n"
               "st.async.shared::cluster.mbarrier::complete_tx::bytes.u32 [there], %3, [flag];\n"
               "}" ::"r"(shared_address(own)),
               "r"(shared_address(bar)), "r"(rank), "r"(value)
               : "memory");
}

/* Copies from global memory to the same place in every block of `mask`, and completes on the `bar` of each. */
static __device__ __forceinline__ void copy_bulk(uint4 *own, const uint4 *from, unsigned bytes, uint64_t *bar,
                                                 uint16_t mask) {
  if (mask == 1)
    asm volatile(
        "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1], %2, [%3];" ::"r"(
            shared_address(own)),
        "l"(from), "r"(bytes), "r"(shared_address(bar))
        : "memory");
  else
    asm volatile("cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes.multicast::cluster "
                 "[%0], [%1], %2, [%3], %4;" ::"r"(shared_address(own)),
                 "l"(from), "r"(bytes), "r"(shared_address(bar)), "h"(mask)
                 : "memory");
}

#endif

/* Rank 0 of a cluster and its last rank throw a number to and fro: a round is two exchanges. */
__global__ void store_async_kernel(unsigned ranks, uint32_t base, int rounds, int *bad) {
#if SQ_HAS_CLUSTERS
  __shared__ uint64_t bar;
  __shared__ uint32_t ball;
  const unsigned mine = blockIdx.x % ranks, peer = mine == 0 ? ranks - 1 : 0;
  if (threadIdx.x == 0) mbarrier_init(&bar);
  __syncwarp(SQ_FULL_MASK); /* the cluster's barrier wants whole warps, here and below */
  sq_cluster_arrive();
  sq_cluster_wait();
  const bool plays = threadIdx.x == 0 && (mine == 0 || mine == ranks - 1);
  for (uint32_t r = 1; plays && r <= (uint32_t)rounds; r++) {
    mbarrier_expect(&bar, sizeof ball);
    if (mine == 0) store_async(&ball, &bar, peer, base + r);
    mbarrier_wait(&bar, (r - 1) & 1);
    if (*(volatile uint32_t *)&ball != base + r) atomicAdd(bad, 1);
    if (mine != 0) store_async(&ball, &bar, peer, base + r);
  }
  __syncwarp(SQ_FULL_MASK);
  sq_cluster_arrive(); /* nobody leaves while a peer may still store to it */
  sq_cluster_wait();
#else
  (void)ranks, (void)base, (void)rounds, (void)bad;
#endif
}

/* Every block gets all of h from the L2 by bulk copies; in a cluster each block fetches its share for all. The cluster's
 * barrier after each round says that the stage may be written again. */
__global__ void bulk_kernel(unsigned ranks, const uint4 *h, unsigned count, int rounds, int *bad) {
#if SQ_HAS_CLUSTERS
  SQ_SHARED_DYNAMIC(uint4, stage);
  __shared__ uint64_t bar;
  const unsigned share = count / ranks, first = blockIdx.x % ranks * share;
  if (threadIdx.x == 0) mbarrier_init(&bar);
  __syncwarp(SQ_FULL_MASK); /* the cluster's barrier wants whole warps, here and below */
  sq_cluster_arrive();
  sq_cluster_wait();
  for (unsigned r = 0; r < (unsigned)rounds; r++) {
    if (threadIdx.x == 0) {
      mbarrier_expect(&bar, count * (unsigned)sizeof *h);
      copy_bulk(stage + first, h + first, share * (unsigned)sizeof *h, &bar, (uint16_t)((1u << ranks) - 1));
    }
    mbarrier_wait(&bar, r & 1);
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
