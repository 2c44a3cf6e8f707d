/* onnx_made.h - ONNX models from a line of text, for tests that need many small graphs.
 *
 *   sq_pb_out model = made_model(ctx, "X x 3,2,1; F W 1,1,1; F R 1,1,1; RNN x,W,R > y; O y");
 *
 * Statements end with a semicolon:
 *   X name dims             an input of the graph; a dimension of 0 has a name in place of a number
 *   O name                  an output of the graph
 *   F name dims [value]     a FLOAT initialiser, all of one value
 *   T name type dims way values   one of another type, its numbers in `way`: raw, list, packed, doubles
 *   I name way values       INT64: raw, list, packed
 *   H name bytes            an initialiser with these bytes before its name, in hexadecimal; "-" is no name
 *   G bytes, M bytes        of the graph, and of the model behind it, as they are
 *   OP[@domain] inputs > outputs  [attributes]    a node; "-" is no input, or no output
 * An attribute is name=Kvalues, where K is i (integer), I and J (integers, packed), f (float), L and K
 * (floats, packed), s (string), S (strings), z (a FLOAT tensor of zeros of these dimensions), g and G (a
 * graph, graphs).  #text is the node's name, !bytes are bytes of it as they are.
 */
#ifndef ONNX_MADE_H
#define ONNX_MADE_H

#include "host/formats/onnx.h"
#include "host/formats/onnx_fields.h"
#include "tests/check.h"

enum { MADE_MOST = 16 };

/* Numbers of "1,2,3". */
static inline int made_numbers(const char *text, double *out) {
  int count = 0;
  for (char *end; count < MADE_MOST && *text; text = *end ? end + 1 : end) {
    out[count++] = strtod(text, &end);
    if (end == text) break;
  }
  return count;
}

static inline void made_varint(sq_pb_out *out, uint64_t value) {
  for (; value > 0x7f; value >>= 7) *sq_pb_extend(out, 1) = (unsigned char)(value | 0x80);
  *sq_pb_extend(out, 1) = (unsigned char)value;
}

/* A list of whole numbers as one field, packed. */
static inline void made_packed(sq_pb_out *out, int field, const double *values, int count) {
  const size_t at = sq_pb_begin(out, field);
  for (int i = 0; i < count; i++) made_varint(out, (uint64_t)(int64_t)values[i]);
  sq_pb_end(out, at);
}

static inline void made_packed_floats(sq_pb_out *out, int field, const double *values, int count) {
  float narrow[MADE_MOST];
  for (int i = 0; i < count; i++) narrow[i] = (float)values[i];
  sq_pb_put_bytes(out, field, narrow, (size_t)count * sizeof narrow[0]);
}

static inline void made_dims(sq_pb_out *out, const double *dims, int rank) {
  for (int i = 0; i < rank; i++) sq_pb_put_number(out, TENSOR_DIMS, (int64_t)dims[i]);
}

/* The numbers of a tensor of a type, in a way. */
static inline void made_values(sq_pb_out *out, int type, const char *way, const double *values, int count) {
  const int wide = type == ONNX_DOUBLE, whole = type == ONNX_FLOAT16 || type == ONNX_BFLOAT16;
  if (strcmp(way, "raw") == 0 && type == ONNX_FLOAT) made_packed_floats(out, TENSOR_RAW, values, count);
  if (strcmp(way, "raw") == 0 && wide)
    sq_pb_put_bytes(out, TENSOR_RAW, values, (size_t)count * sizeof values[0]);
  if (strcmp(way, "doubles") == 0)
    sq_pb_put_bytes(out, TENSOR_DOUBLES, values, (size_t)count * sizeof values[0]);
  if (strcmp(way, "packed") == 0 && whole) made_packed(out, TENSOR_INT32S, values, count);
  if (strcmp(way, "packed") == 0 && !whole) made_packed_floats(out, TENSOR_FLOATS, values, count);
  for (int i = 0; strcmp(way, "list") == 0 && i < count; i++)
    if (whole)
      sq_pb_put_number(out, TENSOR_INT32S, (int64_t)values[i]);
    else
      sq_pb_put_float(out, TENSOR_FLOATS, (float)values[i]);
}

