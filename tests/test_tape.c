/* test_tape.c - the tape: gradients of every operator and of whole models, and its rules about errors, memory,
 * dropout and accumulation.
 *
 * A row of `cases` is a small computation on random leaves.  Its loss is sum(dy * y) with random dy.  Each row is
 *   - compared with finite differences, in float64 on the CPU:
 *       dL/dv = (8 (L(v+s) - L(v-s)) - (L(v+2s) - L(v-2s))) / 12s
 *   - run in float32 on every device of this build and compared with float64, value and gradients.
 */
#include "../host/include/seqgpu/tape.h"
#include "net.h"

#define STEP      1e-3
#define TOLERANCE 1e-6
#define DIM(...)                                                                                             \
  (int64_t[]) { __VA_ARGS__ }

enum { LEAVES = 10, PLANS = 2, PLAN_0 = -1, PLAN_1 = -2, COUNTER = 1000 };

/* One case at work: its leaves in float64 and on the device, and the tensors of the present step. */
typedef struct world {
  seqgpu_context *ctx;
  seqgpu_tape *tape;
  seqgpu_plan *plan[PLANS];
  int leaves;
  int64_t count[LEAVES];
  double *host[LEAVES], *host_grad[LEAVES];
  void *value[LEAVES], *grad[LEAVES];
  seqgpu_tensor *leaf[LEAVES];
} world;

typedef struct test_case {
  const char *name;
  seqgpu_tensor *(*build)(world *w);
  int64_t shape[LEAVES][SEQGPU_TAPE_RANK]; /* of the leaves, 0 ends; PLAN_k: the parameters of plan k */
  const seqgpu_rnn_desc *plan[PLANS];
} test_case;

/* ---------------------------------------------------------------- operators */

static seqgpu_tensor *embedding(world *w) {
  seqgpu_tensor *ids = seqgpu_tape_ids(w->tape, 2, DIM(2, 3), (int32_t[]){1, 4, 1, 7, 0, -1});
  return seqgpu_tape_embedding(w->tape, w->leaf[0], ids);
}
static seqgpu_tensor *linear(world *w) {
  return seqgpu_tape_linear(w->tape, w->leaf[0], w->leaf[1], w->leaf[2]);
}
static seqgpu_tensor *linear_no_bias(world *w) {
  return seqgpu_tape_linear(w->tape, w->leaf[0], w->leaf[1], NULL);
}
static seqgpu_tensor *linear_shared(world *w) {
  return seqgpu_tape_linear(w->tape, w->leaf[0], w->leaf[0], NULL);
}
static seqgpu_tensor *add(world *w) { return seqgpu_tape_add(w->tape, w->leaf[0], w->leaf[1]); }
static seqgpu_tensor *add_shared(world *w) { return seqgpu_tape_add(w->tape, w->leaf[0], w->leaf[0]); }
static seqgpu_tensor *mul(world *w) { return seqgpu_tape_mul(w->tape, w->leaf[0], w->leaf[1]); }
static seqgpu_tensor *mul_shared(world *w) { return seqgpu_tape_mul(w->tape, w->leaf[0], w->leaf[0]); }
static seqgpu_tensor *scale(world *w) { return seqgpu_tape_scale(w->tape, w->leaf[0], -1.7); }
static seqgpu_tensor *act_tanh(world *w) { return seqgpu_tape_activation(w->tape, w->leaf[0], SEQGPU_TANH); }
static seqgpu_tensor *act_relu(world *w) { return seqgpu_tape_activation(w->tape, w->leaf[0], SEQGPU_RELU); }
static seqgpu_tensor *act_sigmoid(world *w) {
  return seqgpu_tape_activation(w->tape, w->leaf[0], SEQGPU_SIGMOID);
}
static seqgpu_tensor *act_identity(world *w) {
  return seqgpu_tape_activation(w->tape, w->leaf[0], SEQGPU_IDENTITY);
}
static seqgpu_tensor *concat(world *w) { return seqgpu_tape_concat(w->tape, w->leaf[0], w->leaf[1]); }
static seqgpu_tensor *dropout(world *w) { return seqgpu_tape_dropout(w->tape, w->leaf[0], 0.4); }

/* Overlapping rows, a reshape of rows and the whole: four gradients meet in one memory. */
static seqgpu_tensor *views(world *w) {
  seqgpu_tape *t = w->tape;
  seqgpu_tensor *h = seqgpu_tape_activation(t, w->leaf[0], SEQGPU_TANH); /* [4,2,3] */
  seqgpu_tensor *a = seqgpu_tape_rows(t, h, 1, 2), *b = seqgpu_tape_rows(t, h, 2, 2);
  seqgpu_tensor *flat = seqgpu_tape_reshape(t, seqgpu_tape_rows(t, h, 0, 2), 1, DIM(12));
  seqgpu_tensor *back = seqgpu_tape_reshape(t, seqgpu_tape_mul(t, flat, flat), 3, DIM(2, 2, 3));
  seqgpu_tensor *part = seqgpu_tape_mul(t, seqgpu_tape_add(t, a, back), b);
  return seqgpu_tape_mul(t, seqgpu_tape_concat(t, part, a),
                         seqgpu_tape_rows(t, seqgpu_tape_concat(t, h, h), 2, 2));
}

/* One operator after another reads h, of every kind: some add, some overwrite, some can do both. */
static seqgpu_tensor *shared_use(world *w) {
  seqgpu_tape *t = w->tape;
  seqgpu_tensor *h = seqgpu_tape_scale(t, w->leaf[0], 0.8); /* [3,2,4] */
  seqgpu_tensor *targets = seqgpu_tape_ids(t, 2, DIM(3, 2), (int32_t[]){0, 1, 3, -1, 2, 2});
  seqgpu_tensor *loss = seqgpu_tape_cross_entropy(t, h, targets, 1, 1.0);
  loss = seqgpu_tape_add(t, loss, seqgpu_tape_cross_entropy(t, h, targets, 0, 0.3));
  seqgpu_tensor *y = seqgpu_tape_rnn(t, w->plan[0], w->leaf[1], h, NULL, NULL);
  seqgpu_tensor *y2 = seqgpu_tape_rnn(t, w->plan[0], w->leaf[1], y, NULL, NULL);
  loss = seqgpu_tape_add(t, loss, seqgpu_tape_cross_entropy(t, seqgpu_tape_add(t, y, y2), targets, 1, 2.0));
  seqgpu_tensor *mixed = seqgpu_tape_mul(t, seqgpu_tape_dropout(t, h, 0.3), seqgpu_tape_add(t, h, y));
  return seqgpu_tape_add(t, loss, seqgpu_tape_cross_entropy(t, mixed, targets, 1, 1.0));
}

