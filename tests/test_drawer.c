/* test_drawer.c - the drawer (seqgpu/drawer.h): every gradient against differences, each drawing of a batch
 * as it is alone and as it is point by point, the emulated device against the CPU, and what is refused.
 */
#include "tests/model_checks.h"

enum { T = 4, B = 3, M = 2, POINT = 3, CELLS = T * B * POINT, OUTPUTS = 1 + 6 * M, LAYERS = 3, HIDDEN = 4 };

typedef struct kind {
  const char *name, *cell;
  int layers;
} kind;

static const kind kinds[] = {
    {"lstm", "lstm", 1}, {"gru of two layers", "gru", 2}, {"lstm of three", "lstm", 3}};

typedef struct model {
  const kind *kind;
  seqgpu_context *ctx;
  seqgpu_plan *first, *further;
  seqgpu_params *params;
  seqgpu_tape *tape;
  seqgpu_drawer *drawer;
} model;

static seqgpu_plan *plan_of(seqgpu_context *ctx, seqgpu_rnn_desc desc) {
  seqgpu_plan *plan;
  desc.seq_len = T;
  desc.batch = B;
  net_require(ctx, seqgpu_plan_create(ctx, &desc, NULL, &plan), "seqgpu_plan_create");
  return plan;
}

/* 0 where the build has no such device. */
static int model_open(void *self, const void *which, const char *device, seqgpu_dtype dtype) {
  model *m = self;
  const kind *k = which;
  const seqgpu_context_options options = {.device = device, .threads = 1, .dtype = dtype};
  const seqgpu_drawer_desc desc = {.layers = k->layers, .mixtures = M};
  *m = (model){.kind = k};
  if (seqgpu_context_create(&options, &m->ctx) != SEQGPU_OK) {
    seqgpu_context_destroy(m->ctx);
    return 0;
  }
  m->first = plan_of(m->ctx, (seqgpu_rnn_desc){.cell = k->cell, .input_size = POINT, .hidden_size = HIDDEN});
  if (k->layers > 1)
    m->further = plan_of(
        m->ctx, (seqgpu_rnn_desc){.cell = k->cell, .input_size = POINT + HIDDEN, .hidden_size = HIDDEN});
  net_require(m->ctx, seqgpu_params_create(m->ctx, 3, &m->params), "seqgpu_params_create");
  net_require(m->ctx, seqgpu_drawer_create(m->params, &desc, m->first, m->further, &m->drawer),
              "seqgpu_drawer_create");
  net_require(m->ctx, seqgpu_tape_create(m->ctx, 5, &m->tape), "seqgpu_tape_create");
  return 1;
}

static void model_close(void *self) {
  model *m = self;
  seqgpu_tape_destroy(m->tape);
  seqgpu_drawer_destroy(m->drawer);
  seqgpu_params_destroy(m->params);
  seqgpu_plan_destroy(m->first);
  seqgpu_plan_destroy(m->further);
  seqgpu_context_destroy(m->ctx);
}

/* ---------------------------------------------------------------- a batch */

static const int32_t lengths[B] = {4, 1, 3};

/* Number `which` of point t of drawing b: two offsets, and 1 or 0, of no pattern. */
static double number(int64_t t, int64_t b, int64_t which) {
  const double x = (double)((7 * t + 3 * b + 5 * which + t * which * 2) % 9);
  return which < 2 ? x / 4 - 1 : x > 4;
}

/* A batch in the context's element type, `shift` points late, the first of them 0. */
static const void *batch_of(const model *m, int64_t shift) {
  static double wide[CELLS];
  static float narrow[CELLS];
  for (int64_t i = 0; i < CELLS; i++) {
    const int64_t t = i / (B * POINT) - shift;
    wide[i] = t < 0 ? 0 : number(t, i / POINT % B, i % POINT);
    narrow[i] = (float)wide[i];
  }
  return seqgpu_context_dtype(m->ctx) == SEQGPU_DTYPE_F64 ? (const void *)wide : narrow;
}

static seqgpu_tensor *mixtures(const model *m) {
  return seqgpu_drawer_mixtures(m->drawer, m->tape, m->first, m->further, T, B, lengths, batch_of(m, 1), NULL,
                                NULL);
}

static seqgpu_tensor *loss(void *self) {
  const model *m = self;
  const int64_t shape[] = {T, B, POINT};
  seqgpu_tensor *y = mixtures(m);
  return seqgpu_tape_mixture_density(m->tape, y, seqgpu_tape_input(m->tape, 3, shape, batch_of(m, 0)),
                                     seqgpu_tape_lengths(m->tape, B, lengths), 0, 1);
}

