/* cut.cu - see cut.h: the possible cuts, the choice among them by the model (cost.h), and the answers remembered.
 *
 * A cut depends only on the sizes, the runs side by side and the device, so a problem always has one order of
 * summation: where the device fails to answer, there is no cut.
 */
#include "kernels/persistent/cut.h"

#include <limits.h>
#include <string.h>

#include <new>

#include "kernels/persistent/cells.h"
#include "kernels/persistent/cost.h"
#include "kernels/persistent/exchange.h"
#include "kernels/persistent/lanes.h"
#include "kernels/persistent/product.h"

namespace {

template <class exchange>
constexpr sq_persistent_info info(sq_reach reach, int grouped, int lanes, sq_persistent forward,
                                  sq_persistent backward,
                                  recurrence_kernel *(*kernel)(int, int, sq_math, int)) {
  return {reach,
          exchange::BUFFERS,
          exchange::BARRIERS,
          exchange::PACKETS,
          exchange::APART,
          grouped,
          exchange::SPLIT,
          exchange::HELD > 0,
          exchange::ADDS_BIAS,
          lanes,
          {forward, backward},
          kernel};
}

} // namespace

/* In the order of SQ_PERSISTENT_ALGORITHMS. */
#define ROW(id, reach, grouped, lanes, forward, backward)                                                    \
  info<exchange_##id>(reach, grouped, lanes, SQ_PERSISTENT_##forward, SQ_PERSISTENT_##backward,              \
                      sq_##id##_kernel)
const sq_persistent_info sq_persistent_algorithms[SQ_PERSISTENT_COUNT] = {
    ROW(cta, SQ_ONE_BLOCK, 0, 0, cta, cta),
    ROW(cta_lanes, SQ_ONE_BLOCK, 0, 1, cta_lanes, cta_lanes),
    ROW(cluster_lanes, SQ_ONE_CLUSTER, 0, 1, cluster_lanes, cluster_lanes),
    ROW(cluster_async, SQ_ONE_CLUSTER, 0, 0, cluster_async, cluster_async),
    ROW(grid, SQ_WHOLE_GRID, 0, 0, grid, grid),
    ROW(grid_packets, SQ_WHOLE_GRID, 0, 0, grid_packets, grid_packets),
    ROW(grid_multicast, SQ_WHOLE_GRID, 1, 0, grid_multicast, split_packets),
    ROW(split_flags, SQ_WHOLE_GRID, 2, 0, grid, split_flags),
    ROW(split_packets, SQ_WHOLE_GRID, 2, 0, grid_packets, split_packets)};
#undef ROW

