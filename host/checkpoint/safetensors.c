/* safetensors.c - opening .safetensors files and reading their data (safetensors.h). */
#define _POSIX_C_SOURCE 200809L

#include "host/checkpoint/safetensors.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/checkpoint/checksum.h"
#include "host/checkpoint/header.h"
#include "host/files/retry.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the format is little-endian");

enum { PREFIX = 8, MAX_HEADER = 100000000, PIECE = 1 << 20 };

struct sq_st_file {
  seqgpu_context *ctx;
  int fd;
  int64_t data; /* where the data begin in the file */
  char *text;   /* of the header, which points into it */
  sq_st_header header;
  sq_crc crc;   /* made if the file has checksums */
  int sums_fit; /* whether these are as many as they must be */
  char path[];
};

/* ---------------------------------------------------------------- reading */

static seqgpu_status io_error(seqgpu_context *ctx, const char *what, const char *path) {
  return sq_fail(ctx, SEQGPU_EIO, "%s: cannot %s: %s", path, what, strerror(errno));
}

static seqgpu_status read_all(seqgpu_context *ctx, const sq_st_file *f, int64_t at, void *to, int64_t bytes) {
  const int64_t n = sq_read_at(f->fd, to, bytes, at);
  if (n < 0) return io_error(ctx, "read", f->path);
  if (n < bytes) return sq_fail(ctx, SEQGPU_EFORMAT, "%s: is truncated", f->path);
  return SEQGPU_OK;
}

static seqgpu_status read_header(sq_st_file *f) {
  struct stat status;
  if (fstat(f->fd, &status) != 0) return io_error(f->ctx, "read", f->path);
  if (!S_ISREG(status.st_mode)) return sq_fail(f->ctx, SEQGPU_EIO, "%s: is not a regular file", f->path);
  const int64_t size = status.st_size;
  uint64_t length;
  if (size < PREFIX)
    return sq_fail(f->ctx, SEQGPU_EFORMAT, "%s: is too short to be a .safetensors file", f->path);
  SQ_TRY(read_all(f->ctx, f, 0, &length, PREFIX));
  if (length > MAX_HEADER)
    return sq_fail(f->ctx, SEQGPU_EFORMAT, "%s: is not a .safetensors file: its header would exceed %d MB",
                   f->path, MAX_HEADER / 1000000);
  if ((int64_t)length > size - PREFIX)
    return sq_fail(f->ctx, SEQGPU_EFORMAT, "%s: is truncated within its header", f->path);
  f->data = PREFIX + (int64_t)length;
  f->text = sq_host_alloc(f->ctx, length + 1);
  if (f->text == NULL) return sq_fail(f->ctx, SEQGPU_ENOMEM, "%s: out of memory", f->path);
  SQ_TRY(read_all(f->ctx, f, PREFIX, f->text, (int64_t)length));
  SQ_TRY(sq_st_header_parse(f->ctx, f->path, f->text, length, size - f->data, &f->header));
  if (f->header.sums) {
    sq_crc_make(&f->crc);
    f->sums_fit = sq_sums_fit(f->header.sums, f->header.count);
  }
  return SEQGPU_OK;
}

seqgpu_status sq_st_open(seqgpu_context *ctx, const char *path, sq_st_file **out) {
  const size_t length = strlen(path);
  sq_st_file *f = sq_host_alloc(ctx, sizeof *f + length + 1);
  if (f == NULL) return sq_fail(ctx, SEQGPU_ENOMEM, "%s: out of memory", path);
  f->ctx = ctx;
  memcpy(f->path, path, length + 1);
  f->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* do not wait for a pipe's writer */
  const seqgpu_status status = f->fd < 0 ? io_error(ctx, "open", path) : read_header(f);
  if (status == SEQGPU_OK)
    *out = f;
  else
    sq_st_close(f);
  return status;
}

void sq_st_close(sq_st_file *f) {
  if (f == NULL) return;
  if (f->fd >= 0) close(f->fd);
  sq_st_header_free(f->ctx, &f->header);
  sq_host_free(f->ctx, f->text);
  sq_host_free(f->ctx, f);
}

/* ---------------------------------------------------------------- what is in it */

const char *sq_st_path(const sq_st_file *f) { return f->path; }
int sq_st_count(const sq_st_file *f) { return f->header.count; }
const sq_st_tensor *sq_st_at(const sq_st_file *f, int index) { return &f->header.tensors[index]; }

static int order_of_name(const void *name, const void *tensor) {
  return strcmp(name, ((const sq_st_tensor *)tensor)->name);
}

