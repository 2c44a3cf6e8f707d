/* test_writer.c - the writer (seqgpu/writer.h): every gradient against differences, each drawing of a batch
 * as it is alone and as it is point by point, that the window is read by every layer, the emulated device
 * against the CPU, and what is refused.
 */
#include "tests/model_checks.h"

enum { T = 5, B = 3, U = 3, M = 2, K = 2, C = 2, POINT = 3, CELLS = T * B * POINT, LETTERS = 4 };
enum { OUTPUTS = 1 + 6 * M, LAYERS = 3, HIDDEN = 4, READ = POINT + C };

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
  seqgpu_writer *writer;
} model;

static seqgpu_plan *plan_of(const model *m, int64_t steps, int64_t input, seqgpu_rnn_desc desc) {
  seqgpu_plan *plan;
  desc.cell = m->kind->cell;
  desc.seq_len = steps;
  desc.batch = B;
  desc.input_size = input;
  if (desc.hidden_size == 0) desc.hidden_size = HIDDEN;
  net_require(m->ctx, seqgpu_plan_create(m->ctx, &desc, NULL, &plan), "seqgpu_plan_create");
  return plan;
}

static seqgpu_writer_desc desc_of(int layers) {
  return (seqgpu_writer_desc){
      .layers = layers, .mixtures = M, .gaussians = K, .letters = LETTERS, .letter_size = C};
}

/* 0 where the build has no such device. */
static int model_open(void *self, const void *which, const char *device, seqgpu_dtype dtype) {
  model *m = self;
  const seqgpu_context_options options = {.device = device, .threads = 1, .dtype = dtype};
  *m = (model){.kind = which};
  if (seqgpu_context_create(&options, &m->ctx) != SEQGPU_OK) {
    seqgpu_context_destroy(m->ctx);
    return 0;
  }
  const seqgpu_writer_desc desc = desc_of(m->kind->layers);
  m->first = plan_of(m, 1, READ, (seqgpu_rnn_desc){0});
  if (desc.layers > 1) m->further = plan_of(m, T, HIDDEN + READ, (seqgpu_rnn_desc){0});
  net_require(m->ctx, seqgpu_params_create(m->ctx, 3, &m->params), "seqgpu_params_create");
  net_require(m->ctx, seqgpu_writer_create(m->params, &desc, m->first, m->further, &m->writer),
              "seqgpu_writer_create");
  net_require(m->ctx, seqgpu_tape_create(m->ctx, 5, &m->tape), "seqgpu_tape_create");
  return 1;
}

static void model_close(void *self) {
  model *m = self;
  seqgpu_tape_destroy(m->tape);
  seqgpu_writer_destroy(m->writer);
  seqgpu_params_destroy(m->params);
  seqgpu_plan_destroy(m->first);
  seqgpu_plan_destroy(m->further);
  seqgpu_context_destroy(m->ctx);
}

/* ---------------------------------------------------------------- a batch */

static const int32_t lengths[B] = {5, 1, 4}, text_lengths[B] = {3, 1, 2};
static const int32_t text[U * B] = {1, 0, 3, 2, -1, 1, 0, -1, -1};

/* Number `which` of point t of drawing b: two offsets, and 1 or 0, of no pattern. */
static double number(int64_t t, int64_t b, int64_t which) {
  const double x = (double)((5 * t + 2 * b + 3 * which + t * b) % 7);
  return which < 2 ? x / 3 - 1 : x > 3;
}

/* Points in the context's element type, `shift` late, the first of them 0. */
static const void *points_of(const model *m, int64_t shift) {
  static double wide[CELLS];
  static float narrow[CELLS];
  for (int64_t i = 0; i < CELLS; i++) {
    const int64_t t = i / (B * POINT) - shift;
    wide[i] = t < 0 ? 0 : number(t, i / POINT % B, i % POINT);
    narrow[i] = (float)wide[i];
  }
  return seqgpu_context_dtype(m->ctx) == SEQGPU_DTYPE_F64 ? (const void *)wide : narrow;
}

static seqgpu_writer_batch batch_of(const model *m) {
  return (seqgpu_writer_batch){.batch = B,
                               .points = T,
                               .lengths = lengths,
                               .before = points_of(m, 1),
                               .text_len = U,
                               .text_lengths = text_lengths,
                               .text = text};
}

static seqgpu_tensor *mixtures(const model *m) {
  const seqgpu_writer_batch b = batch_of(m);
  return seqgpu_writer_mixtures(m->writer, m->tape, m->first, m->further, &b, NULL, NULL);
}

static seqgpu_tensor *loss(void *self) {
  const model *m = self;
  const int64_t shape[] = {T, B, POINT};
  seqgpu_tensor *y = mixtures(m);
  return seqgpu_tape_mixture_density(m->tape, y, seqgpu_tape_input(m->tape, 3, shape, points_of(m, 0)),
                                     seqgpu_tape_lengths(m->tape, B, lengths), 0, 1);
}

