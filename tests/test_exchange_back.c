/* test_exchange_back.c - networks on their way out of parameters and into them (seqgpu/exchange.h): what a
 * format cannot say, parameters that do not fit, numbers that are damaged in the file, memory and devices
 * that fail.
 */
#define _POSIX_C_SOURCE 200809L

#include "seqgpu/seqgpu.h"
#include <sys/stat.h>
#include <unistd.h>

#include "tests/breaking.h"
#include "tests/refused.h"

static const char goldens[] = "goldens/exchange";
static char folder[64]; /* of this run */
static seqgpu_context *ctx;

static const char *path_of(const char *file) {
  static char paths[4][160];
  static int next;
  char *path = paths[next++ % 4];
  snprintf(path, sizeof paths[0], "%s/%s", folder, file);
  return path;
}

/* ---------------------------------------------------------------- a network to be exported */

typedef struct network {
  seqgpu_plan *plan;
  seqgpu_params *params;
} network;

/* A network under "a", with a read-out of `outputs` rows where that is not 0. */
static network open_network(seqgpu_rnn_desc desc, int64_t outputs) {
  network n = {NULL, NULL};
  desc.input_size = desc.input_size ? desc.input_size : 1;
  desc.hidden_size = desc.hidden_size ? desc.hidden_size : 2;
  desc.seq_len = desc.batch = 1;
  seqgpu_status status = seqgpu_plan_create(ctx, &desc, NULL, &n.plan);
  const int64_t width = seqgpu_plan_get_sizes(n.plan).output_width;
  if (status == SEQGPU_OK) status = seqgpu_params_create(ctx, 7, &n.params);
  if (status == SEQGPU_OK) status = seqgpu_params_add_rnn(n.params, "a", n.plan, NULL);
  if (status == SEQGPU_OK && outputs)
    status = seqgpu_params_add(n.params, "a.head.weight", outputs, width, "normal", 1, NULL);
  if (status == SEQGPU_OK && outputs)
    status = seqgpu_params_add(n.params, "a.head.bias", outputs, 1, "normal", 1, NULL);
  check_record(status == SEQGPU_OK, seqgpu_last_error(ctx), "%s, a network", desc.cell);
  return n;
}

static void close_network(network *n) {
  seqgpu_params_destroy(n->params);
  seqgpu_plan_destroy(n->plan);
}

static const seqgpu_rnn_desc lstm = {.cell = "lstm"};

/* ---------------------------------------------------------------- what a format cannot say */

static const struct {
  const char *format;
  seqgpu_rnn_desc desc;
  int64_t outputs; /* of a read-out */
  const char *word;
} unfit[] = {
    {"pytorch", {.cell = "leaky"}, 0, "PyTorch has no such cell"},
    {"pytorch", {.cell = "rnn", .activation = SEQGPU_ACTIVATION_SIGMOID}, 0, "the activations tanh and relu"},
    {"pytorch", {.cell = "lstm", .peephole = 1}, 0, "no peepholes and no coupled gates"},
    {"pytorch", {.cell = "lstm", .coupled = 1}, 0, "no peepholes and no coupled gates"},
    {"pytorch", {.cell = "gru"}, 0, "resets after the product"},
    {"pytorch", {.cell = "lstm", .bidirectional = 1, .merge = SEQGPU_MERGE_SUM}, 0, "side by side"},
    {"keras", {.cell = "leaky"}, 0, "there is no such layer"},
    {"keras", {.cell = "lstm", .peephole = 1}, 0, "no peepholes, coupled gates or projection"},
    {"keras", {.cell = "lstm", .coupled = 1}, 0, "no peepholes, coupled gates or projection"},
    {"keras", {.cell = "lstm", .projection_size = 1}, 0, "no peepholes, coupled gates or projection"},
    {"rtneural", {.cell = "rnn"}, 0, "are LSTM and GRU"},
    {"rtneural", {.cell = "gru"}, 0, "resets after the product"},
    {"rtneural", {.cell = "lstm", .bidirectional = 1}, 0, "RTNeural has one direction"},
    {"nam", {.cell = "gru"}, 1, "it must be an lstm"},
    {"nam", {.cell = "lstm", .peephole = 1}, 1, "it must have no peepholes"},
    {"nam", {.cell = "lstm", .coupled = 1}, 1, "it must have no peepholes"},
    {"nam", {.cell = "lstm", .projection_size = 1}, 1, "it must have no peepholes"},
    {"nam", {.cell = "lstm", .bidirectional = 1}, 1, "it must have no peepholes"},
    {"nam", {.cell = "lstm"}, 2, "must be [1,hidden_size]"},
};

