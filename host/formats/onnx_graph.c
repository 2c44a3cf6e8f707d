/* onnx_graph.c - the nodes and values of an ONNX graph, and who reads what (onnx.h).
 *
 * Two walks over the graph's fields: one counts, one fills; then the names are sorted, and each name that a
 * node reads is looked up once.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/context/utf8.h"
#include "host/formats/onnx_graph.h"

enum { MOST_NODES = 1000000, MOST_NAMES = 4000000, MOST_HOPS = 16 };

/* ---------------------------------------------------------------- text */

sq_onnx_text sq_onnx_show(sq_bytes name) {
  sq_onnx_text shown = {""};
  size_t length = 0;
  for (size_t i = 0; i < name.size;) {
    const size_t step = sq_utf8_length((const char *)name.at + i, name.size - i);
    const int plain = step > 0 && name.at[i] >= 0x20 && name.at[i] != 0x7f;
    const size_t bytes = plain ? step : 1;
    if (length + bytes >= sizeof shown.text) break;
    if (plain)
      memcpy(shown.text + length, name.at + i, bytes);
    else
      shown.text[length] = '?';
    length += bytes;
    i += step ? step : 1;
  }
  return shown;
}

int sq_onnx_is(sq_bytes bytes, const char *text) {
  return bytes.size == strlen(text) && memcmp(bytes.at, text, bytes.size) == 0;
}

/* Order of two names, of one byte at least: by their bytes, the shorter one first. */
static int compare(sq_bytes a, sq_bytes b) {
  const size_t both = a.size < b.size ? a.size : b.size;
  const int order = memcmp(a.at, b.at, both);
  return order ? order : (a.size > b.size) - (a.size < b.size);
}

static seqgpu_status damaged(const sq_onnx_graph *g, const char *what) {
  return sq_fail(g->ctx, SEQGPU_EFORMAT, "%s: is not a valid ONNX file: %s", g->path, what);
}

seqgpu_status(sq_onnx_fail)(const sq_onnx_graph *g, seqgpu_status status, const sq_onnx_node *node,
                            const char *format, ...) {
  char why[384];
  va_list values;
  va_start(values, format);
  vsnprintf(why, sizeof why, format, values);
  va_end(values);
  const sq_onnx_text op = sq_onnx_show(node->op), name = sq_onnx_show(node->name);
  return sq_fail(g->ctx, status, "%s: %s node \"%s\": %s", g->path, op.text, name.text, why);
}

/* ---------------------------------------------------------------- reading */

/* How many there are of each kind of thing. */
typedef struct counts {
  int64_t nodes, names, values;
} counts;

static seqgpu_status count_node(const sq_onnx_graph *g, sq_bytes node, counts *n) {
  sq_pb_field f;
  int got;
  while ((got = sq_pb_next(&node, &f)) == 1) {
    if (f.type != SQ_PB_BYTES || (f.number != NODE_INPUT && f.number != NODE_OUTPUT)) continue;
    n->names++;
    n->values += f.number == NODE_OUTPUT;
  }
  n->nodes++;
  return got == 0 ? SEQGPU_OK : damaged(g, "a node is damaged");
}

static seqgpu_status count_graph(sq_onnx_graph *g, sq_bytes graph, counts *n) {
  sq_pb_field f;
  int got;
  while ((got = sq_pb_next(&graph, &f)) == 1) {
    if (f.type != SQ_PB_BYTES) continue;
    if (f.number == GRAPH_NODE) SQ_TRY(count_node(g, f.bytes, n));
    n->values += f.number == GRAPH_INITIALIZER || f.number == GRAPH_INPUT;
    g->sparse += f.number == GRAPH_SPARSE;
    if (n->nodes > MOST_NODES || n->names > MOST_NAMES || n->values > MOST_NAMES)
      return sq_fail(g->ctx, SEQGPU_EUNSUPPORTED,
                     "%s: the graph is too large; it must have at most %d nodes and %d names", g->path,
                     MOST_NODES, MOST_NAMES);
  }
  return got == 0 ? SEQGPU_OK : damaged(g, "its graph is damaged");
}

int sq_onnx_field(sq_bytes message, int number, sq_bytes *out) {
  sq_pb_field f;
  int got, found = 0;
  while ((got = sq_pb_next(&message, &f)) == 1) {
    if (f.number != number || f.type != SQ_PB_BYTES) continue;
    *out = f.bytes;
    found = 1;
  }
  return got == 0 && found;
}

