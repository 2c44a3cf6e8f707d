/* hash.h - two short hashes: FNV-1a tells files apart, SipHash-1-3 numbers what is in a table.
 *
 * Whoever writes a text can choose words that collide under a hash that is known, and make a table a list.
 * SipHash depends on a key that is drawn anew for each table (Aumasson and Bernstein, SipHash: a fast
 * short-input PRF, 2012; one round per word and three at the end, as in the tables of Rust and Python).
 */
#ifndef HASH_H
#define HASH_H

#include <stddef.h>
#include <stdint.h>

/* ---- FNV-1a, 64 bits (Fowler, Noll, Vo) ---- */

/* The hash of nothing, with which every hash begins. */
#define HASH_START UINT64_C(0xcbf29ce484222325)

/* The hash of what was hashed so far and then of `size` bytes. */
static inline uint64_t hash_bytes(uint64_t hash, const void *data, size_t size) {
  const unsigned char *bytes = data;
  for (size_t i = 0; i < size; i++) hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
  return hash;
}

/* ---- SipHash-1-3 ---- */

typedef struct hash_key {
  uint64_t k0, k1;
} hash_key;

static inline uint64_t hash_turn(uint64_t x, int bits) { return x << bits | x >> (64 - bits); }

static inline void hash_round(uint64_t v[4]) {
  v[0] += v[1];
  v[1] = hash_turn(v[1], 13) ^ v[0];
  v[0] = hash_turn(v[0], 32);
  v[2] += v[3];
  v[3] = hash_turn(v[3], 16) ^ v[2];
  v[0] += v[3];
  v[3] = hash_turn(v[3], 21) ^ v[0];
  v[2] += v[1];
  v[1] = hash_turn(v[1], 17) ^ v[2];
  v[2] = hash_turn(v[2], 32);
}

static inline uint64_t hash_keyed(hash_key key, const void *data, size_t size) {
  uint64_t v[4] = {key.k0 ^ UINT64_C(0x736f6d6570736575), key.k1 ^ UINT64_C(0x646f72616e646f6d),
                   key.k0 ^ UINT64_C(0x6c7967656e657261), key.k1 ^ UINT64_C(0x7465646279746573)};
  const unsigned char *bytes = data;
  for (size_t left = size + 1;
       left > 0;) { /* the last word holds the rest, and the size in its highest byte */
    const size_t taken = left > 8 ? 8 : left - 1;
    uint64_t word = left > 8 ? 0 : (uint64_t)size << 56;
    for (size_t i = 0; i < taken; i++) word |= (uint64_t)bytes[i] << 8 * i;
    v[3] ^= word;
    hash_round(v);
    v[0] ^= word;
    bytes += taken;
    left -= left > 8 ? 8 : left;
  }
  v[2] ^= 0xff;
  for (int i = 0; i < 3; i++) hash_round(v);
  return v[0] ^ v[1] ^ v[2] ^ v[3];
}

#endif
