/* reverse_strings.c - an encoder-decoder with additive attention learns to write strings backwards.
 *
 *   reverse_strings [--steps 2000] [--seed 1] [--threads 1] [--max-length 10] [--symbols 26] [--device cpu]
 *
 * A small version of the model of Bahdanau, Cho and Bengio (2015), on the tape of libseqgpu:
 *
 *   h        = bidirectional GRU over the embedded source                        [S,B,2H]
 *   s_0      = tanh(W_init h_1 of the reverse direction)                         [B,H]
 *   c_t      = attention of s_{t-1} over h                                       [B,2H]
 *   s_t      = GRU of [embedding of the previous symbol; c_t] from s_{t-1}       [B,H]
 *   logits_t = W_out [s_t; c_t] + b                                              [B,symbols + 1]
 *
 * A string has 1 to --max-length random symbols; the model must also say where it ends.  A string counts as
 * right when every symbol and the end are right.  The exit code is 0 only if at least 99 % of 2048 fresh
 * strings are right.  The same seed gives the same run.
 */
#include "seqgpu/seqgpu.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/common/measure.h"
#include "bench/common/options.h"

enum { BATCH = 64, EMBED = 32, HIDDEN = 64, REPORT = 250, CHECK_BATCHES = 16, FINAL_BATCHES = 32 };
#define PASS_RATE 0.99
#define STOP_RATE 0.999 /* of the check strings; training ends there */
#define RATE      3e-3

typedef struct options {
  int64_t steps, max_length, symbols, seed;
  int threads;
  const char *device;
} options;

static const char usage[] =
    "usage: reverse_strings [--steps 2000] [--seed 1] [--threads 1] [--max-length 10]\n"
    "                       [--symbols 26] [--device cpu]\n";

typedef struct model {
  options options;
  seqgpu_context *ctx;
  seqgpu_params *params;
  seqgpu_tape *tape;
  seqgpu_plan *encoder_plan, *decoder_plan;
  seqgpu_param embedding, encoder, init, keys, query, v, decoder, out, out_bias;
} model;

/* Time-major strings: the source [S,B], what the decoder reads and must write [S+1,B]; -1 is padding. */
typedef struct batch {
  int64_t source_length; /* S: the longest string's */
  int32_t lengths[BATCH];
  int32_t *source, *fed, *wanted;
} batch;

/* What the decoder reads in every step. */
typedef struct reader {
  seqgpu_tensor *embedding, *h, *keys, *lengths, *query, *v, *decoder, *out, *out_bias;
} reader;

/* ---------------------------------------------------------------- strings */

static int32_t end_of(const model *m) { return (int32_t)m->options.symbols; }
static int32_t start_of(const model *m) { return (int32_t)m->options.symbols + 1; }

/* splitmix64 (Vigna) */
static uint64_t draw(uint64_t *state) {
  uint64_t z = *state += 0x9E3779B97F4A7C15u;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}

static int32_t draw_below(uint64_t *state, int64_t n) { return (int32_t)(draw(state) % (uint64_t)n); }

static void batch_free(batch *b) {
  free(b->source);
  free(b->fed);
  free(b->wanted);
}

/* Draws a random string into column i of the batch. */
static void draw_string(const model *m, uint64_t *state, batch *b, int i) {
  const int32_t length = b->lengths[i];
  for (int32_t t = 0; t < length; t++) {
    const int32_t symbol = draw_below(state, m->options.symbols);
    b->source[t * BATCH + i] = symbol;
    b->wanted[(length - 1 - t) * BATCH + i] = symbol;
  }
  b->wanted[length * BATCH + i] = end_of(m);
  b->fed[i] = start_of(m);
  for (int32_t t = 0; t < length; t++) b->fed[(t + 1) * BATCH + i] = b->wanted[t * BATCH + i];
}

/* 1, or 0 if there is no memory. */
static int draw_batch(const model *m, uint64_t *state, batch *b) {
  *b = (batch){0};
  for (int i = 0; i < BATCH; i++) {
    b->lengths[i] = 1 + draw_below(state, m->options.max_length);
    b->source_length = b->lengths[i] > b->source_length ? b->lengths[i] : b->source_length;
  }
  const size_t bytes = (size_t)((b->source_length + 1) * BATCH) * sizeof(int32_t);
  int32_t **const arrays[] = {&b->source, &b->fed, &b->wanted};
  for (int k = 0; k < 3; k++) {
    *arrays[k] = malloc(bytes);
    if (*arrays[k] == NULL) return 0;
    memset(*arrays[k], 0xff, bytes); /* -1 */
  }
  for (int i = 0; i < BATCH; i++) draw_string(m, state, b, i);
  return 1;
}

