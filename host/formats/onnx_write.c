/* onnx_write.c - a network as an ONNX model file (onnx.h): opset 17, float32.
 *
 *   inputs    x [T, B, I], batch first [B, T, I]
 *             sequence_lens [B], h0 and c0 [L N, B, H]: they have defaults, full lengths and zeros
 *   outputs   y [T, B, Y] or [B, T, Y], hn and cn [L N, B, H]
 *
 * Each layer is one node, and between two of them are the nodes that make an X of a Y:
 *
 *   Y [T, 1, B, H]   Squeeze of axis 1                   -> [T, B, H]
 *   Y [T, 2, B, H]   Transpose (0, 2, 1, 3), Reshape     -> [T, B, 2 H]; or ReduceSum of axis 1 -> [T, B, H]
 *
 * A default has one sequence, and is expanded to the B of x.  States that the network begins with are such
 * defaults, too, where they are those of one sequence; those of several are constants of each layer, and B is
 * theirs.  Dropout is left out: the file is for inference.
 */
#include <stdio.h>
#include <string.h>

#include "host/files/replace.h"
#include "host/formats/onnx_node.h"
#include "host/formats/onnx_pack.h"
#include "host/formats/onnx_write.h"

enum { IR_VERSION = 8, OPSET = 17, NAME = 48 };

/* The network, and the GraphProto as it grows. */
typedef struct writer {
  seqgpu_context *ctx;
  const sq_foreign_net *net;
  const sq_onnx_operator *op;
  int64_t L, N, H;
  int64_t batch; /* sequences of initial states that are constants of the file; 0: a run may bring its own */
  sq_pb_out *out;
} writer;

typedef struct label {
  char text[NAME];
} label;

/* "h_l0" */
static label numbered(const char *name, int64_t layer) {
  label l;
  snprintf(l.text, sizeof l.text, "%s_l%lld", name, (long long)layer);
  return l;
}

static int summed(const writer *w) { return w->N == 2 && w->net->desc.merge == SEQGPU_MERGE_SUM; }

/* ---------------------------------------------------------------- nodes */

/* Begins a node and names it after what it writes; sq_pb_end ends it. */
static size_t begin_node(const writer *w, const char *op, const char *output) {
  const size_t start = sq_pb_begin(w->out, GRAPH_NODE);
  sq_pb_put_text(w->out, NODE_OUTPUT, output);
  sq_pb_put_text(w->out, NODE_NAME, output);
  sq_pb_put_text(w->out, NODE_OPERATOR, op);
  return start;
}

/* A node of two inputs. */
static void put_node(const writer *w, const char *op, const char *a, const char *b, const char *output) {
  const size_t start = begin_node(w, op, output);
  sq_pb_put_text(w->out, NODE_INPUT, a);
  sq_pb_put_text(w->out, NODE_INPUT, b);
  sq_pb_end(w->out, start);
}

static size_t begin_attribute(const writer *w, const char *name, int type) {
  const size_t start = sq_pb_begin(w->out, NODE_ATTRIBUTE);
  sq_pb_put_text(w->out, ATTRIBUTE_NAME, name);
  sq_pb_put_number(w->out, ATTRIBUTE_TYPE, type);
  return start;
}

static void put_integer(const writer *w, const char *name, int64_t value) {
  const size_t start = begin_attribute(w, name, ONNX_ATTRIBUTE_INT);
  sq_pb_put_number(w->out, ATTRIBUTE_I, value);
  sq_pb_end(w->out, start);
}

static void put_text(const writer *w, const char *name, const char *value) {
  const size_t start = begin_attribute(w, name, ONNX_ATTRIBUTE_STRING);
  sq_pb_put_text(w->out, ATTRIBUTE_S, value);
  sq_pb_end(w->out, start);
}

static void put_transpose(const writer *w, const char *x, const int64_t *perm, int rank, const char *y) {
  const size_t node = begin_node(w, "Transpose", y);
  sq_pb_put_text(w->out, NODE_INPUT, x);
  const size_t attribute = begin_attribute(w, "perm", ONNX_ATTRIBUTE_INTS);
  for (int i = 0; i < rank; i++) sq_pb_put_number(w->out, ATTRIBUTE_INTS, perm[i]);
  sq_pb_end(w->out, attribute);
  sq_pb_end(w->out, node);
}

