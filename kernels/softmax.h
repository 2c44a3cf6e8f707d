/* softmax.h - a softmax and what passes through it, of n numbers that lie `stride` apart, by the threads of a
 * row (kernels/rows.h).  A thread reads back what it has written itself and no more: whoever reads the
 * numbers of others waits for the row's threads first. */
#ifndef SQ_KERNELS_SOFTMAX_H
#define SQ_KERNELS_SOFTMAX_H

#include "kernels/rows.h"

/* y = softmax of x; y may be x.  fmaxf loses a NaN, and the sum brings it back. */
template <int threads>
static __device__ __forceinline__ void sq_softmax(int64_t n, int64_t stride, const float *x, float *y) {
  float max = -INFINITY, sum = 0.0f;
  for (int64_t i = threadIdx.x; i < n; i += threads) max = fmaxf(max, x[i * stride]);
  max = sq_row_max<threads>(max);
  for (int64_t i = threadIdx.x; i < n; i += threads) {
    const float e = expf(x[i * stride] - max);
    y[i * stride] = e;
    sum += e;
  }
  sum = sq_row_sum<threads>(sum);
  for (int64_t i = threadIdx.x; i < n; i += threads) y[i * stride] /= sum;
}

/* out (+)= y (d - y . d), the way of a gradient and of a tangent; out may be d. */
template <int threads>
static __device__ __forceinline__ void sq_softmax_slope(int64_t n, int64_t stride, const float *y,
                                                        const float *d, int accumulate, float *out) {
  float mean = 0.0f;
  for (int64_t i = threadIdx.x; i < n; i += threads) mean += y[i * stride] * d[i * stride];
  mean = sq_row_sum<threads>(mean);
  for (int64_t i = threadIdx.x; i < n; i += threads) {
    const float slope = y[i * stride] * (d[i * stride] - mean);
    out[i * stride] = accumulate ? out[i * stride] + slope : slope;
  }
}

#endif
