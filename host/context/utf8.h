/* utf8.h - where a character ends in UTF-8 text, strictly by RFC 3629. */
#ifndef SQ_UTF8_H
#define SQ_UTF8_H

#include <stddef.h>

/* Length of the UTF-8 sequence at text, of n bytes; 0 if it is none. */
static inline size_t sq_utf8_length(const char *text, size_t n) {
  const unsigned char *s = (const unsigned char *)text;
  if (n == 0) return 0;
  if (s[0] < 0x80) return 1;
  const size_t length = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
  if (s[0] < 0xc2 || s[0] > 0xf4 || length > n) return 0;
  for (size_t i = 1; i < length; i++)
    if ((s[i] & 0xc0) != 0x80) return 0;
  if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f)) return 0; /* long form, surrogate */
  if ((s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f)) return 0; /* long form, > 10FFFF */
  return length;
}

#endif
