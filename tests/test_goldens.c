/* test_goldens.c - what PyTorch computed (goldens/make_goldens.py writes goldens.bin and has its format)
 * against this library, through the public API alone: in float64 to 1e-12, in float32 to 1e-5.
 *
 *   test_goldens [goldens.bin]
 */
#include "seqgpu/seqgpu.h"
#include "tests/goldens.h"
#include "tests/net.h"

#ifndef SEQGPU_GOLDENS
#define SEQGPU_GOLDENS "goldens/goldens.bin" /* ctest runs in tests/ */
#endif

/* --- recurrent networks --- */

typedef struct recurrent_row {
  const char *name, *cell; /* in the file, in cells.h */
  seqgpu_rnn_desc desc;
  int32_t lengths[4]; /* first 0: not ragged */
} recurrent_row;

#define SIZES        .seq_len = 6, .batch = 3, .input_size = 5, .hidden_size = 7
#define RAGGED_SIZES .seq_len = 6, .batch = 4, .input_size = 5, .hidden_size = 7
static const recurrent_row recurrent[] = {
    {"rnn_tanh", "rnn tanh", {.cell = "rnn", SIZES}, {0}},
    {"rnn_relu", "rnn relu", {.cell = "rnn", .activation = SEQGPU_ACTIVATION_RELU, SIZES}, {0}},
    {"lstm", "lstm", {.cell = "lstm", SIZES}, {0}},
    {"lstm_projection", "lstm projection", {.cell = "lstm", .projection_size = 4, SIZES}, {0}},
    {"lstm_bidirectional", "lstm", {.cell = "lstm", .bidirectional = 1, SIZES}, {0}},
    {"lstm_projection_2layers_bidirectional",
     "lstm projection",
     {.cell = "lstm", .projection_size = 3, .num_layers = 2, .bidirectional = 1, SIZES},
     {0}},
    {"lstm_ragged_bidirectional", "lstm", {.cell = "lstm", .bidirectional = 1, RAGGED_SIZES}, {3, 6, 1, 4}},
    {"gru", "gru reset_after", {.cell = "gru", .reset_after = 1, SIZES}, {0}},
    {"gru_2layers", "gru reset_after", {.cell = "gru", .reset_after = 1, .num_layers = 2, SIZES}, {0}},
    {"gru_2layers_bidirectional",
     "gru reset_after",
     {.cell = "gru", .reset_after = 1, .num_layers = 2, .bidirectional = 1, SIZES},
     {0}},
    {"gru_ragged", "gru reset_after", {.cell = "gru", .reset_after = 1, RAGGED_SIZES}, {1, 2, 6, 5}},
    {"lstm_nig_noaf",
     "lstm no_input_gate peephole",
     {.cell = "lstm", .no_input_gate = 1, .no_output_activation = 1, RAGGED_SIZES},
     {0}},
    {"lstm_nfg_nog_niaf",
     "lstm no_forget_gate peephole",
     {.cell = "lstm", .no_forget_gate = 1, .no_output_gate = 1, .no_input_activation = 1, RAGGED_SIZES},
     {0}},
    {"lstm_fgr",
     "lstm full_gate_recurrence peephole",
     {.cell = "lstm", .full_gate_recurrence = 1, RAGGED_SIZES},
     {6, 2, 5, 1}},
    {"lstm_fgr_nfg",
     "lstm full_gate_recurrence peephole",
     {.cell = "lstm", .full_gate_recurrence = 1, .no_forget_gate = 1, RAGGED_SIZES},
     {0}},
    {"rnn_layer_norm", "rnn layer_norm", {.cell = "rnn", .layer_norm = 1, RAGGED_SIZES}, {6, 2, 6, 1}},
    {"lstm_layer_norm",
     "lstm layer_norm peephole",
     {.cell = "lstm", .layer_norm = 1, RAGGED_SIZES},
     {6, 2, 6, 1}},
    {"gru_layer_norm", "gru layer_norm", {.cell = "gru", .layer_norm = 1, RAGGED_SIZES}, {0}},
    {"gru_after_layer_norm",
     "gru reset_after layer_norm recurrent_dropout",
     {.cell = "gru", .reset_after = 1, .layer_norm = 1, RAGGED_SIZES},
     {0}},
    {"rnn_batch_norm_input",
     "rnn batch_norm_input",
     {.cell = "rnn", .batch_norm_input = 1, RAGGED_SIZES},
     {6, 2, 6, 1}},
    {"rnn_batch_norm_steps",
     "rnn batch_norm_steps",
     {.cell = "rnn", .batch_norm_steps = 6, RAGGED_SIZES},
     {0}},
    {"lstm_batch_norm_input",
     "lstm batch_norm_input",
     {.cell = "lstm", .batch_norm_input = 1, RAGGED_SIZES},
     {0}},
    {"lstm_batch_norm_steps",
     "lstm batch_norm_steps peephole",
     {.cell = "lstm", .batch_norm_steps = 6, RAGGED_SIZES},
     {6, 6, 6, 4}},
    {"gru_batch_norm_steps",
     "gru batch_norm_steps",
     {.cell = "gru", .batch_norm_steps = 6, RAGGED_SIZES},
     {0}},
    {"gru_after_batch_norm_steps",
     "gru reset_after batch_norm_steps update_dropout",
     {.cell = "gru", .reset_after = 1, .batch_norm_steps = 6, RAGGED_SIZES},
     {0}},
};

