/* numbers.c - reading a table of numbers (numbers.h). */
#include "host/cli/numbers.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host/cli/cli.h"
#include "host/cli/text_bytes.h"

static const char between[] = " \t\r,;";

/* Reads the numbers of one line, which ends at a zero; 0, or an exit code. */
static int read_row(const char *path, int64_t line, char *text, int64_t columns, float *out) {
  int64_t n = 0;
  for (char *word = text + strspn(text, between); *word; word += strspn(word, between), n++) {
    char *end;
    const double value = strtod(word, &end);
    if (end == word || (*end && !strchr(between, *end)) || !isfinite(value) || fabs(value) > 3.4e38)
      return cli_error("%s: line %lld: \"%.20s\" must be a finite number", path, (long long)line, word);
    if (n < columns) out[n] = (float)value;
    word = end;
  }
  if (n == columns) return CLI_OK;
  return cli_error("%s: line %lld has %lld numbers; the model reads %lld a step", path, (long long)line,
                   (long long)n, (long long)columns);
}

static int read_rows(const char *path, char *text, int64_t columns, float *out, int64_t *rows) {
  int64_t line = 1;
  for (char *next; text; text = next, line++) {
    next = strchr(text, '\n');
    if (next) *next++ = 0;
    if (text[strspn(text, between)] == 0 || text[0] == '#') continue;
    CLI_TRY(read_row(path, line, text, columns, out + *rows * columns));
    ++*rows;
  }
  return *rows > 0 ? CLI_OK : cli_error("%s: has no numbers; it must have at least one line of them", path);
}

/* A row is a digit and a separator for each number, so memory follows the text and not its line ends times
 * the columns; one row more, for the one that turns out to be too short. */
static float *room_for(const char *text, int64_t columns) {
  const size_t rows = (strlen(text) + 1) / (2 * (size_t)columns) + 1;
  return malloc(rows * (size_t)columns * sizeof(float));
}

int numbers_parse(const char *path, char *text, int64_t columns, float **out, int64_t *rows) {
  *rows = 0;
  *out = room_for(text, columns);
  const int code = *out ? read_rows(path, text, columns, *out, rows) : cli_error("%s: out of memory", path);
  if (code == CLI_OK) return CLI_OK;
  free(*out);
  *out = NULL;
  return code;
}

int numbers_read(const char *path, int64_t columns, float **out, int64_t *rows) {
  char *text;
  *out = NULL;
  *rows = 0;
  CLI_TRY(text_string(path, "a text", &text));
  const int code = numbers_parse(path, text, columns, out, rows);
  free(text);
  return code;
}
