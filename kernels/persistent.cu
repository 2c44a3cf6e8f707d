/* persistent.cu - the persistent plans seen from the host: how the work is cut, when it fits, what it should cost, and the
 * launches.  The kernels are in persistent_kernel.h.
 *
 * Forward:  gates = x W_ih^T + b (one GEMM), then one launch for all directions (grid: one for as many sequences as fit).
 * Backward: one launch, then dx, dW and sums (one GEMM or reduction each), as in the step plan.
 *
 * The cut is chosen among all that fit by the model of microseconds_a_step below.  It depends on the sizes and the device
 * only, so one problem always has one order of summation.
 * Refused: an LSTM with projection, because its h has fewer numbers than the cell has units, so that the owner of a unit
 * does not own a number of h; sizes whose weights do not fit; and what the device does not have.
 */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "persistent_cells.h"
#include "persistent_exchange.h"
#include "persistent_product.h"
#include "sequence.h"

namespace {

enum tier { CTA, CLUSTER, GRID, TIERS };

struct tier_info {
  const char *name;
  int buffers; /* operands in shared memory */
  recurrence_kernel *(*kernel)(int cell, int backward, sq_math math);
};
const tier_info tiers[TIERS] = {{"persistent-cta", exchange_cta::BUFFERS, sq_cta_kernel},
                                {"persistent-cluster", exchange_cluster::BUFFERS, sq_cluster_kernel},
                                {"persistent-grid", exchange_grid::BUFFERS, sq_grid_kernel}};

/* A question: which cut for this pass of this problem on this device? */
struct question {
  sq_exec *exec;
  tier which;
  int cell, backward, directions;
  sq_math math;
  int64_t hidden, batch;
  recurrence_cell_info info;
  recurrence_product_info product;
  sq_gpu_limits limits;
};

/* The best answer so far, and what to say if there is none. */
struct answer {
  recurrence_shape shape;
  double microseconds; /* a step; negative: none fits */
  size_t least_bytes;  /* of shared memory, over all cuts tried */
};

int round_up(int64_t n, int64_t tile) { return (int)((n + tile - 1) / tile * tile); }
int at_most(int64_t n, int64_t most) { return (int)(n < most ? n : most); }
int at_least(int64_t n, int64_t least) { return (int)(n > least ? n : least); }

/* ---- which pointwise step a layout is ---- */

struct named_cell {
  const char *name;
  int without, with; /* the cell's option: coupled, reset_after */
};
const named_cell named_cells[] = {{"rnn", RECURRENCE_RNN, RECURRENCE_RNN},
                                  {"lstm", RECURRENCE_LSTM, RECURRENCE_LSTM3},
                                  {"lstm0", RECURRENCE_LSTM3, RECURRENCE_LSTM3},
                                  {"gru", RECURRENCE_GRU_BEFORE, RECURRENCE_GRU_AFTER}};

/* -1: none. */
int cell_of(const sq_layout *l) {
  if (l->config.projection != 0) return -1;
  for (const named_cell &c : named_cells)
    if (strcmp(c.name, l->cell->name) == 0)
      return l->config.coupled || l->config.reset_after ? c.with : c.without;
  return -1;
}

/* ---- what cells and products say of themselves ---- */

template <class cell> recurrence_cell_info cell_info() {
  recurrence_cell_info info = {};
  info.stages = cell::STAGES;
  info.kept = cell::KEPT;
  for (int s = 0; s < cell::STAGES; s++) info.count[s] = cell::count(s);
  return info;
}

template <class product> recurrence_product_info product_info() {
  return {(int)sizeof(typename product::element), product::UNIT_TILE, product::ROW_TILE, product::DEPTH_TILE};
}

/* In the order of RECURRENCE_CELLS, and of sq_math. */
const recurrence_cell_info cell_infos[RECURRENCE_CELLS] = {
    cell_info<rnn_recurrence>(), cell_info<lstm_recurrence<4>>(), cell_info<lstm_recurrence<3>>(),
    cell_info<gru_after_recurrence>(), cell_info<gru_before_recurrence>()};
const recurrence_product_info product_infos[] = {product_info<product_f32>(), product_info<product_tf32>(),
                                                 product_info<product_bf16>()};

/* ---- a cut of the work ---- */

/* Threads of a block by its work: few are cheaper to wait for, many hide more. */
int threads_for(int64_t multiply_adds) {
#ifdef SEQGPU_EMULATE
  return multiply_adds > 4096 ? 64 : 32; /* each is a fiber */
#else
  return multiply_adds > 65536 ? RECURRENCE_THREADS : multiply_adds > 16384 ? 256 : 128;
#endif
}

/* Tiles of a product that can be worked on at the same time without cutting its depth, and who can work. */
int parts_for(const question &q, const recurrence_shape &n, int rows, int depth, int most) {
  const bool f32 = q.math == SQ_MATH_F32;
  const int64_t across = f32 ? n.width / (n.width % 8 == 0 ? 8 : 4) : (n.width + 31) / 32;
  const int64_t tiles = rows / (f32 ? 4 : 16) * across;
  const int workers = f32 ? n.threads : n.threads / SQ_WARP;
  return at_most(at_least(workers / tiles, 1), at_least(at_most(depth / q.product.depth_tile, most), 1));
}

int64_t align16(int64_t bytes) { return (bytes + 15) / 16 * 16; }

/* Sizes and places in shared memory of a cut whose ctas, units and columns are given.  The places are meaningless where
 * `bytes` is 2^30, which stands for that and more. */
recurrence_shape shape_of(const question &q, int ctas, int units, int columns, int most_parts) {
  recurrence_shape n = {};
  n.hidden = (int)q.hidden;
  n.padded = round_up(q.hidden, q.math == SQ_MATH_F32 ? 4 : 16);
  n.units = units;
  n.ctas = ctas;
  n.columns = columns;
  n.slices = n.at_once = (int)sq_ceil_div(q.batch, columns);
  n.width = sq_recurrence_width(q.math, columns);
  int64_t at = 0, operand = 0, sums = 0, work = 0;
  for (int s = 0; s < q.info.stages; s++) {
    const int blocks = q.info.count[s];
    n.stage[s].rows = round_up((int64_t)(q.backward ? 1 : blocks) * units, q.product.row_tile);
    n.stage[s].depth = (q.backward ? blocks : 1) * n.padded;
    work += (int64_t)n.stage[s].rows * n.stage[s].depth * n.width;
  }
  n.threads = threads_for(work);
  for (int s = 0; s < q.info.stages; s++) {
    const int64_t rows = n.stage[s].rows, depth = n.stage[s].depth;
    n.stage[s].parts = parts_for(q, n, (int)rows, (int)depth, most_parts);
    n.stage[s].weights = (unsigned)at;
    at += align16(rows * depth * q.product.element_bytes);
    if (depth * n.width > operand) operand = depth * n.width;
    if ((rows + 4) * n.width * n.stage[s].parts > sums) sums = (rows + 4) * n.width * n.stage[s].parts;
    if (at > 1 << 30) break; /* far from fitting: no overflow either */
  }
  n.operand = (unsigned)at;
  operand = align16(operand * q.product.element_bytes);
  n.operand_bytes = (unsigned)operand;
  at += tiers[q.which].buffers * operand;
  n.sums = (unsigned)at;
  at += align16(sums * (int64_t)sizeof(float));
  n.kept = (unsigned)at;
  at += align16((int64_t)q.info.kept * units * columns * (int64_t)sizeof(float));
  n.bytes = at > 1 << 30 ? 1u << 30 : (unsigned)at;
  return n;
}

/* ---- the model ----
 *
 * Arithmetic only; not measured.  In clocks of 1.7 GHz, a step and stage of one block:
 *   product    the largest of: float32 multiply-adds at 128 a clock, or fragments of mma.sync at 0.6 (bfloat16, 16 deep) or
 *              0.3 (TF32, 8 deep) a clock; shared memory at 128 bytes a clock; 8 clocks for each element of a part's depth
 *              (float32), 35 for each fragment (dependent sums)
 *   pointwise  200, and 100 for each further pair of a thread;  two barriers 80
 *   exchange   cluster: 400, and 32 bytes a clock out;  grid: 1500, and 40 bytes a clock in
 * and as many rounds as blocks do not fit on the device at a time, or as a grid is launched.
 */
double product_clocks(const question &q, const recurrence_shape &n, int s) {
  const double rows = n.stage[s].rows, depth = n.stage[s].depth, parts = n.stage[s].parts, width = n.width;
  double work, bytes, chain;
  if (q.math == SQ_MATH_F32) {
    const double across = n.width % 8 == 0 ? 8 : 4;
    work = rows * depth * width / 128;
    bytes = rows * depth * (4 + across / 4) * (width / across);
    chain = 8 * depth / parts;
  } else {
    const double tiles = rows / 16 * depth / q.product.depth_tile;
    work = tiles * (width / 8) / (q.math == SQ_MATH_BF16 ? 0.6 : 0.3);
    bytes = tiles * (512 * ((n.width + 31) / 32) + 256 * width / 8);
    chain = 35 * depth / q.product.depth_tile / parts;
  }
  const double most = bytes / 128 > work ? bytes / 128 : work;
  return most > chain ? most : chain;
}

double exchange_clocks(const question &q, const recurrence_shape &n, int s) {
  const double bytes = (double)n.stage[s].depth * n.width * q.product.element_bytes;
  if (q.which == CTA) return 0;
  if (q.which == CLUSTER) return 400 + bytes / n.ctas * (n.ctas - 1) / 32;
  return 1500 + bytes / 40;
}

int64_t launches_of(const recurrence_shape &n) { return sq_ceil_div(n.slices, n.at_once); }

double microseconds_a_step(const question &q, const recurrence_shape &n) {
  double clocks = 0;
  for (int s = 0; s < q.info.stages; s++) {
    const double pairs = (double)n.units * n.columns;
    const double turns = pairs > n.threads ? pairs / n.threads - 1 : 0;
    clocks += product_clocks(q, n, s) + 280 + 100 * turns + exchange_clocks(q, n, s);
  }
  const int64_t at_once = (int64_t)n.ctas * n.at_once * q.directions;
  const double rounds = (double)sq_ceil_div(at_once, q.limits.processors), launches = (double)launches_of(n);
  return clocks * rounds * launches / 1700;
}

/* ---- choosing the cut ---- */

sq_mode mode_of(const question &q, const recurrence_shape &n) {
  return {q.which == CLUSTER ? (unsigned)n.ctas : 1u, q.which == GRID};
}

recurrence_kernel *kernel_of(const question &q) { return tiers[q.which].kernel(q.cell, q.backward, q.math); }

/* Blocks, or clusters, of this cut that can be on the device together. */
int resident(const question &q, const recurrence_shape &n) {
  int count = 0;
  const int error = sq_resident(q.exec, mode_of(q, n), kernel_of(q), (unsigned)n.threads, n.bytes, &count);
  return error != 0 ? 0 : count;
}

/* Clusters up to this size fit on every device that has them; whether larger ones do is asked. */
enum { PORTABLE_CLUSTER = 8 };

/* Tries a cut, with fewer parts where many do not fit; most_slices: of one launch. */
void consider(const question &q, int ctas, int units, int columns, int most_slices, answer *best) {
  for (int parts = 16; parts >= 1; parts /= 4) {
    recurrence_shape n = shape_of(q, ctas, units, columns, parts);
    n.at_once = at_most(n.slices, most_slices);
    if (best->least_bytes == 0 || n.bytes < best->least_bytes) best->least_bytes = n.bytes;
    if (n.bytes > q.limits.shared_bytes) continue;
    if (n.ctas > PORTABLE_CLUSTER && q.which == CLUSTER && resident(q, n) == 0) return;
    const double cost = microseconds_a_step(q, n);
    if (best->microseconds >= 0 && cost >= best->microseconds) return;
    best->shape = n;
    best->microseconds = cost;
    return;
  }
}

/* Slices of the batch, from as many as the device has room for down to narrower ones that fit. */
void consider_slices(const question &q, int ctas, int units, answer *best) {
  const int room = at_least(q.limits.processors / (ctas * q.directions), 1);
  for (int columns = at_most(sq_ceil_div(q.batch, room), 256); columns > 0; columns /= 2)
    consider(q, ctas, units, columns, INT_MAX, best);
}

void consider_clusters(const question &q, answer *best) {
  const int padded = round_up(q.hidden, q.math == SQ_MATH_F32 ? 4 : 16);
  for (int ctas = 2; ctas <= q.limits.cluster_max; ctas *= 2)
    consider_slices(q, ctas, round_up(sq_ceil_div(padded, ctas), q.product.unit_tile), best);
}

/* All blocks of a launch must be resident: one a processor is counted on.  Where the operand of so many sequences does not
 * fit, fewer of them run at a time, one launch after the other. */
void consider_grids(const question &q, answer *best) {
  const int padded = round_up(q.hidden, q.math == SQ_MATH_F32 ? 4 : 16), tile = q.product.unit_tile;
  for (int units = tile; units < padded + tile; units += tile) {
    const int ctas = (int)sq_ceil_div(padded, units), room = q.limits.processors / (ctas * q.directions);
    for (int slices = 1; slices <= at_most(room, sq_ceil_div(q.batch, 8)); slices *= 2)
      for (int columns = (int)sq_ceil_div(q.batch, slices); columns > 0; columns /= 2)
        consider(q, ctas, units, columns, slices, best);
  }
}

answer choose(const question &q) {
  answer best = {};
  best.microseconds = -1;
  const int padded = round_up(q.hidden, q.math == SQ_MATH_F32 ? 4 : 16);
  if (q.hidden > 1 << 20 || q.batch < 1 || q.batch > 1 << 24) return best; /* int is enough for the rest */
  if (q.which == CTA) consider_slices(q, 1, padded, &best);
  if (q.which == CLUSTER) consider_clusters(q, &best);
  if (q.which == GRID) consider_grids(q, &best);
  return best;
}

int ask(sq_exec *exec, tier which, const sq_layout *l, int64_t batch, int directions, sq_math math,
        int backward, question *q) {
  *q = {};
  q->exec = exec;
  q->which = which;
  q->cell = cell_of(l);
  q->backward = backward;
  q->directions = directions;
  q->math = math;
  q->hidden = l->config.hidden;
  q->batch = batch;
  if (q->cell >= 0) q->info = cell_infos[q->cell];
  q->product = product_infos[math];
  return sq_gpu_limits_of(exec, &q->limits);
}

/* ---- refusals ---- */

const char *no_room(const question &q, const answer &a, char *text, size_t size) {
  const char *pass = q.backward ? "backward" : "forward";
  if (a.least_bytes == 0) { /* no cut could even be tried */
    snprintf(text, size,
             "no cut of %lld units in %d directions has its blocks on %d processors at the same time",
             (long long)q.hidden, q.directions, q.limits.processors);
    return text;
  }
  const char *unit = q.which == CTA       ? "block"
                     : q.which == CLUSTER ? "block of a cluster"
                                          : "block of the grid";
  snprintf(text, size, "%s: %llu bytes of shared memory needed in a %s at least, the device has %llu", pass,
           (unsigned long long)a.least_bytes, unit, (unsigned long long)q.limits.shared_bytes);
  return text;
}

const char *pass_refuses(sq_exec *exec, tier which, const sq_problem *p, int backward, char *text,
                         size_t size) {
  question q;
  const int error = ask(exec, which, p->layout, p->batch, p->directions, p->math, backward, &q);
  if (error != 0) return "the device does not tell its limits";
  if (which == CLUSTER && q.limits.cluster_max < 2)
    return "the device has no thread-block clusters (sm_90 has)";
  const answer a = choose(q);
  if (a.microseconds < 0) return no_room(q, a, text, size);
  const int needed = which == GRID ? a.shape.ctas * a.shape.at_once * p->directions : 1;
  const int there = resident(q, a.shape);
  if (there >= needed) return NULL;
  snprintf(
      text, size,
      "%s: %d %s with %u bytes of shared memory a block must be on the device at the same time, %d can be",
      backward ? "backward" : "forward", needed, which == CLUSTER ? "cluster" : "blocks", a.shape.bytes,
      there);
  return text;
}

const char *refuses(sq_exec *exec, tier which, const sq_problem *p, char *text, size_t size) {
  if (p->layout->config.projection != 0)
    return "projection_size: persistent plans give a unit and its number of h to one block; with a "
           "projection h "
           "has other numbers than the cell has units";
  if (cell_of(p->layout) < 0) return "cell: no persistent plan has its pointwise step";
  if (p->directions > 2) return "directions: a launch takes 1 or 2";
  const char *why = pass_refuses(exec, which, p, 0, text, size);
  return why != NULL || !p->training ? why : pass_refuses(exec, which, p, 1, text, size);
}

/* Forward, without the GEMM before it, which all plans have. */
double estimate(sq_exec *exec, tier which, const sq_problem *p) {
  question q;
  if (ask(exec, which, p->layout, p->batch, p->directions, p->math, 0, &q) != 0 || q.cell < 0)
    return HUGE_VAL;
  const answer a = choose(q);
  return a.microseconds < 0 ? HUGE_VAL : 5.0 + a.microseconds * (double)p->seq_len;
}

/* ---- memory ---- */

enum { FLAGS = 4096 }; /* of one direction; more than any device has processors */

/* Reals of the two operands in global memory: at most 4 blocks, units padded to 16, and slices of 8 sequences or more, each
 * padded to a multiple of 8. */
int64_t exchange_reals(int64_t hidden, int64_t batch) {
  return 2 * 4 * (int64_t)round_up(hidden, 16) * (2 * batch + 16);
}

int64_t workspace(tier which, const sq_layout *l, int64_t seq_len, int64_t batch, int training) {
  int64_t size = sq_align_reals(seq_len * batch * l->gates);
  if (training) size += sq_align_reals(seq_len * batch * l->aux);
  if (which == GRID) size += FLAGS + exchange_reals(l->config.hidden, batch);
  return size;
}

/* A vector of the layer by name, on the device; NULL if the layout has none. */
const float *vector_of(const sq_sequence *run, const char *name) {
  const int index = sq_layout_param(run->layout, name);
  return index < 0 ? NULL : static_cast<const float *>(run->params) + run->layout->param[index].offset;
}

/* Everything of a run but the gradients; *job gets its buffers. */
void place_run(const sq_sequence *run, tier which, int backward, sq_job *job, recurrence_run *r) {
  const sq_layout *l = run->layout;
  float *at = static_cast<float *>(run->workspace);
  *job = {};
  job->run = run;
  job->layout = l;
  job->steps = run->seq_len;
  if (which == GRID) {
    r->flags = reinterpret_cast<uint32_t *>(at);
    r->exchange = reinterpret_cast<uint4 *>(at + FLAGS);
    at += FLAGS + exchange_reals(l->config.hidden, run->batch);
  }
  if (run->reserve != NULL)
    sq_job_place(job, static_cast<float *>(run->reserve), run->seq_len);
  else
    job->gates = at;
  if (backward) {
    job->dgates = at;
    job->daux = at + sq_align_reals(run->seq_len * run->batch * l->gates);
  }
}

void describe_run(const sq_sequence *run, int backward, const sq_job &job, recurrence_run *r) {
  const sq_layout *l = run->layout;
  r->seq_len = run->seq_len;
  r->batch = run->batch;
  r->reverse = run->reverse;
  r->option = cell_of(l) == RECURRENCE_RNN ? (int)l->config.activation : l->config.coupled;
  r->lengths = run->lengths;
  r->weights = vector_of(run, "weight_hh");
  r->vectors[0] = vector_of(run, l->config.peephole ? "peephole_i" : "bias_rec");
  r->vectors[1] = vector_of(run, "peephole_f");
  r->vectors[2] = vector_of(run, "peephole_o");
  r->gates = job.gates;
  r->aux = job.aux;
  r->dgates = job.dgates;
  r->daux = job.daux;
  r->y = static_cast<float *>(run->y);
  r->dy = static_cast<const float *>(run->dy);
  r->ldy = run->ldy;
  for (int k = 0; k < l->states; k++) {
    r->state[k] = job.state[k];
    r->enter[k] = static_cast<const float *>(backward ? run->dfinal[k] : run->initial[k]);
    r->leave[k] = static_cast<float *>(backward ? run->dinitial[k] : run->final[k]);
  }
}

/* ---- the launch ---- */

/* One launch: the slices from shape.first on. */
int launch_slices(sq_exec *exec, const question &q, int count, const recurrence_args &args) {
  const recurrence_shape &n = args.shape;
  int error = 0;
  for (int i = 0; i < count && error == 0; i++)
    if (q.which == GRID) error = sq_gpu_zero(exec, reinterpret_cast<float *>(args.run[i].flags), FLAGS);
  if (error != 0) return error;
  const dim3 grid((unsigned)(n.ctas * at_most(n.slices - n.first, n.at_once)), (unsigned)count);
  return sq_launch_as(exec, mode_of(q, n), tiers[q.which].name, kernel_of(q), grid, (unsigned)n.threads,
                      n.bytes, args);
}

int launch(sq_exec *exec, tier which, const sq_sequence *runs, int count, int backward,
           recurrence_args *args) {
  question q;
  int error = ask(exec, which, runs->layout, runs->batch, count, runs->math, backward, &q);
  if (error != 0 || runs->batch == 0) return error;
  answer a = choose(q);
  if (a.microseconds < 0) /* plan time has refused: a block of no threads, which the device refuses, too */
    a.shape.ctas = a.shape.slices = a.shape.at_once = 1;
  args->shape = a.shape;
  for (int first = 0; first < a.shape.slices && error == 0; first += a.shape.at_once) {
    args->shape.first = first;
    error = launch_slices(exec, q, count, *args);
  }
  return error;
}

int forward(sq_exec *exec, tier which, const sq_sequence *runs, int count) {
  recurrence_args args = {};
  int error = 0;
  for (int i = 0; i < count && error == 0; i++) {
    sq_job job;
    place_run(&runs[i], which, 0, &job, &args.run[i]);
    describe_run(&runs[i], 0, job, &args.run[i]);
    error = sq_job_project_input(exec, job);
  }
  return error != 0 ? error : launch(exec, which, runs, count, 0, &args);
}

int backward(sq_exec *exec, tier which, const sq_sequence *runs, int count) {
  recurrence_args args = {};
  sq_job jobs[2];
  for (int i = 0; i < count; i++) {
    place_run(&runs[i], which, 1, &jobs[i], &args.run[i]);
    describe_run(&runs[i], 1, jobs[i], &args.run[i]);
  }
  int error = launch(exec, which, runs, count, 1, &args);
  for (int i = 0; i < count && error == 0; i++) error = sq_job_gradients(exec, jobs[i]);
  return error;
}

} // namespace