namespace {

/* What the device has answered about clusters of one kernel (clusters_of). */
struct resident_answers {
  enum { MOST = 32 };
  struct entry {
    int cluster, threads, blocks, resident;
  } at[MOST];
  int count;
};

/* A question, with what is known of the cell and the product. */
struct question : sq_cut_question {
  sq_exec *exec;
  recurrence_cell_info info;
  recurrence_product_info product;
  resident_answers *known;
  const sq_persistent_info &algorithm() const { return sq_persistent_algorithms[which]; }
};

typedef sq_cut answer;

int round_up(int64_t n, int64_t tile) { return (int)((n + tile - 1) / tile * tile); }
int at_most(int64_t n, int64_t most) { return (int)(n < most ? n : most); }
int at_least(int64_t n, int64_t least) { return (int)(n > least ? n : least); }

/* ---- the pointwise step of a layout ---- */

struct named_cell {
  const char *name;
  int without, with; /* the cell's option: coupled or no_forget_gate, reset_after */
};
const named_cell named_cells[] = {{"rnn", RECURRENCE_RNN, RECURRENCE_RNN},
                                  {"leaky", RECURRENCE_LEAKY, RECURRENCE_LEAKY},
                                  {"lstm", RECURRENCE_LSTM, RECURRENCE_LSTM3},
                                  {"lstm0", RECURRENCE_LSTM3, RECURRENCE_LSTM3},
                                  {"gru", RECURRENCE_GRU_BEFORE, RECURRENCE_GRU_AFTER}};

/* ---- what is known of cells and products ---- */

template <class cell> recurrence_cell_info cell_info() {
  recurrence_cell_info info = {};
  info.stages = cell::STAGES;
  info.kept = cell::KEPT;
  for (int s = 0; s < cell::STAGES; s++) info.count[s] = cell::count(s);
  return info;
}

template <class product> recurrence_product_info product_info() {
  return {(int)sizeof(typename product::element),
          product::UNIT_TILE,
          product::ROW_TILE,
          product::DEPTH_TILE,
          product::DOWN,
          product::ACROSS};
}

/* In the order of RECURRENCE_CELLS, and of sq_math. */
const recurrence_cell_info cell_infos[RECURRENCE_CELLS] = {
    cell_info<rnn_recurrence>(),     cell_info<leaky_recurrence>(),     cell_info<lstm_recurrence<4>>(),
    cell_info<lstm_recurrence<3>>(), cell_info<gru_after_recurrence>(), cell_info<gru_before_recurrence>()};
const recurrence_product_info product_infos[] = {product_info<product_f32>(), product_info<product_tf32<0>>(),
                                                 product_info<product_bf16<0>>()};
const recurrence_product_info lanes_info = product_info<product_lanes<LANES_EACH_SMALL>>();

int blocks_of(const recurrence_cell_info &info) { return info.count[0] + info.count[1]; }

/* ---- a cut of the work ---- */

/* Threads of a block, by its work: few are cheaper to wait for, many hide more latency. */
int threads_for(int64_t multiply_adds, int most) {
#ifdef SEQGPU_EMULATE
  (void)most;
  return multiply_adds > 4096 ? 64 : 32; /* each is a fiber */
#else
  return multiply_adds > 65536 ? most : multiply_adds > 16384 ? 256 : 128;
#endif
}

/* Parts into which the depth of a product is cut, so that all workers have a tile: a power of two. */
int parts_for(const question &q, const recurrence_shape &n, int rows, int depth, int most) {
  const bool f32 = q.math == SQ_MATH_F32;
  const int64_t across = f32 ? n.width / (n.width % 8 == 0 ? 8 : 4) : (n.width + 31) / 32;
  const int64_t tiles = rows / (f32 ? 4 : 16) * across;
  const int workers = f32 ? n.threads : n.threads / SQ_WARP;
  const int room = at_most(workers / tiles, at_most(depth / q.product.depth_tile, most));
  int parts = 1;
  while (2 * parts <= room) parts *= 2;
  return parts;
}

int64_t align16(int64_t bytes) { return (bytes + 15) / 16 * 16; }

/* Of forward: as many for a unit as it has gates. */
int64_t bytes_of_biases(const question &q, int64_t units) {
  return q.backward || !q.algorithm().adds_bias ? 0
                                                : align16(blocks_of(q.info) * units * (int64_t)sizeof(float));
}

/* The chunks of an operand, and the places of a block. */
void place_chunks(const question &q, recurrence_shape *n) {
  const int down = q.product.down, across = q.product.across;
  n->chunk.rows = sq_divisor_by((int)sq_ceil_div(n->hidden, down));
  n->chunk.across = n->width / across;
  n->chunk.along = 1;
  n->chunk.stride = n->part / down * n->chunk.across;
  n->chunk.part = sq_divisor_by(n->part / down);
  n->places = n->units * (int)sq_ceil_div(n->columns, across) * across;
}

/* Sizes, and places in shared memory, of a cut whose ctas, units and columns are given; apart: an operand arrives
 * in blocks of H.  The places are meaningless if `bytes` is 2^30, which stands for that and more. */
recurrence_shape shape_of(const question &q, int ctas, int cluster, int units, int columns, int most_parts,
                          bool apart) {
  recurrence_shape n = {};
  n.hidden = (int)q.hidden;
  const int tile = q.math == SQ_MATH_F32 ? 4 : 16;
  n.padded = round_up(q.hidden, tile);
  n.split = q.algorithm().split ? cluster : 1;
  n.part = round_up(sq_ceil_div(q.hidden, n.split), tile);
  n.units = units;
  n.ctas = ctas;
  n.cluster = cluster;
  while (1 << n.cluster_bits < cluster) n.cluster_bits++;
  n.columns = columns;
  n.slices = n.at_once = (int)sq_ceil_div(q.batch, columns);
  n.width = sq_recurrence_width(q.math, columns);
  const int across = sq_recurrence_across(q.math != SQ_MATH_F32, n.width);
  n.across = sq_divisor_by((int)sq_ceil_div(n.width, across));
  place_chunks(q, &n);
  int64_t at = 0, operand = 0, whole = 0, sums = 0, work = 0;
  for (int s = 0; s < q.info.stages; s++) {
    const int blocks = q.info.count[s];
    n.stage[s].rows = round_up((int64_t)(q.backward ? n.split : blocks) * units, q.product.row_tile);
    n.stage[s].depth = (q.backward ? blocks : 1) * n.part;
    work += (int64_t)n.stage[s].rows * n.stage[s].depth * n.width;
  }
  n.threads = threads_for(work, q.math != SQ_MATH_F32 && q.algorithm().held ? (int)RECURRENCE_HELD_THREADS
                                                                            : (int)RECURRENCE_THREADS);
  for (int s = 0; s < q.info.stages; s++) {
    const int64_t rows = n.stage[s].rows, depth = n.stage[s].depth;
    const int arrivals = apart ? q.info.count[s] : 1;
    const int parts = parts_for(q, n, (int)rows, (int)depth / arrivals, most_parts);
    n.stage[s].parts = parts;
    n.stage[s].tiles = (int)depth / (q.math == SQ_MATH_F32 ? 1 : q.product.depth_tile);
    n.stage[s].blocks = arrivals;
    n.stage[s].count = n.stage[s].tiles / arrivals;
    n.stage[s].by_parts = sq_divisor_by(parts);
    n.stage[s].down = sq_divisor_by((int)rows / q.product.row_tile);
    n.stage[s].weights = (unsigned)at;
    at += align16(rows * depth * q.product.element_bytes);
    if (depth / arrivals * n.width > operand) operand = depth / arrivals * n.width;
    if (depth * n.width > whole) whole = depth * n.width;
    if ((rows + 4) * n.width * n.stage[s].parts > sums) sums = (rows + 4) * n.width * n.stage[s].parts;
    if (at > 1 << 30) break; /* far from fitting; stopping here avoids overflow */
  }
  n.operand = (unsigned)at;
  operand = align16(operand * q.product.element_bytes);
  n.operand_bytes = (unsigned)operand;
  n.exchange_bytes = (unsigned)align16(n.split * whole * q.product.element_bytes);
  at += q.algorithm().buffers * operand;
  n.sums = (unsigned)at;
  at += align16(sums * (int64_t)sizeof(float));
  n.slots = (unsigned)at;
  n.slot.quads = sq_divisor_by(n.units / 4);
  n.slot.columns = sq_divisor_by(n.columns);
  if (n.split > 1) at += 2 * (int64_t)n.split * n.columns * n.units * (int64_t)sizeof(float);
  n.kept = (unsigned)at;
  at += align16((int64_t)q.info.kept * n.places * (int64_t)sizeof(float));
  n.biases = (unsigned)at;
  at += bytes_of_biases(q, units);
  n.barriers = (unsigned)at;
  at += align16(q.algorithm().barriers * (int64_t)sizeof(uint64_t));
  if ((n.split - 1) * n.part >= q.hidden) at = 1 << 30; /* every part has units */
  n.bytes = at > 1 << 30 ? 1u << 30 : (unsigned)at;
  return n;
}

/* ---- a cut whose weights are in registers (lanes.h) ---- */

struct lanes_of_layer {
  int lanes, each; /* of a unit; elements of h of each */
};
lanes_of_layer lanes_for(int64_t hidden) {
  const int each = hidden <= LANES_EACH_SMALL * LANES_MOST ? LANES_EACH_SMALL : LANES_EACH_LARGE;
  return {hidden <= each * LANES_MOST / 2 ? LANES_MOST / 2 : LANES_MOST, each};
}

/* Sizes of such a cut; `bytes` is 2^30 if it has more units or sequences than the lanes of a block. */
recurrence_shape lanes_shape_of(const question &q, int ctas, int units, int columns) {
  const lanes_of_layer by = lanes_for(q.hidden);
  const int blocks = blocks_of(q.info);
  recurrence_shape n = {};
  n.bytes = 1u << 30;
  if (q.hidden > by.lanes * by.each || columns > by.lanes) return n;
  if (units * by.lanes > sq_lanes_threads(blocks * by.each)) return n;
  n.hidden = (int)q.hidden;
  n.padded = n.part = by.lanes * by.each;
  n.split = 1;
  n.lanes = by.lanes;
  while (1 << n.lane_bits < by.lanes) n.lane_bits++;
  n.each = by.each;
  n.units = units;
  n.ctas = n.cluster = ctas;
  n.columns = n.width = columns;
  n.slices = n.at_once = (int)sq_ceil_div(q.batch, columns);
  n.across = sq_divisor_by(1);
  n.chunk.rows = sq_divisor_by((int)sq_ceil_div(q.hidden, q.product.down));
  n.chunk.across = 1;
  n.chunk.along = n.padded / q.product.down;
  n.chunk.stride = n.chunk.along * columns;
  n.places = units * by.lanes;
  n.threads = round_up(n.places, SQ_WARP);
  int most = 0;
  for (int s = 0; s < q.info.stages; s++) {
    const int count = q.info.count[s], depth = (q.backward ? count : 1) * n.padded;
    n.stage[s].rows = (q.backward ? 1 : count) * units;
    n.stage[s].depth = depth;
    n.stage[s].parts = by.lanes;
    n.stage[s].tiles = n.stage[s].count = depth;
    n.stage[s].blocks = 1;
    n.stage[s].by_parts = sq_divisor_by(by.lanes);
    n.stage[s].down = sq_divisor_by(1);
    most = at_least(depth, most);
  }
  n.operand_bytes = n.exchange_bytes = (unsigned)(most * columns * (int)sizeof(float));
  n.sums = n.kept = (unsigned)q.algorithm().buffers * n.operand_bytes;
  n.biases = n.kept + (unsigned)align16((int64_t)q.info.kept * n.places * (int64_t)sizeof(float));
  n.barriers = n.biases + (unsigned)bytes_of_biases(q, units);
  n.bytes = n.barriers + (unsigned)align16(q.algorithm().barriers * (int64_t)sizeof(uint64_t));
  return n;
}

/* ---- choosing the cut ---- */

/* How many clusters the device takes up at a time.  That depends on how it groups its processors, so it is asked: an
 * H100 takes up 15 clusters of 8 blocks, not 16.  An answer costs as much as trying a hundred cuts, and is the same for
 * all that have as many threads and, by their shared memory, as many blocks on a processor. */
int clusters_of(const question &q, const recurrence_shape &n, int *resident) {
  const size_t reserved = 1024; /* of each block, by the driver */
  const int blocks = (int)((q.limits.shared_bytes + reserved) / (n.bytes + reserved));
  resident_answers *known = q.known;
  for (int i = 0; i < known->count; i++) {
    const resident_answers::entry &e = known->at[i];
    if (e.cluster != n.cluster || e.threads != n.threads || e.blocks != blocks) continue;
    *resident = e.resident;
    return 0;
  }
  const int error = sq_cut_resident(q.exec, q, n, resident);
  if (error == 0 && known->count < resident_answers::MOST)
    known->at[known->count++] = {n.cluster, n.threads, blocks, *resident};
  return error;
}

/* *resident: blocks or clusters of a cut that are on the device at a time; 0: too few for it. */
int resident_of(const question &q, const recurrence_shape &n, int *resident) {
  *resident = q.limits.processors;
  if (n.cluster == 1) return 0;
  const int error = clusters_of(q, n, resident);
  const bool enough = q.algorithm().reach == SQ_ONE_CLUSTER ||
                      (int64_t)*resident * n.cluster >= (int64_t)n.ctas * n.at_once * q.abreast;
  if (!enough) *resident = 0;
  return error;
}

sq_step_cost cost_of(const question &q, const recurrence_shape &n, int resident) {
  return sq_cost_of(q, q.product, q.info, n, resident);
}
double sum_of(const sq_step_cost &c) { return c.product + c.pointwise + c.exchange; }

/* Tries a cut, with fewer parts if many do not fit.  most_slices: at most that many slices per launch. */
void consider_one(const question &q, int ctas, int cluster, int units, int columns, int most_slices,
                  bool apart, answer *best) {
  for (int parts = 16; parts >= 1 && best->error == 0; parts /= 4) {
    recurrence_shape n = q.algorithm().lanes ? lanes_shape_of(q, ctas, units, columns)
                                             : shape_of(q, ctas, cluster, units, columns, parts, apart);
    n.at_once = at_most(n.slices, most_slices);
    if (best->least_bytes == 0 || n.bytes < best->least_bytes) best->least_bytes = n.bytes;
    if (n.bytes > q.limits.shared_bytes) continue;
    /* at best every processor has a block; only a cut that would then win is worth a question */
    const sq_step_cost hope = cost_of(q, n, at_least(q.limits.processors / cluster, 1));
    if (best->microseconds >= 0 && sum_of(hope) >= best->microseconds) return;
    int resident;
    best->error = resident_of(q, n, &resident);
    if (best->error != 0 || resident == 0) return;
    const sq_step_cost terms = cost_of(q, n, resident);
    if (best->microseconds >= 0 && sum_of(terms) >= best->microseconds) return;
    best->shape = n;
    best->terms = terms;
    best->microseconds = sum_of(terms);
    best->launch = sq_launch_cost_of(q, q.info, n, resident);
    return;
  }
}

void consider(const question &q, int ctas, int cluster, int units, int columns, int most_slices,
              answer *best) {
  consider_one(q, ctas, cluster, units, columns, most_slices, false, best);
  if (recurrence_may_be_apart(q.algorithm().apart, q.backward, q.info.stages))
    consider_one(q, ctas, cluster, units, columns, most_slices, true, best);
}

/* Slices of the batch: as many as the device has room for and fewer, for not all of them may be there at a time;
 * then narrower ones until they fit. */
void consider_slices(const question &q, int ctas, int units, answer *best) {
  const int room = at_least(q.limits.processors / (ctas * q.abreast), 1);
  const int narrowest = at_most(sq_ceil_div(q.batch, room), 256);
  for (int columns = narrowest, before = 0, slices = room; slices > 0; slices--) {
    columns = at_most(sq_ceil_div(q.batch, slices), 256);
    if (columns != before) consider(q, ctas, ctas, units, columns, INT_MAX, best);
    before = columns;
  }
  for (int columns = narrowest / 2; columns > 0; columns /= 2)
    consider(q, ctas, ctas, units, columns, INT_MAX, best);
}

/* Every block of a cluster has units, because nobody would wait for one without (exchange.h, Buffers).  If
 * there are too few units for a size of cluster, the same number of units per block takes fewer blocks; but two at
 * least, for st.async is an illegal instruction in a launch without clusters (an H100 says so). */
void consider_clusters(const question &q, answer *best) {
  const int tile = q.product.unit_tile, all = round_up(q.hidden, tile);
  for (int most = 2; most <= q.limits.cluster_max; most *= 2) {
    const int units = round_up(sq_ceil_div(all, most), tile);
    if (units < all) consider_slices(q, (int)sq_ceil_div(all, units), units, best);
  }
}

/* All blocks of a launch must be resident; one per processor is assumed.  If the operand of all sequences
 * does not fit, fewer of them run at a time, one launch after another.  The blocks of a group are whole
 * clusters; the last blocks may have no units, where that makes a cluster whole. */
void consider_grids(const question &q, int cluster, answer *best) {
  const int tile = q.product.unit_tile, all = round_up(q.hidden, tile);
  for (int units = tile; units < all + tile; units += tile) {
    const int ctas = round_up(sq_ceil_div(all, units), cluster);
    const int room = q.limits.processors / (ctas * q.abreast);
    for (int slices = 1; slices <= at_most(room, sq_ceil_div(q.batch, 8)); slices *= 2)
      for (int columns = (int)sq_ceil_div(q.batch, slices); columns > 0; columns /= 2)
        consider(q, ctas, cluster, units, columns, slices, best);
  }
}

answer choose(const question &q) {
  answer best = {};
  best.microseconds = -1;
  const int padded = round_up(q.hidden, q.math == SQ_MATH_F32 || q.algorithm().lanes ? 4 : 16);
  if (q.hidden > 1 << 20 || q.batch < 1 || q.batch > 1 << 24) return best; /* int suffices for the rest */
  if (q.algorithm().reach == SQ_ONE_BLOCK) consider_slices(q, 1, padded, &best);
  if (q.algorithm().reach == SQ_ONE_CLUSTER) consider_clusters(q, &best);
  if (q.algorithm().reach == SQ_WHOLE_GRID && !q.algorithm().grouped) consider_grids(q, 1, &best);
  const int largest = q.algorithm().grouped ? at_most(q.limits.cluster_max, PORTABLE_CLUSTER) : 0;
  for (int cluster = q.algorithm().grouped; cluster <= largest && cluster > 0; cluster *= 2)
    consider_grids(q, cluster, &best);
  return best;
}

/* ---- the answers remembered ----
 *
 * A choice tries thousands of cuts, and a network asks at every launch.  The limits of the device are part of
 * the key, so an answer never outlives the device it was for.
 */

enum { SLOTS = 64 };

struct slot {
  bool taken;
  sq_cut_question key;
  answer value;
};

/* Compared member by member, because there may be padding between them. */
bool same(const sq_cut_question &a, const sq_cut_question &b) {
  return a.which == b.which && a.cell == b.cell && a.backward == b.backward && a.abreast == b.abreast &&
         a.math == b.math && a.hidden == b.hidden && a.batch == b.batch &&
         a.limits.processors == b.limits.processors && a.limits.shared_bytes == b.limits.shared_bytes &&
         a.limits.cluster_max == b.limits.cluster_max;
}

} // namespace

