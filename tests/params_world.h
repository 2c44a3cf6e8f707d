/* params_world.h - what the tests of updates share (test_params_*.c): the devices, and a small model with
 * a network, of which every tensor may be looked at alone, two lone tensors and a state.
 */
#ifndef PARAMS_WORLD_H
#define PARAMS_WORLD_H

#include "seqgpu/seqgpu.h"
#include "tests/net.h"

/* Elements, in the order of the layer: weight_ih, from BIAS on the bias, from HH on weight_hh; then w and
 * u. */
enum { BIAS = 24, HH = 36, LSTM = 72, W = 40, U = 3, ALL = LSTM + W + U };

typedef struct model {
  seqgpu_params *params;
  seqgpu_param rnn, w, u;
} model;

static inline seqgpu_status model_new(seqgpu_context *ctx, model *m) {
  const seqgpu_rnn_desc desc = {.cell = "lstm", .input_size = 2, .hidden_size = 3, .seq_len = 2, .batch = 1};
  seqgpu_plan *plan = NULL;
  *m = (model){.params = NULL};
  seqgpu_status status = seqgpu_plan_create(ctx, &desc, NULL, &plan);
  if (status == SEQGPU_OK) status = seqgpu_params_create(ctx, 7, &m->params);
  if (status == SEQGPU_OK) status = seqgpu_params_add_rnn(m->params, "rnn", plan, &m->rnn);
  if (status == SEQGPU_OK) status = seqgpu_params_add(m->params, "w", W, 1, "normal", 1, &m->w);
  if (status == SEQGPU_OK) status = seqgpu_params_add(m->params, "u", U, 1, "normal", 1, &m->u);
  if (status == SEQGPU_OK) status = seqgpu_params_add_state(m->params, "state", 2, 1, NULL);
  seqgpu_plan_destroy(plan);
  return status;
}

static inline int is_narrow(const seqgpu_context *ctx) {
  return seqgpu_context_dtype(ctx) == SEQGPU_DTYPE_F32;
}

/* All elements, each bit of them; NaN where that fails. */
static inline void model_read(seqgpu_context *ctx, const model *m, double out[ALL]) {
  static const int64_t counts[] = {LSTM, W, U};
  void *const from[] = {m->rnn.value, m->w.value, m->u.value};
  for (int k = 0; k < 3; out += counts[k++]) {
    net_download(ctx, out, from[k], counts[k]);
  }
}

/* The gradients of update `number`: the same for every model. */
static inline void model_gradients(seqgpu_context *ctx, const model *m, int number) {
  static const int64_t counts[] = {LSTM, W, U};
  void *const to[] = {m->rnn.grad, m->w.grad, m->u.grad};
  double wide[LSTM];
  float single[LSTM];
  for (int k = 0; k < 3; k++) {
    for (int64_t i = 0; i < counts[k]; i++)
      single[i] = (float)(wide[i] = (double)(float)sin((double)(i * 7 + 3) * (k + number + 1)));
    seqgpu_copy_in(ctx, to[k], is_narrow(ctx) ? (const void *)single : (const void *)wide,
                   (size_t)counts[k] * seqgpu_dtype_size(seqgpu_context_dtype(ctx)));
  }
}

/* Runs the tests of a program on each device of this build; `first` is 1 on the first one. */
static inline void each_world(const char *what,
                              void (*test)(seqgpu_context *ctx, const char *device, int first)) {
  static const struct {
    const char *device;
    seqgpu_dtype dtype;
  } worlds[] = {{"cpu", SEQGPU_DTYPE_F32},
                {"cpu", SEQGPU_DTYPE_F64},
                {"emulator", SEQGPU_DTYPE_F32},
                {"cuda", SEQGPU_DTYPE_F32}};
  for (size_t i = 0; i < COUNT(worlds); i++) {
    const seqgpu_context_options options = {
        .device = worlds[i].device, .threads = 1, .dtype = worlds[i].dtype};
    seqgpu_context *ctx;
    if (!check_is_for(worlds[i].device)) continue;
    check_at("%s %s", worlds[i].device, worlds[i].dtype == SEQGPU_DTYPE_F64 ? "f64" : "f32");
    if (seqgpu_context_create(&options, &ctx) == SEQGPU_OK)
      test(ctx, worlds[i].device, i == 0);
    else
      check_skip("this build has no such device", "%s", what);
    seqgpu_context_destroy(ctx);
  }
  check_at("cpu f32");
}

#endif
