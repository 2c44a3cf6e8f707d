/* test_onnx_write.c - networks of ours as ONNX model files.
 *
 *   test_onnx_write                  written and read back: the same network, the same parameters in float32
 *   test_onnx_write --into FOLDER    leaves the files there, and in vectors.bin what this library computes with them
 *                                    (onnx_export.py compares ONNX Runtime)
 */
#define _XOPEN_SOURCE 700
#include <unistd.h>

#include "tests/failing.h"
#include "tests/foreign.h"
#include "tests/refused.h"

enum { PATH_SIZE = 512, T = 4, B = 3, I = 2, H = 5 };

/* ---------------------------------------------------------------- cases */

typedef struct row {
  const char *name;
  seqgpu_rnn_desc desc;
  int ragged;
  int states; /* the file begins with states: of all sequences; 2: of one, the same for each */
} row;

#define SIZES .input_size = I, .hidden_size = H, .seq_len = T, .batch = B, .inference = 1

static const row rows[] = {
    {"rnn", {.cell = "rnn", SIZES}, 0, 0},
    {"rnn_relu_reverse", {.cell = "rnn", .activation = SEQGPU_ACTIVATION_RELU, .reverse = 1, SIZES}, 1, 0},
    {"rnn_sigmoid_both",
     {.cell = "rnn", .activation = SEQGPU_ACTIVATION_SIGMOID, .bidirectional = 1, SIZES},
     0,
     0},
    {"rnn_identity", {.cell = "rnn", .activation = SEQGPU_ACTIVATION_IDENTITY, .num_layers = 2, SIZES}, 0, 1},
    {"lstm", {.cell = "lstm", SIZES}, 1, 0},
    {"lstm_peephole", {.cell = "lstm", .peephole = 1, .bidirectional = 1, SIZES}, 1, 0},
    {"lstm_coupled", {.cell = "lstm", .coupled = 1, .peephole = 1, SIZES}, 0, 0},
    {"lstm0", {.cell = "lstm0", .peephole = 1, SIZES}, 0, 0},
    {"lstm_stack", {.cell = "lstm", .num_layers = 3, .batch_first = 1, SIZES}, 1, 0},
    {"lstm_both_stack", {.cell = "lstm", .num_layers = 2, .bidirectional = 1, SIZES}, 1, 1},
    {"lstm_one_state", {.cell = "lstm", .num_layers = 2, .bidirectional = 1, SIZES}, 0, 2},
    {"gru_one_state", {.cell = "gru", .reverse = 1, SIZES}, 0, 2},
    {"lstm_sum",
     {.cell = "lstm", .num_layers = 2, .bidirectional = 1, .merge = SEQGPU_MERGE_SUM, SIZES},
     0,
     0},
    {"gru", {.cell = "gru", SIZES}, 0, 0},
    {"gru_after", {.cell = "gru", .reset_after = 1, .num_layers = 2, .reverse = 1, SIZES}, 1, 0},
    {"gru_both",
     {.cell = "gru", .reset_after = 1, .num_layers = 2, .bidirectional = 1, .batch_first = 1, SIZES},
     0,
     0},
};

static const int32_t ragged[B] = {4, 1, 3};

/* Parameters and states of a drawn network, as a file has them; sq_foreign_free frees it. */
static sq_foreign foreign_of(const net *n, const row *r) {
  seqgpu_context *ctx = n->ctx;
  const int count = seqgpu_plan_param_count(n->plan);
  sq_foreign f = {.net_count = 1, .nets = sq_host_alloc(ctx, sizeof *f.nets)};
  sq_foreign_net *out = f.nets;
  out->desc = n->desc;
  snprintf(out->name, sizeof out->name, "%s", r->name);
  out->tensors = sq_host_alloc(ctx, (size_t)count * sizeof *out->tensors);
  out->states = sq_host_alloc(ctx, 2 * sizeof *out->states);
  for (int i = 0; i < count; i++) {
    seqgpu_param_info p;
    sq_foreign_tensor *t = &out->tensors[out->tensor_count++];
    net_require(ctx, seqgpu_plan_param_get(ctx, n->plan, i, &p), "seqgpu_plan_param_get");
    memcpy(t->name, p.name, sizeof t->name);
    t->rows = p.rows;
    t->cols = p.cols;
    t->value = sq_host_alloc(ctx, (size_t)(p.rows * p.cols) * sizeof(double));
    memcpy(t->value, n->value[NET_PARAMS] + p.offset, (size_t)(p.rows * p.cols) * sizeof(double));
  }
  for (int k = 0; r->states && k < n->states; k++) {
    sq_foreign_tensor *t = &out->states[out->state_count++];
    snprintf(t->name, sizeof t->name, "%c", "hc"[k]);
    t->rows = n->desc.num_layers * (n->desc.bidirectional ? 2 : 1);
    t->cols = r->states == 2 ? H : n->count[NET_H0 + k] / t->rows;
    t->value = sq_host_alloc(ctx, (size_t)(t->rows * t->cols) * sizeof(double));
    for (int64_t i = 0; i < t->rows; i++)
      memcpy(t->value + i * t->cols, n->value[NET_H0 + k] + i * B * H, (size_t)t->cols * sizeof(double));
  }
  return f;
}

