/* loss.h - what the losses over rows (xent.cu, mse.cu, bce.cu, ctc.cu, mixture.cu) share: from the rows'
 * losses to the loss, and what every gradient is multiplied by.
 *
 *   loss = scale sum_r loss_r / N,   N = unmasked rows times `width` if mean (at least 1), else 1
 */
#ifndef SQ_KERNELS_LOSS_H
#define SQ_KERNELS_LOSS_H

#include "core/lengths.h"
#include "kernels/simt.h"

enum { LOSS_THREADS = 256 };

static __device__ __forceinline__ double sq_loss_divisor(int mean, double count, double width) {
  const double n = count * width;
  return mean && n > 1.0 ? n : 1.0;
}

/* One block of LOSS_THREADS threads adds the rows' losses in double precision, in a fixed order; masked(r),
 * asked once of every row, is true for rows that do not count. */
template <typename Masked>
static __device__ __forceinline__ void sq_loss_store(int64_t rows, const void *row_loss, Masked masked,
                                                     int mean, double scale, double width, void *out) {
  double sum = 0.0, count = 0.0;
  for (int64_t r = threadIdx.x; r < rows; r += LOSS_THREADS) {
    const bool counts = !masked(r);
    sum += counts ? (double)static_cast<const float *>(row_loss)[r] : 0.0;
    count += counts ? 1.0 : 0.0;
  }
  sum = sq_block_sum(sum);
  count = sq_block_sum(count);
  if (threadIdx.x != 0) return;
  float *loss = static_cast<float *>(out);
  loss[0] = (float)(scale * sum / sq_loss_divisor(mean, count, width));
  loss[1] = (float)count;
}

/* dloss scale / N;  dloss NULL = 1. */
static __device__ __forceinline__ double sq_loss_gradient(const void *loss, const void *dloss, int mean,
                                                          double scale, double width) {
  const double count = (double)static_cast<const float *>(loss)[1];
  return (dloss != NULL ? (double)*static_cast<const float *>(dloss) : 1.0) * scale /
         sq_loss_divisor(mean, count, width);
}

#endif
