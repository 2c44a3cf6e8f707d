/* series.h - time series that are generated, for `seqgpu train` and for the experiments in bench/paper/. */
#ifndef SERIES_H
#define SERIES_H

#include <stdint.h>

/* Mackey & Glass 1977:  dx/dt = 0.2 x(t-tau) / (1 + x(t-tau)^10) - 0.1 x(t),  sampled at every whole t, x[n].
 * Fourth-order Runge-Kutta with step 0.1, after 1,000 time units that bring it to the attractor; the seed draws
 * the constant that it was before.  tau (17: mildly, 30: strongly chaotic) is rounded to the step, at least 1.  Returns 0, or -1
 * when out of memory. */
int series_mackey_glass(int64_t n, double tau, uint64_t seed, double *x);

/* NARMA of order 10, Atiya & Parlos 2000:  u_t uniform in [0, 0.5],
 *   y_{t+1} = 0.3 y_t + 0.05 y_t (y_t + ... + y_{t-9}) + 1.5 u_{t-9} u_t + 0.1
 * u[n], and y[n] with y[t] standing for y_{t+1}: what step t has to say.  Input that makes it run away
 * is drawn again. */
void series_narma10(int64_t n, uint64_t seed, double *u, double *y);

#endif
