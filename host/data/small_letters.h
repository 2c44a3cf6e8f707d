/* small_letters.h - a text in small letters: Latin with its marks, Greek, Cyrillic.  It keeps its length. */
#ifndef SMALL_LETTERS_H
#define SMALL_LETTERS_H

#include <stddef.h>

/* Writes `size` bytes of UTF-8 to `to`; what is no letter, or no character, stays as it is. */
void small_letters(const char *from, size_t size, char *to);

#endif
