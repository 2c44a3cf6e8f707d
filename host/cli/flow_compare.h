/* flow_compare.h - the gradient flow of networks that are drawn for it: one of the user's, or one of each
 * kind, side by side. */
#ifndef FLOW_COMPARE_H
#define FLOW_COMPARE_H

#include "host/cli/config.h"
#include "host/cli/flow_look.h"

/* A network over drawn inputs: x_t ~ N(0, input_scale^2), as many as units; F = u . h_T of the last layer,
 * where u is a random vector of norm 1. */
typedef struct flow_network {
  const char *name;
  const model_config *model; /* rnn.seq_len is T */
  double input_scale;
} flow_network;

/* An exit code, after a sentence unless it is 0. */
int flow_compare_one(seqgpu_context *ctx, const flow_network *network, flow_look *out);

/* One of each kind, as many units, layers and steps as `base` says; out has room for FLOW_KINDS. */
enum { FLOW_KINDS = 8 };
int flow_compare_all(seqgpu_context *ctx, const model_config *base, double input_scale, flow_look *out);

#endif
