/* lives.h - what programs do with the library, in short, for tests in which calls of it fail.
 *
 * Each life is a function that makes, runs and frees a few things.  A call that fails is made once more: a
 * failure must leave everything as it was before, so that the second call succeeds and the results are those
 * of a life without failures, bit for bit.  tests/test_lives.c refuses memory, library.c runs a life under
 * the shim.
 */
#ifndef FAULTS_LIVES_H
#define FAULTS_LIVES_H

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "seqgpu/seqgpu.h"

typedef struct life {
  seqgpu_context *ctx;
  const char *path;      /* of files; what follows it is each life's */
  const char *algorithm; /* of life_of_cell; NULL: the planner's choice */
  uint64_t hash;         /* of the results */
  int failures;          /* calls that failed */
  seqgpu_status last;
  char said[512]; /* the sentence of the last failure */
  /* what is open, to be freed by life_close */
  seqgpu_plan *plan;
  seqgpu_params *params, *others;
  seqgpu_tape *tape;
  seqgpu_checkpoint *checkpoint;
  seqgpu_import *import;
  seqgpu_esn *esn;
  seqgpu_ridge *ridge;
  seqgpu_rnn_run run;
  seqgpu_param net; /* of life_add */
  char file[256];   /* that was written */
} life;

enum { LIFE_T = 3, LIFE_B = 2, LIFE_I = 3, LIFE_H = 4, LIFE_MOST = 4096 };

static inline void life_failed(life *l, seqgpu_status status) {
  l->failures++;
  l->last = status;
  snprintf(l->said, sizeof l->said, "%s", seqgpu_last_error(l->ctx));
}

/* Leaves the life where a call fails twice. */
#define TWICE(call)                                                                                          \
  do {                                                                                                       \
    seqgpu_status twice_ = (call);                                                                           \
    if (twice_ != SEQGPU_OK) {                                                                               \
      life_failed(l, twice_);                                                                                \
      twice_ = (call);                                                                                       \
    }                                                                                                        \
    if (twice_ != SEQGPU_OK) return twice_;                                                                  \
  } while (0)

/* The same for what calls TWICE itself. */
#define LIVE(call)                                                                                           \
  do {                                                                                                       \
    const seqgpu_status live_ = (call);                                                                      \
    if (live_ != SEQGPU_OK) return live_;                                                                    \
  } while (0)

static inline void life_close(life *l) {
  seqgpu_run_release(l->ctx, &l->run);
  seqgpu_esn_destroy(l->esn);
  seqgpu_ridge_destroy(l->ridge);
  seqgpu_tape_destroy(l->tape);
  seqgpu_checkpoint_close(l->checkpoint);
  seqgpu_import_close(l->import);
  seqgpu_params_destroy(l->params);
  seqgpu_params_destroy(l->others);
  seqgpu_plan_destroy(l->plan);
  l->plan = NULL, l->params = l->others = NULL, l->tape = NULL, l->checkpoint = NULL, l->import = NULL;
  l->esn = NULL, l->ridge = NULL;
  if (l->file[0]) remove(l->file);
}

/* ---------------------------------------------------------------- numbers */

static inline void life_hash(life *l, const void *data, size_t size) {
  for (size_t i = 0; i < size; i++)
    l->hash = (l->hash ^ ((const unsigned char *)data)[i]) * 1099511628211u; /* FNV */
}

/* Results on the device. */
static inline seqgpu_status life_take(life *l, const void *device, size_t bytes) {
  char piece[LIFE_MOST];
  for (size_t at = 0, n; at < bytes; at += n) {
    n = bytes - at < sizeof piece ? bytes - at : sizeof piece;
    TWICE(seqgpu_copy_out(l->ctx, piece, (const char *)device + at, n));
    life_hash(l, piece, n);
  }
  return SEQGPU_OK;
}

/* Some numbers on the device: float32. */
static inline seqgpu_status life_fill(life *l, void *device, size_t bytes) {
  float piece[LIFE_MOST / sizeof(float)];
  for (size_t at = 0, n; at < bytes; at += n) {
    n = bytes - at < sizeof piece ? bytes - at : sizeof piece;
    for (size_t i = 0; i < n / sizeof(float); i++) piece[i] = (float)((int)((at + i) % 13) - 6) / 16;
    TWICE(seqgpu_copy_in(l->ctx, (char *)device + at, piece, n));
  }
  return SEQGPU_OK;
}

