/* onnx.c - ONNX model files, as networks of ours: the row of the format, and its reader (onnx.h lists the
 * parts).
 *
 * Recurrent nodes of the main graph become networks, stacked ones one network with several layers.  All other
 * nodes are named in `left`, with what the graph says that a network of ours has no place for.  A recurrent
 * node that no cell of ours is stands there, too, with the reason; where it is the only one, that is the
 * error.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "host/formats/foreign.h"
#include "host/formats/onnx.h"
#include "host/formats/onnx_layer.h"
#include "host/formats/onnx_stack.h"
#include "host/formats/onnx_state.h"
#include "host/formats/onnx_tensor.h"
#include "host/formats/onnx_write.h"

/* A file of Protocol Buffers cannot be larger. */
static const int64_t MOST_BYTES = INT32_MAX;

enum { MOST_RECURRENT = 4096, MOST_LEFT = 1000 };

/* ---------------------------------------------------------------- whether it is one */

/* Whether the bytes begin with the version of the format, and then with another field of a ModelProto.  That
 * one may be the graph, and longer than what is known of the file, so that only its key is looked at. */
static int begins_like_model(sq_bytes rest) {
  static const int next[] = {MODEL_PRODUCER, MODEL_PRODUCER_VERSION, MODEL_GRAPH, MODEL_OPSET};
  sq_pb_field f;
  uint64_t key;
  if (sq_pb_next(&rest, &f) != 1 || f.number != MODEL_IR_VERSION || f.type != SQ_PB_VARINT) return 0;
  if (f.value == 0 || f.value > 1000 || sq_pb_varint(&rest, &key) != 1) return 0;
  for (size_t i = 0; i < sizeof next / sizeof next[0]; i++)
    if (key == (uint64_t)(next[i] << 3 | SQ_PB_BYTES)) return 1;
  return 0;
}

static int recognises(const unsigned char *head, size_t size, const char *path) {
  const size_t length = strlen(path);
  if (length > 5 && strcasecmp(path + length - 5, ".onnx") == 0) return 1;
  return begins_like_model((sq_bytes){head, size});
}

/* ---------------------------------------------------------------- what is left */

/* Everything a read needs. */
typedef struct reader {
  sq_onnx_graph graph;
  sq_onnx_recurrent *all; /* those that a cell of ours is, in the order of the file */
  int count;
  sq_foreign *out;
  int unnamed; /* nodes that `left` had no room for */
} reader;

__attribute__((format(printf, 2, 3))) static seqgpu_status add_left(reader *r, const char *format, ...) {
  char sentence[SQ_ERROR_SIZE];
  va_list values;
  if (r->out->left_count == MOST_LEFT) {
    r->unnamed++;
    return SEQGPU_OK;
  }
  va_start(values, format);
  vsnprintf(sentence, sizeof sentence, format, values);
  va_end(values);
  return sq_foreign_leave(r->graph.ctx, r->out, "%s", sentence);
}

/* Constants are named no more than initialisers are. */
static int is_left(const sq_onnx_node *node) { return !node->taken && !sq_onnx_is(node->op, "Constant"); }

/* Whether an attribute of the node is a graph. */
static int has_graph(const sq_onnx_node *node) {
  sq_bytes rest = node->body;
  sq_pb_field f;
  while (sq_pb_next(&rest, &f) == 1) {
    sq_bytes graph;
    if (f.number == NODE_ATTRIBUTE && f.type == SQ_PB_BYTES &&
        (sq_onnx_field(f.bytes, ATTRIBUTE_G, &graph) || sq_onnx_field(f.bytes, ATTRIBUTE_GRAPHS, &graph)))
      return 1;
  }
  return 0;
}

static seqgpu_status name_left(reader *r, const sq_onnx_node *node) {
  const sq_onnx_text op = sq_onnx_show(node->op), domain = sq_onnx_show(node->domain);
  const int output = sq_onnx_output(&r->graph, node, 0);
  const sq_bytes nameless = output >= 0 ? r->graph.values[output].name : (sq_bytes){NULL, 0};
  const sq_onnx_text name = sq_onnx_show(node->name.size ? node->name : nameless);
  return add_left(r, "%s%s%s \"%s\"%s", domain.text, domain.text[0] ? "." : "", op.text, name.text,
                  has_graph(node) ? ", with the graph inside it" : "");
}

static seqgpu_status list_left(reader *r) {
  const sq_onnx_graph *g = &r->graph;
  for (int i = 0; i < g->node_count; i++)
    if (is_left(&g->nodes[i])) SQ_TRY(name_left(r, &g->nodes[i]));
  if (g->sparse) SQ_TRY(add_left(r, "%d sparse initialisers", g->sparse));
  if (g->functions) SQ_TRY(add_left(r, "%d functions of the model, and what is inside them", g->functions));
  if (g->training) SQ_TRY(add_left(r, "what the model says about training"));
  if (r->unnamed == 0) return SEQGPU_OK;
  sq_host_free(g->ctx, r->out->left[--r->out->left_count]);
  return add_left(r, "and %d more", r->unnamed + 1);
}

/* ---------------------------------------------------------------- networks */

