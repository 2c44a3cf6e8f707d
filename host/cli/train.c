/* train.c - `seqgpu train TASK`: which task it is. */
#include <string.h>

#include "host/cli/train.h"

static int print_help(void) {
  printf("usage: seqgpu train TASK [options]; seqgpu train TASK --help tells its options\n\n");
  printf("  %-16s %s\n", "charlm", "the next character, byte or word of a text: --text FILE");
  for (int i = 0; tasks[i]; i++) printf("  %-16s %s\n", tasks[i]->name, tasks[i]->about);
  printf(
      "\nEvery task takes any cell, writes checkpoints and resumes bit for bit; Ctrl-C saves and stops.\n");
  return CLI_OK;
}

static int unknown_task(const char *name) {
  char names[512] = "charlm";
  for (int i = 0; tasks[i]; i++) {
    const size_t used = strlen(names);
    snprintf(names + used, sizeof names - used, ", %s", tasks[i]->name);
  }
  return cli_usage("train: \"%.40s\" is not a task, the tasks are %s", name, names);
}

int command_train(int argc, char **argv) {
  const char *name = argc > 0 ? argv[0] : "";
  if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) return print_help();
  if (strcmp(name, "charlm") == 0) return train_charlm(argc - 1, argv + 1);
  for (int i = 0; tasks[i]; i++)
    if (strcmp(tasks[i]->name, name) == 0) return train_task(tasks[i], argc - 1, argv + 1);
  return unknown_task(name);
}
