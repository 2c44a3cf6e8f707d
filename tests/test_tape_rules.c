/* test_tape_rules.c - what the tape promises beside gradients: errors that stay, memory that is kept, running
 * out of it, dropout by a counter, inference, reading. */
#include "tests/tape_misuse.h"

#include "tests/refused.h"

/* ---------------------------------------------------------------- errors */

/* A step that builds this, on the leaves of misuse_world. */
static seqgpu_tensor *build_misuse(world *w, seqgpu_tensor *(*build)(world *w)) {
  test_case c = misuse_world;
  c.build = build;
  return world_build(w, &c, 1);
}

static void check_misuse(world *w, const misuse *m) {
  CHECK(build_misuse(w, m->build) == NULL, "NULL is returned: %s", m->name);
  const char *sentence = seqgpu_tape_error(w->tape);
  check_record(seqgpu_tape_status(w->tape) == SEQGPU_EINVAL && strstr(sentence, m->sentence) != NULL,
               sentence, "misuse: %s", m->name);
  CHECK(strcmp(seqgpu_last_error(w->ctx), sentence) == 0, "the context says the same: %s", m->name);
}

/* The first error stays, and stops everything until clear. */
static void check_sticky(world *w) {
  build_misuse(w, bad_null);
  CHECK(seqgpu_tape_scale(w->tape, w->leaf[0], 2) == NULL, "after an error every builder returns NULL");
  seqgpu_tensor *loss = bad_rows(w);
  CHECK(seqgpu_tape_backward(w->tape, loss, NULL) == SEQGPU_EINVAL, "backward returns the first error");
  CHECK(strstr(seqgpu_tape_error(w->tape), "add: b is NULL"), "the first error's sentence is kept");
  CHECK(strstr(seqgpu_last_error(w->ctx), "add: b is NULL"), "backward repeats it");
  CHECK(seqgpu_tape_clear(w->tape, 1) == SEQGPU_OK, "clear after an error");
  CHECK(seqgpu_tape_status(w->tape) == SEQGPU_OK && seqgpu_tape_error(w->tape)[0] == 0, "clear forgets it");
}

static void check_foreign(world *w) {
  seqgpu_tape *other = NULL;
  net_require(w->ctx, seqgpu_tape_create(w->ctx, 1, &other), "seqgpu_tape_create");
  seqgpu_tensor *foreign = seqgpu_tape_wrap(other, 1, DIM(3), w->value[1], w->grad[1]);
  CHECK(seqgpu_tape_scale(w->tape, foreign, 1) == NULL, "a tensor of another tape is refused");
  CHECK(strstr(seqgpu_tape_error(w->tape), "another tape"), "the sentence says so");
  seqgpu_tape_clear(w->tape, 1);
  CHECK(seqgpu_tape_backward(w->tape, foreign, NULL) == SEQGPU_EINVAL &&
            strstr(seqgpu_tape_error(w->tape), "backward: loss belongs to another tape"),
        "so is its walk back");
  seqgpu_tape_destroy(other);
}

/* backward of `count` elements that are wrapped with or without a gradient. */
static seqgpu_status backward_of_leaf(world *w, int training, int64_t count, void *grad) {
  seqgpu_tape_clear(w->tape, training);
  seqgpu_tensor *leaf = seqgpu_tape_wrap(w->tape, 1, DIM(count), w->value[1], grad);
  return seqgpu_tape_backward(w->tape, leaf, NULL);
}

static void check_bad_backward(world *w) {
  CHECK(backward_of_leaf(w, 1, 1, w->grad[1]) == SEQGPU_OK, "backward of one number");
  CHECK(backward_of_leaf(w, 1, 3, w->grad[1]) == SEQGPU_EINVAL, "backward of [3] without dloss is refused");
  CHECK(backward_of_leaf(w, 1, 1, NULL) == SEQGPU_EINVAL, "backward without any gradient is refused");
  CHECK(backward_of_leaf(w, 0, 1, w->grad[1]) == SEQGPU_EINVAL, "backward without training is refused");
  seqgpu_tape_clear(w->tape, 1);
  CHECK(seqgpu_tape_backward(w->tape, NULL, NULL) == SEQGPU_EINVAL, "backward of NULL is refused");
}

/* ---------------------------------------------------------------- seqgpu_tape_tangent */

/* The call failed with this status, and the tape and the context say the same, which has this part. */
static void check_says(seqgpu_context *ctx, const seqgpu_tape *tape, seqgpu_status status, const char *part) {
  const char *sentence = seqgpu_tape_error(tape);
  check_record(status == SEQGPU_EINVAL && seqgpu_tape_status(tape) == status && strstr(sentence, part),
               sentence, "the tape says: %s", part);
  CHECK(strcmp(seqgpu_last_error(ctx), sentence) == 0, "the context says the same: %s", part);
}