struct sq_cut_memory {
  unsigned next; /* the oldest slot */
  slot at[SLOTS];
};

void sq_cut_close(sq_gpu *gpu) {
  delete gpu->cuts;
  gpu->cuts = NULL;
}

sq_cut sq_cut_choose(sq_exec *exec, const sq_cut_question &asked) {
  sq_gpu *gpu = sq_gpu_of(exec);
  if (gpu->cuts == NULL) gpu->cuts = new (std::nothrow) sq_cut_memory();
  for (int i = 0; gpu->cuts != NULL && i < SLOTS; i++)
    if (gpu->cuts->at[i].taken && same(gpu->cuts->at[i].key, asked)) return gpu->cuts->at[i].value;
  resident_answers known = {};
  question q;
  static_cast<sq_cut_question &>(q) = asked;
  q.exec = exec;
  q.known = &known;
  q.info = cell_infos[q.cell];
  q.product = q.algorithm().lanes ? lanes_info : product_infos[q.math];
  answer found = choose(q);
  if (found.error != 0) found.microseconds = -1;
  if (gpu->cuts != NULL && found.error == 0) gpu->cuts->at[gpu->cuts->next++ % SLOTS] = {true, asked, found};
  return found;
}

int sq_cut_cell(const sq_layout *l) {
  if (l->config.projection_size != 0) return -1;
  for (const named_cell &c : named_cells)
    if (strcmp(c.name, l->cell->name) == 0)
      return l->config.coupled || l->config.no_forget_gate || l->config.reset_after ? c.with : c.without;
  return -1;
}

