/* hessian_free.h - the optimiser as its files share it.
 *
 *   vector.c        the parameters as one vector
 *   cg.c            conjugate gradients
 *   model.c         what is asked of the program's model: losses, gradients, products
 *   hessian_free.c  its life, and an update
 */
#ifndef SQ_HESSIAN_FREE_H
#define SQ_HESSIAN_FREE_H

#include "host/hf/cg.h"
#include "host/hf/vector.h"
#include "host/tape/tensor.h"
#include "seqgpu/hessian_free.h"

enum { SQ_HF_DAMPED = 8 };

struct seqgpu_hessian_free {
  seqgpu_context *ctx;
  seqgpu_params *params;
  seqgpu_hessian_free_options options; /* no field is 0 that has a standard value */
  sq_vectors vectors;
  void *step, *state; /* device memory of the tensors in params: [n], and [2]: lambda, updates */
  void *direction;    /* device memory [n] */
  sq_cg cg;
  double *theta, *g, *diag, *trial, *chosen; /* [n] */
  double lambda, updates;
  /* of the update under way */
  seqgpu_hessian_free_build *build;
  void *user;
  seqgpu_hessian_free_batch batch; /* what is being built */
  seqgpu_tape *tape, *curved; /* for losses and gradients; of the curvature, which stays for all products */
  seqgpu_tensor *loss;        /* of the curvature's batch */
  seqgpu_tensor **leaf;       /* [leaf_room] its parameters, and their places in `direction` */
  const void **place;
  int leaves, leaf_room;
  seqgpu_tensor *damped[SQ_HF_DAMPED];
  double scale[SQ_HF_DAMPED], strength[SQ_HF_DAMPED];
  int damped_count;
};

/* --- model.c --- */

/* The loss of the gradient's batch at the parameters as they are; infinite where it is NaN. */
seqgpu_status sq_hf_loss(seqgpu_hessian_free *hf, double *loss);
/* Moves the running statistics of batch normalisation, where there are some, to those of the gradient's batch
 * at the parameters as they are: once, as any update does.  No other pass moves them. */
seqgpu_status sq_hf_move_statistics(seqgpu_hessian_free *hf);
/* Of batch `what`: the loss, and its gradient [n]. */
seqgpu_status sq_hf_gradient(seqgpu_hessian_free *hf, seqgpu_hessian_free_batch what, int64_t index,
                             double *loss, double *g);
/* Builds the curvature's batch. */
seqgpu_status sq_hf_curve(seqgpu_hessian_free *hf);
/* out = (G + lambda (I + structural S)) v, at the parameters for which sq_hf_curve was called. */
seqgpu_status sq_hf_product(seqgpu_hessian_free *hf, double lambda, const double *v, double *out);

#endif
