/* test_exchange.c - networks from the files of other programs, and into them (seqgpu/exchange.h).
 *
 * goldens/exchange has a file of each format and, in expected.npz, what the program it is of computes
 * (make_exchange.py).  An imported network must compute the same; exported to every format that can say it
 * and imported again, too.  Damaged files are in exchange_hostile.h.
 */
#define _POSIX_C_SOURCE 200809L

#include "seqgpu/seqgpu.h"
#include <unistd.h>

#include "tests/check.h"
#include "tests/exchange_hostile.h"
#include "tests/failing.h"
#include "tests/refused.h"

static const char goldens[] = "goldens/exchange";
static char folder[64]; /* of this run */
static seqgpu_context *ctx;
static seqgpu_npy *expected;

/* ---------------------------------------------------------------- what a network computes */

typedef struct array {
  int64_t shape[3];
  double *value;
} array;

static array expect(const char *file, const char *network, const char *what) {
  char name[128];
  seqgpu_npy_info info;
  array a = {{0}, NULL};
  snprintf(name, sizeof name, "%s/%s/%s", file, network, what);
  const int index = seqgpu_npy_find(expected, name);
  if (index < 0 || seqgpu_npy_get(expected, index, &info) != SEQGPU_OK) return a;
  memcpy(a.shape, info.shape, sizeof a.shape);
  a.value = calloc((size_t)info.elements + 1, sizeof *a.value);
  if (seqgpu_npy_read(expected, index, a.value) != SEQGPU_OK) a.shape[0] = 0;
  return a;
}

/* y [rows, O] = y W^T + b, where the network has a read-out. */
static void read_out(const seqgpu_params *params, const char *prefix, const double *y, int64_t rows,
                     double *out) {
  char name[160];
  seqgpu_param weight, bias;
  snprintf(name, sizeof name, "%s.head.weight", prefix);
  if (seqgpu_params_find(params, name, &weight) != SEQGPU_OK) return;
  snprintf(name, sizeof name, "%s.head.bias", prefix);
  if (seqgpu_params_find(params, name, &bias) != SEQGPU_OK) return;
  for (int64_t r = 0; r < rows; r++)
    for (int64_t o = 0; o < weight.rows; o++) {
      double sum = ((const double *)bias.value)[o];
      for (int64_t i = 0; i < weight.cols; i++)
        sum += ((const double *)weight.value)[o * weight.cols + i] * y[r * weight.cols + i];
      out[r * weight.rows + o] = sum;
    }
}

/* The plan of network `index` for an input x. */
static seqgpu_plan *plan_for(const seqgpu_import *import, int index, seqgpu_activation g, const array *x) {
  seqgpu_plan *plan = NULL;
  seqgpu_rnn_desc desc = seqgpu_import_desc(import, index);
  desc.seq_len = x->shape[0];
  desc.batch = x->shape[1];
  desc.inference = 1;
  if (strcmp(desc.cell, "rnn") == 0) desc.activation = g;
  seqgpu_plan_create(ctx, &desc, NULL, &plan);
  return plan;
}

static seqgpu_status run_network(const seqgpu_import *import, int index, const seqgpu_plan *plan,
                                 const void *params, const array *x, double *y) {
  seqgpu_rnn_run run;
  const seqgpu_plan_sizes sizes = seqgpu_plan_get_sizes(plan);
  seqgpu_status status = seqgpu_run_allocate(ctx, plan, &run);
  if (status != SEQGPU_OK) return status;
  void *initial[2] = {NULL, NULL};
  for (int k = 0; k < sizes.state_count && status == SEQGPU_OK; k++) {
    status = seqgpu_malloc(ctx, sizes.state[k], &initial[k]);
    if (status == SEQGPU_OK) status = seqgpu_import_state(import, index, k, x->shape[1], initial[k]);
    run.initial[k] = initial[k];
  }
  run.params = params;
  if (status == SEQGPU_OK) status = seqgpu_copy_in(ctx, (void *)run.x, x->value, sizes.x);
  if (status == SEQGPU_OK) status = seqgpu_rnn_forward(ctx, plan, &run);
  if (status == SEQGPU_OK) status = seqgpu_copy_out(ctx, y, run.y, sizes.y);
  for (int k = 0; k < 2; k++) seqgpu_free(ctx, initial[k]);
  seqgpu_run_release(ctx, &run);
  return status;
}

