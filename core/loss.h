/* loss.h - what the losses over rows (xent.c, mse.c, bce.c, ctc.c, mixture.c) share: from the rows' losses
 * to the loss, and what every gradient is multiplied by.
 *
 *   loss = scale sum_r loss_r / N,   N = unmasked rows times `width` if mean (at least 1), else 1
 */
#ifndef SQ_LOSS_H
#define SQ_LOSS_H

#include "core/lengths.h"
#include "core/real.h"

static inline double sq_loss_divisor(int mean, double count, double width) {
  const double n = count * width;
  return mean && n > 1 ? n : 1;
}

/* loss[0] and loss[1] from the sum over the unmasked rows and their number. */
SQ_INLINE void FN(sq_loss_store)(double sum, double count, int mean, double scale, double width, real *loss) {
  loss[0] = (real)(scale * sum / sq_loss_divisor(mean, count, width));
  loss[1] = (real)count;
}

/* dloss scale / N;  dloss NULL = 1. */
SQ_INLINE double FN(sq_loss_gradient)(const real *loss, const real *dloss, int mean, double scale,
                                      double width) {
  return (dloss ? (double)*dloss : 1) * scale / sq_loss_divisor(mean, (double)loss[1], width);
}

#endif
