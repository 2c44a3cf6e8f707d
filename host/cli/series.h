/* series.h - generated time series, for `seqgpu train` and for the experiments in bench/paper/. */
#ifndef SERIES_H
#define SERIES_H

#include <stdint.h>

enum { SERIES_STEPS = 10 }; /* integration steps per time unit */

/* Mackey & Glass 1977:  dx/dt = 0.2 x(t-tau) / (1 + x(t-tau)^10) - 0.1 x(t),  sampled at every whole t, x[n].
 * Fourth-order Runge-Kutta with step 0.1, after 1,000 time units that bring it to the attractor; the seed
 * draws the constant value before the beginning.  tau (17: mildly, 30: strongly chaotic) is at least 1 and is
 * rounded to the step, 1 / SERIES_STEPS.  Returns 0, or -1 when out of memory. */
int series_mackey_glass(int64_t n, double tau, uint64_t seed, double *x);

/* NARMA of order 10, Atiya & Parlos 2000:  u_t uniform in [0, 0.5],
 *   y_{t+1} = 0.3 y_t + 0.05 y_t (y_t + ... + y_{t-9}) + 1.5 u_{t-9} u_t + 0.1
 * u[n], and y[n] where y[t] is y_{t+1}, the answer at step t.  Input that makes it diverge is drawn again. */
void series_narma10(int64_t n, uint64_t seed, double *u, double *y);

#endif
