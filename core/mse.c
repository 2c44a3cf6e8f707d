/* mse.c - squared error with a mask.
 *
 *   loss_r = sum_d (x[r,d] - target[r,d])^2                       0 where masked
 *   loss   = scale sum_r loss_r / N            N = elements of the unmasked rows if mean (at least 1), else 1
 *   dx[r,d] = 2 (x[r,d] - target[r,d]) dloss scale / N            0 where masked
 *
 * Masked rows are not read, so they may be NaN.  Sums are in double precision, in the order of d and of r.
 */
#include "core/ops_cpu.h"

#include "core/loss.h"

static int masked(const sq_mse_args *a, int64_t r) { return a->mask != NULL && a->mask[r] == 0; }

static void forward_rows(const void *arg, int64_t first, int64_t last) {
  const sq_mse_args *a = arg;
  real *row_loss = a->row_loss;
  for (int64_t r = first; r < last; r++) {
    const real *x = (const real *)a->x + r * a->dim, *target = (const real *)a->targets + r * a->dim;
    double sum = 0;
    for (int64_t d = 0; d < a->dim && !masked(a, r); d++) {
      const double error = (double)x[d] - (double)target[d];
      sum += error * error;
    }
    row_loss[r] = (real)sum;
  }
}

int FN(sq_cpu_mse_forward)(sq_exec *exec, const sq_mse_args *a) {
  sq_split(exec, a->rows, 1, a->dim, forward_rows, a);
  double sum = 0, count = 0;
  for (int64_t r = 0; r < a->rows; r++) {
    sum += (double)((const real *)a->row_loss)[r];
    count += masked(a, r) ? 0 : 1;
  }
  FN(sq_loss_store)(sum, count, a->mean, a->scale, (double)a->dim, a->loss);
  return 0;
}

static void backward_rows(const void *arg, int64_t first, int64_t last) {
  const sq_mse_args *a = arg;
  const real scale = (real)(2 * FN(sq_loss_gradient)(a->loss, a->dloss, a->mean, a->scale, (double)a->dim));
  for (int64_t r = first; r < last; r++) {
    const real *x = (const real *)a->x + r * a->dim, *target = (const real *)a->targets + r * a->dim;
    real *dx = (real *)a->dx + r * a->dim;
    if (masked(a, r)) {
      for (int64_t d = 0; d < a->dim; d++) dx[d] = 0;
      continue;
    }
    for (int64_t d = 0; d < a->dim; d++) dx[d] = (x[d] - target[d]) * scale;
  }
}

int FN(sq_cpu_mse_backward)(sq_exec *exec, const sq_mse_args *a) {
  sq_split(exec, a->rows, 1, a->dim, backward_rows, a);
  return 0;
}
