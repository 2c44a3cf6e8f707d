/* nam.c - LSTM models of Neural Amp Modeler (.nam).
 *
 *   {"version": "0.5.4", "architecture": "LSTM",
 *    "config": {"input_size": 1, "hidden_size": H, "num_layers": L}, "weights": [...], "sample_rate": 48000}
 *
 * weights is one list.  For each layer: W [4H, I+H] = weight_ih and weight_hh side by side, bias [4H], and
 * the states h [H] and c [H] that a run begins with; then the read-out, weight [H] and bias [1].  Gates are
 * in our order.
 */
#include <string.h>

#include "host/files/replace.h"
#include "host/formats/foreign.h"
#include "host/formats/json.h"

static int recognises(const unsigned char *head, size_t size, const char *path) {
  const size_t length = strlen(path);
  if (length > 4 && strcmp(path + length - 4, ".nam") == 0) return 1;
  return head[0] == '{' && sq_head_contains(head, size, "\"architecture\"") &&
         sq_head_contains(head, size, "\"hidden_size\"");
}

#ifdef SEQGPU_CJSON

enum { MOST_LAYERS = 1024, MOST_UNITS = 1 << 16 };

static seqgpu_status bad(seqgpu_context *ctx, const char *path, const char *why) {
  return sq_fail(ctx, SEQGPU_EFORMAT, "%s: is no valid .nam: %s", path, why);
}

/* What of the flat list belongs to where. */
static void deal(const sq_foreign_net *net, const double *w, double *h, double *c, double *head_weight,
                 double *head_bias) {
  const int64_t H = net->desc.hidden_size;
  for (int l = 0; l < net->desc.num_layers; l++) {
    const int64_t I = l == 0 ? net->desc.input_size : H;
    double *ih = sq_foreign_param(net, "weight_ih", l, 0), *hh = sq_foreign_param(net, "weight_hh", l, 0);
    for (int64_t row = 0; row < 4 * H; row++, w += I + H) {
      memcpy(ih + row * I, w, (size_t)I * sizeof *w);
      memcpy(hh + row * H, w + I, (size_t)H * sizeof *w);
    }
    memcpy(sq_foreign_param(net, "bias", l, 0), w, (size_t)(4 * H) * sizeof *w);
    memcpy(h + l * H, w + 4 * H, (size_t)H * sizeof *w);
    memcpy(c + l * H, w + 5 * H, (size_t)H * sizeof *w);
    w += 6 * H;
  }
  memcpy(head_weight, w, (size_t)H * sizeof *w);
  *head_bias = w[H];
}

static int64_t count_weights(int64_t I, int64_t H, int64_t L) {
  const int64_t first = 4 * H * (I + H) + 6 * H, rest = 4 * H * (H + H) + 6 * H;
  return first + (L - 1) * rest + H + 1;
}

static seqgpu_status read_weights(seqgpu_context *ctx, const char *path, const cJSON *list,
                                  const seqgpu_rnn_desc *desc, sq_foreign *out) {
  const int64_t H = desc->hidden_size, L = desc->num_layers, count = count_weights(desc->input_size, H, L);
  double *h, *c, *head_weight, *head_bias;
  sq_foreign_net *net;
  if (!cJSON_IsArray(list) || cJSON_GetArraySize(list) != count)
    return sq_fail(ctx, SEQGPU_EFORMAT, "%s: has %d weights; with these sizes it must have %lld", path,
                   cJSON_GetArraySize(list), (long long)count);
  double *weights = sq_host_alloc(ctx, (size_t)count * sizeof *weights);
  if (weights == NULL) return sq_fail(ctx, SEQGPU_ENOMEM, "%s: out of memory", path);
  seqgpu_status status =
      sq_json_numbers(list, count, weights) ? SEQGPU_OK : bad(ctx, path, "its weights are not numbers");
  if (status == SEQGPU_OK) status = sq_foreign_add(ctx, out, path, "lstm", desc, &net);
  if (status == SEQGPU_OK) status = sq_foreign_add_state(ctx, net, "h", L, H, &h);
  if (status == SEQGPU_OK) status = sq_foreign_add_state(ctx, net, "c", L, H, &c);
  if (status == SEQGPU_OK) status = sq_foreign_add_head(ctx, net, 1, H, &head_weight, &head_bias);
  if (status == SEQGPU_OK) deal(net, weights, h, c, head_weight, head_bias);
  sq_host_free(ctx, weights);
  return status;
}

