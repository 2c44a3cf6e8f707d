/* onnx_state.h - the states that an ONNX file has its recurrent nodes begin with (onnx_state.c). */
#ifndef SQ_ONNX_STATE_H
#define SQ_ONNX_STATE_H

#include "host/formats/format.h"
#include "host/formats/onnx_node.h"

/* Fills in `stateful` and `given`. */
void sq_onnx_states_look(sq_onnx_graph *graph, sq_onnx_recurrent *r);
/* Adds a layer's constant initial states to those of the network. */
seqgpu_status sq_onnx_states_read(sq_onnx_graph *graph, const sq_onnx_recurrent *r, int64_t layer,
                                  sq_foreign_net *net);
/* States that are all zeros are none. */
void sq_onnx_states_tidy(seqgpu_context *ctx, sq_foreign_net *net);

#endif
