/* run.c - options of any run of `seqgpu train`, and what it starts from (run.h). */
#include <string.h>

#include "host/cli/run.h"

#include "host/cli/files.h"
#include "host/cli/log.h"
#include "host/cli/saver.h"

#define FIELD(name) offsetof(run_options, name)

const run_options run_defaults = {.common = COMMON_DEFAULTS,
                                  .checkpoint_every = 1000,
                                  .log_every = 50,
                                  .eval_every = 500,
                                  .ranks = {.timeout = 20}};

static const arg_spec epochs_spec[] = {
    ROW_GROUP("Length of the run"),
    ROW_REAL("epochs", ARG_NOT_KEPT, FIELD(epochs), 0, 1e9, "N", "passes over the data, 0 = no limit"),
    ROW_END,
};
static const arg_spec run_specs[] = {
    ROW_GROUP("Length of the run"),
    ROW_INT("steps", ARG_NOT_KEPT, FIELD(steps), 0, 4e18, "N", "updates in all, 0 = no limit"),
    ROW_REAL("minutes", ARG_NOT_KEPT, FIELD(minutes), 0, 1e9, "M", "minutes of this run, 0 = no limit"),
    ROW_REAL("stop-at", ARG_NOT_KEPT, FIELD(stop_at), 0, 1e38, "L",
             "stop once the validation loss is L or less, 0 = never"),
    ROW_REAL("stop-at-metric", ARG_NOT_KEPT, FIELD(stop_at_metric), 0, 1e38, "M",
             "stop once the validation metric is M or less, 0 = never"),
    ROW_INT("patience", ARG_NOT_KEPT, FIELD(patience), 0, 1000000000, "N",
            "stop after N validations without a better loss, 0 = never"),
    ROW_GROUP("Files and reports"),
    ROW_TEXT("checkpoint", FIELD(checkpoint), "FILE", "where to save the model (.safetensors)"),
    ROW_FLAG("force", ARG_NOT_KEPT, FIELD(force), "replace a model that is there already"),
    ROW_INT("checkpoint-every", ARG_NOT_KEPT, FIELD(checkpoint_every), 0, 4e18, "N",
            "updates between saves, 0 = save only at the end"),
    ROW_REAL("checkpoint-minutes", ARG_NOT_KEPT, FIELD(checkpoint_minutes), 0, 1e9, "M",
             "save also when the last save is M minutes ago, 0 = never"),
    ROW_INT("keep", ARG_NOT_KEPT, FIELD(keep), 0, 1000000, "N",
            "also keep the last N saves, numbered by their steps: FILE-00001000"),
    ROW_FLAG("keep-best", ARG_NOT_KEPT, FIELD(keep_best),
             "also keep the model with the lowest validation loss: FILE-best"),
    ROW_TEXT("resume", FIELD(resume), "FILE", "continue the run of a checkpoint, bit for bit"),
    ROW_TEXT("init-from", FIELD(init_from), "FILE", "start from the weights of a checkpoint"),
    ROW_TEXT("log", FIELD(log), "FILE", "JSON Lines file that each report is added to"),
    ROW_TEXT("tensorboard", FIELD(tensorboard), "DIR", "folder of event files for TensorBoard"),
    ROW_INT("log-every", ARG_NOT_KEPT, FIELD(log_every), 1, 4e18, "N", "updates between reports"),
    ROW_INT("eval-every", ARG_NOT_KEPT, FIELD(eval_every), 0, 4e18, "N",
            "updates between validations, 0 = validate only at the end"),
    ROW_FLAG("dry-run", ARG_NOT_KEPT, FIELD(dry_run),
             "only print what would be trained: parameters, algorithm, baseline"),
    ROW_END,
};

void run_join_specs(arg_spec table[ARGS_MAX], size_t shift, int has_epochs) {
  if (has_epochs) args_join(table, epochs_spec, shift);
  args_join(table, run_specs, shift);
  args_join(table, common_specs, shift + FIELD(common));
}

void run_join_together(arg_spec table[ARGS_MAX], size_t shift) {
  args_join(table, ranks_specs, shift + FIELD(ranks));
}

/* What asks for a checkpoint, or for a validation, must have one. */
static int check_saving(const run_command *c, const model_config *config) {
  static const char *const names[] = {"checkpoint-every", "checkpoint-minutes", "keep", "keep-best"};
  const run_options *o = c->run;
  for (size_t i = 0; !o->checkpoint && !o->resume && i < sizeof names / sizeof names[0]; i++)
    if (c->given[args_find(c->specs, names[i])])
      return cli_usage("--%s: nothing is saved without --checkpoint", names[i]);
  if (o->patience > 0 && o->eval_every == 0)
    return cli_usage("--patience: there is only one validation with --eval-every 0");
  if (learning_needs_validations(&config->learning) && o->eval_every == 0)
    return cli_usage("--eval-every: is 0; %s goes by validations",
                     config->learning.average_patience > 0 ? "--average-patience" : "--lr-schedule plateau");
  return CLI_OK;
}

int run_check(const run_command *c, const model_config *config) {
  if (c->run->resume && c->run->init_from)
    return cli_usage("--resume: excludes --init-from; give only one of them");
  CLI_TRY(config_check(config));
  CLI_TRY(check_saving(c, config));
  if (args_find(c->specs, "rank") >= 0) CLI_TRY(ranks_check(&c->run->ranks, c->specs, c->given));
  CLI_TRY(files_check_twice(c->specs, c->options));
  if (c->run->dry_run) return CLI_OK;
  if (c->run->log) CLI_TRY(log_check(c->run->log));
  return saver_check(c->run);
}

