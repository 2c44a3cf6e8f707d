/* test_watcher.c - the watcher (seqgpu/watcher.h): every gradient against differences, its features against
 * plain loops, each clip of a batch as it is alone, the emulated device against the CPU, and what is refused.
 */
#include "tests/model_checks.h"

enum {
  HEIGHT = 4,
  WIDTH = 6,
  PATCH = 2,
  POOL = 2,
  MAPS = 2,
  CELLS_X = 2, /* five places of patches, of which one belongs to no cell */
  FEATURES = CELLS_X * MAPS,
  K = 3,
  D = 2,
  T = 3,
  B = 2,
  PIXELS = T * B * HEIGHT * WIDTH
};

typedef struct kind {
  const char *name, *cell;
  int layers, both;
} kind;

static const kind kinds[] = {{"lstm to the right", "lstm", 1, 0},
                             {"gru of two layers in both directions", "gru", 2, 1},
                             {"rnn to the right", "rnn", 1, 0}};

typedef struct model {
  const kind *kind;
  seqgpu_context *ctx;
  seqgpu_plan *plan;
  seqgpu_params *params;
  seqgpu_tape *tape;
  seqgpu_watcher *watcher;
} model;

static const seqgpu_watcher_desc sizes = {.height = HEIGHT,
                                          .width = WIDTH,
                                          .patch = PATCH,
                                          .pool = POOL,
                                          .maps = MAPS,
                                          .frame_classes = K,
                                          .clip_classes = D};

