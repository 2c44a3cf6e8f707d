/* exchange.h - how the blocks of a group give each other their parts of the next operand.
 *
 * Every block has a whole operand in its shared memory, in the layout of the product, and has just written
 * the elements of its own units there.  When share() ends, all blocks have all of it; the call orders the
 * block's threads like __syncthreads.  An operand of several blocks of H rows (backward: the gates'
 * gradients) has one contiguous piece in each.
 *
 *   cta               nothing to exchange: one barrier, one buffer
 *   cluster           pieces are pushed into the peers' shared memory, 16 bytes per store, then the cluster's
 *                     barrier
 *   cluster async     the same with st.async: the bytes count on an mbarrier of the block that receives them,
 *                     and a block goes on as soon as it has all of them, whatever its peers do
 *   grid flags        pieces go to global memory (L2), then the block's flag is set to the number of the
 *                     exchange; when all flags have arrived, the whole operand is fetched
 *   grid multicast    likewise, but each block of a cluster fetches a share of the operand for all blocks of
 *                     the cluster, by a bulk copy with multicast
 *   grid packets      pieces go to global memory as packets, which carry the number of the exchange beside
 *                     each element: twice the bytes, but no flag to wait for first
 *
 * Buffers.  To end an exchange, a block needs a piece of each of its peers (with flags: the flag of each), so
 * it is never more than one exchange ahead of them.  This is why every block of a cluster, and of a grid with
 * packets, must have units of its own, and why two buffers are enough wherever a peer writes what a block
 * reads: in shared memory for both clusters, in global memory for the grids.  With st.async each buffer has
 * an mbarrier of its own, lest bytes of the next exchange count on this one.  The operand in the shared
 * memory of a grid's block is written by the block itself, or by a peer that has seen the block's flag, which
 * says that the block has finished multiplying: there one buffer is enough.
 *
 * Each algorithm's .litmus files prove by the memory model that this is ordered as it must be.
 *
 * Bytes: in a cluster, (ctas - 1) pieces out of each block; in a grid, one piece out and a whole operand in,
 * which is the limit: ctas * operand bytes from L2 per step, twice that with packets, 1 / cluster of it with
 * multicast.
 */
#ifndef SQ_PERSISTENT_EXCHANGE_H
#define SQ_PERSISTENT_EXCHANGE_H

#include "kernels/async.h"
#include "kernels/persistent/persistent.h"

/* The next operand and the block's pieces of it, in units of 16 bytes. */
struct exchange_pieces {
  uint4 *operand;
  int count, first, stride, length; /* piece i: [first + i * stride, + length) */
  int whole;                        /* length of the operand */
  sq_divisor by_length, by_stride;

  /* Where number i of the 16-byte units in the pieces lies, i < count * length; and whether unit i of the
   * operand is in a piece. */
  __device__ __forceinline__ int at(int i) const {
    if (count == 1) return first + i;
    const int piece = by_length.of(i);
    return first + piece * stride + i - piece * length;
  }
  __device__ __forceinline__ bool owns(int i) const {
    const int in = i - (count == 1 ? 0 : by_stride.of(i) * stride) - first;
    return in >= 0 && in < length;
  }
};

/* Where the block is in its group, and how many exchanges there have been. */
struct exchange_place {
  int rank, ctas;
  int cluster, cluster_bits; /* blocks of its cluster, and log2: grid multicast */
  uint32_t turn;
  uint4 *exchange; /* of the slice: two buffers of `spacing` */
  int spacing;
  uint32_t *flags;    /* of the slice */
  uint64_t *barriers; /* of the block: two mbarriers */

  /* Peer i of 0..ctas - 2, the next one first. */
  __device__ __forceinline__ unsigned peer(int i) const {
    const int rank_of = rank + 1 + i;
    return (unsigned)(rank_of < ctas ? rank_of : rank_of - ctas);
  }
};

/* Loads of 16 bytes that a thread has in flight: with 4, an lstm on sm_90a spills. */
enum { EXCHANGE_IN_FLIGHT = 2 };

