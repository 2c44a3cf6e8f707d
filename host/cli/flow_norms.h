/* flow_norms.h - how gradients and small changes of the states grow and shrink over many steps (flow.h).
 *
 * Vectors go from step to step in the context's element type, and between two steps they are multiplied by a
 * power of two that brings them back to the order of 1, which rounds nothing.  So norms of 1e-300 and of
 * 1e300 are not lost, in float32 either; what is lost are elements that are smaller than the largest of
 * their vector by as much as the type has numbers.  Norms are given as decimal logarithms: -infinity for 0,
 * NaN where numbers are not finite.
 */
#ifndef FLOW_NORMS_H
#define FLOW_NORMS_H

#include "host/cli/flow.h"

/* A state of a layer. */
typedef struct flow_block {
  int64_t layer;
  int state;
} flow_block;

/* |dF/ds_t| of each block: log_norm [T,L,K], from the gradient dF/ds_T [S]. */
seqgpu_status flow_gradient(flow *f, const double *gradient, double *log_norm);

/* The path that leads from the second state to itself alone, past all others: c_t = f_t c_{t-1} of an LSTM,
 * of which the product f_T f_{T-1} ... f_{t+1} is the derivative of c_T by c_t, unit by unit. log_most and
 * log_least [T]: that of the unit where it is largest, and where it is smallest, in magnitude. */
seqgpu_status flow_path(flow *f, int64_t layer, double *log_most, double *log_least);

/* The largest singular value of P = ds_to/ds_from, from one block to itself through everything between, by
 * power iteration on P^T P with two vectors, until it changes by less than FLOW_CHANGE of itself, FLOW_MOST
 * times at most.  It approaches from below.
 * from, to, log_norm [count], 1 <= from[i] < to[i] <= T. iterations: the most that one of them took. */
seqgpu_status flow_singular(flow *f, flow_block block, int64_t count, const int64_t *from, const int64_t *to,
                            double *log_norm, int *iterations);
#define FLOW_CHANGE 1e-5
enum { FLOW_MOST = 1000 };

/* The factor by which a norm changes from a step to the one before it: 10 to the slope of the straight line,
 * by least squares, through log_norm[i] over -t[i], of those that are finite.  NaN: there are fewer than
 * two. */
double flow_factor(int64_t count, const int64_t *t, const double *log_norm);

#endif
