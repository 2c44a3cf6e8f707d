/** @file hessian_free.h
 * Hessian-free optimisation: truncated Newton steps from Gauss-Newton products, for networks that gradient
 * descent learns slowly or not at all.
 *
 *   J. Martens, Deep learning via Hessian-free optimization, ICML 2010
 *   J. Martens, I. Sutskever, Learning recurrent neural networks with Hessian-free optimization, ICML 2011
 *
 * One update minimises q(d) = g . d + d . (G + lambda D) d / 2 by conjugate gradients, where g is the
 * gradient, G the Gauss-Newton matrix (seqgpu_tape_gauss_newton), and D = I + structural * (damping of hidden
 * units).
 *   start      the last update's solution, times `decay`
 *   stop       after i > k iterations of which the last k = max(10, i/10) brought less than k `progress` of q
 *   choose     of the iterates after 1.3^j iterations the last, or earlier ones while the loss falls
 *   lambda     times 3/2 where the loss fell by less than 1/4 of what q without damping says, divided by 3/2
 *              where it fell by more than 3/4
 *   step       the chosen d, shortened by fifths until the loss has fallen enough, or not made at all
 *   precondition, where asked for, with (lambda + mean of squared gradients of single cases)^`exponent`
 *
 * A program says how the loss of a batch is built, and the rest is one call:
 *
 *   seqgpu_tensor *build(seqgpu_hessian_free *hf, seqgpu_tape *tape, seqgpu_hessian_free_batch batch,
 *                        int64_t index, void *user) {
 *     seqgpu_tensor *h = seqgpu_tape_rnn(tape, plan, seqgpu_tape_param(tape, &rnn), x_of(batch), NULL, NULL);
 *     seqgpu_hessian_free_damp(hf, h, 1.0 / B);
 *     return seqgpu_tape_cross_entropy(tape, seqgpu_tape_linear(tape, h, w, b), targets_of(batch), 1, 1);
 *   }
 *   seqgpu_hessian_free_create(params, &options, &hf);
 *   for (;;) seqgpu_hessian_free_update(hf, build, user, &report);
 *
 * Batch normalisation has the statistics of each batch; its running ones move once in an update, to those of
 * the gradient's batch at the new parameters, for which that batch is built once more.
 *
 * The loss is to be the mean over its batch, so that batches of any size compare.  Everything but the
 * products and the losses is computed in float64 on the host.  On every device, and on the CPU in both
 * element types, with the networks that have tangents (seqgpu_tape_tangent).
 *
 * Memory: two tapes, which keep what a step of training keeps, and about 30 numbers in float64 for each
 * parameter.
 */
#ifndef SEQGPU_HESSIAN_FREE_H
#define SEQGPU_HESSIAN_FREE_H

#include "tape.h"