static inline seqgpu_status life_take_params(life *l, const seqgpu_params *params) {
  seqgpu_param p;
  for (int i = 0; i < seqgpu_params_count(params); i++) {
    TWICE(seqgpu_params_get(params, i, &p));
    LIVE(life_take(l, p.value, (size_t)(p.rows * p.cols) * sizeof(float)));
  }
  return SEQGPU_OK;
}

static inline seqgpu_rnn_desc life_desc(const char *cell) {
  return (seqgpu_rnn_desc){.cell = cell,
                           .input_size = LIFE_I,
                           .hidden_size = LIFE_H,
                           .num_layers = 2,
                           .seq_len = LIFE_T,
                           .batch = LIFE_B};
}

/* ---------------------------------------------------------------- a network of one cell */

static inline seqgpu_status life_of_cell(life *l, const char *cell) {
  seqgpu_rnn_desc desc = life_desc(cell);
  seqgpu_part_info part;
  float inside[LIFE_MOST / sizeof(float)];
  int64_t width;
  desc.bidirectional = 1;
  desc.dropout = 0.25;
  const seqgpu_plan_options how = {.algorithm = l->algorithm};
  TWICE(seqgpu_plan_create(l->ctx, &desc, &how, &l->plan));
  TWICE(seqgpu_run_allocate(l->ctx, l->plan, &l->run));
  const seqgpu_plan_sizes sizes = seqgpu_plan_get_sizes(l->plan);
  TWICE(seqgpu_params_create(l->ctx, 3, &l->params));
  seqgpu_param drawn;
  TWICE(seqgpu_params_add_rnn(l->params, "net", l->plan, &drawn));
  l->run.params = drawn.value;
  LIVE(life_fill(l, (void *)(uintptr_t)l->run.x, sizes.x));
  TWICE(seqgpu_rnn_forward(l->ctx, l->plan, &l->run));
  LIVE(life_take(l, l->run.y, sizes.y));
  TWICE(seqgpu_plan_part_get(l->ctx, l->plan, 0, &part));
  if (strstr(seqgpu_plan_algorithm(l->plan), "/cudnn") == NULL) { /* whose reserve nobody else can read */
    TWICE(seqgpu_rnn_inspect(l->ctx, l->plan, &l->run, 1, 1, part.name, inside, &width));
    life_hash(l, inside, (size_t)(LIFE_T * LIFE_B * width) * sizeof(float));
  }
  LIVE(life_fill(l, (void *)(uintptr_t)l->run.dy, sizes.y));
  TWICE(seqgpu_rnn_backward(l->ctx, l->plan, &l->run));
  LIVE(life_take(l, l->run.dparams, sizes.params));
  return life_take(l, l->run.dx, sizes.x);
}

static inline seqgpu_status life_cells(life *l) {
  seqgpu_cell_info cell;
  for (int i = 0; i < seqgpu_cell_count(); i++) {
    TWICE(seqgpu_cell_get(i, &cell));
    LIVE(life_of_cell(l, cell.name));
    life_close(l);
  }
  return SEQGPU_OK;
}

static inline seqgpu_status life_lstm(life *l) { return life_of_cell(l, "lstm"); }

/* ---------------------------------------------------------------- a stream with packed weights */

static inline seqgpu_status life_stream(life *l) {
  seqgpu_rnn_desc desc = life_desc("gru");
  const seqgpu_plan_options how = {.algorithm = "cpu/stream-int8"};
  desc.inference = 1;
  desc.batch = 1;
  TWICE(seqgpu_plan_create(l->ctx, &desc, &how, &l->plan));
  TWICE(seqgpu_run_allocate(l->ctx, l->plan, &l->run));
  const seqgpu_plan_sizes sizes = seqgpu_plan_get_sizes(l->plan);
  LIVE(life_fill(l, (void *)(uintptr_t)l->run.params, sizes.params));
  LIVE(life_fill(l, (void *)(uintptr_t)l->run.x, sizes.x));
  TWICE(seqgpu_rnn_pack(l->ctx, l->plan, &l->run));
  for (int call = 0; call < 3; call++) TWICE(seqgpu_rnn_forward(l->ctx, l->plan, &l->run));
  return life_take(l, l->run.y, sizes.y);
}

/* ---------------------------------------------------------------- a measured plan and its cache */

