/* safetensors_write.c - the writer of .safetensors files (safetensors_write.h): checks of names, the header,
 * the data.  target.c puts the file into its place.
 */
#define _POSIX_C_SOURCE 200809L /* of signature.h */

#include "host/checkpoint/safetensors_write.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/checkpoint/checksum.h"
#include "host/checkpoint/signature.h"
#include "host/context/json.h"
#include "host/context/utf8.h"
#include "host/files/target.h"

enum { PREFIX = 8, ALIGNMENT = 8 };

/* ---------------------------------------------------------------- the header */

typedef struct text {
  seqgpu_context *ctx;
  char *data;
  size_t length, room;
  int failed;     /* out of memory: further text is dropped */
  size_t sums_at; /* where the checksums belong */
} text;

static void put(text *t, const char *s, size_t n) {
  if (t->failed) return;
  if (t->length + n > t->room) {
    const size_t room = 2 * (t->length + n) + 1024;
    t->failed = !sq_host_enlarge(t->ctx, (void **)&t->data, t->length, room);
    if (t->failed) return;
    t->room = room;
  }
  memcpy(t->data + t->length, s, n);
  t->length += n;
}

static void put_text(text *t, const char *s) { put(t, s, strlen(s)); }

static void put_number(text *t, int64_t number) {
  char digits[24];
  const int count = snprintf(digits, sizeof digits, "%lld", (long long)number);
  put(t, digits, (size_t)count);
}

static void put_string(text *t, const char *s) {
  char form[SQ_JSON_CHARACTER];
  const size_t size = strlen(s);
  put_text(t, "\"");
  for (size_t i = 0, taken; i < size; i += taken) {
    const size_t length = sq_json_character(s + i, size - i, form, &taken);
    put(t, form, length);
  }
  put_text(t, "\"");
}

static void put_tensor(text *t, const sq_st_tensor *tensor) {
  put_string(t, tensor->name);
  put_text(t, ":{\"dtype\":");
  put_string(t, sq_st_dtype_name(tensor->dtype));
  put_text(t, ",\"shape\":[");
  for (int d = 0; d < tensor->rank; d++) {
    if (d > 0) put_text(t, ",");
    put_number(t, tensor->shape[d]);
  }
  put_text(t, "],\"data_offsets\":[");
  put_number(t, tensor->begin);
  put_text(t, ",");
  put_number(t, tensor->begin + tensor->bytes);
  put_text(t, "]}");
}

/* Blanks where the checksums will stand, which are known last. */
static void put_sums(text *t, const sq_sums *sums) {
  put_text(t, "\"" SQ_SUMS_KEY "\":\"");
  t->sums_at = t->length;
  for (size_t i = 0; i < sq_sums_length(sums) && !t->failed; i++) put_text(t, " ");
  put_text(t, "\"");
}

static void put_header(text *t, const sq_sums *sums, const sq_st_tensor *tensors, int count,
                       const seqgpu_meta *meta, int meta_count) {
  put_text(t, "{\"__metadata__\":{");
  put_sums(t, sums);
  for (int i = 0; i < meta_count; i++) {
    put_text(t, ",");
    put_string(t, meta[i].key);
    put_text(t, ":");
    put_string(t, meta[i].value);
  }
  put_text(t, "}");
  for (int i = 0; i < count; i++) {
    put_text(t, ",");
    put_tensor(t, &tensors[i]);
  }
  put_text(t, "}");
  while (t->length % ALIGNMENT != 0 && !t->failed) put_text(t, " ");
}

/* ---------------------------------------------------------------- checks */

static int is_utf8(const char *s) {
  for (size_t n = strlen(s), step; n > 0; s += step, n -= step)
    if ((step = sq_utf8_length(s, n)) == 0) return 0;
  return 1;
}