static seqgpu_tensor *lengths_4231(world *w) {
  return seqgpu_tape_lengths(w->tape, 4, (int32_t[]){4, 2, 3, 1});
}

/* y, then each final state, as one vector. */
static seqgpu_tensor *with_finals(world *w, seqgpu_tensor *y) {
  seqgpu_tape *t = w->tape;
  seqgpu_tensor *all = seqgpu_tape_reshape(t, y, 1, DIM(seqgpu_tensor_count(y)));
  for (int k = 0; k < seqgpu_plan_num_states(w->plan[0]); k++) {
    seqgpu_tensor *s = seqgpu_tape_rnn_final(t, y, k);
    all = seqgpu_tape_concat(t, all, seqgpu_tape_reshape(t, s, 1, DIM(seqgpu_tensor_count(s))));
  }
  return all;
}
static seqgpu_tensor *rnn_full(world *w) {
  seqgpu_tensor *initial[2] = {w->leaf[2], w->leaf[3]};
  return with_finals(w,
                     seqgpu_tape_rnn(w->tape, w->plan[0], w->leaf[0], w->leaf[1], initial, lengths_4231(w)));
}
static seqgpu_tensor *rnn_plain(world *w) {
  return seqgpu_tape_rnn(w->tape, w->plan[0], w->leaf[0], w->leaf[1], NULL, NULL);
}
/* Only h at the end: no gradient reaches y itself. */
static seqgpu_tensor *rnn_only_final(world *w) { return seqgpu_tape_rnn_final(w->tape, rnn_plain(w), 0); }
/* The same tensor as h and c, twice, and [B,W] for [1,B,W]. */
static seqgpu_tensor *rnn_shared_state(world *w) {
  seqgpu_tensor *initial[2] = {w->leaf[2], w->leaf[2]};
  seqgpu_tensor *y = seqgpu_tape_rnn(w->tape, w->plan[0], w->leaf[0], w->leaf[1], initial, NULL);
  initial[1] = NULL;
  return with_finals(w, seqgpu_tape_rnn(w->tape, w->plan[0], w->leaf[0], y, initial, NULL));
}
/* Steps of one, states handed on, against the cost of one long call. */
static seqgpu_tensor *rnn_steps(world *w) {
  seqgpu_tensor *state[2] = {NULL, NULL}, *y = NULL;
  for (int64_t t = 0; t < 4; t++) {
    y = seqgpu_tape_rnn(w->tape, w->plan[0], w->leaf[0], seqgpu_tape_rows(w->tape, w->leaf[1], t, 1), state,
                        NULL);
    for (int k = 0; k < 2; k++) state[k] = seqgpu_tape_rnn_final(w->tape, y, k);
  }
  return with_finals(w, y);
}

static seqgpu_tensor *attention(world *w) {
  return seqgpu_tape_attention(w->tape, w->leaf[0], w->leaf[1], w->leaf[2], w->leaf[3], lengths_4231(w));
}
/* Keys that are also the values. */
static seqgpu_tensor *attention_shared(world *w) {
  seqgpu_tensor *h = seqgpu_tape_activation(w->tape, w->leaf[1], SEQGPU_TANH);
  seqgpu_tensor *c = seqgpu_tape_attention(w->tape, w->leaf[0], h, h, w->leaf[2], NULL);
  return seqgpu_tape_attention(w->tape, c, h, h, w->leaf[2], lengths_4231(w));
}
/* A query that is a view of the keys; values without gradient. */
static seqgpu_tensor *attention_self(world *w) {
  static const double f64[6] = {0.5, -1, 0.25, 2, -0.75, 1};
  static const float f32[6] = {0.5f, -1, 0.25f, 2, -0.75f, 1};
  const void *numbers = seqgpu_context_dtype(w->ctx) == SEQGPU_F64 ? (const void *)f64 : (const void *)f32;
  seqgpu_tensor *row = seqgpu_tape_rows(w->tape, w->leaf[0], 1, 1);
  seqgpu_tensor *query = seqgpu_tape_reshape(w->tape, row, 2, DIM(2, 3));
  seqgpu_tensor *values = seqgpu_tape_input(w->tape, 3, DIM(3, 2, 1), numbers);
  return seqgpu_tape_attention(w->tape, query, w->leaf[0], values, w->leaf[1], NULL);
}

static seqgpu_tensor *cross_entropy(world *w, int mean) {
  seqgpu_tensor *targets = seqgpu_tape_ids(w->tape, 2, DIM(2, 3), (int32_t[]){0, 3, -1, 1, 4, -5});
  return seqgpu_tape_cross_entropy(w->tape, w->leaf[0], targets, mean, 1.5);
}
static seqgpu_tensor *cross_entropy_mean(world *w) { return cross_entropy(w, 1); }
static seqgpu_tensor *cross_entropy_sum(world *w) { return cross_entropy(w, 0); }

/* ---------------------------------------------------------------- models */

/* Two bidirectional LSTM layers with dropout over a ragged batch; the last states of the upper layer are classified. */
static seqgpu_tensor *classifier(world *w) {
  seqgpu_tape *t = w->tape;
  seqgpu_tensor *ids =
      seqgpu_tape_ids(t, 2, DIM(4, 4), (int32_t[]){0, 1, 2, 3, 4, 0, 1, 9, 3, 9, 0, 9, 1, 9, 9, 9});
  seqgpu_tensor *x = seqgpu_tape_dropout(t, seqgpu_tape_embedding(t, w->leaf[0], ids), 0.2);
  seqgpu_tensor *y = seqgpu_tape_rnn(t, w->plan[0], w->leaf[1], x, NULL, lengths_4231(w));
  seqgpu_tensor *h = seqgpu_tape_rnn_final(t, y, 0); /* [2 layers * 2, 4, 3] */
  seqgpu_tensor *forward = seqgpu_tape_reshape(t, seqgpu_tape_rows(t, h, 2, 1), 2, DIM(4, 3));
  seqgpu_tensor *reverse = seqgpu_tape_reshape(t, seqgpu_tape_rows(t, h, 3, 1), 2, DIM(4, 3));
  seqgpu_tensor *top = seqgpu_tape_dropout(t, seqgpu_tape_concat(t, forward, reverse), 0.5);
  seqgpu_tensor *targets = seqgpu_tape_ids(t, 1, DIM(4), (int32_t[]){0, 2, 1, 2});
  return seqgpu_tape_cross_entropy(t, seqgpu_tape_linear(t, top, w->leaf[2], w->leaf[3]), targets, 1, 1.0);
}

