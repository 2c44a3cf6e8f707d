/* crc.h - CRC-32 of ISO 3309 and RFC 1952, what zlib.crc32 computes and zip files carry (crc.c). */
#ifndef SQ_CRC_H
#define SQ_CRC_H

#include <stddef.h>
#include <stdint.h>

/* Eight bytes are taken at once: slice[k][b] is the CRC of byte b with k zero bytes after it.  8 KiB: too
 * much for a stack frame. */
typedef struct sq_crc {
  uint32_t slice[8][256];
} sq_crc;

void sq_crc_make(sq_crc *crc);
/* The sum of what was summed up so far (0: nothing) and then of `size` bytes. */
uint32_t sq_crc_add(const sq_crc *crc, uint32_t sum, const void *data, size_t size);

#endif