int sq_cut_ask(const sq_exec *exec, sq_persistent which, const sq_layout *l, int64_t batch, int abreast,
               sq_math math, int backward, sq_cut_question *q) {
  *q = {};
  q->which = sq_persistent_algorithms[which].pass[backward];
  q->cell = sq_cut_cell(l);
  q->backward = backward;
  q->abreast = abreast;
  q->math = math;
  q->hidden = l->config.hidden_size;
  q->batch = batch;
  return sq_gpu_limits_of(exec, &q->limits);
}

sq_mode sq_cut_mode(const sq_cut_question &q, const recurrence_shape &n) {
  return {(unsigned)n.cluster, sq_persistent_algorithms[q.which].reach == SQ_WHOLE_GRID};
}

recurrence_kernel *sq_cut_kernel(const sq_cut_question &q, const recurrence_shape &n) {
  return sq_persistent_algorithms[q.which].kernel(q.cell, q.backward, q.math, n.each);
}

int sq_cut_most_units(sq_persistent which, int cell, int cluster_max) {
  if (!sq_persistent_algorithms[which].lanes) return 0;
  const int blocks = blocks_of(cell_infos[cell]), all = LANES_MOST * LANES_EACH_LARGE;
  const int clustered = sq_persistent_algorithms[which].reach == SQ_ONE_CLUSTER ? cluster_max : 1;
  int most = 0; /* a block's units grow with fewer lanes to a unit */
  for (int hidden = 4; hidden <= all; hidden += 4) {
    const lanes_of_layer by = lanes_for(hidden);
    if (sq_lanes_threads(blocks * by.each) / by.lanes * clustered >= hidden) most = hidden;
  }
  return most;
}

int sq_cut_resident(sq_exec *exec, const sq_cut_question &q, const recurrence_shape &n, int *count) {
  return sq_resident(exec, sq_cut_mode(q, n), sq_cut_kernel(q, n), (unsigned)n.threads, n.bytes, count);
}
