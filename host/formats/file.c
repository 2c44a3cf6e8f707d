/* file.c - whole files: read into memory within a limit, and replaced only by a finished one (file.h). */
#define _XOPEN_SOURCE 700

#include "host/formats/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static seqgpu_status io_error(seqgpu_context *ctx, const char *path, const char *what) {
  return sq_fail(ctx, SEQGPU_EIO, "%s: cannot %s: %s", path, what, strerror(errno));
}

/* ---------------------------------------------------------------- reading */

seqgpu_status sq_file_open(seqgpu_context *ctx, const char *path, FILE **out, int64_t *size) {
  struct stat status;
  *out = NULL;
  const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* do not wait for a pipe's writer */
  if (fd < 0) return io_error(ctx, path, "open");
  if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
    close(fd);
    return sq_fail(ctx, SEQGPU_EIO, "%s: is not a regular file", path);
  }
  *size = status.st_size;
  *out = fdopen(fd, "rb");
  if (*out) return SEQGPU_OK;
  close(fd);
  return sq_fail(ctx, SEQGPU_ENOMEM, "%s: out of memory", path);
}

seqgpu_status sq_file_read(seqgpu_context *ctx, const char *path, int64_t most, char **text, size_t *size) {
  FILE *file;
  int64_t bytes = 0;
  *text = NULL;
  SQ_TRY(sq_file_open(ctx, path, &file, &bytes));
  seqgpu_status status = SEQGPU_OK;
  if (bytes > most)
    status = sq_fail(ctx, SEQGPU_EFORMAT, "%s: has %lld bytes; files of this format may have %lld", path,
                     (long long)bytes, (long long)most);
  else if ((*text = sq_host_alloc(ctx, (size_t)bytes + 1)) == NULL)
    status = sq_fail(ctx, SEQGPU_ENOMEM, "%s: out of memory", path);
  else if ((*size = fread(*text, 1, (size_t)bytes, file)) != (size_t)bytes)
    status = sq_fail(ctx, SEQGPU_EIO, "%s: ends after %zu bytes of %lld", path, *size, (long long)bytes);
  fclose(file);
  if (status == SEQGPU_OK) return status;
  sq_host_free(ctx, *text);
  *text = NULL;
  return status;
}

int sq_head_contains(const unsigned char *head, size_t size, const char *text) {
  const size_t length = strlen(text);
  for (size_t i = 0; i + length <= size; i++)
    if (head[i] == (unsigned char)text[0] && memcmp(head + i, text, length) == 0) return 1;
  return 0;
}

/* ---------------------------------------------------------------- replacing */

enum { TEMP_ATTEMPTS = 1000, TEMP_NAME = 64 };

static char *copy_text(seqgpu_context *ctx, const char *text, size_t length, size_t more) {
  char *copy = sq_host_alloc(ctx, length + more + 1);
  if (copy) memcpy(copy, text, length);
  return copy;
}

/* Where the path leads, and the mode of the file there. */
static seqgpu_status find_target(sq_replacement *r, mode_t *mode) {
  struct stat status;
  const int exists = stat(r->path, &status) == 0;
  if (exists && !S_ISREG(status.st_mode))
    return sq_fail(r->ctx, SEQGPU_EIO, "%s: is not a regular file", r->path);
  *mode = exists ? status.st_mode & 0777 : 0666;
  char *real = exists ? realpath(r->path, NULL) : NULL;
  const char *target = real ? real : r->path;
  const char *slash = strrchr(target, '/');
  r->target = copy_text(r->ctx, target, strlen(target), 0);
  r->temp = copy_text(r->ctx, target, slash ? (size_t)(slash + 1 - target) : 0, TEMP_NAME);
  free(real);
  return r->target && r->temp ? SEQGPU_OK : sq_fail(r->ctx, SEQGPU_ENOMEM, "%s: out of memory", r->path);
}

static seqgpu_status open_temp(sq_replacement *r, mode_t mode) {
  char *name = r->temp + strlen(r->temp);
  for (int attempt = 0; attempt < TEMP_ATTEMPTS; attempt++) {
    snprintf(name, TEMP_NAME, ".seqgpu-%ld-%d.tmp", (long)getpid(), attempt);
    const int fd = open(r->temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (fd < 0 && errno == EEXIST) continue;
    if (fd < 0) break;
    r->file = fdopen(fd, "wb");
    if (r->file) return SEQGPU_OK;
    close(fd);
    unlink(r->temp);
    break;
  }
  r->temp[0] = 0;
  return io_error(r->ctx, r->path, "create a file in its folder");
}

static void clean_up(sq_replacement *r) {
  if (r->file) fclose(r->file);
  if (r->temp && r->temp[0]) unlink(r->temp);
  sq_host_free(r->ctx, r->temp);
  sq_host_free(r->ctx, r->target);
  *r = (sq_replacement){.ctx = r->ctx};
}

seqgpu_status sq_replace_begin(seqgpu_context *ctx, const char *path, sq_replacement *out) {
  mode_t mode = 0666;
  *out = (sq_replacement){.ctx = ctx, .path = path};
  seqgpu_status status = find_target(out, &mode);
  if (status == SEQGPU_OK) status = open_temp(out, mode);
  if (status != SEQGPU_OK) clean_up(out);
  return status;
}

static seqgpu_status put_in_place(sq_replacement *r) {
  if (fflush(r->file) != 0 || ferror(r->file)) return io_error(r->ctx, r->path, "write");
  if (fsync(fileno(r->file)) != 0) return io_error(r->ctx, r->path, "flush");
  FILE *file = r->file;
  r->file = NULL;
  if (fclose(file) != 0) return io_error(r->ctx, r->path, "close");
  if (rename(r->temp, r->target) != 0) return io_error(r->ctx, r->path, "rename the finished file");
  r->temp[0] = 0;
  return SEQGPU_OK;
}

seqgpu_status sq_replace_end(sq_replacement *r, seqgpu_status status) {
  if (status == SEQGPU_OK) status = put_in_place(r);
  clean_up(r);
  return status;
}