/* A FLOAT tensor, all of one value. */
static inline void made_floats(sq_pb_out *out, int field, const char *name, const char *dims, double value) {
  double sizes[MADE_MOST], count = 1;
  const int rank = made_numbers(dims, sizes);
  const size_t at = sq_pb_begin(out, field);
  for (int i = 0; i < rank; i++) count *= sizes[i];
  made_dims(out, sizes, rank);
  sq_pb_put_number(out, TENSOR_TYPE, ONNX_FLOAT);
  if (name) sq_pb_put_text(out, TENSOR_NAME, name);
  const float narrow = (float)value;
  const size_t raw = sq_pb_begin(out, TENSOR_RAW);
  for (int i = 0; i < (int)count; i++) memcpy(sq_pb_extend(out, sizeof narrow), &narrow, sizeof narrow);
  sq_pb_end(out, raw);
  sq_pb_end(out, at);
}

static inline void made_tensor(sq_pb_out *out, const char *name, int type, const char *dims, const char *way,
                               const char *text) {
  double sizes[MADE_MOST], values[MADE_MOST];
  const size_t at = sq_pb_begin(out, GRAPH_INITIALIZER);
  made_dims(out, sizes, made_numbers(dims, sizes));
  sq_pb_put_number(out, TENSOR_TYPE, type);
  sq_pb_put_text(out, TENSOR_NAME, name);
  made_values(out, type, way, values, made_numbers(text, values));
  sq_pb_end(out, at);
}

static inline void made_integers(sq_pb_out *out, const char *name, const char *way, const char *text) {
  double values[MADE_MOST];
  int64_t whole[MADE_MOST];
  const int count = made_numbers(text, values);
  const size_t at = sq_pb_begin(out, GRAPH_INITIALIZER);
  for (int i = 0; i < count; i++) whole[i] = (int64_t)values[i];
  sq_pb_put_number(out, TENSOR_DIMS, count);
  sq_pb_put_number(out, TENSOR_TYPE, ONNX_INT64);
  sq_pb_put_text(out, TENSOR_NAME, name);
  for (int i = 0; strcmp(way, "list") == 0 && i < count; i++) sq_pb_put_number(out, TENSOR_INT64S, whole[i]);
  if (strcmp(way, "packed") == 0) made_packed(out, TENSOR_INT64S, values, count);
  if (strcmp(way, "raw") == 0) sq_pb_put_bytes(out, TENSOR_RAW, whole, (size_t)count * sizeof whole[0]);
  sq_pb_end(out, at);
}

/* Bytes of "0a01ff". */
static inline void made_bytes(sq_pb_out *out, const char *hex) {
  for (unsigned byte; sscanf(hex, "%2x", &byte) == 1; hex += 2) *sq_pb_extend(out, 1) = (unsigned char)byte;
}

static inline void made_input(sq_pb_out *out, const char *name, const char *dims) {
  double sizes[MADE_MOST];
  const int rank = made_numbers(dims, sizes);
  const size_t at = sq_pb_begin(out, GRAPH_INPUT);
  sq_pb_put_text(out, VALUE_NAME, name);
  const size_t type = sq_pb_begin(out, VALUE_TYPE), tensor = sq_pb_begin(out, TYPE_TENSOR);
  const size_t shape = sq_pb_begin(out, TENSOR_TYPE_SHAPE);
  for (int i = 0; i < rank; i++) {
    const size_t dim = sq_pb_begin(out, SHAPE_DIM);
    if (sizes[i] > 0)
      sq_pb_put_number(out, DIM_VALUE, (int64_t)sizes[i]);
    else
      sq_pb_put_text(out, DIM_PARAM, "n");
    sq_pb_end(out, dim);
  }
  sq_pb_end(out, shape);
  sq_pb_end(out, tensor);
  sq_pb_end(out, type);
  sq_pb_end(out, at);
}

static inline void made_texts(sq_pb_out *out, int field, char *text) {
  for (char *next; text; text = next) {
    next = strchr(text, ',');
    if (next) *next++ = 0;
    sq_pb_put_text(out, field, strcmp(text, "-") == 0 ? "" : text);
  }
}

