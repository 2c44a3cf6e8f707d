/* test_translator.c - the translator (seqgpu/translator.h): every gradient against differences, each pair of a
 * batch as it is alone, answers against those found word by word and among all that there are, the emulated
 * device against the CPU, and what is refused.
 */
#include "tests/model_checks.h"

enum {
  SOURCE_WORDS = 6,
  WORDS = 3,
  CLASSES = WORDS + 1,
  S = 4,
  T = 3,
  B = 3,
  WORD_SIZE = 3,
  ATTENTION = 5,
  HIDDEN = 4,
  WIDTH = 36, /* hypotheses: all beginnings of T words and ends */
  MOST = 8
};

typedef struct kind {
  const char *name, *cell;
  int layers, one_direction, attention;
  seqgpu_attention form;
} kind;

static const kind kinds[] = {{"lstm", "lstm", 1, 0, ATTENTION, SEQGPU_ATTENTION_ADDITIVE},
                             {"gru of two layers", "gru", 2, 0, ATTENTION, SEQGPU_ATTENTION_ADDITIVE},
                             {"lstm to the right", "lstm", 2, 1, ATTENTION, SEQGPU_ATTENTION_ADDITIVE},
                             {"gru, general attention", "gru", 1, 0, 1, SEQGPU_ATTENTION_GENERAL},
                             {"lstm, dot", "lstm", 1, 1, 1, SEQGPU_ATTENTION_DOT},
                             {"lstm without attention", "lstm", 2, 1, 0, SEQGPU_ATTENTION_ADDITIVE}};

typedef struct model {
  const kind *kind;
  seqgpu_context *ctx;
  seqgpu_plan *encoder, *decoder, *step;
  seqgpu_params *params;
  seqgpu_tape *tape;
  seqgpu_translator *translator;
} model;

static seqgpu_plan *plan_of(seqgpu_context *ctx, const kind *k, int both, int64_t steps, int64_t batch) {
  const seqgpu_rnn_desc desc = {.cell = k->cell,
                                .input_size = WORD_SIZE,
                                .hidden_size = HIDDEN,
                                .num_layers = k->layers,
                                .bidirectional = both,
                                .seq_len = steps,
                                .batch = batch,
                                .inference = steps == 1};
  seqgpu_plan *plan;
  net_require(ctx, seqgpu_plan_create(ctx, &desc, NULL, &plan), "seqgpu_plan_create");
  return plan;
}

static seqgpu_translator_desc sizes_of(const kind *k) {
  return (seqgpu_translator_desc){.source_words = SOURCE_WORDS,
                                  .target_words = WORDS,
                                  .word_size = WORD_SIZE,
                                  .attention_size = k->attention,
                                  .attention = k->form};
}

/* 0 where the build has no such device. */
static int model_open(void *self, const void *which, const char *device, seqgpu_dtype dtype) {
  model *m = self;
  const kind *k = which;
  const seqgpu_context_options options = {.device = device, .threads = 1, .dtype = dtype};
  const seqgpu_translator_desc desc = sizes_of(k);
  *m = (model){.kind = k};
  if (seqgpu_context_create(&options, &m->ctx) != SEQGPU_OK) {
    seqgpu_context_destroy(m->ctx);
    return 0;
  }
  m->encoder = plan_of(m->ctx, k, !k->one_direction, S, B);
  m->decoder = plan_of(m->ctx, k, 0, T, B);
  m->step = plan_of(m->ctx, k, 0, 1, WIDTH * B);
  net_require(m->ctx, seqgpu_params_create(m->ctx, 4, &m->params), "seqgpu_params_create");
  net_require(m->ctx, seqgpu_translator_create(m->params, &desc, m->encoder, m->decoder, &m->translator),
              "seqgpu_translator_create");
  /* Words far apart: where steps look alike, what attention learns is a difference of like numbers. */
  net_require(m->ctx, seqgpu_params_init(m->params, "source.weight", "normal", 2), "seqgpu_params_init");
  net_require(m->ctx, seqgpu_params_init(m->params, "target.weight", "normal", 2), "seqgpu_params_init");
  net_require(m->ctx, seqgpu_tape_create(m->ctx, 5, &m->tape), "seqgpu_tape_create");
  return 1;
}

