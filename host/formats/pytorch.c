/* pytorch.c - recurrent layers in state dicts of PyTorch, as .safetensors or .npz.
 *
 *   PREFIX.weight_ih_l0 [G H, I]   PREFIX.weight_hh_l0 [G H, H]   PREFIX.bias_ih_l0, PREFIX.bias_hh_l0 [G H]
 *   ..._l1 and so on for the layers above, ..._reverse for the second direction; with proj_size P also
 *   PREFIX.weight_hr_l0 [P, H], and weight_hh is [4 H, P] then
 *
 * G tells the cell: 1 RNN, 3 GRU, 4 LSTM, whose gates are in our order.  bias=False leaves out the biases.
 * An RNN's nonlinearity is not in the file: the caller knows it and sets desc.activation (tanh where he does
 * not).
 */
#include <stdio.h>
#include <string.h>

#include "host/checkpoint/safetensors_write.h"
#include "host/formats/foreign.h"
#include "host/formats/names.h"

enum { NAME = 512, PREFIX = 400 };
static const char first_weight[] = "weight_ih_l0";

static int recognises(const unsigned char *head, size_t size, const char *path) {
  (void)path;
  return sq_arrays_recognise(head, size);
}

/* ---------------------------------------------------------------- reading */

static const sq_array *find(const sq_arrays *a, const char *prefix, const char *kind, int layer,
                            const char *end) {
  char name[NAME];
  snprintf(name, sizeof name, "%.400s%s_l%d%s", prefix, kind, layer, end);
  return sq_arrays_find(a, name);
}

/* The descriptor by the shapes of the first layer, whose weight_ih is given; 0 where they are none of
 * PyTorch's. */
static int derive(const sq_arrays *a, const sq_array *ih, const char *prefix, seqgpu_rnn_desc *desc) {
  const sq_array *hh = find(a, prefix, "weight_hh", 0, ""), *hr = find(a, prefix, "weight_hr", 0, "");
  if (hh == NULL || ih->rank != 2 || hh->rank != 2 || (hr && hr->rank != 2)) return 0;
  const int64_t hidden = hr ? hr->shape[1] : hh->shape[1];
  if (hidden < 1 || ih->shape[0] % hidden != 0) return 0;
  const int64_t gates = ih->shape[0] / hidden;
  if (gates != 1 && gates != 3 && gates != 4) return 0;
  *desc = (seqgpu_rnn_desc){.cell = gates == 1   ? "rnn"
                                    : gates == 3 ? "gru"
                                                 : "lstm",
                            .input_size = ih->shape[1],
                            .hidden_size = hidden,
                            .num_layers = 1,
                            .projection_size = hr ? hr->shape[0] : 0,
                            .reset_after = gates == 3,
                            .bidirectional = find(a, prefix, "weight_ih", 0, "_reverse") != NULL};
  while (find(a, prefix, "weight_ih", (int)desc->num_layers, "")) desc->num_layers++;
  return 1;
}

/* "encoder.lstm.weight_ih_l0": the prefix "encoder.lstm." and the name "encoder.lstm". */
static int split(const char *array, char prefix[NAME], char name[NAME]) {
  const size_t length = strlen(array), tail = sizeof first_weight - 1;
  if (length < tail || length - tail >= PREFIX || strcmp(array + length - tail, first_weight) != 0) return 0;
  snprintf(prefix, NAME, "%.*s", (int)(length - tail), array);
  snprintf(name, NAME, "%s", prefix);
  if (length > tail && strchr("./_", name[length - tail - 1])) name[length - tail - 1] = 0;
  return 1;
}

static seqgpu_status read_networks(const sq_arrays *a, sq_foreign *out) {
  char prefix[NAME], name[NAME];
  seqgpu_rnn_desc desc;
  sq_foreign_net *net;
  for (int i = 0; i < a->count; i++)
    if (split(a->list[i].name, prefix, name) && derive(a, &a->list[i], prefix, &desc))
      SQ_TRY(sq_names_take(a, prefix, name, &desc, 1, out, &net));
  return sq_arrays_leave_rest(a, out);
}

static seqgpu_status read(seqgpu_context *ctx, const char *path, sq_foreign *out) {
  return sq_arrays_read(ctx, path, read_networks, out);
}

/* ---------------------------------------------------------------- writing */

/* Each of our biases is two of the file's: ours, and zeros or the candidate's. */
typedef struct entry {
  char name[NAME];
  const sq_foreign_tensor *tensor, *rec;
  int is_hh;
} entry;

typedef struct output {
  const sq_foreign_net *net;
  entry *entries;
  sq_st_tensor *tensors;
  int count;
  sq_st_dtype dtype; /* the context's */
} output;

