/* network.h - what bench_scale and bench_ranks time: an update of an LSTM whose input is as wide as its
 * layers.
 *
 * It learns to repeat its input, so that its loss needs no output layer.
 */
#ifndef BENCH_SCALE_NETWORK_H
#define BENCH_SCALE_NETWORK_H

#include "seqgpu/seqgpu.h"

typedef struct scale_model {
  const char *name;
  int64_t layers, hidden;
} scale_model;

enum { SCALE_MODELS = 4 };
extern const scale_model scale_models[SCALE_MODELS];

typedef struct scale_network {
  seqgpu_context *ctx;
  seqgpu_plan *plan;
  seqgpu_params *params;
  seqgpu_tape *tape;
  seqgpu_param rnn;
  int64_t steps, batch, hidden;
  float *x; /* [T,B,H], and the target; NULL: nothing is to be run */
} scale_network;

/* Of `batch` sequences of `steps` steps on a device.  `runs`: with data.  It is destroyed after a failure,
 * too. */
seqgpu_status scale_build(const scale_model *model, const seqgpu_context_options *device, int64_t steps,
                          int64_t batch, int runs, scale_network *out);
void scale_destroy(scale_network *network);

/* Forward: the loss of the batch, on the cleared tape. */
seqgpu_tensor *scale_loss(scale_network *network);
extern const seqgpu_optimizer scale_optimizer;

#endif
