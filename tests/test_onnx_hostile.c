/* test_onnx_hostile.c - ONNX model files that are wrong, damaged or meant to harm.
 *
 * A small model is written field by field, each time with one thing that is not as it should be; a good file
 * is cut off after each byte and has each byte changed.  (fuzz/ has what a fuzzer found worth keeping.)
 */
#define _XOPEN_SOURCE 700
#include <unistd.h>

#include "host/formats/onnx.h"
#include "host/formats/onnx_fields.h"
#include "tests/failing.h"
#include "tests/foreign.h"
#include "tests/refused.h"

enum { PATH_SIZE = 512, H = 3, I = 2 };

/* ---------------------------------------------------------------- a model with one fault */

/* What is not as it should be; what is 0 or NULL is. */
typedef struct fault {
  const char *name;
  seqgpu_status status;
  const char *word;                       /* in the sentence; of a file that is read, in what is left */
  const char *op, *direction;             /* of the node */
  const char *function;                   /* its activations; `functions` more of them */
  const char *attribute;                  /* one more attribute, and its number */
  const char *location, *length, *offset; /* of W in a file beside the model */
  int64_t number, rows, hidden;           /* rows: of W and R; hidden: hidden_size */
  int type, missing;                      /* of the weights; numbers that W lacks */
  int functions, uses;                    /* uses: as many more nodes with the same weights */
  int no_weight, no_graph, two_graphs, twice, circle, nan, only_last;
  int64_t state[3];   /* dimensions of a constant initial_h; 0: there is none */
  int lengths;        /* constant sequence_lens */
  int others, graphs; /* as many other nodes, and nodes with a graph inside */
  int more;           /* functions, training and sparse initialisers besides */
} fault;

static void put_attribute(sq_pb_out *out, const char *name, int field, const char *text, int64_t number) {
  const size_t at = sq_pb_begin(out, NODE_ATTRIBUTE);
  sq_pb_put_text(out, ATTRIBUTE_NAME, name);
  if (field == ATTRIBUTE_F)
    sq_pb_put_float(out, field, (float)number);
  else if (text)
    sq_pb_put_text(out, field, text);
  else
    sq_pb_put_number(out, field, number);
  sq_pb_end(out, at);
}

static void put_entry(sq_pb_out *out, const char *key, const char *value) {
  const size_t at = sq_pb_begin(out, TENSOR_EXTERNAL);
  sq_pb_put_text(out, ENTRY_KEY, key);
  sq_pb_put_text(out, ENTRY_VALUE, value);
  sq_pb_end(out, at);
}

static void put_weight(sq_pb_out *out, const fault *f, const char *name, int64_t rows, int64_t cols) {
  float values[64] = {0};
  const int64_t count = H * cols - (name[0] == 'W' ? f->missing : 0);
  const size_t at = sq_pb_begin(out, GRAPH_INITIALIZER);
  if (f->nan && name[0] == 'R') values[4] = NAN;
  sq_pb_put_number(out, TENSOR_DIMS, 1);
  sq_pb_put_number(out, TENSOR_DIMS, rows);
  sq_pb_put_number(out, TENSOR_DIMS, cols);
  sq_pb_put_number(out, TENSOR_TYPE, f->type ? f->type : ONNX_FLOAT);
  sq_pb_put_text(out, TENSOR_NAME, name);
  if (f->location && name[0] == 'W') {
    sq_pb_put_number(out, TENSOR_LOCATION, 1);
    put_entry(out, "location", f->location);
    if (f->length) put_entry(out, "length", f->length);
    if (f->offset) put_entry(out, "offset", f->offset);
  } else {
    sq_pb_put_bytes(out, TENSOR_RAW, values, (size_t)count * sizeof(float));
  }
  sq_pb_end(out, at);
}

static void put_functions(sq_pb_out *out, const fault *f) {
  const size_t at = sq_pb_begin(out, NODE_ATTRIBUTE);
  sq_pb_put_text(out, ATTRIBUTE_NAME, "activations");
  for (int i = 0; i < 1 + f->functions; i++) sq_pb_put_text(out, ATTRIBUTE_STRINGS, f->function);
  sq_pb_end(out, at);
}

