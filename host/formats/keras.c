/* keras.c - recurrent layers of Keras, as named arrays in .npz or .safetensors.
 *
 *   LAYER/kernel [I, G H]   LAYER/recurrent_kernel [H, G H]
 *   LAYER/bias [G H], of a GRU with reset_after [2, G H]
 *
 * where LAYER may end with the name of a cell ("lstm/lstm_cell"), names may be joined by dots, and end with
 * ":0".  A layer is a network; a bidirectional one has .../forward_X/... and .../backward_X/....  (Keras's
 * own HDF5 files: the Python package has a converter.)  Layers CuDNNLSTM and CuDNNGRU have a bias [2 G H] and
 * other orders.  G tells the cell, the rank of a GRU's bias its form; without biases it is taken to reset
 * after the product, which is what Keras does unless told otherwise.  Activations are not in the file: they
 * are Keras's own choice, tanh and sigmoid; of an RNN the caller may set desc.activation.
 */
#include <stdio.h>
#include <string.h>

#include "host/formats/arrays.h"
#include "host/formats/foreign.h"
#include "host/formats/keras_orders.h"
#include "seqgpu/npy.h"

/* BESIDE: as many arrays as a layer may have before its recurrent kernel. */
enum { NAME = 512, BESIDE = 64 };
static const char mark[] = "recurrent_kernel", ahead[] = "forward_", back[] = "backward_";

static int recognises(const unsigned char *head, size_t size, const char *path) {
  (void)path;
  return sq_arrays_recognise(head, size) && sq_head_contains(head, size, mark);
}

/* ---------------------------------------------------------------- names */

static int is_joint(char c) { return c == '/' || c == '.'; }

/* Where "recurrent_kernel" stands in a name as its last part, or NULL. */
static const char *find_mark(const char *name) {
  const char *at = strstr(name, mark);
  for (const char *next = at; next; next = strstr(next + 1, mark)) at = next;
  if (at == NULL || (at > name && !is_joint(at[-1])) || strlen(name) >= NAME) return NULL;
  const char *rest = at + sizeof mark - 1;
  return *rest == 0 || strcmp(rest, ":0") == 0 ? at : NULL;
}

/* The array that stands beside a recurrent kernel. */
static sq_array *find_beside(const sq_arrays *a, const char *recurrent, const char *kind) {
  char name[NAME];
  const char *at = find_mark(recurrent);
  snprintf(name, sizeof name, "%.*s%s%s", (int)(at - recurrent), recurrent, kind, at + sizeof mark - 1);
  return sq_arrays_find(a, name);
}

/* The recurrent kernel of the other direction: the same up to "forward_", and the same layer behind it. */
static sq_array *find_backward(const sq_arrays *a, const char *forward) {
  const char *at = strstr(forward, ahead);
  if (at == NULL) return NULL;
  char start[NAME + sizeof back]; /* a kernel's name is shorter than NAME */
  const char *name = at + sizeof ahead - 1;
  snprintf(start, sizeof start, "%.*s%s%.*s", (int)(at - forward), forward, back,
           (int)strcspn(name, "/.") + 1, name);
  sq_array *other = sq_arrays_first(a, start);
  for (int i = 0; other && i < BESIDE; i++, other = sq_arrays_next(a, other, start))
    if (find_mark(other->name)) return other;
  return NULL;
}

/* What a network is called: the name of its layer, without the cell's and without "forward_". */
static void layer_name(const char *recurrent, int two, char out[NAME]) {
  const char *end = find_mark(recurrent);
  const char *forward = two ? strstr(recurrent, ahead) : NULL;
  if (forward && forward > recurrent) end = forward;
  snprintf(out, NAME, "%.*s", (int)(end - recurrent), recurrent);
  size_t length = strlen(out);
  if (length > 0 && is_joint(out[length - 1])) out[--length] = 0;
  for (size_t i = length; i-- > 1;) { /* "lstm/lstm_cell", and "rnn_1/rnn_1" of older versions */
    if (!is_joint(out[i])) continue;
    const char *last = out + i + 1;
    const size_t first = strlen(last);
    const int twice = i >= first && strncmp(out + i - first, last, first) == 0 &&
                      (i == first || is_joint(out[i - first - 1]));
    if (strstr(last, "cell") || twice) out[i] = 0;
    break;
  }
}

/* ---------------------------------------------------------------- reading */

/* The arrays of one direction. */
typedef struct arrays_of {
  sq_array *kernel, *recurrent, *bias;
} arrays_of;

static arrays_of around(const sq_arrays *a, sq_array *recurrent) {
  return (arrays_of){find_beside(a, recurrent->name, "kernel"), recurrent,
                     find_beside(a, recurrent->name, "bias")};
}

