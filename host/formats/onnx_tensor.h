/* onnx_tensor.h - constants of an ONNX graph, and their numbers (onnx_tensor.c). */
#ifndef SQ_ONNX_TENSOR_H
#define SQ_ONNX_TENSOR_H

#include "host/formats/onnx_graph.h"

enum { SQ_ONNX_RANK = 8 };

/* A TensorProto; its numbers are not read yet. */
typedef struct sq_onnx_tensor {
  sq_bytes name, body;
  int type, external, rank;
  int64_t dims[SQ_ONNX_RANK];
  int64_t elements;
  int value; /* of the graph, that it is of */
} sq_onnx_tensor;

/* The constant that a node reads at a place: an initialiser, or the value of a Constant node.  EUNSUPPORTED:
 * what it reads is not constant, or has no type of floats; `what` names the input, "W". */
seqgpu_status sq_onnx_constant(sq_onnx_graph *graph, const sq_onnx_node *node, int place, const char *what,
                               sq_onnx_tensor *out);
/* Whether it is one. */
int sq_onnx_is_constant(sq_onnx_graph *graph, const sq_onnx_node *node, int place);

/* The numbers of a tensor of floats, [elements], to be freed with sq_host_free. */
seqgpu_status sq_onnx_numbers(sq_onnx_graph *graph, const sq_onnx_node *node, const sq_onnx_tensor *tensor,
                              double **out);

/* The numbers of a constant INT64 tensor inside the file: how many, at most `most`; -1 where it is something
 * else. */
int sq_onnx_integers(sq_onnx_graph *graph, const sq_onnx_node *node, int place, int64_t *out, int most);

#endif
