/* cache.c - see cache.h.  No memory is allocated but the stream's buffer: a line at a time, of bounded
 * length, of a file of bounded size. */
#define _DEFAULT_SOURCE /* mkstemps, flock */

#include "host/planner/cache.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/files/leftovers.h"
#include "host/files/retry.h"
#include "seqgpu/base.h"

/* A larger file is not ours: 256 lines of the longest kind are smaller. */
enum { LINE_SIZE = SQ_PLAN_CACHE_KEY + 128, MOST_LINES = 256, MOST_BYTES = 1 << 18, PATH_SIZE = 4096 };

static const char MAGIC[] = "seqgpu plans ";

static void first_line(char out[LINE_SIZE]) {
  snprintf(out, LINE_SIZE, "%s1, library %s\n", MAGIC, seqgpu_version());
}

/* A regular file of at most `most` bytes, else NULL.  O_NONBLOCK: a pipe must not stop us. */
static FILE *open_regular(const char *path, off_t most) {
  const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd < 0) return NULL;
  struct stat about;
  const int fits = fstat(fd, &about) == 0 && S_ISREG(about.st_mode) && about.st_size <= most;
  FILE *file = fits ? fdopen(fd, "r") : NULL;
  if (file == NULL) close(fd);
  return file;
}

/* The cache, behind its first line; NULL if there is none of this version. */
static FILE *open_cache(const char *path) {
  FILE *file = open_regular(path, MOST_BYTES);
  if (file == NULL) return NULL;
  char line[LINE_SIZE], expected[LINE_SIZE];
  first_line(expected);
  if (fgets(line, sizeof line, file) && strcmp(line, expected) == 0) return file;
  fclose(file);
  return NULL;
}

/* The next whole line into line, its newline kept; 0 at the end.  Longer lines are skipped. */
static int next_line(FILE *file, char line[LINE_SIZE]) {
  int skipping = 0;
  while (fgets(line, LINE_SIZE, file)) {
    const size_t length = strlen(line);
    const int ends = length > 0 && line[length - 1] == '\n';
    if (ends && !skipping) return 1;
    skipping = !ends;
  }
  return 0;
}

/* The key of a line: what follows its second tab; NULL if it has none. */
static const char *key_of(const char *line) {
  const char *tab = strchr(line, '\t');
  tab = tab ? strchr(tab + 1, '\t') : NULL;
  return tab ? tab + 1 : NULL;
}

static int has_key(const char *line, const char *key) {
  const char *own = key_of(line);
  const size_t length = strlen(key);
  return own && strncmp(own, key, length) == 0 && own[length] == '\n';
}

int sq_plan_cache_find(const char *path, const char *key, char *name, size_t size) {
  FILE *file = open_cache(path);
  char line[LINE_SIZE];
  int found = 0;
  while (file && !found && next_line(file, line)) {
    const size_t length = strcspn(line, "\t");
    if (!has_key(line, key) || length >= size) continue;
    memcpy(name, line, length);
    name[length] = 0;
    found = 1;
  }
  if (file) fclose(file);
  return found;
}

/* ---------------------------------------------------------------- storing */

/* The file that is there, as far as its lines stay: open and behind its first line, or NULL where there is
 * nothing to keep: no file, an empty one, a cache of another version.  Returns 0 if it must stay as it is: a
 * document or a device whose path was given by mistake, and a cache that cannot be read just now. */
static int open_old(const char *path, FILE **old, mode_t *mode) {
  struct stat about;
  *old = NULL;
  if (stat(path, &about) != 0) return errno == ENOENT;
  *mode = about.st_mode & 0777;
  if (!S_ISREG(about.st_mode) || about.st_size == 0) return S_ISREG(about.st_mode);
  FILE *file = open_regular(path, about.st_size);
  char line[LINE_SIZE] = "", expected[LINE_SIZE];
  first_line(expected);
  if (file == NULL) return 0;
  const int ours = fgets(line, sizeof line, file) && strncmp(line, MAGIC, strlen(MAGIC)) == 0;
  if (ours && about.st_size <= MOST_BYTES && strcmp(line, expected) == 0)
    *old = file;
  else
    fclose(file);
  return ours;
}

/* The next line that stays: one with another key. */
static int next_other(FILE *old, const char *key, char line[LINE_SIZE]) {
  while (next_line(old, line))
    if (key_of(line) && !has_key(line, key)) return 1;
  return 0;
}

/* Copies the lines that stay, without the oldest where they are too many.  1, or 0 if the old file could not
 * be read. */
static int copy_others(FILE *to, FILE *old, const char *key) {
  char line[LINE_SIZE];
  const long start = ftell(old);
  int surplus = 1 - MOST_LINES;
  while (next_other(old, key, line)) surplus++;
  if (ferror(old) || start < 0 || fseek(old, start, SEEK_SET) != 0) return 0;
  while (next_other(old, key, line))
    if (surplus-- <= 0) fputs(line, to);
  return !ferror(old);
}

/* Everything on disk, or 0. */
static int write_all(FILE *to, FILE *old, const char *key, const char *name, double microseconds) {
  char line[LINE_SIZE];
  first_line(line);
  fputs(line, to);
  if (old && !copy_others(to, old, key)) return 0;
  fprintf(to, "%s\t%.1f us\t%s\n", name, microseconds, key);
  return fflush(to) == 0 && !ferror(to) && sq_flush(fileno(to)) == 0;
}

/* Opens a file beside the cache, under a name and a lock by which others know what dead processes left
 * (host/files/leftovers.h); -1 where that cannot be done. */
static int open_beside(const char *path, char temporary[PATH_SIZE]) {
  const char *slash = strrchr(path, '/');
  const int folder = slash ? (int)(slash - path) + 1 : 0;
  const int length = snprintf(temporary, PATH_SIZE,
                              "%.*s" SQ_LEFTOVER_PREFIX "plans-XXXXXX" SQ_LEFTOVER_SUFFIX, folder, path);
  if (length >= PATH_SIZE) return -1;
  const int fd = mkstemps(temporary, (int)strlen(SQ_LEFTOVER_SUFFIX));
  if (fd >= 0) flock(fd, LOCK_EX | LOCK_NB);
  return fd;
}

/* Writes beside the file and renames. */
static void replace(const char *path, mode_t mode, FILE *old, const char *key, const char *name,
                    double microseconds) {
  char temporary[PATH_SIZE];
  const int fd = open_beside(path, temporary);
  if (fd < 0) return;
  FILE *file = fdopen(fd, "w");
  int written = file && fchmod(fd, mode) == 0 && write_all(file, old, key, name, microseconds);
  if (file)
    written &= fclose(file) == 0;
  else
    close(fd);
  if (!written || rename(temporary, path) != 0) unlink(temporary);
}

void sq_plan_cache_store(const char *path, const char *key, const char *name, double microseconds) {
  mode_t mode = 0600;
  FILE *old;
  if (!open_old(path, &old, &mode)) return;
  char *place = realpath(path, NULL); /* where a link leads to */
  if (place || errno == ENOENT) replace(place ? place : path, mode, old, key, name, microseconds);
  free(place);
  if (old) fclose(old);
}
