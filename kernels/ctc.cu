/* ctc.cu - connectionist temporal classification (core/ctc.c has the equations, and says why in this way).
 * Graves, Fernandez, Gomez, Schmidhuber, "Connectionist temporal classification", ICML 2006.
 *
 *   l         the labels with blanks before, between and behind them: S = 2 L_b + 1 states
 *   a_t(s)    = p_t(l_s) (a_{t-1}(s) + a_{t-1}(s-1) + skip_s a_{t-1}(s-2))
 *   b_t(s)    = sum over the states s' that follow s of p_{t+1}(l_s') b_{t+1}(s')
 *   loss_b    = -log P,  P = a_T(S-1) + a_T(S-2)                      SQ_CTC_IMPOSSIBLE where P = 0
 *   o_t(s)    = a_t(s) b_t(s) / sum_s' a_t(s') b_t(s')
 *   dlogits   = (p_t(k) - sum_{s: l_s = k} o_t(s)) dloss scale / N
 *
 * normal     one warp per row (t,b), 4 warps per block; two passes over the classes, the second from the
 * cache sequences  one block of 128 threads per sequence, a thread for every 128th state; steps one after
 * the other, 3
 *            barriers forward and 5 backward a step, 12 bytes and up to 3 exp and one log a state and step, and as
 *            much again backward.  Limited by the latency of a step.  Shared: 256 bytes, for sums.
 * loss       one block of 256 threads adds the sequences' losses in double precision, in a fixed order
 * backward   one block of 128 threads per row (t,b); 8 bytes and one exp a class.  The states of a label are
 * added by
 *            the thread of the first of them, in their order, which reads all later labels: L^2 / 2 comparisons.
 */
#include "kernels/loss.h"
#include "kernels/ops.h"

namespace {

enum { CTC_WARPS = 4, CTC_THREADS = 128 };

/* Sequence b of the batch. */
struct ctc_sequence {
  const sq_ctc_args &a;
  int64_t b, steps, states;

  __device__ __forceinline__ ctc_sequence(const sq_ctc_args &args, int64_t sequence)
      : a(args), b(sequence), steps(sq_length_within(args.lengths, sequence, args.seq_len)),
        states(2 * sq_length_within(args.label_lengths, sequence, args.label_len) + 1) {}

