/* test_split.c - training that follows PyTorch, whose layers have two biases (seqgpu_params_split_biases).
 *
 * goldens/exchange/train.safetensors has the weights before 20 updates and expected.npz the output after
 * them, by PyTorch's own optimisers (make_exchange.py).
 */
#define _POSIX_C_SOURCE 200809L

#include "seqgpu/seqgpu.h"
#include <unistd.h>

#include "tests/check.h"
#include "tests/failing.h"
#include "tests/refused.h"

enum { T = 5, B = 2, I = 2, UPDATES = 20, MOST = T * B * 8 };
static seqgpu_context *ctx;
static seqgpu_npy *expected;

typedef struct golden {
  const char *name;
  seqgpu_rnn_desc desc;
  seqgpu_optimizer optimizer;
} golden;

#define CLIP .clip = SEQGPU_CLIP_NORM, .clip_threshold = 2
static const golden goldens[] = {
    {"lstm",
     {.cell = "lstm",
      .input_size = I,
      .hidden_size = 3,
      .num_layers = 2,
      .bidirectional = 1,
      .seq_len = T,
      .batch = B},
     {.kind = SEQGPU_OPTIMIZER_ADAM, .lr = .03, .weight_decay = .01, CLIP}},
    {"gru",
     {.cell = "gru",
      .input_size = I,
      .hidden_size = 3,
      .num_layers = 2,
      .reset_after = 1,
      .seq_len = T,
      .batch = B},
     {.kind = SEQGPU_OPTIMIZER_MOMENTUM,
      .lr = .05,
      .momentum = .9,
      .nesterov = 1,
      .weight_decay = .01,
      CLIP}},
    {"rnn",
     {.cell = "rnn", .input_size = I, .hidden_size = 3, .seq_len = T, .batch = B},
     {.kind = SEQGPU_OPTIMIZER_SGD, .lr = .1, CLIP}},
};

static void expect(const char *network, const char *what, double *out) {
  char name[64];
  snprintf(name, sizeof name, "train/%s/%s", network, what);
  CHECK(seqgpu_npy_read(expected, seqgpu_npy_find(expected, name), out) == SEQGPU_OK, "%s", name);
}

/* ---------------------------------------------------------------- training */

static seqgpu_status load(seqgpu_context *c, const char *path, seqgpu_params *params, int resume) {
  seqgpu_checkpoint *file;
  seqgpu_status status = seqgpu_checkpoint_open(c, path, &file);
  if (status == SEQGPU_OK) status = seqgpu_checkpoint_load(file, params, resume);
  seqgpu_checkpoint_close(file);
  return status;
}

/* A network with PyTorch's weights, whose biases are two. */
static seqgpu_status make(seqgpu_context *c, const golden *g, int split, seqgpu_plan **plan,
                          seqgpu_params **params, seqgpu_param *net) {
  seqgpu_status status = seqgpu_plan_create(c, &g->desc, NULL, plan);
  if (status == SEQGPU_OK) status = seqgpu_params_create(c, 1, params);
  if (status == SEQGPU_OK) status = seqgpu_params_add_rnn(*params, g->name, *plan, net);
  if (status == SEQGPU_OK && split) status = seqgpu_params_split_biases(*params, g->name);
  return status;
}

/* `updates` steps on the loss sum(dy * y), and the output after them. */
static seqgpu_status train(const golden *g, const seqgpu_plan *plan, seqgpu_params *params,
                           const seqgpu_param *net, int updates, double *y) {
  const seqgpu_plan_sizes sizes = seqgpu_plan_get_sizes(plan);
  double x[MOST], dy[MOST];
  seqgpu_rnn_run run;
  expect(g->name, "x", x);
  expect(g->name, "dy", dy);
  seqgpu_status status = seqgpu_run_allocate(ctx, plan, &run);
  if (status != SEQGPU_OK) return status;
  memcpy((void *)run.x, x, sizes.x);
  memcpy((void *)run.dy, dy, sizes.y);
  run.initial[0] = run.initial[1] = NULL; /* every run begins at zero */
  run.params = net->value;
  run.dparams = net->grad;
  for (int i = 0; i < updates && status == SEQGPU_OK; i++) {
    status = seqgpu_params_zero_grad(params);
    if (status == SEQGPU_OK) status = seqgpu_rnn_forward(ctx, plan, &run);
    if (status == SEQGPU_OK) status = seqgpu_rnn_backward(ctx, plan, &run);
    if (status == SEQGPU_OK) status = seqgpu_params_update(params, &g->optimizer);
  }
  if (status == SEQGPU_OK) status = seqgpu_rnn_forward(ctx, plan, &run);
  if (status == SEQGPU_OK) memcpy(y, run.y, sizes.y);
  seqgpu_run_release(ctx, &run);
  return status;
}

/* How far 20 updates are from PyTorch's. */
static double error_of(const golden *g, int split) {
  seqgpu_plan *plan = NULL;
  seqgpu_params *params = NULL;
  seqgpu_param net;
  double y[MOST], theirs[MOST], error = (double)NAN;
  expect(g->name, "y", theirs);
  if (make(ctx, g, split, &plan, &params, &net) == SEQGPU_OK &&
      load(ctx, "goldens/exchange/train.safetensors", params, 0) == SEQGPU_OK &&
      train(g, plan, params, &net, UPDATES, y) == SEQGPU_OK)
    error = check_norm_f64(y, theirs, T * B * seqgpu_plan_get_sizes(plan).output_width);
  if (isnan(error)) printf("# %s\n", seqgpu_last_error(ctx));
  seqgpu_params_destroy(params);
  seqgpu_plan_destroy(plan);
  return error;
}