static void test_unfit(void) {
  for (size_t i = 0; i < COUNT(unfit); i++) {
    char name[96];
    network n = open_network(unfit[i].desc, unfit[i].outputs);
    snprintf(name, sizeof name, "%s as %s", unfit[i].desc.cell, unfit[i].format);
    forget_error(ctx);
    refused(ctx, seqgpu_export(n.params, "a", n.plan, path_of("x.npz"), unfit[i].format), SEQGPU_EUNSUPPORTED,
            unfit[i].word, name);
    close_network(&n);
  }
  CHECK(access(path_of("x.npz"), F_OK) != 0, "and no file is left");
}

/* ---------------------------------------------------------------- there and back */

/* Networks whose shapes no golden file has; exported and imported, their parameters are the same. */
static const struct {
  const char *name, *format, *file;
  seqgpu_rnn_desc desc;
  int64_t outputs;
} rounds[] = {
    {"a read-out larger than its network", "rtneural", "r.json", {.cell = "lstm", .hidden_size = 1}, 20},
    {"a wide input", "rtneural", "r.json", {.cell = "gru", .reset_after = 1, .input_size = 9}, 1},
    {"layers, one behind the other", "keras", "k.npz", {.cell = "lstm"}, 0},
    {"a GRU that resets before", "keras", "k.npz", {.cell = "gru"}, 0},
    {"both directions", "keras", "k.npz", {.cell = "gru", .reset_after = 1, .bidirectional = 1}, 0},
    {"a projection and a state", "seqgpu", "s.safetensors", {.cell = "lstm", .projection_size = 1}, 3},
    {"two directions, two layers",
     "pytorch",
     "t.safetensors",
     {.cell = "rnn", .activation = SEQGPU_ACTIVATION_RELU, .bidirectional = 1, .num_layers = 2},
     0},
};

static int same_numbers(const seqgpu_params *a, const seqgpu_params *b) {
  seqgpu_param x, y;
  int found = 0;
  for (int i = 0; i < seqgpu_params_count(a); i++) {
    if (seqgpu_params_get(a, i, &x) != SEQGPU_OK || seqgpu_params_find(b, x.name, &y) != SEQGPU_OK) continue;
    if (x.rows != y.rows || memcmp(x.value, y.value, (size_t)(x.rows * x.cols) * sizeof(double)) != 0)
      return 0;
    found++;
  }
  return found > 0;
}

static void test_rounds(void) {
  for (size_t i = 0; i < COUNT(rounds); i++) {
    network n = open_network(rounds[i].desc, rounds[i].outputs);
    seqgpu_import *import = NULL;
    seqgpu_params *back = NULL;
    const char *path = path_of(rounds[i].file);
    const seqgpu_status wrote = seqgpu_export(n.params, "a", n.plan, path, rounds[i].format);
    const int read = wrote == SEQGPU_OK &&
                     seqgpu_import_open(ctx, path, rounds[i].format, &import) == SEQGPU_OK &&
                     seqgpu_params_create(ctx, 1, &back) == SEQGPU_OK &&
                     seqgpu_import_add(import, 0, back, "a") == SEQGPU_OK;
    check_record(read && same_numbers(back, n.params), seqgpu_last_error(ctx), "%s, as %s, and back",
                 rounds[i].name, rounds[i].format);
    CHECK(seqgpu_export(n.params, "a", n.plan, path, rounds[i].format) == SEQGPU_OK,
          "a file of it is replaced");
    seqgpu_import_close(import);
    seqgpu_params_destroy(back);
    close_network(&n);
    unlink(path);
  }
}

