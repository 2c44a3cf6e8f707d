/* utf8.h - characters of UTF-8 text: where one ends, strictly by RFC 3629, and which may be shown. */
#ifndef SQ_UTF8_H
#define SQ_UTF8_H

#include <stddef.h>
#include <stdint.h>

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

/* The code point of a sequence of that length. */
static inline uint32_t sq_utf8_code(const char *text, size_t length) {
  const unsigned char *s = (const unsigned char *)text;
  uint32_t code = length == 1 ? s[0] : s[0] & (0xffu >> (length + 1));
  for (size_t i = 1; i < length; i++) code = code << 6 | (s[i] & 0x3fu);
  return code;
}

/* The same length for a character that does nothing to a terminal but appear; 0 for a control character (of
 * C0 and C1), for one that turns the direction of writing, and for a byte that is not UTF-8. */
static inline size_t sq_utf8_plain(const char *text, size_t n) {
  const size_t length = sq_utf8_length(text, n);
  const uint32_t code = length ? sq_utf8_code(text, length) : 0;
  if (code < 0x20 || (code >= 0x7f && code < 0xa0)) return 0;
  if ((code >= 0x200e && code <= 0x200f) || (code >= 0x2028 && code <= 0x202e)) return 0;
  return code >= 0x2066 && code <= 0x2069 ? 0 : length;
}

/* What may be shown of the character with which text[n], n > 0, begins: itself, or a question mark; and how
 * many bytes of text it takes.  Returns the length of what is in out. */
static inline size_t sq_utf8_shown(const char *text, size_t n, char out[4], size_t *taken) {
  const size_t length = sq_utf8_length(text, n), plain = sq_utf8_plain(text, n);
  *taken = length ? length : 1;
  out[0] = '?';
  for (size_t i = 0; i < plain; i++) out[i] = text[i];
  return plain ? plain : 1;
}

/* Writes a code point that is no surrogate, at most 10FFFF; returns the length, at most 4. */
static inline size_t sq_utf8_write(uint32_t code, char *out) {
  static const unsigned char first[] = {0, 0, 0xc0, 0xe0, 0xf0};
  const size_t length = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  for (size_t i = length; i-- > 1; code >>= 6) out[i] = (char)(0x80 | (code & 0x3f));
  out[0] = (char)(first[length == 1 ? 0 : length] | code);
  return length;
}

#endif