/* How far network `index` of an import is from what the other program computed; NaN if it cannot be run. */
static double error_of(const seqgpu_import *import, int index, const char *file, const char *network,
                       seqgpu_activation g) {
  array x = expect(file, network, "x"), y = expect(file, network, "y");
  seqgpu_params *params = NULL;
  seqgpu_param first;
  seqgpu_plan *plan = plan_for(import, index, g, &x);
  const int64_t rows = x.shape[0] * x.shape[1], elements = rows * seqgpu_plan_get_sizes(plan).output_width;
  double *out = calloc((size_t)(elements + rows * 8), sizeof *out), error = (double)NAN;
  if (x.value && y.value && plan && seqgpu_params_create(ctx, 1, &params) == SEQGPU_OK &&
      seqgpu_import_add(import, index, params, "net") == SEQGPU_OK &&
      seqgpu_params_get(params, 0, &first) == SEQGPU_OK &&
      run_network(import, index, plan, first.value, &x, out) == SEQGPU_OK) {
    double *with_head = calloc((size_t)(rows * 8 + elements), sizeof *with_head);
    memcpy(with_head, out, (size_t)elements * sizeof *out);
    read_out(params, "net", out, rows, with_head);
    error = check_norm_f64(with_head, y.value, rows * y.shape[2]);
    free(with_head);
  }
  if (isnan(error)) printf("# %s\n", seqgpu_last_error(ctx));
  free(out);
  free(x.value);
  free(y.value);
  seqgpu_params_destroy(params);
  seqgpu_plan_destroy(plan);
  return error;
}

/* ---------------------------------------------------------------- every file, and back */

/* A network of a golden file, and the formats that can say what it is. */
typedef struct golden {
  const char *file, *key, *network, *format, *cell, *back;
  int relu;         /* the activation, where the file does not say */
  double tolerance; /* of the arithmetic of the program that computed it */
} golden;

static seqgpu_activation activation_of(const golden *c) {
  return c->relu ? SEQGPU_ACTIVATION_RELU : SEQGPU_ACTIVATION_TANH;
}

static const golden cases[] = {
    {"torch.safetensors", "torch", "encoder", "pytorch", "lstm", "seqgpu pytorch", 0, 1e-12},
    {"torch.safetensors", "torch", "decoder", "pytorch", "gru", "seqgpu pytorch keras rtneural", 0, 1e-12},
    {"torch.safetensors", "torch", "projected", "pytorch", "lstm", "seqgpu pytorch", 0, 1e-12},
    {"torch.safetensors", "torch", "relu", "pytorch", "rnn", "seqgpu pytorch keras", 1, 1e-12},
    {"torch.safetensors", "torch", "elman", "pytorch", "rnn", "seqgpu pytorch", 0, 1e-12},
    {"keras.npz", "keras", "lstm", "keras", "lstm", "seqgpu pytorch keras rtneural", 0, 1e-6},
    {"keras.npz", "keras", "gru", "keras", "gru", "seqgpu pytorch keras rtneural", 0, 1e-6},
    {"keras.npz", "keras", "gru_before", "keras", "gru", "seqgpu keras", 0, 1e-6},
    {"keras.npz", "keras", "simple", "keras", "rnn", "seqgpu pytorch keras", 0, 1e-6},
    {"keras.npz", "keras", "bare", "keras", "lstm", "seqgpu pytorch keras rtneural", 0, 1e-6},
    {"keras.npz", "keras", "cudnn_lstm", "keras", "lstm", "seqgpu keras", 0, 1e-6},
    {"keras.npz", "keras", "cudnn_gru", "keras", "gru", "seqgpu keras", 0, 1e-6},
    {"keras.npz", "keras", "both", "keras", "lstm", "seqgpu pytorch keras", 0, 1e-6},
    {"rtneural.json", "rtneural", "gru_0", "rtneural", "gru", "seqgpu pytorch rtneural", 0, 1e-6},
    {"aidax.json", "aidax", "lstm_0", "rtneural", "lstm", "seqgpu rtneural nam", 0, 1e-6},
    {"model.nam", "nam", "lstm", "nam", "lstm", "seqgpu nam", 0, 1e-12},
};

