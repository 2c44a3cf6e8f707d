/* main.c - the program `seqgpu`: which command it is. */
#include <errno.h>
#include <string.h>

#include "host/cli/cli.h"

static int command_bench(int argc, char **argv) {
  (void)argc;
  (void)argv;
  return cli_usage("bench: that is a program of its own, bench_rnn, beside this one");
}

static const struct {
  const char *name;
  int (*run)(int argc, char **argv);
  const char *help;
} commands[] = {
    {"train", command_train, "train a network on a text or a task; train --help lists them"},
    {"sample", command_sample, "write text with a model"},
    {"eval", command_eval, "how well a model predicts a text"},
    {"inspect", command_inspect, "what is in a checkpoint, and what its gates do"},
    {"info", command_info, "version, device, cells, plans"},
    {"bench", command_bench, "see bench_rnn"},
};
enum { COMMANDS = sizeof commands / sizeof commands[0] };

static int print_help(void) {
  printf("usage: seqgpu COMMAND [options]; seqgpu COMMAND --help tells its options\n\n");
  for (int i = 0; i < COMMANDS; i++) printf("  %-10s %s\n", commands[i].name, commands[i].help);
  printf("\nExit codes: 0 done, 1 failed, 2 wrong command line, 130 stopped by Ctrl-C.\n");
  return CLI_OK;
}

static int run(int argc, char **argv) {
  if (argc < 2) return cli_usage("a command is missing; see seqgpu --help");
  if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) return print_help();
  if (strcmp(argv[1], "--version") == 0) {
    printf("seqgpu %s\n", seqgpu_version());
    return CLI_OK;
  }
  for (int i = 0; i < COMMANDS; i++)
    if (strcmp(commands[i].name, argv[1]) == 0) return commands[i].run(argc - 2, argv + 2);
  return cli_usage("\"%.40s\" is not a command; see seqgpu --help", argv[1]);
}

int main(int argc, char **argv) {
  const int code = run(argc, argv);
  if (fflush(stdout) == 0 && !ferror(stdout)) return code;
  if (code == CLI_OK) return cli_error("standard output: %s", strerror(errno));
  return code;
}
