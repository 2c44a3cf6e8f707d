/* window.cu - a window of Gaussians that slides over characters (core/window.c has the equations).
 * Graves, "Generating sequences with recurrent neural networks", 2013, equations 46 to 51.
 *
 *   phi(u) = sum_j exp(a_j - exp(b_j) (kappa_j - u)^2),  kappa_t = kappa_{t-1} + exp(k_t),  u = 1 ... n + 1
 *   context = sum_{u <= n} phi(u) values_u
 *   d(u) = dcontext . values_u;  da = sum_u d e,  db = -beta sum_u d e q^2,  dkappa += -2 beta sum_u d e q
 *   tphi(u) = sum_j e_j(u) (ta - beta q (q tb + 2 tkappa)),  q = kappa_j - u
 *
 * forward    kappa     one thread per pair (b,j), loop over steps;  12 bytes and an exp a step
 *            contexts  one block of 128 threads per pair (t,b): a thread per character, K exp each; then
 *                      a thread per element of context, loop over characters
 * backward   moments   one block per pair (t,b): d by a thread per character, then a warp per Gaussian
 *            kappa     one thread per pair (b,j), loop back over steps
 *            values    one thread per element (u,b,c), loop over steps
 * tangent    as forward
 *
 * A model that steps calls this once a step, with a block or a few: launches limit it.  Longer runs are
 * limited by exp.  No shared memory; phi, d and tphi pass through L2.
 */
#include "core/lengths.h"
#include "kernels/ops.h"
#include "kernels/simt.h"

