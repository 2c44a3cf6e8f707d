/* exchange.h - how the blocks of a group give each other their parts of the next operand.
 *
 * The lanes that own the pairs of a 16-byte chunk have all of it in registers (product.h).  Three steps, between
 * which the kernel stores what nobody waits for:
 *
 *   give      lanes of a chunk hand it to the blocks of the group, their own included
 *   announce  the block has given all of its chunks
 *   receive   all chunks of all blocks are in this block's shared memory; it orders the block's threads like
 *             __syncthreads
 *
 *   cta               nothing to exchange: one barrier, one buffer
 *   cta lanes         likewise, with two buffers, because products end without a barrier
 *   cluster async     chunks are pushed into the peers' shared memory by st.async: the bytes count on an mbarrier
 *                     of the block that receives them, and a block goes on as soon as it has all of them, whatever
 *                     its peers do
 *   grid flags        chunks go to global memory (L2), then the block's flag is set to the number of the
 *                     exchange; when all flags have arrived, the whole operand is fetched
 *   grid multicast    likewise, but each block of a cluster fetches a share of the operand for all blocks of
 *                     the cluster, by a bulk copy with multicast; forward only
 *   grid packets      chunks go to global memory as packets, which carry the number of the exchange beside
 *                     each element: twice the bytes, but no flag to wait for first
 *   split             as grid flags or grid packets, but a block takes in its part of the depth only (split.h)
 *
 * Buffers.  To end an exchange, a block needs a chunk of each of its peers (with flags: the flag of each), so
 * it is never more than one exchange ahead of them.  This is why every block of a cluster, and of a grid with
 * packets, must have units of its own, and why two buffers are enough wherever a peer writes what a block
 * reads: in shared memory for clusters, in global memory for the grids.  With st.async each buffer has
 * an mbarrier of its own, lest bytes of the next exchange count on this one.  The operand in the shared
 * memory of a grid's block is written by the block itself, or by a peer that has seen the block's flag, which
 * says that the block has finished multiplying: there one buffer is enough.
 *
 * Apart.  Where shared memory has no room for an operand of several blocks of H (backward, of the gates), a grid
 * takes one block of H after the other, and multiplies by each before the next one takes its place: receive() in
 * two halves, wait() once and take() for each block.  A block's chunks of the next exchange still leave after its
 * last load of this one, and so two buffers still do.
 *
 * Each algorithm's .litmus files prove by the memory model that this is ordered as it must be.
 *
 * Bytes: in a cluster, a block's chunks times ctas out of it; in a grid, a block's chunks out and a whole operand
 * in, which is the limit: ctas * operand bytes from L2 per step, twice that with packets, 1 / cluster of it with
 * multicast.
 */
#ifndef SQ_PERSISTENT_EXCHANGE_H
#define SQ_PERSISTENT_EXCHANGE_H

#include "kernels/async.h"
#include "kernels/persistent/persistent.h"

/* Chunks that a thread has in flight: with 4, an lstm on sm_90a spills. */
enum { EXCHANGE_IN_FLIGHT = 2 };

/* Where they lie; -1: there is none. */
struct exchange_chunks {
  int at[EXCHANGE_IN_FLIGHT];
};

/* The next operand in 16-byte chunks. */
struct exchange_operand {
  uint4 *memory; /* in the block's shared memory */
  int blocks;    /* of H */
  int across;    /* chunks from a row to the next */
  int stride;    /* chunks from a block of H to the next */
  bool apart;    /* they arrive one at a time, each in the memory of the one before */
  int before;    /* chunks of those that have arrived; 0 unless apart */
  int first_row; /* the block's own rows of each block of H */
  int own_rows;
  sq_divisor rows, columns; /* those of a block of H that exist */

  __device__ __forceinline__ int count() const { return blocks * (int)(rows.by * columns.by); }
  __device__ __forceinline__ unsigned bytes() const { return (unsigned)count() * (unsigned)sizeof(uint4); }
  /* Chunks with all padding between them. */
  __device__ __forceinline__ int whole() const { return blocks * stride; }

  /* Those of numbers i, i + threads, ... of the chunks that exist; `own`: the block's own as well. */
  __device__ __forceinline__ exchange_chunks chunks(int i, bool own) const {
    exchange_chunks c;
    SQ_UNROLL
    for (int k = 0; k < EXCHANGE_IN_FLIGHT; k++) c.at[k] = number(i + k * (int)blockDim.x, own);
    return c;
  }
  __device__ __forceinline__ int number(int i, bool own) const {
    const int down = columns.of(i), column = i - down * (int)columns.by;
    const int block = blocks == 1 ? 0 : rows.of(down), row = down - block * (int)rows.by;
    const bool mine = row >= first_row && row < first_row + own_rows;
    return i < count() && (own || !mine) ? block * stride + row * across + column : -1;
  }
};

