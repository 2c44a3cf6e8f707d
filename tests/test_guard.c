/* test_guard.c - misuse that would show as a wrong number far away: a reserve of another run, memory that is
 * too small or shared, tensors of a step that is over, targets that no class has. */
#include "tests/refused.h"

enum { T = 5, B = 4, L = 2 };

/* ---------------------------------------------------------------- runs */

typedef struct network {
  seqgpu_plan *plan;
  seqgpu_rnn_run run;
} network;

static network open_network(seqgpu_context *ctx, const seqgpu_rnn_desc *desc) {
  network n = {.plan = NULL};
  ACCEPTED(ctx, seqgpu_plan_create(ctx, desc, NULL, &n.plan));
  ACCEPTED(ctx, seqgpu_run_allocate(ctx, n.plan, &n.run));
  return n;
}

static void close_network(seqgpu_context *ctx, network *n) {
  seqgpu_run_release(ctx, &n->run);
  seqgpu_plan_destroy(n->plan);
}

static seqgpu_rnn_desc lstm(void) {
  return (seqgpu_rnn_desc){.cell = "lstm",
                           .input_size = 3,
                           .hidden_size = 6,
                           .num_layers = L,
                           .seq_len = T,
                           .batch = B,
                           .dropout = 0.5};
}

static void test_told_sizes(seqgpu_context *ctx) {
  const seqgpu_rnn_desc desc = lstm();
  network n = open_network(ctx, &desc);
  const seqgpu_plan_sizes sizes = seqgpu_plan_get_sizes(n.plan);
  CHECK(n.run.workspace_bytes == sizes.workspace && n.run.reserve_bytes == sizes.reserve,
        "an allocated run knows its sizes");
  ACCEPTED(ctx, seqgpu_rnn_forward(ctx, n.plan, &n.run));
  n.run.reserve_bytes = sizes.reserve / 2;
  REFUSED(ctx, EINVAL, "reserve_bytes", seqgpu_rnn_forward(ctx, n.plan, &n.run));
  REFUSED(ctx, EINVAL, "reserve_bytes", seqgpu_rnn_backward(ctx, n.plan, &n.run));
  n.run.seq_len = 1; /* a run that half is enough for */
  ACCEPTED(ctx, seqgpu_rnn_forward(ctx, n.plan, &n.run));
  n.run.seq_len = T;
  n.run.reserve_bytes = 0;
  n.run.workspace_bytes = 16;
  REFUSED(ctx, EINVAL, "workspace_bytes", seqgpu_rnn_forward(ctx, n.plan, &n.run));
  n.run.workspace_bytes = 0;
  ACCEPTED(ctx, seqgpu_rnn_forward(ctx, n.plan, &n.run));
  close_network(ctx, &n);
}

static void test_overlaps(seqgpu_context *ctx) {
  const seqgpu_rnn_desc desc = lstm();
  network n = open_network(ctx, &desc);
  const seqgpu_rnn_run good = n.run;
  n.run.y = (char *)(uintptr_t)good.x + 4;
  REFUSED(ctx, EINVAL, "y and x", seqgpu_rnn_forward(ctx, n.plan, &n.run));
  n.run = good;
  n.run.final[1] = good.final[0];
  REFUSED(ctx, EINVAL, "final[0] and final[1]", seqgpu_rnn_forward(ctx, n.plan, &n.run));
  n.run = good;
  n.run.reserve = good.workspace;
  REFUSED(ctx, EINVAL, "workspace and reserve", seqgpu_rnn_forward(ctx, n.plan, &n.run));
  n.run = good;
  ACCEPTED(ctx, seqgpu_rnn_forward(ctx, n.plan, &n.run));
  n.run.dx = (void *)(uintptr_t)good.x;
  REFUSED(ctx, EINVAL, "dx and x", seqgpu_rnn_backward(ctx, n.plan, &n.run));
  n.run = good;
  n.run.dparams = (void *)(uintptr_t)good.params;
  REFUSED(ctx, EINVAL, "dparams and params", seqgpu_rnn_backward(ctx, n.plan, &n.run));
  n.run = good;
  ACCEPTED(ctx, seqgpu_rnn_backward(ctx, n.plan, &n.run));
  n.run.reserve = NULL; /* inference */
  n.run.y = (void *)(uintptr_t)good.x;
  REFUSED(ctx, EINVAL, "y and x", seqgpu_rnn_forward(ctx, n.plan, &n.run));
  n.run.y = good.y;
  n.run.final[1] = good.final[0];
  REFUSED(ctx, EINVAL, "final[0] and final[1]", seqgpu_rnn_forward(ctx, n.plan, &n.run));
  n.run = good;
  close_network(ctx, &n);
}

