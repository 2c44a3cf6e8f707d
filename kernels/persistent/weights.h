/* weights.h - how the rows or columns of W_hh that a block multiplies by come into its shared memory, once a launch.
 *
 * Forward, rows of the block's units become rows of the product, the gates of a unit side by side.  Backward, rows of
 * W_hh become the depth of the product, and the columns of the block's units its rows.  Padding is zeros.
 */
#ifndef SQ_PERSISTENT_WEIGHTS_H
#define SQ_PERSISTENT_WEIGHTS_H

#include "kernels/persistent/product.h"

/* The part of W_hh that belongs to one stage of a block. */
struct recurrence_slab {
  const float *weights; /* W_hh [blocks * H, H] */
  int first, count;     /* blocks of H rows */
  int hidden, padded;   /* H; in the depth, from a block of H to the next */
  int first_unit, units;
  int first_row, rows; /* backward: of each block of H; all of them, unless the depth is split */

  __device__ __forceinline__ bool aligned(const float *from) const {
    return hidden % 4 == 0 && reinterpret_cast<uintptr_t>(from) % sizeof(float4) == 0;
  }
};

/* Four neighbouring elements of W_hh, of which `left` exist; 16 bytes at a time where they are aligned. */
static __device__ __forceinline__ void recurrence_fetch(const float *from, int left, bool aligned,
                                                        float (&w)[4]) {
  if (aligned && left >= 4) {
    const float4 v = *reinterpret_cast<const float4 *>(from);
    w[0] = v.x, w[1] = v.y, w[2] = v.z, w[3] = v.w;
    return;
  }
  SQ_UNROLL
  for (int j = 0; j < 4; j++) w[j] = j < left ? from[j] : 0.0f;
}

/* A warp reads four rows of W_hh (with two elements a word, of four pairs) by 32 columns at a time, 128 contiguous
 * bytes of each. */
template <class product> struct recurrence_loader {
  typedef typename product::element element;
  enum { AT_ONCE = 4 }; /* loads that a lane has in flight */
  static __device__ __forceinline__ int pieces_of(int n, int piece) { return (n + piece - 1) / piece; }

  static __device__ __forceinline__ void clear(element *weights, const product_size &size) {
    const int bytes = size.rows * size.depth * (int)sizeof(element);
    uint4 *all = reinterpret_cast<uint4 *>(weights);
    for (int i = (int)threadIdx.x; i < bytes / (int)sizeof(uint4); i += (int)blockDim.x)
      all[i] = uint4{0, 0, 0, 0};
    __syncthreads(); /* padding is zeros */
  }

  /* Forward.  Few units have few rows, so the warps share these as well. */
  static __device__ __forceinline__ void along(const recurrence_slab &from, element *weights,
                                               const product_size &size) {
    const int lane = (int)threadIdx.x % SQ_WARP, warps = (int)blockDim.x / SQ_WARP;
    const int down = pieces_of(from.units, 4), across = pieces_of(from.hidden, AT_ONCE * SQ_WARP);
    const bool whole = from.aligned(from.weights);
    SQ_UNROLL_BY(1)
    for (int i = (int)threadIdx.x / SQ_WARP; i < from.count * down * across; i += warps) {
      const int b = i / (down * across), rest = i - b * down * across, high = rest / across;
      const int u = high * 4 + lane / 8, k = (rest - high * across) * AT_ONCE * SQ_WARP + lane % 8 * 4;
      if (u >= from.units) continue;
      const float *row =
          from.weights + ((int64_t)(from.first + b) * from.hidden + from.first_unit + u) * from.hidden;
      float w[AT_ONCE][4];
      SQ_UNROLL
      for (int j = 0; j < AT_ONCE; j++)
        recurrence_fetch(row + k + j * SQ_WARP, from.hidden - k - j * SQ_WARP, whole, w[j]);
      SQ_UNROLL
      for (int j = 0; j < AT_ONCE; j++)
        if (k + j * SQ_WARP < from.hidden)
          product::put_along(weights, b + u * from.count, k + j * SQ_WARP, w[j], size);
    }
  }

  /* Backward. */
  static __device__ __forceinline__ void down(const recurrence_slab &from, element *weights,
                                              const product_size &size) {
    enum { PACK = product::PACK, ROWS = 4 * PACK }; /* of a warp's load */
    const int lane = (int)threadIdx.x % SQ_WARP, warps = (int)blockDim.x / SQ_WARP;
    const int down = pieces_of(from.rows, AT_ONCE * ROWS), across = pieces_of(from.units, SQ_WARP);
    const bool whole = from.aligned(from.weights + from.first_unit);
    SQ_UNROLL_BY(1)
    for (int i = (int)threadIdx.x / SQ_WARP; i < from.count * down * across; i += warps) {
      const int b = i / (down * across), rest = i - b * down * across, high = rest / across;
      const int row = high * AT_ONCE * ROWS + lane / 8 * PACK,
                u = (rest - high * across) * SQ_WARP + lane % 8 * 4;
      const float *at = from.weights + from.first_unit +
                        ((int64_t)(from.first + b) * from.hidden + from.first_row) * from.hidden;
      if (u >= from.units) continue;
      float w[AT_ONCE][PACK][4];
      SQ_UNROLL
      for (int j = 0; j < AT_ONCE * PACK; j++) {
        const int r = row + j / PACK * ROWS + j % PACK;
        recurrence_fetch(at + (int64_t)r * from.hidden + u, r < from.rows ? from.units - u : 0, whole,
                         w[j / PACK][j % PACK]);
      }
      SQ_UNROLL
      for (int j = 0; j < AT_ONCE; j++)
        if (row + j * ROWS < from.rows)
          product::put_down(weights, u, b * from.padded + row + j * ROWS, w[j], size);
    }
  }
};

#endif
