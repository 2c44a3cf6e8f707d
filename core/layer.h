/* layer.h - one layer, one direction, a whole sequence: the unit that backends implement.
 *
 * Memory is the caller's.  `real` is float or double according to the backend's table.
 *
 * The reserve of one layer and direction is what backward needs, and what people look at.  Its blocks, in
 * this order, each begin at a multiple of SQ_ALIGN_ELEMENTS:
 *   state k  [T+1,B,W_k] for each state   slot t+1 is the state after step t, slot 0 the initial state;
 *                                         in reverse, slot t is the state after step t, slot T the initial
 *   gates    [T,B,G]                      activations
 *   aux      [T,B,A]
 *   stats    [T,S]     means and variances of batch normalisation (core/norm.h)
 * The layout of the reserve belongs to the cell and not to the backend: what one backend ran forward, another
 * can run backward.
 */
#ifndef SQ_LAYER_H
#define SQ_LAYER_H

#include "core/cell.h"
#include "core/layer_map.h"

#ifdef __cplusplus
extern "C" {
#endif

struct sq_exec;

/* The least exact arithmetic that products may use.  Sums and states are at least float32 in all of them,
 * except in the algorithms cudnn-half-... and cudnn-bf16-..., which round states to those types.
 *   SQ_MATH_F32    float32 products
 *   SQ_MATH_TF32   inputs of a product rounded to TF32 (10 bits of mantissa)
 *   SQ_MATH_BF16   inputs of a product rounded to bfloat16 (7 bits) */
typedef enum sq_math { SQ_MATH_F32, SQ_MATH_TF32, SQ_MATH_BF16 } sq_math;

/* What an algorithm is asked about before it runs: one layer, `directions` of them side by side. */
typedef struct sq_problem {
  const sq_layout *layout;
  int64_t seq_len, batch; /* the largest of any run */
  int directions;         /* or layers of one size (host/run/wavefront.c) */
  int reverse;            /* a lone direction that runs from the last step to the first */
  int training;           /* forward keeps a reserve, and backward runs */
  sq_math math;
} sq_problem;

/* Of an algorithm that cannot tell whether it runs a problem, because the device failed when it was asked: the reason it
 * gives for a refusal is this very string, and its estimate is NaN.  Whoever chooses then fails, too, for what it would
 * choose instead has other bits. */
extern const char sq_no_answer[];

typedef struct sq_layer_run {
  const sq_layout *layout;
  int64_t seq_len, batch; /* T, B */
  int reverse;            /* 1: from t = T-1 down to 0 */
  sq_math math;
  const int32_t *lengths;      /* [B], each 0..T, or NULL = all T; on the device for a GPU */
  const int32_t *host_lengths; /* the same in host memory, or NULL: for libraries that want them there */
  const void *params;          /* flat, layout->param_elements elements */
  const void *packed;          /* the weights as the algorithm packed them, where it does */
  const void *x;               /* [T,B,I] row stride ldx; padded rows finite (the caller zeroes them) */
  int64_t ldx;
  const void *initial[SQ_MAX_STATES]; /* [B,W_k] or NULL = zeros */
  void *y;                            /* [T,B,output] row stride ldy; zeros at padded steps */
  int64_t ldy;
  void *final[SQ_MAX_STATES];           /* [B,W_k] or NULL: state of each sequence after its own last step */
  void *reserve;                        /* reserve_size elements; forward writes, backward reads */
  void *workspace;                      /* what the algorithm asked for; contents are free */
  int64_t reserve_size, workspace_size; /* elements of the two */
  /* backward only */
  const void *dy;                    /* [T,B,output] row stride ldy, or NULL = zeros */
  const void *dfinal[SQ_MAX_STATES]; /* [B,W_k] or NULL = zeros */
  void *dx;                          /* [T,B,I] row stride ldx, or NULL = not wanted */
  int dx_accumulate;                 /* 0: dx = , 1: dx += */
  int dx_summed; /* 1: of rows of x that are alike one may get the sum of their gradients, and the others 0 */
  void *dinitial[SQ_MAX_STATES]; /* [B,W_k] or NULL */
  void *dparams;                 /* += , or NULL = not wanted */
  /* where the masks of a training run are drawn from (core/masks.h); of sequences that are a part of a batch,
   * how many the whole has, and first_block is theirs; 0: they are whole */
  uint64_t seed, first_block;
  int64_t whole_batch;
  /* a training forward leaves new running statistics of batch normalisation here, which lie as in params;
   * NULL = not wanted */
  void *running;
} sq_layer_run;

/* The sequences of the batch that a run's masks are drawn for. */
static inline int64_t sq_layer_whole(const sq_layer_run *run) {
  return run->whole_batch > 0 ? run->whole_batch : run->batch;
}

/* Some steps of a run, first .. first + steps - 1.  `run` is the whole run, except that initial and final
 * (backward:
 * dfinal and dinitial) are the states at the ends of the stretch. */
typedef struct sq_stretch {
  sq_layer_run run;
  int64_t first, steps;
} sq_stretch;

/* A Jacobian-vector product of a run, whose forward has filled the reserve: how y and the final states move
 * when x, the parameters and the initial states do.  A tangent lies like what it is the tangent of; NULL
 * stands for one that is 0, or is not wanted. */
typedef struct sq_layer_tangent {
  sq_layer_run run; /* as for forward; y, initial and final are not looked at, but initial for what is NULL */
  const void *x, *params, *initial[SQ_MAX_STATES];
  void *y, *final[SQ_MAX_STATES];
} sq_layer_tangent;

/* The error signals of a run, for Pascanu's regulariser (core/omega.c): with all states s_t = (h_t, c_t, ...)
 * one behind the other, S = sum of W_k columns,
 *   d_t = dE/ds_t    u_t = d_t ds_t/ds_{t-1}    both 0 at padded steps
 * First the signals: norm2 and u; what they leave in the workspace must stay.  Then, once the caller has
 * scaled each u_t, the gradients: dparams += the derivative of <d_t, (ds_t/ds_{t-1}) u_t>, summed over the
 * steps, by the recurrent weights, where d_t, states and gates are constants.  For layouts without norms,
 * masks and structures. */
typedef struct sq_layer_signals {
  sq_layer_run run; /* as for backward; dx and dinitial are not looked at */
  void *norm2;      /* [T,B] |d_t|^2 */
  void *u;          /* [T,B,S] */
  void *step;       /* room for the gates and aux of one step, sq_gates_size(layout, B) elements; not kept */
} sq_layer_signals;

/* The CPU driver (core/layer.c) in both precisions.  With `training`, a reserve is kept for backward.
 * Without one (run->reserve NULL) forward works in chunks, inside the workspace.  Workspace in elements. */
int64_t sq_layer_workspace_f32(const sq_layout *layout, int64_t seq_len, int64_t batch, int training);
int64_t sq_layer_workspace_f64(const sq_layout *layout, int64_t seq_len, int64_t batch, int training);
int sq_layer_forward_f32(struct sq_exec *exec, const sq_layer_run *run);
int sq_layer_forward_f64(struct sq_exec *exec, const sq_layer_run *run);
int sq_layer_backward_f32(struct sq_exec *exec, const sq_layer_run *run);
int sq_layer_backward_f64(struct sq_exec *exec, const sq_layer_run *run);
/* core/layer_tangent.c; the workspace is that of training. */
int sq_layer_tangent_f32(struct sq_exec *exec, const sq_layer_tangent *tangent);
int sq_layer_tangent_f64(struct sq_exec *exec, const sq_layer_tangent *tangent);
/* core/layer_signals.c; the workspace is that of training. */
int sq_layer_signals_f32(struct sq_exec *exec, const sq_layer_signals *signals);
int sq_layer_signals_f64(struct sq_exec *exec, const sq_layer_signals *signals);
int sq_layer_signal_gradients_f32(struct sq_exec *exec, const sq_layer_signals *signals);
int sq_layer_signal_gradients_f64(struct sq_exec *exec, const sq_layer_signals *signals);

#ifdef __cplusplus
}
#endif
#endif
