/* onnx_tensor.c - the numbers of an ONNX tensor, inside the model file or in one beside it (onnx.h).
 *
 * A TensorProto has its numbers as raw bytes, little-endian; or in a list of its type's own (floats, doubles,
 * and 16-bit types as integers of their bits); or names a file, an offset and a length.  Whichever it is,
 * there must be exactly as many as its dimensions say.
 */
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "host/checkpoint/element.h"
#include "host/context/sizes.h"
#include "host/files/read.h"
#include "host/formats/onnx_tensor.h"

/* How often the average weight may be used; each use makes a copy. */
enum { MOST_USES = 16 };

typedef struct element {
  int type, size;
  int list; /* field of its own list */
  sq_st_dtype dtype;
} element;

static const element elements[] = {{ONNX_FLOAT, 4, TENSOR_FLOATS, SQ_ST_F32},
                                   {ONNX_DOUBLE, 8, TENSOR_DOUBLES, SQ_ST_F64},
                                   {ONNX_FLOAT16, 2, TENSOR_INT32S, SQ_ST_F16},
                                   {ONNX_BFLOAT16, 2, TENSOR_INT32S, SQ_ST_BF16}};

static const element *element_of(int type) {
  for (size_t i = 0; i < sizeof elements / sizeof elements[0]; i++)
    if (elements[i].type == type) return &elements[i];
  return NULL;
}

/* ---------------------------------------------------------------- what a tensor says */

static int add_dim(sq_onnx_tensor *t, uint64_t size) {
  if (t->rank == SQ_ONNX_RANK || size > INT64_MAX) return 0;
  t->dims[t->rank++] = (int64_t)size;
  return sq_mul_size(t->elements, (int64_t)size, &t->elements);
}

/* NULL, or what is wrong. */
static const char *read_tensor(sq_bytes body, sq_onnx_tensor *t) {
  sq_pb_field f;
  sq_bytes rest = body;
  int got, fits = 1;
  *t = (sq_onnx_tensor){.body = body, .elements = 1};
  while ((got = sq_pb_next(&rest, &f)) == 1) {
    if (f.number == TENSOR_TYPE && f.type == SQ_PB_VARINT && f.value <= INT_MAX) t->type = (int)f.value;
    if (f.number == TENSOR_LOCATION && f.type == SQ_PB_VARINT) t->external = f.value == 1;
    if (f.number == TENSOR_NAME && f.type == SQ_PB_BYTES) t->name = f.bytes;
    if (f.number != TENSOR_DIMS) continue;
    if (f.type == SQ_PB_VARINT) fits &= add_dim(t, f.value);
    if (f.type != SQ_PB_BYTES) continue;
    uint64_t size;
    while (fits && (got = sq_pb_varint(&f.bytes, &size)) == 1) fits &= add_dim(t, size);
    if (got < 0) return "is damaged";
  }
  if (got < 0) return "is damaged";
  return fits ? NULL : "has dimensions that are negative, too large or too many";
}

static seqgpu_status bad_tensor(const sq_onnx_graph *g, const sq_onnx_node *node, const sq_onnx_tensor *t,
                                const char *why) {
  return sq_onnx_fail(g, SEQGPU_EFORMAT, node, "tensor \"%s\" %s", sq_onnx_show(t->name).text, why);
}

/* The value that has a TensorProto behind `value`, an initialiser or a Constant node's; -1: there is none. */
static int find_tensor(sq_onnx_graph *g, int value, int take, sq_bytes *body) {
  value = sq_onnx_behind(g, value, take);
  if (value < 0) return -1;
  const sq_onnx_value *v = &g->values[value];
  *body = v->body;
  if (v->node < 0) return v->initial ? value : -1;
  sq_onnx_node *node = &g->nodes[v->node];
  sq_bytes attribute;
  if (!sq_onnx_is(node->op, "Constant") || sq_onnx_attribute(node, "value", &attribute) != 1) return -1;
  if (!sq_onnx_field(attribute, ATTRIBUTE_T, body)) return -1;
  if (take) node->taken = 1;
  return value;
}

int sq_onnx_is_constant(sq_onnx_graph *g, const sq_onnx_node *node, int place) {
  sq_bytes body;
  return find_tensor(g, sq_onnx_input(g, node, place), 0, &body) >= 0;
}

seqgpu_status sq_onnx_constant(sq_onnx_graph *g, const sq_onnx_node *node, int place, const char *what,
                               sq_onnx_tensor *out) {
  const int input = sq_onnx_input(g, node, place);
  sq_bytes body;
  if (input == SQ_ONNX_ABSENT) return sq_onnx_fail(g, SEQGPU_EFORMAT, node, "has no input %s", what);
  const int value = find_tensor(g, input, 1, &body);
  if (value < 0)
    return sq_onnx_fail(g, SEQGPU_EUNSUPPORTED, node,
                        "%s is computed or given when the graph runs; it must be a constant of the file",
                        what);
  const char *why = read_tensor(body, out);
  out->value = value;
  if (out->name.size == 0) out->name = (sq_bytes){(const unsigned char *)what, strlen(what)};
  if (why) return bad_tensor(g, node, out, why);
  if (element_of(out->type)) return SEQGPU_OK;
  return sq_onnx_fail(g, SEQGPU_EUNSUPPORTED, node,
                      "tensor \"%s\" is of type %d; it must be FLOAT (1), FLOAT16 (10), DOUBLE (11) or "
                      "BFLOAT16 (16)",
                      sq_onnx_show(out->name).text, out->type);
}