/* tangent of a vector [3] in the direction of another leaf's memory, with one thing wrong. */
static void check_bad_tangent(world *w) {
  seqgpu_tape *tape = w->tape;
  const void *v[] = {w->value[1]}, *none[] = {NULL};
  for (int fault = 0; fault < 8; fault++) {
    seqgpu_tape_clear(tape, fault != 0);
    seqgpu_tensor *x = seqgpu_tape_wrap(tape, 1, DIM(3), w->value[1], NULL);
    seqgpu_tensor *ids = seqgpu_tape_ids(tape, 1, DIM(3), (int32_t[]){1, 2, 3});
    seqgpu_tensor *y = seqgpu_tape_scale(tape, x, 2), *nobody = NULL;
    seqgpu_status status = SEQGPU_OK;
    static const char *const says[] = {
        "training = 0",           "y is NULL",           "count is 0",
        "direction is NULL",      "leaf[0] is NULL",     "leaf[0] is the result of an operator",
        "leaf[0] holds integers", "direction[0] is NULL"};
    if (fault == 0) status = seqgpu_tape_tangent(tape, y, 1, &x, v);
    if (fault == 1) status = seqgpu_tape_tangent(tape, NULL, 1, &x, v);
    if (fault == 2) status = seqgpu_tape_tangent(tape, y, 0, &x, v);
    if (fault == 3) status = seqgpu_tape_tangent(tape, y, 1, &x, NULL);
    if (fault == 4) status = seqgpu_tape_tangent(tape, y, 1, &nobody, v);
    if (fault == 5) status = seqgpu_tape_tangent(tape, y, 1, &y, v);
    if (fault == 6) status = seqgpu_tape_tangent(tape, y, 1, &ids, v);
    if (fault == 7) status = seqgpu_tape_tangent(tape, y, 1, &x, none);
    check_says(w->ctx, tape, status, says[fault]);
  }
}

/* What moves, what stands still, and what a step for inference and moving targets say. */
static void check_tangent(world *w) {
  seqgpu_tape *tape = w->tape;
  const void *v[] = {w->value[1]}, *x_v[] = {w->value[3]};
  double two[3], one[3];
  seqgpu_tape_clear(tape, 1);
  seqgpu_tensor *x = seqgpu_tape_wrap(tape, 1, DIM(3), w->value[1], NULL);
  seqgpu_tensor *still = seqgpu_tape_wrap(tape, 1, DIM(3), w->value[1], NULL);
  seqgpu_tensor *y = seqgpu_tape_scale(tape, x, 2), *z = seqgpu_tape_scale(tape, still, 2);
  seqgpu_tensor *later = seqgpu_tape_scale(tape, x, 3);
  CHECK(seqgpu_tape_tangent(tape, z, 1, &x, v) == SEQGPU_OK, "a leaf needs no gradient buffer to move");
  CHECK(seqgpu_tensor_tangent(x) == v[0] && seqgpu_tensor_tangent(still) == NULL,
        "a leaf's tangent is the caller's");
  net_download(w->ctx, two, seqgpu_tensor_tangent(y), 3);
  net_download(w->ctx, one, v[0], 3);
  CHECK(two[0] == 2 * one[0] && two[2] == 2 * one[2], "what moves is 2 v");
  CHECK(seqgpu_tensor_tangent(z) == NULL && seqgpu_tensor_tangent(later) == NULL,
        "what stands still has no tangent, nor has what is newer than y");
  seqgpu_tensor *loss = seqgpu_tape_squared_error(tape, still, x, NULL, 1, 1);
  check_says(w->ctx, tape, seqgpu_tape_tangent(tape, loss, 1, &x, v), "targets moves; it must be constant");
  seqgpu_tape_clear(tape, 1);
  CHECK(seqgpu_tensor_tangent(y) == NULL && seqgpu_tensor_tangent(NULL) == NULL,
        "nothing of a tensor that is no more");
  x = seqgpu_tape_wrap(tape, 3, DIM(4, 4, 3), w->value[3], NULL);
  seqgpu_tensor *params =
      seqgpu_tape_wrap(tape, 1, DIM(seqgpu_plan_get_sizes(w->plan[1]).param_elements), w->value[2], NULL);
  y = seqgpu_tape_rnn(tape, w->plan[1], params, x, NULL, NULL);
  check_says(w->ctx, tape, seqgpu_tape_tangent(tape, y, 1, &x, x_v), "the plan has inference = 1");
  CHECK(seqgpu_tape_tangent(NULL, y, 1, &x, x_v) == SEQGPU_EINVAL, "no tape to go forward");
}

/* ---------------------------------------------------------------- seqgpu_tape_update */

static const seqgpu_optimizer descent = {.kind = SEQGPU_OPTIMIZER_SGD, .lr = 0.5};