/* A run that depends on its validations goes on with as many of them. */
static int keep_validations(run_command *c, const run_start *start, const char *path) {
  const int64_t then = start->cursor.eval_every, now = c->run->eval_every;
  if (then == 0 || then == now) return CLI_OK;
  if (c->given[args_find(c->specs, "eval-every")])
    return cli_error(
        "--eval-every: is %lld; the run of %s depends on its validations, which were every %lld updates",
        (long long)now, path, (long long)then);
  c->run->eval_every = then;
  return CLI_OK;
}

/* Reads the checkpoint's options into c->stored, and takes from them what the command line does not say. */
static int merge_stored(run_command *c, run_start *start, const char *path) {
  memcpy(c->stored, c->options, c->size);
  CLI_TRY(config_read(start->file, path, c->specs, c->stored, &start->cursor));
  CLI_TRY(config_merge(c->specs, c->given, c->options, c->stored, path, c->run->resume != NULL));
  if (c->run->resume && c->run->checkpoint == NULL) c->run->checkpoint = c->run->resume;
  if (!c->run->resume) start->cursor = (config_cursor){.step = 0};
  return keep_validations(c, start, path);
}

#define FIRST_ORDER "sgd momentum nesterov rmsprop adam adamw"

/* What the command line says, and the rest of it has no use for. */
static int check_ignored(const run_command *c) {
  static const struct {
    const char *name, *by,
        *values; /* it has an effect where option `by` has one of these values; NULL: not 0 */
  } rows[] = {{"lr", "optimizer", FIRST_ORDER},
              {"clip", "optimizer", FIRST_ORDER},
              {"lr-decay", "optimizer", FIRST_ORDER},
              {"lr-decay-after", "optimizer", FIRST_ORDER},
              {"lr-schedule", "optimizer", FIRST_ORDER},
              {"lr-warmup", "optimizer", FIRST_ORDER},
              {"weight-decay", "optimizer", FIRST_ORDER},
              {"noise", "optimizer", FIRST_ORDER},
              {"freeze", "optimizer", FIRST_ORDER},
              {"lr-of", "optimizer", FIRST_ORDER},
              {"damping", "optimizer", "hessian-free"},
              {"structural-damping", "optimizer", "hessian-free"},
              {"cg-iterations", "optimizer", "hessian-free"},
              {"cg-progress", "optimizer", "hessian-free"},
              {"cg-decay", "optimizer", "hessian-free"},
              {"cg-cold", "optimizer", "hessian-free"},
              {"curvature-batch", "optimizer", "hessian-free"},
              {"precondition", "optimizer", "hessian-free"},
              {"precondition-exponent", "precondition", NULL},
              {"momentum", "optimizer", "momentum nesterov adam adamw"},
              {"momentum-rise", "optimizer", "momentum nesterov"},
              {"decay", "optimizer", "rmsprop adam adamw"},
              {"lr-every", "lr-schedule", "step cosine plateau"},
              {"lr-factor", "lr-schedule", "step plateau"},
              {"lr-min", "lr-schedule", "step cosine plateau"},
              {"momentum-end", "momentum-rise", NULL},
              {"noise-decay", "noise", NULL},
              {"omega-form", "omega", NULL}};
  char value[ARGS_VALUE];
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    args_format(&c->specs[args_find(c->specs, rows[i].by)], c->options, value);
    const int has = rows[i].values ? strstr(rows[i].values, value) != NULL : strcmp(value, "0") != 0;
    const int row = args_find(c->specs, rows[i].name); /* -1: not every task has it */
    if (row >= 0 && c->given[row] && !has)
      return cli_usage("--%s: has no effect with --%s %s", rows[i].name, rows[i].by, value);
  }
  return CLI_OK;
}

static int open_start(run_command *c, run_start *out) {
  const common_options *common = &c->run->common;
  const char *path = c->run->resume ? c->run->resume : c->run->init_from;
  CLI_TRY(cli_open(common->device, common->threads, &out->ctx));
  if (path == NULL) return CLI_OK;
  if (seqgpu_checkpoint_open(out->ctx, path, &out->file) != SEQGPU_OK) return cli_library_error(out->ctx);
  if (config_is_of(out->file, c->format)) return merge_stored(c, out, path);
  if (c->run->resume) return cli_error("%s: is not a checkpoint of this task", path);
  return CLI_OK; /* weights of another program: names and shapes must fit */
}

int run_open(run_command *c, run_start *out) {
  CLI_TRY(open_start(c, out));
  return check_ignored(c);
}

/* What process 0 does for all. */
static void be_silent(run_options *o) {
  cli_silence_notes();
  o->common.quiet = 1;
  o->common.json = 0;
  o->checkpoint = o->log = o->tensorboard = NULL;
}

int run_open_together(run_command *c, model_config *config, run_start *out) {
  const int row = args_find(c->specs, "shards");
  CLI_TRY(run_open(c, out));
  CLI_TRY(ranks_open(out->ctx, &c->run->ranks, &out->ranks));
  CLI_TRY(ranks_share(&out->ranks, config, c->given[row], c->run->resume != NULL));
  if (out->ranks.rank > 0) be_silent(c->run);
  return CLI_OK;
}

int run_load(run_start *start, seqgpu_params *params, int resume) {
  if (start->file == NULL) return CLI_OK;
  if (seqgpu_checkpoint_load(start->file, params, resume) != SEQGPU_OK) return cli_library_error(start->ctx);
  seqgpu_checkpoint_close(start->file);
  start->file = NULL;
  return CLI_OK;
}

void run_close(run_start *start, int code) {
  if (start->ctx == NULL) return;
  ranks_close(&start->ranks, code);
  seqgpu_checkpoint_close(start->file);
  seqgpu_context_destroy(start->ctx);
}
