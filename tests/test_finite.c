/* test_finite.c - the first number that is not finite, where it is planted: in a buffer, in a run of a
 * network, on a tape.  A check finds the place that the plant has, and nothing where all is finite.
 */
#include "tests/failing.h"
#include "tests/params_world.h"

enum { T = 5, B = 3, I = 2, H = 4 };

/* ENONFINITE, with these words in the sentence. */
static void finds(seqgpu_context *ctx, seqgpu_status status, const char *words, const char *name) {
  char why[700];
  snprintf(why, sizeof why, "status %d, \"%s\"; \"%s\" must be in it", (int)status, seqgpu_last_error(ctx),
           words);
  check_record(status == SEQGPU_ENONFINITE && strstr(seqgpu_last_error(ctx), words) != NULL, why,
               "finite: %s", name);
}

static void put(seqgpu_context *ctx, void *device, int64_t index, double value) {
  const float narrow = (float)value;
  const int wide = seqgpu_context_dtype(ctx) == SEQGPU_DTYPE_F64;
  const size_t size = wide ? sizeof value : sizeof narrow;
  seqgpu_copy_in(ctx, (char *)device + (size_t)index * size,
                 wide ? (const void *)&value : (const void *)&narrow, size);
}

static void fill(seqgpu_context *ctx, void *device, int64_t count) {
  for (int64_t i = 0; i < count; i++) put(ctx, device, i, sin((double)i * 1.3 + 0.2));
}

/* ---------------------------------------------------------------- a buffer */

static void test_buffer(seqgpu_context *ctx, int large) {
  const int64_t count = large ? 200000 : 100; /* more than is looked at in one piece */
  void *x = NULL;
  seqgpu_malloc(ctx, (size_t)count * 8, &x);
  seqgpu_zero(ctx, x, (size_t)count * 8);
  CHECK(seqgpu_check_finite(ctx, "it", x, count) == SEQGPU_OK &&
            seqgpu_check_finite(ctx, "it", NULL, 0) == SEQGPU_OK,
        "finite: a buffer of zeros, and none");
  put(ctx, x, count - 1, (double)NAN);
  finds(ctx, seqgpu_check_finite(ctx, "it", x, count), "it: element", "the last element");
  put(ctx, x, count - 3, -(double)INFINITY);
  char words[60];
  snprintf(words, sizeof words, "it: element %lld of %lld is -inf", (long long)count - 3, (long long)count);
  finds(ctx, seqgpu_check_finite(ctx, "it", x, count), words, "the first of two");
  CHECK(seqgpu_check_finite(ctx, "it", NULL, 1) == SEQGPU_EINVAL &&
            seqgpu_check_finite(ctx, "it", x, -1) == SEQGPU_EINVAL &&
            seqgpu_check_finite(NULL, "it", x, 1) == SEQGPU_EINVAL,
        "finite: no buffer, no size, no context");
  seqgpu_free(ctx, x);
}

/* ---------------------------------------------------------------- a run */

typedef struct network {
  seqgpu_plan *plan;
  seqgpu_rnn_run run;
  seqgpu_plan_sizes sizes;
} network;

static int open_network(seqgpu_context *ctx, const char *cell, int bidirectional, int batch_first,
                        int reverse, network *n) {
  const seqgpu_rnn_desc desc = {.cell = cell,
                                .input_size = I,
                                .hidden_size = H,
                                .num_layers = 2,
                                .seq_len = T,
                                .batch = B,
                                .bidirectional = bidirectional,
                                .batch_first = batch_first,
                                .reverse = reverse,
                                .activation = SEQGPU_ACTIVATION_IDENTITY * (strcmp(cell, "rnn") == 0)};
  const seqgpu_plan_options options = {.algorithm = "step"};
  if (seqgpu_plan_create(ctx, &desc, &options, &n->plan) != SEQGPU_OK) return 0;
  n->sizes = seqgpu_plan_get_sizes(n->plan);
  if (seqgpu_run_allocate(ctx, n->plan, &n->run) != SEQGPU_OK) return 0;
  fill(ctx, (void *)(uintptr_t)n->run.params, n->sizes.param_elements);
  fill(ctx, (void *)(uintptr_t)n->run.x, T * B * I);
  fill(ctx, (void *)(uintptr_t)n->run.dy, T * B * n->sizes.output_width);
  return 1;
}

static void close_network(seqgpu_context *ctx, network *n) {
  seqgpu_run_release(ctx, &n->run);
  seqgpu_plan_destroy(n->plan);
}

static seqgpu_status run_both(seqgpu_context *ctx, network *n) {
  for (int k = 0; k < n->sizes.state_count; k++) {
    seqgpu_zero(ctx, n->run.final[k], n->sizes.state[k]);
    n->run.dinitial[k] = NULL;
  }
  seqgpu_zero(ctx, n->run.dparams, n->sizes.params);
  seqgpu_status status = seqgpu_rnn_forward(ctx, n->plan, &n->run);
  if (status == SEQGPU_OK) status = seqgpu_rnn_backward(ctx, n->plan, &n->run);
  return status;
}