static void model_close(void *self) {
  model *m = self;
  seqgpu_tape_destroy(m->tape);
  seqgpu_translator_destroy(m->translator);
  seqgpu_params_destroy(m->params);
  seqgpu_plan_destroy(m->encoder);
  seqgpu_plan_destroy(m->decoder);
  seqgpu_plan_destroy(m->step);
  seqgpu_context_destroy(m->ctx);
}

/* ---------------------------------------------------------------- a batch */

/* Sources of 4, 2 and 3 words; targets of 1, 2 and 0, and their ends. */
static const int32_t lengths[B] = {4, 2, 3}, target_lengths[B] = {2, 3, 1};
static const int32_t source[S * B] = {1, 0, 2, 3, 5, 4, 4, -1, 1, 1, -1, -1};
static const int32_t before[T * B] = {-1, -1, -1, 2, 0, -1, -1, 1, -1};
static const int32_t target[T * B] = {2, 0, 3, 3, 1, -1, -1, 3, -1};

static const seqgpu_translator_batch whole = {.batch = B,
                                              .source_len = S,
                                              .source_lengths = lengths,
                                              .source = source,
                                              .target_len = T,
                                              .before = before};

static seqgpu_tensor *loss(void *self) {
  const model *m = self;
  seqgpu_tensor *logits =
      seqgpu_translator_logits(m->translator, m->tape, m->encoder, m->decoder, &whole, NULL);
  seqgpu_tensor *targets = seqgpu_tape_ids(m->tape, 2, (int64_t[]){T, B}, target);
  return seqgpu_tape_cross_entropy(m->tape, logits, targets, 0, 1);
}

static checked_model checked(void *self) {
  const model *m = self;
  static char name[64];
  snprintf(name, sizeof name, "translator, %s", m->kind->name);
  return (checked_model){m->ctx, m->params, m->tape, loss, self, name};
}

/* The logits of a batch, and where there is attention its weights [T,S,B]. */
static void logits_of(model *m, const seqgpu_translator_batch *b, double *out, double *weights) {
  const checked_model c = checked(m);
  seqgpu_tensor *attention;
  net_require(m->ctx, seqgpu_tape_clear(m->tape, 1), "seqgpu_tape_clear");
  model_read(&c, seqgpu_translator_logits(m->translator, m->tape, m->encoder, m->decoder, b, &attention),
             out);
  CHECK((attention != NULL) == (m->kind->attention > 0), "%s: attention where there is one", c.name);
  if (attention && weights) model_read(&c, attention, weights);
}

/* Source i of the batch by itself. */
static seqgpu_translator_batch alone(int i, int32_t *words) {
  for (int64_t s = 0; s < lengths[i]; s++) words[s] = source[s * B + i];
  return (seqgpu_translator_batch){
      .batch = 1, .source_len = lengths[i], .source_lengths = &lengths[i], .source = words};
}

static void check_alone(model *m, const double *together, int i) {
  int32_t words[S], fed[T];
  double out[T * CLASSES], wanted[T * CLASSES];
  seqgpu_translator_batch one = alone(i, words);
  one.target_len = target_lengths[i];
  one.before = fed;
  for (int64_t t = 0; t < one.target_len; t++) {
    fed[t] = before[t * B + i];
    memcpy(wanted + t * CLASSES, together + (t * B + i) * CLASSES, CLASSES * sizeof *wanted);
  }
  logits_of(m, &one, out, NULL);
  check_error(check_norm_f64(out, wanted, one.target_len * CLASSES), 1e-12, "translator, %s, pair %d alone",
              m->kind->name, i);
}

/* ---------------------------------------------------------------- answers */

typedef struct found {
  int32_t word[B * MOST], lengths[B], attended[B * MOST];
  double score[B];
} found;

static void search(model *m, seqgpu_translator_options o, const seqgpu_translator_batch *b, found *out) {
  const seqgpu_translator_answers to = {.word = out->word,
                                        .lengths = out->lengths,
                                        .attended = m->kind->attention ? out->attended : NULL,
                                        .score = out->score};
  net_require(m->ctx, seqgpu_translator_search(m->translator, m->encoder, m->step, &o, b, &to),
              "seqgpu_translator_search");
}