/* Element `axis` of the shape of x, as a list of one. */
static void put_size(const writer *w, const char *x, int64_t axis, const char *y) {
  const size_t node = begin_node(w, "Shape", y);
  sq_pb_put_text(w->out, NODE_INPUT, x);
  put_integer(w, "start", axis);
  put_integer(w, "end", axis + 1);
  sq_pb_end(w->out, node);
}

/* A constant list of whole numbers, INT64 or INT32. */
static void put_integers(const writer *w, const char *name, int type, const int64_t *values, int count) {
  const size_t tensor = sq_pb_begin(w->out, GRAPH_INITIALIZER);
  sq_pb_put_number(w->out, TENSOR_DIMS, count);
  sq_pb_put_number(w->out, TENSOR_TYPE, type);
  sq_pb_put_text(w->out, TENSOR_NAME, name);
  for (int i = 0; i < count; i++)
    sq_pb_put_number(w->out, type == ONNX_INT64 ? TENSOR_INT64S : TENSOR_INT32S, values[i]);
  sq_pb_end(w->out, tensor);
}

/* ---------------------------------------------------------------- inputs and outputs of the graph */

/* One dimension: a name, or a number where that is NULL. */
typedef struct dim {
  const char *name;
  int64_t size;
} dim;

static void put_value(const writer *w, int field, const char *name, int type, const dim *dims, int rank) {
  const size_t value = sq_pb_begin(w->out, field);
  sq_pb_put_text(w->out, VALUE_NAME, name);
  const size_t kind = sq_pb_begin(w->out, VALUE_TYPE), tensor = sq_pb_begin(w->out, TYPE_TENSOR);
  sq_pb_put_number(w->out, TENSOR_TYPE_ELEMENT, type);
  const size_t shape = sq_pb_begin(w->out, TENSOR_TYPE_SHAPE);
  for (int i = 0; i < rank; i++) {
    const size_t at = sq_pb_begin(w->out, SHAPE_DIM);
    if (dims[i].name)
      sq_pb_put_text(w->out, DIM_PARAM, dims[i].name);
    else
      sq_pb_put_number(w->out, DIM_VALUE, dims[i].size);
    sq_pb_end(w->out, at);
  }
  sq_pb_end(w->out, shape);
  sq_pb_end(w->out, tensor);
  sq_pb_end(w->out, kind);
  sq_pb_end(w->out, value);
}

static int64_t output_width(const writer *w) { return summed(w) ? w->H : w->N * w->H; }

static void put_values(const writer *w) {
  const dim T = {"seq_len", 0}, B = w->batch ? (dim){NULL, w->batch} : (dim){"batch", 0};
  const int batch_first = w->net->desc.batch_first;
  const dim rows[2] = {batch_first ? B : T, batch_first ? T : B};
  const dim x[3] = {rows[0], rows[1], {NULL, w->net->desc.input_size}};
  const dim y[3] = {rows[0], rows[1], {NULL, output_width(w)}};
  const dim given[1] = {{"lengths", 0}}, before[3] = {{NULL, w->L * w->N}, {"states", 0}, {NULL, w->H}};
  const dim after[3] = {{NULL, w->L * w->N}, B, {NULL, w->H}};
  put_value(w, GRAPH_INPUT, "x", ONNX_FLOAT, x, 3);
  put_value(w, GRAPH_INPUT, "sequence_lens", ONNX_INT32, given, 1);
  put_value(w, GRAPH_OUTPUT, "y", ONNX_FLOAT, y, 3);
  for (int k = 0; k < w->op->states; k++) {
    if (w->batch == 0) put_value(w, GRAPH_INPUT, k ? "c0" : "h0", ONNX_FLOAT, before, 3);
    put_value(w, GRAPH_OUTPUT, k ? "cn" : "hn", ONNX_FLOAT, after, 3);
  }
}

/* ---------------------------------------------------------------- lengths and states */

/* lengths [B] = min(sequence_lens, T), where sequence_lens is [B] or the default [1]. */
static void put_lengths(const writer *w) {
  const int64_t largest = INT32_MAX;
  put_integers(w, "sequence_lens", ONNX_INT32, &largest, 1);
  const int batch_first = w->net->desc.batch_first;
  put_size(w, "x", batch_first, "seq_len");
  put_size(w, "x", 1 - batch_first, "batch");
  const size_t cast = begin_node(w, "Cast", "longest");
  sq_pb_put_text(w->out, NODE_INPUT, "seq_len");
  put_integer(w, "to", ONNX_INT32);
  sq_pb_end(w->out, cast);
  put_node(w, "Min", "sequence_lens", "longest", "bounded");
  put_node(w, "Expand", "bounded", "batch", "lengths");
}

