/* numbered.c - copies of a checkpoint beside it (numbered.h). */
#define _POSIX_C_SOURCE 200809L

#include "host/cli/numbered.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/cli/cli.h"
#include "host/cli/files.h"

/* ---------------------------------------------------------------- names */

/* Where ".safetensors" begins in a name; its end if it has no such part. */
static const char *ending_of(const char *base) {
  const char *dot = strrchr(base, '.');
  return dot && dot != base ? dot : base + strlen(base);
}

int numbered_name(const char *path, const char *text, char out[NUMBERED_PATH]) {
  const char *ending = ending_of(files_base(path));
  const int length = snprintf(out, NUMBERED_PATH, "%.*s-%s%s", (int)(ending - path), path, text, ending);
  if (length < NUMBERED_PATH) return CLI_OK;
  return cli_error("%.100s...: cannot open: %s", path, strerror(ENAMETOOLONG)); /* sentences are shorter */
}

int numbered_step_name(const char *path, int64_t step, char out[NUMBERED_PATH]) {
  char digits[24];
  snprintf(digits, sizeof digits, "%08" PRId64, step);
  return numbered_name(path, digits, out);
}

/* The step of a copy's name, -1 if it is none. */
static int64_t step_of(const char *path, const char *name) {
  const char *base = files_base(path), *ending = ending_of(base);
  const size_t stem = (size_t)(ending - base);
  char expected[NUMBERED_PATH];
  if (strncmp(name, base, stem) != 0 || name[stem] != '-') return -1;
  const int64_t step = strtoll(name + stem + 1, NULL, 10);
  if (step < 0 || numbered_step_name(base, step, expected) != CLI_OK) return -1;
  return strcmp(name, expected) == 0 ? step : -1;
}

/* ---------------------------------------------------------------- the list */

static int append(numbered *n, int64_t step) {
  if (n->count == n->room) {
    const int64_t room = 2 * n->room + 16;
    int64_t *larger = realloc(n->steps, (size_t)room * sizeof *larger);
    if (larger == NULL) return cli_error("out of memory");
    n->steps = larger;
    n->room = room;
  }
  n->steps[n->count++] = step;
  return CLI_OK;
}

static void take_out(numbered *n, int64_t at) {
  n->count--;
  memmove(&n->steps[at], &n->steps[at + 1], (size_t)(n->count - at) * sizeof *n->steps);
}

static int by_step(const void *a, const void *b) {
  const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return (x > y) - (x < y);
}

int numbered_find(const char *path, numbered *out) {
  char folder[NUMBERED_PATH];
  *out = (numbered){.path = path};
  snprintf(folder, sizeof folder, "%.*s", (int)(files_base(path) - path), path);
  DIR *dir = opendir(folder[0] ? folder : ".");
  int code = CLI_OK;
  for (struct dirent *entry; code == CLI_OK && dir && (entry = readdir(dir)) != NULL;) {
    const int64_t step = step_of(path, entry->d_name);
    if (step >= 0) code = append(out, step);
  }
  if (dir) closedir(dir);
  if (out->count > 1) qsort(out->steps, (size_t)out->count, sizeof *out->steps, by_step);
  return code;
}

void numbered_free(numbered *n) {
  free(n->steps);
  *n = (numbered){.path = NULL};
}

/* ---------------------------------------------------------------- the files */

/* A second name costs neither time nor room: the next save renames another file over the first. */
int numbered_link(const char *path, const char *name) {
  if (files_is_model(name) && unlink(name) != 0) return 0;
  return linkat(AT_FDCWD, path, AT_FDCWD, name, AT_SYMLINK_FOLLOW) == 0;
}

int numbered_add(numbered *n, int64_t step, int64_t most) {
  char name[NUMBERED_PATH];
  for (int64_t i = 0; i < n->count; i++)
    if (n->steps[i] == step) take_out(n, i);
  CLI_TRY(append(n, step));
  while (n->count > most) {
    CLI_TRY(numbered_step_name(n->path, n->steps[0], name));
    if (files_is_model(name)) unlink(name); /* what is no model has only the name of one */
    take_out(n, 0);
  }
  return CLI_OK;
}
