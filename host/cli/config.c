/* config.c - options of the model and the run, and how they are kept in checkpoints (config.h). */
#include "host/cli/config.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------- tables */

#define FIELD(name) offsetof(model_config, name)

_Static_assert(SEQGPU_OMEGA_NORMS == 0 && SEQGPU_OMEGA_SQUARES == 1, "the order of --omega-form");

/* The rows of core/options.def, by the kind of the option; checkpoints know each by its key. */
#define ROW_OPTION(arg_kind_, field, min_, max_, choices_, key_, value_, help_)                              \
  {.name = #field,                                                                                           \
   .kind = arg_kind_,                                                                                        \
   .keep = ARG_KEEP_MODEL,                                                                                   \
   .offset = FIELD(rnn.field),                                                                               \
   .min = min_,                                                                                              \
   .max = max_,                                                                                              \
   .choices = choices_,                                                                                      \
   .value = value_,                                                                                          \
   .help = help_,                                                                                            \
   .key = key_},
#define OPTION_SIZE(field, least, most, ...)  ROW_OPTION(ARG_INT, field, least, most, NULL, __VA_ARGS__)
#define OPTION_SHARE(field, least, most, ...) ROW_OPTION(ARG_REAL, field, least, most, NULL, __VA_ARGS__)
#define OPTION_FLAG(field, least, most, ...)  ROW_OPTION(ARG_FLAG, field, least, most, NULL, __VA_ARGS__)
#define OPTION_ACTIVATION(field, least, most, ...)                                                           \
  ROW_OPTION(ARG_ENUM, field, 0, 0, "tanh|relu|sigmoid|identity", __VA_ARGS__)
#define OPTION(BIT, field, kind, least, most, refusal, ...) OPTION_##kind(field, least, most, __VA_ARGS__)

static const arg_spec model_specs[] = {
    ROW_GROUP("Network"),
    ROW_CELL("cell", ARG_KEEP_MODEL, FIELD(cell), "recurrent cell"),
    ROW_INT("layers", ARG_KEEP_MODEL, FIELD(rnn.num_layers), 1, 1024, "N", "recurrent layers"),
    ROW_INT("hidden", ARG_KEEP_MODEL, FIELD(rnn.hidden_size), 1, INT32_MAX, "N", "units per layer"),
#include "core/options.def"
#undef OPTION
    ROW_CHOICE("init", ARG_KEEP_RUN, FIELD(init), "pytorch|irnn|np|careful|orthogonal", "NAME",
               "initialisation of the recurrent layers"),
    ROW_REAL("init-scale", ARG_KEEP_RUN, FIELD(init_scale), 0, 1000, "S",
             "scale of the recurrent weights, 0 = the scheme's own"),
    ROW_REAL("init-input", ARG_KEEP_RUN, FIELD(init_input), 0, 1000, "S",
             "draw the weights that read each layer's input normal with deviation S, 0 = as the scheme does"),
    ROW_WORD("forget-bias", ARG_KEEP_RUN, FIELD(forget_bias), "B",
             "bias of the gate that keeps the old state; auto = the scheme's own"),
    ROW_GROUP("Learning"),
    ROW_INT("batch", ARG_KEEP_RUN, FIELD(rnn.batch), 1, 1000000, "B", "sequences per update"),
    ROW_INT("shards", ARG_KEEP_FREE, FIELD(shards), 0, 65536, "S",
            "parts of a batch that are learnt apart and added in a fixed order, 0 = one for each process"),
    ROW_INT("seed", ARG_KEEP_RUN, FIELD(seed), 0, 9e15, "N", "seed of all random numbers"),
    ROW_CHOICE("optimizer", ARG_KEEP_RUN, FIELD(optimizer),
               "sgd|momentum|nesterov|rmsprop|adam|adamw|hessian-free", "NAME", "update rule"),
    ROW_REAL("momentum", ARG_KEEP_FREE, FIELD(momentum), 0, 0.99999, "F",
             "momentum, nesterov, adam, adamw: decay of the average gradient, 0 = 0.9"),
    ROW_REAL("decay", ARG_KEEP_FREE, FIELD(decay), 0, 0.99999, "F",
             "decay of the average square, 0 = 0.95 (rmsprop), 0.999 (adam, adamw)"),
    ROW_REAL("dropout", ARG_KEEP_FREE, FIELD(rnn.dropout), 0, 0.999, "P",
             "probability of dropping a value between layers"),
    ROW_REAL("omega", ARG_KEEP_FREE, FIELD(rnn.omega), 0, 1e38, "A",
             "rnn, leaky, lstm, lstm0, gru: weight of the regulariser against vanishing gradients, 0 = none "
             "(Pascanu 2013: 4, 2)"),
    ROW_ENUM("omega-form", ARG_KEEP_FREE, FIELD(rnn.omega_form), "norms|squares", "FORM",
             "of the paper, or of its authors' code"),
    ROW_WORD("clip", ARG_KEEP_FREE, FIELD(clip), "C", "clip the gradient norm to C; or value:C, auto, none"),
    ROW_REAL("lr", ARG_KEEP_FREE, FIELD(lr), 0, 1e38, "R", "learning rate"),
    ROW_END,
};
const arg_spec epoch_specs[] = {
    ROW_GROUP("Learning"),
    ROW_REAL("lr-decay", ARG_KEEP_FREE, FIELD(lr_decay), 1e-9, 1, "F",
             "factor on the learning rate after each epoch ..."),
    ROW_INT("lr-decay-after", ARG_KEEP_FREE, FIELD(lr_decay_after), 0, 1000000000, "N",
            "... from this epoch on"),
    ROW_END,
};