static inline seqgpu_status life_plan(life *l) {
  const seqgpu_rnn_desc desc = life_desc("rnn");
  char text[512];
  seqgpu_algorithm_info info;
  snprintf(l->file, sizeof l->file, "%s.plans", l->path);
  const seqgpu_plan_options how = {.mode = SEQGPU_PLAN_MEASURE, .cache = l->file};
  for (int i = 0; i < seqgpu_algorithm_count(l->ctx); i++)
    TWICE(seqgpu_algorithm_get(l->ctx, &desc, i, &info));
  TWICE(seqgpu_plan_create(l->ctx, &desc, &how, &l->plan));
  TWICE(seqgpu_describe_network(l->ctx, l->plan, text, sizeof text));
  life_hash(l, text, strlen(text));
  return SEQGPU_OK;
}

/* ---------------------------------------------------------------- parameters */

static inline seqgpu_status life_update(life *l, seqgpu_optimizer_kind kind) {
  const seqgpu_optimizer optimizer = {
      .kind = kind, .lr = 0.125, .weight_decay = 0.01, .clip = SEQGPU_CLIP_AUTO, .clip_window = 4};
  double norm, scale;
  seqgpu_param p;
  TWICE(seqgpu_params_zero_grad(l->params));
  for (int i = 0; i < seqgpu_params_count(l->params); i++) {
    TWICE(seqgpu_params_get(l->params, i, &p));
    if (p.grad) LIVE(life_fill(l, p.grad, (size_t)(p.rows * p.cols) * sizeof(float)));
  }
  TWICE(seqgpu_params_update(l->params, &optimizer));
  TWICE(seqgpu_params_grad_norm(l->params, &norm, &scale));
  life_hash(l, &norm, sizeof norm);
  return SEQGPU_OK;
}

/* Everything that a list of parameters can hold. */
static inline seqgpu_status life_add(life *l, seqgpu_params **out, uint64_t seed) {
  const seqgpu_rnn_desc desc = life_desc("lstm");
  if (l->plan == NULL) TWICE(seqgpu_plan_create(l->ctx, &desc, NULL, &l->plan));
  TWICE(seqgpu_params_create(l->ctx, seed, out));
  TWICE(seqgpu_params_add(*out, "in.weight", 5, LIFE_I, "normal", 0.5, NULL));
  TWICE(seqgpu_params_add_rnn(*out, "net", l->plan, &l->net));
  TWICE(seqgpu_params_add(*out, "turn", LIFE_H, LIFE_H, "zeros", 0, NULL));
  TWICE(seqgpu_params_add(*out, "out.weight", 3, LIFE_H, "orthogonal", 1, NULL));
  TWICE(seqgpu_params_add_state(*out, "state.h", 2 * LIFE_B, LIFE_H, NULL));
  return SEQGPU_OK;
}

static inline seqgpu_status life_params(life *l) {
  static const char *const schemes[] = {"irnn", "np", "careful", "orthogonal", "pytorch"};
  LIVE(life_add(l, &l->params, 7));
  for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
    TWICE(seqgpu_params_init_rnn(l->params, "net", l->plan, schemes[i], 0));
    LIVE(life_take_params(l, l->params));
  }
  TWICE(seqgpu_params_set_gate_bias(l->params, "net", l->plan, "f", 1));
  TWICE(seqgpu_params_init(l->params, "out.weight", "xavier", 1));
  TWICE(seqgpu_params_orthogonal(l->params, "turn"));
  TWICE(seqgpu_params_split_biases(l->params, "net"));
  LIVE(life_update(l, SEQGPU_OPTIMIZER_SGD));
  LIVE(life_update(l, SEQGPU_OPTIMIZER_MOMENTUM));
  TWICE(seqgpu_params_reserve(l->params, SEQGPU_OPTIMIZER_ADAM));
  LIVE(life_update(l, SEQGPU_OPTIMIZER_ADAM));
  return life_take_params(l, l->params);
}

/* ---------------------------------------------------------------- a model on a tape */