/* In float32's numbers, since the file is of float32. */
static int open_drawn(net *n, seqgpu_context *ctx, const row *r) {
  if (!net_open(n, ctx, &r->desc, r->ragged ? ragged : NULL)) return 0;
  net_fill(n);
  net_round_inputs(n);
  for (int k = 0; r->states == 2 && k < n->states; k++) /* all sequences begin alike */
    for (int64_t i = 0; i < n->count[NET_H0 + k]; i++)
      n->value[NET_H0 + k][i] = n->value[NET_H0 + k][i / (B * H) * B * H + i % H];
  return 1;
}

/* ---------------------------------------------------------------- there and back */

static int same_tensors(const sq_foreign_tensor *a, sq_foreign_tensor *b, int count) {
  int same = 1;
  for (int i = 0; i < count; i++) {
    const sq_foreign_tensor *t = sq_foreign_find(b, count, a[i].name);
    same &= t && t->rows == a[i].rows && t->cols == a[i].cols &&
            memcmp(t->value, a[i].value, (size_t)(t->rows * t->cols) * sizeof(double)) == 0;
  }
  return same;
}

static int same_options(const seqgpu_rnn_desc *a, const seqgpu_rnn_desc *b) {
  return strcmp(a->cell, b->cell) == 0 && a->input_size == b->input_size &&
         a->hidden_size == b->hidden_size && a->num_layers == b->num_layers &&
         a->bidirectional == b->bidirectional && a->reverse == b->reverse && a->activation == b->activation &&
         a->peephole == b->peephole && a->coupled == b->coupled && a->reset_after == b->reset_after;
}

static void check_back(seqgpu_context *ctx, const row *r, const char *path, const sq_foreign_net *ours) {
  sq_foreign f = {0};
  const seqgpu_status status = sq_format_onnx.read(ctx, path, &f);
  if (!check_record(status == SEQGPU_OK, seqgpu_last_error(ctx), "%s, is read back", r->name)) return;
  const int lstm0 = strcmp(ours->desc.cell, "lstm0") == 0; /* an LSTM of the format has a forget gate */
  if (CHECK(f.net_count == 1, "%s, comes back as one network", r->name) && !lstm0) {
    const sq_foreign_net *back = &f.nets[0];
    CHECK(same_options(&back->desc, &ours->desc), "%s, has its options back", r->name);
    CHECK(back->tensor_count == ours->tensor_count &&
              same_tensors(ours->tensors, back->tensors, ours->tensor_count),
          "%s, has its parameters back", r->name);
    CHECK(back->state_count == ours->state_count &&
              same_tensors(ours->states, back->states, ours->state_count),
          "%s, has its states back", r->name);
  }
  sq_foreign_free(ctx, &f);
}

static void check_row(seqgpu_context *ctx, const row *r, const char *folder) {
  char path[PATH_SIZE];
  net n;
  if (!open_drawn(&n, ctx, r)) return;
  sq_foreign f = foreign_of(&n, r);
  snprintf(path, sizeof path, "%s/%s.onnx", folder, r->name);
  const seqgpu_status status = sq_format_onnx.write(ctx, path, &f.nets[0]);
  if (check_record(status == SEQGPU_OK, seqgpu_last_error(ctx), "%s, is written", r->name))
    check_back(ctx, r, path, &f.nets[0]);
  remove(path);
  sq_foreign_free(ctx, &f);
  net_close(&n);
}

/* ---------------------------------------------------------------- refusals */

