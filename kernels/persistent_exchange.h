/* persistent_exchange.h - how the blocks of a group tell each other their part of the next operand.
 *
 * Every block has a whole operand in its shared memory, in the layout of the product, and has just written its own units'
 * numbers there.  share() ends with all blocks having all of it, and orders the block's threads like __syncthreads.
 * An operand of several blocks of H (backward: the gates' gradients) has one piece a block, each contiguous.
 *
 *   cta       nothing to tell: one barrier, one buffer
 *   cluster   pieces are pushed into the peers' shared memory, 16 bytes a store, then the cluster's barrier.  Two buffers:
 *             a block may push the next operand while a peer still multiplies this one, but not the one after, because the
 *             barrier between them waits for that peer.
 *   grid      pieces go to global memory (L2), then the block's flag is set to the number of the exchange; when all flags
 *             have arrived, all of the operand is fetched.  Two buffers in global memory, for the same reason; one in shared.
 *
 * Bytes: cluster (ctas - 1) pieces out of each block; grid one piece out and a whole operand in, which is what limits it:
 * ctas * operand bytes from L2 a step.
 */
#ifndef SQ_PERSISTENT_EXCHANGE_H
#define SQ_PERSISTENT_EXCHANGE_H

#include "persistent.h"

/* The next operand and the block's pieces of it, in units of 16 bytes. */
struct exchange_pieces {
  uint4 *operand;
  int count, first, stride, length; /* piece i: [first + i * stride, + length) */
  int whole;                        /* length of the operand */
};

/* Where the block stands: in its group, and how many exchanges there were. */
struct exchange_place {
  int rank, ctas;
  uint32_t turn;
  uint4 *exchange; /* of the slice: two operands of `spacing` */
  int spacing;
  uint32_t *flags; /* of the slice */
};

struct exchange_cta {
  enum { BUFFERS = 1, POSSIBLE = 1 };
  static __device__ __forceinline__ void enter(void) { __syncthreads(); }
  static __device__ __forceinline__ void share(const exchange_pieces &, const exchange_place &) {
    __syncthreads();
  }
};

struct exchange_cluster {
  enum { BUFFERS = 2, POSSIBLE = SQ_HAS_CLUSTERS };
  static __device__ __forceinline__ void meet(void) {
    sq_cluster_arrive();
    sq_cluster_wait();
  }
  static __device__ __forceinline__ void enter(void) { meet(); }
  static __device__ __forceinline__ void share(const exchange_pieces &p, const exchange_place &at) {
    __syncthreads(); /* the pieces are written */
    const int each = p.count * p.length, all = each * (at.ctas - 1);
    for (int i = (int)threadIdx.x; i < all; i += (int)blockDim.x) {
      const int in = i % each;
      uint4 *own = p.operand + p.first + in / p.length * p.stride + in % p.length;
      sq_cluster_store(own, (unsigned)((at.rank + 1 + i / each) % at.ctas), *own);
    }
    meet();
  }
};

struct exchange_grid {
  enum { BUFFERS = 1, POSSIBLE = 1 };
  static __device__ __forceinline__ void enter(void) { __syncthreads(); }
  static __device__ __forceinline__ void share(const exchange_pieces &p, const exchange_place &at) {
    const uint32_t turn = at.turn + 1; /* flags begin at 0 */
    uint4 *buffer = at.exchange + (turn & 1u) * (unsigned)at.spacing;
    __syncthreads(); /* the pieces are written */
    for (int i = (int)threadIdx.x; i < p.count * p.length; i += (int)blockDim.x) {
      const int where = p.first + i / p.length * p.stride + i % p.length;
      buffer[where] = p.operand[where];
    }
    __syncthreads(); /* all of them are on their way: the release covers what the barrier covers */
    if (threadIdx.x == 0) sq_flag_release(&at.flags[at.rank], turn);
    for (int i = (int)threadIdx.x; i < at.ctas; i += (int)blockDim.x) sq_flag_wait(&at.flags[i], turn);
    __syncthreads(); /* everybody's flag was seen by somebody of this block */
    for (int i = (int)threadIdx.x; i < p.whole; i += (int)blockDim.x) p.operand[i] = sq_load_l2(&buffer[i]);
    __syncthreads();
  }
};

#endif
