/* test_charlm.c - the language model of the program (host/cli/charlm.h): with tied weights the gradient of the
 * embedding is the sum of both uses; all gradients against differences, also where the embedding is dropped.
 *
 * The program computes in float32, so differences are wide and rough.
 *
 * Beside that: the share of n-grams that charlm_ngram.h chooses is the best there is.
 */
#include "host/cli/charlm_ngram.h"
#include "tests/net.h"

enum { VOCAB = 7, WIDTH = 5, T = 6, B = 3, STEP = 4 };

static const int32_t tokens[(T + 1) * B] = {0, 3, 6, 1, 1, 2, 5, 0, 3, 3, 2, 2, 4, 6, 0, 1, 5, 5, 6, 2, 1};

typedef struct kind {
  const char *name;
  int tie;
  double dropout, embedding_dropout;
} kind;

static const kind kinds[] = {{"two matrices", 0, 0, 0},
                             {"tied", 1, 0, 0},
                             {"two matrices, dropout", 0, 0.3, 0.4},
                             {"tied, dropout of the embedding", 1, 0, 0.4},
                             {"tied, dropout", 1, 0.3, 0.4}};

typedef struct world {
  seqgpu_context *ctx;
  charlm model;
  charlm_pass pass;
  void *ids; /* device */
} world;

static void world_open(world *w, seqgpu_context *ctx, const kind *k) {
  charlm_config config = charlm_defaults;
  config.model.rnn.hidden_size = WIDTH;
  config.model.rnn.dropout = k->dropout;
  config.embedding_dropout = k->embedding_dropout;
  config.tie = k->tie;
  *w = (world){.ctx = ctx};
  if (charlm_create(ctx, &config, VOCAB, T, B, 1, (weights_source){.file = NULL}, &w->model) != CLI_OK ||
      !net_require(ctx, charlm_pass_create(&w->model, T, B, 1, &w->pass), "charlm_pass_create"))
    exit(EXIT_FAILURE);
  /* as it is drawn it is so small that float32 has few digits of most gradients */
  net_require(ctx, seqgpu_params_init(w->model.params, "embedding.weight", "normal", 1),
              "seqgpu_params_init");
  net_require(ctx, seqgpu_malloc(ctx, sizeof tokens, &w->ids), "seqgpu_malloc");
  net_require(ctx, seqgpu_copy_in(ctx, w->ids, tokens, sizeof tokens), "seqgpu_copy_in");
}

static void world_close(world *w) {
  seqgpu_free(w->ctx, w->ids);
  charlm_pass_destroy(&w->pass);
  charlm_destroy(&w->model);
}

static double loss_of(const world *w) {
  float loss = NAN;
  net_require(w->ctx, charlm_zero_state(&w->pass), "charlm_zero_state");
  net_require(w->ctx, charlm_forward(&w->pass, T, w->ids, STEP), "charlm_forward");
  net_require(w->ctx, charlm_loss(&w->pass, T, (const int32_t *)w->ids + B, 1), "charlm_loss");
  net_require(w->ctx, seqgpu_copy_out(w->ctx, &loss, w->pass.loss, sizeof loss), "seqgpu_copy_out");
  return (double)loss;
}

static void find_gradients(const world *w) {
  net_require(w->ctx, seqgpu_params_zero_grad(w->model.params), "seqgpu_params_zero_grad");
  loss_of(w);
  net_require(w->ctx, charlm_zero_state(&w->pass), "charlm_zero_state");
  net_require(w->ctx, charlm_backward(&w->pass, T, w->ids, (const int32_t *)w->ids + B, STEP),
              "charlm_backward");
}

/* ---------------------------------------------------------------- against differences */

static double difference(const world *w, float *at, float step) {
  const float x = *at;
  *at = x + step;
  const double up = loss_of(w);
  *at = x - step;
  const double down = loss_of(w);
  *at = x;
  return up - down;
}

