/* whole_file.c - a file read into memory, and a file replaced by one from memory (whole_file.h). */
#define _POSIX_C_SOURCE 200809L

#include "host/formats/whole_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TEMP_NAME = 64, TEMP_ATTEMPTS = 1000 };

static seqgpu_status io_error(seqgpu_context *ctx, const char *path, const char *what) {
  return sq_fail(ctx, SEQGPU_EIO, "%s: cannot %s: %s", path, what, strerror(errno));
}

/* ---------------------------------------------------------------- reading */

static seqgpu_status read_all(seqgpu_context *ctx, const char *path, int fd, int64_t offset,
                              unsigned char *to, int64_t size) {
  for (int64_t done = 0; done < size;) {
    const ssize_t n = pread(fd, to + done, (size_t)(size - done), (off_t)(offset + done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return io_error(ctx, path, "read");
    if (n == 0) return sq_fail(ctx, SEQGPU_EFORMAT, "%s: is truncated", path);
    done += n;
  }
  return SEQGPU_OK;
}

static seqgpu_status read_open(seqgpu_context *ctx, const char *path, int fd, int64_t offset, int64_t size,
                               int64_t most, unsigned char **out, size_t *out_size) {
  struct stat status;
  if (fstat(fd, &status) != 0) return io_error(ctx, path, "read");
  if (!S_ISREG(status.st_mode)) return sq_fail(ctx, SEQGPU_EIO, "%s: is not a regular file", path);
  const int64_t left = (int64_t)status.st_size - offset;
  if (left < 0 || size > left)
    return sq_fail(ctx, SEQGPU_EFORMAT, "%s: is truncated: it has %lld bytes", path,
                   (long long)status.st_size);
  if (size < 0) size = left;
  if (size > most)
    return sq_fail(ctx, SEQGPU_EUNSUPPORTED, "%s: has %lld bytes; it must have at most %lld", path,
                   (long long)size, (long long)most);
  *out = sq_host_alloc(ctx, (size_t)size + 1);
  if (*out == NULL) return sq_fail(ctx, SEQGPU_ENOMEM, "%s: out of memory", path);
  *out_size = (size_t)size;
  const seqgpu_status result = read_all(ctx, path, fd, offset, *out, size);
  if (result == SEQGPU_OK) return SEQGPU_OK;
  sq_host_free(ctx, *out);
  *out = NULL;
  return result;
}

seqgpu_status sq_whole_file_read(seqgpu_context *ctx, const char *path, int64_t offset, int64_t size,
                                 int64_t most, unsigned char **out, size_t *out_size) {
  const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* do not wait for a pipe's writer */
  if (fd < 0) return io_error(ctx, path, "open");
  const seqgpu_status status = read_open(ctx, path, fd, offset, size, most, out, out_size);
  close(fd);
  return status;
}

/* ---------------------------------------------------------------- writing */

static seqgpu_status write_all(seqgpu_context *ctx, const char *path, int fd, const unsigned char *bytes,
                               size_t size) {
  for (size_t done = 0; done < size;) {
    const ssize_t n = write(fd, bytes + done, size - done);
    if (n < 0 && errno == EINTR) continue;
    if (n == 0) errno = ENOSPC;
    if (n <= 0) return io_error(ctx, path, "write");
    done += (size_t)n;
  }
  return SEQGPU_OK;
}

/* A new file in the folder of `path`; temp has room for its name. */
static int open_temp(const char *path, mode_t mode, char *temp) {
  const char *slash = strrchr(path, '/');
  const int folder = slash ? (int)(slash - path) + 1 : 0;
  for (int attempt = 0; attempt < TEMP_ATTEMPTS; attempt++) {
    sprintf(temp, "%.*s.seqgpu-%ld-%d.tmp", folder, path, (long)getpid(), attempt);
    const int fd = open(temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (fd >= 0 || errno != EEXIST) return fd;
  }
  return -1;
}

static seqgpu_status write_closed(seqgpu_context *ctx, const char *path, int fd, const void *bytes,
                                  size_t size) {
  seqgpu_status status = write_all(ctx, path, fd, bytes, size);
  if (status == SEQGPU_OK && fsync(fd) != 0) status = io_error(ctx, path, "flush");
  if (close(fd) != 0 && status == SEQGPU_OK) status = io_error(ctx, path, "close");
  return status;
}

seqgpu_status sq_whole_file_replace(seqgpu_context *ctx, const char *path, const void *bytes, size_t size) {
  struct stat old;
  const int exists = stat(path, &old) == 0;
  if (exists && !S_ISREG(old.st_mode)) return sq_fail(ctx, SEQGPU_EIO, "%s: is not a regular file", path);
  char *temp = sq_host_alloc(ctx, strlen(path) + TEMP_NAME);
  if (temp == NULL) return sq_fail(ctx, SEQGPU_ENOMEM, "%s: out of memory", path);
  const int fd = open_temp(path, exists ? old.st_mode & 0777 : 0666, temp);
  seqgpu_status status = fd < 0 ? io_error(ctx, path, "create a file in its folder") : SEQGPU_OK;
  if (fd >= 0) {
    status = write_closed(ctx, path, fd, bytes, size);
    if (status == SEQGPU_OK && rename(temp, path) != 0)
      status = io_error(ctx, path, "rename the finished file");
    if (status != SEQGPU_OK) unlink(temp);
  }
  sq_host_free(ctx, temp);
  return status;
}
