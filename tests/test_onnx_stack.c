/* test_onnx_stack.c - two RNN nodes of an ONNX graph, with all sorts of nodes between: layers of one network,
 * or two.
 *
 * A row says what lies between them, and after the second one again; the network has as many layers as the
 * row says, and everything that is not part of it is named as left.
 */
#include "host/formats/onnx.h"
#include "host/formats/onnx_fields.h"
#include "host/formats/onnx_pack.h"
#include "tests/foreign.h"

enum { H = 3, I = 2, MOST = 3 };

/* ---------------------------------------------------------------- models */

/* A node that only moves numbers: its list stands in an attribute, or is a constant input named after it. */
typedef struct move {
  const char *op, *attribute, *constant;
  int64_t list[4];
  int count;
  int more; /* keepdims or allowzero is 1 */
} move;

typedef struct row {
  const char *name;
  int directions, layout;
  move between[MOST];
  int layers, sum, left; /* layers 1: two networks of one */
  /* what keeps them apart */
  int shown;           /* the first one's Y is an output of the graph, too */
  int wider;           /* the second one has more units */
  int backwards, relu; /* it runs backwards, has another activation */
  int lengths;         /* it alone has lengths */
  int constant, given; /* the first begins with a constant state, the second with one of the run */
} row;

#define SQUEEZE(axis)                                                                                        \
  { "Squeeze", "axes", NULL, {axis}, 1, 0 }
#define SQUEEZE13(axis)                                                                                      \
  { "Squeeze", NULL, "axes", {axis}, 1, 0 }
#define SUM(axis, keep)                                                                                      \
  { "ReduceSum", NULL, "axes", {axis}, 1, keep }
#define TURN(a, b, c, d)                                                                                     \
  { "Transpose", "perm", NULL, {a, b, c, d}, 4, 0 }
#define RESHAPE(a, b, c, zero)                                                                               \
  { "Reshape", NULL, "shape", {a, b, c}, 3, zero }
#define IDENTITY                                                                                             \
  { "Identity", NULL, NULL, {0}, 0, 0 }

static const row rows[] = {
    {"Squeeze, axes an attribute", 1, 0, {SQUEEZE(1)}, .layers = 2},
    {"Squeeze, axes an input", 1, 0, {SQUEEZE13(1)}, .layers = 2},
    {"Squeeze, counted from the end", 1, 0, {SQUEEZE13(-3)}, .layers = 2},
    {"Squeeze and Identity", 1, 0, {IDENTITY, SQUEEZE(1), IDENTITY}, .layers = 2, .left = 1},
    {"Squeeze of batch first", 1, 1, {SQUEEZE(2)}, .layers = 2},
    {"Reshape of batch first", 2, 1, {RESHAPE(0, 0, -1, 0)}, .layers = 2},
    {"Transpose and Reshape", 2, 0, {TURN(0, 2, 1, 3), RESHAPE(0, 0, -1, 0)}, .layers = 2},
    {"Reshape to a width", 2, 0, {TURN(0, 2, 1, 3), RESHAPE(0, 0, 2 * H, 0)}, .layers = 2},
    {"Reshape to a width, T from the rest", 2, 0, {TURN(0, 2, 1, 3), RESHAPE(-1, 0, 2 * H, 0)}, .layers = 2},
    {"Reshape to a width, B from the rest", 2, 0, {TURN(0, 2, 1, 3), RESHAPE(0, -1, 2 * H, 0)}, .layers = 2},
    {"ReduceSum", 2, 0, {SUM(1, 0)}, .layers = 2, .sum = 1},
    {"ReduceSum of batch first", 2, 1, {SUM(2, 0)}, .layers = 2, .sum = 1},

    {"Squeeze of another axis", 1, 0, {SQUEEZE(0)}, .layers = 1, .left = 2},
    {"Squeeze of all axes", 1, 0, {{"Squeeze", NULL, NULL, {0}, 0, 0}}, .layers = 1, .left = 2},
    {"Transpose into another order", 2, 0, {TURN(0, 1, 2, 3), RESHAPE(0, 0, -1, 0)}, .layers = 1, .left = 4},
    {"no Transpose", 2, 0, {RESHAPE(0, 0, -1, 0)}, .layers = 1, .left = 2},
    {"Reshape to no size", 2, 0, {TURN(0, 2, 1, 3), RESHAPE(0, 0, -1, 1)}, .layers = 1, .left = 4},
    {"Reshape to fixed sizes", 2, 0, {TURN(0, 2, 1, 3), RESHAPE(5, 4, 2 * H, 0)}, .layers = 1, .left = 4},
    {"ReduceSum that keeps the axis", 2, 0, {SUM(1, 1)}, .layers = 1, .left = 2},
    {"ReduceSum of time", 2, 0, {SUM(0, 0)}, .layers = 1, .left = 2},
    {"another operator", 1, 0, {SQUEEZE(1), {"Tanh", NULL, NULL, {0}, 0, 0}}, .layers = 1, .left = 2},
    {"the lower y is shown", 1, 0, {SQUEEZE(1)}, .layers = 1, .left = 1, .shown = 1},
    {"another width", 1, 0, {SQUEEZE(1)}, .layers = 1, .wider = 1},
    {"another direction", 1, 0, {SQUEEZE(1)}, .layers = 1, .backwards = 1},
    {"another activation", 1, 0, {SQUEEZE(1)}, .layers = 1, .relu = 1},
    {"other lengths", 1, 0, {SQUEEZE(1)}, .layers = 1, .lengths = 1},
    {"a constant state, and one of the run", 1, 0, {SQUEEZE(1)}, .layers = 1, .constant = 1, .given = 1},
};

