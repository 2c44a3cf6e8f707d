/* lock.c - one run at a time saves into a checkpoint (lock.h). */
#define _XOPEN_SOURCE 700

#include "host/cli/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "host/cli/cli.h"
#include "host/cli/files.h"
#include "host/cli/hash.h"
#include "host/files/leftovers.h"
#include "host/files/retry.h"

enum { TRIES = 5 };

static int failed(const char *path, const char *what) {
  return cli_error("%s: cannot %s: %s", path, what, strerror(errno));
}

/* The name of the lock of a path: one for all names that lead to the same file. */
static int name_lock(lock *l, const char *path) {
  char place[4096];
  if (strlen(path) >= sizeof place) {
    errno = ENAMETOOLONG;
    return failed(path, "open");
  }
  if (realpath(path, place) == NULL) strcpy(place, path); /* a new file */
  const char *base = files_base(place);
  const uint64_t hash = hash_bytes(HASH_START, base, strlen(base));
  snprintf(l->name, sizeof l->name, "%.*s" SQ_LEFTOVER_PREFIX "lock-%016" PRIx64 SQ_LEFTOVER_SUFFIX,
           (int)(base - place), place, hash);
  return CLI_OK;
}

/* Waits a little: who looks for leftovers holds a lock for a moment. */
static int lock_file(int fd) {
  const struct timespec moment = {.tv_nsec = 20000000};
  for (int i = 0; flock(fd, LOCK_EX | LOCK_NB) != 0; i++) {
    if (errno != EWOULDBLOCK) return 1; /* nothing can be locked here */
    if (i == TRIES) return 0;
    nanosleep(&moment, NULL);
  }
  return 1;
}

static int taken_by_other(const lock *l, const char *path) {
  char pid[24] = "";
  const int64_t length = sq_read_at(l->fd, pid, sizeof pid - 1, 0);
  pid[length > 0 ? strspn(pid, "0123456789") : 0] = 0;
  return cli_error("%s: another run%s%s saves into it; end that one first, or give another --checkpoint",
                   path, pid[0] ? ", process " : "", pid);
}

/* Opens and locks the file; it is opened again if somebody removed it before it was locked. */
static int open_locked(lock *l, const char *path) {
  struct stat about = {.st_nlink = 0};
  while (about.st_nlink == 0) {
    if (l->fd >= 0) close(l->fd);
    l->fd = open(l->name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (l->fd < 0) return failed(path, "create a file in its folder");
    if (!lock_file(l->fd)) return taken_by_other(l, path);
    if (fstat(l->fd, &about) == 0) continue;
    const int code = failed(path, "lock");
    unlink(l->name);
    return code;
  }
  return CLI_OK;
}

static int write_pid(const lock *l, const char *path) {
  char pid[24];
  const int length = snprintf(pid, sizeof pid, "%ld\n", (long)getpid());
  if (sq_truncate(l->fd, 0) == 0 && sq_write_all(l->fd, pid, length) == 0) return CLI_OK;
  return failed(path, "write in its folder");
}

int lock_take(lock *l, const char *path) {
  *l = (lock){.fd = -1};
  CLI_TRY(name_lock(l, path));
  int code = open_locked(l, path);
  if (code) { /* it belongs to somebody else, or is not there */
    if (l->fd >= 0) close(l->fd);
    l->name[0] = 0;
    return code;
  }
  code = write_pid(l, path);
  if (code) lock_release(l);
  return code;
}

void lock_release(lock *l) {
  if (l->name[0] == 0) return;
  unlink(l->name);
  close(l->fd);
  l->name[0] = 0;
}
