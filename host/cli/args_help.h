/* args_help.h - what a command says about its options: as text, as rows for programs, and for three
 * shells. */
#ifndef ARGS_HELP_H
#define ARGS_HELP_H

#include "host/cli/args_table.h"

typedef struct arg_command {
  const char *usage; /* "seqgpu eval --checkpoint FILE --text FILE [options]" */
  const char *about;
  const arg_spec *specs;
} arg_command;

/* Length of "seqgpu train temporal-order" at the beginning of a usage. */
int args_name_length(const char *usage);

/* Prints the options; their defaults stand in *options.  format: "text", at most 80 columns; "rows", one
 * option a line with tabs between command, group, name, value, choices, default, and help; or "bash",
 * "zsh", "fish", which args_complete.h explains.  0, or CLI_USAGE after a sentence about the format. */
int args_help(const arg_command *command, const void *options, const char *format);

/* Prints text in lines of at most 80 columns, each after `indent` spaces; `column` is where the first
 * begins. */
void args_print_wrapped(const char *text, int indent, int column);

#endif
