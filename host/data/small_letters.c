/* small_letters.c - see small_letters.h. */
#include "host/data/small_letters.h"

/* Of a letter of two bytes in UTF-8; others stay. */
static unsigned small_letter(unsigned c) {
  if (c >= 0xC0 && c <= 0xDE && c != 0xD7) return c + 32;
  if (c == 0x178) return 0xFF;
  if ((c >= 0x100 && c <= 0x137 && c != 0x130) || (c >= 0x14A && c <= 0x177)) return c | 1;
  if ((c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17E)) return c + (c & 1);
  if ((c >= 0x391 && c <= 0x3A9 && c != 0x3A2) || (c >= 0x410 && c <= 0x42F)) return c + 32;
  return c >= 0x400 && c <= 0x40F ? c + 80 : c;
}

void small_letters(const char *from, size_t size, char *to) {
  for (size_t i = 0; i < size; i++) {
    const unsigned char c = (unsigned char)from[i];
    to[i] = c >= 'A' && c <= 'Z' ? (char)(c + 32) : (char)c;
    if (c < 0xC2 || c > 0xDF || i + 1 == size || ((unsigned char)from[i + 1] & 0xC0) != 0x80) continue;
    const unsigned letter = small_letter((c & 0x1Fu) << 6 | ((unsigned char)from[i + 1] & 0x3Fu));
    to[i++] = (char)(0xC0 | letter >> 6);
    to[i] = (char)(0x80 | (letter & 0x3F));
  }
}
