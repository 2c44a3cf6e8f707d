/* model_checks.h - what the tests of host/models have in common: gradients of all parameters against
 * differences, and one device against another with the same weights.
 *
 * A model under test is a struct of the test's own; its loss is built on its tape by a function.
 */
#ifndef MODEL_CHECKS_H
#define MODEL_CHECKS_H

#include "tests/net.h"

/* The loss of a model on its tape, which is clear before; its value in *value. */
typedef struct checked_model {
  seqgpu_context *ctx;
  seqgpu_params *params;
  seqgpu_tape *tape;
  seqgpu_tensor *(*loss)(void *self);
  void *self;
  const char *name;
} checked_model;

static inline seqgpu_tensor *model_loss(const checked_model *m, double *value) {
  net_require(m->ctx, seqgpu_tape_clear(m->tape, 1), "seqgpu_tape_clear");
  seqgpu_tensor *loss = m->loss(m->self);
  net_require(m->ctx, seqgpu_tape_status(m->tape), m->name);
  net_require(m->ctx, seqgpu_tensor_number(loss, value), "seqgpu_tensor_number");
  return loss;
}

static inline void model_backward(const checked_model *m) {
  double value;
  net_require(m->ctx, seqgpu_params_zero_grad(m->params), "seqgpu_params_zero_grad");
  net_require(m->ctx, seqgpu_tape_backward(m->tape, model_loss(m, &value), NULL), "seqgpu_tape_backward");
}

static inline double model_difference(const checked_model *m, double *at, double step) {
  const double x = *at;
  double up, down;
  *at = x + step;
  model_loss(m, &up);
  *at = x - step;
  model_loss(m, &down);
  *at = x;
  return up - down;
}

/* Every gradient, on a CPU in float64, against differences of fourth order. */
static inline void model_check_gradients(const checked_model *m) {
  const double h = 1e-3;
  model_backward(m);
  for (int i = 0; i < seqgpu_params_count(m->params); i++) {
    seqgpu_param p;
    net_require(m->ctx, seqgpu_params_get(m->params, i, &p), "seqgpu_params_get");
    const int64_t count = p.rows * p.cols;
    double *grad = malloc((size_t)count * sizeof *grad), *wanted = malloc((size_t)count * sizeof *wanted);
    memcpy(grad, p.grad, (size_t)count * sizeof *grad);
    for (int64_t j = 0; j < count; j++) {
      double *at = (double *)p.value + j;
      wanted[j] = (8 * model_difference(m, at, h) - model_difference(m, at, 2 * h)) / (12 * h);
    }
    check_error(check_norm_f64(grad, wanted, count), 1e-7, "%s, gradient of %s", m->name, p.name);
    free(grad);
    free(wanted);
  }
}

/* Gives a model in float32 the weights of one on a CPU in float64, which are rounded to them. */
static inline void model_copy_weights(const checked_model *exact, const checked_model *m) {
  for (int i = 0; i < seqgpu_params_count(m->params); i++) {
    seqgpu_param to, from;
    seqgpu_params_get(m->params, i, &to);
    seqgpu_params_get(exact->params, i, &from);
    const size_t count = (size_t)(to.rows * to.cols);
    float *narrow = malloc(count * sizeof *narrow);
    for (size_t j = 0; j < count; j++) narrow[j] = (float)((double *)from.value)[j];
    for (size_t j = 0; j < count; j++) ((double *)from.value)[j] = (double)narrow[j];
    net_require(m->ctx, seqgpu_copy_in(m->ctx, to.value, narrow, count * sizeof *narrow), "seqgpu_copy_in");
    net_require(m->ctx, seqgpu_synchronize(m->ctx), "seqgpu_synchronize");
    free(narrow);
  }
}

/* Loss and gradients of the two, once they have the same weights. */
static inline void model_check_device(const checked_model *exact, const checked_model *m) {
  double wanted, value;
  model_loss(exact, &wanted);
  model_loss(m, &value);
  check_error(fabs(value - wanted) / fabs(wanted), 1e-5, "%s, loss", m->name);
  model_backward(exact);
  model_backward(m);
  for (int i = 0; i < seqgpu_params_count(m->params); i++) {
    seqgpu_param got, from;
    seqgpu_params_get(m->params, i, &got);
    seqgpu_params_get(exact->params, i, &from);
    const int64_t count = got.rows * got.cols;
    float *narrow = malloc((size_t)count * sizeof *narrow);
    double *wide = malloc((size_t)count * sizeof *wide);
    net_require(m->ctx, seqgpu_copy_out(m->ctx, narrow, got.grad, (size_t)count * sizeof *narrow),
                "copy_out");
    for (int64_t j = 0; j < count; j++) wide[j] = (double)narrow[j];
    check_error(check_norm_f64(wide, from.grad, count), 2e-5, "%s, gradient of %s", m->name, got.name);
    free(narrow);
    free(wide);
  }
}

