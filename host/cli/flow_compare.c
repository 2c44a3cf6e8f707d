/* flow_compare.c - networks that are drawn to be compared (flow_compare.h). */
#include "host/cli/flow_compare.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host/cli/network.h"

/* ---------------------------------------------------------------- one network */

/* Streams of random numbers under the seed; the parameters have those from 0 on. */
enum { INPUT_STREAM = 1 << 20, LOSS_STREAM };

/* Box and Muller. */
static double normal(uint64_t seed, uint64_t stream, uint64_t index) {
  static const double turn = 6.283185307179586;
  const double radius = sqrt(-2 * log(seqgpu_uniform(seed, stream, 2 * index)));
  return radius * cos(turn * seqgpu_uniform(seed, stream, 2 * index + 1));
}

/* [n], NULL when out of memory. */
static double *draw(int64_t n, double scale, uint64_t seed, uint64_t stream) {
  double *x = malloc((size_t)n * sizeof *x);
  for (int64_t i = 0; x && i < n; i++) x[i] = scale * normal(seed, stream, (uint64_t)i);
  return x;
}

/* u in the place of h of the last layer, 0 elsewhere. */
static double *draw_loss(const flow *f, uint64_t seed) {
  double *gradient = calloc((size_t)f->S, sizeof *gradient), squares = 0;
  const int64_t n = f->state_width[0], first = flow_output(f, 0);
  for (int64_t j = 0; gradient && j < n; j++) {
    const double u = normal(seed, LOSS_STREAM, (uint64_t)j);
    gradient[first + j] = u;
    squares += u * u;
  }
  for (int64_t j = 0; gradient && j < n; j++) gradient[first + j] /= sqrt(squares);
  return gradient;
}

static seqgpu_status look_at(flow *f, const flow_network *n, flow_look *out) {
  double *gradient = draw_loss(f, (uint64_t)n->model->seed);
  if (gradient == NULL) return cli_no_memory();
  const seqgpu_status status = flow_look_at(f, n->name, gradient, out);
  free(gradient);
  return status;
}

static seqgpu_status run(seqgpu_context *ctx, const flow_network *n, const seqgpu_rnn_desc *desc,
                         const void *params, flow_look *out) {
  const int64_t T = n->model->rnn.seq_len;
  double *x = draw(T * desc->input_size, n->input_scale, (uint64_t)n->model->seed, INPUT_STREAM);
  flow f;
  if (x == NULL) return cli_no_memory();
  seqgpu_status status = flow_open(ctx, desc, params, T, x, &f);
  free(x);
  if (status != SEQGPU_OK) return status;
  status = look_at(&f, n, out);
  flow_close(&f);
  return status;
}

/* Parameters are drawn as `seqgpu train` draws them. */
static seqgpu_status draw_and_run(seqgpu_context *ctx, const flow_network *n, const seqgpu_plan *plan,
                                  flow_look *out) {
  const seqgpu_rnn_desc desc = seqgpu_plan_get_desc(plan);
  seqgpu_params *params = NULL;
  seqgpu_param block;
  seqgpu_status status = seqgpu_params_create(ctx, (uint64_t)n->model->seed, &params);
  if (status == SEQGPU_OK) status = network_add_params(n->model, params, plan, &block);
  if (status == SEQGPU_OK) status = run(ctx, n, &desc, block.value, out);
  seqgpu_params_destroy(params);
  return status;
}

/* Of inputs, states and norms over all steps, in float64. */
static network_rest steps_of(const model_config *c) {
  const double H = (double)c->rnn.hidden_size, L = (double)c->rnn.num_layers;
  return (network_rest){.per_step = 2 * (double)c->rnn.seq_len * (H + 2 * L * H + 10 * L)};
}

int flow_compare_one(seqgpu_context *ctx, const flow_network *network, flow_look *out) {
  const model_config *c = network->model;
  seqgpu_plan *plan;
  if (network_plan(ctx, c, c->rnn.hidden_size, 1, 1, 1, &plan) != SEQGPU_OK) return cli_library_error(ctx);
  int code = network_check_memory(ctx, plan, steps_of(c));
  if (code == CLI_OK && draw_and_run(ctx, network, plan, out) != SEQGPU_OK) code = cli_library_error(ctx);
  seqgpu_plan_destroy(plan);
  return code;
}

/* ---------------------------------------------------------------- one of each kind */

static const struct {
  const char *name, *cell, *init;
  double init_scale;
  seqgpu_activation activation;
} kinds[FLOW_KINDS] = {
    {"RNN, radius 0.9", "rnn", "careful", 0.9, SEQGPU_ACTIVATION_TANH},
    {"RNN, radius 1.5", "rnn", "careful", 1.5, SEQGPU_ACTIVATION_TANH},
    {"LSTM version 0", "lstm0", "pytorch", 0, SEQGPU_ACTIVATION_TANH},
    {"LSTM version 1", "lstm", "pytorch", 0, SEQGPU_ACTIVATION_TANH},
    {"GRU", "gru", "pytorch", 0, SEQGPU_ACTIVATION_TANH},
    {"IRNN", "rnn", "irnn", 0, SEQGPU_ACTIVATION_RELU},
    {"uRNN", "urnn", "pytorch", 0, SEQGPU_ACTIVATION_TANH},
    {"orthogonal RNN", "rnn", "orthogonal", 0, SEQGPU_ACTIVATION_TANH},
};

int flow_compare_all(seqgpu_context *ctx, const model_config *base, double input_scale, flow_look *out) {
  for (int i = 0; i < FLOW_KINDS; i++) {
    model_config model = *base;
    snprintf(model.cell, sizeof model.cell, "%s", kinds[i].cell);
    snprintf(model.init, sizeof model.init, "%s", kinds[i].init);
    model.init_scale = kinds[i].init_scale;
    model.rnn.activation = kinds[i].activation;
    const flow_network network = {kinds[i].name, &model, input_scale};
    const int code = flow_compare_one(ctx, &network, &out[i]);
    if (code == CLI_OK) continue;
    while (i-- > 0) flow_look_free(&out[i]);
    return code;
  }
  return CLI_OK;
}
