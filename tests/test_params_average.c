/* test_params_average.c - averages of the values over updates (seqgpu_params_average), and noise on
 * gradients: their arithmetic, their use, and that a checkpoint holds what goes on from them.
 */
#define _POSIX_C_SOURCE 200809L
#include <unistd.h>

#include "tests/breaking.h"
#include "tests/params_world.h"

/* One update with gradients that depend on its number alone. */
static seqgpu_status update(seqgpu_context *ctx, const model *m, int number, double noise) {
  const seqgpu_optimizer o = {.kind = SEQGPU_OPTIMIZER_ADAM, .lr = 0.05, .noise = noise};
  model_gradients(ctx, m, number);
  return seqgpu_params_update(m->params, &o);
}

static int same(const double *a, const double *b) { return memcmp(a, b, ALL * sizeof *a) == 0; }

/* ---------------------------------------------------------------- averages */

static void test_average(seqgpu_context *ctx) {
  enum { UPDATES = 6, FROM = 2 };
  double value[ALL], sum[ALL] = {0}, got[ALL], raw[ALL];
  model m;
  if (!CHECK(model_new(ctx, &m) == SEQGPU_OK, "a model")) return;
  int done = seqgpu_params_use_average(m.params, 1) == SEQGPU_OK && seqgpu_params_averaged(m.params) == 0;
  for (int i = 0; i < UPDATES; i++) {
    done &= update(ctx, &m, i, 0) == SEQGPU_OK;
    if (i < FROM) continue;
    done &= seqgpu_params_average(m.params) == SEQGPU_OK;
    model_read(ctx, &m, value);
    for (int k = 0; k < ALL; k++) sum[k] += value[k] / (UPDATES - FROM);
  }
  CHECK(done && seqgpu_params_averaged(m.params) == UPDATES - FROM, "four of six updates");
  CHECK(seqgpu_params_use_average(m.params, 1) == SEQGPU_OK &&
            seqgpu_params_use_average(m.params, 1) == SEQGPU_OK,
        "the average is used, and used still");
  model_read(ctx, &m, got);
  check_error(check_norm_f64(got, sum, ALL), seqgpu_context_dtype(ctx) == SEQGPU_DTYPE_F64 ? 1e-15 : 1e-6,
              "it is the mean of the values");
  CHECK(seqgpu_params_average(m.params) == SEQGPU_EINVAL && update(ctx, &m, 9, 0) == SEQGPU_EINVAL &&
            strstr(seqgpu_last_error(ctx), "in use"),
        "no update while it is in use");
  CHECK(seqgpu_params_use_average(m.params, 0) == SEQGPU_OK, "the values come back");
  model_read(ctx, &m, raw);
  CHECK(same(raw, value), "as they were");
  seqgpu_params_destroy(m.params);
}

/* A tensor that never changes is its own average, to the last bit; biases of two parts stay sums. */
static void test_still(seqgpu_context *ctx) {
  double before[ALL], after[ALL];
  model m;
  int done = model_new(ctx, &m) == SEQGPU_OK && seqgpu_params_split_biases(m.params, "rnn") == SEQGPU_OK &&
             seqgpu_params_set_lr(m.params, "w", 0) == SEQGPU_OK;
  model_read(ctx, &m, before);
  for (int i = 0; i < 7; i++)
    done &= update(ctx, &m, i, 0) == SEQGPU_OK && seqgpu_params_average(m.params) == SEQGPU_OK;
  done &= seqgpu_params_use_average(m.params, 1) == SEQGPU_OK;
  model_read(ctx, &m, after);
  CHECK(done && memcmp(before + LSTM, after + LSTM, W * sizeof(double)) == 0,
        "a frozen tensor is its own average");
  seqgpu_params_destroy(m.params);
}

/* ---------------------------------------------------------------- checkpoints */

static seqgpu_status load(seqgpu_context *ctx, const char *path, int resume, const model *m) {
  seqgpu_checkpoint *file;
  seqgpu_status status = seqgpu_checkpoint_open(ctx, path, &file);
  if (status == SEQGPU_OK) status = seqgpu_checkpoint_load(file, m->params, resume);
  seqgpu_checkpoint_close(file);
  return status;
}

/* Updates first..last-1, averaged from update 2 on, with noise. */
static int train(seqgpu_context *ctx, const model *m, int first, int last) {
  int done = 1;
  for (int i = first; i < last; i++) {
    done &= update(ctx, m, i, 0.3) == SEQGPU_OK;
    if (i >= 2) done &= seqgpu_params_average(m->params) == SEQGPU_OK;
  }
  return done;
}