/* Leaves of the encoder-decoder. */
enum { ED_EMBEDDING, ED_ENCODER, ED_DECODER, ED_INIT, ED_KEYS, ED_QUERY, ED_V, ED_OUT, ED_OUT_BIAS };

/* Bidirectional GRU encoder, attention decoder of three steps, teacher forcing; S = 4, B = 4, widths of 3. */
static seqgpu_tensor *encoder_decoder(world *w) {
  seqgpu_tape *t = w->tape;
  seqgpu_tensor *const *p = w->leaf;
  seqgpu_tensor *source =
      seqgpu_tape_ids(t, 2, DIM(4, 4), (int32_t[]){0, 1, 2, 3, 3, 0, 1, 0, 1, 0, 2, 0, 2, 0, 0, 0});
  seqgpu_tensor *wanted =
      seqgpu_tape_ids(t, 2, DIM(3, 4), (int32_t[]){2, 1, 0, 3, 1, 0, -1, 2, 0, -1, -1, 1});
  seqgpu_tensor *fed = seqgpu_tape_ids(t, 2, DIM(3, 4), (int32_t[]){0, 0, 0, 0, 2, 1, 0, 3, 1, 0, 9, 2});
  seqgpu_tensor *lengths = lengths_4231(w);
  seqgpu_tensor *x = seqgpu_tape_embedding(t, p[ED_EMBEDDING], source);
  seqgpu_tensor *h = seqgpu_tape_rnn(t, w->plan[0], p[ED_ENCODER], x, NULL, lengths); /* [4,4,6] */
  seqgpu_tensor *keys = seqgpu_tape_linear(t, h, p[ED_KEYS], NULL);
  seqgpu_tensor *last =
      seqgpu_tape_reshape(t, seqgpu_tape_rows(t, seqgpu_tape_rnn_final(t, h, 0), 1, 1), 2, DIM(4, 3));
  seqgpu_tensor *state =
      seqgpu_tape_activation(t, seqgpu_tape_linear(t, last, p[ED_INIT], NULL), SEQGPU_TANH);
  seqgpu_tensor *loss = NULL;
  for (int64_t step = 0; step < 3; step++) {
    seqgpu_tensor *query = seqgpu_tape_linear(t, state, p[ED_QUERY], NULL);
    seqgpu_tensor *context = seqgpu_tape_attention(t, query, keys, h, p[ED_V], lengths);
    seqgpu_tensor *previous = seqgpu_tape_embedding(t, p[ED_EMBEDDING], seqgpu_tape_rows(t, fed, step, 1));
    seqgpu_tensor *input = seqgpu_tape_concat(t, previous, seqgpu_tape_reshape(t, context, 3, DIM(1, 4, 6)));
    seqgpu_tensor *y = seqgpu_tape_rnn(t, w->plan[1], p[ED_DECODER], input, &state, NULL);
    state = seqgpu_tape_reshape(t, y, 2, DIM(4, 3));
    seqgpu_tensor *logits = seqgpu_tape_linear(t, y, p[ED_OUT], p[ED_OUT_BIAS]);
    seqgpu_tensor *cost = seqgpu_tape_cross_entropy(t, logits, seqgpu_tape_rows(t, wanted, step, 1), 0, 0.25);
    loss = loss ? seqgpu_tape_add(t, loss, cost) : cost;
  }
  return loss;
}

/* ---------------------------------------------------------------- the table */

static const seqgpu_rnn_desc
    lstm = {.cell = "lstm", .input_size = 3, .hidden_size = 3, .seq_len = 4, .batch = 4},
    lstm_step = {.cell = "lstm", .input_size = 3, .hidden_size = 3, .seq_len = 1, .batch = 4},
    gru_first =
        {.cell = "gru", .input_size = 2, .hidden_size = 3, .seq_len = 5, .batch = 6, .batch_first = 1},
    rnn_square = {.cell = "rnn", .input_size = 4, .hidden_size = 4, .seq_len = 3, .batch = 2},
    bi_lstm = {.cell = "lstm",
               .input_size = 2,
               .hidden_size = 3,
               .num_layers = 2,
               .seq_len = 4,
               .batch = 4,
               .bidirectional = 1,
               .dropout = 0.3},
    bi_gru = {.cell = "gru", .input_size = 3, .hidden_size = 3, .seq_len = 4, .batch = 4, .bidirectional = 1},
    decoder_gru = {.cell = "gru", .input_size = 9, .hidden_size = 3, .seq_len = 1, .batch = 4};

static const test_case cases[] = {
    {"embedding", embedding, {{5, 3}}, {0}},
    {"linear", linear, {{2, 3, 4}, {5, 4}, {5, 1}}, {0}},
    {"linear without bias", linear_no_bias, {{3, 4}, {2, 4}}, {0}},
    {"linear, x = w", linear_shared, {{3, 4}}, {0}},
    {"add", add, {{2, 3, 2, 2}, {2, 3, 2, 2}}, {0}},
    {"add, a = b", add_shared, {{5}}, {0}},
    {"mul", mul, {{4, 3}, {4, 3}}, {0}},
    {"mul, a = b", mul_shared, {{4, 3}}, {0}},
    {"scale", scale, {{4, 3}}, {0}},
    {"activation tanh", act_tanh, {{4, 5}}, {0}},
    {"activation relu", act_relu, {{4, 5}}, {0}},
    {"activation sigmoid", act_sigmoid, {{4, 5}}, {0}},
    {"activation identity", act_identity, {{4, 5}}, {0}},
    {"concat", concat, {{2, 3, 4}, {2, 3, 1}}, {0}},
    {"rows and reshape", views, {{4, 2, 3}}, {0}},
    {"dropout", dropout, {{7, 5}}, {0}},
    {"cross entropy, mean", cross_entropy_mean, {{2, 3, 5}}, {0}},
    {"cross entropy, sum", cross_entropy_sum, {{2, 3, 5}}, {0}},
    {"attention", attention, {{4, 3}, {4, 4, 3}, {4, 4, 2}, {3}}, {0}},
    {"attention, keys = values", attention_shared, {{4, 3}, {4, 4, 3}, {3, 1}}, {0}},
    {"attention, query in keys", attention_self, {{3, 2, 3}, {3}}, {0}},
    {"rnn lstm, states, lengths", rnn_full, {{PLAN_0}, {4, 4, 3}, {1, 4, 3}, {1, 4, 3}}, {&lstm}},
    {"rnn gru batch first, T and B below the plan's", rnn_plain, {{PLAN_0}, {3, 2, 2}}, {&gru_first}},
    {"rnn lstm 2 layers, bidirectional, dropout",
     rnn_full,
     {{PLAN_0}, {4, 4, 2}, {4, 4, 3}, {4, 4, 3}},
     {&bi_lstm}},
    {"rnn, only the final state", rnn_only_final, {{PLAN_0}, {4, 4, 3}}, {&lstm}},
    {"rnn, one tensor as h and c", rnn_shared_state, {{PLAN_0}, {4, 4, 3}, {4, 3}}, {&lstm}},
    {"rnn in steps of one", rnn_steps, {{PLAN_0}, {4, 4, 3}}, {&lstm_step}},
    {"one tensor used by many", shared_use, {{3, 2, 4}, {PLAN_0}}, {&rnn_square}},
    {"classifier", classifier, {{5, 2}, {PLAN_0}, {3, 6}, {3, 1}}, {&bi_lstm}},
    {"encoder-decoder",
     encoder_decoder,
     {{4, 3}, {PLAN_0}, {PLAN_1}, {3, 3}, {3, 6}, {3, 3}, {3, 1}, {4, 3}, {4, 1}},
     {&bi_gru, &decoder_gru}},
};
enum { CASES = (int)(sizeof cases / sizeof cases[0]) };

