/* shim_streams.c - stdio with faults (shim.c).
 *
 * The C library's streams call the system without passing by us.  So every stream of the program is one that
 * calls functions of ours (fopencookie), the standard streams too: a fault comes where the buffer is filled
 * or written, as it does in life.
 */
#include "tests/faults/shim.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST_STREAMS = 64 };

static struct place {
  FILE *stream;
  int fd;
} places[MOST_STREAMS];

static int *fd_of(FILE *stream) {
  for (int i = 0; i < MOST_STREAMS; i++)
    if (places[i].stream == stream) return &places[i].fd;
  return NULL;
}

/* ---------------------------------------------------------------- what a stream does */

static ssize_t cookie_read(void *cookie, char *to, size_t size) {
  const struct place *p = cookie;
  return fault_read(FAULT_READ, p->fd, to, size, "read of a stream", NULL);
}

/* The C library's own streams go on after a write of a part. */
static ssize_t cookie_write(void *cookie, const char *from, size_t size) {
  const struct place *p = cookie;
  size_t done = 0;
  while (done < size) {
    const ssize_t n = fault_write(p->fd, from + done, size - done, "write of a stream", NULL);
    if (n < 0) break;
    done += (size_t)n;
  }
  return (ssize_t)done;
}

static int cookie_seek(void *cookie, off64_t *at, int from) {
  const struct place *p = cookie;
  const off_t now = lseek(p->fd, *at, from);
  if (now < 0) return -1;
  *at = now;
  return 0;
}

static int cookie_close(void *cookie) {
  struct place *p = cookie;
  p->stream = NULL;
  return p->fd > STDERR_FILENO ? close(p->fd) : 0;
}

static FILE *stream_of(int fd, const char *mode) {
  const cookie_io_functions_t own = {cookie_read, cookie_write, cookie_seek, cookie_close};
  for (int i = 0; i < MOST_STREAMS; i++) {
    if (places[i].stream) continue;
    places[i].fd = fd;
    places[i].stream = fopencookie(&places[i], mode, own);
    return places[i].stream;
  }
  errno = EMFILE;
  return NULL;
}

/* ---------------------------------------------------------------- making one */

static int flags_of(const char *mode) {
  const int both = strchr(mode, '+') != NULL;
  const int how = mode[0] == 'r' ? 0 : O_CREAT | (mode[0] == 'w' ? O_TRUNC : O_APPEND);
  return how |
         (both             ? O_RDWR
          : mode[0] == 'r' ? O_RDONLY
                           : O_WRONLY) |
         (strchr(mode, 'e') ? O_CLOEXEC : 0) | (strchr(mode, 'x') ? O_EXCL : 0);
}

FILE *fopen(const char *path, const char *mode) {
  REAL(open);
  static __typeof__(close) *real_close;
  if (!real_close) *(void **)&real_close = dlsym(RTLD_NEXT, "close");
  if (FAULT_HITS(FAULT_OPEN)) return NULL;
  const int fd = real(path, flags_of(mode), 0666);
  if (fd < 0) return NULL;
  FILE *stream = stream_of(fd, mode);
  if (stream == NULL)
    real_close(fd);
  else
    fault_note_open(fd, __builtin_return_address(0));
  return stream;
}
FILE *fopen64(const char *path, const char *mode) __attribute__((alias("fopen")));

FILE *fdopen(int fd, const char *mode) { return FAULT_HITS(FAULT_MEMORY) ? NULL : stream_of(fd, mode); }

int fileno(FILE *stream) {
  REAL(fileno);
  const int *fd = fd_of(stream);
  return fd ? *fd : real(stream);
}

void fault_take_streams(void) {
  stdin = stream_of(STDIN_FILENO, "r");
  stdout = stream_of(STDOUT_FILENO, "w");
  stderr = stream_of(STDERR_FILENO, "w");
  setvbuf(stderr, NULL, _IONBF, 0);
}
