/* test_params_groups.c - learning rates of their own, and frozen tensors (seqgpu_params_set_lr): what a tensor
 * with a factor does is what it does alone at that learning rate, and a frozen one is not there for an update.
 */
#include "seqgpu/seqgpu.h"

#include "tests/check.h"
#include "tests/failing.h"

static const struct {
  const char *device;
  seqgpu_dtype dtype;
} worlds[] = {{"cpu", SEQGPU_DTYPE_F32},
              {"cpu", SEQGPU_DTYPE_F64},
              {"emulator", SEQGPU_DTYPE_F32},
              {"cuda", SEQGPU_DTYPE_F32}};

/* Elements, in the order of the layer: weight_ih, from BIAS on the bias, from HH on weight_hh; w, u. */
enum { BIAS = 24, HH = 36, LSTM = 72, W = 6, U = 3, ALL = LSTM + W + U, UPDATES = 3 };

/* A network, of which every tensor may be a group, and two lone tensors. */
typedef struct model {
  seqgpu_params *params;
  seqgpu_param rnn, w, u;
} model;

static seqgpu_status add_all(seqgpu_context *ctx, model *m) {
  const seqgpu_rnn_desc desc = {
      .cell = "lstm", .input_size = 2, .hidden_size = 3, .num_layers = 1, .seq_len = 2, .batch = 1};
  seqgpu_plan *plan = NULL;
  seqgpu_status status = seqgpu_plan_create(ctx, &desc, NULL, &plan);
  *m = (model){.params = NULL};
  if (status == SEQGPU_OK) status = seqgpu_params_create(ctx, 7, &m->params);
  if (status == SEQGPU_OK) status = seqgpu_params_add_rnn(m->params, "rnn", plan, &m->rnn);
  if (status == SEQGPU_OK) status = seqgpu_params_add(m->params, "w", W, 1, "normal", 1, &m->w);
  if (status == SEQGPU_OK) status = seqgpu_params_add(m->params, "u", U, 1, "normal", 1, &m->u);
  if (status == SEQGPU_OK) status = seqgpu_params_add_state(m->params, "state", 2, 1, NULL);
  seqgpu_plan_destroy(plan);
  return status;
}

/* Elements as they are, [ALL] of the context's type. */
static void read_all(seqgpu_context *ctx, const model *m, char *out) {
  const size_t size = seqgpu_dtype_size(seqgpu_context_dtype(ctx));
  seqgpu_copy_out(ctx, out, m->rnn.value, LSTM * size);
  seqgpu_copy_out(ctx, out + LSTM * size, m->w.value, W * size);
  seqgpu_copy_out(ctx, out + (LSTM + W) * size, m->u.value, U * size);
}

/* The gradients of update `number`: the same for every model. */
static void fill_gradients(seqgpu_context *ctx, const model *m, int number) {
  double wide[LSTM];
  float narrow[LSTM];
  void *const to[] = {m->rnn.grad, m->w.grad, m->u.grad};
  const size_t counts[] = {LSTM, W, U}, size = seqgpu_dtype_size(seqgpu_context_dtype(ctx));
  for (int k = 0; k < 3; k++) {
    for (size_t i = 0; i < counts[k]; i++)
      narrow[i] = (float)(wide[i] = sin((double)(i * 7 + 3) * (k + number + 1)));
    seqgpu_copy_in(ctx, to[k], size == sizeof(double) ? (void *)wide : (void *)narrow, counts[k] * size);
  }
}

/* What `prefix` at `factor` (NULL: nothing) makes of all elements; returns the norm of the last gradients. */
static double train(seqgpu_context *ctx, const seqgpu_optimizer *o, const char *prefix, double factor,
                    char *out) {
  model m;
  double norm = 0;
  int done = add_all(ctx, &m) == SEQGPU_OK;
  if (prefix) done &= seqgpu_params_set_lr(m.params, prefix, factor) == SEQGPU_OK;
  for (int i = 0; done && i < UPDATES; i++) {
    fill_gradients(ctx, &m, i);
    done &= seqgpu_params_update(m.params, o) == SEQGPU_OK;
    done &= seqgpu_params_grad_norm(m.params, &norm, NULL) == SEQGPU_OK;
  }
  if (done) read_all(ctx, &m, out);
  seqgpu_params_destroy(m.params);
  return done ? norm : (double)NAN;
}

static double element(seqgpu_context *ctx, const char *all, size_t i) {
  if (seqgpu_context_dtype(ctx) == SEQGPU_DTYPE_F64) return ((const double *)(const void *)all)[i];
  return (double)((const float *)(const void *)all)[i];
}

/* Elements first..last-1 are those of `changed`, to the last bit where they were not to move; all others are those
 * of `plain`, up to the rounding of a loop that is cut elsewhere. */
static int is_mixture(seqgpu_context *ctx, const char *got, const char *plain, const char *changed,
                      size_t first, size_t last, int frozen) {
  const double allowed = seqgpu_context_dtype(ctx) == SEQGPU_DTYPE_F64 ? 1e-14 : 1e-6;
  int same = 1;
  for (size_t i = 0; i < ALL; i++) {
    const int inside = i >= first && i < last;
    const double expected = element(ctx, inside ? changed : plain, i);
    same &= fabs(element(ctx, got, i) - expected) <= (inside && frozen ? 0 : allowed);
  }
  return same;
}

static const struct {
  const char *prefix;
  size_t first, last; /* its elements */
} groups[] = {{"rnn.", 0, LSTM},      {"rnn.weight_ih_l0", 0, BIAS}, {"rnn.weight_hh_l0", HH, LSTM},
              {"rnn.bias", BIAS, HH}, {"w", LSTM, LSTM + W},         {"u", LSTM + W, ALL},
              {NULL, 0, ALL}};

