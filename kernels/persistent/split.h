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
 * Buffers.  Slots are pushed by st.async and counted on an mbarrier, like the chunks of a cluster (exchange.h); two buffers
 * are enough.  A block sends the sums of product e + 2 when it has the chunks of exchange e + 1 of its part.  These
 * were made by cells that needed the sums of product e + 1 of all parts, so the chunks of exchange e of all
 * blocks, and a block gives those when it has read its slots of product e.  By the same chain a packet of exchange e is
 * overwritten when all who wait for it have it: its readers push sums of it before anybody in their clusters gives
 * a chunk of exchange e + 1.
 */
#ifndef SQ_PERSISTENT_SPLIT_H
#define SQ_PERSISTENT_SPLIT_H

#include "kernels/async.h"
#include "kernels/persistent/persistent.h"

/* The slots of a block, and where it is in its cluster. */
struct recurrence_slots {
  float *memory;      /* two buffers of [cluster, columns, units] */
  uint64_t *barriers; /* one of each buffer */
  int cluster, mine;
  int units, columns; /* of a block, and of a slice, with those that are missing at the end */
  sq_divisor by_quads, by_columns;

  __device__ __forceinline__ float *buffer(uint32_t turn) const {
    return memory + (int)(turn % 2) * cluster * columns * units;
  }
  __device__ __forceinline__ uint64_t *barrier(uint32_t turn) const { return barriers + turn % 2; }

  /* Four units of a sequence at a time: the sums at sums[(part * width + column) * stride + row] of all parts of the
   * product, to the owners of the rows. */
  __device__ __forceinline__ void send(const float *sums, int stride, int width, int parts,
                                       uint32_t turn) const {
    const int quads = units / 4, count = cluster * columns * quads;
    uint4 *slot = reinterpret_cast<uint4 *>(buffer(turn)) + mine * columns * quads;
    if (threadIdx.x == 0) sq_mbarrier_expect(barrier(turn), (unsigned)count * (unsigned)sizeof(uint4));
    SQ_UNROLL_BY(1)
    for (int i = (int)threadIdx.x; i < count; i += (int)blockDim.x) {
      const int down = by_quads.of(i), quad = i - down * quads;
      const int peer = by_columns.of(down), column = down - peer * columns;
      const float *from = sums + column * stride + peer * units + quad * 4;
      float4 v = *reinterpret_cast<const float4 *>(from);
      SQ_UNROLL_BY(1)
      for (int part = 1; part < parts; part++) {
        const float4 w = *reinterpret_cast<const float4 *>(from + part * width * stride);
        v.x += w.x, v.y += w.y, v.z += w.z, v.w += w.w;
      }
      const uint4 bits = {sq_float_bits(v.x), sq_float_bits(v.y), sq_float_bits(v.z), sq_float_bits(v.w)};
      sq_store_async(slot + column * quads + quad, barrier(turn), (unsigned)peer, bits);
    }
  }
  __device__ __forceinline__ void wait(uint32_t turn) const { sq_mbarrier_wait(barrier(turn), turn / 2 % 2); }

  /* Where a pair's sum is in each slot, and the sum of all slots. */
  __device__ __forceinline__ int place(int unit, int column) const { return column * units + unit; }
  __device__ __forceinline__ float total(int place, uint32_t turn) const {
    const float *from = buffer(turn) + place;
    float sum = 0.0f;
    SQ_UNROLL_BY(2) /* of 2, 4 or 8 */
    for (int j = 0; j < cluster; j++) sum += from[j * columns * units];
    return sum;
  }
};

#endif
