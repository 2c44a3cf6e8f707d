/* onnx_pack.c - the parameters of a layer of ours as the weights of an ONNX node: onnx_layer.c the other way
 * round.
 *
 * Blocks that we do not have are zeros.  The forget gate of "lstm0", which is always 1, has a bias of 100 in
 * the file: sigmoid(100) is 1 in float32.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "host/formats/foreign.h"
#include "host/formats/onnx_pack.h"

static const double OPEN_GATE = 100;

/* One layer of a network on its way into a file. */
typedef struct packing {
  sq_pb_out *graph;
  const sq_foreign_net *net;
  const sq_onnx_operator *op;
  int64_t layer, H, I, N;
} packing;

static int is_cell(const packing *p, const char *cell) { return strcmp(p->net->desc.cell, cell) == 0; }

/* ---------------------------------------------------------------- ours */

/* A parameter of the layer by name; it must be there, and have this size. */
static seqgpu_status find(const packing *p, const char *name, int64_t direction, int64_t rows, int64_t cols,
                          const double **out) {
  char full[64];
  snprintf(full, sizeof full, "%s_l%lld%s", name, (long long)p->layer, direction ? "_reverse" : "");
  const sq_foreign_tensor *t = sq_foreign_find(p->net->tensors, p->net->tensor_count, full);
  *out = t ? t->value : NULL;
  if (t == NULL) return sq_fail(p->graph->ctx, SEQGPU_EINVAL, "net: has no parameter %s", full);
  if (t->rows == rows && t->cols == cols) return SEQGPU_OK;
  return sq_fail(p->graph->ctx, SEQGPU_EINVAL, "net: %s is [%lld,%lld]; it must be [%lld,%lld]", full,
                 (long long)t->rows, (long long)t->cols, (long long)rows, (long long)cols);
}

/* Which of our blocks is block `theirs` of the file; -1: we have none. */
static int64_t block_of(const packing *p, int theirs) {
  int64_t block = 0;
  const int closed = p->net->desc.coupled || is_cell(p, "lstm0");
  for (const char *c = p->op->ours;; c++) { /* every letter of theirs is one of ours */
    const int shut = *c == 'f' && closed;
    if (*c == p->op->order[theirs]) return shut ? -1 : block;
    block += !shut;
  }
}

static int64_t rows_of(const packing *p) {
  int64_t blocks = 0;
  for (int k = 0; k < p->op->gates; k++) blocks += block_of(p, k) >= 0;
  return blocks * p->H;
}

/* ---------------------------------------------------------------- theirs */

/* W or R: to [N, G H, cols], zeros where we have no block. */
static seqgpu_status pack_matrix(const packing *p, const char *name, int64_t cols, double *to) {
  for (int64_t d = 0; d < p->N; d++) {
    const double *from;
    SQ_TRY(find(p, name, d, rows_of(p), cols, &from));
    for (int k = 0; k < p->op->gates; k++, to += p->H * cols) {
      const int64_t block = block_of(p, k);
      if (block >= 0) memcpy(to, from + block * p->H * cols, (size_t)(p->H * cols) * sizeof *to);
    }
  }
  return SEQGPU_OK;
}

/* B: to [N, 2 G H].  Ours goes into Wb, and into Rb what stands inside the product with a GRU's
 * reset gate. */
static seqgpu_status pack_bias(const packing *p, double *to) {
  const int gates = p->op->gates;
  for (int64_t d = 0; d < p->N; d++, to += 2 * gates * p->H) {
    const double *bias, *rec = NULL;
    SQ_TRY(find(p, "bias", d, rows_of(p), 1, &bias));
    if (p->net->desc.reset_after) SQ_TRY(find(p, "bias_rec", d, p->H, 1, &rec));
    for (int k = 0; k < gates; k++) {
      const int64_t block = block_of(p, k);
      for (int64_t i = 0; i < p->H; i++)
        to[k * p->H + i] = block >= 0 ? bias[block * p->H + i] : is_cell(p, "lstm0") ? OPEN_GATE : 0;
    }
    if (rec) memcpy(to + (2 * gates - 1) * p->H, rec, (size_t)p->H * sizeof *to);
  }
  return SEQGPU_OK;
}

