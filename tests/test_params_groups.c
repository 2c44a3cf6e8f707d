/* test_params_groups.c - learning rates of their own, and frozen tensors (seqgpu_params_set_lr): what a
 * tensor with a factor does is what it does alone at that learning rate, and a frozen one is not there for
 * an update.
 */
#include "tests/failing.h"
#include "tests/params_world.h"

enum { UPDATES = 3 };

/* Elements first..last-1 have the same bits. */
static int same(const double *a, const double *b, int first, int last) {
  return memcmp(a + first, b + first, (size_t)(last - first) * sizeof *a) == 0;
}

/* What `prefix` at `factor` (NULL: nothing) makes of all elements; returns the norm of the last gradients.
 * */
static double train(seqgpu_context *ctx, const seqgpu_optimizer *o, const char *prefix, double factor,
                    double out[ALL]) {
  model m;
  double norm = 0;
  int done = model_new(ctx, &m) == SEQGPU_OK;
  if (prefix) done &= seqgpu_params_set_lr(m.params, prefix, factor) == SEQGPU_OK;
  for (int i = 0; done && i < UPDATES; i++) {
    model_gradients(ctx, &m, i);
    done &= seqgpu_params_update(m.params, o) == SEQGPU_OK;
    done &= seqgpu_params_grad_norm(m.params, &norm, NULL) == SEQGPU_OK;
  }
  model_read(ctx, &m, out);
  seqgpu_params_destroy(m.params);
  return done ? norm : (double)NAN;
}

/* Elements first..last-1 are those of `changed`, to the last bit where they were not to move; all others
 * are those of `plain`, up to the rounding of a loop that is cut elsewhere. */
static int is_mixture(seqgpu_context *ctx, const double got[ALL], const double plain[ALL],
                      const double changed[ALL], int first, int last, int frozen) {
  const double allowed = is_narrow(ctx) ? 1e-6 : 1e-14;
  int same = 1;
  for (int i = 0; i < ALL; i++) {
    const int inside = i >= first && i < last;
    same &= fabs(got[i] - (inside ? changed : plain)[i]) <= (inside && frozen ? 0 : allowed);
  }
  return same;
}

static const struct {
  const char *prefix;
  int first, last; /* its elements */
} groups[] = {{"rnn.", 0, LSTM},      {"rnn.weight_ih_l0", 0, BIAS}, {"rnn.weight_hh_l0", HH, LSTM},
              {"rnn.bias", BIAS, HH}, {"w", LSTM, LSTM + W},         {"u", LSTM + W, ALL},
              {NULL, 0, ALL}};

static void test_groups(seqgpu_context *ctx, seqgpu_optimizer_kind kind) {
  const seqgpu_optimizer o = {.kind = kind, .lr = 0.125, .weight_decay = 0.01},
                         faster = {.kind = kind, .lr = 0.25, .weight_decay = 0.01};
  double start[ALL], plain[ALL], fast[ALL], got[ALL];
  model m;
  if (!CHECK(model_new(ctx, &m) == SEQGPU_OK, "a model")) return;
  model_read(ctx, &m, start);
  seqgpu_params_destroy(m.params);
  const double norm = train(ctx, &o, NULL, 0, plain);
  int right = !isnan(train(ctx, &faster, NULL, 0, fast)), frozen = !isnan(norm);
  for (size_t i = 0; i < COUNT(groups); i++) {
    const char *prefix = groups[i].prefix ? groups[i].prefix : "";
    right &= !isnan(train(ctx, &o, prefix, 2, got)) &&
             is_mixture(ctx, got, plain, fast, groups[i].first, groups[i].last, 0);
    if (groups[i].prefix == NULL) continue; /* an update of nothing is an error */
    frozen &= train(ctx, &o, prefix, 0, got) < norm &&
              is_mixture(ctx, got, plain, start, groups[i].first, groups[i].last, 1);
  }
  CHECK(right, "each group at twice the learning rate, optimizer %d", (int)kind);
  CHECK(frozen, "each group frozen, optimizer %d", (int)kind);
}

/* Thawed, a tensor goes on from the moments that it had. */
static void test_thaw(seqgpu_context *ctx) {
  const seqgpu_optimizer o = {.kind = SEQGPU_OPTIMIZER_MOMENTUM, .lr = 0.125};
  double once[ALL], got[ALL];
  model a, b;
  int done = model_new(ctx, &a) == SEQGPU_OK;
  done &= model_new(ctx, &b) == SEQGPU_OK;
  model_gradients(ctx, &a, 0);
  model_gradients(ctx, &b, 0);
  for (int i = 0; i < 2; i++) done &= seqgpu_params_update(a.params, &o) == SEQGPU_OK;
  done &=
      seqgpu_params_update(b.params, &o) == SEQGPU_OK && seqgpu_params_set_lr(b.params, "w", 0) == SEQGPU_OK;
  CHECK(done && seqgpu_params_elements(b.params) == ALL - W, "frozen elements are not counted");
  done &=
      seqgpu_params_update(b.params, &o) == SEQGPU_OK && seqgpu_params_set_lr(b.params, "w", 1) == SEQGPU_OK;
  done &= seqgpu_params_update(b.params, &o) == SEQGPU_OK && seqgpu_params_elements(b.params) == ALL;
  model_read(ctx, &a, once);
  model_read(ctx, &b, got);
  CHECK(done && same(got, once, LSTM, LSTM + W), "thawed, it goes on from its moments");
  seqgpu_params_destroy(a.params);
  seqgpu_params_destroy(b.params);
}