/* Where the block is in its group, and how many exchanges there have been. */
struct exchange_place {
  int rank, ctas;
  int cluster, cluster_bits; /* blocks of its cluster, and log2: grid multicast */
  uint32_t turn;
  uint4 *exchange; /* two buffers of `spacing` for each slice */
  int spacing;
  uint32_t *flags; /* of the blocks of each slice */
  int slice;
  uint64_t *barriers; /* of the block: two mbarriers */

  /* Block i of 0..ctas - 1 of the group, this one first. */
  __device__ __forceinline__ unsigned peer(int i) const {
    const int rank_of = rank + i;
    return (unsigned)(rank_of < ctas ? rank_of : rank_of - ctas);
  }
  /* The buffer of this exchange in global memory. */
  __device__ __forceinline__ uint4 *buffer() const {
    return exchange + (int64_t)(2 * slice + (int)((turn + 1) & 1)) * spacing;
  }
  __device__ __forceinline__ uint32_t *flag(int i) const { return flags + (slice * ctas + i); }
};

/* What most exchanges have in common. */
struct exchange_plain {
  /* OWN: a block fetches its own chunks with those of its peers.  APART: blocks of H may arrive one at a time.
   * OWN_BLOCK: nobody but the block itself.  SPLIT: a part of the depth only.  HELD: fragments of weights in
   * registers, where half of the threads are enough for the exchange and for the pairs (an H100 was 5 to 13 %
   * faster; flags and packets, which fetch with all threads, lost as much).  AHEAD: a thread may have loads under way
   * meanwhile.  Where it asks L2 for flags or packets it must not, because answers come in the order of the
   * questions.  ADDS_BIAS: forward adds the bias; with flags, an lstm of three gates has no registers for it. */
  enum {
    BUFFERS = 1,
    POSSIBLE = 1,
    BARRIERS = 0,
    PACKETS = 0,
    OWN = 1,
    APART = 0,
    AHEAD = 1,
    OWN_BLOCK = 0,
    SPLIT = 0,
    HELD = 0,
    ADDS_BIAS = 1
  };
  static __device__ __forceinline__ void enter(const exchange_place &) { __syncthreads(); }
  /* Forward, before the first step and after the last one: the final state may lie in the initial one's memory,
   * which peers have read. */
  static __device__ __forceinline__ void open(void) {}
  static __device__ __forceinline__ void settle(void) {}
  static __device__ __forceinline__ void leave(void) {}
};

/* In all of them `lanes` lanes share a chunk, and `lane` is the number of this one among them. */
struct exchange_cta : exchange_plain {
  template <int lanes>
  static __device__ __forceinline__ void give(const exchange_operand &o, const exchange_place &, int to,
                                              uint4 v, int lane) {
    if (lane == 0) o.memory[to] = v;
  }
  static __device__ __forceinline__ void announce(const exchange_operand &, const exchange_place &) {}
  static __device__ __forceinline__ void receive(const exchange_operand &, const exchange_place &) {
    __syncthreads();
  }
};

/* Where a step waits once, nobody may write what others still multiply by. */
struct exchange_cta_lanes : exchange_cta {
  enum { BUFFERS = 2, OWN_BLOCK = 1 };
};

/* Mbarriers exist before a peer's first byte arrives.  leave(): a block stays until its peers have received
 * their last byte; by the letter it need not, for each has waited for all that it is sent (cluster_async.litmus),
 * but no card has run without it. */
struct exchange_on_barriers : exchange_plain {
  enum { POSSIBLE = SQ_HAS_CLUSTERS, BARRIERS = 2 };
  static __device__ __forceinline__ void meet(void) {
    sq_cluster_arrive();
    sq_cluster_wait();
  }
  template <int barriers> static __device__ __forceinline__ void enter_with(const exchange_place &at) {
    if (threadIdx.x < barriers) sq_mbarrier_init(at.barriers + threadIdx.x);
    meet();
  }
  static __device__ __forceinline__ void enter(const exchange_place &at) { enter_with<BARRIERS>(at); }
  static __device__ __forceinline__ void leave(void) { meet(); }