static void put_list(sq_pb_out *out, const move *m) {
  const size_t at = sq_pb_begin(out, NODE_ATTRIBUTE);
  sq_pb_put_text(out, ATTRIBUTE_NAME, m->attribute);
  for (int i = 0; i < m->count; i++) sq_pb_put_number(out, ATTRIBUTE_INTS, m->list[i]);
  sq_pb_end(out, at);
}

static void put_integer(sq_pb_out *out, const char *name, int64_t value) {
  const size_t at = sq_pb_begin(out, NODE_ATTRIBUTE);
  sq_pb_put_text(out, ATTRIBUTE_NAME, name);
  sq_pb_put_number(out, ATTRIBUTE_I, value);
  sq_pb_end(out, at);
}

static void put_text(sq_pb_out *out, const char *name, int field, const char *text) {
  const size_t at = sq_pb_begin(out, NODE_ATTRIBUTE);
  sq_pb_put_text(out, ATTRIBUTE_NAME, name);
  sq_pb_put_text(out, field, text);
  sq_pb_end(out, at);
}

static void put_constant(sq_pb_out *out, const char *name, const move *m) {
  const size_t at = sq_pb_begin(out, GRAPH_INITIALIZER);
  sq_pb_put_number(out, TENSOR_DIMS, m->count);
  sq_pb_put_number(out, TENSOR_TYPE, ONNX_INT64);
  sq_pb_put_text(out, TENSOR_NAME, name);
  sq_pb_put_bytes(out, TENSOR_RAW, m->list, (size_t)m->count * sizeof *m->list);
  sq_pb_end(out, at);
}

/* The nodes from `from` on; the last one writes `to`. */
static void put_moves(sq_pb_out *out, const row *r, int layer, const char *from, const char *to) {
  char at[2][32];
  for (int i = 0; i < MOST && r->between[i].op; i++) {
    const move *m = &r->between[i];
    const int last = i == MOST - 1 || r->between[i + 1].op == NULL;
    char constant[32];
    snprintf(at[i % 2], sizeof at[0], "m%d_%d", layer, i);
    snprintf(constant, sizeof constant, "c%d_%d", layer, i);
    const size_t node = sq_pb_begin(out, GRAPH_NODE);
    sq_pb_put_text(out, NODE_INPUT, i == 0 ? from : at[(i + 1) % 2]);
    if (m->constant) sq_pb_put_text(out, NODE_INPUT, constant);
    sq_pb_put_text(out, NODE_OUTPUT, last ? to : at[i % 2]);
    sq_pb_put_text(out, NODE_OPERATOR, m->op);
    if (m->attribute) put_list(out, m);
    if (strcmp(m->op, "ReduceSum") == 0) put_integer(out, "keepdims", m->more);
    if (strcmp(m->op, "Reshape") == 0) put_integer(out, "allowzero", m->more);
    sq_pb_end(out, node);
    if (m->constant) put_constant(out, constant, m);
  }
}

