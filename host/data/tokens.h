/* tokens.h - a text as words and marks with spaces between them, in small letters: the tokens of mteval-v13a,
 * which BLEU is counted in, of a text in small letters.
 *
 *   "Hi there!" costs $1,000.50 -- well-known.   ->   " hi there ! " costs $ 1,000.50 -- well-known .
 *
 * Marks of ASCII stand alone but for the apostrophe, for the hyphen that follows no digit, and for point and comma
 * between two digits.  Small letters are those of small_letters.h.
 */
#ifndef TOKENS_H
#define TOKENS_H

#include "host/cli/text.h"

/* Replaces a text by its tokens, in the same lines and columns.  0, or CLI_FAILED when out of memory; text_free
 * is to be called in any case. */
int tokens_of_text(const char *path, text_file *text);

#endif