static const char *unfit(const seqgpu_rnn_desc *d) {
  const int rnn = strcmp(d->cell, "rnn") == 0, lstm = strcmp(d->cell, "lstm") == 0,
            gru = strcmp(d->cell, "gru") == 0;
  if (!rnn && !lstm && !gru) return "PyTorch has no such cell";
  if (rnn && d->activation != SEQGPU_ACTIVATION_TANH && d->activation != SEQGPU_ACTIVATION_RELU)
    return "PyTorch's RNN has the activations tanh and relu";
  if (lstm && (d->peephole || d->coupled)) return "PyTorch's LSTM has no peepholes and no coupled gates";
  if (gru && !d->reset_after) return "PyTorch's GRU resets after the product (reset_after)";
  if (d->reverse) return "PyTorch's networks do not run backwards alone (reverse)";
  if (d->bidirectional && d->merge != SEQGPU_MERGE_CONCAT)
    return "PyTorch puts the two directions side by side (merge concat)";
  return NULL;
}

static entry *add_entry(output *o, const sq_foreign_tensor *t, const char *before, const char *after) {
  entry *e = &o->entries[o->count];
  sq_st_tensor *file = &o->tensors[o->count++];
  const char *name = o->net->name;
  *e = (entry){.tensor = t};
  snprintf(e->name, sizeof e->name, "%s%s%s%s", name, name[0] ? "." : "", before, after);
  *file = (sq_st_tensor){.name = e->name, .dtype = o->dtype, .elements = t->rows * t->cols};
  file->shape[file->rank++] = t->rows;
  if (strncmp(t->name, "weight", 6) == 0) file->shape[file->rank++] = t->cols;
  return e;
}

static void list_entries(output *o) {
  const sq_foreign_net *net = o->net;
  for (int i = 0; i < net->tensor_count; i++) {
    const sq_foreign_tensor *t = &net->tensors[i];
    const char *suffix = strstr(t->name, "_l");
    if (strncmp(t->name, "bias_rec", 8) == 0) continue;
    if (strncmp(t->name, "bias", 4) != 0) {
      add_entry(o, t, t->name, "");
      continue;
    }
    char rec[64];
    snprintf(rec, sizeof rec, "bias_rec%s", suffix);
    add_entry(o, t, "bias_ih", suffix);
    entry *hh = add_entry(o, t, "bias_hh", suffix);
    hh->is_hh = 1;
    hh->rec = sq_foreign_find(net->tensors, net->tensor_count, rec);
  }
}

/* Element i of an entry. */
static double element(const entry *e, int64_t i) {
  if (!e->is_hh) return e->tensor->value[i];
  const int64_t recurrent = e->rec ? i - (e->tensor->rows - e->rec->rows) : -1;
  return recurrent < 0 ? 0 : e->rec->value[recurrent];
}

static seqgpu_status fetch(void *user, int index, void *host) {
  const output *o = user;
  const sq_st_tensor *file = &o->tensors[index];
  for (int64_t i = 0; i < file->elements; i++) {
    const double value = element(&o->entries[index], i);
    if (file->dtype == SQ_ST_F32)
      ((float *)host)[i] = (float)value;
    else
      ((double *)host)[i] = value;
  }
  return SEQGPU_OK;
}

static seqgpu_status write(seqgpu_context *ctx, const char *path, const sq_foreign_net *net) {
  const char *why = unfit(&net->desc);
  if (why) return sq_fail(ctx, SEQGPU_EUNSUPPORTED, "export: cell \"%s\": %s", net->desc.cell, why);
  output o = {.net = net, .dtype = ctx->dtype == SEQGPU_DTYPE_F64 ? SQ_ST_F64 : SQ_ST_F32};
  const size_t room = 2 * (size_t)net->tensor_count;
  const seqgpu_meta meta = {"format", "pt"};
  o.entries = sq_host_alloc(ctx, room * sizeof *o.entries);
  o.tensors = sq_host_alloc(ctx, room * sizeof *o.tensors);
  seqgpu_status status = SEQGPU_ENOMEM;
  if (o.entries && o.tensors) {
    list_entries(&o);
    status = sq_st_write(ctx, path, o.tensors, o.count, &meta, 1, fetch, &o);
  } else {
    sq_fail(ctx, status, "%s: out of memory", path);
  }
  sq_host_free(ctx, o.entries);
  sq_host_free(ctx, o.tensors);
  return status;
}

const sq_format sq_format_pytorch = {
    .name = "pytorch",
    .about = "state dicts of PyTorch: RNN, LSTM, GRU (.safetensors, .npz)",
    .recognises = recognises,
    .read = read,
    .write = write,
};
