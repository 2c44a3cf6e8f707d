/* args_complete.h - completion of a command's options in bash, zsh and fish. */
#ifndef ARGS_COMPLETE_H
#define ARGS_COMPLETE_H

#include "host/cli/args_table.h"

/* Prints the part of one command, whose name is the first `length` characters of `usage`, of the script that
 * `seqgpu completion SHELL` prints; 0 if the shell is not known. */
int args_complete(const char *usage, int length, const arg_spec *specs, const char *shell);

/* The beginning and the end of that script, around the parts of all commands; `words` are the commands,
 * separated by spaces, `tasks` the tasks of train.  0 if the shell is not known. */
int args_complete_begin(const char *shell, const char *words, const char *tasks);
void args_complete_end(const char *shell);

#endif