static seqgpu_import *open_golden(const char *file) {
  char path[128];
  seqgpu_import *import = NULL;
  snprintf(path, sizeof path, "%s/%s", goldens, file);
  CHECK(seqgpu_import_open(ctx, path, NULL, &import) == SEQGPU_OK, "%s opens", file);
  return import;
}

/* Exports network `index` and imports it again; the new import, or NULL. */
static seqgpu_import *there_and_back(const seqgpu_import *import, int index, seqgpu_activation g,
                                     const char *format) {
  char path[128];
  const array one = {{1, 1, 1}, NULL};
  seqgpu_params *params = NULL;
  seqgpu_import *back = NULL;
  seqgpu_plan *plan = plan_for(import, index, g, &one);
  snprintf(path, sizeof path, "%s/back.%s", folder, strcmp(format, "keras") == 0 ? "npz" : format);
  seqgpu_status status = seqgpu_params_create(ctx, 1, &params);
  if (status == SEQGPU_OK) status = seqgpu_import_add(import, index, params, "net");
  if (status == SEQGPU_OK) status = seqgpu_export(params, "net", plan, path, format);
  if (status == SEQGPU_OK) status = seqgpu_import_open(ctx, path, NULL, &back);
  if (status != SEQGPU_OK) printf("# %s\n", seqgpu_last_error(ctx));
  seqgpu_params_destroy(params);
  seqgpu_plan_destroy(plan);
  unlink(path);
  return back;
}

static void test_back(const seqgpu_import *import, int index, const golden *c) {
  char formats[64];
  snprintf(formats, sizeof formats, "%s", c->back);
  for (char *format = strtok(formats, " "); format; format = strtok(NULL, " ")) {
    seqgpu_import *back = there_and_back(import, index, activation_of(c), format);
    if (CHECK(back && strcmp(seqgpu_import_format(back), format) == 0 && seqgpu_import_count(back) == 1,
              "%s, %s, written as %s and recognised", c->key, c->network, format))
      check_error(error_of(back, 0, c->key, c->network, activation_of(c)), c->tolerance,
                  "%s, %s, there and back as %s", c->key, c->network, format);
    seqgpu_import_close(back);
  }
}

static void test_goldens(void) {
  for (size_t i = 0; i < COUNT(cases); i++) {
    const golden *c = &cases[i];
    seqgpu_import *import = open_golden(c->file);
    const int index = seqgpu_import_find(import, c->network);
    const seqgpu_rnn_desc desc = seqgpu_import_desc(import, index);
    if (CHECK(index >= 0 && strcmp(desc.cell, c->cell) == 0 &&
                  strcmp(seqgpu_import_format(import), c->format) == 0,
              "%s, %s is found, a %s", c->key, c->network, c->cell)) {
      check_error(error_of(import, index, c->key, c->network, activation_of(c)), c->tolerance,
                  "%s, %s, the other program's output", c->key, c->network);
      test_back(import, index, c);
    }
    seqgpu_import_close(import);
  }
}

static int leaves(const seqgpu_import *import, const char *what) {
  for (int i = 0; i < seqgpu_import_left_count(import); i++)
    if (strstr(seqgpu_import_left(import, i), what)) return 1;
  return 0;
}

static void test_left(void) {
  seqgpu_import *torch = open_golden("torch.safetensors"), *keras = open_golden("keras.npz"),
                *amp = open_golden("aidax.json"), *nam = open_golden("model.nam");
  CHECK(seqgpu_import_left_count(torch) == 1 && leaves(torch, "\"words.weight\" [3,2]"),
        "left of a state dict: the embedding");
  CHECK(seqgpu_import_left_count(keras) == 1 && leaves(keras, "dense/kernel"),
        "left of Keras's arrays: the dense layer");
  CHECK(seqgpu_import_left_count(amp) == 2 && leaves(amp, "in_skip: 1") && leaves(amp, "out_gain: -3.5"),
        "left of an AIDA-X model: skip connection and gain");
  CHECK(seqgpu_import_left_count(nam) == 0 && seqgpu_import_left(nam, 0) == NULL, "left of a .nam: nothing");
  seqgpu_import_close(torch);
  seqgpu_import_close(keras);
  seqgpu_import_close(amp);
  seqgpu_import_close(nam);
}

