/* fused.h - the four numbers of every vector that a thread of the algorithm `fused` owns, and what the threads of
 * a block exchange: transforms, and sums.
 *
 * n is 2^bits, and known at compile time, with n / 4 threads (a warp at least).  A thread owns numbers j, j + n/4,
 * j + n/2, j + 3n/4 in natural order, with which a forward transform begins, and places 4j..4j+3, with which it
 * ends (fft.h).  What the transforms and the permutation exchange goes through shared memory, each time into the
 * other of two vectors: one barrier per exchange.
 *
 * Up to FUSED_KEPT a thread keeps its factors in registers, those of the transforms as well: 56 + 6 floats a pass.
 * Above, they are read from the caches when they are used.
 */
#ifndef SQ_URNN_FUSED_H
#define SQ_URNN_FUSED_H

#include "kernels/unitary.h"

enum { FUSED_LEAST_BITS = 2, FUSED_MOST_BITS = 12 };
#ifdef SEQGPU_EMULATE
enum { FUSED_KEPT_BITS = 7 }; /* so that small tests cover both kinds */
#else
enum { FUSED_KEPT_BITS = 10 };
#endif

template <int bits> struct fused_size {
  enum {
    N = 1 << bits,
    QUARTER = N / 4,
    THREADS = QUARTER > (int)SQ_WARP ? QUARTER : (int)SQ_WARP,
    WARPS = THREADS / SQ_WARP,
    FACTORS = (bits - 1) / 2, /* passes of a transform whose factors are not 1 */
    KEPT = bits <= FUSED_KEPT_BITS
  };
};

/* ---- factors ---- */

/* Vectors of which each thread has four elements: SQ_UNITARY_COS1... as in `prepared`, then these. */
enum { FUSED_V2_RE = SQ_UNITARY_ORDER, FUSED_V2_IM, FUSED_FROM, FUSED_BIAS, FUSED_VECTORS };

__host__ __device__ constexpr bool fused_is_placed(int vector) {
  return vector == SQ_UNITARY_COS2 || vector == SQ_UNITARY_SIN2 || vector == FUSED_FROM ||
         (vector >= SQ_UNITARY_V1_RE && vector <= SQ_UNITARY_PV1_IM);
}

/* The thread's place in the block, and its factors. */
template <int bits> struct fused_thread {
  typedef fused_size<bits> size;
  enum { N = size::N, QUARTER = size::QUARTER, KEPT = size::KEPT };
  const unitary &matrix;
  const float *bias; /* [n] */
  int j;
  float value[KEPT ? FUSED_VECTORS : 1][4];
  sq_fft_factors factor[KEPT && size::FACTORS > 0 ? size::FACTORS : 1];

  __device__ __forceinline__ fused_thread(const unitary &m, const float *b)
      : matrix(m), bias(b), j((int)threadIdx.x) {
    if constexpr (KEPT) {
      SQ_UNROLL
      for (int v = 0; v < FUSED_VECTORS; v++)
        for (int i = 0; i < 4; i++) value[v][i] = active() ? load(v, i) : 0.0f;
      SQ_UNROLL
      for (int s = 0; s < size::FACTORS; s++) factor[s] = active() ? read_factors(2 * s) : sq_fft_factors{};
    }
  }
  /* Small n: a warp has more threads than there are fours. */
  __device__ __forceinline__ bool active() const { return (int)QUARTER >= (int)SQ_WARP || j < QUARTER; }
  __device__ __forceinline__ int natural(int i) const { return j + i * QUARTER; }
  __device__ __forceinline__ int placed(int i) const { return 4 * j + i; }
  __device__ __forceinline__ float load(int v, int i) const {
    const int at = fused_is_placed(v) ? placed(i) : natural(i);
    if (v == FUSED_BIAS) return bias[at];
    if (v == FUSED_V2_RE || v == FUSED_V2_IM) return matrix.v2[(v - FUSED_V2_RE) * N + at];
    return matrix.prepared[(v == FUSED_FROM ? (int)SQ_UNITARY_FROM : v) * N + at];
  }
  __device__ __forceinline__ float get(int v, int i) const {
    return KEPT ? value[KEPT ? v : 0][i] : active() ? load(v, i) : 0.0f;
  }
  __device__ __forceinline__ sq_complex pair(int v, int i) const { return {get(v, i), get(v + 1, i)}; }
  __device__ __forceinline__ int from(int i) const { return (int)get(FUSED_FROM, i); }
  /* Of the pass whose first stage is s. */
  __device__ __forceinline__ sq_fft_factors read_factors(int s) const {
    return sq_fft_powers(sq_fft_factor(matrix.table, N, s, j));
  }
  __device__ __forceinline__ sq_fft_factors factors(int s) const {
    return KEPT ? factor[KEPT ? s / 2 : 0] : read_factors(s);
  }
  /* Where factors are not kept, neither are their addresses, which would occupy registers for the whole
   * sequence; and no factor is read before its turn. */
  __device__ __forceinline__ void forget() {
#ifndef SEQGPU_EMULATE
    if (!KEPT) asm volatile("" : "+r"(j)::"memory");
#endif
  }
};

