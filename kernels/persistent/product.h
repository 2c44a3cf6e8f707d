/* product.h - the products of the persistent kernels: sums[rows, width] = weights[rows, depth] operand[depth,
 * width], all three in shared memory, by one block.
 *
 * The depth is cut into `parts`, so that all threads have work even if there are few rows.  Part p of the sum
 * at (row, column) is at sums[(p * width + column) * (rows + 4) + row], and whoever reads it adds the parts
 * in order, so the result does not depend on the schedule.  The 4 keeps the stores of a warp in different
 * banks.
 *
 * An operand is stored in chunks of 16 bytes, so that the elements of neighbouring units, or in float32 of
 * neighbouring columns, are contiguous: chunk (row, column) of a block of H begins at 16-byte unit row * across +
 * column.  The lanes that own the pairs of a chunk are neighbours as well.  Weights and operands:
 *
 *            element    weight (row, k)                              operand (k, column)
 *   float32  float      [k][row]                                     [k][column]
 *   TF32     uint32     fragments of 16 rows x 8, lane by lane       [k/4][column/8][column%8][k%4]
 *   bf16     uint16     fragments of 16 rows x 16, lane by lane      [k/8][column/8][column%8][k%8]
 *
 * float32 (product_f32): a thread owns 4 rows x 8 columns (4 x 4 if the operand is narrow) and a part of the
 * depth: 3 loads of 16 bytes per 32 multiply-adds, where those of the operand are broadcasts.  Limits: FFMA
 * at width 8; below, reading the weights from shared memory (128 bytes per clock).
 * TF32, bf16 (product_mma): a warp owns 16 rows x 8, 16 or 32 columns and a part; one 16-byte load per lane and
 * fragment of weights, two 4-byte loads per fragment of the operand, no bank conflicts.  Limits: those loads,
 * below width 32.  With HELD, the first fragments of a warp's first piece are in its registers.
 */
#ifndef SQ_PERSISTENT_PRODUCT_H
#define SQ_PERSISTENT_PRODUCT_H

#include "kernels/mma.h"
#include "kernels/numbers.h"
#include "kernels/persistent/persistent.h"

/* Sizes of one product, and how it is divided among threads or warps. */
struct product_size {
  int rows, depth, width, parts;
  int tiles;        /* in the depth */
  int first, count; /* those that this product is over: all of them, or those whose operand is there */
  sq_divisor by_parts;
  sq_divisor down, across; /* tiles in the rows, and in the columns */

  /* Where part `part` of 0..parts of them begins, in tiles. */
  __device__ __forceinline__ int begin(int part) const { return by_parts.of(part * count); }
  /* To the sums of the products before it. */
  __device__ __forceinline__ bool adds() const { return first > 0; }

  /* The pieces of work: a tile of the sums and a part of the depth.  Neighbours are one below another. */
  struct piece {
    int row, column, part; /* row, column: in tiles */
    int begin, end;        /* of the part */
  };
  __device__ __forceinline__ int pieces() const { return (int)(down.by * across.by) * parts; }
  __device__ __forceinline__ piece at(int i) const {
    const int rest = down.of(i), part = across.of(rest);
    return {i - rest * (int)down.by, rest - part * (int)across.by, part, begin(part), begin(part + 1)};
  }
};

/* A piece of work as the loop of a product wants it: a worker's first one is the same in every step. */
struct product_spot {
  int weights, operand, sums; /* where it begins in each, in the units of the product */
  int count;                  /* of its depth, in tiles; 0 or less: there is no such piece */
  int columns;                /* pieces of 8 columns from its first one to the last */
};

/* What the products have in common whose weights are in shared memory, and none in registers. */
struct product_shared {
  enum { IN_REGISTERS = 0, HOLDS = 0 }; /* HOLDS: registers have a part of them as well */
  static constexpr int most_threads(int) { return RECURRENCE_THREADS; }
  /* What a thread has of them: COUNT fragments. */
  struct none {
    enum { COUNT = 0 };
  };
  template <int blocks> struct weights : none {};
};

