/* test_transcriber.c - the transcriber (seqgpu/transcriber.h): every gradient against differences, each
 * recording of a batch as it is alone, the emulated device against the CPU, and what is refused; and labels
 * from the logits of CTC, where all paths of small cases are walked.
 */
#include "tests/model_checks.h"

enum { FEATURES = 3, CLASSES = 4, T = 5, B = 3, L = 2, CELLS = T * B * FEATURES };

typedef struct kind {
  const char *name, *cell;
  int layers, both;
} kind;

static const kind kinds[] = {{"lstm in both directions", "lstm", 1, 1},
                             {"gru of two layers", "gru", 2, 1},
                             {"rnn to the right", "rnn", 1, 0}};

typedef struct model {
  const kind *kind;
  seqgpu_context *ctx;
  seqgpu_plan *plan;
  seqgpu_params *params;
  seqgpu_tape *tape;
  seqgpu_transcriber *transcriber;
} model;

static const seqgpu_transcriber_desc sizes = {.features = FEATURES, .classes = CLASSES};

/* 0 where the build has no such device. */
static int model_open(void *self, const void *which, const char *device, seqgpu_dtype dtype) {
  model *m = self;
  const kind *k = which;
  const seqgpu_context_options options = {.device = device, .threads = 1, .dtype = dtype};
  const seqgpu_rnn_desc desc = {.cell = k->cell,
                                .input_size = FEATURES,
                                .hidden_size = 4,
                                .num_layers = k->layers,
                                .bidirectional = k->both,
                                .seq_len = T,
                                .batch = B};
  *m = (model){.kind = k};
  if (seqgpu_context_create(&options, &m->ctx) != SEQGPU_OK) {
    seqgpu_context_destroy(m->ctx);
    return 0;
  }
  net_require(m->ctx, seqgpu_plan_create(m->ctx, &desc, NULL, &m->plan), "seqgpu_plan_create");
  net_require(m->ctx, seqgpu_params_create(m->ctx, 3, &m->params), "seqgpu_params_create");
  net_require(m->ctx, seqgpu_transcriber_create(m->params, &sizes, m->plan, &m->transcriber),
              "seqgpu_transcriber_create");
  net_require(m->ctx, seqgpu_tape_create(m->ctx, 5, &m->tape), "seqgpu_tape_create");
  return 1;
}

static void model_close(void *self) {
  model *m = self;
  seqgpu_tape_destroy(m->tape);
  seqgpu_transcriber_destroy(m->transcriber);
  seqgpu_params_destroy(m->params);
  seqgpu_plan_destroy(m->plan);
  seqgpu_context_destroy(m->ctx);
}

/* ---------------------------------------------------------------- a batch */

static const int32_t lengths[B] = {5, 2, 4}, label_lengths[B] = {2, 1, 2};
static const int32_t labels[L * B] = {1, 3, 2, 3, -1, 2}; /* the last has a repeat */

static double feature(int64_t t, int64_t b, int64_t i) {
  return (double)((7 * t + 3 * b + 5 * i + t * i) % 11) / 5 - 1;
}

/* Recordings first..first+count-1 of the batch, in the context's element type. */
static const void *batch_of(const model *m, int64_t first, int64_t count) {
  static double wide[CELLS];
  static float narrow[CELLS];
  for (int64_t i = 0; i < T * count * FEATURES; i++) {
    wide[i] = feature(i / (count * FEATURES), first + i / FEATURES % count, i % FEATURES);
    narrow[i] = (float)wide[i];
  }
  return seqgpu_context_dtype(m->ctx) == SEQGPU_DTYPE_F64 ? (const void *)wide : narrow;
}

static seqgpu_tensor *loss(void *self) {
  const model *m = self;
  const int64_t shape[] = {L, B};
  seqgpu_tensor *logits =
      seqgpu_transcriber_logits(m->transcriber, m->tape, m->plan, T, B, lengths, batch_of(m, 0, B));
  return seqgpu_tape_ctc(m->tape, logits, seqgpu_tape_lengths(m->tape, B, lengths),
                         seqgpu_tape_ids(m->tape, 2, shape, labels),
                         seqgpu_tape_lengths(m->tape, B, label_lengths), 0, 0, 1);
}

