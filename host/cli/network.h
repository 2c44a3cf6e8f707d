/* network.h - the recurrent layers of a config on a device: plan, parameters, memory. */
#ifndef NETWORK_H
#define NETWORK_H

#include "host/cli/config.h"

/* A plan for at most T steps of B sequences of `input` elements per step, for training or for inference.  Where
 * batches are learnt in shards, the one for training is for the largest of them, and draws for the B sequences.
 * Both plans of one config have the same parameters: a model is trained with one and validated with the
 * other. */
seqgpu_status network_plan(seqgpu_context *ctx, const model_config *c, int64_t input, int64_t T, int64_t B,
                           int training, seqgpu_plan **out);

/* Adds the parameters of a plan as "rnn" and draws them by the scheme of the config. */
seqgpu_status network_add_params(const model_config *c, seqgpu_params *params, const seqgpu_plan *plan,
                                 seqgpu_param *out);
/* Draws those that were added under a prefix again, by that scheme; where it is the library's own they stay.
 */
seqgpu_status network_draw_params(const model_config *c, seqgpu_params *params, const char *prefix,
                                  const seqgpu_plan *plan);

/* The file that weights will be loaded from, all zeros if they are drawn; with `resume` also moments and
 * states. */
typedef struct weights_source {
  const seqgpu_checkpoint *file;
  int resume;
} weights_source;

/* What a model needs beside its recurrent layers. */
typedef struct network_rest {
  double params;   /* elements of its other parameters */
  double per_step; /* elements of its other buffers, per step of each sequence */
  int averaged;    /* the weights are averaged */
  int hessian;     /* they are learnt by Hessian-free updates */
} network_rest;

/* 0, or CLI_FAILED after a sentence, if the model of a plan (of T steps of B sequences) needs more memory
 * than is free. */
int network_check_memory(const seqgpu_context *ctx, const seqgpu_plan *plan, network_rest rest);

#endif
