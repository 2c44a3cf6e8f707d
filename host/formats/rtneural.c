/* rtneural.c - models of RTNeural (.json), and of AIDA-X (.aidax), whose files have a few keys more.
 *
 *   {"in_shape": [null, null, I], "layers": [
 *     {"type": "lstm", "shape": [null, null, H], "weights": [kernel [I][4H], recurrent [H][4H], bias [4H]]},
 *     {"type": "gru",  "shape": [null, null, H], "weights": [kernel [I][3H], recurrent [H][3H], bias [2][3H]]},
 *     {"type": "dense", "activation": "", "shape": [null, null, O], "weights": [kernel [H][O], bias [O]]}]}
 *
 * Orders are Keras's; a GRU resets after the product.  Recurrent layers of one type and size that follow one
 * another are one network.  A dense layer without an activation right behind it is its read-out; other layers
 * are left, and so are the gains and the skip connection of AIDA-X.
 */
#include <stdio.h>
#include <string.h>

#include "host/files/replace.h"
#include "host/formats/foreign.h"
#include "host/formats/json.h"
#include "host/formats/keras_orders.h"

static int recognises(const unsigned char *head, size_t size, const char *path) {
  (void)path;
  size_t at = 0;
  while (at < size && (head[at] == ' ' || head[at] == '\n' || head[at] == '\t' || head[at] == '\r')) at++;
  if (at == size || head[at] != '{' || !sq_head_contains(head, size, "\"layers\"")) return 0;
  return sq_head_contains(head, size, "\"in_shape\"") || sq_head_contains(head, size, "\"weights\"");
}

#ifdef SEQGPU_CJSON

enum { MOST_UNITS = 1 << 16 };

typedef struct reading {
  seqgpu_context *ctx;
  const char *path;
  sq_foreign *out;
  double *room;  /* numbers of one layer */
  int64_t width; /* of what the next layer takes */
  int index;     /* of the layer that is read, for sentences and names */
} reading;

static seqgpu_status bad(const reading *r, const char *why) {
  return sq_fail(r->ctx, SEQGPU_EFORMAT, "%s: layer %d %s", r->path, r->index, why);
}

/* The last number of "shape": [null, null, H]; -1 if there is none. */
static int64_t last_of(const cJSON *shape) {
  const cJSON *last = cJSON_IsArray(shape) ? cJSON_GetArrayItem(shape, cJSON_GetArraySize(shape) - 1) : NULL;
  if (last == NULL || !cJSON_IsNumber(last) || !(last->valuedouble >= 1 && last->valuedouble <= MOST_UNITS))
    return -1;
  return (int64_t)last->valuedouble;
}

static const char *type_of(const cJSON *layer) {
  const char *type = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(layer, "type"));
  return type ? type : "";
}

static int64_t size_of(const cJSON *layer) {
  return last_of(cJSON_GetObjectItemCaseSensitive(layer, "shape"));
}

static const cJSON *weight_of(const cJSON *layer, int index) {
  return cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(layer, "weights"), index);
}

static int is_recurrent(const cJSON *layer) {
  return strcmp(type_of(layer), "lstm") == 0 || strcmp(type_of(layer), "gru") == 0;
}

/* How many layers from this one on are one network: of one type and size. */
static int count_alike(const cJSON *first) {
  int count = 1;
  for (const cJSON *l = first->next; l; l = l->next, count++)
    if (strcmp(type_of(l), type_of(first)) != 0 || size_of(l) != size_of(first)) break;
  return count;
}

/* ---------------------------------------------------------------- layers */

static double *room_for(reading *r, int64_t numbers) {
  sq_host_free(r->ctx, r->room);
  return r->room = sq_host_alloc(r->ctx, (size_t)numbers * sizeof *r->room);
}

/* Before memory is asked for: the list of weights has as many rows as the sizes say. */
static int has_rows(const cJSON *layer, int index, int64_t rows) {
  const cJSON *list = weight_of(layer, index);
  return cJSON_IsArray(list) && cJSON_GetArraySize(list) == rows;
}

static seqgpu_status read_recurrent(reading *r, const cJSON *layer, const sq_foreign_net *net, int l) {
  const seqgpu_rnn_desc *d = &net->desc;
  const int64_t H = d->hidden_size, GH = sq_keras_gates(d->cell) * H, I = sq_keras_input(d, l);
  double *kernel = room_for(r, (I + H + 2) * GH);
  if (kernel == NULL) return sq_fail(r->ctx, SEQGPU_ENOMEM, "%s: out of memory", r->path);
  double *recurrent = kernel + I * GH, *bias = recurrent + H * GH;
  const cJSON *list = weight_of(layer, 2);
  if (!sq_json_matrix(weight_of(layer, 0), I, GH, kernel) ||
      !sq_json_matrix(weight_of(layer, 1), H, GH, recurrent) ||
      !(d->reset_after ? sq_json_matrix(list, 2, GH, bias) : sq_json_numbers(list, GH, bias)))
    return bad(r, "has weights that are not of its shape");
  sq_keras_take(net, l, 0, kernel, recurrent, bias);
  return SEQGPU_OK;
}