/* A state that the file begins with: a constant [N, B, H] of each layer. */
static seqgpu_status put_own_state(const writer *w, int k) {
  const int64_t dims[3] = {w->N, w->batch, w->H};
  for (int64_t l = 0; l < w->L; l++) {
    const double *values = w->net->states[k].value + l * w->N * w->batch * w->H;
    SQ_TRY(sq_onnx_put_floats(w->out, numbered(k ? "c0" : "h0", l).text, dims, 3, values));
  }
  return SEQGPU_OK;
}

/* One that a run may bring: h0 [L N, 1 or B, H], expanded to B sequences and cut into layers. */
static seqgpu_status put_default_state(const writer *w, int k) {
  const char *name = k ? "c0" : "h0", *all = k ? "c0_all" : "h0_all";
  const int64_t dims[3] = {w->L * w->N, 1, w->H};
  double *zeros = sq_host_alloc(w->ctx, (size_t)(dims[0] * w->H) * sizeof *zeros);
  if (zeros == NULL) return sq_fail(w->ctx, SEQGPU_ENOMEM, "onnx: out of memory");
  const double *values = w->net->state_count ? w->net->states[k].value : zeros;
  const seqgpu_status status = sq_onnx_put_floats(w->out, name, dims, 3, values);
  sq_host_free(w->ctx, zeros);
  if (w->L == 1) {
    put_node(w, "Expand", name, "state_shape", numbered(name, 0).text);
    return status;
  }
  put_node(w, "Expand", name, "state_shape", all);
  const size_t split = sq_pb_begin(w->out, GRAPH_NODE); /* into equal parts along axis 0 */
  sq_pb_put_text(w->out, NODE_INPUT, all);
  for (int64_t l = 0; l < w->L; l++) sq_pb_put_text(w->out, NODE_OUTPUT, numbered(name, l).text);
  sq_pb_put_text(w->out, NODE_NAME, numbered(name, 0).text);
  sq_pb_put_text(w->out, NODE_OPERATOR, "Split");
  sq_pb_end(w->out, split);
  return status;
}

/* state_shape = [1, B, 1], which Expand takes together with [L N, 1, H]. */
static void put_state_shape(const writer *w) {
  const size_t node = begin_node(w, "Concat", "state_shape");
  sq_pb_put_text(w->out, NODE_INPUT, "one");
  sq_pb_put_text(w->out, NODE_INPUT, "batch");
  sq_pb_put_text(w->out, NODE_INPUT, "one");
  put_integer(w, "axis", 0);
  sq_pb_end(w->out, node);
}

static seqgpu_status put_states(const writer *w) {
  if (w->batch == 0) put_state_shape(w);
  for (int k = 0; k < w->op->states; k++) SQ_TRY(w->batch ? put_own_state(w, k) : put_default_state(w, k));
  return SEQGPU_OK;
}

/* Final states of all layers, one after the other; a lone layer has written them itself. */
static void put_final_states(const writer *w) {
  for (int k = 0; k < w->op->states && w->L > 1; k++) {
    const size_t node = begin_node(w, "Concat", k ? "cn" : "hn");
    for (int64_t l = 0; l < w->L; l++) sq_pb_put_text(w->out, NODE_INPUT, numbered(k ? "cn" : "hn", l).text);
    put_integer(w, "axis", 0);
    sq_pb_end(w->out, node);
  }
}

/* ---------------------------------------------------------------- layers */

static void put_activations(const writer *w) {
  static const char *const names[] = {"Tanh", "Relu", "Sigmoid", "Affine"}; /* Affine(1, 0) is the identity */
  const seqgpu_activation g = w->net->desc.activation;
  size_t attribute = begin_attribute(w, "activations", ONNX_ATTRIBUTE_STRINGS);
  for (int64_t d = 0; d < w->N; d++) sq_pb_put_text(w->out, ATTRIBUTE_STRINGS, names[g]);
  sq_pb_end(w->out, attribute);
  for (int number = 1; g == SEQGPU_ACTIVATION_IDENTITY && number >= 0; number--) {
    attribute = begin_attribute(w, number ? "activation_alpha" : "activation_beta", ONNX_ATTRIBUTE_FLOATS);
    for (int64_t d = 0; d < w->N; d++) sq_pb_put_float(w->out, ATTRIBUTE_FLOATS, (float)number);
    sq_pb_end(w->out, attribute);
  }
}

