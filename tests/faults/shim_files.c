/* shim_files.c - the calls for files, with faults (shim.c). */
#include "tests/faults/shim.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define CALLER __builtin_return_address(0)

/* ---------------------------------------------------------------- opening and closing */

static int noted(int fd, const void *caller) {
  if (fd >= 0) fault_note_open(fd, caller);
  return fd;
}

/* The mode of open, where it has one. */
#define MODE(flags)                                                                                          \
  mode_t mode = 0;                                                                                           \
  if ((flags) & (O_CREAT | O_TMPFILE)) {                                                                     \
    va_list args;                                                                                            \
    va_start(args, flags);                                                                                   \
    mode = va_arg(args, mode_t);                                                                             \
    va_end(args);                                                                                            \
  }

int open(const char *path, int flags, ...) {
  REAL(open);
  MODE(flags)
  return FAULT_HITS(FAULT_OPEN) ? -1 : noted(real(path, flags, mode), CALLER);
}
int open64(const char *path, int flags, ...) __attribute__((alias("open")));

int openat(int folder, const char *path, int flags, ...) {
  REAL(openat);
  MODE(flags)
  return FAULT_HITS(FAULT_OPEN) ? -1 : noted(real(folder, path, flags, mode), CALLER);
}
int openat64(int folder, const char *path, int flags, ...) __attribute__((alias("openat")));

int mkstemp(char *name) {
  REAL(mkstemp);
  return FAULT_HITS(FAULT_OPEN) ? -1 : noted(real(name), CALLER);
}
int mkstemp64(char *name) __attribute__((alias("mkstemp")));

int mkstemps(char *name, int suffix) {
  REAL(mkstemps);
  return FAULT_HITS(FAULT_OPEN) ? -1 : noted(real(name, suffix), CALLER);
}

int dup(int fd) {
  REAL(dup);
  return FAULT_HITS(FAULT_OPEN) ? -1 : noted(real(fd), CALLER);
}

DIR *opendir(const char *path) {
  REAL(opendir);
  return FAULT_HITS(FAULT_OPEN) ? NULL : real(path);
}

/* A descriptor is gone even where close says that something went wrong. */
int close(int fd) {
  REAL(close);
  fault_note_close(fd);
  if (!FAULT_HITS(FAULT_CLOSE)) return real(fd);
  const int error = errno;
  real(fd);
  errno = error;
  return -1;
}

/* ---------------------------------------------------------------- reading and writing */

static size_t half(size_t size) { return size > 1 ? size / 2 : size; }

/* How much a call does that hits or not; 0: it fails. */
static size_t share(int hits, size_t size) {
  if (!hits) return size;
  return fault_halves() ? half(size) : 0;
}

ssize_t fault_read(fault_class of, int fd, void *to, size_t size, const char *function, const void *caller) {
  REAL(read);
  const size_t part = share(fault_hits(of, function, caller), size);
  return part || size == 0 ? real(fd, to, part) : -1;
}

ssize_t read(int fd, void *to, size_t size) { return fault_read(FAULT_READ, fd, to, size, __func__, CALLER); }

ssize_t pread(int fd, void *to, size_t size, off_t at) {
  REAL(pread);
  const size_t part = share(FAULT_HITS(FAULT_READ), size);
  return part || size == 0 ? real(fd, to, part, at) : -1;
}
ssize_t pread64(int fd, void *to, size_t size, off_t at) __attribute__((alias("pread")));

/* Standard error has no faults: nobody could be told of them. */
ssize_t fault_write(int fd, const void *from, size_t size, const char *function, const void *caller) {
  REAL(write);
  const int hits =
      fd != STDERR_FILENO && fault_hits(fd == STDOUT_FILENO ? FAULT_OUT : FAULT_WRITE, function, caller);
  const size_t part = share(hits, size);
  return part || size == 0 ? real(fd, from, part) : -1;
}

ssize_t write(int fd, const void *from, size_t size) { return fault_write(fd, from, size, __func__, CALLER); }

ssize_t pwrite(int fd, const void *from, size_t size, off_t at) {
  REAL(pwrite);
  const size_t part = share(FAULT_HITS(FAULT_WRITE), size);
  return part || size == 0 ? real(fd, from, part, at) : -1;
}
ssize_t pwrite64(int fd, const void *from, size_t size, off_t at) __attribute__((alias("pwrite")));

off_t lseek(int fd, off_t by, int from) {
  REAL(lseek);
  return FAULT_HITS(FAULT_SEEK) ? -1 : real(fd, by, from);
}
off_t lseek64(int fd, off_t by, int from) __attribute__((alias("lseek")));

/* Nothing here survives a power cut: a flush that succeeds need not be done. */
int fsync(int fd) {
  (void)fd;
  return FAULT_HITS(FAULT_SYNC) ? -1 : 0;
}

int ftruncate(int fd, off_t size) {
  REAL(ftruncate);
  return FAULT_HITS(FAULT_TRUNCATE) ? -1 : real(fd, size);
}
int ftruncate64(int fd, off_t size) __attribute__((alias("ftruncate")));

/* ---------------------------------------------------------------- names and attributes */

/* A function that is called as it is where it does not fail. */
#define CALL(type, name, of, failure, arguments, values)                                                     \
  type name arguments {                                                                                      \
    REAL(name);                                                                                              \
    return FAULT_HITS(of) ? failure : real values;                                                           \
  }

int rename(const char *from, const char *to); /* of <stdio.h>, whose functions are not these */
CALL(int, rename, FAULT_RENAME, -1, (const char *from, const char *to), (from, to))
CALL(int, link, FAULT_LINK, -1, (const char *from, const char *to), (from, to))
CALL(int, linkat, FAULT_LINK, -1, (int a, const char *from, int b, const char *to, int flags),
     (a, from, b, to, flags))
CALL(int, unlink, FAULT_UNLINK, -1, (const char *path), (path))
CALL(int, unlinkat, FAULT_UNLINK, -1, (int folder, const char *path, int flags), (folder, path, flags))
CALL(int, stat, FAULT_STAT, -1, (const char *path, struct stat *about), (path, about))
CALL(int, lstat, FAULT_STAT, -1, (const char *path, struct stat *about), (path, about))
CALL(int, fstat, FAULT_STAT, -1, (int fd, struct stat *about), (fd, about))
CALL(int, access, FAULT_STAT, -1, (const char *path, int how), (path, how))
CALL(int, fchmod, FAULT_OWNER, -1, (int fd, mode_t mode), (fd, mode))
CALL(int, fchown, FAULT_OWNER, -1, (int fd, uid_t user, gid_t group), (fd, user, group))
CALL(int, flock, FAULT_LOCK, -1, (int fd, int how), (fd, how))
CALL(int, mkdir, FAULT_FOLDER, -1, (const char *path, mode_t mode), (path, mode))
CALL(struct dirent *, readdir, FAULT_FOLDER, NULL, (DIR * folder), (folder))
CALL(char *, realpath, FAULT_PATH, NULL, (const char *path, char *out), (path, out))
CALL(ssize_t, readlink, FAULT_PATH, -1, (const char *path, char *out, size_t size), (path, out, size))