/* ---------------------------------------------------------------- the model */

static seqgpu_status add_weights(model *m) {
  const int64_t classes = m->options.symbols + 1, words = m->options.symbols + 2;
  const struct {
    const char *name;
    int64_t rows, cols;
    const char *init;
    seqgpu_param *out;
  } weights[] = {{"embedding", words, EMBED, "normal", &m->embedding},
                 {"init", HIDDEN, HIDDEN, "xavier", &m->init},
                 {"keys", HIDDEN, 2 * HIDDEN, "xavier", &m->keys},
                 {"query", HIDDEN, HIDDEN, "xavier", &m->query},
                 {"v", HIDDEN, 1, "xavier", &m->v},
                 {"out", classes, 3 * HIDDEN, "xavier", &m->out},
                 {"out_bias", classes, 1, "zeros", &m->out_bias}};
  for (size_t i = 0; i < sizeof weights / sizeof weights[0]; i++) {
    const seqgpu_status status = seqgpu_params_add(m->params, weights[i].name, weights[i].rows,
                                                   weights[i].cols, weights[i].init, 1, weights[i].out);
    if (status != SEQGPU_OK) return status;
  }
  const seqgpu_status status = seqgpu_params_add_rnn(m->params, "encoder", m->encoder_plan, &m->encoder);
  if (status != SEQGPU_OK) return status;
  return seqgpu_params_add_rnn(m->params, "decoder", m->decoder_plan, &m->decoder);
}

static seqgpu_status model_open(model *m, const options *o) {
  *m = (model){.options = *o};
  const seqgpu_context_options device = {.device = o->device, .threads = o->threads};
  const seqgpu_rnn_desc encoder = {.cell = "gru",
                                   .input_size = EMBED,
                                   .hidden_size = HIDDEN,
                                   .bidirectional = 1,
                                   .seq_len = o->max_length,
                                   .batch = BATCH};
  const seqgpu_rnn_desc decoder = {
      .cell = "gru", .input_size = EMBED + 2 * HIDDEN, .hidden_size = HIDDEN, .seq_len = 1, .batch = BATCH};
  seqgpu_status status = seqgpu_context_create(&device, &m->ctx);
  if (status == SEQGPU_OK) status = seqgpu_plan_create(m->ctx, &encoder, NULL, &m->encoder_plan);
  if (status == SEQGPU_OK) status = seqgpu_plan_create(m->ctx, &decoder, NULL, &m->decoder_plan);
  if (status == SEQGPU_OK) status = seqgpu_params_create(m->ctx, (uint64_t)o->seed, &m->params);
  if (status == SEQGPU_OK) status = seqgpu_tape_create(m->ctx, (uint64_t)o->seed, &m->tape);
  return status == SEQGPU_OK ? add_weights(m) : status;
}

static void model_close(model *m) {
  seqgpu_tape_destroy(m->tape);
  seqgpu_params_destroy(m->params);
  seqgpu_plan_destroy(m->encoder_plan);
  seqgpu_plan_destroy(m->decoder_plan);
  seqgpu_context_destroy(m->ctx);
}

/* Reads the source; *state becomes s_0. */
static reader encode(model *m, const batch *b, seqgpu_tensor **state) {
  seqgpu_tape *t = m->tape;
  const int64_t S = b->source_length;
  reader r = {.embedding = seqgpu_tape_param(t, &m->embedding),
              .lengths = seqgpu_tape_lengths(t, BATCH, b->lengths),
              .query = seqgpu_tape_param(t, &m->query),
              .v = seqgpu_tape_param(t, &m->v),
              .decoder = seqgpu_tape_param(t, &m->decoder),
              .out = seqgpu_tape_param(t, &m->out),
              .out_bias = seqgpu_tape_param(t, &m->out_bias)};
  seqgpu_tensor *source = seqgpu_tape_ids(t, 2, (int64_t[]){S, BATCH}, b->source);
  seqgpu_tensor *x = seqgpu_tape_embedding(t, r.embedding, source);
  r.h = seqgpu_tape_rnn(t, m->encoder_plan, seqgpu_tape_param(t, &m->encoder), x, NULL, r.lengths);
  r.keys = seqgpu_tape_linear(t, r.h, seqgpu_tape_param(t, &m->keys), NULL);
  /* the reverse direction has read everything when it arrives at the first symbol */
  seqgpu_tensor *first = seqgpu_tape_rows(t, seqgpu_tape_rnn_final(t, r.h, 0), 1, 1);
  seqgpu_tensor *init = seqgpu_tape_linear(t, first, seqgpu_tape_param(t, &m->init), NULL);
  *state = seqgpu_tape_activation(t, init, SEQGPU_ACTIVATION_TANH);
  return r;
}