static void check_refusals(seqgpu_context *ctx, const char *folder) {
  char path[PATH_SIZE], nowhere[PATH_SIZE];
  net n;
  snprintf(path, sizeof path, "%s/refused.onnx", folder);
  snprintf(nowhere, sizeof nowhere, "%s/nowhere/m.onnx", folder);
  if (!open_drawn(&n, ctx, &rows[0])) return;
  sq_foreign f = foreign_of(&n, &rows[0]);
  sq_foreign_net *one = &f.nets[0];
  REFUSED(ctx, EIO, "nowhere", sq_format_onnx.write(ctx, nowhere, one));
  REFUSED(ctx, EIO, "regular", sq_format_onnx.write(ctx, folder, one));
  one->desc.cell = "scrn";
  REFUSED(ctx, EUNSUPPORTED, "scrn", sq_format_onnx.write(ctx, path, one));
  one->desc.cell = "lstm";
  REFUSED(ctx, EINVAL, "weight_ih_l0", sq_format_onnx.write(ctx, path, one));
  one->desc.projection_size = 2;
  REFUSED(ctx, EUNSUPPORTED, "projection_size", sq_format_onnx.write(ctx, path, one));
  one->desc = n.desc;
  one->tensor_count--;
  REFUSED(ctx, EINVAL, "weight_hh_l0", sq_format_onnx.write(ctx, path, one));
  one->tensor_count++;
  one->tensors[0].value[1] = 1e300;
  REFUSED(ctx, EUNSUPPORTED, "W_l0", sq_format_onnx.write(ctx, path, one));
  one->tensors[0].value[1] = (double)NAN;
  REFUSED(ctx, EUNSUPPORTED, "W_l0", sq_format_onnx.write(ctx, path, one));
  CHECK(access(path, F_OK) != 0, "refused: nothing is left of a file that was not written");
  sq_foreign_free(ctx, &f);
  net_close(&n);
}

/* Each parameter of a network in turn is missing, and has another size. */
static void check_missing(seqgpu_context *ctx, const row *r, const char *path) {
  net n;
  if (!open_drawn(&n, ctx, r)) return;
  sq_foreign f = foreign_of(&n, r);
  sq_foreign_net *one = &f.nets[0];
  int named = 1;
  for (int i = 0; i < one->tensor_count; i++) {
    sq_foreign_tensor *t = &one->tensors[i];
    char name[sizeof t->name];
    strcpy(name, t->name);
    for (int fault = 0; fault < 3; fault++) {
      t->name[0] = fault == 0 ? '?' : name[0];
      t->rows += fault == 1;
      t->cols += fault == 2;
      named &= sq_format_onnx.write(ctx, path, one) == SEQGPU_EINVAL &&
               strstr(seqgpu_last_error(ctx), name) != NULL;
      t->rows -= fault == 1;
      t->cols -= fault == 2;
    }
  }
  CHECK(named && access(path, F_OK) != 0, "%s, each parameter that is missing, or of another size, is named",
        r->name);
  sq_foreign_free(ctx, &f);
  net_close(&n);
}

/* States that are too few, of other sizes, or of numbers that float32 lacks. */
static void check_states(seqgpu_context *ctx, const row *r, const char *path) {
  net n;
  if (!open_drawn(&n, ctx, r)) return;
  sq_foreign f = foreign_of(&n, r);
  sq_foreign_net *one = &f.nets[0];
  one->state_count--;
  REFUSED(ctx, EINVAL, "initial states; it must have", sq_format_onnx.write(ctx, path, one));
  one->state_count++;
  one->states[1].rows++;
  REFUSED(ctx, EINVAL, "initial state 1 is", sq_format_onnx.write(ctx, path, one));
  one->states[1].rows--;
  one->states[1].cols++;
  REFUSED(ctx, EINVAL, "initial state 1 is", sq_format_onnx.write(ctx, path, one));
  one->states[1].cols--;
  const int64_t cols = one->states[0].cols;
  one->states[0].cols = one->states[1].cols = H - 1;
  REFUSED(ctx, EINVAL, "initial state 0 is", sq_format_onnx.write(ctx, path, one));
  one->states[0].cols = one->states[1].cols = cols;
  one->states[1].value[0] = 1e300;
  REFUSED(ctx, EUNSUPPORTED, "which float32 cannot hold", sq_format_onnx.write(ctx, path, one));
  one->states[1].value[0] = 0;
  one->tensors[0].rows = one->tensors[0].cols = 1 << 20;
  REFUSED(ctx, EUNSUPPORTED, "a model file holds 2.1e9 at most", sq_format_onnx.write(ctx, path, one));
  sq_foreign_free(ctx, &f);
  net_close(&n);
}

static const row *present; /* the row that runs */

static seqgpu_status write_present(seqgpu_context *c) {
  seqgpu_context *plain = net_context("cpu", SEQGPU_DTYPE_F64, 1);
  char path[PATH_SIZE];
  net n;
  snprintf(path, sizeof path, "/tmp/seqgpu-onnx-write-%ld.onnx", (long)getpid());
  if (!open_drawn(&n, plain, present)) return SEQGPU_EDEVICE;
  sq_foreign f = foreign_of(&n, present);
  f.nets[0].name[0] = 0;
  const seqgpu_status status = sq_format_onnx.write(c, path, &f.nets[0]);
  remove(path);
  sq_foreign_free(plain, &f);
  net_close(&n);
  seqgpu_context_destroy(plain);
  return status;
}

