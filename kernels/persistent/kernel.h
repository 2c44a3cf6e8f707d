/* kernel.h - the one skeleton of all persistent recurrences: cell x direction x product x exchange.
 *
 *   weights of the block's units -> shared memory, once
 *   for each step, for each stage of the cell:
 *     sums = weights operand              operand: h (or r h) of all units; backward: gradients at the gates
 *     pointwise step of its own units     -> its chunks of the next operand, given away from registers
 *     stores                              what only memory waits for
 *     exchange                            all blocks of the group get all chunks
 *
 * Forward, a block multiplies by its own rows of W_hh.  Backward gathers: the operand is the gradient at the
 * gates of all units, and the block multiplies by its own columns of W_hh; W^T operand is the gradient at its
 * own h.  The alternative, where each block multiplies the gradients of its own gates and sends partial sums
 * of dh to their owners, would exchange `count` times fewer elements, but needs a slot for every sender and a
 * product of another shape.  Gathering is the same product and the same exchange as forward, and has one
 * order of summation by construction.
 *
 * Per step and stage, a block does rows * depth * columns multiply-adds, reads its weights from shared memory
 * once for every 8 (float32) or 32 columns, and takes a __syncthreads and an exchange.  Global memory,
 * forward: x W_ih^T + b of the pair in (loaded before the product), activations, state and y out; backward:
 * activations, states and dy in, dgates out.
 * Limits: the product where rows * columns is large, else the latency of the barriers and the exchange.
 *
 * Ragged batches: the recurrence of a slice ends with its longest sequence.  Later steps only pass on the
 * state and write zeros, without products and exchanges.
 */
#ifndef SQ_PERSISTENT_KERNEL_H
#define SQ_PERSISTENT_KERNEL_H

#include "kernels/persistent/cells.h"
#include "kernels/persistent/exchange.h"
#include "kernels/persistent/product.h"