/* Our tensors in the order of net_tensor; the parameters are found one by one. */
static const char *const golden_names[NET_TENSORS] = {"x", NULL, "h0", "c0", "q0", "dy",  "dht", "dct", "dqt",
                                                      "y", "ht", "ct", "qt", "dx", "dh0", "dc0", "dq0", NULL};

static void load_tensor(const char *test, const char *name, int64_t count, double *to) {
  const double *from = find(test, name, count);
  if (from) memcpy(to, from, (size_t)count * sizeof(double));
}

/* Parameters, or their gradients ("d NAME"), into the flat buffer. */
static void load_parameters(const net *n, const char *test, const char *prefix, double *flat) {
  seqgpu_param_info p;
  char name[80];
  for (int i = 0; i < seqgpu_plan_param_count(n->plan); i++) {
    net_require(n->ctx, seqgpu_plan_param_get(n->ctx, n->plan, i, &p), "seqgpu_plan_param_get");
    snprintf(name, sizeof name, "%s%s", prefix, p.name);
    load_tensor(test, name, p.rows * p.cols, flat + p.offset);
  }
}

static void load_all(const net *n, const char *test, int first, int last) {
  for (int i = first; i <= last; i++)
    if (golden_names[i] && n->count[i]) load_tensor(test, golden_names[i], n->count[i], n->value[i]);
}

static void check_recurrent(seqgpu_context *ctx, const recurrent_row *row, double tolerance) {
  net ours, theirs;
  char where[64];
  const int32_t *lengths = row->lengths[0] ? row->lengths : NULL;
  if (!net_open(&ours, ctx, &row->desc, lengths)) return;
  net_open(&theirs, ctx, &row->desc, lengths);
  load_all(&ours, row->name, NET_X, NET_DQT);
  load_parameters(&ours, row->name, "", ours.value[NET_PARAMS]);
  load_all(&theirs, row->name, NET_Y, NET_DQ0);
  load_parameters(&theirs, row->name, "d ", theirs.value[NET_DPARAMS]);
  net_forward(&ours);
  net_backward(&ours);
  const double error = net_error(&ours, &theirs, NET_Y, NET_DPARAMS, where);
  net_check(error, tolerance, where, "%s, golden %s", row->cell, row->name);
  net_close(&ours);
  net_close(&theirs);
}

/* --- embedding, linear, cross-entropy --- */

enum { ROWS = 13, VOCAB = 9, DIM = 5 };
static const char *const xent_case = "embedding_xent";

/* Device copy of golden `name`, or zeros. */
static void *device_of(seqgpu_context *ctx, const char *name, int64_t count) {
  const size_t bytes = (size_t)count * seqgpu_dtype_size(seqgpu_context_dtype(ctx));
  void *device = net_alloc(ctx, "embedding_xent", bytes);
  net_require(ctx, seqgpu_zero(ctx, device, bytes), "seqgpu_zero");
  const double *data = name ? find(xent_case, name, count) : NULL;
  if (data) net_upload(ctx, device, data, count);
  return device;
}

