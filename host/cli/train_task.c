/* train_task.c - `seqgpu train TASK` for the tasks of task.h: batches from a generator, and a network on the
 * tape as a learner.
 *
 * Update number k learns the sequences k B .. k B + B-1; every sequence starts from zero states.
 * Letters: T = steps, B = batch, S = scored steps, I = inputs, O = outputs.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host/cli/json.h"
#include "host/cli/network.h"
#include "host/cli/numbers.h"
#include "host/cli/train.h"
#include "host/cli/trainer.h"

typedef struct task_options {
  run_options run;
  task_config config;
} task_options;

typedef struct task_learner {
  const task_spec *task;
  task_options *options;
  task_source source;
  seqgpu_context *ctx;
  seqgpu_params *params;
  seqgpu_param rnn, weight, bias;
  seqgpu_plan *plan, *eval_plan;
  seqgpu_tape *tape;
  seqgpu_tensor *loss, *output; /* of the last batch: [1], [S,B,O] */
  float *x, *target, *answer;   /* host: [T,B,I], [S,B,O], [S,B,O] */
  int32_t *label;               /* host: [S,B] */
} task_learner;

static const char format[] = "seqgpu task 1";
#define FIELD(name) offsetof(task_options, name)

static const arg_spec data_group[] = {ROW_GROUP("Data"), ROW_END};
static const arg_spec length_spec[] = {
    ROW_GROUP("Data"),
    ROW_INT("T", ARG_KEEP_RUN, FIELD(config.model.rnn.seq_len), 1, 1000000, "T", "steps per sequence"),
    ROW_END,
};
static const arg_spec eval_spec[] = {
    ROW_GROUP("Data"),
    ROW_INT("eval-size", ARG_KEEP_FREE, FIELD(config.eval_size), 0, 1000000000, "N",
            "sequences per validation; 0 = all, where the data have an end"),
    ROW_END,
};

static int64_t batch_of(const task_learner *l) { return l->options->config.model.rnn.batch; }

/* ---------------------------------------------------------------- batches */

/* Writes the sequences first .. first+count-1 side by side into the host's buffers. */
static void draw_batch(task_learner *l, int validation, int64_t first, int64_t count) {
  const task_source *s = &l->source;
  memset(l->x, 0, (size_t)(s->steps * count * s->inputs) * sizeof *l->x);
  memset(l->target, 0, (size_t)(s->scored * count * s->outputs) * sizeof *l->target);
  memset(l->label, 0, (size_t)(s->scored * count) * sizeof *l->label);
  for (int64_t b = 0; b < count; b++) {
    const uint64_t number = (uint64_t)(first + b), stream = (uint64_t)(validation ? 2 : 1) << 60;
    task_sequence sequence = {.validation = validation,
                              .number = first + b,
                              .random = {(uint64_t)l->options->config.model.seed, stream | number, 0},
                              .x = l->x + b * s->inputs,
                              .target = l->target + b * s->outputs,
                              .label = l->label + b,
                              .x_stride = count * s->inputs,
                              .target_stride = count * s->outputs,
                              .label_stride = count};
    l->task->draw(s, &sequence);
  }
}

/* Loss and outputs of the batch in the host's buffers. */
static seqgpu_status forward(task_learner *l, int64_t B, int training) {
  const task_source *s = &l->source;
  const int64_t x_shape[] = {s->steps, B, s->inputs}, y_shape[] = {s->scored, B, s->outputs};
  seqgpu_tape *t = l->tape;
  LIB_TRY(seqgpu_tape_clear(t, training));
  seqgpu_tensor *x = seqgpu_tape_input(t, 3, x_shape, l->x);
  seqgpu_tensor *y =
      seqgpu_tape_rnn(t, training ? l->plan : l->eval_plan, seqgpu_tape_param(t, &l->rnn), x, NULL, NULL);
  seqgpu_tensor *scored = seqgpu_tape_rows(t, y, s->steps - s->scored, s->scored);
  l->output = seqgpu_tape_linear(t, scored, seqgpu_tape_param(t, &l->weight), seqgpu_tape_param(t, &l->bias));
  if (l->task->loss == TASK_CLASSES)
    l->loss = seqgpu_tape_cross_entropy(t, l->output, seqgpu_tape_ids(t, 2, y_shape, l->label), 1, 1);
  else
    l->loss =
        seqgpu_tape_squared_error(t, l->output, seqgpu_tape_input(t, 3, y_shape, l->target), NULL, 1, 1);
  return seqgpu_tape_status(t);
}

