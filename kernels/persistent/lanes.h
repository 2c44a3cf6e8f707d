/* lanes.h - the products of a small layer: its weights stay in registers, and so do the sums.
 *
 * A unit of a block belongs to `lanes` neighbouring lanes of a warp, 4 or 8.  The elements of h are dealt out to them in
 * chunks of four, EACH elements to a lane, and a lane holds the weights of its unit for those, for all gates: forward
 * rows of W_hh, backward columns.  For each sequence of the slice a lane multiplies and adds, and two or three
 * exchanges with its neighbours add up the lanes' sums, in an order that is always the same.  Lane c of a unit then
 * goes on with sequence c: a slice has at most as many sequences as a unit has lanes, and a pair (unit, sequence) is a
 * thread from the product to the stores.  Nothing goes through shared memory but h, so a step waits for others once.
 *
 *            weight                                               operand (k, column)
 *   float32  lane k/4 % lanes, element k/4/lanes * 4 + k%4        [column][k/4][k%4]
 *
 * So the lanes of a unit read 16 bytes each of one line of shared memory, and the units of a warp the same ones.  The
 * arithmetic is float32 whatever the plan allows.  Limits: the latency of the chain, some 500 clocks.
 */
#ifndef SQ_PERSISTENT_LANES_H
#define SQ_PERSISTENT_LANES_H

#include "kernels/persistent/cells.h"
#include "kernels/persistent/weights.h"

enum { LANES_MOST = 8, LANES_EACH_SMALL = 8, LANES_EACH_LARGE = 32 };

/* Threads of a block, so that its registers suffice for that many weights of a thread. */
static __host__ __device__ constexpr int sq_lanes_threads(int weights) { return weights <= 64 ? 512 : 256; }

template <int EACH_> struct product_lanes {
  typedef float element;
  enum { IN_REGISTERS = 1, HOLDS = 0, EACH = EACH_ };
  enum { UNIT_TILE = 4, ROW_TILE = 4, DEPTH_TILE = 4, PACK = 1, DOWN = 4, ACROSS = 1 };
  static constexpr int most_threads(int blocks) { return sq_lanes_threads(blocks * EACH); }
  static __device__ __forceinline__ element round(float x) { return x; }
  static __device__ __forceinline__ int operand_at(int k, int column, const recurrence_shape &n) {
    return column * n.padded + k;
  }
  /* The chunk to which every lane gives its element; all lanes of the warp must call. */
  static __device__ __forceinline__ uint4 chunk(float own, const recurrence_shape &n) {
    return product_words(sq_float_bits(own), (int)threadIdx.x & ~(3 * n.lanes), n.lanes);
  }

  /* A thread's weights, for BLOCKS blocks of H rows of W_hh. */
  template <int BLOCKS> struct weights {
    float w[BLOCKS][EACH];

    /* Of unit u of the block. */
    template <bool backward>
    __device__ __forceinline__ void load(const recurrence_slab &from, int u, int lane, int lanes) {
      const int64_t H = from.hidden, step = 4 * lanes * (backward ? H : 1);
      const bool whole = from.aligned(from.weights);
      SQ_UNROLL
      for (int b = 0; b < BLOCKS; b++) {
        const int64_t unit = from.first_unit + u, first = b * H * H;
        const float *at = from.weights + first + (backward ? 4 * lane * H + unit : unit * H + 4 * lane);
        SQ_UNROLL
        for (int i = 0; i < EACH; i += 4, at += step) {
          const int left = u < from.units ? from.hidden - (i * lanes + 4 * lane) : 0;
          float four[4];
          if (backward)
            fetch_down(at, H, left, four);
          else
            recurrence_fetch(at, left, whole, four);
          SQ_UNROLL
          for (int j = 0; j < 4; j++) w[b][i + j] = four[j];
        }
      }
    }
    /* Four elements of a column, of which `left` exist. */
    static __device__ __forceinline__ void fetch_down(const float *from, int64_t apart, int left,
                                                      float (&w)[4]) {
      SQ_UNROLL
      for (int j = 0; j < 4; j++) w[j] = j < left ? from[j * apart] : 0.0f;
    }

    /* Forward sum[b] = (W_block b operand)_u for `count` blocks from `first` on; backward sum[0] = (W^T operand)_u over
     * those blocks; of the thread's sequence.  With the number of lanes known, loads have their places in the
     * instruction, and none in registers. */
    template <bool backward, int first, int count>
    __device__ __forceinline__ void multiply(const float *operand, const recurrence_shape &n, int columns,
                                             float (&sum)[RECURRENCE_GATES]) const {
      if (n.lanes == LANES_MOST)
        columns_of<LANES_MOST, backward, first, count>(operand, n, columns, sum);
      else
        columns_of<LANES_MOST / 2, backward, first, count>(operand, n, columns, sum);
    }

    template <int LANES, bool backward, int first, int count>
    __device__ __forceinline__ void columns_of(const float *operand, const recurrence_shape &n, int columns,
                                               float (&sum)[RECURRENCE_GATES]) const {
      enum { SUMS = backward ? 1 : count };
      const int lane = (int)threadIdx.x % LANES;
      const float4 *from = reinterpret_cast<const float4 *>(operand) + lane;
      SQ_UNROLL_BY(1)
      for (int c = 0; c < columns; c++, from += LANES * EACH / 4) {
        float part[SUMS] = {};
        if constexpr (backward)
          column_backward<LANES, first, count>(from, n.chunk.stride, part);
        else
          column_forward<LANES, first, count>(from, part);
        all_lanes<LANES>(part);
        SQ_UNROLL
        for (int b = 0; b < SUMS; b++)
          if (c == lane) sum[b] = part[b];
      }
    }
    template <int LANES, int first, int count>
    __device__ __forceinline__ void column_forward(const float4 *from, float (&part)[count]) const {
      SQ_UNROLL
      for (int i = 0; i < EACH; i += 4) {
        const float4 v = from[i / 4 * LANES];
        SQ_UNROLL
        for (int b = 0; b < count; b++) part[b] = add(part[b], v, w[first + b] + i);
      }
    }
    /* Two chains of sums, so that few multiply-adds wait for the one before. */
    template <int LANES, int first, int count>
    __device__ __forceinline__ void column_backward(const float4 *from, int stride, float (&part)[1]) const {
      float half[2] = {};
      SQ_UNROLL
      for (int b = 0; b < count; b++, from += stride) {
        SQ_UNROLL
        for (int i = 0; i < EACH; i += 4)
          half[i / 4 % 2] = add(half[i / 4 % 2], from[i / 4 * LANES], w[first + b] + i);
      }
      part[0] = half[0] + half[1];
    }

    static __device__ __forceinline__ float add(float sum, const float4 &v, const float *w) {
      return fmaf(v.w, w[3], fmaf(v.z, w[2], fmaf(v.y, w[1], fmaf(v.x, w[0], sum))));
    }
    /* The sums over the lanes of a unit, the same in each. */
    template <int LANES, int SUMS> static __device__ __forceinline__ void all_lanes(float (&part)[SUMS]) {
      SQ_UNROLL
      for (int apart = 1; apart < LANES; apart *= 2) {
        SQ_UNROLL
        for (int b = 0; b < SUMS; b++) part[b] += __shfl_xor_sync(SQ_FULL_MASK, part[b], apart);
      }
    }
  };
};

#endif
