/* flow.h - a recurrent network taken step by step: what one step does to a small change of the states, and
 * what it hands back of a gradient.
 *
 *   s_t = (h_t, c_t) of all layers        J_t = ds_t/ds_{t-1}        ds_T/ds_t = J_T J_{T-1} ... J_{t+1}
 *
 * States are coordinates of their own: where c_t moves, h_t stays.  So dF/ds_t is what back-propagation
 * through time carries over the border between steps t and t+1 (Bengio, Simard, Frasconi 1994; Pascanu,
 * Mikolov, Bengio 2013).  A Jacobian is never made: seqgpu_tape_tangent gives J v, and seqgpu_tape_backward
 * gives J^T u.
 *
 * Everything is computed in the context's element type; what lies in host memory is float64.
 * Letters: T = steps, I = inputs, L = layers, K = states of a layer, W_k = width of state k,
 *          W = sum of the W_k, S = L W: a vector of states has h, c of layer 0, then those of layer 1, ...
 */
#ifndef FLOW_H
#define FLOW_H

#include "seqgpu/seqgpu.h"

/* States are h, c or s, and q at most. */
enum { FLOW_ROWS = 64, FLOW_STATES = 3 };

/* A gate of a layer, over all steps and units. */
typedef struct flow_gate {
  char name[16];
  int64_t layer;
  double low, high; /* shares of them that are below 0.1, and above 0.9 */
} flow_gate;

typedef struct flow {
  seqgpu_context *ctx;
  seqgpu_plan *plan; /* of one step of FLOW_ROWS rows: vectors at one time, or at several */
  seqgpu_tape *tape;
  const void *params;
  int64_t T, I, L, K, W, S, H;
  int64_t state_width[FLOW_STATES], state_first[FLOW_STATES]; /* W_k, and where state k begins in W */
  char state_name[FLOW_STATES][16];
  double *x;     /* [T,I] */
  double *state; /* [T,S] s_1 to s_T */
  int gates;     /* of all layers together */
  flow_gate *gate;
  /* scratch */
  void *x_rows, *initial[FLOW_STATES], *direction[FLOW_STATES], *gradient[FLOW_STATES]; /* device */
  double *wide;
  float *narrow;
} flow;

/* Runs the network of a descriptor over x [T,I], from its own first states, on the CPU.
 * params: device memory as the plan of the descriptor has it, which must outlive `out`.
 * Errors: those of seqgpu_plan_create and seqgpu_rnn_forward; ENONFINITE: a state is infinite or NaN, and the
 * sentence says which; EUNSUPPORTED: the network is bidirectional; ENOMEM, which cli_library_error explains.
 * Nothing is to be closed then. */
seqgpu_status flow_open(seqgpu_context *ctx, const seqgpu_rnn_desc *desc, const void *params, int64_t T,
                        const double *x, flow *out);
void flow_close(flow *f);

/* out[r] = J_t in[r], and with `back` J_t^T in[r], where t = step[r] from 2 to T, for r < rows <= FLOW_ROWS.
 * in, out [rows,S]; they may be the same. */
seqgpu_status flow_step(flow *f, int back, int64_t rows, const int64_t *step, const double *in, double *out);

/* What the network shows after step t, y [Y], as part of s_t: y[j] is element flow_output(f, j) of it. */
int64_t flow_output(const flow *f, int64_t j);

#endif