/* P: to [N, 3 H], gates i, o, f. */
static seqgpu_status pack_peepholes(const packing *p, double *to) {
  static const char *const names[3] = {"peephole_i", "peephole_o", "peephole_f"};
  for (int64_t d = 0; d < p->N; d++)
    for (int k = 0; k < 3; k++, to += p->H) {
      const double *from;
      if (k == 2 && rows_of(p) < p->op->gates * p->H) continue;
      SQ_TRY(find(p, names[k], d, p->H, 1, &from));
      memcpy(to, from, (size_t)p->H * sizeof *to);
    }
  return SEQGPU_OK;
}

/* ---------------------------------------------------------------- initialisers */

seqgpu_status sq_onnx_put_floats(sq_pb_out *graph, const char *name, const int64_t *dims, int rank,
                                 const double *values) {
  int64_t count = 1;
  const size_t tensor = sq_pb_begin(graph, GRAPH_INITIALIZER);
  for (int i = 0; i < rank; i++) {
    sq_pb_put_number(graph, TENSOR_DIMS, dims[i]);
    count *= dims[i];
  }
  sq_pb_put_number(graph, TENSOR_TYPE, ONNX_FLOAT);
  sq_pb_put_text(graph, TENSOR_NAME, name);
  const size_t raw = sq_pb_begin(graph, TENSOR_RAW);
  unsigned char *to = sq_pb_extend(graph, (size_t)count * sizeof(float));
  for (int64_t i = 0; to && i < count; i++) {
    const float narrow = (float)values[i];
    if (!isfinite(narrow))
      return sq_fail(graph->ctx, SEQGPU_EUNSUPPORTED,
                     "net: element %lld of %s is %g, which float32 cannot hold", (long long)i, name,
                     values[i]);
    memcpy(to + (size_t)i * sizeof narrow, &narrow, sizeof narrow);
  }
  sq_pb_end(graph, raw);
  sq_pb_end(graph, tensor);
  return SEQGPU_OK;
}

static seqgpu_status pack_input(const packing *p, double *to) {
  return pack_matrix(p, "weight_ih", p->I, to);
}
static seqgpu_status pack_state(const packing *p, double *to) {
  return pack_matrix(p, "weight_hh", p->H, to);
}

/* One initialiser, "W_l0", which `pack` fills; it is handed zeros. */
static seqgpu_status put(const packing *p, char letter, const int64_t *dims, int rank,
                         seqgpu_status (*pack)(const packing *, double *)) {
  int64_t count = 1;
  char name[32];
  snprintf(name, sizeof name, "%c_l%lld", letter, (long long)p->layer);
  for (int i = 0; i < rank; i++) count *= dims[i];
  double *values = sq_host_alloc(p->graph->ctx, (size_t)count * sizeof *values);
  if (values == NULL) return sq_fail(p->graph->ctx, SEQGPU_ENOMEM, "onnx: out of memory");
  seqgpu_status status = pack(p, values);
  if (status == SEQGPU_OK) status = sq_onnx_put_floats(p->graph, name, dims, rank, values);
  sq_host_free(p->graph->ctx, values);
  return status;
}

seqgpu_status sq_onnx_pack_layer(sq_pb_out *graph, const sq_foreign_net *net, const sq_onnx_operator *op,
                                 int64_t layer) {
  const seqgpu_rnn_desc *d = &net->desc;
  const int64_t G = op->gates, H = d->hidden_size, N = d->bidirectional ? 2 : 1;
  const int64_t below = d->merge == SEQGPU_MERGE_SUM ? H : N * H, I = layer == 0 ? d->input_size : below;
  const packing p = {.graph = graph, .net = net, .op = op, .layer = layer, .H = H, .I = I, .N = N};
  SQ_TRY(put(&p, 'W', (const int64_t[]){N, G * H, I}, 3, pack_input));
  SQ_TRY(put(&p, 'R', (const int64_t[]){N, G * H, H}, 3, pack_state));
  SQ_TRY(put(&p, 'B', (const int64_t[]){N, 2 * G * H}, 2, pack_bias));
  return d->peephole ? put(&p, 'P', (const int64_t[]){N, 3 * H}, 2, pack_peepholes) : SEQGPU_OK;
}