/* One step of a classifier with attention, which is made again as a whole where something fails. */
static inline seqgpu_status life_step(life *l, uint64_t counter, int training, double *loss) {
  static const int32_t ids[] = {0, 3, 1, 2, 4, 0}, ends[] = {3, 2}, targets[] = {1, 2};
  const int64_t grid[] = {LIFE_T, LIFE_B}, one[] = {LIFE_B};
  const seqgpu_optimizer adam = {.kind = SEQGPU_OPTIMIZER_ADAM, .lr = 0.01};
  seqgpu_tape *t = l->tape;
  seqgpu_param table, out;
  seqgpu_status status = seqgpu_tape_clear(t, training);
  if (status == SEQGPU_OK) status = seqgpu_params_find(l->params, "in.weight", &table);
  if (status == SEQGPU_OK) status = seqgpu_params_find(l->params, "out.weight", &out);
  if (status != SEQGPU_OK) return status;
  seqgpu_tape_set_counter(t, counter);
  seqgpu_tensor *lengths = seqgpu_tape_lengths(t, LIFE_B, ends);
  seqgpu_tensor *x = seqgpu_tape_embedding(t, seqgpu_tape_param(t, &table), seqgpu_tape_ids(t, 2, grid, ids));
  seqgpu_tensor *y = seqgpu_tape_rnn(t, l->plan, seqgpu_tape_param(t, &l->net), x, NULL, lengths);
  seqgpu_tensor *h = seqgpu_tape_dropout(t, seqgpu_tape_rows(t, seqgpu_tape_rnn_final(t, y, 0), 1, 1), 0.25);
  seqgpu_tensor *query = seqgpu_tape_reshape(t, h, 2, (const int64_t[]){LIFE_B, LIFE_H});
  const float v[LIFE_H] = {0.5f, -0.25f, 1, 0.125f};
  seqgpu_tensor *context =
      seqgpu_tape_attention(t, query, y, y, seqgpu_tape_input(t, 1, (const int64_t[]){LIFE_H}, v), lengths);
  seqgpu_tensor *mixed = seqgpu_tape_activation(
      t, seqgpu_tape_add(t, seqgpu_tape_mul(t, query, context), query), SEQGPU_ACTIVATION_TANH);
  seqgpu_tensor *logits = seqgpu_tape_linear(t, mixed, seqgpu_tape_param(t, &out), NULL);
  seqgpu_tensor *cost = seqgpu_tape_cross_entropy(t, logits, seqgpu_tape_ids(t, 1, one, targets), 1, 1);
  status = seqgpu_tape_status(t);
  if (status != SEQGPU_OK) return status;
  return training ? seqgpu_tape_update(t, cost, l->params, &adam, loss) : seqgpu_tensor_number(cost, loss);
}

static inline seqgpu_status life_tape(life *l) {
  double loss;
  LIVE(life_add(l, &l->params, 7));
  TWICE(seqgpu_tape_create(l->ctx, 5, &l->tape));
  for (int step = 0; step < 4; step++) {
    const uint64_t counter = seqgpu_tape_counter(l->tape);
    TWICE(life_step(l, counter, step != 2, &loss));
    life_hash(l, &loss, sizeof loss);
  }
  return life_take_params(l, l->params);
}

/* ---------------------------------------------------------------- files */

static inline seqgpu_status life_read_all(life *l) {
  seqgpu_tensor_info info;
  double values[LIFE_MOST / sizeof(double)];
  TWICE(seqgpu_checkpoint_verify(l->checkpoint, SEQGPU_CHECKPOINT_HEADER));
  for (int i = 0; i < seqgpu_checkpoint_tensor_count(l->checkpoint); i++) {
    TWICE(seqgpu_checkpoint_tensor_get(l->checkpoint, i, &info));
    TWICE(seqgpu_checkpoint_verify(l->checkpoint, i));
    TWICE(seqgpu_checkpoint_read(l->checkpoint, i, values));
    life_hash(l, info.name, strlen(info.name));
    life_hash(l, values, (size_t)info.elements * sizeof(double));
  }
  return SEQGPU_OK;
}

static inline seqgpu_status life_checkpoint(life *l) {
  const seqgpu_meta meta[] = {{"a", "b"}, {"step", "12"}};
  const char *file = l->file;
  int loaded = 0;
  snprintf(l->file, sizeof l->file, "%s.st", l->path);
  LIVE(life_add(l, &l->params, 7));
  LIVE(life_update(l, SEQGPU_OPTIMIZER_ADAM));
  TWICE(seqgpu_checkpoint_save_weights(l->params, file, meta, 1));
  TWICE(seqgpu_checkpoint_save(l->params, file, meta, 2));
  TWICE(seqgpu_checkpoint_open(l->ctx, file, &l->checkpoint));
  LIVE(life_read_all(l));
  TWICE(seqgpu_params_create(l->ctx, 8, &l->others));
  TWICE(seqgpu_checkpoint_attach(l->checkpoint, l->others, 1));
  seqgpu_params_destroy(l->others);
  l->others = NULL;
  LIVE(life_add(l, &l->others, 8));
  TWICE(seqgpu_checkpoint_load_some(l->checkpoint, l->others, "net.", &loaded));
  life_hash(l, &loaded, sizeof loaded);
  LIVE(life_take_params(l, l->others));
  TWICE(seqgpu_checkpoint_load(l->checkpoint, l->others, 1));
  return life_take_params(l, l->others);
}

