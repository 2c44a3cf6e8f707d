/* test_tagger.c - the tagger (seqgpu/tagger.h): every gradient against differences, each sentence of a batch
 * as it is alone, the emulated device against the CPU, and what is refused.
 */
#include "tests/model_checks.h"

enum {
  WORDS = 9,
  LETTERS = 7,
  TAGS = 4,
  T = 5,
  B = 3,
  N = 6,
  C = 4,
  WORD_SIZE = 3,
  LETTER_SIZE = 2,
  HIDDEN = 4
};

typedef struct kind {
  const char *name, *cell;
  int layers, one_direction, letters;
} kind;

static const kind kinds[] = {{"lstm", "lstm", 1, 0, 1},
                             {"lstm of two layers", "lstm", 2, 0, 1},
                             {"gru to the right", "gru", 1, 1, 1},
                             {"lstm of words alone", "lstm", 1, 0, 0}};

typedef struct model {
  const kind *kind;
  seqgpu_context *ctx;
  seqgpu_plan *letters, *sentence;
  seqgpu_params *params;
  seqgpu_tape *tape;
  seqgpu_tagger *tagger;
} model;

static seqgpu_plan *plan_of(seqgpu_context *ctx, const kind *k, int64_t input, int64_t steps, int64_t batch,
                            int is_letters) {
  const seqgpu_rnn_desc desc = {.cell = k->cell,
                                .input_size = input,
                                .hidden_size = is_letters ? 3 : HIDDEN,
                                .num_layers = k->layers,
                                .bidirectional = is_letters || !k->one_direction,
                                .seq_len = steps,
                                .batch = batch};
  seqgpu_plan *plan;
  net_require(ctx, seqgpu_plan_create(ctx, &desc, NULL, &plan), "seqgpu_plan_create");
  return plan;
}

static const seqgpu_tagger_desc sizes = {
    .words = WORDS, .word_size = WORD_SIZE, .letters = LETTERS, .letter_size = LETTER_SIZE, .tags = TAGS};

/* 0 where the build has no such device. */
static int model_open(void *self, const void *which, const char *device, seqgpu_dtype dtype) {
  model *m = self;
  const kind *k = which;
  const seqgpu_context_options options = {.device = device, .threads = 1, .dtype = dtype};
  *m = (model){.kind = k};
  if (seqgpu_context_create(&options, &m->ctx) != SEQGPU_OK) {
    seqgpu_context_destroy(m->ctx);
    return 0;
  }
  if (k->letters) m->letters = plan_of(m->ctx, k, LETTER_SIZE, C, N, 1);
  m->sentence = plan_of(m->ctx, k, seqgpu_tagger_input_size(WORD_SIZE, m->letters), T, B, 0);
  net_require(m->ctx, seqgpu_params_create(m->ctx, 11, &m->params), "seqgpu_params_create");
  net_require(m->ctx, seqgpu_tagger_create(m->params, &sizes, m->letters, m->sentence, &m->tagger),
              "seqgpu_tagger_create");
  net_require(m->ctx, seqgpu_tape_create(m->ctx, 5, &m->tape), "seqgpu_tape_create");
  return 1;
}

static void model_close(void *self) {
  model *m = self;
  seqgpu_tape_destroy(m->tape);
  seqgpu_tagger_destroy(m->tagger);
  seqgpu_params_destroy(m->params);
  seqgpu_plan_destroy(m->letters);
  seqgpu_plan_destroy(m->sentence);
  seqgpu_context_destroy(m->ctx);
}

/* ---------------------------------------------------------------- a batch */

/* Sentences of 5, 2 and 4 words; the last letter of spelling 4 is in no alphabet. */
static const int32_t lengths[B] = {5, 2, 4}, letter_lengths[N] = {1, 4, 2, 3, 2, 1};
static const int32_t word[T * B] = {1, 0, 2, 3, 8, 1, 4, -1, 7, 1, -1, 5, 6, -1, -1};
static const int32_t spelling[T * B] = {0, 4, 1, 2, 3, 0, 5, -1, 3, 0, -1, 4, 2, -1, -1};
static const int32_t letter[C * N] = {3,  0, 1,  6, 2,  5,  -1, 4, 4,  1,  -1, -1,
                                      -1, 2, -1, 0, -1, -1, -1, 6, -1, -1, -1, -1};