namespace {

enum { WINDOW_THREADS = 128, WINDOW_WARPS = WINDOW_THREADS / SQ_WARP };

typedef const float *reals;

/* Element i of a tensor that may be NULL, which stands for zeros. */
__device__ __forceinline__ float window_at(const void *tensor, int64_t i) {
  return tensor == NULL ? 0.0f : static_cast<reals>(tensor)[i];
}

/* The pairs (t,b) that this block takes: row = t * B + b. */
#define FOR_EACH_ROW(row, a) for (int64_t row = blockIdx.x; row < (a).seq_len * (a).batch; row += gridDim.x)

__global__ void window_kappa_kernel(sq_window_args a) {
  const int64_t K = a.gaussians, pairs = a.batch * K;
  SQ_FOR_EACH(i, pairs) {
    const int64_t b = i / K, j = i % K;
    float sum = window_at(a.before, i);
    for (int64_t t = 0; t < a.seq_len; t++) {
      sum += expf(static_cast<reals>(a.params)[(t * a.batch + b) * 3 * K + 2 * K + j]);
      static_cast<float *>(a.kappa)[t * pairs + i] = sum;
    }
  }
}

/* context, or its tangent: sum over u of weight(u) values_u, and of more(u) tvalues_u. */
__device__ __forceinline__ void window_read(const sq_window_args &a, int64_t row, const float *weight,
                                            const float *more, float *context) {
  const int64_t b = row % a.batch, n = sq_length_within(a.lengths, b, a.source_len),
                stride = a.batch * a.value_dim;
  for (int64_t c = threadIdx.x; c < a.value_dim; c += WINDOW_THREADS) {
    const int64_t first = b * a.value_dim + c;
    float sum = 0.0f;
    for (int64_t u = 0; u < n; u++) {
      sum += weight[u] * static_cast<reals>(a.values)[first + u * stride];
      if (more != NULL) sum += more[u] * static_cast<reals>(a.tvalues)[first + u * stride];
    }
    context[row * a.value_dim + c] = sum;
  }
}

__global__ void __launch_bounds__(WINDOW_THREADS) window_contexts_kernel(sq_window_args a) {
  const int64_t K = a.gaussians, P = a.source_len + 1;
  FOR_EACH_ROW(row, a) {
    const int64_t n = sq_length_within(a.lengths, row % a.batch, a.source_len);
    reals params = (reals)a.params + row * 3 * K, kappa = (reals)a.kappa + row * K;
    float *phi = static_cast<float *>(a.phi) + row * P;
    for (int64_t u = threadIdx.x; u < P; u += WINDOW_THREADS) {
      float sum = 0.0f;
      for (int64_t j = 0; u <= n && j < K; j++) {
        const float q = kappa[j] - (float)(u + 1);
        sum += expf(params[j] - expf(params[K + j]) * q * q);
      }
      phi[u] = sum;
    }
    __syncthreads(); /* all threads see all of phi */
    window_read(a, row, phi, NULL, static_cast<float *>(a.context));
  }
}

/* d in scratch; of dparams all but the gradient at k, in whose place stands this step's part of dkappa. */
__global__ void __launch_bounds__(WINDOW_THREADS) window_moments_kernel(sq_window_args a) {
  const int64_t K = a.gaussians, C = a.value_dim;
  const unsigned lane = threadIdx.x % SQ_WARP;
  FOR_EACH_ROW(row, a) {
    const int64_t b = row % a.batch, n = sq_length_within(a.lengths, b, a.source_len);
    reals params = (reals)a.params + row * 3 * K, kappa = (reals)a.kappa + row * K;
    float *d = static_cast<float *>(a.scratch) + row * (a.source_len + 1),
          *dparams = static_cast<float *>(a.dparams) + row * 3 * K;
    for (int64_t u = threadIdx.x; u < n; u += WINDOW_THREADS) {
      reals value = (reals)a.values + (u * a.batch + b) * C;
      float dot = 0.0f;
      for (int64_t c = 0; a.dcontext != NULL && c < C; c++)
        dot += static_cast<reals>(a.dcontext)[row * C + c] * value[c];
      d[u] = dot;
    }
    __syncthreads(); /* all threads see all of d */
    for (int64_t j = threadIdx.x / SQ_WARP; j < K; j += WINDOW_WARPS) {
      const float beta = expf(params[K + j]);
      float zero = 0.0f, one = 0.0f, two = 0.0f;
      for (int64_t u = lane; u < n; u += SQ_WARP) {
        const float q = kappa[j] - (float)(u + 1), de = d[u] * expf(params[j] - beta * q * q);
        zero += de;
        one += de * q;
        two += de * q * q;
      }
      zero = sq_warp_sum(zero);
      one = sq_warp_sum(one);
      two = sq_warp_sum(two);
      if (lane != 0) continue;
      dparams[j] = zero;
      dparams[K + j] = -beta * two;
      dparams[2 * K + j] = -2.0f * beta * one;
    }
  }
}

__global__ void window_dkappa_kernel(sq_window_args a) {
  const int64_t K = a.gaussians, pairs = a.batch * K;
  SQ_FOR_EACH(i, pairs) {
    float sum = window_at(a.dlast, i);
    for (int64_t t = a.seq_len - 1; t >= 0; t--) {
      const int64_t at = (t * a.batch + i / K) * 3 * K + 2 * K + i % K;
      float *dk = static_cast<float *>(a.dparams) + at;
      sum += *dk;
      *dk = expf(static_cast<reals>(a.params)[at]) * sum;
    }
    static_cast<float *>(a.dbefore)[i] = sum;
  }
}

__global__ void window_dvalues_kernel(sq_window_args a) {
  const int64_t C = a.value_dim, P = a.source_len + 1, count = a.source_len * a.batch * C;
  SQ_FOR_EACH(i, count) {
    const int64_t u = i / (a.batch * C), b = i / C % a.batch, c = i % C;
    if (u >= sq_length_within(a.lengths, b, a.source_len)) continue;
    float sum = 0.0f;
    for (int64_t t = 0; t < a.seq_len; t++) {
      const int64_t row = t * a.batch + b;
      sum += static_cast<reals>(a.phi)[row * P + u] * static_cast<reals>(a.dcontext)[row * C + c];
    }
    static_cast<float *>(a.dvalues)[i] += sum;
  }
}

__global__ void window_tkappa_kernel(sq_window_args a) {
  const int64_t K = a.gaussians, pairs = a.batch * K;
  SQ_FOR_EACH(i, pairs) {
    float sum = window_at(a.tbefore, i);
    for (int64_t t = 0; t < a.seq_len; t++) {
      const int64_t at = (t * a.batch + i / K) * 3 * K + 2 * K + i % K;
      sum += expf(static_cast<reals>(a.params)[at]) * window_at(a.tparams, at);
      static_cast<float *>(a.tkappa)[t * pairs + i] = sum;
    }
  }
}

__global__ void __launch_bounds__(WINDOW_THREADS) window_tcontexts_kernel(sq_window_args a) {
  const int64_t K = a.gaussians, P = a.source_len + 1;
  FOR_EACH_ROW(row, a) {
    const int64_t n = sq_length_within(a.lengths, row % a.batch, a.source_len), first = row * 3 * K;
    reals params = (reals)a.params + first, kappa = (reals)a.kappa + row * K,
          tkappa = (reals)a.tkappa + row * K, phi = (reals)a.phi + row * P;
    float *tphi = static_cast<float *>(a.scratch) + row * P;
    for (int64_t u = threadIdx.x; u < n; u += WINDOW_THREADS) {
      float sum = 0.0f;
      for (int64_t j = 0; j < K; j++) {
        const float beta = expf(params[K + j]), q = kappa[j] - (float)(u + 1);
        sum += expf(params[j] - beta * q * q) *
               (window_at(a.tparams, first + j) -
                beta * q * (q * window_at(a.tparams, first + K + j) + 2.0f * tkappa[j]));
      }
      tphi[u] = sum;
    }
    __syncthreads(); /* all threads see all of tphi */
    window_read(a, row, tphi, a.tvalues ? phi : NULL, static_cast<float *>(a.tcontext));
  }
}

/* One block per pair (t,b). */
unsigned window_rows(const sq_window_args *a) { return sq_blocks(a->seq_len * a->batch, 1); }
/* One thread per pair (b,j). */
unsigned window_pairs(const sq_window_args *a) { return sq_blocks(a->batch * a->gaussians, WINDOW_THREADS); }

} // namespace