/* A layer that was made for cuDNN alone: its bias is two, one behind the other. */
static int is_cudnn(const arrays_of *d) {
  return d->bias && d->bias->rank == 1 && d->bias->shape[0] == 2 * d->kernel->shape[1];
}

/* The descriptor by the shapes; 0 where they are of no layer that we have. */
static int derive(const arrays_of *d, seqgpu_rnn_desc *desc) {
  const sq_array *k = d->kernel, *r = d->recurrent, *b = d->bias;
  if (k == NULL || k->rank != 2 || r->rank != 2 || r->shape[0] < 1 || r->shape[1] % r->shape[0] != 0)
    return 0;
  const int64_t H = r->shape[0], GH = r->shape[1];
  const char *cell = sq_keras_cell(GH / H);
  if (cell == NULL || k->shape[1] != GH) return 0;
  const int gru = GH / H == 3, rnn = GH == H, cudnn = is_cudnn(d) && !rnn;
  const int twice = b && b->rank == 2 && b->shape[0] == 2 && b->shape[1] == GH && gru;
  const int once = b && b->rank == 1 && b->shape[0] == GH;
  if (b && !once && !twice && !cudnn) return 0;
  *desc = (seqgpu_rnn_desc){.cell = cell, .input_size = k->shape[0], .hidden_size = H, .num_layers = 1};
  desc->reset_after = gru && !once;
  return 1;
}

/* Into the orders of other layers: kernels turned, and of an LSTM the sum of its biases.  spare is as large
 * as the larger kernel. */
static void from_cudnn(const seqgpu_rnn_desc *d, double *kernel, double *recurrent, double *bias,
                       double *spare) {
  const int64_t gates = sq_keras_gates(d->cell), H = d->hidden_size, I = d->input_size, GH = gates * H;
  memcpy(spare, kernel, (size_t)(I * GH) * sizeof *spare);
  sq_keras_from_cudnn(gates, H, I, spare, kernel);
  memcpy(spare, recurrent, (size_t)(H * GH) * sizeof *spare);
  sq_keras_from_cudnn(gates, H, H, spare, recurrent);
  for (int64_t i = 0; gates == 4 && i < GH; i++) bias[i] += bias[GH + i];
}

static seqgpu_status take_direction(const sq_arrays *a, const arrays_of *d, sq_foreign_net *net,
                                    int direction) {
  const int64_t kernel = d->kernel->elements, recurrent = d->recurrent->elements;
  const int64_t biases = d->bias ? d->bias->elements : 0, spare = kernel > recurrent ? kernel : recurrent;
  double *room = sq_host_alloc(a->ctx, (size_t)(kernel + recurrent + biases + spare) * sizeof *room);
  if (room == NULL) return sq_fail(a->ctx, SEQGPU_ENOMEM, "%s: out of memory", a->path);
  double *const bias = d->bias ? room + kernel + recurrent : NULL;
  seqgpu_status status = sq_arrays_take(a, d->kernel, room);
  if (status == SEQGPU_OK) status = sq_arrays_take(a, d->recurrent, room + kernel);
  if (status == SEQGPU_OK && bias) status = sq_arrays_take(a, d->bias, bias);
  if (status == SEQGPU_OK && is_cudnn(d))
    from_cudnn(&net->desc, room, room + kernel, bias, room + kernel + recurrent + biases);
  if (status == SEQGPU_OK) sq_keras_take(net, 0, direction, room, room + kernel, bias);
  sq_host_free(a->ctx, room);
  return status;
}

static int same_shapes(const seqgpu_rnn_desc *x, const seqgpu_rnn_desc *y) {
  return strcmp(x->cell, y->cell) == 0 && x->input_size == y->input_size &&
         x->hidden_size == y->hidden_size && x->reset_after == y->reset_after;
}

static seqgpu_status take_layer(const sq_arrays *a, sq_array *recurrent, sq_foreign *out) {
  char name[NAME];
  seqgpu_rnn_desc desc, other_desc;
  sq_foreign_net *net;
  const arrays_of first = around(a, recurrent);
  if (!derive(&first, &desc)) return SEQGPU_OK; /* is named as left */
  sq_array *other = find_backward(a, recurrent->name);
  const arrays_of second = other ? around(a, other) : first;
  desc.bidirectional = other && derive(&second, &other_desc) && same_shapes(&desc, &other_desc);
  layer_name(recurrent->name, desc.bidirectional, name);
  SQ_TRY(sq_foreign_add(a->ctx, out, a->path, name, &desc, &net));
  SQ_TRY(take_direction(a, &first, net, 0));
  return desc.bidirectional ? take_direction(a, &second, net, 1) : SEQGPU_OK;
}

