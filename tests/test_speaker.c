/* test_speaker.c - the speaker (seqgpu/speaker.h): every gradient against differences, each text of a batch
 * as it is alone and as it is said step by step, the emulated device against the CPU, and what is refused.
 */
#include "tests/model_checks.h"

enum {
  LETTERS = 4,
  LETTER_SIZE = 3,
  VOICES = 3,
  VOICE_SIZE = 2,
  F = 4,
  PRENET = 5,
  ATTENTION = 3,
  HIDDEN = 3,
  S = 3,
  T = 4,
  B = 3,
  CELLS = T * B * F
};

typedef struct kind {
  const char *name, *cell;
  int layers, voices, both;
} kind;

static const kind kinds[] = {{"lstm, three voices", "lstm", 1, VOICES, 1},
                             {"gru of two layers, one voice", "gru", 2, 0, 0}};

typedef struct model {
  const kind *kind;
  seqgpu_context *ctx;
  seqgpu_plan *encoder, *listener, *decoder;
  seqgpu_params *params;
  seqgpu_tape *tape;
  seqgpu_speaker *speaker;
} model;

static seqgpu_speaker_desc sizes_of(const kind *k) {
  return (seqgpu_speaker_desc){.letters = LETTERS,
                               .letter_size = LETTER_SIZE,
                               .voices = k->voices,
                               .voice_size = k->voices ? VOICE_SIZE : 0,
                               .features = F,
                               .prenet_size = PRENET,
                               .attention_size = ATTENTION};
}

static void plan(const model *m, int64_t input, int64_t steps, int both, seqgpu_plan **out) {
  const seqgpu_rnn_desc desc = {.cell = m->kind->cell,
                                .input_size = input,
                                .hidden_size = HIDDEN,
                                .num_layers = m->kind->layers,
                                .bidirectional = both,
                                .seq_len = steps,
                                .batch = B};
  net_require(m->ctx, seqgpu_plan_create(m->ctx, &desc, NULL, out), "seqgpu_plan_create");
}

/* Units of the pre-net are far from the kink of relu, where no difference is a derivative: every other one is
 * on, in any step.  Letters are far from each other, so that it matters where attention is. */
static void spread_weights(const model *m) {
  for (int i = 0; i < seqgpu_params_count(m->params); i++) {
    seqgpu_param p;
    net_require(m->ctx, seqgpu_params_get(m->params, i, &p), "seqgpu_params_get");
    double *value = p.value;
    const int letters = strcmp(p.name, "letter.weight") == 0, memory = strcmp(p.name, "memory.weight") == 0,
              biases = strcmp(p.name, "prenet1.bias") == 0 || strcmp(p.name, "prenet2.bias") == 0;
    for (int64_t j = 0; j < p.rows * p.cols; j++) {
      if (letters) value[j] *= 15;
      if (memory) value[j] *= 4;
      if (biases) value[j] = j % 2 ? -8 : 4;
    }
  }
}

/* 0 where the build has no such device. */
static int model_open(void *self, const void *which, const char *device, seqgpu_dtype dtype) {
  model *m = self;
  const kind *k = which;
  const seqgpu_context_options options = {.device = device, .threads = 1, .dtype = dtype};
  const seqgpu_speaker_desc sizes = sizes_of(k);
  *m = (model){.kind = k};
  if (seqgpu_context_create(&options, &m->ctx) != SEQGPU_OK) {
    seqgpu_context_destroy(m->ctx);
    return 0;
  }
  plan(m, LETTER_SIZE, S, k->both, &m->encoder);
  plan(m, PRENET + sizes.voice_size, T, 0, &m->listener);
  plan(m, HIDDEN * (k->both ? 3 : 2), T, 0, &m->decoder);
  net_require(m->ctx, seqgpu_params_create(m->ctx, 3, &m->params), "seqgpu_params_create");
  net_require(m->ctx,
              seqgpu_speaker_create(m->params, &sizes, m->encoder, m->listener, m->decoder, &m->speaker),
              "seqgpu_speaker_create");
  if (dtype == SEQGPU_DTYPE_F64) spread_weights(m);
  net_require(m->ctx, seqgpu_tape_create(m->ctx, 5, &m->tape), "seqgpu_tape_create");
  return 1;
}

