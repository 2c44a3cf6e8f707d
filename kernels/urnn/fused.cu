/* fused.cu - the algorithm `fused`: all time steps of a unitary evolution RNN in one kernel (core/urnn.c,
 * core/unitary.c).
 *
 * One block per sequence and direction; a thread owns four numbers of every vector (fused.h), so h, the factors
 * and all gradients of parameters stay in its registers.
 *   forward, per step: log2 n - 1 exchanges, two block sums;     two transforms, and 62 n operations
 *   backward:          2 log2 n - 2 exchanges, three block sums;  four transforms, and 155 n operations
 * A transform takes 8.5 n operations for each pass with factors, 11.5 n where their powers are not kept, and 4 n for
 * the last one, or 2 n if that is one stage.
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
#include "kernels/urnn/fused.h"

namespace {

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

/* The gradients of a thread's numbers of theta: phases 3, v1 2, v2 2. */
enum { FUSED_GRADIENTS = SQ_THETA_PERMUTATION };

__host__ __device__ constexpr bool fused_gradient_is_placed(int part) {
  return part == SQ_THETA_PHASES + 1 || part == SQ_THETA_V1 || part == SQ_THETA_V1 + 1;
}

template <int bits> struct fused_gradients {
  enum { KEPT = fused_size<bits>::KEPT };
  float *grads; /* of this sequence */
  float sum[KEPT ? FUSED_GRADIENTS : 1][4];

  __device__ __forceinline__ explicit fused_gradients(float *to) : grads(to), sum{} {}
  __device__ __forceinline__ float *place(const fused_thread<bits> &t, int part, int i) const {
    const bool is_placed = fused_gradient_is_placed(part);
    return grads + part * t.N +
           (is_placed ? (int)t.matrix.prepared[SQ_UNITARY_ORDER * t.N + t.placed(i)] : t.natural(i));
  }
  __device__ __forceinline__ void add(const fused_thread<bits> &t, int part, int i, float d) {
    if (KEPT)
      sum[KEPT ? part : 0][i] += d;
    else if (t.active())
      *place(t, part, i) += d;
  }
  __device__ __forceinline__ void store(const fused_thread<bits> &t) const {
    if constexpr (KEPT) {
      SQ_UNROLL
      for (int p = 0; p < FUSED_GRADIENTS; p++)
        for (int i = 0; i < 4; i++)
          if (t.active()) *place(t, p, i) += sum[p][i];
    }
  }
};

/* Four numbers at places, put away until they are needed: in registers, or in the thread's part of shared
 * memory. */
template <int bits> struct fused_stash {
  enum { KEPT = fused_size<bits>::KEPT, N = fused_size<bits>::N };
  sq_complex value[KEPT ? 4 : 1];
  float *memory;

  __device__ __forceinline__ void put(const fused_thread<bits> &t, const sq_complex v[4]) {
    if constexpr (KEPT) {
      for (int i = 0; i < 4; i++) value[i] = v[i];
    } else {
      if (t.active()) sq_fft_store_run(sq_planes_at(memory, N), t.j, v);
    }
  }
  __device__ __forceinline__ void take(const fused_thread<bits> &t, sq_complex v[4]) const {
    if constexpr (KEPT) {
      for (int i = 0; i < 4; i++) v[i] = value[i];
    } else {
      if (t.active()) sq_fft_load_run(sq_planes_at(memory, N), t.j, v);
    }
  }
};

/* ---- the walk over the sequence ---- */

/* Where the rows of the block's sequence at the present step begin.  A walk adds strides: places worked out from
 * the step would take 64-bit products in each. */
struct fused_walk {
  int64_t step, left; /* of the sequence; steps still to come */
  int direction;      /* from a step to the next of the walk */
  int64_t row;        /* step B + b */

  __device__ __forceinline__ fused_walk(const fused_run &r, bool up)
      : step(up ? 0 : r.seq_len - 1), left(r.seq_len), direction(up ? 1 : -1),
        row(step * r.batch + blockIdx.x) {}
  __device__ __forceinline__ void go(const fused_run &r) {
    step += direction;
    row += direction * r.batch;
    left--;
  }
  __device__ __forceinline__ bool valid(const fused_run &r) const {
    return r.lengths == NULL || step < r.lengths[blockIdx.x];
  }
};

/* ---- the product's factors ---- */

/* x1 = F D1 h, at places. */
template <int bits>
__device__ __forceinline__ void fused_first_half(fused_thread<bits> &t, fused_exchange<bits> *x,
                                                 const sq_complex h[4], sq_complex x1[4]) {
  SQ_UNROLL
  for (int i = 0; i < 4; i++) x1[i] = t.pair(SQ_UNITARY_COS1, i) * h[i];
  fused_forward_transform(t, x, x1);
}

