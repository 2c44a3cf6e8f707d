/* kernel.h - the one skeleton of all persistent recurrences: cell x direction x product x exchange.
 *
 *   weights of the block's units -> shared memory (weights.h) or registers (lanes.h), once
 *   for each step, for each stage of the cell:
 *     sums = weights operand              operand: h (or r h) of all units; backward: gradients at the gates
 *     pointwise step of its own units     -> its chunks of the next operand, given away from registers
 *     stores                              what only memory waits for
 *     exchange                            all blocks of the group get all chunks
 *
 * Forward, a block multiplies by its own rows of W_hh, those of a unit's gates side by side.  Backward gathers:
 * the operand is the gradient at the gates of all units, and the block multiplies by its own columns of W_hh;
 * W^T operand is the gradient at its own h.  Where that operand is too large for shared memory, a grid takes one
 * block of H after the other, or the blocks of a cluster divide it among them (split.h).
 *
 * Per step and stage, a block does rows * depth * columns multiply-adds, reads its weights from shared memory
 * once for every 8 (float32) or 32 columns, and takes a __syncthreads and an exchange.  Global memory,
 * forward: x W_ih^T of the pair in (loaded before the product), activations, state and y out; backward:
 * activations, states and dy in, dgates out.
 * Limits: the product where rows * columns is large, else the latency of the barriers and the exchange.
 *
 * Where weights are in registers, so are the sums: a step has one barrier, and its length is that of its instructions.
 *
 * Ragged batches: the recurrence of a slice ends with its longest sequence.  Later steps only pass on the
 * state and write zeros, without products and exchanges.
 */
#ifndef SQ_PERSISTENT_KERNEL_H
#define SQ_PERSISTENT_KERNEL_H

#include "kernels/persistent/cells.h"
#include "kernels/persistent/exchange.h"
#include "kernels/persistent/lanes.h"
#include "kernels/persistent/product.h"
#include "kernels/persistent/split.h"
#include "kernels/persistent/timeline.h"

