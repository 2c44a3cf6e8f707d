/* translations.h - sentences and their translations: a pair a line, with a tab between the two, or the lines of
 * two files.  Both are read as tokens (tokens.h). */
#ifndef TRANSLATIONS_H
#define TRANSLATIONS_H

#include "host/data/pairs.h"

/* Adds the pairs of files, plain or compressed by gzip.  One whose first line has a tab has pairs, in its first
 * two columns; the lines of any other are translated by those of the file behind it.  Pairs with more than
 * `longest` tokens on a side are left out and counted in *left_out; 0 = none is.
 * 0, or CLI_FAILED after a sentence that names the line; pairs_free is to be called in any case. */
int translations_read(const arg_list *files, int64_t longest, pairs *out, int64_t *left_out);
/* The same of one text, and of two (other; NULL: there is one), which are taken. */
int translations_parse(const char *path, text_file *text, const char *other_path, text_file *other,
                       int64_t longest, pairs *out, int64_t *left_out);

/* Sentences alone, a line each; empty lines are sentences of no words. */
int translations_read_source(const char *path, sentences *out);

#endif
