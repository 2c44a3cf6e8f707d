/* test_fails.c - networks, operators, parameters, reservoirs and plans where memory is refused or the device
 * fails, at each request and each call in turn: a status, a sentence, nothing leaks.
 *
 * The tape is in test_tape_fails.c, files are with their formats.
 */
#include "host/planner/measure.h"
#include "tests/breaking.h"
#include "tests/refused.h"

/* Device memory of n elements, counted by the context. */
static seqgpu_status take(seqgpu_context *ctx, int64_t n, void **out) {
  return seqgpu_malloc(ctx, (size_t)n * seqgpu_dtype_size(seqgpu_context_dtype(ctx)), out);
}

/* ---------------------------------------------------------------- networks */

static const seqgpu_rnn_desc nets[] = {
    {.cell = "lstm", .num_layers = 2, .bidirectional = 1, .dropout = 0.3, .batch_first = 1},
    {.cell = "gru", .num_layers = 2, .bidirectional = 1, .merge = SEQGPU_MERGE_SUM},
    {.cell = "rnn", .num_layers = 2, .inference = 1, .batch_first = 1},
};
static size_t present; /* the row that runs */

/* Forward, and where it trains backward and a look inside; one sequence is short. */
static seqgpu_status run_network(seqgpu_context *ctx) {
  static const int32_t lengths[2] = {3, 2};
  seqgpu_rnn_desc desc = nets[present];
  seqgpu_plan *plan = NULL;
  seqgpu_rnn_run run = {.memory = NULL};
  double inside[64];
  int64_t width;
  desc.input_size = desc.hidden_size = 2;
  desc.seq_len = 3;
  desc.batch = 2;
  seqgpu_status status = seqgpu_plan_create(ctx, &desc, NULL, &plan);
  if (status == SEQGPU_OK) status = seqgpu_run_allocate(ctx, plan, &run);
  if (status == SEQGPU_OK && ctx->backend == &breaking_backend) breaking_plan(plan);
  run.lengths = lengths;
  if (status == SEQGPU_OK) status = seqgpu_rnn_forward(ctx, plan, &run);
  if (status == SEQGPU_OK && !desc.inference) status = seqgpu_rnn_backward(ctx, plan, &run);
  if (status == SEQGPU_OK && !desc.inference)
    status = seqgpu_rnn_inspect(ctx, plan, &run, 0, 0, "h", inside, &width);
  seqgpu_run_release(ctx, &run);
  seqgpu_plan_destroy(plan);
  return status;
}

/* ---------------------------------------------------------------- operators */

/* Each operator of seqgpu/ops.h, on memory that is large enough for all of them. */
static seqgpu_status use_operators(seqgpu_context *ctx) {
  static const int32_t ids[3] = {0, 1, 0};
  void *m = NULL;
  seqgpu_status status = take(ctx, 4096, &m);
  char *at[8];
  for (int i = 0; i < 8; i++) at[i] = (char *)m + i * 512 * (int)ctx->element_size;
  if (status == SEQGPU_OK) status = seqgpu_zero(ctx, m, 4096 * ctx->element_size);
  if (status == SEQGPU_OK) status = seqgpu_linear_forward(ctx, 3, 2, 4, at[0], at[1], at[2], at[3]);
  if (status == SEQGPU_OK)
    status = seqgpu_linear_backward(ctx, 3, 2, 4, at[0], at[1], at[3], at[4], at[5], at[6]);
  if (status == SEQGPU_OK) status = seqgpu_embedding_forward(ctx, 3, 2, 2, ids, at[0], at[1]);
  if (status == SEQGPU_OK) status = seqgpu_embedding_backward(ctx, 3, 2, 2, ids, at[1], at[2]);
  if (status == SEQGPU_OK)
    status = seqgpu_cross_entropy_forward(ctx, 3, 2, 1, 1, at[0], ids, at[1], at[2], at[3]);
  if (status == SEQGPU_OK)
    status = seqgpu_cross_entropy_backward(ctx, 3, 2, 1, 1, at[0], ids, at[1], at[3], at[4]);
  if (status == SEQGPU_OK)
    status = seqgpu_squared_error_forward(ctx, 3, 2, 1, 1, at[0], at[1], NULL, at[2], at[3]);
  if (status == SEQGPU_OK)
    status = seqgpu_squared_error_backward(ctx, 3, 2, 1, 1, at[0], at[1], NULL, at[3], at[4]);
  if (status == SEQGPU_OK) status = seqgpu_dropout(ctx, 8, 0.5, 1, 2, at[0], at[1]);
  if (status == SEQGPU_OK) status = seqgpu_copy(ctx, at[1], at[0], 64);
  seqgpu_free(ctx, m);
  return status;
}

/* ---------------------------------------------------------------- parameters */