  /* One thread: chunks begin..end of the operand come into the memory of the blocks of `ranks`, and all of it is
   * awaited on `bar`. */
  static __device__ __forceinline__ void copy(const exchange_operand &o, const exchange_place &at,
                                              uint64_t *bar, int begin, int end, unsigned ranks) {
    sq_mbarrier_expect(bar, (unsigned)o.whole() * (unsigned)sizeof(uint4));
    sq_fence_bulk();
    if (end > begin)
      sq_copy_multicast(o.memory + begin, at.buffer() + o.before + begin,
                        (unsigned)(end - begin) * (unsigned)sizeof(uint4), bar, (uint16_t)ranks);
  }
};

struct exchange_cluster_async : exchange_on_barriers {
  enum { BUFFERS = 2, HELD = RECURRENCE_HELD };
  static __device__ __forceinline__ uint64_t *barrier(const exchange_place &at) {
    return at.barriers + at.turn % 2;
  }
  template <int lanes>
  static __device__ __forceinline__ void give(const exchange_operand &o, const exchange_place &at, int to,
                                              uint4 v, int lane) {
    SQ_UNROLL_BY(1)
    for (int i = lane; i < at.ctas; i += lanes) sq_store_async(o.memory + to, barrier(at), at.peer(i), v);
  }
  static __device__ __forceinline__ void announce(const exchange_operand &o, const exchange_place &at) {
    if (threadIdx.x == 0) sq_mbarrier_expect(barrier(at), o.bytes());
  }
  static __device__ __forceinline__ void receive(const exchange_operand &, const exchange_place &at) {
    __syncthreads(); /* the sums are read; the chunks are on their way meanwhile */
    sq_mbarrier_wait(barrier(at), at.turn / 2 % 2);
  }
};

/* Its products end without a barrier; kernel.h orders them before what a warp gives. */
struct exchange_cluster_lanes : exchange_cluster_async {
  enum { HELD = 0 };
  static __device__ __forceinline__ void receive(const exchange_operand &, const exchange_place &at) {
    __syncthreads(); /* a warp without units sends nothing, and might fall two phases behind */
    sq_mbarrier_wait(barrier(at), at.turn / 2 % 2);
  }
};

/* Through L2: lane 0 stores the chunk, and when all are stored the block raises its flag. */
struct exchange_on_flags {
  template <int lanes>
  static __device__ __forceinline__ void give(const exchange_operand &, const exchange_place &at, int to,
                                              uint4 v, int lane) {
    if (lane == 0) at.buffer()[to] = v;
  }
  static __device__ __forceinline__ void announce(const exchange_operand &, const exchange_place &at) {
    __syncthreads(); /* all chunks are under way: the release covers what the barrier covers */
    if (threadIdx.x == 0) sq_flag_release(at.flag(at.rank), at.turn + 1); /* flags begin at 0 */
  }
  static __device__ __forceinline__ void wait(const exchange_place &at) {
    for (int i = (int)threadIdx.x; i < at.ctas; i += (int)blockDim.x) sq_flag_wait(at.flag(i), at.turn + 1);
    __syncthreads(); /* each flag has been seen by some thread of this block */
  }
};

struct exchange_grid : exchange_plain, exchange_on_flags {
  enum { APART = 1, AHEAD = 0, ADDS_BIAS = 0 };
  static __device__ __forceinline__ void receive(const exchange_operand &o, const exchange_place &at) {
    wait(at);
    take(o, at);
  }
  /* Where a thread's chunks lie is found anew each time: registers do not suffice to keep it. */
  static __device__ __forceinline__ void take(const exchange_operand &o, const exchange_place &at) {
    const int step = EXCHANGE_IN_FLIGHT * (int)blockDim.x, count = o.count();
    SQ_UNROLL_BY(1)
    for (int i = (int)threadIdx.x; i < count; i += step) fetch(o, at, o.chunks(i, OWN));
    __syncthreads();
  }

  /* All loads before the first store, so that they are in flight together. */
  static __device__ __forceinline__ void fetch(const exchange_operand &o, const exchange_place &at,
                                               const exchange_chunks &c) {
    uint4 v[EXCHANGE_IN_FLIGHT];
    SQ_UNROLL
    for (int k = 0; k < EXCHANGE_IN_FLIGHT; k++)
      if (c.at[k] >= 0) v[k] = sq_load_l2(&at.buffer()[o.before + c.at[k]]);
    SQ_UNROLL
    for (int k = 0; k < EXCHANGE_IN_FLIGHT; k++)
      if (c.at[k] >= 0) o.memory[c.at[k]] = v[k];
  }
};