static void test_inputs(seqgpu_context *ctx) {
  network n;
  if (!CHECK(open_network(ctx, "lstm", 0, 0, 0, &n), "finite: a network")) return;
  CHECK(run_both(ctx, &n) == SEQGPU_OK && seqgpu_rnn_check_finite(ctx, n.plan, &n.run) == SEQGPU_OK,
        "finite: a run of finite numbers");
  put(ctx, (void *)(uintptr_t)n.run.x, (3 * B + 1) * I + 1, (double)NAN);
  run_both(ctx, &n);
  finds(ctx, seqgpu_rnn_check_finite(ctx, n.plan, &n.run), "x is nan at step 3 of sequence 1, element 1",
        "in x");
  fill(ctx, (void *)(uintptr_t)n.run.x, T * B * I);
  seqgpu_param_info info;
  seqgpu_plan_param_get(ctx, n.plan, seqgpu_plan_param_count(n.plan) - 1, &info);
  put(ctx, (void *)(uintptr_t)n.run.params, info.offset + info.cols + 2, (double)INFINITY);
  run_both(ctx, &n);
  char words[160];
  snprintf(words, sizeof words, "rnn: %s is inf at [1,2]", info.name);
  finds(ctx, seqgpu_rnn_check_finite(ctx, n.plan, &n.run), words, "in a parameter");
  fill(ctx, (void *)(uintptr_t)n.run.params, n.sizes.param_elements);
  run_both(ctx, &n);
  put(ctx, n.run.dparams, info.offset, (double)NAN);
  snprintf(words, sizeof words, "rnn: the gradient of %s is nan at [0,0]", info.name);
  finds(ctx, seqgpu_rnn_check_finite(ctx, n.plan, &n.run), words, "in the gradient of a parameter");
  put(ctx, n.run.dx, (1 * B + 2) * I, (double)NAN);
  put(ctx, n.run.dx, (4 * B + 0) * I, (double)INFINITY);
  finds(ctx, seqgpu_rnn_check_finite(ctx, n.plan, &n.run), "dx is inf at step 4 of sequence 0",
        "in dx, from the last step");
  close_network(ctx, &n);
}

/* Inputs of 3e38 that an identity adds up: the state overflows at the second step of the sequence that has
 * them, in the direction of the layer. */
static void test_overflow(seqgpu_context *ctx, int bidirectional, int batch_first, int reverse) {
  static const int32_t some[B] = {5, 3, 4};
  network n;
  void *lengths = NULL;
  const int wide = seqgpu_context_dtype(ctx) == SEQGPU_DTYPE_F64;
  if (!CHECK(open_network(ctx, "rnn", bidirectional, batch_first, reverse, &n), "finite: a network")) return;
  seqgpu_malloc(ctx, sizeof some, &lengths);
  seqgpu_copy_in(ctx, lengths, some, sizeof some);
  n.run.lengths = lengths;
  seqgpu_zero(ctx, (void *)(uintptr_t)n.run.params, n.sizes.params);
  seqgpu_zero(ctx, (void *)(uintptr_t)n.run.x, n.sizes.x);
  for (int i = 0; i < seqgpu_plan_param_count(n.plan); i++) {
    seqgpu_param_info p;
    seqgpu_plan_param_get(ctx, n.plan, i, &p);
    const int last = p.direction == bidirectional; /* of two directions only the second one overflows */
    if (p.layer == 0 && last && strncmp(p.name, "weight_ih", 9) == 0)
      put(ctx, (void *)(uintptr_t)n.run.params, p.offset + 2 * I, 1); /* into unit 2 */
    if (p.layer == 0 && last && strncmp(p.name, "weight_hh", 9) == 0)
      put(ctx, (void *)(uintptr_t)n.run.params, p.offset + 2 * H + 2, 1);
  }
  for (int64_t t = 0; t < 3; t++) { /* sequence 1 */
    const int64_t row = batch_first ? 1 * T + t : t * B + 1;
    put(ctx, (void *)(uintptr_t)n.run.x, row * I, wide ? 1.7e308 : 3e38);
  }
  run_both(ctx, &n);
  char words[120];
  const int backwards = reverse || bidirectional;
  snprintf(words, sizeof words, "part h of layer 0, direction %d is inf at step 1 of sequence 1, unit 2",
           bidirectional);
  const seqgpu_status status = seqgpu_rnn_check_finite(ctx, n.plan, &n.run);
  finds(ctx, status, words, backwards ? "a state that overflows on its way back" : "a state that overflows");
  seqgpu_free(ctx, lengths);
  close_network(ctx, &n);
}

/* ---------------------------------------------------------------- a tape */

