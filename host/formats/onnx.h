/* onnx.h - what the files of the ONNX format share: numbers of fields, a graph as it lies in memory, its tensors, its
 * recurrent nodes.
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
 * Sources: onnx.proto3 (field numbers) and Operators.md of ONNX, operators RNN, GRU and LSTM up to version 22.
 *
 * Everything the reader keeps points into the file's bytes.  A graph of n nodes is read in O(size log n) time; graphs
 * inside nodes (of If, Loop, Scan) are not looked into.
 */
#ifndef SQ_ONNX_H
#define SQ_ONNX_H

#include "host/formats/format.h"
#include "host/formats/protobuf.h"

/* Field numbers, MESSAGE_FIELD. */
enum {
  MODEL_IR_VERSION = 1,
  MODEL_PRODUCER = 2,
  MODEL_PRODUCER_VERSION = 3,
  MODEL_GRAPH = 7,
  MODEL_OPSET = 8,
  MODEL_TRAINING = 20,
  MODEL_FUNCTION = 25,
  OPSET_VERSION = 2,
  GRAPH_NODE = 1,
  GRAPH_NAME = 2,
  GRAPH_INITIALIZER = 5,
  GRAPH_INPUT = 11,
  GRAPH_OUTPUT = 12,
  GRAPH_SPARSE = 15,
  NODE_INPUT = 1,
  NODE_OUTPUT = 2,
  NODE_NAME = 3,
  NODE_OPERATOR = 4,
  NODE_ATTRIBUTE = 5,
  NODE_DOMAIN = 7,
  ATTRIBUTE_NAME = 1,
  ATTRIBUTE_F = 2,
  ATTRIBUTE_I = 3,
  ATTRIBUTE_S = 4,
  ATTRIBUTE_T = 5,
  ATTRIBUTE_G = 6,
  ATTRIBUTE_FLOATS = 7,
  ATTRIBUTE_INTS = 8,
  ATTRIBUTE_STRINGS = 9,
  ATTRIBUTE_GRAPHS = 11,
  ATTRIBUTE_TYPE = 20,
  TENSOR_DIMS = 1,
  TENSOR_TYPE = 2,
  TENSOR_FLOATS = 4,
  TENSOR_INT32S = 5,
  TENSOR_INT64S = 7,
  TENSOR_NAME = 8,
  TENSOR_RAW = 9,
  TENSOR_DOUBLES = 10,
  TENSOR_EXTERNAL = 13,
  TENSOR_LOCATION = 14,
  ENTRY_KEY = 1,
  ENTRY_VALUE = 2,
  VALUE_NAME = 1,
  VALUE_TYPE = 2,
  TYPE_TENSOR = 1,
  TENSOR_TYPE_ELEMENT = 1,
  TENSOR_TYPE_SHAPE = 2,
  SHAPE_DIM = 1,
  DIM_VALUE = 1,
  DIM_PARAM = 2
};

/* TensorProto.DataType, those that are read or written. */
enum {
  ONNX_FLOAT = 1,
  ONNX_INT32 = 6,
  ONNX_INT64 = 7,
  ONNX_FLOAT16 = 10,
  ONNX_DOUBLE = 11,
  ONNX_BFLOAT16 = 16
};

/* AttributeProto.AttributeType. */
enum {
  ONNX_ATTRIBUTE_INT = 2,
  ONNX_ATTRIBUTE_STRING = 3,
  ONNX_ATTRIBUTE_INTS = 7,
  ONNX_ATTRIBUTE_STRINGS = 8,
  ONNX_ATTRIBUTE_FLOATS = 6
};

/* ---------------------------------------------------------------- graphs (onnx_graph.c) */

/* Where a node has no input, and where its input has a name that nothing in the graph defines. */
enum { SQ_ONNX_ABSENT = -1, SQ_ONNX_UNKNOWN = -2 };

/* A name of the graph: an initialiser, an input of the graph, or what a node writes. */
typedef struct sq_onnx_value {
  sq_bytes name;
  int node;    /* that writes it; -1: none */
  int initial; /* `body` is a TensorProto; else a ValueInfoProto, of an input, or nothing */
  int uses;    /* by nodes, and as outputs of the graph */
  int loaded;  /* its numbers have been read before */
  sq_bytes body;
} sq_onnx_value;

typedef struct sq_onnx_node {
  sq_bytes name, op, domain, body;
  int input_count, output_count;
  int first_input, first_output; /* in graph->links */
  int taken;                     /* part of a network, or a constant that one is made of */
} sq_onnx_node;

typedef struct sq_onnx_graph {
  seqgpu_context *ctx;
  const char *path;
  int node_count, value_count, link_count;
  sq_onnx_node *nodes;             /* in the order of the file */
  sq_onnx_value *values;           /* sorted by name */
  int *links;                      /* indices of values, or one of the two below */
  int sparse, functions, training; /* how many of them the file has */
  double budget; /* of numbers still to be read: weights that nodes share must not grow out of all bounds */
} sq_onnx_graph;

/* A name for a message: without control characters, of at most 63 bytes. */
typedef struct sq_onnx_text {
  char text[64];
} sq_onnx_text;
sq_onnx_text sq_onnx_show(sq_bytes name);

/* Whether the bytes are this text. */
int sq_onnx_is(sq_bytes bytes, const char *text);