/* ---- exchanges ---- */

/* Two vectors of shared memory, used in turns: a thread may still read one while others already write the
 * next. */
template <int bits> struct fused_exchange {
  enum { N = 1 << bits };
  float *shared;
  int at; /* the vector of this turn: an offset takes fewer registers than two pointers that change places */
  __device__ __forceinline__ explicit fused_exchange(float *memory) : shared(memory), at(0) {}
  __device__ __forceinline__ sq_planes now() const { return sq_planes_at(shared + at, N); }
  __device__ __forceinline__ void turn() { at ^= 2 * N; }
};

/* Several sums over the block at once; every thread gets the results.  The call is also a barrier of the block.
 * Between two calls with the same slot there must be another barrier. */
template <int bits, int count, int slot> __device__ __forceinline__ void fused_sums(float v[count]) {
  enum { WARPS = fused_size<bits>::WARPS };
  SQ_SHARED(float4, part, (count * WARPS + 3) / 4);
  SQ_UNROLL
  for (int i = 0; i < count; i++) v[i] = sq_warp_sum(v[i]);
  if (threadIdx.x % SQ_WARP == 0) {
    float *to = reinterpret_cast<float *>(part) + threadIdx.x / SQ_WARP * count;
    SQ_UNROLL
    for (int i = 0; i < count; i++) to[i] = v[i];
  }
  __syncthreads();
  if constexpr (WARPS > 1) {
    SQ_UNROLL
    for (int i = 0; i < count; i++) v[i] = 0.0f;
    SQ_UNROLL
    for (int q = 0; q < count * WARPS / 4; q++) {
      const float4 p = part[q];
      v[q * 4 % count] += p.x;
      v[(q * 4 + 1) % count] += p.y;
      v[(q * 4 + 2) % count] += p.z;
      v[(q * 4 + 3) % count] += p.w;
    }
  }
}

/* ---- transforms of the thread's four numbers ---- */

/* From natural order to places. */
template <int bits>
__device__ __forceinline__ void fused_forward_transform(fused_thread<bits> &t, fused_exchange<bits> *x,
                                                        sq_complex v[4]) {
  SQ_UNROLL
  for (int s = 0; s < bits; s += 2) {
    const bool alone = s + 1 == bits, last = s + 2 == bits;
    if (s > 0) {
      if (t.active()) sq_fft_store_run(x->now(), t.j, v);
      __syncthreads();
      if (t.active() && !alone) sq_fft_load_quarters(x->now(), t.N, t.j, v);
      if (t.active() && alone) sq_fft_load_pairs(x->now(), t.N, t.j, v);
      x->turn();
    }
    if (alone)
      sq_fft_split_last(v);
    else if (last)
      sq_fft_split_plain(v);
    else if (t.active())
      sq_fft_split(v, t.factors(s));
  }
}

/* From places to natural order. */
template <int bits>
__device__ __forceinline__ void fused_inverse_transform(fused_thread<bits> &t, fused_exchange<bits> *x,
                                                        sq_complex v[4]) {
  SQ_UNROLL
  for (int s = (bits - 1) / 2 * 2; s >= 0; s -= 2) {
    const bool alone = s + 1 == bits, last = s + 2 == bits;
    if (alone)
      sq_fft_merge_last(v);
    else if (last)
      sq_fft_merge_plain(v);
    else if (t.active())
      sq_fft_merge(v, t.factors(s));
    if (s == 0) return;
    if (t.active() && !alone) sq_fft_store_quarters(x->now(), t.N, t.j, v);
    if (t.active() && alone) sq_fft_store_pairs(x->now(), t.N, t.j, v);
    __syncthreads();
    if (t.active()) sq_fft_load_run(x->now(), t.j, v);
    x->turn();
  }
}

/* ---- four numbers from and to global memory: rows of 2n, Re then Im ---- */

template <int bits>
__device__ __forceinline__ void fused_load(const fused_thread<bits> &t, const float *row, sq_complex v[4]) {
  SQ_UNROLL
  for (int i = 0; i < 4; i++)
    v[i] = t.active() && row != NULL ? sq_complex{row[t.natural(i)], row[t.N + t.natural(i)]}
                                     : sq_complex{0.0f, 0.0f};
}

template <int bits>
__device__ __forceinline__ void fused_store(const fused_thread<bits> &t, float *row, const sq_complex v[4]) {
  SQ_UNROLL
  for (int i = 0; i < 4; i++)
    if (t.active()) {
      row[t.natural(i)] = v[i].re;
      row[t.N + t.natural(i)] = v[i].im;
    }
}

template <int bits>
__device__ __forceinline__ void fused_store_reals(const fused_thread<bits> &t, float *row, const float v[4]) {
  SQ_UNROLL
  for (int i = 0; i < 4; i++)
    if (t.active()) row[t.natural(i)] = v[i];
}

#endif
