/* labelled_lines.h - labelled sentences, a line each: the label, and then words with white space between
 * them. */
#ifndef LABELLED_LINES_H
#define LABELLED_LINES_H

#include "host/data/sentences.h"

/* Adds the sentences of a file, plain or compressed by gzip, with a label each.  0, or CLI_FAILED after a
 * sentence that names the line; sentences_free is to be called in any case. */
int labelled_lines_read(const char *path, sentences *out);
/* The same of a text, which is taken. */
int labelled_lines_parse(const char *path, text_file *text, sentences *out);

#endif
