/* checksum.c - CRC-32 of tensors and headers (checksum.h).
 *
 * The generator is x^32 + x^26 + x^23 + x^22 + x^16 + x^12 + x^11 + x^10 + x^8 + x^7 + x^5 + x^4 + x^2 + x +
 * 1, with the lowest power in the highest bit.  Slicing by eight: Kounavis and Berry, A Systematic Approach
 * to Building High Performance Software-Based CRC Generators, 2005.
 */
#include "host/checkpoint/checksum.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const uint32_t GENERATOR = 0xedb88320u;
enum { DIGITS = 8, STEP = DIGITS + 1 }; /* a number, and the space or the end behind it */

/* ---------------------------------------------------------------- CRC-32 */

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

static uint32_t add_text(const sq_crc *crc, uint32_t sum, const char *text) {
  return sq_crc_add(crc, sum, text, strlen(text) + 1);
}

uint32_t sq_crc_add_tensor(const sq_crc *crc, uint32_t sum, const sq_st_tensor *t) {
  const int64_t rank = t->rank;
  sum = add_text(crc, sum, t->name);
  sum = add_text(crc, sum, sq_st_dtype_name(t->dtype));
  sum = sq_crc_add(crc, sum, &rank, sizeof rank);
  return sq_crc_add(crc, sum, t->shape, (size_t)t->rank * sizeof t->shape[0]);
}

uint32_t sq_crc_add_meta(const sq_crc *crc, uint32_t sum, const seqgpu_meta *meta) {
  return add_text(crc, add_text(crc, sum, meta->key), meta->value);
}

/* ---------------------------------------------------------------- the text */

static int digit(char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1; }

int sq_sums_fit(const char *text, int count) { return strlen(text) == ((size_t)count + 1) * STEP - 1; }

int sq_sums_get(const char *text, int index, uint32_t *sum) {
  const char *at = text + (size_t)index * STEP;
  *sum = 0;
  for (int i = 0; i < DIGITS; i++) {
    if (digit(at[i]) < 0) return -1;
    *sum = *sum << 4 | (uint32_t)digit(at[i]);
  }
  return at[DIGITS] == 0 || at[DIGITS] == ' ' ? 0 : -1;
}

/* ---------------------------------------------------------------- a file that is being written */

struct sq_sums {
  seqgpu_context *ctx;
  sq_crc crc;
  int count;
  const sq_st_tensor *tensors;  /* [count] as they are written */
  const sq_st_tensor **by_name; /* [count] the same, sorted */
  uint32_t *sums;               /* [count] as they are written */
  uint32_t header;
};

static int by_name(const void *a, const void *b) {
  return strcmp((*(const sq_st_tensor *const *)a)->name, (*(const sq_st_tensor *const *)b)->name);
}

static int by_key(const void *a, const void *b) {
  return strcmp((*(const seqgpu_meta *const *)a)->key, (*(const seqgpu_meta *const *)b)->key);
}

/* 0 when out of memory. */
static int sum_header(sq_sums *s, const seqgpu_meta *meta, int meta_count) {
  const seqgpu_meta **keys = sq_host_alloc(s->ctx, ((size_t)meta_count + 1) * sizeof *keys);
  if (keys == NULL) return 0;
  for (int i = 0; i < meta_count; i++) keys[i] = &meta[i];
  qsort(keys, (size_t)meta_count, sizeof *keys, by_key);
  for (int i = 0; i < s->count; i++) s->header = sq_crc_add_tensor(&s->crc, s->header, s->by_name[i]);
  for (int i = 0; i < meta_count; i++) s->header = sq_crc_add_meta(&s->crc, s->header, keys[i]);
  sq_host_free(s->ctx, keys);
  return 1;
}

sq_sums *sq_sums_make(seqgpu_context *ctx, const sq_st_tensor *tensors, int count, const seqgpu_meta *meta,
                      int meta_count) {
  sq_sums *s = sq_host_alloc(ctx, sizeof *s);
  if (s == NULL) return NULL;
  s->ctx = ctx;
  s->count = count;
  s->tensors = tensors;
  sq_crc_make(&s->crc);
  s->by_name = sq_host_alloc(ctx, ((size_t)count + 1) * sizeof *s->by_name);
  s->sums = sq_host_alloc(ctx, ((size_t)count + 1) * sizeof *s->sums);
  if (s->by_name && s->sums) {
    for (int i = 0; i < count; i++) s->by_name[i] = &tensors[i];
    qsort(s->by_name, (size_t)count, sizeof *s->by_name, by_name);
    if (sum_header(s, meta, meta_count)) return s;
  }
  sq_sums_free(s);
  return NULL;
}

void sq_sums_free(sq_sums *s) {
  if (s == NULL) return;
  sq_host_free(s->ctx, s->by_name);
  sq_host_free(s->ctx, s->sums);
  sq_host_free(s->ctx, s);
}

void sq_sums_add(sq_sums *s, int index, const void *data) {
  s->sums[index] = sq_crc_add(&s->crc, 0, data, (size_t)s->tensors[index].bytes);
}

size_t sq_sums_length(const sq_sums *s) { return ((size_t)s->count + 1) * STEP - 1; }

void sq_sums_text(const sq_sums *s, char *out) {
  out += snprintf(out, STEP, "%08lx", (unsigned long)s->header);
  for (int i = 0; i < s->count; i++)
    out += snprintf(out, STEP + 1, " %08lx", (unsigned long)s->sums[s->by_name[i] - s->tensors]);
}