static void test_tape(seqgpu_context *ctx) {
  float narrow[6] = {1, 2, 3, 4, 5, 6};
  double wide[6] = {1, 2, 3, 4, 5, 6};
  const void *host =
      seqgpu_context_dtype(ctx) == SEQGPU_DTYPE_F64 ? (const void *)wide : (const void *)narrow;
  const int64_t shape[] = {3, 2}, one[] = {3, 1};
  seqgpu_tape *tape;
  seqgpu_params *params;
  seqgpu_param w;
  seqgpu_tape_create(ctx, 1, &tape);
  seqgpu_params_create(ctx, 1, &params);
  seqgpu_params_add(params, "w", 1, 2, "constant", 1, &w);
  for (int plant = 0; plant < 4; plant++) {
    seqgpu_params_zero_grad(params);
    put(ctx, w.value, 1, plant == 1 ? (double)INFINITY : 1);
    seqgpu_tape_clear(tape, 1);
    seqgpu_tensor *x = seqgpu_tape_input(tape, 2, shape, host), *p = seqgpu_tape_param(tape, &w);
    seqgpu_tensor *y = seqgpu_tape_linear(tape, x, p, NULL);
    if (plant == 2) y = seqgpu_tape_scale(tape, seqgpu_tape_scale(tape, y, 1e30), 1e300);
    seqgpu_tensor *loss =
        seqgpu_tape_squared_error(tape, y, seqgpu_tape_input(tape, 2, one, host), NULL, 1, 1);
    const seqgpu_status status = seqgpu_tape_backward(tape, loss, NULL);
    if (plant == 3) put(ctx, (void *)(uintptr_t)seqgpu_tensor_grad(y), 1, (double)NAN);
    const seqgpu_status found = seqgpu_tape_check_finite(tape);
    if (plant == 0) CHECK(status == SEQGPU_OK && found == SEQGPU_OK, "finite: a tape of finite numbers");
    if (plant == 1)
      finds(ctx, found, "a parameter or what was wrapped (tensor 1): its value is inf at [0,1] of [1,2]",
            "a parameter");
    if (plant == 2)
      finds(ctx, found, "scale (tensor 4): its value is inf at [0,0] of [3,1]",
            "the operator that overflows");
    if (plant == 3)
      finds(ctx, found, "linear (tensor 2): its gradient is nan at [1,0] of [3,1]", "a gradient");
  }
  CHECK(seqgpu_tape_check_finite(NULL) == SEQGPU_EINVAL, "finite: no tape");
  seqgpu_tape_destroy(tape);
  seqgpu_params_destroy(params);
}

/* A network on the tape: its layer and step, not only its node. */
static void test_tape_rnn(seqgpu_context *ctx) {
  const seqgpu_rnn_desc desc = {.cell = "rnn",
                                .input_size = I,
                                .hidden_size = H,
                                .seq_len = T,
                                .batch = B,
                                .activation = SEQGPU_ACTIVATION_IDENTITY};
  const int64_t shape[] = {T, B, I};
  float narrow[T * B * I];
  double wide[T * B * I];
  const int is_wide = seqgpu_context_dtype(ctx) == SEQGPU_DTYPE_F64;
  seqgpu_plan *plan;
  seqgpu_params *params;
  seqgpu_tape *tape;
  seqgpu_param rnn;
  seqgpu_plan_create(ctx, &desc, NULL, &plan);
  seqgpu_params_create(ctx, 3, &params);
  seqgpu_params_add_rnn(params, "rnn", plan, &rnn);
  seqgpu_tape_create(ctx, 1, &tape);
  for (int i = 0; i < T * B * I; i++) narrow[i] = (float)(wide[i] = i >= 2 * B * I ? 1 : 0);
  for (int i = 0; i < 4 * I; i++) put(ctx, rnn.value, i, is_wide ? 1.7e308 : 3e38); /* weight_ih */
  seqgpu_tape_clear(tape, 1);
  seqgpu_tensor *x = seqgpu_tape_input(tape, 3, shape, is_wide ? (const void *)wide : (const void *)narrow);
  seqgpu_tape_rnn(tape, plan, seqgpu_tape_param(tape, &rnn), x, NULL, NULL);
  finds(ctx, seqgpu_tape_check_finite(tape),
        "part h of layer 0, direction 0 is inf at step 2 of sequence 0, unit 0", "a network on a tape");
  seqgpu_tape_destroy(tape);
  seqgpu_params_destroy(params);
  seqgpu_plan_destroy(plan);
}

static seqgpu_status use(seqgpu_context *ctx) {
  network n = {.plan = NULL};
  if (!open_network(ctx, "lstm", 0, 0, 0, &n)) {
    close_network(ctx, &n);
    return SEQGPU_ENOMEM;
  }
  seqgpu_status status = run_both(ctx, &n);
  if (status == SEQGPU_OK) status = seqgpu_rnn_check_finite(ctx, n.plan, &n.run);
  close_network(ctx, &n);
  return status;
}

static void test_all(seqgpu_context *ctx, const char *device, int first) {
  (void)first;
  test_buffer(ctx, !check_is_slow(device));
  test_inputs(ctx);
  test_overflow(ctx, 0, 0, 0);
  test_overflow(ctx, 0, 1, 1);
  test_overflow(ctx, 1, 0, 0);
  test_tape(ctx);
  test_tape_rnn(ctx);
}

int main(void) {
  check_start();
  each_world("finite", test_all);
  CHECK(failing_each("cpu", use, 0) > 5, "it does ask for memory");
  return check_finish();
}