/* ---------------------------------------------------------------- the learner */

static seqgpu_status gradients(void *self, int64_t step) {
  task_learner *l = self;
  const int64_t B = batch_of(l);
  draw_batch(l, 0, step * B, B);
  seqgpu_tape_set_counter(l->tape,
                          (uint64_t)step * seqgpu_plan_get_sizes(l->plan).random_blocks); /* of its dropout */
  LIB_TRY(forward(l, B, 1));
  return seqgpu_tape_backward(l->tape, l->loss, NULL);
}

static seqgpu_status loss_of(void *self, double *loss) {
  const task_learner *l = self;
  return seqgpu_tensor_number(l->loss, loss);
}

static int64_t best_class(const float *answer, int64_t classes) {
  int64_t best = 0;
  for (int64_t v = 1; v < classes; v++)
    if (answer[v] > answer[best]) best = v;
  return best;
}

static void judge_number(const task_learner *l, double answer, double target, task_errors *e) {
  const double error = answer - target;
  e->count++;
  e->wrong += !(fabs(error) <= l->task->tolerance);
  e->squares += error * error;
  e->target += target;
  e->target2 += target * target;
}

/* Adds the errors of the outputs of `count` sequences at the judged steps. */
static void judge(const task_learner *l, int64_t count, task_errors *e) {
  const task_source *s = &l->source;
  for (int64_t r = (s->scored - s->judged) * count; r < s->scored * count; r++) {
    const float *answer = l->answer + r * s->outputs, *target = l->target + r * s->outputs;
    if (l->task->loss == TASK_CLASSES) {
      e->count++;
      e->wrong += best_class(answer, s->outputs) != l->label[r];
      continue;
    }
    for (int64_t o = 0; o < s->outputs; o++) judge_number(l, (double)answer[o], (double)target[o], e);
  }
}

static int64_t validation_size(const task_learner *l) {
  const int64_t wanted = l->options->config.eval_size, most = l->source.val_size;
  return most > 0 && (wanted == 0 || wanted > most) ? most : wanted;
}

static seqgpu_status validate(void *self, const volatile sig_atomic_t *stop, double *loss, double *metric) {
  task_learner *l = self;
  const int64_t size = validation_size(l);
  task_errors errors = {0};
  double sum = 0;
  for (int64_t first = 0; first < size; first += batch_of(l)) {
    const int64_t count = size - first < batch_of(l) ? size - first : batch_of(l);
    double mean;
    if (*stop) return SEQGPU_ESTOPPED;
    draw_batch(l, 1, first, count);
    LIB_TRY(forward(l, count, 0));
    LIB_TRY(seqgpu_tensor_number(l->loss, &mean));
    LIB_TRY(seqgpu_tensor_read(l->output, l->answer));
    judge(l, count, &errors);
    sum += mean * (double)count;
  }
  *loss = sum / (double)size;
  *metric = l->task->error(&errors);
  return SEQGPU_OK;
}

static void join_specs(arg_spec table[ARGS_MAX], const task_spec *task) {
  if (task->shortest) args_join(table, length_spec, 0);
  if (task->options) args_join(table, data_group, 0);
  if (task->options) args_join(table, task->options, FIELD(config));
  args_join(table, eval_spec, 0);
  config_join_specs(table, FIELD(config.model));
  if (task->has_epochs) args_join(table, epoch_specs, FIELD(config.model));
  run_join_specs(table, FIELD(run), task->has_epochs);
}

static seqgpu_status save(void *self, const config_cursor *cursor, const char *path) {
  const task_learner *l = self;
  arg_spec specs[ARGS_MAX] = {ROW_END};
  config_meta meta;
  join_specs(specs, l->task);
  config_write(&meta, format, specs, l->options, cursor);
  config_add(&meta, "task", l->task->name);
  return seqgpu_checkpoint_save(l->params, path, meta.meta, meta.count);
}

