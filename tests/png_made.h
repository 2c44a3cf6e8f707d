/* png_made.h - pictures in PNG for tests, without a library: 8 bits a channel, not compressed. */
#ifndef PNG_MADE_H
#define PNG_MADE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { PNG_GREY = 0, PNG_RGB = 2, PNG_RGBA = 6, PNG_MADE_MOST = 65535 /* bytes of pixels and line starts */ };

static inline void png_be32(unsigned char *to, uint32_t value) {
  for (int i = 0; i < 4; i++) to[i] = (unsigned char)(value >> (24 - 8 * i));
}

static inline uint32_t png_crc(const unsigned char *data, size_t size) {
  uint32_t crc = 0xffffffffU;
  for (size_t i = 0; i < size; i++) {
    crc ^= data[i];
    for (int k = 0; k < 8; k++) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320U : 0);
  }
  return ~crc;
}

/* A chunk: its length, name, data and checksum; how long it is. */
static inline size_t png_chunk(unsigned char *out, const char *name, const unsigned char *data, size_t size) {
  png_be32(out, (uint32_t)size);
  memcpy(out + 4, name, 4);
  if (size > 0) memcpy(out + 8, data, size);
  png_be32(out + 8 + size, png_crc(out + 4, size + 4));
  return size + 12;
}

/* pixel [height,width,channels] of a colour type; `out` has room for the pixels and 200 bytes.  How long it
 * is. */
static inline size_t png_make(char *out, int type, uint32_t width, uint32_t height,
                              const unsigned char *pixel) {
  static const unsigned char signature[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
  static unsigned char packed[PNG_MADE_MOST + 11];
  unsigned char head[13] = {0}, *to = (unsigned char *)out;
  const size_t line = width * (size_t)(type == PNG_GREY  ? 1
                                       : type == PNG_RGB ? 3
                                                         : 4),
               size = height * (line + 1);
  uint32_t a = 1, b = 0;
  png_be32(head, width);
  png_be32(head + 4, height);
  head[8] = 8;
  head[9] = (unsigned char)type;
  packed[0] = 0x78; /* deflate: one block that is stored */
  packed[1] = 1;
  packed[2] = 1;
  packed[3] = (unsigned char)size;
  packed[4] = (unsigned char)(size >> 8);
  packed[5] = (unsigned char)~packed[3];
  packed[6] = (unsigned char)~packed[4];
  for (uint32_t y = 0; y < height; y++) {
    packed[7 + y * (line + 1)] = 0; /* no filter */
    memcpy(packed + 8 + y * (line + 1), pixel + y * line, line);
  }
  for (size_t i = 0; i < size; i++) {
    a = (a + packed[7 + i]) % 65521;
    b = (b + a) % 65521;
  }
  png_be32(packed + 7 + size, b << 16 | a);
  memcpy(to, signature, sizeof signature);
  to += sizeof signature;
  to += png_chunk(to, "IHDR", head, sizeof head);
  to += png_chunk(to, "IDAT", packed, size + 11);
  to += png_chunk(to, "IEND", head, 0);
  return (size_t)(to - (unsigned char *)out);
}

#endif