static int32_t *ints_of(seqgpu_context *ctx, const char *name) {
  int32_t host[ROWS] = {0};
  const double *data = find(xent_case, name, ROWS);
  for (int i = 0; data && i < ROWS; i++) host[i] = (int32_t)data[i];
  int32_t *device = (int32_t *)net_alloc(ctx, "ids", sizeof host);
  net_require(ctx, seqgpu_copy_in(ctx, device, host, sizeof host), "seqgpu_copy_in");
  return device;
}

typedef struct result {
  const char *op, *name;
  void *device;
  int64_t count;
} result;

static void check_result(seqgpu_context *ctx, const result *r, double tolerance) {
  double out[ROWS * VOCAB + 64];
  const double *ref = find(xent_case, r->name, r->count);
  net_download(ctx, out, r->device, r->count);
  if (ref) check_error(check_norm_f64(out, ref, r->count), tolerance, "%s, golden %s", r->op, r->name);
}

static void check_embedding_xent(seqgpu_context *ctx, double tolerance) {
  int32_t *ids = ints_of(ctx, "ids"), *targets = ints_of(ctx, "targets");
  void *table = device_of(ctx, "table", VOCAB * DIM), *weight = device_of(ctx, "weight", VOCAB * DIM);
  void *bias = device_of(ctx, "bias", VOCAB);
  void *x = device_of(ctx, NULL, ROWS * DIM), *dx = device_of(ctx, NULL, ROWS * DIM);
  void *loss = device_of(ctx, NULL, 2);
  result r[] = {{"gemm", "logits", NULL, ROWS * VOCAB},
                {"xent_forward", "lse", NULL, ROWS},
                {"xent_forward", "row_loss", NULL, ROWS},
                {"xent_backward", "dlogits", NULL, ROWS * VOCAB},
                {"embedding_backward", "dtable", NULL, VOCAB * DIM},
                {"gemm", "dweight", NULL, VOCAB * DIM},
                {"reduce", "dbias", NULL, VOCAB},
                {"xent_forward", "loss", loss, 1}};
  for (size_t i = 0; i + 1 < COUNT(r); i++) r[i].device = device_of(ctx, NULL, r[i].count);
  void *logits = r[0].device, *lse = r[1].device, *dlogits = r[3].device;
  seqgpu_status s[6];
  s[0] = seqgpu_embedding_forward(ctx, ROWS, DIM, VOCAB, ids, table, x);
  s[1] = seqgpu_linear_forward(ctx, ROWS, DIM, VOCAB, x, weight, bias, logits);
  s[2] = seqgpu_cross_entropy_forward(ctx, ROWS, VOCAB, 1, 1.0, logits, targets, lse, r[2].device, loss);
  s[3] = seqgpu_cross_entropy_backward(ctx, ROWS, VOCAB, 1, 1.0, logits, targets, lse, loss, dlogits);
  s[4] = seqgpu_linear_backward(ctx, ROWS, DIM, VOCAB, x, weight, dlogits, dx, r[5].device, r[6].device);
  s[5] = seqgpu_embedding_backward(ctx, ROWS, DIM, VOCAB, ids, dx, r[4].device);
  for (size_t i = 0; i < COUNT(s); i++) net_require(ctx, s[i], "an operator");
  for (size_t i = 0; i < COUNT(r); i++) check_result(ctx, &r[i], tolerance);
  void *others[] = {table, weight, bias, x, dx, loss, ids, targets};
  for (size_t i = 0; i + 1 < COUNT(r); i++) check_free(r[i].device);
  for (size_t i = 0; i < COUNT(others); i++) check_free(others[i]);
}

/* --- optimisers --- */

typedef struct optimizer_row {
  const char *name, *rule; /* in the file, in core/ops.h */
  seqgpu_optimizer optimizer;
} optimizer_row;

static const optimizer_row optimizers[] = {
    {"sgd", "sgd", {.kind = SEQGPU_OPTIMIZER_SGD, .lr = 0.1, .weight_decay = 0.01}},
    {"momentum", "momentum", {.kind = SEQGPU_OPTIMIZER_MOMENTUM, .lr = 0.1, .momentum = 0.8}},
    {"nesterov",
     "momentum nesterov",
     {.kind = SEQGPU_OPTIMIZER_MOMENTUM, .lr = 0.1, .momentum = 0.8, .nesterov = 1}},
    {"rmsprop", "rmsprop", {.kind = SEQGPU_OPTIMIZER_RMSPROP, .lr = 0.01, .decay = 0.95, .eps = 1e-8}},
    {"adam",
     "adam",
     {.kind = SEQGPU_OPTIMIZER_ADAM,
      .lr = 0.01,
      .momentum = 0.9,
      .decay = 0.99,
      .eps = 1e-7,
      .weight_decay = 0.02}},
    {"rmsprop_clipped",
     "rmsprop",
     {.kind = SEQGPU_OPTIMIZER_RMSPROP,
      .lr = 0.01,
      .decay = 0.9,
      .eps = 1e-6,
      .clip = SEQGPU_CLIP_NORM,
      .clip_threshold = 1.5}},
};

