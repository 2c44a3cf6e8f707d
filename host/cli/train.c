/* train.c - `seqgpu train charlm`: from the command line to a trainer that is ready, and the order of a run.
 * The loop is in trainer.c.
 */
#include <string.h>

#include "trainer.h"

#define FIELD(name) offsetof(train_options, name)

/* clang-format off: a table */
static const arg_spec own_specs[] = {
    {"text", ARG_TEXT, ARG_NOT_KEPT, FIELD(text), 0, 0, NULL, "FILE", "text to learn; required"},
    {"epochs", ARG_REAL, ARG_NOT_KEPT, FIELD(epochs), 0, 1e9, NULL, "N",
     "passes over the text, 0 = no limit; 50 if no limit is given"},
    {"steps", ARG_INT, ARG_NOT_KEPT, FIELD(steps), 0, 4e18, NULL, "N", "updates in all, 0 = no limit"},
    {"minutes", ARG_REAL, ARG_NOT_KEPT, FIELD(minutes), 0, 1e9, NULL, "M", "time of this run, 0 = no limit"},
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
    {"bidirectional", ARG_FLAG, ARG_NOT_KEPT, FIELD(bidirectional), 0, 0, NULL, NULL,
     "refused: such a model would see what it has to predict"},
};
/* clang-format on */
enum { OWN_SPECS = sizeof own_specs / sizeof own_specs[0] };

/* Our rows, then those of the model, whose offsets move to where the config lies in the options. */
static void join_specs(arg_spec specs[ARGS_MAX]) {
  int n = 0;
  for (; n < OWN_SPECS; n++) specs[n] = own_specs[n];
  for (const arg_spec *s = charlm_specs; s->name; s++, n++) {
    specs[n] = *s;
    specs[n].offset += offsetof(train_options, config);
  }
  specs[n] = (arg_spec){.name = NULL};
}

/* What single rows cannot say about each other. */
static int check_options(const train_options *o) {
  if (o->bidirectional)
    return cli_usage(
        "--bidirectional: a language model cannot be bidirectional, it would see what it has to predict");
  if (o->text == NULL) return cli_usage("--text: is required, it names the file to learn");
  if (o->resume && o->init_from) return cli_usage("--resume and --init-from exclude each other");
  seqgpu_optimizer unused;
  return trainer_optimizer(&o->config, &unused);
}

static int same_choice(const arg_spec *spec, const charlm_config *a, const charlm_config *b) {
  char x[ARGS_VALUE], y[ARGS_VALUE];
  args_format(spec, a, x);
  args_format(spec, b, y);
  return strcmp(x, y) == 0;
}

/* Takes from the checkpoint what the command line does not say; what it does say must agree where it has to.  `first`
 * is the index of the config's first row in `given`. */
static int merge_config(train_options *o, const unsigned char *given, const charlm_config *stored,
                        int resume) {
  const char *path = resume ? o->resume : o->init_from;
  for (int i = 0; charlm_specs[i].name; i++) {
    const arg_spec *spec = &charlm_specs[i];
    const int fixed = spec->keep == ARG_KEEP_MODEL || (resume && spec->keep == ARG_KEEP_RUN);
    char there[ARGS_VALUE], here[ARGS_VALUE];
    args_format(spec, stored, there);
    args_format(spec, &o->config, here);
    if (given[OWN_SPECS + i] && fixed && !same_choice(spec, stored, &o->config))
      return cli_error("--%s: is %s, but %s was trained with %s", spec->name, here, path, there);
    if (!given[OWN_SPECS + i] && (fixed || resume)) CLI_TRY(args_set(spec, there, &o->config, "--"));
  }
  return CLI_OK;
}

/* Opens the checkpoint of --resume or --init-from, if there is one. */
static int open_start(trainer *t, const unsigned char *given) {
  train_options *o = t->options;
  const char *path = o->resume ? o->resume : o->init_from;
  if (path == NULL) return CLI_OK;
  charlm_config stored = charlm_defaults;
  int is_charlm;
  CLI_TRY(charlm_open(t->ctx, path, &t->start, &stored, &t->progress, &is_charlm));
  if (!is_charlm && o->resume) return cli_error("%s: is not a model of seqgpu train charlm", path);
  if (!is_charlm) return CLI_OK; /* weights of another program: names and shapes must fit */
  CLI_TRY(merge_config(o, given, &stored, o->resume != NULL));
  CLI_TRY(charlm_open_vocab(t->start, &o->config, &t->vocab));
  if (o->resume && o->checkpoint == NULL) o->checkpoint = o->resume;
  if (!o->resume) t->progress = (charlm_progress){.step = 0};
  return CLI_OK;
}

static int prepare(trainer *t, const unsigned char *given) {
  train_options *o = t->options;
  text_file text;
  CLI_TRY(text_read(o->text, &text));
  int code = cli_open(o->device, o->threads, &t->ctx);
  if (code == CLI_OK) code = open_start(t, given);
  if (code == CLI_OK) code = text_check(&text, text_token_kind(o->config.tokens), o->text);
  if (code == CLI_OK) code = trainer_build(t, &text);
  text_free(&text);
  return code;
}

int command_train(int argc, char **argv) {
  static const char about[] =
      "Trains a recurrent language model on a text: embedding, recurrent layers, softmax over the next "
      "token.\n"
      "Truncated back-propagation through time over --batch parallel streams; Ctrl-C saves and stops.";
  arg_spec specs[ARGS_MAX];
  join_specs(specs);
  const arg_command command = {"seqgpu train charlm --text FILE [--checkpoint FILE] [options]", about, specs};
  if (argc > 0 && strcmp(argv[0], "charlm") == 0) {
    argc--;
    argv++;
  } else if (argc == 0 || strcmp(argv[0], "--help") != 0) {
    return cli_usage("train: \"%.40s\" is not a task, the task is charlm; see seqgpu train --help",
                     argc ? argv[0] : "");
  }
  unsigned char given[ARGS_MAX];
  train_options options = {.config = charlm_defaults,
                           .device = "auto",
                           .checkpoint_every = 1000,
                           .log_every = 50,
                           .eval_every = 500};
  const int parsed = args_parse(&command, argc, argv, &options, given);
  if (parsed != ARGS_GO_ON) return parsed;
  CLI_TRY(check_options(&options));
  if (options.epochs == 0 && options.steps == 0 && options.minutes == 0 &&
      !given[args_find(specs, "epochs")] && !given[args_find(specs, "steps")])
    options.epochs = 50;
  trainer t = {.options = &options, .vocab = {.unknown = -1}};
  int code = prepare(&t, given);
  if (code == CLI_OK) code = trainer_run(&t);
  trainer_destroy(&t);
  return code;
}