/* A constant of zeros. */
static void put_zeros(sq_pb_out *out, const char *name, int type, const int64_t *dims, int rank) {
  static const char zeros[256];
  size_t count = 1;
  const size_t at = sq_pb_begin(out, GRAPH_INITIALIZER);
  for (int i = 0; i < rank; i++) {
    sq_pb_put_number(out, TENSOR_DIMS, dims[i]);
    count *= (size_t)dims[i];
  }
  sq_pb_put_number(out, TENSOR_TYPE, type);
  sq_pb_put_text(out, TENSOR_NAME, name);
  sq_pb_put_bytes(out, TENSOR_RAW, zeros, 4 * count);
  sq_pb_end(out, at);
}

static void put_other(sq_pb_out *out, int graph) {
  const size_t at = sq_pb_begin(out, GRAPH_NODE);
  sq_pb_put_text(out, NODE_OPERATOR, graph ? "If" : "Tanh");
  sq_pb_put_text(out, NODE_DOMAIN, "a.b");
  if (graph) put_attribute(out, "then_branch", ATTRIBUTE_G, "", 0);
  sq_pb_end(out, at);
}

static void put_recurrent(sq_pb_out *out, const fault *f, int index) {
  char y[16];
  const size_t at = sq_pb_begin(out, GRAPH_NODE);
  snprintf(y, sizeof y, "y%d", f->twice ? 0 : index);
  sq_pb_put_text(out, NODE_INPUT, f->circle ? y : "x");
  if (!f->no_weight) sq_pb_put_text(out, NODE_INPUT, "W");
  sq_pb_put_text(out, NODE_INPUT, "R");
  sq_pb_put_text(out, NODE_INPUT, "");
  sq_pb_put_text(out, NODE_INPUT, f->lengths ? "lengths" : "");
  sq_pb_put_text(out, NODE_INPUT, f->state[0] ? "state" : "");
  sq_pb_put_text(out, NODE_OUTPUT, y);
  sq_pb_put_text(out, NODE_NAME, "node\x1b[1m");
  sq_pb_put_text(out, NODE_OPERATOR, f->op ? f->op : "RNN");
  put_attribute(out, "hidden_size", ATTRIBUTE_I, NULL, f->hidden ? f->hidden : H);
  if (f->direction) put_attribute(out, "direction", ATTRIBUTE_S, f->direction, 0);
  if (f->function && (index == f->uses || !f->only_last)) put_functions(out, f);
  if (f->attribute)
    put_attribute(out, f->attribute, strcmp(f->attribute, "clip") == 0 ? ATTRIBUTE_F : ATTRIBUTE_I, NULL,
                  f->number);
  sq_pb_end(out, at);
}

static sq_pb_out model_of(seqgpu_context *ctx, const fault *f) {
  sq_pb_out out = {.ctx = ctx};
  sq_pb_put_number(&out, MODEL_IR_VERSION, 8);
  for (int k = f->no_graph; k < 1 + f->two_graphs; k++) {
    const size_t graph = sq_pb_begin(&out, MODEL_GRAPH);
    for (int i = 0; i < 1 + f->twice + f->uses; i++) put_recurrent(&out, f, i);
    put_weight(&out, f, "W", f->rows ? f->rows : H, I);
    put_weight(&out, f, "R", f->rows ? f->rows : H, H);
    if (f->state[0]) put_zeros(&out, "state", ONNX_FLOAT, f->state, 3);
    if (f->lengths) put_zeros(&out, "lengths", ONNX_INT32, (const int64_t[]){2}, 1);
    for (int i = 0; i < f->others; i++) put_other(&out, 0);
    for (int i = 0; i < f->graphs; i++) put_other(&out, 1);
    if (f->more) sq_pb_put_text(&out, GRAPH_SPARSE, "");
    sq_pb_end(&out, graph);
  }
  if (f->more) sq_pb_put_text(&out, MODEL_FUNCTION, "");
  if (f->more) sq_pb_put_text(&out, MODEL_TRAINING, "");
  return out;
}