/* ---------------------------------------------------------------- the world */

/* The case's shape of leaf i, with the parameters of a plan counted; its rank. */
static int leaf_shape(const world *w, const test_case *c, int i, int64_t shape[SEQGPU_TAPE_RANK]) {
  memcpy(shape, c->shape[i], sizeof c->shape[i]);
  if (shape[0] < 0) shape[0] = seqgpu_plan_param_count(w->plan[shape[0] == PLAN_0 ? 0 : 1]);
  int rank = 0;
  while (rank < SEQGPU_TAPE_RANK && shape[rank] != 0) rank++;
  return rank;
}

static void world_leaf(world *w, const test_case *c, int i) {
  int64_t shape[SEQGPU_TAPE_RANK];
  w->count[i] = 1;
  for (int r = leaf_shape(w, c, i, shape) - 1; r >= 0; r--) w->count[i] *= shape[r];
  const size_t bytes = (size_t)w->count[i] * sizeof(double);
  w->host[i] = malloc(bytes);
  w->host_grad[i] = malloc(bytes);
  for (int64_t j = 0; j < w->count[i]; j++) /* away from the kink of relu */
    w->host[i][j] = (double)(float)(check_uniform(0.1, 1) * (check_random() & 1 ? 1 : -1));
  net_require(w->ctx, seqgpu_malloc(w->ctx, bytes, &w->value[i]), "seqgpu_malloc");
  net_require(w->ctx, seqgpu_malloc(w->ctx, bytes, &w->grad[i]), "seqgpu_malloc");
}

static void world_open(world *w, seqgpu_context *ctx, const test_case *c) {
  *w = (world){.ctx = ctx};
  net_require(ctx, seqgpu_tape_create(ctx, 77, &w->tape), "seqgpu_tape_create");
  for (int k = 0; k < PLANS && c->plan[k]; k++)
    net_require(ctx, seqgpu_plan_create(ctx, c->plan[k], &w->plan[k]), "seqgpu_plan_create");
  for (; w->leaves < LEAVES && c->shape[w->leaves][0] != 0; w->leaves++) world_leaf(w, c, w->leaves);
}

static void world_close(world *w) {
  for (int i = 0; i < w->leaves; i++) {
    seqgpu_free(w->ctx, w->value[i]);
    seqgpu_free(w->ctx, w->grad[i]);
    free(w->host[i]);
    free(w->host_grad[i]);
  }
  seqgpu_tape_destroy(w->tape);
  for (int k = 0; k < PLANS; k++) seqgpu_plan_destroy(w->plan[k]);
}

/* A step up to the case's tensor; dropout draws the same each time. */
static seqgpu_tensor *world_build(world *w, const test_case *c, int training) {
  net_require(w->ctx, seqgpu_tape_clear(w->tape, training), "seqgpu_tape_clear");
  seqgpu_tape_set_counter(w->tape, COUNTER);
  for (int i = 0; i < w->leaves; i++) {
    int64_t shape[SEQGPU_TAPE_RANK];
    const int rank = leaf_shape(w, c, i, shape);
    net_upload(w->ctx, w->value[i], w->host[i], w->count[i]);
    w->leaf[i] = seqgpu_tape_wrap(w->tape, rank, shape, w->value[i], w->grad[i]);
  }
  return c->build(w);
}

/* The value, in float64; the caller frees it. */
static double *world_read(world *w, seqgpu_tensor *y) {
  const int64_t n = seqgpu_tensor_count(y);
  double *out = calloc((size_t)n + 1, sizeof *out);
  if (y) net_download(w->ctx, out, seqgpu_tensor_value(y), n);
  return out;
}

/* Gradients of sum(dy * y) into host_grad, from zeroed buffers. */
static seqgpu_status world_backward(world *w, seqgpu_tensor *y, const double *dy) {
  for (int i = 0; i < w->leaves; i++)
    net_require(w->ctx, seqgpu_zero(w->ctx, w->grad[i], (size_t)w->count[i] * sizeof(double)), "seqgpu_zero");
  const int64_t n = seqgpu_tensor_count(y);
  float *narrow = calloc((size_t)n + 1, sizeof *narrow);
  for (int64_t i = 0; i < n; i++) narrow[i] = (float)dy[i];
  const int f32 = seqgpu_context_dtype(w->ctx) == SEQGPU_F32;
  const seqgpu_status status = seqgpu_tape_backward(w->tape, y, f32 ? (const void *)narrow : dy);
  net_require(w->ctx, status, "seqgpu_tape_backward");
  free(narrow);
  for (int i = 0; i < w->leaves; i++) net_download(w->ctx, w->host_grad[i], w->grad[i], w->count[i]);
  return status;
}

/* ---------------------------------------------------------------- gradients */

static double loss_at(world *w, const test_case *c, const double *dy, double *variable, double v) {
  const double before = *variable;
  *variable = v;
  seqgpu_tensor *y = world_build(w, c, 1);
  double *value = world_read(w, y), loss = 0;
  for (int64_t i = 0; i < seqgpu_tensor_count(y); i++) loss += dy[i] * value[i];
  free(value);
  *variable = before;
  return loss;
}

