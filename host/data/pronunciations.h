/* pronunciations.h - words as letters and how they are spoken, from files in the form of the CMU dictionary.
 *
 *   read R EH1 D          a word, and its phonemes with white space between them
 *   read(2) R IY1 D       another way to say it, below
 *   aalen AE1 L AH0 N # place, german
 *   ;;; a comment
 *
 * Capital letters are read as small ones.
 */
#ifndef PRONUNCIATIONS_H
#define PRONUNCIATIONS_H

#include "host/data/pairs.h"

/* Adds the words of a file, plain or compressed by gzip: letters to the source, phonemes to the target, without
 * the digit of their stress unless `stress`.  0, or CLI_FAILED after a sentence that names the line; pairs_free
 * is to be called in any case. */
int pronunciations_read(const char *path, int stress, pairs *out);
/* The same of a text, which is taken. */
int pronunciations_parse(const char *path, text_file *text, int stress, pairs *out);

/* Reads words with white space between them: their letters, a source each. */
int spellings_read(const char *path, sentences *out);

#endif
