/* log.c - the log of training runs (log.h). */
#define _POSIX_C_SOURCE 200809L

#include "host/cli/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/cli/cli.h"
#include "host/files/retry.h"

static const char START[] = "{\"step\":";

static int is_report(const char *line) { return strncmp(line, START, sizeof START - 1) == 0; }

int log_check(const char *path) {
  struct stat about;
  char start[sizeof START] = "";
  if (stat(path, &about) != 0)
    return errno == ENOENT ? CLI_OK : cli_error("%s: cannot open: %s", path, strerror(errno));
  if (!S_ISREG(about.st_mode) || about.st_size == 0) return CLI_OK;
  FILE *file = fopen(path, "r");
  if (file == NULL) return cli_error("%s: cannot open: %s", path, strerror(errno));
  const size_t read = fread(start, 1, sizeof START - 1, file);
  const int error = ferror(file) ? errno : 0;
  fclose(file);
  if (error) return cli_error("%s: cannot read: %s", path, strerror(error));
  if (read == sizeof START - 1 && is_report(start)) return CLI_OK;
  return cli_error("%s: is there and is no log of a run (JSON Lines), so nothing is added to it", path);
}

/* Where the part of a log ends that stays. */
typedef struct log_end {
  off_t keep;        /* bytes that stay, -1 = all */
  int needs_newline; /* its last line, which stays, has none */
} log_end;

/* The reports at the end whose steps are after `after`, as far as they rise: those of one run. */
static log_end find_end(FILE *file, int64_t after) {
  log_end end = {.keep = -1};
  char *line = NULL;
  size_t room = 0;
  off_t at = 0;
  int64_t before = -1;
  for (ssize_t length; (length = getline(&line, &room, file)) > 0; at += length) {
    const int ends = line[length - 1] == '\n', whole = ends || line[length - 1] == '}';
    const int report = is_report(line);
    const int64_t step = report ? strtoll(line + sizeof START - 1, NULL, 10) : -1;
    if (!report || (whole && step <= after))
      end.keep = -1;
    else if (end.keep < 0 || (whole && step < before))
      end.keep = at;
    end.needs_newline = !ends && end.keep < 0;
    before = step;
  }
  free(line);
  return end;
}

/* Cuts a log that is open for reading and adding. */
static int cut(FILE *file, const char *path, int64_t after) {
  struct stat about;
  if (fstat(fileno(file), &about) != 0 || !S_ISREG(about.st_mode)) return CLI_OK;
  rewind(file);
  const log_end end = find_end(file, after);
  if (ferror(file)) return cli_error("%s: cannot read: %s", path, strerror(errno));
  if (end.keep >= 0 && sq_truncate(fileno(file), end.keep) != 0)
    return cli_error("%s: cannot shorten: %s", path, strerror(errno));
  fseek(file, 0, SEEK_END); /* between reading and writing */
  if (end.needs_newline) fputc('\n', file);
  return CLI_OK;
}

int log_open(const char *path, int64_t after, FILE **out) {
  struct stat about;
  const int regular = stat(path, &about) != 0 || S_ISREG(about.st_mode);
  *out = fopen(path, regular ? "a+" : "a");
  if (*out == NULL) return cli_error("%s: cannot open for writing: %s", path, strerror(errno));
  const int code = regular ? cut(*out, path, after) : CLI_OK;
  if (code == CLI_OK) return code;
  fclose(*out);
  *out = NULL;
  return code;
}
