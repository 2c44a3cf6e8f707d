/* job.h - a layer's buffers on a device, and what every algorithm shares: the products over the whole
 * sequence (job.cu).
 *
 *   gates = x W_ih^T + b            before the recurrence
 *   dx = dgates W_ih                after its backward pass
 *   dW += d(to)^T from, sums        likewise, for each product and sum of the layout
 */
#ifndef SQ_JOB_H
#define SQ_JOB_H

#include "core/layer.h"
#include "core/norm.h"
#include "kernels/context.h"

/* The buffers of `steps` time steps, the lowest of which is t0; all in device memory. */
struct sq_job {
  const sq_layer_run *run;
  const sq_layout *layout;
  int64_t t0, steps;
  float *state[SQ_MAX_STATES];  /* [steps+1,B,W_k] */
  float *gates, *aux;           /* [steps,B,G], [steps,B,A] */
  float *stats;                 /* [steps,S] of batch normalisation in training, else NULL */
  float *dgates, *daux;         /* backward only, of the same shapes */
  float *dstate[SQ_MAX_STATES]; /* [B,W_k]: at the end, the gradients at the initial states */
  /* for structured products only (core/structure.h) */
  float *prepared[SQ_MAX_PRODUCTS];
  float *grads[SQ_MAX_PRODUCTS]; /* [B,params] */
  float *
      rounded; /* for operands in bfloat16 (rounded.h), where the algorithm has room for them and may; else NULL */
  float *spare; /* set by the frame below: what the workspace has beyond the frame's own part */
};

/* Points state, gates and aux into a reserve of `steps` steps. */
void sq_job_place(sq_job *job, float *reserve, int64_t steps);

/* ---- products ---- */

/* A matrix operand: rows of stride ld. */
struct sq_matrix {
  const float *data;
  int64_t ld;
};

/* c [m,n] (+)= op(a) op(b), as sq_gemm_args. */
int sq_job_gemm(sq_exec *exec, sq_math math, int trans_a, int trans_b, int64_t m, int64_t n, int64_t k,
                sq_matrix a, sq_matrix b, int accumulate, sq_matrix c);

/* The block of the parameters that a product multiplies by, or the first parameter of its structure. */
const float *sq_job_weight(const sq_job &job, const sq_product &p);

/* A place over all steps of the job, [steps*B, width]: its value, or with `gradient` its gradient; data is
 * NULL for SQ_NONE. */
sq_matrix sq_job_whole(const sq_job &job, const sq_place &p, bool gradient);

/* Elements that structured products borrow.  Preparing lays them out from `at` on: `prepared`, and in
 * training `grads`, zeroed. */
int64_t sq_job_products_size(const sq_layout *layout, int64_t batch, int training);
int sq_job_prepare_products(sq_exec *exec, sq_job *job, float *at, int training);

/* All steps of the job, for norms (kernels/norm.h). */
sq_norm_rows_f32 sq_job_norm_rows(const sq_job &job);

/* gates = x W_ih^T + b for all steps of the job, normalised if the layout says so. */
int sq_job_project_input(sq_exec *exec, const sq_job &job);
/* gates = x W_ih^T alone, for a recurrence that adds the bias where it reads the gates.  Above they are written
 * with the bias first, and the product reads that: two passes over them more. */
int sq_job_multiply_input(sq_exec *exec, const sq_job &job);

/* dx, and what is added to dparams, whichever of the two the run wants.  dgates and daux must be complete,
 * and so must `grads` of structured products and dstate of layers with initial states of their own. */
int sq_job_gradients(sq_exec *exec, const sq_job &job);

/* ---- states ---- */

/* State k before the first step: what is given, the layer's own of these parameters where the run gives no
 * initial state, or zeros. */
int sq_job_enter(sq_exec *exec, const sq_job &job, int k, const void *given, const void *params, float *to);

/* The final states, from a slot of the reserve. */
int sq_job_leave(sq_exec *exec, const sq_job &job, int64_t slot);

/* ---- the frame of an algorithm that runs all steps at once: what comes before and after its recurrence
 * ---- */

/* Elements that the frame borrows.  Even without a reserve, forward keeps everything, in the workspace. */
int64_t sq_job_workspace(const sq_layout *layout, int64_t seq_len, int64_t batch, int training);

/* begin lays out the job, prepares the products, computes gates = x W_ih^T + b and puts the initial states
 * into their slots; end gives the final states. */
int sq_job_begin(sq_exec *exec, const sq_layer_run *run, sq_job *job);
int sq_job_end(sq_exec *exec, const sq_job &job);

/* A job of the whole run, its reserve, dgates, daux and dstate laid out as for backward. */
void sq_job_place_backward(const sq_layer_run *run, sq_job *job);

/* begin lays out the job, prepares the products and sets dstate to the gradient at the final states; end is
 * sq_job_gradients and, from dstate, the gradient at the initial states. */
int sq_job_begin_backward(sq_exec *exec, const sq_layer_run *run, sq_job *job);
int sq_job_end_backward(sq_exec *exec, const sq_job &job);

/* enqueue(exec, run), as a graph if the same comes again (graph.h).  What it enqueues may depend on the run
 * and on the layout behind its pointer, and on nothing else. */
int sq_job_replay(sq_exec *exec, const sq_layer_run *run, int (*enqueue)(sq_exec *, const void *));

/* The same for enqueue(exec, argument), which may depend on these pointers besides. */
enum { SQ_JOB_POINTERS = 3 + 2 * SQ_MAX_STATES };
int sq_job_replay_with(sq_exec *exec, const sq_layer_run *run, const void *const *pointers, int count,
                       int (*enqueue)(sq_exec *, const void *), const void *argument);

#endif