static void test_reserve(seqgpu_context *ctx) {
  const int32_t lengths[B] = {5, 2, 3, 4}, others[B] = {5, 2, 3, 3};
  const seqgpu_rnn_desc desc = lstm();
  seqgpu_rnn_desc wider = lstm(), back = lstm();
  wider.hidden_size = 5;
  back.reverse = 1;
  network n = open_network(ctx, &desc), other = open_network(ctx, &wider), again = open_network(ctx, &desc),
          reversed = open_network(ctx, &back);
  REFUSED(ctx, EINVAL, "seqgpu_rnn_forward", seqgpu_rnn_backward(ctx, n.plan, &n.run));
  REFUSED(ctx, EINVAL, "seqgpu_rnn_forward",
          seqgpu_rnn_inspect(ctx, n.plan, &n.run, 0, 0, "h", (float[T * B * 6]){0}, NULL));
  n.run.lengths = lengths;
  ACCEPTED(ctx, seqgpu_rnn_forward(ctx, n.plan, &n.run));
  seqgpu_rnn_run wrong = n.run;
  wrong.seq_len = T - 1;
  REFUSED(ctx, EINVAL, "lengths[0]", seqgpu_rnn_backward(ctx, n.plan, &wrong));
  wrong.lengths = NULL;
  REFUSED(ctx, EINVAL, "seq_len", seqgpu_rnn_backward(ctx, n.plan, &wrong));
  wrong = n.run;
  wrong.batch = B - 1;
  REFUSED(ctx, EINVAL, "batch", seqgpu_rnn_backward(ctx, n.plan, &wrong));
  wrong = n.run;
  wrong.lengths = others;
  REFUSED(ctx, EINVAL, "lengths", seqgpu_rnn_backward(ctx, n.plan, &wrong));
  wrong = n.run;
  wrong.offset = 1;
  REFUSED(ctx, EINVAL, "seed and offset", seqgpu_rnn_backward(ctx, n.plan, &wrong));
  wrong = n.run;
  wrong.whole_batch = B + 1;
  REFUSED(ctx, EINVAL, "whole_batch", seqgpu_rnn_backward(ctx, n.plan, &wrong));
  wrong.whole_batch = B;
  wrong.first_sequence = 1;
  REFUSED(ctx, EINVAL, "first_sequence", seqgpu_rnn_backward(ctx, n.plan, &wrong));
  wrong.first_sequence = 0;
  REFUSED(ctx, EINVAL, "seed and offset", seqgpu_rnn_backward(ctx, n.plan, &wrong)); /* forward was no part */
  wrong = other.run;
  wrong.lengths = lengths;
  wrong.reserve = n.run.reserve;
  REFUSED(ctx, EINVAL, "nothing of this network", seqgpu_rnn_backward(ctx, other.plan, &wrong));
  REFUSED(ctx, EINVAL, "nothing of this network", seqgpu_rnn_backward(ctx, reversed.plan, &n.run));
  ACCEPTED(ctx, seqgpu_rnn_backward(ctx, again.plan, &n.run)); /* another plan of the same network */
  ACCEPTED(ctx, seqgpu_rnn_backward(ctx, n.plan, &n.run));
  close_network(ctx, &n);
  close_network(ctx, &other);
  close_network(ctx, &again);
  close_network(ctx, &reversed);
}

/* ---------------------------------------------------------------- the tape, losses, streams */