/* Out of the library and back, in every format that this build writes. */
static inline seqgpu_status life_exchange(life *l) {
  seqgpu_format_info format;
  const char *file = l->file;
  LIVE(life_add(l, &l->params, 7));
  for (int i = 0; i < seqgpu_format_count(); i++) {
    TWICE(seqgpu_format_get(i, &format));
    snprintf(l->file, sizeof l->file, "%s%d.%s", l->path, i,
             strcmp(format.name, "keras") == 0 ? "npz" : "file");
    seqgpu_status status = seqgpu_export(l->params, "net", l->plan, file, format.name);
    if (status != SEQGPU_OK && status != SEQGPU_EUNSUPPORTED) {
      life_failed(l, status);
      status = seqgpu_export(l->params, "net", l->plan, file, format.name);
    }
    if (status == SEQGPU_EUNSUPPORTED) continue; /* a layer more than it can hold, or no cJSON */
    LIVE(status);
    TWICE(seqgpu_import_open(l->ctx, file, format.name, &l->import));
    TWICE(seqgpu_params_create(l->ctx, 8, &l->others));
    TWICE(seqgpu_import_add(l->import, 0, l->others, "again"));
    LIVE(life_take_params(l, l->others));
    seqgpu_import_close(l->import);
    seqgpu_params_destroy(l->others);
    l->import = NULL, l->others = NULL;
    remove(file);
  }
  return SEQGPU_OK;
}

/* ---------------------------------------------------------------- echo state networks */

static inline seqgpu_status life_of_esn(life *l, const seqgpu_esn_desc *desc) {
  enum { STEPS = 40 };
  double u[STEPS], d[STEPS], y[STEPS], h[12];
  for (int t = 0; t < STEPS; t++) u[t] = (t * 7 % 11) / 11.0, d[t] = (t * 5 % 13) / 13.0;
  TWICE(seqgpu_params_create(l->ctx, 4, &l->params));
  TWICE(seqgpu_esn_create(l->params, "esn", desc, &l->esn));
  TWICE(seqgpu_esn_train(l->esn, STEPS, u, d, 10));
  TWICE(seqgpu_esn_solve(l->esn, 1e-3));
  TWICE(seqgpu_esn_reset(l->esn, 1));
  TWICE(seqgpu_esn_run(l->esn, STEPS, u, NULL, y));
  TWICE(seqgpu_esn_state(l->esn, h));
  life_hash(l, y, sizeof y);
  life_hash(l, h, sizeof h);
  return SEQGPU_OK;
}

static inline seqgpu_status life_esn(life *l) {
  const seqgpu_esn_desc
      few = {.input_size = 1, .output_size = 1, .hidden_size = 12, .links = 3, .feedback = 1, .squares = 1},
      all = {
          .input_size = 1, .output_size = 1, .hidden_size = 12, .links = 12, .method = SEQGPU_RIDGE_CHOLESKY};
  LIVE(life_of_esn(l, &few));
  life_close(l);
  return life_of_esn(l, &all);
}

static inline seqgpu_status life_ridge(life *l) {
  const double x[] = {1, 2, 3, 5, 7, 11, 13, 17}, y[] = {2, 4, 1, 3};
  for (int method = 0; method < 2; method++) {
    double w[2];
    TWICE(seqgpu_ridge_create(l->ctx, 2, 1, (seqgpu_ridge_method)method, &l->ridge));
    TWICE(seqgpu_ridge_add(l->ridge, 4, x, y));
    TWICE(seqgpu_ridge_solve(l->ridge, 0.5, w));
    life_hash(l, w, sizeof w);
    TWICE(seqgpu_ridge_reset(l->ridge));
    seqgpu_ridge_destroy(l->ridge);
    l->ridge = NULL;
  }
  return SEQGPU_OK;
}

/* ---------------------------------------------------------------- all of them */

static const struct {
  const char *name;
  seqgpu_status (*live)(life *l);
  int on_emulator, on_cuda; /* on the emulator training takes seconds a step */
} lives[] = {
    {"lstm", life_lstm, 1, 1},
    {"cells", life_cells, 0, 0},
    {"stream", life_stream, 0, 0},
    {"plan", life_plan, 1, 1},
    {"params", life_params, 0, 1},
    {"tape", life_tape, 0, 1},
    {"checkpoint", life_checkpoint, 0, 1},
    {"exchange", life_exchange, 0, 0},
    {"esn", life_esn, 0, 0},
    {"ridge", life_ridge, 0, 0},
};
enum { LIVES = sizeof lives / sizeof lives[0] };

#endif
