/* read.c - see read.h. */
#define _XOPEN_SOURCE 700

#include "host/files/read.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static seqgpu_status io_error(seqgpu_context *ctx, const char *path, const char *what) {
  return sq_fail(ctx, SEQGPU_EIO, "%s: cannot %s: %s", path, what, strerror(errno));
}

seqgpu_status sq_file_open(seqgpu_context *ctx, const char *path, FILE **out, int64_t *size) {
  struct stat about;
  *out = NULL;
  const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* do not wait for a pipe's writer */
  if (fd < 0) return io_error(ctx, path, "open");
  seqgpu_status status = SEQGPU_OK;
  if (fstat(fd, &about) != 0)
    status = io_error(ctx, path, "read");
  else if (!S_ISREG(about.st_mode))
    status = sq_fail(ctx, SEQGPU_EIO, "%s: is not a regular file", path);
  else if ((*out = fdopen(fd, "rb")) == NULL)
    status = sq_fail(ctx, SEQGPU_ENOMEM, "%s: out of memory", path);
  else
    *size = about.st_size;
  if (status != SEQGPU_OK) close(fd);
  return status;
}

seqgpu_status sq_file_take(seqgpu_context *ctx, const char *path, FILE *file, void *to, size_t size,
                           size_t *got) {
  *got = fread(to, 1, size, file);
  return *got < size && ferror(file) ? io_error(ctx, path, "read") : SEQGPU_OK;
}

seqgpu_status sq_file_seek(seqgpu_context *ctx, const char *path, FILE *file, int64_t at) {
  return fseeko(file, (off_t)at, SEEK_SET) == 0 ? SEQGPU_OK : io_error(ctx, path, "read");
}

/* Fills `to`; a file may have become shorter since it was opened. */
static seqgpu_status fill(seqgpu_context *ctx, const char *path, FILE *file, int64_t offset,
                          unsigned char *to, size_t size) {
  size_t got;
  SQ_TRY(sq_file_seek(ctx, path, file, offset));
  SQ_TRY(sq_file_take(ctx, path, file, to, size, &got));
  return got == size ? SEQGPU_OK : sq_fail(ctx, SEQGPU_EFORMAT, "%s: is truncated", path);
}

static seqgpu_status read_part(seqgpu_context *ctx, const char *path, FILE *file, int64_t all, int64_t offset,
                               int64_t size, int64_t most, unsigned char **out, size_t *out_size) {
  const int64_t left = all - offset;
  if (left < 0 || size > left)
    return sq_fail(ctx, SEQGPU_EFORMAT, "%s: is truncated: it has %lld bytes", path, (long long)all);
  if (size < 0) size = left;
  if (size > most)
    return sq_fail(ctx, SEQGPU_EUNSUPPORTED, "%s: has %lld bytes; it must have at most %lld", path,
                   (long long)size, (long long)most);
  *out = sq_host_alloc(ctx, (size_t)size + 1); /* zeros */
  if (*out == NULL) return sq_fail(ctx, SEQGPU_ENOMEM, "%s: out of memory", path);
  *out_size = (size_t)size;
  return fill(ctx, path, file, offset, *out, (size_t)size);
}

seqgpu_status sq_file_read(seqgpu_context *ctx, const char *path, int64_t offset, int64_t size, int64_t most,
                           unsigned char **out, size_t *out_size) {
  FILE *file;
  int64_t all = 0;
  *out = NULL;
  SQ_TRY(sq_file_open(ctx, path, &file, &all));
  const seqgpu_status status = read_part(ctx, path, file, all, offset, size, most, out, out_size);
  fclose(file);
  if (status == SEQGPU_OK) return status;
  sq_host_free(ctx, *out);
  *out = NULL;
  return status;
}
