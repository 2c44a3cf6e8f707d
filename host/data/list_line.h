/* list_line.h - the lines of lists of files: a path, from where the list is, a tab, and a text. */
#ifndef LIST_LINE_H
#define LIST_LINE_H

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "host/cli/cli.h"
#include "host/context/utf8.h"

enum { LIST_PATH = 4096 };

/* Whether all of a text can be shown. */
static inline int list_is_plain(const char *text, size_t size) {
  for (size_t at = 0, length; at < size; at += length)
    if ((length = sq_utf8_plain(text + at, size - at)) == 0) return 0;
  return 1;
}

/* The path that the first `length` bytes of line `number` of the list `path` name; 0, or CLI_FAILED after a
 * sentence. */
static inline int list_path(const char *path, int64_t number, const char *line, size_t length,
                            char out[LIST_PATH]) {
  const char *folder = strrchr(path, '/');
  const int beside = line[0] != '/' && folder;
  if ((size_t)snprintf(out, LIST_PATH, "%.*s%.*s", beside ? (int)(folder - path) + 1 : 0, path, (int)length,
                       line) < LIST_PATH)
    return CLI_OK;
  return cli_error("%s: line %lld: the path is too long", path, (long long)number);
}

#endif
