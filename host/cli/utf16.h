/* utf16.h - texts in UTF-16 (RFC 2781), as some editors write them, and in UTF-8 as models read them. */
#ifndef UTF16_H
#define UTF16_H

#include <stddef.h>

typedef enum utf16_order { UTF16_NONE, UTF16_LITTLE, UTF16_BIG } utf16_order;

/* The byte order of a text in UTF-16: by its byte order mark, or, without one, because all the zeros among
 * its first bytes are every second byte, and many are.  UTF16_NONE: it is something else. */
utf16_order utf16_find(const char *data, size_t size);

/* Converts to UTF-8 without a byte order mark.  *out, from malloc, has room for a zero more than
 * *out_size. Returns `size`, or the place of the first byte that is wrong: of half a character, or of a
 * surrogate without its partner.  *out is NULL then, and also when out of memory. */
size_t utf16_to_utf8(const char *data, size_t size, utf16_order order, char **out, size_t *out_size);

#endif