static double difference(world *w, const test_case *c, const double *dy, double *variable) {
  const double v = *variable;
  const double near = loss_at(w, c, dy, variable, v + STEP) - loss_at(w, c, dy, variable, v - STEP);
  const double far = loss_at(w, c, dy, variable, v + 2 * STEP) - loss_at(w, c, dy, variable, v - 2 * STEP);
  return (8 * near - far) / (12 * STEP);
}

static double *random_dy(const seqgpu_tensor *y) {
  const int64_t n = seqgpu_tensor_count(y);
  double *dy = calloc((size_t)n + 1, sizeof *dy);
  for (int64_t i = 0; i < n; i++) dy[i] = (double)(float)check_uniform(-1, 1);
  return dy;
}

static void check_gradients(seqgpu_context *ctx, const test_case *c) {
  world w;
  world_open(&w, ctx, c);
  seqgpu_tensor *y = world_build(&w, c, 1);
  double *dy = random_dy(y), worst = world_backward(&w, y, dy) ? NAN : 0;
  for (int i = 0; i < w.leaves && worst == worst; i++) {
    double *expected = malloc((size_t)w.count[i] * sizeof *expected);
    for (int64_t j = 0; j < w.count[i]; j++) expected[j] = difference(&w, c, dy, &w.host[i][j]);
    worst = net_worse(worst, check_norm_f64(w.host_grad[i], expected, w.count[i]));
    free(expected);
  }
  check_error(worst, TOLERANCE, "gradients of %s", c->name);
  free(dy);
  world_close(&w);
}

/* ---------------------------------------------------------------- devices */

/* Value and gradients on ctx against the same in float64. */
static void check_device(seqgpu_context *oracle, seqgpu_context *ctx, const test_case *c) {
  world a, b;
  world_open(&a, oracle, c);
  world_open(&b, ctx, c);
  for (int i = 0; i < a.leaves; i++) memcpy(b.host[i], a.host[i], (size_t)a.count[i] * sizeof(double));
  seqgpu_tensor *y = world_build(&a, c, 1), *z = world_build(&b, c, 1);
  net_require(ctx, seqgpu_tape_status(b.tape), c->name);
  double *dy = random_dy(y), *wanted = world_read(&a, y), *got = world_read(&b, z);
  double worst = check_norm_f64(got, wanted, seqgpu_tensor_count(y));
  if (z == NULL || world_backward(&a, y, dy) || world_backward(&b, z, dy)) worst = NAN;
  for (int i = 0; i < a.leaves; i++)
    worst = net_worse(worst, check_norm_f64(b.host_grad[i], a.host_grad[i], a.count[i]));
  check_error(worst, 1e-5, "%s f32 on %s", c->name, seqgpu_context_device(ctx));
  free(dy);
  free(wanted);
  free(got);
  world_close(&a);
  world_close(&b);
}

static void check_devices(seqgpu_context *oracle) {
  static const char *const devices[] = {"cpu", "emulator", "cuda"};
  for (int d = 0; d < 3; d++) {
    const seqgpu_context_options options = {.device = devices[d], .threads = 2};
    seqgpu_context *ctx = NULL;
    if (seqgpu_context_create(&options, &ctx) != SEQGPU_OK)
      check_skip(seqgpu_last_error(ctx), "tape on %s", devices[d]);
    else
      for (int i = 0; i < CASES; i++) check_device(oracle, ctx, &cases[i]);
    seqgpu_context_destroy(ctx);
  }
}

/* ---------------------------------------------------------------- accumulation */

static void check_accumulation(seqgpu_context *ctx) {
  const test_case c = {"mul", mul, {{2}, {2}}, {0}};
  world w;
  world_open(&w, ctx, &c);
  seqgpu_tensor *product = world_build(&w, &c, 1);
  seqgpu_tensor *y = seqgpu_tape_scale(w.tape, product, 2);
  const double dy[] = {1, 1};
  world_backward(&w, y, dy);
  check_error(fabs(w.host_grad[0][0] - 2 * w.host[1][0]), 1e-15, "gradient of a wrapped leaf");
  net_require(ctx, seqgpu_tape_backward(w.tape, y, dy), "a second backward");
  double twice[2], inner[2];
  net_download(ctx, twice, w.grad[0], 2);
  net_download(ctx, inner, seqgpu_tensor_grad(product), 2);
  check_error(fabs(twice[1] - 2 * w.host_grad[0][1]), 1e-15,
              "a second backward adds to the wrapped gradient");
  CHECK(inner[0] == 2 && inner[1] == 2, "a second backward starts the inner gradients afresh");
  CHECK(seqgpu_tensor_grad(w.leaf[0]) == w.grad[0], "the gradient of a leaf is the caller's buffer");
  net_require(ctx, seqgpu_tape_backward(w.tape, product, dy), "backward of an inner tensor");
  CHECK(seqgpu_tensor_grad(y) == NULL, "no gradient where the last backward brought none");
  double sum = 0, both[4];
  seqgpu_tensor *seed = w.leaf[0]; /* a leaf as loss: its own gradient is added to the buffer */
  net_download(ctx, twice, w.grad[0], 2);
  net_require(ctx, seqgpu_tape_backward(w.tape, seed, dy), "backward of a leaf");
  net_download(ctx, both, w.grad[0], 2);
  for (int i = 0; i < 2; i++) sum += fabs(both[i] - twice[i] - 1);
  check_error(sum, 1e-14, "backward of a leaf adds to its buffer");
  world_close(&w);
}

/* ---------------------------------------------------------------- errors */

typedef struct misuse {
  const char *name;
  seqgpu_tensor *(*build)(world *w);
  const char *sentence; /* a part of what the tape says */
} misuse;

