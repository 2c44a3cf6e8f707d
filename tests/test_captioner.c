/* test_captioner.c - the captioner (seqgpu/captioner.h): every gradient against differences, each picture of
 * a batch as it is alone, the convolution against loops of its own, captions against those found word by
 * word, the emulated device against the CPU, and what is refused.
 */
#include "tests/model_checks.h"

enum {
  ROWS = 2,
  COLUMNS = 3,
  P = ROWS * COLUMNS,
  INPUTS = 2,
  FEATURES = 3,
  WORDS = 3,
  CLASSES = WORDS + 1,
  T = 3,
  B = 3,
  WORD_SIZE = 3,
  HIDDEN = 4,
  MOST = 5,
  BEAM = 2,
  CELLS = P * B * INPUTS
};

typedef struct kind {
  const char *name, *cell;
  int layers, patch_layers, attention, aside;
} kind;

static const kind kinds[] = {{"lstm", "lstm", 1, 1, 4, 0},
                             {"gru of two layers", "gru", 2, 2, 4, 0},
                             {"lstm of two layers without attention", "lstm", 2, 1, 0, 0},
                             {"rnn, each patch by itself", "rnn", 1, 0, 4, 0},
                             {"lstm, a number aside", "lstm", 1, 1, 4, 1}};

typedef struct model {
  const kind *kind;
  seqgpu_context *ctx;
  seqgpu_plan *decoder, *step;
  seqgpu_params *params;
  seqgpu_tape *tape;
  seqgpu_captioner *captioner;
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

static seqgpu_captioner_desc sizes_of(const kind *k) {
  return (seqgpu_captioner_desc){.rows = ROWS,
                                 .columns = COLUMNS,
                                 .inputs = INPUTS,
                                 .features = FEATURES,
                                 .layers = k->patch_layers,
                                 .words = WORDS,
                                 .word_size = WORD_SIZE,
                                 .attention_size = k->attention,
                                 .aside = k->aside};
}

/* 0 where the build has no such device. */
static int model_open(void *self, const void *which, const char *device, seqgpu_dtype dtype) {
  model *m = self;
  const kind *k = which;
  const seqgpu_context_options options = {.device = device, .threads = 1, .dtype = dtype};
  const seqgpu_captioner_desc desc = sizes_of(k);
  *m = (model){.kind = k};
  if (seqgpu_context_create(&options, &m->ctx) != SEQGPU_OK) {
    seqgpu_context_destroy(m->ctx);
    return 0;
  }
  m->decoder = plan_of(m->ctx, k, 0, T, B);
  m->step = plan_of(m->ctx, k, 0, 1, BEAM * B);
  /* A seed at which no feature is so near the corner of its relu that a difference reaches over it. */
  net_require(m->ctx, seqgpu_params_create(m->ctx, 9, &m->params), "seqgpu_params_create");
  net_require(m->ctx, seqgpu_captioner_create(m->params, &desc, m->decoder, &m->captioner),
              "seqgpu_captioner_create");
  net_require(m->ctx, seqgpu_params_init(m->params, "target.weight", "normal", 2), "seqgpu_params_init");
  net_require(m->ctx, seqgpu_tape_create(m->ctx, 5, &m->tape), "seqgpu_tape_create");
  return 1;
}

static void model_close(void *self) {
  model *m = self;
  seqgpu_tape_destroy(m->tape);
  seqgpu_captioner_destroy(m->captioner);
  seqgpu_params_destroy(m->params);
  seqgpu_plan_destroy(m->decoder);
  seqgpu_plan_destroy(m->step);
  seqgpu_context_destroy(m->ctx);
}

/* ---------------------------------------------------------------- a batch */

/* Captions of 1, 2 and no words, and their ends. */
static const int32_t lengths[B] = {2, 3, 1};
static const int32_t before[T * B] = {-1, -1, -1, 2, 0, -1, -1, 1, -1};
static const int32_t target[T * B] = {2, 0, 3, 3, 1, -1, -1, 3, -1};

/* None is 0: a patch of one number would be at the corner of its relu. */
static double number(int64_t p, int64_t b, int64_t i) {
  return (double)((7 * p + 4 * b + 5 * i + p * i) % 11) / 4 - 1.15;
}

/* Pictures first..first+count-1, in the context's element type. */
static const void *pictures_of(const model *m, int64_t first, int64_t count) {
  static double wide[CELLS];
  static float narrow[CELLS];
  for (int64_t i = 0; i < P * count * INPUTS; i++) {
    wide[i] = number(i / (count * INPUTS), first + i / INPUTS % count, i % INPUTS);
    narrow[i] = (float)wide[i];
  }
  return seqgpu_context_dtype(m->ctx) == SEQGPU_DTYPE_F64 ? (const void *)wide : narrow;
}

static seqgpu_captioner_batch whole(const model *m) {
  return (seqgpu_captioner_batch){
      .batch = B, .patches = pictures_of(m, 0, B), .target_len = T, .before = before};
}

static seqgpu_tensor *loss(void *self) {
  const model *m = self;
  const seqgpu_captioner_batch b = whole(m);
  seqgpu_tensor *logits = seqgpu_captioner_logits(m->captioner, m->tape, m->decoder, &b, NULL);
  return seqgpu_tape_cross_entropy(m->tape, logits, seqgpu_tape_ids(m->tape, 2, (int64_t[]){T, B}, target), 0,
                                   1);
}

static checked_model checked(void *self) {
  const model *m = self;
  static char name[64];
  snprintf(name, sizeof name, "captioner, %s", m->kind->name);
  return (checked_model){m->ctx, m->params, m->tape, loss, self, name};
}

/* The logits of a batch, and where there is attention its weights [T,P,B]. */
static void logits_of(model *m, const seqgpu_captioner_batch *b, double *out, double *weights) {
  const checked_model c = checked(m);
  seqgpu_tensor *attention;
  net_require(m->ctx, seqgpu_tape_clear(m->tape, 1), "seqgpu_tape_clear");
  model_read(&c, seqgpu_captioner_logits(m->captioner, m->tape, m->decoder, b, &attention), out);
  CHECK((attention != NULL) == (m->kind->attention > 0), "%s: attention where there is one", c.name);
  if (attention && weights) model_read(&c, attention, weights);
}

static void check_alone(model *m, const double *together, int i) {
  int32_t fed[T];
  double out[T * CLASSES], wanted[T * CLASSES];
  const seqgpu_captioner_batch one = {
      .batch = 1, .patches = pictures_of(m, i, 1), .target_len = lengths[i], .before = fed};
  for (int64_t t = 0; t < lengths[i]; t++) {
    fed[t] = before[t * B + i];
    memcpy(wanted + t * CLASSES, together + (t * B + i) * CLASSES, CLASSES * sizeof *wanted);
  }
  logits_of(m, &one, out, NULL);
  check_error(check_norm_f64(out, wanted, lengths[i] * CLASSES), 1e-12, "captioner, %s, picture %d alone",
              m->kind->name, i);
}

/* ---------------------------------------------------------------- what a patch sees */

static const double *param_of(const model *m, const char *name) {
  for (int i = 0; i < seqgpu_params_count(m->params); i++) {
    seqgpu_param p;
    net_require(m->ctx, seqgpu_params_get(m->params, i, &p), "seqgpu_params_get");
    if (strcmp(p.name, name) == 0) return p.value;
  }
  check_record(0, name, "there is a parameter of this name");
  exit(EXIT_FAILURE);
}

static double relu(double x) { return x > 0 ? x : 0; }

/* Patches of picture b after their first layer, and after one of 3 x 3. */
static void convolve(const model *m, int64_t b, double first[P][FEATURES], double out[P][FEATURES]) {
  const double *w0 = param_of(m, "patch0.weight"), *b0 = param_of(m, "patch0.bias"),
               *w1 = param_of(m, "patch1.weight"), *b1 = param_of(m, "patch1.bias");
  for (int64_t p = 0; p < P; p++)
    for (int64_t f = 0; f < FEATURES; f++) {
      double z = b0[f];
      for (int64_t i = 0; i < INPUTS; i++) z += w0[f * INPUTS + i] * number(p, b, i);
      first[p][f] = relu(z);
    }
  for (int64_t y = 0; y < ROWS; y++)
    for (int64_t x = 0; x < COLUMNS; x++)
      for (int64_t f = 0; f < FEATURES; f++) {
        double z = b1[f];
        for (int64_t k = 0; k < 9; k++) {
          const int64_t r = y + k / 3 - 1, c = x + k % 3 - 1;
          for (int64_t g = 0; r >= 0 && r < ROWS && c >= 0 && c < COLUMNS && g < FEATURES; g++)
            z += w1[f * 9 * FEATURES + k * FEATURES + g] * first[r * COLUMNS + c][g];
        }
        out[y * COLUMNS + x][f] = relu(z);
      }
}

/* A plain decoder step of cell rnn after the states of the model; the first word's logits tell what was seen.
 */
static void check_seen(void) {
  const kind plain = {"rnn of one layer without attention", "rnn", 1, 1, 0, 0};
  model m;
  double out[T * B * CLASSES], wanted[B * CLASSES], got[B * CLASSES], first[P][FEATURES], seen[P][FEATURES];
  if (!model_open(&m, &plain, "cpu", SEQGPU_DTYPE_F64)) return;
  const seqgpu_captioner_batch b = whole(&m);
  logits_of(&m, &b, out, NULL);
  const double *w = param_of(&m, "begin0.weight"), *bias = param_of(&m, "begin0.bias"),
               *v = param_of(&m, "output.weight"), *c = param_of(&m, "output.bias"),
               *hh = param_of(&m, "decoder.weight_hh_l0"), *biases = param_of(&m, "decoder.bias_l0");
  for (int64_t i = 0; i < B; i++) {
    double z[HIDDEN], h[HIDDEN];
    convolve(&m, i, first, seen);
    for (int64_t k = 0; k < HIDDEN; k++) {
      double sum = bias[k];
      for (int64_t p = 0; p < P; p++)
        for (int64_t f = 0; f < FEATURES; f++)
          sum += w[k * P * FEATURES + p * FEATURES + f] * seen[p][f] / sqrt(P);
      z[k] = tanh(sum);
    }
    for (int64_t k = 0; k < HIDDEN; k++) {
      double sum = biases[k];
      for (int64_t j = 0; j < HIDDEN; j++) sum += hh[k * HIDDEN + j] * z[j];
      h[k] = tanh(sum);
    }
    for (int64_t k = 0; k < CLASSES; k++) {
      wanted[i * CLASSES + k] = c[k];
      for (int64_t j = 0; j < HIDDEN; j++) wanted[i * CLASSES + k] += v[k * HIDDEN + j] * h[j];
      got[i * CLASSES + k] = out[i * CLASSES + k];
    }
  }
  check_error(check_norm_f64(got, wanted, B * CLASSES), 1e-12, "captioner, what it sees, by loops");
  model_close(&m);
}

/* How the first word of picture 0 weighs patches, and what it may be, after number `which` of one is another.
 */
static void weigh_changed(model *m, int64_t which, double weights[P], double logits[CLASSES]) {
  static const int32_t none = -1;
  double pixels[P * INPUTS];
  memcpy(pixels, pictures_of(m, 0, 1), sizeof pixels);
  if (which >= 0) pixels[2 * INPUTS + which] += 3;
  const seqgpu_captioner_batch one = {.batch = 1, .patches = pixels, .target_len = 1, .before = &none};
  logits_of(m, &one, logits, weights);
}

/* What is aside changes no key and no state, so a word that knows nothing yet looks where it would without
 * it, and still reads something else. */
static void check_aside(void) {
  const kind *k = &kinds[COUNT(kinds) - 1];
  double then[P], now[P], logits[CLASSES], others[CLASSES];
  model m;
  if (!model_open(&m, k, "cpu", SEQGPU_DTYPE_F64)) return;
  weigh_changed(&m, -1, then, logits);
  weigh_changed(&m, INPUTS - 1, now, others);
  CHECK(check_norm_f64(now, then, P) < 1e-12, "captioner, %s: is looked for without it", k->name);
  CHECK(check_norm_f64(others, logits, CLASSES) > 1e-3, "captioner, %s: is read", k->name);
  weigh_changed(&m, 0, now, others);
  CHECK(check_norm_f64(now, then, P) > 1e-3, "captioner, %s: another number is looked for", k->name);
  model_close(&m);
}

/* ---------------------------------------------------------------- captions */

typedef struct found {
  int32_t word[B * MOST], lengths[B], attended[B * MOST];
  double score[B];
} found;

static void search(model *m, seqgpu_translator_options o, found *out) {
  const seqgpu_captioner_batch b = whole(m);
  const seqgpu_translator_answers to = {.word = out->word,
                                        .lengths = out->lengths,
                                        .attended = m->kind->attention ? out->attended : NULL,
                                        .score = out->score};
  net_require(m->ctx, seqgpu_captioner_search(m->captioner, m->step, &o, &b, &to), "seqgpu_captioner_search");
}

static int32_t likeliest(const double *row) {
  int32_t best = 0;
  for (int32_t k = 1; k < CLASSES; k++)
    if (row[k] > row[best]) best = k;
  return best;
}

/* The likeliest word, one after the other, each by the logits of all before; it attends where the weights
 * say. */
static void check_greedy(model *m, int i) {
  int32_t fed[T] = {-1}, n = 0, right = 1;
  double out[T * CLASSES], weights[T * P] = {0};
  found is = {.lengths = {0}};
  search(m, (seqgpu_translator_options){.most = T}, &is);
  seqgpu_captioner_batch one = {.batch = 1, .before = fed};
  while (n < T) {
    one.patches = pictures_of(m, i, 1);
    one.target_len = n + 1;
    logits_of(m, &one, out, weights);
    const int32_t word = likeliest(out + n * CLASSES);
    if (word == WORDS) break;
    right &= is.word[i * T + n] == word;
    for (int32_t p = 0; m->kind->attention && p < P; p++)
      right &= weights[n * P + p] <= weights[n * P + is.attended[i * T + n]];
    if (++n < T) fed[n] = word;
  }
  CHECK(right && is.lengths[i] == n, "captioner, %s, caption %d word by word", m->kind->name, i);
}

static void check_captions(const void *which) {
  model m;
  double together[T * B * CLASSES];
  if (!model_open(&m, which, "cpu", SEQGPU_DTYPE_F64)) return;
  const seqgpu_captioner_batch b = whole(&m);
  logits_of(&m, &b, together, NULL);
  for (int i = 0; i < B; i++) {
    check_alone(&m, together, i);
    check_greedy(&m, i);
  }
  model_close(&m);
}

/* Captions of two hypotheses on both devices. */
static void compare_captions(void *exact, void *other) {
  const seqgpu_translator_options o = {.beam = BEAM, .most = MOST};
  found is = {.lengths = {0}}, must = is;
  search(exact, o, &must);
  search(other, o, &is);
  CHECK(memcmp(is.word, must.word, sizeof is.word) == 0 &&
            memcmp(is.lengths, must.lengths, sizeof is.lengths) == 0,
        "captioner, %s, captions", ((const model *)other)->kind->name);
}

static const tested_model tested = {sizeof(model), model_open, model_close, checked, compare_captions};

/* ---------------------------------------------------------------- refusals */

static void refuses(model *m, seqgpu_captioner_desc desc, const seqgpu_plan *decoder, const char *words) {
  seqgpu_captioner *out = (seqgpu_captioner *)m;
  const seqgpu_status status = seqgpu_captioner_create(m->params, &desc, decoder, &out);
  model_refused(m->ctx, status, out == NULL, words);
}

static void refuses_batch(model *m, const seqgpu_captioner *captioner, seqgpu_captioner_batch b,
                          const char *words) {
  seqgpu_tape_clear(m->tape, 1);
  const seqgpu_tensor *logits = seqgpu_captioner_logits(captioner, m->tape, m->decoder, &b, NULL);
  model_refused_batch(m->tape, logits == NULL, words);
}

static void refuses_search(model *m, seqgpu_translator_options o, int attended, const char *words) {
  found is = {.lengths = {0}};
  const seqgpu_captioner_batch b = whole(m);
  const seqgpu_translator_answers to = {
      .word = is.word, .lengths = is.lengths, .attended = attended ? is.attended : NULL};
  model_refused(m->ctx, seqgpu_captioner_search(m->captioner, m->step, &o, &b, &to), 1, words);
}

static void check_sizes(model *m) {
  const seqgpu_captioner_desc sizes = sizes_of(m->kind);
  seqgpu_captioner_desc d = sizes;
  seqgpu_plan *both = plan_of(m->ctx, m->kind, 1, T, B);
  refuses(m, sizes, NULL, "captioner: decoder is NULL");
  refuses(m, sizes, both, "plan decoder reads in both directions");
  refuses(m, (d.word_size = 5, d), m->decoder, "plan decoder has input_size 3; it must be 5");
  d = sizes;
  refuses(m, (d.rows = 0, d), m->decoder, "captioner: rows is 0");
  d = sizes;
  refuses(m, (d.columns = 1 << 20, d), m->decoder,
          "captioner: columns is 1048576; it must be from 1 to 524288");
  d = sizes;
  refuses(m, (d.inputs = 0, d), m->decoder, "captioner: inputs is 0");
  d = sizes;
  refuses(m, (d.features = 0, d), m->decoder, "captioner: features is 0");
  d = sizes;
  refuses(m, (d.layers = 17, d), m->decoder, "captioner: layers is 17; it must be from 0 to 16");
  d = sizes;
  refuses(m, (d.words = 0, d), m->decoder, "captioner: words is 0");
  d = sizes;
  refuses(m, (d.attention_size = -1, d), m->decoder, "captioner: attention_size is -1");
  d = sizes;
  refuses(m, (d.aside = INPUTS, d), m->decoder, "captioner: aside is 2; it must be from 0 to 1");
  d = sizes;
  refuses(m, (d.aside = 1, d.attention_size = 0, d), m->decoder,
          "captioner: aside is 1; it must be from 0 to 0");
  d = sizes;
  refuses(m, (d.dropout = 2, d), m->decoder, "captioner: dropout is 2; it must be from 0 to 1");
  seqgpu_plan_destroy(both);
}

/* What a call must be given, and what a later version may set. */
static void check_arguments(model *m) {
  const seqgpu_captioner_desc right = sizes_of(m->kind);
  seqgpu_captioner_desc d = right;
  MODEL_CREATE_REFUSALS(m, captioner, right, m->decoder);
  refuses(m, (d = right, d.word_size = 0, d), m->decoder, "captioner: word_size is 0");
  refuses(m, (d = right, d.dropout = -1, d), m->decoder, "captioner: dropout is -1");
  found is;
  const seqgpu_captioner_batch good = whole(m);
  seqgpu_captioner_batch none_of_it = good;
  none_of_it.batch = 0;
  const seqgpu_translator_options o = {.most = 1};
  const seqgpu_translator_answers to = {.word = is.word, .lengths = is.lengths};
  CHECK(seqgpu_captioner_search(NULL, m->step, &o, &good, &to) == SEQGPU_EINVAL, "captioner NULL");
  model_refused(m->ctx, seqgpu_captioner_search(m->captioner, NULL, &o, &good, &to), 1,
                "captioner: decoder is NULL");
  model_refused(m->ctx, seqgpu_captioner_search(m->captioner, m->step, &o, NULL, &to), 1,
                "captioner: batch is NULL");
  model_refused(m->ctx, seqgpu_captioner_search(m->captioner, m->step, &o, &good, NULL), 1,
                "captioner: out is NULL");
  model_refused(m->ctx, seqgpu_captioner_search(m->captioner, m->step, &o, &none_of_it, &to), 1,
                "captioner: batch is 0");
  model_refused(m->ctx,
                seqgpu_captioner_search_(m->captioner, m->step, &o, sizeof o,
                                         MODEL_LATER(seqgpu_captioner_batch, good), &to, sizeof to),
                1, "captioner_batch: a field beyond");
  CHECK(seqgpu_captioner_logits(m->captioner, NULL, m->decoder, &good, NULL) == NULL, "tape NULL");
  seqgpu_tape_clear(m->tape, 1);
  model_refused_batch(m->tape, seqgpu_captioner_logits(m->captioner, m->tape, m->decoder, NULL, NULL) == NULL,
                      "captioner: batch is NULL");
  seqgpu_tape_clear(m->tape, 1);
  model_refused_batch(m->tape,
                      seqgpu_captioner_logits_(m->captioner, m->tape, m->decoder,
                                               MODEL_LATER(seqgpu_captioner_batch, good), NULL) == NULL,
                      "captioner_batch: a field beyond");
  seqgpu_tape_clear(m->tape, 1);
  model_refused_batch(m->tape, seqgpu_captioner_logits(m->captioner, m->tape, NULL, &good, NULL) == NULL,
                      "captioner: decoder is NULL");
}

static void check_refusals(void) {
  model m;
  if (!model_open(&m, &kinds[0], "cpu", SEQGPU_DTYPE_F32)) return;
  check_sizes(&m);
  const seqgpu_captioner_batch sizes = whole(&m);
  seqgpu_captioner_batch b = sizes;
  seqgpu_captioner *none;
  const seqgpu_captioner_desc desc = sizes_of(m.kind);
  refuses_batch(&m, NULL, sizes, "captioner is NULL");
  refuses_batch(&m, m.captioner, (b.batch = 0, b), "captioner: batch is 0");
  b = sizes;
  refuses_batch(&m, m.captioner, (b.patches = NULL, b), "input");
  refuses_search(&m, (seqgpu_translator_options){.beam = -1}, 0, "captioner: beam is -1");
  refuses_search(&m, (seqgpu_translator_options){.length_norm = -1}, 0, "captioner: length_norm is -1");
  refuses_search(&m, (seqgpu_translator_options){.beam = BEAM + 1, .most = 2}, 0, "rnn: x is [1,9,3]");
  CHECK(seqgpu_captioner_create(NULL, &desc, m.decoder, &none) == SEQGPU_EINVAL && none == NULL,
        "params NULL");
  check_arguments(&m);
  seqgpu_captioner_destroy(NULL);
  model_close(&m);
  if (!model_open(&m, &kinds[COUNT(kinds) - 1], "cpu", SEQGPU_DTYPE_F32)) return;
  b = whole(&m);
  refuses_batch(&m, m.captioner, (b.patches = NULL, b), "input");
  model_close(&m);
  if (!model_open(&m, &kinds[2], "cpu", SEQGPU_DTYPE_F32)) return;
  refuses_search(&m, (seqgpu_translator_options){.most = T}, 1,
                 "captioner: attended is wanted; there is no attention");
  model_close(&m);
}

int main(void) {
  check_start();
  for (size_t i = 0; i < COUNT(kinds); i++) model_check_kind(&tested, &kinds[i], check_captions);
  check_at("cpu f64");
  check_seen();
  check_aside();
  check_at("%s", "");
  check_refusals();
  return check_finish();
}
