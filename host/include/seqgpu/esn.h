/** @file esn.h
 * Echo state networks: a fixed random reservoir and a linear read-out that is solved for instead of trained.
 *
 *   h_t = (1-a) h_{t-1} + a g(W_in u_t + W_fb d_{t-1} + b + W h_{t-1})      H. Jaeger, GMD Report 148, 2001
 *   y_t = W_out [1; u_t; d_{t-1}; h_t; h_t^2]
 *
 * where d is the teacher, or y itself when the network runs freely.
 * W is sparse and scaled to a spectral radius; W_in, W_fb and b are uniform.  Settings: M. Lukosevicius, A
 * practical guide to applying echo state networks, 2012.  W_out is found by ridge regression over all steps
 * after the wash-out.
 *
 *   seqgpu_esn_create(params, "esn", &desc, &esn);
 *   seqgpu_esn_train(esn, T, u, d, washout);      as often as there is data
 *   seqgpu_esn_solve(esn, lambda);
 *   seqgpu_esn_reset(esn, 1);
 *   seqgpu_esn_run(esn, 1000, u, d, NULL);        listen to the true series ...
 *   seqgpu_esn_run(esn, 84, u, NULL, y);          ... and continue it alone
 *
 * The reservoir runs on a plan of the context's device, in its element type; the read-out is solved and
 * applied in float64 on the host.  All series are host memory, time-major [T,B,*].  The weights are tensors
 * of `params` ("esn.reservoir...", "esn.readout.weight") and are saved and loaded with it; the reservoir may
 * be trained by gradients like any other network.
 *
 * Letters: T steps, B sequences side by side, I = input_size, O = output_size, H = hidden_size.
 */
#ifndef SEQGPU_ESN_H
#define SEQGPU_ESN_H

#include "params.h"
#include "ridge.h"

#ifdef __cplusplus
extern "C" {
#endif

/** A network and its settings.  A field that is 0 takes the value in brackets. */
typedef struct seqgpu_esn_desc {
  int64_t input_size;           /**< I of u; may be 0 with feedback */
  int64_t output_size;          /**< O of d and y */
  int64_t hidden_size;          /**< H, units of the reservoir */
  int feedback;                 /**< 1: the reservoir sees d_{t-1} or y_{t-1} */
  seqgpu_activation activation; /**< g [SEQGPU_ACTIVATION_TANH] */
  double leak;                  /**< a, in (0,1] [1] */
  double spectral_radius;       /**< of W [0.95] */
  int64_t links;                /**< nonzero weights in each row of W, at most all [10] */
  double input_scale;           /**< W_in is uniform in +- this [1] */
  double feedback_scale;        /**< W_fb is uniform in +- this [1] */
  double bias_scale;            /**< b is uniform in +- this [0] */
  double noise;                 /**< added to d_{t-1} in seqgpu_esn_train, uniform in +- this [0] */
  int squares;                  /**< 1: the read-out also sees h^2 */
  seqgpu_ridge_method method;   /**< of the regression [SEQGPU_RIDGE_QR] */
  int64_t batch;                /**< the largest B [1] */
  int64_t seq_len;              /**< steps in one run of the plan; longer calls are split [256] */
} seqgpu_esn_desc;

/** An echo state network; freed by seqgpu_esn_destroy. */
typedef struct seqgpu_esn seqgpu_esn;

/** What seqgpu_esn_create calls, with the size of the caller's struct. */
SEQGPU_API seqgpu_status seqgpu_esn_create_(seqgpu_params *params, const char *prefix,
                                            const seqgpu_esn_desc *desc, size_t size, seqgpu_esn **out);

/** Creates a network, adds its weights to params and draws them from the seed of params.  The read-out is 0
 * until seqgpu_esn_solve or a checkpoint sets it.
 * params: must outlive the network.  prefix: of the weights' names; may be NULL.  desc: copied.  out:
 * receives the network, or NULL on failure; nothing is added to params then.
 * Errors: SEQGPU_EINVAL, SEQGPU_ENOMEM. */
static inline seqgpu_status seqgpu_esn_create(seqgpu_params *params, const char *prefix,
                                              const seqgpu_esn_desc *desc, seqgpu_esn **out) {
  return seqgpu_esn_create_(params, prefix, desc, sizeof(seqgpu_esn_desc), out);
}

/** Frees the network; its weights stay in params.  NULL is allowed. */
SEQGPU_API void seqgpu_esn_destroy(seqgpu_esn *esn);

/** Starts B new sequences side by side: states and fed-back outputs become 0.  Every other call continues
 * where the last one ended.
 * B: 1 to desc.batch; a new network starts with desc.batch.
 * Errors: SEQGPU_EINVAL. */
SEQGPU_API seqgpu_status seqgpu_esn_reset(seqgpu_esn *esn, int64_t B);

/** Runs T steps with the teacher's outputs fed back, and remembers what the read-out would see in all but the
 * first `washout` of them.
 * u [T,B,I]: the inputs, NULL if I is 0.  d [T,B,O]: the outputs to learn.  washout: at least 0.
 * Errors: SEQGPU_EINVAL, also if an element is infinite or NaN; the state is then undefined until reset. */
SEQGPU_API seqgpu_status seqgpu_esn_train(seqgpu_esn *esn, int64_t T, const double *u, const double *d,
                                          int64_t washout);

/** Sets the read-out from everything that was remembered; see seqgpu_ridge_solve.  May be called again, with
 * another lambda.
 * Errors: those of seqgpu_ridge_solve. */
SEQGPU_API seqgpu_status seqgpu_esn_solve(seqgpu_esn *esn, double lambda);

/** Runs T steps.
 * u [T,B,I]: the inputs, NULL if I is 0.  d [T,B,O]: the teacher's outputs, which are fed back; NULL: the
 * network's own are, and with desc.feedback each step is then a run of its own.
 * y [T,B,O]: receives the outputs; may be NULL.
 * Errors: SEQGPU_EINVAL. */
SEQGPU_API seqgpu_status seqgpu_esn_run(seqgpu_esn *esn, int64_t T, const double *u, const double *d,
                                        double *y);

/** Copies h after the last step to host memory.  h [B,H].  Errors: SEQGPU_EINVAL. */
SEQGPU_API seqgpu_status seqgpu_esn_state(seqgpu_esn *esn, double *h);

/** How many features the read-out sees in each step: F, the columns of readout.weight [O,F]; 0 for NULL. */
SEQGPU_API int64_t seqgpu_esn_features(const seqgpu_esn *esn);

/** The reservoir's plan, which belongs to the network; NULL for NULL. */
SEQGPU_API const seqgpu_plan *seqgpu_esn_plan(const seqgpu_esn *esn);

#ifdef __cplusplus
}
#endif
#endif
