/* train.c - `seqgpu train TASK`: finds the task and trains it. */
#include <string.h>

#include "host/cli/command.h"
#include "host/cli/train.h"

static int print_help(void) {
  printf("usage: seqgpu train TASK [options]\n\n");
  printf("  %-16s %s\n", "charlm", "the next character, byte or word of a text: --text FILE");
  for (int i = 0; task_specs[i]; i++) printf("  %-16s %s\n", task_specs[i]->name, task_specs[i]->about);
  printf("\nseqgpu train TASK --help lists the options of a task.\n"
         "Every task works with every cell.  Ctrl-C saves and stops; resuming from any checkpoint reproduces "
         "the\n"
         "uninterrupted run bit for bit.\n");
  return CLI_OK;
}

static int unknown_task(const char *name) {
  char names[512] = "charlm";
  for (int i = 0; task_specs[i]; i++) {
    const size_t used = strlen(names);
    snprintf(names + used, sizeof names - used, ", %s", task_specs[i]->name);
  }
  if (name[0] == 0) return cli_usage("train: no task is given; it must be one of %s", names);
  return cli_usage("train: \"%.40s\" is not a task; it must be one of %s", name, names);
}

static int train(int argc, char **argv) {
  const char *name = argc > 0 ? argv[0] : "";
  if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) return print_help();
  if (strcmp(name, "charlm") == 0) return train_charlm(argc - 1, argv + 1);
  for (int i = 0; task_specs[i]; i++)
    if (strcmp(task_specs[i]->name, name) == 0) return train_task(task_specs[i], argc - 1, argv + 1);
  return unknown_task(name);
}

const command_spec command_train = {
    "train", "train a network on a text or a task; train --help lists the tasks", train};