static learner as_learner(task_learner *l) {
  const task_source *s = &l->source;
  learner out = {.self = l,
                 .params = l->params,
                 .plan = l->plan,
                 .epoch_updates = s->train_size / batch_of(l),
                 .tokens = s->steps * batch_of(l),
                 .last_tokens = s->steps * batch_of(l),
                 .baseline = s->baseline,
                 .metric = l->task->metric,
                 .gradients = gradients,
                 .loss = loss_of,
                 .validate = validation_size(l) > 0 ? validate : NULL,
                 .save = save};
  const int length = snprintf(out.about, sizeof out.about, "%lld steps of %lld inputs, baseline %.6g",
                              (long long)s->steps, (long long)s->inputs, s->baseline);
  const int64_t left = s->train_size % batch_of(l);
  if (left > 0 && length > 0 && (size_t)length < sizeof out.about)
    snprintf(out.about + length, sizeof out.about - (size_t)length,
             "; %lld of %lld sequences, others each time, are left out of an epoch", (long long)left,
             (long long)s->train_size);
  return out;
}

/* ---------------------------------------------------------------- building */

static int build_plans(task_learner *l) {
  const model_config *c = &l->options->config.model;
  const task_source *s = &l->source;
  const int64_t T = s->steps, B = batch_of(l);
  if (network_plan(l->ctx, c, s->inputs, T, B, 1, &l->plan) != SEQGPU_OK ||
      network_plan(l->ctx, c, s->inputs, T, B, 0, &l->eval_plan) != SEQGPU_OK)
    return cli_library_error(l->ctx);
  const double I = (double)s->inputs, O = (double)s->outputs,
               Y = (double)seqgpu_plan_get_sizes(l->plan).output_width;
  const network_rest rest = {.params = O * Y + O, .per_step = 4 * I + 4 * Y + 6 * O + 4};
  return network_check_memory(l->ctx, l->plan, rest);
}

static int build_buffers(task_learner *l) {
  const task_source *s = &l->source;
  const size_t B = (size_t)batch_of(l), outputs = (size_t)(s->scored * s->outputs) * B;
  l->x = malloc((size_t)(s->steps * s->inputs) * B * sizeof *l->x);
  l->target = malloc(outputs * sizeof *l->target);
  l->answer = malloc(outputs * sizeof *l->answer);
  l->label = malloc((size_t)s->scored * B * sizeof *l->label);
  return l->x && l->target && l->answer && l->label ? CLI_OK : cli_error("out of memory");
}

static seqgpu_status build_params(task_learner *l, const seqgpu_checkpoint *from) {
  const int64_t O = l->source.outputs;
  const uint64_t seed = (uint64_t)l->options->config.model.seed;
  LIB_TRY(seqgpu_params_create(l->ctx, seed, &l->params));
  if (from) LIB_TRY(seqgpu_checkpoint_attach(from, l->params, l->options->run.resume != NULL));
  LIB_TRY(network_add_params(&l->options->config.model, l->params, l->plan, &l->rnn));
  LIB_TRY(seqgpu_params_add(l->params, "output.weight", O, seqgpu_plan_get_sizes(l->plan).output_width,
                            "xavier", 1, &l->weight));
  LIB_TRY(seqgpu_params_add(l->params, "output.bias", O, 1, "zeros", 0, &l->bias));
  return seqgpu_tape_create(l->ctx, seed, &l->tape);
}

static void task_learner_destroy(task_learner *l) {
  if (l->task->close) l->task->close(&l->source);
  seqgpu_tape_destroy(l->tape);
  seqgpu_params_destroy(l->params);
  seqgpu_plan_destroy(l->plan);
  seqgpu_plan_destroy(l->eval_plan);
  free(l->x);
  free(l->target);
  free(l->answer);
  free(l->label);
}

/* ---------------------------------------------------------------- the command */

/* A checkpoint of another task has other rows. */
static int check_task(const task_learner *l, const seqgpu_checkpoint *file, const char *path) {
  const char *name = seqgpu_checkpoint_meta(file, "task");
  if (!config_is_of(file, format) || (name && strcmp(name, l->task->name) == 0)) return CLI_OK;
  return cli_error("%s: is a checkpoint of task %s; it must be one of task %s", path,
                   name ? name : "(not named)", l->task->name);
}

static int check_length(const task_spec *task, int64_t T) {
  if (task->shortest == 0) return CLI_OK;
  if (T < task->shortest)
    return cli_usage("--T: is %lld; %s needs at least %lld steps", (long long)T, task->name,
                     (long long)task->shortest);
  if (task->longest && T > task->longest)
    return cli_usage("--T: is %lld; %s allows at most %lld steps", (long long)T, task->name,
                     (long long)task->longest);
  return CLI_OK;
}

