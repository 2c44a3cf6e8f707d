/* shuffle.c - see shuffle.h. */
#include "host/data/shuffle.h"

#include "seqgpu/seqgpu.h"

void shuffle(int32_t *out, int64_t n, uint64_t seed, uint64_t stream) {
  for (int64_t i = 0; i < n; i++) {
    const int64_t j = (int64_t)(seqgpu_uniform(seed, stream, (uint64_t)i) * (double)(i + 1));
    if (j != i) out[i] = out[j];
    out[j] = (int32_t)i;
  }
}
