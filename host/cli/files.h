/* files.h - the files that a run names, looked at before one of them is opened for writing. */
#ifndef FILES_H
#define FILES_H

#include "host/cli/args.h"

/* What follows the last slash of a path. */
const char *files_base(const char *path);
/* 1 if there is something else than an empty file, or nobody knows. */
int files_has_content(const char *path);
/* 1 if a regular file begins like a .safetensors file. */
int files_is_model(const char *path);
/* 1 if both paths lead to one file, or would if it were there. */
int files_are_same(const char *a, const char *b);

/* 0 if a model may be saved at the path: nothing is there, or a model and `replace`.  Else CLI_FAILED after a
 * sentence; `option` is what the path was given to. */
int files_check_model(const char *path, const char *option, int replace);
/* Refuses a command line that names one file twice and would write it: rows "checkpoint" and "log" of the
 * table against all its other files, except that a model may be saved where it was read. */
int files_check_twice(const arg_spec *specs, const void *options);

#endif
