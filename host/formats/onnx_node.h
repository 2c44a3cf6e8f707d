/* onnx_node.h - a recurrent node of an ONNX graph: what it says, and which cell of ours it
 * is (onnx_node.c). */
#ifndef SQ_ONNX_NODE_H
#define SQ_ONNX_NODE_H

#include "host/formats/onnx_graph.h"
#include "seqgpu/rnn.h"

/* The inputs of all three operators; P is LSTM's alone. */
enum { ONNX_X, ONNX_W, ONNX_R, ONNX_B, ONNX_LENGTHS, ONNX_H0, ONNX_C0, ONNX_P };

/* What an activation of the format is in ours: g(scale a + shift), where a is what comes in. */
typedef struct sq_onnx_activation {
  seqgpu_activation g;
  double scale, shift;
} sq_onnx_activation;

enum { SQ_ONNX_GATES = 4, SQ_ONNX_FUNCTIONS = 3 };

/* An operator. */
typedef struct sq_onnx_operator {
  const char *name, *cell;
  int gates;     /* blocks of W */
  int functions; /* activations of one direction */
  int states;
  const char *order; /* its blocks, by their first letters in our cells: "iofg" */
  const char *ours;  /* the blocks of our cell: "ifgo" */
  const char *uses;  /* which function each of ours is under: "0010" */
} sq_onnx_operator;

/* A recurrent node. */
typedef struct sq_onnx_recurrent {
  const sq_onnx_operator *op;
  sq_onnx_node *node;
  int index; /* of the node */
  int directions, layout;
  seqgpu_rnn_desc desc; /* of one layer */
  sq_onnx_activation functions[SQ_ONNX_FUNCTIONS];
  int stateful;     /* some initial state is constant */
  int given;        /* some initial state comes from the graph */
  int below, above; /* indices of the recurrent nodes that are the next layers; -1 */
  int turned;       /* index of the node that puts the batch of its y first; -1 */
} sq_onnx_recurrent;

/* NULL: the node is no recurrent one. */
const sq_onnx_operator *sq_onnx_operator_of(const sq_onnx_node *node);

/* Sets seq_len and batch of a descriptor where x is an input of the graph that says them; else both are 0. */
void sq_onnx_look_at_x(sq_onnx_graph *graph, int value, seqgpu_rnn_desc *desc);

/* Reads what a recurrent node says but its numbers.  EFORMAT; EUNSUPPORTED: no cell of ours is that. */
seqgpu_status sq_onnx_recurrent_read(sq_onnx_graph *graph, int index, const sq_onnx_operator *op,
                                     sq_onnx_recurrent *out);

/* The operator that a cell is; NULL: none. */
const sq_onnx_operator *sq_onnx_operator_for(const seqgpu_rnn_desc *desc);

#endif
