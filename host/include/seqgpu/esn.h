/* seqgpu/esn.h - echo state networks: a fixed random reservoir and a linear read-out that is solved for, not trained.
 *
 *   h_t = (1-a) h_{t-1} + a g(W_in u_t + W_fb d_{t-1} + b + W h_{t-1})      H. Jaeger, GMD Report 148, 2001
 *   y_t = W_out [1; u_t; d_{t-1}; h_t; h_t^2]                               d: the teacher, or y itself: free-running
 *
 * W sparse, scaled to a spectral radius; W_in, W_fb, b uniform.  Settings: M. Lukosevicius, A practical guide to
 * applying echo state networks, 2012.  W_out by ridge regression over all steps after the wash-out.
 *
 *   seqgpu_esn_create(params, "esn", &desc, &esn);
 *   seqgpu_esn_train(esn, T, u, d, washout);      as often as there is data
 *   seqgpu_esn_solve(esn, lambda);
 *   seqgpu_esn_reset(esn, 1);
 *   seqgpu_esn_run(esn, 1000, u, d, NULL);        listen to the true series ...
 *   seqgpu_esn_run(esn, 84, u, NULL, y);          ... and go on alone
 *
 * The reservoir runs on a plan of the context's device, in its number type; the read-out is solved and applied in float64
 * on the host.  All series are host memory, time-major [T,B,*].  The weights are tensors of `params` ("esn.reservoir...",
 * "esn.readout.weight"), saved and loaded with it, and the reservoir may be trained by gradients like any other network.
 */
#ifndef SEQGPU_ESN_H
#define SEQGPU_ESN_H

#include "params.h"
#include "ridge.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A number left 0 takes the value in brackets. */
typedef struct seqgpu_esn_desc {
  int64_t input_size;           /* I of u; may be 0 with feedback */
  int64_t output_size;          /* O of d and y */
  int64_t hidden_size;          /* H, units of the reservoir */
  int feedback;                 /* 1: the reservoir sees d_{t-1} or y_{t-1} */
  seqgpu_activation activation; /* g */
  double leak;                  /* a, (0,1] [1] */
  double spectral_radius;       /* of W [0.95] */
  int64_t links;                /* into each unit, weights not 0 in a row of W [10] */
  double input_scale;           /* W_in in +- this [1] */
  double feedback_scale;        /* W_fb in +- this [1] */
  double bias_scale;            /* b in +- this */
  double noise;                 /* on d_{t-1} in seqgpu_esn_train, in +- this */
  int squares;                  /* 1: the read-out sees h^2, too */
  seqgpu_ridge_method method;
  int64_t batch;   /* most sequences side by side [1] */
  int64_t seq_len; /* T of one run of the plan; longer calls are cut [256] */
} seqgpu_esn_desc;

typedef struct seqgpu_esn seqgpu_esn;

/* Adds the weights to params, which must outlive it, and draws them from its seed; the read-out is 0 until solved (or
 * loaded).  prefix may be NULL. */
SEQGPU_API seqgpu_status seqgpu_esn_create(seqgpu_params *params, const char *prefix,
                                           const seqgpu_esn_desc *desc, seqgpu_esn **out);
SEQGPU_API void seqgpu_esn_destroy(seqgpu_esn *esn); /* NULL is allowed; the weights stay in params */

/* B new sequences side by side, 1 to desc.batch (as many as after creation): states and fed-back outputs become 0.  Every
 * other call goes on where the last one ended. */
SEQGPU_API seqgpu_status seqgpu_esn_reset(seqgpu_esn *esn, int64_t B);
/* Runs T steps, teacher-forced, and remembers what the read-out would see in all but the first `washout` of them.
 * u [T,B,I] (NULL if I is 0), d [T,B,O].  EINVAL if a number is not finite; the state is then undefined until reset. */
SEQGPU_API seqgpu_status seqgpu_esn_train(seqgpu_esn *esn, int64_t T, const double *u, const double *d,
                                          int64_t washout);
/* The read-out from everything remembered; see seqgpu_ridge_solve.  May be called again, with another lambda. */
SEQGPU_API seqgpu_status seqgpu_esn_solve(seqgpu_esn *esn, double lambda);
/* Runs T steps.  d [T,B,O]: teacher-forced; NULL: the network's own output is fed back.  y [T,B,O] or NULL. */
SEQGPU_API seqgpu_status seqgpu_esn_run(seqgpu_esn *esn, int64_t T, const double *u, const double *d,
                                        double *y);

/* h of the last step, [B,H]. */
SEQGPU_API seqgpu_status seqgpu_esn_state(seqgpu_esn *esn, double *h);
/* Numbers the read-out sees in a step: columns of readout.weight [O,F]. */
SEQGPU_API int64_t seqgpu_esn_features(const seqgpu_esn *esn);
/* The reservoir's plan. */
SEQGPU_API const seqgpu_plan *seqgpu_esn_plan(const seqgpu_esn *esn);

#ifdef __cplusplus
}
#endif
#endif