static checked_model checked(void *self) {
  const model *m = self;
  static char name[64];
  snprintf(name, sizeof name, "drawer, %s", m->kind->name);
  return (checked_model){m->ctx, m->params, m->tape, loss, self, name};
}

/* ---------------------------------------------------------------- point by point */

/* Drawing i by itself, a point a call, the states of each layer handed on: what it has in the batch. */
static void check_points(model *m, const double *together, int i) {
  const checked_model c = checked(m);
  const int states = seqgpu_plan_get_sizes(m->first).state_count, layers = m->kind->layers;
  seqgpu_tensor *initial[LAYERS * SEQGPU_MAX_STATES] = {NULL}, *h[LAYERS];
  double out[T * OUTPUTS], wanted[T * OUTPUTS], row[POINT];
  net_require(m->ctx, seqgpu_tape_clear(m->tape, 1), "seqgpu_tape_clear");
  for (int64_t t = 0; t < lengths[i]; t++) {
    for (int64_t k = 0; k < POINT; k++) row[k] = t > 0 ? number(t - 1, i, k) : 0;
    model_read(&c,
               seqgpu_drawer_mixtures(m->drawer, m->tape, m->first, m->further, 1, 1, NULL, row, initial, h),
               out + t * OUTPUTS);
    for (int s = 0; s < layers * states; s++)
      initial[s] = seqgpu_tape_rnn_final(m->tape, h[s / states], s % states);
    memcpy(wanted + t * OUTPUTS, together + (t * B + i) * OUTPUTS, OUTPUTS * sizeof *wanted);
  }
  check_error(check_norm_f64(out, wanted, lengths[i] * OUTPUTS), 1e-12, "%s, drawing %d point by point",
              c.name, i);
}

static void check_drawings(const void *which) {
  model m;
  double together[T * B * OUTPUTS];
  if (!model_open(&m, which, "cpu", SEQGPU_DTYPE_F64)) return;
  const checked_model c = checked(&m);
  net_require(m.ctx, seqgpu_tape_clear(m.tape, 1), "seqgpu_tape_clear");
  model_read(&c, mixtures(&m), together);
  for (int i = 0; i < B; i++) check_points(&m, together, i);
  model_close(&m);
}

/* With all weights 0 but those by which the output reads one layer's unit, or by which a layer reads x, only
 * these say what comes out: every layer reads x, and the output every layer. */
static void check_skips(void) {
  model m;
  double before[T * B * OUTPUTS], after[T * B * OUTPUTS];
  if (!model_open(&m, &kinds[2], "cpu", SEQGPU_DTYPE_F64)) return;
  const checked_model c = checked(&m);
  seqgpu_param output, input;
  for (int n = 1; n <= LAYERS; n++) {
    char name[32];
    snprintf(name, sizeof name, "layer%d.weight_ih_l0", n);
    net_require(m.ctx, seqgpu_params_find(m.params, "output.weight", &output), "output.weight");
    net_require(m.ctx, seqgpu_params_find(m.params, name, &input), name);
    double *w = output.value;
    for (int64_t i = 0; i < output.rows * output.cols; i++) w[i] = i % output.cols / HIDDEN == n - 1;
    net_require(m.ctx, seqgpu_tape_clear(m.tape, 1), "seqgpu_tape_clear");
    model_read(&c, mixtures(&m), before);
    double *x = (double *)input.value + input.cols - POINT; /* of the first row */
    x[0] += 1;
    net_require(m.ctx, seqgpu_tape_clear(m.tape, 1), "seqgpu_tape_clear");
    model_read(&c, mixtures(&m), after);
    x[0] -= 1;
    CHECK(check_norm_f64(after, before, T * B * OUTPUTS) > 1e-3, "%s, layer %d reads x and is read", c.name,
          n);
  }
  model_close(&m);
}

/* ---------------------------------------------------------------- devices */

static const tested_model tested = {sizeof(model), model_open, model_close, checked, NULL};

/* ---------------------------------------------------------------- refusals */

static void refuses(const model *m, seqgpu_drawer_desc desc, const seqgpu_plan *first,
                    const seqgpu_plan *further, const char *words) {
  seqgpu_drawer *out = m->drawer;
  const seqgpu_status status = seqgpu_drawer_create(m->params, &desc, first, further, &out);
  model_refused(m->ctx, status, out == NULL, words);
}