static void test_stale(seqgpu_context *ctx) {
  const float numbers[2] = {1, 2};
  float read[2];
  double number;
  seqgpu_tape *tape;
  ACCEPTED(ctx, seqgpu_tape_create(ctx, 1, &tape));
  for (int step = 0; step < 3; step++) {
    seqgpu_tensor *x = seqgpu_tape_input(tape, 1, (int64_t[]){2}, numbers);
    ACCEPTED(ctx, seqgpu_tensor_read(x, read));
    ACCEPTED(ctx, seqgpu_tape_clear(tape, 1));
    seqgpu_tensor *fresh = seqgpu_tape_input(tape, 1, (int64_t[]){2}, numbers);
    REFUSED(ctx, EINVAL, "before the tape was cleared", seqgpu_tensor_read(x, read));
    REFUSED(ctx, EINVAL, "before the tape was cleared", seqgpu_tensor_number(x, &number));
    CHECK(seqgpu_tensor_value(x) == NULL && seqgpu_tensor_value(fresh) != NULL,
          "a value of the last step is none");
    CHECK(seqgpu_tape_add(tape, fresh, x) == NULL, "a sum with a tensor of the last step");
    CHECK(strstr(seqgpu_tape_error(tape), "b was made before the tape was cleared") != NULL, "says: %s",
          seqgpu_tape_error(tape));
    ACCEPTED(ctx, seqgpu_tape_clear(tape, 1));
    REFUSED(ctx, EINVAL, "loss was made before", seqgpu_tape_backward(tape, fresh, NULL));
    ACCEPTED(ctx, seqgpu_tape_clear(tape, 1));
  }
  seqgpu_tape_destroy(tape);
}

static void test_targets(seqgpu_context *ctx) {
  float logits[2 * 3] = {0}, dlogits[6], lse[2], rows[2], loss[2];
  const int32_t good[2] = {-1, 2}, bad[2] = {1, 3};
  seqgpu_tape *tape;
  ACCEPTED(ctx, seqgpu_cross_entropy_forward(ctx, 2, 3, 1, 1, logits, good, lse, rows, loss));
  REFUSED(ctx, EINVAL, "targets[1] is 3",
          seqgpu_cross_entropy_forward(ctx, 2, 3, 1, 1, logits, bad, lse, rows, loss));
  REFUSED(ctx, EINVAL, "targets[1] is 3",
          seqgpu_cross_entropy_backward(ctx, 2, 3, 1, 1, logits, bad, lse, loss, dlogits));
  ACCEPTED(ctx, seqgpu_tape_create(ctx, 1, &tape));
  seqgpu_tensor *x = seqgpu_tape_input(tape, 2, (int64_t[]){2, 3}, logits);
  CHECK(seqgpu_tape_cross_entropy(tape, x, seqgpu_tape_ids(tape, 1, (int64_t[]){2}, good), 1, 1) != NULL,
        "targets of the tape that are classes");
  CHECK(seqgpu_tape_cross_entropy(tape, x, seqgpu_tape_ids(tape, 1, (int64_t[]){2}, bad), 1, 1) == NULL &&
            strstr(seqgpu_tape_error(tape), "targets hold 3") != NULL,
        "targets of the tape that are none: %s", seqgpu_tape_error(tape));
  seqgpu_tape_destroy(tape);
}

static void test_stream(seqgpu_context *ctx) {
  int there;
  ACCEPTED(ctx, seqgpu_context_set_stream(ctx, NULL));
  REFUSED(ctx, EUNSUPPORTED, "stream", seqgpu_context_set_stream(ctx, &there));
  REFUSED(NULL, EINVAL, "", seqgpu_context_set_stream(NULL, NULL));
}

int main(void) {
  seqgpu_context *ctx;
  check_start();
  const seqgpu_context_options options = {.device = "cpu", .threads = 2};
  if (!CHECK(seqgpu_context_create(&options, &ctx) == SEQGPU_OK, "a context")) return check_finish();
  test_told_sizes(ctx);
  test_overlaps(ctx);
  test_reserve(ctx);
  test_stale(ctx);
  test_targets(ctx);
  test_stream(ctx);
  seqgpu_context_destroy(ctx);
  return check_finish();
}