template <class cell, bool backward, class product, class exchange> struct recurrence {
  typedef typename product::element element;
  enum { LANES = product::DOWN * product::ACROSS }; /* of a chunk */
  enum { APART = recurrence_may_be_apart(exchange::APART, backward, cell::STAGES) };
  enum { IN_REGISTERS = product::IN_REGISTERS }; /* weights and sums (lanes.h) */
  enum { SPLIT = exchange::SPLIT };              /* the depth (split.h) */
  /* Forward, whether the kernel adds the biases.  Those in shared memory are read with the sums, or after them where
   * registers do not suffice for both. */
  enum {
    BIASED = exchange::ADDS_BIAS != 0 && !backward,
    BIAS_AHEAD = exchange::AHEAD != 0 || exchange::HELD > 0 || cell::GATES < 4
  };

  const recurrence_run &run;
  const recurrence_shape &n;
  unsigned char *memory; /* the block's shared memory */
  int rank, slice;       /* of the block */
  int first_unit, units; /* units of the block that exist */
  int first_row, columns;
  int places;              /* lanes of the block's chunks, each with a pair or padding */
  int longest;             /* steps of the slice */
  uint32_t turn;           /* exchanges so far */
  sq_divisor by_units;     /* of the block, with padding */
  sq_divisor by_columns;   /* of chunks that exist: the last slice may have fewer */
  sq_divisor rows;         /* of them, of a block of H, that the block takes in */
  product_spot first_spot; /* of the thread, or its warp, in the first stage's product */
  typename product::template weights<cell::GATES> held; /* in registers, or none */
  float held_sums[RECURRENCE_GATES];                    /* of the thread's pair, if so */
  timeline marks;

  __device__ __forceinline__ recurrence(const recurrence_run &run_, const recurrence_shape &shape,
                                        unsigned char *memory_)
      : run(run_), n(shape), memory(memory_) {}

  /* One pair: the block's unit u, and column c of the slice.  What is the same in all steps. */
  struct pair {
    int u, c;
    int chunk;  /* where its element of the operand lies, in a block of H */
    int part;   /* chunks of a block of H in the parts of the depth before its own */
    int steps;  /* the first one that is masked */
    bool there; /* not padding */
  };

  /* Where a pair's numbers of one step lie in memory.  Pointers that go from step to step: to work out a place
   * from the step's number takes longer than all of the arithmetic. */
  struct numbers {
    float *gates;               /* G of them, H apart; those of the gradients lie as far from dgates */
    float *state[cell::STATES]; /* forward: after the step; backward: before it */
    float *y;
    const float *dy;
  };
  /* From a step to the next one of the pass, in numbers of [T, B, H] and in those of y. */
  struct stride {
    int64_t hidden, y;
  };

  /* What the pointwise step of a pair has made. */
  struct result {
    recurrence_output out;
    float put[RECURRENCE_GATES]; /* its elements of the next operand */
  };

  /* Stage s: how many sums a pair takes, and how many blocks of H its operand has. */
  static __host__ __device__ constexpr int sums_of(int s) { return backward ? 1 : cell::count(s); }
  static __host__ __device__ constexpr int blocks_of(int s) { return backward ? cell::count(s) : 1; }
  /* The direction in time; the tail of masked steps is at the end of the sequence. */
  __device__ __forceinline__ bool descending() const { return (run.reverse != 0) != backward; }

  /* ---- shared memory ---- */

  __device__ __forceinline__ element *weights_of(int s) const {
    return reinterpret_cast<element *>(memory + n.stage[s].weights);
  }
  __device__ __forceinline__ element *operand(uint32_t at) const {
    return reinterpret_cast<element *>(memory + n.operand + at % exchange::BUFFERS * n.operand_bytes);
  }
  __device__ __forceinline__ float *sums() const { return reinterpret_cast<float *>(memory + n.sums); }
  __device__ __forceinline__ float *kept(int k, int p) const {
    return reinterpret_cast<float *>(memory + n.kept) + k * n.places + p;
  }
  /* Forward: those of the block's unit u, a unit after the other. */
  __device__ __forceinline__ float *biases(int u) const {
    return reinterpret_cast<float *>(memory + n.biases) + u * cell::GATES;
  }
  /* The product with part `block` of the operand. */
  __device__ __forceinline__ product_size size_of(int s, int block) const {
    const int count = n.stage[s].count;
    return {n.stage[s].rows,  n.stage[s].depth, n.width, n.stage[s].parts,
            n.stage[s].tiles, block * count,    count,   n.stage[s].by_parts,
            n.stage[s].down,  n.across};
  }

  /* ---- the beginning ---- */

  __device__ __forceinline__ recurrence_slab slab_of(int s) const {
    recurrence_slab slab = {run.weights, cell::first(s), cell::count(s), n.hidden, n.part, first_unit, units,
                            0,           n.hidden};
    if constexpr (SPLIT) {
      slab.first_unit = first_unit - in_cluster() * n.units;
      slab.units = clamp(n.hidden - slab.first_unit, n.split * n.units);
      slab.first_row = in_cluster() * n.part;
      slab.rows = clamp(n.hidden - slab.first_row, n.part);
    }
    return slab;
  }
  static __device__ __forceinline__ int clamp(int left, int most) {
    return left < 0 ? 0 : left < most ? left : most;
  }
  /* If the depth is split: the block's number in its cluster, and where its sums go. */
  __device__ __forceinline__ int in_cluster() const { return rank & (n.split - 1); }
  __device__ __forceinline__ recurrence_slots slots() const { return {n, memory, in_cluster()}; }
  __device__ __forceinline__ void load_weights() {
    if constexpr (IN_REGISTERS) {
      const int p = (int)threadIdx.x;
      held.template load<backward>(slab_of(0), p >> n.lane_bits, p & (n.lanes - 1), n.lanes);
    } else {
      SQ_UNROLL
      for (int s = 0; s < cell::STAGES; s++) load_weights_of(s);
    }
  }
  __device__ __forceinline__ void load_weights_of(int s) const {
    typedef recurrence_loader<product> loader;
    loader::clear(weights_of(s), size_of(s, 0));
    if (backward)
      loader::down(slab_of(s), weights_of(s), size_of(s, 0));
    else
      loader::along(slab_of(s), weights_of(s), size_of(s, 0));
  }

  /* Padding, and the first operand of backward, are zeros.  The first operand of forward is the initial
   * state, which every block reads for itself. */
  __device__ __forceinline__ void load_operand() const {
    uint4 *all = reinterpret_cast<uint4 *>(memory + n.operand);
    const int count = (int)(n.operand_bytes * exchange::BUFFERS / sizeof(uint4));
    for (int i = (int)threadIdx.x; i < count; i += (int)blockDim.x) all[i] = uint4{0, 0, 0, 0};
    if (backward || run.enter[0] == NULL) return;
    __syncthreads();
    const int lane = (int)threadIdx.x % SQ_WARP, warp = (int)threadIdx.x / SQ_WARP;
    for (int c = warp; c < columns; c += (int)blockDim.x / SQ_WARP)
      for (int k = lane; k < n.hidden; k += SQ_WARP) {
        const float h = run.enter[0][(int64_t)(first_row + c) * n.hidden + k];
        operand(0)[product::operand_at(k, c, n)] = product::round(h);
      }
  }

  /* The product over the whole sequence, if it added them, would read all gates once more. */
  __device__ __forceinline__ void load_biases() const {
    for (int i = (int)threadIdx.x; i < units * cell::GATES; i += (int)blockDim.x) {
      const int u = i / cell::GATES, g = i - u * cell::GATES;
      biases(u)[g] = run.bias[g * n.hidden + first_unit + u];
    }
  }

  /* Steps of the stretch that sequence b has: lengths on the device were not checked. */
  __device__ __forceinline__ int steps_of(int b) const {
    const int64_t left = run.lengths == NULL ? run.seq_len : run.lengths[b] - run.first;
    return (int)(left < 0 ? 0 : left < run.seq_len ? left : run.seq_len);
  }
  __device__ __forceinline__ void find_longest() {
    longest = run.lengths == NULL ? (int)run.seq_len : 0;
    for (int c = 0; run.lengths != NULL && c < columns; c++) {
      const int steps = steps_of(first_row + c);
      longest = steps > longest ? steps : longest;
    }
  }

  __device__ __forceinline__ pair pair_at(int p) const {
    pair at;
    if constexpr (IN_REGISTERS) {
      at.u = p >> n.lane_bits;
      at.c = p & (n.lanes - 1);
    } else {
      const int down = p / product::ACROSS, column = by_units.of(down); /* down the columns of chunks */
      at.u = down - column * (int)by_units.by;
      at.c = column * product::ACROSS + p % product::ACROSS;
    }
    at.there = p < places && at.u < units && at.c < columns;
    const int row = (first_unit + at.u) / product::DOWN;
    if constexpr (IN_REGISTERS)
      at.chunk = row + at.c * n.chunk.along;
    else
      at.chunk = row * n.chunk.across + at.c / product::ACROSS;
    at.part = SPLIT ? n.chunk.part.of(row) * n.chunk.stride : 0;
    at.steps = at.there ? steps_of(first_row + at.c) : 0;
    return at;
  }
  /* Where it begins in [B, H]. */
  __device__ __forceinline__ int64_t hidden_at(const pair &at) const {
    return (int64_t)(first_row + at.c) * n.hidden + first_unit + at.u;
  }
  __device__ __forceinline__ numbers numbers_at(const pair &at, int64_t t) const {
    const int64_t H = n.hidden, row = t * run.batch + first_row + at.c, unit = first_unit + at.u;
    const int64_t hidden = row * H + unit, gate = row * H * cell::GATES + unit, y = row * run.ldy + unit;
    numbers place = {};
    place.gates = run.gates + gate;
    SQ_UNROLL
    for (int k = 0; k < cell::STATES; k++)
      if (run.state[k] != NULL) place.state[k] = run.state[k] + hidden + (backward ? run.before : run.after);
    if (!backward) place.y = run.y + y;
    if (backward && run.dy != NULL) place.dy = run.dy + y;
    return place;
  }
  /* Where they are in [T, B, H], told from a state that is kept. */
  __device__ __forceinline__ int64_t hidden_of(const numbers &place) const {
    return place.state[0] - run.state[0] - (backward ? run.before : run.after);
  }
  __device__ __forceinline__ void go_on(numbers *place, const stride &by) const {
    place->gates += by.hidden * cell::GATES;
    SQ_UNROLL
    for (int k = 0; k < cell::STATES; k++)
      if (place->state[k] != NULL) place->state[k] += by.hidden;
    if (!backward) place->y += by.y;
    if (place->dy != NULL) place->dy += by.y;
  }

  __device__ __forceinline__ void enter_pairs() const {
    for (int p = (int)threadIdx.x; p < places; p += (int)blockDim.x) {
      const pair at = pair_at(p);
      if (!at.there) continue;
      SQ_UNROLL
      for (int k = 0; k < cell::KEPT; k++) {
        const bool given = k < cell::STATES && run.enter[k < cell::STATES ? k : 0] != NULL;
        const float v = given ? run.enter[k < cell::STATES ? k : 0][hidden_at(at)] : 0.0f;
        *kept(k, p) = v;
        if (k < cell::STATES && !backward && run.state[0] != NULL)
          (numbers_at(at, run.reverse ? run.seq_len - 1 : 0).state[k] - run.after)[run.before] = v;
      }
    }
  }

  /* If no step has run, a final state in the initial one's memory is there, and peers may still read it. */
  __device__ __forceinline__ void leave_pairs() const {
    for (int p = (int)threadIdx.x; p < places; p += (int)blockDim.x) {
      const pair at = pair_at(p);
      if (!at.there) continue;
      SQ_UNROLL
      for (int k = 0; k < cell::STATES; k++)
        if (run.leave[k] != NULL && (longest > 0 || run.leave[k] != run.enter[k]))
          run.leave[k][hidden_at(at)] = *kept(k, p);
    }
  }

  /* ---- a step ---- */

  /* Whether step t is one of the sequence, neither masked nor before the first one. */
  static __device__ __forceinline__ bool valid(const pair &at, int t) {
    return (unsigned)t < (unsigned)at.steps;
  }

  /* What is the same in all steps. */
  __device__ __forceinline__ void load_once(const pair &at, recurrence_input *in) const {
    *in = recurrence_input{};
    in->option = run.option;
    in->leak = run.leak;
    SQ_UNROLL
    for (int k = 0; k < cell::VECTORS; k++)
      if (run.vectors[k] != NULL && at.there) in->vector[k] = run.vectors[k][first_unit + at.u];
    if (IN_REGISTERS && BIASED && at.there) read_numbers<cell::GATES>(biases(at.u), in->bias);
  }
  /* What a step has; of a masked one nothing is needed. */
  __device__ __forceinline__ void load(const pair &at, int t, const numbers &from,
                                       recurrence_input *in) const {
    const int64_t H = n.hidden;
    if (!valid(at, t)) return;
    SQ_UNROLL
    for (int g = 0; g < cell::GATES; g++) in->gate[g] = from.gates[g * H];
    if (!backward) return;
    if (cell::AUX) in->aux = run.aux[hidden_of(from)];
    SQ_UNROLL
    for (int k = 0; k < cell::STATES; k++) {
      in->prev[k] = *from.state[k];
      in->next[k] = from.state[k][run.after - run.before];
    }
    if (from.dy != NULL) in->dy = *from.dy;
  }

  /* What the last stage of a step leaves in memory. */
  __device__ __forceinline__ void store(const pair &at, int t, const numbers &to,
                                        const recurrence_output &out, const float *own) const {
    if (!at.there) return;
    const int64_t H = n.hidden;
    if (!backward) *to.y = valid(at, t) ? own[0] : 0.0f;
    if (!backward && to.state[0] == NULL) return;
    float *gates = backward ? run.dgates + (to.gates - run.gates) : to.gates;
    SQ_UNROLL
    for (int g = 0; g < cell::GATES; g++) gates[g * H] = out.gate[g];
    if (cell::AUX) (backward ? run.daux : run.aux)[hidden_of(to)] = out.aux;
    SQ_UNROLL
    for (int k = 0; k < cell::STATES && !backward; k++) *to.state[k] = own[k];
  }

  /* Pointwise stage s of a pair, whose kept numbers are `own`. */
  template <int s>
  __device__ __forceinline__ result point(const pair &at, int sums_at, int t, const recurrence_input &in,
                                          float (&own)[cell::KEPT]) const {
    result r = {};
    if (!at.there) return r;
    float sum[RECURRENCE_GATES], bias[RECURRENCE_GATES];
    if (BIASED && BIAS_AHEAD && !IN_REGISTERS) read_numbers<cell::GATES>(biases(at.u), bias);
    total<s>(sums_at, sum);
    if (backward && s == 0) own[0] += sum[0];
    if (valid(at, t)) {
      if (backward) {
        cell::template backward<s>(in, sum[0], own, r.out, r.put);
      } else {
        if (BIASED && !BIAS_AHEAD) read_numbers<cell::GATES>(biases(at.u), bias);
        r.put[0] = cell::template forward<s>(biased(in, IN_REGISTERS ? in.bias : bias), sum, own, r.out);
      }
    } else if (!backward) {
      r.put[0] = own[0];
    }
    return r;
  }

  static __device__ __forceinline__ recurrence_input biased(recurrence_input in, const float *bias) {
    SQ_UNROLL
    for (int g = 0; g < cell::GATES && BIASED; g++) in.gate[g] += bias[g];
    return in;
  }

  /* A pair's sums.  Up to four parts are read at a time, and added by neighbours, so that few wait for others. */
  template <int s> __device__ __forceinline__ int sums_at(const pair &at) const {
    if constexpr (SPLIT) return at.c * n.units + at.u; /* in a slot */
    return at.c * (n.stage[s].rows + 4) + at.u * sums_of(s);
  }
  template <int s> __device__ __forceinline__ void total(int place, float *sum) const {
    if constexpr (IN_REGISTERS) {
      SQ_UNROLL
      for (int g = 0; g < RECURRENCE_GATES; g++) sum[g] = held_sums[g];
    } else if constexpr (SPLIT) {
      sum[0] = slots().total(place, turn);
    } else {
      add_all_parts<s>(place, sum);
    }
  }
  template <int s> __device__ __forceinline__ void add_all_parts(int place, float *sum) const {
    const int step = n.width * (n.stage[s].rows + 4), parts = n.stage[s].parts;
    const float *from = sums() + place;
    SQ_UNROLL
    for (int g = 0; g < RECURRENCE_GATES; g++) sum[g] = 0.0f;
    if (parts == 1) add_parts<s, 1>(from, step, sum);
    if (parts == 2) add_parts<s, 2>(from, step, sum);
    for (int part = 0; part + 4 <= parts; part += 4) add_parts<s, 4>(from + part * step, step, sum);
  }
  template <int s, int parts>
  __device__ __forceinline__ void add_parts(const float *from, int step, float *sum) const {
    float part[parts][RECURRENCE_GATES];
    SQ_UNROLL
    for (int i = 0; i < parts; i++) read_numbers<sums_of(s)>(from + i * step, part[i]);
    SQ_UNROLL
    for (int half = parts / 2; half > 0; half /= 2)
      for (int i = 0; i < half; i++)
        for (int g = 0; g < sums_of(s); g++) part[i][g] = part[2 * i][g] + part[2 * i + 1][g];
    SQ_UNROLL
    for (int g = 0; g < sums_of(s); g++) sum[g] += part[0][g];
  }
  /* From shared memory; four of them are aligned. */
  template <int count> static __device__ __forceinline__ void read_numbers(const float *from, float *to) {
    if constexpr (count == 4) {
      const float4 v = *reinterpret_cast<const float4 *>(from);
      to[0] = v.x, to[1] = v.y, to[2] = v.z, to[3] = v.w;
    } else {
      SQ_UNROLL
      for (int g = 0; g < count; g++) to[g] = from[g];
    }
  }

  /* ---- the exchange ---- */

  /* The operand of stage s in the next exchange. */
  __device__ __forceinline__ exchange_operand next_of(int s) const {
    exchange_operand o;
    o.memory = reinterpret_cast<uint4 *>(operand(turn + 1));
    o.apart = SPLIT || (APART && n.stage[s].blocks > 1);
    o.blocks = o.apart && !SPLIT ? 1 : blocks_of(s);
    o.across = n.chunk.across;
    o.stride = n.chunk.stride;
    o.before = SPLIT ? in_cluster() * o.blocks * o.stride : 0;
    o.rows = rows;
    o.columns = by_columns;
    o.first_row = first_unit / product::DOWN;
    o.own_rows = n.units / product::DOWN;
    return o;
  }

  /* Which of a chunk's lanes, or of its elements where each has one, that of the thread at place p is. */
  __device__ __forceinline__ int lane_of(int p) const {
    if constexpr (IN_REGISTERS)
      return p >> n.lane_bits & 3;
    else
      return p % LANES;
  }

  /* The elements of the pair at place p, with those of the other lanes of their chunks.  Whole warps call. */
  template <int after>
  __device__ __forceinline__ void give(int p, const pair &at, const result &r,
                                       const exchange_operand &next) const {
    SQ_UNROLL
    for (int g = 0; g < blocks_of(after); g++) {
      if constexpr (IN_REGISTERS && exchange::OWN_BLOCK) { /* who reads it is here: no chunk is needed */
        if (p < places && at.c < columns)
          reinterpret_cast<element *>(next.memory + g * n.chunk.stride + at.chunk)[lane_of(p)] =
              product::round(r.put[g]);
        continue;
      }
      const uint4 v = product::chunk(r.put[g], n);
      const int to = g * n.chunk.stride + at.chunk + at.part * (blocks_of(after) - 1);
      if (p < places && (!IN_REGISTERS || at.c < columns))
        exchange::template give<LANES>(next, place(), to, v, lane_of(p));
    }
  }

  __device__ __forceinline__ exchange_place place() const {
    exchange_place at;
    at.rank = rank;
    at.ctas = n.ctas;
    at.cluster = n.cluster;
    at.cluster_bits = n.cluster_bits;
    at.turn = turn;
    at.spacing = (int)(n.exchange_bytes / sizeof(uint4)) << exchange::PACKETS;
    at.exchange = run.exchange; /* only a grid exchanges through global memory: elsewhere both are NULL */
    at.flags = run.flags;
    at.slice = slice;
    at.barriers = reinterpret_cast<uint64_t *>(memory + n.barriers);
    return at;
  }

  /* The sums of stage s, in shared memory or in registers. */
  template <int s> __device__ __forceinline__ void multiply() {
    if constexpr (!IN_REGISTERS)
      multiply_shared<s>();
    else
      held.template multiply<backward, cell::first(s), cell::count(s)>(operand(turn), n, columns, held_sums);
    if constexpr (SPLIT) {
      slots().send(s, turn);
      slots().wait(turn);
    }
  }

  /* In shared memory, after which the operand may be overwritten.  An operand apart is taken here, each block of
   * it before its product; before the first exchange all of it is zeros. */
  template <int s> __device__ __forceinline__ void multiply_shared() const {
    const int blocks = APART && turn > 0 ? n.stage[s].blocks : 1;
    SQ_UNROLL_BY(1)
    for (int block = 0; block < blocks; block++) {
      if constexpr (APART)
        if (turn > 0) take(block);
      if constexpr (s == 0 && product::HOLDS) {
        if (!APART || n.stage[s].blocks == 1)
          multiply_by<s>(block, held);
        else
          multiply_by<s>(block, typename product::none());
      } else {
        multiply_by<s>(block, typename product::none());
      }
      __syncthreads();
    }
  }
  template <int s, class kept> __device__ __forceinline__ void multiply_by(int block, const kept &by) const {
    product::multiply(weights_of(s), operand(turn), sums(), size_of(s, block),
                      s == 0 ? first_spot : product::spot(size_of(s, block), product::worker()), by);
  }

  /* A block of the operand of the last exchange. */
  __device__ __forceinline__ void take(int block) const {
    exchange_operand o = next_of(0);
    exchange_place at = place();
    o.before = block * o.stride;
    at.turn = turn - 1;
    exchange::take(o, at);
  }

  /* The numbers of a step are loaded one or two steps before, and the kept ones stay in registers, where those suffice
   * and the exchange allows.  Small layers load two steps ahead; that was no faster than one step where it was
   * measured, on an H100 while other things took longer (bench/results/h100-2026-11-27.md). */
  enum {
    AHEAD = exchange::AHEAD && (IN_REGISTERS || (cell::STAGES == 1 && !(backward && cell::AUX))),
    STEPS_AHEAD = IN_REGISTERS ? 2 : 1
  };
  /* A thread's first pair, and in registers what belongs to it. */
  struct owned {
    pair at;
    int sums;      /* where its sums lie, if there is one stage */
    numbers place; /* in the step at hand */
    float own[cell::KEPT];
    recurrence_input in[STEPS_AHEAD]; /* of the step at hand and those after it */
  };

  template <int s>
  __device__ __forceinline__ void stage(owned &mine, recurrence_input &in, int t, const stride &by) {
    constexpr int after = (s + 1) % cell::STAGES;
    const int first = (int)threadIdx.x, last = (places + SQ_WARP - 1) / SQ_WARP * SQ_WARP;
    marks.mark(s, TIMELINE_BEGIN);
    if (!AHEAD) load(mine.at, t, mine.place, &in);
    if (!IN_REGISTERS || first < last) multiply<s>();
    marks.mark(s, TIMELINE_PRODUCT);
    const exchange_operand next = next_of(after);
    result r = {};
    if (first < last) {
      if (!AHEAD) fetch_kept(mine.at, first, mine.own);
      if (IN_REGISTERS && !exchange::OWN_BLOCK)
        __syncwarp(SQ_FULL_MASK); /* who gets the warp's chunk may write where its lanes have read */
      r = point<s>(mine.at, cell::STAGES == 1 ? mine.sums : sums_at<s>(mine.at), t, in, mine.own);
      give<after>(first, mine.at, r, next);
      if (!AHEAD) keep(mine.at, first, mine.own);
    }
    if constexpr (!IN_REGISTERS) {
      SQ_UNROLL_BY(1)
      for (int p = first + (int)blockDim.x; p < last; p += (int)blockDim.x) further<s>(p, t, next);
    }
    marks.mark(s, TIMELINE_POINTWISE);
    exchange::announce(next, place());
    if (after == 0) { /* while its chunk is on its way */
      store(mine.at, t, mine.place, r.out, mine.own);
      go_on(&mine.place, by);
      if (AHEAD) load_ahead(mine, STEPS_AHEAD - 1, t + (int)run.stride.t, by, &in);
    }
    marks.mark(s, TIMELINE_ANNOUNCE);
    if constexpr (APART)
      exchange::wait(place());
    else
      exchange::receive(next, place());
    marks.mark(s, TIMELINE_EXCHANGE);
    turn++;
  }

  /* The numbers of the step that is so many after step t, which is the one at hand. */
  __device__ __forceinline__ void load_ahead(const owned &mine, int steps, int t, const stride &by,
                                             recurrence_input *in) const {
    numbers from = mine.place;
    SQ_UNROLL
    for (int i = 0; i < steps; i++) go_on(&from, by);
    load(mine.at, t + steps * (int)run.stride.t, from, in);
  }

  /* Step t; true if it was the last one. */
  template <int i> __device__ __forceinline__ bool step(owned &mine, const stride &by, int end, int *t) {
    stage<0>(mine, mine.in[i], *t, by);
    if (cell::STAGES == 2) stage<cell::STAGES - 1>(mine, mine.in[i], *t, by);
    marks.next_step();
    *t += (int)run.stride.t;
    return *t == end;
  }
  __device__ __forceinline__ void steps(owned &mine, const stride &by, int begin, int end) {
    for (int t = begin; t != end;)
      if (step<0>(mine, by, end, &t) || (STEPS_AHEAD == 2 && step<STEPS_AHEAD - 1>(mine, by, end, &t)))
        return;
  }

  /* A further pair of the thread, of which nothing is in registers. */
  template <int s> __device__ __forceinline__ void further(int p, int t, const exchange_operand &next) const {
    constexpr int after = (s + 1) % cell::STAGES;
    const pair at = pair_at(p);
    const numbers where = numbers_at(at, t);
    recurrence_input in;
    float own[cell::KEPT];
    load_once(at, &in);
    load(at, t, where, &in);
    fetch_kept(at, p, own);
    const result r = point<s>(at, sums_at<s>(at), t, in, own);
    give<after>(p, at, r, next);
    keep(at, p, own);
    if (after == 0) store(at, t, where, r.out, own);
  }
  __device__ __forceinline__ void fetch_kept(const pair &at, int p, float (&own)[cell::KEPT]) const {
    SQ_UNROLL
    for (int k = 0; k < cell::KEPT; k++) own[k] = at.there ? *kept(k, p) : 0.0f;
  }
  __device__ __forceinline__ void keep(const pair &at, int p, const float (&own)[cell::KEPT]) const {
    SQ_UNROLL
    for (int k = 0; k < cell::KEPT; k++)
      if (at.there) *kept(k, p) = own[k];
  }

  /* The steps after the longest sequence of the slice. */
  __device__ __forceinline__ void tail() const {
    for (int t = longest; t < (int)run.seq_len; t++)
      for (int p = (int)threadIdx.x; p < places; p += (int)blockDim.x) {
        const pair at = pair_at(p);
        float own[cell::KEPT];
        if (!at.there) continue;
        fetch_kept(at, p, own);
        store(at, t, numbers_at(at, t), recurrence_output{}, own);
      }
  }

  /* Backward: what reaches the initial state from the step after it. */
  __device__ __forceinline__ void last_product() {
    multiply<0>();
    for (int p = (int)threadIdx.x; p < places; p += (int)blockDim.x) {
      const pair at = pair_at(p);
      float sum[RECURRENCE_GATES];
      if (!at.there) continue;
      total<0>(sums_at<0>(at), sum);
      *kept(0, p) += sum[0];
    }
  }

  /* ---- all of it ---- */

  __device__ __forceinline__ void prepare() {
    rank = (int)blockIdx.x % n.ctas;
    slice = (int)blockIdx.x / n.ctas;
    first_unit = rank * n.units;
    units = n.hidden - first_unit < n.units ? n.hidden - first_unit : n.units;
    units = units > 0 ? units : 0;
    first_row = (n.first + slice) * n.columns;
    const int64_t left = run.batch - first_row;
    columns = left < n.columns ? (int)left : n.columns;
    const int tall = (units + product::DOWN - 1) / product::DOWN * product::DOWN;
    const int wide = (columns + product::ACROSS - 1) / product::ACROSS;
    places = tall * (IN_REGISTERS ? n.lanes : wide * product::ACROSS);
    by_units = sq_divisor_by(tall);
    by_columns = sq_divisor_by(wide);
    rows = n.chunk.rows;
    if constexpr (SPLIT) rows = sq_divisor_by((slab_of(0).rows + product::DOWN - 1) / product::DOWN);
    turn = 0;
    if constexpr (!IN_REGISTERS) first_spot = product::spot(size_of(0, 0), product::worker());
    find_longest();
    load_weights();
    load_operand();
    if (BIASED) load_biases();
    enter_pairs();
    exchange::enter(place());
    if constexpr (product::HOLDS)
      if (n.stage[0].blocks == 1) held.hold(weights_of(0), first_spot);
    if (!backward) exchange::open();
  }

  __device__ __forceinline__ void go() {
    prepare();
    if (descending()) tail();
    const int first = (int)threadIdx.x;
    const int end = descending() ? -1 : longest, begin = descending() ? longest - 1 : 0;
    owned mine;
    mine.at = pair_at(first);
    mine.place = numbers_at(mine.at, begin);
    if (AHEAD) fetch_kept(mine.at, first, mine.own);
    SQ_UNROLL
    for (int i = 0; i < STEPS_AHEAD; i++) load_once(mine.at, &mine.in[i]);
    stride by = {run.stride.hidden, run.stride.y};
    SQ_UNROLL
    for (int i = 0; i < STEPS_AHEAD && AHEAD; i++) load_ahead(mine, i, begin, by, &mine.in[i]);
    mine.sums = sums_at<0>(mine.at);
    if (AHEAD) { /* elsewhere registers do not suffice for them */
      sq_work_out(by.hidden);
      sq_work_out(by.y);
      sq_work_out(mine.sums);
      sq_work_out(mine.at.chunk);
    }
    steps(mine, by, begin, end);
    if (AHEAD) keep(mine.at, first, mine.own);
    if (backward) last_product();
    if (!descending()) tail();
    if (!backward) exchange::settle();
    leave_pairs();
    exchange::leave();
  }
};

template <class cell, bool backward, class product, class exchange>
__global__ void __launch_bounds__(product::most_threads(cell::GATES), 1)
    recurrence_main(const __grid_constant__ recurrence_args args) {
  SQ_SHARED_DYNAMIC(unsigned char, memory);
  recurrence<cell, backward, product, exchange> r(args.run[blockIdx.y], args.shape, memory);
  r.marks.open(args.timeline);
  if (exchange::POSSIBLE) r.go();
}

#endif
