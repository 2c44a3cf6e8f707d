/* test_api_operators.c - what the operators do when they are called wrongly: runs of a network, linear
 * layers, embeddings, cross-entropy, dropout.
 */
#include "tests/refused.h"

#define HUGE_COUNT ((int64_t)1 << 40)

/* --- runs --- */

/* Forward, backward and inspect refuse the run for the same reason. */
static void refuse_run(seqgpu_context *ctx, const seqgpu_plan *plan, const seqgpu_rnn_run *run,
                       const char *word, const char *name) {
  char full[128];
  int64_t width;
  for (int call = 0; call < 3; call++) {
    static const char *const calls[3] = {"forward", "backward", "inspect"};
    forget_error(ctx);
    seqgpu_status status = SEQGPU_OK;
    if (call == 0) status = seqgpu_rnn_forward(ctx, plan, run);
    if (call == 1) status = seqgpu_rnn_backward(ctx, plan, run);
    if (call == 2) status = seqgpu_rnn_inspect(ctx, plan, run, 0, 0, "h", NULL, &width);
    snprintf(full, sizeof full, "%s with %s", calls[call], name);
    refused(ctx, status, SEQGPU_EINVAL, word, full);
  }
}

#define REFUSE_FIELD(field, given)                                                                           \
  do {                                                                                                       \
    seqgpu_rnn_run spoiled = *good;                                                                          \
    spoiled.field = (given);                                                                                 \
    refuse_run(ctx, plan, &spoiled, #field, "run: " #field " = " #given);                                    \
  } while (0)

static void check_run_fields(seqgpu_context *ctx, const seqgpu_plan *plan, const seqgpu_rnn_run *good) {
  const int32_t negative[2] = {5, -1}, longer[2] = {6, 5}, whole[2] = {5, 5};
  REFUSE_FIELD(seq_len, -1);
  REFUSE_FIELD(seq_len, 6);
  REFUSE_FIELD(seq_len, INT64_MAX);
  REFUSE_FIELD(batch, -1);
  REFUSE_FIELD(batch, 3);
  REFUSE_FIELD(params, NULL);
  REFUSE_FIELD(workspace, NULL);
  REFUSE_FIELD(x, NULL);
  REFUSE_FIELD(lengths, negative);
  REFUSE_FIELD(lengths, longer);
  REFUSE_FIELD(host_lengths, negative);
  seqgpu_rnn_run bad = *good;
  bad.lengths = whole;
  bad.host_lengths = longer;
  REFUSED(ctx, EINVAL, "host_lengths[0]", seqgpu_rnn_forward(ctx, plan, &bad));
  bad.host_lengths = whole;
  ACCEPTED(ctx, seqgpu_rnn_forward(ctx, plan, &bad));
  bad = *good;
  bad.y = NULL;
  REFUSED(ctx, EINVAL, "run: y", seqgpu_rnn_forward(ctx, plan, &bad));
  bad = *good;
  bad.reserve = NULL;
  REFUSED(ctx, EINVAL, "run: reserve", seqgpu_rnn_backward(ctx, plan, &bad));
}

static void check_inspect(seqgpu_context *ctx, const seqgpu_plan *plan, const seqgpu_rnn_run *run) {
  float out[5 * 2 * 4];
  int64_t width = 0;
  seqgpu_rnn_run no_reserve = *run;
  no_reserve.reserve = NULL;
  REFUSED(ctx, EINVAL, "layer", seqgpu_rnn_inspect(ctx, plan, run, -1, 0, "h", out, &width));
  REFUSED(ctx, EINVAL, "layer", seqgpu_rnn_inspect(ctx, plan, run, 1, 0, "h", out, &width));
  REFUSED(ctx, EINVAL, "direction", seqgpu_rnn_inspect(ctx, plan, run, 0, -1, "h", out, &width));
  REFUSED(ctx, EINVAL, "direction", seqgpu_rnn_inspect(ctx, plan, run, 0, 1, "h", out, &width));
  REFUSED(ctx, EINVAL, "part", seqgpu_rnn_inspect(ctx, plan, run, 0, 0, NULL, out, &width));
  REFUSED(ctx, EINVAL, "part", seqgpu_rnn_inspect(ctx, plan, run, 0, 0, "r", out, &width));
  REFUSED(ctx, EINVAL, "part", seqgpu_rnn_inspect(ctx, plan, run, 0, 0, "", out, &width));
  REFUSED(ctx, EINVAL, "part", seqgpu_rnn_inspect(ctx, plan, run, 0, 0, "i,f", out, &width));
  REFUSED(ctx, EINVAL, "reserve", seqgpu_rnn_inspect(ctx, plan, &no_reserve, 0, 0, "h", out, &width));
  ACCEPTED(ctx, seqgpu_rnn_inspect(ctx, plan, run, 0, 0, "f", out, &width));
  CHECK(width == 4, "width of a gate");
  ACCEPTED(ctx, seqgpu_rnn_inspect(ctx, plan, run, 0, 0, "c", out, NULL));
}

static void check_runs(seqgpu_context *ctx, seqgpu_context *other_type) {
  seqgpu_plan *plan = NULL, *inference = NULL;
  seqgpu_rnn_desc desc = good_desc("lstm");
  ACCEPTED(ctx, seqgpu_plan_create(ctx, &desc, NULL, &plan));
  desc.inference = 1;
  ACCEPTED(ctx, seqgpu_plan_create(ctx, &desc, NULL, &inference));
  void *workspace = check_alloc("workspace", seqgpu_plan_get_sizes(plan).workspace);
  void *reserve = check_alloc("reserve", seqgpu_plan_get_sizes(plan).reserve);
  seqgpu_rnn_run run = good_run(workspace, reserve);
  REFUSED(NULL, EINVAL, "", seqgpu_rnn_forward(NULL, plan, &run));
  REFUSED(NULL, EINVAL, "", seqgpu_rnn_backward(NULL, plan, &run));
  REFUSED(NULL, EINVAL, "", seqgpu_rnn_inspect(NULL, plan, &run, 0, 0, "h", NULL, NULL));
  refuse_run(ctx, NULL, &run, "plan", "plan = NULL");
  refuse_run(ctx, plan, NULL, "run", "run = NULL");
  refuse_run(other_type, plan, &run, "plan", "a context of the other precision");
  refuse_run(ctx, inference, &run, "reserve", "a plan for inference and a reserve");
  CHECK(seqgpu_plan_get_sizes(inference).reserve == 0, "inference keeps no reserve");
  check_run_fields(ctx, plan, &run);
  ACCEPTED(ctx, seqgpu_rnn_forward(ctx, plan, &run));
  ACCEPTED(ctx, seqgpu_rnn_backward(ctx, plan, &run));
  check_inspect(ctx, plan, &run);
  run.x = run.dy = run.dx = run.y = NULL;
  run.seq_len = 0;
  ACCEPTED(ctx, seqgpu_rnn_forward(ctx, plan, &run));
  ACCEPTED(ctx, seqgpu_rnn_backward(ctx, plan, &run));
  run.seq_len = 5;
  run.batch = 0;
  ACCEPTED(ctx, seqgpu_rnn_forward(ctx, plan, &run));
  ACCEPTED(ctx, seqgpu_rnn_backward(ctx, plan, &run));
  check_free(workspace);
  check_free(reserve);
  seqgpu_plan_destroy(inference);
  seqgpu_plan_destroy(plan);
}

/* --- the other operators --- */

static void check_linear(seqgpu_context *c) {
  float *b = buffer;
  REFUSED(NULL, EINVAL, "", seqgpu_linear_forward(NULL, 2, 3, 4, b, b, b, b));
  REFUSED(c, EINVAL, "rows", seqgpu_linear_forward(c, -1, 3, 4, b, b, b, b));
  REFUSED(c, EINVAL, "in", seqgpu_linear_forward(c, 2, 0, 4, b, b, b, b));
  REFUSED(c, EINVAL, "out", seqgpu_linear_forward(c, 2, 3, -4, b, b, b, b));
  REFUSED(c, EINVAL, "rows", seqgpu_linear_forward(c, HUGE_COUNT, HUGE_COUNT, 4, b, b, b, b));
  REFUSED(c, EINVAL, "out", seqgpu_linear_forward(c, 2, HUGE_COUNT, HUGE_COUNT, b, b, b, b));
  REFUSED(c, EINVAL, "rows", seqgpu_linear_forward(c, INT64_MAX, 3, 4, b, b, b, b));
  REFUSED(c, EINVAL, "x is", seqgpu_linear_forward(c, 2, 3, 4, NULL, b, b, b));
  REFUSED(c, EINVAL, "w is", seqgpu_linear_forward(c, 2, 3, 4, b, NULL, b, b));
  REFUSED(c, EINVAL, "y is", seqgpu_linear_forward(c, 2, 3, 4, b, b, NULL, NULL));
  REFUSED(NULL, EINVAL, "", seqgpu_linear_backward(NULL, 2, 3, 4, b, b, b, b, b, b));
  REFUSED(c, EINVAL, "rows", seqgpu_linear_backward(c, INT64_MIN, 3, 4, b, b, b, b, b, b));
  REFUSED(c, EINVAL, "dy is", seqgpu_linear_backward(c, 2, 3, 4, b, b, NULL, b, b, b));
  REFUSED(c, EINVAL, "x is", seqgpu_linear_backward(c, 2, 3, 4, NULL, b, b, NULL, b, NULL));
  REFUSED(c, EINVAL, "w is", seqgpu_linear_backward(c, 2, 3, 4, b, NULL, b, b, NULL, NULL));
  ACCEPTED(c, seqgpu_linear_forward(c, 0, 3, 4, NULL, b, NULL, NULL));
  ACCEPTED(c, seqgpu_linear_backward(c, 0, 3, 4, NULL, b, NULL, NULL, b, b));
}

static void check_embedding(seqgpu_context *c) {
  float *b = buffer;
  const int32_t ids[2] = {0, 1};
  REFUSED(NULL, EINVAL, "", seqgpu_embedding_forward(NULL, 2, 3, 4, ids, b, b));
  REFUSED(c, EINVAL, "rows", seqgpu_embedding_forward(c, -1, 3, 4, ids, b, b));
  REFUSED(c, EINVAL, "dim", seqgpu_embedding_forward(c, 2, 0, 4, ids, b, b));
  REFUSED(c, EINVAL, "vocab", seqgpu_embedding_forward(c, 2, 3, 0, ids, b, b));
  REFUSED(c, EINVAL, "dim", seqgpu_embedding_forward(c, HUGE_COUNT, HUGE_COUNT, 4, ids, b, b));
  REFUSED(c, EINVAL, "ids", seqgpu_embedding_forward(c, 2, 3, 4, NULL, b, b));
  REFUSED(c, EINVAL, "table", seqgpu_embedding_forward(c, 2, 3, 4, ids, NULL, b));
  REFUSED(c, EINVAL, "y is", seqgpu_embedding_forward(c, 2, 3, 4, ids, b, NULL));
  REFUSED(NULL, EINVAL, "", seqgpu_embedding_backward(NULL, 2, 3, 4, ids, b, b));
  REFUSED(c, EINVAL, "vocab", seqgpu_embedding_backward(c, 2, 3, -4, ids, b, b));
  REFUSED(c, EINVAL, "ids", seqgpu_embedding_backward(c, 2, 3, 4, NULL, b, b));
  REFUSED(c, EINVAL, "dy is", seqgpu_embedding_backward(c, 2, 3, 4, ids, NULL, b));
  REFUSED(c, EINVAL, "dtable", seqgpu_embedding_backward(c, 2, 3, 4, ids, b, NULL));
  ACCEPTED(c, seqgpu_embedding_forward(c, 0, 3, 4, NULL, b, NULL));
  ACCEPTED(c, seqgpu_embedding_backward(c, 0, 3, 4, NULL, NULL, b));
}

static void check_cross_entropy(seqgpu_context *c) {
  float *b = buffer;
  const int32_t t[2] = {0, 1};
  REFUSED(NULL, EINVAL, "", seqgpu_cross_entropy_forward(NULL, 2, 3, 1, 1, b, t, b, b, b));
  REFUSED(c, EINVAL, "rows", seqgpu_cross_entropy_forward(c, -2, 3, 1, 1, b, t, b, b, b));
  REFUSED(c, EINVAL, "classes", seqgpu_cross_entropy_forward(c, 2, 0, 1, 1, b, t, b, b, b));
  REFUSED(c, EINVAL, "classes", seqgpu_cross_entropy_forward(c, HUGE_COUNT, HUGE_COUNT, 1, 1, b, t, b, b, b));
  REFUSED(c, EINVAL, "mean", seqgpu_cross_entropy_forward(c, 2, 3, 2, 1, b, t, b, b, b));
  REFUSED(c, EINVAL, "scale", seqgpu_cross_entropy_forward(c, 2, 3, 1, (double)NAN, b, t, b, b, b));
  REFUSED(c, EINVAL, "scale", seqgpu_cross_entropy_forward(c, 2, 3, 1, (double)INFINITY, b, t, b, b, b));
  REFUSED(c, EINVAL, "logits", seqgpu_cross_entropy_forward(c, 2, 3, 1, 1, NULL, t, b, b, b));
  REFUSED(c, EINVAL, "targets", seqgpu_cross_entropy_forward(c, 2, 3, 1, 1, b, NULL, b, b, b));
  REFUSED(c, EINVAL, "lse", seqgpu_cross_entropy_forward(c, 2, 3, 1, 1, b, t, NULL, b, b));
  REFUSED(c, EINVAL, "row_loss", seqgpu_cross_entropy_forward(c, 2, 3, 1, 1, b, t, b, NULL, b));
  REFUSED(c, EINVAL, "loss", seqgpu_cross_entropy_forward(c, 2, 3, 1, 1, b, t, b, b, NULL));
  REFUSED(NULL, EINVAL, "", seqgpu_cross_entropy_backward(NULL, 2, 3, 1, 1, b, t, b, b, b));
  REFUSED(c, EINVAL, "mean", seqgpu_cross_entropy_backward(c, 2, 3, -1, 1, b, t, b, b, b));
  REFUSED(c, EINVAL, "logits", seqgpu_cross_entropy_backward(c, 2, 3, 1, 1, NULL, t, b, b, b));
  REFUSED(c, EINVAL, "targets", seqgpu_cross_entropy_backward(c, 2, 3, 1, 1, b, NULL, b, b, b));
  REFUSED(c, EINVAL, "lse", seqgpu_cross_entropy_backward(c, 2, 3, 1, 1, b, t, NULL, b, b));
  REFUSED(c, EINVAL, "loss", seqgpu_cross_entropy_backward(c, 2, 3, 1, 1, b, t, b, NULL, b));
  REFUSED(c, EINVAL, "dlogits", seqgpu_cross_entropy_backward(c, 2, 3, 1, 1, b, t, b, b, NULL));
  ACCEPTED(c, seqgpu_cross_entropy_forward(c, 0, 3, 1, 1, NULL, NULL, NULL, NULL, b));
}

static void check_squared_error(seqgpu_context *c) {
  float *b = buffer;
  const int32_t m[2] = {0, 1};
  REFUSED(NULL, EINVAL, "", seqgpu_squared_error_forward(NULL, 2, 3, 1, 1, b, b, m, b, b));
  REFUSED(c, EINVAL, "rows", seqgpu_squared_error_forward(c, -2, 3, 1, 1, b, b, m, b, b));
  REFUSED(c, EINVAL, "dim", seqgpu_squared_error_forward(c, 2, 0, 1, 1, b, b, m, b, b));
  REFUSED(c, EINVAL, "dim", seqgpu_squared_error_forward(c, HUGE_COUNT, HUGE_COUNT, 1, 1, b, b, m, b, b));
  REFUSED(c, EINVAL, "mean", seqgpu_squared_error_forward(c, 2, 3, 2, 1, b, b, m, b, b));
  REFUSED(c, EINVAL, "scale", seqgpu_squared_error_forward(c, 2, 3, 1, (double)NAN, b, b, m, b, b));
  REFUSED(c, EINVAL, "x", seqgpu_squared_error_forward(c, 2, 3, 1, 1, NULL, b, m, b, b));
  REFUSED(c, EINVAL, "targets", seqgpu_squared_error_forward(c, 2, 3, 1, 1, b, NULL, m, b, b));
  REFUSED(c, EINVAL, "row_loss", seqgpu_squared_error_forward(c, 2, 3, 1, 1, b, b, m, NULL, b));
  REFUSED(c, EINVAL, "loss", seqgpu_squared_error_forward(c, 2, 3, 1, 1, b, b, m, b, NULL));
  REFUSED(NULL, EINVAL, "", seqgpu_squared_error_backward(NULL, 2, 3, 1, 1, b, b, m, b, b));
  REFUSED(c, EINVAL, "mean", seqgpu_squared_error_backward(c, 2, 3, -1, 1, b, b, m, b, b));
  REFUSED(c, EINVAL, "x", seqgpu_squared_error_backward(c, 2, 3, 1, 1, NULL, b, m, b, b));
  REFUSED(c, EINVAL, "targets", seqgpu_squared_error_backward(c, 2, 3, 1, 1, b, NULL, m, b, b));
  REFUSED(c, EINVAL, "loss", seqgpu_squared_error_backward(c, 2, 3, 1, 1, b, b, m, NULL, b));
  REFUSED(c, EINVAL, "dx", seqgpu_squared_error_backward(c, 2, 3, 1, 1, b, b, m, b, NULL));
  ACCEPTED(c, seqgpu_squared_error_forward(c, 0, 3, 1, 1, NULL, NULL, NULL, NULL, b));
}

static void check_binary_cross_entropy(seqgpu_context *c) {
  float *b = buffer;
  const int32_t l[2] = {1, 1};
  REFUSED(NULL, EINVAL, "", seqgpu_binary_cross_entropy_forward(NULL, 2, 3, 2, 1, 1, b, b, l, b, b));
  REFUSED(c, EINVAL, "rows", seqgpu_binary_cross_entropy_forward(c, -2, 3, 2, 1, 1, b, b, l, b, b));
  REFUSED(c, EINVAL, "rows is 3", seqgpu_binary_cross_entropy_forward(c, 3, 3, 2, 1, 1, b, b, l, b, b));
  REFUSED(c, EINVAL, "dim", seqgpu_binary_cross_entropy_forward(c, 2, 0, 2, 1, 1, b, b, l, b, b));
  REFUSED(c, EINVAL, "batch", seqgpu_binary_cross_entropy_forward(c, 2, 3, 0, 1, 1, b, b, l, b, b));
  REFUSED(c, EINVAL, "mean", seqgpu_binary_cross_entropy_forward(c, 2, 3, 2, 2, 1, b, b, l, b, b));
  REFUSED(c, EINVAL, "scale", seqgpu_binary_cross_entropy_forward(c, 2, 3, 2, 1, (double)NAN, b, b, l, b, b));
  REFUSED(c, EINVAL, "logits", seqgpu_binary_cross_entropy_forward(c, 2, 3, 2, 1, 1, NULL, b, l, b, b));
  REFUSED(c, EINVAL, "targets", seqgpu_binary_cross_entropy_forward(c, 2, 3, 2, 1, 1, b, NULL, l, b, b));
  REFUSED(c, EINVAL, "row_loss", seqgpu_binary_cross_entropy_forward(c, 2, 3, 2, 1, 1, b, b, l, NULL, b));
  REFUSED(c, EINVAL, "loss", seqgpu_binary_cross_entropy_forward(c, 2, 3, 2, 1, 1, b, b, l, b, NULL));
  REFUSED(NULL, EINVAL, "", seqgpu_binary_cross_entropy_backward(NULL, 2, 3, 2, 1, 1, b, b, l, b, b));
  REFUSED(c, EINVAL, "logits", seqgpu_binary_cross_entropy_backward(c, 2, 3, 2, 1, 1, NULL, b, l, b, b));
  REFUSED(c, EINVAL, "loss", seqgpu_binary_cross_entropy_backward(c, 2, 3, 2, 1, 1, b, b, l, NULL, b));
  REFUSED(c, EINVAL, "dlogits", seqgpu_binary_cross_entropy_backward(c, 2, 3, 2, 1, 1, b, b, l, b, NULL));
  ACCEPTED(c, seqgpu_binary_cross_entropy_forward(c, 0, 3, 2, 1, 1, NULL, NULL, NULL, NULL, b));
}

static void check_dropout(seqgpu_context *c) {
  float *b = buffer;
  REFUSED(NULL, EINVAL, "", seqgpu_dropout(NULL, 2, 0.5, 0, 0, b, b));
  REFUSED(c, EINVAL, "count", seqgpu_dropout(c, -2, 0.5, 0, 0, b, b));
  REFUSED(c, EINVAL, "count", seqgpu_dropout(c, INT64_MAX, 0.5, 0, 0, b, b));
  REFUSED(c, EINVAL, "p is", seqgpu_dropout(c, 2, -0.1, 0, 0, b, b));
  REFUSED(c, EINVAL, "p is", seqgpu_dropout(c, 2, 1.1, 0, 0, b, b));
  REFUSED(c, EINVAL, "p is", seqgpu_dropout(c, 2, (double)NAN, 0, 0, b, b));
  REFUSED(c, EINVAL, "x is", seqgpu_dropout(c, 2, 0.5, 0, 0, NULL, b));
  REFUSED(c, EINVAL, "y is", seqgpu_dropout(c, 2, 0.5, 0, 0, b, NULL));
  ACCEPTED(c, seqgpu_dropout(c, 0, 0.5, 0, 0, NULL, NULL));
  REFUSED(NULL, EINVAL, "", seqgpu_dropout_part(NULL, 1, 1, 1, 0.5, 0, 0, 0, 2, b, b));
  REFUSED(c, EINVAL, "steps", seqgpu_dropout_part(c, -1, 1, 1, 0.5, 0, 0, 0, 2, b, b));
  REFUSED(c, EINVAL, "batch", seqgpu_dropout_part(c, 1, -1, 1, 0.5, 0, 0, 0, 2, b, b));
  REFUSED(c, EINVAL, "width", seqgpu_dropout_part(c, 1, 1, -1, 0.5, 0, 0, 0, 2, b, b));
  REFUSED(c, EINVAL, "whole", seqgpu_dropout_part(c, 1, 3, 1, 0.5, 0, 0, 0, 2, b, b));
  REFUSED(c, EINVAL, "first", seqgpu_dropout_part(c, 1, 1, 1, 0.5, 0, 0, 2, 2, b, b));
  REFUSED(c, EINVAL, "counted", seqgpu_dropout_part(c, 1 << 30, 1, 1 << 30, 0.5, 0, 0, 0, 2, b, b));
  REFUSED(c, EINVAL, "p is", seqgpu_dropout_part(c, 1, 1, 1, 1.1, 0, 0, 0, 2, b, b));
  REFUSED(c, EINVAL, "x is", seqgpu_dropout_part(c, 1, 1, 1, 0.5, 0, 0, 0, 2, NULL, b));
  REFUSED(c, EINVAL, "y is", seqgpu_dropout_part(c, 1, 1, 1, 0.5, 0, 0, 0, 2, b, NULL));
  ACCEPTED(c, seqgpu_dropout_part(c, 0, 1, 1, 0.5, 0, 0, 0, 2, NULL, NULL));
}

int main(void) {
  const seqgpu_context_options f32 = {.device = "cpu", .threads = 1};
  const seqgpu_context_options f64 = {.device = "cpu", .threads = 1, .dtype = SEQGPU_DTYPE_F64};
  seqgpu_context *ctx = NULL, *wide = NULL;
  check_start();
  if (seqgpu_context_create(&f32, &ctx) != SEQGPU_OK)
    check_record(0, seqgpu_last_error(ctx), "float32 context");
  ACCEPTED(wide, seqgpu_context_create(&f64, &wide));
  check_runs(ctx, wide);
  check_linear(ctx);
  check_embedding(ctx);
  check_cross_entropy(ctx);
  check_squared_error(ctx);
  check_binary_cross_entropy(ctx);
  check_dropout(ctx);
  seqgpu_context_destroy(wide);
  seqgpu_context_destroy(ctx);
  return check_finish();
}
