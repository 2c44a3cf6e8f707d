/* conllu.h - sentences with a part of speech for each word, from CoNLL-U files (universaldependencies.org).
 *
 *   # a comment, before the words of a sentence
 *   1 TAB She TAB she TAB PRON TAB ...        ten columns: number, word, lemma, UPOS tag and six more
 *   2-3 TAB won't TAB _ TAB _ ...             a range: what the text has for the words that follow; skipped
 *   2 TAB wo ...
 *   5.1 TAB ...                               an empty node: not in the text; skipped
 *   (an empty line ends the sentence)
 */
#ifndef CONLLU_H
#define CONLLU_H

#include "host/data/sentences.h"

enum { CONLLU_COLUMNS = 10 };

/* Adds the sentences of a file, plain or compressed by gzip, with a label a word: its UPOS tag.  0, or
 * CLI_FAILED after a sentence that names the line; sentences_free is to be called in any case. */
int conllu_read(const char *path, sentences *out);
/* The same of a text, which is taken. */
int conllu_parse(const char *path, text_file *text, sentences *out);

#endif
