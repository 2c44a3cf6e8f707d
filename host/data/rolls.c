/* rolls.c - reading and writing piano rolls (rolls.h). */
#include "host/data/rolls.h"

#include <stdlib.h>
#include <string.h>

#include "host/cli/cli.h"
#include "host/cli/text_bytes.h"
#include "host/data/line_items.h"

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
  size_t length;
  for (int64_t step = 1; (text = line_items_next(text, &length)) != NULL; step++) {
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
  for (int64_t line = 1; text; line++, text = line_items_below(text)) {
    const int64_t start = r->steps;
    CLI_TRY(read_piece(path, line, text, r, &r->steps));
    if (r->steps > start) r->start[++r->pieces] = r->steps;
  }
  return CLI_OK;
}

/* Room for more pieces and steps; 0 when out of memory. */
static int grow(rolls *r, int64_t pieces, int64_t steps) {
  int64_t *start = realloc(r->start, (size_t)(r->pieces + pieces + 1) * sizeof *start);
  if (start == NULL) return 0;
  r->start = start;
  start[r->pieces] = r->steps;
  unsigned char *on = realloc(r->on, (size_t)(r->steps + steps) * ROLLS_KEYS);
  if (on == NULL) return 0;
  r->on = on;
  memset(on + r->steps * ROLLS_KEYS, 0, (size_t)steps * ROLLS_KEYS);
  return 1;
}

int rolls_parse(const char *path, const char *text, rolls *r) {
  int64_t pieces, steps;
  int code = CLI_OK;
  line_items_count(text, &pieces, &steps);
  if (steps == 0)
    code = cli_error("%s: has no piece; it must have at least one line of steps", path);
  else if (!grow(r, pieces, steps))
    code = cli_error("%s: out of memory", path);
  else
    code = read_pieces(path, text, r);
  r->hash = hash_bytes(r->hash, text, strlen(text));
  r->bytes += (int64_t)strlen(text);
  if (code != CLI_OK) rolls_free(r);
  return code;
}

int rolls_read(const char *path, rolls *r) {
  char *text;
  if (text_string(path, "a text", &text) != CLI_OK) {
    rolls_free(r);
    return CLI_FAILED;
  }
  const int code = rolls_parse(path, text, r);
  free(text);
  return code;
}

void rolls_free(rolls *r) {
  free(r->start);
  free(r->on);
  *r = (rolls)ROLLS_NONE;
}

void rolls_row(const unsigned char on[ROLLS_KEYS], int shift, float row[ROLLS_KEYS]) {
  for (int k = 0; k < ROLLS_KEYS; k++) {
    const int from = k - shift;
    row[k] = from >= 0 && from < ROLLS_KEYS ? (float)on[from] : 0;
  }
}

void rolls_write(FILE *to, const unsigned char *on, int64_t steps) {
  for (int64_t t = 0; t < steps; t++, on += ROLLS_KEYS) {
    int keys = 0;
    if (t > 0) fputc(' ', to);
    for (int k = 0; k < ROLLS_KEYS; k++)
      if (on[k]) fprintf(to, keys++ ? ",%d" : "%d", k);
    if (keys == 0) fputc('-', to);
  }
  fputc('\n', to);
}