static void model_close(void *self) {
  model *m = self;
  seqgpu_tape_destroy(m->tape);
  seqgpu_speaker_destroy(m->speaker);
  seqgpu_params_destroy(m->params);
  seqgpu_plan_destroy(m->encoder);
  seqgpu_plan_destroy(m->listener);
  seqgpu_plan_destroy(m->decoder);
  seqgpu_context_destroy(m->ctx);
}

/* ---------------------------------------------------------------- a batch */

static const int32_t text_lengths[B] = {3, 1, 2}, lengths[B] = {4, 2, 3}, voice[B] = {2, 0, -1};
static const int32_t text[S * B] = {1, 3, 0, 2, -1, 3, 1, -1, -1};

static double heard(int64_t t, int64_t b, int64_t i) {
  return (double)((5 * t + 3 * b + 7 * i + t * i) % 13) / 6 - 1;
}

/* Steps first..first+steps-1 of `count` sequences from `of` on, in the context's element type. */
static const void *before(const model *m, int64_t first, int64_t steps, int64_t of, int64_t count) {
  static double wide[CELLS];
  static float narrow[CELLS];
  for (int64_t i = 0; i < steps * count * F; i++) {
    wide[i] = heard(first + i / (count * F), of + i / F % count, i % F);
    narrow[i] = (float)wide[i];
  }
  return seqgpu_context_dtype(m->ctx) == SEQGPU_DTYPE_F64 ? (const void *)wide : narrow;
}

static seqgpu_speaker_batch batch_of(const model *m) {
  return (seqgpu_speaker_batch){.batch = B,
                                .text_len = S,
                                .text_lengths = text_lengths,
                                .text = text,
                                .voice = voice,
                                .seq_len = T,
                                .before = before(m, 0, T, 0, B)};
}

static seqgpu_tensor *say(const model *m, const seqgpu_speaker_batch *b, seqgpu_tensor **beside) {
  return seqgpu_speaker_say(m->speaker, m->tape, m->encoder, m->listener, m->decoder, b, beside);
}

static seqgpu_tensor *loss(void *self) {
  const model *m = self;
  const int64_t wanted[] = {T, B, F}, ends[] = {T, B, 1};
  static const int32_t mask[T * B] = {1, 1, 1, 1, 1, 1, 1, 0, 1, 1, 0, 0};
  const float narrow[T * B] = {0, 0, 0, 0, 1, 0, 0, 0, 1, 1, 0, 0};
  double wide[T * B];
  for (int i = 0; i < T * B; i++) wide[i] = (double)narrow[i];
  const int exact = seqgpu_context_dtype(m->ctx) == SEQGPU_DTYPE_F64;
  const seqgpu_speaker_batch b = batch_of(m);
  seqgpu_tensor *beside[SEQGPU_SPEAKER_BESIDE], *x = say(m, &b, beside);
  seqgpu_tensor *target = seqgpu_tape_input(m->tape, 3, wanted, before(m, 1, T, 0, B));
  return seqgpu_tape_add(
      m->tape, seqgpu_tape_squared_error(m->tape, x, target, seqgpu_tape_ids(m->tape, 2, wanted, mask), 1, 1),
      seqgpu_tape_binary_cross_entropy(
          m->tape, beside[SEQGPU_SPEAKER_END],
          seqgpu_tape_input(m->tape, 3, ends, exact ? (const void *)wide : narrow),
          seqgpu_tape_lengths(m->tape, B, lengths), 1, 1));
}