/* 0 where the build has no such device. */
static int model_open(void *self, const void *which, const char *device, seqgpu_dtype dtype) {
  model *m = self;
  const kind *k = which;
  const seqgpu_context_options options = {.device = device, .threads = 1, .dtype = dtype};
  seqgpu_rnn_desc desc = {.cell = k->cell,
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
  net_require(m->ctx, seqgpu_watcher_features(m->ctx, &sizes, &desc.input_size), "seqgpu_watcher_features");
  net_require(m->ctx, seqgpu_plan_create(m->ctx, &desc, NULL, &m->plan), "seqgpu_plan_create");
  net_require(m->ctx, seqgpu_params_create(m->ctx, 3, &m->params), "seqgpu_params_create");
  net_require(m->ctx, seqgpu_watcher_create(m->params, &sizes, m->plan, &m->watcher),
              "seqgpu_watcher_create");
  net_require(m->ctx, seqgpu_tape_create(m->ctx, 5, &m->tape), "seqgpu_tape_create");
  return 1;
}

static void model_close(void *self) {
  model *m = self;
  seqgpu_tape_destroy(m->tape);
  seqgpu_watcher_destroy(m->watcher);
  seqgpu_params_destroy(m->params);
  seqgpu_plan_destroy(m->plan);
  seqgpu_context_destroy(m->ctx);
}

/* ---------------------------------------------------------------- a batch */

static const int32_t lengths[B] = {3, 2};
static const int32_t shown[T * B] = {0, 2, 1, 0, 2, -1}, happens[B] = {1, 0};

/* A pixel of frame t of clip b, of no pattern. */
static double pixel(int64_t t, int64_t b, int64_t y, int64_t x) {
  return (double)((29 * t + 31 * b + 17 * y + 7 * x + 13 * y * x + 5 * t * x + 3 * b * y) % 23) / 22;
}

static double pixel_of(int64_t i) {
  return pixel(i / (HEIGHT * WIDTH) / B, i / (HEIGHT * WIDTH) % B, i / WIDTH % HEIGHT, i % WIDTH);
}

/* A batch in the context's element type; behind the end of a clip there is something all the same. */
static const void *batch_of(const model *m) {
  static double wide[PIXELS];
  static float narrow[PIXELS];
  for (int64_t i = 0; i < PIXELS; i++) narrow[i] = (float)(wide[i] = pixel_of(i));
  return seqgpu_context_dtype(m->ctx) == SEQGPU_DTYPE_F64 ? (const void *)wide : narrow;
}

static seqgpu_tensor *loss(void *self) {
  const model *m = self;
  const int64_t of_frames[] = {T, B}, of_clips[] = {B};
  seqgpu_tensor *clip,
      *frames = seqgpu_watcher_logits(m->watcher, m->tape, m->plan, T, B, lengths, batch_of(m), &clip);
  return seqgpu_tape_add(
      m->tape,
      seqgpu_tape_cross_entropy(m->tape, frames, seqgpu_tape_ids(m->tape, 2, of_frames, shown), 1, 1),
      seqgpu_tape_cross_entropy(m->tape, clip, seqgpu_tape_ids(m->tape, 1, of_clips, happens), 1, 1));
}

static checked_model checked(void *self) {
  const model *m = self;
  static char name[64];
  snprintf(name, sizeof name, "watcher, %s", m->kind->name);
  return (checked_model){m->ctx, m->params, m->tape, loss, self, name};
}

/* ---------------------------------------------------------------- features */

static seqgpu_param param_named(const model *m, const char *name) {
  seqgpu_param p;
  net_require(m->ctx, seqgpu_params_find(m->params, name, &p), "seqgpu_params_find");
  return p;
}

/* Element `map` of the patch at (y, x), and 0 where that is negative. */
static double value_of(const double *weight, double bias, int64_t t, int64_t b, int64_t y, int64_t x) {
  double sum = bias;
  for (int64_t dy = 0; dy < PATCH; dy++)
    for (int64_t dx = 0; dx < PATCH; dx++) sum += weight[dy * PATCH + dx] * pixel(t, b, y + dy, x + dx);
  return sum > 0 ? sum : 0;
}

/* What the network reads [T,B,FEATURES], in float64. */
static void plain_features(const model *m, double *out) {
  const double *weight = param_named(m, "patch.weight").value, *bias = param_named(m, "patch.bias").value;
  for (int64_t i = 0; i < T * B * FEATURES; i++) {
    const int64_t t = i / FEATURES / B, b = i / FEATURES % B, cell = i % FEATURES / MAPS, map = i % MAPS;
    out[i] = 0;
    for (int64_t y = 0; y < POOL; y++)
      for (int64_t x = 0; x < POOL; x++)
        out[i] =
            check_worse(out[i], value_of(weight + map * PATCH * PATCH, bias[map], t, b, y, cell * POOL + x));
  }
}

/* The logits of the frames, of plain features. */
static seqgpu_tensor *plain_logits(const model *m) {
  const int64_t shape[] = {T, B, FEATURES}, block[] = {1, seqgpu_plan_get_sizes(m->plan).param_elements};
  const seqgpu_param rnn = param_named(m, "rnn.weight_ih_l0"), weight = param_named(m, "frame.weight"),
                     bias = param_named(m, "frame.bias");
  static double x[T * B * FEATURES];
  plain_features(m, x);
  seqgpu_tensor *h = seqgpu_tape_rnn(m->tape, m->plan, seqgpu_tape_wrap(m->tape, 2, block, rnn.value, NULL),
                                     seqgpu_tape_input(m->tape, 3, shape, x), NULL,
                                     seqgpu_tape_lengths(m->tape, B, lengths));
  return seqgpu_tape_linear(m->tape, h, seqgpu_tape_param(m->tape, &weight),
                            seqgpu_tape_param(m->tape, &bias));
}

/* ---------------------------------------------------------------- clip by clip */

/* Clip b by itself: the logits that it has in the batch. */
static void check_alone(model *m, int64_t b, const double *frames, const double *clips) {
  const checked_model c = checked(m);
  double alone[T * HEIGHT * WIDTH], got[T * K], wanted[T * K], got_clip[D];
  seqgpu_tensor *clip;
  for (int64_t i = 0; i < T * HEIGHT * WIDTH; i++)
    alone[i] = pixel(i / (HEIGHT * WIDTH), b, i / WIDTH % HEIGHT, i % WIDTH);
  for (int64_t i = 0; i < lengths[b] * K; i++) wanted[i] = frames[(i / K * B + b) * K + i % K];
  net_require(m->ctx, seqgpu_tape_clear(m->tape, 1), "seqgpu_tape_clear");
  model_read(&c, seqgpu_watcher_logits(m->watcher, m->tape, m->plan, lengths[b], 1, NULL, alone, &clip), got);
  model_read(&c, clip, got_clip);
  check_error(check_norm_f64(got, wanted, lengths[b] * K), 1e-12, "%s, frames of clip %d alone", c.name,
              (int)b);
  check_error(check_norm_f64(got_clip, clips + b * D, D), 1e-12, "%s, clip %d alone", c.name, (int)b);
}

static void check_clips(const void *which) {
  model m;
  double frames[T * B * K], plain[T * B * K], clips[B * D];
  seqgpu_tensor *clip;
  if (!model_open(&m, which, "cpu", SEQGPU_DTYPE_F64)) return;
  const checked_model c = checked(&m);
  double *bias = param_named(&m, "patch.bias").value; /* which are 0 at first */
  bias[0] = 0.1, bias[1] = -0.2;
  net_require(m.ctx, seqgpu_tape_clear(m.tape, 1), "seqgpu_tape_clear");
  model_read(&c, seqgpu_watcher_logits(m.watcher, m.tape, m.plan, T, B, lengths, batch_of(&m), &clip),
             frames);
  model_read(&c, clip, clips);
  model_read(&c, plain_logits(&m), plain);
  check_error(check_norm_f64(frames, plain, T * B * K), 1e-12, "%s, beside plain loops", c.name);
  for (int64_t b = 0; b < B; b++) check_alone(&m, b, frames, clips);
  model_close(&m);
}

/* ---------------------------------------------------------------- refusals */

static const tested_model tested = {sizeof(model), model_open, model_close, checked, NULL};

static void refuses(model *m, seqgpu_watcher_desc desc, const seqgpu_plan *plan, const char *words) {
  seqgpu_watcher *out = (seqgpu_watcher *)m;
  const seqgpu_status status = seqgpu_watcher_create(m->params, &desc, plan, &out);
  model_refused(m->ctx, status, out == NULL, words);
}

static void refuses_batch(model *m, const seqgpu_watcher *w, const seqgpu_plan *plan, int64_t steps,
                          int64_t clips, const void *pixels, const char *words) {
  seqgpu_tensor *clip = (seqgpu_tensor *)m;
  seqgpu_tape_clear(m->tape, 1);
  const seqgpu_tensor *frames = seqgpu_watcher_logits(w, m->tape, plan, steps, clips, NULL, pixels, &clip);
  model_refused_batch(m->tape, frames == NULL && clip == NULL, words);
}

static void check_sizes(model *m) {
  seqgpu_watcher_desc d = sizes;
  refuses(m, (d.height = 0, d), m->plan, "watcher: height is 0");
  d = sizes;
  refuses(m, (d.width = -1, d), m->plan, "watcher: width is -1");
  d = sizes;
  refuses(m, (d.patch = 5, d), m->plan, "watcher: patch is 5; it must be from 1 to 4");
  d = sizes;
  refuses(m, (d.pool = 4, d), m->plan, "watcher: pool is 4; it must be from 1 to 3");
  d = sizes;
  refuses(m, (d.maps = 0, d), m->plan, "watcher: maps is 0");
  d = sizes;
  refuses(m, (d.maps = 3, d), m->plan, "the plan has input_size 4; it must be 6");
  d = sizes;
  refuses(m, (d.frame_classes = 0, d), m->plan, "frame_classes is 0");
  d = sizes;
  refuses(m, (d.clip_classes = 0, d), m->plan, "clip_classes is 0");
  d = sizes;
  refuses(m, (d.dropout = 2, d), m->plan, "watcher: dropout is 2; it must be from 0 to 1");
}

/* What a call must be given, and what a later version may set. */
static void check_arguments(model *m) {
  const seqgpu_watcher_desc right = sizes;
  seqgpu_watcher_desc d = right;
  MODEL_CREATE_REFUSALS(m, watcher, right, m->plan);
  refuses(m, (d = right, d.dropout = -1, d), m->plan, "watcher: dropout is -1");
  int64_t features;
  model_refused(m->ctx, seqgpu_watcher_features_(m->ctx, MODEL_LATER(seqgpu_watcher_desc, right), &features),
                1, "watcher_desc: a field beyond");
}

static void check_refusals(void) {
  static const float longer[(T + 1) * B * HEIGHT * WIDTH];
  model m;
  seqgpu_watcher *none;
  int64_t features = 0;
  if (!model_open(&m, &kinds[0], "cpu", SEQGPU_DTYPE_F32)) return;
  check_sizes(&m);
  refuses(&m, sizes, NULL, "watcher: plan is NULL");
  refuses_batch(&m, NULL, m.plan, T, B, longer, "watcher is NULL");
  refuses_batch(&m, m.watcher, NULL, T, B, longer, "plan is NULL");
  refuses_batch(&m, m.watcher, m.plan, T, B, NULL, "pixels is NULL");
  refuses_batch(&m, m.watcher, m.plan, 0, B, longer, "watcher: T is 0");
  refuses_batch(&m, m.watcher, m.plan, T, 1 << 30, longer, "watcher: B is 1073741824");
  refuses_batch(&m, m.watcher, m.plan, T + 1, B, longer, "rnn: x is [4,2,4]");
  CHECK(seqgpu_watcher_features(NULL, &sizes, &features) == SEQGPU_EINVAL, "ctx NULL");
  CHECK(seqgpu_watcher_features(m.ctx, NULL, &features) == SEQGPU_EINVAL, "desc NULL");
  CHECK(seqgpu_watcher_features(m.ctx, &sizes, NULL) == SEQGPU_EINVAL, "out NULL");
  CHECK(seqgpu_watcher_features(m.ctx, &sizes, &features) == SEQGPU_OK && features == FEATURES, "features");
  CHECK(seqgpu_watcher_create(NULL, &sizes, m.plan, &none) == SEQGPU_EINVAL && none == NULL, "params NULL");
  CHECK(seqgpu_watcher_logits(m.watcher, NULL, m.plan, T, B, NULL, longer, NULL) == NULL, "tape NULL");
  check_arguments(&m);
  seqgpu_watcher_destroy(NULL);
  model_close(&m);
}

int main(void) {
  check_start();
  for (size_t i = 0; i < COUNT(kinds); i++) model_check_kind(&tested, &kinds[i], check_clips);
  check_at("%s", "");
  check_refusals();
  return check_finish();
}
