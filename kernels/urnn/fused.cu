/* fused.cu - the algorithm `fused`: all time steps of a unitary evolution RNN in one kernel (core/urnn.c,
 * core/unitary.c).
 *
 * One block per sequence and direction, n / 4 threads (a warp at least).  A thread owns four numbers of every
 * vector: j, j + n/4, j + n/2, j + 3n/4 in natural order, with which a forward transform begins, and places
 * 4j..4j+3, with which it ends (fft.h).  So h, the factors and all gradients of parameters stay in its
 * registers.  Only what the transforms and the permutation exchange goes through shared memory, each time
 * into the other of two vectors: one barrier per exchange.
 *   forward, per step: log2 n - 1 exchanges, two block sums;      11.5 n log2 n + 60 n operations
 *   backward:          2 log2 n - 2 exchanges, three block sums;   2.2 times that
 * Shared memory 16 n bytes; backward above n = 1024, 32 n.  Global memory, per step and sequence: forward 8 n
 * in, 28 n out; backward 28 n in, 12 n out.
 * Limits: the latency of the exchanges.  A step of one sequence takes as long as a step of as many sequences
 * as the device holds.  Registers hold the factors up to n = 1024; above that, they are read from the caches
 * in each step, and the gradients of parameters are added up in global memory.
 *
 * Backward computes x1 and x2 of core/unitary.c again from h_{t-1}.  Keeping them would move 16 n bytes more
 * out and in: for n = 1024 and 132 sequences at a time 2.2 MB each way per step, which takes about as long as
 * the two transforms that it saves.  It would also add 4 n elements per step and sequence to the reserve.
 */
#include "kernels/urnn/algorithms.h"

#include <stdio.h>
#include <string.h>

#include "kernels/job.h"
#include "kernels/modrelu.h"
#include "kernels/unitary.h"