/* Biases in two parts, and a matrix that stays orthogonal. */
static void test_others(seqgpu_context *ctx) {
  const seqgpu_optimizer o = {.lr = 0.125};
  const size_t size = seqgpu_dtype_size(seqgpu_context_dtype(ctx));
  double before[ALL], after[ALL], turned[9], still[9];
  model m;
  seqgpu_param square = {.value = NULL};
  int done = model_new(ctx, &m) == SEQGPU_OK && seqgpu_params_split_biases(m.params, "rnn") == SEQGPU_OK &&
             seqgpu_params_add(m.params, "square", 3, 3, "zeros", 0, &square) == SEQGPU_OK &&
             seqgpu_params_orthogonal(m.params, "square") == SEQGPU_OK;
  CHECK(seqgpu_params_set_lr(m.params, "rnn.bias_l0", 0) == SEQGPU_EINVAL,
        "the sum of two biases is not trained");
  done &= seqgpu_params_set_lr(m.params, "rnn.bias_", 0) == SEQGPU_OK &&
          seqgpu_params_set_lr(m.params, "square", 0) == SEQGPU_OK;
  model_read(ctx, &m, before);
  net_copy_out(ctx, turned, square.value, 9 * size);
  model_gradients(ctx, &m, 0);
  seqgpu_copy(ctx, square.grad, m.rnn.grad, 9 * size);
  done &= seqgpu_params_update(m.params, &o) == SEQGPU_OK;
  model_read(ctx, &m, after);
  net_copy_out(ctx, still, square.value, 9 * size);
  CHECK(done && same(before, after, BIAS, HH) && !same(before, after, 0, BIAS), "frozen biases of two parts");
  CHECK(memcmp(turned, still, 9 * size) == 0, "a frozen matrix does not turn");
  seqgpu_params_destroy(m.params);
}

static void test_misuse(seqgpu_context *ctx) {
  const seqgpu_optimizer o = {.lr = 1};
  model m;
  if (!CHECK(model_new(ctx, &m) == SEQGPU_OK, "a model")) return;
  CHECK(seqgpu_params_set_lr(NULL, "w", 1) == SEQGPU_EINVAL, "no params");
  CHECK(seqgpu_params_set_lr(m.params, "w", -1) == SEQGPU_EINVAL &&
            strstr(seqgpu_last_error(ctx), "factor is -1"),
        "a negative factor");
  CHECK(seqgpu_params_set_lr(m.params, "w", (double)NAN) == SEQGPU_EINVAL, "NaN");
  CHECK(seqgpu_params_set_lr(m.params, "w", (double)INFINITY) == SEQGPU_EINVAL, "infinity");
  CHECK(seqgpu_params_set_lr(m.params, "nobody", 1) == SEQGPU_EINVAL &&
            strstr(seqgpu_last_error(ctx), "nobody"),
        "a name that begins none");
  CHECK(seqgpu_params_set_lr(m.params, "state", 1) == SEQGPU_EINVAL, "a state is not trained");
  CHECK(seqgpu_params_set_lr(m.params, NULL, 0) == SEQGPU_OK &&
            seqgpu_params_update(m.params, &o) == SEQGPU_EINVAL,
        "with all frozen there is nothing to update");
  seqgpu_params_destroy(m.params);
}

/* Whatever allocation fails, the factors of the call before hold. */
static seqgpu_status use(seqgpu_context *ctx) {
  const seqgpu_optimizer o = {.lr = 1};
  model m;
  seqgpu_status status = model_new(ctx, &m);
  if (status == SEQGPU_OK) status = seqgpu_params_set_lr(m.params, "rnn.weight_hh", 0.5);
  if (m.params && m.u.value && status != SEQGPU_OK)
    CHECK(seqgpu_params_update(m.params, &o) == SEQGPU_OK, "an update after a call that failed");
  if (status == SEQGPU_OK) status = seqgpu_params_update(m.params, &o);
  seqgpu_params_destroy(m.params);
  return status;
}

static void test_all(seqgpu_context *ctx, const char *device, int first) {
  (void)device;
  for (int kind = SEQGPU_OPTIMIZER_SGD; kind <= SEQGPU_OPTIMIZER_ADAM; kind++)
    test_groups(ctx, (seqgpu_optimizer_kind)kind);
  test_thaw(ctx);
  test_others(ctx);
  if (first) test_misuse(ctx);
}

int main(void) {
  check_start();
  each_world("learning rates of their own", test_all);
  CHECK(failing_each("cpu", use, 0) > 5, "it does ask for memory");
  return check_finish();
}