/* name=Kvalues */
static inline void made_attribute(sq_pb_out *out, char *text) {
  double values[MADE_MOST];
  char *equals = strchr(text, '='), *value = equals + 2;
  const char kind = equals[1];
  const size_t at = sq_pb_begin(out, NODE_ATTRIBUTE);
  *equals = 0;
  sq_pb_put_text(out, ATTRIBUTE_NAME, text);
  const int count = strchr("iIJfLK", kind) ? made_numbers(value, values) : 0;
  for (int i = 0; i < count; i++) {
    if (kind == 'i' || kind == 'I')
      sq_pb_put_number(out, kind == 'i' ? ATTRIBUTE_I : ATTRIBUTE_INTS, (int64_t)values[i]);
    if (kind == 'f' || kind == 'L')
      sq_pb_put_float(out, kind == 'f' ? ATTRIBUTE_F : ATTRIBUTE_FLOATS, (float)values[i]);
  }
  if (kind == 'J') made_packed(out, ATTRIBUTE_INTS, values, count);
  if (kind == 'K') made_packed_floats(out, ATTRIBUTE_FLOATS, values, count);
  if (kind == 's' || kind == 'S') made_texts(out, kind == 's' ? ATTRIBUTE_S : ATTRIBUTE_STRINGS, value);
  if (kind == 'z') made_floats(out, ATTRIBUTE_T, NULL, value, 0);
  if (kind == 'g' || kind == 'G') sq_pb_put_text(out, kind == 'g' ? ATTRIBUTE_G : ATTRIBUTE_GRAPHS, "");
  sq_pb_end(out, at);
}

/* The words of a statement after its first. */
static inline void made_node(sq_pb_out *out, char *op, char *const *words, int count) {
  char *domain = strchr(op, '@');
  const size_t at = sq_pb_begin(out, GRAPH_NODE);
  if (domain) *domain++ = 0;
  made_texts(out, NODE_INPUT, words[0]);
  made_texts(out, NODE_OUTPUT, words[2]);
  sq_pb_put_text(out, NODE_OPERATOR, op);
  if (domain) sq_pb_put_text(out, NODE_DOMAIN, domain);
  for (int i = 3; i < count; i++)
    if (words[i][0] == '#')
      sq_pb_put_text(out, NODE_NAME, words[i] + 1);
    else if (words[i][0] == '!')
      made_bytes(out, words[i] + 1);
    else
      made_attribute(out, words[i]);
  sq_pb_end(out, at);
}

/* Whether it is the statement of this name, or any where that is NULL.  One with fewer words than it needs is
 * a mistake in the test, which ends here. */
static inline int made_is(const char *op, const char *name, int count, int least) {
  if (name && strcmp(op, name) != 0) return 0;
  if (count < least) {
    printf("FAIL statement %s: it has %d words; it needs %d\n", op, count, least);
    exit(EXIT_FAILURE);
  }
  return 1;
}

static inline void made_statement(sq_pb_out *out, char *text) {
  char *words[MADE_MOST], *rest = NULL, *op = strtok_r(text, " ", &rest);
  int count = 0;
  if (op == NULL) return;
  while (count < MADE_MOST && (words[count] = strtok_r(NULL, " ", &rest)) != NULL) count++;
  if (made_is(op, "X", count, 2))
    made_input(out, words[0], words[1]);
  else if (made_is(op, "O", count, 1)) {
    const size_t at = sq_pb_begin(out, GRAPH_OUTPUT);
    sq_pb_put_text(out, VALUE_NAME, words[0]);
    sq_pb_end(out, at);
  } else if (made_is(op, "F", count, 2))
    made_floats(out, GRAPH_INITIALIZER, words[0], words[1], count > 2 ? strtod(words[2], NULL) : 0);
  else if (made_is(op, "T", count, 5))
    made_tensor(out, words[0], atoi(words[1]), words[2], words[3], words[4]);
  else if (made_is(op, "I", count, 3))
    made_integers(out, words[0], words[1], words[2]);
  else if (made_is(op, "H", count, 2)) {
    const size_t at = sq_pb_begin(out, GRAPH_INITIALIZER);
    made_bytes(out, words[1]);
    sq_pb_put_text(out, TENSOR_NAME, strcmp(words[0], "-") == 0 ? "" : words[0]);
    sq_pb_end(out, at);
  } else if (made_is(op, "G", count, 1))
    made_bytes(out, words[0]);
  else if (made_is(op, NULL, count, 3))
    made_node(out, op, words, count);
}

/* The bytes of the model; sq_host_free frees them. */
static inline sq_pb_out made_model(seqgpu_context *ctx, const char *statements) {
  sq_pb_out out = {.ctx = ctx};
  char *text = strdup(statements), *rest = NULL;
  sq_pb_put_number(&out, MODEL_IR_VERSION, 8);
  const size_t graph = sq_pb_begin(&out, MODEL_GRAPH);
  const char *behind = NULL;
  for (char *one = strtok_r(text, ";", &rest); one; one = strtok_r(NULL, ";", &rest))
    if (strncmp(one, "M ", 2) == 0)
      behind = one + 2;
    else
      made_statement(&out, one);
  sq_pb_end(&out, graph);
  if (behind) made_bytes(&out, behind);
  free(text);
  return out;
}

#endif
