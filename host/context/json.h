/* json.h - a character of a text as it stands in a JSON string (RFC 8259). */
#ifndef SQ_JSON_H
#define SQ_JSON_H

#include <stdio.h>
#include <string.h>

#include "host/context/utf8.h"

enum { SQ_JSON_CHARACTER = 8 }; /* room for the longest form, six characters of an escape */

/* Writes the form of the character with which text[size], size > 0, begins, and how many bytes of text it
 * takes; returns the length of the form.  Quotes, backslashes and what would do more to a terminal than
 * appear (sq_utf8_plain) are escaped; a byte that is not UTF-8 becomes U+FFFD. */
static inline size_t sq_json_character(const char *text, size_t size, char form[SQ_JSON_CHARACTER],
                                       size_t *taken) {
  const size_t length = sq_utf8_length(text, size);
  const unsigned char c = (unsigned char)text[0];
  *taken = length ? length : 1;
  if (length == 0) return (size_t)snprintf(form, SQ_JSON_CHARACTER, "\xEF\xBF\xBD");
  if (c == '"' || c == '\\') return (size_t)snprintf(form, SQ_JSON_CHARACTER, "\\%c", c);
  if (sq_utf8_plain(text, size) == 0)
    return (size_t)snprintf(form, SQ_JSON_CHARACTER, "\\u%04x",
                            (unsigned)(sq_utf8_code(text, length) & 0xffff));
  memcpy(form, text, length);
  return length;
}

#endif