/* r = P R1 x1, at places; returns s v1^* x1. */
template <int bits>
__device__ __forceinline__ sq_complex fused_permute(fused_thread<bits> &t, fused_exchange<bits> *x,
                                                    const sq_complex x1[4], sq_complex r[4]) {
  float sum[2] = {0.0f, 0.0f};
  SQ_UNROLL
  for (int i = 0; i < 4; i++) sq_add_dot(sum, t.pair(SQ_UNITARY_V1_RE, i), x1[i]);
  if (t.active()) sq_fft_store_run(x->now(), t.j, x1);
  fused_sums<bits, 2, 0>(sum); /* also a barrier */
  const float s = t.matrix.scale(0);
  const sq_complex a = {s * sum[0], s * sum[1]};
  SQ_UNROLL
  for (int i = 0; i < 4; i++)
    r[i] = t.active() ? x->now().get(t.from(i)) - a * t.pair(SQ_UNITARY_PV1_RE, i) : sq_complex{0.0f, 0.0f};
  x->turn();
  return a;
}

/* x2 = F^-1 D2 r, in natural order. */
template <int bits>
__device__ __forceinline__ void fused_second_half(fused_thread<bits> &t, fused_exchange<bits> *x,
                                                  const sq_complex r[4], sq_complex x2[4]) {
  SQ_UNROLL
  for (int i = 0; i < 4; i++) x2[i] = t.pair(SQ_UNITARY_COS2, i) * r[i];
  fused_inverse_transform(t, x, x2);
}

/* ---- forward ---- */

/* z = D3 R2 x2 + V x, x2 being F^-1 D2 P R1 F D1 h.  V x is in gates, and is read at once if registers can
 * hold it. */
template <int bits>
__device__ __forceinline__ void fused_product(fused_thread<bits> &t, fused_exchange<bits> *x,
                                              const float *gates, const sq_complex h[4], sq_complex z[4]) {
  if constexpr (fused_thread<bits>::KEPT) fused_load(t, gates, z);
  sq_complex v[4], r[4];
  fused_first_half(t, x, h, v);
  fused_permute(t, x, v, r);
  fused_second_half(t, x, r, v);
  float sum[2] = {0.0f, 0.0f};
  SQ_UNROLL
  for (int i = 0; i < 4; i++) sq_add_dot(sum, t.pair(FUSED_V2_RE, i), v[i]);
  fused_sums<bits, 2, 1>(sum);
  const float s = t.matrix.scale(1);
  const sq_complex a = {s * sum[0], s * sum[1]};
  if constexpr (!fused_thread<bits>::KEPT) fused_load(t, gates, z);
  SQ_UNROLL
  for (int i = 0; i < 4; i++) z[i] = z[i] + t.pair(SQ_UNITARY_COS3, i) * (v[i] - a * t.pair(FUSED_V2_RE, i));
}

template <int bits>
__device__ __forceinline__ void fused_forward_step(fused_thread<bits> &t, fused_exchange<bits> *x,
                                                   const fused_run &r, const fused_walk &at,
                                                   sq_complex h[4]) {
  float *gates = r.gates + at.row * 2 * t.N, *next = r.state + (at.row + (r.reverse ? 0 : r.batch)) * 2 * t.N;
  sq_complex y[4] = {}, z[4] = {};
  float q[4] = {};
  if (at.valid(r)) {
    fused_product(t, x, gates, h, z);
    SQ_UNROLL
    for (int i = 0; i < 4; i++) y[i] = h[i] = sq_modrelu(z[i], t.get(FUSED_BIAS, i), &q[i]);
  }
  fused_store(t, gates, z);
  fused_store_reals(t, r.aux + at.row * t.N, q);
  fused_store(t, next, h);
  fused_store(t, r.y + at.row * r.ldy, y);
}

template <int bits> __device__ __forceinline__ void fused_forward(const fused_run &r) {
  SQ_SHARED_DYNAMIC(float, shared);
  fused_thread<bits> t(r.matrix, r.bias);
  fused_exchange<bits> x(shared);
  fused_walk at(r, !r.reverse);
  sq_complex h[4];
  fused_load(t, r.state + (at.row + (r.reverse ? r.batch : 0)) * 2 * t.N, h);
  for (; at.left > 0; at.go(r)) {
    t.forget();
    fused_forward_step(t, &x, r, at, h);
  }
}

/* ---- backward ---- */

