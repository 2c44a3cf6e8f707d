/* args.h - the command line of a command, by the table of its options (args_table.h). */
#ifndef ARGS_H
#define ARGS_H

#include "host/cli/args_help.h"
#include "host/cli/args_table.h"

enum { ARGS_GO_ON = -1 };

/* Fills *options, which holds the defaults; given[i] becomes 1 for each option that was given.  Returns
 * ARGS_GO_ON, or the exit code: 0 after --help, 2 after a sentence about what is wrong.
 * "--help=bash" and the other names of args_help.h print the table in that form. */
int args_parse(const arg_command *command, int argc, char **argv, void *options,
               unsigned char given[ARGS_MAX]);

/* Takes what stands alone out of a command line, the names of files: neither options nor their values.  0, or
 * CLI_USAGE after a sentence: there are too many. */
int args_take_files(const arg_spec *specs, int *argc, char **argv, arg_list *files);

/* The value that a command line gives an option, NULL if none: for a command whose table depends on it. */
const char *args_peek(int argc, char **argv, const char *name);
/* 1 if a command line asks for help. */
int args_ask_help(int argc, char **argv);

#endif
