/* command.h - the commands of the program: one file each, and what all of them have in common. */
#ifndef COMMAND_H
#define COMMAND_H

#include "host/cli/cli.h"
#include "host/cli/how.h"

typedef struct command_spec {
  const char *name, *about;
  int (*run)(int argc, char **argv); /* argv[0] is the first argument after the name; returns an exit code */
} command_spec;

/* Each stands in the file of its name, those of applications in tasks/; main.c has the table. */
extern const command_spec command_train, command_sample, command_eval, command_inspect, command_report,
    command_info, command_verify, command_tag, command_classify, command_compose, command_draw,
    command_frames, command_spell, command_translate, command_caption, command_transcribe, command_speak,
    command_write, command_read;

/* Options of every command. */
typedef struct common_options {
  char device[ARGS_WORD];
  int64_t threads;
  int json, quiet;
} common_options;

extern const arg_spec common_specs[];
#define COMMON_DEFAULTS                                                                                      \
  { .device = "auto" }

/* Options of commands that run a network. */
typedef struct network_options {
  common_options common;
  how_options how;
} network_options;

/* Parses a command line into *options, a struct that begins with a common_options, by the rows in help->specs
 * and common_specs, and opens the device.  Returns ARGS_GO_ON, or an exit code; then *ctx is NULL. */
int command_start(const arg_command *help, int argc, char **argv, void *options, seqgpu_context **ctx);
/* The same for a struct that begins with a network_options, by the rows of how_specs as well; given[i] is 1
 * for each row of help->specs that was given. */
int command_start_network(const arg_command *help, int argc, char **argv, void *options,
                          unsigned char given[ARGS_MAX], seqgpu_context **ctx);

#endif
