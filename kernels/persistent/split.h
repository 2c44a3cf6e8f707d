/* split.h - backward, with the depth of its product divided among the blocks of a cluster.
 *
 * Backward multiplies W_hh^T by the gradients at the gates of all units, an operand `blocks` times as large as h (4 for
 * an LSTM), and on a grid each block takes in all of it.  Here block j of the C blocks of a cluster takes in the
 * gates of the units of part j only, and multiplies for the units of the whole cluster; then the sums go to the blocks that
 * own the units, through the cluster:
 *
 *   operand of part j  [blocks * part, B]  ->  sums  [C * units, B]  ->  slot j of each owner  [units, B]
 *
 * An owner adds its C slots in the order of the parts, so there is one order of summation.  A block has as many weights
 * as without (C times the rows, 1 / C of the depth), and takes in blocks * H * B / C elements and C * units * B float32
 * a step instead of blocks * H * B elements.
 *
 * Buffers.  Slots are pushed by st.async and counted on an mbarrier, like the chunks of a cluster (exchange.h), and two
 * buffers with an mbarrier each are enough: a block sends the sums of product e + 2 when it has had those of product e + 1
 * of all its peers, who had read their slots of product e before they sent them.  A packet of exchange e is overwritten
 * when all who wait for it have it: the block that overwrites it has had the sums of its peers, who together take in
 * chunks of exchange e + 1 of all blocks, and of each cluster some block gives its chunk when it has had the sums that
 * its peers made of exchange e.  split_flags.litmus, split_packets.litmus and those beside them prove it.
 */
#ifndef SQ_PERSISTENT_SPLIT_H
#define SQ_PERSISTENT_SPLIT_H

#include "kernels/async.h"
#include "kernels/persistent/persistent.h"

/* The slots of a block: two buffers of [cluster, columns, units], with the units and sequences that are missing at the
 * end. */
struct recurrence_slots {
  const recurrence_shape &n;
  unsigned char *memory; /* the block's shared memory */
  int mine;              /* its number in the cluster */

  __device__ __forceinline__ int size() const { return n.columns * n.units; } /* of a slot */
  __device__ __forceinline__ float *buffer(uint32_t turn) const {
    return reinterpret_cast<float *>(memory + n.slots) + (int)(turn % 2) * n.split * size();
  }
  __device__ __forceinline__ uint64_t *barrier(uint32_t turn) const {
    return reinterpret_cast<uint64_t *>(memory + n.barriers) + turn % 2;
  }

  /* The sums of stage s, of all parts of the product (product.h), to the owners of their units: four units of a
   * sequence at a time. */
  __device__ __forceinline__ void send(int s, uint32_t turn) const {
    const float *sums = reinterpret_cast<const float *>(memory + n.sums);
    const int stride = n.stage[s].rows + 4, quads = n.units / 4, count = n.split * n.columns * quads;
    if (threadIdx.x == 0) sq_mbarrier_expect(barrier(turn), (unsigned)count * (unsigned)sizeof(uint4));
    SQ_UNROLL_BY(1)
    for (int i = (int)threadIdx.x; i < count; i += (int)blockDim.x) {
      const int down = n.slot.quads.of(i), peer = n.slot.columns.of(down);
      const int quad = i - down * quads, column = down - peer * n.columns;
      const float4 v = total_of_parts(sums + column * stride + peer * n.units + quad * 4, n.width * stride,
                                      n.stage[s].parts);
      const uint4 bits = {sq_float_bits(v.x), sq_float_bits(v.y), sq_float_bits(v.z), sq_float_bits(v.w)};
      float *slot = buffer(turn) + mine * size() + column * n.units + quad * 4;
      sq_store_async(reinterpret_cast<uint4 *>(slot), barrier(turn), (unsigned)peer, bits);
    }
  }
  static __device__ __forceinline__ float4 total_of_parts(const float *from, int apart, int parts) {
    float4 v = *reinterpret_cast<const float4 *>(from);
    SQ_UNROLL_BY(1)
    for (int part = 1; part < parts; part++) {
      const float4 w = *reinterpret_cast<const float4 *>(from + part * apart);
      v.x += w.x, v.y += w.y, v.z += w.z, v.w += w.w;
    }
    return v;
  }
  __device__ __forceinline__ void wait(uint32_t turn) const { sq_mbarrier_wait(barrier(turn), turn / 2 % 2); }

  /* The sum of a pair, which is at that place of each slot. */
  __device__ __forceinline__ float total(int place, uint32_t turn) const {
    const float *from = buffer(turn) + place;
    float sum = 0.0f;
    SQ_UNROLL_BY(2) /* of 2, 4 or 8 */
    for (int j = 0; j < n.split; j++) sum += from[j * size()];
    return sum;
  }
};

#endif