static void put_options(const writer *w) {
  const seqgpu_rnn_desc *d = &w->net->desc;
  put_integer(w, "hidden_size", w->H);
  put_text(w, "direction", d->bidirectional ? "bidirectional" : d->reverse ? "reverse" : "forward");
  if (d->coupled) put_integer(w, "input_forget", 1);
  if (d->reset_after) put_integer(w, "linear_before_reset", 1);
  if (w->op->functions == 1) put_activations(w);
}

static void put_layer(const writer *w, int64_t l, const char *x, const char *y) {
  const int last = w->L == 1;
  const size_t node = sq_pb_begin(w->out, GRAPH_NODE);
  const label inputs[] = {numbered("W", l), numbered("R", l), numbered("B", l)};
  sq_pb_put_text(w->out, NODE_INPUT, x);
  for (int i = 0; i < 3; i++) sq_pb_put_text(w->out, NODE_INPUT, inputs[i].text);
  sq_pb_put_text(w->out, NODE_INPUT, "lengths");
  sq_pb_put_text(w->out, NODE_OUTPUT, y);
  for (int k = 0; k < w->op->states; k++) {
    sq_pb_put_text(w->out, NODE_INPUT, numbered(k ? "c0" : "h0", l).text);
    sq_pb_put_text(w->out, NODE_OUTPUT, last ? (k ? "cn" : "hn") : numbered(k ? "cn" : "hn", l).text);
  }
  if (w->net->desc.peephole) sq_pb_put_text(w->out, NODE_INPUT, numbered("P", l).text);
  sq_pb_put_text(w->out, NODE_NAME, numbered("layer", l).text);
  sq_pb_put_text(w->out, NODE_OPERATOR, w->op->name);
  put_options(w);
  sq_pb_end(w->out, node);
}

/* Y [T, N, B, H] to what the next layer reads. */
static void put_between(const writer *w, int64_t l, const char *y, const char *next) {
  static const int64_t perm[4] = {0, 2, 1, 3};
  const label turned = numbered("turned", l);
  if (w->N == 1) {
    put_node(w, "Squeeze", y, "one", next);
  } else if (summed(w)) {
    const size_t node = begin_node(w, "ReduceSum", next);
    sq_pb_put_text(w->out, NODE_INPUT, y);
    sq_pb_put_text(w->out, NODE_INPUT, "one");
    put_integer(w, "keepdims", 0);
    sq_pb_end(w->out, node);
  } else {
    put_transpose(w, y, perm, 4, turned.text);
    put_node(w, "Reshape", turned.text, "flat", next);
  }
}

static seqgpu_status put_layers(const writer *w) {
  static const int64_t swap[3] = {1, 0, 2}, flat[3] = {0, 0, -1};
  const int batch_first = w->net->desc.batch_first;
  label x = {"x"};
  if (batch_first) x = (label){"x_steps"};
  if (w->N == 2 && !summed(w)) put_integers(w, "flat", ONNX_INT64, flat, 3);
  for (int64_t l = 0; l < w->L; l++) {
    const label y = numbered("Y", l);
    const label next = l < w->L - 1 ? numbered("x", l + 1) : (label){"y"};
    SQ_TRY(sq_onnx_pack_layer(w->out, w->net, w->op, l));
    put_layer(w, l, x.text, y.text);
    put_between(w, l, y.text, batch_first && l == w->L - 1 ? "y_steps" : next.text);
    x = next;
  }
  if (batch_first) put_transpose(w, "y_steps", swap, 3, "y");
  return SEQGPU_OK;
}

/* ---------------------------------------------------------------- checks */