/* A number must have the effect that it says it has; what a checkpoint says is taken as it was. */
static int check_given(const run_command *command, const task_learner *l) {
  const task_config *c = &l->options->config;
  const int row = args_find(command->specs, "dropout");
  if (command->given[row] && c->model.rnn.dropout > 0 && c->model.rnn.num_layers == 1)
    return cli_usage("--dropout: is %g; with one layer nothing is between layers, so it needs --layers 2",
                     c->model.rnn.dropout);
  const int fraction = args_find(command->specs, "val-fraction");
  if (c->val_images && fraction >= 0 && command->given[fraction])
    return cli_usage("--val-fraction: has no effect with --val-images");
  return l->task->check && !l->options->run.resume ? l->task->check(c) : CLI_OK;
}

static int check_data(const task_learner *l, config_cursor *cursor) {
  const task_source *s = &l->source;
  const char *path = l->options->run.resume;
  if (path && (cursor->data_hash != s->data_hash || cursor->data_size != s->data_size))
    return cli_error("%s: was trained on other data; resuming needs the same files", path);
  if (path && cursor->train_size > 0 && cursor->train_size != s->train_size)
    return cli_error(
        "%s: was trained on %lld sequences, and here there are %lld; resuming needs the same files, "
        "those of validation too",
        path, (long long)cursor->train_size, (long long)s->train_size);
  if (path && cursor->val_hash && cursor->val_hash != s->val_hash)
    return cli_error("%s: was validated on other data; resuming needs the same files", path);
  cursor->data_hash = s->data_hash;
  cursor->data_size = s->data_size;
  cursor->train_size = s->train_size;
  cursor->val_hash = s->val_hash;
  return CLI_OK;
}

static int prepare(run_command *command, task_learner *l, run_start *start) {
  const run_options *run = &l->options->run;
  CLI_TRY(run_open(command, start));
  l->ctx = start->ctx;
  if (start->file) CLI_TRY(check_task(l, start->file, run->resume ? run->resume : run->init_from));
  CLI_TRY(check_length(l->task, l->options->config.model.rnn.seq_len));
  CLI_TRY(check_given(command, l));
  l->source.config = &l->options->config;
  CLI_TRY(l->task->open(&l->source));
  CLI_TRY(check_data(l, &start->cursor));
  CLI_TRY(build_plans(l));
  if (build_params(l, start->file) != SEQGPU_OK) return cli_library_error(l->ctx);
  CLI_TRY(build_buffers(l));
  return run_load(start, l->params, run->resume != NULL);
}

static int run(run_command *command, const task_spec *task, task_options *options) {
  task_learner l = {.task = task, .options = options};
  run_start start = {.ctx = NULL};
  int code = prepare(command, &l, &start);
  if (code == CLI_OK) code = trainer_run(&options->run, &options->config.model, &start, as_learner(&l));
  task_learner_destroy(&l);
  run_close(&start);
  return code;
}

/* ---------------------------------------------------------------- seqgpu eval */

/* Options of eval for a model of a task. */
typedef struct eval_options {
  task_options task;
  const char *checkpoint, *input;
  int64_t show;
} eval_options;

#define EVAL_FIELD(name) offsetof(eval_options, name)

static const arg_spec eval_own_specs[] = {
    ROW_REQUIRED_FILE("checkpoint", EVAL_FIELD(checkpoint), "the model"),
    ROW_INT("show", ARG_NOT_KEPT, EVAL_FIELD(show), 0, 1000000, "N",
            "also print N answers and what they should be"),
    ROW_TEXT(
        "input", EVAL_FIELD(input), "FILE",
        "instead read one sequence, a line of numbers a step, - = standard input, and print the outputs"),
    ROW_END,
};

/* The rows of a task that decide what is measured: not those of training. */
static void join_eval_specs(arg_spec table[ARGS_MAX], const task_spec *task) {
  static const char *const of_model[] = {"batch", "seed"};
  arg_spec model[ARGS_MAX] = {ROW_END}, one[2] = {ROW_END, ROW_END};
  args_join(table, eval_own_specs, 0);
  args_join(table, data_group, 0);
  if (task->shortest) args_join(table, length_spec, 0);
  if (task->options) args_join(table, task->options, FIELD(config));
  args_join(table, eval_spec, 0);
  config_join_specs(model, FIELD(config.model));
  for (size_t i = 0; i < sizeof of_model / sizeof of_model[0]; i++) {
    one[0] = model[args_find(model, of_model[i])];
    args_join(table, one, 0);
  }
  args_join(table, how_specs, FIELD(config.model.how));
  args_join(table, common_specs, FIELD(run.common));
}

