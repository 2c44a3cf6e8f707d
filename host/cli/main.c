/* main.c - the program `seqgpu`: finds the command and runs it; help and completion for all of them. */
#define _XOPEN_SOURCE 700 /* SIGXFSZ */

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "host/cli/application.h"
#include "host/cli/args_complete.h"
#include "host/cli/exchange.h"
#include "host/cli/suggest.h"
#include "host/cli/tasks/task.h"

static int run_bench(int argc, char **argv) {
  (void)argc;
  (void)argv;
  return cli_usage("bench: is a separate program, bench_rnn, which is built beside this one");
}

static const command_spec command_bench = {"bench", "see the program bench_rnn", run_bench};

static const command_spec *const commands[] = {
    &command_train,   &command_sample,     &command_eval,   &command_tag,    &command_classify,
    &command_compose, &command_draw,       &command_frames, &command_spell,  &command_translate,
    &command_caption, &command_transcribe, &command_speak,  &command_write,  &command_read,
    &command_inspect, &command_verify,     &command_report, &command_import, &command_export,
    &command_info,    &command_bench};
enum { COMMANDS = sizeof commands / sizeof commands[0], NAMES = 512 };

static const command_spec *find_command(const char *name) {
  for (int i = 0; i < COMMANDS; i++)
    if (strcmp(commands[i]->name, name) == 0) return commands[i];
  return NULL;
}

/* ---------------------------------------------------------------- completion */

static void add_name(char names[NAMES], const char *name) {
  const size_t used = strlen(names);
  snprintf(names + used, NAMES - used, "%s%s", used ? " " : "", name);
}

/* The part of every command but bench, and of every task: each prints its own. */
static void complete_commands(const char *shell) {
  char ask[32];
  snprintf(ask, sizeof ask, "--help=%s", shell);
  char *argv[] = {ask, NULL};
  for (int i = 0; i < COMMANDS; i++)
    if (commands[i] != &command_bench) commands[i]->run(1, argv);
}

static int run_completion(int argc, char **argv) {
  char words[NAMES] = "", tasks[NAMES] = "charlm";
  const char *shell = argc > 0 ? argv[0] : "";
  for (int i = 0; i < COMMANDS; i++)
    if (commands[i] != &command_bench) add_name(words, commands[i]->name);
  add_name(words, "help");
  add_name(words, "completion");
  for (int i = 0; applications[i]; i++) add_name(tasks, applications[i]->name);
  for (int i = 0; task_specs[i]; i++) add_name(tasks, task_specs[i]->name);
  if (!args_complete_begin(shell, words, tasks))
    return cli_usage("completion: is \"%.20s\"; it must be one of bash, zsh, fish", shell);
  complete_commands(shell);
  args_complete_end(shell);
  return CLI_OK;
}

/* ---------------------------------------------------------------- help */

static int print_help(void) {
  printf("usage: seqgpu COMMAND [options]\n\n");
  for (int i = 0; i < COMMANDS; i++) printf("  %-10s  %s\n", commands[i]->name, commands[i]->about);
  printf("  %-10s  %s\n", "help", "explain a command or a task, as seqgpu help adding");
  printf("  %-10s  %s\n", "completion", "print the completion of a shell: bash, zsh or fish");
  printf("\nseqgpu COMMAND --help lists the options of a command; seqgpu --version, or -V,\n"
         "prints the version.\n"
         "Exit codes: 0 success, 1 failure, 2 wrong command line, 129, 130 and 143\n"
         "stopped by a hang-up, by Ctrl-C and by SIGTERM.\n");
  return CLI_OK;
}

/* seqgpu help, seqgpu help COMMAND, seqgpu help TASK; an application is both */
static int run_help(int argc, char **argv) {
  char ask[] = "--help";
  if (argc == 0 || argv[0][0] == '-') return print_help();
  const command_spec *command = find_command(argv[0]);
  char *to_command[] = {ask, NULL}, *to_task[] = {argv[0], ask, NULL};
  if (command && application_find(argv[0])) { /* both, how it is used and how it is trained */
    CLI_TRY(command->run(1, to_command));
    printf("\n");
    return command_train.run(2, to_task);
  }
  return command ? command->run(1, to_command) : command_train.run(2, to_task);
}

/* ---------------------------------------------------------------- the command */

static int unknown_command(const char *name) {
  suggestion s = suggest_start(name);
  for (int i = 0; i < COMMANDS; i++) suggest_try(&s, commands[i]->name);
  suggest_try(&s, "help");
  suggest_try(&s, "completion");
  if (s.best) return cli_usage("\"%.40s\": is not a command; did you mean %s?", name, s.best);
  return cli_usage("\"%.40s\": is not a command; see seqgpu --help", name);
}

static int run(int argc, char **argv) {
  if (argc < 2) return cli_usage("a command is missing; see seqgpu --help");
  const char *name = argv[1];
  if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) return print_help();
  if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0) {
    printf("seqgpu %s\n", seqgpu_version());
    return CLI_OK;
  }
  if (strcmp(name, "help") == 0) return run_help(argc - 2, argv + 2);
  if (strcmp(name, "completion") == 0) return run_completion(argc - 2, argv + 2);
  const command_spec *command = find_command(name);
  return command ? command->run(argc - 2, argv + 2) : unknown_command(name);
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
  signal(SIGXFSZ, SIG_IGN); /* a limit on the size of files is a failure to write, with its sentence */
  return cli_finish_output(run(argc, argv));
}