/* One decoder step from s_{t-1} and the previous symbols [1,B] to logits [1,B,classes]; *state becomes s_t
 * [1,B,H]. */
static seqgpu_tensor *decode(model *m, const reader *r, seqgpu_tensor *before, seqgpu_tensor **state) {
  seqgpu_tape *t = m->tape;
  seqgpu_tensor *query = seqgpu_tape_linear(t, *state, r->query, NULL);
  query = seqgpu_tape_reshape(t, query, 2, (int64_t[]){BATCH, HIDDEN});
  seqgpu_tensor *context = seqgpu_tape_attention(t, query, r->keys, r->h, r->v, r->lengths);
  context = seqgpu_tape_reshape(t, context, 3, (int64_t[]){1, BATCH, 2 * HIDDEN});
  seqgpu_tensor *input = seqgpu_tape_concat(t, seqgpu_tape_embedding(t, r->embedding, before), context);
  *state = seqgpu_tape_rnn(t, m->decoder_plan, r->decoder, input, state, NULL);
  return seqgpu_tape_linear(t, seqgpu_tape_concat(t, *state, context), r->out, r->out_bias);
}

/* ---------------------------------------------------------------- training */

/* The mean loss per symbol; the decoder is fed the right symbols (teacher forcing). */
static seqgpu_tensor *loss_of(model *m, const batch *b) {
  seqgpu_tape *t = m->tape;
  const int64_t steps = b->source_length + 1, shape[] = {steps, BATCH};
  int64_t symbols = 0;
  for (int i = 0; i < BATCH; i++) symbols += b->lengths[i] + 1;
  seqgpu_tensor *state, *loss = NULL;
  const reader r = encode(m, b, &state);
  seqgpu_tensor *fed = seqgpu_tape_ids(t, 2, shape, b->fed),
                *wanted = seqgpu_tape_ids(t, 2, shape, b->wanted);
  for (int64_t step = 0; step < steps; step++) {
    seqgpu_tensor *logits = decode(m, &r, seqgpu_tape_rows(t, fed, step, 1), &state);
    seqgpu_tensor *targets = seqgpu_tape_rows(t, wanted, step, 1);
    seqgpu_tensor *cost = seqgpu_tape_cross_entropy(t, logits, targets, 0, 1.0 / (double)symbols);
    loss = step == 0 ? cost : seqgpu_tape_add(t, loss, cost);
  }
  return loss;
}

/* One update on new strings with this learning rate. */
static seqgpu_status train_step(model *m, uint64_t *state, double rate, double *loss) {
  const seqgpu_optimizer adam = {
      .kind = SEQGPU_OPTIMIZER_ADAM, .lr = rate, .clip = SEQGPU_CLIP_NORM, .clip_threshold = 1};
  batch b;
  seqgpu_status status = draw_batch(m, state, &b) ? SEQGPU_OK : SEQGPU_ENOMEM;
  if (status == SEQGPU_OK) status = seqgpu_tape_clear(m->tape, 1);
  if (status == SEQGPU_OK) status = seqgpu_params_zero_grad(m->params);
  seqgpu_tensor *tensor = status == SEQGPU_OK ? loss_of(m, &b) : NULL;
  if (status == SEQGPU_OK) status = seqgpu_tape_backward(m->tape, tensor, NULL);
  if (status == SEQGPU_OK) status = seqgpu_params_update(m->params, &adam);
  if (status == SEQGPU_OK) status = seqgpu_tensor_number(tensor, loss);
  batch_free(&b);
  return status;
}

/* ---------------------------------------------------------------- evaluation */

static int32_t argmax(const float *p, int64_t n) {
  int64_t best = 0;
  for (int64_t i = 1; i < n; i++) best = p[i] > p[best] ? i : best;
  return (int32_t)best;
}

