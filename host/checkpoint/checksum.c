/* checksum.c - CRC-32 of tensors and headers (checksum.h). */
#include "host/checkpoint/checksum.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DIGITS = 8, STEP = DIGITS + 1 }; /* a number, and the space or the end behind it */

/* ---------------------------------------------------------------- what is summed up */

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