/* A copy takes the padding along, which is zeros in global memory from the launch on. */
struct exchange_grid_multicast : exchange_on_barriers, exchange_on_flags {
  enum { AHEAD = 0, HELD = RECURRENCE_HELD };
  static __device__ __forceinline__ void receive(const exchange_operand &o, const exchange_place &at) {
    uint64_t *bar = at.barriers; /* no peer copies again before this block's next flag: one is enough */
    wait(at);
    if (threadIdx.x == 0) {
      const int mine = at.rank & (at.cluster - 1), whole = o.whole();
      copy(o, at, bar, whole * mine >> at.cluster_bits, whole * (mine + 1) >> at.cluster_bits,
           (1u << at.cluster) - 1);
    }
    sq_mbarrier_wait(bar, at.turn % 2);
  }
};

/* Through L2 as packets, which carry their turn. */
struct exchange_on_packets : exchange_plain {
  enum { PACKETS = 1, OWN = 0, AHEAD = 0 };
  template <int lanes>
  static __device__ __forceinline__ void give(const exchange_operand &o, const exchange_place &at, int to,
                                              uint4 v, int lane) {
    uint4 *packet = at.buffer() + 2 * to;
    if (lane == 0) sq_packet_store(packet, v.x, v.y, at.turn + 1); /* packets begin at 0 */
    if (lane == 1) sq_packet_store(packet + 1, v.z, v.w, at.turn + 1);
    if (lane == 2 && !o.apart) o.memory[to] = v;
  }
  static __device__ __forceinline__ void announce(const exchange_operand &, const exchange_place &) {}
  static __device__ __forceinline__ void receive(const exchange_operand &o, const exchange_place &at) {
    take(o, at);
  }
  static __device__ __forceinline__ void wait(const exchange_place &) {
  } /* for each packet, when it is taken */
  static __device__ __forceinline__ void take(const exchange_operand &o, const exchange_place &at) {
    const int step = EXCHANGE_IN_FLIGHT * (int)blockDim.x, count = o.count();
    SQ_UNROLL_BY(1)
    for (int i = (int)threadIdx.x; i < count; i += step) fetch(o, at, o.chunks(i, o.apart));
    __syncthreads();
  }

  /* A chunk is two packets. */
  static __device__ __forceinline__ void fetch(const exchange_operand &o, const exchange_place &at,
                                               const exchange_chunks &c) {
    uint4 v[EXCHANGE_IN_FLIGHT][2] = {};
    sq_packets_wait(at.buffer() + 2 * o.before, c.at, at.turn + 1, v);
    SQ_UNROLL
    for (int k = 0; k < EXCHANGE_IN_FLIGHT; k++)
      if (c.at[k] >= 0) o.memory[c.at[k]] = uint4{v[k][0].x, v[k][0].z, v[k][1].x, v[k][1].z};
  }
};

struct exchange_grid_packets : exchange_on_packets {
  enum { APART = 1 };
  /* Packets order nothing beside themselves: without these fences, once a launch, a block might overwrite the
   * initial state that a peer still reads. */
  static __device__ __forceinline__ void open(void) { sq_fence_gpu(); }
  static __device__ __forceinline__ void settle(void) {
    sq_fence_gpu();
    __syncthreads();
  }
};

/* ---- a part of the depth, with the mbarriers of split.h ---- */

/* The part is contiguous in global memory: when all flags have arrived, one bulk copy fetches it, with its padding. */
struct exchange_split_flags : exchange_on_barriers, exchange_on_flags {
  enum { BARRIERS = 3, SPLIT = 1, AHEAD = 0 };
  static __device__ __forceinline__ void enter(const exchange_place &at) { enter_with<BARRIERS>(at); }
  static __device__ __forceinline__ void receive(const exchange_operand &o, const exchange_place &at) {
    uint64_t *bar = at.barriers + 2;
    wait(at);
    if (threadIdx.x == 0) copy(o, at, bar, 0, o.whole(), 1u << (at.rank & (at.cluster - 1)));
    sq_mbarrier_wait(bar, at.turn % 2);
  }
};

/* A block takes in its own chunks with the rest. */
struct exchange_split_packets : exchange_on_packets {
  enum { POSSIBLE = SQ_HAS_CLUSTERS, BARRIERS = 2, SPLIT = 1, HELD = RECURRENCE_HELD };
  static __device__ __forceinline__ void enter(const exchange_place &at) {
    exchange_on_barriers::enter_with<BARRIERS>(at);
  }
  static __device__ __forceinline__ void leave(void) { exchange_on_barriers::leave(); }
};

#endif