  __device__ __forceinline__ int64_t row(int64_t t) const { return t * a.batch + b; }
  __device__ __forceinline__ float *states_of(void *rows, int64_t t) const {
    return static_cast<float *>(rows) + row(t) * (2 * a.label_len + 1);
  }
  __device__ __forceinline__ int64_t label(int64_t s) const {
    return s % 2 != 0 ? a.labels[s / 2 * a.batch + b] : a.blank;
  }
  __device__ __forceinline__ bool may_skip(int64_t s) const {
    return s % 2 != 0 && s > 1 && label(s) != label(s - 2);
  }
  /* States first(t)..end(t)-1 can be reached, and reach the end. */
  __device__ __forceinline__ int64_t first(int64_t t) const {
    const int64_t state = states - 2 * (steps - t);
    return state < 0 ? 0 : state;
  }
  __device__ __forceinline__ int64_t end(int64_t t) const {
    return states < 2 * (t + 1) ? states : 2 * (t + 1);
  }
  __device__ __forceinline__ float log_output(int64_t t, int64_t s) const {
    const int64_t k = label(s);
    if (k < 0 || k >= a.classes || (s % 2 != 0 && k == a.blank)) return -INFINITY;
    const float *normal = static_cast<const float *>(a.normal) + 2 * row(t);
    return static_cast<const float *>(a.logits)[row(t) * a.classes + k] - normal[0] - normal[1];
  }
};

/* log(exp a + exp b + exp c); NaN where one is. */
__device__ __forceinline__ float ctc_log_sum(float a, float b, float c) {
  const float max = fmaxf(fmaxf(a, b), c);
  if (a != a || b != b || c != c) return NAN;
  return max == -INFINITY ? max : max + logf(expf(a - max) + expf(b - max) + expf(c - max));
}

__device__ __forceinline__ float ctc_at(const float *row, int64_t s, int64_t first, int64_t end) {
  return s >= first && s < end ? row[s] : -INFINITY;
}

/* Over the block, NaN where one is. */
__device__ __forceinline__ float ctc_largest(float v) {
  const float max = sq_block_max(v);
  return sq_block_sum(v != v ? 1.0f : 0.0f) > 0.0f ? NAN : max;
}

/* log P, in every thread; rows: log a_t without what is taken out, of which `keep` are kept. */
__device__ double ctc_forward(const ctc_sequence &q, void *rows, int64_t keep) {
  double taken = 0.0;
  if (q.steps == 0) return q.states == 1 ? 0.0 : -INFINITY;
  for (int64_t t = 0; t < q.steps; t++) {
    const int64_t first = q.first(t), end = q.end(t);
    const float *before = t > 0 ? q.states_of(rows, (t - 1) % keep) : NULL;
    float *now = q.states_of(rows, t % keep), max = -INFINITY;
    bool wrong = false;
    for (int64_t s = first + threadIdx.x; s < end; s += CTC_THREADS) {
      float sum = 0.0f;
      if (t > 0) {
        const int64_t from = q.first(t - 1), to = q.end(t - 1);
        sum = ctc_log_sum(ctc_at(before, s, from, to), ctc_at(before, s - 1, from, to),
                          q.may_skip(s) ? ctc_at(before, s - 2, from, to) : -INFINITY);
      }
      now[s] = sum + q.log_output(t, s);
      wrong = wrong || now[s] != now[s];
      max = fmaxf(max, now[s]);
    }
    max = ctc_largest(wrong ? NAN : max);
    if (max == -INFINITY) return -INFINITY; /* the same in every thread */
    for (int64_t s = first + threadIdx.x; s < end; s += CTC_THREADS) now[s] -= max;
    taken += (double)max;
    __syncthreads();
  }
  const float *last = q.states_of(rows, (q.steps - 1) % keep);
  const int64_t first = q.first(q.steps - 1), end = q.end(q.steps - 1);
  return taken + (double)ctc_log_sum(ctc_at(last, q.states - 1, first, end),
                                     ctc_at(last, q.states - 2, first, end), -INFINITY);
}

/* log b_t from log p_{t+1} b_{t+1} in `after`. */
__device__ __forceinline__ float ctc_beta(const ctc_sequence &q, int64_t t, int64_t s, const float *after) {
  if (t == q.steps - 1) return 0.0f;
  const int64_t from = q.first(t + 1), to = q.end(t + 1);
  const bool skips = s + 2 < q.states && q.may_skip(s + 2);
  return ctc_log_sum(ctc_at(after, s, from, to), ctc_at(after, s + 1, from, to),
                     skips ? ctc_at(after, s + 2, from, to) : -INFINITY);
}

/* The rows, log a_t, become o_t: 0 for the states that are left out. */
__device__ void ctc_occupancy(const ctc_sequence &q) {
  for (int64_t t = q.steps - 1; t >= 0; t--) {
    const int64_t first = q.first(t), end = q.end(t);
    float *row = q.states_of(q.a.occupancy, t), *now = q.states_of(q.a.scratch, t % 2);
    const float *after = q.states_of(q.a.scratch, (t + 1) % 2);
    float max = -INFINITY, sum = 0.0f;
    for (int64_t s = first + threadIdx.x; s < end; s += CTC_THREADS) {
      now[s] = ctc_beta(q, t, s, after);
      row[s] += now[s];
      max = fmaxf(max, row[s]);
    }
    max = sq_block_max(max);
    for (int64_t s = first + threadIdx.x; s < end; s += CTC_THREADS) {
      row[s] = expf(row[s] - max);
      sum += row[s];
    }
    sum = sq_block_sum(sum);
    for (int64_t s = threadIdx.x; s < q.states; s += CTC_THREADS) {
      const bool inside = s >= first && s < end;
      row[s] = inside ? row[s] / sum : 0.0f;
      if (inside) now[s] += q.log_output(t, s) - max;
    }
    __syncthreads();
  }
}

__global__ void ctc_normal_kernel(sq_ctc_args a) {
  const int64_t rows = a.seq_len * a.batch;
  for (int64_t r = (int64_t)blockIdx.x * CTC_WARPS + threadIdx.y; r < rows;
       r += (int64_t)gridDim.x * CTC_WARPS) {
    const int64_t classes = sq_past_length(a.lengths, a.batch, r) ? 0 : a.classes;
    const float *z = static_cast<const float *>(a.logits) + r * a.classes;
    float max = -INFINITY, sum = 0.0f;
    for (int64_t k = threadIdx.x; k < classes; k += SQ_WARP) max = fmaxf(max, z[k]);
    max = sq_warp_max(max);
    for (int64_t k = threadIdx.x; k < classes; k += SQ_WARP) sum += expf(z[k] - max);
    sum = sq_warp_sum(sum);
    if (threadIdx.x != 0) continue;
    float *normal = static_cast<float *>(a.normal) + 2 * r;
    normal[0] = classes > 0 ? max : 0.0f;
    normal[1] = classes > 0 ? logf(sum) : 0.0f;
  }
}

__global__ void __launch_bounds__(CTC_THREADS) ctc_sequences_kernel(sq_ctc_args a) {
  for (int64_t b = blockIdx.x; b < a.batch; b += gridDim.x) {
    const ctc_sequence q(a, b);
    const bool keeps = a.occupancy != NULL;
    const double log_p = keeps ? ctc_forward(q, a.occupancy, q.steps) : ctc_forward(q, a.scratch, 2);
    const bool impossible = log_p == -INFINITY;
    if (threadIdx.x == 0)
      static_cast<float *>(a.row_loss)[b] = impossible ? SQ_CTC_IMPOSSIBLE : (float)-log_p;
    __syncthreads(); /* every thread has read the last row */
    if (keeps && !impossible) ctc_occupancy(q);
  }
}

__global__ void __launch_bounds__(LOSS_THREADS) ctc_loss_kernel(sq_ctc_args a) {
  const auto masked = [&](int64_t b) {
    return static_cast<const float *>(a.row_loss)[b] == SQ_CTC_IMPOSSIBLE;
  };
  sq_loss_store(a.batch, a.row_loss, masked, a.mean, a.scale, 1.0, a.loss);
}

/* The states of the label at position i and of its repeats, 0 unless it is the first of them. */
__device__ __forceinline__ float ctc_of_label(const ctc_sequence &q, const float *o, int64_t i) {
  const int64_t k = q.label(2 * i + 1);
  float sum = 0.0f;
  for (int64_t j = 0; j < i; j++)
    if (q.label(2 * j + 1) == k) return 0.0f;
  for (int64_t j = i; 2 * j + 1 < q.states; j++)
    if (q.label(2 * j + 1) == k) sum += o[2 * j + 1];
  return sum;
}

__global__ void __launch_bounds__(CTC_THREADS) ctc_backward_kernel(sq_ctc_args a) {
  const float scale = (float)sq_loss_gradient(a.loss, a.dloss, a.mean, a.scale, 1.0);
  for (int64_t r = blockIdx.x; r < a.seq_len * a.batch; r += gridDim.x) {
    const ctc_sequence q(a, r % a.batch);
    const float *z = static_cast<const float *>(a.logits) + r * a.classes;
    const float *normal = static_cast<const float *>(a.normal) + 2 * r;
    const float *o = static_cast<const float *>(a.occupancy) + r * (2 * a.label_len + 1);
    float *dz = static_cast<float *>(a.dlogits) + r * a.classes, blanks = 0.0f;
    const bool hidden =
        r / a.batch >= q.steps || static_cast<const float *>(a.row_loss)[q.b] == SQ_CTC_IMPOSSIBLE;
    for (int64_t k = threadIdx.x; k < a.classes; k += CTC_THREADS)
      dz[k] = hidden ? 0.0f : expf(z[k] - normal[0] - normal[1]) * scale;
    if (hidden) continue;
    for (int64_t s = 2 * (int64_t)threadIdx.x; s < q.states; s += 2 * CTC_THREADS) blanks += o[s];
    blanks = sq_block_sum(blanks); /* a barrier: all of dz is there */
    if (threadIdx.x == 0) dz[a.blank] -= blanks * scale;
    for (int64_t i = threadIdx.x; 2 * i + 1 < q.states; i += CTC_THREADS) {
      const float sum = ctc_of_label(q, o, i);
      if (sum != 0.0f) dz[q.label(2 * i + 1)] -= sum * scale;
    }
  }
}

} // namespace

extern "C" int SQ_GPU(ctc_forward)(sq_exec *exec, const sq_ctc_args *a) {
  const unsigned rows = sq_blocks(a->seq_len * a->batch, CTC_WARPS);
  int error = SQ_LAUNCH(exec, ctc_normal_kernel, rows, dim3(SQ_WARP, CTC_WARPS), 0, *a);
  if (error == 0) error = SQ_LAUNCH(exec, ctc_sequences_kernel, sq_blocks(a->batch, 1), CTC_THREADS, 0, *a);
  return error != 0 ? error : SQ_LAUNCH(exec, ctc_loss_kernel, 1, LOSS_THREADS, 0, *a);
}

extern "C" int SQ_GPU(ctc_backward)(sq_exec *exec, const sq_ctc_args *a) {
  return SQ_LAUNCH(exec, ctc_backward_kernel, sq_blocks(a->seq_len * a->batch, 1), CTC_THREADS, 0, *a);
}