static void test_groups(seqgpu_context *ctx, seqgpu_optimizer_kind kind) {
  const seqgpu_optimizer o = {.kind = kind, .lr = 0.125, .weight_decay = 0.01},
                         faster = {.kind = kind, .lr = 0.25, .weight_decay = 0.01};
  _Alignas(double) char start[ALL * 8], plain[ALL * 8], fast[ALL * 8], got[ALL * 8];
  model m;
  if (!CHECK(add_all(ctx, &m) == SEQGPU_OK, "a model")) return;
  read_all(ctx, &m, start);
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
  const size_t size = seqgpu_dtype_size(seqgpu_context_dtype(ctx));
  char once[ALL * 8], got[ALL * 8];
  model a, b;
  int done = add_all(ctx, &a) == SEQGPU_OK && add_all(ctx, &b) == SEQGPU_OK;
  fill_gradients(ctx, &a, 0);
  fill_gradients(ctx, &b, 0);
  for (int i = 0; i < 2; i++) done &= seqgpu_params_update(a.params, &o) == SEQGPU_OK;
  done &=
      seqgpu_params_update(b.params, &o) == SEQGPU_OK && seqgpu_params_set_lr(b.params, "w", 0) == SEQGPU_OK;
  CHECK(done && seqgpu_params_elements(b.params) == ALL - W, "frozen elements are not counted");
  done &=
      seqgpu_params_update(b.params, &o) == SEQGPU_OK && seqgpu_params_set_lr(b.params, "w", 1) == SEQGPU_OK;
  done &= seqgpu_params_update(b.params, &o) == SEQGPU_OK && seqgpu_params_elements(b.params) == ALL;
  read_all(ctx, &a, once);
  read_all(ctx, &b, got);
  CHECK(done && memcmp(got + LSTM * size, once + LSTM * size, W * size) == 0,
        "thawed, it goes on from its moments");
  seqgpu_params_destroy(a.params);
  seqgpu_params_destroy(b.params);
}

/* Biases in two parts, and a matrix that stays orthogonal. */
static void test_others(seqgpu_context *ctx) {
  const seqgpu_optimizer o = {.lr = 0.125};
  const size_t size = seqgpu_dtype_size(seqgpu_context_dtype(ctx));
  char before[ALL * 8], after[ALL * 8], turned[9 * 8], still[9 * 8];
  model m;
  seqgpu_param square;
  int done = add_all(ctx, &m) == SEQGPU_OK && seqgpu_params_split_biases(m.params, "rnn") == SEQGPU_OK &&
             seqgpu_params_add(m.params, "square", 3, 3, "zeros", 0, &square) == SEQGPU_OK &&
             seqgpu_params_orthogonal(m.params, "square") == SEQGPU_OK;
  CHECK(seqgpu_params_set_lr(m.params, "rnn.bias_l0", 0) == SEQGPU_EINVAL,
        "the sum of two biases is not trained");
  done &= seqgpu_params_set_lr(m.params, "rnn.bias_", 0) == SEQGPU_OK &&
          seqgpu_params_set_lr(m.params, "square", 0) == SEQGPU_OK;
  read_all(ctx, &m, before);
  seqgpu_copy_out(ctx, turned, square.value, 9 * size);
  fill_gradients(ctx, &m, 0);
  seqgpu_copy(ctx, square.grad, m.rnn.grad, 9 * size);
  done &= seqgpu_params_update(m.params, &o) == SEQGPU_OK;
  read_all(ctx, &m, after);
  seqgpu_copy_out(ctx, still, square.value, 9 * size);
  CHECK(done && memcmp(before + BIAS * size, after + BIAS * size, (HH - BIAS) * size) == 0 &&
            memcmp(before, after, BIAS * size) != 0,
        "frozen biases of two parts");
  CHECK(memcmp(turned, still, 9 * size) == 0, "a frozen matrix does not turn");
  seqgpu_params_destroy(m.params);
}

static void test_misuse(seqgpu_context *ctx) {
  const seqgpu_optimizer o = {.lr = 1};
  model m;
  if (!CHECK(add_all(ctx, &m) == SEQGPU_OK, "a model")) return;
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
  seqgpu_status status = add_all(ctx, &m);
  if (status == SEQGPU_OK) status = seqgpu_params_set_lr(m.params, "rnn.weight_hh", 0.5);
  if (m.params && m.u.value && status != SEQGPU_OK)
    CHECK(seqgpu_params_update(m.params, &o) == SEQGPU_OK, "an update after a call that failed");
  if (status == SEQGPU_OK) status = seqgpu_params_update(m.params, &o);
  seqgpu_params_destroy(m.params);
  return status;
}

int main(void) {
  check_start();
  for (size_t i = 0; i < COUNT(worlds); i++) {
    const seqgpu_context_options options = {
        .device = worlds[i].device, .threads = 1, .dtype = worlds[i].dtype};
    seqgpu_context *ctx;
    if (!check_is_for(worlds[i].device)) continue;
    check_at("%s %s", worlds[i].device, worlds[i].dtype == SEQGPU_DTYPE_F64 ? "f64" : "f32");
    if (seqgpu_context_create(&options, &ctx) == SEQGPU_OK) {
      for (int kind = SEQGPU_OPTIMIZER_SGD; kind <= SEQGPU_OPTIMIZER_ADAM; kind++)
        test_groups(ctx, (seqgpu_optimizer_kind)kind);
      test_thaw(ctx);
      test_others(ctx);
      if (i == 0) test_misuse(ctx);
    } else {
      check_skip("this build has no such device", "learning rates of their own");
    }
    seqgpu_context_destroy(ctx);
  }
  check_at("cpu f32");
  CHECK(failing_each("cpu", use, 0) > 5, "it does ask for memory");
  return check_finish();
}
