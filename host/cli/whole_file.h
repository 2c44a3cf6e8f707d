/* whole_file.h - files that a command makes, a page or a piece of music: written as a whole or not at all,
 * and only in place of nothing or of a file of their kind. */
#ifndef WHOLE_FILE_H
#define WHOLE_FILE_H

#include <stddef.h>
#include <stdio.h>

typedef struct whole_file_kind {
  const char *begin, *name; /* its first characters, at most 16; what it is, for a sentence: "HTML page" */
} whole_file_kind;

/* 0, or an exit code after a sentence. */
int whole_file_write(const char *path, const char *data, size_t size, const whole_file_kind *kind);
/* The same of what `work` writes of `self`; nothing where path is NULL. */
typedef void whole_file_writer(FILE *to, const void *self);
int whole_file_make(const char *path, whole_file_writer *work, const void *self, const whole_file_kind *kind);

#endif