/* Four words of a chunk, which lane `first` and every apart-th one after it have. */
static __device__ __forceinline__ uint4 product_words(uint32_t own, int first, int apart) {
  return {__shfl_sync(SQ_FULL_MASK, own, first), __shfl_sync(SQ_FULL_MASK, own, first + apart),
          __shfl_sync(SQ_FULL_MASK, own, first + 2 * apart),
          __shfl_sync(SQ_FULL_MASK, own, first + 3 * apart)};
}

struct product_f32 : product_shared {
  typedef float element;
  enum { UNIT_TILE = 4, ROW_TILE = 4, DEPTH_TILE = 4, PACK = 1 };
  enum { DOWN = 1, ACROSS = 4 }; /* units and columns of a chunk, a pair for each of its lanes */
  static __device__ __forceinline__ element round(float x) { return x; }
  static __device__ __forceinline__ int weight_at(int row, int k, const product_size &n) {
    return k * n.rows + row;
  }
  static __device__ __forceinline__ int operand_at(int k, int column, const recurrence_shape &n) {
    return k * n.width + column;
  }
  /* The chunk to which every lane gives its element; all lanes of the warp must call. */
  static __device__ __forceinline__ uint4 chunk(float own, const recurrence_shape &) {
    return product_words(sq_float_bits(own), (int)threadIdx.x & ~3, 1);
  }
  /* Weights of a row from k on, and of rows from `row` on at k; both are multiples of 4. */
  static __device__ __forceinline__ void put_along(element *weights, int row, int k, const float (&w)[4],
                                                   const product_size &n) {
    SQ_UNROLL
    for (int j = 0; j < 4; j++) weights[(k + j) * n.rows + row] = w[j];
  }
  static __device__ __forceinline__ void put_down(element *weights, int row, int k, const float (&w)[PACK][4],
                                                  const product_size &n) {
    *reinterpret_cast<float4 *>(weights + k * n.rows + row) = make_float4(w[0][0], w[0][1], w[0][2], w[0][3]);
  }

  /* Where piece i begins: in elements; in words of the sums. */
  static __device__ __forceinline__ product_spot spot(const product_size &n, int i) {
    if (i >= n.pieces()) return product_spot{};
    const product_size::piece p = n.at(i);
    const int row = p.row * 4, column = p.column * (n.width % 8 == 0 ? 8 : 4);
    return {p.begin * n.rows + row, p.begin * n.width + column,
            (p.part * n.width + column) * (n.rows + 4) + row, p.end - p.begin, 0};
  }

  /* One thread's tile: 4 rows and `wide` columns. */
  template <int wide>
  static __device__ __forceinline__ void tile(const element *weights, const element *operand, float *sums,
                                              const product_size &n, const product_spot &at) {
    const element *from = weights + n.first * n.rows + at.weights, *of = operand + at.operand;
    float sum[wide][4] = {};
    SQ_UNROLL_BY(wide == 8 ? 1 : 2) /* backward has no registers for more */
    for (int k = 0; k < at.count; k++, from += n.rows, of += n.width) {
      const float4 w = *reinterpret_cast<const float4 *>(from);
      SQ_UNROLL
      for (int c = 0; c < wide; c += 4) {
        const float4 v = *reinterpret_cast<const float4 *>(of + c);
        const float u[4] = {v.x, v.y, v.z, v.w};
        SQ_UNROLL
        for (int i = 0; i < 4; i++) {
          sum[c + i][0] = fmaf(w.x, u[i], sum[c + i][0]);
          sum[c + i][1] = fmaf(w.y, u[i], sum[c + i][1]);
          sum[c + i][2] = fmaf(w.z, u[i], sum[c + i][2]);
          sum[c + i][3] = fmaf(w.w, u[i], sum[c + i][3]);
        }
      }
    }
    SQ_UNROLL
    for (int c = 0; c < wide; c++) {
      float4 *to = reinterpret_cast<float4 *>(sums + at.sums + c * (n.rows + 4));
      float4 v = make_float4(sum[c][0], sum[c][1], sum[c][2], sum[c][3]);
      if (n.adds()) v = make_float4(to->x + v.x, to->y + v.y, to->z + v.z, to->w + v.w);
      *to = v;
    }
  }