/* A tensor of the model, in float64 on the host. */
static inline void model_read(const checked_model *m, const seqgpu_tensor *tensor, double *out) {
  const int64_t count = seqgpu_tensor_elements(tensor);
  net_require(m->ctx, seqgpu_tape_status(m->tape), m->name);
  net_require(m->ctx, seqgpu_tensor_read(tensor, out), "seqgpu_tensor_read");
  if (seqgpu_context_dtype(m->ctx) == SEQGPU_DTYPE_F64) return;
  for (int64_t i = count - 1; i >= 0; i--) { /* from the back: a float takes half the room */
    float narrow;
    memcpy(&narrow, (const char *)out + (size_t)i * sizeof narrow, sizeof narrow);
    out[i] = (double)narrow;
  }
}

/* ---- what is refused ---- */

/* Creating a model has failed with these words, and there is none. */
static inline void model_refused(seqgpu_context *ctx, seqgpu_status status, int none, const char *words) {
  const char *said = seqgpu_last_error(ctx);
  check_record(status == SEQGPU_EINVAL && none && strstr(said, words), said, "refused: %s", words);
}

/* So has a batch on the tape, which gave nothing. */
static inline void model_refused_batch(const seqgpu_tape *tape, int none, const char *words) {
  const char *said = seqgpu_tape_error(tape);
  check_record(none && seqgpu_tape_status(tape) == SEQGPU_EINVAL && strstr(said, words), said, "refused: %s",
               words);
}

/* A struct of a later version, which sets a field that this one has not: valid until the next call. */
static inline const void *model_later(const void *value, size_t size) {
  static int64_t memory[64];
  memcpy(memory, value, size);
  memory[size / sizeof *memory] = 1;
  return memory;
}
/* With its size: two arguments. */
#define MODEL_LATER(type, value) model_later(&(value), sizeof(type)), sizeof(type) + sizeof(int64_t)

/* What every seqgpu_NAME_create(params, desc, plans..., out) refuses: pointers that are NULL and a struct of a later
 * version.  `right` is a seqgpu_NAME_desc that fits the plans. */
#define MODEL_CREATE_REFUSALS(m, NAME, right, ...)                                                           \
  do {                                                                                                       \
    seqgpu_##NAME *not_made;                                                                                 \
    model_refused((m)->ctx, seqgpu_##NAME##_create((m)->params, NULL, __VA_ARGS__, &not_made), 1,            \
                  #NAME ": desc is NULL");                                                                   \
    model_refused((m)->ctx, seqgpu_##NAME##_create((m)->params, &(right), __VA_ARGS__, NULL), 1,             \
                  #NAME ": out is NULL");                                                                    \
    CHECK(seqgpu_##NAME##_create(NULL, &(right), __VA_ARGS__, NULL) == SEQGPU_EINVAL,                        \
          "params and out NULL");                                                                            \
    model_refused((m)->ctx,                                                                                  \
                  seqgpu_##NAME##_create_((m)->params, MODEL_LATER(seqgpu_##NAME##_desc, right),             \
                                          __VA_ARGS__, &not_made),                                           \
                  1, #NAME "_desc: a field beyond");                                                         \
  } while (0)

/* ---- kinds of a model ---- */

/* How a test opens its models, of `size` bytes. */
typedef struct tested_model {
  size_t size;
  int (*open)(void *model, const void *which, const char *device, seqgpu_dtype dtype); /* 0: no such device */
  void (*close)(void *model);
  checked_model (*checked)(void *model);
  /* What else the two must have in common, once they have the same weights; NULL: nothing. */
  void (*compare)(void *exact, void *model);
} tested_model;

static inline void model_check_on(const tested_model *t, const void *which, const char *device) {
  void *exact = calloc(1, t->size), *model = calloc(1, t->size);
  const int there = t->open(model, which, device, SEQGPU_DTYPE_F32);
  const checked_model m = t->checked(model);
  if (there && t->open(exact, which, "cpu", SEQGPU_DTYPE_F64)) {
    const checked_model e = t->checked(exact);
    model_copy_weights(&e, &m);
    if (t->compare) t->compare(exact, model);
    model_check_device(&e, &m);
    t->close(exact);
  }
  if (there)
    t->close(model);
  else
    check_skip("no such device here", "%s on %s", m.name, device);
  free(exact);
  free(model);
}

/* Gradients and what the test has of its own in float64, then every device beside them. */
static inline void model_check_kind(const tested_model *t, const void *which,
                                    void (*own)(const void *which)) {
  void *model = calloc(1, t->size);
  check_at("cpu f64");
  if (t->open(model, which, "cpu", SEQGPU_DTYPE_F64)) {
    const checked_model m = t->checked(model);
    model_check_gradients(&m);
    t->close(model);
  }
  free(model);
  own(which);
  check_at("cpu f32");
  model_check_on(t, which, "cpu");
  check_at("emulator f32");
  model_check_on(t, which, "emulator");
}

#endif