static double log_probability(const double *row, int32_t class) {
  double sum = 0;
  for (int k = 0; k < CLASSES; k++) sum += exp(row[k]);
  return row[class] - log(sum);
}

static int32_t likeliest(const double *row, int32_t from) {
  int32_t best = from;
  for (int32_t k = from; k < CLASSES; k++)
    if (row[k] > row[best]) best = k;
  return best;
}

/* The likeliest word, one after the other, each by the logits of all before. */
static void check_greedy(model *m, int i, int32_t banned) {
  int32_t words[S], fed[T] = {-1};
  double out[T * CLASSES], weights[T * S], score = 0;
  seqgpu_translator_batch one = alone(i, words);
  found is;
  int32_t n = 0, right = 1;
  search(m, (seqgpu_translator_options){.most = T, .banned = banned}, &whole, &is);
  one.before = fed;
  while (n < T) {
    one.target_len = n + 1;
    logits_of(m, &one, out, weights);
    const int32_t word = likeliest(out + n * CLASSES, banned);
    score += log_probability(out + n * CLASSES, word);
    if (word == WORDS) break;
    right &= is.word[i * T + n] == word;
    for (int32_t s = 0; m->kind->attention && s < lengths[i]; s++)
      right &= weights[n * lengths[i] + s] <= weights[n * lengths[i] + is.attended[i * T + n]];
    if (++n < T) fed[n] = word;
  }
  CHECK(right && is.lengths[i] == n, "translator, %s, answer %d word by word, %d banned", m->kind->name, i,
        banned);
  check_error(fabs(is.score[i] - score), 1e-12, "its score");
}

/* The best of all answers of fewer than T words, by the logarithm of its probability over length^norm. */
static void check_exact(model *m, int i, double norm) {
  int32_t words[S], best[T] = {0}, best_length = 0;
  double best_score = -1e300;
  seqgpu_translator_batch one = alone(i, words);
  found is;
  search(m, (seqgpu_translator_options){.beam = WIDTH, .most = T, .length_norm = norm}, &whole, &is);
  for (int32_t code = 0; code < 1 + WORDS + WORDS * WORDS; code++) {
    const int32_t n = code == 0 ? 0 : code <= WORDS ? 1 : 2, rest = code - 1 - WORDS;
    const int32_t answer[T] = {n == 1   ? code - 1
                               : n == 2 ? rest / WORDS
                                        : WORDS,
                               n == 1   ? WORDS
                               : n == 2 ? rest % WORDS
                                        : 0,
                               WORDS};
    const int32_t fed[T] = {-1, answer[0] < WORDS ? answer[0] : -1, answer[1] < WORDS ? answer[1] : -1};
    double out[T * CLASSES], sum = 0;
    one.target_len = n + 1;
    one.before = fed;
    logits_of(m, &one, out, NULL);
    for (int32_t t = 0; t <= n; t++) sum += log_probability(out + t * CLASSES, answer[t]);
    const double score = sum / pow(n + 1, norm);
    if (score <= best_score) continue;
    best_score = score;
    best_length = n;
    memcpy(best, answer, sizeof best);
  }
  CHECK(is.lengths[i] == best_length &&
            memcmp(is.word + i * T, best, (size_t)best_length * sizeof *best) == 0,
        "translator, %s, the best of all answers to %d, length norm %g", m->kind->name, i, norm);
  check_error(fabs(is.score[i] - best_score), 1e-12, "its score");
}

static void check_answers(const void *which) {
  model m;
  double together[T * B * CLASSES];
  if (!model_open(&m, which, "cpu", SEQGPU_DTYPE_F64)) return;
  logits_of(&m, &whole, together, NULL);
  for (int i = 0; i < B; i++) {
    check_alone(&m, together, i);
    check_greedy(&m, i, 0);
    check_greedy(&m, i, 1);
    check_exact(&m, i, 0);
    check_exact(&m, i, 1);
    check_exact(&m, i, 3);
  }
  model_close(&m);
}

/* ---------------------------------------------------------------- devices */