/* loss = 0.5 w^2 for a parameter w [1,1]; the tape is cleared first. */
static seqgpu_tensor *half_square(seqgpu_tape *tape, const seqgpu_param *w) {
  seqgpu_tape_clear(tape, 1);
  seqgpu_tensor *x = seqgpu_tape_param(tape, w);
  return seqgpu_tape_scale(tape, seqgpu_tape_mul(tape, x, x), 0.5);
}

static void check_bad_update(seqgpu_context *ctx, seqgpu_tape *tape, seqgpu_params *p,
                             const seqgpu_param *w) {
  const seqgpu_optimizer uphill = {.lr = -1};
  seqgpu_context *elsewhere = net_context("cpu", SEQGPU_DTYPE_F64, 1);
  seqgpu_params *foreign = NULL;
  net_require(elsewhere, seqgpu_params_create(elsewhere, 1, &foreign), "seqgpu_params_create");
  check_says(ctx, tape, seqgpu_tape_update(tape, half_square(tape, w), p, &uphill, NULL), "lr is -1");
  check_says(ctx, tape, seqgpu_tape_update(tape, half_square(tape, w), p, NULL, NULL), "optimizer is NULL");
  check_says(ctx, tape, seqgpu_tape_update(tape, half_square(tape, w), NULL, &descent, NULL),
             "params is NULL");
  check_says(ctx, tape, seqgpu_tape_update(tape, half_square(tape, w), foreign, &descent, NULL),
             "params belongs to another context");
  seqgpu_tape_clear(tape, 1);
  check_says(ctx, tape, seqgpu_tape_update(tape, NULL, p, &descent, NULL), "update: loss is NULL");
  seqgpu_tape_clear(tape, 1);
  seqgpu_tensor *none = seqgpu_tape_add(tape, NULL, NULL);
  seqgpu_params_init(p, "nobody", "zeros", 0); /* another sentence comes in between */
  check_says(ctx, tape, seqgpu_tape_update(tape, none, p, &descent, NULL), "add: a is NULL");
  CHECK(seqgpu_tape_update(NULL, none, p, &descent, NULL) == SEQGPU_EINVAL, "update without a tape");
  seqgpu_params_destroy(foreign);
  seqgpu_context_destroy(elsewhere);
}

/* w <- w - 0.5 w: the loss is that before the update, and gradients of earlier calls do not count. */
static void check_update(seqgpu_context *ctx) {
  seqgpu_tape *tape = NULL;
  seqgpu_params *p = NULL;
  seqgpu_param w;
  net_require(ctx, seqgpu_tape_create(ctx, 1, &tape), "seqgpu_tape_create");
  net_require(ctx, seqgpu_params_create(ctx, 1, &p), "seqgpu_params_create");
  net_require(ctx, seqgpu_params_add(p, "w", 1, 1, "constant", 8, &w), "seqgpu_params_add");
  double loss = 0, value = 0;
  for (int i = 0; i < 2; i++) {
    const double before = i == 0 ? 8 : 4;
    CHECK(seqgpu_tape_update(tape, half_square(tape, &w), p, &descent, &loss) == SEQGPU_OK, "update %d", i);
    net_require(ctx, seqgpu_copy_out(ctx, &value, w.value, sizeof value), "seqgpu_copy_out");
    CHECK(loss == 0.5 * before * before && value == before / 2, "update %d: loss %g, then w = %g", i, loss,
          value);
  }
  CHECK(seqgpu_tape_update(tape, half_square(tape, &w), p, &descent, NULL) == SEQGPU_OK, "without a value");
  const size_t memory = seqgpu_tape_memory(tape);
  const seqgpu_optimizer still = {.kind = SEQGPU_OPTIMIZER_SGD};
  for (int i = 0; i < 2000; i++) seqgpu_tape_update(tape, half_square(tape, &w), p, &still, NULL);
  CHECK(seqgpu_tape_memory(tape) == memory, "each update clears the tape for the next step");
  check_bad_update(ctx, tape, p, &w);
  net_require(ctx, seqgpu_copy_out(ctx, &value, w.value, sizeof value), "seqgpu_copy_out");
  CHECK(value == 1, "what failed has updated nothing");
  seqgpu_params_destroy(p);
  seqgpu_tape_destroy(tape);
}

