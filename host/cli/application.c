/* application.c - what all applications share: opening, the learner, checkpoints, commands. */
#include "host/cli/application.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host/cli/hessian.h"
#include "host/cli/json.h"
#include "host/cli/trainer.h"
#include "host/data/grow.h"

#define FIELD APP_FIELD

/* The format that their checkpoints name. */
static const char app_format[] = "seqgpu application 1";

/* ---------------------------------------------------------------- options */

static const arg_spec data_specs[] = {
    ROW_GROUP("Data"),
    ROW_REQUIRED_FILES("data", FIELD(data), ""),
    ROW_TEXTS("val-data", FIELD(val_data), "FILE", "to validate on; several are read as one"),
    ROW_END,
};
static const arg_spec eval_specs[] = {
    ROW_REQUIRED_FILE("checkpoint", FIELD(use), "the model"),
    ROW_REQUIRED_FILES("data", FIELD(val_data), ""),
    ROW_END,
};
static const arg_spec use_specs[] = {
    ROW_REQUIRED_FILE("checkpoint", FIELD(use), "the model"),
    ROW_END,
};
static const arg_spec input_specs[] = {
    ROW_TEXT("input", FIELD(input), "FILE", "what to read, also compressed by gzip; - = standard input"),
    ROW_END,
};

static void join_specs(arg_spec table[ARGS_MAX], const application *spec) {
  args_join(table, data_specs, 0);
  table[args_find(table, "data")].help = spec->data;
  args_join(table, spec->options, 0);
  config_join_specs(table, FIELD(model));
  args_join(table, epoch_specs, FIELD(model));
  run_join_specs(table, FIELD(run), 1);
  run_join_together(table, FIELD(run));
  table[args_find(table, "dropout")].help =
      spec->dropout ? spec->dropout
                    : "probability of dropping a value that the layers read, between them, and before the "
                      "output layer";
}

/* The further rows of a command that uses a model: `own`, more of them, and how it runs. */
static void join_use_specs(arg_spec table[ARGS_MAX], const arg_spec *own, const arg_spec *more, int batches) {
  arg_spec model[ARGS_MAX] = {ROW_END}, one[2] = {ROW_END, ROW_END};
  config_join_specs(model, FIELD(model));
  one[0] = model[args_find(model, "batch")];
  one[0].help = "sequences side by side";
  if (own) args_join(table, own, 0);
  if (more) args_join(table, more, 0);
  if (batches) args_join(table, one, 0);
  args_join(table, how_specs, FIELD(model.how));
  args_join(table, common_specs, FIELD(run.common));
}

/* ---------------------------------------------------------------- opening */

static int check_file(app *a, const run_start *start) {
  const run_options *run = &a->options->run;
  const char *path = a->path = run->resume ? run->resume : run->init_from;
  const char *name = start->file ? seqgpu_checkpoint_meta(start->file, "task") : NULL;
  if (start->file == NULL) return CLI_OK;
  if (config_is_of(start->file, app_format)) a->file = start->file;
  if (a->file && name && strcmp(name, a->spec->name) == 0) return CLI_OK;
  return cli_error("%s: is a checkpoint of task %.40s; it must be one of task %s", path,
                   name ? name : "(not named)", a->spec->name);
}

/* A run goes on with the data it began with. */
static int check_data(const app *a, config_cursor *cursor) {
  const char *path = a->options->run.resume;
  if (path && (cursor->data_hash != a->data_hash || cursor->data_size != a->data_size))
    return cli_error("%s: was trained on other data; resuming needs the same files", path);
  if (path && cursor->val_hash && cursor->val_hash != a->val_hash)
    return cli_error("%s: was validated on other data; resuming needs the same files", path);
  cursor->data_hash = a->data_hash;
  cursor->data_size = a->data_size;
  cursor->train_size = a->train_size;
  cursor->val_hash = a->val_hash;
  return CLI_OK;
}

seqgpu_status app_create_params(app *a) {
  LIB_TRY(seqgpu_params_create(a->ctx, (uint64_t)a->options->model.seed, &a->params));
  return a->file ? seqgpu_checkpoint_attach(a->file, a->params, a->options->run.resume != NULL) : SEQGPU_OK;
}

int app_read_vocabulary(const app *a, const char *key, vocabulary *out) {
  const char *line = seqgpu_checkpoint_meta(a->file, key);
  if (line == NULL) return cli_error("%s: has no %s; it must be in its metadata", a->path, key);
  return vocab_read(line, TOKEN_UTF8, out);
}