namespace {

enum { FUSED_LEAST = 4, FUSED_MOST = 4096 };
#ifdef SEQGPU_EMULATE
enum { FUSED_KEPT = 128 }; /* so that small tests cover both kinds */
#else
enum { FUSED_KEPT = 1024 };
#endif

/* One direction; everything in device memory. */
struct fused_run {
  int64_t seq_len, batch; /* T, B */
  int reverse;
  const int32_t *lengths; /* [B] or NULL */
  unitary matrix;
  const float *bias;  /* [n] */
  float *gates, *aux; /* [T,B,2n], [T,B,n] */
  float *state;       /* [T+1,B,2n] */
  float *y;           /* [T,B,2n] stride ldy */
  const float *dy;    /* likewise, or NULL */
  int64_t ldy;
  float *dgates, *daux; /* [T,B,2n], [T,B,n] */
  float *dstate;        /* [B,2n] in: gradient at the last state; out: at the first */
  float *grads;         /* [B,8n] += */
};
struct fused_args {
  fused_run run[2];
};

/* ---- a thread's four numbers ---- */

/* Vectors of which each thread has four elements: SQ_UNITARY_COS1... as in `prepared`, then these. */
enum { FUSED_V2_RE = SQ_UNITARY_ORDER, FUSED_V2_IM, FUSED_FROM, FUSED_BIAS, FUSED_VECTORS };

__host__ __device__ constexpr bool fused_is_placed(int vector) {
  return vector == SQ_UNITARY_COS2 || vector == SQ_UNITARY_SIN2 || vector == FUSED_FROM ||
         (vector >= SQ_UNITARY_V1_RE && vector <= SQ_UNITARY_PV1_IM);
}

/* The thread's place in the block, and its factors: in registers, or read when they are used. */
template <bool kept> struct fused_thread {
  const fused_run &run;
  int n, j, stages;
  float value[kept ? FUSED_VECTORS : 1][4];

  __device__ __forceinline__ explicit fused_thread(const fused_run &r)
      : run(r), n((int)r.matrix.n), j((int)threadIdx.x), stages(sq_fft_stages(n)) {
    if constexpr (kept) {
      SQ_UNROLL
      for (int v = 0; v < FUSED_VECTORS; v++)
        for (int i = 0; i < 4; i++) value[v][i] = active() ? load(v, i) : 0.0f;
    }
  }
  /* Small n: a warp has more threads than there are fours. */
  __device__ __forceinline__ bool active() const { return j < (n >> 2); }
  __device__ __forceinline__ int natural(int i) const { return j + i * (n >> 2); }
  __device__ __forceinline__ int placed(int i) const { return 4 * j + i; }
  __device__ __forceinline__ float load(int v, int i) const {
    const int at = fused_is_placed(v) ? placed(i) : natural(i);
    if (v == FUSED_BIAS) return run.bias[at];
    if (v == FUSED_V2_RE || v == FUSED_V2_IM) return run.matrix.v2[(v - FUSED_V2_RE) * n + at];
    return run.matrix.prepared[(v == FUSED_FROM ? (int)SQ_UNITARY_FROM : v) * n + at];
  }
  __device__ __forceinline__ float get(int v, int i) const {
    return kept ? value[kept ? v : 0][i] : active() ? load(v, i) : 0.0f;
  }
  __device__ __forceinline__ sq_complex pair(int v, int i) const { return {get(v, i), get(v + 1, i)}; }
  __device__ __forceinline__ int from(int i) const { return (int)get(FUSED_FROM, i); }
  /* Where factors are not kept, neither are their addresses, which would occupy registers for the whole
   * sequence; and no factor is read before its turn. */
  __device__ __forceinline__ void forget() {
#ifndef SEQGPU_EMULATE
    if (!kept) asm volatile("" : "+r"(n), "+r"(j)::"memory");
#endif
  }
};

/* The gradients of a thread's numbers of theta: phases 3, v1 2, v2 2. */
enum { FUSED_GRADIENTS = SQ_THETA_PERMUTATION };

__host__ __device__ constexpr bool fused_gradient_is_placed(int part) {
  return part == SQ_THETA_PHASES + 1 || part == SQ_THETA_V1 || part == SQ_THETA_V1 + 1;
}

template <bool kept> struct fused_gradients {
  float *grads; /* of this sequence */
  float sum[kept ? FUSED_GRADIENTS : 1][4];

  __device__ __forceinline__ fused_gradients(float *to) : grads(to) {
    for (int p = 0; p < (kept ? FUSED_GRADIENTS : 1); p++)
      for (int i = 0; i < 4; i++) sum[p][i] = 0.0f;
  }
  __device__ __forceinline__ float *place(fused_thread<kept> &t, int part, int i) const {
    const bool is_placed = fused_gradient_is_placed(part);
    return grads + part * t.n +
           (is_placed ? (int)t.run.matrix.prepared[SQ_UNITARY_ORDER * t.n + t.placed(i)] : t.natural(i));
  }
  __device__ __forceinline__ void add(fused_thread<kept> &t, int part, int i, float d) {
    if (kept)
      sum[kept ? part : 0][i] += d;
    else if (t.active())
      *place(t, part, i) += d;
  }
  __device__ __forceinline__ void store(fused_thread<kept> &t) const {
    if constexpr (kept) {
      SQ_UNROLL
      for (int p = 0; p < FUSED_GRADIENTS; p++)
        for (int i = 0; i < 4; i++)
          if (t.active()) *place(t, p, i) += sum[p][i];
    }
  }
};

/* Two vectors of shared memory, used in turns: a thread may still read one while others already write the
 * next. */
struct fused_exchange {
  float *shared;
  int n;
  int at; /* the vector of this turn: an offset takes fewer registers than two pointers that change places */
  __device__ __forceinline__ fused_exchange(float *memory, int size) : shared(memory), n(size), at(0) {}
  __device__ __forceinline__ sq_planes now() const { return sq_planes_at(shared + at, n); }
  __device__ __forceinline__ void turn() { at = 2 * n - at; }
};

/* Four numbers at places, put away until they are needed: in registers, or in the thread's part of shared
 * memory. */
template <bool kept> struct fused_stash {
  sq_complex value[kept ? 4 : 1];
  float *memory;

  __device__ __forceinline__ void put(fused_thread<kept> &t, const sq_complex v[4]) {
    if constexpr (kept) {
      for (int i = 0; i < 4; i++) value[i] = v[i];
    } else {
      if (t.active()) sq_fft_store_run(sq_planes_at(memory, t.n), t.j, v);
    }
  }
  __device__ __forceinline__ void take(fused_thread<kept> &t, sq_complex v[4]) const {
    if constexpr (kept) {
      for (int i = 0; i < 4; i++) v[i] = value[i];
    } else {
      if (t.active()) sq_fft_load_run(sq_planes_at(memory, t.n), t.j, v);
    }
  }
};

/* ---- transforms of the thread's four numbers, and sums ---- */

/* From natural order to places. */
template <bool kept>
__device__ __forceinline__ void fused_forward_transform(fused_thread<kept> &t, fused_exchange *x,
                                                        sq_complex v[4]) {
  for (int s = 0; s < t.stages; s += 2) {
    if (s > 0) {
      if (t.active()) sq_fft_store_run(x->now(), t.j, v);
      __syncthreads();
      if (t.active() && s + 1 < t.stages) sq_fft_load_quarters(x->now(), t.n, t.j, v);
      if (t.active() && s + 1 == t.stages) sq_fft_load_pairs(x->now(), t.n, t.j, v);
      x->turn();
    }
    if (s + 1 == t.stages)
      sq_fft_split_last(v);
    else if (t.active())
      sq_fft_split(v, sq_fft_factor(t.run.matrix.table, t.n, s, t.j));
  }
}

/* From places to natural order. */
template <bool kept>
__device__ __forceinline__ void fused_inverse_transform(fused_thread<kept> &t, fused_exchange *x,
                                                        sq_complex v[4]) {
  for (int s = (t.stages - 1) / 2 * 2; s >= 0; s -= 2) {
    const bool alone = s + 1 == t.stages;
    if (alone)
      sq_fft_merge_last(v);
    else if (t.active())
      sq_fft_merge(v, sq_fft_factor(t.run.matrix.table, t.n, s, t.j));
    if (s == 0) return;
    if (t.active() && !alone) sq_fft_store_quarters(x->now(), t.n, t.j, v);
    if (t.active() && alone) sq_fft_store_pairs(x->now(), t.n, t.j, v);
    __syncthreads();
    if (t.active()) sq_fft_load_run(x->now(), t.j, v);
    x->turn();
  }
}

/* x1 = F D1 h, at places. */
template <bool kept>
__device__ __forceinline__ void fused_first_half(fused_thread<kept> &t, fused_exchange *x,
                                                 const sq_complex h[4], sq_complex x1[4]) {
  SQ_UNROLL
  for (int i = 0; i < 4; i++) x1[i] = t.pair(SQ_UNITARY_COS1, i) * h[i];
  fused_forward_transform(t, x, x1);
}

/* r = P R1 x1, at places; returns s v1^* x1. */
template <bool kept>
__device__ __forceinline__ sq_complex fused_permute(fused_thread<kept> &t, fused_exchange *x,
                                                    const sq_complex x1[4], sq_complex r[4]) {
  float sum[2] = {0.0f, 0.0f};
  SQ_UNROLL
  for (int i = 0; i < 4; i++) sq_add_dot(sum, t.pair(SQ_UNITARY_V1_RE, i), x1[i]);
  if (t.active()) sq_fft_store_run(x->now(), t.j, x1);
  sq_block_sums_once<2, 0>(sum); /* also a barrier */
  const float s = t.run.matrix.scale(0);
  const sq_complex a = {s * sum[0], s * sum[1]};
  SQ_UNROLL
  for (int i = 0; i < 4; i++)
    r[i] = t.active() ? x->now().get(t.from(i)) - a * t.pair(SQ_UNITARY_PV1_RE, i) : sq_complex{0.0f, 0.0f};
  x->turn();
  return a;
}

/* x2 = F^-1 D2 r, in natural order. */
template <bool kept>
__device__ __forceinline__ void fused_second_half(fused_thread<kept> &t, fused_exchange *x,
                                                  const sq_complex r[4], sq_complex x2[4]) {
  SQ_UNROLL
  for (int i = 0; i < 4; i++) x2[i] = t.pair(SQ_UNITARY_COS2, i) * r[i];
  fused_inverse_transform(t, x, x2);
}

/* ---- four numbers from and to global memory: rows of 2n, Re then Im ---- */

template <bool kept>
__device__ __forceinline__ void fused_load(fused_thread<kept> &t, const float *row, sq_complex v[4]) {
  SQ_UNROLL
  for (int i = 0; i < 4; i++)
    v[i] = t.active() && row != NULL ? sq_complex{row[t.natural(i)], row[t.n + t.natural(i)]}
                                     : sq_complex{0.0f, 0.0f};
}

template <bool kept>
__device__ __forceinline__ void fused_store(fused_thread<kept> &t, float *row, const sq_complex v[4]) {
  SQ_UNROLL
  for (int i = 0; i < 4; i++)
    if (t.active()) {
      row[t.natural(i)] = v[i].re;
      row[t.n + t.natural(i)] = v[i].im;
    }
}

template <bool kept>
__device__ __forceinline__ void fused_store_reals(fused_thread<kept> &t, float *row, const float v[4]) {
  SQ_UNROLL
  for (int i = 0; i < 4; i++)
    if (t.active()) row[t.natural(i)] = v[i];
}

/* ---- forward ---- */

/* z = D3 R2 x2 + V x, x2 being F^-1 D2 P R1 F D1 h.  V x is in gates, and is read at once if registers can
 * hold it. */
template <bool kept>
__device__ __forceinline__ void fused_product(fused_thread<kept> &t, fused_exchange *x, const float *gates,
                                              const sq_complex h[4], sq_complex z[4]) {
  if constexpr (kept) fused_load(t, gates, z);
  sq_complex v[4], r[4];
  fused_first_half(t, x, h, v);
  fused_permute(t, x, v, r);
  fused_second_half(t, x, r, v);
  float sum[2] = {0.0f, 0.0f};
  SQ_UNROLL
  for (int i = 0; i < 4; i++) sq_add_dot(sum, t.pair(FUSED_V2_RE, i), v[i]);
  sq_block_sums_once<2, 1>(sum);
  const float s = t.run.matrix.scale(1);
  const sq_complex a = {s * sum[0], s * sum[1]};
  if constexpr (!kept) fused_load(t, gates, z);
  SQ_UNROLL
  for (int i = 0; i < 4; i++) z[i] = z[i] + t.pair(SQ_UNITARY_COS3, i) * (v[i] - a * t.pair(FUSED_V2_RE, i));
}

template <bool kept>
__device__ __forceinline__ void fused_forward_step(fused_thread<kept> &t, fused_exchange *x, int64_t at,
                                                   sq_complex h[4], float *next) {
  const fused_run &r = t.run;
  const int64_t step = at / r.batch, b = at % r.batch;
  sq_complex y[4] = {}, z[4] = {};
  float q[4] = {};
  if (r.lengths == NULL || step < r.lengths[b]) {
    fused_product(t, x, r.gates + at * 2 * t.n, h, z);
    SQ_UNROLL
    for (int i = 0; i < 4; i++) y[i] = h[i] = sq_modrelu(z[i], t.get(FUSED_BIAS, i), &q[i]);
  }
  fused_store(t, r.gates + at * 2 * t.n, z);
  fused_store_reals(t, r.aux + at * t.n, q);
  fused_store(t, next, h);
  fused_store(t, r.y + at * r.ldy, y);
}

template <bool kept> __device__ __forceinline__ void fused_forward(const fused_args &args) {
  SQ_SHARED_DYNAMIC(float, shared);
  const fused_run &r = args.run[kept ? blockIdx.y : 0]; /* a place known at compile time needs no registers */
  fused_thread<kept> t(r);
  fused_exchange x(shared, t.n);
  const int64_t row = 2 * t.n, b = blockIdx.x;
  sq_complex h[4];
  fused_load(t, r.state + ((r.reverse ? r.seq_len : 0) * r.batch + b) * row, h);
  for (int64_t i = 0; i < r.seq_len; i++) {
    const int64_t step = r.reverse ? r.seq_len - 1 - i : i;
    t.forget();
    fused_forward_step(t, &x, step * r.batch + b, h,
                       r.state + ((r.reverse ? step : step + 1) * r.batch + b) * row);
  }
}

/* ---- backward ---- */

/* D3 and R2: g becomes the gradient at x2. */
template <bool kept>
__device__ __forceinline__ void fused_backward_last(fused_thread<kept> &t, const sq_complex x2[4],
                                                    sq_complex g[4], fused_gradients<kept> *d) {
  float sums[4] = {0.0f, 0.0f, 0.0f, 0.0f};
  SQ_UNROLL
  for (int i = 0; i < 4; i++) {
    g[i] = sq_conj(t.pair(SQ_UNITARY_COS3, i)) * g[i];
    sq_add_dot(sums, t.pair(FUSED_V2_RE, i), x2[i]);
    sq_add_dot(sums + 2, t.pair(FUSED_V2_RE, i), g[i]);
    t.forget();
  }
  sq_block_sums_once<4, 1>(sums);
  const unitary_reflection r = sq_reflection_of(t.run.matrix.scale(1), sums);
  SQ_UNROLL
  for (int i = 0; i < 4; i++) {
    const sq_complex v = t.pair(FUSED_V2_RE, i), dv = sq_reflection_gradient(r, v, x2[i], g[i]);
    d->add(t, SQ_THETA_PHASES + 2, i, sq_phase_gradient(x2[i] - r.sa * v, g[i]));
    d->add(t, SQ_THETA_V2, i, dv.re);
    d->add(t, SQ_THETA_V2 + 1, i, dv.im);
    g[i] = g[i] - r.sb * v;
    t.forget();
  }
}

/* D2, P and R1: g, at places, becomes the gradient at x1.  `permuted` is P R1 x1, a is s v1^* x1. */
template <bool kept>
__device__ __forceinline__ void
fused_backward_middle(fused_thread<kept> &t, fused_exchange *x, sq_complex a, const fused_stash<kept> &first,
                      const fused_stash<kept> &permuted, sq_complex g[4], fused_gradients<kept> *d) {
  sq_complex x1[4], r[4] = {};
  permuted.take(t, r);

  SQ_UNROLL
  for (int i = 0; i < 4; i++) {
    g[i] = sq_conj(t.pair(SQ_UNITARY_COS2, i)) * g[i];
    d->add(t, SQ_THETA_PHASES + 1, i, sq_phase_gradient(r[i], g[i]));
    if (t.active()) x->now().set(t.from(i), g[i]);
    t.forget();
  }
  __syncthreads();
  if (t.active()) sq_fft_load_run(x->now(), t.j, g);
  x->turn();
  float sums[2] = {0.0f, 0.0f};
  SQ_UNROLL
  for (int i = 0; i < 4; i++) sq_add_dot(sums, t.pair(SQ_UNITARY_V1_RE, i), g[i]);
  sq_block_sums_once<2, 2>(sums);
  const float s = t.run.matrix.scale(0);
  unitary_reflection f = {a, {s * sums[0], s * sums[1]}, 0.0f};
  f.dd = f.sb.re * a.re + f.sb.im * a.im;
  first.take(t, x1);

  SQ_UNROLL
  for (int i = 0; i < 4; i++) {
    const sq_complex v = t.pair(SQ_UNITARY_V1_RE, i), dv = sq_reflection_gradient(f, v, x1[i], g[i]);
    d->add(t, SQ_THETA_V1, i, dv.re);
    d->add(t, SQ_THETA_V1 + 1, i, dv.im);
    g[i] = g[i] - f.sb * v;
    t.forget();
  }
}

/* dh_{t-1} = W^* dz, into g. */
template <bool kept>
__device__ __forceinline__ void fused_backward_product(fused_thread<kept> &t, fused_exchange *x,
                                                       const float *state, const float *dz, sq_complex g[4],
                                                       fused_stash<kept> stash[2], fused_gradients<kept> *d) {
  sq_complex h[4], v[4], r[4];
  fused_load(t, state, h);
  fused_first_half(t, x, h, v);
  stash[0].put(t, v);
  const sq_complex a = fused_permute(t, x, v, r);
  stash[1].put(t, r);
  fused_second_half(t, x, r, v);
  fused_load(t, dz, g); /* which this thread itself has stored, to spare registers */
  fused_backward_last(t, v, g, d);
  fused_forward_transform(t, x, g);
  fused_backward_middle(t, x, a, stash[0], stash[1], g, d);
  fused_inverse_transform(t, x, g);
  fused_load(t, state, h); /* again: it was not kept meanwhile */
  SQ_UNROLL
  for (int i = 0; i < 4; i++) {
    g[i] = sq_conj(t.pair(SQ_UNITARY_COS1, i)) * g[i];
    d->add(t, SQ_THETA_PHASES, i, sq_phase_gradient(h[i], g[i]));
    t.forget();
  }
}

template <bool kept>
__device__ __forceinline__ void fused_backward_step(fused_thread<kept> &t, fused_exchange *x, int64_t at,
                                                    const float *state, sq_complex dh[4],
                                                    fused_stash<kept> stash[2], fused_gradients<kept> *d) {
  const fused_run &r = t.run;
  const int64_t step = at / r.batch, b = at % r.batch;
  const bool valid = r.lengths == NULL || step < r.lengths[b];
  sq_complex dz[4] = {};
  float db[4] = {};
  if (valid) {
    sq_complex z[4], dy[4];
    fused_load(t, r.gates + at * 2 * t.n, z);
    fused_load(t, r.dy != NULL ? r.dy + at * r.ldy : NULL, dy);
    SQ_UNROLL
    for (int i = 0; i < 4; i++) {
      const float q = t.active() ? r.aux[at * t.n + t.natural(i)] : 0.0f;
      dz[i] = sq_modrelu_backward(z[i], t.get(FUSED_BIAS, i), q, dh[i] + dy[i], &db[i]);
    }
  }
  fused_store(t, r.dgates + at * 2 * t.n, dz);
  fused_store_reals(t, r.daux + at * t.n, db);
  if (valid) fused_backward_product(t, x, state, r.dgates + at * 2 * t.n, dh, stash, d);
}

template <bool kept> __device__ __forceinline__ void fused_backward(const fused_args &args) {
  SQ_SHARED_DYNAMIC(float, shared);
  const fused_run &r = args.run[kept ? blockIdx.y : 0]; /* a place known at compile time needs no registers */
  fused_thread<kept> t(r);
  fused_exchange x(shared, t.n);
  const int64_t row = 2 * t.n, b = blockIdx.x;
  fused_gradients<kept> d(r.grads + b * SQ_THETA_PARTS * t.n);
  fused_stash<kept> stash[2];
  for (int i = 0; i < 2; i++) stash[i].memory = shared + (4 + 2 * i) * t.n;

  sq_complex dh[4];
  fused_load(t, r.dstate + b * row, dh);
  for (int64_t i = r.seq_len - 1; i >= 0; i--) {
    const int64_t step = r.reverse ? r.seq_len - 1 - i : i;
    t.forget();
    fused_backward_step(t, &x, step * r.batch + b,
                        r.state + ((r.reverse ? step + 1 : step) * r.batch + b) * row, dh, stash, &d);
  }
  fused_store(t, r.dstate + b * row, dh);
  d.store(t);
}

__global__ void __launch_bounds__(FUSED_KEPT / 4) fused_forward_kernel(const fused_args args) {
  fused_forward<true>(args);
}
__global__ void __launch_bounds__(FUSED_KEPT / 4) fused_backward_kernel(const fused_args args) {
  fused_backward<true>(args);
}
__global__ void __launch_bounds__(FUSED_MOST / 4) fused_wide_forward_kernel(const fused_args args) {
  fused_forward<false>(args);
}
__global__ void __launch_bounds__(FUSED_MOST / 4) fused_wide_backward_kernel(const fused_args args) {
  fused_backward<false>(args);
}

typedef void fused_kernel(const fused_args args);

/* [wide][backward] */
fused_kernel *const fused_kernels[2][2] = {{fused_forward_kernel, fused_backward_kernel},
                                           {fused_wide_forward_kernel, fused_wide_backward_kernel}};

/* ---- from the host ---- */

unsigned threads_of(int64_t n) { return (unsigned)(n < 4 * SQ_WARP ? (int64_t)SQ_WARP : n / 4); }

/* Two vectors to exchange through; above FUSED_KEPT, backward puts away two more. */
size_t shared_of(int64_t n, int backward) {
  return (backward && n > FUSED_KEPT ? 8 : 4) * (size_t)n * sizeof(float);
}

fused_run run_of(const sq_job &job) {
  const sq_layout *l = job.layout;
  const int64_t n = l->config.hidden_size;
  const sq_layer_run *s = job.run;
  const float *params = static_cast<const float *>(s->params);
  fused_run r = {};
  r.seq_len = s->seq_len;
  r.batch = s->batch;
  r.reverse = s->reverse;
  r.lengths = s->lengths;
  r.matrix = sq_unitary_of(n, params + l->param[l->product[0].param].offset, job.prepared[0]);
  r.bias = params + l->param[sq_layout_param(l, "bias_mod")].offset;
  r.gates = job.gates;
  r.aux = job.aux;
  r.state = job.state[0];
  r.y = static_cast<float *>(s->y);
  r.dy = static_cast<const float *>(s->dy);
  r.ldy = s->ldy;
  r.dgates = job.dgates;
  r.daux = job.daux;
  r.dstate = job.dstate[0];
  r.grads = job.grads[0];
  return r;
}

int launch(sq_exec *exec, const sq_job *jobs, int count, int backward) {
  const int64_t n = jobs->layout->config.hidden_size;
  if (count > 1 && n > FUSED_KEPT) { /* those kernels run one direction */
    const int error = launch(exec, jobs, 1, backward);
    return error != 0 ? error : launch(exec, jobs + 1, count - 1, backward);
  }
  fused_args args = {};
  for (int i = 0; i < count; i++) args.run[i] = run_of(jobs[i]);
  return sq_launch_as(exec, {1, false}, backward ? "fused_backward_kernel" : "fused_forward_kernel",
                      fused_kernels[n > FUSED_KEPT][backward],
                      dim3((unsigned)jobs->run->batch, (unsigned)count), threads_of(n),
                      shared_of(n, backward), args);
}

int forward(sq_exec *exec, const sq_layer_run *runs, int count) {
  sq_job jobs[2] = {};
  int error = 0;
  for (int i = 0; i < count && error == 0; i++) error = sq_job_begin(exec, &runs[i], &jobs[i]);
  if (error == 0) error = launch(exec, jobs, count, 0);
  for (int i = 0; i < count && error == 0; i++) error = sq_job_end(exec, jobs[i]);
  return error;
}

int backward(sq_exec *exec, const sq_layer_run *runs, int count) {
  sq_job jobs[2] = {};
  int error = 0;
  for (int i = 0; i < count && error == 0; i++) error = sq_job_begin_backward(exec, &runs[i], &jobs[i]);
  if (error == 0) error = launch(exec, jobs, count, 1);
  for (int i = 0; i < count && error == 0; i++) error = sq_job_end_backward(exec, jobs[i]);
  return error;
}

/* Blocks that the device holds at a time; 0 if not even one. */
int resident(sq_exec *exec, int64_t n, int backward) {
  int blocks = 0;
  const int error = sq_resident(exec, {1, false}, fused_kernels[n > FUSED_KEPT][backward], threads_of(n),
                                shared_of(n, backward), &blocks);
  return error == 0 ? blocks : 0;
}

} // namespace

