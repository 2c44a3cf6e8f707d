/* trainer_open.c - options of any run, and what a run starts from (trainer.h). */
#include <math.h>
#include <string.h>

#include "host/cli/trainer.h"

#define FIELD(name) offsetof(run_options, name)

const run_options run_defaults = {
    .device = "auto", .checkpoint_every = 1000, .log_every = 50, .eval_every = 500};

/* clang-format off: a table */
const arg_spec run_specs[] = {
    {"steps", ARG_INT, ARG_NOT_KEPT, FIELD(steps), 0, 4e18, NULL, "N", "updates in all, 0 = no limit"},
    {"minutes", ARG_REAL, ARG_NOT_KEPT, FIELD(minutes), 0, 1e9, NULL, "M", "time of this run, 0 = no limit"},
    {"stop-at", ARG_REAL, ARG_NOT_KEPT, FIELD(stop_at), 0, 1e38, NULL, "L",
     "end when the validation loss is L or less, 0 = never"},
    {"stop-at-metric", ARG_REAL, ARG_NOT_KEPT, FIELD(stop_at_metric), 0, 1e38, NULL, "M",
     "end when the metric of a validation is M or less, 0 = never"},
    {"checkpoint", ARG_TEXT, ARG_NOT_KEPT, FIELD(checkpoint), 0, 0, NULL, "FILE",
     "where the model goes (.safetensors)"},
    {"checkpoint-every", ARG_INT, ARG_NOT_KEPT, FIELD(checkpoint_every), 0, 4e18, NULL, "N",
     "save every N updates, 0 = only at the end"},
    {"resume", ARG_TEXT, ARG_NOT_KEPT, FIELD(resume), 0, 0, NULL, "FILE",
     "go on from a checkpoint, bit for bit"},
    {"init-from", ARG_TEXT, ARG_NOT_KEPT, FIELD(init_from), 0, 0, NULL, "FILE",
     "start from the weights of a checkpoint"},
    {"log", ARG_TEXT, ARG_NOT_KEPT, FIELD(log), 0, 0, NULL, "FILE", "JSON Lines, one object a report"},
    {"log-every", ARG_INT, ARG_NOT_KEPT, FIELD(log_every), 1, 4e18, NULL, "N", "updates between reports"},
    {"eval-every", ARG_INT, ARG_NOT_KEPT, FIELD(eval_every), 0, 4e18, NULL, "N",
     "updates between validations, 0 = only at the end"},
    {"device", ARG_CHOICE, ARG_NOT_KEPT, FIELD(device), 0, 0, "auto|cpu|cuda", "D", "where to compute"},
    {"threads", ARG_INT, ARG_NOT_KEPT, FIELD(threads), 0, 1024, NULL, "N", "CPU threads, 0 = all"},
    {"json", ARG_FLAG, ARG_NOT_KEPT, FIELD(json), 0, 0, NULL, NULL, "JSON Lines on stdout"},
    {"dry-run", ARG_FLAG, ARG_NOT_KEPT, FIELD(dry_run), 0, 0, NULL, NULL,
     "only say what would be trained: parameters, plan, baseline"},
    {NULL, ARG_FLAG, ARG_NOT_KEPT, 0, 0, 0, NULL, NULL, NULL},
};
const arg_spec run_epoch_specs[] = {
    {"epochs", ARG_REAL, ARG_NOT_KEPT, FIELD(epochs), 0, 1e9, NULL, "N",
     "passes over the data, 0 = no limit"},
    {NULL, ARG_FLAG, ARG_NOT_KEPT, 0, 0, 0, NULL, NULL, NULL},
};
/* clang-format on */

int train_check(const train_command *c, const model_config *config) {
  if (c->run->resume && c->run->init_from) return cli_usage("--resume and --init-from exclude each other");
  return config_check(config);
}

/* Reads the checkpoint's options into c->stored, and takes from them what the command line does not say. */
static int merge_stored(train_command *c, trainer *t, const char *path) {
  memcpy(c->stored, c->options, c->size);
  CLI_TRY(config_read(t->start, path, c->specs, c->stored, &t->cursor));
  CLI_TRY(config_merge(c->specs, c->given, c->options, c->stored, path, c->run->resume != NULL));
  if (c->run->resume && c->run->checkpoint == NULL) c->run->checkpoint = c->run->resume;
  if (!c->run->resume) t->cursor = (config_cursor){.step = 0};
  return CLI_OK;
}

int train_open(train_command *c, trainer *t) {
  const char *path = c->run->resume ? c->run->resume : c->run->init_from;
  t->options = c->run;
  CLI_TRY(cli_open(c->run->device, c->run->threads, &t->ctx));
  if (path == NULL) return CLI_OK;
  if (seqgpu_checkpoint_open(t->ctx, path, &t->start) != SEQGPU_OK) return cli_library_error(t->ctx);
  if (config_is_of(t->start, c->format)) return merge_stored(c, t, path);
  if (c->run->resume) return cli_error("%s: is not a model of this task", path);
  return CLI_OK; /* weights of another program: names and shapes must fit */
}

int trainer_load(trainer *t) {
  if (t->start == NULL) return CLI_OK;
  const int resume = t->options->resume != NULL;
  if (seqgpu_checkpoint_load(t->start, t->learner.params, resume) != SEQGPU_OK)
    return cli_library_error(t->ctx);
  seqgpu_checkpoint_close(t->start);
  t->start = NULL;
  return CLI_OK;
}

void trainer_destroy(trainer *t) {
  if (t->ctx == NULL) return;
  seqgpu_checkpoint_close(t->start);
  seqgpu_context_destroy(t->ctx);
}
