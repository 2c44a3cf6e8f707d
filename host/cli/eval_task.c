/* eval_task.c - `seqgpu eval` for a model of a task: its loss and metric on fresh sequences, its answers,
 * and its outputs for a sequence of the user's.
 */
#include <stdlib.h>

#include "host/cli/json.h"
#include "host/cli/network.h"
#include "host/cli/numbers.h"
#include "host/cli/task_learner.h"
#include "host/cli/train.h"

/* Options of eval for a model of a task. */
typedef struct eval_options {
  task_options task;
  const char *checkpoint, *input;
  int64_t show;
} eval_options;

#define FIELD(name) offsetof(eval_options, name)

static const arg_spec own_specs[] = {
    ROW_REQUIRED_FILE("checkpoint", FIELD(checkpoint), "the model"),
    ROW_INT("show", ARG_NOT_KEPT, FIELD(show), 0, 1000000, "N",
            "also print N answers and what they should be"),
    ROW_TEXT(
        "input", FIELD(input), "FILE",
        "instead read one sequence, a line of numbers a step, - = standard input, and print the outputs"),
    ROW_END,
};

/* The rows of a task that decide what is measured: not those of training. */
static void join_specs(arg_spec table[ARGS_MAX], const task_spec *task) {
  static const char *const of_model[] = {"batch", "seed"};
  arg_spec model[ARGS_MAX] = {ROW_END}, one[2] = {ROW_END, ROW_END};
  args_join(table, own_specs, 0);
  task_join_data_specs(table, task);
  config_join_specs(model, FIELD(task.config.model));
  for (size_t i = 0; i < sizeof of_model / sizeof of_model[0]; i++) {
    one[0] = model[args_find(model, of_model[i])];
    args_join(table, one, 0);
  }
  args_join(table, how_specs, FIELD(task.config.model.how));
  args_join(table, common_specs, FIELD(task.run.common));
}

static int read_stored(const task_spec *task, const char *path, task_options *out) {
  seqgpu_context *ctx;
  seqgpu_checkpoint *file;
  CLI_TRY(cli_open("cpu", 1, &ctx));
  int code = CLI_OK;
  if (seqgpu_checkpoint_open(ctx, path, &file) != SEQGPU_OK) code = cli_library_error(ctx);
  if (code == CLI_OK) code = task_read_options(task, file, path, out);
  seqgpu_checkpoint_close(file);
  seqgpu_context_destroy(ctx);
  return code;
}

/* Judged answers of one sequence of the last batch of `count`, or its targets. */
static void print_values(const task_learner *l, int64_t count, int64_t b, int targets) {
  const task_source *s = &l->source;
  const char *before = "[";
  for (int64_t t = s->scored - s->judged; t < s->scored; t++) {
    const int64_t r = t * count + b;
    if (!task_learner_counts(l, r)) continue;
    const float *row = (targets ? l->target : l->answer) + r * s->outputs;
    if (l->task->loss == TASK_CLASSES) {
      printf("%s%lld", before, (long long)(targets ? l->label[r] : task_learner_class(row, s->outputs)));
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
  for (int64_t first = 0; first < wanted; first += task_learner_batch(l)) {
    const int64_t count = wanted - first < task_learner_batch(l) ? wanted - first : task_learner_batch(l);
    task_learner_draw(l, 1, first, count);
    LIB_TRY(task_learner_forward(l, count, 0));
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

/* Loss and metric over the validation; where whole sequences are judged, also how far they were right. */
static seqgpu_status measure(task_learner *l, const eval_options *o) {
  static const volatile sig_atomic_t never = 0;
  const int json = o->task.run.common.json, of_sequences = l->task->error == task_wrong_sequences;
  const int64_t size = task_learner_validations(l);
  double loss, metric;
  LIB_TRY(task_learner_validate(l, &never, &loss, &metric));
  if (json) {
    printf("{\"task\": \"%s\", \"sequences\": %lld", l->task->name, (long long)size);
    json_number(stdout, ", \"loss\": ", 9, loss);
    printf(", \"%s\": ", l->task->metric);
    json_number(stdout, "", 9, metric);
    if (of_sequences) json_number(stdout, ", \"right_steps\": ", 9, task_right_steps(&l->errors));
    json_number(stdout, ", \"baseline\": ", 9, l->source.baseline);
  } else {
    printf("%lld sequences of %s: loss %.6g, %s %.4g", (long long)size, l->task->name, loss, l->task->metric,
           metric);
    if (of_sequences) printf(", right for %.6g steps", task_right_steps(&l->errors));
    printf("; knowing nothing gives a loss of %.6g\n", l->source.baseline);
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
  if (answer == NULL) return cli_no_memory();
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
  int code = task_learner_open(command, &l, 0, &start);
  if (code == CLI_OK && o->input == NULL && task_learner_validations(&l) < 1)
    code = cli_usage("--eval-size: is 0; it must be at least 1");
  if (code == CLI_OK && o->input) code = apply(&l, o->input);
  if (code == CLI_OK && o->input == NULL && measure(&l, o) != SEQGPU_OK) code = cli_library_error(l.ctx);
  task_learner_close(&l);
  run_close(&start, code);
  return code;
}

int eval_task(const task_spec *task, int argc, char **argv) {
  eval_options options = {.task = {.run = run_defaults, .config = *task->start}}, stored;
  run_command command = {.run = &options.task.run,
                         .options = &options.task,
                         .stored = &stored.task,
                         .size = sizeof options.task,
                         .format = task_format};
  arg_spec specs[ARGS_MAX] = {ROW_END};
  unsigned char given[ARGS_MAX];
  char about[400];
  snprintf(about, sizeof about, "Task: %s.\nMeasures a model of this task on fresh sequences, by its %s.",
           task->about, task->metric);
  task_join_specs(command.specs, task);
  join_specs(specs, task);
  CLI_TRY(read_stored(task, args_peek(argc, argv, "checkpoint"), &options.task));
  const arg_command help = {"seqgpu eval --checkpoint FILE [options]", about, specs};
  const int parsed = args_parse(&help, argc, argv, &options, given);
  if (parsed != ARGS_GO_ON) return parsed;
  return evaluate(&command, task, &options);
}