static checked_model checked(void *self) {
  const model *m = self;
  static char name[64];
  snprintf(name, sizeof name, "transcriber, %s", m->kind->name);
  return (checked_model){m->ctx, m->params, m->tape, loss, self, name};
}

/* Each recording by itself has the logits that it has in the batch. */
static void check_alone(const void *which) {
  model m;
  double together[T * B * CLASSES], out[T * CLASSES], wanted[T * CLASSES];
  if (!model_open(&m, which, "cpu", SEQGPU_DTYPE_F64)) return;
  const checked_model c = checked(&m);
  net_require(m.ctx, seqgpu_tape_clear(m.tape, 1), "seqgpu_tape_clear");
  model_read(&c, seqgpu_transcriber_logits(m.transcriber, m.tape, m.plan, T, B, lengths, batch_of(&m, 0, B)),
             together);
  for (int i = 0; i < B; i++) {
    const int64_t steps = lengths[i];
    model_read(&c,
               seqgpu_transcriber_logits(m.transcriber, m.tape, m.plan, steps, 1, NULL, batch_of(&m, i, 1)),
               out);
    for (int64_t t = 0; t < steps; t++)
      memcpy(wanted + t * CLASSES, together + (t * B + i) * CLASSES, CLASSES * sizeof *wanted);
    check_error(check_norm_f64(out, wanted, steps * CLASSES), 1e-12, "%s, recording %d alone", c.name, i);
  }
  model_close(&m);
}

static const tested_model tested = {sizeof(model), model_open, model_close, checked, NULL};

/* ---------------------------------------------------------------- refusals */

static void refuses(model *m, seqgpu_transcriber_desc desc, const seqgpu_plan *plan, const char *words) {
  seqgpu_transcriber *out = (seqgpu_transcriber *)m;
  const seqgpu_status status = seqgpu_transcriber_create(m->params, &desc, plan, &out);
  model_refused(m->ctx, status, out == NULL, words);
}

static void refuses_batch(model *m, const seqgpu_transcriber *c, const seqgpu_plan *plan, int64_t steps,
                          const void *x, const char *words) {
  seqgpu_tape_clear(m->tape, 1);
  const seqgpu_tensor *logits = seqgpu_transcriber_logits(c, m->tape, plan, steps, B, lengths, x);
  model_refused_batch(m->tape, logits == NULL, words);
}

/* What a call must be given, and what a later version may set. */
static void check_arguments(model *m) {
  seqgpu_transcriber_desc d = sizes;
  MODEL_CREATE_REFUSALS(m, transcriber, sizes, m->plan);
  refuses(m, (d.dropout = -1, d), m->plan, "transcriber: dropout is -1");
  CHECK(seqgpu_transcriber_logits(m->transcriber, NULL, m->plan, T, B, NULL, NULL) == NULL, "tape NULL");
}

static void check_refusals(void) {
  static const float longer[(T + 1) * B * FEATURES];
  model m;
  seqgpu_transcriber *none;
  seqgpu_transcriber_desc d = sizes;
  if (!model_open(&m, &kinds[0], "cpu", SEQGPU_DTYPE_F32)) return;
  refuses(&m, sizes, NULL, "transcriber: plan is NULL");
  refuses(&m, (d.features = 0, d), m.plan, "transcriber: features is 0");
  refuses(&m, (d.features = 6, d), m.plan, "the plan has input_size 3; it must be 6");
  d = sizes;
  refuses(&m, (d.classes = 1, d), m.plan, "transcriber: classes is 1");
  d = sizes;
  refuses(&m, (d.dropout = 2, d), m.plan, "transcriber: dropout is 2; it must be from 0 to 1");
  refuses_batch(&m, NULL, m.plan, T, longer, "transcriber is NULL");
  refuses_batch(&m, m.transcriber, NULL, T, longer, "plan is NULL");
  refuses_batch(&m, m.transcriber, m.plan, T + 1, longer, "rnn: x is [6,3,3]");
  refuses_batch(&m, m.transcriber, m.plan, T, NULL, "input");
  CHECK(seqgpu_transcriber_create(NULL, &sizes, m.plan, &none) == SEQGPU_EINVAL && none == NULL,
        "params NULL");
  check_arguments(&m);
  seqgpu_transcriber_destroy(NULL);
  model_close(&m);
}