/* ---------------------------------------------------------------- checkpoints */

/* Every cell with every option is described, and read back with the same descriptor and the same numbers. */
static const seqgpu_rnn_desc described[] = {
    {.cell = "rnn", .activation = SEQGPU_ACTIVATION_SIGMOID, .batch_first = 1},
    {.cell = "leaky", .leak = 0.1 + 0.2},
    {.cell = "lstm", .peephole = 1, .bidirectional = 1, .merge = SEQGPU_MERGE_SUM, .num_layers = 2},
    {.cell = "lstm", .coupled = 1},
    {.cell = "lstm", .projection_size = 2},
    {.cell = "lstm", .no_input_gate = 1, .no_output_activation = 1},
    {.cell = "lstm", .no_forget_gate = 1, .no_output_gate = 1, .no_input_activation = 1},
    {.cell = "lstm", .zoneout_cell = 0.1, .zoneout_hidden = 0.2, .update_dropout = 0.3},
    {.cell = "lstm0"},
    {.cell = "gru", .recurrent_dropout = 1.0 / 3},
    {.cell = "gru", .layer_norm = 1},
    {.cell = "lstm", .batch_norm_steps = 5},
    {.cell = "lstm", .full_gate_recurrence = 1},
    {.cell = "rnn", .batch_norm_input = 1, .num_layers = 2},
    {.cell = "gru", .reverse = 1},
    {.cell = "gru", .reset_after = 1, .num_layers = 3},
    {.cell = "scrn", .context_size = 2, .learn_leak = 1},
    {.cell = "mrnn", .factor_size = 3},
    {.cell = "mlstm"},
    {.cell = "householder", .reflections = 2},
    {.cell = "urnn"},
};

static int same_numbers(const seqgpu_params *a, const seqgpu_params *b) {
  seqgpu_param x, y;
  for (int i = 0; i < seqgpu_params_count(a); i++) {
    if (seqgpu_params_get(a, i, &x) != SEQGPU_OK || seqgpu_params_find(b, x.name, &y) != SEQGPU_OK) return 0;
    if (x.rows != y.rows || x.cols != y.cols) return 0;
    if (memcmp(x.value, y.value, (size_t)(x.rows * x.cols) * sizeof(double)) != 0) return 0;
  }
  return seqgpu_params_count(a) == seqgpu_params_count(b);
}

static void test_described(void) {
  char path[128], before[512], after[512];
  snprintf(path, sizeof path, "%s/described.safetensors", folder);
  for (size_t i = 0; i < COUNT(described); i++) {
    seqgpu_rnn_desc desc = described[i], read;
    seqgpu_plan *plan = NULL, *again = NULL;
    seqgpu_params *params = NULL, *loaded = NULL;
    seqgpu_import *import = NULL;
    desc.input_size = 3;
    desc.hidden_size = 4;
    desc.seq_len = desc.batch = 1;
    const int ok = seqgpu_plan_create(ctx, &desc, NULL, &plan) == SEQGPU_OK &&
                   seqgpu_params_create(ctx, check_random(), &params) == SEQGPU_OK &&
                   seqgpu_params_add_rnn(params, "a.b", plan, NULL) == SEQGPU_OK &&
                   seqgpu_export(params, "a.b", plan, path, "seqgpu") == SEQGPU_OK &&
                   seqgpu_import_open(ctx, path, NULL, &import) == SEQGPU_OK;
    if (!CHECK(ok, "checkpoint %zu, %s, is written and read", i, desc.cell))
      printf("# %s\n", seqgpu_last_error(ctx));
    read = seqgpu_import_desc(import, seqgpu_import_find(import, "a.b"));
    read.seq_len = read.batch = 1;
    CHECK(seqgpu_plan_create(ctx, &read, NULL, &again) == SEQGPU_OK &&
              seqgpu_describe_network(ctx, plan, before, sizeof before) == SEQGPU_OK &&
              seqgpu_describe_network(ctx, again, after, sizeof after) == SEQGPU_OK &&
              strcmp(before, after) == 0,
          "checkpoint %zu, %s, the same descriptor", i, desc.cell);
    CHECK(seqgpu_params_create(ctx, 0, &loaded) == SEQGPU_OK &&
              seqgpu_params_add_rnn(loaded, "a.b", again, NULL) == SEQGPU_OK &&
              seqgpu_import_load(import, 0, loaded, "a.b") == SEQGPU_OK && same_numbers(params, loaded),
          "checkpoint %zu, %s, the same bits", i, desc.cell);
    seqgpu_import_close(import);
    seqgpu_params_destroy(params);
    seqgpu_params_destroy(loaded);
    seqgpu_plan_destroy(plan);
    seqgpu_plan_destroy(again);
  }
  unlink(path);
}