static void check_null(seqgpu_context *ctx) {
  CHECK(seqgpu_tape_create(ctx, 1, NULL) == SEQGPU_EINVAL, "create without out");
  CHECK(seqgpu_tape_clear(NULL, 1) == SEQGPU_EINVAL && seqgpu_tape_status(NULL) == SEQGPU_EINVAL, "no tape");
  CHECK(seqgpu_tape_backward(NULL, NULL, NULL) == SEQGPU_EINVAL, "no tape to go backward");
  CHECK(seqgpu_tape_add(NULL, NULL, NULL) == NULL && seqgpu_tape_param(NULL, NULL) == NULL,
        "no tape to build");
  CHECK(seqgpu_tensor_elements(NULL) == 0 && seqgpu_tensor_shape(NULL, NULL) == 0, "no tensor to measure");
  CHECK(seqgpu_tensor_read(NULL, NULL) == SEQGPU_EINVAL && seqgpu_tensor_grad(NULL) == NULL,
        "no tensor to read");
  seqgpu_tape *tape = NULL;
  double number;
  CHECK(seqgpu_tape_create(NULL, 1, &tape) == SEQGPU_EINVAL && tape == NULL, "create without a context");
  const seqgpu_context_options wrong = {.device = "abacus"};
  seqgpu_context *failed = NULL;
  seqgpu_context_create(&wrong, &failed);
  CHECK(seqgpu_tape_create(failed, 1, &tape) == SEQGPU_EINVAL &&
            strstr(seqgpu_last_error(failed), "its creation failed"),
        "create with a context that has no device");
  seqgpu_context_destroy(failed);
  CHECK(strcmp(seqgpu_tape_error(NULL), "tape is NULL") == 0 && seqgpu_tape_counter(NULL) == 0 &&
            seqgpu_tape_memory(NULL) == 0,
        "no tape has no error, no counter, no memory");
  seqgpu_tape_set_counter(NULL, 7);
  CHECK(seqgpu_tape_input(NULL, 1, NULL, NULL) == NULL &&
            seqgpu_tape_rnn(NULL, NULL, NULL, NULL, NULL, NULL) == NULL &&
            seqgpu_tape_ids(NULL, 1, NULL, NULL) == NULL && seqgpu_tape_lengths(NULL, 1, NULL) == NULL &&
            seqgpu_tape_wrap_ids(NULL, 1, NULL, NULL) == NULL && seqgpu_tape_dropout(NULL, NULL, 0) == NULL,
        "no tape, no tensor");
  CHECK(seqgpu_tensor_value(NULL) == NULL && seqgpu_tensor_number(NULL, &number) == SEQGPU_EINVAL,
        "no tensor, no value");
  seqgpu_tape_destroy(NULL);
}

/* Tensors are asked for what they do not have. */
static void check_questions(world *w) {
  int32_t ids[2] = {1, 2};
  double number;
  seqgpu_tape_clear(w->tape, 1);
  seqgpu_tensor *leaf = seqgpu_tape_wrap(w->tape, 1, DIM(3), w->value[1], w->grad[1]);
  seqgpu_tensor *view = seqgpu_tape_rows(w->tape, leaf, 1, 1), *plain = seqgpu_tape_scale(w->tape, leaf, 2);
  seqgpu_tensor *given = seqgpu_tape_wrap(w->tape, 1, DIM(3), w->value[1], NULL);
  CHECK(seqgpu_tensor_grad(view) == (const char *)w->grad[1] + sizeof(double),
        "the gradient of a view lies in its base's");
  CHECK(seqgpu_tensor_grad(plain) == NULL && seqgpu_tensor_grad(given) == NULL,
        "where none has come there is none");
  CHECK(seqgpu_tensor_shape(leaf, NULL) == 1, "the rank alone");
  REFUSED(w->ctx, EINVAL, "host is NULL", seqgpu_tensor_read(leaf, NULL));
  REFUSED(w->ctx, EINVAL, "out is NULL", seqgpu_tensor_number(leaf, NULL));
  REFUSED(w->ctx, EINVAL, "tensor is [1]",
          seqgpu_tensor_number(seqgpu_tape_ids(w->tape, 1, DIM(1), ids), &number));
  CHECK(seqgpu_tape_dropout(w->tape, leaf, 0) == leaf, "dropout of nothing is nothing");
  seqgpu_tape_clear(w->tape, 1);
  CHECK(seqgpu_tensor_value(leaf) == NULL && seqgpu_tensor_grad(leaf) == NULL,
        "a tensor of the step before has none");
  REFUSED(w->ctx, EINVAL, "before the tape was cleared", seqgpu_tensor_read(leaf, &number));
  CHECK(seqgpu_tape_scale(w->tape, leaf, 1) == NULL && strstr(seqgpu_tape_error(w->tape), "is no more"),
        "and is not built on");
  seqgpu_tape_clear(w->tape, 1);
  CHECK(seqgpu_tape_backward(w->tape, leaf, NULL) == SEQGPU_EINVAL &&
            strstr(seqgpu_tape_error(w->tape), "is no more"),
        "nor walked back from");
}