static void check_failures(seqgpu_context *ctx, const char *folder) {
  static const char *const names[] = {"lstm_peephole", "lstm_both_stack", "lstm_one_state", "gru_after"};
  char path[PATH_SIZE];
  snprintf(path, sizeof path, "%s/refused.onnx", folder);
  for (size_t i = 0; i < COUNT(rows); i++) {
    check_missing(ctx, &rows[i], path);
    if (rows[i].states && strcmp(rows[i].desc.cell, "lstm") == 0) check_states(ctx, &rows[i], path);
    for (size_t k = 0; k < COUNT(names); k++) {
      present = &rows[i];
      if (strcmp(rows[i].name, names[k]) == 0) failing_each("cpu", write_present, 0);
    }
  }
}

/* ---------------------------------------------------------------- for another program to compare */

static void put_record(FILE *file, const char *test, const char *name, const int64_t *dims, int rank,
                       const double *values) {
  char full[128];
  const uint32_t length = (uint32_t)snprintf(full, sizeof full, "%s/%s", test, name), ndim = (uint32_t)rank;
  size_t count = 1;
  for (int i = 0; i < rank; i++) count *= (size_t)dims[i];
  fwrite(&length, sizeof length, 1, file);
  fwrite(full, 1, length, file);
  fwrite(&ndim, sizeof ndim, 1, file);
  fwrite(dims, sizeof *dims, (size_t)rank, file);
  fwrite(values, sizeof *values, count, file);
}

static void put_vectors(FILE *file, net *n, const row *r) {
  const int first = r->desc.batch_first;
  const int64_t layers = n->desc.num_layers * (n->desc.bidirectional ? 2 : 1);
  const int64_t width = n->count[NET_Y] / (T * B), state[3] = {layers, B, H};
  const int64_t x[3] = {first ? B : T, first ? T : B, I}, y[3] = {x[0], x[1], width};
  double lengths[B];
  net_forward(n);
  put_record(file, r->name, "x", x, 3, n->value[NET_X]);
  put_record(file, r->name, "y", y, 3, n->value[NET_Y]);
  for (int k = 0; k < n->states; k++) {
    if (!r->states) put_record(file, r->name, k ? "c0" : "h0", state, 3, n->value[NET_H0 + k]);
    put_record(file, r->name, k ? "cn" : "hn", state, 3, n->value[NET_HT + k]);
  }
  for (int b = 0; b < B; b++) lengths[b] = ragged[b];
  if (r->ragged) put_record(file, r->name, "sequence_lens", (const int64_t[]){B}, 1, lengths);
}

static void write_into(seqgpu_context *ctx, const char *folder) {
  char path[PATH_SIZE];
  snprintf(path, sizeof path, "%s/vectors.bin", folder);
  FILE *file = fopen(path, "wb");
  if (!CHECK(file != NULL, "%s is made", path)) return;
  fputs("SQGOLD1\n", file);
  for (size_t i = 0; i < COUNT(rows); i++) {
    net n;
    if (!open_drawn(&n, ctx, &rows[i])) continue;
    sq_foreign f = foreign_of(&n, &rows[i]);
    snprintf(path, sizeof path, "%s/%s.onnx", folder, rows[i].name);
    net_require(ctx, sq_format_onnx.write(ctx, path, &f.nets[0]), "write");
    put_vectors(file, &n, &rows[i]);
    sq_foreign_free(ctx, &f);
    net_close(&n);
  }
  CHECK(fclose(file) == 0, "%d files are written", (int)COUNT(rows));
}

int main(int argc, char **argv) {
  char folder[] = "/tmp/seqgpu-onnx-XXXXXX";
  check_start();
  seqgpu_context *ctx = net_context("cpu", SEQGPU_DTYPE_F64, 1);
  if (argc == 3 && strcmp(argv[1], "--into") == 0) {
    write_into(ctx, argv[2]);
  } else if (CHECK(mkdtemp(folder) != NULL, "a folder for the files")) {
    for (size_t i = 0; i < COUNT(rows); i++) check_row(ctx, &rows[i], folder);
    check_refusals(ctx, folder);
    check_failures(ctx, folder);
    CHECK(rmdir(folder) == 0, "no other file is left behind");
  }
  seqgpu_context_destroy(ctx);
  return check_finish();
}