/* Each row of a list of weights, which is there, has so many numbers. */
static int has_cols(const cJSON *layer, int index, int64_t cols) {
  for (const cJSON *row = weight_of(layer, index)->child; row; row = row->next)
    if (!cJSON_IsArray(row) || cJSON_GetArraySize(row) != cols) return 0;
  return 1;
}

static int sizes_fit(const cJSON *layer, int64_t I, int64_t H, int64_t gates) {
  return has_rows(layer, 0, I) && has_cols(layer, 0, gates * H) && has_rows(layer, 1, H) &&
         has_cols(layer, 1, gates * H);
}

static seqgpu_status read_network(reading *r, const cJSON *first, int layers, sq_foreign_net **net) {
  const int gru = strcmp(type_of(first), "gru") == 0;
  const int64_t H = size_of(first);
  char name[32];
  const seqgpu_rnn_desc desc = {.cell = gru ? "gru" : "lstm",
                                .input_size = r->width,
                                .hidden_size = H,
                                .num_layers = layers,
                                .reset_after = gru};
  const cJSON *layer = first;
  if (H < 0) return bad(r, "has no size");
  for (int l = 0; l < layers; l++, layer = layer->next)
    if (!sizes_fit(layer, l ? H : r->width, H, gru ? 3 : 4))
      return bad(r, "has weights that are not of its shape");
  snprintf(name, sizeof name, "%s_%d", type_of(first), r->index);
  SQ_TRY(sq_foreign_add(r->ctx, r->out, r->path, name, &desc, net));
  layer = first;
  for (int l = 0; l < layers; l++, layer = layer->next, r->index++) SQ_TRY(read_recurrent(r, layer, *net, l));
  r->width = H;
  return SEQGPU_OK;
}

/* A dense layer as the read-out of the network before it; 0 where it is none. */
static int is_head(const reading *r, const cJSON *layer) {
  const char *activation = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(layer, "activation"));
  const int dense =
      strcmp(type_of(layer), "dense") == 0 || strcmp(type_of(layer), "time-distributed-dense") == 0;
  return dense && (activation == NULL || activation[0] == 0) && size_of(layer) > 0 &&
         has_rows(layer, 0, r->width) && has_cols(layer, 0, size_of(layer));
}

static seqgpu_status read_head(reading *r, const cJSON *layer, sq_foreign_net *net) {
  const int64_t O = size_of(layer), H = r->width;
  double *weight, *bias, *kernel = room_for(r, H * O);
  if (kernel == NULL) return sq_fail(r->ctx, SEQGPU_ENOMEM, "%s: out of memory", r->path);
  SQ_TRY(sq_foreign_add_head(r->ctx, net, O, H, &weight, &bias));
  if (!sq_json_matrix(weight_of(layer, 0), H, O, kernel) || !sq_json_numbers(weight_of(layer, 1), O, bias))
    return bad(r, "has weights that are not of its shape");
  for (int64_t i = 0; i < H; i++)
    for (int64_t o = 0; o < O; o++) weight[o * H + i] = kernel[i * O + o];
  r->width = O;
  return SEQGPU_OK;
}

static seqgpu_status leave(reading *r, const cJSON *layer) {
  const int64_t size = size_of(layer);
  if (size > 0) r->width = size;
  return sq_foreign_leave(r->ctx, r->out, "layer %d: %.40s", r->index, type_of(layer));
}

static seqgpu_status read_layers(reading *r, const cJSON *layers) {
  sq_foreign_net *last = NULL; /* the network right before */
  for (const cJSON *layer = layers->child; layer;) {
    if (is_recurrent(layer)) {
      int alike = count_alike(layer);
      SQ_TRY(read_network(r, layer, alike, &last));
      while (alike-- > 0) layer = layer->next;
      continue;
    }
    SQ_TRY(last && is_head(r, layer) ? read_head(r, layer, last) : leave(r, layer));
    last = NULL;
    layer = layer->next;
    r->index++;
  }
  return SEQGPU_OK;
}

/* Keys of AIDA-X that change what the model computes. */
static seqgpu_status leave_keys(reading *r, const cJSON *tree) {
  static const char *const keys[] = {"in_skip", "in_gain", "out_gain"};
  for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(tree, keys[i]);
    if (cJSON_IsNumber(item) && item->valuedouble != 0)
      SQ_TRY(sq_foreign_leave(r->ctx, r->out, "%s: %g", keys[i], item->valuedouble));
  }
  return SEQGPU_OK;
}

static seqgpu_status read_tree(reading *r, const cJSON *tree) {
  const cJSON *layers = cJSON_GetObjectItemCaseSensitive(tree, "layers");
  if (!cJSON_IsArray(layers)) return sq_fail(r->ctx, SEQGPU_EFORMAT, "%s: has no list of layers", r->path);
  r->width = last_of(cJSON_GetObjectItemCaseSensitive(tree, "in_shape"));
  if (r->width < 0)
    return sq_fail(r->ctx, SEQGPU_EFORMAT, "%s: has no in_shape that ends with a size", r->path);
  SQ_TRY(read_layers(r, layers));
  return leave_keys(r, tree);
}