/* ---------------------------------------------------------------- labels, by all paths */

enum { STEPS = 6, STRIDE = 5, K = 4, PATHS = 4096 /* K^STEPS */, KEYS = 1 << 14 };

/* The labels of a path of K^STEPS as a number: 1, and then a digit in base K a label, which is never 0. */
static int64_t key_of_path(int64_t path, int64_t steps, int64_t blank) {
  int64_t key = 1, before = blank;
  for (int64_t t = 0; t < steps; t++, path /= K) {
    const int64_t k = path % K;
    if (k != blank && k != before) key = key * K + k;
    before = k;
  }
  return key;
}

static int64_t key_of_labels(const int32_t *label, int64_t count) {
  int64_t key = 1;
  for (int64_t i = 0; i < count; i++) key = key * K + label[i];
  return key;
}

static double log_of_path(const float *logits, int64_t path, int64_t steps) {
  double sum = 0;
  for (int64_t t = 0; t < steps; t++, path /= K) {
    double all = 0;
    for (int k = 0; k < K; k++) all += exp((double)logits[t * STRIDE + k]);
    sum += (double)logits[t * STRIDE + path % K] - log(all);
  }
  return sum;
}

/* The likeliest path, the likeliest labels and the logarithm of their probability. */
static void walk_paths(const float *logits, int64_t steps, int64_t blank, int64_t *path_key,
                       int64_t *labels_key, double *log_probability) {
  static double sum[KEYS];
  int64_t paths = 1;
  double most = -(double)INFINITY;
  memset(sum, 0, sizeof sum);
  for (int64_t t = 0; t < steps; t++) paths *= K;
  for (int64_t path = 0; path < paths; path++) {
    const double p = log_of_path(logits, path, steps);
    sum[key_of_path(path, steps, blank)] += exp(p);
    if (p > most) most = p, *path_key = key_of_path(path, steps, blank);
  }
  *labels_key = 0;
  for (int64_t key = 1; key < KEYS; key++)
    if (sum[key] > sum[*labels_key]) *labels_key = key;
  *log_probability = log(sum[*labels_key]);
}

static void check_labels(seqgpu_context *ctx, const float *logits, int64_t steps, int64_t blank,
                         const char *name) {
  int32_t label[STEPS];
  int64_t count, path_key = -1, labels_key = -1;
  double wanted, got;
  walk_paths(logits, steps, blank, &path_key, &labels_key, &wanted);
  net_require(ctx, seqgpu_ctc_best_path(ctx, logits, steps, STRIDE, K, blank, label, &count), "best path");
  CHECK(key_of_labels(label, count) == path_key, "%s: the best path", name);
  net_require(ctx, seqgpu_ctc_beam(ctx, logits, steps, STRIDE, K, blank, PATHS, label, &count, &got), "beam");
  CHECK(key_of_labels(label, count) == labels_key, "%s: the labels of all paths", name);
  check_error(fabs(got - wanted), 1e-12, "%s: how probable they are", name);
}

/* Two steps, of which the best path has two blanks (.36), and most paths (.64) one label. */
static void check_beam_is_no_path(seqgpu_context *ctx) {
  const float logits[] = {logf(0.6F), logf(0.4F), logf(0.6F), logf(0.4F)};
  int32_t label[2];
  int64_t count;
  double log_probability;
  net_require(ctx, seqgpu_ctc_best_path(ctx, logits, 2, 2, 2, 0, label, &count), "best path");
  CHECK(count == 0, "the best path has no label");
  net_require(ctx, seqgpu_ctc_beam(ctx, logits, 2, 2, 2, 0, 2, label, &count, &log_probability), "beam");
  CHECK(count == 1 && label[0] == 1 && fabs(log_probability - log(0.64)) < 1e-6, "the beam finds the label");
  net_require(ctx, seqgpu_ctc_beam(ctx, logits, 2, 2, 2, 0, 1, label, &count, NULL), "beam");
  CHECK(count == 0, "a beam of one has lost it");
}