void config_join_specs(arg_spec table[ARGS_MAX], size_t shift) {
  args_join(table, model_specs, shift);
  args_join(table, learning_specs, shift + FIELD(learning));
  args_join(table, hessian_specs, shift + FIELD(hessian));
  args_join(table, how_specs, shift + FIELD(how));
}

/* ---------------------------------------------------------------- options that are words */

int config_forget_bias(const model_config *c, double *value) {
  const char *text = c->forget_bias;
  char *end;
  *value = (double)NAN;
  if (strcmp(text, "auto") == 0) return 1;
  *value = strtod(text, &end);
  return end != text && *end == 0 && isfinite(*value);
}

int config_check_bias(const model_config *c) {
  double bias;
  if (config_forget_bias(c, &bias)) return CLI_OK;
  return cli_usage("--forget-bias: is \"%s\"; it must be a number or auto", c->forget_bias);
}

int config_check(const model_config *c) {
  seqgpu_optimizer unused;
  CLI_TRY(config_check_bias(c));
  CLI_TRY(learning_check(&c->learning));
  return config_optimizer(c, &unused);
}

/* "5": the norm;  "value:1": each element. */
static int read_clip(const char *text, seqgpu_optimizer *out) {
  static const char by_value[] = "value:";
  const size_t skip = strncmp(text, by_value, strlen(by_value)) == 0 ? strlen(by_value) : 0;
  char *end;
  out->clip = skip ? SEQGPU_CLIP_VALUE : SEQGPU_CLIP_NORM;
  out->clip_threshold = strtod(text + skip, &end);
  if (end == text + skip || *end || !isfinite(out->clip_threshold) || out->clip_threshold <= 0)
    return cli_usage("--clip: is \"%s\"; it must be C, value:C (with a number C above 0), auto or none",
                     text);
  return CLI_OK;
}