/* What no shard of a batch can do alone. */
static int check_shards(const app *a) {
  const model_config *c = &a->options->model;
  const char *what = a->order == NULL   ? "it takes batches as a whole"
                     : c->rnn.omega > 0 ? "--omega is a mean over the sequences of the whole batch"
                                        : NULL;
  if (c->shards <= 1 || what == NULL) return CLI_OK;
  return cli_usage("train %s: %s, and there are %lld shards", a->spec->name, what, (long long)c->shards);
}

/* Device, other processes, checkpoint, data, model.  app_close is to be called in any case. */
static int open_app(run_command *command, app *a, run_start *start) {
  CLI_TRY(a->training ? run_open_together(command, &a->options->model, start) : run_open(command, start));
  a->ctx = start->ctx;
  CLI_TRY(check_file(a, start));
  CLI_TRY(a->spec->read(a));
  CLI_TRY(check_data(a, &start->cursor));
  CLI_TRY(a->spec->open(a));
  CLI_TRY(a->spec->build(a));
  CLI_TRY(check_shards(a));
  a->file = NULL;
  if (a->training && hessian_create(&a->options->model, a->params, &a->hessian) != SEQGPU_OK)
    return cli_library_error(a->ctx);
  CLI_TRY(run_load(start, a->params, a->options->run.resume != NULL));
  if (seqgpu_tape_create(a->ctx, (uint64_t)a->options->model.seed, &a->tape) != SEQGPU_OK)
    return cli_library_error(a->ctx);
  return CLI_OK;
}

static void close_app(app *a) {
  seqgpu_tape_destroy(a->tape);
  seqgpu_hessian_free_destroy(a->hessian);
  a->spec->close(a);
  seqgpu_params_destroy(a->params);
}

/* ---------------------------------------------------------------- the learner */

static int64_t shards_of(const app *a) { return a->options->model.shards; }

static seqgpu_status loss_of(void *self, double *loss, double *tokens) {
  app *a = self;
  *loss = *tokens = 0;
  if (a->loss == NULL) return SEQGPU_OK;
  LIB_TRY(seqgpu_tensor_number(a->loss, loss));
  if (shards_of(a) <= 1) return SEQGPU_OK; /* nobody asks */
  const seqgpu_tensor *count = seqgpu_tape_loss_count(a->tape, a->counted ? a->counted : a->loss);
  LIB_TRY(seqgpu_tape_status(a->tape));
  return seqgpu_tensor_number(count, tokens);
}

/* Of a shard without a sequence nothing is built. */
static seqgpu_status build_loss(app *a, int64_t step, int64_t shard) {
  a->loss = a->counted = NULL;
  a->shard = shard;
  if (shards_of(a) > 1) {
    buckets_take(a->order, shard, shards_of(a));
    const buckets_part part = buckets_update(a->order, step);
    LIB_TRY(seqgpu_tape_set_part(a->tape, part.first, part.whole));
    if (part.count == 0) return SEQGPU_OK;
  }
  a->loss = a->spec->loss(a, step);
  LIB_TRY(seqgpu_tape_status(a->tape));
  return a->loss ? SEQGPU_OK : cli_no_memory();
}

static seqgpu_status gradients(void *self, int64_t step, int64_t shard, seqgpu_shards *last) {
  app *a = self;
  LIB_TRY(seqgpu_tape_clear(a->tape, 1));
  seqgpu_tape_set_counter(a->tape, (uint64_t)step * a->random_blocks);
  LIB_TRY(build_loss(a, step, shard));
  LIB_TRY(learner_announce(self, loss_of, last));
  if (a->loss == NULL) return SEQGPU_OK;
  if (last) seqgpu_tape_set_ready(a->tape, seqgpu_shards_ready, last);
  return seqgpu_tape_backward(a->tape, a->loss, NULL);
}

/* Once more, since the clip has changed the gradients. */
static seqgpu_status find(void *self, int64_t step) {
  app *a = self;
  LIB_TRY(seqgpu_params_zero_grad(a->params));
  LIB_TRY(gradients(self, step, a->shard, NULL));
  return seqgpu_tape_check_finite(a->tape);
}

static seqgpu_status validate(void *self, const volatile sig_atomic_t *stop, double *loss, double *metric) {
  app *a = self;
  return a->spec->validate(a, stop, loss, metric);
}

