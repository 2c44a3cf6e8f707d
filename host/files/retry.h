/* retry.h - calls for files until they are done: a signal, or a part that was done, is no failure.
 *
 * The library lives in programs whose signal handlers are not its own, and not all of them restart what they
 * interrupt.
 */
#ifndef SQ_RETRY_H
#define SQ_RETRY_H

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <unistd.h>

/* Bytes read from byte `at` of a file on: fewer than asked for only at its end; -1 = errno. */
static inline int64_t sq_read_at(int fd, void *to, int64_t bytes, int64_t at) {
  int64_t done = 0;
  while (done < bytes) {
    const ssize_t n = pread(fd, (char *)to + done, (size_t)(bytes - done), (off_t)(at + done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return -1;
    if (n == 0) break;
    done += n;
  }
  return done;
}

/* The three below: 0, or -1 = errno. */
static inline int sq_write_all(int fd, const void *from, int64_t bytes) {
  for (int64_t done = 0; done < bytes;) {
    const ssize_t n = write(fd, (const char *)from + done, (size_t)(bytes - done));
    if (n < 0 && errno == EINTR) continue;
    if (n == 0) errno = ENOSPC;
    if (n <= 0) return -1;
    done += n;
  }
  return 0;
}

static inline int sq_flush(int fd) {
  int failed;
  do failed = fsync(fd);
  while (failed && errno == EINTR);
  return failed;
}

static inline int sq_truncate(int fd, int64_t bytes) {
  int failed;
  do failed = ftruncate(fd, (off_t)bytes);
  while (failed && errno == EINTR);
  return failed;
}

#endif