static seqgpu_tensor *bad_null(world *w) { return seqgpu_tape_add(w->tape, w->leaf[0], NULL); }
static seqgpu_tensor *bad_shapes(world *w) { return seqgpu_tape_add(w->tape, w->leaf[0], w->leaf[1]); }
static seqgpu_tensor *bad_linear(world *w) {
  return seqgpu_tape_linear(w->tape, w->leaf[1], w->leaf[0], NULL);
}
static seqgpu_tensor *bad_bias(world *w) {
  return seqgpu_tape_linear(w->tape, w->leaf[0], seqgpu_tape_rows(w->tape, w->leaf[0], 0, 2), w->leaf[1]);
}
static seqgpu_tensor *bad_concat(world *w) { return seqgpu_tape_concat(w->tape, w->leaf[0], w->leaf[1]); }
static seqgpu_tensor *bad_rows(world *w) { return seqgpu_tape_rows(w->tape, w->leaf[0], 2, INT64_MAX); }
static seqgpu_tensor *bad_reshape(world *w) {
  return seqgpu_tape_reshape(w->tape, w->leaf[0], 2, DIM(INT64_MAX, INT64_MAX));
}
static seqgpu_tensor *bad_rank(world *w) {
  return seqgpu_tape_reshape(w->tape, w->leaf[0], 5, DIM(1, 1, 1, 1, 12));
}
static seqgpu_tensor *bad_size(world *w) {
  return seqgpu_tape_wrap(w->tape, 3, DIM(1 << 30, 1 << 30, 1 << 30), w->value[0], NULL);
}
static seqgpu_tensor *bad_dimension(world *w) {
  return seqgpu_tape_wrap(w->tape, 2, DIM(3, 0), w->value[0], NULL);
}
static seqgpu_tensor *bad_host(world *w) { return seqgpu_tape_input(w->tape, 1, DIM(3), NULL); }
static seqgpu_tensor *bad_dropout(world *w) { return seqgpu_tape_dropout(w->tape, w->leaf[0], NAN); }
static seqgpu_tensor *bad_activation(world *w) {
  return seqgpu_tape_activation(w->tape, w->leaf[0], (seqgpu_activation)9);
}
static seqgpu_tensor *bad_kind(world *w) { return seqgpu_tape_embedding(w->tape, w->leaf[0], w->leaf[1]); }
static seqgpu_tensor *bad_targets(world *w) {
  seqgpu_tensor *targets = seqgpu_tape_ids(w->tape, 1, DIM(4), (int32_t[]){0, 1, 2, 3});
  return seqgpu_tape_cross_entropy(w->tape, w->leaf[0], targets, 1, 1);
}
static seqgpu_tensor *bad_length(world *w) { return seqgpu_tape_lengths(w->tape, 2, (int32_t[]){1, -1}); }
static seqgpu_tensor *bad_final(world *w) { return seqgpu_tape_rnn_final(w->tape, w->leaf[0], 0); }
static seqgpu_tensor *bad_weights(world *w) { return seqgpu_tape_attention_weights(w->tape, w->leaf[0]); }
static seqgpu_tensor *bad_attention(world *w) {
  return seqgpu_tape_attention(w->tape, w->leaf[0], w->leaf[3], w->leaf[3], w->leaf[1], NULL);
}
static seqgpu_tensor *bad_source_length(world *w) {
  return seqgpu_tape_attention(w->tape, w->leaf[4], w->leaf[3], w->leaf[3], w->leaf[1],
                               seqgpu_tape_lengths(w->tape, 4, (int32_t[]){1, 1, 0, 1}));
}
static seqgpu_tensor *bad_plan(world *w) {
  return seqgpu_tape_rnn(w->tape, NULL, w->leaf[2], w->leaf[3], NULL, NULL);
}
static seqgpu_tensor *bad_input(world *w) {
  return seqgpu_tape_rnn(w->tape, w->plan[0], w->leaf[2], w->leaf[0], NULL, NULL);
}
static seqgpu_tensor *bad_params(world *w) {
  return seqgpu_tape_rnn(w->tape, w->plan[0], w->leaf[1], w->leaf[3], NULL, NULL);
}
static seqgpu_tensor *bad_state(world *w) {
  seqgpu_tensor *initial[2] = {NULL, w->leaf[0]};
  return seqgpu_tape_rnn(w->tape, w->plan[0], w->leaf[2], w->leaf[3], initial, NULL);
}
static seqgpu_tensor *bad_long(world *w) {
  return seqgpu_tape_rnn(w->tape, w->plan[0], w->leaf[2], w->leaf[5], NULL, NULL);
}
static seqgpu_tensor *bad_rnn_lengths(world *w) {
  return seqgpu_tape_rnn(w->tape, w->plan[0], w->leaf[2], w->leaf[3], NULL,
                         seqgpu_tape_lengths(w->tape, 4, (int32_t[]){1, 1, 5, 1}));
}
static seqgpu_tensor *bad_mode(world *w) {
  return seqgpu_tape_rnn(w->tape, w->plan[1], w->leaf[2], w->leaf[3], NULL, NULL);
}

static const seqgpu_rnn_desc frozen = {
    .cell = "lstm", .input_size = 3, .hidden_size = 3, .seq_len = 4, .batch = 4, .inference = 1};

/* Leaves: [3,4], [3], LSTM parameters, [4,4,3], [4,3], [5,4,3]. */
static const test_case misuse_world = {
    "misuse", NULL, {{3, 4}, {3}, {PLAN_0}, {4, 4, 3}, {4, 3}, {5, 4, 3}}, {&lstm, &frozen}};

static const misuse misuses[] = {
    {"NULL", bad_null, "add: b is NULL"},
    {"add", bad_shapes, "add: a is [3,4] but b is [3]"},
    {"linear", bad_linear, "linear: w is [3,4] but x is [3]; w must be [out,3]"},
    {"linear bias", bad_bias, "linear: b is [3] but w is [2,4]; b must have 2 numbers"},
    {"concat", bad_concat, "concat: a is [3,4] but b is [3]"},
    {"rows", bad_rows, "within the 3 rows"},
    {"reshape", bad_reshape, "reshape: shape is"},
    {"rank", bad_rank, "rank must be 1 to 4"},
    {"size", bad_size, "limit is 2^46"},
    {"dimension", bad_dimension, "dimension 1 of shape is 0"},
    {"host", bad_host, "input: host is NULL"},
    {"dropout", bad_dropout, "dropout: p is"},
    {"activation", bad_activation, "activation is 9"},
    {"kind", bad_kind, "embedding: ids is a tensor of reals"},
    {"targets", bad_targets, "cross_entropy: logits is [3,4] but targets is [4]"},
    {"length", bad_length, "lengths: number 1 is -1"},
    {"final", bad_final, "was not returned by seqgpu_tape_rnn"},
    {"weights", bad_weights, "was not returned by seqgpu_tape_attention"},
    {"attention", bad_attention, "attention: query is [3,4] but keys is [4,4,3]"},
    {"attention lengths", bad_source_length, "lengths are 0 to 1; they must be 1 to 4"},
    {"rnn plan", bad_plan, "rnn: plan is NULL"},
    {"rnn x", bad_input, "input_size 3"},
    {"rnn params", bad_params, "rnn: params has 3 numbers"},
    {"rnn state", bad_state, "initial[1] is [3,4]; it must be [1,4,3]"},
    {"rnn too long", bad_long, "seq_len 4"},
    {"rnn lengths", bad_rnn_lengths, "of up to 5"},
    {"rnn for inference", bad_mode, "inference = 1"},
};