static seqgpu_status save_with(const app *a, const config_cursor *cursor, const char *path,
                               const app_text texts[APP_TEXTS]) {
  arg_spec specs[ARGS_MAX] = {ROW_END};
  config_meta meta;
  join_specs(specs, a->spec);
  config_write(&meta, app_format, specs, a->options, cursor);
  config_add(&meta, "task", a->spec->name);
  for (int i = 0; i < APP_TEXTS && texts[i].key; i++) config_add(&meta, texts[i].key, texts[i].text);
  return seqgpu_checkpoint_save(a->params, path, meta.meta, meta.count);
}

static seqgpu_status save(void *self, const config_cursor *cursor, const char *path) {
  const app *a = self;
  app_text texts[APP_TEXTS] = {{NULL, NULL}};
  const seqgpu_status status =
      a->spec->describe(a, texts) ? save_with(a, cursor, path, texts) : cli_no_memory();
  for (int i = 0; i < APP_TEXTS; i++) free(texts[i].text);
  return status;
}

/* The one batch serves for everything. */
static seqgpu_tensor *build_on(seqgpu_hessian_free *hf, seqgpu_tape *tape, seqgpu_hessian_free_batch batch,
                               int64_t index, void *self) {
  app *a = self;
  seqgpu_tape *own = a->tape;
  (void)hf;
  (void)batch;
  (void)index;
  a->tape = tape;
  seqgpu_tensor *of_batch = a->spec->loss(a, a->step);
  a->tape = own;
  return of_batch;
}

static seqgpu_status update(void *self, int64_t step, seqgpu_hessian_free_report *report) {
  app *a = self;
  a->step = step;
  return seqgpu_hessian_free_update(a->hessian, build_on, a, report);
}

static learner as_learner(app *a) {
  learner l = {.self = a,
               .params = a->params,
               .plan = a->plan,
               .epoch_updates = a->epoch_updates,
               .tokens = a->tokens,
               .last_tokens = a->tokens,
               .baseline = a->baseline,
               .metric = a->spec->metric,
               .update = update,
               .gradients = gradients,
               .loss = loss_of,
               .find = find,
               .validate = a->validates ? validate : NULL,
               .save = save};
  snprintf(l.about, sizeof l.about, "%s", a->about);
  return l;
}

/* ---------------------------------------------------------------- the commands */

/* Memory for an application and its options, and for what a checkpoint says of them. */
typedef struct room {
  app *a;
  app_options *options;
  void *stored;
} room;

static int make_room(const application *spec, room *r) {
  *r = (room){calloc(1, spec->size), malloc(spec->options_size), malloc(spec->options_size)};
  if (!r->a || !r->options || !r->stored) return cli_error("out of memory");
  memcpy(r->options, spec->start, spec->options_size);
  r->options->run = run_defaults;
  *r->a = (app){.spec = spec, .options = r->options, .baseline = (double)NAN};
  return CLI_OK;
}

static void free_room(room *r) {
  free(r->a);
  free(r->options);
  free(r->stored);
}

static void set_command(const application *spec, const room *r, run_command *out) {
  *out = (run_command){.specs = {ROW_END},
                       .run = &r->options->run,
                       .options = r->options,
                       .stored = r->stored,
                       .size = spec->options_size,
                       .format = app_format};
  join_specs(out->specs, spec);
}

/* What a command does with an application once it is open; an exit code. */
typedef int do_with(app *a, run_start *start);

static int run(run_command *command, app *a, do_with *work) {
  run_start start = {.ctx = NULL, .ranks = {.size = 1}};
  int code = open_app(command, a, &start);
  if (code == CLI_OK) code = work(a, &start);
  close_app(a);
  run_close(&start, code);
  return code;
}

static int learn(app *a, run_start *start) {
  return trainer_run(&a->options->run, &a->options->model, start, as_learner(a));
}

enum { EPOCHS = 10 };

static int train(const application *spec, room *r, int argc, char **argv) {
  run_command command;
  char usage[120], about[500];
  set_command(spec, r, &command);
  snprintf(usage, sizeof usage, "seqgpu train %s --data FILE [options]", spec->name);
  snprintf(
      about, sizeof about,
      "Task: %s.\nNetwork: %s; metric: %s.\nWithout --epochs, --steps or --minutes it trains for %d epochs.",
      spec->about, spec->network, spec->metric, EPOCHS);
  const arg_command help = {usage, about, command.specs};
  const int parsed = args_parse(&help, argc, argv, r->options, command.given);
  if (parsed != ARGS_GO_ON) return parsed;
  run_options *o = &r->options->run;
  CLI_TRY(run_check(&command, &r->options->model));
  if (o->steps == 0 && o->minutes == 0 && o->epochs == 0) o->epochs = EPOCHS;
  r->a->training = 1;
  return run(&command, r->a, learn);
}

