/* test_composer.c - the composer (seqgpu/composer.h): every gradient against differences, each piece of a
 * batch as it is alone and as it is step by step, the emulated device against the CPU, and what is refused.
 */
#include "tests/model_checks.h"

enum { KEYS = 5, T = 4, B = 3, CELLS = T * B * KEYS };

typedef struct kind {
  const char *name, *cell;
  int layers;
} kind;

static const kind kinds[] = {{"lstm", "lstm", 1}, {"gru of two layers", "gru", 2}, {"rnn", "rnn", 1}};

typedef struct model {
  const kind *kind;
  seqgpu_context *ctx;
  seqgpu_plan *plan;
  seqgpu_params *params;
  seqgpu_tape *tape;
  seqgpu_composer *composer;
} model;

static const seqgpu_composer_desc sizes = {.keys = KEYS};

static seqgpu_plan *plan_of(seqgpu_context *ctx, const kind *k, int bidirectional) {
  const seqgpu_rnn_desc desc = {.cell = k->cell,
                                .input_size = KEYS,
                                .hidden_size = 4,
                                .num_layers = k->layers,
                                .bidirectional = bidirectional,
                                .seq_len = T,
                                .batch = B};
  seqgpu_plan *plan;
  net_require(ctx, seqgpu_plan_create(ctx, &desc, NULL, &plan), "seqgpu_plan_create");
  return plan;
}

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
  m->plan = plan_of(m->ctx, k, 0);
  net_require(m->ctx, seqgpu_params_create(m->ctx, 3, &m->params), "seqgpu_params_create");
  net_require(m->ctx, seqgpu_composer_create(m->params, &sizes, m->plan, &m->composer),
              "seqgpu_composer_create");
  net_require(m->ctx, seqgpu_tape_create(m->ctx, 5, &m->tape), "seqgpu_tape_create");
  return 1;
}

static void model_close(void *self) {
  model *m = self;
  seqgpu_tape_destroy(m->tape);
  seqgpu_composer_destroy(m->composer);
  seqgpu_params_destroy(m->params);
  seqgpu_plan_destroy(m->plan);
  seqgpu_context_destroy(m->ctx);
}

/* ---------------------------------------------------------------- a batch */

static const int32_t lengths[B] = {4, 1, 3};

/* What piece b plays at step t: 1 or 0, of no pattern. */
static int sounds(int64_t t, int64_t b, int64_t key) { return (7 * t + 3 * b + 5 * key + t * key) % 4 == 0; }

/* A batch in the context's element type, `shift` steps late, the first of them silent. */
static const void *batch_of(const model *m, int64_t shift) {
  static double wide[CELLS];
  static float narrow[CELLS];
  for (int64_t i = 0; i < CELLS; i++) {
    const int64_t t = i / (B * KEYS) - shift;
    wide[i] = t < 0 ? 0 : sounds(t, i / KEYS % B, i % KEYS);
    narrow[i] = (float)wide[i];
  }
  return seqgpu_context_dtype(m->ctx) == SEQGPU_DTYPE_F64 ? (const void *)wide : narrow;
}

static seqgpu_tensor *loss(void *self) {
  const model *m = self;
  const int64_t shape[] = {T, B, KEYS};
  seqgpu_tensor *logits =
      seqgpu_composer_logits(m->composer, m->tape, m->plan, T, B, lengths, batch_of(m, 1), NULL, NULL);
  return seqgpu_tape_binary_cross_entropy(m->tape, logits,
                                          seqgpu_tape_input(m->tape, 3, shape, batch_of(m, 0)),
                                          seqgpu_tape_lengths(m->tape, B, lengths), 0, 1);
}

static checked_model checked(void *self) {
  const model *m = self;
  static char name[64];
  snprintf(name, sizeof name, "composer, %s", m->kind->name);
  return (checked_model){m->ctx, m->params, m->tape, loss, self, name};
}

/* ---------------------------------------------------------------- step by step */

/* Piece i by itself, a step a call, the states handed on: the logits that it has in the batch. */
static void check_steps(model *m, const double *together, int i) {
  const checked_model c = checked(m);
  const int states = seqgpu_plan_get_sizes(m->plan).state_count;
  seqgpu_tensor *initial[SEQGPU_MAX_STATES] = {NULL}, *h;
  double out[T * KEYS], wanted[T * KEYS], row[KEYS];
  net_require(m->ctx, seqgpu_tape_clear(m->tape, 1), "seqgpu_tape_clear");
  for (int64_t t = 0; t < lengths[i]; t++) {
    for (int64_t k = 0; k < KEYS; k++) row[k] = t > 0 && sounds(t - 1, i, k);
    model_read(&c, seqgpu_composer_logits(m->composer, m->tape, m->plan, 1, 1, NULL, row, initial, &h),
               out + t * KEYS);
    for (int s = 0; s < states; s++) initial[s] = seqgpu_tape_rnn_final(m->tape, h, s);
    memcpy(wanted + t * KEYS, together + (t * B + i) * KEYS, sizeof row);
  }
  check_error(check_norm_f64(out, wanted, lengths[i] * KEYS), 1e-12, "%s, piece %d step by step", c.name, i);
}