/* A plan for inference takes no part in gradients, and may be used where none are wanted. */
static void check_frozen(world *w) {
  seqgpu_tape_clear(w->tape, 1);
  seqgpu_tensor *params = seqgpu_tape_wrap(w->tape, 1, DIM(w->count[2]), w->value[2], NULL);
  seqgpu_tensor *x = seqgpu_tape_wrap(w->tape, 3, DIM(4, 4, 3), w->value[3], NULL);
  CHECK(seqgpu_tape_rnn(w->tape, w->plan[1], params, x, NULL, NULL) != NULL,
        "a plan for inference, without gradients");
  CHECK(seqgpu_tape_rnn(w->tape, w->plan[0], params, x, (seqgpu_tensor *[2]){NULL, NULL}, NULL) != NULL,
        "and any plan");
  seqgpu_tape_clear(w->tape, 1);
}

static void check_errors(seqgpu_context *ctx) {
  world w;
  world_open(&w, ctx, &misuse_world);
  for (size_t i = 0; i < COUNT(misuses); i++) check_misuse(&w, &misuses[i]);
  check_sticky(&w);
  check_foreign(&w);
  check_bad_backward(&w);
  check_bad_tangent(&w);
  check_tangent(&w);
  check_questions(&w);
  check_frozen(&w);
  check_null(ctx);
  world_close(&w);
}

/* ---------------------------------------------------------------- memory */

/* An allocator that counts, and fails from request number `fail_at` on. */
typedef struct ration {
  long requests, fail_at;
} ration;

static void *ration_allocate(size_t bytes, void *user) {
  ration *r = user;
  if (r->requests++ >= r->fail_at) return NULL;
  return aligned_alloc(64, (bytes + 63) / 64 * 64);
}
static void ration_release(void *pointer, void *user) {
  (void)user;
  free(pointer);
}

static seqgpu_context *rationed_context(ration *r) {
  const seqgpu_allocator allocator = {ration_allocate, ration_release, r};
  const seqgpu_context_options options = {
      .device = "cpu", .dtype = SEQGPU_DTYPE_F64, .threads = 1, .allocator = &allocator};
  seqgpu_context *ctx = NULL;
  net_require(ctx, seqgpu_context_create(&options, &ctx), "seqgpu_context_create");
  return ctx;
}

/* Three hundred activations: more than one chunk in the first step. */
static seqgpu_tensor *long_chain(world *w) {
  seqgpu_tensor *x = w->leaf[0];
  for (int i = 0; i < 300; i++) x = seqgpu_tape_activation(w->tape, x, SEQGPU_ACTIVATION_TANH);
  return x;
}

static void check_steps_allocate_nothing(const test_case *c) {
  ration r = {0, 1L << 60};
  seqgpu_context *ctx = rationed_context(&r);
  world w;
  world_open(&w, ctx, c);
  size_t memory = 0;
  long requests = 0;
  for (int step = 0; step < 6; step++) {
    seqgpu_tensor *y = world_build(&w, c, 1);
    if (step == 2) requests = r.requests; /* the clears before have put the memory of both steps together */
    if (step == 2) memory = seqgpu_tape_memory(w.tape);
    double *dy = random_dy(y);
    world_backward(&w, y, dy);
    free(dy);
  }
  CHECK(r.requests == requests, "no allocation after the second step: %s", c->name);
  CHECK(memory > 0 && seqgpu_tape_memory(w.tape) == memory, "no growth after the second step: %s", c->name);
  world_close(&w);
  seqgpu_context_destroy(ctx);
}

/* Every request in turn is refused: an error each time, no crash, no leak, and the tape works afterwards. */
static void check_out_of_memory(const test_case *c) {
  ration r = {0, 1L << 60};
  seqgpu_context *ctx = rationed_context(&r);
  int failures = 0, good = 1, done = 0;
  for (long allowed = 0; !done && allowed < 1000; allowed++) {
    world w;
    world_open(&w, ctx, c);
    double one = 1;
    r.fail_at = r.requests + allowed;
    seqgpu_tensor *y = world_build(&w, c, 1);
    seqgpu_status status = seqgpu_tape_backward(w.tape, y, &one);
    if (status == SEQGPU_OK)
      status = seqgpu_tape_tangent(w.tape, y, w.leaves, w.leaf, (const void *const *)w.value);
    r.fail_at = 1L << 60;
    done = status == SEQGPU_OK;
    failures += !done;
    good &= done || (status == SEQGPU_ENOMEM && strstr(seqgpu_tape_error(w.tape), "memory") != NULL);
    y = world_build(&w, c, 1);
    good &= seqgpu_tape_backward(w.tape, y, &one) == SEQGPU_OK;
    world_close(&w);
  }
  CHECK(good && done && failures > 0, "out of memory at each of %d requests: %s", failures, c->name);
  seqgpu_context_destroy(ctx);
}

