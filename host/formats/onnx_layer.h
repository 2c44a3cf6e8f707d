/* onnx_layer.h - the weights of a recurrent node of an ONNX graph, in our order (onnx_layer.c). */
#ifndef SQ_ONNX_LAYER_H
#define SQ_ONNX_LAYER_H

#include "host/formats/format.h"
#include "host/formats/onnx_node.h"

/* Adds the parameters of a layer to a network, and its constant initial states. */
seqgpu_status sq_onnx_layer_read(sq_onnx_graph *graph, const sq_onnx_recurrent *r, int64_t layer,
                                 sq_foreign_net *net);

#endif
