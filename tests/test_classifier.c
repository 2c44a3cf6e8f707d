/* test_classifier.c - the classifier of sentences (seqgpu/classifier.h): every gradient against differences,
 * each sentence of a batch as it is alone, its attention, the emulated device against the CPU, and what is
 * refused.
 */
#include "tests/model_checks.h"

enum { WORDS = 8, CLASSES = 3, T = 5, B = 4, WORD_SIZE = 3, ATTENTION = 5 };

typedef struct kind {
  const char *name, *cell;
  seqgpu_classifier_pool pool;
  int layers, one_direction;
} kind;

static const kind kinds[] = {{"lstm, last", "lstm", SEQGPU_CLASSIFIER_LAST, 1, 0},
                             {"gru of two layers, last", "gru", SEQGPU_CLASSIFIER_LAST, 2, 1},
                             {"lstm, attention", "lstm", SEQGPU_CLASSIFIER_ATTENTION, 1, 0},
                             {"lstm, mean", "lstm", SEQGPU_CLASSIFIER_MEAN, 1, 0},
                             {"gru, max", "gru", SEQGPU_CLASSIFIER_MAX, 1, 1}};

typedef struct model {
  const kind *kind;
  seqgpu_context *ctx;
  seqgpu_plan *plan;
  seqgpu_params *params;
  seqgpu_tape *tape;
  seqgpu_classifier *classifier;
} model;

static seqgpu_classifier_desc sizes_of(const kind *k) {
  return (seqgpu_classifier_desc){.words = WORDS,
                                  .word_size = WORD_SIZE,
                                  .classes = CLASSES,
                                  .pool = k->pool,
                                  .attention_size = ATTENTION};
}

/* 0 where the build has no such device. */
static int model_open(void *self, const void *which, const char *device, seqgpu_dtype dtype) {
  model *m = self;
  const kind *k = which;
  const seqgpu_context_options options = {.device = device, .threads = 1, .dtype = dtype};
  const seqgpu_rnn_desc desc = {.cell = k->cell,
                                .input_size = WORD_SIZE,
                                .hidden_size = 4,
                                .num_layers = k->layers,
                                .bidirectional = !k->one_direction,
                                .seq_len = T,
                                .batch = B};
  const seqgpu_classifier_desc sizes = sizes_of(k);
  *m = (model){.kind = k};
  if (seqgpu_context_create(&options, &m->ctx) != SEQGPU_OK) {
    seqgpu_context_destroy(m->ctx);
    return 0;
  }
  net_require(m->ctx, seqgpu_plan_create(m->ctx, &desc, NULL, &m->plan), "seqgpu_plan_create");
  net_require(m->ctx, seqgpu_params_create(m->ctx, 3, &m->params), "seqgpu_params_create");
  net_require(m->ctx, seqgpu_classifier_create(m->params, &sizes, m->plan, &m->classifier),
              "seqgpu_classifier_create");
  net_require(m->ctx, seqgpu_params_init(m->params, "embedding.weight", "normal", 1), "seqgpu_params_init");
  net_require(m->ctx, seqgpu_tape_create(m->ctx, 5, &m->tape), "seqgpu_tape_create");
  return 1;
}

static void model_close(void *self) {
  model *m = self;
  seqgpu_tape_destroy(m->tape);
  seqgpu_classifier_destroy(m->classifier);
  seqgpu_params_destroy(m->params);
  seqgpu_plan_destroy(m->plan);
  seqgpu_context_destroy(m->ctx);
}

/* ---------------------------------------------------------------- a batch */

static const int32_t lengths[B] = {5, 1, 3, 4}, class[B] = {0, 2, 1, 0};
static const int32_t word[T * B] = {1, 7, 3, 0, 2, -1, 3, 5, 6, -1, 4, 1, 0, -1, -1, 2, 5, -1, -1, -1};

static seqgpu_tensor *loss(void *self) {
  const model *m = self;
  seqgpu_tensor *logits =
      seqgpu_classifier_logits(m->classifier, m->tape, m->plan, T, B, lengths, word, NULL);
  return seqgpu_tape_cross_entropy(m->tape, logits, seqgpu_tape_ids(m->tape, 1, (int64_t[]){B}, class), 0, 1);
}

static checked_model checked(void *self) {
  const model *m = self;
  static char name[64];
  snprintf(name, sizeof name, "classifier, %s", m->kind->name);
  return (checked_model){m->ctx, m->params, m->tape, loss, self, name};
}

/* Logits and attention of sentence i by itself are those it has in the batch. */
static void check_alone(model *m, const double *logits, const double *weights, int i) {
  const checked_model c = checked(m);
  seqgpu_tensor *attention;
  int32_t w[T];
  double out[T], wanted[T], sum = 0;
  const int64_t n = lengths[i];
  for (int64_t t = 0; t < n; t++) w[t] = word[t * B + i];
  net_require(m->ctx, seqgpu_tape_clear(m->tape, 1), "seqgpu_tape_clear");
  model_read(&c, seqgpu_classifier_logits(m->classifier, m->tape, m->plan, n, 1, &lengths[i], w, &attention),
             out);
  check_error(check_norm_f64(out, logits + i * CLASSES, CLASSES), 1e-12, "%s, sentence %d alone", c.name, i);
  if (m->kind->pool != SEQGPU_CLASSIFIER_ATTENTION) return;
  model_read(&c, attention, out);
  for (int64_t t = 0; t < n; t++) {
    wanted[t] = weights[t * B + i];
    sum += wanted[t];
  }
  check_error(check_norm_f64(out, wanted, n), 1e-12, "%s, its attention", c.name);
  check_error(fabs(sum - 1), 1e-12, "%s, attention sums to 1", c.name);
}