static void check_memory(void) {
  check_steps_allocate_nothing(find_case("encoder-decoder"));
  check_steps_allocate_nothing(find_case("attention, keys = values"));
  check_steps_allocate_nothing(&(test_case){"long chain", long_chain, {{50, 70}}, {0}});
  check_out_of_memory(find_case("encoder-decoder"));
  check_out_of_memory(find_case("classifier"));
}

/* ---------------------------------------------------------------- dropout, inference, reading */

static double dropped(seqgpu_tape *tape, const double *ones, int n, double *out) {
  seqgpu_tensor *x = seqgpu_tape_input(tape, 1, DIM(n), ones);
  seqgpu_tensor_read(seqgpu_tape_dropout(tape, x, 0.25), out);
  double zeros = 0;
  for (int i = 0; i < n; i++) zeros += out[i] == 0;
  return zeros / n;
}

static void check_dropout(seqgpu_context *ctx) {
  enum { N = 4001 };
  double *ones = malloc(N * sizeof *ones), *a = malloc(N * sizeof *a), *b = malloc(N * sizeof *b);
  for (int i = 0; i < N; i++) ones[i] = 1;
  seqgpu_tape *tape = NULL;
  net_require(ctx, seqgpu_tape_create(ctx, 5, &tape), "seqgpu_tape_create");
  const double share = dropped(tape, ones, N, a);
  CHECK(share > 0.2 && share < 0.3, "dropout drops a quarter");
  CHECK(seqgpu_tape_counter(tape) == (N + 3) / 4, "the counter counts blocks of four");
  seqgpu_tape_clear(tape, 1);
  dropped(tape, ones, N, b);
  CHECK(memcmp(a, b, N * sizeof *a) != 0, "the next step drops others");
  seqgpu_tape_clear(tape, 1);
  seqgpu_tape_set_counter(tape, 0);
  dropped(tape, ones, N, b);
  CHECK(memcmp(a, b, N * sizeof *a) == 0, "the counter set back drops the same");
  const uint64_t counter = seqgpu_tape_counter(tape);
  seqgpu_tape_clear(tape, 0);
  dropped(tape, ones, N, b);
  CHECK(memcmp(ones, b, N * sizeof *b) == 0 && seqgpu_tape_counter(tape) == counter,
        "without training it does nothing");
  seqgpu_tape_destroy(tape);
  free(ones);
  free(a);
  free(b);
}

/* Sequences 1 and 2 of four, of 3 steps and 5 units: the mask that they have in the whole. */
static void check_part(seqgpu_context *ctx) {
  enum { T = 3, WHOLE = 4, B = 2, F = 5 };
  double ones[T * WHOLE * F], all[T * WHOLE * F], part[T * B * F];
  for (int i = 0; i < T * WHOLE * F; i++) ones[i] = 1;
  const int64_t whole_shape[] = {T, WHOLE, F}, shape[] = {T, B, F};
  seqgpu_tape *tape = NULL;
  net_require(ctx, seqgpu_tape_create(ctx, 5, &tape), "seqgpu_tape_create");
  seqgpu_tensor_read(seqgpu_tape_dropout(tape, seqgpu_tape_input(tape, 3, whole_shape, ones), 0.5), all);
  const uint64_t counter = seqgpu_tape_counter(tape);
  seqgpu_tape_clear(tape, 1);
  seqgpu_tape_set_counter(tape, 0);
  CHECK(seqgpu_tape_set_part(tape, 1, WHOLE) == SEQGPU_OK, "a part");
  seqgpu_tensor_read(seqgpu_tape_dropout(tape, seqgpu_tape_input(tape, 3, shape, ones), 0.5), part);
  int wrong = 0;
  for (int t = 0; t < T; t++)
    wrong += memcmp(part + t * B * F, all + (t * WHOLE + 1) * F, B * F * sizeof *part) != 0;
  CHECK(wrong == 0, "a part of a batch drops what the whole drops");
  CHECK(seqgpu_tape_counter(tape) == counter, "and the counter moves on as for the whole");
  CHECK(seqgpu_tape_dropout(tape, seqgpu_tape_input(tape, 1, DIM(F), ones), 0.5) == NULL &&
            strstr(seqgpu_tape_error(tape), "last dimension but one") != NULL,
        "no sequences: %s", seqgpu_tape_error(tape));
  seqgpu_tape_clear(tape, 1);
  CHECK(seqgpu_tape_set_part(tape, 3, WHOLE) == SEQGPU_OK &&
            seqgpu_tape_dropout(tape, seqgpu_tape_input(tape, 3, shape, ones), 0.5) == NULL,
        "more sequences than are left: %s", seqgpu_tape_error(tape));
  CHECK(seqgpu_tape_set_part(tape, 5, WHOLE) == SEQGPU_EINVAL &&
            seqgpu_tape_set_part(tape, -1, 2) == SEQGPU_EINVAL &&
            seqgpu_tape_set_part(NULL, 0, 0) == SEQGPU_EINVAL,
        "refused: no part of a whole");
  seqgpu_tape_destroy(tape);
}

