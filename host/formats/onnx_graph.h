/* onnx_graph.h - the nodes and values of an ONNX graph, and who reads what (onnx_graph.c).  Everything points
 * into the bytes of the file. */
#ifndef SQ_ONNX_GRAPH_H
#define SQ_ONNX_GRAPH_H

#include "host/context/context.h"
#include "host/formats/onnx_fields.h"
#include "host/formats/protobuf.h"

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

/* Whether the bytes are this text, of one byte at least. */
int sq_onnx_is(sq_bytes bytes, const char *text);

/* The graph of a model of these bytes, which must outlive it.  EFORMAT, EUNSUPPORTED (too many nodes),
 * ENOMEM; sq_onnx_graph_free after any. */
seqgpu_status sq_onnx_graph_read(seqgpu_context *ctx, const char *path, sq_bytes model, sq_onnx_graph *out);
void sq_onnx_graph_free(sq_onnx_graph *graph);

/* What a node reads or writes at a place: an index of values, SQ_ONNX_ABSENT or SQ_ONNX_UNKNOWN. */
int sq_onnx_input(const sq_onnx_graph *graph, const sq_onnx_node *node, int place);
int sq_onnx_output(const sq_onnx_graph *graph, const sq_onnx_node *node, int place);
/* The value behind Identity nodes, which only pass one on; with `take` they are marked as taken. */
int sq_onnx_behind(sq_onnx_graph *graph, int value, int take);

/* The bytes of a field of a message, of the last one with that number; 0 if there is none or it
 * is damaged. */
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
#define sq_onnx_fail(graph, status, node, ...)                                                               \
  sq_failed(sq_onnx_fail(graph, status, node, __VA_ARGS__), status) /* as sq_fail does */

#endif
