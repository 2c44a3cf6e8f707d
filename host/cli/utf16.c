/* utf16.c - recognising and converting UTF-16 (utf16.h). */
#include "host/cli/utf16.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "host/context/utf8.h"

enum { LOOKED_AT = 4096, HIGH = 0xd800, LOW = 0xdc00, PAST = 0xe000, BEYOND = 0x10000 };

static int begins(const char *data, size_t size, const char *with, size_t length) {
  return size >= length && memcmp(data, with, length) == 0;
}

utf16_order utf16_find(const char *data, size_t size) {
  if (begins(data, size, "\xff\xfe\0\0", 4)) return UTF16_NONE; /* UTF-32 */
  if (begins(data, size, "\xff\xfe", 2)) return UTF16_LITTLE;
  if (begins(data, size, "\xfe\xff", 2)) return UTF16_BIG;
  size_t zeros[2] = {0, 0};
  const size_t most = size < LOOKED_AT ? size : LOOKED_AT;
  for (size_t i = 0; i < most; i++) zeros[i % 2] += data[i] == 0;
  if (size % 2 || 4 * (zeros[0] + zeros[1]) < most || (zeros[0] && zeros[1]) || most == 0) return UTF16_NONE;
  return zeros[1] ? UTF16_LITTLE : UTF16_BIG;
}

static uint32_t unit_at(const char *data, utf16_order order) {
  const unsigned char *b = (const unsigned char *)data;
  return order == UTF16_LITTLE ? b[0] | (uint32_t)b[1] << 8 : b[1] | (uint32_t)b[0] << 8;
}

/* The character at data[size], and how many bytes it takes: 0 where it is none. */
static size_t character_at(const char *data, size_t size, utf16_order order, uint32_t *out) {
  if (size < 2) return 0;
  *out = unit_at(data, order);
  if (*out < HIGH || *out >= PAST) return 2;
  if (*out >= LOW || size < 4) return 0;
  const uint32_t low = unit_at(data + 2, order);
  if (low < LOW || low >= PAST) return 0;
  *out = BEYOND + ((*out - HIGH) << 10) + (low - LOW);
  return 4;
}

size_t utf16_to_utf8(const char *data, size_t size, utf16_order order, char **out, size_t *out_size) {
  size_t at = size >= 2 && unit_at(data, order) == 0xfeff ? 2 : 0;
  char *text = *out = malloc(size / 2 * 3 + 1); /* two bytes become three at most */
  *out_size = 0;
  if (text == NULL) return size;
  for (uint32_t c; at < size;) {
    const size_t taken = character_at(data + at, size - at, order, &c);
    if (taken == 0) {
      free(*out);
      *out = NULL;
      return at;
    }
    text += sq_utf8_write(c, text);
    at += taken;
  }
  *text = 0;
  *out_size = (size_t)(text - *out);
  return size;
}
