/* files.c - the files that a run names (files.h). */
#define _XOPEN_SOURCE 700

#include "host/cli/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/checkpoint/signature.h"
#include "host/cli/cli.h"

const char *files_base(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash ? slash + 1 : path;
}

/* 1 if something is there, 0 if not, -1 = errno if nobody knows. */
static int look(const char *path, struct stat *about) {
  if (stat(path, about) == 0) return 1;
  return errno == ENOENT || errno == ENOTDIR ? 0 : -1;
}

int files_has_content(const char *path) {
  struct stat about;
  const int there = look(path, &about);
  return there < 0 || (there && !(S_ISREG(about.st_mode) && about.st_size == 0));
}

/* 1 if a file of this size begins as a model does, 0 if not, -1 = errno if it cannot be read. */
static int begins_as_model(const char *path, off_t size) {
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return -1;
  const int begins = sq_st_begins(fd, size), error = errno;
  close(fd);
  errno = error;
  return begins;
}

int files_is_model(const char *path) {
  struct stat about;
  return stat(path, &about) == 0 && S_ISREG(about.st_mode) && begins_as_model(path, about.st_size) > 0;
}

/* Two new files: the same name in the same folder. */
static int will_be_same(const char *a, const char *b) {
  char folder[4096];
  struct stat of[2];
  const char *const paths[] = {a, b};
  const char *base[2];
  for (int i = 0; i < 2; i++) {
    base[i] = files_base(paths[i]);
    const int length = (int)(base[i] - paths[i]);
    if (snprintf(folder, sizeof folder, "%.*s", length, paths[i]) >= (int)sizeof folder) return 0;
    if (stat(length ? folder : ".", &of[i]) != 0) return 0;
  }
  return of[0].st_dev == of[1].st_dev && of[0].st_ino == of[1].st_ino && strcmp(base[0], base[1]) == 0;
}

int files_are_same(const char *a, const char *b) {
  struct stat of_a, of_b;
  if (strcmp(a, b) == 0) return 1;
  const int has_a = stat(a, &of_a) == 0, has_b = stat(b, &of_b) == 0;
  if (has_a && has_b) return of_a.st_dev == of_b.st_dev && of_a.st_ino == of_b.st_ino;
  return !has_a && !has_b && will_be_same(a, b);
}

int files_check_model(const char *path, const char *option, int replace) {
  struct stat about;
  const int there = look(path, &about);
  if (there == 0) return CLI_OK;
  if (there < 0) return cli_error("%s: cannot look at the file that is there: %s", path, strerror(errno));
  if (!S_ISREG(about.st_mode)) return cli_error("%s: is not a regular file", path);
  if (about.st_size == 0) return CLI_OK;
  const int model = begins_as_model(path, about.st_size);
  if (model < 0) return cli_error("%s: cannot look at the file that is there: %s", path, strerror(errno));
  if (!model)
    return cli_error("%s: is there and is no .safetensors file; %s never replaces such a file", path, option);
  if (!replace) return cli_error("%s: is there already; --resume continues it, --force replaces it", path);
  if (access(path, W_OK) != 0) return cli_error("%s: cannot be replaced: %s", path, strerror(errno));
  return CLI_OK;
}

/* ---------------------------------------------------------------- twice the same */

/* File number `n` of a row, NULL where it names no more. */
static const char *file_of(const arg_spec *spec, const void *options, int n) {
  const void *field = (const char *)options + spec->offset;
  if (spec->value == NULL || strcmp(spec->value, "FILE") != 0) return NULL;
  if (spec->kind == ARG_TEXTS) {
    const arg_list *list = field;
    return n < list->count ? list->item[n] : NULL;
  }
  return spec->kind == ARG_TEXT && n == 0 ? *(const char *const *)field : NULL;
}

/* A model is saved where it was read. */
static int may_be_same(const char *written, const char *other) {
  return strcmp(written, "checkpoint") == 0 &&
         (strcmp(other, "resume") == 0 || strcmp(other, "init-from") == 0);
}

/* The file that `row` writes against all of another row's. */
static int check_row(const arg_spec *row, const arg_spec *other, const void *options) {
  const char *path = file_of(row, options, 0), *read;
  if (path == NULL || other == row || may_be_same(row->name, other->name)) return CLI_OK;
  for (int n = 0; (read = file_of(other, options, n)) != NULL; n++)
    if (files_are_same(path, read))
      return cli_error("--%s: is %s, and so is --%s; they must be two files", row->name, path, other->name);
  return CLI_OK;
}

int files_check_twice(const arg_spec *specs, const void *options) {
  static const char *const written[] = {"checkpoint", "log"};
  for (int w = 0; w < 2; w++) {
    const int row = args_find(specs, written[w]);
    for (int i = 0; row >= 0 && specs[i].name[0]; i++) CLI_TRY(check_row(&specs[row], &specs[i], options));
  }
  return CLI_OK;
}
