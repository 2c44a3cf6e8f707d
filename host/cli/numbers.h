/* numbers.h - a table of numbers in a text: one row a line, separated by commas, semicolons or white
 * space. */
#ifndef NUMBERS_H
#define NUMBERS_H

#include <stdint.h>

/* Reads a file, "-" being standard input, whose rows all have `columns` finite numbers; empty lines and
 * lines that begin with # are skipped.  *out, [rows, columns], comes from malloc.  0, or an exit code
 * after a sentence that names the line. */
int numbers_read(const char *path, int64_t columns, float **out, int64_t *rows);
/* The same of a text in memory, which is changed; `path` is what the sentences call it. */
int numbers_parse(const char *path, char *text, int64_t columns, float **out, int64_t *rows);

#endif
