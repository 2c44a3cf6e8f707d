/* signature.h - how a .safetensors file begins: the size of its header, little-endian, and '{'. */
#ifndef SQ_SIGNATURE_H
#define SQ_SIGNATURE_H

#include <stdint.h>

#include "host/files/retry.h"

/* 1 if the file that is open at fd begins so, and its header lies within its `size` bytes; 0 if not, -1 =
 * errno if it cannot be read. */
static inline int sq_st_begins(int fd, int64_t size) {
  unsigned char start[9];
  uint64_t header = 0;
  const int64_t n = sq_read_at(fd, start, sizeof start, 0);
  if (n < (int64_t)sizeof start || start[8] != '{') return n < 0 ? -1 : 0;
  for (int i = 0; i < 8; i++) header |= (uint64_t)start[i] << (8 * i);
  return header <= (uint64_t)(size - 8);
}

#endif