static checked_model checked(void *self) {
  const model *m = self;
  static char name[64];
  snprintf(name, sizeof name, "writer, %s", m->kind->name);
  return (checked_model){m->ctx, m->params, m->tape, loss, self, name};
}

/* ---------------------------------------------------------------- point by point */

/* Drawing i by itself, a point a call, states, window and position handed on: what it has in the batch. */
static void check_points(model *m, const double *together, int i) {
  const checked_model c = checked(m);
  const int states = seqgpu_plan_get_sizes(m->first).state_count, layers = m->kind->layers;
  seqgpu_tensor *initial[LAYERS * SEQGPU_MAX_STATES] = {NULL}, *h[LAYERS], *window = NULL;
  seqgpu_tensor *position = NULL;
  double out[T * OUTPUTS], wanted[T * OUTPUTS], row[POINT];
  int32_t letters[U];
  for (int u = 0; u < U; u++) letters[u] = text[u * B + i];
  net_require(m->ctx, seqgpu_tape_clear(m->tape, 1), "seqgpu_tape_clear");
  for (int64_t t = 0; t < lengths[i]; t++) {
    const seqgpu_writer_batch b = {.batch = 1,
                                   .points = 1,
                                   .before = row,
                                   .text_len = text_lengths[i],
                                   .text = letters,
                                   .initial = initial,
                                   .window = window,
                                   .position = position};
    for (int64_t k = 0; k < POINT; k++) row[k] = t > 0 ? number(t - 1, i, k) : 0;
    model_read(&c, seqgpu_writer_mixtures(m->writer, m->tape, m->first, m->further, &b, h, &window),
               out + t * OUTPUTS);
    for (int s = 0; s < layers * states; s++)
      initial[s] = seqgpu_tape_rnn_final(m->tape, h[s / states], s % states);
    position = seqgpu_tape_window_position(m->tape, window);
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

/* With an output that reads one layer alone, what comes out depends on the column of that layer's weights by
 * which it reads the window. */
static void check_windows(void) {
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
    double *w = output.value, *x = (double *)input.value + input.cols - 1; /* of the first row */
    for (int64_t i = 0; i < output.rows * output.cols; i++) w[i] = i % output.cols / HIDDEN == n - 1;
    for (int moved = 0; moved < 2; moved++) {
      x[0] += moved;
      net_require(m.ctx, seqgpu_tape_clear(m.tape, 1), "seqgpu_tape_clear");
      model_read(&c, mixtures(&m), moved ? after : before);
      x[0] -= moved;
    }
    CHECK(check_norm_f64(after, before, T * B * OUTPUTS) > 1e-3, "%s, layer %d reads the window", c.name, n);
  }
  model_close(&m);
}

/* ---------------------------------------------------------------- refusals */

static const tested_model tested = {sizeof(model), model_open, model_close, checked, NULL};

static void refuses(const model *m, seqgpu_writer_desc desc, const seqgpu_plan *first,
                    const seqgpu_plan *further, const char *words) {
  seqgpu_writer *out = m->writer;
  const seqgpu_status status = seqgpu_writer_create(m->params, &desc, first, further, &out);
  model_refused(m->ctx, status, out == NULL, words);
}

/* A plan that does not fit beside one that does. */
static void refuses_plan(const model *m, int further, int64_t input, seqgpu_rnn_desc desc,
                         const char *words) {
  seqgpu_plan *plan = plan_of(m, 1, input, desc);
  refuses(m, desc_of(2), further ? m->first : plan, further ? plan : m->further, words);
  seqgpu_plan_destroy(plan);
}

static void refuses_batch(const model *m, const seqgpu_writer *w, const seqgpu_plan *first,
                          const seqgpu_plan *further, const seqgpu_writer_batch *batch, const char *words) {
  seqgpu_tensor *h[LAYERS], *window[T + 1];
  seqgpu_tape_clear(m->tape, 1);
  const seqgpu_tensor *y = seqgpu_writer_mixtures(w, m->tape, first, further, batch, h, window);
  model_refused_batch(m->tape, y == NULL, words);
}

static void check_sizes(const model *m) {
  static const struct {
    size_t field;
    const char *words;
  } sizes[] = {{offsetof(seqgpu_writer_desc, layers), "writer: layers is 0"},
               {offsetof(seqgpu_writer_desc, mixtures), "writer: mixtures is 0"},
               {offsetof(seqgpu_writer_desc, gaussians), "writer: gaussians is 0"},
               {offsetof(seqgpu_writer_desc, letters), "writer: letters is 0"},
               {offsetof(seqgpu_writer_desc, letter_size), "writer: letter_size is 0"}};
  for (size_t i = 0; i < COUNT(sizes); i++) {
    seqgpu_writer_desc desc = desc_of(2);
    memset((char *)&desc + sizes[i].field, 0, sizeof(int64_t));
    refuses(m, desc, m->first, m->further, sizes[i].words);
  }
  seqgpu_writer_desc desc = desc_of(2);
  desc.dropout = 2;
  refuses(m, desc, m->first, m->further, "dropout is 2; it must be from 0 to 1");
}

static void check_batches(const model *m) {
  seqgpu_writer_batch b = batch_of(m);
  refuses_batch(m, NULL, m->first, m->further, &b, "writer is NULL");
  refuses_batch(m, m->writer, NULL, m->further, &b, "first is NULL");
  refuses_batch(m, m->writer, m->first, NULL, &b, "further is NULL");
  refuses_batch(m, m->writer, m->first, m->further, NULL, "batch is NULL");
  b.points = 0;
  refuses_batch(m, m->writer, m->first, m->further, &b, "writer: points is 0");
  b = batch_of(m);
  b.text = NULL;
  refuses_batch(m, m->writer, m->first, m->further, &b, "writer: text is NULL");
  b = batch_of(m);
  b.before = NULL;
  refuses_batch(m, m->writer, m->first, m->further, &b, "writer: before is NULL");
  b = batch_of(m);
  b.text_lengths = (const int32_t[]){4, 1, 1};
  refuses_batch(m, m->writer, m->first, m->further, &b, "window: there are 3 lengths of at most 4");
}

/* What a call must be given, and what a later version may set. */
static void check_arguments(const model *m) {
  const seqgpu_writer_desc right = desc_of(2);
  seqgpu_writer_desc d = right;
  MODEL_CREATE_REFUSALS(m, writer, right, m->first, m->further);
  refuses(m, (d = right, d.dropout = -1, d), m->first, m->further, "writer: dropout is -1");
  const seqgpu_writer_batch good = batch_of(m);
  seqgpu_writer_batch b = good;
  refuses_batch(m, m->writer, m->first, m->further, (b.batch = 0, &b), "writer: batch is 0");
  refuses_batch(m, m->writer, m->first, m->further, (b = good, b.text_len = 0, &b), "writer: text_len is 0");
  CHECK(seqgpu_writer_mixtures(m->writer, NULL, m->first, m->further, &good, NULL, NULL) == NULL,
        "tape NULL");
  seqgpu_tape_clear(m->tape, 1);
  model_refused_batch(
      m->tape, seqgpu_writer_mixtures(m->writer, m->tape, m->first, m->further, NULL, NULL, NULL) == NULL,
      "writer: batch is NULL");
  seqgpu_tape_clear(m->tape, 1);
  model_refused_batch(m->tape,
                      seqgpu_writer_mixtures_(m->writer, m->tape, m->first, m->further,
                                              MODEL_LATER(seqgpu_writer_batch, good), NULL, NULL) == NULL,
                      "writer_batch: a field beyond");
}

static void check_refusals(void) {
  const seqgpu_writer_desc two = desc_of(2);
  model m;
  seqgpu_writer *none;
  if (!model_open(&m, &kinds[1], "cpu", SEQGPU_DTYPE_F32)) return;
  refuses(&m, two, NULL, m.further, "writer: first is NULL");
  refuses(&m, two, m.first, NULL, "writer: further is NULL; there are 2 layers");
  refuses_plan(&m, 0, 4, (seqgpu_rnn_desc){0}, "plan first has input_size 4; it must be 5");
  refuses_plan(&m, 0, READ, (seqgpu_rnn_desc){.num_layers = 2}, "plan first has num_layers 2; it must be 1");
  refuses_plan(&m, 0, READ, (seqgpu_rnn_desc){.bidirectional = 1}, "plan first reads in both directions");
  refuses_plan(&m, 1, READ, (seqgpu_rnn_desc){0}, "plan further has input_size 5; it must be 9");
  refuses_plan(&m, 1, HIDDEN + READ, (seqgpu_rnn_desc){.hidden_size = 5},
               "the outputs of plan further have 5 elements, those of first 4");
  check_sizes(&m);
  check_batches(&m);
  CHECK(seqgpu_writer_create(NULL, &two, m.first, m.further, &none) == SEQGPU_EINVAL && none == NULL,
        "params NULL");
  check_arguments(&m);
  seqgpu_writer_destroy(NULL);
  model_close(&m);
}

int main(void) {
  check_start();
  for (size_t i = 0; i < COUNT(kinds); i++) model_check_kind(&tested, &kinds[i], check_drawings);
  check_at("cpu f64");
  check_windows();
  check_at("%s", "");
  check_refusals();
  return check_finish();
}