static seqgpu_status use_parameters(seqgpu_context *ctx) {
  const seqgpu_rnn_desc desc = {.cell = "gru",
                                .input_size = 2,
                                .hidden_size = 2,
                                .seq_len = 1,
                                .batch = 1,
                                .reset_after = 1,
                                .bidirectional = 1};
  const seqgpu_optimizer adam = {.kind = SEQGPU_OPTIMIZER_ADAM, .lr = 0.1, .clip = SEQGPU_CLIP_AUTO};
  seqgpu_plan *plan = NULL;
  seqgpu_params *p = NULL;
  double norm;
  seqgpu_status status = seqgpu_plan_create(ctx, &desc, NULL, &plan);
  if (status == SEQGPU_OK) status = seqgpu_params_create(ctx, 1, &p);
  if (status == SEQGPU_OK) status = seqgpu_params_add(p, "square", 2, 2, "orthogonal", 1, NULL);
  if (status == SEQGPU_OK) status = seqgpu_params_orthogonal(p, "square");
  if (status == SEQGPU_OK) status = seqgpu_params_orthogonal(p, "square"); /* drawn again */
  if (status == SEQGPU_OK) status = seqgpu_params_add_rnn(p, "rnn", plan, NULL);
  if (status == SEQGPU_OK) status = seqgpu_params_init_rnn(p, "rnn", plan, "careful", 0);
  if (status == SEQGPU_OK) status = seqgpu_params_set_gate_bias(p, "rnn", plan, "u", 1);
  if (status == SEQGPU_OK) status = seqgpu_params_split_biases(p, "rnn");
  if (status == SEQGPU_OK) status = seqgpu_params_init(p, "square", "np", 1);
  if (status == SEQGPU_OK) status = seqgpu_params_reserve(p, SEQGPU_OPTIMIZER_ADAM);
  if (status == SEQGPU_OK) status = seqgpu_params_add(p, "late", 2, 1, "zeros", 0, NULL); /* with moments */
  if (status == SEQGPU_OK) status = seqgpu_params_zero_grad(p);
  if (status == SEQGPU_OK) status = seqgpu_params_update(p, &adam);
  if (status == SEQGPU_OK) status = seqgpu_params_grad_norm(p, &norm, NULL);
  seqgpu_params_destroy(p);
  seqgpu_plan_destroy(plan);
  return status;
}

/* ---------------------------------------------------------------- reservoirs */

static seqgpu_status use_reservoir(seqgpu_context *ctx) {
  const seqgpu_esn_desc desc = {.input_size = 1,
                                .output_size = 1,
                                .hidden_size = 4,
                                .feedback = 1,
                                .squares = 1,
                                .leak = 0.5,
                                .links = 2,
                                .seq_len = 700};
  static double u[800], d[800], y[800];
  double h[4];
  seqgpu_params *p = NULL;
  seqgpu_esn *esn = NULL;
  for (int t = 0; t < 800; t++) d[t] = sin(0.3 * t) + (u[t] = cos(0.7 * t) * 0.5);
  seqgpu_status status = seqgpu_params_create(ctx, 1, &p);
  if (status == SEQGPU_OK) status = seqgpu_esn_create(p, "esn", &desc, &esn);
  if (status == SEQGPU_OK) status = seqgpu_esn_train(esn, 800, u, d, 10);
  if (status == SEQGPU_OK) status = seqgpu_esn_solve(esn, 1e-3);
  if (status == SEQGPU_OK) status = seqgpu_esn_reset(esn, 1);
  if (status == SEQGPU_OK) status = seqgpu_esn_run(esn, 3, u, NULL, y);
  if (status == SEQGPU_OK) status = seqgpu_esn_run(esn, 3, u, d, NULL);
  if (status == SEQGPU_OK) status = seqgpu_esn_state(esn, h);
  seqgpu_esn_destroy(esn);
  seqgpu_params_destroy(p);
  return status;
}

/* ---------------------------------------------------------------- measuring */

static seqgpu_status measure(seqgpu_context *ctx) {
  const seqgpu_rnn_desc desc = {
      .cell = "lstm", .input_size = 60, .hidden_size = 8, .seq_len = 20, .batch = 4};
  seqgpu_plan *plan = NULL;
  double microseconds = 0;
  seqgpu_status status = seqgpu_plan_create(ctx, &desc, NULL, &plan);
  if (status == SEQGPU_OK && ctx->backend == &breaking_backend) breaking_plan(plan);
  if (status == SEQGPU_OK) status = sq_plan_time(ctx, plan, &microseconds);
  seqgpu_plan_destroy(plan);
  return status;
}

/* ---------------------------------------------------------------- all of them */

static const struct {
  const char *name;
  seqgpu_status (*run)(seqgpu_context *ctx);
  int rows; /* of nets[], each one after the other */
} scenarios[] = {
    {"network", run_network, (int)COUNT(nets)},
    {"operators", use_operators, 1},
    {"parameters", use_parameters, 1},
    {"reservoir", use_reservoir, 1},
};

/* Times are taken until they suffice, so that nobody knows how many calls there are: one of the first 60
 * fails, unless there were fewer. */
static void check_measuring(void) {
  int right = 1;
  failing_each("cpu", measure, 0);
  for (long n = 0; n < 60; n++) {
    seqgpu_context *ctx = NULL;
    const seqgpu_context_options options = {.device = "cpu", .threads = 1};
    breaking_now = (breaking){.break_at = n, .memory = {.fail_at = -1}};
    seqgpu_context_create(&options, &ctx);
    breaking_begin(ctx);
    const seqgpu_status status = measure(ctx);
    if (breaking_now.calls > n)
      right &= status == SEQGPU_EDEVICE || status == SEQGPU_ENOMEM;
    else
      right &= status == SEQGPU_OK;
    breaking_end(ctx);
    seqgpu_context_destroy(ctx);
    right &= breaking_now.memory.live == 0;
  }
  CHECK(right, "measuring, the first calls of the device fail: a status, no leak");
}

int main(void) {
  check_start();
  for (size_t i = 0; i < COUNT(scenarios); i++)
    for (present = 0; present < (size_t)scenarios[i].rows; present++) {
      char name[64];
      snprintf(name, sizeof name, "%s %zu", scenarios[i].name, present);
      failing_each("cpu", scenarios[i].run, 0);
      breaking_each(name, SEQGPU_DTYPE_F32, scenarios[i].run);
      breaking_each(name, SEQGPU_DTYPE_F64, scenarios[i].run);
    }
  check_measuring();
  return check_finish();
}