/* The logits, but for rows behind an end, and answers of three hypotheses. */
static void compare_answers(void *exact, void *other) {
  double wanted[T * B * CLASSES], out[T * B * CLASSES];
  model *m = other;
  const seqgpu_translator_options o = {.beam = 3, .most = MOST};
  found is = {.lengths = {0}}, must = is;
  logits_of(exact, &whole, wanted, NULL);
  logits_of(m, &whole, out, NULL);
  for (int64_t r = 0; r < T * B; r++)
    if (target[r] < 0) memcpy(out + r * CLASSES, wanted + r * CLASSES, CLASSES * sizeof *out);
  check_error(check_norm_f64(out, wanted, T * B * CLASSES), 1e-5, "translator, %s, logits", m->kind->name);
  search(exact, o, &whole, &must);
  search(m, o, &whole, &is);
  CHECK(memcmp(is.word, must.word, sizeof is.word) == 0 &&
            memcmp(is.lengths, must.lengths, sizeof is.lengths) == 0,
        "translator, %s, answers", m->kind->name);
}

static const tested_model tested = {sizeof(model), model_open, model_close, checked, compare_answers};

/* ---------------------------------------------------------------- refusals */

static void refuses(model *m, seqgpu_translator_desc desc, const seqgpu_plan *encoder,
                    const seqgpu_plan *decoder, const char *words) {
  seqgpu_translator *out = (seqgpu_translator *)m;
  const seqgpu_status status = seqgpu_translator_create(m->params, &desc, encoder, decoder, &out);
  model_refused(m->ctx, status, out == NULL, words);
}

static void refuses_batch(model *m, const seqgpu_translator *translator, seqgpu_translator_batch batch,
                          const char *words) {
  seqgpu_tape_clear(m->tape, 1);
  const seqgpu_tensor *logits =
      seqgpu_translator_logits(translator, m->tape, m->encoder, m->decoder, &batch, NULL);
  model_refused_batch(m->tape, logits == NULL, words);
}

static void refuses_search(model *m, seqgpu_translator_options o, seqgpu_translator_batch batch,
                           const char *words) {
  found is;
  const seqgpu_translator_answers to = {.word = is.word, .lengths = is.lengths};
  const seqgpu_status status = seqgpu_translator_search(m->translator, m->encoder, m->step, &o, &batch, &to);
  model_refused(m->ctx, status, 1, words);
}

static void check_sizes(model *m) {
  const seqgpu_translator_desc sizes = sizes_of(m->kind);
  seqgpu_translator_desc d = sizes;
  const kind two = {"", "lstm", 2, 0, 0, SEQGPU_ATTENTION_ADDITIVE},
             gru = {"", "gru", 1, 0, 0, SEQGPU_ATTENTION_ADDITIVE};
  seqgpu_plan *deep = plan_of(m->ctx, &two, 0, T, B), *other = plan_of(m->ctx, &gru, 0, T, B),
              *wide = plan_of(m->ctx, m->kind, 1, T, B), *wider;
  const seqgpu_rnn_desc of_nine = {
      .cell = "lstm", .input_size = 9, .hidden_size = HIDDEN, .seq_len = T, .batch = B};
  net_require(m->ctx, seqgpu_plan_create(m->ctx, &of_nine, NULL, &wider), "seqgpu_plan_create");
  refuses(m, sizes, NULL, m->decoder, "translator: encoder is NULL");
  refuses(m, sizes, m->encoder, wide, "plan decoder reads in both directions");
  refuses(m, sizes, m->encoder, other, "the cells are lstm and gru");
  refuses(m, sizes, m->encoder, wider, "plan decoder has input_size 9; it must be 3");
  seqgpu_plan_destroy(wider);
  refuses(m, sizes, m->encoder, deep, "plan encoder has num_layers 1, plan decoder 2");
  refuses(m, (d.word_size = 4, d), m->encoder, m->decoder, "plan encoder has input_size 3; it must be 4");
  d = sizes;
  refuses(m, (d.source_words = 0, d), m->encoder, m->decoder, "source_words is 0");
  d = sizes;
  refuses(m, (d.target_words = -1, d), m->encoder, m->decoder, "target_words is -1");
  d = sizes;
  refuses(m, (d.attention_size = -1, d), m->encoder, m->decoder, "attention_size is -1");
  d = sizes;
  refuses(m, (d.attention = (seqgpu_attention)4, d), m->encoder, m->decoder,
          "attention is 4; it must be 0 (additive) to 3 (none)");
  d = sizes;
  refuses(m, (d.attention = SEQGPU_ATTENTION_DOT, d), m->encoder, m->decoder,
          "plan encoder puts out 8 elements, plan decoder 4; attention \"dot\"");
  d = sizes;
  refuses(m, (d.dropout = 1.5, d), m->encoder, m->decoder, "dropout is 1.5; it must be from 0 to 1");
  seqgpu_plan_destroy(deep);
  seqgpu_plan_destroy(other);
  seqgpu_plan_destroy(wide);
}

