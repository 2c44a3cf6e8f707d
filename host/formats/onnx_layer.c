/* onnx_layer.c - the weights of a recurrent node as the parameters of a layer of ours (onnx.h).
 *
 *   theirs                            ours, for each direction
 *   W [N, G H, I], R [N, G H, H]      weight_ih [G H, I], weight_hh [G H, H]: blocks in our order
 *   B [N, 2 G H] = Wb, then Rb        bias [G H] = Wb + Rb; where a GRU resets after the product, the
 *                                     candidate's Wb alone, and its Rb is bias_rec [H]
 *   P [N, 3 H] = i, o, f              peephole_i, peephole_f, peephole_o [H]
 *
 * A coupled LSTM (input_forget) has no forget gate of its own; that block is left out.
 */
#include <stdio.h>
#include <string.h>

#include "host/formats/onnx_layer.h"
#include "host/formats/onnx_state.h"
#include "host/formats/onnx_tensor.h"

enum { MOST_PARAMS = 6 };

/* What is being read: one node's tensors, and where they go. */
typedef struct layer {
  sq_onnx_graph *g;
  const sq_onnx_recurrent *r;
  int64_t index, H, I;
  sq_foreign_net *net;
  double *w, *rec, *b, *p; /* NULL: the node has none */
} layer;

/* ---------------------------------------------------------------- theirs */

/* Reads an input that must have these dimensions. */
static seqgpu_status read_input(const layer *l, int place, const char *what, const int64_t *dims, int rank,
                                double **out) {
  sq_onnx_tensor t;
  char wanted[96] = "";
  int fits = 1;
  (void)sq_onnx_constant(l->g, l->r->node, place, what, &t); /* it is one: onnx_node.c has looked */
  for (int i = 0; i < rank; i++) {
    const size_t used = strlen(wanted);
    snprintf(wanted + used, sizeof wanted - used, "%s%lld", i ? ", " : "", (long long)dims[i]);
    fits &= i < t.rank && t.dims[i] == dims[i];
  }
  if (!fits || t.rank != rank)
    return sq_onnx_fail(l->g, SEQGPU_EFORMAT, l->r->node, "%s does not have the dimensions [%s]", what,
                        wanted);
  return sq_onnx_numbers(l->g, l->r->node, &t, out);
}

static seqgpu_status read_inputs(layer *l) {
  const int64_t N = l->r->directions, G = l->r->op->gates, H = l->H;
  const int64_t w[3] = {N, G * H, l->I}, rec[3] = {N, G * H, H}, b[2] = {N, 2 * G * H}, p[2] = {N, 3 * H};
  SQ_TRY(read_input(l, ONNX_W, "W", w, 3, &l->w));
  SQ_TRY(read_input(l, ONNX_R, "R", rec, 3, &l->rec));
  if (sq_onnx_input(l->g, l->r->node, ONNX_B) != SQ_ONNX_ABSENT)
    SQ_TRY(read_input(l, ONNX_B, "B", b, 2, &l->b));
  if (l->r->desc.peephole) SQ_TRY(read_input(l, ONNX_P, "P", p, 2, &l->p));
  return SEQGPU_OK;
}

/* ---------------------------------------------------------------- ours */

/* A new parameter of the layer, zeros. */
static seqgpu_status add_param(const layer *l, const char *name, int direction, int64_t rows, int64_t cols,
                               double **out) {
  sq_foreign_tensor *t = &l->net->tensors[l->net->tensor_count];
  snprintf(t->name, sizeof t->name, "%s_l%lld%s", name, (long long)l->index, direction ? "_reverse" : "");
  t->rows = rows;
  t->cols = cols;
  t->value = *out = sq_host_alloc(l->g->ctx, (size_t)(rows * cols) * sizeof *t->value);
  if (t->value == NULL) return sq_fail(l->g->ctx, SEQGPU_ENOMEM, "%s: out of memory", l->g->path);
  l->net->tensor_count++;
  return SEQGPU_OK;
}

/* Block `ours` of our gates: which of theirs it is, and the activation that it is under; -1: we have no such
 * block. */
static int block_of(const layer *l, int ours, const sq_onnx_activation **a) {
  const sq_onnx_operator *op = l->r->op;
  if (l->r->desc.coupled && op->ours[ours] == 'f') return -1;
  *a = &l->r->functions[op->uses[ours] - '0'];
  return (int)(strchr(op->order, op->ours[ours]) - op->order);
}