template <class cell, bool backward, class product, class exchange> struct recurrence {
  typedef typename product::element element;
  enum { LANES = product::DOWN * product::ACROSS }; /* of a chunk */

  const recurrence_run &run;
  const recurrence_shape &n;
  unsigned char *memory; /* the block's shared memory */
  int rank, slice;       /* of the block */
  int first_unit, units; /* units of the block that exist */
  int first_row, columns;
  int places;            /* lanes of the block's chunks, each with a pair or padding */
  int64_t longest;       /* steps of the slice */
  uint32_t turn;         /* exchanges so far */
  sq_divisor by_units;   /* of the block, with padding */
  sq_divisor by_columns; /* of chunks that exist: the last slice may have fewer */

  __device__ __forceinline__ recurrence(const recurrence_run &run_, const recurrence_shape &shape,
                                        unsigned char *memory_)
      : run(run_), n(shape), memory(memory_) {}

  /* One pair (the block's unit u, column c of the slice) at step t; `there` unless the place is padding, `valid`
   * unless the step is masked. */
  struct pair {
    int u, c, j;
    int64_t b, row; /* row = t B + b */
    int64_t t;
    bool there, valid;
  };

  /* What the pointwise step of a pair has made. */
  struct result {
    recurrence_output out;
    float own[cell::KEPT], put[RECURRENCE_GATES]; /* put: its elements of the next operand */
  };

  /* Stage s: how many sums a pair takes, and how many blocks of H its operand has. */
  static __host__ __device__ constexpr int sums_of(int s) { return backward ? 1 : cell::count(s); }
  static __host__ __device__ constexpr int blocks_of(int s) { return backward ? cell::count(s) : 1; }
  /* The direction in time; the tail of masked steps is at the end of the sequence. */
  __device__ __forceinline__ bool descending() const { return (run.reverse != 0) != backward; }

  /* ---- shared memory ---- */

  __device__ __forceinline__ element *weights(int s) const {
    return reinterpret_cast<element *>(memory + n.stage[s].weights);
  }
  __device__ __forceinline__ element *operand(uint32_t at) const {
    return reinterpret_cast<element *>(memory + n.operand + at % exchange::BUFFERS * n.operand_bytes);
  }
  __device__ __forceinline__ float *sums() const { return reinterpret_cast<float *>(memory + n.sums); }
  __device__ __forceinline__ float *kept(int k, int p) const {
    return reinterpret_cast<float *>(memory + n.kept) + k * n.places + p;
  }
  __device__ __forceinline__ product_size size_of(int s) const {
    return {n.stage[s].rows,  n.stage[s].depth,    n.width,         n.stage[s].parts,
            n.stage[s].tiles, n.stage[s].by_parts, n.stage[s].down, n.across};
  }

  /* ---- the beginning ---- */

  /* Four neighbouring elements of W_hh, of which `left` exist; 16 bytes at a time where they are aligned. */
  static __device__ __forceinline__ void fetch(const float *from, int left, bool aligned, float (&w)[4]) {
    if (aligned && left >= 4) {
      const float4 v = *reinterpret_cast<const float4 *>(from);
      w[0] = v.x, w[1] = v.y, w[2] = v.z, w[3] = v.w;
      return;
    }
    SQ_UNROLL
    for (int j = 0; j < 4; j++) w[j] = j < left ? from[j] : 0.0f;
  }

  /* A warp reads four rows of W_hh by 32 columns at a time, 128 contiguous bytes of each; forward those are rows
   * of the product and its depth, backward the other way round. */
  __device__ __forceinline__ void load_weights(int s) const {
    const product_size size = size_of(s);
    const int bytes = size.rows * size.depth * (int)sizeof(element);
    uint4 *all = reinterpret_cast<uint4 *>(weights(s));
    for (int i = (int)threadIdx.x; i < bytes / (int)sizeof(uint4); i += (int)blockDim.x)
      all[i] = uint4{0, 0, 0, 0};
    __syncthreads(); /* padding is zeros */
    SQ_ROLLED
    for (int b = 0; b < cell::count(s); b++) {
      const float *from = run.weights + (int64_t)(cell::first(s) + b) * n.hidden * n.hidden;
      if (backward)
        load_down(weights(s), from + first_unit, b * n.padded, size);
      else
        load_along(weights(s), from + (int64_t)first_unit * n.hidden, b * n.units, size);
    }
  }
  __device__ __forceinline__ bool aligned(const float *from) const {
    return n.hidden % 4 == 0 && reinterpret_cast<uintptr_t>(from) % sizeof(float4) == 0;
  }
  /* from [units, H] becomes rows of the product from first_row_ on. */
  __device__ __forceinline__ void load_along(element *to, const float *from, int first,
                                             const product_size &size) const {
    enum { AT_ONCE = 4 }; /* loads in flight */
    const int lane = (int)threadIdx.x % SQ_WARP, warp = (int)threadIdx.x / SQ_WARP;
    const bool whole = aligned(from);
    for (int u = warp * 4 + lane / 8; u < units; u += (int)blockDim.x / 8) {
      const float *row = from + (int64_t)u * n.hidden;
      for (int k = lane % 8 * 4; k < n.hidden; k += AT_ONCE * SQ_WARP) {
        float w[AT_ONCE][4];
        SQ_UNROLL
        for (int j = 0; j < AT_ONCE; j++)
          fetch(row + k + j * SQ_WARP, n.hidden - k - j * SQ_WARP, whole, w[j]);
        SQ_UNROLL
        for (int j = 0; j < AT_ONCE; j++)
          if (k + j * SQ_WARP < n.hidden) product::put_along(to, first + u, k + j * SQ_WARP, w[j], size);
      }
    }
  }
  /* from [H, units], with rows of H, becomes the depth of the product from first on. */
  __device__ __forceinline__ void load_down(element *to, const float *from, int first,
                                            const product_size &size) const {
    enum { PACK = product::PACK };
    const int lane = (int)threadIdx.x % SQ_WARP, warp = (int)threadIdx.x / SQ_WARP;
    const bool whole = aligned(from);
    for (int i = (warp * 4 + lane / 8) * PACK; i < n.hidden; i += (int)blockDim.x / 8 * PACK) {
      for (int u = lane % 8 * 4; u < units; u += SQ_WARP) {
        float w[PACK][4];
        SQ_UNROLL
        for (int j = 0; j < PACK; j++)
          fetch(from + (int64_t)(i + j) * n.hidden + u, i + j < n.hidden ? units - u : 0, whole, w[j]);
        product::put_down(to, u, first + i, w, size);
      }
    }
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
        operand(0)[product::operand_at(k, c, n.width)] = product::round(h);
      }
  }

  __device__ __forceinline__ void find_longest() {
    longest = run.lengths == NULL ? run.seq_len : 0;
    for (int c = 0; run.lengths != NULL && c < columns; c++) {
      const int64_t length = run.lengths[first_row + c] - run.first;
      longest = length > longest ? length : longest;
    }
    longest = longest < run.seq_len ? longest : run.seq_len; /* lengths on the device were not checked */
  }

  __device__ __forceinline__ pair pair_at(int p, int64_t t) const {
    pair at;
    const int down = p / product::ACROSS, column = by_units.of(down); /* down the columns of chunks */
    at.u = down - column * (int)by_units.by;
    at.c = column * product::ACROSS + p % product::ACROSS;
    at.j = first_unit + at.u;
    at.b = first_row + at.c;
    at.t = t;
    at.row = t * run.batch + at.b;
    at.there = p < places && at.u < units && at.c < columns;
    at.valid = at.there && (run.lengths == NULL || run.first + t < run.lengths[at.b]);
    return at;
  }

  /* Where a pair's state k is in the reserve; `slot` as in sq_slot_prev and sq_slot_next. */
  __device__ __forceinline__ float *state(int k, int64_t slot, const pair &at) const {
    return run.state[k] + (slot * run.batch + at.b) * n.hidden + at.j;
  }

  __device__ __forceinline__ void enter_pairs() const {
    for (int p = (int)threadIdx.x; p < places; p += (int)blockDim.x) {
      const pair at = pair_at(p, 0);
      if (!at.there) continue;
      SQ_UNROLL
      for (int k = 0; k < cell::KEPT; k++) {
        const bool given = k < cell::STATES && run.enter[k < cell::STATES ? k : 0] != NULL;
        const float v = given ? run.enter[k < cell::STATES ? k : 0][at.b * n.hidden + at.j] : 0.0f;
        *kept(k, p) = v;
        if (k < cell::STATES && !backward && run.state[0] != NULL)
          *state(k, run.reverse ? run.seq_len : 0, at) = v;
      }
    }
  }

  /* If no step has run, a final state in the initial one's memory is there, and peers may still read it. */
  __device__ __forceinline__ void leave_pairs() const {
    for (int p = (int)threadIdx.x; p < places; p += (int)blockDim.x) {
      const pair at = pair_at(p, 0);
      if (!at.there) continue;
      SQ_UNROLL
      for (int k = 0; k < cell::STATES; k++)
        if (run.leave[k] != NULL && (longest > 0 || run.leave[k] != run.enter[k]))
          run.leave[k][at.b * n.hidden + at.j] = *kept(k, p);
    }
  }

  /* ---- a step ---- */

  __device__ __forceinline__ void load(const pair &at, recurrence_input &in) const {
    const int64_t H = n.hidden;
    in = recurrence_input{};
    in.option = run.option;
    in.leak = run.leak;
    if (!at.valid) return;
    SQ_UNROLL
    for (int g = 0; g < cell::GATES; g++) in.gate[g] = run.gates[at.row * cell::GATES * H + g * H + at.j];
    SQ_UNROLL
    for (int k = 0; k < cell::VECTORS; k++)
      if (run.vectors[k] != NULL) in.vector[k] = run.vectors[k][at.j];
    if (!backward) return;
    if (cell::AUX) in.aux = run.aux[at.row * H + at.j];
    SQ_UNROLL
    for (int k = 0; k < cell::STATES; k++) {
      in.prev[k] = *state(k, at.t + (run.reverse ? 1 : 0), at);
      in.next[k] = *state(k, at.t + (run.reverse ? 0 : 1), at);
    }
    if (run.dy != NULL) in.dy = run.dy[at.row * run.ldy + at.j];
  }

  /* What the last stage of a step leaves in memory. */
  __device__ __forceinline__ void store(const pair &at, const recurrence_output &out,
                                        const float *own) const {
    if (!at.there) return;
    const int64_t H = n.hidden;
    float *gates = backward ? run.dgates : run.gates, *aux = backward ? run.daux : run.aux;
    if (backward || run.state[0] != NULL) {
      SQ_UNROLL
      for (int g = 0; g < cell::GATES; g++) gates[at.row * cell::GATES * H + g * H + at.j] = out.gate[g];
      if (cell::AUX) aux[at.row * H + at.j] = out.aux;
    }
    if (backward) return;
    run.y[at.row * run.ldy + at.j] = at.valid ? own[0] : 0.0f;
    if (run.state[0] == NULL) return;
    SQ_UNROLL
    for (int k = 0; k < cell::STATES; k++) *state(k, at.t + (run.reverse ? 0 : 1), at) = own[k];
  }

  /* Pointwise stage s of the pair at place p. */
  template <int s>
  __device__ __forceinline__ result point(int p, const pair &at, const recurrence_input &in) const {
    result r = {};
    if (!at.there) return r;
    float sum[RECURRENCE_GATES];
    total<s>(at, sum);
    SQ_UNROLL
    for (int k = 0; k < cell::KEPT; k++) r.own[k] = *kept(k, p);
    if (backward && s == 0) r.own[0] += sum[0];
    if (backward && at.valid) cell::template backward<s>(in, sum[0], r.own, r.out, r.put);
    if (!backward && at.valid) r.put[0] = cell::template forward<s>(in, sum, r.own, r.out);
    if (!backward && !at.valid) r.put[0] = r.own[0];
    SQ_UNROLL
    for (int k = 0; k < cell::KEPT; k++) *kept(k, p) = r.own[k];
    return r;
  }

  /* A pair's sums, the parts of each in order. */
  template <int s> __device__ __forceinline__ void total(const pair &at, float *sum) const {
    const int stride = n.stage[s].rows + 4;
    const float *from = sums() + at.c * stride + at.u;
    SQ_UNROLL
    for (int g = 0; g < sums_of(s); g++) sum[g] = from[g * n.units];
    for (int part = 1; part < n.stage[s].parts; part++) {
      from += n.width * stride;
      SQ_UNROLL
      for (int g = 0; g < sums_of(s); g++) sum[g] += from[g * n.units];
    }
  }

  /* ---- the exchange ---- */

  /* The operand of stage s in the next exchange. */
  __device__ __forceinline__ exchange_operand next_of(int s) const {
    exchange_operand o;
    o.memory = reinterpret_cast<uint4 *>(operand(turn + 1));
    o.blocks = blocks_of(s);
    o.across = n.chunk.across;
    o.stride = n.chunk.stride;
    o.rows = n.chunk.rows;
    o.columns = by_columns;
    o.first_row = first_unit / product::DOWN;
    o.own_rows = n.units / product::DOWN;
    return o;
  }

  /* The elements of the pair at place p, with those of the other lanes of their chunks.  Whole warps call. */
  template <int after>
  __device__ __forceinline__ void give(int p, const pair &at, const result &r,
                                       const exchange_operand &next) const {
    const int to = at.j / product::DOWN * n.chunk.across + at.c / product::ACROSS;
    SQ_UNROLL
    for (int g = 0; g < blocks_of(after); g++) {
      const uint4 v = product::chunk(r.put[g]);
      if (p < places) exchange::template give<LANES>(next, place(), g * n.chunk.stride + to, v, p % LANES);
    }
  }

  __device__ __forceinline__ exchange_place place() const {
    exchange_place at;
    at.rank = rank;
    at.ctas = n.ctas;
    at.cluster = n.cluster;
    at.cluster_bits = n.cluster_bits;
    at.turn = turn;
    at.spacing = (int)(n.operand_bytes / sizeof(uint4)) << exchange::PACKETS;
    /* only a grid exchanges through global memory: elsewhere both are NULL */
    at.exchange = run.exchange != NULL ? run.exchange + (int64_t)slice * 2 * at.spacing : NULL;
    at.flags = run.flags != NULL ? run.flags + slice * n.ctas : NULL;
    at.barriers = reinterpret_cast<uint64_t *>(memory + n.barriers);
    return at;
  }

  template <int s> __device__ __forceinline__ void stage(int64_t t) {
    constexpr int after = (s + 1) % cell::STAGES;
    const int mine = (int)threadIdx.x, step = (int)blockDim.x,
              last = (places + SQ_WARP - 1) / SQ_WARP * SQ_WARP;
    pair at = pair_at(mine, t);
    recurrence_input in;
    load(at, in);
    product::multiply(weights(s), operand(turn), sums(), size_of(s));
    __syncthreads(); /* the sums are complete, and the operand may be overwritten */
    const exchange_operand next = next_of(after);
    result r = {};
    for (int p = mine; p < last; p += step) {
      if (p != mine) {
        if (after == 0) store(at, r.out, r.own);
        at = pair_at(p, t);
        load(at, in);
      }
      r = point<s>(p, at, in);
      give<after>(p, at, r, next);
    }
    exchange::announce(next, place());
    if (after == 0) store(at, r.out, r.own); /* the last pair's, while its chunk is on its way */
    exchange::receive(next, place());
    turn++;
  }

  /* The steps after the longest sequence of the slice. */
  __device__ __forceinline__ void tail() const {
    for (int64_t t = longest; t < run.seq_len; t++)
      for (int p = (int)threadIdx.x; p < places; p += (int)blockDim.x) {
        const pair at = pair_at(p, t);
        float own[cell::STATES];
        if (!at.there) continue;
        SQ_UNROLL
        for (int k = 0; k < cell::STATES; k++) own[k] = *kept(k, p);
        store(at, recurrence_output{}, own);
      }
  }

  /* Backward: what reaches the initial state from the step after it. */
  __device__ __forceinline__ void last_product() const {
    product::multiply(weights(0), operand(turn), sums(), size_of(0));
    __syncthreads();
    for (int p = (int)threadIdx.x; p < places; p += (int)blockDim.x) {
      const pair at = pair_at(p, 0);
      float sum[RECURRENCE_GATES];
      if (!at.there) continue;
      total<0>(at, sum);
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
    places = tall * wide * product::ACROSS;
    by_units = sq_divisor_by(tall);
    by_columns = sq_divisor_by(wide);
    turn = 0;
    find_longest();
    SQ_UNROLL
    for (int s = 0; s < cell::STAGES; s++) load_weights(s);
    load_operand();
    enter_pairs();
    exchange::enter(place());
    if (!backward) exchange::open();
  }

  __device__ __forceinline__ void go() {
    prepare();
    if (descending()) tail();
    for (int64_t i = 0; i < longest; i++) {
      const int64_t t = descending() ? longest - 1 - i : i;
      stage<0>(t);
      if (cell::STAGES == 2) stage<cell::STAGES - 1>(t);
    }
    if (backward) last_product();
    if (!descending()) tail();
    if (!backward) exchange::settle();
    leave_pairs();
    exchange::leave();
  }
};