static void test_checkpoint(seqgpu_context *ctx) {
  double whole[2][ALL], got[2][ALL], plain[ALL];
  char path[] = "/tmp/seqgpu-average-XXXXXX";
  model a, b, c;
  const int file = mkstemp(path);
  if (!CHECK(file >= 0, "a file")) return;
  close(file);
  model *const models[] = {&a, &b, &c};
  int done = 1;
  for (int k = 0; k < 3; k++) done &= model_new(ctx, models[k]) == SEQGPU_OK;
  for (int cut = 1; cut < 6; cut++) { /* before, at and after the first average */
    for (int k = 0; k < 2; k++) {
      seqgpu_params_destroy(models[k]->params);
      done &= model_new(ctx, models[k]) == SEQGPU_OK;
    }
    done &= train(ctx, &a, 0, cut);
    if (cut == 4)
      done &= seqgpu_params_use_average(a.params, 1) == SEQGPU_OK; /* what is in use does not matter */
    done &= seqgpu_checkpoint_save(a.params, path, NULL, 0) == SEQGPU_OK;
    done &= seqgpu_params_use_average(a.params, 0) == SEQGPU_OK;
    done &=
        load(ctx, path, 1, &b) == SEQGPU_OK && seqgpu_params_averaged(b.params) == (cut > 2 ? cut - 2 : 0);
    done &= train(ctx, &a, cut, 6) && train(ctx, &b, cut, 6);
    for (int use = 0; use < 2; use++) {
      done &= seqgpu_params_use_average(a.params, use) == SEQGPU_OK &&
              seqgpu_params_use_average(b.params, use) == SEQGPU_OK;
      model_read(ctx, &a, whole[use]);
      model_read(ctx, &b, got[use]);
    }
    CHECK(done && same(whole[0], got[0]) && same(whole[1], got[1]) && !same(whole[0], whole[1]),
          "resumed after %d updates: values and averages to the last bit", cut);
  }
  done = seqgpu_checkpoint_save(a.params, path, NULL, 0) == SEQGPU_OK && load(ctx, path, 0, &c) == SEQGPU_OK;
  model_read(ctx, &c, plain);
  CHECK(done && same(plain, whole[1]), "whoever uses the file uses the average");
  CHECK(seqgpu_params_averaged(c.params) == 0 && load(ctx, path, 0, &a) == SEQGPU_OK &&
            seqgpu_params_averaged(a.params) == 0,
        "weights alone end the averaging");
  model_read(ctx, &a, plain);
  CHECK(same(plain, whole[1]), "and are what the file says, though averages were in use");
  seqgpu_params_destroy(a.params);
  seqgpu_params_destroy(b.params);
  seqgpu_params_destroy(c.params);
  unlink(path);
}

/* ---------------------------------------------------------------- noise */

/* Gradients of zero and one SGD step of rate 1 show the noise itself. */
static void noise_of(seqgpu_context *ctx, int updates, double eta, double decay, double norm[]) {
  enum { N = 20000 };
  const seqgpu_optimizer o = {.lr = 1, .noise = eta, .noise_decay = decay};
  seqgpu_params *p;
  seqgpu_param w;
  seqgpu_params_create(ctx, 11, &p);
  seqgpu_params_add(p, "w", N, 1, "zeros", 0, &w);
  for (int i = 0; i < updates; i++) {
    seqgpu_params_zero_grad(p);
    seqgpu_params_update(p, &o);
    seqgpu_params_zero_grad(p);
    seqgpu_copy(ctx, w.grad, w.value, N * seqgpu_dtype_size(seqgpu_context_dtype(ctx)));
    seqgpu_zero(ctx, w.value, N * seqgpu_dtype_size(seqgpu_context_dtype(ctx)));
    const seqgpu_optimizer still = {.lr = 0};
    seqgpu_params_update(p, &still); /* only to be told the norm */
    seqgpu_params_grad_norm(p, &norm[i], NULL);
    norm[i] /= sqrt(N);
  }
  seqgpu_params_destroy(p);
}