static const fault faults[] = {
    {.name = "nothing wrong"},
    {.name = "two nodes share weights", .uses = 1},
    {.name = "one of two nodes is none of ours",
     .word = "Softsign",
     .function = "Softsign",
     .uses = 1,
     .only_last = 1},
    {.name = "lengths of the file", .word = "sequence_lens", .lengths = 1},
    {.name = "a graph inside a node", .word = "a.b.If \"\", with the graph inside it", .graphs = 1},
    {.name = "more nodes than are listed", .word = "and 501 more", .others = 1500},
    {.name = "functions", .word = "1 functions", .more = 1},
    {.name = "training", .word = "training", .more = 1},
    {.name = "sparse initialisers", .word = "1 sparse", .more = 1},
    {.name = "a state of zeros", .state = {1, 2, H}},
    {.name = "a state of another width",
     .status = SEQGPU_EFORMAT,
     .word = "dimensions of a state",
     .state = {1, 2, 4}},
    {.name = "no graph", .status = SEQGPU_EFORMAT, .word = "no graph", .no_graph = 1},
    {.name = "two graphs", .status = SEQGPU_EFORMAT, .word = "several graphs", .two_graphs = 1},
    {.name = "no recurrent node", .status = SEQGPU_EUNSUPPORTED, .word = "RNN, LSTM or GRU", .op = "MatMul"},
    {.name = "no operator", .status = SEQGPU_EFORMAT, .word = "no operator", .op = ""},
    {.name = "a weight that is not there", .status = SEQGPU_EFORMAT, .word = "no input R", .no_weight = 1},
    {.name = "weights of other sizes", .status = SEQGPU_EFORMAT, .word = "W does not", .op = "LSTM"},
    {.name = "hidden_size of another size", .status = SEQGPU_EFORMAT, .word = "hidden_size", .hidden = 4},
    {.name = "hidden_size below 0", .status = SEQGPU_EFORMAT, .word = "hidden_size", .hidden = -3},
    {.name = "fewer numbers", .status = SEQGPU_EFORMAT, .word = "\"W\"", .missing = 1},
    {.name = "more numbers", .status = SEQGPU_EFORMAT, .word = "\"W\"", .missing = -1},
    {.name = "as many numbers as a disk has",
     .status = SEQGPU_EFORMAT,
     .word = "W",
     .rows = (int64_t)1 << 40},
    {.name = "more numbers than int64_t", .status = SEQGPU_EFORMAT, .word = "too large", .rows = INT64_MAX},
    {.name = "negative dimension", .status = SEQGPU_EFORMAT, .word = "negative", .rows = -3},
    {.name = "whole numbers", .status = SEQGPU_EUNSUPPORTED, .word = "type 7", .type = ONNX_INT64},
    {.name = "a NaN", .status = SEQGPU_EFORMAT, .word = "element 4 is nan", .nan = 1},
    {.name = "a name twice", .status = SEQGPU_EFORMAT, .word = "defined twice", .twice = 1},
    {.name = "a circle", .circle = 1},
    {.name = "weights used too often", .status = SEQGPU_EUNSUPPORTED, .word = "too often", .uses = 20},
    {.name = "another direction", .status = SEQGPU_EFORMAT, .word = "sideways", .direction = "sideways"},
    {.name = "both directions of one",
     .status = SEQGPU_EFORMAT,
     .word = "[2, 3, 2]",
     .direction = "bidirectional"},
    {.name = "an unknown activation", .status = SEQGPU_EUNSUPPORTED, .word = "\"Gelu\"", .function = "Gelu"},
    {.name = "an activation we lack",
     .status = SEQGPU_EUNSUPPORTED,
     .word = "Softsign",
     .function = "Softsign"},
    {.name = "two numbers of one",
     .status = SEQGPU_EUNSUPPORTED,
     .word = "(alpha 0.2, beta 0.5)",
     .function = "HardSigmoid"},
    {.name = "one number of one", .status = SEQGPU_EUNSUPPORTED, .word = "(alpha 1)", .function = "Elu"},
    {.name = "two nodes that we lack",
     .status = SEQGPU_EUNSUPPORTED,
     .word = "Softplus",
     .function = "Softplus",
     .uses = 1},
    {.name = "thousands of nodes", .status = SEQGPU_EUNSUPPORTED, .word = "at most 4096", .uses = 4096},
    {.name = "too many activations",
     .status = SEQGPU_EFORMAT,
     .word = "activations",
     .function = "Tanh",
     .functions = 9},
    {.name = "an attribute twice",
     .status = SEQGPU_EFORMAT,
     .word = "twice",
     .attribute = "hidden_size",
     .number = H},
    {.name = "another layout",
     .status = SEQGPU_EFORMAT,
     .word = "layout is 2",
     .attribute = "layout",
     .number = 2},
    {.name = "clip", .status = SEQGPU_EUNSUPPORTED, .word = "clip is 2", .attribute = "clip", .number = 2},
    {.name = "a file that is not there", .status = SEQGPU_EIO, .word = "none.bin", .location = "none.bin"},
    {.name = "a file above the folder", .status = SEQGPU_EFORMAT, .word = "folder", .location = "../w.bin"},
    {.name = "a file above, in the middle",
     .status = SEQGPU_EFORMAT,
     .word = "folder",
     .location = "a/../../w.bin"},
    {.name = "a file at the root", .status = SEQGPU_EFORMAT, .word = "folder", .location = "/etc/passwd"},
    {.name = "a file of another system", .status = SEQGPU_EFORMAT, .word = "folder", .location = "..\\w.bin"},
    {.name = "a file on a drive", .status = SEQGPU_EFORMAT, .word = "folder", .location = "c:w.bin"},
    {.name = "a hidden file", .status = SEQGPU_EIO, .word = ".w.bin", .location = "a/.w.bin"},
    {.name = "a file of two letters", .status = SEQGPU_EIO, .word = "ab", .location = "a/ab"},
    {.name = "a folder without a name", .status = SEQGPU_EFORMAT, .word = "folder", .location = "a//w.bin"},
    {.name = "a control character", .status = SEQGPU_EFORMAT, .word = "folder", .location = "a\x1bw.bin"},
    {.name = "an offset of letters",
     .status = SEQGPU_EFORMAT,
     .word = "offset",
     .location = "w.bin",
     .offset = "x"},
    {.name = "an offset beyond the file",
     .status = SEQGPU_EFORMAT,
     .word = "is truncated",
     .location = "README.md",
     .offset = "1000000"},
    {.name = "an offset near its end",
     .status = SEQGPU_EFORMAT,
     .word = "is truncated",
     .location = "words/idx",
     .offset = "150"},
    {.name = "no file", .status = SEQGPU_EFORMAT, .word = "names no file", .location = ""},
    {.name = "another length",
     .status = SEQGPU_EFORMAT,
     .word = "length",
     .location = "w.bin",
     .length = "25"},
    {.name = "a length of letters",
     .status = SEQGPU_EFORMAT,
     .word = "length",
     .location = "w.bin",
     .length = "0x18"},
    {.name = "a length without end",
     .status = SEQGPU_EFORMAT,
     .word = "length",
     .location = "w.bin",
     .length = "9999999999999999999"},
};