/* What most exchanges have in common. */
struct exchange_plain {
  enum { BUFFERS = 1, POSSIBLE = 1, BARRIERS = 0, PACKETS = 0 };
  static __device__ __forceinline__ void enter(const exchange_place &) { __syncthreads(); }
  /* Forward, before the first step and after the last one: the final state may lie in the initial one's memory,
   * which peers have read. */
  static __device__ __forceinline__ void open(void) {}
  static __device__ __forceinline__ void settle(void) {}
  static __device__ __forceinline__ void leave(void) {}
};

struct exchange_cta : exchange_plain {
  static __device__ __forceinline__ void share(const exchange_pieces &, const exchange_place &) {
    __syncthreads();
  }
};

struct exchange_cluster : exchange_plain {
  enum { BUFFERS = 2, POSSIBLE = SQ_HAS_CLUSTERS };
  static __device__ __forceinline__ void meet(void) {
    sq_cluster_arrive();
    sq_cluster_wait();
  }
  static __device__ __forceinline__ void enter(const exchange_place &) { meet(); }
  static __device__ __forceinline__ void share(const exchange_pieces &p, const exchange_place &at) {
    __syncthreads(); /* the pieces are written */
    const int each = p.count * p.length, all = each * (at.ctas - 1);
    for (int i = (int)threadIdx.x; i < all; i += (int)blockDim.x) {
      const int peer = p.by_length.of(i) / p.count;
      uint4 *own = p.operand + p.at(i - peer * each);
      sq_cluster_store(own, at.peer(peer), *own);
    }
    meet();
  }
};

/* Mbarriers exist before a peer's first byte arrives.  leave(): a block stays until its peers have received
 * their last byte; by the letter it need not, for each has waited for all that it is sent (cluster_async.litmus),
 * but no card has confirmed that yet. */
struct exchange_on_barriers : exchange_plain {
  enum { POSSIBLE = SQ_HAS_CLUSTERS, BARRIERS = 2 };
  static __device__ __forceinline__ void enter(const exchange_place &at) {
    if (threadIdx.x < BARRIERS) sq_mbarrier_init(at.barriers + threadIdx.x);
    exchange_cluster::meet();
  }
  static __device__ __forceinline__ void leave(void) { exchange_cluster::meet(); }
};

struct exchange_cluster_async : exchange_on_barriers {
  enum { BUFFERS = 2 };
  static __device__ __forceinline__ void share(const exchange_pieces &p, const exchange_place &at) {
    uint64_t *bar = at.barriers + at.turn % 2;
    __syncthreads(); /* the pieces are written, the sums are read */
    const int each = p.count * p.length, all = each * (at.ctas - 1);
    if (threadIdx.x == 0) sq_mbarrier_expect(bar, (unsigned)(p.whole - each) * (unsigned)sizeof(uint4));
    for (int i = (int)threadIdx.x; i < all; i += (int)blockDim.x) {
      const int peer = p.by_length.of(i) / p.count;
      uint4 *own = p.operand + p.at(i - peer * each);
      sq_store_async(own, bar, at.peer(peer), *own);
    }
    sq_mbarrier_wait(bar, at.turn / 2 % 2);
  }
};

/* Stores the pieces to L2, raises the block's flag and waits for everybody's; returns the buffer that has the
 * whole operand. */
static __device__ __forceinline__ const uint4 *exchange_publish(const exchange_pieces &p,
                                                                const exchange_place &at) {
  const uint32_t turn = at.turn + 1; /* flags begin at 0 */
  uint4 *buffer = at.exchange + (turn & 1u) * (unsigned)at.spacing;
  __syncthreads(); /* the pieces are written */
  for (int i = (int)threadIdx.x; i < p.count * p.length; i += (int)blockDim.x)
    buffer[p.at(i)] = p.operand[p.at(i)];
  __syncthreads(); /* all of them are under way: the release covers what the barrier covers */
  if (threadIdx.x == 0) sq_flag_release(&at.flags[at.rank], turn);
  for (int i = (int)threadIdx.x; i < at.ctas; i += (int)blockDim.x) sq_flag_wait(&at.flags[i], turn);
  __syncthreads(); /* each flag has been seen by some thread of this block */
  return buffer;
}