/* Layers of Keras whose input is both directions of the one below, or their sum. */
static void test_deep_keras(void) {
  for (int merge = 0; merge < 2; merge++) {
    const seqgpu_rnn_desc desc = {
        .cell = "lstm", .bidirectional = 1, .num_layers = 2, .merge = (seqgpu_merge)merge};
    network n = open_network(desc, 0);
    seqgpu_npy *file = NULL;
    seqgpu_npy_info info = {.rank = 0};
    CHECK(seqgpu_export(n.params, "a", n.plan, path_of("k.npz"), "keras") == SEQGPU_OK &&
              seqgpu_npy_open(ctx, path_of("k.npz"), &file) == SEQGPU_OK && seqgpu_npy_count(file) == 12 &&
              seqgpu_npy_get(file, seqgpu_npy_find(file, "a_l1/forward_lstm/kernel"), &info) == SEQGPU_OK &&
              info.shape[0] == (merge == SEQGPU_MERGE_SUM ? 2 : 4),
          "two layers of both directions, merge %d", merge);
    seqgpu_npy_close(file);
    close_network(&n);
    unlink(path_of("k.npz"));
  }
}

/* A network under no name at all: the file calls it by its cell. */
static void test_nameless(void) {
  const seqgpu_rnn_desc desc = {.cell = "lstm", .input_size = 1, .hidden_size = 1, .seq_len = 1, .batch = 1};
  seqgpu_plan *plan = NULL;
  seqgpu_params *params = NULL;
  seqgpu_import *import = NULL;
  CHECK(seqgpu_plan_create(ctx, &desc, NULL, &plan) == SEQGPU_OK &&
            seqgpu_params_create(ctx, 1, &params) == SEQGPU_OK &&
            seqgpu_params_add_rnn(params, NULL, plan, NULL) == SEQGPU_OK,
        "a network without a prefix");
  CHECK(seqgpu_export(params, NULL, plan, path_of("n.npz"), "keras") == SEQGPU_OK &&
            seqgpu_import_open(ctx, path_of("n.npz"), NULL, &import) == SEQGPU_OK &&
            seqgpu_import_find(import, "lstm") == 0,
        "is called lstm");
  seqgpu_import_close(import);
  CHECK(seqgpu_export(params, "", plan, path_of("n.safetensors"), "pytorch") == SEQGPU_OK &&
            seqgpu_import_open(ctx, path_of("n.safetensors"), NULL, &import) == SEQGPU_OK &&
            seqgpu_import_find(import, "") == 0,
        "or nothing at all");
  seqgpu_import_close(import);
  seqgpu_params_destroy(params);
  seqgpu_plan_destroy(plan);
  unlink(path_of("n.npz"));
  unlink(path_of("n.safetensors"));
}

/* ---------------------------------------------------------------- parameters that do not fit */

static void test_parameters(void) {
  network one = open_network(lstm, 0),
          wide = open_network((seqgpu_rnn_desc){.cell = "lstm", .hidden_size = 3}, 0);
  network deep = open_network((seqgpu_rnn_desc){.cell = "lstm", .input_size = 2}, 0);
  seqgpu_import *import = NULL;
  char prefix[300];
  memset(prefix, 'p', sizeof prefix - 1);
  prefix[sizeof prefix - 1] = 0;
  REFUSED(ctx, EINVAL, "\"weight_ih_l0\" [12,1] under prefix \"a\"",
          seqgpu_export(one.params, "a", wide.plan, path_of("x"), "seqgpu"));
  REFUSED(ctx, EINVAL, "\"weight_ih_l0\" [8,2]",
          seqgpu_export(one.params, "a", deep.plan, path_of("x"), "seqgpu"));
  REFUSED(ctx, EINVAL, "under prefix \"\"",
          seqgpu_export(one.params, NULL, one.plan, path_of("x"), "seqgpu"));
  ACCEPTED(ctx, seqgpu_export(one.params, "a", one.plan, path_of("x.safetensors"), "seqgpu"));
  ACCEPTED(ctx, seqgpu_import_open(ctx, path_of("x.safetensors"), NULL, &import));
  REFUSED(ctx, EINVAL, "is [12,1]; in the file it is [8,1]", seqgpu_import_load(import, 0, wide.params, "a"));
  REFUSED(ctx, EINVAL, "is [8,2]; in the file it is [8,1]", seqgpu_import_load(import, 0, deep.params, "a"));
  REFUSED(ctx, EINVAL, "names longer", seqgpu_import_load(import, 0, one.params, prefix));
  REFUSED(ctx, EINVAL, "names longer", seqgpu_import_add(import, 0, one.params, prefix));
  seqgpu_import_close(import);
  /* read-outs and states that are none are not written */
  ACCEPTED(ctx, seqgpu_params_add(one.params, "a.head.weight", 1, 2, "zeros", 0, NULL));
  ACCEPTED(ctx, seqgpu_params_add(wide.params, "a.head.weight", 1, 3, "zeros", 0, NULL));
  ACCEPTED(ctx, seqgpu_params_add(wide.params, "a.head.bias", 2, 1, "zeros", 0, NULL));
  ACCEPTED(ctx, seqgpu_params_add(deep.params, "a.head.weight", 2, 2, "zeros", 0, NULL));
  ACCEPTED(ctx, seqgpu_params_add(deep.params, "a.head.bias", 2, 2, "zeros", 0, NULL));
  ACCEPTED(ctx, seqgpu_params_add_state(deep.params, "a.initial.h", 1, 9, NULL));
  network *const all[] = {&one, &wide, &deep};
  for (size_t i = 0; i < COUNT(all); i++) {
    seqgpu_import_info info = {.name = NULL};
    CHECK(seqgpu_export(all[i]->params, "a", all[i]->plan, path_of("x.safetensors"), "seqgpu") == SEQGPU_OK &&
              seqgpu_import_open(ctx, path_of("x.safetensors"), NULL, &import) == SEQGPU_OK &&
              seqgpu_import_get(import, 0, &info) == SEQGPU_OK && info.head_rows == 0 &&
              info.state_count == 0,
          "half a read-out, or one of other sizes, is none %zu", i);
    seqgpu_import_close(import);
    close_network(all[i]);
  }
  unlink(path_of("x.safetensors"));
}

