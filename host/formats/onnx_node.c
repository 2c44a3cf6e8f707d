/* onnx_node.c - one RNN, LSTM or GRU node: what it says, and whether a cell of ours is that (onnx.h).
 *
 *   RNN    H = f(X W' + H R' + b)                                          f = Tanh
 *   LSTM   i, o, f of f;  c of g;  C = f C + i c;  H = o h(C)              f, g, h = Sigmoid, Tanh, Tanh
 *   GRU    z, r of f;  n of g, with r (H R') + ... or (r H) R' (linear_before_reset);  H = (1 - z) n + z H
 *
 * Our cells have Sigmoid and Tanh in these places, RNN also Relu and Affine.  An activation that is one of
 * them on a scaled argument is taken by scaling the weights: Affine(a, b)(x) = a x + b, and ScaledTanh(1,
 * b)(x) = tanh(b x).
 */
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "host/formats/onnx_node.h"
#include "host/formats/onnx_state.h"
#include "host/formats/onnx_tensor.h"

/* `uses`: i, f and o of an LSTM are under function 0, g under 1; function 2 is that of the state. */
static const sq_onnx_operator operators[] = {
    {"RNN", "rnn", 1, 1, 1, "h", "h", "0"},
    {"LSTM", "lstm", 4, 3, 2, "iofg", "ifgo", "0010"},
    {"GRU", "gru", 3, 2, 1, "urc", "ruc", "001"},
};

const sq_onnx_operator *sq_onnx_operator_of(const sq_onnx_node *node) {
  if (node->domain.size != 0 && !sq_onnx_is(node->domain, "ai.onnx")) return NULL;
  for (size_t i = 0; i < sizeof operators / sizeof operators[0]; i++)
    if (sq_onnx_is(node->op, operators[i].name)) return &operators[i];
  return NULL;
}

const sq_onnx_operator *sq_onnx_operator_for(const seqgpu_rnn_desc *desc) {
  const char *cell = strcmp(desc->cell, "lstm0") == 0 ? "lstm" : desc->cell;
  for (size_t i = 0; i < sizeof operators / sizeof operators[0]; i++)
    if (strcmp(operators[i].cell, cell) == 0) return &operators[i];
  return NULL;
}

/* ---------------------------------------------------------------- attributes */

/* An attribute with a whole number from 0 to `most`; `otherwise` where the node does not have it. */
static seqgpu_status read_integer(const sq_onnx_graph *g, const sq_onnx_node *node, const char *name,
                                  int64_t otherwise, int64_t most, int64_t *out) {
  *out = sq_onnx_integer(node, name, otherwise);
  if (*out >= 0 && *out <= most) return SEQGPU_OK;
  if (*out == INT64_MIN) return sq_onnx_fail(g, SEQGPU_EFORMAT, node, "%s is damaged, or there twice", name);
  return sq_onnx_fail(g, SEQGPU_EFORMAT, node, "%s is %lld; it must be from 0 to %lld", name, (long long)*out,
                      (long long)most);
}

/* Floats of an attribute, one (F) or a list, packed or not: how many, at most `most`; -1: more, or
 * damaged. */
static int read_floats(const sq_onnx_node *node, const char *name, double *out, int most) {
  sq_bytes attribute = {NULL, 0};
  sq_pb_field f;
  int count = 0;
  const int found = sq_onnx_attribute(node, name, &attribute);
  if (found != 1) return found;
  while (sq_pb_next(&attribute, &f) == 1) {
    if (f.number != ATTRIBUTE_FLOATS && f.number != ATTRIBUTE_F) continue;
    const int packed = f.type == SQ_PB_BYTES, one = f.type == SQ_PB_FOUR;
    for (size_t at = 0; one || (packed && at + 4 <= f.bytes.size); at += 4) {
      uint32_t bits = (uint32_t)f.value;
      float value;
      if (count == most) return -1;
      if (packed) memcpy(&bits, f.bytes.at + at, sizeof bits);
      memcpy(&value, &bits, sizeof value);
      out[count++] = (double)value;
      if (one) break;
    }
  }
  return count;
}

/* Texts of an attribute, one (S) or a list: how many, at most `most`; -1: more, or damaged. */
static int read_texts(const sq_onnx_node *node, const char *name, sq_bytes *out, int most) {
  sq_bytes attribute = {NULL, 0};
  sq_pb_field f;
  int count = 0;
  const int found = sq_onnx_attribute(node, name, &attribute);
  if (found != 1) return found;
  while (sq_pb_next(&attribute, &f) == 1) {
    if ((f.number != ATTRIBUTE_STRINGS && f.number != ATTRIBUTE_S) || f.type != SQ_PB_BYTES) continue;
    if (count == most) return -1;
    out[count++] = f.bytes;
  }
  return count;
}