static const int64_t tensor_rows[2] = {4, 5}, tensor_cols[2] = {3, 1};

static void upload_golden(seqgpu_context *ctx, const char *test, const char *name, void *device,
                          int64_t count) {
  const double *data = find(test, name, count);
  if (data) net_upload(ctx, device, data, count);
}

/* Update `step`: gradients in, one update, values and norm compared. */
static void check_update(seqgpu_context *ctx, seqgpu_params *params, const optimizer_row *row, int step,
                         double tolerance) {
  char name[32];
  seqgpu_param p[2];
  double norm = 0, scale = 0, out[16], error = 0;
  for (int i = 0; i < 2; i++) {
    net_require(ctx, seqgpu_params_get(params, i, &p[i]), "seqgpu_params_get");
    snprintf(name, sizeof name, "grad%d_%d", i, step);
    upload_golden(ctx, row->name, name, p[i].grad, p[i].rows * p[i].cols);
  }
  net_require(ctx, seqgpu_params_update(params, &row->optimizer), "seqgpu_params_update");
  net_require(ctx, seqgpu_params_grad_norm(params, &norm, &scale), "seqgpu_params_grad_norm");
  for (int i = 0; i < 2; i++) {
    const int64_t count = p[i].rows * p[i].cols;
    snprintf(name, sizeof name, "value%d_%d", i, step);
    const double *ref = find(row->name, name, count);
    net_download(ctx, out, p[i].value, count);
    error = check_worse(error, ref ? check_norm_f64(out, ref, count) : (double)NAN);
  }
  snprintf(name, sizeof name, "norm_%d", step);
  const double *ref = find(row->name, name, 1);
  if (ref && row->optimizer.clip) error = check_worse(error, fabs(norm - *ref) / *ref);
  check_error(error, tolerance, "%s, golden %s, update %d", row->rule, row->name, step + 1);
}

static void check_optimizer(seqgpu_context *ctx, const optimizer_row *row, double tolerance) {
  seqgpu_params *params = NULL;
  char name[32];
  net_require(ctx, seqgpu_params_create(ctx, 1, &params), "seqgpu_params_create");
  if (params == NULL) return;
  for (int i = 0; i < 2; i++) {
    seqgpu_param p = {0};
    snprintf(name, sizeof name, "start%d", i);
    net_require(ctx, seqgpu_params_add(params, name, tensor_rows[i], tensor_cols[i], "zeros", 0, &p),
                "seqgpu_params_add");
    upload_golden(ctx, row->name, name, p.value, p.rows * p.cols);
  }
  for (int step = 0; step < 3; step++) check_update(ctx, params, row, step, tolerance);
  seqgpu_params_destroy(params);
}

int main(int argc, char **argv) {
  const struct {
    seqgpu_dtype dtype;
    double tolerance;
  } precisions[] = {{SEQGPU_DTYPE_F64, 1e-12}, {SEQGPU_DTYPE_F32, 1e-5}};
  const char *path = argc > 1 ? argv[1] : SEQGPU_GOLDENS;
  check_start();
  if (!CHECK(read_goldens(path), "reading %s", path)) return check_finish();
  for (size_t k = 0; k < COUNT(precisions); k++) {
    seqgpu_context *ctx = net_context("cpu", precisions[k].dtype, 1);
    const double tolerance = precisions[k].tolerance;
    check_on(ctx);
    for (size_t i = 0; i < COUNT(recurrent); i++) check_recurrent(ctx, &recurrent[i], tolerance);
    check_embedding_xent(ctx, tolerance);
    for (size_t i = 0; i < COUNT(optimizers); i++) check_optimizer(ctx, &optimizers[i], tolerance);
    seqgpu_context_destroy(ctx);
  }
  free_goldens();
  return check_finish();
}
