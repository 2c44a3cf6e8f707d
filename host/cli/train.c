/* train.c - `seqgpu train TASK`: finds the task and trains it. */
#define _POSIX_C_SOURCE 200809L

#include <string.h>
#include <unistd.h>

#include "host/cli/application.h"
#include "host/cli/command.h"
#include "host/cli/ranks.h"
#include "host/cli/suggest.h"
#include "host/cli/train.h"

static int print_help(void) {
  printf("usage: seqgpu train TASK [options]\n\n");
  printf("  %-16s %s\n", "charlm", "the next character, byte or word of a text: --text FILE");
  for (int i = 0; applications[i]; i++)
    printf("  %-16s %s: --data FILE\n", applications[i]->name, applications[i]->about);
  for (int i = 0; task_specs[i]; i++) {
    printf("  %-16s ", task_specs[i]->name);
    args_print_wrapped(task_specs[i]->about, 19, 19);
  }
  printf("\nseqgpu train TASK --help lists the options of a task.\n"
         "Every task works with every cell.  Ctrl-C saves and stops; resuming from any\n"
         "checkpoint reproduces the uninterrupted run bit for bit.\n");
  return CLI_OK;
}

enum { NAMES = 512 };
static void add_name(char names[NAMES], const char *name) {
  const size_t used = strlen(names);
  snprintf(names + used, NAMES - used, ", %s", name);
}

static int unknown_task(const char *name) {
  char names[NAMES] = "charlm";
  suggestion s = suggest_start(name);
  suggest_try(&s, "charlm");
  for (int i = 0; applications[i]; i++) {
    suggest_try(&s, applications[i]->name);
    add_name(names, applications[i]->name);
  }
  for (int i = 0; task_specs[i]; i++) {
    suggest_try(&s, task_specs[i]->name);
    add_name(names, task_specs[i]->name);
  }
  if (name[0] == 0) return cli_usage("train: no task is given; it must be one of %s", names);
  if (s.best) return cli_usage("train: \"%.40s\" is not a task; did you mean %s?", name, s.best);
  return cli_usage("train: \"%.40s\" is not a task; it must be one of %s", name, names);
}

/* --help=FORMAT of every task, one after the other. */
static int describe_tasks(int argc, char **argv) {
  CLI_TRY(train_charlm(argc, argv));
  for (int i = 0; applications[i]; i++) CLI_TRY(application_train(applications[i], argc, argv));
  for (int i = 0; task_specs[i]; i++) CLI_TRY(train_task(task_specs[i], argc, argv));
  return CLI_OK;
}

static int run_task(int argc, char **argv) {
  const char *name = argc > 0 ? argv[0] : "";
  if (strncmp(name, "--help=", 7) == 0) return describe_tasks(argc, argv);
  if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) return print_help();
  if (strcmp(name, "charlm") == 0) return train_charlm(argc - 1, argv + 1);
  const application *found = application_find(name);
  if (found) return application_train(found, argc - 1, argv + 1);
  const task_spec *task = task_find(name);
  return task ? train_task(task, argc - 1, argv + 1) : unknown_task(name);
}

/* mpirun ends all processes when the first one fails, and process 0 is to have said why. */
static int train(int argc, char **argv) {
  int rank, size;
  ranks_launched(&rank, &size);
  if (rank > 0) cli_silence_usage();
  const int code = run_task(argc, argv);
  if (rank > 0 && code == CLI_USAGE) sleep(1);
  return code;
}

const command_spec command_train = {
    "train", "train a network on a text or a task; train --help lists the tasks", train};