/* A step that builds this, on the leaves of misuse_world. */
static seqgpu_tensor *build_misuse(world *w, seqgpu_tensor *(*build)(world *w)) {
  test_case c = misuse_world;
  c.build = build;
  return world_build(w, &c, 1);
}

static void check_misuse(world *w, const misuse *m) {
  CHECK(build_misuse(w, m->build) == NULL, "NULL is returned: %s", m->name);
  const char *sentence = seqgpu_tape_error(w->tape);
  check_record(seqgpu_tape_status(w->tape) == SEQGPU_EINVAL && strstr(sentence, m->sentence) != NULL,
               sentence, "misuse: %s", m->name);
  CHECK(strcmp(seqgpu_last_error(w->ctx), sentence) == 0, "the context says the same: %s", m->name);
}

static void check_errors(seqgpu_context *ctx) {
  world w;
  world_open(&w, ctx, &misuse_world);
  const int count = (int)(sizeof misuses / sizeof misuses[0]);
  for (int i = 0; i < count; i++) check_misuse(&w, &misuses[i]);

  build_misuse(&w, bad_null);
  CHECK(seqgpu_tape_scale(w.tape, w.leaf[0], 2) == NULL, "after an error every builder returns NULL");
  seqgpu_tensor *loss = bad_rows(&w);
  CHECK(seqgpu_tape_backward(w.tape, loss, NULL) == SEQGPU_EINVAL, "backward returns the first error");
  CHECK(strstr(seqgpu_tape_error(w.tape), "add: b is NULL") != NULL, "the first error's sentence is kept");
  CHECK(strstr(seqgpu_last_error(ctx), "add: b is NULL") != NULL, "backward repeats it");
  CHECK(seqgpu_tape_clear(w.tape, 1) == SEQGPU_OK && seqgpu_tape_status(w.tape) == SEQGPU_OK &&
            seqgpu_tape_error(w.tape)[0] == '\0',
        "clear forgets the error");
  seqgpu_tape *other = NULL;
  net_require(ctx, seqgpu_tape_create(ctx, 1, &other), "seqgpu_tape_create");
  seqgpu_tensor *foreign = seqgpu_tape_wrap(other, 1, DIM(3), w.value[1], w.grad[1]);
  CHECK(seqgpu_tape_scale(w.tape, foreign, 1) == NULL && strstr(seqgpu_tape_error(w.tape), "another tape"),
        "a tensor of another tape is refused");
  CHECK(seqgpu_tape_backward(other, foreign, NULL) == SEQGPU_EINVAL,
        "backward of [3] without dloss is refused");
  seqgpu_tape_clear(other, 1);
  foreign = seqgpu_tape_wrap(other, 1, DIM(1), w.value[1], NULL);
  CHECK(seqgpu_tape_backward(other, foreign, NULL) == SEQGPU_EINVAL,
        "backward without any gradient is refused");
  seqgpu_tape_clear(other, 0);
  foreign = seqgpu_tape_wrap(other, 1, DIM(1), w.value[1], w.grad[1]);
  CHECK(seqgpu_tape_backward(other, foreign, NULL) == SEQGPU_EINVAL, "backward without training is refused");
  CHECK(seqgpu_tape_add(NULL, NULL, NULL) == NULL && seqgpu_tape_clear(NULL, 1) == SEQGPU_EINVAL &&
            seqgpu_tape_create(ctx, 1, NULL) == SEQGPU_EINVAL &&
            seqgpu_tape_backward(NULL, NULL, NULL) == SEQGPU_EINVAL,
        "a NULL tape is an error, not a crash");
  CHECK(seqgpu_tensor_count(NULL) == 0 && seqgpu_tensor_shape(NULL, NULL) == 0 &&
            seqgpu_tensor_read(NULL, NULL) == SEQGPU_EINVAL,
        "a NULL tensor can be asked");
  seqgpu_tape_destroy(other);
  seqgpu_tape_destroy(NULL);
  world_close(&w);
}

/* ---------------------------------------------------------------- memory */

/* An allocator that counts, and fails from request number `fail_at` on. */
typedef struct ration {
  long requests, fail_at;
} ration;

static void *ration_allocate(size_t bytes, void *user) {
  ration *r = user;
  if (r->requests++ >= r->fail_at) return NULL;
  return aligned_alloc(64, (bytes + 63) / 64 * 64);
}
static void ration_release(void *pointer, void *user) {
  (void)user;
  free(pointer);
}

static seqgpu_context *rationed_context(ration *r) {
  const seqgpu_allocator allocator = {ration_allocate, ration_release, r};
  const seqgpu_context_options options = {
      .device = "cpu", .dtype = SEQGPU_F64, .threads = 1, .allocator = &allocator};
  seqgpu_context *ctx = NULL;
  net_require(ctx, seqgpu_context_create(&options, &ctx), "seqgpu_context_create");
  return ctx;
}

static const test_case *find_case(const char *name) {
  for (int i = 0; i < CASES; i++)
    if (strcmp(cases[i].name, name) == 0) return &cases[i];
  return NULL;
}

/* Three hundred activations: more than one chunk in the first step. */
static seqgpu_tensor *long_chain(world *w) {
  seqgpu_tensor *x = w->leaf[0];
  for (int i = 0; i < 300; i++) x = seqgpu_tape_activation(w->tape, x, SEQGPU_TANH);
  return x;
}

static void check_steps_allocate_nothing(const test_case *c) {
  ration r = {0, 1L << 60};
  seqgpu_context *ctx = rationed_context(&r);
  world w;
  world_open(&w, ctx, c);
  size_t memory = 0;
  long requests = 0;
  for (int step = 0; step < 6; step++) {
    seqgpu_tensor *y = world_build(&w, c, 1);
    if (step == 1) requests = r.requests; /* the second clear has put the memory of the first step together */
    if (step == 1) memory = seqgpu_tape_memory(w.tape);
    double *dy = random_dy(y);
    world_backward(&w, y, dy);
    free(dy);
  }
  CHECK(r.requests == requests, "no allocation after the first step: %s", c->name);
  CHECK(memory > 0 && seqgpu_tape_memory(w.tape) == memory, "no growth after the first step: %s", c->name);
  world_close(&w);
  seqgpu_context_destroy(ctx);
}