static void check_fault(seqgpu_context *ctx, const fault *f) {
  sq_pb_out model = model_of(ctx, f);
  sq_foreign out = {0};
  forget_error(ctx);
  const seqgpu_status status =
      sq_onnx_read_bytes(ctx, "fuzz/model.onnx", (sq_bytes){model.data, model.size}, &out);
  refused(f->status ? ctx : NULL, status, f->status, f->word ? f->word : "", f->name);
  if (f->status == SEQGPU_OK && f->word)
    CHECK(out.net_count == 1 && foreign_left(&out, f->word), "%s, named as left", f->name);
  CHECK(strchr(seqgpu_last_error(ctx), 0x1b) == NULL, "%s, no control characters in the sentence", f->name);
  sq_foreign_free(ctx, &out);
  sq_host_free(ctx, model.data);
}

/* ---------------------------------------------------------------- damaged files */

typedef struct content {
  unsigned char bytes[4096];
  size_t size;
} content;

static content content_of(const char *path) {
  content c = {{0}, 0};
  FILE *file = fopen(path, "rb");
  if (!CHECK(file != NULL, "%s is there", path)) return c;
  c.size = fread(c.bytes, 1, sizeof c.bytes, file);
  fclose(file);
  return c;
}

/* Reads bytes; 1 unless a failure has no sentence.  A copy of their size alone lets the sanitizers see every
 * step too far. */