/* Our blocks, one after the other: to [blocks H, cols] from theirs [G H, cols], scaled. */
static void copy_blocks(const layer *l, const double *from, int64_t cols, double *to) {
  const sq_onnx_activation *a;
  for (int j = 0; j < l->r->op->gates; j++) {
    const int block = block_of(l, j, &a);
    if (block < 0) continue;
    const double *begin = from + block * l->H * cols;
    for (int64_t i = 0; i < l->H * cols; i++) *to++ = a->scale * begin[i];
  }
}

/* rec: bias_rec, or NULL where both biases of the candidate are one. */
static void copy_bias(const layer *l, const double *b, double *to, double *rec) {
  const sq_onnx_activation *a;
  const int gates = l->r->op->gates;
  for (int j = 0; j < gates; j++) {
    const int block = block_of(l, j, &a), apart = rec != NULL && j == gates - 1;
    if (block < 0) continue;
    for (int64_t i = 0; i < l->H; i++) {
      const double input = b ? b[block * l->H + i] : 0, other = b ? b[(gates + block) * l->H + i] : 0;
      *to++ = a->scale * (apart ? input : input + other) + a->shift;
      if (apart) rec[i] = a->scale * other;
    }
  }
}

static seqgpu_status add_peepholes(const layer *l, int direction) {
  static const char *const names[3] = {"peephole_i", "peephole_f", "peephole_o"};
  static const int theirs[3] = {0, 2, 1};
  for (int k = 0; k < 3; k++) {
    double *to;
    if (k == 1 && l->r->desc.coupled) continue;
    SQ_TRY(add_param(l, names[k], direction, l->H, 1, &to));
    memcpy(to, l->p + (3 * direction + theirs[k]) * l->H, (size_t)l->H * sizeof *to);
  }
  return SEQGPU_OK;
}

static seqgpu_status add_direction(const layer *l, int direction) {
  const int64_t G = l->r->op->gates, H = l->H, rows = (G - l->r->desc.coupled) * H;
  double *weight_ih, *bias, *weight_hh, *rec = NULL;
  SQ_TRY(add_param(l, "weight_ih", direction, rows, l->I, &weight_ih));
  SQ_TRY(add_param(l, "bias", direction, rows, 1, &bias));
  SQ_TRY(add_param(l, "weight_hh", direction, rows, H, &weight_hh));
  if (l->r->desc.reset_after) SQ_TRY(add_param(l, "bias_rec", direction, H, 1, &rec));
  copy_blocks(l, l->w + direction * G * H * l->I, l->I, weight_ih);
  copy_blocks(l, l->rec + direction * G * H * H, H, weight_hh);
  copy_bias(l, l->b ? l->b + direction * 2 * G * H : NULL, bias, rec);
  return l->p ? add_peepholes(l, direction) : SEQGPU_OK;
}

/* ---------------------------------------------------------------- the whole */

static seqgpu_status make_params(const layer *l) {
  sq_foreign_net *net = l->net;
  if (net->tensors) return SEQGPU_OK;
  const int64_t count = net->desc.num_layers * l->r->directions * MOST_PARAMS;
  net->tensors = sq_host_alloc(l->g->ctx, (size_t)count * sizeof *net->tensors);
  return net->tensors ? SEQGPU_OK : sq_fail(l->g->ctx, SEQGPU_ENOMEM, "%s: out of memory", l->g->path);
}

static seqgpu_status fill(layer *l) {
  SQ_TRY(make_params(l));
  SQ_TRY(read_inputs(l));
  for (int direction = 0; direction < l->r->directions; direction++) SQ_TRY(add_direction(l, direction));
  return sq_onnx_states_read(l->g, l->r, l->index, l->net);
}

seqgpu_status sq_onnx_layer_read(sq_onnx_graph *g, const sq_onnx_recurrent *r, int64_t index,
                                 sq_foreign_net *net) {
  layer l = {.g = g, .r = r, .index = index, .H = r->desc.hidden_size, .I = r->desc.input_size, .net = net};
  const seqgpu_status status = fill(&l);
  sq_host_free(g->ctx, l.w);
  sq_host_free(g->ctx, l.rec);
  sq_host_free(g->ctx, l.b);
  sq_host_free(g->ctx, l.p);
  return status;
}
