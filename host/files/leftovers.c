/* leftovers.c - removing the temporary files of processes that were killed (leftovers.h).
 *
 * A file is removed if it has such a name, is a regular file of our own user, and can be locked: a living
 * process holds the lock, whatever its number and on whatever machine of a shared folder it runs, and a dead
 * one cannot.  Version 0.1 held no lock; its names, .seqgpu-PID-N.tmp, count as left when there is no such
 * process.
 */
#define _POSIX_C_SOURCE 200809L

#include "host/files/leftovers.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static int has_such_a_name(const char *name) {
  const size_t length = strlen(name), suffix = strlen(SQ_LEFTOVER_SUFFIX);
  return strncmp(name, SQ_LEFTOVER_PREFIX, strlen(SQ_LEFTOVER_PREFIX)) == 0 &&
         length > suffix + strlen(SQ_LEFTOVER_PREFIX) &&
         strcmp(name + length - suffix, SQ_LEFTOVER_SUFFIX) == 0;
}

/* Of a process without a lock that is still there. */
static int is_of_living_0_1(const char *name) {
  long pid = 0;
  int attempt, end = 0;
  if (sscanf(name, SQ_LEFTOVER_PREFIX "%9ld-%9d" SQ_LEFTOVER_SUFFIX "%n", &pid, &attempt, &end) != 2 ||
      (size_t)end != strlen(name))
    return 0;
  return kill((pid_t)pid, 0) == 0 || errno != ESRCH;
}

static void consider(int folder, const char *name) {
  struct stat about;
  const int fd = openat(folder, name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  if (fd < 0) return;
  if (fstat(fd, &about) == 0 && S_ISREG(about.st_mode) && about.st_uid == geteuid() &&
      flock(fd, LOCK_EX | LOCK_NB) == 0 && !is_of_living_0_1(name))
    unlinkat(folder, name, 0);
  close(fd);
}

void sq_leftovers_remove(const char *path, size_t length) {
  char folder[4096];
  if (length >= sizeof folder) return;
  memcpy(folder, path, length);
  folder[length] = 0;
  DIR *dir = opendir(length ? folder : ".");
  for (struct dirent *entry; dir && (entry = readdir(dir)) != NULL;)
    if (has_such_a_name(entry->d_name)) consider(dirfd(dir), entry->d_name);
  if (dir) closedir(dir);
}