static int survives(seqgpu_context *ctx, const unsigned char *bytes, size_t size, seqgpu_status *status) {
  unsigned char *copy = malloc(size + !size);
  sq_foreign out = {0};
  if (size) memcpy(copy, bytes, size);
  forget_error(ctx);
  *status = sq_onnx_read_bytes(ctx, "fuzz/model.onnx", (sq_bytes){copy, size}, &out);
  sq_foreign_free(ctx, &out);
  free(copy);
  return *status == SEQGPU_OK || seqgpu_last_error(ctx)[0] != 0;
}

static void check_damaged(seqgpu_context *ctx, const char *path) {
  content c = content_of(path);
  int said = 1, refused_cuts = 0, cuts = 0;
  seqgpu_status status;
  for (size_t size = 0; size < c.size; size++, cuts++) {
    said &= survives(ctx, c.bytes, size, &status);
    refused_cuts += status == SEQGPU_EFORMAT;
  }
  CHECK(said && refused_cuts >= cuts - 16, "%s, cut off after each byte: EFORMAT and a sentence", path);
  for (size_t i = 0; i < c.size; i++)
    for (int bit = 0; bit < 8; bit++) {
      c.bytes[i] ^= (unsigned char)(1 << bit);
      said &= survives(ctx, c.bytes, c.size, &status);
      c.bytes[i] ^= (unsigned char)(1 << bit);
    }
  CHECK(said, "%s, each bit turned: accepted, or a sentence", path);
}

/* ---------------------------------------------------------------- memory */

static seqgpu_status there_and_back(seqgpu_context *ctx) {
  char path[PATH_SIZE];
  sq_foreign out = {0};
  snprintf(path, sizeof path, "/tmp/seqgpu-onnx-memory-%ld.onnx", (long)getpid());
  seqgpu_status status = sq_format_onnx.read(ctx, "goldens/onnx/lstm_layout.onnx", &out);
  if (status == SEQGPU_OK) status = sq_format_onnx.write(ctx, path, &out.nets[0]);
  sq_foreign_free(ctx, &out);
  remove(path);
  return status;
}

int main(void) {
  check_start();
  seqgpu_context *ctx = net_context("cpu", SEQGPU_DTYPE_F64, 1);
  for (size_t i = 0; i < COUNT(faults); i++) check_fault(ctx, &faults[i]);
  check_damaged(ctx, "goldens/onnx/rnn_no_bias.onnx");
  check_damaged(ctx, "goldens/onnx/gru_constant.onnx");
  check_damaged(ctx, "goldens/onnx/gru_external.onnx");
  REFUSED(ctx, EIO, "nothing.onnx", sq_format_onnx.read(ctx, "goldens/nothing.onnx", &(sq_foreign){0}));
  REFUSED(ctx, EIO, "regular", sq_format_onnx.read(ctx, "goldens", &(sq_foreign){0}));
  seqgpu_context_destroy(ctx);
  CHECK(failing_each("cpu", there_and_back, 0) > 20, "memory refused at each request");
  return check_finish();
}
