/* attention.cu - additive and multiplicative attention of one decoder step.
 * Bahdanau, Cho, Bengio, "Neural machine translation by jointly learning to align and translate", ICLR 2015.
 * Luong, Pham, Manning, "Effective approaches to attention-based neural machine translation", EMNLP 2015.
 *
 *   e[s,b] = v . tanh(query[b] + keys[s,b])        A.1.2
 *   e[s,b] = query[b] . keys[s,b]                  where v is NULL: Luong's eq. 8, "dot"
 *   a[:,b] = softmax of e[:,b] over s < length_b   eq. 6
 *   context[b] = sum_s a[s,b] values[s,b]          eq. 5
 *
 * Backward, with g = dcontext and th = tanh(query + keys) computed again:
 *   dvalues[s,b] += a[s,b] g[b]
 *   de[s,b] = a[s,b] (g[b].values[s,b] - sum_k a[k,b] g[b].values[k,b])
 *   dp = de v (1 - th^2):  dkeys += dp,  dquery[b] = sum_s dp,  dv += sum_{s,b} de th
 *   without v:  dkeys[s,b] += de query[b],  dquery[b] = sum_s de keys[s,b]
 *
 * Tangent, with a t before what moves:
 *   te[s,b] = tv . th + v . ((1 - th^2) (tquery[b] + tkeys[s,b]))
 *   without v: te[s,b] = tquery[b] . keys[s,b] + query[b] . tkeys[s,b]
 *   tcontext[b] = sum_s a[s,b] ((te[s,b] - sum_k a[k,b] te[k,b]) values[s,b] + tvalues[s,b])
 *
 * forward    scores    one warp per pair (s,b), 4 warps per block;  4 bytes and, with v, one tanh per element
 *                      of keys
 *            contexts  one block of 128 threads per sequence;  4 bytes and one multiply-add per element of
 *                      values
 * backward   scores    one warp per pair (s,b);  12 bytes per element of values
 *            softmax   one block of 128 threads per sequence
 *            keys      one thread per pair (b,d), 32 columns x 8 sequences per block, loop over s;  12 bytes
 *                      and, with v, one tanh per element of keys;  dv in parts to the context's scratch, then
 *                      added in order
 * tangent    as forward: a warp per pair, then a block per sequence
 * All are limited by memory, or by launches when source and batch are small.  Shared: 1 KB or less, for sums.
 * Padded source steps have weight 0, and their keys and values are not read.
 */
#include "core/lengths.h"
#include "kernels/bias.h"
#include "kernels/ops.h"
#include "kernels/softmax.h"