/* Greedy decoding: adds to *right how many strings of the batch are right to their end. */
static seqgpu_status count_right(model *m, const batch *b, float *logits, int64_t *right) {
  const int64_t classes = m->options.symbols + 1;
  char wrong[BATCH] = {0};
  int32_t before[BATCH];
  for (int i = 0; i < BATCH; i++) before[i] = start_of(m);
  seqgpu_status status = seqgpu_tape_clear(m->tape, 0);
  if (status != SEQGPU_OK) return status;
  seqgpu_tensor *state;
  const reader r = encode(m, b, &state);
  for (int64_t step = 0; step <= b->source_length; step++) {
    seqgpu_tensor *ids = seqgpu_tape_ids(m->tape, 2, (int64_t[]){1, BATCH}, before);
    seqgpu_tensor *out = decode(m, &r, ids, &state);
    if (out == NULL) return seqgpu_tape_status(m->tape);
    status = seqgpu_tensor_read(out, logits);
    if (status != SEQGPU_OK) return status;
    for (int i = 0; i < BATCH; i++) {
      before[i] = argmax(logits + i * classes, classes);
      const int32_t wanted = b->wanted[step * BATCH + i];
      wrong[i] |= wanted >= 0 && before[i] != wanted;
    }
  }
  for (int i = 0; i < BATCH; i++) *right += !wrong[i];
  return SEQGPU_OK;
}

/* The share of right strings among batches * BATCH fresh ones. */
static seqgpu_status exact_match(model *m, uint64_t *state, int batches, double *share) {
  int64_t right = 0;
  float *logits = malloc((size_t)(BATCH * (m->options.symbols + 1)) * sizeof *logits);
  seqgpu_status status = logits ? SEQGPU_OK : SEQGPU_ENOMEM;
  for (int k = 0; k < batches && status == SEQGPU_OK; k++) {
    batch b;
    status = draw_batch(m, state, &b) ? count_right(m, &b, logits, &right) : SEQGPU_ENOMEM;
    batch_free(&b);
  }
  free(logits);
  *share = (double)right / (double)(batches * BATCH);
  return status;
}

/* Trains until the check strings are right or all steps are done; *share is then measured on the final
 * strings. */
static seqgpu_status train(model *m, double *share) {
  const uint64_t seed = (uint64_t)m->options.seed;
  uint64_t training = seed, checks = seed + (1u << 20), final = seed + (2u << 20);
  const double start = bench_now();
  double loss = 0, done = 0;
  seqgpu_status status = SEQGPU_OK;
  for (int64_t step = 1; step <= m->options.steps && done < STOP_RATE && status == SEQGPU_OK; step++) {
    const double left = 1 - (double)(step - 1) / (double)m->options.steps;
    status =
        train_step(m, &training, RATE * left, &loss); /* falls to 0, so that the late steps only settle */
    if (status != SEQGPU_OK || (step % REPORT && step != m->options.steps)) continue;
    status = exact_match(m, &checks, CHECK_BATCHES, &done);
    printf("step %5lld  loss %.4f  exact match %6.2f %%  %5.1f s\n", (long long)step, loss, 100 * done,
           bench_now() - start);
    fflush(stdout);
  }
  return status == SEQGPU_OK ? exact_match(m, &final, FINAL_BATCHES, share) : status;
}

/* ---------------------------------------------------------------- the command line */

static int parse(int argc, char **argv, options *o) {
  const bench_option table[] = {bench_option_int64("--steps", &o->steps, 1, 1000000),
                                bench_option_int64("--seed", &o->seed, 0, INT64_MAX),
                                BENCH_THREADS(&o->threads),
                                bench_option_int64("--max-length", &o->max_length, 1, 1000),
                                bench_option_int64("--symbols", &o->symbols, 1, 10000),
                                BENCH_DEVICE(&o->device)};
  return bench_parse("reverse_strings", usage, table, BENCH_COUNT(table), argc, argv);
}

int main(int argc, char **argv) {
  options o = {.steps = 2000, .max_length = 10, .symbols = 26, .seed = 1, .threads = 1, .device = "cpu"};
  const int code = parse(argc, argv, &o);
  if (code != BENCH_GO_ON) return code;
  model m;
  double share = 0;
  seqgpu_status status = model_open(&m, &o);
  if (status == SEQGPU_OK) {
    printf("reversing strings of 1 to %lld of %lld symbols: %lld parameters, batch %d, seed %lld, %s, %s\n",
           (long long)o.max_length, (long long)o.symbols, (long long)seqgpu_params_elements(m.params), BATCH,
           (long long)o.seed, seqgpu_plan_algorithm(m.encoder_plan), seqgpu_context_device(m.ctx));
    status = train(&m, &share);
  }
  if (status != SEQGPU_OK)
    fprintf(stderr, "reverse_strings: %s: %s\n", seqgpu_status_name(status), seqgpu_last_error(m.ctx));
  if (status == SEQGPU_OK)
    printf("%s: %.2f %% of %d fresh strings reversed exactly; it must be at least %.0f %%\n",
           share >= PASS_RATE ? "passed" : "FAILED", 100 * share, FINAL_BATCHES * BATCH, 100 * PASS_RATE);
  model_close(&m);
  return status == SEQGPU_OK && share >= PASS_RATE ? 0 : 1;
}