/* ---------------------------------------------------------------- activations */

/* Numbers of activation_alpha and activation_beta are for those that have one, in their order. */
typedef struct known {
  const char *name;
  int has_alpha, has_beta;
  double alpha, beta; /* where none is given */
} known;

static const known activations[] = {
    {"Tanh", 0, 0, 0, 0},
    {"Relu", 0, 0, 0, 0},
    {"Sigmoid", 0, 0, 0, 0},
    {"Affine", 1, 1, 1, 0},
    {"ScaledTanh", 1, 1, 1, 1},
    {"LeakyRelu", 1, 0, 0.01, 0},
    {"ThresholdedRelu", 1, 0, 1, 0},
    {"HardSigmoid", 1, 1, 0.2, 0.5},
    {"Elu", 1, 0, 1, 0},
    {"Softsign", 0, 0, 0, 0},
    {"Softplus", 0, 0, 0, 0},
};

enum { MOST_NAMED = 2 * SQ_ONNX_FUNCTIONS };

typedef struct named {
  const known *row;
  double alpha, beta;
} named;

static const known *find_known(sq_bytes name) {
  for (size_t i = 0; i < sizeof activations / sizeof activations[0]; i++)
    if (strlen(activations[i].name) == name.size &&
        strncasecmp(activations[i].name, (const char *)name.at, name.size) == 0)
      return &activations[i];
  return NULL;
}

static int is_called(const named *n, const char *name) { return strcmp(n->row->name, name) == 0; }

/* As one of ours on a scaled argument; 0: it is none. */
static int express(const named *n, sq_onnx_activation *out) {
  *out = (sq_onnx_activation){SEQGPU_ACTIVATION_TANH, 1, 0};
  if (is_called(n, "Tanh")) return 1;
  if (is_called(n, "ScaledTanh") && n->alpha == 1) {
    out->scale = n->beta;
    return 1;
  }
  out->g = SEQGPU_ACTIVATION_SIGMOID;
  if (is_called(n, "Sigmoid")) return 1;
  out->g = SEQGPU_ACTIVATION_RELU;
  if (is_called(n, "Relu") || (is_called(n, "LeakyRelu") && n->alpha == 0)) return 1;
  if (is_called(n, "ThresholdedRelu") && n->alpha == 0) return 1;
  out->g = SEQGPU_ACTIVATION_IDENTITY;
  if (is_called(n, "LeakyRelu") && n->alpha == 1) return 1;
  out->scale = n->alpha;
  out->shift = n->beta;
  return is_called(n, "Affine");
}

/* What the place of a function allows: a GRU and an LSTM have theirs built in, and the function of an LSTM's
 * state reads no weights that could be scaled. */
static int allowed(const sq_onnx_recurrent *r, int function, const sq_onnx_activation *a) {
  if (r->op->functions == 1) return 1;
  if (a->g != (function == 0 ? SEQGPU_ACTIVATION_SIGMOID : SEQGPU_ACTIVATION_TANH)) return 0;
  return function < 2 || a->scale == 1;
}

static seqgpu_status missing(const sq_onnx_graph *g, const sq_onnx_recurrent *r, int function,
                             const named *n) {
  const char letter = "fgh"[function];
  char numbers[64] = "";
  if (n->row->has_beta)
    snprintf(numbers, sizeof numbers, " (alpha %g, beta %g)", n->alpha, n->beta);
  else if (n->row->has_alpha)
    snprintf(numbers, sizeof numbers, " (alpha %g)", n->alpha);
  return sq_onnx_fail(g, SEQGPU_EUNSUPPORTED, r->node,
                      "activation %c is %s%s, which our cell \"%s\" does not have in its place", letter,
                      n->row->name, numbers, r->op->cell);
}