static seqgpu_status read_tree(seqgpu_context *ctx, const char *path, const cJSON *tree, sq_foreign *out) {
  const cJSON *architecture = cJSON_GetObjectItemCaseSensitive(tree, "architecture");
  const cJSON *config = cJSON_GetObjectItemCaseSensitive(tree, "config");
  if (!cJSON_IsString(architecture)) return bad(ctx, path, "it has no architecture");
  if (strcmp(architecture->valuestring, "LSTM") != 0)
    return sq_fail(ctx, SEQGPU_EUNSUPPORTED,
                   "%s: its architecture is %.40s; only LSTM is a recurrent network", path,
                   architecture->valuestring);
  const seqgpu_rnn_desc desc = {.cell = "lstm",
                                .input_size = sq_json_whole(config, "input_size", 1, MOST_UNITS),
                                .hidden_size = sq_json_whole(config, "hidden_size", 1, MOST_UNITS),
                                .num_layers = sq_json_whole(config, "num_layers", 1, MOST_LAYERS)};
  if (desc.input_size < 0 || desc.hidden_size < 0 || desc.num_layers < 0)
    return bad(ctx, path, "its config lacks input_size, hidden_size or num_layers, or one of them cannot be");
  return read_weights(ctx, path, cJSON_GetObjectItemCaseSensitive(tree, "weights"), &desc, out);
}

static seqgpu_status parse(seqgpu_context *ctx, const char *path, sq_bytes text, sq_foreign *out) {
  cJSON *tree;
  SQ_TRY(sq_json_parse(ctx, path, text, &tree));
  const seqgpu_status status = read_tree(ctx, path, tree, out);
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

static const char *unfit(const sq_foreign_net *net) {
  const seqgpu_rnn_desc *d = &net->desc;
  if (strcmp(d->cell, "lstm") != 0) return "it must be an lstm";
  if (d->peephole || d->coupled || d->projection_size || d->bidirectional)
    return "it must have no peepholes, coupled gates, projection or second direction";
  if (d->reverse) return "it must not run backwards";
  if (net->head_count == 0)
    return "it has no read-out; params must have PREFIX.head.weight and PREFIX.head.bias";
  if (net->head[0].rows != 1 || net->head[0].cols != d->hidden_size)
    return "its read-out must be [1,hidden_size]";
  return NULL;
}

/* One more piece of the flat list. */
static void put(FILE *to, int *any, const double *numbers, int64_t count) {
  for (int64_t i = 0; i < count; i++) {
    if (*any) fputs(",", to);
    sq_json_write_number(to, numbers ? numbers[i] : 0);
    *any = 1;
  }
}

static void put_layer(FILE *to, int *any, const sq_foreign_net *net, int l) {
  const int64_t H = net->desc.hidden_size, I = l == 0 ? net->desc.input_size : H;
  const double *ih = sq_foreign_param(net, "weight_ih", l, 0), *hh = sq_foreign_param(net, "weight_hh", l, 0);
  const sq_foreign_tensor *h = sq_foreign_find(net->states, net->state_count, "h");
  const sq_foreign_tensor *c = sq_foreign_find(net->states, net->state_count, "c");
  for (int64_t row = 0; row < 4 * H; row++) {
    put(to, any, ih + row * I, I);
    put(to, any, hh + row * H, H);
  }
  put(to, any, sq_foreign_param(net, "bias", l, 0), 4 * H);
  put(to, any, h ? h->value + l * H : NULL, H);
  put(to, any, c ? c->value + l * H : NULL, H);
}

static seqgpu_status write(seqgpu_context *ctx, const char *path, const sq_foreign_net *net) {
  sq_replacement r;
  int any = 0;
  const seqgpu_rnn_desc *d = &net->desc;
  const char *why = unfit(net);
  if (why) return sq_fail(ctx, SEQGPU_EUNSUPPORTED, "export: the network does not fit .nam: %s", why);
  SQ_TRY(sq_replace_begin(ctx, path, &r));
  fprintf(
      r.file,
      "{\"version\":\"0.5.4\",\"architecture\":\"LSTM\",\"config\":{\"input_size\":%lld,\"hidden_size\":%lld,"
      "\"num_layers\":%lld},\"weights\":[",
      (long long)d->input_size, (long long)d->hidden_size, (long long)d->num_layers);
  for (int l = 0; l < d->num_layers; l++) put_layer(r.file, &any, net, l);
  put(r.file, &any, net->head[0].value, d->hidden_size);
  put(r.file, &any, net->head[1].value, 1);
  fputs("]}\n", r.file);
  return sq_replace_end(&r, SEQGPU_OK);
}

const sq_format sq_format_nam = {
    .name = "nam",
    .about = "LSTM models of Neural Amp Modeler (.nam)",
    .recognises = recognises,
    .read = read,
    .parse = parse,
    .write = write,
};