/* Names that are just short enough for the network, and too long with its read-out or its state. */
static void test_long_prefixes(void) {
  static const char *const files[] = {"aidax.json", "model.nam"}; /* a read-out; and states */
  for (size_t i = 0; i < COUNT(files); i++) {
    char path[128], prefix[256];
    seqgpu_import *import = NULL;
    seqgpu_params *params = NULL;
    snprintf(path, sizeof path, "%s/%s", goldens, files[i]);
    ACCEPTED(ctx, seqgpu_import_open(ctx, path, NULL, &import));
    ACCEPTED(ctx, seqgpu_params_create(ctx, 1, &params));
    int refusals = 0, undone = 1;
    for (size_t length = 90; length < 250; length++) {
      memset(prefix, 'p', length);
      prefix[length] = 0;
      const int before = seqgpu_params_count(params);
      if (seqgpu_import_add(import, 0, params, prefix) == SEQGPU_OK) continue;
      refusals++;
      undone &=
          seqgpu_params_count(params) == before && strstr(seqgpu_last_error(ctx), "names longer") != NULL;
    }
    CHECK(refusals > 0 && undone, "%s under long prefixes: refused as a whole", files[i]);
    seqgpu_params_destroy(params);
    seqgpu_import_close(import);
  }
}

/* ---------------------------------------------------------------- damaged numbers, and nothing at all */

/* A bit of each tensor's data is turned: the checksum tells, wherever it is read. */
static void test_damaged(void) {
  static const struct {
    seqgpu_rnn_desc desc;
    const char *format;
  } rows[] = {{{.cell = "gru", .reset_after = 1}, "seqgpu"},
              {{.cell = "gru"}, "seqgpu"},
              {{.cell = "lstm"}, "pytorch"}};
  static unsigned char bytes[1 << 14];
  for (size_t r = 0; r < COUNT(rows); r++) {
    network n = open_network(rows[r].desc, 2);
    if (r == 0) ACCEPTED(ctx, seqgpu_params_add_state(n.params, "a.initial.h", 1, 2, NULL));
    ACCEPTED(ctx, seqgpu_export(n.params, "a", n.plan, path_of("d.safetensors"), rows[r].format));
    FILE *file = fopen(path_of("d.safetensors"), "rb");
    const size_t size = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    const size_t first = 8 + (size_t)bytes[0] + 256 * (size_t)bytes[1];
    int noticed = first < size;
    for (size_t at = first; at < size; at += sizeof(double)) {
      seqgpu_import *import = NULL;
      bytes[at] ^= 1;
      file = fopen(path_of("d.safetensors"), "wb");
      fwrite(bytes, 1, size, file);
      fclose(file);
      noticed &=
          seqgpu_import_open(ctx, path_of("d.safetensors"), rows[r].format, &import) == SEQGPU_EFORMAT &&
          strstr(seqgpu_last_error(ctx), "is damaged") != NULL;
      bytes[at] ^= 1;
    }
    CHECK(noticed, "%s: a bit turned in any number is noticed", rows[r].format);
    close_network(&n);
  }
  unlink(path_of("d.safetensors"));
}

