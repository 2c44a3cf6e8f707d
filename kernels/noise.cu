/* noise.cu - noise on gradients: x += sigma times a number that is as good as normal (core/noise.h).
 *
 * Launch: up to NOISE_TENSORS tensors per launch, one row of blocks of 256 threads per tensor, one thread
 * per element, grid-stride.  No shared memory.  8 bytes and a Philox block (some 120 integer operations)
 * per element.
 */
#include "kernels/ops.h"
#include "kernels/simt.h"

#include "core/noise.h"

namespace {

enum { NOISE_TENSORS = 64, NOISE_THREADS = 256 };

struct noise_tensors {
  int count;
  float *x[NOISE_TENSORS];
  int64_t sizes[NOISE_TENSORS];
  uint64_t first[NOISE_TENSORS]; /* of x[0] in the long vector */
};

__global__ void __launch_bounds__(NOISE_THREADS)
    noise_kernel(noise_tensors t, float scale, uint64_t seed, uint64_t stream) {
  const unsigned k = blockIdx.y;
  float *x = t.x[k];
  const uint64_t first = t.first[k];
  SQ_FOR_EACH(i, t.sizes[k]) x[i] += scale * (float)sq_noise_number(seed, stream, first + (uint64_t)i);
}

} // namespace

extern "C" int SQ_GPU(noise)(sq_exec *exec, const sq_noise_args *a) {
  const float scale = (float)sq_noise_scale(a->sigma);
  uint64_t place = 0;
  int error = 0;
  for (int64_t k = 0; error == 0 && k < a->tensors.count;) {
    noise_tensors t = {};
    int64_t largest = 0;
    for (; k < a->tensors.count && t.count < NOISE_TENSORS; k++, t.count++) {
      const int64_t size = a->tensors.sizes[k];
      t.x[t.count] = static_cast<float *>(a->tensors.data[k]);
      t.sizes[t.count] = size;
      t.first[t.count] = place;
      place += (uint64_t)size;
      if (size > largest) largest = size;
    }
    const dim3 grid(sq_blocks(largest, NOISE_THREADS), (unsigned)t.count);
    error = SQ_LAUNCH(exec, noise_kernel, grid, NOISE_THREADS, 0, t, scale, a->seed, a->stream);
  }
  return error;
}