/* States of one sequence, or of as many as the descriptor says; which of both goes into w->batch. */
static seqgpu_status check_states(seqgpu_context *ctx, const sq_foreign_net *net, writer *w) {
  if (net->state_count == 0) return SEQGPU_OK;
  const int64_t rows = w->L * w->N, batch = net->states[0].cols / w->H;
  if (net->state_count != w->op->states)
    return sq_fail(ctx, SEQGPU_EINVAL, "net: has %d initial states; it must have %d", net->state_count,
                   w->op->states);
  for (int k = 0; k < net->state_count; k++)
    if (net->states[k].rows != rows || batch < 1 || net->states[k].cols != batch * w->H)
      return sq_fail(ctx, SEQGPU_EINVAL,
                     "net: initial state %d is [%lld,%lld]; it must be [%lld,%lld] for each sequence", k,
                     (long long)net->states[k].rows, (long long)net->states[k].cols, (long long)rows,
                     (long long)w->H);
  w->batch = batch > 1 ? batch : 0;
  return SEQGPU_OK;
}

static double bytes_of(const sq_foreign_tensor *tensors, int count) {
  double bytes = 0;
  for (int i = 0; i < count; i++)
    bytes += (double)tensors[i].rows * (double)tensors[i].cols * (double)sizeof(float);
  return bytes;
}

static seqgpu_status check_net(seqgpu_context *ctx, const sq_foreign_net *net, writer *w) {
  const seqgpu_rnn_desc *d = &net->desc;
  w->op = sq_onnx_operator_for(d);
  if (w->op == NULL)
    return sq_fail(ctx, SEQGPU_EUNSUPPORTED, "onnx: cell is \"%s\"; ONNX has rnn, lstm (and lstm0) and gru",
                   d->cell);
  if (d->projection_size)
    return sq_fail(ctx, SEQGPU_EUNSUPPORTED,
                   "onnx: projection_size is %lld; the LSTM of ONNX has no projection",
                   (long long)d->projection_size);
  const double bytes = bytes_of(net->tensors, net->tensor_count) + bytes_of(net->states, net->state_count);
  if (bytes > 0x7f000000) /* the rest fits into the 16 MiB up to INT32_MAX */
    return sq_fail(ctx, SEQGPU_EUNSUPPORTED,
                   "onnx: the weights are %.3g bytes; a model file holds 2.1e9 at most", bytes);
  return check_states(ctx, net, w);
}

/* ---------------------------------------------------------------- the whole */

static seqgpu_status put_graph(const writer *w) {
  static const int64_t swap[3] = {1, 0, 2}, one = 1;
  put_integers(w, "one", ONNX_INT64, &one, 1);
  sq_pb_put_text(w->out, GRAPH_NAME, w->net->name[0] ? w->net->name : "seqgpu");
  if (w->net->desc.batch_first) put_transpose(w, "x", swap, 3, "x_steps");
  put_lengths(w);
  SQ_TRY(put_states(w));
  SQ_TRY(put_layers(w));
  put_final_states(w);
  put_values(w);
  return SEQGPU_OK;
}

static seqgpu_status put_model(writer *w) {
  sq_pb_put_number(w->out, MODEL_IR_VERSION, IR_VERSION);
  sq_pb_put_text(w->out, MODEL_PRODUCER, "libseqgpu");
  sq_pb_put_text(w->out, MODEL_PRODUCER_VERSION, seqgpu_version());
  const size_t opset = sq_pb_begin(w->out, MODEL_OPSET);
  sq_pb_put_number(w->out, OPSET_VERSION, OPSET);
  sq_pb_end(w->out, opset);
  const size_t graph = sq_pb_begin(w->out, MODEL_GRAPH);
  SQ_TRY(put_graph(w));
  sq_pb_end(w->out, graph);
  return w->out->failed ? sq_fail(w->ctx, SEQGPU_ENOMEM, "onnx: out of memory") : SEQGPU_OK;
}

seqgpu_status sq_onnx_write(seqgpu_context *ctx, const char *path, const sq_foreign_net *net) {
  sq_pb_out out = {.ctx = ctx};
  writer w = {.ctx = ctx, .net = net, .out = &out};
  w.L = net->desc.num_layers;
  w.N = net->desc.bidirectional ? 2 : 1;
  w.H = net->desc.hidden_size;
  SQ_TRY(check_net(ctx, net, &w));
  seqgpu_status status = put_model(&w);
  if (status == SEQGPU_OK) status = sq_replace_with(ctx, path, out.data, out.size);
  sq_host_free(ctx, out.data);
  return status;
}
