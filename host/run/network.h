/* network.h - one forward or backward of a network of layers, for the files that walk through it: rnn.c, layer after layer, and
 * wavefront.c, layers side by side.
 */
#ifndef SQ_NETWORK_H
#define SQ_NETWORK_H

#include "host/plan/plan.h"

typedef struct sq_net {
  seqgpu_context *ctx;
  const seqgpu_plan *plan;
  const seqgpu_rnn_run *run;
  sq_network_map map;
  int training;
  size_t element_size;
} sq_net;

/* Address of real `offset` in a buffer; NULL if either is "not there". */
void *sq_net_at(const sq_net *n, const void *base, int64_t offset);

/* Everything of a layer and direction but y, dy and dx. */
sq_layer_run sq_net_layer_run(const sq_net *n, int64_t layer, int64_t direction);

/* Where a layer writes y, and the gradient at its input: [T,B,Y], and [T,B,I] or NULL in layer 0. */
void *sq_net_output(const sq_net *n, int64_t layer);
void *sq_net_dx(const sq_net *n, int64_t layer);

/* Dropout of a layer's output, or of the gradient there, in steps first .. first + steps - 1 of data [T,B,Y]; first is a
 * multiple of 4, so that a Philox block of four numbers is not cut. */
seqgpu_status sq_net_drop(const sq_net *n, int64_t layer, void *data, int64_t first, int64_t steps);

/* Whether the layers of this run go side by side, and all of them forward and backward; dy is that of the last layer
 * (wavefront.c). */
int sq_wave_applies(const sq_net *n);
seqgpu_status sq_wave_forward(const sq_net *n);
seqgpu_status sq_wave_backward(const sq_net *n, const void *dy);

#endif