/* Every request in turn is refused: an error each time, no crash, no leak, and the tape works afterwards. */
static void check_out_of_memory(const test_case *c) {
  ration r = {0, 1L << 60};
  seqgpu_context *ctx = rationed_context(&r);
  int failures = 0, good = 1, done = 0;
  for (long allowed = 0; !done && allowed < 1000; allowed++) {
    world w;
    world_open(&w, ctx, c);
    double one = 1;
    r.fail_at = r.requests + allowed;
    seqgpu_tensor *y = world_build(&w, c, 1);
    const seqgpu_status status = seqgpu_tape_backward(w.tape, y, &one);
    r.fail_at = 1L << 60;
    done = status == SEQGPU_OK;
    failures += !done;
    good &= done || (status == SEQGPU_ENOMEM && strstr(seqgpu_tape_error(w.tape), "memory") != NULL);
    y = world_build(&w, c, 1);
    good &= seqgpu_tape_backward(w.tape, y, &one) == SEQGPU_OK;
    world_close(&w);
  }
  CHECK(good && done && failures > 0, "out of memory at each of %d requests: %s", failures, c->name);
  seqgpu_context_destroy(ctx);
}

static void check_memory(void) {
  check_steps_allocate_nothing(find_case("encoder-decoder"));
  check_steps_allocate_nothing(find_case("attention, keys = values"));
  check_steps_allocate_nothing(&(test_case){"long chain", long_chain, {{50, 70}}, {0}});
  check_out_of_memory(find_case("encoder-decoder"));
  check_out_of_memory(find_case("classifier"));
}

/* ---------------------------------------------------------------- dropout, inference, reading */

static double dropped(seqgpu_tape *tape, const double *ones, int n, double *out) {
  seqgpu_tensor *x = seqgpu_tape_input(tape, 1, DIM(n), ones);
  seqgpu_tensor_read(seqgpu_tape_dropout(tape, x, 0.25), out);
  double zeros = 0;
  for (int i = 0; i < n; i++) zeros += out[i] == 0;
  return zeros / n;
}

static void check_dropout(seqgpu_context *ctx) {
  enum { N = 4001 };
  double *ones = malloc(N * sizeof *ones), *a = malloc(N * sizeof *a), *b = malloc(N * sizeof *b);
  for (int i = 0; i < N; i++) ones[i] = 1;
  seqgpu_tape *tape = NULL;
  net_require(ctx, seqgpu_tape_create(ctx, 5, &tape), "seqgpu_tape_create");
  const double share = dropped(tape, ones, N, a);
  CHECK(share > 0.2 && share < 0.3, "dropout drops a quarter");
  CHECK(seqgpu_tape_counter(tape) == (N + 3) / 4, "the counter counts blocks of four");
  seqgpu_tape_clear(tape, 1);
  dropped(tape, ones, N, b);
  CHECK(memcmp(a, b, N * sizeof *a) != 0, "the next step drops others");
  seqgpu_tape_clear(tape, 1);
  seqgpu_tape_set_counter(tape, 0);
  dropped(tape, ones, N, b);
  CHECK(memcmp(a, b, N * sizeof *a) == 0, "the counter set back drops the same");
  const uint64_t counter = seqgpu_tape_counter(tape);
  seqgpu_tape_clear(tape, 0);
  dropped(tape, ones, N, b);
  CHECK(memcmp(ones, b, N * sizeof *b) == 0 && seqgpu_tape_counter(tape) == counter,
        "without training it does nothing");
  seqgpu_tape_destroy(tape);
  free(ones);
  free(a);
  free(b);
}

/* Without training: the same numbers as a training step of a model without dropout. */
static void check_inference(seqgpu_context *ctx) {
  const test_case *c = find_case("encoder-decoder");
  world w;
  world_open(&w, ctx, c);
  double training = 0, inference = 1, resumed = 0;
  seqgpu_tensor_number(world_build(&w, c, 1), &training);
  seqgpu_tensor *loss = world_build(&w, c, 0);
  seqgpu_tensor_number(loss, &inference);
  check_error(fabs(training - inference), 1e-14, "inference computes the same");
  CHECK(seqgpu_tape_backward(w.tape, loss, NULL) == SEQGPU_EINVAL, "inference has no backward");
  seqgpu_tensor_number(world_build(&w, c, 1), &resumed);
  CHECK(resumed == training, "the same step again has the same bits");
  world_close(&w);
}

static void check_reading(seqgpu_context *ctx) {
  const test_case *c = find_case("attention");
  world w;
  world_open(&w, ctx, c);
  seqgpu_tensor *context = world_build(&w, c, 0);
  double a[16], sum[4] = {0}, number;
  net_require(ctx, seqgpu_tensor_read(seqgpu_tape_attention_weights(w.tape, context), a),
              "seqgpu_tensor_read");
  for (int i = 0; i < 16; i++) sum[i % 4] += a[i];
  CHECK(fabs(sum[0] - 1) + fabs(sum[1] - 1) + fabs(sum[2] - 1) + fabs(sum[3] - 1) < 1e-14 && a[7] == 0,
        "attention weights sum to 1 within the lengths");
  int64_t shape[SEQGPU_TAPE_RANK];
  CHECK(seqgpu_tensor_shape(context, shape) == 2 && shape[0] == 4 && shape[1] == 2, "shape");
  int32_t ids[2] = {0, 0};
  seqgpu_tensor *cut =
      seqgpu_tape_rows(w.tape, seqgpu_tape_ids(w.tape, 1, DIM(4), (int32_t[]){5, 6, 7, 8}), 1, 2);
  net_require(ctx, seqgpu_tensor_read(cut, ids), "seqgpu_tensor_read");
  CHECK(ids[0] == 6 && ids[1] == 7, "rows of ids");
  CHECK(seqgpu_tensor_number(context, &number) == SEQGPU_EINVAL, "a matrix is not a number");
  world_close(&w);
}

int main(void) {
  check_start();
  seqgpu_context *ctx = net_context("cpu", SEQGPU_F64, 1);
  for (int i = 0; i < CASES; i++) check_gradients(ctx, &cases[i]);
  check_devices(ctx);
  check_accumulation(ctx);
  check_errors(ctx);
  check_memory();
  check_dropout(ctx);
  check_inference(ctx);
  check_reading(ctx);
  seqgpu_context_destroy(ctx);
  return check_finish();
}