namespace {

enum { ATTENTION_WARPS = 4, ATTENTION_THREADS = 128 };

typedef const float *reals;

/* The pairs (s,b) that this warp takes: row = s * B + b. */
#define FOR_EACH_PAIR(row, a)                                                                                \
  for (int64_t row = (int64_t)blockIdx.x * ATTENTION_WARPS + threadIdx.y; row < (a).source_len * (a).batch;  \
       row += (int64_t)gridDim.x * ATTENTION_WARPS)

__global__ void attention_scores_kernel(sq_attention_args a) {
  FOR_EACH_PAIR(row, a) {
    const int64_t s = row / a.batch, b = row % a.batch;
    reals q = (reals)a.query + b * a.dim, k = (reals)a.keys + row * a.dim, v = (reals)a.v;
    float e = 0.0f;
    if (s < sq_length_within(a.lengths, b, a.source_len))
      for (int64_t d = threadIdx.x; d < a.dim; d += SQ_WARP)
        e += v == NULL ? q[d] * k[d] : v[d] * sq_tanh(q[d] + k[d]);
    e = sq_warp_sum(e);
    if (threadIdx.x == 0) static_cast<float *>(a.weights)[row] = e;
  }
}

__global__ void __launch_bounds__(ATTENTION_THREADS) attention_contexts_kernel(sq_attention_args a) {
  for (int64_t b = blockIdx.x; b < a.batch; b += gridDim.x) {
    const int64_t n = sq_length_within(a.lengths, b, a.source_len);
    float *weights = static_cast<float *>(a.weights) + b;
    sq_softmax<ATTENTION_THREADS>(n, a.batch, weights, weights);
    __syncthreads(); /* all threads see all weights */
    for (int64_t j = threadIdx.x; j < a.value_dim; j += ATTENTION_THREADS) {
      reals value = (reals)a.values + b * a.value_dim + j;
      float sum = 0.0f;
      for (int64_t s = 0; s < n; s++) sum += weights[s * a.batch] * value[s * a.batch * a.value_dim];
      static_cast<float *>(a.context)[b * a.value_dim + j] = sum;
    }
  }
}

/* dvalues, and g . values into the first S*B elements of scratch. */
__global__ void attention_dscores_kernel(sq_attention_args a) {
  FOR_EACH_PAIR(row, a) {
    const int64_t s = row / a.batch, b = row % a.batch;
    reals g = (reals)a.dcontext + b * a.value_dim, value = (reals)a.values + row * a.value_dim;
    float *dvalue = static_cast<float *>(a.dvalues) + row * a.value_dim;
    const float weight = ((reals)a.weights)[row];
    float dot = 0.0f;
    if (s < sq_length_within(a.lengths, b, a.source_len))
      for (int64_t j = threadIdx.x; j < a.value_dim; j += SQ_WARP) {
        dot += g[j] * value[j];
        dvalue[j] += weight * g[j];
      }
    dot = sq_warp_sum(dot);
    if (threadIdx.x == 0) static_cast<float *>(a.scratch)[row] = dot;
  }
}

/* Through the softmax: scratch becomes de. */
__global__ void __launch_bounds__(ATTENTION_THREADS) attention_dsoftmax_kernel(sq_attention_args a) {
  for (int64_t b = blockIdx.x; b < a.batch; b += gridDim.x) {
    const int64_t n = sq_length_within(a.lengths, b, a.source_len);
    reals weight = (reals)a.weights + b;
    float *de = static_cast<float *>(a.scratch) + b;
    sq_softmax_slope<ATTENTION_THREADS>(n, a.batch, weight, de, 0, de);
  }
}

/* Element (b,d) over all s: dkeys and dquery; returns its part of dv[d]. */
__device__ __forceinline__ float key_gradients(const sq_attention_args &a, int64_t b, int64_t d) {
  const int64_t n = sq_length_within(a.lengths, b, a.source_len), stride = a.batch * a.dim,
                at = b * a.dim + d;
  const bool product = a.v == NULL;
  const float q = ((reals)a.query)[at], v = product ? 0.0f : ((reals)a.v)[d];
  reals de = (reals)a.scratch + b, key = (reals)a.keys + at;
  float *dkey = static_cast<float *>(a.dkeys) + at;
  float dq = 0.0f, dv = 0.0f;
  for (int64_t s = 0; s < n; s++) {
    const float k = key[s * stride], slope = de[s * a.batch], th = product ? 0.0f : sq_tanh(q + k);
    const float dp = slope * v * (1.0f - th * th);
    dkey[s * stride] += product ? slope * q : dp;
    dq += product ? slope * k : dp;
    dv += slope * th;
  }
  static_cast<float *>(a.dquery)[at] = dq;
  return dv;
}

/* part_rows sequences from blockIdx.y * part_rows on.  Their dv goes to out + blockIdx.y * dim, or is added
 * to it if there is only one part; out NULL: there is no v. */
__global__ void attention_dkeys_kernel(sq_attention_args a, int64_t part_rows, float *out, int accumulate) {
  const int64_t first = (int64_t)blockIdx.y * part_rows;
  const int64_t last = first + part_rows < a.batch ? first + part_rows : a.batch;
  for (int64_t tile = blockIdx.x; tile * SQ_TILE_COLS < a.dim; tile += gridDim.x) {
    const int64_t d = tile * SQ_TILE_COLS + threadIdx.x;
    float dv = 0.0f;
    for (int64_t b = first + threadIdx.y; b < last && d < a.dim; b += SQ_TILE_ROWS)
      dv += key_gradients(a, b, d);
    if (out == NULL) continue;
    dv = sq_column_sum(dv);
    if (threadIdx.y != 0 || d >= a.dim) continue;
    float *to = out + (int64_t)blockIdx.y * a.dim + d;
    *to = dv + (accumulate ? *to : 0.0f);
  }
}

int launch_dkeys(sq_exec *exec, const sq_attention_args *a) {
  float *dv = static_cast<float *>(a->dv), *scratch = sq_gpu_of(exec)->scratch;
  const int64_t parts = sq_parts(a->batch, SQ_TILE_ROWS, a->dim);
  const dim3 grid(sq_blocks(a->dim, SQ_TILE_COLS), (unsigned)parts);
  const int whole = parts == 1 || dv == NULL;
  const int error = SQ_LAUNCH(exec, attention_dkeys_kernel, grid, sq_matrix_block(), 0, *a,
                              sq_ceil_div(a->batch, parts), whole ? dv : scratch, whole);
  if (error != 0 || whole) return error;
  return sq_gpu_add_parts(exec, scratch, parts, a->dim, dv);
}

/* A tangent's element, 0 if there is none. */
__device__ __forceinline__ float moved(const void *tangent, int64_t at) {
  return tangent == NULL ? 0.0f : static_cast<reals>(tangent)[at];
}

/* te, in the first S*B elements of scratch. */
__global__ void attention_tscores_kernel(sq_attention_args a) {
  FOR_EACH_PAIR(row, a) {
    const int64_t s = row / a.batch, b = row % a.batch;
    float te = 0.0f;
    if (s < sq_length_within(a.lengths, b, a.source_len))
      for (int64_t d = threadIdx.x; d < a.dim; d += SQ_WARP) {
        const int64_t q = b * a.dim + d, k = row * a.dim + d;
        const float query = ((reals)a.query)[q], key = ((reals)a.keys)[k];
        const float tquery = moved(a.tquery, q), tkey = moved(a.tkeys, k);
        if (a.v == NULL) {
          te += tquery * key + query * tkey;
          continue;
        }
        const float th = sq_tanh(query + key);
        te += moved(a.tv, d) * th + ((reals)a.v)[d] * (1.0f - th * th) * (tquery + tkey);
      }
    te = sq_warp_sum(te);
    if (threadIdx.x == 0) static_cast<float *>(a.scratch)[row] = te;
  }
}

__global__ void __launch_bounds__(ATTENTION_THREADS) attention_tcontexts_kernel(sq_attention_args a) {
  for (int64_t b = blockIdx.x; b < a.batch; b += gridDim.x) {
    const int64_t n = sq_length_within(a.lengths, b, a.source_len);
    reals weight = (reals)a.weights + b;
    float *te = static_cast<float *>(a.scratch) + b;
    sq_softmax_slope<ATTENTION_THREADS>(n, a.batch, weight, te, 0, te);
    __syncthreads(); /* all threads see how all weights move */
    for (int64_t j = threadIdx.x; j < a.value_dim; j += ATTENTION_THREADS) {
      float sum = 0.0f;
      for (int64_t s = 0; s < n; s++) {
        const int64_t row = s * a.batch, value = (row + b) * a.value_dim + j;
        sum += te[row] * ((reals)a.values)[value] + weight[row] * moved(a.tvalues, value);
      }
      static_cast<float *>(a.tcontext)[b * a.value_dim + j] = sum;
    }
  }
}

} // namespace

