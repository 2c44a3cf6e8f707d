/* onnx_state.c - the initial states that an ONNX file gives a recurrent node (onnx.h).
 *
 *   theirs                                                       ours, states h and c
 *   initial_h, initial_c [N, B, H], with layout 1 [B, N, H]      [L N, B H]: that many sequences
 *   Expand of [N, 1, H], or of [L N, 1, H] and Split into layers [L N, H]: of any number of sequences
 *
 * What the graph computes otherwise, or is given, belongs to a run.
 */
#include <string.h>

#include "host/formats/foreign.h"
#include "host/formats/onnx_state.h"
#include "host/formats/onnx_tensor.h"

/* Where a constant state comes from. */
typedef struct source {
  sq_onnx_node *node; /* that reads the constant, at `place` */
  sq_onnx_node *split;
  int place, part, parts; /* part of its rows, counted from 0 */
  int expanded;
} source;

/* The node that writes a value, if it is this operator. */
static sq_onnx_node *writer_of(sq_onnx_graph *g, int value, const char *op) {
  if (value < 0 || g->values[value].node < 0) return NULL;
  sq_onnx_node *node = &g->nodes[g->values[value].node];
  return sq_onnx_is(node->op, op) ? node : NULL;
}

/* A Split into equal parts along the first axis. */
static void look_through_split(sq_onnx_graph *g, int *value, source *s) {
  sq_onnx_node *split = writer_of(g, *value, "Split");
  sq_bytes sizes;
  if (split == NULL || sq_onnx_integer(split, "axis", 0) != 0 ||
      sq_onnx_attribute(split, "split", &sizes) != 0 || sq_onnx_input(g, split, 1) != SQ_ONNX_ABSENT)
    return;
  while (sq_onnx_output(g, split, s->part) != *value) s->part++; /* it is one of them */
  s->split = split;
  s->parts = split->output_count;
  *value = sq_onnx_behind(g, sq_onnx_input(g, split, 0), 0);
}

static int find_source(sq_onnx_graph *g, sq_onnx_node *node, int place, source *out) {
  *out = (source){.node = node, .place = place, .parts = 1};
  if (sq_onnx_is_constant(g, node, place)) return 1;
  int value = sq_onnx_behind(g, sq_onnx_input(g, node, place), 0);
  look_through_split(g, &value, out);
  out->node = writer_of(g, value, "Expand");
  out->place = 0;
  out->expanded = 1;
  return out->node != NULL && sq_onnx_is_constant(g, out->node, 0);
}

void sq_onnx_states_look(sq_onnx_graph *g, sq_onnx_recurrent *r) {
  source from;
  for (int k = 0; k < r->op->states; k++) {
    if (sq_onnx_input(g, r->node, ONNX_H0 + k) == SQ_ONNX_ABSENT) continue;
    if (find_source(g, r->node, ONNX_H0 + k, &from))
      r->stateful = 1;
    else
      r->given = 1;
  }
}

/* ---------------------------------------------------------------- one layer's */

typedef struct reading {
  sq_onnx_graph *g;
  const sq_onnx_recurrent *r;
  int64_t layer, H, N;
  sq_foreign_net *net;
} reading;

/* Room for the states of all layers, for this many sequences. */
static seqgpu_status make_states(const reading *d, int64_t batch) {
  sq_foreign_net *net = d->net;
  if (net->state_count > 0) return SEQGPU_OK;
  for (int k = 0; k < d->r->op->states; k++)
    SQ_TRY(
        sq_foreign_add_state(d->g->ctx, net, k ? "c" : "h", net->desc.num_layers * d->N, batch * d->H, NULL));
  return SEQGPU_OK;
}

/* State k from theirs, [N, B, H] or with layout 1 [B, N, H]. */
static void copy_state(const reading *d, int k, int64_t batch, int batch_first, const double *from) {
  double *to = d->net->states[k].value + d->layer * d->N * batch * d->H;
  for (int64_t n = 0; n < d->N; n++)
    for (int64_t b = 0; b < batch; b++) {
      const int64_t row = batch_first ? b * d->N + n : n * batch + b;
      memcpy(to + (n * batch + b) * d->H, from + row * d->H, (size_t)d->H * sizeof *to);
    }
}

/* The sequences that a constant is for; 0: it does not fit the node. */
static int64_t batch_of(const reading *d, const source *from, const sq_onnx_tensor *t) {
  const int batch_first = d->r->layout && !from->expanded;
  if (t->rank != 3 || t->dims[2] != d->H || t->dims[batch_first] != from->parts * d->N) return 0;
  if (from->expanded && (d->r->layout || t->dims[1] != 1)) return 0;
  return t->dims[1 - batch_first];
}

static seqgpu_status check_batch(const reading *d, const char *name, int64_t batch, int expanded) {
  const int64_t others = d->net->state_count ? d->net->states[0].cols / d->H : batch, x = d->net->desc.batch;
  if (batch < 1)
    return sq_onnx_fail(d->g, SEQGPU_EFORMAT, d->r->node, "%s does not have the dimensions of a state", name);
  if (batch != others || (!expanded && x > 0 && x != batch))
    return sq_onnx_fail(d->g, SEQGPU_EFORMAT, d->r->node, "%s is for %lld sequences, and others are for %lld",
                        name, (long long)batch, (long long)(batch != others ? others : x));
  return SEQGPU_OK;
}

static seqgpu_status read_state(const reading *d, int k) {
  const char *const name = k == 0 ? "initial_h" : "initial_c";
  sq_onnx_tensor t;
  source from;
  double *values = NULL;
  if (!find_source(d->g, d->r->node, ONNX_H0 + k, &from)) return SEQGPU_OK;
  SQ_TRY(sq_onnx_constant(d->g, from.node, from.place, name, &t));
  const int64_t batch = batch_of(d, &from, &t);
  SQ_TRY(check_batch(d, name, batch, from.expanded));
  SQ_TRY(sq_onnx_numbers(d->g, d->r->node, &t, &values));
  const seqgpu_status status = make_states(d, batch);
  if (status == SEQGPU_OK) copy_state(d, k, batch, d->r->layout, values + from.part * d->N * batch * d->H);
  sq_host_free(d->g->ctx, values);
  if (from.expanded) from.node->taken = 1;
  if (from.split) from.split->taken = 1;
  if (!from.expanded) d->net->desc.batch = batch;
  return status;
}

seqgpu_status sq_onnx_states_read(sq_onnx_graph *g, const sq_onnx_recurrent *r, int64_t layer,
                                  sq_foreign_net *net) {
  const reading d = {
      .g = g, .r = r, .layer = layer, .H = r->desc.hidden_size, .N = r->directions, .net = net};
  for (int k = 0; k < r->op->states; k++) SQ_TRY(read_state(&d, k));
  return SEQGPU_OK;
}

/* ---------------------------------------------------------------- nothing but zeros */

void sq_onnx_states_tidy(seqgpu_context *ctx, sq_foreign_net *net) {
  for (int k = 0; k < net->state_count; k++)
    for (int64_t i = 0; i < net->states[k].rows * net->states[k].cols; i++)
      if (net->states[k].value[i] != 0) return;
  for (int k = 0; k < net->state_count; k++) sq_host_free(ctx, net->states[k].value);
  sq_host_free(ctx, net->states);
  net->states = NULL;
  net->state_count = 0;
}