/* What the checkpoint says of the task becomes the default of what the command line says. */
static int read_stored(const task_spec *task, const char *path, task_options *out) {
  arg_spec specs[ARGS_MAX] = {ROW_END};
  config_cursor unused;
  seqgpu_context *ctx;
  seqgpu_checkpoint *file;
  join_specs(specs, task);
  CLI_TRY(cli_open("cpu", 1, &ctx));
  int code = CLI_OK;
  if (seqgpu_checkpoint_open(ctx, path, &file) != SEQGPU_OK) code = cli_library_error(ctx);
  if (code == CLI_OK) code = config_read(file, path, specs, out, &unused);
  seqgpu_checkpoint_close(file);
  seqgpu_context_destroy(ctx);
  out->config.model.how = (how_options){.math = SEQGPU_MATH_F32};
  return code;
}

/* Judged answers of one sequence of the last batch of `count`, or its targets. */
static void print_values(const task_learner *l, int64_t count, int64_t b, int targets) {
  const task_source *s = &l->source;
  const char *before = "[";
  for (int64_t t = s->scored - s->judged; t < s->scored; t++) {
    const int64_t r = t * count + b;
    const float *row = (targets ? l->target : l->answer) + r * s->outputs;
    if (l->task->loss == TASK_CLASSES) {
      printf("%s%lld", before, (long long)(targets ? l->label[r] : best_class(row, s->outputs)));
      before = ", ";
      continue;
    }
    for (int64_t o = 0; o < s->outputs; o++, before = ", ") json_number(stdout, before, 6, (double)row[o]);
  }
  printf("]");
}

/* Answers to the first sequences of the validation. */
static seqgpu_status show_answers(task_learner *l, int64_t wanted, int json) {
  if (json) printf(", \"answers\": [");
  for (int64_t first = 0; first < wanted; first += batch_of(l)) {
    const int64_t count = wanted - first < batch_of(l) ? wanted - first : batch_of(l);
    draw_batch(l, 1, first, count);
    LIB_TRY(forward(l, count, 0));
    LIB_TRY(seqgpu_tensor_read(l->output, l->answer));
    for (int64_t b = 0; b < count; b++) {
      printf(json ? "%s{\"answer\": " : "%sanswer ", json && first + b > 0 ? ", " : "");
      print_values(l, count, b, 0);
      printf(json ? ", \"target\": " : "  target ");
      print_values(l, count, b, 1);
      printf(json ? "}" : "\n");
    }
  }
  if (json) printf("]");
  return SEQGPU_OK;
}

/* Loss and metric over the validation. */
static seqgpu_status measure(task_learner *l, const eval_options *o) {
  static const volatile sig_atomic_t never = 0;
  const int json = o->task.run.common.json;
  const int64_t size = validation_size(l);
  double loss, metric;
  LIB_TRY(validate(l, &never, &loss, &metric));
  if (json) {
    printf("{\"task\": \"%s\", \"sequences\": %lld", l->task->name, (long long)size);
    json_number(stdout, ", \"loss\": ", 9, loss);
    printf(", \"%s\": ", l->task->metric);
    json_number(stdout, "", 9, metric);
    json_number(stdout, ", \"baseline\": ", 9, l->source.baseline);
  } else {
    printf("%lld sequences of %s: loss %.6g, %s %.4g; knowing nothing gives a loss of %.6g\n",
           (long long)size, l->task->name, loss, l->task->metric, metric, l->source.baseline);
  }
  const int64_t most = l->source.val_size;
  LIB_TRY(show_answers(l, most > 0 && o->show > most ? most : o->show, json));
  if (json) printf("}\n");
  return SEQGPU_OK;
}

/* Outputs of x[T,I], one line a step. */
static seqgpu_status print_outputs(task_learner *l, const float *x, int64_t T) {
  const int64_t I = l->source.inputs, O = l->source.outputs, shape[] = {T, 1, I};
  seqgpu_tape *t = l->tape;
  LIB_TRY(seqgpu_tape_clear(t, 0));
  seqgpu_tensor *y = seqgpu_tape_rnn(t, l->eval_plan, seqgpu_tape_param(t, &l->rnn),
                                     seqgpu_tape_input(t, 3, shape, x), NULL, NULL);
  seqgpu_tensor *output =
      seqgpu_tape_linear(t, y, seqgpu_tape_param(t, &l->weight), seqgpu_tape_param(t, &l->bias));
  LIB_TRY(seqgpu_tape_status(t));
  float *answer = malloc((size_t)(T * O) * sizeof *answer);
  if (answer == NULL) return SEQGPU_ENOMEM;
  const seqgpu_status status = seqgpu_tensor_read(output, answer);
  for (int64_t i = 0; status == SEQGPU_OK && i < T * O; i++)
    printf("%.7g%s", (double)answer[i], (i + 1) % O ? " " : "\n");
  free(answer);
  return status;
}

