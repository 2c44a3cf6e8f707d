/* exchange.h - what the commands import and export have in common (exchange.c). */
#ifndef EXCHANGE_H
#define EXCHANGE_H

#include "host/cli/command.h"

/* Both stand in the file of their name; main.c has the table. */
extern const command_spec command_import, command_export;

/* Takes the file's name off the front of the command line; NULL if there is none. */
const char *exchange_file(int *argc, char ***argv);

/* Opens a file of a format, "auto" = by its bytes.  Returns an exit code. */
int exchange_open(seqgpu_context *ctx, const char *path, const char *format, seqgpu_import **out);

/* 0 if a file may be written: it is not the one that is read, and nothing is there, or it may be replaced. */
int exchange_check_target(const char *to, const char *from, int replace);

/* The network with this name.  NULL: -1, which stands for all of them; with `one` it must be the only one.
 * Returns an exit code. */
int exchange_choose(const seqgpu_import *import, const char *name, int one, int *index);

#endif