/* The activations as the node names them, all directions one after the other: `wanted` of them. */
static seqgpu_status read_named(const sq_onnx_graph *g, const sq_onnx_recurrent *r, int wanted, named *all) {
  static const char *const usual[2][SQ_ONNX_FUNCTIONS] = {{"Tanh"}, {"Sigmoid", "Tanh", "Tanh"}};
  sq_bytes names[MOST_NAMED];
  double alpha[MOST_NAMED] = {0}, beta[MOST_NAMED] = {0};
  const int n = r->op->functions;
  for (int i = 0; i < MOST_NAMED; i++) {
    const char *name = usual[n > 1][i % n];
    names[i] = (sq_bytes){(const unsigned char *)name, strlen(name)};
  }
  const int given = read_texts(r->node, "activations", names, MOST_NAMED);
  const int alphas = read_floats(r->node, "activation_alpha", alpha, MOST_NAMED);
  const int betas = read_floats(r->node, "activation_beta", beta, MOST_NAMED);
  if ((given != 0 && given != wanted) || alphas < 0 || betas < 0)
    return sq_onnx_fail(g, SEQGPU_EFORMAT, r->node,
                        "activations must name %d functions, with one alpha and one beta each at most",
                        wanted);
  int used_alpha = 0, used_beta = 0;
  for (int i = 0; i < wanted; i++) {
    all[i].row = find_known(names[i]);
    if (all[i].row == NULL)
      return sq_onnx_fail(g, SEQGPU_EUNSUPPORTED, r->node, "activation \"%s\" is unknown",
                          sq_onnx_show(names[i]).text);
    all[i].alpha = all[i].row->alpha;
    all[i].beta = all[i].row->beta;
    if (all[i].row->has_alpha && used_alpha < alphas) all[i].alpha = alpha[used_alpha++];
    if (all[i].row->has_beta && used_beta < betas) all[i].beta = beta[used_beta++];
    if (!isfinite(all[i].alpha) || !isfinite(all[i].beta))
      return sq_onnx_fail(g, SEQGPU_EFORMAT, r->node, "activation_alpha and activation_beta must be finite");
  }
  return SEQGPU_OK;
}

static seqgpu_status read_activations(const sq_onnx_graph *g, sq_onnx_recurrent *r) {
  named all[MOST_NAMED];
  const int n = r->op->functions, wanted = n * r->directions;
  SQ_TRY(read_named(g, r, wanted, all));
  for (int i = 0; i < wanted; i++) {
    sq_onnx_activation a;
    if (!express(&all[i], &a) || !allowed(r, i % n, &a)) return missing(g, r, i % n, &all[i]);
    sq_onnx_activation *first = &r->functions[i % n];
    if (i < n) *first = a;
    if (a.g != first->g || a.scale != first->scale || a.shift != first->shift)
      return sq_onnx_fail(g, SEQGPU_EUNSUPPORTED, r->node,
                          "the activations of the two directions differ; ours have the same");
  }
  if (n == 1) r->desc.activation = r->functions[0].g;
  return SEQGPU_OK;
}

/* ---------------------------------------------------------------- options and sizes */

static seqgpu_status read_direction(const sq_onnx_graph *g, sq_onnx_recurrent *r) {
  sq_bytes text = {NULL, 0};
  const int given = read_texts(r->node, "direction", &text, 1);
  r->directions = 1;
  if (given == 0 || (given == 1 && sq_onnx_is(text, "forward"))) return SEQGPU_OK;
  r->desc.reverse = sq_onnx_is(text, "reverse");
  r->desc.bidirectional = sq_onnx_is(text, "bidirectional");
  r->directions = 1 + r->desc.bidirectional;
  if (given == 1 && (r->desc.reverse || r->desc.bidirectional)) return SEQGPU_OK;
  return sq_onnx_fail(g, SEQGPU_EFORMAT, r->node,
                      "direction is \"%s\"; it must be forward, reverse or bidirectional",
                      sq_onnx_show(text).text);
}

static seqgpu_status read_clip(const sq_onnx_graph *g, sq_onnx_recurrent *r) {
  double clip = 0;
  const int given = read_floats(r->node, "clip", &clip, 1);
  if (given == 0) return SEQGPU_OK;
  if (given < 0) return sq_onnx_fail(g, SEQGPU_EFORMAT, r->node, "clip must be one number");
  return sq_onnx_fail(g, SEQGPU_EUNSUPPORTED, r->node,
                      "clip is %g; our cells do not bound what goes into their activations", clip);
}

