/* train_task.c - `seqgpu train TASK` for the tasks of task.h. */
#include "host/cli/task_learner.h"
#include "host/cli/train.h"
#include "host/cli/trainer.h"

static int run(run_command *command, const task_spec *task, task_options *options) {
  task_learner l = {.task = task, .options = options};
  run_start start = {.ctx = NULL};
  int code = task_learner_open(command, &l, 1, &start);
  if (code == CLI_OK) code = trainer_run(&options->run, &options->config.model, &start, task_as_learner(&l));
  task_learner_close(&l);
  run_close(&start, code);
  return code;
}

/* Updates of a run without a limit. */
enum { STEPS = 10000 };

int train_task(const task_spec *task, int argc, char **argv) {
  task_options options = {.run = run_defaults, .config = *task->start}, stored;
  run_command command = {.run = &options.run,
                         .options = &options,
                         .stored = &stored,
                         .size = sizeof options,
                         .format = task_format};
  char usage[120], about[400];
  snprintf(usage, sizeof usage, "seqgpu train %s %s[options]", task->name, task->usage ? task->usage : "");
  snprintf(about, sizeof about,
           "Task: %s.\nNetwork: recurrent layers and a linear layer; metric: %s of fresh sequences.\n"
           "Without --steps or --minutes it trains for %d updates.",
           task->about, task->metric, STEPS);
  task_join_specs(command.specs, task);
  const arg_command help = {usage, about, command.specs};
  const int parsed = args_parse(&help, argc, argv, &options, command.given);
  if (parsed != ARGS_GO_ON) return parsed;
  CLI_TRY(run_check(&command, &options.config.model));
  if (options.run.steps == 0 && options.run.minutes == 0 && options.run.epochs == 0)
    options.run.steps = STEPS;
  return run(&command, task, &options);
}
