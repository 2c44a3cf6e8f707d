/* clip.cu - the norm of the gradient over all tensors, and clipping, without a host round trip.
 * Pascanu, Mikolov, Bengio, "On the difficulty of training recurrent neural networks", ICML 2013, algorithm
 * 1.
 *
 *   norm = sqrt(sum of squares)                              in double precision
 *   NORM   g *= min(1, threshold / norm)
 *   AUTO   threshold = factor * average, then
 *          average += (min(norm, 10 average) - average) / min(updates, window)
 *   VALUE  g = min(max(g, -threshold), threshold)
 *   a norm that is not finite: scale 0 and all gradients 0 (NONE leaves them alone)
 *
 * Three kernels, each over up to CLIP_TENSORS tensors per launch:
 *   squares   CLIP_BLOCKS blocks of 256 threads walk every tensor; block i adds its sum to partial i, one
 *             launch after the other, so the order of the sum depends on the sizes only.  4 bytes and one
 *             multiply-add per element
 *   decide    one block: adds the partials, writes the state
 *   change    one row of blocks per tensor; returns at once if the state says that nothing changes.  8 bytes
 *             per element
 * All are limited by memory.  Shared: 256 bytes, for block sums.  The partials are doubles in the context's
 * scratch.
 */
#include "kernels/ops.h"
#include "kernels/simt.h"

namespace {

enum { CLIP_TENSORS = 64, CLIP_THREADS = 256 };
#ifdef SEQGPU_EMULATE
enum { CLIP_BLOCKS = 3 };
#else
enum { CLIP_BLOCKS = 512 };
#endif

/* The tensors of one launch; they fit into the arguments of a kernel. */
struct clip_tensors {
  int count;
  float *data[CLIP_TENSORS];
  int64_t sizes[CLIP_TENSORS];
};

__global__ void __launch_bounds__(CLIP_THREADS)
    clip_squares_kernel(clip_tensors t, double *partial, bool first) {
  double sum = 0.0;
  for (int k = 0; k < t.count; k++)
    SQ_FOR_EACH(i, t.sizes[k]) sum += (double)t.data[k][i] * (double)t.data[k][i];
  sum = sq_block_sum(sum);
  if (threadIdx.x == 0) partial[blockIdx.x] = first ? sum : partial[blockIdx.x] + sum;
}

/* The rule, as a kernel takes it. */
struct clip_rule {
  sq_clip_kind kind;
  double threshold, window;
};

/* AUTO: the threshold of this update, and the average for the next one.  Without an average nothing is
 * clipped. */
__device__ double clip_threshold(const clip_rule &rule, double norm, float *state) {
  const double average = (double)state[2], updates = (double)state[3] + 1.0;
  if (!(average > 0.0)) {
    state[2] = (float)norm;
    return norm;
  }
  const double seen = fmin(norm, 10.0 * average), span = fmax(1.0, fmin(updates, rule.window));
  state[2] = (float)(average + (seen - average) / span);
  return rule.threshold * average;
}

__global__ void __launch_bounds__(CLIP_THREADS)
    clip_decide_kernel(clip_rule rule, const double *partial, float *state) {
  double sum = 0.0;
  for (int i = (int)threadIdx.x; i < CLIP_BLOCKS; i += CLIP_THREADS) sum += partial[i];
  sum = sq_block_sum(sum);
  if (threadIdx.x != 0) return;
  const double norm = sqrt(sum);
  const bool finite = isfinite((float)norm);
  double scale = finite ? 1.0 : 0.0;
  if (finite && (rule.kind == SQ_CLIP_NORM || rule.kind == SQ_CLIP_AUTO)) {
    const double threshold = rule.kind == SQ_CLIP_AUTO ? clip_threshold(rule, norm, state) : rule.threshold;
    if (norm > threshold) scale = threshold / norm;
  }
  state[0] = (float)norm;
  state[1] = (float)scale;
  state[3] += finite ? 1.0f : 0.0f;
  state[4] = finite ? 1.0f : 0.0f;
}

__global__ void clip_change_kernel(clip_tensors t, clip_rule rule, const float *state) {
  const bool finite = state[4] != 0.0f;
  const float scale = state[1], limit = (float)rule.threshold;
  if (finite && rule.kind != SQ_CLIP_VALUE && scale >= 1.0f) return;
  float *g = t.data[blockIdx.y];
  SQ_FOR_EACH(i, t.sizes[blockIdx.y]) {
    if (!finite)
      g[i] = 0.0f; /* not 0 * NaN */
    else if (rule.kind == SQ_CLIP_VALUE)
      g[i] = fminf(fmaxf(g[i], -limit), limit);
    else
      g[i] *= scale;
  }
}

/* As many tensors from `first` on as fit. */
clip_tensors clip_group(const sq_tensor_list &list, int64_t first) {
  clip_tensors t = {};
  while (t.count < CLIP_TENSORS && first + t.count < list.count) {
    t.data[t.count] = static_cast<float *>(list.data[first + t.count]);
    t.sizes[t.count] = list.sizes[first + t.count];
    t.count++;
  }
  return t;
}

int64_t clip_largest(const clip_tensors &t) {
  int64_t largest = 0;
  for (int k = 0; k < t.count; k++) largest = t.sizes[k] > largest ? t.sizes[k] : largest;
  return largest;
}

} // namespace

extern "C" int SQ_GPU(clip)(sq_exec *exec, const sq_clip_args *a) {
  const clip_rule rule = {a->kind, a->threshold, a->window};
  double *partial = reinterpret_cast<double *>(sq_gpu_of(exec)->scratch);
  float *state = static_cast<float *>(a->state);
  int error = 0;
  for (int64_t k = 0; error == 0 && (k == 0 || k < a->grads.count); k += CLIP_TENSORS)
    error = SQ_LAUNCH(exec, clip_squares_kernel, CLIP_BLOCKS, CLIP_THREADS, 0, clip_group(a->grads, k),
                      partial, k == 0);
  if (error == 0) error = SQ_LAUNCH(exec, clip_decide_kernel, 1, CLIP_THREADS, 0, rule, partial, state);
  if (rule.kind == SQ_CLIP_NONE) return error;
  for (int64_t k = 0; error == 0 && k < a->grads.count; k += CLIP_TENSORS) {
    const clip_tensors t = clip_group(a->grads, k);
    const dim3 grid(sq_blocks(clip_largest(t), CLIP_THREADS), (unsigned)t.count);
    error = SQ_LAUNCH(exec, clip_change_kernel, grid, CLIP_THREADS, 0, t, rule, state);
  }
  return error;
}