/* The model on a sequence of the user's, however long. */
static int apply(task_learner *l, const char *path) {
  float *x;
  int64_t T;
  CLI_TRY(numbers_read(path, l->source.inputs, &x, &T));
  seqgpu_plan_destroy(l->eval_plan);
  l->eval_plan = NULL;
  seqgpu_status status =
      network_plan(l->ctx, &l->options->config.model, l->source.inputs, T, 1, 0, &l->eval_plan);
  if (status == SEQGPU_OK) status = print_outputs(l, x, T);
  free(x);
  return status == SEQGPU_OK ? CLI_OK : cli_library_error(l->ctx);
}

/* Builds the model as training would, from the checkpoint's weights alone, and measures or applies it. */
static int evaluate(run_command *command, const task_spec *task, eval_options *o) {
  task_config *config = &o->task.config;
  if (config->images && config->val_images == NULL && config->val_labels == NULL) { /* all that are given */
    config->val_images = config->images;
    config->val_labels = config->labels;
  }
  o->task.run.init_from = o->checkpoint;
  task_learner l = {.task = task, .options = &o->task};
  run_start start = {.ctx = NULL};
  int code = prepare(command, &l, &start);
  if (code == CLI_OK && o->input == NULL && validation_size(&l) < 1)
    code = cli_usage("--eval-size: is 0; it must be at least 1");
  if (code == CLI_OK && o->input) code = apply(&l, o->input);
  if (code == CLI_OK && o->input == NULL && measure(&l, o) != SEQGPU_OK) code = cli_library_error(l.ctx);
  task_learner_destroy(&l);
  run_close(&start);
  return code;
}

int eval_task(const task_spec *task, int argc, char **argv) {
  eval_options options = {.task = {.run = run_defaults, .config = *task->start}}, stored;
  run_command command = {.run = &options.task.run,
                         .options = &options.task,
                         .stored = &stored.task,
                         .size = sizeof options.task,
                         .format = format};
  arg_spec specs[ARGS_MAX] = {ROW_END};
  unsigned char given[ARGS_MAX];
  char about[400];
  snprintf(about, sizeof about, "Task: %s.\nMeasures a model of this task on fresh sequences, by its %s.",
           task->about, task->metric);
  join_specs(command.specs, task);
  join_eval_specs(specs, task);
  CLI_TRY(read_stored(task, args_peek(argc, argv, "checkpoint"), &options.task));
  const arg_command help = {"seqgpu eval --checkpoint FILE [options]", about, specs};
  const int parsed = args_parse(&help, argc, argv, &options, given);
  if (parsed != ARGS_GO_ON) return parsed;
  return evaluate(&command, task, &options);
}

/* ---------------------------------------------------------------- seqgpu train */

/* Updates of a run without a limit. */
enum { STEPS = 10000 };

int train_task(const task_spec *task, int argc, char **argv) {
  task_options options = {.run = run_defaults, .config = *task->start}, stored;
  run_command command = {
      .run = &options.run, .options = &options, .stored = &stored, .size = sizeof options, .format = format};
  char usage[120], about[400];
  snprintf(usage, sizeof usage, "seqgpu train %s %s[options]", task->name, task->usage ? task->usage : "");
  snprintf(about, sizeof about,
           "Task: %s.\nNetwork: recurrent layers and a linear layer; metric: %s of fresh sequences.\n"
           "Without --steps or --minutes it trains for %d updates.",
           task->about, task->metric, STEPS);
  join_specs(command.specs, task);
  const arg_command help = {usage, about, command.specs};
  const int parsed = args_parse(&help, argc, argv, &options, command.given);
  if (parsed != ARGS_GO_ON) return parsed;
  CLI_TRY(run_check(&command, &options.config.model));
  if (options.run.steps == 0 && options.run.minutes == 0 && options.run.epochs == 0)
    options.run.steps = STEPS;
  return run(&command, task, &options);
}
