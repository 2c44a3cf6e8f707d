/* layer_job.h - what the passes over a layer on the CPU have in common (layer.c, layer_tangent.c,
 * layer_signals.c): where everything lies, the weights as the steps read them, the rows of a step, its
 * products and its norms.
 *
 * Sizes in elements.  A pass lays out its workspace piece by piece: each function that takes memory from `at`
 * on returns the first free element.
 */
#ifndef SQ_LAYER_JOB_H
#define SQ_LAYER_JOB_H

#include "core/alike.h"
#include "core/layer.h"
#include "core/pool.h"
#include "core/step.h"
#include "core/structure.h"

/* The inputs of some steps (layer_input.c). */
typedef struct FN(sq_inputs) {
  real *memory;       /* for the search, and of_kind */
  int64_t first;      /* the row of the run's x with which they begin */
  FN(sq_alike) found; /* kind NULL: each is a kind of its own */
  real *of_kind;      /* [kinds,G] x W_ih^T + b of each kind; in backward the sum of its dgates */
} FN(sq_inputs);

/* Everything a slice needs, for `steps` time steps whose first (lowest) is t0. */
typedef struct FN(sq_job) {
  sq_pool *pool;
  const sq_layer_run *run;
  const sq_layout *layout;
  int64_t t0, steps;
  real *state[SQ_MAX_STATES]; /* [steps+1,B,W_k] */
  real *gates, *aux;          /* [steps,B,G], [steps,B,A] */
  real *y;                    /* row t0 */
  FN(sq_inputs) inputs;
  real *packed[SQ_MAX_PRODUCTS];  /* a dense product's weights; what a structure has prepared */
  real *scratch[SQ_MAX_PRODUCTS]; /* [B, scratch] of a structure */
  /* backward */
  real *grads[SQ_MAX_PRODUCTS]; /* [B, params] of a structure: each sequence's sum over time */
  /* gradients of gates and aux, [steps,B,G] and [steps,B,A]; in the tangent pass their tangents */
  real *dgates, *daux;
  real *dstate[SQ_MAX_STATES]; /* [B,W_k] */
  real *held[SQ_MAX_STATES];   /* [B,W_k] of states with zoneout (masks.h) */
  uint64_t key[2];             /* of the masks */
  /* batch normalisation (norm.h) */
  real *stats; /* [steps,S]; NULL in inference */
  real *sums;  /* [2,width] in backward */
} FN(sq_job);

typedef void FN(sq_pointwise)(const FN(sq_step) * step, int stage);

/* The cell's step backward. */
static inline FN(sq_pointwise) * FN(sq_backward_of)(const sq_cell *cell) {
#if SEQGPU_REAL_BITS == 64
  return cell->backward_f64;
#else
  return cell->backward_f32;
#endif
}

/* ---- memory ---- */

/* Everything the products of a layout borrow. */
int64_t FN(sq_job_products_size)(const sq_layout *layout, int64_t batch, int training);
/* All states of so many rows. */
int64_t FN(sq_job_states_size)(const sq_layout *layout, int64_t rows);
/* The job's sums. */
int64_t FN(sq_job_sums_size)(const sq_layout *layout);

/* The workspace, from its first aligned element on. */
real *FN(sq_job_workspace)(const sq_layer_run *run);
/* Packs the weights for a pass in this direction. */
real *FN(sq_job_pack)(FN(sq_job) * j, real *at, int backward);
real *FN(sq_job_place_gates)(const sq_layout *layout, int64_t rows, real *at, real **gates, real **aux);
real *FN(sq_job_place_states)(const sq_layout *layout, int64_t rows, real *at, real *state[SQ_MAX_STATES]);
/* States, gates, aux and statistics lie as in a reserve of so many steps. */
void FN(sq_job_reserve)(FN(sq_job) * j, real *reserve, int64_t steps);

void FN(sq_job_copy_or_zero)(real *to, const void *from, int64_t count);
/* State k before the first step, [B,W_k]: `given`, or the layer's own of these parameters where the run gives
 * no initial state and the layer has one, or zeros. */
void FN(sq_job_enter)(const FN(sq_job) * j, int k, const void *given, const real *params, real *to);

/* Lays out a job of all steps for backward, packs the weights, and sets dstate to the gradient at the final
 * states (layer.c). */
void FN(sq_job_begin_back)(FN(sq_job) * j);

/* ---- a step ---- */

/* In how many slices the threads share the batch, and slice `part` of `parts`. */
int FN(sq_job_slices)(const FN(sq_job) * j);
void FN(sq_job_slice)(const FN(sq_job) * j, int part, int parts, int64_t *first, int64_t *count);

/* The step of rows first..first+count at local time t (0 is t0). */
FN(sq_step) FN(sq_job_step)(const FN(sq_job) * j, int64_t t, int64_t first, int64_t count);
/* The rows of structured product i at one step. */
FN(sq_rows) FN(sq_job_rows)(const FN(sq_job) * j, int i, const FN(sq_step) * s, int64_t first);
/* The parameters of a product, in the layer's own buffer or in another one laid out like it. */
const real *FN(sq_job_weight)(const FN(sq_job) * j, const sq_product *p, const void *params);
/* Product i of a step's rows.  One into the gates is added; one into aux overwrites, or is added as well if
 * `add` is set. */
void FN(sq_job_product)(const FN(sq_job) * j, int i, const FN(sq_step) * s, int64_t first, int add,
                        void *scratch);

/* The same step for backward, but for its masks; and its stages, last first: from dy and dstate at the new
 * states to dgates, daux, and dstate at the old ones (layer.c). */
FN(sq_step) FN(sq_job_step_back)(const FN(sq_job) * j, int64_t t, int64_t first, int64_t count);
void FN(sq_job_stages_back)(const FN(sq_job) * j, const FN(sq_step) * s, int64_t first, void *scratch);

/* The norms of a stage, of a step's rows; or, where s is NULL, those before the steps (SQ_BEFORE_STEPS), of
 * all steps of the job. */
void FN(sq_job_norms_forward)(const FN(sq_job) * j, const FN(sq_step) * s, int stage);
void FN(sq_job_norms_backward)(const FN(sq_job) * j, const FN(sq_step) * s, int stage);
/* The same for tangents, where s is the step as the run computed it, and t that of the tangents; or NULL. */
void FN(sq_job_norms_tangent)(const FN(sq_job) * j, const FN(sq_step) * s, const FN(sq_step) * t, int stage);
/* Moves running statistics, which lie as in the parameters, to those of the job; in training only. */
void FN(sq_job_norms_update)(const FN(sq_job) * j, real *running);

/* Address and row stride of a place over the whole sequence, [T*B, width]: its gradient or its value; NULL
 * for SQ_NONE. */
real *FN(sq_job_whole)(const FN(sq_job) * j, sq_place place, int gradient, int64_t *ld);

#endif