extern "C" int SQ_GPU(window_forward)(sq_exec *exec, const sq_window_args *a) {
  const int error = SQ_LAUNCH(exec, window_kappa_kernel, window_pairs(a), WINDOW_THREADS, 0, *a);
  if (error != 0) return error;
  return SQ_LAUNCH(exec, window_contexts_kernel, window_rows(a), WINDOW_THREADS, 0, *a);
}

extern "C" int SQ_GPU(window_backward)(sq_exec *exec, const sq_window_args *a) {
  const int64_t values = a->source_len * a->batch * a->value_dim;
  int error = SQ_LAUNCH(exec, window_moments_kernel, window_rows(a), WINDOW_THREADS, 0, *a);
  if (error == 0) error = SQ_LAUNCH(exec, window_dkappa_kernel, window_pairs(a), WINDOW_THREADS, 0, *a);
  if (error != 0 || a->dvalues == NULL || a->dcontext == NULL) return error;
  return SQ_LAUNCH(exec, window_dvalues_kernel, sq_blocks(values, WINDOW_THREADS), WINDOW_THREADS, 0, *a);
}

extern "C" int SQ_GPU(window_tangent)(sq_exec *exec, const sq_window_args *a) {
  const int error = SQ_LAUNCH(exec, window_tkappa_kernel, window_pairs(a), WINDOW_THREADS, 0, *a);
  if (error != 0) return error;
  return SQ_LAUNCH(exec, window_tcontexts_kernel, window_rows(a), WINDOW_THREADS, 0, *a);
}