static seqgpu_status read_options(const sq_onnx_graph *g, sq_onnx_recurrent *r) {
  int64_t reset_after, coupled, layout;
  SQ_TRY(read_direction(g, r));
  SQ_TRY(read_integer(g, r->node, "layout", 0, 1, &layout));
  SQ_TRY(read_integer(g, r->node, "linear_before_reset", 0, INT_MAX, &reset_after));
  SQ_TRY(read_integer(g, r->node, "input_forget", 0, INT_MAX, &coupled));
  SQ_TRY(read_clip(g, r));
  r->layout = r->desc.batch_first = (int)layout;
  if (strcmp(r->op->cell, "gru") == 0) r->desc.reset_after = reset_after != 0;
  if (strcmp(r->op->cell, "lstm") != 0) return SEQGPU_OK;
  r->desc.coupled = coupled != 0;
  r->desc.peephole = sq_onnx_input(g, r->node, ONNX_P) != SQ_ONNX_ABSENT;
  return SEQGPU_OK;
}

/* W [N, G H, I] and R [N, G H, H] say I and H. */
static seqgpu_status read_sizes(sq_onnx_graph *g, sq_onnx_recurrent *r) {
  sq_onnx_tensor w, rec;
  int64_t hidden;
  SQ_TRY(sq_onnx_constant(g, r->node, ONNX_W, "W", &w));
  SQ_TRY(sq_onnx_constant(g, r->node, ONNX_R, "R", &rec));
  const int64_t H = rec.rank == 3 ? rec.dims[2] : 0, I = w.rank == 3 ? w.dims[2] : 0;
  SQ_TRY(read_integer(g, r->node, "hidden_size", H, INT32_MAX, &hidden));
  if (H < 1 || H > INT32_MAX / SQ_ONNX_GATES || I < 1 || I > INT32_MAX || hidden != H)
    return sq_onnx_fail(
        g, SEQGPU_EFORMAT, r->node,
        "R must be [directions, %d H, H] and W [directions, %d H, inputs], where H is hidden_size",
        r->op->gates, r->op->gates);
  r->desc.hidden_size = H;
  r->desc.input_size = I;
  return SEQGPU_OK;
}

/* What is there of B and P must be constant, too. */
static seqgpu_status look_at_rest(sq_onnx_graph *g, const sq_onnx_recurrent *r) {
  sq_onnx_tensor t;
  if (sq_onnx_input(g, r->node, ONNX_B) != SQ_ONNX_ABSENT)
    SQ_TRY(sq_onnx_constant(g, r->node, ONNX_B, "B", &t));
  return r->desc.peephole ? sq_onnx_constant(g, r->node, ONNX_P, "P", &t) : SEQGPU_OK;
}

void sq_onnx_look_at_x(sq_onnx_graph *g, int value, seqgpu_rnn_desc *desc) {
  const int x = sq_onnx_behind(g, value, 0);
  sq_bytes at;
  sq_pb_field f;
  int64_t dims[3] = {0, 0, 0};
  int rank = 0;
  desc->seq_len = desc->batch = 0;
  if (x < 0 || g->values[x].node >= 0 || g->values[x].initial) return;
  if (!sq_onnx_field(g->values[x].body, VALUE_TYPE, &at) || !sq_onnx_field(at, TYPE_TENSOR, &at) ||
      !sq_onnx_field(at, TENSOR_TYPE_SHAPE, &at))
    return;
  while (sq_pb_next(&at, &f) == 1) {
    sq_pb_field size;
    if (f.number != SHAPE_DIM || f.type != SQ_PB_BYTES) continue;
    if (rank == 3) return;
    while (sq_pb_next(&f.bytes, &size) == 1)
      if (size.number == DIM_VALUE && size.type == SQ_PB_VARINT && size.value <= INT32_MAX)
        dims[rank] = (int64_t)size.value;
    rank++;
  }
  if (rank != 3) return;
  desc->seq_len = dims[desc->batch_first];
  desc->batch = dims[1 - desc->batch_first];
}

seqgpu_status sq_onnx_recurrent_read(sq_onnx_graph *g, int index, const sq_onnx_operator *op,
                                     sq_onnx_recurrent *out) {
  sq_onnx_node *node = &g->nodes[index];
  *out = (sq_onnx_recurrent){.op = op, .node = node, .index = index, .below = -1, .above = -1, .turned = -1};
  out->desc = (seqgpu_rnn_desc){.cell = op->cell, .num_layers = 1};
  SQ_TRY(read_options(g, out));
  SQ_TRY(read_activations(g, out));
  SQ_TRY(read_sizes(g, out));
  SQ_TRY(look_at_rest(g, out));
  sq_onnx_states_look(g, out);
  sq_onnx_look_at_x(g, sq_onnx_input(g, node, ONNX_X), &out->desc);
  return SEQGPU_OK;
}