template <class cell, bool backward, class product, class exchange>
__global__ void __launch_bounds__(RECURRENCE_THREADS, 1)
    recurrence_main(const __grid_constant__ recurrence_args args) {
  SQ_SHARED_DYNAMIC(unsigned char, memory);
  recurrence<cell, backward, product, exchange> r(args.run[blockIdx.y], args.shape, memory);
  if (exchange::POSSIBLE) r.go();
}

/* The kernels of one cell in one exchange. */
template <class cell, class exchange> recurrence_kernel *recurrence_of(int backward, sq_math math) {
  static recurrence_kernel *const table[2][3] = {{recurrence_main<cell, false, product_f32, exchange>,
                                                  recurrence_main<cell, false, product_tf32, exchange>,
                                                  recurrence_main<cell, false, product_bf16, exchange>},
                                                 {recurrence_main<cell, true, product_f32, exchange>,
                                                  recurrence_main<cell, true, product_tf32, exchange>,
                                                  recurrence_main<cell, true, product_bf16, exchange>}};
  return table[backward][math];
}

/* In the order of RECURRENCE_CELLS. */
template <class exchange> recurrence_kernel *recurrence_find(int which, int backward, sq_math math) {
  typedef recurrence_kernel *finder(int backward, sq_math math);
  static finder *const finders[RECURRENCE_CELLS] = {
      recurrence_of<rnn_recurrence, exchange>,       recurrence_of<leaky_recurrence, exchange>,
      recurrence_of<lstm_recurrence<4>, exchange>,   recurrence_of<lstm_recurrence<3>, exchange>,
      recurrence_of<gru_after_recurrence, exchange>, recurrence_of<gru_before_recurrence, exchange>};
  return finders[which](backward, math);
}

#endif