/* What a call must be given, and what a later version may set. */
static void check_arguments(model *m) {
  seqgpu_translator *none;
  const seqgpu_translator_desc right = sizes_of(m->kind);
  seqgpu_translator_desc d = right;
  MODEL_CREATE_REFUSALS(m, translator, right, m->encoder, m->decoder);
  refuses(m, (d = right, d.word_size = 0, d), m->encoder, m->decoder, "translator: word_size is 0");
  refuses(m, (d = right, d.dropout = -1, d), m->encoder, m->decoder, "translator: dropout is -1");
  model_refused(m->ctx, seqgpu_translator_create(m->params, &right, m->encoder, NULL, &none), 1,
                "translator: decoder is NULL");
  CHECK(seqgpu_translator_logits(m->translator, NULL, m->encoder, m->decoder, &whole, NULL) == NULL,
        "tape NULL");
  seqgpu_tape_clear(m->tape, 1);
  model_refused_batch(
      m->tape, seqgpu_translator_logits(m->translator, m->tape, m->encoder, m->decoder, NULL, NULL) == NULL,
      "translator: batch is NULL");
  seqgpu_tape_clear(m->tape, 1);
  model_refused_batch(m->tape,
                      seqgpu_translator_logits_(m->translator, m->tape, m->encoder, m->decoder,
                                                MODEL_LATER(seqgpu_translator_batch, whole), NULL) == NULL,
                      "translator_batch: a field beyond");
  seqgpu_tape_clear(m->tape, 1);
  model_refused_batch(
      m->tape, seqgpu_translator_logits(m->translator, m->tape, NULL, m->decoder, &whole, NULL) == NULL,
      "translator: encoder is NULL");
  seqgpu_tape_clear(m->tape, 1);
  model_refused_batch(
      m->tape, seqgpu_translator_logits(m->translator, m->tape, m->encoder, NULL, &whole, NULL) == NULL,
      "translator: decoder is NULL");
  found is;
  const seqgpu_translator_options o = {.most = 1}, more = {.most = 1 << 30}, long_norm = {.length_norm = 101};
  const seqgpu_translator_answers to = {.word = is.word, .lengths = is.lengths},
                                  no_word = {.lengths = is.lengths}, no_lengths = {.word = is.word};
  CHECK(seqgpu_translator_search(NULL, m->encoder, m->step, &o, &whole, &to) == SEQGPU_EINVAL,
        "translator NULL");
  model_refused(m->ctx, seqgpu_translator_search(m->translator, NULL, m->step, &o, &whole, &to), 1,
                "translator: encoder is NULL");
  model_refused(m->ctx, seqgpu_translator_search(m->translator, m->encoder, NULL, &o, &whole, &to), 1,
                "translator: decoder is NULL");
  model_refused(m->ctx, seqgpu_translator_search(m->translator, m->encoder, m->step, &o, NULL, &to), 1,
                "translator: batch is NULL");
  model_refused(m->ctx, seqgpu_translator_search(m->translator, m->encoder, m->step, &o, &whole, NULL), 1,
                "translator: out is NULL");
  model_refused(m->ctx, seqgpu_translator_search(m->translator, m->encoder, m->step, &o, &whole, &no_word), 1,
                "translator: word is NULL");
  model_refused(m->ctx, seqgpu_translator_search(m->translator, m->encoder, m->step, &o, &whole, &no_lengths),
                1, "translator: lengths is NULL");
  model_refused(m->ctx, seqgpu_translator_search(m->translator, m->encoder, m->step, &more, &whole, &to), 1,
                "translator: most is 1073741824");
  model_refused(m->ctx, seqgpu_translator_search(m->translator, m->encoder, m->step, &long_norm, &whole, &to),
                1, "translator: length_norm is 101");
  model_refused(m->ctx,
                seqgpu_translator_search_(m->translator, m->encoder, m->step,
                                          MODEL_LATER(seqgpu_translator_options, o), &whole,
                                          sizeof(seqgpu_translator_batch), &to, sizeof to),
                1, "translator_options: a field beyond");
  model_refused(m->ctx,
                seqgpu_translator_search_(m->translator, m->encoder, m->step, &o, sizeof o,
                                          MODEL_LATER(seqgpu_translator_batch, whole), &to, sizeof to),
                1, "translator_batch: a field beyond");
  model_refused(m->ctx,
                seqgpu_translator_search_(m->translator, m->encoder, m->step, &o, sizeof o, &whole,
                                          sizeof(seqgpu_translator_batch),
                                          MODEL_LATER(seqgpu_translator_answers, to)),
                1, "translator_answers: a field beyond");
}