#ifdef __cplusplus
extern "C" {
#endif

/** An optimiser; owned by the program, freed by seqgpu_hessian_free_destroy. */
typedef struct seqgpu_hessian_free seqgpu_hessian_free;

/** Settings.  A field that is 0 takes the value in brackets. */
typedef struct seqgpu_hessian_free_options {
  double lambda;     /**< the damping that the first update begins with, above 0 [0.1] */
  double structural; /**< damping of the tensors of seqgpu_hessian_free_damp, times lambda [0: none] */
  int iterations;    /**< of conjugate gradients, at most [250] */
  double progress;   /**< of one iteration, a share of q, below which they stop [0.0005] */
  double decay;      /**< of the last solution, where they start, in (0,1] [0.95] */
  int cold;          /**< 1: they start at 0 */
  int64_t cases;     /**< single cases whose gradients make the preconditioner [0: there is none] */
  double exponent;   /**< of the preconditioner, in (0,1] [0.75] */
  uint64_t seed;     /**< of dropout masks, which stay the same throughout an update */
} seqgpu_hessian_free_options;

/** What an update did. */
typedef struct seqgpu_hessian_free_report {
  double loss;          /**< of the gradient's batch before the update */
  double new_loss;      /**< and after it; never above `loss` */
  double lambda;        /**< of this update; the next one may have another */
  double ratio;         /**< of the loss's fall and -q, for the chosen d */
  double rate;          /**< by which d was shortened; 0: no step was made */
  double gradient_norm; /**< of g */
  double step_norm;     /**< of what the parameters moved by */
  int iterations;       /**< of conjugate gradients: a product each, and one where they start */
  int chosen;           /**< iterations after which d was reached */
} seqgpu_hessian_free_report;

/** What a batch is for.  In one update the same batch must come each time that it is asked for; the two may
 * be the same one. */
typedef enum seqgpu_hessian_free_batch {
  SEQGPU_HESSIAN_FREE_GRADIENT = 0,  /**< g, and every loss; the larger one */
  SEQGPU_HESSIAN_FREE_CURVATURE = 1, /**< G */
  SEQGPU_HESSIAN_FREE_CASE = 2       /**< one case, index 0 to cases - 1, of the preconditioner */
} seqgpu_hessian_free_batch;

/** Builds the loss of a batch on a cleared tape: one element, of the kind that seqgpu_tape_gauss_newton
 * takes, whose parameters are tensors of seqgpu_tape_param.
 * index: of a case, else 0.  user: what seqgpu_hessian_free_update was given.
 * NULL ends the update: with the tape's failure, and if it has none, with SEQGPU_ESTOPPED. */
typedef seqgpu_tensor *seqgpu_hessian_free_build(seqgpu_hessian_free *hf, seqgpu_tape *tape,
                                                 seqgpu_hessian_free_batch batch, int64_t index, void *user);

/** What seqgpu_hessian_free_create calls, with the size of the caller's struct. */
SEQGPU_API seqgpu_status seqgpu_hessian_free_create_(seqgpu_params *params,
                                                     const seqgpu_hessian_free_options *options, size_t size,
                                                     seqgpu_hessian_free **out);

/** Creates an optimiser of all trained tensors of params, to which none may be added afterwards.
 * Its state goes into params, as the tensors "hessian_free.step" (the last solution) and "hessian_free.state"
 * (lambda, and how many updates there were), which checkpoints save and load: create it before a checkpoint
 * is loaded, and training goes on as if it had never stopped.
 * params: must outlive it.  options: NULL = all defaults.
 * out: receives the optimiser, or NULL on failure.
 * Errors: SEQGPU_EINVAL (a setting out of its range, nothing to train, or params has such tensors already),
 * SEQGPU_EUNSUPPORTED (a tensor of seqgpu_params_orthogonal or seqgpu_params_split_biases), SEQGPU_ENOMEM. */
static inline seqgpu_status seqgpu_hessian_free_create(seqgpu_params *params,
                                                       const seqgpu_hessian_free_options *options,
                                                       seqgpu_hessian_free **out) {
  return seqgpu_hessian_free_create_(params, options, sizeof(seqgpu_hessian_free_options), out);
}

/** Frees the optimiser; its tensors stay in params.  NULL is allowed. */
SEQGPU_API void seqgpu_hessian_free_destroy(seqgpu_hessian_free *hf);

/** Called from within a build: a hidden tensor, which structural damping keeps from moving much.  Where
 * options.structural is 0, and for other batches than that of the curvature, it does nothing.
 * scale: what a squared change of one element counts: 1/B where the loss is a mean over B sequences.
 * Returns the tensor, or NULL, recorded on its tape: SEQGPU_EINVAL if scale is negative or infinite, or there
 * are more than 8. */
SEQGPU_API seqgpu_tensor *seqgpu_hessian_free_damp(seqgpu_hessian_free *hf, seqgpu_tensor *hidden,
                                                   double scale);

/** What seqgpu_hessian_free_update calls, with the size of the caller's struct. */
SEQGPU_API seqgpu_status seqgpu_hessian_free_update_(seqgpu_hessian_free *hf,
                                                     seqgpu_hessian_free_build *build, void *user,
                                                     seqgpu_hessian_free_report *report, size_t report_size);

/** One update of the parameters.  Waits for the device.  The gradients in params are overwritten.
 * build: is called for every batch, and for that of the gradient again for every loss that is looked at.
 * report: what was done; may be NULL.
 * Errors: those of the calls on the tape; SEQGPU_ENONFINITE: the loss or its gradient is infinite or NaN;
 * SEQGPU_ESTOPPED.  After a failure the parameters are what they were. */
static inline seqgpu_status seqgpu_hessian_free_update(seqgpu_hessian_free *hf,
                                                       seqgpu_hessian_free_build *build, void *user,
                                                       seqgpu_hessian_free_report *report) {
  return seqgpu_hessian_free_update_(hf, build, user, report, sizeof(seqgpu_hessian_free_report));
}

#ifdef __cplusplus
}
#endif
#endif