/* Backward layers come with their forward ones; what is alone is a network of its own. */
static seqgpu_status read_networks(const sq_arrays *a, sq_foreign *out) {
  for (int late = 0; late < 2; late++)
    for (int i = 0; i < a->count; i++) {
      sq_array *array = &a->list[i];
      const int is_back = strstr(array->name, back) != NULL;
      if (find_mark(array->name) && !array->taken && is_back == late) SQ_TRY(take_layer(a, array, out));
    }
  return sq_arrays_leave_rest(a, out);
}

static seqgpu_status read(seqgpu_context *ctx, const char *path, sq_foreign *out) {
  return sq_arrays_read(ctx, path, read_networks, out);
}

/* ---------------------------------------------------------------- writing */

/* kernel, recurrent_kernel and bias of a layer and direction. */
enum { KINDS = 3 };
static const char *const kinds[KINDS] = {"kernel", "recurrent_kernel", "bias"};

typedef struct output {
  seqgpu_npy_array *arrays;
  char (*names)[256];
  int count;
} output;

static seqgpu_status give(seqgpu_context *ctx, const sq_foreign_net *net, int layer, int direction,
                          output *o) {
  const seqgpu_rnn_desc *d = &net->desc;
  const int64_t H = d->hidden_size, GH = sq_keras_gates(d->cell) * H, I = sq_keras_input(d, layer);
  const int64_t rows[KINDS] = {I, H, sq_keras_biases(d) / GH};
  double *values[KINDS];
  char place[200];
  int used = snprintf(place, sizeof place, "%.100s", net->name[0] ? net->name : d->cell);
  if (d->num_layers > 1) used += snprintf(place + used, sizeof place - (size_t)used, "_l%d", layer);
  if (d->bidirectional)
    snprintf(place + used, sizeof place - (size_t)used, "/%s%s", direction ? back : ahead, d->cell);
  for (int k = 0; k < KINDS; k++) {
    values[k] = sq_host_alloc(ctx, (size_t)(rows[k] * GH) * sizeof(double));
    snprintf(o->names[o->count], sizeof o->names[0], "%s/%s", place, kinds[k]);
    o->arrays[o->count] =
        (seqgpu_npy_array){.name = o->names[o->count], .dtype = SEQGPU_DTYPE_F64, .rank = 2};
    o->arrays[o->count].shape[0] = rows[k];
    o->arrays[o->count].shape[1] = GH;
    o->arrays[o->count++].values = values[k];
  }
  if (rows[2] == 1) { /* a vector */
    o->arrays[o->count - 1].rank = 1;
    o->arrays[o->count - 1].shape[0] = GH;
  }
  for (int k = 0; k < KINDS; k++)
    if (values[k] == NULL) return sq_fail(ctx, SEQGPU_ENOMEM, "export: out of memory");
  sq_keras_give(net, layer, direction, values[0], values[1], values[2]);
  return SEQGPU_OK;
}

static seqgpu_status write_all(seqgpu_context *ctx, const char *path, const sq_foreign_net *net, output *o) {
  const int directions = net->desc.bidirectional ? 2 : 1;
  for (int layer = 0; layer < net->desc.num_layers; layer++)
    for (int direction = 0; direction < directions; direction++) SQ_TRY(give(ctx, net, layer, direction, o));
  return seqgpu_npy_write(ctx, path, o->arrays, o->count);
}

static seqgpu_status write(seqgpu_context *ctx, const char *path, const sq_foreign_net *net) {
  const char *why = sq_keras_unfit(&net->desc);
  const size_t length = strlen(path);
  if (why) return sq_fail(ctx, SEQGPU_EUNSUPPORTED, "export: cell \"%s\": %s", net->desc.cell, why);
  if (length < 4 || strcmp(path + length - 4, ".npz") != 0)
    return sq_fail(ctx, SEQGPU_EINVAL, "export: path is \"%.200s\"; Keras's arrays are written as .npz",
                   path);
  output o = {.count = 0};
  const size_t room = (size_t)net->tensor_count * KINDS; /* a layer and direction has at least one tensor */
  o.arrays = sq_host_alloc(ctx, room * sizeof *o.arrays);
  o.names = sq_host_alloc(ctx, room * sizeof *o.names);
  const seqgpu_status status = o.arrays && o.names ? write_all(ctx, path, net, &o)
                                                   : sq_fail(ctx, SEQGPU_ENOMEM, "export: out of memory");
  for (int i = 0; i < o.count; i++) sq_host_free(ctx, (void *)o.arrays[i].values);
  sq_host_free(ctx, o.arrays);
  sq_host_free(ctx, o.names);
  return status;
}

const sq_format sq_format_keras = {
    .name = "keras",
    .about = "layers of Keras as arrays: SimpleRNN, LSTM, GRU (.npz, .safetensors)",
    .recognises = recognises,
    .read = read,
    .write = write,
};