static int order_of_key(const void *key, const void *meta) {
  return strcmp(key, (*(const seqgpu_meta *const *)meta)->key);
}

const sq_st_tensor *sq_st_find(const sq_st_file *f, const char *name) {
  const sq_st_header *h = &f->header;
  return h->count ? bsearch(name, h->tensors, (size_t)h->count, sizeof *h->tensors, order_of_name) : NULL;
}

const char *sq_st_meta(const sq_st_file *f, const char *key) {
  const sq_st_header *h = &f->header;
  if (h->meta_count == 0) return NULL;
  const seqgpu_meta *const *found =
      bsearch(key, h->by_key, (size_t)h->meta_count, sizeof *h->by_key, order_of_key);
  return found ? (*found)->value : NULL;
}

int sq_st_meta_count(const sq_st_file *f) { return f->header.meta_count; }
seqgpu_meta sq_st_meta_at(const sq_st_file *f, int index) { return f->header.meta[index]; }

/* ---------------------------------------------------------------- checksums */

int sq_st_has_sums(const sq_st_file *f) { return f->header.sums != NULL; }

/* The checksum in the file at `index`, 0 = the header's. */
static seqgpu_status sum_at(seqgpu_context *ctx, const sq_st_file *f, int index, uint32_t *out) {
  if (f->sums_fit && sq_sums_get(f->header.sums, index, out) == 0) return SEQGPU_OK;
  return sq_fail(ctx, SEQGPU_EFORMAT,
                 "%s: metadata key \"%s\" is not a list of checksums, one for each tensor", f->path,
                 SQ_SUMS_KEY);
}

seqgpu_status sq_st_check_header(seqgpu_context *ctx, const sq_st_file *f) {
  const sq_st_header *h = &f->header;
  uint32_t said, sum = 0;
  if (h->sums == NULL) return SEQGPU_OK;
  SQ_TRY(sum_at(ctx, f, 0, &said));
  for (int i = 0; i < h->count; i++) sum = sq_crc_add_tensor(&f->crc, sum, &h->tensors[i]);
  for (int i = 0; i < h->meta_count; i++) sum = sq_crc_add_meta(&f->crc, sum, h->by_key[i]);
  if (sum == said) return SEQGPU_OK;
  return sq_fail(
      ctx, SEQGPU_EFORMAT,
      "%s: its header is not what was written (a name, a shape or the metadata): its checksum is %08lx, "
      "that in the file %08lx",
      f->path, (unsigned long)sum, (unsigned long)said);
}

/* Compares the checksum of a tensor's data, if the file has one. */
static seqgpu_status check_sum(seqgpu_context *ctx, const sq_st_file *f, const sq_st_tensor *t,
                               uint32_t sum) {
  uint32_t said;
  SQ_TRY(sum_at(ctx, f, (int)(t - f->header.tensors) + 1, &said));
  if (sum == said) return SEQGPU_OK;
  return sq_fail(ctx, SEQGPU_EFORMAT,
                 "%s: tensor \"%.60s\" is damaged: the checksum of its data is %08lx, that in the file %08lx",
                 f->path, t->name, (unsigned long)sum, (unsigned long)said);
}

seqgpu_status sq_st_read(seqgpu_context *ctx, const sq_st_file *f, const sq_st_tensor *t, void *host) {
  SQ_TRY(read_all(ctx, f, f->data + t->begin, host, t->bytes));
  if (f->header.sums == NULL) return SEQGPU_OK;
  return check_sum(ctx, f, t, sq_crc_add(&f->crc, 0, host, (size_t)t->bytes));
}

seqgpu_status sq_st_check(seqgpu_context *ctx, const sq_st_file *f, const sq_st_tensor *t) {
  if (f->header.sums == NULL) return SEQGPU_OK;
  const int64_t most = t->bytes < PIECE ? t->bytes : PIECE;
  void *piece = sq_host_alloc(ctx, (size_t)most + 1);
  if (piece == NULL) return sq_fail(ctx, SEQGPU_ENOMEM, "%s: out of memory", f->path);
  seqgpu_status status = SEQGPU_OK;
  uint32_t sum = 0;
  for (int64_t done = 0, n; done < t->bytes; done += n) {
    n = t->bytes - done < most ? t->bytes - done : most;
    if ((status = read_all(ctx, f, f->data + t->begin + done, piece, n)) != SEQGPU_OK) break;
    sum = sq_crc_add(&f->crc, sum, piece, (size_t)n);
  }
  sq_host_free(ctx, piece);
  return status == SEQGPU_OK ? check_sum(ctx, f, t, sum) : status;
}