/* The graph of a model of these bytes, which must outlive it.  EFORMAT, EUNSUPPORTED (too many nodes), ENOMEM;
 * sq_onnx_graph_free after any. */
seqgpu_status sq_onnx_graph_read(seqgpu_context *ctx, const char *path, sq_bytes model, sq_onnx_graph *out);
void sq_onnx_graph_free(sq_onnx_graph *graph);

/* What a node reads or writes at a place: an index of values, SQ_ONNX_ABSENT or SQ_ONNX_UNKNOWN. */
int sq_onnx_input(const sq_onnx_graph *graph, const sq_onnx_node *node, int place);
int sq_onnx_output(const sq_onnx_graph *graph, const sq_onnx_node *node, int place);
/* The value behind Identity nodes, which only pass one on; with `take` they are marked as taken. */
int sq_onnx_behind(sq_onnx_graph *graph, int value, int take);

/* The bytes of a field of a message, of the last one with that number; 0 if there is none or it is damaged. */
int sq_onnx_field(sq_bytes message, int number, sq_bytes *out);

/* The attribute of a node by name, of which only these fields count.  1: *out is its message; 0: none; -1:
 * damaged, or there is more than one. */
int sq_onnx_attribute(const sq_onnx_node *node, const char *name, sq_bytes *out);

/* An attribute with a whole number, or `otherwise` where the node does not have it; INT64_MIN: damaged. */
int64_t sq_onnx_integer(const sq_onnx_node *node, const char *name, int64_t otherwise);

/* EFORMAT, EUNSUPPORTED: "PATH: LSTM node "NAME": ...". */
seqgpu_status sq_onnx_fail(const sq_onnx_graph *graph, seqgpu_status status, const sq_onnx_node *node,
                           const char *format, ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 4, 5)))
#endif
    ;

/* ---------------------------------------------------------------- tensors (onnx_tensor.c) */

enum { SQ_ONNX_RANK = 8 };

/* A TensorProto; its numbers are not read yet. */
typedef struct sq_onnx_tensor {
  sq_bytes name, body;
  int type, external, rank;
  int64_t dims[SQ_ONNX_RANK];
  int64_t elements;
  int value; /* of the graph, that it is of */
} sq_onnx_tensor;

/* The constant that a node reads at a place: an initialiser, or the value of a Constant node.  EUNSUPPORTED: what it
 * reads is not constant, or has no type of floats; `what` names the input, "W". */
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

/* ---------------------------------------------------------------- recurrent nodes (onnx_node.c) */

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
seqgpu_status sq_onnx_recurrent_read(sq_onnx_graph *graph, int index, sq_onnx_recurrent *out);

/* ---------------------------------------------------------------- weights (onnx_layer.c) */

/* Adds the parameters of a layer to a network, and its constant initial states. */
seqgpu_status sq_onnx_layer_read(sq_onnx_graph *graph, const sq_onnx_recurrent *r, int64_t layer,
                                 sq_foreign_net *net);

/* ---------------------------------------------------------------- initial states (onnx_state.c) */

/* Fills in `stateful` and `given`. */
void sq_onnx_states_look(sq_onnx_graph *graph, sq_onnx_recurrent *r);
/* Adds a layer's constant initial states to those of the network. */
seqgpu_status sq_onnx_states_read(sq_onnx_graph *graph, const sq_onnx_recurrent *r, int64_t layer,
                                  sq_foreign_net *net);
/* States that are all zeros are none. */
void sq_onnx_states_tidy(seqgpu_context *ctx, sq_foreign_net *net);

/* ---------------------------------------------------------------- stacks (onnx_stack.c) */

/* Fills in below, above, turned and desc.merge of all recurrent nodes, which are in the order of the file, and marks
 * the nodes that only lie between layers, or give the last one's y its form, as taken. */
void sq_onnx_stack(sq_onnx_graph *graph, sq_onnx_recurrent *all, int count);

/* Makes the network of these layers one with the batch first, where the graph turns both its x and its y. */
void sq_onnx_turn(sq_onnx_graph *graph, const sq_onnx_recurrent *first, const sq_onnx_recurrent *last,
                  seqgpu_rnn_desc *desc);

/* ---------------------------------------------------------------- whole files */

/* onnx.c: sq_format_onnx.read of these bytes; `path` names the file, and the folder of external tensors. */
seqgpu_status sq_onnx_read_bytes(seqgpu_context *ctx, const char *path, sq_bytes model, sq_foreign *out);

/* ---------------------------------------------------------------- writing */

/* The operator that a cell is; NULL: none. */
const sq_onnx_operator *sq_onnx_operator_for(const seqgpu_rnn_desc *desc);

/* onnx_pack.c: puts initialisers W_l0, R_l0, B_l0 and P_l0 of a layer into a GraphProto.  EINVAL: the network
 * lacks a parameter, or it has other sizes; EUNSUPPORTED: a number is out of float32's range. */
seqgpu_status sq_onnx_pack_layer(sq_pb_out *graph, const sq_foreign_net *net, const sq_onnx_operator *op,
                                 int64_t layer);
/* A FLOAT initialiser of these numbers. */
seqgpu_status sq_onnx_put_floats(sq_pb_out *graph, const char *name, const int64_t *dims, int rank,
                                 const double *values);

/* onnx_write.c: sq_format_onnx.write. */
seqgpu_status sq_onnx_write(seqgpu_context *ctx, const char *path, const sq_foreign_net *net);

#endif
