/* kernels.h - what a recurrence pays between two steps: one kernel per exchange that persistent algorithms
 * are built from.
 *
 * They are written in the vocabulary of kernels/simt.h, so that tests/test_sync.cpp runs the same kernels on
 * the emulator. Each runs `rounds` rounds in one launch, uses the values base+1 .. base+rounds (flags only
 * grow, even from launch to launch), and counts wrong or stale values in *bad.
 */
#ifndef BENCH_SYNC_KERNELS_H
#define BENCH_SYNC_KERNELS_H

#include "kernels/simt.h"

namespace bench_sync {

/* The blocks' flags, then the central one on a cache line of its own; ranks of a cluster; loads in flight per
 * thread. */
enum { GO_FLAG = 1024, FLAGS = GO_FLAG + 32, MAX_RANKS = 16, IN_FLIGHT = 8 };

static __device__ __forceinline__ uint4 filled(uint32_t value) {
  uint4 v;
  v.x = v.y = v.z = v.w = value;
  return v;
}

__global__ void empty_kernel() {}

/* One block: neighbours exchange through shared memory, one barrier per round. */
__global__ void block_kernel(uint32_t base, int rounds, int *bad) {
  SQ_SHARED(uint32_t, slot, 2 * 1024);
  const unsigned i = threadIdx.x, next = (i + 1) % blockDim.x;
  for (uint32_t r = 1; r <= (uint32_t)rounds; r++) {
    slot[(r & 1) * 1024 + i] = base + r;
    __syncthreads();
    if (slot[(r & 1) * 1024 + next] != base + r) atomicAdd(bad, 1);
  }
}

/* The whole grid, all to all: every block raises its flag and waits for all others.  With data each block
 * also leaves 16 bytes that the others read, as h is exchanged; there are two sets, since a block may be one
 * round ahead. */
__global__ void grid_flags_kernel(uint32_t *flag, uint4 *data, uint32_t base, int rounds, bool with_data,
                                  int *bad) {
  const unsigned blocks = gridDim.x;
  for (uint32_t r = 1; r <= (uint32_t)rounds; r++) {
    uint4 *set = data + (r & 1) * blocks;
    if (threadIdx.x == 0) {
      if (with_data) set[blockIdx.x] = filled(base + r);
      sq_flag_release(&flag[blockIdx.x], base + r);
    }
    for (unsigned b = threadIdx.x; b < blocks; b += blockDim.x) {
      sq_flag_wait(&flag[b], base + r);
      if (with_data && sq_load_l2(&set[b]).w != base + r) atomicAdd(bad, 1);
    }
    __syncthreads();
  }
}

/* The whole grid through block 0: it waits for all flags, then raises one for everybody. */
__global__ void grid_central_kernel(uint32_t *flag, uint32_t base, int rounds) {
  for (uint32_t r = 1; r <= (uint32_t)rounds; r++) {
    if (threadIdx.x == 0) sq_flag_release(&flag[blockIdx.x], base + r);
    for (unsigned b = threadIdx.x; blockIdx.x == 0 && b < gridDim.x; b += blockDim.x)
      sq_flag_wait(&flag[b], base + r);
    __syncthreads();
    if (threadIdx.x == 0 && blockIdx.x == 0) sq_flag_release(&flag[GO_FLAG], base + r);
    if (threadIdx.x == 0) sq_flag_wait(&flag[GO_FLAG], base + r);
    __syncthreads();
  }
}

/* A cluster of `ranks` blocks: with data each block stores 16 bytes into every peer's shared memory; then the
 * barrier. */
__global__ void cluster_kernel(unsigned ranks, uint32_t base, int rounds, bool with_data, int *bad) {
  SQ_SHARED_DYNAMIC(uint4, inbox); /* [2][ranks] */
  const unsigned mine = blockIdx.x % ranks, peer = threadIdx.x;
  sq_cluster_arrive(); /* a peer that has not begun has no shared memory yet */
  sq_cluster_wait();
  for (uint32_t r = 1; r <= (uint32_t)rounds; r++) {
    uint4 *set = inbox + (r & 1) * ranks;
    if (with_data && peer < ranks) sq_cluster_store(&set[mine], peer, filled(base + r));
    __syncwarp(SQ_FULL_MASK); /* the barrier needs whole warps */
    sq_cluster_arrive();
    sq_cluster_wait();
    if (with_data && peer < ranks && set[peer].w != base + r) atomicAdd(bad, 1);
  }
}

/* Elements i, i + step, ... below count: all loads before the first store, so that they are in flight
 * together. */
static __device__ __forceinline__ void copy_some(uint4 *to, const uint4 *from, unsigned i, unsigned step,
                                                 unsigned count) {
  uint4 v[IN_FLIGHT];
  SQ_UNROLL
  for (unsigned k = 0; k < IN_FLIGHT; k++)
    if (i + k * step < count) v[k] = sq_load_l2(&from[i + k * step]);
  SQ_UNROLL
  for (unsigned k = 0; k < IN_FLIGHT; k++)
    if (i + k * step < count) to[i + k * step] = v[k];
}

/* Every block reads all of h from the L2 into its shared memory; h holds its own indices. */
__global__ void broadcast_kernel(const uint4 *h, unsigned count, int rounds, int *bad) {
  SQ_SHARED_DYNAMIC(uint4, stage);
  for (unsigned r = 0; r < (unsigned)rounds; r++) {
    for (unsigned i = threadIdx.x; i < count; i += IN_FLIGHT * blockDim.x)
      copy_some(stage, h, i, blockDim.x, count);
    __syncthreads();
    const unsigned look = (threadIdx.x * 7 + r) % count;
    if (stage[look].x != look) atomicAdd(bad, 1);
    __syncthreads();
  }
}

} // namespace bench_sync

#endif