static void test_follows(void) {
  for (size_t i = 0; i < COUNT(goldens); i++) {
    const golden *g = &goldens[i];
    check_error(error_of(g, 1), 1e-9, "%s, 20 updates of two biases are PyTorch's", g->name);
    CHECK(error_of(g, 0) > 1e-4, "%s, 20 updates of one bias are not", g->name);
  }
}

/* ---------------------------------------------------------------- checkpoints */

static void test_checkpoint(const char *path) {
  const golden *g = &goldens[1];
  seqgpu_plan *plan = NULL, *again = NULL;
  seqgpu_params *whole = NULL, *half = NULL, *rest = NULL;
  seqgpu_param a, b, c, part;
  double straight[MOST], resumed[MOST], ignored[MOST];
  if (!CHECK(make(ctx, g, 1, &plan, &whole, &a) == SEQGPU_OK &&
                 make(ctx, g, 1, &again, &half, &b) == SEQGPU_OK,
             "networks"))
    return;
  seqgpu_plan_destroy(again);
  if (!CHECK(make(ctx, g, 1, &again, &rest, &c) == SEQGPU_OK, "a third network")) return;
  CHECK(train(g, plan, whole, &a, 10, straight) == SEQGPU_OK &&
            train(g, plan, half, &b, 6, ignored) == SEQGPU_OK &&
            seqgpu_checkpoint_save(half, path, NULL, 0) == SEQGPU_OK &&
            load(ctx, path, rest, 1) == SEQGPU_OK && train(g, again, rest, &c, 4, resumed) == SEQGPU_OK,
        "saved after 6 updates, and resumed");
  CHECK(memcmp(straight, resumed, (size_t)(T * B * 3) * sizeof(double)) == 0, "resumed, the same bits");
  seqgpu_checkpoint *file = NULL;
  seqgpu_tensor_info info;
  int parts = 0;
  CHECK(seqgpu_checkpoint_open(ctx, path, &file) == SEQGPU_OK, "it opens");
  for (int i = 0; i < seqgpu_checkpoint_tensor_count(file); i++)
    if (seqgpu_checkpoint_tensor_get(file, i, &info) == SEQGPU_OK)
      parts += strcmp(info.name, "gru.bias_hh_l1") == 0 || strcmp(info.name, "gru.bias_ih_l1") == 0 ||
               strstr(info.name, "bias_l") != NULL || strstr(info.name, "bias_rec") != NULL;
  CHECK(parts == 2, "the file has the two biases under PyTorch's names, and no sum");
  seqgpu_checkpoint_close(file);
  CHECK(seqgpu_params_find(rest, "gru.bias_hh_l0", &part) == SEQGPU_OK && part.rows == 9 && part.grad != NULL,
        "the second bias is a trained tensor");
  seqgpu_params_destroy(whole);
  seqgpu_params_destroy(half);
  seqgpu_params_destroy(rest);
  seqgpu_plan_destroy(plan);
  seqgpu_plan_destroy(again);
  unlink(path);
}

/* ---------------------------------------------------------------- refused, and memory */

static void test_refused(void) {
  seqgpu_plan *plan = NULL;
  seqgpu_params *params = NULL;
  seqgpu_param net;
  CHECK(make(ctx, &goldens[0], 0, &plan, &params, &net) == SEQGPU_OK, "a network");
  const int64_t once = seqgpu_params_elements(params);
  REFUSED(ctx, EINVAL, "\"other\"", seqgpu_params_split_biases(params, "other"));
  REFUSED(ctx, EINVAL, "lst", seqgpu_params_split_biases(params, "lst"));
  CHECK(seqgpu_params_split_biases(NULL, "lstm") == SEQGPU_EINVAL, "no params");
  ACCEPTED(ctx, seqgpu_params_split_biases(params, "lstm"));
  REFUSED(ctx, EINVAL, "already", seqgpu_params_split_biases(params, "lstm"));
  CHECK(seqgpu_params_elements(params) == once + 4 * 12, "as many trained numbers as PyTorch has");
  seqgpu_params_destroy(params);
  seqgpu_plan_destroy(plan);
}

static seqgpu_status split_and_update(seqgpu_context *c) {
  seqgpu_plan *plan = NULL;
  seqgpu_params *params = NULL;
  seqgpu_param net;
  seqgpu_status status = make(c, &goldens[1], 1, &plan, &params, &net);
  if (status == SEQGPU_OK) status = seqgpu_params_update(params, &goldens[1].optimizer);
  seqgpu_params_destroy(params);
  seqgpu_plan_destroy(plan);
  return status;
}

int main(void) {
  check_start();
  char path[64];
  snprintf(path, sizeof path, "/tmp/seqgpu-split-%ld.safetensors", (long)getpid());
  const seqgpu_context_options options = {.device = "cpu", .threads = 1, .dtype = SEQGPU_DTYPE_F64};
  if (!CHECK(seqgpu_context_create(&options, &ctx) == SEQGPU_OK &&
                 seqgpu_npy_open(ctx, "goldens/exchange/expected.npz", &expected) == SEQGPU_OK,
             "context and goldens"))
    return check_finish();
  seqgpu_checkpoint *file = NULL;
  if (seqgpu_checkpoint_open(ctx, "goldens/exchange/train.safetensors", &file) == SEQGPU_EUNSUPPORTED) {
    check_skip(seqgpu_last_error(ctx), "training that follows PyTorch");
  } else {
    seqgpu_checkpoint_close(file);
    test_follows();
    test_checkpoint(path);
  }
  test_refused();
  failing_each("cpu", split_and_update, 0);
  seqgpu_npy_close(expected);
  seqgpu_context_destroy(ctx);
  return check_finish();
}