static int by_text(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

/* Sorts the names.  NULL, or what is wrong with one of them, *which. */
static const char *bad_name(const char **names, int count, const char **which) {
  qsort(names, (size_t)count, sizeof *names, by_text);
  for (int i = 0; i < count; i++) {
    *which = names[i];
    if (!is_utf8(names[i])) return "is not valid UTF-8";
    if (strlen(names[i]) > SQ_ST_NAME) return "is too long for a name";
    if (i > 0 && strcmp(names[i - 1], names[i]) == 0) return "appears twice";
  }
  return NULL;
}

static seqgpu_status check_names(seqgpu_context *ctx, const sq_st_tensor *tensors, int count,
                                 const seqgpu_meta *meta, int meta_count) {
  const char **names = sq_host_alloc(ctx, (size_t)(count + meta_count + 1) * sizeof *names);
  if (names == NULL) return sq_fail(ctx, SEQGPU_ENOMEM, "checkpoint: out of memory");
  const char *which = "", *what = "tensor";
  for (int i = 0; i < count; i++) names[i] = tensors[i].name;
  const char *why = bad_name(names, count, &which);
  if (why == NULL) {
    what = "meta";
    for (int i = 0; i < meta_count; i++) names[i] = meta[i].key;
    why = bad_name(names, meta_count, &which);
  }
  for (int i = 0; i < meta_count && why == NULL; i++) {
    which = meta[i].key;
    if (!is_utf8(meta[i].value)) why = "has a value that is not valid UTF-8";
    if (strcmp(meta[i].key, SQ_SUMS_KEY) == 0) why = "is the key of the checksums";
  }
  sq_host_free(ctx, names);
  return why ? sq_fail(ctx, SEQGPU_EINVAL, "%s: \"%.60s\" %s", what, which, why) : SEQGPU_OK;
}

/* ---------------------------------------------------------------- files */

static seqgpu_status write_data(const sq_target *t, const sq_st_tensor *tensors, int count, sq_sums *sums,
                                sq_st_fetch *fetch, void *user) {
  int64_t largest = 1;
  for (int i = 0; i < count; i++) largest = tensors[i].bytes > largest ? tensors[i].bytes : largest;
  void *host = sq_host_alloc(t->ctx, (size_t)largest);
  if (host == NULL) return sq_fail(t->ctx, SEQGPU_ENOMEM, "%s: out of memory", t->path);
  seqgpu_status status = SEQGPU_OK;
  for (int i = 0; i < count && status == SEQGPU_OK; i++) {
    status = fetch(user, i, host);
    if (status == SEQGPU_OK) sq_sums_add(sums, i, host);
    if (status == SEQGPU_OK) status = sq_target_write(t, host, tensors[i].bytes);
  }
  sq_host_free(t->ctx, host);
  return status;
}

/* Puts the checksums into the header that is already written. */
static seqgpu_status write_sums(const sq_target *t, text *header, const sq_sums *sums) {
  char *to = header->data + header->sums_at;
  const char after = to[sq_sums_length(sums)];
  sq_sums_text(sums, to);
  to[sq_sums_length(sums)] = after;
  SQ_TRY(sq_target_go_to(t, PREFIX));
  return sq_target_write(t, header->data, (int64_t)header->length);
}

static seqgpu_status write_file(sq_target *t, text *header, const sq_st_tensor *tensors, int count,
                                sq_sums *sums, sq_st_fetch *fetch, void *user) {
  const uint64_t length = header->length;
  SQ_TRY(sq_target_write(t, &length, PREFIX));
  SQ_TRY(sq_target_write(t, header->data, (int64_t)header->length));
  SQ_TRY(write_data(t, tensors, count, sums, fetch, user));
  SQ_TRY(write_sums(t, header, sums));
  return sq_target_finish(t);
}

seqgpu_status sq_st_write(seqgpu_context *ctx, const char *path, sq_st_tensor *tensors, int count,
                          const seqgpu_meta *meta, int meta_count, sq_st_fetch *fetch, void *user) {
  SQ_TRY(check_names(ctx, tensors, count, meta, meta_count));
  int64_t end = 0;
  for (int i = 0; i < count; i++) {
    tensors[i].begin = end;
    tensors[i].bytes = tensors[i].elements * sq_st_dtype_size(tensors[i].dtype);
    end += tensors[i].bytes;
  }
  sq_sums *sums = sq_sums_make(ctx, tensors, count, meta, meta_count);
  text header = {.ctx = ctx};
  if (sums) put_header(&header, sums, tensors, count, meta, meta_count);
  sq_target t = {.ctx = ctx, .fd = -1};
  seqgpu_status status = SEQGPU_OK;
  if (sums == NULL || header.failed) status = sq_fail(ctx, SEQGPU_ENOMEM, "%s: out of memory", path);
  if (status == SEQGPU_OK) status = sq_target_open(ctx, path, sq_st_begins, &t);
  if (status == SEQGPU_OK) status = write_file(&t, &header, tensors, count, sums, fetch, user);
  sq_target_close(&t);
  sq_sums_free(sums);
  sq_host_free(ctx, header.data);
  return status;
}