/* What was told of gradients, in order. */
typedef struct told {
  seqgpu_context *ctx;
  int count;
  struct {
    const void *gradient;
    int64_t elements;
    double first; /* its first number at that time */
  } of[16];
} told;

static seqgpu_status note(void *about, const void *gradient, int64_t elements) {
  told *t = about;
  if (t->count == 16) return SEQGPU_EINVAL;
  t->of[t->count].gradient = gradient;
  t->of[t->count].elements = elements;
  seqgpu_copy_out(t->ctx, &t->of[t->count].first, gradient, sizeof(double));
  t->count++;
  return SEQGPU_OK;
}

/* Every gradient is told of once, as it will be, and of the network's layers the last one first; w, which is
 * used at both ends, comes last. */
static void check_ready(seqgpu_context *ctx) {
  enum { T = 3, B = 2, H = 4 };
  const seqgpu_rnn_desc desc = {
      .cell = "lstm", .input_size = H, .hidden_size = H, .num_layers = 2, .seq_len = T, .batch = B};
  const int64_t shape[] = {T, B, H};
  double x[T * B * H], now;
  seqgpu_plan *plan = NULL;
  seqgpu_params *params = NULL;
  seqgpu_param w, rnn, b;
  seqgpu_tape *tape = NULL;
  check_fill_f64(x, T * B * H, -1, 1);
  net_require(ctx, seqgpu_plan_create(ctx, &desc, NULL, &plan), "seqgpu_plan_create");
  net_require(ctx, seqgpu_params_create(ctx, 1, &params), "seqgpu_params_create");
  net_require(ctx, seqgpu_params_add(params, "w", H, H, "xavier", 1, &w), "seqgpu_params_add");
  net_require(ctx, seqgpu_params_add_rnn(params, "rnn", plan, &rnn), "seqgpu_params_add_rnn");
  net_require(ctx, seqgpu_params_add(params, "b", H, 1, "zeros", 0, &b), "seqgpu_params_add");
  net_require(ctx, seqgpu_tape_create(ctx, 5, &tape), "seqgpu_tape_create");
  seqgpu_tensor *in = seqgpu_tape_input(tape, 3, shape, x);
  seqgpu_tensor *y = seqgpu_tape_linear(tape, in, seqgpu_tape_param(tape, &w), NULL);
  y = seqgpu_tape_rnn(tape, plan, seqgpu_tape_param(tape, &rnn), y, NULL, NULL);
  y = seqgpu_tape_linear(tape, y, seqgpu_tape_param(tape, &w), seqgpu_tape_param(tape, &b));
  seqgpu_tensor *loss = seqgpu_tape_squared_error(tape, y, in, NULL, 1, 1);
  told t = {.ctx = ctx};
  seqgpu_tape_set_ready(tape, note, &t);
  CHECK(seqgpu_tape_backward(tape, loss, NULL) == SEQGPU_OK, "backward: %s", seqgpu_tape_error(tape));
  const int64_t layer = rnn.rows * rnn.cols / 2; /* both layers are alike */
  const char *middle = (const char *)rnn.grad + (size_t)layer * sizeof(double);
  CHECK(t.count == 4 && t.of[0].gradient == b.grad && t.of[1].gradient == middle &&
            t.of[2].gradient == rnn.grad && t.of[3].gradient == w.grad,
        "b, layer 1, layer 0, w: %d", t.count);
  CHECK(t.of[1].elements == layer && t.of[2].elements == layer && t.of[3].elements == (int64_t)H * H,
        "whole layers");
  int wrong = 0;
  for (int i = 0; i < t.count; i++) {
    seqgpu_copy_out(ctx, &now, t.of[i].gradient, sizeof now);
    wrong += now != t.of[i].first || now == 0;
  }
  CHECK(wrong == 0, "nothing was added after that");
  t.count = 15; /* room for one */
  CHECK(seqgpu_tape_backward(tape, loss, NULL) == SEQGPU_EINVAL, "a refusal ends the walk");
  seqgpu_tape_clear(tape, 1);
  seqgpu_tape_set_ready(NULL, note, &t);
  seqgpu_tape_destroy(tape);
  seqgpu_params_destroy(params);
  seqgpu_plan_destroy(plan);
}