/* Recurrent nodes that some cell of ours is; of the others the reasons, in `left`. */
static seqgpu_status find_recurrent(reader *r) {
  sq_onnx_graph *g = &r->graph;
  int found = 0;
  for (int i = 0; i < g->node_count; i++) found += sq_onnx_operator_of(&g->nodes[i]) != NULL;
  if (found == 0)
    return sq_fail(g->ctx, SEQGPU_EUNSUPPORTED,
                   "%s: has no RNN, LSTM or GRU node in its main graph (of %d nodes)", g->path,
                   g->node_count);
  if (found > MOST_RECURRENT)
    return sq_fail(g->ctx, SEQGPU_EUNSUPPORTED, "%s: has %d recurrent nodes; it must have at most %d",
                   g->path, found, MOST_RECURRENT);
  r->all = sq_host_alloc(g->ctx, (size_t)found * sizeof *r->all);
  if (r->all == NULL) return sq_fail(g->ctx, SEQGPU_ENOMEM, "%s: out of memory", g->path);
  for (int i = 0; i < g->node_count; i++) {
    const sq_onnx_operator *op = sq_onnx_operator_of(&g->nodes[i]);
    if (op == NULL) continue;
    const seqgpu_status status = sq_onnx_recurrent_read(g, i, op, &r->all[r->count]);
    if (status == SEQGPU_OK) r->count++;
    if (status == SEQGPU_OK) continue;
    if (status != SEQGPU_EUNSUPPORTED || found == 1) return status;
    g->nodes[i].taken = 1; /* as far as `left` is concerned */
    SQ_TRY(add_left(r, "%s", seqgpu_last_error(g->ctx)));
  }
  if (r->count > 0) return SEQGPU_OK;
  return sq_fail(g->ctx, SEQGPU_EUNSUPPORTED, "%s", r->out->left[0]);
}

/* Lengths that the file fixes belong to a run of ours. */
static seqgpu_status mention_lengths(reader *r, const sq_onnx_node *node) {
  if (!sq_onnx_is_constant(&r->graph, node, ONNX_LENGTHS)) return SEQGPU_OK;
  return add_left(r, "sequence_lens of \"%s\": give them to each run as its lengths",
                  sq_onnx_show(node->name).text);
}

static void name_net(reader *r, const sq_onnx_recurrent *first, sq_foreign_net *net) {
  const int y = sq_onnx_output(&r->graph, first->node, 0);
  sq_bytes name = first->node->name;
  if (name.size == 0 && y >= 0) name = r->graph.values[y].name;
  snprintf(net->name, sizeof net->name, "%s", sq_onnx_show(name).text);
}

/* The network whose first layer is `first`. */
static seqgpu_status read_net(reader *r, const sq_onnx_recurrent *first) {
  sq_foreign_net *net = &r->out->nets[r->out->net_count++];
  const sq_onnx_recurrent *last = first;
  name_net(r, first, net);
  net->desc = first->desc;
  for (; last->above >= 0; net->desc.num_layers++) last = &r->all[last->above];
  sq_onnx_turn(&r->graph, first, last, &net->desc);
  SQ_TRY(mention_lengths(r, first->node));
  const sq_onnx_recurrent *at = first;
  for (int64_t layer = 0; layer < net->desc.num_layers; layer++) {
    at->node->taken = 1;
    SQ_TRY(sq_onnx_layer_read(&r->graph, at, layer, net));
    if (at->above >= 0) at = &r->all[at->above];
  }
  sq_onnx_states_tidy(r->graph.ctx, net);
  return SEQGPU_OK;
}

static seqgpu_status read_nets(reader *r) {
  SQ_TRY(find_recurrent(r));
  sq_onnx_stack(&r->graph, r->all, r->count);
  r->out->nets = sq_host_alloc(r->graph.ctx, (size_t)r->count * sizeof *r->out->nets);
  if (r->out->nets == NULL) return sq_fail(r->graph.ctx, SEQGPU_ENOMEM, "%s: out of memory", r->graph.path);
  for (int i = 0; i < r->count; i++)
    if (r->all[i].below < 0) SQ_TRY(read_net(r, &r->all[i]));
  return list_left(r);
}

seqgpu_status sq_onnx_read_bytes(seqgpu_context *ctx, const char *path, sq_bytes model, sq_foreign *out) {
  reader r = {.out = out};
  seqgpu_status status = sq_onnx_graph_read(ctx, path, model, &r.graph);
  if (status == SEQGPU_OK) status = read_nets(&r);
  sq_host_free(ctx, r.all);
  sq_onnx_graph_free(&r.graph);
  return status;
}

static seqgpu_status read_file(seqgpu_context *ctx, const char *path, sq_foreign *out) {
  return sq_foreign_read(ctx, path, MOST_BYTES, sq_onnx_read_bytes, out);
}

const sq_format sq_format_onnx = {.name = "onnx",
                                  .about = "ONNX model files: their RNN, LSTM and GRU nodes",
                                  .recognises = recognises,
                                  .read = read_file,
                                  .parse = sq_onnx_read_bytes,
                                  .write = sq_onnx_write};