extern "C" const char *SQ_GPU(fused_refuses)(sq_exec *exec, const sq_problem *p, char *text, size_t size) {
  const int64_t n = p->layout->config.hidden_size;
  if (strcmp(p->layout->cell->name, "urnn") != 0) return "cell: fused runs urnn only";
  if (n < FUSED_LEAST || n > FUSED_MOST || !sq_fft_fast(n)) {
    snprintf(text, size, "hidden_size: %lld; it must be one of the powers of two from %d to %d", (long long)n,
             (int)FUSED_LEAST, (int)FUSED_MOST);
    return text;
  }
  if (p->directions > 2) return "directions: a launch takes 1 or 2";
  if (resident(exec, n, 0) == 0 || (p->training && resident(exec, n, 1) == 0)) {
    snprintf(text, size,
             "hidden_size: %lld needs %lld bytes of shared memory per block, more than the device has",
             (long long)n, (long long)shared_of(n, p->training));
    return text;
  }
  return NULL;
}

/* Microseconds: an exchange of a block costs about 0.05, and twice that where a block fills its processor.
 * As many sequences as the device holds (a guess: 100 processors, each with 2048 / n blocks, or 4 from n =
 * 512 on) take as long as one. */
extern "C" double SQ_GPU(fused_estimate)(sq_exec *, const sq_problem *p) {
  const double n = (double)p->layout->config.hidden_size;
  const double held = 100.0 * (n < 512 ? 2048 / n : 4.0), rows = (double)(p->batch * p->directions);
  const double step = (log2(n) + 4) * (0.05 + n / 40960);
  const double passes = p->training ? 3 : 1; /* backward has twice the transforms */
  return 5.0 + passes * (double)p->seq_len * step * ceil(rows / held);
}

extern "C" int64_t SQ_GPU(fused_workspace)(const sq_layout *l, int64_t seq_len, int64_t batch, int training) {
  return sq_job_workspace(l, seq_len, batch, training);
}

extern "C" int SQ_GPU(fused_forward)(sq_exec *exec, const sq_layer_run *runs, int count) {
  return forward(exec, runs, count);
}

extern "C" int SQ_GPU(fused_backward)(sq_exec *exec, const sq_layer_run *runs, int count) {
  return backward(exec, runs, count);
}