/* ---------------------------------------------------------------- what is refused */

/* Names that would be the same, were they cut off where a name ends. */
static void test_long_names(void) {
  char path[128], keys[2][192];
  const seqgpu_rnn_desc desc = {.cell = "rnn", .input_size = 1, .hidden_size = 1, .seq_len = 1, .batch = 1};
  seqgpu_meta meta[2];
  seqgpu_params *params = NULL;
  seqgpu_plan *plan = NULL;
  seqgpu_import *import = NULL;
  snprintf(path, sizeof path, "%s/long.safetensors", folder);
  for (int i = 0; i < 2; i++) {
    snprintf(keys[i], sizeof keys[i], "network.%0130d%d", 0, i);
    meta[i] = (seqgpu_meta){keys[i], "cell=rnn input_size=1 hidden_size=1"};
  }
  CHECK(seqgpu_plan_create(ctx, &desc, NULL, &plan) == SEQGPU_OK &&
            seqgpu_params_create(ctx, 1, &params) == SEQGPU_OK &&
            seqgpu_params_add_rnn(params, "a", plan, NULL) == SEQGPU_OK &&
            seqgpu_checkpoint_save_weights(params, path, meta, 2) == SEQGPU_OK,
        "a checkpoint that describes networks of long names");
  REFUSED(ctx, EFORMAT, "at most 127", seqgpu_import_open(ctx, path, NULL, &import));
  seqgpu_params_destroy(params);
  seqgpu_plan_destroy(plan);
  unlink(path);
}

static void test_refused(void) {
  char path[128];
  seqgpu_import *import = NULL, *amp = open_golden("model.nam");
  const array one = {{1, 1, 1}, NULL};
  seqgpu_plan *plan = plan_for(amp, 0, SEQGPU_ACTIVATION_TANH, &one);
  seqgpu_params *params = NULL;
  double state[6];
  char text[512];
  snprintf(path, sizeof path, "%s/refused", folder);
  CHECK(seqgpu_params_create(ctx, 1, &params) == SEQGPU_OK, "params");
  REFUSED(ctx, EINVAL, "path", seqgpu_import_open(ctx, "", NULL, &import));
  REFUSED(ctx, EINVAL, "out", seqgpu_import_open(ctx, "x", NULL, NULL));
  REFUSED(ctx, EINVAL, "seqgpu, keras, pytorch", seqgpu_import_open(ctx, "x", "caffe", &import));
  REFUSED(ctx, EIO, "no/such", seqgpu_import_open(ctx, "no/such", NULL, &import));
  REFUSED(ctx, EIO, "regular file", seqgpu_import_open(ctx, "goldens", NULL, &import));
  REFUSED(ctx, EFORMAT, "no format", seqgpu_import_open(ctx, "goldens/make_goldens.py", NULL, &import));
  REFUSED(ctx, EFORMAT, "JSON", seqgpu_import_open(ctx, "goldens/make_goldens.py", "nam", &import));
  CHECK(import == NULL, "a refused import is NULL");
  REFUSED(ctx, EINVAL, "index is 1", seqgpu_import_load(amp, 1, params, "a"));
  REFUSED(ctx, EINVAL, "params is NULL", seqgpu_import_load(amp, 0, NULL, "a"));
  REFUSED(ctx, EINVAL, "a.weight_ih_l0", seqgpu_import_load(amp, 0, params, "a"));
  REFUSED(ctx, EINVAL, "state", seqgpu_import_state(amp, 0, 2, 1, state));
  REFUSED(ctx, EINVAL, "batch", seqgpu_import_state(amp, 0, 0, 0, state));
  REFUSED(ctx, EINVAL, "device", seqgpu_import_state(amp, 0, 0, 1, NULL));
  REFUSED(ctx, EINVAL, "plan", seqgpu_export(params, "a", NULL, path, "nam"));
  REFUSED(ctx, EINVAL, "format is NULL", seqgpu_export(params, "a", plan, path, NULL));
  REFUSED(ctx, EINVAL, "a\"", seqgpu_export(params, "a", plan, path, "nam"));
  ACCEPTED(ctx, seqgpu_params_add_rnn(params, "a", plan, NULL));
  REFUSED(ctx, EUNSUPPORTED, "head", seqgpu_export(params, "a", plan, path, "nam"));
  REFUSED(ctx, EINVAL, ".npz", seqgpu_export(params, "a", plan, path, "keras"));
  REFUSED(ctx, EIO, "no/folder", seqgpu_export(params, "a", plan, "no/folder/x", "rtneural"));
  REFUSED(ctx, EINVAL, "text", seqgpu_describe_network(ctx, plan, text, 5));
  ACCEPTED(ctx, seqgpu_import_load(amp, 0, params, "a"));
  CHECK(access(path, F_OK) != 0, "a refused export leaves no file");
  seqgpu_format_info info;
  CHECK(seqgpu_format_get(-1, &info) == SEQGPU_EINVAL && seqgpu_format_get(0, NULL) == SEQGPU_EINVAL &&
            seqgpu_import_count(NULL) == 0 && seqgpu_import_left_count(NULL) == 0 &&
            seqgpu_import_get(NULL, 0, NULL) == SEQGPU_EINVAL,
        "NULL has nothing");
  seqgpu_import_close(amp);
  seqgpu_plan_destroy(plan);
  seqgpu_params_destroy(params);
}