static void put_weights(sq_pb_out *out, const row *r, int layer) {
  const int64_t units = H + (layer && r->wider), below = (r->sum ? 1 : r->directions) * H;
  const int64_t w[3] = {r->directions, units, layer ? below : I}, rec[3] = {r->directions, units, units};
  const int64_t state[3] = {r->directions, 1, H};
  const double zeros[128] = {0};
  sq_onnx_put_floats(out, layer ? "W1" : "W0", w, 3, zeros);
  sq_onnx_put_floats(out, layer ? "R1" : "R0", rec, 3, zeros);
  if (layer == 0) sq_onnx_put_floats(out, "state", state, 3, zeros);
}

static void put_layer(sq_pb_out *out, const row *r, int layer, const char *x, const char *y) {
  const size_t node = sq_pb_begin(out, GRAPH_NODE);
  const char *state = layer == 0 && r->constant ? "state" : layer == 1 && r->given ? "given" : "";
  const char *const inputs[] = {
      x, layer ? "W1" : "W0", layer ? "R1" : "R0", "", layer && r->lengths ? "lengths" : "", state};
  for (size_t i = 0; i < COUNT(inputs); i++) sq_pb_put_text(out, NODE_INPUT, inputs[i]);
  sq_pb_put_text(out, NODE_OUTPUT, y);
  sq_pb_put_text(out, NODE_OPERATOR, "RNN");
  put_integer(out, "layout", r->layout);
  if (r->directions == 2) put_text(out, "direction", ATTRIBUTE_S, "bidirectional");
  if (layer && r->backwards) put_text(out, "direction", ATTRIBUTE_S, "reverse");
  if (layer && r->relu) put_text(out, "activations", ATTRIBUTE_STRINGS, "Relu");
  sq_pb_end(out, node);
  put_weights(out, r, layer);
}

static void put_output(sq_pb_out *out, const char *name) {
  const size_t at = sq_pb_begin(out, GRAPH_OUTPUT);
  sq_pb_put_text(out, VALUE_NAME, name);
  sq_pb_end(out, at);
}

static sq_pb_out model_of(seqgpu_context *ctx, const row *r) {
  sq_pb_out out = {.ctx = ctx};
  sq_pb_put_number(&out, MODEL_IR_VERSION, 8);
  const size_t graph = sq_pb_begin(&out, MODEL_GRAPH);
  put_layer(&out, r, 0, "x", "Y0");
  put_moves(&out, r, 0, "Y0", "x1");
  put_layer(&out, r, 1, "x1", "Y1");
  put_moves(&out, r, 1, "Y1", "y");
  put_output(&out, "y");
  if (r->shown) put_output(&out, "Y0");
  sq_pb_end(&out, graph);
  return out;
}

/* ---------------------------------------------------------------- what becomes of them */

static void check_row(seqgpu_context *ctx, const row *r) {
  sq_pb_out model = model_of(ctx, r);
  sq_foreign f = {0};
  const seqgpu_status status = sq_onnx_read_bytes(ctx, "model.onnx", (sq_bytes){model.data, model.size}, &f);
  if (check_record(status == SEQGPU_OK, seqgpu_last_error(ctx), "%s, is read", r->name)) {
    const seqgpu_rnn_desc *d = &f.nets[0].desc;
    CHECK(f.net_count == 3 - r->layers && d->num_layers == r->layers, "%s, %s", r->name,
          r->layers == 2 ? "one network of two layers" : "two networks");
    CHECK(d->merge == (r->sum ? SEQGPU_MERGE_SUM : SEQGPU_MERGE_CONCAT) && d->batch_first == r->layout,
          "%s, its form", r->name);
    CHECK(f.left_count == r->left, "%s, %d nodes are left", r->name, r->left);
  }
  sq_foreign_free(ctx, &f);
  sq_host_free(ctx, model.data);
}

int main(void) {
  check_start();
  seqgpu_context *ctx = net_context("cpu", SEQGPU_DTYPE_F64, 1);
  for (size_t i = 0; i < COUNT(rows); i++) check_row(ctx, &rows[i]);
  seqgpu_context_destroy(ctx);
  return check_finish();
}
