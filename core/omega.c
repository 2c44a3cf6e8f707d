/* omega.c - Pascanu's regulariser against vanishing gradients.
 * Pascanu, Mikolov, Bengio, "On the difficulty of training recurrent neural networks", ICML 2013, section
 * 3.3.
 *
 *   h_t = g(a_t),  a_t = W h_{t-1} + ...          d_t = dE/dh_t, what comes from later steps included
 *   d_t dh_t/dh_{t-1} = v_t W = u_t               v_t = d_t * g'(a_t)
 *   Omega = sum_t ( |u_t| / |d_t| - 1 )^2
 *
 * asks that the error signal keeps its norm on its way back through a step, in its own direction.  Its
 * gradient is the immediate one: with d_t and h_t held constant, |u_t|^2 depends on W alone,
 *   d|u_t|^2 / dW = 2 v_t^T u_t                   so  dOmega/dW = sum_t slope_t v_t^T u_t
 *
 * That is the vanilla network; the paper has no other cell.  With states s_t = (h_t, c_t, ...), gates, and
 * products a = W o of operands o that the old states make, the same is asked of all states together:
 *   d_t = dE/ds_t,  u_t = J_t^T d_t,  J_t = ds_t/ds_{t-1}      norms over all states
 * With d_t, states and gates held constant, |u_t|^2 / 2 has the derivative of <d_t, J_t u> by the weights, u
 * constant.  There each weight stands once, between what backward of the step makes of d_t at its result,
 * da_t, and o'_t, the derivative of its operand along u_t (a Jacobian-vector product of the step):
 *   dOmega/dW = sum_t slope_t da_t^T o'_t         dOmega/dp = sum_t slope_t da_t * o'_t   of a diagonal one
 *   LSTM: o' = u^h for W_hh, u^c for the peepholes of i and f, c'_t, the derivative of c_t, for that of o
 *   GRU, reset before: o' = u^h for U_r and U_u,  r u^h + h_{t-1} r' for U_c, r' = r(1-r) U_r u^h
 *   GRU, reset after:  o' = u^h for all
 * The pass is core/layer_signals.c's.
 *
 * The mean over the sequences of a batch is the paper's form, NORMS.  The authors' code has another, SQUARES:
 * ratios of squared norms, and the mean over all steps that count.  In both a step counts where
 * |d_t|^2 >= 1e-20.
 *
 * omega_signal is one step of the vanilla network's recurrence d_{t-1} = dy_{t-1} + u_t, for which the caller
 * makes u_t of v_t.
 */
#include "core/lengths.h"
#include "core/ops_cpu.h"

#include "core/activations.h"

static const double BOUND = 1e-20;

/* ---------------------------------------------------------------- the error signal of a step */

/* 1 if the signal of the sequence begins here. */
static int is_last(const sq_signal_args *a, int64_t length) { return a->t == (a->reverse ? 0 : length - 1); }

static void signal_rows(const void *arg, int64_t first, int64_t last) {
  const sq_signal_args *a = arg;
  const int64_t H = a->dim;
  for (int64_t b = first; b < last; b++) {
    const int64_t length = sq_length_within(a->lengths, b, a->seq_len);
    const real *h = (const real *)a->h + b * H, *dy = a->dy ? (const real *)a->dy + b * a->ld_dy : NULL;
    const real *later = is_last(a, length) ? a->dfinal : a->next;
    real *v = (real *)a->v + b * H;
    double sum = 0;
    for (int64_t j = 0; j < H; j++) {
      real d = later ? later[b * H + j] : 0;
      if (dy && a->t < length) d += dy[j];
      if (a->t >= length) d = 0;
      v[j] = a->t < length ? d * FN(sq_activate_grad)(a->activation, h[j]) : 0;
      sum += (double)d * (double)d;
    }
    ((real *)a->norm2)[b] = (real)sum;
  }
}

int FN(sq_cpu_omega_signal)(sq_exec *exec, const sq_signal_args *a) {
  sq_split(exec, a->batch, 1, a->dim, signal_rows, a);
  return 0;
}

/* ---------------------------------------------------------------- the ratios */

static void ratio_rows(const void *arg, int64_t first, int64_t last) {
  const sq_omega_args *a = arg;
  for (int64_t r = first; r < last; r++) {
    const real *u = (const real *)a->u + r * a->dim;
    const double d2 = (double)((const real *)a->norm2)[r];
    double u2 = 0, term = -1, slope = 0;
    for (int64_t j = 0; j < a->dim; j++) u2 += (double)u[j] * (double)u[j];
    if (d2 >= BOUND) {
      const double q = a->form == SQ_OMEGA_NORMS ? sqrt(u2 / d2) : u2 / d2;
      term = (q - 1) * (q - 1);
      if (a->form == SQ_OMEGA_SQUARES) slope = 4 * (q - 1) / d2;
      if (a->form == SQ_OMEGA_NORMS && u2 > 0) slope = 2 * (q - 1) / sqrt(u2 * d2);
    }
    ((real *)a->row)[r] = (real)term;
    ((real *)a->slope)[r] = (real)slope;
  }
}

/* What sums over the active rows are divided by. */
static double divisor(const sq_omega_args *a, double active) {
  const double n = a->form == SQ_OMEGA_NORMS ? (double)a->batch : active;
  return n > 1 ? n : 1;
}

int FN(sq_cpu_omega_forward)(sq_exec *exec, const sq_omega_args *a) {
  const real *row = a->row;
  real *omega = a->omega;
  double sum = 0, active = 0;
  sq_split(exec, a->rows, 1, a->dim, ratio_rows, a);
  for (int64_t r = 0; r < a->rows; r++) {
    if (row[r] < 0) continue;
    sum += (double)row[r];
    active++;
  }
  omega[0] = (real)(sum / divisor(a, active));
  omega[1] = (real)active;
  return 0;
}

static void scale_rows(const void *arg, int64_t first, int64_t last) {
  const sq_omega_args *a = arg;
  const double by = a->alpha / divisor(a, (double)((const real *)a->omega)[1]);
  for (int64_t r = first; r < last; r++) {
    real *u = (real *)a->u + r * a->dim;
    const real slope = (real)(by * (double)((const real *)a->slope)[r]);
    for (int64_t j = 0; j < a->dim; j++) u[j] *= slope;
  }
}

int FN(sq_cpu_omega_backward)(sq_exec *exec, const sq_omega_args *a) {
  sq_split(exec, a->rows, 1, a->dim, scale_rows, a);
  return 0;
}
