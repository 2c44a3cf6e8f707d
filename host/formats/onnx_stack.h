/* onnx_stack.h - which recurrent nodes of an ONNX graph are layers of one network (onnx_stack.c). */
#ifndef SQ_ONNX_STACK_H
#define SQ_ONNX_STACK_H

#include "host/formats/onnx_node.h"

/* Fills in below, above, turned and desc.merge of all recurrent nodes, which are in the order of the file,
 * and marks the nodes that only lie between layers, or give the last one's y its form, as taken. */
void sq_onnx_stack(sq_onnx_graph *graph, sq_onnx_recurrent *all, int count);

/* Makes the network of these layers one with the batch first, where the graph turns both its x and its y. */
void sq_onnx_turn(sq_onnx_graph *graph, const sq_onnx_recurrent *first, const sq_onnx_recurrent *last,
                  seqgpu_rnn_desc *desc);

#endif