  template <int wide>
  static __device__ __forceinline__ void tiles(const element *weights, const element *operand, float *sums,
                                               const product_size &n, const product_spot &first) {
    product_spot at = first;
    SQ_UNROLL_BY(1)
    for (int i = worker(); at.count > 0; at = spot(n, i)) {
      tile<wide>(weights, operand, sums, n, at);
      i += (int)blockDim.x;
      if (i >= n.pieces()) break;
    }
  }

  /* Who works on a piece: a thread.  `first` is its first one, spot(n, worker()). */
  static __device__ __forceinline__ int worker(void) { return (int)threadIdx.x; }
  template <class kept>
  static __device__ __forceinline__ void multiply(const element *weights, const element *operand, float *sums,
                                                  const product_size &n, const product_spot &first,
                                                  const kept &) {
    if (n.width % 8 == 0)
      tiles<8>(weights, operand, sums, n, first);
    else
      tiles<4>(weights, operand, sums, n, first);
  }
};

/* What differs between the two kinds of fragments.  A word holds PACK elements. */
struct fragment_tf32 {
  typedef uint32_t element;
  enum { PACK = 1, DEPTH = 8 };
  static __device__ __forceinline__ element round(float x) { return sq_to_tf32(x); }
  static __device__ __forceinline__ uint32_t word(const float (&x)[PACK]) { return round(x[0]); }
  static __device__ __forceinline__ void multiply(float (&c)[4], const uint32_t (&a)[4],
                                                  const uint32_t (&b)[2]) {
    sq_mma_tf32(c, a, b);
  }
};
struct fragment_bf16 {
  typedef uint16_t element;
  enum { PACK = 2, DEPTH = 16 };
  static __device__ __forceinline__ element round(float x) { return sq_to_bf16(x); }
  static __device__ __forceinline__ uint32_t word(const float (&x)[PACK]) {
    return round(x[0]) | (uint32_t)round(x[1]) << 16;
  }
  static __device__ __forceinline__ void multiply(float (&c)[4], const uint32_t (&a)[4],
                                                  const uint32_t (&b)[2]) {
    sq_mma_bf16(c, a, b);
  }
};

