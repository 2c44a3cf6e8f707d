/* network.c - the recurrent layers of a config on a device (network.h). */
#include "host/cli/network.h"

#include <math.h>
#include <string.h>

#include "host/cli/hessian.h"

seqgpu_status network_plan(seqgpu_context *ctx, const model_config *c, int64_t input, int64_t T, int64_t B,
                           int training, seqgpu_plan **out) {
  seqgpu_rnn_desc desc = c->rnn;
  desc.cell = c->cell;
  desc.input_size = input;
  desc.seq_len = T;
  desc.batch = B;
  desc.inference = !training;
  desc.math = c->how.math;
  if (!training) desc.dropout = desc.omega = 0;
  desc.tangents = training && hessian_is_asked(c);
  if (training && c->shards > 1) {
    desc.whole_batch = B;
    desc.batch = (B + c->shards - 1) / c->shards;
  }
  const seqgpu_plan_options options = how_to_plan(&c->how);
  return seqgpu_plan_create(ctx, &desc, &options, out);
}

/* The weights that read the input of each layer and direction. */
static seqgpu_status draw_input_weights(seqgpu_params *params, const char *network, double deviation) {
  char prefix[ARGS_WORD];
  seqgpu_param p;
  snprintf(prefix, sizeof prefix, "%s.weight_ih_l", network);
  for (int i = 0; i < seqgpu_params_count(params); i++) {
    LIB_TRY(seqgpu_params_get(params, i, &p));
    if (strncmp(p.name, prefix, strlen(prefix)) == 0)
      LIB_TRY(seqgpu_params_init(params, p.name, "normal", deviation));
  }
  return SEQGPU_OK;
}

seqgpu_status network_draw_params(const model_config *c, seqgpu_params *params, const char *prefix,
                                  const seqgpu_plan *plan) {
  double bias;
  if (strcmp(c->init, "pytorch") != 0 || c->init_scale > 0)
    LIB_TRY(seqgpu_params_init_rnn(params, prefix, plan, c->init, c->init_scale));
  if (c->init_input > 0) LIB_TRY(draw_input_weights(params, prefix, c->init_input));
  if (!config_forget_bias(c, &bias) || isnan(bias)) return SEQGPU_OK;
  return seqgpu_params_set_gate_bias(params, prefix, plan, NULL, bias);
}

seqgpu_status network_add_params(const model_config *c, seqgpu_params *params, const seqgpu_plan *plan,
                                 seqgpu_param *out) {
  LIB_TRY(seqgpu_params_add_rnn(params, "rnn", plan, out));
  return network_draw_params(c, params, "rnn", plan);
}

/* A trained parameter has a gradient, at most two moments, an average, and room to put the values aside. */
enum { TRAINED = 4, AVERAGED = 2 };
/* Hessian-free optimisation keeps two tapes, and some 30 numbers of twice the size. */
enum { TAPES = 2, SOLVED = 60 };

/* Sums of gradients that seqgpu_shards keeps: the binary digits of how many shards a batch has. */
static double sums(const seqgpu_rnn_desc *d) {
  double digits = 0;
  for (int64_t s = d->whole_batch > d->batch ? d->whole_batch / d->batch : 0; s > 0; s /= 2) digits++;
  return digits;
}

int network_check_memory(const seqgpu_context *ctx, const seqgpu_plan *plan, network_rest rest) {
  const seqgpu_rnn_desc desc = seqgpu_plan_get_desc(plan);
  const seqgpu_plan_sizes sizes = seqgpu_plan_get_sizes(plan);
  const double params = (double)sizes.param_elements + rest.params;
  const double copies =
      desc.inference ? 1
                     : TRAINED + (rest.averaged ? AVERAGED : 0) + (rest.hessian ? SOLVED : 0) + sums(&desc);
  const double tapes = rest.hessian ? TAPES : 1, steps = (double)(desc.seq_len * desc.batch);
  const double once = (double)sizeof(float) * rest.per_step * steps + (double)sizes.reserve;
  return cli_check_memory(ctx,
                          (double)sizeof(float) * copies * params + tapes * once + (double)sizes.workspace);
}
