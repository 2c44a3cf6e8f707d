/* crc.c - CRC-32 (crc.h).
 *
 * The generator is x^32 + x^26 + x^23 + x^22 + x^16 + x^12 + x^11 + x^10 + x^8 + x^7 + x^5 + x^4 + x^2 + x +
 * 1, with the lowest power in the highest bit.  Slicing by eight: Kounavis and Berry, A Systematic Approach
 * to Building High Performance Software-Based CRC Generators, 2005.
 */
#include "host/files/crc.h"

#include <string.h>

static const uint32_t GENERATOR = 0xedb88320u;

void sq_crc_make(sq_crc *crc) {
  for (uint32_t b = 0; b < 256; b++) {
    uint32_t sum = b;
    for (int bit = 0; bit < 8; bit++) sum = (sum >> 1) ^ (sum & 1 ? GENERATOR : 0);
    crc->slice[0][b] = sum;
  }
  for (int k = 1; k < 8; k++)
    for (int b = 0; b < 256; b++) {
      const uint32_t before = crc->slice[k - 1][b];
      crc->slice[k][b] = (before >> 8) ^ crc->slice[0][before & 0xff];
    }
}

uint32_t sq_crc_add(const sq_crc *crc, uint32_t sum, const void *data, size_t size) {
  const unsigned char *at = data, *end = at + size;
  sum = ~sum;
  for (; end - at >= 8; at += 8) {
    uint32_t low, high; /* the machine is little-endian, as the format is */
    memcpy(&low, at, 4);
    memcpy(&high, at + 4, 4);
    low ^= sum;
    sum = crc->slice[7][low & 0xff] ^ crc->slice[6][low >> 8 & 0xff] ^ crc->slice[5][low >> 16 & 0xff] ^
          crc->slice[4][low >> 24] ^ crc->slice[3][high & 0xff] ^ crc->slice[2][high >> 8 & 0xff] ^
          crc->slice[1][high >> 16 & 0xff] ^ crc->slice[0][high >> 24];
  }
  for (; at < end; at++) sum = (sum >> 8) ^ crc->slice[0][(sum ^ *at) & 0xff];
  return ~sum;
}
