/* config.c - options of the model and the run, and how they are kept in checkpoints (config.h). */
#include "host/cli/config.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define FIELD(name) offsetof(model_config, name)

/* clang-format off: a table */
const arg_spec model_specs[] = {
    {"cell", ARG_CELL, ARG_KEEP_MODEL, FIELD(cell), 0, 0, NULL, "CELL", "recurrent cell"},
    {"layers", ARG_INT, ARG_KEEP_MODEL, FIELD(rnn.num_layers), 1, 1024, NULL, "N", "recurrent layers"},
    {"hidden", ARG_INT, ARG_KEEP_MODEL, FIELD(rnn.hidden_size), 1, 2147483647, NULL, "N", "units of a layer"},
    {"projection", ARG_INT, ARG_KEEP_MODEL, FIELD(rnn.projection_size), 0, 2147483647, NULL, "N",
     "lstm: width of h, 0 = hidden"},
    {"activation", ARG_ENUM, ARG_KEEP_MODEL, FIELD(rnn.activation), 0, 0, "tanh|relu|sigmoid|identity", "G",
     "of cells that leave it open: rnn, leaky, householder"},
    {"reset-after", ARG_FLAG, ARG_KEEP_MODEL, FIELD(rnn.reset_after), 0, 0, NULL, NULL,
     "gru: reset after the product, as PyTorch"},
    {"peephole", ARG_FLAG, ARG_KEEP_MODEL, FIELD(rnn.peephole), 0, 0, NULL, NULL,
     "lstm: gates see the cell state"},
    {"coupled", ARG_FLAG, ARG_KEEP_MODEL, FIELD(rnn.coupled), 0, 0, NULL, NULL,
     "lstm: forget gate = 1 - input gate"},
    {"factors", ARG_INT, ARG_KEEP_MODEL, FIELD(rnn.factor_size), 0, 2147483647, NULL, "N",
     "multiplicative cells: width of the factored product, 0 = hidden"},
    {"context", ARG_INT, ARG_KEEP_MODEL, FIELD(rnn.context_size), 0, 2147483647, NULL, "N",
     "scrn: units of the slow context, 0 = hidden"},
    {"leak", ARG_REAL, ARG_KEEP_MODEL, FIELD(rnn.leak), 0, 1, NULL, "F",
     "leaky states: share of the new value a step, 0 = the cell's own"},
    {"learn-leak", ARG_FLAG, ARG_KEEP_MODEL, FIELD(rnn.learn_leak), 0, 0, NULL, NULL,
     "scrn: each context unit learns its leak"},
    {"reflections", ARG_INT, ARG_KEEP_MODEL, FIELD(rnn.reflections), 0, 2147483647, NULL, "N",
     "householder: how many, 0 = hidden"},
    {"init", ARG_CHOICE, ARG_KEEP_RUN, FIELD(init), 0, 0, "pytorch|irnn|np|careful|orthogonal", "NAME",
     "how the layers' weights begin"},
    {"init-scale", ARG_REAL, ARG_KEEP_RUN, FIELD(init_scale), 0, 1000, NULL, "S",
     "scale of the recurrent weights, 0 = the scheme's own"},
    {"forget-bias", ARG_WORD, ARG_KEEP_RUN, FIELD(forget_bias), 0, 0, NULL, "B",
     "bias of the gate that keeps the old state, or auto: the scheme's own"},
    {"batch", ARG_INT, ARG_KEEP_RUN, FIELD(rnn.batch), 1, 1000000, NULL, "B", "sequences of an update"},
    {"seed", ARG_INT, ARG_KEEP_RUN, FIELD(seed), 0, 9e15, NULL, "N", "of all random numbers"},
    {"optimizer", ARG_CHOICE, ARG_KEEP_RUN, FIELD(optimizer), 0, 0, "sgd|momentum|rmsprop|adam", "NAME",
     "update rule"},
    {"momentum", ARG_REAL, ARG_KEEP_FREE, FIELD(momentum), 0, 0.99999, NULL, "F",
     "momentum, adam: memory of the gradient, 0 = 0.9"},
    {"decay", ARG_REAL, ARG_KEEP_FREE, FIELD(decay), 0, 0.99999, NULL, "F",
     "memory of the squares, 0 = rmsprop 0.95, adam 0.999"},
    {"dropout", ARG_REAL, ARG_KEEP_FREE, FIELD(rnn.dropout), 0, 0.999, NULL, "P",
     "probability of dropping, between layers"},
    {"clip", ARG_WORD, ARG_KEEP_FREE, FIELD(clip), 0, 0, NULL, "C",
     "gradient norm is clipped to C; or value:C, auto, none"},
    {"lr", ARG_REAL, ARG_KEEP_FREE, FIELD(lr), 0, 1e38, NULL, "R", "learning rate"},
    {NULL, ARG_FLAG, ARG_NOT_KEPT, 0, 0, 0, NULL, NULL, NULL},
};
const arg_spec epoch_specs[] = {
    {"lr-decay", ARG_REAL, ARG_KEEP_FREE, FIELD(lr_decay), 1e-9, 1, NULL, "F",
     "factor on the rate after each epoch ..."},
    {"lr-decay-after", ARG_INT, ARG_KEEP_FREE, FIELD(lr_decay_after), 0, 1000000000, NULL, "N",
     "... from this epoch on"},
    {NULL, ARG_FLAG, ARG_NOT_KEPT, 0, 0, 0, NULL, NULL, NULL},
};
/* clang-format on */

