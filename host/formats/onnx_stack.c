/* onnx_stack.c - which recurrent nodes of an ONNX graph are layers of one network, and which other nodes only
 * give its x and y their form (onnx.h).
 *
 * A node's Y is [T, N, B, H], with layout 1 [B, T, N, H]; the X of the next one [T, B, N H] or [B, T, N H],
 * and so is our y.  What lies between two layers, and after the last one, is therefore one of
 *
 *   Squeeze of the axis N                         where N is 1
 *   ReduceSum of the axis N                       where N is 2: the directions are added
 *   Transpose (0, 2, 1, 3), Reshape (0, 0, -1)    layout 0
 *   Reshape (0, 0, -1)                            layout 1
 *
 * and Identity.  Two nodes are layers of one network where nothing else reads what lies between them, and
 * they are alike in everything that layers of ours have in common.  Where x and y are also turned by
 * Transpose (1, 0, 2), the network has the batch first.
 */
#include <string.h>

#include "host/formats/onnx_stack.h"
#include "host/formats/onnx_tensor.h"

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

/* Whether a node works on the axis of the directions alone. */
static int is_of_directions(sq_onnx_graph *g, const sq_onnx_node *node, const sq_onnx_recurrent *lower) {
  int64_t axes[2];
  const int64_t axis = lower->layout ? 2 : 1;
  return read_list(g, node, "axes", axes, 2) == 1 && (axes[0] == axis || axes[0] == axis - 4);
}

static int squeezes(sq_onnx_graph *g, const sq_onnx_node *node, const sq_onnx_recurrent *lower) {
  return lower->directions == 1 && is_of_directions(g, node, lower);
}

static int sums(sq_onnx_graph *g, const sq_onnx_node *node, const sq_onnx_recurrent *lower) {
  return lower->directions == 2 && is_of_directions(g, node, lower) &&
         sq_onnx_integer(node, "keepdims", 1) == 0;
}

static int is_sum(const sq_onnx_recurrent *r) { return r->desc.merge == SEQGPU_MERGE_SUM; }

/* Elements of a row of our y. */
static int64_t width_of(const sq_onnx_recurrent *r) {
  return (is_sum(r) ? 1 : r->directions) * r->desc.hidden_size;
}

static int flattens(sq_onnx_graph *g, const sq_onnx_node *node, const sq_onnx_recurrent *lower) {
  int64_t shape[4];
  const int64_t width = width_of(lower);
  if (read_list(g, node, "shape", shape, 4) != 3 || sq_onnx_integer(node, "allowzero", 0) != 0) return 0;
  if (shape[0] == 0 && shape[1] == 0) return shape[2] == -1 || shape[2] == width;
  return shape[2] == width && ((shape[0] == 0 && shape[1] == -1) || (shape[0] == -1 && shape[1] == 0));
}

/* Whether it is a Transpose into this order, of 3 or 4 axes. */
static int transposes(sq_onnx_graph *g, const sq_onnx_node *node, const int64_t *order, int rank) {
  int64_t perm[5];
  sq_bytes attribute;
  if (!sq_onnx_is(node->op, "Transpose") || sq_onnx_attribute(node, "perm", &attribute) != 1) return 0;
  return read_list(g, node, "perm", perm, 5) == rank &&
         memcmp(perm, order, (size_t)rank * sizeof *order) == 0;
}

static const int64_t directions_inside[4] = {0, 2, 1, 3}, batch_first[3] = {1, 0, 2};

/* ---------------------------------------------------------------- paths */

