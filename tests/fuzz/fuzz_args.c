/* fuzz_args.c - command lines of `seqgpu train`: parsed and checked, and nothing done.  The first byte says
 * of which task, then each line is an argument. */
#include "host/cli/suggest.h"
#include "tests/fuzz/fuzz_tasks.h"

enum { MOST = 64 };

static int split(char *text, char *argv[MOST]) {
  int argc = 0;
  for (char *line = text; line && argc < MOST; argc++) {
    char *end = strchr(line, '\n');
    argv[argc] = line;
    if (end) *end++ = 0;
    line = end;
  }
  return argc;
}

/* What is in the fields can be written, and read as the same. */
static void write_and_read(const arg_spec *specs, fuzz_options *o) {
  char first[ARGS_VALUE], second[ARGS_VALUE];
  for (; specs->name[0]; specs++) {
    if (specs->keep == ARG_NOT_KEPT) continue;
    args_format(specs, o, first);
    fuzz_require(args_set(specs, first, o, "fuzz") == 0);
    args_format(specs, o, second);
    fuzz_require(strcmp(first, second) == 0);
  }
}

FUZZ_TARGET(args) {
  const task_spec *task = fuzz_task(fuzz_byte(&data, &size));
  char *text = fuzz_string(data, size), *argv[MOST];
  const int argc = split(text, argv);
  arg_spec specs[ARGS_MAX];
  unsigned char given[ARGS_MAX];
  fuzz_options options;
  fuzz_join(task, specs);
  fuzz_defaults(task, &options);
  const arg_command command = {"seqgpu train fuzz [options]", "", specs};
  suggestion s = suggest_start(argv[0]);
  suggest_try(&s, "resume");
  args_peek(argc, argv, "checkpoint");
  if (args_parse(&command, argc, argv, &options, given) == ARGS_GO_ON) {
    write_and_read(specs, &options);
    config_check(fuzz_model(task, &options));
    if (task && task->check) task->check(&options.task.config);
  }
  free(text);
  return 0;
}