/* A prefix that leaves the beam and comes back is the one that it was: probabilities of a narrow beam are
 * at most the exact ones, and none is counted twice. */
static void check_narrow(seqgpu_context *ctx, const float *logits, int64_t beam) {
  int32_t label[STEPS];
  int64_t count;
  double got, sum = 0;
  net_require(ctx, seqgpu_ctc_beam(ctx, logits, STEPS, STRIDE, K, 0, beam, label, &count, &got), "beam");
  for (int64_t path = 0; path < PATHS; path++)
    if (key_of_path(path, STEPS, 0) == key_of_labels(label, count))
      sum += exp(log_of_path(logits, path, STEPS));
  CHECK(exp(got) <= sum * (1 + 1e-12), "a beam of %d counts no path twice", (int)beam);
}

static void check_ctc_refusals(seqgpu_context *ctx) {
  const float logits[4] = {0};
  int32_t label[2];
  int64_t count;
  const struct {
    const float *logits;
    int64_t steps, stride, classes, blank, beam;
    const char *words;
  } rows[] = {{NULL, 2, 2, 2, 0, 1, "ctc: logits is NULL"}, {logits, 0, 2, 2, 0, 1, "ctc: steps is 0"},
              {logits, 2, 2, 1, 0, 1, "ctc: classes is 1"}, {logits, 2, 2, 2, 2, 1, "ctc: blank is 2"},
              {logits, 2, 1, 2, 0, 1, "ctc: stride is 1"},  {logits, 2, 2, 2, 0, 0, "ctc: beam is 0"}};
  for (size_t i = 0; i < COUNT(rows); i++) {
    const seqgpu_status status =
        seqgpu_ctc_beam(ctx, rows[i].logits, rows[i].steps, rows[i].stride, rows[i].classes, rows[i].blank,
                        rows[i].beam, label, &count, NULL);
    check_record(status == SEQGPU_EINVAL && strstr(seqgpu_last_error(ctx), rows[i].words),
                 seqgpu_last_error(ctx), "refused: %s", rows[i].words);
  }
  CHECK(seqgpu_ctc_best_path(ctx, logits, 2, 2, 2, 0, NULL, &count) == SEQGPU_EINVAL, "labels NULL");
  CHECK(seqgpu_ctc_best_path(NULL, logits, 2, 2, 2, 0, label, &count) == SEQGPU_EINVAL, "ctx NULL");
}

static void check_ctc(void) {
  const seqgpu_context_options options = {.device = "cpu", .threads = 1};
  seqgpu_context *ctx;
  float logits[STEPS * STRIDE];
  net_require(NULL, seqgpu_context_create(&options, &ctx), "seqgpu_context_create");
  for (int trial = 0; trial < 30; trial++) {
    char name[32];
    for (int i = 0; i < STEPS * STRIDE; i++)
      logits[i] = (float)(6 * seqgpu_uniform(9, (uint64_t)trial, (uint64_t)i) + 100 * (trial % 3));
    snprintf(name, sizeof name, "draw %d", trial);
    check_labels(ctx, logits, 1 + trial % STEPS, trial % K ? 0 : K - 1, name);
    for (int64_t beam = 1; beam < 6; beam++) check_narrow(ctx, logits, beam);
  }
  check_beam_is_no_path(ctx);
  check_ctc_refusals(ctx);
  seqgpu_context_destroy(ctx);
}

int main(void) {
  check_start();
  check_at("%s", "");
  check_ctc();
  for (size_t i = 0; i < COUNT(kinds); i++) model_check_kind(&tested, &kinds[i], check_alone);
  check_at("%s", "");
  check_refusals();
  return check_finish();
}
