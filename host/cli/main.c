/* main.c - the program `seqgpu`: finds the command and runs it. */
#define _POSIX_C_SOURCE 200809L

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "host/cli/command.h"

static int run_bench(int argc, char **argv) {
  (void)argc;
  (void)argv;
  return cli_usage("bench: is a separate program, bench_rnn, which is built beside this one");
}

static const command_spec command_bench = {"bench", "see the program bench_rnn", run_bench};

static const command_spec *const commands[] = {&command_train,   &command_sample, &command_eval,
                                               &command_inspect, &command_info,   &command_bench};
enum { COMMANDS = sizeof commands / sizeof commands[0] };

static int print_help(void) {
  printf("usage: seqgpu COMMAND [options]\n\n");
  for (int i = 0; i < COMMANDS; i++) printf("  %-10s %s\n", commands[i]->name, commands[i]->about);
  printf("\nseqgpu COMMAND --help lists the options of a command; seqgpu --version prints the version.\n"
         "Exit codes: 0 success, 1 failure, 2 wrong command line, 130 stopped by Ctrl-C.\n");
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
    if (strcmp(commands[i]->name, argv[1]) == 0) return commands[i]->run(argc - 2, argv + 2);
  return cli_usage("\"%.40s\": is not a command; see seqgpu --help", argv[1]);
}

/* Where the shell has closed a standard stream, the first file that is opened would take its place, and what
 * is printed would end in a model. */
static void fill_standard_streams(void) {
  int fd;
  do fd = open("/dev/null", O_RDWR);
  while (fd >= 0 && fd <= STDERR_FILENO);
  if (fd > STDERR_FILENO) close(fd);
}

int main(int argc, char **argv) {
  fill_standard_streams();
  const int code = run(argc, argv);
  if (fflush(stdout) == 0 && !ferror(stdout)) return code;
  if (code == CLI_OK) return cli_error("standard output: %s", strerror(errno));
  return code;
}