/* More states than can be: 40000 units, which few parameters make, for 2^31 - 1 sequences. */
static void test_many_states(void) {
  network n =
      open_network((seqgpu_rnn_desc){.cell = "householder", .hidden_size = 40000, .reflections = 1}, 0);
  seqgpu_import *import = NULL;
  double state;
  ACCEPTED(ctx, seqgpu_params_add_state(n.params, "a.initial.h", 1, 40000, NULL));
  ACCEPTED(ctx, seqgpu_export(n.params, "a", n.plan, path_of("h.safetensors"), "seqgpu"));
  ACCEPTED(ctx, seqgpu_import_open(ctx, path_of("h.safetensors"), NULL, &import));
  REFUSED(ctx, EINVAL, "that is too large", seqgpu_import_state(import, 0, 0, INT32_MAX, &state));
  seqgpu_import_close(import);
  close_network(&n);
  unlink(path_of("h.safetensors"));
}

static void test_refused(void) {
  network n = open_network(lstm, 0);
  seqgpu_import *import = NULL;
  seqgpu_import_info info;
  char text[512];
  double state[8];
  REFUSED(NULL, EINVAL, "", seqgpu_import_open(NULL, "x", NULL, &import));
  REFUSED(ctx, EINVAL, "path", seqgpu_import_open(ctx, NULL, NULL, &import));
  REFUSED(NULL, EINVAL, "", seqgpu_import_load(NULL, 0, n.params, "a"));
  REFUSED(NULL, EINVAL, "", seqgpu_import_add(NULL, 0, n.params, "a"));
  REFUSED(NULL, EINVAL, "", seqgpu_import_state(NULL, 0, 0, 1, state));
  REFUSED(NULL, EINVAL, "", seqgpu_import_get(NULL, 0, &info));
  REFUSED(NULL, EINVAL, "", seqgpu_export(NULL, "a", n.plan, "x", "nam"));
  REFUSED(ctx, EINVAL, "path", seqgpu_export(n.params, "a", n.plan, NULL, "nam"));
  REFUSED(ctx, EINVAL, "must be one of", seqgpu_export(n.params, "a", n.plan, path_of("x"), "caffe"));
  REFUSED(ctx, EINVAL, "\"k\"", seqgpu_export(n.params, "a", n.plan, "k", "keras"));
  REFUSED(ctx, EINVAL, "plan is NULL", seqgpu_describe_network(ctx, NULL, text, sizeof text));
  REFUSED(ctx, EINVAL, "text is NULL", seqgpu_describe_network(ctx, n.plan, NULL, 0));
  CHECK(strcmp(seqgpu_import_format(NULL), "none") == 0 && seqgpu_import_find(NULL, "a") == -1 &&
            seqgpu_import_left(NULL, 0) == NULL && seqgpu_import_desc(NULL, 0).cell == NULL,
        "no import is nothing");
  seqgpu_import_desc_(NULL, 0, NULL, 0);
  char path[128];
  snprintf(path, sizeof path, "%s/model.nam", goldens);
  ACCEPTED(ctx, seqgpu_import_open(ctx, path, NULL, &import));
  CHECK(seqgpu_import_find(import, NULL) == -1 && seqgpu_import_left(import, -1) == NULL &&
            seqgpu_import_desc(import, -1).cell == NULL && seqgpu_import_desc(import, 9).cell == NULL,
        "no name, no index");
  REFUSED(ctx, EINVAL, "out is NULL", seqgpu_import_get(import, 0, NULL));
  REFUSED(ctx, EINVAL, "index is -1", seqgpu_import_get(import, -1, &info));
  REFUSED(ctx, EINVAL, "index is 9", seqgpu_import_add(import, 9, n.params, "b"));
  REFUSED(ctx, EINVAL, "index is 9", seqgpu_import_state(import, 9, 0, 1, state));
  seqgpu_import_close(import);
  FILE *other = fopen(path_of("other"), "w");
  fputs("precious", other);
  fclose(other);
  REFUSED(ctx, EINVAL, "no file of format",
          seqgpu_export(n.params, "a", n.plan, path_of("other"), "rtneural"));
  REFUSED(ctx, EIO, "regular", seqgpu_export(n.params, "a", n.plan, folder, "rtneural"));
  CHECK(unlink(path_of("other")) == 0, "what is there stays there");
  close_network(&n);
}

