/* onnx_stack.c - which recurrent nodes of an ONNX graph are layers of one network (onnx.h).
 *
 * A node's Y is [T, N, B, H], with layout 1 [B, T, N, H]; the X of the next one [T, B, N H] or [B, T, N H].  What lies
 * between two layers is therefore one of
 *
 *   Squeeze of the axis N                         where N is 1
 *   Transpose (0, 2, 1, 3), Reshape (0, 0, -1)    layout 0
 *   Reshape (0, 0, -1)                            layout 1
 *
 * and Identity.  Two nodes are layers of one network where nothing else reads what lies between them, and they are
 * alike in everything that layers of ours have in common.
 */
#include <string.h>

#include "host/formats/onnx.h"

enum { MOST_BETWEEN = 8 };

/* The nodes from one layer down to the next. */
typedef struct path {
  int nodes[MOST_BETWEEN]; /* the upper ones first */
  int count;
  int end; /* the node below them all */
} path;

/* ---------------------------------------------------------------- nodes that only move numbers */

/* A list of a node: an attribute, as in old versions of the operator, or else a constant input. */
static int read_list(sq_onnx_graph *g, const sq_onnx_node *node, const char *name, int64_t *out, int most) {
  sq_bytes attribute;
  sq_pb_field f;
  int count = 0;
  const int found = sq_onnx_attribute(node, name, &attribute);
  if (found == 0) return sq_onnx_integers(g, node, 1, out, most);
  while (found == 1 && sq_pb_next(&attribute, &f) == 1) {
    uint64_t value;
    if (f.number != ATTRIBUTE_INTS) continue;
    if (f.type == SQ_PB_VARINT && count < most) out[count++] = (int64_t)f.value;
    while (f.type == SQ_PB_BYTES && count < most && sq_pb_varint(&f.bytes, &value) == 1)
      out[count++] = (int64_t)value;
  }
  return count;
}

static int squeezes(sq_onnx_graph *g, const sq_onnx_node *node, const sq_onnx_recurrent *lower) {
  int64_t axes[2];
  const int64_t axis = lower->layout ? 2 : 1;
  return lower->directions == 1 && read_list(g, node, "axes", axes, 2) == 1 &&
         (axes[0] == axis || axes[0] == axis - 4);
}

static int flattens(sq_onnx_graph *g, const sq_onnx_node *node, const sq_onnx_recurrent *lower) {
  int64_t shape[4];
  const int64_t width = lower->directions * lower->desc.hidden_size;
  if (read_list(g, node, "shape", shape, 4) != 3 || sq_onnx_integer(node, "allowzero", 0) != 0) return 0;
  if (shape[0] == 0 && shape[1] == 0) return shape[2] == -1 || shape[2] == width;
  return shape[2] == width && ((shape[0] == 0 && shape[1] == -1) || (shape[0] == -1 && shape[1] == 0));
}

static int transposes(sq_onnx_graph *g, const sq_onnx_node *node) {
  static const int64_t wanted[4] = {0, 2, 1, 3};
  int64_t perm[5];
  (void)g;
  sq_bytes attribute;
  if (sq_onnx_attribute(node, "perm", &attribute) != 1) return 0;
  return read_list(g, node, "perm", perm, 5) == 4 && memcmp(perm, wanted, sizeof wanted) == 0;
}

/* ---------------------------------------------------------------- paths */

/* Walks down from X as long as every value has one reader alone. */
static int walk_down(const sq_onnx_graph *g, const sq_onnx_node *upper, path *p) {
  int value = sq_onnx_input(g, upper, ONNX_X);
  p->count = 0;
  for (;;) {
    if (value < 0 || g->values[value].node < 0 || g->values[value].uses != 1) return 0;
    const int index = g->values[value].node;
    const sq_onnx_node *node = &g->nodes[index];
    p->end = index;
    if (sq_onnx_operator_of(node)) return sq_onnx_output(g, node, 0) == value; /* Y, not Y_h */
    if (p->count == MOST_BETWEEN) return 0;
    p->nodes[p->count++] = index;
    value = sq_onnx_input(g, node, 0);
  }
}

/* Whether the nodes of a path turn the lower one's Y into the next X. */
static int only_moves(sq_onnx_graph *g, const path *p, const sq_onnx_recurrent *lower) {
  int transposed = lower->layout, done = 0;
  for (int i = p->count - 1; i >= 0; i--) {
    const sq_onnx_node *node = &g->nodes[p->nodes[i]];
    if (sq_onnx_is(node->op, "Identity")) continue;
    if (done) return 0;
    if (sq_onnx_is(node->op, "Squeeze") && transposed == lower->layout)
      done = squeezes(g, node, lower);
    else if (sq_onnx_is(node->op, "Reshape") && transposed)
      done = flattens(g, node, lower);
    else if (sq_onnx_is(node->op, "Transpose") && !transposed)
      transposed = transposes(g, node);
    else
      return 0;
  }
  return done;
}

static int same_functions(const sq_onnx_recurrent *a, const sq_onnx_recurrent *b) {
  return a->desc.activation == b->desc.activation; /* scales are in the weights */
}

/* Whether one network can have both as layers. */
static int alike(const sq_onnx_graph *g, const sq_onnx_recurrent *lower, const sq_onnx_recurrent *upper) {
  const seqgpu_rnn_desc *a = &lower->desc, *b = &upper->desc;
  return lower->op == upper->op && a->hidden_size == b->hidden_size && a->bidirectional == b->bidirectional &&
         a->reverse == b->reverse && a->batch_first == b->batch_first && a->peephole == b->peephole &&
         a->coupled == b->coupled && a->reset_after == b->reset_after && same_functions(lower, upper) &&
         b->input_size == lower->directions * a->hidden_size && !(lower->stateful && upper->given) &&
         !(lower->given && upper->stateful) &&
         sq_onnx_input(g, lower->node, ONNX_LENGTHS) == sq_onnx_input(g, upper->node, ONNX_LENGTHS);
}

/* The recurrent node of this index, among those in the order of the file; -1. */
static int find_recurrent(const sq_onnx_recurrent *all, int count, int index) {
  int low = 0, high = count;
  while (low < high) {
    const int middle = low + (high - low) / 2;
    if (all[middle].index == index) return middle;
    if (all[middle].index < index)
      low = middle + 1;
    else
      high = middle;
  }
  return -1;
}

void sq_onnx_stack(sq_onnx_graph *g, sq_onnx_recurrent *all, int count) {
  for (int i = 0; i < count; i++) {
    path p;
    if (!walk_down(g, all[i].node, &p)) continue;
    const int below = find_recurrent(all, count, p.end);
    if (below < 0 || below >= i) continue; /* a graph is sorted: what comes later is a circle */
    if (!alike(g, &all[below], &all[i]) || !only_moves(g, &p, &all[below])) continue;
    all[i].below = below;
    all[below].above = i;
  }
}

void sq_onnx_take_between(sq_onnx_graph *g, const sq_onnx_recurrent *upper) {
  path p;
  if (!walk_down(g, upper->node, &p)) return;
  for (int i = 0; i < p.count; i++) g->nodes[p.nodes[i]].taken = 1;
}
