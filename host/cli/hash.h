/* hash.h - FNV-1a, 64 bits (Fowler, Noll, Vo): a short hash for tables and for telling files apart. */
#ifndef HASH_H
#define HASH_H

#include <stddef.h>
#include <stdint.h>

/* The hash of nothing, with which every hash begins. */
#define HASH_START UINT64_C(0xcbf29ce484222325)

/* The hash of what was hashed so far and then of `size` bytes. */
static inline uint64_t hash_bytes(uint64_t hash, const void *data, size_t size) {
  const unsigned char *bytes = data;
  for (size_t i = 0; i < size; i++) hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
  return hash;
}

#endif
