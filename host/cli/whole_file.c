/* whole_file.c - see whole_file.h. */
#define _DEFAULT_SOURCE /* flock */

#include "host/cli/whole_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "host/cli/cli.h"
#include "host/cli/files.h"
#include "host/cli/memory.h"
#include "host/files/leftovers.h"
#include "host/files/retry.h"

enum { BEGIN = 16 };

/* 0 if a file is not there, is empty, or is of the kind: what may be replaced. */
static int check_place(const char *path, const whole_file_kind *kind) {
  char begin[BEGIN] = "";
  const size_t length = strlen(kind->begin);
  FILE *file = fopen(path, "rb");
  if (file == NULL && errno == ENOENT) return CLI_OK;
  const size_t n = file ? fread(begin, 1, length, file) : 0;
  const int error = file == NULL || ferror(file) ? errno : 0;
  if (file) fclose(file);
  if (error) return cli_error("%s: cannot look at the file that is there: %s", path, strerror(error));
  if (n == 0 || memcmp(begin, kind->begin, length) == 0) return CLI_OK;
  return cli_error("%s: is there and is no %s; it is not replaced", path, kind->name);
}

/* "FOLDER/.seqgpu-PROCESS.made.tmp" beside the file: a name and a lock by which the library knows what dead
 * processes left (host/files/leftovers.h).  NULL when out of memory. */
static char *name_beside(const char *path) {
  const int folder = (int)(files_base(path) - path);
  const size_t size = (size_t)folder + 64;
  char *name = malloc(size);
  if (name)
    snprintf(name, size, "%.*s" SQ_LEFTOVER_PREFIX "%ld.made" SQ_LEFTOVER_SUFFIX, folder, path,
             (long)getpid());
  return name;
}

/* 0, or an errno. */
static int write_file(const char *path, const char *data, size_t size) {
  const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  FILE *file = fd < 0 ? NULL : fdopen(fd, "wb");
  int error = file ? 0 : errno;
  if (file) {
    flock(fd, LOCK_EX | LOCK_NB);
    errno = 0;
    if (fwrite(data, 1, size, file) != size || fflush(file) != 0 || sq_flush(fd) != 0)
      error = errno ? errno : EIO;
    if (fclose(file) != 0 && error == 0) error = errno;
  }
  if (fd >= 0 && file == NULL) close(fd);
  if (fd >= 0 && error) unlink(path);
  return error;
}

/* By a file beside it that takes its name once it is whole; where a link leads to another place, there. */
int whole_file_write(const char *path, const char *data, size_t size, const whole_file_kind *kind) {
  CLI_TRY(check_place(path, kind));
  char *linked = realpath(path, NULL), *beside = name_beside(linked ? linked : path);
  int error = beside ? write_file(beside, data, size) : ENOMEM;
  if (error == 0 && rename(beside, linked ? linked : path) != 0) {
    error = errno;
    unlink(beside);
  }
  free(linked);
  free(beside);
  return error ? cli_error("%s: cannot write: %s", path, strerror(error)) : CLI_OK;
}

int whole_file_make(const char *path, whole_file_writer *work, const void *self,
                    const whole_file_kind *kind) {
  memory_stream m;
  if (path == NULL) return CLI_OK;
  if (!memory_open(&m)) return cli_error("%s: out of memory", path);
  work(m.to, self);
  const int code =
      memory_close(&m) ? whole_file_write(path, m.data, m.size, kind) : cli_error("%s: out of memory", path);
  memory_free(&m);
  return code;
}