/* A weight that is not finite in the context's type is refused, and nothing is changed. */
/* Files of these formats do not say that a network runs backwards; read again, it would run forward. */
static void test_reverse(void) {
  static const char *const formats[] = {"pytorch", "keras", "rtneural", "nam"};
  const seqgpu_rnn_desc desc = {
      .cell = "lstm", .input_size = 1, .hidden_size = 2, .seq_len = 1, .batch = 1, .reverse = 1};
  char path[128];
  seqgpu_plan *plan = NULL;
  seqgpu_params *params = NULL;
  snprintf(path, sizeof path, "%s/reverse.npz", folder);
  CHECK(seqgpu_plan_create(ctx, &desc, NULL, &plan) == SEQGPU_OK &&
            seqgpu_params_create(ctx, 1, &params) == SEQGPU_OK,
        "a network that runs backwards");
  ACCEPTED(ctx, seqgpu_params_add_rnn(params, "a", plan, NULL));
  ACCEPTED(ctx, seqgpu_params_add(params, "a.head.weight", 1, 2, "zeros", 0, NULL));
  ACCEPTED(ctx, seqgpu_params_add(params, "a.head.bias", 1, 1, "zeros", 0, NULL));
  for (size_t i = 0; i < COUNT(formats); i++)
    REFUSED(ctx, EUNSUPPORTED, "backwards", seqgpu_export(params, "a", plan, path, formats[i]));
  seqgpu_params_destroy(params);
  seqgpu_plan_destroy(plan);
}

static void test_not_finite(void) {
  char path[128];
  const array one = {{1, 1, 1}, NULL};
  seqgpu_import *amp = open_golden("model.nam");
  seqgpu_plan *plan = plan_for(amp, 0, SEQGPU_ACTIVATION_TANH, &one);
  seqgpu_params *params = NULL, *before = NULL;
  seqgpu_param last;
  snprintf(path, sizeof path, "%s/nan.safetensors", folder);
  if (!CHECK(seqgpu_params_create(ctx, 1, &params) == SEQGPU_OK &&
                 seqgpu_params_create(ctx, 1, &before) == SEQGPU_OK &&
                 seqgpu_import_add(amp, 0, params, "a") == SEQGPU_OK &&
                 seqgpu_import_add(amp, 0, before, "a") == SEQGPU_OK &&
                 seqgpu_params_find(params, "a.bias_l1", &last) == SEQGPU_OK,
             "a network twice"))
    return;
  ((double *)last.value)[2] = (double)NAN;
  seqgpu_import *import = NULL;
  CHECK(seqgpu_export(before, "a", plan, path, "pytorch") == SEQGPU_OK, "weights are written");
  seqgpu_meta meta = {"network.a", NULL};
  char text[512];
  CHECK(seqgpu_describe_network(ctx, plan, text, sizeof text) == SEQGPU_OK, "described");
  meta.value = text;
  CHECK(seqgpu_checkpoint_save_weights(params, path, &meta, 1) == SEQGPU_OK &&
            seqgpu_import_open(ctx, path, "seqgpu", &import) == SEQGPU_OK,
        "weights with a NaN are written and read");
  REFUSED(ctx, ENONFINITE, "bias_l1", seqgpu_import_load(import, 0, before, "a"));
  ((double *)last.value)[2] = 0;
  seqgpu_param untouched;
  CHECK(seqgpu_params_find(before, "a.weight_ih_l0", &untouched) == SEQGPU_OK &&
            isfinite(((double *)untouched.value)[0]),
        "and nothing was changed");
  seqgpu_import_close(import);
  seqgpu_import_close(amp);
  seqgpu_plan_destroy(plan);
  seqgpu_params_destroy(params);
  seqgpu_params_destroy(before);
  unlink(path);
}

