/* cache.c - see cache.h.  No memory is allocated but the stream's buffer: a line at a time, of bounded
 * length, of a file of bounded size. */
#define _POSIX_C_SOURCE 200809L

#include "host/planner/cache.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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

/* Lines of the old file that stay: those with another key. */
static int count_others(const char *path, const char *key) {
  FILE *file = open_cache(path);
  char line[LINE_SIZE];
  int count = 0;
  while (file && next_line(file, line)) count += key_of(line) && !has_key(line, key);
  if (file) fclose(file);
  return count;
}

/* Copies them, without the oldest where they are too many. */
static void copy_others(FILE *to, const char *path, const char *key) {
  int surplus = count_others(path, key) - (MOST_LINES - 1);
  FILE *file = open_cache(path);
  char line[LINE_SIZE];
  while (file && next_line(file, line)) {
    if (key_of(line) == NULL || has_key(line, key)) continue;
    if (surplus-- > 0) continue;
    fputs(line, to);
  }
  if (file) fclose(file);
}

/* Everything on disk, or 0. */
static int write_all(FILE *to, const char *path, const char *key, const char *name, double microseconds) {
  char line[LINE_SIZE];
  first_line(line);
  fputs(line, to);
  copy_others(to, path, key);
  fprintf(to, "%s\t%.1f us\t%s\n", name, microseconds, key);
  return fflush(to) == 0 && !ferror(to) && fsync(fileno(to)) == 0;
}

/* Only nothing, an empty file, or a cache of whatever version is written over: a path given by mistake costs
 * nobody a document, or a device its name. */
static int may_replace(const char *path) {
  struct stat about;
  if (stat(path, &about) != 0) return errno == ENOENT;
  if (!S_ISREG(about.st_mode) || about.st_size == 0) return S_ISREG(about.st_mode);
  char start[sizeof MAGIC] = "";
  FILE *file = open_regular(path, about.st_size);
  const int read = file && fread(start, 1, sizeof MAGIC - 1, file) == sizeof MAGIC - 1;
  if (file) fclose(file);
  return read && strcmp(start, MAGIC) == 0;
}

void sq_plan_cache_store(const char *path, const char *key, const char *name, double microseconds) {
  char temporary[PATH_SIZE];
  if (!may_replace(path)) return;
  const int length = snprintf(temporary, sizeof temporary, "%s.XXXXXX", path);
  if (length < 0 || length >= PATH_SIZE) return;
  const int fd = mkstemp(temporary);
  if (fd < 0) return;
  FILE *file = fdopen(fd, "w");
  int written = file && write_all(file, path, key, name, microseconds);
  if (file)
    written &= fclose(file) == 0;
  else
    close(fd);
  if (!written || rename(temporary, path) != 0) unlink(temporary);
}