/* ---------------------------------------------------------------- memory and devices */

static const struct {
  const char *file, *network, *format, *to;
} moves[] = {
    {"keras.npz", "gru", "keras", "m.npz"},
    {"keras.npz", "both", "seqgpu", "m.safetensors"},
    {"torch.safetensors", "decoder", "pytorch", "m.safetensors"},
    {"torch.safetensors", "decoder", "rtneural", "m.json"},
    {"rtneural.json", "gru_0", "rtneural", "m.json"},
    {"aidax.json", "lstm_0", "nam", "m.nam"},
    {"model.nam", "lstm", "seqgpu", "m.safetensors"},
};
static size_t present; /* the row that runs */

/* Imports a network and its states, and exports it over a file that is there. */
static seqgpu_status move(seqgpu_context *c) {
  char path[128];
  seqgpu_import *import = NULL;
  seqgpu_params *params = NULL;
  seqgpu_plan *plan = NULL;
  void *state = NULL;
  snprintf(path, sizeof path, "%s/%s", goldens, moves[present].file);
  seqgpu_status status = seqgpu_import_open(c, path, NULL, &import);
  const int index = seqgpu_import_find(import, moves[present].network);
  seqgpu_rnn_desc desc = seqgpu_import_desc(import, index);
  desc.seq_len = desc.batch = 1;
  if (status == SEQGPU_OK) status = seqgpu_params_create(c, 1, &params);
  if (status == SEQGPU_OK) status = seqgpu_import_add(import, index, params, "net");
  if (status == SEQGPU_OK) status = seqgpu_plan_create(c, &desc, NULL, &plan);
  if (status == SEQGPU_OK) status = seqgpu_malloc(c, 4096, &state);
  if (status == SEQGPU_OK) status = seqgpu_import_state(import, index, 0, 2, state);
  if (status == SEQGPU_OK)
    status = seqgpu_export(params, "net", plan, path_of(moves[present].to), moves[present].format);
  seqgpu_free(c, state);
  seqgpu_plan_destroy(plan);
  seqgpu_params_destroy(params);
  seqgpu_import_close(import);
  return status;
}

static void test_failures(void) {
  for (present = 0; present < COUNT(moves); present++) {
    char name[96];
    snprintf(name, sizeof name, "%s to %s", moves[present].file, moves[present].format);
    check_record(move(ctx) == SEQGPU_OK, seqgpu_last_error(ctx), "%s", name);
    failing_each("cpu", move, 0);
    breaking_each(name, SEQGPU_DTYPE_F32, move);
    breaking_each(name, SEQGPU_DTYPE_F64, move);
    unlink(path_of(moves[present].to));
  }
}

int main(void) {
  check_start();
  snprintf(folder, sizeof folder, "/tmp/seqgpu-back-%ld", (long)getpid());
  const seqgpu_context_options options = {.device = "cpu", .threads = 1, .dtype = SEQGPU_DTYPE_F64};
  if (!CHECK(mkdir(folder, 0700) == 0 && seqgpu_context_create(&options, &ctx) == SEQGPU_OK, "a context"))
    return check_finish();
  test_unfit();
  seqgpu_import *first = NULL;
  if (seqgpu_import_open(ctx, "goldens/exchange/model.nam", NULL, &first) == SEQGPU_EUNSUPPORTED) {
    check_skip(seqgpu_last_error(ctx), "networks there and back");
  } else {
    seqgpu_import_close(first);
    test_rounds();
    test_deep_keras();
    test_nameless();
    test_parameters();
    test_long_prefixes();
    test_damaged();
    test_refused();
    test_many_states();
    test_failures();
  }
  seqgpu_context_destroy(ctx);
  CHECK(rmdir(folder) == 0, "nothing is left behind");
  return check_finish();
}