/* Everything of a node but its links; their names go to names[]. */
static void read_node(sq_onnx_graph *g, sq_bytes body, sq_bytes *names) {
  const int index = g->node_count++;
  sq_onnx_node *node = &g->nodes[index];
  *node = (sq_onnx_node){.body = body, .first_input = g->link_count};
  for (int pass = 0; pass < 2; pass++) { /* inputs, then outputs: each kind lies together */
    sq_bytes rest = body;
    sq_pb_field f;
    if (pass == 1) node->first_output = g->link_count;
    while (sq_pb_next(&rest, &f) == 1) {
      if (f.type != SQ_PB_BYTES) continue;
      if (f.number == NODE_NAME) node->name = f.bytes;
      if (f.number == NODE_OPERATOR) node->op = f.bytes;
      if (f.number == NODE_DOMAIN) node->domain = f.bytes;
      if (f.number != (pass == 0 ? NODE_INPUT : NODE_OUTPUT)) continue;
      names[g->link_count++] = f.bytes;
      *(pass == 0 ? &node->input_count : &node->output_count) += 1;
      if (pass == 1 && f.bytes.size > 0)
        g->values[g->value_count++] = (sq_onnx_value){.name = f.bytes, .node = index};
    }
  }
}

static seqgpu_status read_value(sq_onnx_graph *g, sq_bytes body, int initial) {
  sq_onnx_value value = {.node = -1, .initial = initial, .body = body};
  if (!sq_onnx_field(body, initial ? TENSOR_NAME : VALUE_NAME, &value.name) || value.name.size == 0)
    return damaged(g, initial ? "an initialiser has no name, or is damaged"
                              : "an input has no name, or is damaged");
  g->values[g->value_count++] = value;
  return SEQGPU_OK;
}

static seqgpu_status read_parts(sq_onnx_graph *g, sq_bytes graph, sq_bytes *names) {
  sq_pb_field f;
  while (sq_pb_next(&graph, &f) == 1) {
    if (f.type != SQ_PB_BYTES) continue;
    if (f.number == GRAPH_NODE) read_node(g, f.bytes, names);
    if (f.number == GRAPH_INITIALIZER || f.number == GRAPH_INPUT)
      SQ_TRY(read_value(g, f.bytes, f.number == GRAPH_INITIALIZER));
  }
  for (int i = 0; i < g->node_count; i++)
    if (g->nodes[i].op.size == 0) return damaged(g, "a node has no operator");
  return SEQGPU_OK;
}

/* ---------------------------------------------------------------- names */

/* An input comes after the initialiser of its name, which is its default. */
static int by_name(const void *a, const void *b) {
  const sq_onnx_value *x = a, *y = b;
  const int order = compare(x->name, y->name);
  return order ? order : y->initial - x->initial;
}

/* Each name is defined once; only an input may have the name of an initialiser. */
static seqgpu_status sort_values(sq_onnx_graph *g) {
  if (g->value_count == 0) return SEQGPU_OK;
  qsort(g->values, (size_t)g->value_count, sizeof *g->values, by_name);
  int kept = 1;
  for (int i = 1; i < g->value_count; i++) {
    const sq_onnx_value *last = &g->values[kept - 1], *next = &g->values[i];
    if (compare(last->name, next->name) != 0) {
      g->values[kept++] = *next;
      continue;
    }
    if (last->initial && !next->initial && next->node < 0) continue;
    return sq_fail(g->ctx, SEQGPU_EFORMAT, "%s: is not a valid ONNX file: \"%s\" is defined twice", g->path,
                   sq_onnx_show(next->name).text);
  }
  g->value_count = kept;
  return SEQGPU_OK;
}

static int find_value(const sq_onnx_graph *g, sq_bytes name) {
  int low = 0, high = name.size ? g->value_count : 0;
  while (low < high) {
    const int middle = low + (high - low) / 2, order = compare(g->values[middle].name, name);
    if (order == 0) return middle;
    if (order < 0)
      low = middle + 1;
    else
      high = middle;
  }
  return -1;
}

static void link_names(sq_onnx_graph *g, sq_bytes graph, const sq_bytes *names) {
  for (int i = 0; i < g->link_count; i++) {
    const int value = find_value(g, names[i]);
    g->links[i] = value >= 0 ? value : names[i].size ? SQ_ONNX_UNKNOWN : SQ_ONNX_ABSENT;
  }
  for (int i = 0; i < g->node_count; i++)
    for (int k = 0; k < g->nodes[i].input_count; k++) {
      const int value = g->links[g->nodes[i].first_input + k];
      if (value >= 0) g->values[value].uses++;
    }
  sq_pb_field f;
  while (sq_pb_next(&graph, &f) == 1) {
    sq_bytes name = {NULL, 0};
    if (f.number != GRAPH_OUTPUT || f.type != SQ_PB_BYTES || !sq_onnx_field(f.bytes, VALUE_NAME, &name))
      continue;
    const int value = find_value(g, name);
    if (value >= 0) g->values[value].uses++;
  }
}

