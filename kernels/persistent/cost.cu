/* cost.cu - see cost.h.
 *
 * In clocks of 1.98 GHz, fitted to what LSTMs, GRUs and plain layers of 32 to 1760 units with 1 to 64
 * sequences took on an H100 SXM in all arithmetics
 * (bench/results/NVIDIA-H100-80GB-HBM3-20261126-1544-bd1a0a9bd0ce.json), per step and stage of one block:
 *   product    the larger of: shared memory at 92 bytes per clock, of the 128 that there are; the chain of
 *              the busiest worker, which is 87 for each element of a thread's depth (float32), and 12, and
 *              15 for each 8 columns, for each tile of a warp's depth (mma)
 *   pointwise  1600, the chain of instructions through a stage whatever its size: the first loads and the
 *              last sums of the product, the cell, the chunks, the stores and the barriers; 220 for each
 *              further block of H that a pair gives away; 2200 for each further pair of a thread, whose
 *              numbers nobody has loaded before
 *   exchange   the algorithm's own, below; 1300 for each further block of an operand that arrives in blocks
 * times the rounds that the blocks need because not all fit on the device at a time, and the launches of a
 * grid.
 *
 * With what is around the recurrence, half of the passes are predicted within 5 %, and all that have more
 * than one step within 30 %.
 */
#include "kernels/persistent/cost.h"

#include "kernels/persistent/exchange.h"

namespace {

const double CLOCKS_A_MICROSECOND = 1980;

/* ---- the product of a stage ---- */

const double SHARED_BYTES = 92, CLOCKS_AN_ELEMENT = 87, CLOCKS_A_TILE = 12, CLOCKS_A_TILE_OF_8 = 15;

/* Weights are read once for every tile across, the operand once for every tile down; across: its columns.  held: the
 * fragments that are in registers. */
double product_bytes(bool f32, double tiles, int width, int across, double held) {
  if (f32) return tiles * 4 * (4 + across / 4) * (width / across);
  return fmax(tiles * (double)sq_ceil_div(width, across) - held, 0) * 512 + tiles * 256 * width / 8;
}

double product_clocks(const sq_cut_question &q, const recurrence_product_info &product,
                      const recurrence_shape &n, int s) {
  const bool f32 = q.math == SQ_MATH_F32;
  const int across = sq_recurrence_across(!f32, n.width), down = n.stage[s].rows / product.row_tile;
  const double deep = (double)n.stage[s].depth / (f32 ? 1 : product.depth_tile);
  const int64_t pieces = down * sq_ceil_div(n.width, across) * n.stage[s].parts;
  const double turns = (double)sq_ceil_div(pieces, f32 ? n.threads : n.threads / SQ_WARP);
  const double each =
      f32 ? CLOCKS_AN_ELEMENT : CLOCKS_A_TILE + CLOCKS_A_TILE_OF_8 * fmin(n.width, across) / 8;
  const bool holds = !f32 && sq_persistent_algorithms[q.which].held && s == 0 && n.stage[s].blocks == 1;
  const double held =
      holds ? (double)(int)RECURRENCE_HELD * fmin((double)pieces, n.threads / (double)SQ_WARP) : 0;
  return fmax(product_bytes(f32, down * deep, n.width, across, held) / SHARED_BYTES,
              each * deep / n.stage[s].parts * turns);
}

/* ---- the pointwise step of a stage ---- */

const double CLOCKS_A_STAGE = 1600, CLOCKS_A_GIVEN_BLOCK = 220, CLOCKS_A_PAIR = 2200;

double pointwise_clocks(const recurrence_shape &n, int s) {
  const double pairs = (double)n.units * n.columns, given = (double)n.stage[s].depth / n.part;
  return CLOCKS_A_STAGE + CLOCKS_A_GIVEN_BLOCK * (given - 1) + CLOCKS_A_PAIR * (ceil(pairs / n.threads) - 1);
}

/* ---- both, where the weights are in registers (lanes.h) ----
 *
 * product    for each sequence 60 for the first loads, a clock for each multiply-add of the warps that share a quarter
 *            of the processor, or for each 4 bytes of shared memory that a lane reads, and 30 for each exchange between
 *            lanes
 * pointwise  610, and 50 for each warp, whose instructions the others wait for; for each further block of H that a pair
 *            gives away 150, or 380 where peers get it; for each further sequence of a slice 250, and 350 for each block
 *            given
 * Fitted to bench/results/NVIDIA-H100-80GB-HBM3-20261127-0346-small-layers.json; passes of one sequence a slice are
 * predicted within 25 %.
 */

double lanes_product_clocks(const recurrence_shape &n, const recurrence_cell_info &cell, bool backward,
                            int s) {
  const double warps = n.threads / (double)SQ_WARP, adds = (double)cell.count[s] * n.each;
  const double loads = backward ? adds : n.each, levels = n.lanes == 4 ? 2 : 3;
  return n.columns * (60 + fmax(adds * fmax(warps / 4, 1), loads * warps) + 30 * levels);
}

double lanes_pointwise_clocks(const recurrence_shape &n, int s) {
  const double warps = n.threads / (double)SQ_WARP, given = (double)n.stage[s].depth / n.padded;
  return 610 + 50 * warps + (n.ctas > 1 ? 380 : 150) * (given - 1) + (250 + 350 * given) * (n.columns - 1);
}

/* ---- the exchange after a stage ----
 *
 * st.async takes 670, and 11 bytes per clock go out of a block to its peers; where the weights are in registers it is
 * 150 and 20 for each peer, because nothing else is waited for.  Setting a flag in L2, seeing those of all
 * blocks and fetching the data takes 2000, of which packets save 900; each block of the group adds 15,
 * and whatever a block's threads have in flight at a time 700, or 1450 with packets, which are twice as
 * large and polled, but for what is in flight meanwhile.  A multicast takes 2500, and a block takes in 43 bytes
 * per clock.  So clusters pay off where few bytes leave a block, packets where an operand is in flight at once, and
 * multicast where it is large.  Where the depth is split, each block takes in its part only, and the sums go through the cluster as h of a
 * small layer does.
 */

struct exchange_size {
  double bytes, padded; /* of the operand: those that exist, and with all padding */
  int ctas, threads;    /* of the group; of a block */
  int cluster;
  double slots; /* bytes of the sums that a block gets from its cluster, if the depth is split */

