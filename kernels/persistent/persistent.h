/* persistent.h - what the host side (persistent.cu) and the kernels (one .cu per algorithm) agree on.
 *
 * A *group* of blocks runs one direction of a layer over a slice of the batch: one block (cta), a
 * thread-block cluster (cluster), or as many blocks as are needed to hold the weights (grid).  Its blocks
 * divide the units of the layer among them, and each keeps all weights of its units in shared memory, or in
 * registers, for the whole launch.  Runs side by side, which are both directions of a layer or several layers of a stack, are
 * one launch:
 *
 *   blockIdx.x = slice * ctas + rank      blockIdx.y = run
 *
 * Letters: T = time steps, B = batch, H = hidden size, G = gates; b a sequence, j a unit, t a step.
 */
#ifndef SQ_PERSISTENT_H
#define SQ_PERSISTENT_H

#include "kernels/persistent/algorithms.h"
#include "kernels/persistent/divisor.h"

enum { RECURRENCE_STAGES = 2, RECURRENCE_THREADS = 512, RECURRENCE_VECTORS = 3, RECURRENCE_RUNS = 8 };
enum { RECURRENCE_STATES = 2 }; /* of the cells that are here */

/* Where the warps of tensor cores hold fragments of the weights in registers, 20 fit beside the rest: a block has half of
 * the threads then, and each twice the registers. */
enum { RECURRENCE_HELD = 20, RECURRENCE_HELD_THREADS = 256 };

/* Numbers of a step of a layer, gates or outputs of two directions: places in a step have 32 bits. */
static const int64_t RECURRENCE_STEP_MOST = (int64_t)1 << 31;

/* Whether an operand may arrive in blocks of H, where the exchange can do that: backward's, which has several.  With
 * two stages, registers do not suffice for it. */
static __host__ __device__ constexpr bool recurrence_may_be_apart(bool exchange_can, bool backward,
                                                                  int stages) {
  return exchange_can && backward && stages == 1;
}

/* A step: where its rows begin in [T, B, H] and in those of y.  Or how far these are from one step to the next. */
struct recurrence_moment {
  int64_t t, hidden, y;
};

/* One run: a stretch of the steps of one direction of a layer; everything is in device memory.  What only
 * forward or only backward needs is NULL in the other. */
struct recurrence_run {
  int64_t seq_len, batch; /* T, B: steps of the stretch */
  int64_t first;          /* step of the sequence at which the stretch begins; only lengths count from 0 */
  int reverse;
  recurrence_moment stride; /* from a step to the next one that this pass comes to */
  int64_t before, after;    /* from a step's rows in [T, B, H] to its states before and after it */
  int option;               /* rnn, leaky: the activation; lstm of three gates: coupled */
  float leak;               /* leaky: the share of the new value */
  const int32_t *lengths;   /* [B] or NULL */
  const float *weights;     /* W_hh [blocks * H, H] */
  const float *bias;        /* [G] */
  const float *vectors[RECURRENCE_VECTORS]; /* [H] or NULL (zeros): peepholes, or the recurrent bias */
  float *gates;                             /* [T,B,G] forward: x W_ih^T in, activations out */
  float *aux;                               /* [T,B,A] */
  float *state[RECURRENCE_STATES];          /* [T+1,B,H] as in the reserve; NULL: nothing is kept */
  /* [B,H] or NULL.  enter: initial states; backward: gradients at the final ones.  leave: final states;
   * backward: gradients at the initial ones */
  const float *enter[RECURRENCE_STATES];
  float *leave[RECURRENCE_STATES];
  float *y;        /* [T,B,H] stride ldy */
  const float *dy; /* likewise, or NULL */
  int64_t ldy;
  float *dgates, *daux; /* [T,B,G], [T,B,A] */
  uint4 *exchange;      /* grid: two operands of each slice */
  uint32_t *flags;      /* grid: one per block, zero before the launch */
};