/* Without options, without scores, and without attention that is asked for. */
static void check_defaults(void) {
  model m;
  int32_t word[(2 * S + 10) * B], found_lengths[B] = {0}, attended[(2 * S + 10) * B];
  if (!model_open(&m, &kinds[COUNT(kinds) - 1], "cpu", SEQGPU_DTYPE_F32)) return;
  seqgpu_translator_answers to = {.word = word, .lengths = found_lengths};
  int right = seqgpu_translator_search(m.translator, m.encoder, m.step, NULL, &whole, &to) == SEQGPU_OK;
  for (int b = 0; b < B; b++) right &= found_lengths[b] >= 0 && found_lengths[b] <= 2 * S + 10;
  CHECK(right, "a search without options");
  to.attended = attended;
  model_refused(m.ctx, seqgpu_translator_search(m.translator, m.encoder, m.step, NULL, &whole, &to), 1,
                "translator: attended is wanted; there is no attention");
  model_close(&m);
}

static void check_refusals(void) {
  model m;
  if (!model_open(&m, &kinds[0], "cpu", SEQGPU_DTYPE_F32)) return;
  check_sizes(&m);
  seqgpu_translator_batch b = whole;
  refuses_batch(&m, NULL, whole, "translator is NULL");
  refuses_batch(&m, m.translator, (b.source = NULL, b), "ids");
  b = whole;
  refuses_batch(&m, m.translator, (b.source_lengths = NULL, b), "source_lengths is NULL");
  b = whole;
  refuses_batch(&m, m.translator, (b.source_len = 3, b), "source_lengths[0] is 4; it must be 1 to 3");
  b = whole;
  refuses_batch(&m, m.translator, (b.batch = 0, b), "batch is 0");
  b = whole;
  refuses_batch(&m, m.translator, (b.source_len = 0, b), "translator: source_len is 0");
  static const int32_t empty[B] = {1, 0, 1};
  b = whole;
  refuses_batch(&m, m.translator, (b.source_lengths = empty, b), "source_lengths[1] is 0; it must be 1 to ");
  refuses_search(&m, (seqgpu_translator_options){.beam = 1}, b, "source_lengths[1] is 0; it must be 1 to ");
  refuses_search(&m, (seqgpu_translator_options){.beam = -1}, whole, "beam is -1");
  refuses_search(&m, (seqgpu_translator_options){.banned = WORDS + 1}, whole, "banned is 4");
  refuses_search(&m, (seqgpu_translator_options){.length_norm = -1}, whole, "length_norm is -1");
  refuses_search(&m, (seqgpu_translator_options){.beam = WIDTH + 1, .most = 2}, whole, "rnn: x is [1,111,3]");
  seqgpu_translator *none;
  const seqgpu_translator_desc sizes = sizes_of(m.kind);
  CHECK(seqgpu_translator_create(NULL, &sizes, m.encoder, m.decoder, &none) == SEQGPU_EINVAL && none == NULL,
        "params NULL");
  check_arguments(&m);
  seqgpu_translator_destroy(NULL);
  model_close(&m);
}

int main(void) {
  check_start();
  for (size_t i = 0; i < COUNT(kinds); i++) model_check_kind(&tested, &kinds[i], check_answers);
  check_at("%s", "");
  check_defaults();
  check_refusals();
  return check_finish();
}
