/* softmax.c - softmax of rows, of the first n_r = lengths[r % batch] elements of each.
 *
 *   y[r,v] = exp(x[r,v] - m_r) / sum_{u < n_r} exp(x[r,u] - m_r)    m_r = max_u x[r,u]: exp cannot overflow
 *   dx[r,v] = y[r,v] (dy[r,v] - sum_u y[r,u] dy[r,u])
 *   ty[r,v] = y[r,v] (tx[r,v] - sum_u y[r,u] tx[r,u])               the Jacobian diag(y) - y y^T is symmetric
 *
 * Beyond n_r everything is 0, and x and dy are not read.
 */
#include "core/softmax.h"

#include "core/lengths.h"
#include "core/ops_cpu.h"

/* Elements of row r that count. */
static int64_t columns_of(const sq_softmax_args *a, int64_t r) {
  return a->lengths == NULL ? a->cols : sq_length_within(a->lengths, r % a->batch, a->cols);
}

SQ_CLONES static void forward_rows(const void *arg, int64_t first, int64_t last) {
  const sq_softmax_args *a = arg;
  for (int64_t r = first; r < last; r++) {
    const int64_t n = columns_of(a, r);
    real *y = (real *)a->y + r * a->cols;
    FN(sq_softmax)(SQ_LANES, n, 1, (const real *)a->x + r * a->cols, y);
    for (int64_t v = n; v < a->cols; v++) y[v] = 0;
  }
}

int FN(sq_cpu_softmax_forward)(sq_exec *exec, const sq_softmax_args *a) {
  sq_split(exec, a->rows, 1, 8 * a->cols, forward_rows, a);
  return 0;
}

SQ_CLONES static void backward_rows(const void *arg, int64_t first, int64_t last) {
  const sq_softmax_args *a = arg;
  for (int64_t r = first; r < last; r++) {
    const int64_t n = columns_of(a, r), at = r * a->cols;
    real *dx = (real *)a->dx + at;
    FN(sq_softmax_slope)
    (SQ_LANES, n, 1, (const real *)a->y + at, (const real *)a->dy + at, a->accumulate, dx);
    for (int64_t v = n; v < a->cols && !a->accumulate; v++) dx[v] = 0;
  }
}

int FN(sq_cpu_softmax_backward)(sq_exec *exec, const sq_softmax_args *a) {
  sq_split(exec, a->rows, 1, 2 * a->cols, backward_rows, a);
  return 0;
}