/* Walks down from a value as long as each has one reader alone; 1 at the Y of a recurrent node. */
static int walk_down(const sq_onnx_graph *g, int value, path *p) {
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

/* Whether the nodes of a path turn the lower one's Y into the next X, which is also our y. */
static int only_moves(sq_onnx_graph *g, const path *p, const sq_onnx_recurrent *lower) {
  int inside = lower->layout, done = 0; /* inside: the directions stand beside the units */
  for (int i = p->count - 1; i >= 0; i--) {
    const sq_onnx_node *node = &g->nodes[p->nodes[i]];
    if (sq_onnx_is(node->op, "Identity")) continue;
    if (done) return 0;
    if (sq_onnx_is(node->op, "Squeeze") && inside == lower->layout)
      done = squeezes(g, node, lower);
    else if (sq_onnx_is(node->op, "ReduceSum") && inside == lower->layout)
      done = is_sum(lower); /* by this node, the only one that reads its Y */
    else if (sq_onnx_is(node->op, "Reshape") && inside)
      done = flattens(g, node, lower);
    else if (!inside && transposes(g, node, directions_inside, 4))
      inside = 1;
    else
      return 0;
  }
  return done;
}

static void take_path(sq_onnx_graph *g, const path *p) {
  for (int i = 0; i < p->count; i++) g->nodes[p->nodes[i]].taken = 1;
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

/* The recurrent node at the lower end of the path from a value, where all that lies between gives its Y the
 * form of ours; -1. */
static int plain_end(sq_onnx_graph *g, int value, const sq_onnx_recurrent *all, int count, path *p) {
  *p = (path){.count = 0};
  if (!walk_down(g, value, p)) return -1;
  const int end = find_recurrent(all, count, p->end);
  return end >= 0 && only_moves(g, p, &all[end]) ? end : -1;
}

/* ---------------------------------------------------------------- sums, stacks, and what stands
 * around them */

/* Whose directions are added.  Where something else reads Y as well, they are not. */
static void find_sums(sq_onnx_graph *g, sq_onnx_recurrent *all, int count) {
  for (int i = 0; i < g->node_count; i++) {
    const sq_onnx_node *node = &g->nodes[i];
    path p = {.count = 0};
    if (!sq_onnx_is(node->op, "ReduceSum") || !walk_down(g, sq_onnx_input(g, node, 0), &p)) continue;
    const int end = p.count == 0 ? find_recurrent(all, count, p.end) : -1;
    if (end >= 0 && sums(g, node, &all[end])) all[end].desc.merge = SEQGPU_MERGE_SUM;
  }
}

/* Whether one network can have both as layers. */
static int alike(const sq_onnx_graph *g, const sq_onnx_recurrent *lower, const sq_onnx_recurrent *upper) {
  const seqgpu_rnn_desc *a = &lower->desc, *b = &upper->desc;
  return lower->op == upper->op && a->hidden_size == b->hidden_size && a->bidirectional == b->bidirectional &&
         a->reverse == b->reverse && a->merge == b->merge && a->batch_first == b->batch_first &&
         a->peephole == b->peephole && a->coupled == b->coupled && a->reset_after == b->reset_after &&
         a->activation == b->activation && b->input_size == width_of(lower) &&
         !(lower->stateful && upper->given) && !(lower->given && upper->stateful) &&
         sq_onnx_input(g, lower->node, ONNX_LENGTHS) == sq_onnx_input(g, upper->node, ONNX_LENGTHS);
}

static void find_stacks(sq_onnx_graph *g, sq_onnx_recurrent *all, int count) {
  for (int i = 0; i < count; i++) {
    path p;
    const int below = plain_end(g, sq_onnx_input(g, all[i].node, ONNX_X), all, count, &p);
    if (below < 0 || below >= i || !alike(g, &all[below], &all[i])) continue; /* below >= i: a circle */
    all[i].below = below;
    all[below].above = i;
    take_path(g, &p);
  }
}

/* Nodes after a last layer that give its Y the form of our y, and those that then turn it. */
static void find_ends(sq_onnx_graph *g, sq_onnx_recurrent *all, int count) {
  for (int i = 0; i < g->node_count; i++) {
    const sq_onnx_node *node = &g->nodes[i];
    const int turns = transposes(g, node, batch_first, 3);
    if (!turns && !sq_onnx_is(node->op, "Squeeze") && !sq_onnx_is(node->op, "ReduceSum") &&
        !sq_onnx_is(node->op, "Reshape"))
      continue;
    path p = {.count = 0};
    if (!turns) p.nodes[p.count++] = i;
    if (!walk_down(g, sq_onnx_input(g, node, 0), &p)) continue;
    const int end = find_recurrent(all, count, p.end);
    if (end < 0 || all[end].above >= 0 || !only_moves(g, &p, &all[end])) continue;
    take_path(g, &p);
    if (turns) all[end].turned = i;
  }
}

void sq_onnx_stack(sq_onnx_graph *g, sq_onnx_recurrent *all, int count) {
  find_sums(g, all, count);
  find_stacks(g, all, count);
  find_ends(g, all, count);
}

void sq_onnx_turn(sq_onnx_graph *g, const sq_onnx_recurrent *first, const sq_onnx_recurrent *last,
                  seqgpu_rnn_desc *desc) {
  const int x = sq_onnx_input(g, first->node, ONNX_X);
  if (last->turned < 0 || first->layout || x < 0 || g->values[x].node < 0 || g->values[x].uses != 1) return;
  sq_onnx_node *before = &g->nodes[g->values[x].node];
  if (!transposes(g, before, batch_first, 3)) return;
  before->taken = 1;
  g->nodes[last->turned].taken = 1;
  desc->batch_first = 1;
  sq_onnx_look_at_x(g, sq_onnx_input(g, before, 0), desc);
}