/* A plan that does not fit beside one that does. */
static void refuses_plan(const model *m, seqgpu_rnn_desc desc, int further, const char *words) {
  const seqgpu_drawer_desc two = {.layers = 2, .mixtures = M};
  desc.cell = m->kind->cell;
  seqgpu_plan *plan = plan_of(m->ctx, desc);
  refuses(m, two, further ? m->first : plan, further ? plan : m->further, words);
  seqgpu_plan_destroy(plan);
}

static void refuses_batch(const model *m, const seqgpu_drawer *d, const seqgpu_plan *first,
                          const seqgpu_plan *further, int64_t points, const void *before, const char *words) {
  seqgpu_tensor *h[LAYERS];
  seqgpu_tape_clear(m->tape, 1);
  const seqgpu_tensor *y =
      seqgpu_drawer_mixtures(d, m->tape, first, further, points, B, lengths, before, NULL, h);
  model_refused_batch(m->tape, y == NULL, words);
}

/* What a call must be given, and what a later version may set. */
static void check_arguments(const model *m) {
  const seqgpu_drawer_desc right = {.layers = 2, .mixtures = M};
  seqgpu_drawer_desc d = right;
  MODEL_CREATE_REFUSALS(m, drawer, right, m->first, m->further);
  refuses(m, (d.dropout = 2, d), m->first, m->further, "drawer: dropout is 2");
  CHECK(seqgpu_drawer_mixtures(m->drawer, NULL, m->first, m->further, T, B, lengths, NULL, NULL, NULL) ==
            NULL,
        "tape NULL");
}

static void check_refusals(void) {
  static const float longer[(T + 1) * B * POINT];
  const seqgpu_drawer_desc two = {.layers = 2, .mixtures = M};
  model m;
  seqgpu_drawer *none;
  if (!model_open(&m, &kinds[1], "cpu", SEQGPU_DTYPE_F32)) return;
  refuses(&m, two, NULL, m.further, "drawer: first is NULL");
  refuses(&m, two, m.first, NULL, "drawer: further is NULL; there are 2 layers");
  refuses(&m, (seqgpu_drawer_desc){.layers = 0, .mixtures = M}, m.first, m.further, "drawer: layers is 0");
  refuses(&m, (seqgpu_drawer_desc){.layers = 17, .mixtures = M}, m.first, m.further, "drawer: layers is 17");
  refuses(&m, (seqgpu_drawer_desc){.layers = 2}, m.first, m.further, "drawer: mixtures is 0");
  refuses(&m, (seqgpu_drawer_desc){.layers = 2, .mixtures = M, .dropout = -1}, m.first, m.further,
          "dropout is -1; it must be from 0 to 1");
  refuses_plan(&m, (seqgpu_rnn_desc){.input_size = 4, .hidden_size = HIDDEN}, 0,
               "plan first has input_size 4; it must be 3");
  refuses_plan(&m, (seqgpu_rnn_desc){.input_size = 3, .hidden_size = HIDDEN, .num_layers = 2}, 0,
               "plan first has num_layers 2; it must be 1");
  refuses_plan(&m, (seqgpu_rnn_desc){.input_size = 3, .hidden_size = HIDDEN, .bidirectional = 1}, 0,
               "plan first reads in both directions");
  refuses_plan(&m, (seqgpu_rnn_desc){.input_size = 3, .hidden_size = HIDDEN}, 1,
               "plan further has input_size 3; it must be 7");
  refuses_plan(&m, (seqgpu_rnn_desc){.input_size = 7, .hidden_size = 5}, 1,
               "the outputs of plan further have 5 elements, those of first 4");
  refuses_batch(&m, NULL, m.first, m.further, T, longer, "drawer is NULL");
  refuses_batch(&m, m.drawer, NULL, m.further, T, longer, "first is NULL");
  refuses_batch(&m, m.drawer, m.first, NULL, T, longer, "further is NULL");
  refuses_batch(&m, m.drawer, m.first, m.further, T + 1, longer, "rnn: x is [5,3,3]");
  refuses_batch(&m, m.drawer, m.first, m.further, T, NULL, "input");
  CHECK(seqgpu_drawer_create(NULL, &two, m.first, m.further, &none) == SEQGPU_EINVAL && none == NULL,
        "params NULL");
  check_arguments(&m);
  seqgpu_drawer_destroy(NULL);
  model_close(&m);
}

int main(void) {
  check_start();
  for (size_t i = 0; i < COUNT(kinds); i++) model_check_kind(&tested, &kinds[i], check_drawings);
  check_at("cpu f64");
  check_skips();
  check_at("%s", "");
  check_refusals();
  return check_finish();
}