static checked_model checked(void *self) {
  const model *m = self;
  static char name[64];
  snprintf(name, sizeof name, "speaker, %s", m->kind->name);
  return (checked_model){m->ctx, m->params, m->tape, loss, self, name};
}

/* Copies sequence b of steps x [steps,B,F]. */
static void take(const double *x, int64_t steps, int64_t b, double *out) {
  for (int64_t t = 0; t < steps; t++) memcpy(out + t * F, x + (t * B + b) * F, F * sizeof *out);
}

/* Each text by itself becomes the steps that it becomes in the batch. */
static void check_alone(model *m, const double *together) {
  const checked_model c = checked(m);
  double out[T * F], wanted[T * F];
  for (int i = 0; i < B; i++) {
    const int64_t steps = lengths[i];
    int32_t own[S];
    for (int s = 0; s < text_lengths[i]; s++) own[s] = text[s * B + i];
    const seqgpu_speaker_batch b = {.batch = 1,
                                    .text_len = text_lengths[i],
                                    .text_lengths = &text_lengths[i],
                                    .text = own,
                                    .voice = &voice[i],
                                    .seq_len = steps,
                                    .before = before(m, 0, steps, i, 1)};
    model_read(&c, say(m, &b, NULL), out);
    take(together, steps, i, wanted);
    check_error(check_norm_f64(out, wanted, steps * F), 1e-12, "%s, text %d alone", c.name, i);
  }
}

/* A step a call, from the states that the one before has left. */
static void check_step_by_step(model *m, const double *together) {
  const checked_model c = checked(m);
  const int states = seqgpu_plan_get_sizes(m->listener).state_count;
  seqgpu_tensor *initial[2 * SEQGPU_MAX_STATES], *beside[SEQGPU_SPEAKER_BESIDE];
  double out[B * F];
  for (int64_t t = 0; t < T; t++) {
    seqgpu_speaker_batch b = batch_of(m);
    b.seq_len = 1;
    b.before = before(m, t, 1, 0, B);
    b.initial = t ? initial : NULL;
    model_read(&c, say(m, &b, beside), out);
    check_error(check_norm_f64(out, together + t * B * F, B * F), 1e-12, "%s, step %d after those before",
                c.name, (int)t);
    for (int k = 0; k < 2 * states; k++)
      initial[k] = seqgpu_tape_rnn_final(
          m->tape, beside[k < states ? SEQGPU_SPEAKER_LISTENER : SEQGPU_SPEAKER_DECODER], k % states);
  }
}

/* The weights of each step are 0 behind a text, and add up to 1. */
static void check_attention(model *m, const double *a) {
  for (int64_t t = 0; t < T; t++)
    for (int64_t b = 0; b < B; b++) {
      double sum = 0, behind = 0;
      for (int64_t s = 0; s < S; s++) *(s < text_lengths[b] ? &sum : &behind) += a[(t * S + s) * B + b];
      if (fabs(sum - 1) > 1e-12 || behind != 0) CHECK(0, "weights of step %d, text %d", (int)t, (int)b);
    }
  CHECK(1, "speaker, %s: weights of the letters add up to 1", m->kind->name);
}

static void check_own(const void *which) {
  model m;
  double together[CELLS], attention[T * S * B];
  seqgpu_tensor *beside[SEQGPU_SPEAKER_BESIDE];
  if (!model_open(&m, which, "cpu", SEQGPU_DTYPE_F64)) return;
  const checked_model c = checked(&m);
  const seqgpu_speaker_batch b = batch_of(&m);
  net_require(m.ctx, seqgpu_tape_clear(m.tape, 1), "seqgpu_tape_clear");
  model_read(&c, say(&m, &b, beside), together);
  model_read(&c, beside[SEQGPU_SPEAKER_ATTENTION], attention);
  check_attention(&m, attention);
  check_alone(&m, together);
  check_step_by_step(&m, together);
  model_close(&m);
}

static const tested_model tested = {sizeof(model), model_open, model_close, checked, NULL};