extern "C" int SQ_GPU(attention_forward)(sq_exec *exec, const sq_attention_args *a) {
  const unsigned pairs = sq_blocks(a->source_len * a->batch, ATTENTION_WARPS);
  const int error = SQ_LAUNCH(exec, attention_scores_kernel, pairs, dim3(SQ_WARP, ATTENTION_WARPS), 0, *a);
  if (error != 0) return error;
  return SQ_LAUNCH(exec, attention_contexts_kernel, sq_blocks(a->batch, 1), ATTENTION_THREADS, 0, *a);
}

extern "C" int SQ_GPU(attention_backward)(sq_exec *exec, const sq_attention_args *a) {
  const unsigned pairs = sq_blocks(a->source_len * a->batch, ATTENTION_WARPS);
  int error = SQ_LAUNCH(exec, attention_dscores_kernel, pairs, dim3(SQ_WARP, ATTENTION_WARPS), 0, *a);
  if (error == 0)
    error = SQ_LAUNCH(exec, attention_dsoftmax_kernel, sq_blocks(a->batch, 1), ATTENTION_THREADS, 0, *a);
  return error != 0 ? error : launch_dkeys(exec, a);
}

extern "C" int SQ_GPU(attention_tangent)(sq_exec *exec, const sq_attention_args *a) {
  const unsigned pairs = sq_blocks(a->source_len * a->batch, ATTENTION_WARPS);
  const int error = SQ_LAUNCH(exec, attention_tscores_kernel, pairs, dim3(SQ_WARP, ATTENTION_WARPS), 0, *a);
  if (error != 0) return error;
  return SQ_LAUNCH(exec, attention_tcontexts_kernel, sq_blocks(a->batch, 1), ATTENTION_THREADS, 0, *a);
}