/* ---------------------------------------------------------------- numbers */

/* A tensor's numbers as they come. */
typedef struct sink {
  const element *e;
  double *values;
  int64_t count, room;
} sink;

static int add_number(sink *s, uint64_t bits) {
  if (s->count == s->room) return 0;
  s->values[s->count++] = sq_st_element(&bits, s->e->dtype, 0); /* the low bytes come first */
  return 1;
}

/* Numbers of a fixed size, one after the other. */
static int add_raw(sink *s, sq_bytes raw) {
  const size_t size = (size_t)s->e->size;
  if (raw.size % size != 0 || raw.size / size > (uint64_t)(s->room - s->count)) return 0;
  for (size_t at = 0; at < raw.size; at += size) {
    uint64_t bits = 0;
    for (size_t i = 0; i < size; i++) bits |= (uint64_t)raw.at[at + i] << (8 * i);
    add_number(s, bits);
  }
  return 1;
}

/* A field of the type's own list: one number, or a packed list of them. */
static int add_listed(sink *s, const sq_pb_field *f) {
  if (f->type != SQ_PB_BYTES) return add_number(s, f->value);
  if (s->e->list != TENSOR_INT32S) return add_raw(s, f->bytes);
  sq_bytes list = f->bytes;
  uint64_t bits;
  int got;
  while ((got = sq_pb_varint(&list, &bits)) == 1)
    if (!add_number(s, bits)) return 0;
  return got == 0;
}

static int add_inside(sink *s, sq_bytes body) {
  sq_pb_field f;
  while (sq_pb_next(&body, &f) == 1) {
    if (f.number == TENSOR_RAW && f.type == SQ_PB_BYTES && !add_raw(s, f.bytes)) return 0;
    if (f.number == s->e->list && !add_listed(s, &f)) return 0;
  }
  return s->count == s->room;
}

/* ---------------------------------------------------------------- a file beside the model */

typedef struct outside {
  sq_bytes file;
  int64_t offset, length; /* length -1: what follows */
} outside;

static int read_decimal(sq_bytes text, int64_t *out) {
  if (text.size == 0 || text.size > 18) return 0;
  *out = 0;
  for (size_t i = 0; i < text.size; i++) {
    if (text.at[i] < '0' || text.at[i] > '9') return 0;
    *out = 10 * *out + (text.at[i] - '0');
  }
  return 1;
}

/* NULL, or what is wrong. */
static const char *read_place(sq_bytes body, outside *out) {
  sq_pb_field f;
  *out = (outside){{NULL, 0}, 0, -1};
  while (sq_pb_next(&body, &f) == 1) {
    sq_bytes key, value;
    if (f.number != TENSOR_EXTERNAL || f.type != SQ_PB_BYTES) continue;
    if (!sq_onnx_field(f.bytes, ENTRY_KEY, &key) || !sq_onnx_field(f.bytes, ENTRY_VALUE, &value)) continue;
    if (sq_onnx_is(key, "location")) out->file = value;
    if (sq_onnx_is(key, "offset") && !read_decimal(value, &out->offset)) return "has a bad offset";
    if (sq_onnx_is(key, "length") && !read_decimal(value, &out->length)) return "has a bad length";
  }
  return out->file.size ? NULL : "names no file for its numbers";
}

/* A file below the model's own folder: no step up, no root, no separators of other systems. */
static int is_plain(sq_bytes path) {
  size_t begin = 0;
  for (size_t i = 0; i <= path.size; i++) {
    if (i < path.size && (path.at[i] < 0x20 || path.at[i] == '\\' || path.at[i] == ':')) return 0;
    if (i < path.size && path.at[i] != '/') continue;
    const size_t length = i - begin;
    if (length == 0 || (length == 2 && memcmp(path.at + begin, "..", 2) == 0)) return 0;
    begin = i + 1;
  }
  return path.size > 0;
}

/* Reads the bytes of a tensor whose place has been checked. */
static seqgpu_status read_outside(sq_onnx_graph *g, const outside *at, int64_t bytes, unsigned char **out) {
  const char *slash = strrchr(g->path, '/');
  const size_t folder = slash ? (size_t)(slash - g->path) + 1 : 0;
  char *path = sq_host_alloc(g->ctx, folder + at->file.size + 1);
  if (path == NULL) return sq_fail(g->ctx, SEQGPU_ENOMEM, "%s: out of memory", g->path);
  memcpy(path, g->path, folder);
  memcpy(path + folder, at->file.at, at->file.size);
  size_t size;
  const seqgpu_status status = sq_file_read(g->ctx, path, at->offset, bytes, bytes, out, &size);
  sq_host_free(g->ctx, path);
  return status;
}

