/* target.c - replacing a file as a whole (target.h).
 *
 * A reader of the place sees the old file or the new one, never half of one; after a success it is on disk.
 * The temporary file is flushed and renamed, then the folder is flushed.  If anything fails, the temporary
 * file is removed and the place is as it was.
 *
 * As long as the process lives it holds a lock on its temporary file, so that another one can tell what a
 * killed process has left: leftovers.c.
 */
#define _POSIX_C_SOURCE 200809L

#include "host/files/target.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "host/files/leftovers.h"
#include "host/files/retry.h"

enum { PATH_SIZE = 4096, MOST_LINKS = 40, TEMP_ATTEMPTS = 100, TEMP_NAME = 96 };

static seqgpu_status io_error(const sq_target *t, const char *what) {
  return sq_fail(t->ctx, SEQGPU_EIO, "%s: cannot %s: %s", t->path, what, strerror(errno));
}

/* ---------------------------------------------------------------- the place */

/* Characters of the folder of a path, the last slash included; 0 without one. */
static size_t folder_length(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash ? (size_t)(slash - path) + 1 : 0;
}

/* Puts what a link points to in place of it, as long as there is one, also to a file that is not there yet.
 * 0, or an errno. */
static int follow_links(char place[PATH_SIZE], char link[PATH_SIZE]) {
  for (int links = 0;; links++) {
    const ssize_t length = readlink(place, link, PATH_SIZE - 1);
    if (length < 0) return 0; /* no link; what else is wrong will show when the file is made */
    if (links == MOST_LINKS) return ELOOP;
    link[length] = 0;
    const size_t kept = link[0] == '/' ? 0 : folder_length(place);
    if (kept + (size_t)length >= PATH_SIZE) return ENAMETOOLONG;
    memcpy(place + kept, link, (size_t)length + 1);
  }
}

static seqgpu_status find_place(sq_target *t) {
  if (strlen(t->path) >= PATH_SIZE) {
    errno = ENAMETOOLONG;
    return io_error(t, "open");
  }
  t->place = sq_host_alloc(t->ctx, PATH_SIZE);
  t->temp = sq_host_alloc(t->ctx, PATH_SIZE + TEMP_NAME); /* at first for the text of links */
  if (!t->place || !t->temp) return sq_fail(t->ctx, SEQGPU_ENOMEM, "%s: out of memory", t->path);
  strcpy(t->place, t->path);
  errno = follow_links(t->place, t->temp);
  t->temp[0] = 0;
  return errno ? io_error(t, "follow its links") : SEQGPU_OK;
}

/* Refuses what a rename would turn into something else (a device, a folder), and files of another kind. */
static seqgpu_status look_at_place(sq_target *t, int (*is_ours)(int fd, int64_t size)) {
  struct stat about;
  t->exists = stat(t->place, &about) == 0;
  if (!t->exists && errno != ENOENT) return io_error(t, "look at the file that is there");
  if (!t->exists) return SEQGPU_OK;
  if (!S_ISREG(about.st_mode)) return sq_fail(t->ctx, SEQGPU_EIO, "%s: is not a regular file", t->path);
  t->mode = about.st_mode & 07777;
  t->owner = about.st_uid;
  t->group = about.st_gid;
  if (about.st_size == 0 || is_ours == NULL) return SEQGPU_OK;
  const int fd = open(t->place, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return io_error(t, "look at the file that is there");
  const int ours = is_ours(fd, about.st_size);
  const seqgpu_status status = ours < 0 ? io_error(t, "look at the file that is there") : SEQGPU_OK;
  close(fd);
  if (ours) return status;
  return sq_fail(t->ctx, SEQGPU_EINVAL, "%s: is there and is no .safetensors file, so it is not replaced",
                 t->path);
}

/* ---------------------------------------------------------------- the temporary file */

/* Nobody else makes a file of this name. */
static void drop_temp(sq_target *t) {
  const int error = errno;
  unlink(t->temp);
  close(t->fd);
  t->fd = -1;
  errno = error;
}

/* Locks a file that was just made.  0: somebody who takes it for a leftover was quicker. */
static int lock_temp(int fd) {
  struct stat about;
  if (flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) return 0;
  return fstat(fd, &about) == 0 && about.st_nlink > 0; /* where nothing can be locked nothing is removed */
}

/* The name tells the process and the moment, so that a later process of the same number has another. */
static seqgpu_status open_temp(sq_target *t) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  const int folder = (int)folder_length(t->place);
  for (int attempt = 0; attempt < TEMP_ATTEMPTS; attempt++) {
    snprintf(t->temp, PATH_SIZE + TEMP_NAME, "%.*s" SQ_LEFTOVER_PREFIX "%ld-%llx-%d" SQ_LEFTOVER_SUFFIX,
             folder, t->place, (long)getpid(),
             (unsigned long long)now.tv_sec * 1000000000 + (unsigned long long)now.tv_nsec, attempt);
    t->fd = open(t->temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, t->exists ? 0600 : 0666);
    if (t->fd >= 0 && lock_temp(t->fd)) return SEQGPU_OK;
    if (t->fd < 0 && errno != EEXIST) break;
    if (t->fd >= 0) drop_temp(t);
  }
  t->temp[0] = 0;
  return io_error(t, "create a file in its folder");
}