static const int32_t tag[T * B] = {0, 1, 3, 2, 2, 1, 3, -1, 0, 0, -1, 2, 1, -1, -1};

static const seqgpu_tagger_batch whole = {.seq_len = T,
                                          .batch = B,
                                          .lengths = lengths,
                                          .word = word,
                                          .spelling = spelling,
                                          .longest = C,
                                          .spellings = N,
                                          .letter_lengths = letter_lengths,
                                          .letter = letter};

static seqgpu_tensor *loss(void *self) {
  const model *m = self;
  seqgpu_tensor *logits = seqgpu_tagger_logits(m->tagger, m->tape, m->letters, m->sentence, &whole);
  seqgpu_tensor *targets = seqgpu_tape_ids(m->tape, 2, (int64_t[]){T, B}, tag);
  return seqgpu_tape_cross_entropy(m->tape, logits, targets, 0, 1);
}

static checked_model checked(void *self) {
  const model *m = self;
  static char name[64];
  snprintf(name, sizeof name, "tagger, %s", m->kind->name);
  return (checked_model){m->ctx, m->params, m->tape, loss, self, name};
}

/* The logits of a batch. */
static void logits_of(model *m, const seqgpu_tagger_batch *b, double *out) {
  const checked_model c = checked(m);
  net_require(m->ctx, seqgpu_tape_clear(m->tape, 1), "seqgpu_tape_clear");
  model_read(&c, seqgpu_tagger_logits(m->tagger, m->tape, m->letters, m->sentence, b), out);
}

/* ---------------------------------------------------------------- a sentence alone */

/* Sentence i of the batch, its words spelt by columns of their own. */
static void check_alone(model *m, const kind *k, const double *together, int i) {
  int32_t w[T], s[T], size[T], c[C * T];
  double out[T * TAGS], wanted[T * TAGS];
  const int64_t n = lengths[i];
  for (int64_t t = 0; t < n; t++) {
    const int32_t from = spelling[t * B + i];
    w[t] = word[t * B + i];
    s[t] = (int32_t)(n - 1 - t);
    size[n - 1 - t] = letter_lengths[from];
    for (int64_t r = 0; r < C; r++) c[r * n + n - 1 - t] = letter[r * N + from];
    memcpy(wanted + t * TAGS, together + (t * B + i) * TAGS, TAGS * sizeof *wanted);
  }
  const seqgpu_tagger_batch one = {.seq_len = n,
                                   .batch = 1,
                                   .lengths = &lengths[i],
                                   .word = w,
                                   .spelling = s,
                                   .longest = C,
                                   .spellings = n,
                                   .letter_lengths = size,
                                   .letter = c};
  logits_of(m, &one, out);
  check_error(check_norm_f64(out, wanted, n * TAGS), 1e-12, "tagger, %s, sentence %d alone", k->name, i);
}

static void check_sentences(const void *which) {
  const kind *k = which;
  model m;
  double together[T * B * TAGS];
  if (!model_open(&m, k, "cpu", SEQGPU_DTYPE_F64)) return;
  logits_of(&m, &whole, together);
  for (int i = 0; i < B; i++) check_alone(&m, k, together, i);
  model_close(&m);
}

/* ---------------------------------------------------------------- devices */

/* The logits, but for rows without a word. */
static void compare_logits(void *exact, void *other) {
  double wanted[T * B * TAGS], out[T * B * TAGS];
  model *m = other;
  logits_of(exact, &whole, wanted);
  logits_of(m, &whole, out);
  for (int64_t r = 0; r < T * B; r++)
    if (word[r] < 0) memcpy(out + r * TAGS, wanted + r * TAGS, TAGS * sizeof *out);
  check_error(check_norm_f64(out, wanted, T * B * TAGS), 1e-5, "tagger, %s, logits", m->kind->name);
}

static const tested_model tested = {sizeof(model), model_open, model_close, checked, compare_logits};

/* ---------------------------------------------------------------- refusals */

static void refuses(model *m, seqgpu_tagger_desc desc, const seqgpu_plan *letters,
                    const seqgpu_plan *sentence, const char *words) {
  seqgpu_tagger *out = (seqgpu_tagger *)m;
  const seqgpu_status status = seqgpu_tagger_create(m->params, &desc, letters, sentence, &out);
  model_refused(m->ctx, status, out == NULL, words);
}