seqgpu_rnn_desc config_rnn(const model_config *c, int64_t input, int64_t T, int64_t B, int training) {
  seqgpu_rnn_desc desc = c->rnn;
  desc.cell = c->cell;
  desc.input_size = input;
  desc.seq_len = T;
  desc.batch = B;
  desc.inference = !training;
  if (!training) desc.dropout = 0;
  return desc;
}

/* ---------------------------------------------------------------- initial weights */

/* "auto" (*value NaN), or a number; 0 if it is neither. */
static int read_forget_bias(const char *text, double *value) {
  char *end;
  *value = (double)NAN;
  if (strcmp(text, "auto") == 0) return 1;
  *value = strtod(text, &end);
  return end != text && *end == 0 && isfinite(*value);
}

seqgpu_status config_add_rnn(const model_config *c, seqgpu_params *params, const seqgpu_plan *plan,
                             seqgpu_param *out) {
  double bias;
  LIB_TRY(seqgpu_params_add_rnn(params, "rnn", plan, out));
  if (strcmp(c->init, "pytorch") != 0 || c->init_scale > 0)
    LIB_TRY(seqgpu_params_init_rnn(params, "rnn", plan, c->init, c->init_scale));
  if (!read_forget_bias(c->forget_bias, &bias) || isnan(bias)) return SEQGPU_OK;
  return seqgpu_params_set_gate_bias(params, "rnn", plan, NULL, bias);
}

int config_check(const model_config *c) {
  double bias;
  seqgpu_optimizer unused;
  if (!read_forget_bias(c->forget_bias, &bias))
    return cli_usage("--forget-bias: \"%s\" is neither a number nor auto", c->forget_bias);
  return config_optimizer(c, &unused);
}

/* ---------------------------------------------------------------- optimiser */

/* "5": norm;  "value:1": each number. */
static int read_clip(const char *text, seqgpu_optimizer *out) {
  static const char by_value[] = "value:";
  const size_t skip = strncmp(text, by_value, strlen(by_value)) == 0 ? strlen(by_value) : 0;
  char *end;
  out->clip = skip ? SEQGPU_CLIP_VALUE : SEQGPU_CLIP_NORM;
  out->clip_threshold = strtod(text + skip, &end);
  if (end == text + skip || *end || !isfinite(out->clip_threshold) || out->clip_threshold <= 0)
    return cli_usage("--clip: \"%s\" is neither a number above 0, value: and such a number, auto, nor none",
                     text);
  return CLI_OK;
}