  /* How often its threads have all that they can in flight. */
  double rounds() const { return bytes / sizeof(uint4) / (EXCHANGE_IN_FLIGHT * threads); }
};

typedef double exchange_clocks(const exchange_size &n);

double clocks_cta(const exchange_size &) { return 0; }
double clocks_cta_lanes(const exchange_size &) { return 0; }
double clocks_cluster_lanes(const exchange_size &n) { return 150 + 20 * n.ctas + n.bytes / 11; }
double clocks_cluster_async(const exchange_size &n) { return 670 + n.bytes / 11; }
double clocks_grid(const exchange_size &n) { return 2000 + 15 * n.ctas + 700 * n.rounds(); }
double clocks_grid_packets(const exchange_size &n) {
  return 1100 + 15 * n.ctas + 1450 * fmax(n.rounds() - 0.6, 0);
}
double clocks_grid_multicast(const exchange_size &n) { return 2500 + 15 * n.ctas + n.padded / 43; }
double clocks_slots(const exchange_size &n) { return 150 + 20 * n.cluster + n.slots / 11; }
double clocks_split_flags(const exchange_size &n) { return clocks_grid_multicast(n) + clocks_slots(n); }
double clocks_split_packets(const exchange_size &n) { return clocks_grid_packets(n) + clocks_slots(n); }

exchange_clocks *const exchanges[SQ_PERSISTENT_COUNT] = {
#define EXCHANGE_CLOCKS(id, name) clocks_##id,
    SQ_PERSISTENT_ALGORITHMS(EXCHANGE_CLOCKS)
#undef EXCHANGE_CLOCKS
};

const double CLOCKS_A_BLOCK = 1300; /* of an operand that arrives in blocks, for each but the first */

/* ---- all of a step ---- */

/* Rounds of a launch: all blocks of a grid are resident; of others the device takes up as many as it has room
 * for, `resident` blocks or clusters at a time. */
double rounds_of(const sq_cut_question &q, const recurrence_shape &n, int resident) {
  if (sq_persistent_algorithms[q.which].reach == SQ_WHOLE_GRID) return 1;
  return (double)sq_ceil_div((int64_t)n.slices * q.abreast, resident);
}

/* How often all of that happens. */
double turns_of(const sq_cut_question &q, const recurrence_shape &n, int resident) {
  return rounds_of(q, n, resident) * (double)sq_ceil_div(n.slices, n.at_once);
}

} // namespace

sq_step_cost sq_cost_of(const sq_cut_question &q, const recurrence_product_info &product,
                        const recurrence_cell_info &cell, const recurrence_shape &n, int resident) {
  sq_step_cost clocks = {};
  for (int s = 0; s < cell.stages; s++) {
    const double column = (double)n.stage[s].depth * product.element_bytes;
    clocks.product +=
        n.lanes > 0 ? lanes_product_clocks(n, cell, q.backward, s) : product_clocks(q, product, n, s);
    clocks.pointwise += n.lanes > 0 ? lanes_pointwise_clocks(n, s) : pointwise_clocks(n, s);
    const double slots = (double)n.split * n.units * n.columns * sizeof(float);
    const exchange_size size = {column * n.columns, column * n.width, n.ctas, n.threads, n.cluster, slots};
    clocks.exchange += exchanges[q.which](size) + CLOCKS_A_BLOCK * (n.stage[s].blocks - 1);
  }
  const double turns = turns_of(q, n, resident) / CLOCKS_A_MICROSECOND;
  return {clocks.product * turns, clocks.pointwise * turns, clocks.exchange * turns};
}

/* ---- the launch ---- */

const double LAUNCH_US = 5, LOADS_US = 0.9; /* a warp's loads that are under way together (kernel.h) */

double sq_launch_cost_of(const sq_cut_question &q, const recurrence_cell_info &cell,
                         const recurrence_shape &n, int resident) {
  const int pack = q.math == SQ_MATH_BF16 ? 2 : 1, warps = n.threads < SQ_WARP ? 1 : n.threads / SQ_WARP;
  const int rows = n.split > 1 ? n.part : n.hidden, units = n.split * n.units;
  int64_t loads = 0;
  for (int s = 0; s < cell.stages; s++)
    loads += cell.count[s] * (q.backward ? sq_ceil_div(rows, 16 * pack) * sq_ceil_div(units, SQ_WARP)
                                         : sq_ceil_div(n.units, 4) * sq_ceil_div(n.hidden, 4 * SQ_WARP));
  return turns_of(q, n, resident) * (LAUNCH_US + LOADS_US * (double)sq_ceil_div(loads, warps));
}