#define PERSISTENT_TIER(id, which)                                                                           \
  extern "C" const char *SQ_GPU(id##_refuses)(sq_exec * exec, const sq_problem *p, char *text,               \
                                              size_t size) {                                                 \
    return refuses(exec, which, p, text, size);                                                              \
  }                                                                                                          \
  extern "C" double SQ_GPU(id##_estimate)(sq_exec * exec, const sq_problem *p) {                             \
    return estimate(exec, which, p);                                                                         \
  }                                                                                                          \
  extern "C" int64_t SQ_GPU(id##_workspace)(const sq_layout *l, int64_t seq_len, int64_t batch,              \
                                            int training) {                                                  \
    return workspace(which, l, seq_len, batch, training);                                                    \
  }                                                                                                          \
  extern "C" int SQ_GPU(id##_forward)(sq_exec * exec, const sq_sequence *runs, int count) {                  \
    return forward(exec, which, runs, count);                                                                \
  }                                                                                                          \
  extern "C" int SQ_GPU(id##_backward)(sq_exec * exec, const sq_sequence *runs, int count) {                 \
    return backward(exec, which, runs, count);                                                               \
  }
PERSISTENT_TIER(cta, CTA)
PERSISTENT_TIER(cluster, CLUSTER)
PERSISTENT_TIER(grid, GRID)