int config_optimizer(const model_config *c, seqgpu_optimizer *out) {
  static const char *const names[] = {[SEQGPU_OPTIMIZER_SGD] = "sgd",
                                      [SEQGPU_OPTIMIZER_MOMENTUM] = "momentum",
                                      [SEQGPU_OPTIMIZER_RMSPROP] = "rmsprop",
                                      [SEQGPU_OPTIMIZER_ADAM] = "adam"};
  *out = (seqgpu_optimizer){
      .kind = SEQGPU_OPTIMIZER_SGD, .lr = c->lr, .momentum = c->momentum, .decay = c->decay};
  while (strcmp(names[out->kind], c->optimizer) != 0) out->kind++;
  if (strcmp(c->clip, "none") == 0) return CLI_OK;
  out->clip = SEQGPU_CLIP_AUTO;
  return strcmp(c->clip, "auto") == 0 ? CLI_OK : read_clip(c->clip, out);
}

double config_learning_rate(const model_config *c, int64_t epoch) {
  if (epoch < c->lr_decay_after) return c->lr;
  return c->lr * pow(c->lr_decay, (double)(epoch - c->lr_decay_after + 1));
}

/* ---------------------------------------------------------------- metadata */

void config_add(config_meta *out, const char *key, const char *value) {
  out->meta[out->count++] = (seqgpu_meta){key, value};
}

void config_write(config_meta *out, const char *format, const arg_spec *specs, const void *config,
                  const config_cursor *cursor) {
  out->count = 0;
  for (; specs->name; specs++) {
    if (specs->keep == ARG_NOT_KEPT) continue;
    args_format(specs, config, out->text[out->count]);
    config_add(out, specs->name, out->text[out->count]);
  }
  snprintf(out->text[out->count], ARGS_VALUE, "%" PRId64, cursor->step);
  config_add(out, "step", out->text[out->count]);
  snprintf(out->text[out->count], ARGS_VALUE, "%" PRId64, cursor->data_size);
  config_add(out, "data_size", out->text[out->count]);
  snprintf(out->text[out->count], ARGS_VALUE, "%016" PRIx64, cursor->data_hash);
  config_add(out, "data_hash", out->text[out->count]);
  config_add(out, "format", format);
}

int config_is_of(const seqgpu_checkpoint *file, const char *format) {
  const char *there = seqgpu_checkpoint_meta(file, "format");
  return there && strcmp(there, format) == 0;
}

static int read_cursor(const seqgpu_checkpoint *file, const char *path, config_cursor *out) {
  const char *step = seqgpu_checkpoint_meta(file, "step"), *size = seqgpu_checkpoint_meta(file, "data_size");
  const char *hash = seqgpu_checkpoint_meta(file, "data_hash");
  if (step == NULL || size == NULL || hash == NULL || sscanf(step, "%" SCNd64, &out->step) != 1 ||
      sscanf(size, "%" SCNd64, &out->data_size) != 1 || sscanf(hash, "%" SCNx64, &out->data_hash) != 1 ||
      out->step < 0)
    return cli_error("%s: the checkpoint does not say where training stood", path);
  return CLI_OK;
}

int config_read(const seqgpu_checkpoint *file, const char *path, const arg_spec *specs, void *config,
                config_cursor *cursor) {
  char where[160];
  snprintf(where, sizeof where, "%.150s: ", path);
  for (; specs->name; specs++) {
    if (specs->keep == ARG_NOT_KEPT) continue;
    const char *value = seqgpu_checkpoint_meta(file, specs->name);
    if (value && args_set(specs, value, config, where)) return CLI_FAILED;
  }
  return read_cursor(file, path, cursor);
}

int config_merge(const arg_spec *specs, const unsigned char *given, void *config, const void *stored,
                 const char *path, int resume) {
  for (int i = 0; specs[i].name; i++) {
    const arg_spec *spec = &specs[i];
    if (spec->keep == ARG_NOT_KEPT) continue;
    const int fixed = spec->keep == ARG_KEEP_MODEL || (resume && spec->keep == ARG_KEEP_RUN);
    char there[ARGS_VALUE], here[ARGS_VALUE];
    args_format(spec, stored, there);
    args_format(spec, config, here);
    if (given[i] && fixed && strcmp(here, there) != 0)
      return cli_error("--%s: is %s, but %s was trained with %s", spec->name, here, path, there);
    if (!given[i] && (fixed || resume)) CLI_TRY(args_set(spec, there, config, "--"));
  }
  return CLI_OK;
}