/* *out stays NULL where the numbers are inside the model file. */
static seqgpu_status fetch_outside(sq_onnx_graph *g, const sq_onnx_node *node, const sq_onnx_tensor *t,
                                   const element *e, unsigned char **out) {
  outside at;
  if (!t->external) return SEQGPU_OK;
  const char *why = read_place(t->body, &at);
  if (why) return bad_tensor(g, node, t, why);
  if (!is_plain(at.file))
    return sq_onnx_fail(g, SEQGPU_EFORMAT, node,
                        "tensor \"%s\" is in \"%s\"; it must be a file in the folder of the model",
                        sq_onnx_show(t->name).text, sq_onnx_show(at.file).text);
  if (at.length >= 0 && at.length != t->elements * e->size)
    return bad_tensor(g, node, t, "has a length that does not match its dimensions");
  return read_outside(g, &at, t->elements * e->size, out);
}

/* ---------------------------------------------------------------- the whole */

/* Weights that are read again and again must not make a large network of a small file. */
static int within_budget(sq_onnx_graph *g, const sq_onnx_tensor *t) {
  sq_onnx_value *v = &g->values[t->value];
  if (!v->loaded) g->budget += MOST_USES * (double)t->elements;
  v->loaded = 1;
  g->budget -= (double)t->elements;
  return g->budget >= 0;
}

static seqgpu_status check_finite(const sq_onnx_graph *g, const sq_onnx_node *node, const sq_onnx_tensor *t,
                                  const double *values) {
  for (int64_t i = 0; i < t->elements; i++)
    if (!isfinite(values[i]))
      return sq_onnx_fail(g, SEQGPU_EFORMAT, node, "tensor \"%s\": element %lld is %g; it must be finite",
                          sq_onnx_show(t->name).text, (long long)i, values[i]);
  return SEQGPU_OK;
}

seqgpu_status sq_onnx_numbers(sq_onnx_graph *g, const sq_onnx_node *node, const sq_onnx_tensor *t,
                              double **out) {
  const element *e = element_of(t->type);
  if (!t->external && (uint64_t)t->elements > t->body.size)
    return bad_tensor(g, node, t, "has fewer numbers than its dimensions say");
  if (!within_budget(g, t))
    return sq_onnx_fail(g, SEQGPU_EUNSUPPORTED, node, "tensor \"%s\" is used too often; at most %d times",
                        sq_onnx_show(t->name).text, MOST_USES);
  unsigned char *raw = NULL;
  SQ_TRY(fetch_outside(g, node, t, e, &raw));
  sink s = {.e = e, .room = t->elements};
  s.values = sq_host_alloc(g->ctx, (size_t)(t->elements + 1) * sizeof *s.values);
  seqgpu_status status = SEQGPU_OK;
  if (s.values == NULL)
    status = sq_fail(g->ctx, SEQGPU_ENOMEM, "%s: out of memory", g->path);
  else if (!(raw ? add_raw(&s, (sq_bytes){raw, (size_t)(t->elements * e->size)}) : add_inside(&s, t->body)))
    status = bad_tensor(g, node, t, "does not have as many numbers as its dimensions say");
  if (status == SEQGPU_OK) status = check_finite(g, node, t, s.values);
  sq_host_free(g->ctx, raw);
  if (status == SEQGPU_OK)
    *out = s.values;
  else
    sq_host_free(g->ctx, s.values);
  return status;
}

/* ---------------------------------------------------------------- integers */

int sq_onnx_integers(sq_onnx_graph *g, const sq_onnx_node *node, int place, int64_t *out, int most) {
  sq_onnx_tensor t;
  sq_bytes body;
  sq_pb_field f;
  int count = 0;
  if (find_tensor(g, sq_onnx_input(g, node, place), 0, &body) < 0) return -1;
  if (read_tensor(body, &t) || t.type != ONNX_INT64 || t.external || t.elements > most) return -1;
  while (sq_pb_next(&body, &f) == 1) {
    uint64_t value;
    if (f.number == TENSOR_INT64S && f.type == SQ_PB_VARINT && count < most) out[count++] = (int64_t)f.value;
    if (f.type != SQ_PB_BYTES) continue;
    while (f.number == TENSOR_INT64S && count < most && sq_pb_varint(&f.bytes, &value) == 1)
      out[count++] = (int64_t)value;
    if (f.number != TENSOR_RAW || f.bytes.size != (size_t)t.elements * sizeof *out || count > 0) continue;
    memcpy(out, f.bytes.at, f.bytes.size);
    count = (int)t.elements;
  }
  return count == t.elements ? count : -1;
}