/* ---------------------------------------------------------------- memory */

static const char *memory_file;
static seqgpu_status import_and_export(seqgpu_context *c) {
  char path[128], to[128], model[128];
  seqgpu_import *import = NULL;
  seqgpu_params *params = NULL;
  seqgpu_plan *plan = NULL;
  snprintf(path, sizeof path, "%s/%s", goldens, memory_file);
  snprintf(to, sizeof to, "%s/memory.npz", folder);
  snprintf(model, sizeof model, "%s/memory.safetensors", folder);
  seqgpu_status status = seqgpu_import_open(c, path, NULL, &import);
  if (status == SEQGPU_OK) status = seqgpu_params_create(c, 1, &params);
  if (status == SEQGPU_OK) status = seqgpu_import_add(import, 0, params, "net");
  seqgpu_rnn_desc desc = seqgpu_import_desc(import, 0);
  desc.seq_len = desc.batch = 1;
  if (status == SEQGPU_OK) status = seqgpu_plan_create(c, &desc, NULL, &plan);
  if (status == SEQGPU_OK) status = seqgpu_export(params, "net", plan, to, "keras");
  if (status == SEQGPU_OK) status = seqgpu_export(params, "net", plan, model, "seqgpu");
  seqgpu_plan_destroy(plan);
  seqgpu_params_destroy(params);
  seqgpu_import_close(import);
  unlink(to);
  unlink(model);
  return status;
}

static void test_memory(void) {
  static const char *const files[] = {"keras.npz", "model.nam"};
  for (size_t i = 0; i < COUNT(files); i++) {
    memory_file = files[i];
    failing_each("cpu", import_and_export, 0);
  }
}

int main(void) {
  check_start();
  snprintf(folder, sizeof folder, "/tmp/seqgpu-exchange-%ld", (long)getpid());
  const seqgpu_context_options options = {.device = "cpu", .threads = 1, .dtype = SEQGPU_DTYPE_F64};
  if (!CHECK(mkdir(folder, 0700) == 0 && seqgpu_context_create(&options, &ctx) == SEQGPU_OK &&
                 seqgpu_npy_open(ctx, "goldens/exchange/expected.npz", &expected) == SEQGPU_OK,
             "context and goldens"))
    return check_finish();
  seqgpu_import *first = NULL;
  if (seqgpu_import_open(ctx, "goldens/exchange/model.nam", NULL, &first) == SEQGPU_EUNSUPPORTED) {
    check_skip(seqgpu_last_error(ctx), "import and export");
    rmdir(folder);
    return check_finish();
  }
  seqgpu_import_close(first);
  test_goldens();
  test_left();
  test_described();
  test_refused();
  test_long_names();
  test_reverse();
  test_not_finite();
  test_memory();
  for (size_t i = 0; i < COUNT(cases); i++)
    if (i == 0 || strcmp(cases[i].file, cases[i - 1].file) != 0)
      hostile_file(ctx, goldens, cases[i].file, folder);
  hostile_sizes(ctx, folder);
  hostile_many(folder);
  seqgpu_npy_close(expected);
  seqgpu_context_destroy(ctx);
  CHECK(rmdir(folder) == 0, "nothing is left behind");
  return check_finish();
}