static void check_pieces(const void *which) {
  model m;
  double together[CELLS];
  if (!model_open(&m, which, "cpu", SEQGPU_DTYPE_F64)) return;
  const checked_model c = checked(&m);
  net_require(m.ctx, seqgpu_tape_clear(m.tape, 1), "seqgpu_tape_clear");
  model_read(&c,
             seqgpu_composer_logits(m.composer, m.tape, m.plan, T, B, lengths, batch_of(&m, 1), NULL, NULL),
             together);
  for (int i = 0; i < B; i++) check_steps(&m, together, i);
  model_close(&m);
}

/* ---------------------------------------------------------------- devices */

static const tested_model tested = {sizeof(model), model_open, model_close, checked, NULL};

/* ---------------------------------------------------------------- refusals */

static void refuses(model *m, seqgpu_composer_desc desc, const seqgpu_plan *plan, const char *words) {
  seqgpu_composer *out = (seqgpu_composer *)m;
  const seqgpu_status status = seqgpu_composer_create(m->params, &desc, plan, &out);
  model_refused(m->ctx, status, out == NULL, words);
}

static void refuses_batch(model *m, const seqgpu_composer *c, const seqgpu_plan *plan, int64_t steps,
                          const void *before, const char *words) {
  seqgpu_tensor *h = (seqgpu_tensor *)m;
  seqgpu_tape_clear(m->tape, 1);
  const seqgpu_tensor *logits = seqgpu_composer_logits(c, m->tape, plan, steps, B, lengths, before, NULL, &h);
  model_refused_batch(m->tape, logits == NULL && h == NULL, words);
}

/* What a call must be given, and what a later version may set. */
static void check_arguments(model *m) {
  const seqgpu_composer_desc right = sizes;
  seqgpu_composer_desc d = right;
  MODEL_CREATE_REFUSALS(m, composer, right, m->plan);
  refuses(m, (d = right, d.dropout = -1, d), m->plan, "composer: dropout is -1");
  refuses(m, (d = right, d.input_dropout = 2, d), m->plan, "composer: input_dropout is 2");
  CHECK(seqgpu_composer_logits(m->composer, NULL, m->plan, T, B, lengths, NULL, NULL, NULL) == NULL,
        "tape NULL");
}

static void check_refusals(void) {
  static const float longer[(T + 1) * B * KEYS];
  model m;
  seqgpu_composer *none;
  seqgpu_composer_desc d = sizes;
  if (!model_open(&m, &kinds[0], "cpu", SEQGPU_DTYPE_F32)) return;
  seqgpu_plan *both = plan_of(m.ctx, &kinds[0], 1);
  refuses(&m, sizes, NULL, "composer: plan is NULL");
  refuses(&m, (d.keys = 0, d), m.plan, "composer: keys is 0");
  refuses(&m, (d.keys = 6, d), m.plan, "the plan has input_size 5; it must be 6");
  d = sizes;
  refuses(&m, (d.dropout = 2, d), m.plan, "composer: dropout is 2; it must be from 0 to 1");
  d = sizes;
  refuses(&m, (d.input_dropout = -1, d), m.plan, "input_dropout is -1; it must be from 0 to 1");
  refuses(&m, sizes, both, "the plan reads in both directions");
  refuses_batch(&m, NULL, m.plan, T, longer, "composer is NULL");
  refuses_batch(&m, m.composer, NULL, T, longer, "plan is NULL");
  refuses_batch(&m, m.composer, m.plan, T + 1, longer, "rnn: x is [5,3,5]");
  refuses_batch(&m, m.composer, m.plan, T, NULL, "input");
  CHECK(seqgpu_composer_create(NULL, &sizes, m.plan, &none) == SEQGPU_EINVAL && none == NULL, "params NULL");
  check_arguments(&m);
  seqgpu_composer_destroy(NULL);
  seqgpu_plan_destroy(both);
  model_close(&m);
}

int main(void) {
  check_start();
  for (size_t i = 0; i < COUNT(kinds); i++) model_check_kind(&tested, &kinds[i], check_pieces);
  check_at("%s", "");
  check_refusals();
  return check_finish();
}
