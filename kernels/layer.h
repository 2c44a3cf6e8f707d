/* layer.h - what all plans of a layer share: the products that are one GEMM over the whole sequence.
 *
 *   gates = x W_ih^T + b            before the recurrence
 *   dx = dgates W_ih                after its backward
 *   dW += d(to)^T from, sums        likewise, for each product and sum of the layout
 */
#ifndef SQ_KERNELS_LAYER_H
#define SQ_KERNELS_LAYER_H

#include "kernels/device.h"

/* The buffers of `steps` time steps whose first (lowest) is t0; all in device memory. */
struct sq_job {
  const sq_layer_run *run;
  const sq_layout *layout;
  int64_t t0, steps;
  float *state[SQ_MAX_STATES];  /* [steps+1,B,W_k] */
  float *gates, *aux;           /* [steps,B,G], [steps,B,A] */
  float *dgates, *daux;         /* backward only, of the same shapes */
  float *dstate[SQ_MAX_STATES]; /* [B,W_k]: in the end, the gradients at the initial states */
  /* of structured products only (core/structure.h) */
  float *prepared[SQ_MAX_PRODUCTS];
  float *grads[SQ_MAX_PRODUCTS]; /* [B,params] */
  float *spare;                  /* of the frame below: what the workspace has beyond its own part */
};

/* Points state, gates and aux into a reserve of `steps` steps. */
void sq_job_place(sq_job *job, float *reserve, int64_t steps);

/* Floats that structured products borrow, and laying them out from `at` on: prepared, and in training grads, zeroed. */
int64_t sq_job_products_size(const sq_layout *layout, int64_t batch, int training);
int sq_job_prepare_products(sq_exec *exec, sq_job *job, float *at, int training);

/* State k before the first step: the caller's, the layer's own, or zeros. */
int sq_job_enter(sq_exec *exec, const sq_job &job, int k, float *to);

/* gates = x W_ih^T + b for all steps of the job. */
int sq_job_project_input(sq_exec *exec, const sq_job &job);

/* dx, and onto dparams: whatever of them the run wants.  dgates, daux, and what structured products and layers with
 * initial states of their own have of grads and dstate, are complete. */
int sq_job_gradients(sq_exec *exec, const sq_job &job);

/* ---- the frame of a plan that runs all steps at once: around its recurrence, once a run ---- */

/* Floats that it borrows.  Without a reserve forward keeps everything all the same, in the workspace. */
int64_t sq_job_workspace(const sq_layout *layout, int64_t seq_len, int64_t batch, int training);

/* Lays the job out; products prepared, gates = x W_ih^T + b, initial states in their slots.  Then final states. */
int sq_job_begin(sq_exec *exec, const sq_layer_run *run, sq_job *job);
int sq_job_end(sq_exec *exec, const sq_job &job);

/* Lays the job out; products prepared, dstate = the gradient at the final states.  Then sq_job_gradients and, from dstate,
 * the gradient at the initial states. */
int sq_job_begin_backward(sq_exec *exec, const sq_layer_run *run, sq_job *job);
int sq_job_end_backward(sq_exec *exec, const sq_job &job);

/* enqueue(exec, run), by a graph if the same comes again (device.h).  What it enqueues depends on the run, on the layout
 * behind its pointer, and on nothing else. */
int sq_job_replay(sq_exec *exec, const sq_layer_run *run, int (*enqueue)(sq_exec *, const void *));

#endif