/* ---------------------------------------------------------------- the whole */

static seqgpu_status read_graph(sq_onnx_graph *g, sq_bytes graph) {
  counts n = {0, 0, 0};
  SQ_TRY(count_graph(g, graph, &n));
  g->nodes = sq_host_alloc(g->ctx, (size_t)(n.nodes + 1) * sizeof *g->nodes);
  g->values = sq_host_alloc(g->ctx, (size_t)(n.values + 1) * sizeof *g->values);
  g->links = sq_host_alloc(g->ctx, (size_t)(n.names + 1) * sizeof *g->links);
  sq_bytes *names = sq_host_alloc(g->ctx, (size_t)(n.names + 1) * sizeof *names);
  seqgpu_status status = SEQGPU_OK;
  if (!g->nodes || !g->values || !g->links || !names)
    status = sq_fail(g->ctx, SEQGPU_ENOMEM, "%s: out of memory", g->path);
  if (status == SEQGPU_OK) status = read_parts(g, graph, names);
  if (status == SEQGPU_OK) status = sort_values(g);
  if (status == SEQGPU_OK) link_names(g, graph, names);
  sq_host_free(g->ctx, names);
  return status;
}

seqgpu_status sq_onnx_graph_read(seqgpu_context *ctx, const char *path, sq_bytes model, sq_onnx_graph *out) {
  sq_bytes graph = {NULL, 0};
  sq_pb_field f;
  int got, graphs = 0;
  *out = (sq_onnx_graph){.ctx = ctx, .path = path};
  if (model.size == 0) return damaged(out, "it is empty");
  while ((got = sq_pb_next(&model, &f)) == 1) {
    if (f.type != SQ_PB_BYTES) continue;
    if (f.number == MODEL_GRAPH) graph = f.bytes;
    graphs += f.number == MODEL_GRAPH;
    out->functions += f.number == MODEL_FUNCTION;
    out->training += f.number == MODEL_TRAINING;
  }
  if (got < 0) return damaged(out, "it is truncated, or something else");
  if (graphs != 1) return damaged(out, graphs == 0 ? "it has no graph" : "it has several graphs");
  return read_graph(out, graph);
}

void sq_onnx_graph_free(sq_onnx_graph *g) {
  sq_host_free(g->ctx, g->nodes);
  sq_host_free(g->ctx, g->values);
  sq_host_free(g->ctx, g->links);
}

/* ---------------------------------------------------------------- questions */

int sq_onnx_input(const sq_onnx_graph *g, const sq_onnx_node *node, int place) {
  return place < node->input_count ? g->links[node->first_input + place] : SQ_ONNX_ABSENT;
}

int sq_onnx_output(const sq_onnx_graph *g, const sq_onnx_node *node, int place) {
  return place < node->output_count ? g->links[node->first_output + place] : SQ_ONNX_ABSENT;
}

/* A chain in a circle, which only a damaged file has, ends after MOST_HOPS. */
int sq_onnx_behind(sq_onnx_graph *g, int value, int take) {
  for (int hop = 0; hop < MOST_HOPS && value >= 0 && g->values[value].node >= 0; hop++) {
    sq_onnx_node *node = &g->nodes[g->values[value].node];
    if (!sq_onnx_is(node->op, "Identity")) break;
    if (take) node->taken = 1;
    value = sq_onnx_input(g, node, 0);
  }
  return value;
}

int sq_onnx_attribute(const sq_onnx_node *node, const char *name, sq_bytes *out) {
  sq_bytes rest = node->body, given = {NULL, 0};
  sq_pb_field f;
  int found = 0;
  while (sq_pb_next(&rest, &f) == 1) { /* to its end: count_node has seen it whole */
    if (f.number != NODE_ATTRIBUTE || f.type != SQ_PB_BYTES) continue;
    if (!sq_onnx_field(f.bytes, ATTRIBUTE_NAME, &given) || !sq_onnx_is(given, name)) continue;
    *out = f.bytes;
    found++;
  }
  return found <= 1 ? found : -1;
}

int64_t sq_onnx_integer(const sq_onnx_node *node, const char *name, int64_t otherwise) {
  sq_bytes attribute = {NULL, 0};
  sq_pb_field f;
  const int found = sq_onnx_attribute(node, name, &attribute);
  if (found <= 0) return found == 0 ? otherwise : INT64_MIN;
  while (sq_pb_next(&attribute, &f) == 1)
    if (f.number == ATTRIBUTE_I && f.type == SQ_PB_VARINT) otherwise = (int64_t)f.value;
  return otherwise;
}