static void check_sentences(const void *which) {
  const kind *k = which;
  model m;
  double logits[B * CLASSES], weights[T * B] = {0};
  seqgpu_tensor *attention;
  if (!model_open(&m, k, "cpu", SEQGPU_DTYPE_F64)) return;
  const checked_model c = checked(&m);
  model_read(&c, seqgpu_classifier_logits(m.classifier, m.tape, m.plan, T, B, lengths, word, &attention),
             logits);
  CHECK((attention != NULL) == (k->pool == SEQGPU_CLASSIFIER_ATTENTION), "%s, attention where there is one",
        c.name);
  if (attention) model_read(&c, attention, weights);
  for (int i = 0; i < B; i++) check_alone(&m, logits, weights, i);
  model_close(&m);
}

static const tested_model tested = {sizeof(model), model_open, model_close, checked, NULL};

/* ---------------------------------------------------------------- refusals */

static void refuses(model *m, seqgpu_classifier_desc desc, const seqgpu_plan *plan, const char *words) {
  seqgpu_classifier *out = (seqgpu_classifier *)m;
  const seqgpu_status status = seqgpu_classifier_create(m->params, &desc, plan, &out);
  model_refused(m->ctx, status, out == NULL, words);
}

static void refuses_batch(model *m, const seqgpu_classifier *c, const seqgpu_plan *plan, int64_t steps,
                          int64_t batch, const int32_t *sizes, const char *words) {
  int32_t longer[(T + 1) * B];
  memset(longer, 0xff, sizeof longer);
  seqgpu_tape_clear(m->tape, 1);
  const seqgpu_tensor *logits = seqgpu_classifier_logits(c, m->tape, plan, steps, batch, sizes, longer, NULL);
  model_refused_batch(m->tape, logits == NULL, words);
}

/* What a call must be given, and what a later version may set. */
static void check_arguments(model *m) {
  const seqgpu_classifier_desc right = sizes_of(m->kind);
  seqgpu_classifier_desc d = right;
  MODEL_CREATE_REFUSALS(m, classifier, right, m->plan);
  refuses(m, (d = right, d.word_size = 0, d), m->plan, "classifier: word_size is 0");
  refuses(m, (d = right, d.dropout = 1.5, d), m->plan, "classifier: dropout is 1.5");
  CHECK(seqgpu_classifier_logits(m->classifier, NULL, m->plan, T, B, lengths, NULL, NULL) == NULL,
        "tape NULL");
}

static void check_refusals(void) {
  model m;
  seqgpu_classifier *none;
  if (!model_open(&m, &kinds[2], "cpu", SEQGPU_DTYPE_F32)) return;
  seqgpu_classifier_desc d = sizes_of(&kinds[2]);
  const seqgpu_classifier_desc right = d;
  refuses(&m, d, NULL, "classifier: plan is NULL");
  refuses(&m, (d.words = 0, d), m.plan, "classifier: words is 0");
  d = right;
  refuses(&m, (d.word_size = 4, d), m.plan, "the plan has input_size 3; it must be 4");
  d = right;
  refuses(&m, (d.classes = 0, d), m.plan, "classifier: classes is 0");
  d = right;
  refuses(&m, (d.pool = (seqgpu_classifier_pool)7, d), m.plan, "classifier: pool is 7");
  d = right;
  refuses(&m, (d.attention_size = 0, d), m.plan, "classifier: attention_size is 0");
  d = right;
  refuses(&m, (d.dropout = -1, d), m.plan, "dropout is -1; it must be from 0 to 1");
  refuses_batch(&m, NULL, m.plan, T, B, lengths, "classifier is NULL");
  refuses_batch(&m, m.classifier, NULL, T, B, lengths, "plan is NULL");
  refuses_batch(&m, m.classifier, m.plan, T, 0, lengths, "classifier: B is 0");
  refuses_batch(&m, m.classifier, m.plan, T + 1, B, lengths, "rnn: x is [6,4,3]");
  refuses_batch(&m, m.classifier, m.plan, T, B, NULL, "lengths");
  CHECK(seqgpu_classifier_create(NULL, &right, m.plan, &none) == SEQGPU_EINVAL && none == NULL,
        "params NULL");
  check_arguments(&m);
  seqgpu_classifier_destroy(NULL);
  model_close(&m);
}

int main(void) {
  check_start();
  for (size_t i = 0; i < COUNT(kinds); i++) model_check_kind(&tested, &kinds[i], check_sentences);
  check_at("%s", "");
  check_refusals();
  return check_finish();
}