static void check_gradients(const kind *k, seqgpu_context *ctx) {
  const float h = 0.05f;
  world w;
  world_open(&w, ctx, k);
  find_gradients(&w);
  for (int i = 0; i < seqgpu_params_count(w.model.params); i++) {
    seqgpu_param p;
    net_require(ctx, seqgpu_params_get(w.model.params, i, &p), "seqgpu_params_get");
    if (p.grad == NULL) continue;
    double square = 0, error = 0;
    for (int64_t j = 0; j < p.rows * p.cols; j++) {
      float *at = (float *)p.value + j;
      const double wanted = (8 * difference(&w, at, h) - difference(&w, at, 2 * h)) / (12 * (double)h);
      square += wanted * wanted;
      error += pow((double)((float *)p.grad)[j] - wanted, 2);
    }
    check_error(sqrt(error / square), 5e-3, "%s, gradient of %s", k->name, p.name);
  }
  world_close(&w);
}

/* ---------------------------------------------------------------- tied */

/* Two matrices with the same numbers compute what one does, and their gradients are its gradient's parts. */
static void check_sum(seqgpu_context *ctx) {
  world one, two;
  const size_t size = VOCAB * WIDTH * sizeof(float);
  world_open(&one, ctx, &kinds[4]);
  world_open(&two, ctx, &kinds[2]);
  net_require(ctx, seqgpu_copy_in(ctx, two.model.embedding.value, one.model.embedding.value, size),
              "embedding");
  net_require(ctx, seqgpu_copy_in(ctx, two.model.weight.value, one.model.embedding.value, size), "output");
  memcpy(two.model.rnn.value, one.model.rnn.value,
         (size_t)(one.model.rnn.rows * one.model.rnn.cols) * sizeof(float));
  check_error(fabs(loss_of(&one) - loss_of(&two)), 1e-7, "tied, the loss");
  find_gradients(&one);
  find_gradients(&two);
  double sum[VOCAB * WIDTH];
  for (int i = 0; i < VOCAB * WIDTH; i++)
    sum[i] = (double)((float *)two.model.embedding.grad)[i] + (double)((float *)two.model.weight.grad)[i];
  check_error(check_norm_f32(one.model.embedding.grad, sum, VOCAB * WIDTH), 1e-6,
              "tied, the gradient is the sum of both uses");
  CHECK(seqgpu_params_elements(one.model.params) == seqgpu_params_elements(two.model.params) - VOCAB * WIDTH,
        "tied, one matrix less");
  world_close(&one);
  world_close(&two);
}

/* ---------------------------------------------------------------- mixed */

enum { LOSSES = 40 };

/* Losses of two models, of which the second is better by `better` nats, give or take. */
static void check_share(const char *name, double better, double least, double most) {
  float model[LOSSES], ngrams[LOSSES];
  for (int i = 0; i < LOSSES; i++) {
    model[i] = (float)check_uniform(1, 3);
    ngrams[i] = model[i] + (float)(check_uniform(-0.5, 0.5) - better);
  }
  const double share = charlm_best_share(model, ngrams, LOSSES),
               best = charlm_mixed(model, ngrams, LOSSES, share);
  int beaten = 0;
  for (int k = 0; k <= 20; k++) beaten += charlm_mixed(model, ngrams, LOSSES, k / 20.0) < best - 1e-5;
  CHECK(beaten == 0, "%s: no other share is better", name);
  CHECK(share >= least && share <= most, "%s: the share", name);
  check_error(fabs(charlm_mixed(model, ngrams, LOSSES, 0) - charlm_mean(model, LOSSES)), 1e-12,
              "%s: a share of 0 is the model", name);
}

int main(void) {
  const seqgpu_context_options options = {.device = "cpu", .threads = 1};
  seqgpu_context *ctx;
  check_start();
  if (seqgpu_context_create(&options, &ctx) != SEQGPU_OK) exit(EXIT_FAILURE);
  for (size_t i = 0; i < COUNT(kinds); i++) check_gradients(&kinds[i], ctx);
  check_sum(ctx);
  check_share("alike", 0, 0, 1);
  check_share("better n-grams", 1, 0.999, 1);
  check_share("worse n-grams", -1, 0, 0.001);
  seqgpu_context_destroy(ctx);
  return check_finish();
}
