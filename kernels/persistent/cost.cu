/* cost.cu - see cost.h.
 *
 * In clocks of 1.7 GHz, per step and stage of one block:
 *   product    the largest of: float32 multiply-adds at 128 per clock, or fragments of mma.sync at 0.6
 *              (bfloat16, 16 deep) or 0.3 (TF32, 8 deep) per clock; shared memory at 128 bytes per clock; 8
 *              clocks for each element of a part's depth (float32), 35 for each fragment (dependent sums)
 *   pointwise  200, and 100 for each further pair of a thread;  two barriers 80
 *   exchange   the algorithm's own, below; 700 for each further block of an operand that arrives in blocks
 * times the rounds that the blocks need because not all fit on the device at a time, and the launches of a
 * grid.
 */
#include "kernels/persistent/cost.h"

namespace {

const double CLOCKS_A_MICROSECOND = 1700;

/* ---- the product of a stage ---- */

double largest(double a, double b, double c) { return fmax(fmax(a, b), c); }

double product_clocks(const sq_cut_question &q, const recurrence_product_info &product,
                      const recurrence_shape &n, int s) {
  const double rows = n.stage[s].rows, depth = n.stage[s].depth, parts = n.stage[s].parts, width = n.width;
  if (q.math == SQ_MATH_F32) {
    const double across = n.width % 8 == 0 ? 8 : 4;
    const double bytes = rows * depth * (4 + across / 4) * (width / across);
    return largest(rows * depth * width / 128, bytes / 128, 8 * depth / parts);
  }
  const double tiles = rows / 16 * depth / product.depth_tile;
  const double bytes = tiles * (512 * ((n.width + 31) / 32) + 256 * width / 8);
  const double fragments = tiles * (width / 8) / (q.math == SQ_MATH_BF16 ? 0.6 : 0.3);
  return largest(fragments, bytes / 128, 35 * depth / product.depth_tile / parts);
}

/* ---- the exchange after a stage ----
 *
 * A barrier of a cluster takes 400, including the latency of what was stored before it; st.async alone takes 250; 32
 * bytes per clock go out of a block to its peers.  Setting a flag in L2, seeing it and fetching the data takes 1500,
 * half of which a packet saves; 40 bytes per clock go from L2 into a block.  With multicast, L2 sends a cluster's
 * operand once, and a block takes in 64 bytes per clock; the mbarrier adds 300.  So packets pay off below some 30 KB
 * of operand, and multicast above.
 */

/* Clocks of an exchange of `bytes`, to which each of `ctas` blocks contributes an equal piece; the blocks are in
 * clusters of `cluster`. */
typedef double exchange_clocks(double bytes, int ctas, int cluster);

double clocks_cta(double, int, int) { return 0; }
double clocks_cluster(double bytes, int ctas, int) { return 400 + bytes / ctas * (ctas - 1) / 32; }
double clocks_cluster_async(double bytes, int ctas, int) { return 250 + bytes / ctas * (ctas - 1) / 32; }
double clocks_grid(double bytes, int, int) { return 1500 + bytes / 40; }
double clocks_grid_packets(double bytes, int, int) { return 750 + 2 * bytes / 40; }
double clocks_grid_multicast(double bytes, int, int cluster) {
  return 1800 + fmax(bytes / 40 / cluster, bytes / 64);
}

exchange_clocks *const exchanges[SQ_PERSISTENT_COUNT] = {
#define EXCHANGE_CLOCKS(id, name) clocks_##id,
    SQ_PERSISTENT_ALGORITHMS(EXCHANGE_CLOCKS)
#undef EXCHANGE_CLOCKS
};

const double CLOCKS_A_BLOCK = 700; /* of an operand that arrives in blocks, for each but the first */

/* ---- all of a step ---- */

/* Rounds of a launch: all blocks of a grid are resident; of others the device takes up as many as it has room
 * for, `resident` blocks or clusters at a time. */
double rounds_of(const sq_cut_question &q, const recurrence_shape &n, int resident) {
  if (sq_persistent_algorithms[q.which].reach == SQ_WHOLE_GRID) return 1;
  return (double)sq_ceil_div((int64_t)n.slices * q.abreast, resident);
}

} // namespace

sq_step_cost sq_cost_of(const sq_cut_question &q, const recurrence_product_info &product, int stages,
                        const recurrence_shape &n, int resident) {
  sq_step_cost clocks = {};
  for (int s = 0; s < stages; s++) {
    const double pairs = (double)n.units * n.columns,
                 bytes = (double)n.stage[s].depth * n.width * product.element_bytes;
    clocks.product += product_clocks(q, product, n, s);
    clocks.pointwise += 280 + 100 * (pairs > n.threads ? pairs / n.threads - 1 : 0);
    clocks.exchange +=
        exchanges[q.which](bytes, n.ctas, n.cluster) + CLOCKS_A_BLOCK * (n.stage[s].blocks - 1);
  }
  const double turns =
      rounds_of(q, n, resident) * (double)sq_ceil_div(n.slices, n.at_once) / CLOCKS_A_MICROSECOND;
  return {clocks.product * turns, clocks.pointwise * turns, clocks.exchange * turns};
}