struct exchange_grid : exchange_plain {
  static __device__ __forceinline__ void share(const exchange_pieces &p, const exchange_place &at) {
    const uint4 *buffer = exchange_publish(p, at);
    const int step = (int)blockDim.x;
    for (int i = (int)threadIdx.x; i < p.whole; i += EXCHANGE_IN_FLIGHT * step) {
      uint4 v[EXCHANGE_IN_FLIGHT]; /* all loads before the first store, so that they are in flight together */
      SQ_UNROLL
      for (int k = 0; k < EXCHANGE_IN_FLIGHT; k++)
        if (i + k * step < p.whole) v[k] = sq_load_l2(&buffer[i + k * step]);
      SQ_UNROLL
      for (int k = 0; k < EXCHANGE_IN_FLIGHT; k++)
        if (i + k * step < p.whole) p.operand[i + k * step] = v[k];
    }
    __syncthreads();
  }
};

struct exchange_grid_multicast : exchange_on_barriers {
  static __device__ __forceinline__ void share(const exchange_pieces &p, const exchange_place &at) {
    const uint4 *buffer = exchange_publish(p, at);
    uint64_t *bar = at.barriers; /* no peer copies again before this block's next flag: one is enough */
    if (threadIdx.x == 0) {
      const int mine = at.rank & (at.cluster - 1);
      const int begin = p.whole * mine >> at.cluster_bits, end = p.whole * (mine + 1) >> at.cluster_bits;
      sq_mbarrier_expect(bar, (unsigned)p.whole * (unsigned)sizeof(uint4));
      sq_fence_bulk();
      if (end > begin)
        sq_copy_multicast(p.operand + begin, buffer + begin,
                          (unsigned)(end - begin) * (unsigned)sizeof(uint4), bar,
                          (uint16_t)((1u << at.cluster) - 1));
    }
    sq_mbarrier_wait(bar, at.turn % 2);
  }
};

struct exchange_grid_packets : exchange_plain {
  enum { PACKETS = 1, AT_ONCE = 2 };
  /* Packets order nothing beside themselves: without these fences, once a launch, a block might overwrite the
   * initial state that a peer still reads. */
  static __device__ __forceinline__ void open(void) { sq_fence_gpu(); }
  static __device__ __forceinline__ void settle(void) {
    sq_fence_gpu();
    __syncthreads();
  }
  static __device__ __forceinline__ void share(const exchange_pieces &p, const exchange_place &at) {
    const uint32_t turn = at.turn + 1; /* packets begin at 0 */
    uint4 *buffer = at.exchange + (turn & 1u) * (unsigned)at.spacing;
    __syncthreads(); /* the pieces are written */
    for (int i = (int)threadIdx.x; i < p.count * p.length; i += (int)blockDim.x) {
      const uint4 v = p.operand[p.at(i)];
      uint4 *to = buffer + 2 * p.at(i);
      sq_packet_store(to, v.x, v.y, turn);
      sq_packet_store(to + 1, v.z, v.w, turn);
    }
    for (int i = (int)threadIdx.x; i < p.whole; i += AT_ONCE * (int)blockDim.x) fetch(p, buffer, turn, i);
    __syncthreads();
  }

  /* Units i, i + threads, ... of the operand that are not the block's own: all loads, then again those that
   * came too early. */
  static __device__ __forceinline__ void fetch(const exchange_pieces &p, const uint4 *buffer, uint32_t turn,
                                               int i) {
    const int step = (int)blockDim.x;
    uint4 v[2 * AT_ONCE] = {};
    SQ_UNROLL
    for (int k = 0; k < 2 * AT_ONCE; k++) {
      const int to = i + k / 2 * step;
      if (to < p.whole && !p.owns(to)) v[k] = sq_packet_load(buffer + 2 * to + k % 2);
    }
    SQ_UNROLL
    for (int k = 0; k < AT_ONCE; k++) {
      const int to = i + k * step;
      if (to >= p.whole || p.owns(to)) continue;
      sq_packet_wait(buffer + 2 * to, turn, v[2 * k]);
      sq_packet_wait(buffer + 2 * to + 1, turn, v[2 * k + 1]);
      p.operand[to] = uint4{v[2 * k].x, v[2 * k].z, v[2 * k + 1].x, v[2 * k + 1].z};
    }
  }
};

#endif