/* D3 and R2: g becomes the gradient at x2. */
template <int bits>
__device__ __forceinline__ void fused_backward_last(fused_thread<bits> &t, const sq_complex x2[4],
                                                    sq_complex g[4], fused_gradients<bits> *d) {
  float sums[4] = {0.0f, 0.0f, 0.0f, 0.0f};
  SQ_UNROLL
  for (int i = 0; i < 4; i++) {
    g[i] = sq_conj(t.pair(SQ_UNITARY_COS3, i)) * g[i];
    sq_add_dot(sums, t.pair(FUSED_V2_RE, i), x2[i]);
    sq_add_dot(sums + 2, t.pair(FUSED_V2_RE, i), g[i]);
    t.forget();
  }
  fused_sums<bits, 4, 1>(sums);
  const unitary_reflection r = sq_reflection_of(t.matrix.scale(1), sums);
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
template <int bits>
__device__ __forceinline__ void fused_backward_middle(fused_thread<bits> &t, fused_exchange<bits> *x,
                                                      sq_complex a, const fused_stash<bits> &first,
                                                      const fused_stash<bits> &permuted, sq_complex g[4],
                                                      fused_gradients<bits> *d) {
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
  fused_sums<bits, 2, 2>(sums);
  const float s = t.matrix.scale(0);
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

/* dh_{t-1} = W^* dz, into g, which is dz.  What registers cannot hold meanwhile is read again. */
template <int bits>
__device__ __forceinline__ void fused_backward_product(fused_thread<bits> &t, fused_exchange<bits> *x,
                                                       const float *state, const float *dz, sq_complex h[4],
                                                       sq_complex g[4], fused_stash<bits> stash[2],
                                                       fused_gradients<bits> *d) {
  sq_complex v[4], r[4];
  if constexpr (!fused_thread<bits>::KEPT) fused_load(t, state, h);
  fused_first_half(t, x, h, v);
  stash[0].put(t, v);
  const sq_complex a = fused_permute(t, x, v, r);
  stash[1].put(t, r);
  fused_second_half(t, x, r, v);
  if constexpr (!fused_thread<bits>::KEPT) fused_load(t, dz, g); /* which this thread itself has stored */
  fused_backward_last(t, v, g, d);
  fused_forward_transform(t, x, g);
  fused_backward_middle(t, x, a, stash[0], stash[1], g, d);
  fused_inverse_transform(t, x, g);
  if constexpr (!fused_thread<bits>::KEPT) fused_load(t, state, h);
  SQ_UNROLL
  for (int i = 0; i < 4; i++) {
    g[i] = sq_conj(t.pair(SQ_UNITARY_COS1, i)) * g[i];
    d->add(t, SQ_THETA_PHASES, i, sq_phase_gradient(h[i], g[i]));
    t.forget();
  }
}

template <int bits>
__device__ __forceinline__ void
fused_backward_step(fused_thread<bits> &t, fused_exchange<bits> *x, const fused_run &r, const fused_walk &at,
                    sq_complex dh[4], fused_stash<bits> stash[2], fused_gradients<bits> *d) {
  const bool valid = at.valid(r);
  const float *state = r.state + (at.row + (r.reverse ? r.batch : 0)) * 2 * t.N;
  float *dgates = r.dgates + at.row * 2 * t.N;
  sq_complex dz[4] = {}, h[4];
  float db[4] = {};
  if constexpr (fused_thread<bits>::KEPT) fused_load(t, state, h);
  if (valid) {
    sq_complex z[4], dy[4];
    fused_load(t, r.gates + at.row * 2 * t.N, z);
    fused_load(t, r.dy != NULL ? r.dy + at.row * r.ldy : NULL, dy);
    SQ_UNROLL
    for (int i = 0; i < 4; i++) {
      const float q = t.active() ? r.aux[at.row * t.N + t.natural(i)] : 0.0f;
      dz[i] = sq_modrelu_backward(z[i], t.get(FUSED_BIAS, i), q, dh[i] + dy[i], &db[i]);
    }
  }
  fused_store(t, dgates, dz);
  fused_store_reals(t, r.daux + at.row * t.N, db);
  if (!valid) return;
  SQ_UNROLL
  for (int i = 0; i < 4; i++) dh[i] = dz[i];
  fused_backward_product(t, x, state, dgates, h, dh, stash, d);
}

template <int bits> __device__ __forceinline__ void fused_backward(const fused_run &r) {
  SQ_SHARED_DYNAMIC(float, shared);
  fused_thread<bits> t(r.matrix, r.bias);
  fused_exchange<bits> x(shared);
  fused_gradients<bits> d(r.grads + (int64_t)blockIdx.x * SQ_THETA_PARTS * t.N);
  fused_stash<bits> stash[2];
  for (int i = 0; i < 2; i++) stash[i].memory = shared + (4 + 2 * i) * t.N;

  float *dstate = r.dstate + (int64_t)blockIdx.x * 2 * t.N;
  sq_complex dh[4];
  fused_load(t, dstate, dh);
  for (fused_walk at(r, r.reverse != 0); at.left > 0; at.go(r)) {
    t.forget();
    fused_backward_step(t, &x, r, at, dh, stash, &d);
  }
  fused_store(t, dstate, dh);
  d.store(t);
}

/* Up to FUSED_KEPT_BITS a launch takes both directions; above, a place of the arguments that is known at compile
 * time takes no registers. */
template <int bits, bool backward>
__global__ void __launch_bounds__(fused_size<bits>::THREADS, fused_size<bits>::KEPT && !backward ? 2 : 1)
    fused_main(const __grid_constant__ fused_args args) {
  const fused_run &r = args.run[fused_size<bits>::KEPT ? blockIdx.y : 0];
  if (backward)
    fused_backward<bits>(r);
  else
    fused_forward<bits>(r);
}

typedef void fused_kernel(const fused_args args);

struct fused_row {
  fused_kernel *run[2]; /* forward, backward */
  unsigned threads;
};
template <int bits> fused_row fused_row_of(void) {
  return {{fused_main<bits, false>, fused_main<bits, true>}, (unsigned)fused_size<bits>::THREADS};
}

/* From FUSED_LEAST_BITS on. */
const fused_row fused_rows[] = {fused_row_of<2>(),  fused_row_of<3>(),  fused_row_of<4>(), fused_row_of<5>(),
                                fused_row_of<6>(),  fused_row_of<7>(),  fused_row_of<8>(), fused_row_of<9>(),
                                fused_row_of<10>(), fused_row_of<11>(), fused_row_of<12>()};

/* ---- from the host ---- */

const int64_t FUSED_LEAST = 1 << FUSED_LEAST_BITS, FUSED_MOST = 1 << FUSED_MOST_BITS,
              FUSED_KEPT = 1 << FUSED_KEPT_BITS;

const fused_row &row_of(int64_t n) { return fused_rows[sq_fft_stages(n) - FUSED_LEAST_BITS]; }

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
                      row_of(n).run[backward], dim3((unsigned)jobs->run->batch, (unsigned)count),
                      row_of(n).threads, shared_of(n, backward), args);
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

/* *blocks: that the device holds at a time; 0 if not even one. */
int resident(sq_exec *exec, int64_t n, int backward, int *blocks) {
  return sq_resident(exec, {1, false}, row_of(n).run[backward], row_of(n).threads, shared_of(n, backward),
                     blocks);
}

} // namespace