int config_optimizer(const model_config *c, seqgpu_optimizer *out) {
  static const struct {
    const char *name;
    seqgpu_optimizer_kind kind;
    int nesterov, decoupled;
  } rules[] = {{"sgd", SEQGPU_OPTIMIZER_SGD, 0, 0},           {"momentum", SEQGPU_OPTIMIZER_MOMENTUM, 0, 0},
               {"nesterov", SEQGPU_OPTIMIZER_MOMENTUM, 1, 0}, {"rmsprop", SEQGPU_OPTIMIZER_RMSPROP, 0, 0},
               {"adam", SEQGPU_OPTIMIZER_ADAM, 0, 0},         {"adamw", SEQGPU_OPTIMIZER_ADAM, 0, 1},
               {"hessian-free", SEQGPU_OPTIMIZER_SGD, 0, 0}}; /* which is not asked for an update then */
  size_t i = 0;
  while (strcmp(rules[i].name, c->optimizer) != 0) i++;
  *out = (seqgpu_optimizer){.kind = rules[i].kind,
                            .lr = c->lr,
                            .momentum = c->momentum,
                            .decay = c->decay,
                            .weight_decay = c->learning.weight_decay,
                            .nesterov = rules[i].nesterov,
                            .decoupled = rules[i].decoupled,
                            .noise = c->learning.noise,
                            .noise_decay = c->learning.noise_decay};
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

/* What only some files say. */
static void add_extent(config_meta *out, const config_cursor *cursor) {
  if (cursor->train_size > 0) {
    snprintf(out->text[out->count], ARGS_VALUE, "%" PRId64, cursor->train_size);
    config_add(out, "train_size", out->text[out->count]);
  }
  if (cursor->val_hash) {
    snprintf(out->text[out->count], ARGS_VALUE, "%016" PRIx64, cursor->val_hash);
    config_add(out, "val_hash", out->text[out->count]);
  }
  if (cursor->eval_every > 0) {
    snprintf(out->text[out->count], ARGS_VALUE, "%" PRId64, cursor->eval_every);
    config_add(out, "eval_every", out->text[out->count]);
    learning_write(&cursor->learning, out->learning);
    config_add(out, "learning", out->learning);
  }
  if (!cursor->has_val_loss) return;
  snprintf(out->text[out->count], ARGS_VALUE, "%.17g", cursor->val_loss);
  config_add(out, "val_loss", out->text[out->count]);
}

void config_write(config_meta *out, const char *format, const arg_spec *specs, const void *config,
                  const config_cursor *cursor) {
  out->count = 0;
  for (; specs->name[0]; specs++) {
    if (specs->keep == ARG_NOT_KEPT) continue;
    args_format(specs, config, out->text[out->count]);
    config_add(out, args_key(specs), out->text[out->count]);
  }
  snprintf(out->text[out->count], ARGS_VALUE, "%" PRId64, cursor->step);
  config_add(out, "step", out->text[out->count]);
  snprintf(out->text[out->count], ARGS_VALUE, "%" PRId64, cursor->data_size);
  config_add(out, "data_size", out->text[out->count]);
  snprintf(out->text[out->count], ARGS_VALUE, "%016" PRIx64, cursor->data_hash);
  config_add(out, "data_hash", out->text[out->count]);
  add_extent(out, cursor);
  config_add(out, "format", format);
}

int config_is_of(const seqgpu_checkpoint *file, const char *format) {
  const char *there = seqgpu_checkpoint_meta(file, "format");
  return there && strcmp(there, format) == 0;
}

/* A number of the metadata, of nothing but digits, at most `most`. */
static int read_number(const seqgpu_checkpoint *file, const char *path, const char *key, int base,
                       uint64_t most, uint64_t *out) {
  const char *text = seqgpu_checkpoint_meta(file, key),
             *digits = base == 10 ? "0123456789" : "0123456789abcdef";
  if (text == NULL)
    return cli_error("%s: does not say where training stood; %s must be in its metadata", path, key);
  errno = 0;
  *out = strtoull(text, NULL, base);
  if (text[0] == 0 || text[strspn(text, digits)] || errno || *out > most)
    return cli_error("%s: %s is \"%.40s\"; it must be a whole number of at most %llu", path, key, text,
                     (unsigned long long)most);
  return CLI_OK;
}

static int read_cursor(const seqgpu_checkpoint *file, const char *path, config_cursor *out) {
  uint64_t step, size;
  CLI_TRY(read_number(file, path, "step", 10, CONFIG_MOST_STEPS, &step));
  CLI_TRY(read_number(file, path, "data_size", 10, INT64_MAX, &size));
  CLI_TRY(read_number(file, path, "data_hash", 16, UINT64_MAX, &out->data_hash));
  out->step = (int64_t)step;
  out->data_size = (int64_t)size;
  return CLI_OK;
}

int config_read_measure(const seqgpu_checkpoint *file, const char *path, int64_t *step, double *val_loss) {
  const char *text = seqgpu_checkpoint_meta(file, "val_loss");
  char *end;
  uint64_t number = 0;
  *step = -1;
  *val_loss = (double)NAN;
  if (text == NULL) return CLI_OK;
  CLI_TRY(read_number(file, path, "step", 10, CONFIG_MOST_STEPS, &number));
  *val_loss = strtod(text, &end);
  if (end == text || *end || !isfinite(*val_loss))
    return cli_error("%s: val_loss is \"%.40s\"; it must be a number", path, text);
  *step = (int64_t)number;
  return CLI_OK;
}

/* One that older files lack: it is then 0. */
static int read_younger(const seqgpu_checkpoint *file, const char *path, const char *key, int base,
                        uint64_t most, uint64_t *out) {
  *out = 0;
  return seqgpu_checkpoint_meta(file, key) ? read_number(file, path, key, base, most, out) : CLI_OK;
}

/* What validations have led to, where the run depends on it. */
static int read_learning(const seqgpu_checkpoint *file, const char *path, config_cursor *out) {
  const char *text = seqgpu_checkpoint_meta(file, "learning");
  uint64_t every;
  CLI_TRY(read_younger(file, path, "eval_every", 10, CONFIG_MOST_STEPS, &every));
  out->eval_every = (int64_t)every;
  out->learning = (learning_state){.validations = 0};
  if (text == NULL || learning_read(text, &out->learning)) return CLI_OK;
  return cli_error("%s: learning is \"%.40s\"; it must be what validations have led to", path, text);
}

static int read_extent(const seqgpu_checkpoint *file, const char *path, config_cursor *out) {
  uint64_t train_size;
  CLI_TRY(read_younger(file, path, "train_size", 10, INT64_MAX, &train_size));
  out->train_size = (int64_t)train_size;
  CLI_TRY(read_younger(file, path, "val_hash", 16, UINT64_MAX, &out->val_hash));
  return read_learning(file, path, out);
}

int config_read(const seqgpu_checkpoint *file, const char *path, const arg_spec *specs, void *config,
                config_cursor *cursor) {
  char who[200];
  for (; specs->name[0]; specs++) {
    if (specs->keep == ARG_NOT_KEPT) continue;
    const char *value = seqgpu_checkpoint_meta(file, args_key(specs));
    snprintf(who, sizeof who, "%.150s: %s", path, args_key(specs));
    if (value && args_set(specs, value, config, who)) return CLI_FAILED;
  }
  CLI_TRY(read_cursor(file, path, cursor));
  return read_extent(file, path, cursor);
}

int config_merge(const arg_spec *specs, const unsigned char *given, void *config, const void *stored,
                 const char *path, int resume) {
  for (int i = 0; specs[i].name[0]; i++) {
    const arg_spec *spec = &specs[i];
    if (spec->keep == ARG_NOT_KEPT) continue;
    const int fixed = spec->keep == ARG_KEEP_MODEL || (resume && spec->keep == ARG_KEEP_RUN);
    char there[ARGS_VALUE], here[ARGS_VALUE];
    args_format(spec, stored, there);
    args_format(spec, config, here);
    if (given[i] && fixed && strcmp(here, there) != 0)
      return cli_error("--%s: is %s; %s was trained with %s", spec->name, here, path, there);
    if (!given[i] && (fixed || resume))
      (void)args_set(spec, there, config, spec->name); /* it was one before */
  }
  return CLI_OK;
}