/* Without training: the same numbers as a training step of a model without dropout. */
static void check_inference(seqgpu_context *ctx) {
  const test_case *c = find_case("encoder-decoder");
  world w;
  world_open(&w, ctx, c);
  double training = 0, inference = 1, resumed = 0;
  seqgpu_tensor_number(world_build(&w, c, 1), &training);
  seqgpu_tensor *loss = world_build(&w, c, 0);
  seqgpu_tensor_number(loss, &inference);
  check_error(fabs(training - inference), 1e-14, "inference computes the same");
  CHECK(seqgpu_tape_backward(w.tape, loss, NULL) == SEQGPU_EINVAL, "inference has no backward");
  seqgpu_tensor_number(world_build(&w, c, 1), &resumed);
  CHECK(resumed == training, "the same step again has the same bits");
  world_close(&w);
}

static void check_reading(seqgpu_context *ctx) {
  const test_case *c = find_case("attention");
  world w;
  world_open(&w, ctx, c);
  seqgpu_tensor *context = world_build(&w, c, 0);
  double a[16], sum[4] = {0}, number;
  net_require(ctx, seqgpu_tensor_read(seqgpu_tape_attention_weights(w.tape, context), a),
              "seqgpu_tensor_read");
  for (int i = 0; i < 16; i++) sum[i % 4] += a[i];
  CHECK(fabs(sum[0] - 1) + fabs(sum[1] - 1) + fabs(sum[2] - 1) + fabs(sum[3] - 1) < 1e-14 && a[7] == 0,
        "attention weights sum to 1 within the lengths");
  int64_t shape[SEQGPU_TAPE_RANK];
  CHECK(seqgpu_tensor_shape(context, shape) == 2 && shape[0] == 4 && shape[1] == 2, "shape");
  int32_t ids[4] = {5, 6, 7, 8};
  seqgpu_tensor *copied = seqgpu_tape_ids(w.tape, 1, DIM(4), ids);
  seqgpu_tensor *wrapped = seqgpu_tape_wrap_ids(w.tape, 1, DIM(4), seqgpu_tensor_value(copied));
  net_require(ctx, seqgpu_tensor_read(seqgpu_tape_rows(w.tape, wrapped, 1, 2), ids), "seqgpu_tensor_read");
  CHECK(ids[0] == 6 && ids[1] == 7, "rows of ids");
  CHECK(seqgpu_tensor_number(context, &number) == SEQGPU_EINVAL, "a matrix is not a number");
  world_close(&w);
}

/* How many rows count, and each row's loss: of a cross-entropy with two masked rows, and of the impossible one of
 * four pairs. */
static void check_losses(seqgpu_context *ctx) {
  world w;
  double count, number, each[6], sum = 0;
  const test_case *c = find_case("cross entropy, sum");
  world_open(&w, ctx, c);
  seqgpu_tensor *loss = world_build(&w, c, 0);
  net_require(ctx, seqgpu_tensor_number(seqgpu_tape_loss_count(w.tape, loss), &count),
              "seqgpu_tensor_number");
  net_require(ctx, seqgpu_tensor_read(seqgpu_tape_loss_each(w.tape, loss), each), "seqgpu_tensor_read");
  net_require(ctx, seqgpu_tensor_number(loss, &number), "seqgpu_tensor_number");
  for (int i = 0; i < 6; i++) sum += each[i];
  CHECK(count == 4 && each[2] == 0 && each[5] == 0 && each[0] > 0, "loss_count and loss_each, masked rows");
  check_error(fabs(number - 1.5 * sum), 1e-13, "loss_each, the sum");
  world_close(&w);
  c = find_case("ctc");
  world_open(&w, ctx, c);
  world_build(&w, c, 1);
  seqgpu_tensor *labels =
      seqgpu_tape_ids(w.tape, 2, DIM(3, 4), (int32_t[]){1, 1, 1, 1, 1, 2, 1, 0, 1, 1, 1, 3});
  loss = seqgpu_tape_ctc(w.tape, w.leaf[0], seqgpu_tape_lengths(w.tape, 4, (int32_t[]){4, 4, 5, 5}), labels,
                         NULL, 0, 1, 1);
  net_require(ctx, seqgpu_tensor_number(seqgpu_tape_loss_count(w.tape, loss), &count),
              "seqgpu_tensor_number");
  net_require(ctx, seqgpu_tensor_read(seqgpu_tape_loss_each(w.tape, loss), each), "seqgpu_tensor_read");
  CHECK(count == 2 && each[0] == -1 && each[1] > 0 && each[2] > 0 && each[3] == -1,
        "loss_count and loss_each, impossible pairs");
  world_close(&w);
}

int main(void) {
  check_start();
  seqgpu_context *ctx = net_context("cpu", SEQGPU_DTYPE_F64, 1);
  check_errors(ctx);
  check_update(ctx);
  check_memory();
  check_dropout(ctx);
  check_part(ctx);
  check_ready(ctx);
  check_inference(ctx);
  check_reading(ctx);
  check_losses(ctx);
  seqgpu_context_destroy(ctx);
  return check_finish();
}