/* The new file belongs to whom the old one did, as far as this process may give it away; another group does
 * not get what was meant for the old one. */
static seqgpu_status keep_owner(const sq_target *t) {
  if (!t->exists) return SEQGPU_OK;
  const int kept = fchown(t->fd, t->owner, t->group) == 0 || fchown(t->fd, (uid_t)-1, t->group) == 0;
  const mode_t mode = kept ? t->mode : t->mode & ~(mode_t)S_IRWXG;
  return fchmod(t->fd, mode) == 0 ? SEQGPU_OK : io_error(t, "keep its permissions");
}

seqgpu_status sq_target_open(seqgpu_context *ctx, const char *path, int (*is_ours)(int fd, int64_t size),
                             sq_target *out) {
  *out = (sq_target){.ctx = ctx, .path = path, .fd = -1};
  SQ_TRY(find_place(out));
  SQ_TRY(look_at_place(out, is_ours));
  sq_leftovers_remove(out->place, folder_length(out->place));
  SQ_TRY(open_temp(out));
  return keep_owner(out);
}

seqgpu_status sq_target_write(const sq_target *t, const void *from, int64_t bytes) {
  return sq_write_all(t->fd, from, bytes) == 0 ? SEQGPU_OK : io_error(t, "write");
}

seqgpu_status sq_target_go_to(const sq_target *t, int64_t at) {
  return lseek(t->fd, (off_t)at, SEEK_SET) < 0 ? io_error(t, "write") : SEQGPU_OK;
}

/* The new file is in place and its content on disk.  Where its folder cannot be flushed, a power cut may
 * bring the old file back, whole as well: no reason to call the new one not saved. */
static void flush_folder(const sq_target *t) {
  char *name = t->place + folder_length(t->place);
  const char first = *name;
  *name = 0;
  const int fd = open(t->place[0] ? t->place : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  *name = first;
  if (fd < 0) return;
  sq_flush(fd);
  close(fd);
}

seqgpu_status sq_target_finish(sq_target *t) {
  if (sq_flush(t->fd) != 0) return io_error(t, "flush");
  /* renamed before it is closed: without its lock it could be taken for a leftover */
  if (rename(t->temp, t->place) != 0) return io_error(t, "rename the finished file");
  t->temp[0] = 0;
  flush_folder(t);
  return SEQGPU_OK;
}

void sq_target_close(sq_target *t) {
  if (t->temp && t->temp[0]) unlink(t->temp);
  if (t->fd >= 0) close(t->fd);
  sq_host_free(t->ctx, t->temp);
  sq_host_free(t->ctx, t->place);
}