extern "C" const char *SQ_GPU(fused_refuses)(sq_exec *exec, const sq_problem *p, char *text, size_t size) {
  const int64_t n = p->layout->config.hidden_size;
  if (strcmp(p->layout->cell->name, "urnn") != 0) return "cell: fused runs urnn only";
  if (n < FUSED_LEAST || n > FUSED_MOST || !sq_fft_fast(n)) {
    snprintf(text, size, "hidden_size: %lld; it must be one of the powers of two from %lld to %lld",
             (long long)n, (long long)FUSED_LEAST, (long long)FUSED_MOST);
    return text;
  }
  if (p->directions > 2) return "directions: a launch takes 1 or 2";
  int blocks = 0, least = 0;
  int error = resident(exec, n, 0, &least);
  if (error == 0 && p->training) error = resident(exec, n, 1, &blocks);
  if (error != 0) return sq_no_answer;
  if (least == 0 || (p->training && blocks == 0)) {
    snprintf(text, size,
             "hidden_size: %lld needs %lld bytes of shared memory per block, more than the device has",
             (long long)n, (long long)shared_of(n, p->training));
    return text;
  }
  return NULL;
}

/* Microseconds: an exchange of a block costs 0.1 and more, the larger the block; fitted to n = 512 and 1024 on an
 * H100.  As many sequences as the device holds (a guess: 100 processors, each with 2048 / n blocks, or 4 from n =
 * 512 on) take as long as one. */
extern "C" double SQ_GPU(fused_estimate)(sq_exec *, const sq_problem *p) {
  const double n = (double)p->layout->config.hidden_size;
  const double held = 100.0 * (n < 512 ? 2048 / n : 4.0), rows = (double)(p->batch * p->directions);
  const double step = (log2(n) + 4) * (0.1 + n / 20480);
  const double passes = p->training ? 2.9 : 1; /* backward has twice the transforms */
  return 5.0 + passes * (double)p->seq_len * step * ceil(rows / held);
}

extern "C" int64_t SQ_GPU(fused_workspace)(const sq_layout *l, int64_t seq_len, int64_t batch, int training,
                                           sq_math) {
  return sq_job_workspace(l, seq_len, batch, training);
}

extern "C" int SQ_GPU(fused_forward)(sq_exec *exec, const sq_layer_run *runs, int count) {
  return forward(exec, runs, count);
}

extern "C" int SQ_GPU(fused_backward)(sq_exec *exec, const sq_layer_run *runs, int count) {
  return backward(exec, runs, count);
}