/* ---------------------------------------------------------------- refusals */

typedef struct plans {
  const seqgpu_plan *encoder, *listener, *decoder;
} plans;

static void refuses(model *m, seqgpu_speaker_desc desc, plans p, const char *words) {
  seqgpu_speaker *out = (seqgpu_speaker *)m;
  const seqgpu_status status =
      seqgpu_speaker_create(m->params, &desc, p.encoder, p.listener, p.decoder, &out);
  model_refused(m->ctx, status, out == NULL, words);
}

static void refuses_batch(model *m, const seqgpu_speaker *s, plans p, const seqgpu_speaker_batch *b,
                          const char *words) {
  seqgpu_tensor *beside[SEQGPU_SPEAKER_BESIDE] = {(seqgpu_tensor *)m};
  seqgpu_tape_clear(m->tape, 1);
  const seqgpu_tensor *x = seqgpu_speaker_say(s, m->tape, p.encoder, p.listener, p.decoder, b, beside);
  model_refused_batch(m->tape, x == NULL && beside[0] == NULL, words);
}

static void check_sizes(model *m, plans p) {
  const seqgpu_speaker_desc sizes = sizes_of(m->kind);
  seqgpu_speaker_desc d = sizes;
  refuses(m, (d.letters = 0, d), p, "speaker: letters is 0");
  refuses(m, (d = sizes, d.letter_size = 0, d), p, "speaker: letter_size is 0");
  refuses(m, (d = sizes, d.voices = -1, d), p, "speaker: voices is -1");
  refuses(m, (d = sizes, d.voice_size = 0, d), p, "speaker: voice_size is 0");
  refuses(m, (d = sizes, d.voices = 0, d), p, "speaker: voice_size is 2");
  refuses(m, (d = sizes, d.features = 0, d), p, "speaker: features is 0");
  refuses(m, (d = sizes, d.prenet_size = 0, d), p, "speaker: prenet_size is 0");
  refuses(m, (d = sizes, d.attention_size = 0, d), p, "speaker: attention_size is 0");
  refuses(m, (d = sizes, d.dropout = 2, d), p, "speaker: dropout is 2; it must be from 0 to 1");
  refuses(m, (d = sizes, d.letter_size = 6, d), p, "speaker: plan encoder has input_size 3; it must be 6");
  refuses(m, (d = sizes, d.prenet_size = 6, d), p, "speaker: plan listener has input_size 7; it must be 8");
}

static void check_plans(model *m, plans p) {
  const seqgpu_speaker_desc sizes = sizes_of(m->kind);
  seqgpu_plan *other, *both;
  const kind *own = m->kind;
  const kind gru = {"", "gru", 1, VOICES, 1};
  plan(m, PRENET + VOICE_SIZE, T, 1, &both);
  m->kind = &gru;
  plan(m, 3 * HIDDEN, T, 0, &other);
  m->kind = own;
  refuses(m, sizes, (plans){NULL, p.listener, p.decoder}, "speaker: encoder is NULL");
  refuses(m, sizes, (plans){p.encoder, NULL, p.decoder}, "speaker: listener is NULL");
  refuses(m, sizes, (plans){p.encoder, p.listener, NULL}, "speaker: decoder is NULL");
  refuses(m, sizes, (plans){p.encoder, p.listener, p.listener},
          "plan decoder has input_size 7; it must be 9");
  refuses(m, sizes, (plans){p.encoder, both, p.decoder}, "speaker: plan listener reads in both directions");
  refuses(m, sizes, (plans){p.encoder, p.listener, other},
          "speaker: the cells of listener and decoder are lstm and gru; they must be the same");
  seqgpu_plan_destroy(both);
  seqgpu_plan_destroy(other);
}