/* HELD: fragments of the weights that a warp has in registers. */
template <class fragment, int HELD> struct product_mma : product_shared {
  typedef typename fragment::element element;
  enum { PACK = fragment::PACK, HALF = 4 * PACK }; /* HALF: elements along k in one register of four lanes */
  enum { UNIT_TILE = HALF, ROW_TILE = 16, DEPTH_TILE = fragment::DEPTH };
  enum { DOWN = HALF, ACROSS = 1 };
  enum { HOLDS = HELD > 0 };
  static constexpr int most_threads(int) {
    return HOLDS ? (int)RECURRENCE_HELD_THREADS : (int)RECURRENCE_THREADS;
  }
  static __device__ __forceinline__ element round(float x) { return fragment::round(x); }

  /* The first fragments of a warp's first piece, in registers from the launch on: a product then reads the operand and
   * little else.  Of an operand apart, and of a second stage, none is held. */
  template <int blocks> struct weights {
    enum { COUNT = HELD };
    uint4 w[HOLDS ? HELD : 1];

    __device__ __forceinline__ void hold(const element *all, const product_spot &at) {
      const uint4 *a4 = reinterpret_cast<const uint4 *>(all) + at.weights;
      SQ_UNROLL
      for (int i = 0; i < HELD; i++) w[i] = i < at.count ? a4[i * SQ_WARP] : uint4{0, 0, 0, 0};
    }
  };
  /* Fragment (row/16, k/DEPTH) is 32 lanes of 4 words. */
  static __device__ __forceinline__ int weight_at(int row, int k, const product_size &n) {
    const int piece = row / 16 * (n.depth / DEPTH_TILE) + k / DEPTH_TILE, in = k % DEPTH_TILE;
    const int lane = row % 8 * 4 + in % HALF / PACK, word = row % 16 / 8 + in / HALF * 2;
    return ((piece * SQ_WARP + lane) * 4 + word) * PACK + in % PACK;
  }
  /* Half a fragment of 8 columns is 32 lanes of one word. */
  static __device__ __forceinline__ int operand_at(int k, int column, const recurrence_shape &n) {
    return ((k / HALF * (n.width / 8) + column / 8) * 8 + column % 8) * HALF + k % HALF;
  }
  static __device__ __forceinline__ uint4 chunk(float own, const recurrence_shape &) {
    float pack[PACK];
    pack[0] = own;
    if (PACK == 2) pack[PACK - 1] = __shfl_down_sync(SQ_FULL_MASK, own, 1);
    return product_words(fragment::word(pack), (int)threadIdx.x & ~(4 * PACK - 1), PACK);
  }

  /* Weights of a row from k on, and of rows from `row` on at k (and k + 1); row and k are multiples of 4 and of
   * PACK.  Words of neighbouring k are a lane apart, those of neighbouring rows four lanes. */
  static __device__ __forceinline__ void put_along(element *weights, int row, int k, const float (&w)[4],
                                                   const product_size &n) {
    uint32_t *to = reinterpret_cast<uint32_t *>(weights) + weight_at(row, k, n) / PACK;
    SQ_UNROLL
    for (int j = 0; j < 4 / PACK; j++) {
      float pack[PACK];
      SQ_UNROLL
      for (int i = 0; i < PACK; i++) pack[i] = w[j * PACK + i];
      to[j * 4] = fragment::word(pack);
    }
  }
  static __device__ __forceinline__ void put_down(element *weights, int row, int k, const float (&w)[PACK][4],
                                                  const product_size &n) {
    uint32_t *to = reinterpret_cast<uint32_t *>(weights) + weight_at(row, k, n) / PACK;
    SQ_UNROLL
    for (int j = 0; j < 4; j++) {
      float pack[PACK];
      SQ_UNROLL
      for (int i = 0; i < PACK; i++) pack[i] = w[i][j];
      to[j * 16] = fragment::word(pack);
    }
  }

  /* Where piece i begins: in 16 bytes of the weights, in words of the operand and of the sums. */
  static __device__ __forceinline__ product_spot spot(const product_size &n, int i) {
    if (i >= n.pieces()) return product_spot{};
    const product_size::piece p = n.at(i);
    const int lane = (int)threadIdx.x % SQ_WARP, pieces = n.width / 8;
    const int column = p.column * (pieces < 4 ? pieces : 4);
    return {(p.row * n.tiles + p.begin) * SQ_WARP + lane, (2 * p.begin * pieces + column) * SQ_WARP + lane,
            (p.part * n.width + column * 8 + lane % 4 * 2) * (n.rows + 4) + p.row * 16 + lane / 4,
            p.end - p.begin, pieces - column};
  }

  /* One warp's tile: 16 rows, and up to ACROSS pieces of 8 columns.  Neighbouring fragments of the depth have sums
   * of their own, so that as many chains of products are in flight. */
  template <int ACROSS, class kept>
  static __device__ __forceinline__ void tile(const element *weights, const element *operand, float *sums,
                                              const product_size &n, const product_spot &at,
                                              const kept &held) {
    enum { CHAINS = ACROSS == 1 ? 4 : 2 };
    const int half = (ACROSS < 4 ? ACROSS : n.width / 8) * SQ_WARP; /* of a narrow operand known */
    const uint4 *a4 = reinterpret_cast<const uint4 *>(weights) + at.weights + n.first * SQ_WARP;
    const uint32_t *b1 = reinterpret_cast<const uint32_t *>(operand) + at.operand;
    float sum[CHAINS][ACROSS][4] = {};
    int left = at.count;
    if constexpr (kept::COUNT > 0) {
      SQ_UNROLL
      for (int i = 0; i < kept::COUNT; i++)
        if (i < left) step<ACROSS>(held.w[i], b1 + i * 2 * half, half, at.columns, sum[i % CHAINS]);
      left -= kept::COUNT, a4 += kept::COUNT * SQ_WARP, b1 += kept::COUNT * 2 * half;
    }
    SQ_UNROLL_BY(2)
    for (; left >= CHAINS; left -= CHAINS, a4 += CHAINS * SQ_WARP, b1 += CHAINS * 2 * half) {
      SQ_UNROLL
      for (int i = 0; i < CHAINS; i++)
        step<ACROSS>(a4[i * SQ_WARP], b1 + i * 2 * half, half, at.columns, sum[i]);
    }
    SQ_UNROLL
    for (int i = 0; i < CHAINS - 1; i++)
      if (i < left) step<ACROSS>(a4[i * SQ_WARP], b1 + i * 2 * half, half, at.columns, sum[i]);
    SQ_UNROLL
    for (int c = 0; c < ACROSS; c++) {
      if (ACROSS == 4 && c >= at.columns) continue;
      float *to = sums + at.sums + c * 8 * (n.rows + 4);
      float *const places[4] = {to, to + n.rows + 4, to + 8, to + n.rows + 12};
      SQ_UNROLL
      for (int i = 0; i < 4; i++) {
        const float v = fold<CHAINS, ACROSS>(sum, c, i);
        *places[i] = n.adds() ? *places[i] + v : v;
      }
    }
  }

  /* Number i of the chains' sums in piece c, added by neighbours. */
  template <int CHAINS, int ACROSS>
  static __device__ __forceinline__ float fold(const float (&sum)[CHAINS][ACROSS][4], int c, int i) {
    const float first = sum[0][c][i] + sum[1][c][i];
    return CHAINS == 2 ? first : first + (sum[CHAINS - 2][c][i] + sum[CHAINS - 1][c][i]);
  }

  /* One fragment of the depth; half: words from one half of a fragment of the operand to the other. */
  template <int ACROSS>
  static __device__ __forceinline__ void step(const uint4 &w, const uint32_t *b1, int half, int left,
                                              float (&sum)[ACROSS][4]) {
    const uint32_t a[4] = {w.x, w.y, w.z, w.w};
    SQ_UNROLL
    for (int c = 0; c < ACROSS; c++) {
      if (ACROSS == 4 && c >= left) continue;
      const uint32_t b[2] = {b1[c * SQ_WARP], b1[half + c * SQ_WARP]};
      fragment::multiply(sum[c], a, b);
    }
  }

  template <int ACROSS, class kept>
  static __device__ __forceinline__ void tiles(const element *weights, const element *operand, float *sums,
                                               const product_size &n, const product_spot &first,
                                               const kept &held) {
    if constexpr (kept::COUNT == 0) { /* one way through it has registers for all */
      product_spot at = first;
      SQ_UNROLL_BY(1)
      for (int i = worker(); at.count > 0; at = spot(n, i)) {
        tile<ACROSS>(weights, operand, sums, n, at, held);
        i += (int)blockDim.x / SQ_WARP;
        if (i >= n.pieces()) break;
      }
    } else if (first.count > 0) {
      tile<ACROSS>(weights, operand, sums, n, first, held);
      SQ_UNROLL_BY(1)
      for (int i = worker() + (int)blockDim.x / SQ_WARP; i < n.pieces(); i += (int)blockDim.x / SQ_WARP)
        tile<ACROSS>(weights, operand, sums, n, spot(n, i), none{});
    }
  }

  /* Who works on a piece: a warp. */
  static __device__ __forceinline__ int worker(void) { return (int)threadIdx.x / SQ_WARP; }
  template <class kept>
  static __device__ __forceinline__ void multiply(const element *weights, const element *operand, float *sums,
                                                  const product_size &n, const product_spot &first,
                                                  const kept &held) {
    if (n.width == 8)
      tiles<1>(weights, operand, sums, n, first, held);
    else if (n.width == 16)
      tiles<2>(weights, operand, sums, n, first, held);
    else
      tiles<4>(weights, operand, sums, n, first, held);
  }
};

template <int HELD> using product_tf32 = product_mma<fragment_tf32, HELD>;
template <int HELD> using product_bf16 = product_mma<fragment_bf16, HELD>;

#endif
