/* seqgpu.c - our own checkpoints as a format: weights with a description of the network they belong to.
 *
 * Metadata "network.PREFIX" describes the network whose tensors are PREFIX.weight_ih_l0 and so on
 * (describe.c), and beside it stand, where it has them,
 *   PREFIX.head.weight [O, Y], PREFIX.head.bias [O]   a linear read-out of y
 *   PREFIX.initial.h [L N, W], ...                    the states that a run begins with
 * Checkpoints of the program's training commands describe their network, "rnn", by the options of the command
 * line.
 */
#include <stdio.h>
#include <string.h>

#include "host/formats/describe.h"
#include "host/formats/foreign.h"
#include "host/formats/names.h"
#include "host/formats/transfer.h"

enum { NAME = 512, DESCRIPTION = 512 };
static const char key_start[] = "network.";

static int recognises(const unsigned char *head, size_t size, const char *path) {
  (void)path;
  if (size < 9 || head[7] != 0 || head[8] != '{') return 0;
  return sq_head_contains(head, size, "\"network.") || sq_head_contains(head, size, "\"format\":\"seqgpu ");
}

/* ---------------------------------------------------------------- reading */

static seqgpu_status take_head(const sq_arrays *a, const char *prefix, sq_foreign_net *net) {
  char weight_name[NAME], bias_name[NAME];
  double *weight_value, *bias_value;
  snprintf(weight_name, NAME, "%.400shead.weight", prefix);
  snprintf(bias_name, NAME, "%.400shead.bias", prefix);
  sq_array *weight = sq_arrays_find(a, weight_name), *bias = sq_arrays_find(a, bias_name);
  if (weight == NULL || bias == NULL || weight->rank != 2) return SEQGPU_OK;
  SQ_TRY(sq_arrays_fit(a, bias, bias_name, weight->shape[0], 1));
  SQ_TRY(sq_foreign_add_head(a->ctx, net, weight->shape[0], weight->shape[1], &weight_value, &bias_value));
  SQ_TRY(sq_arrays_take(a, weight, weight_value));
  return sq_arrays_take(a, bias, bias_value);
}

static seqgpu_status take_states(const sq_arrays *a, const char *prefix, sq_foreign_net *net) {
  char name[NAME];
  double *value;
  snprintf(name, sizeof name, "%.400sinitial.", prefix);
  for (sq_array *array = sq_arrays_first(a, name); array; array = sq_arrays_next(a, array, name)) {
    if (array->rank != 2) continue;
    SQ_TRY(sq_foreign_add_state(a->ctx, net, array->name + strlen(name), array->shape[0], array->shape[1],
                                &value));
    SQ_TRY(sq_arrays_take(a, array, value));
  }
  return SEQGPU_OK;
}

static seqgpu_status take_network(const sq_arrays *a, const char *name, const seqgpu_rnn_desc *desc,
                                  sq_foreign *out) {
  char prefix[NAME];
  sq_foreign_net *net;
  if (strlen(name) >= sizeof net->name)
    return sq_fail(a->ctx, SEQGPU_EFORMAT,
                   "%s: its metadata describe \"%.60s...\", whose name has %zu bytes; "
                   "a network's has at most %zu",
                   a->path, name, strlen(name), sizeof net->name - 1);
  snprintf(prefix, sizeof prefix, "%.128s%s", name, name[0] ? "." : "");
  SQ_TRY(sq_names_take(a, prefix, name, desc, 0, out, &net));
  SQ_TRY(take_head(a, prefix, net));
  return take_states(a, prefix, net);
}

static seqgpu_status take_described(const sq_arrays *a, sq_foreign *out) {
  seqgpu_meta meta;
  seqgpu_rnn_desc desc;
  const int count = seqgpu_checkpoint_meta_count(a->checkpoint);
  for (int i = 0; i < count; i++) {
    (void)seqgpu_checkpoint_meta_get(a->checkpoint, i, &meta); /* there are as many */
    if (strncmp(meta.key, key_start, strlen(key_start)) != 0) continue;
    SQ_TRY(sq_describe_read(a->ctx, a->path, meta.value, &desc));
    SQ_TRY(take_network(a, meta.key + strlen(key_start), &desc, out));
  }
  return SEQGPU_OK;
}

/* A checkpoint of `seqgpu train`. */
static seqgpu_status take_trained(const sq_arrays *a, sq_foreign *out) {
  seqgpu_rnn_desc desc;
  const sq_array *first = sq_arrays_find(a, "rnn.weight_ih_l0");
  SQ_TRY(sq_describe_read_config(a->ctx, a->path, a->checkpoint, &desc));
  if (first && first->rank == 2) desc.input_size = first->shape[1];
  return take_network(a, "rnn", &desc, out);
}

static seqgpu_status read_networks(const sq_arrays *a, sq_foreign *out) {
  if (a->checkpoint == NULL)
    return sq_fail(a->ctx, SEQGPU_EFORMAT, "%s: is not a .safetensors file", a->path);
  SQ_TRY(take_described(a, out));
  if (out->net_count == 0) SQ_TRY(take_trained(a, out));
  return sq_arrays_leave_rest(a, out);
}

static seqgpu_status read(seqgpu_context *ctx, const char *path, sq_foreign *out) {
  return sq_arrays_read(ctx, path, read_networks, out);
}

/* ---------------------------------------------------------------- writing */

static seqgpu_status write(seqgpu_context *ctx, const char *path, const sq_foreign_net *net) {
  seqgpu_params *params;
  char key[NAME], text[DESCRIPTION];
  const seqgpu_meta meta = {key, text};
  snprintf(key, sizeof key, "%s%s", key_start, net->name);
  SQ_TRY(sq_describe(ctx, &net->desc, text, sizeof text)); /* GCOVR_EXCL_BR_LINE: there is room for any */
  SQ_TRY(seqgpu_params_create(ctx, 0, &params));
  seqgpu_status status = sq_transfer_add(params, net->name, net);
  if (status == SEQGPU_OK) status = sq_transfer_load(params, net->name, net);
  if (status == SEQGPU_OK) status = seqgpu_checkpoint_save_weights(params, path, &meta, 1);
  seqgpu_params_destroy(params);
  return status;
}

const sq_format sq_format_seqgpu = {
    .name = "seqgpu",
    .about = "checkpoints of libseqgpu that describe their networks (.safetensors)",
    .recognises = recognises,
    .read = read,
    .write = write,
};