int application_train(const application *spec, int argc, char **argv) {
  room r;
  int code = make_room(spec, &r);
  if (code == CLI_OK) code = train(spec, &r, argc, argv);
  free_room(&r);
  return code;
}

static int measure(app *a, run_start *start) {
  static const volatile sig_atomic_t never = 0;
  const int json = a->options->run.common.json;
  double loss, metric;
  (void)start;
  if (a->spec->validate(a, &never, &loss, &metric) != SEQGPU_OK) return cli_library_error(a->ctx);
  if (json) printf("{\"task\": \"%s\"", a->spec->name);
  json_number(stdout, json ? ", \"loss\": " : "loss ", 9, loss);
  printf(json ? ", \"%s\": " : ", %s ", a->spec->metric);
  json_number(stdout, "", 9, metric);
  a->spec->print(a, json);
  printf(json ? "}\n" : "\n");
  return CLI_OK;
}

static int use(app *a, run_start *start) {
  (void)start;
  return a->spec->use(a);
}

/* Parses the command line of a command that uses a model, and opens that. */
static int with_model(const application *spec, const arg_command *help, room *r, int argc, char **argv,
                      do_with *work) {
  run_command command;
  unsigned char given[ARGS_MAX];
  const int parsed = args_parse(help, argc, argv, r->options, given);
  if (parsed != ARGS_GO_ON) return parsed;
  set_command(spec, r, &command);
  r->options->run.init_from = r->options->use;
  return run(&command, r->a, work);
}

int application_eval(const application *spec, int argc, char **argv) {
  arg_spec specs[ARGS_MAX] = {ROW_END};
  char about[300];
  room r;
  join_use_specs(specs, eval_specs, spec->eval_options, 1);
  specs[args_find(specs, "data")].help = spec->data;
  snprintf(about, sizeof about, "Task: %s.\nMeasures a model of this task on files, by its %s.", spec->about,
           spec->metric);
  const arg_command help = {"seqgpu eval --checkpoint FILE --data FILE [options]", about, specs};
  int code = make_room(spec, &r);
  if (code == CLI_OK) code = with_model(spec, &help, &r, argc, argv, measure);
  free_room(&r);
  return code;
}

int application_use(const application *spec, int argc, char **argv) {
  arg_spec specs[ARGS_MAX] = {ROW_END};
  char usage[120];
  room r;
  args_join(specs, use_specs, 0);
  join_use_specs(specs, spec->files ? NULL : input_specs, spec->use_options, !spec->begin);
  if (spec->begin) specs[args_find(specs, "input")].help = spec->begin;
  snprintf(usage, sizeof usage, "seqgpu %s --checkpoint FILE [options]%s", spec->name,
           spec->files ? spec->files : "");
  const arg_command help = {usage, spec->use_about, specs};
  int code = make_room(spec, &r);
  if (code == CLI_OK) r.options->input = spec->begin ? NULL : "-";
  if (code == CLI_OK && spec->files) code = args_take_files(specs, &argc, argv, &r.options->files);
  if (code == CLI_OK) code = with_model(spec, &help, &r, argc, argv, use);
  free_room(&r);
  return code;
}

seqgpu_status app_read(const seqgpu_tensor *tensor, float **out, size_t *size) {
  void *memory = *out;
  if (!grow(&memory, size, (size_t)seqgpu_tensor_elements(tensor), sizeof **out)) return cli_no_memory();
  *out = memory;
  return seqgpu_tensor_read(tensor, *out);
}

seqgpu_status app_each_turn(app *a, buckets *order, int32_t shortest, const volatile sig_atomic_t *stop,
                            app_turn *work) {
  for (int64_t i = 0; i < order->batches; i++) {
    int64_t count;
    const int32_t *which = buckets_in_turn(order, i, &count);
    if (stop && *stop) return SEQGPU_ESTOPPED;
    while (count > 0 && order->length[which[count - 1]] < shortest) count--; /* the shortest come last */
    if (count == 0) continue;
    LIB_TRY(seqgpu_tape_clear(a->tape, 0));
    LIB_TRY(work(a, which, count));
  }
  return SEQGPU_OK;
}