static void check_batches(model *m, plans p) {
  static const float longer[(T + 1) * B * F];
  static const int32_t none[B] = {1, 0, 1};
  const seqgpu_speaker_batch good = batch_of(m);
  seqgpu_speaker_batch b = good;
  refuses_batch(m, NULL, p, &b, "speaker: speaker is NULL");
  refuses_batch(m, m->speaker, p, NULL, "speaker: batch is NULL");
  refuses_batch(m, m->speaker, (plans){p.encoder, NULL, p.decoder}, &b, "speaker: listener is NULL");
  refuses_batch(m, m->speaker, p, (b.batch = 0, &b), "speaker: batch is 0");
  refuses_batch(m, m->speaker, p, (b = good, b.text_len = 0, &b), "speaker: text_len is 0");
  refuses_batch(m, m->speaker, p, (b = good, b.seq_len = 0, &b), "speaker: seq_len is 0");
  refuses_batch(m, m->speaker, p, (b = good, b.text_lengths = NULL, &b), "speaker: text_lengths is NULL");
  refuses_batch(m, m->speaker, p, (b = good, b.text_lengths = none, &b),
                "speaker: text_lengths[1] is 0; it must be 1 to 3");
  refuses_batch(m, m->speaker, p, (b = good, b.seq_len = T + 1, b.before = longer, &b), "rnn: x is [5,3,7]");
  refuses_batch(m, m->speaker, p, (b = good, b.before = NULL, &b), "input");
}

/* What a call must be given, and what a later version may set. */
static void check_arguments(model *m) {
  const seqgpu_speaker_desc right = sizes_of(m->kind);
  seqgpu_speaker_desc d = right;
  MODEL_CREATE_REFUSALS(m, speaker, right, m->encoder, m->listener, m->decoder);
  refuses(m, (d = right, d.dropout = -1, d), (plans){m->encoder, m->listener, m->decoder},
          "speaker: dropout is -1");
  static const int32_t longer[B] = {1, 1, 100};
  const seqgpu_speaker_batch good = batch_of(m);
  seqgpu_speaker_batch b = good;
  refuses_batch(m, m->speaker, (plans){m->encoder, m->listener, m->decoder}, (b.text_lengths = longer, &b),
                "speaker: text_lengths[2] is 100; it must be 1 to 3");
  CHECK(seqgpu_speaker_say(m->speaker, NULL, m->encoder, m->listener, m->decoder, &good, NULL) == NULL,
        "tape NULL");
  seqgpu_tape_clear(m->tape, 1);
  model_refused_batch(
      m->tape,
      seqgpu_speaker_say(m->speaker, m->tape, m->encoder, m->listener, m->decoder, NULL, NULL) == NULL,
      "speaker: batch is NULL");
  seqgpu_tape_clear(m->tape, 1);
  model_refused_batch(m->tape,
                      seqgpu_speaker_say_(m->speaker, m->tape, m->encoder, m->listener, m->decoder,
                                          MODEL_LATER(seqgpu_speaker_batch, good), NULL) == NULL,
                      "speaker_batch: a field beyond");
}

static void check_refusals(void) {
  model m;
  seqgpu_speaker *none;
  if (!model_open(&m, &kinds[0], "cpu", SEQGPU_DTYPE_F32)) return;
  const plans p = {m.encoder, m.listener, m.decoder};
  const seqgpu_speaker_desc sizes = sizes_of(m.kind);
  check_sizes(&m, p);
  check_plans(&m, p);
  check_batches(&m, p);
  CHECK(seqgpu_speaker_create(NULL, &sizes, p.encoder, p.listener, p.decoder, &none) == SEQGPU_EINVAL &&
            none == NULL,
        "params NULL");
  check_arguments(&m);
  seqgpu_speaker_destroy(NULL);
  model_close(&m);
}

int main(void) {
  check_start();
  for (size_t i = 0; i < COUNT(kinds); i++) model_check_kind(&tested, &kinds[i], check_own);
  check_at("%s", "");
  check_refusals();
  return check_finish();
}