static seqgpu_status parse(seqgpu_context *ctx, const char *path, sq_bytes text, sq_foreign *out) {
  cJSON *tree;
  reading r = {.ctx = ctx, .path = path, .out = out};
  SQ_TRY(sq_json_parse(ctx, path, text, &tree));
  const seqgpu_status status = read_tree(&r, tree);
  sq_host_free(ctx, r.room);
  cJSON_Delete(tree);
  return status;
}
#else
static seqgpu_status parse(seqgpu_context *ctx, const char *path, sq_bytes text, sq_foreign *out) {
  (void)text, (void)out;
  return sq_json_missing(ctx, path);
}
#endif

static seqgpu_status read(seqgpu_context *ctx, const char *path, sq_foreign *out) {
  return sq_foreign_read(ctx, path, SQ_JSON_MOST, parse, out);
}

/* ---------------------------------------------------------------- writing */

static const char *unfit(const seqgpu_rnn_desc *d) {
  if (strcmp(d->cell, "lstm") != 0 && strcmp(d->cell, "gru") != 0)
    return "RTNeural's recurrent layers are LSTM and GRU";
  if (strcmp(d->cell, "gru") == 0 && !d->reset_after)
    return "RTNeural's GRU resets after the product (reset_after)";
  if (d->bidirectional) return "RTNeural has one direction";
  return sq_keras_unfit(d);
}

static void write_layer(FILE *to, const sq_foreign_net *net, int l, double *kernel) {
  const seqgpu_rnn_desc *d = &net->desc;
  const int64_t H = d->hidden_size, GH = sq_keras_gates(d->cell) * H, I = sq_keras_input(d, l);
  double *recurrent = kernel + I * GH, *bias = recurrent + H * GH;
  sq_keras_give(net, l, 0, kernel, recurrent, bias);
  fprintf(to, "%s{\"type\":\"%s\",\"activation\":\"\",\"shape\":[null,null,%lld],\"weights\":[", l ? "," : "",
          d->cell, (long long)H);
  sq_json_write_matrix(to, kernel, I, GH);
  fputs(",", to);
  sq_json_write_matrix(to, recurrent, H, GH);
  fputs(",", to);
  if (d->reset_after)
    sq_json_write_matrix(to, bias, 2, GH);
  else
    sq_json_write_numbers(to, bias, GH);
  fputs("]}", to);
}

static void write_head(FILE *to, const sq_foreign_net *net, double *kernel) {
  const int64_t O = net->head[0].rows, H = net->head[0].cols;
  for (int64_t i = 0; i < H; i++)
    for (int64_t o = 0; o < O; o++) kernel[i * O + o] = net->head[0].value[o * H + i];
  fprintf(to, ",{\"type\":\"dense\",\"activation\":\"\",\"shape\":[null,null,%lld],\"weights\":[",
          (long long)O);
  sq_json_write_matrix(to, kernel, H, O);
  fputs(",", to);
  sq_json_write_numbers(to, net->head[1].value, O);
  fputs("]}", to);
}

static seqgpu_status write(seqgpu_context *ctx, const char *path, const sq_foreign_net *net) {
  const seqgpu_rnn_desc *d = &net->desc;
  const char *why = unfit(d);
  if (why) return sq_fail(ctx, SEQGPU_EUNSUPPORTED, "export: cell \"%s\": %s", d->cell, why);
  const int64_t wide = d->input_size > d->hidden_size ? d->input_size : d->hidden_size;
  int64_t numbers = (wide + d->hidden_size + 2) * sq_keras_gates(d->cell) * d->hidden_size;
  if (net->head_count && net->head[0].rows * net->head[0].cols > numbers)
    numbers = net->head[0].rows * net->head[0].cols;
  double *room = sq_host_alloc(ctx, (size_t)numbers * sizeof *room);
  if (room == NULL) return sq_fail(ctx, SEQGPU_ENOMEM, "export: out of memory");
  sq_replacement r;
  seqgpu_status status = sq_replace_begin(ctx, path, &r);
  if (status == SEQGPU_OK) {
    fprintf(r.file, "{\"in_shape\":[null,null,%lld],\"layers\":[", (long long)d->input_size);
    for (int l = 0; l < d->num_layers; l++) write_layer(r.file, net, l, room);
    if (net->head_count) write_head(r.file, net, room);
    fputs("]}\n", r.file);
    status = sq_replace_end(&r, SEQGPU_OK);
  }
  sq_host_free(ctx, room);
  return status;
}

const sq_format sq_format_rtneural = {
    .name = "rtneural",
    .about = "models of RTNeural and AIDA-X: LSTM, GRU (.json, .aidax)",
    .recognises = recognises,
    .read = read,
    .parse = parse,
    .write = write,
};
