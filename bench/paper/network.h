/* network.h - recurrent layers and a linear layer with their tape, for the experiments that are C programs.
 */
#ifndef PAPER_NETWORK_H
#define PAPER_NETWORK_H

#include "seqgpu/seqgpu.h"

enum { NETWORK_PLANS = 2 };

typedef struct network {
  const char *program; /* who says what has failed */
  seqgpu_context *ctx;
  seqgpu_plan *plan[NETWORK_PLANS]; /* of one network, for two sizes of batch, say */
  seqgpu_params *params;
  seqgpu_param rnn, w, b; /* all of the layers, [outputs,H], [outputs] */
  seqgpu_tape *tape;
} network;

typedef struct network_options {
  const char *program, *init; /* init, scale: of seqgpu_params_init_rnn */
  double scale;
  int64_t outputs;
  int threads;
  uint64_t seed;
} network_options;

/* On the CPU, with weights drawn: 0, or 1 after a sentence on stderr.  network_close is to be called in any
 * case. */
int network_open(network *n, const network_options *o, const seqgpu_rnn_desc desc[NETWORK_PLANS]);
void network_close(network *n);
/* Says why the last call failed; returns 1. */
int network_failed(const network *n);

#endif