/* How the work is cut, and where everything lies in a block's shared memory. */
struct recurrence_shape {
  int hidden;       /* H */
  int padded;       /* H rounded up to the tiles of the product */
  int split;        /* blocks of a cluster that divide the depth of the product (split.h); else 1 */
  int part;         /* units of a block's part of the depth: all of them, padded, unless it is split */
  int units;        /* of a block; the last blocks may have fewer */
  int ctas;         /* blocks of a group */
  int cluster;      /* blocks of a thread-block cluster: 1, the group, or a part of it */
  int cluster_bits; /* a part of the group: log2(cluster) */
  int slices;       /* of the batch */
  int at_once;      /* slices of one launch: all, unless a grid holds fewer */
  int first;        /* slice of this launch */
  int columns;      /* sequences of a slice */
  int width;        /* columns rounded up to the tiles of the product */
  int threads;      /* of a block */
  /* Weights in registers (lanes.h): lanes of a unit and log2 of that, elements of h of a lane; else 0. */
  int lanes, lane_bits, each;
  struct {
    /* Of the block's weights: sums[rows, width] = weights[rows, depth] operand[depth, width]. */
    int rows, depth;
    int parts;           /* parts into which the depth is cut; their sums are added in order */
    int tiles;           /* of the product in its depth */
    int count;           /* of them, those of one block of the operand */
    int blocks;          /* that its operand arrives in: 1 (all at once), or one for each block of H */
    unsigned weights;    /* byte offset */
    sq_divisor by_parts; /* parts */
    sq_divisor down;     /* tiles of the product in its rows */
  } stage[RECURRENCE_STAGES];
  sq_divisor across; /* tiles of the products in their columns */
  /* The 16-byte chunks of an operand, which is blocks of H.  Those that exist are `rows` rows of a block of H, and as
   * many columns as the slice has sequences for; the rest is padding, whose zeros nobody exchanges. */
  struct {
    int across; /* from a row to the next */
    int along;  /* from a column to the next */
    int stride; /* from a block to the next; of a part of the depth */
    sq_divisor rows;
    sq_divisor part; /* rows of a part of the depth */
  } chunk;
  struct {
    sq_divisor quads, columns; /* units / 4, and columns, of a slot (split.h) */
  } slot;
  int places;                      /* lanes of all chunks of a block: its pairs, and padding */
  unsigned operand, operand_bytes; /* byte offset; bytes of one buffer in shared memory */
  unsigned exchange_bytes;         /* of a whole operand, as in global memory */
  unsigned sums, slots, kept, biases, barriers, bytes;
};

struct recurrence_args {
  recurrence_run run[RECURRENCE_RUNS];
  recurrence_shape shape;
  struct timeline_memory *timeline; /* NULL, but for builds that look (timeline.h) */
};

typedef void recurrence_kernel(const recurrence_args args);

/* The pointwise steps there are (cells.h). */
enum {
  RECURRENCE_RNN,
  RECURRENCE_LEAKY,
  RECURRENCE_LSTM,
  RECURRENCE_LSTM3,
  RECURRENCE_GRU_AFTER,
  RECURRENCE_GRU_BEFORE,
  RECURRENCE_CELLS
};

/* What the host needs to know of a cell and of a product. */
struct recurrence_cell_info {
  int stages, kept;
  /* Blocks of H rows of W_hh that a stage multiplies by. */
  int first[RECURRENCE_STAGES], count[RECURRENCE_STAGES];
};
struct recurrence_product_info {
  int element_bytes;
  int unit_tile; /* units of a block are a multiple of it */
  int row_tile, depth_tile;
  int down, across; /* units and columns of a chunk */
};

/* The kernels of each algorithm, each function in the algorithm's own file. */
#define SQ_KERNEL_DECLARE(id, name)                                                                          \
  recurrence_kernel *sq_##id##_kernel(int cell, int backward, sq_math math, int each);
SQ_PERSISTENT_ALGORITHMS(SQ_KERNEL_DECLARE)
#undef SQ_KERNEL_DECLARE

/* Columns of an operand in memory for that many sequences: the products take 4, or a multiple of 8. */
static inline int sq_recurrence_width(sq_math math, int columns) {
  if (math == SQ_MATH_F32 && columns <= 4) return 4;
  return (columns + 7) / 8 * 8;
}

/* Columns that a tile of a product has (product.h). */
static __host__ __device__ __forceinline__ int sq_recurrence_across(bool mma, int width) {
  if (!mma) return width % 8 == 0 ? 8 : 4;
  return width <= 16 ? width : 32;
}

#endif
