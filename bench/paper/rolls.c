/* rolls.c - reading piano rolls (rolls.h). */
#include "bench/paper/rolls.h"

#include <stdlib.h>
#include <string.h>

#include "host/cli/cli.h"
#include "host/cli/text_bytes.h"

static const char between[] = " \t\r"; /* two steps of a piece */

/* Counts pieces and steps of the whole text. */
static void count(const char *text, rolls *r) {
  for (int inside = 0; *text;) {
    text += strspn(text, between);
    const size_t length = strcspn(text, " \t\r\n");
    r->steps += length > 0;
    r->pieces += length > 0 && !inside;
    inside = (inside || length > 0) && text[length] != '\n';
    text += length + (text[length] == '\n');
  }
}

/* Reads one step, `length` characters; 0 if it is none. */
static int read_step(const char *text, size_t length, unsigned char on[ROLLS_KEYS]) {
  const char *end = text + length;
  if (length == 1 && *text == '-') return 1;
  for (;; text++) {
    int key = 0, digits = 0;
    for (; text < end && *text >= '0' && *text <= '9' && digits < 3; text++, digits++)
      key = 10 * key + (*text - '0');
    if (digits == 0 || key >= ROLLS_KEYS) return 0;
    on[key] = 1;
    if (text == end) return 1;
    if (*text != ',') return 0;
  }
}

/* Reads one line, which ends at a line end or a zero, behind the `steps` that were read before. */
static int read_piece(const char *path, int64_t line, const char *text, rolls *r, int64_t *steps) {
  for (int64_t step = 1; text += strspn(text, between), *text && *text != '\n'; step++) {
    const size_t length = strcspn(text, " \t\r\n");
    if (!read_step(text, length, r->on + *steps * ROLLS_KEYS))
      return cli_error(
          "%s: line %lld, step %lld: \"%.*s\" must be keys from 0 to 87 with commas between, or - for none",
          path, (long long)line, (long long)step, length < 24 ? (int)length : 24, text);
    ++*steps;
    text += length;
  }
  return CLI_OK;
}

static int read_pieces(const char *path, const char *text, rolls *r) {
  int64_t steps = 0, piece = 0;
  for (int64_t line = 1; text; line++) {
    const int64_t start = steps;
    CLI_TRY(read_piece(path, line, text, r, &steps));
    if (steps > start) r->start[piece++] = start;
    text = strchr(text, '\n');
    if (text) text++;
  }
  r->start[piece] = steps;
  return CLI_OK;
}

int rolls_parse(const char *path, const char *text, rolls *out) {
  *out = (rolls){0};
  count(text, out);
  if (out->steps == 0) return cli_error("%s: has no piece; it must have at least one line of steps", path);
  out->start = malloc((size_t)(out->pieces + 1) * sizeof *out->start);
  out->on = calloc((size_t)out->steps, ROLLS_KEYS);
  const int code =
      out->start && out->on ? read_pieces(path, text, out) : cli_error("%s: out of memory", path);
  if (code != CLI_OK) rolls_free(out);
  return code;
}

int rolls_read(const char *path, rolls *out) {
  char *text;
  *out = (rolls){0};
  CLI_TRY(text_string(path, "a text", &text));
  const int code = rolls_parse(path, text, out);
  free(text);
  return code;
}

void rolls_free(rolls *r) {
  free(r->start);
  free(r->on);
  *r = (rolls){0};
}