static void refuses_batch(model *m, const seqgpu_tagger *tagger, const seqgpu_plan *letters,
                          const seqgpu_plan *sentence, seqgpu_tagger_batch batch, const char *words) {
  seqgpu_tape_clear(m->tape, 1);
  const seqgpu_tensor *logits = seqgpu_tagger_logits(tagger, m->tape, letters, sentence, &batch);
  model_refused_batch(m->tape, logits == NULL, words);
}

/* What a call must be given, and what a later version may set. */
static void check_arguments(model *m) {
  const seqgpu_tagger_desc right = sizes;
  seqgpu_tagger_desc d = right;
  MODEL_CREATE_REFUSALS(m, tagger, right, m->letters, m->sentence);
  refuses(m, (d = right, d.word_size = 0, d), m->letters, m->sentence, "tagger: word_size is 0");
  refuses(m, (d = right, d.letter_size = 0, d), m->letters, m->sentence, "tagger: letter_size is 0");
  refuses(m, (d = right, d.dropout = -1, d), m->letters, m->sentence, "tagger: dropout is -1");
  refuses_batch(m, m->tagger, m->letters, NULL, whole, "tagger: sentence is NULL");
  CHECK(seqgpu_tagger_logits(m->tagger, NULL, m->letters, m->sentence, &whole) == NULL, "tape NULL");
  seqgpu_tape_clear(m->tape, 1);
  model_refused_batch(m->tape,
                      seqgpu_tagger_logits(m->tagger, m->tape, m->letters, m->sentence, NULL) == NULL,
                      "tagger: batch is NULL");
  seqgpu_tape_clear(m->tape, 1);
  model_refused_batch(m->tape,
                      seqgpu_tagger_logits_(m->tagger, m->tape, m->letters, m->sentence,
                                            MODEL_LATER(seqgpu_tagger_batch, whole)) == NULL,
                      "tagger_batch: a field beyond");
}

static void check_refusals(void) {
  model m;
  seqgpu_tagger_desc d = sizes;
  if (!model_open(&m, &kinds[0], "cpu", SEQGPU_DTYPE_F32)) return;
  refuses(&m, sizes, m.letters, NULL, "tagger: sentence is NULL");
  refuses(&m, sizes, m.sentence, m.sentence, "plan letters has input_size 9; it must be 2");
  refuses(&m, sizes, NULL, m.sentence, "plan sentence has input_size 9; it must be 3");
  refuses(&m, (d.words = 0, d), m.letters, m.sentence, "tagger: words is 0");
  d = sizes;
  refuses(&m, (d.tags = -1, d), m.letters, m.sentence, "tagger: tags is -1");
  d = sizes;
  refuses(&m, (d.letters = 0, d), m.letters, m.sentence, "tagger: letters is 0");
  d = sizes;
  refuses(&m, (d.dropout = 1.5, d), m.letters, m.sentence, "dropout is 1.5; it must be from 0 to 1");
  seqgpu_tagger_batch b = whole;
  refuses_batch(&m, m.tagger, NULL, m.sentence, whole, "letters is NULL; the tagger was created with it");
  refuses_batch(&m, NULL, m.letters, m.sentence, whole, "tagger is NULL");
  refuses_batch(&m, m.tagger, m.letters, m.sentence, (b.word = NULL, b), "ids");
  int32_t longer[(T + 1) * B];
  memset(longer, 0xff, sizeof longer);
  b = whole;
  b.word = b.spelling = longer;
  refuses_batch(&m, m.tagger, m.letters, m.sentence, (b.seq_len = T + 1, b), "rnn: x is [6,3,9]");
  seqgpu_tagger *none;
  CHECK(seqgpu_tagger_create(NULL, &sizes, m.letters, m.sentence, &none) == SEQGPU_EINVAL && none == NULL,
        "params NULL");
  check_arguments(&m);
  seqgpu_tagger_destroy(NULL);
  model_close(&m);
  if (!model_open(&m, &kinds[3], "cpu", SEQGPU_DTYPE_F32)) return;
  refuses_batch(&m, m.tagger, m.sentence, m.sentence, whole,
                "letters is a plan; the tagger was created without it");
  model_close(&m);
}

int main(void) {
  check_start();
  for (size_t i = 0; i < COUNT(kinds); i++) model_check_kind(&tested, &kinds[i], check_sentences);
  check_at("%s", "");
  check_refusals();
  return check_finish();
}
