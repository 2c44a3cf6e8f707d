/* onnx.h - the reader of ONNX model files (onnx.c).
 *
 *   onnx.c          the row of the format: from a file to networks
 *   onnx_graph.c    the nodes and values of a graph, and who reads what
 *   onnx_tensor.c   the numbers of a tensor, inside the file or beside it
 *   onnx_node.c     one RNN, LSTM or GRU node: what it says, and whether a cell of ours is that
 *   onnx_layer.c    its weights in our order
 *   onnx_state.c    the states that it begins with
 *   onnx_stack.c    which nodes are layers of one network
 *   onnx_write.c    a network as a model file
 *   onnx_pack.c     its weights in their order
 *
 * Sources: onnx.proto3 (field numbers) and Operators.md of ONNX, operators RNN, GRU and LSTM up to version
 * 22.
 *
 * Everything the reader keeps points into the file's bytes.  A graph of n nodes is read in O(size log n)
 * time; graphs inside nodes (of If, Loop, Scan) are not looked into.
 */
#ifndef SQ_ONNX_H
#define SQ_ONNX_H

#include "host/formats/format.h"
#include "host/formats/protobuf.h"

/* As sq_format_onnx.read, of bytes in memory; `path` names them, and the folder of tensors in other files. */
seqgpu_status sq_onnx_read_bytes(seqgpu_context *ctx, const char *path, sq_bytes model, sq_foreign *out);

#endif