/* Of variance eta / (1 + t)^gamma, where t counts updates, also those between. */
static void test_noise(seqgpu_context *ctx) {
  double norm[3], slow[3];
  noise_of(ctx, 3, 0.3, 0, norm);
  noise_of(ctx, 3, 0.3, 2, slow);
  int right = 1;
  for (int i = 0; i < 3; i++) {
    right &= fabs(norm[i] / sqrt(0.3 / pow(1 + 2 * i, 0.55)) - 1) < 0.03;
    right &= fabs(slow[i] / sqrt(0.3 / pow(1 + 2 * i, 2)) - 1) < 0.03;
  }
  CHECK(right, "noise falls with the updates");
  const seqgpu_optimizer wrong[] = {
      {.lr = 1, .noise = -1}, {.lr = 1, .noise = (double)NAN}, {.lr = 1, .noise_decay = -1}};
  model m;
  if (!CHECK(model_new(ctx, &m) == SEQGPU_OK, "a model")) return;
  for (size_t i = 0; i < COUNT(wrong); i++)
    CHECK(seqgpu_params_update(m.params, &wrong[i]) == SEQGPU_EINVAL &&
              strstr(seqgpu_last_error(ctx), "noise"),
          "noise that is none, %zu", i);
  seqgpu_params_destroy(m.params);
}

static const char *old_file; /* of a model that was never updated: without moments and averages */

/* Loaded over moments and averages, which are in use. */
static seqgpu_status load_over(seqgpu_context *ctx) {
  const seqgpu_optimizer o = {.kind = SEQGPU_OPTIMIZER_ADAM, .lr = 0.05};
  model m;
  seqgpu_status status = model_new(ctx, &m);
  if (status == SEQGPU_OK) status = seqgpu_params_update(m.params, &o);
  if (status == SEQGPU_OK) status = seqgpu_params_average(m.params);
  if (status == SEQGPU_OK) status = seqgpu_params_use_average(m.params, 1);
  if (status == SEQGPU_OK) status = load(ctx, old_file, 1, &m);
  seqgpu_params_destroy(m.params);
  return status;
}

static void test_load_over(void) {
  char path[] = "/tmp/seqgpu-average-XXXXXX";
  const seqgpu_context_options options = {.device = "cpu", .threads = 1};
  seqgpu_context *ctx = NULL;
  model m;
  const int file = mkstemp(path);
  if (!CHECK(file >= 0 && close(file) == 0 && seqgpu_context_create(&options, &ctx) == SEQGPU_OK, "a file"))
    return;
  CHECK(model_new(ctx, &m) == SEQGPU_OK && seqgpu_checkpoint_save(m.params, path, NULL, 0) == SEQGPU_OK,
        "a model without moments");
  old_file = path;
  CHECK(breaking_each("load over averages", SEQGPU_DTYPE_F32, load_over) > 20, "the device is called");
  seqgpu_params_destroy(m.params);
  seqgpu_context_destroy(ctx);
  unlink(path);
}

/* ---------------------------------------------------------------- misuse */

static void test_misuse(seqgpu_context *ctx) {
  seqgpu_params *p;
  seqgpu_params_create(ctx, 1, &p);
  CHECK(seqgpu_params_average(NULL) == SEQGPU_EINVAL && seqgpu_params_use_average(NULL, 1) == SEQGPU_EINVAL &&
            seqgpu_params_averaged(NULL) == 0,
        "no params");
  CHECK(seqgpu_params_average(p) == SEQGPU_EINVAL && strstr(seqgpu_last_error(ctx), "no trained"),
        "nothing to average");
  seqgpu_params_destroy(p);
}

static seqgpu_status use(seqgpu_context *ctx) {
  model m;
  seqgpu_status status = model_new(ctx, &m);
  if (status == SEQGPU_OK) status = update(ctx, &m, 0, 0);
  if (status == SEQGPU_OK) status = seqgpu_params_average(m.params);
  if (status == SEQGPU_OK) status = seqgpu_params_add(m.params, "late", 5, 1, "normal", 1, NULL);
  if (status == SEQGPU_OK) status = seqgpu_params_use_average(m.params, 1);
  if (status == SEQGPU_OK) status = seqgpu_params_use_average(m.params, 0);
  if (status == SEQGPU_OK) status = seqgpu_params_average(m.params);
  seqgpu_params_destroy(m.params);
  return status;
}

static void test_all(seqgpu_context *ctx, const char *device, int first) {
  test_average(ctx);
  test_still(ctx);
  test_checkpoint(ctx);
  if (!check_is_slow(device)) test_noise(ctx);
  if (first) test_misuse(ctx);
}

int main(void) {
  check_start();
  each_world("averages", test_all);
  CHECK(failing_each("cpu", use, 0) > 10, "it does ask for memory");
  test_load_over();
  return check_finish();
}
