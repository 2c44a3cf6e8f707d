/* strokes.c - reading and writing pen strokes (strokes.h). */
#include "host/data/strokes.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host/cli/cli.h"
#include "host/cli/text_bytes.h"
#include "host/data/line_items.h"

/* ---------------------------------------------------------------- reading */

static int is_digit(char c) { return c >= '0' && c <= '9'; }

/* Reads an offset, such as -12 or 0.5, of at most 7 digits on each side of the point, and the comma behind
 * it.  Where it goes on; NULL if there is none. */
static const char *read_offset(const char *text, float *out) {
  const int negative = *text == '-';
  double value = 0, unit = 1;
  int digits = 0, behind = 0;
  for (text += negative; is_digit(*text) && digits < 7; text++, digits++) value = 10 * value + (*text - '0');
  if (digits == 0) return NULL;
  if (*text == '.') {
    for (text++; is_digit(*text) && behind < 7; text++, behind++) {
      value = 10 * value + (*text - '0');
      unit *= 10;
    }
    if (behind == 0) return NULL;
  }
  value /= unit;
  *out = (float)(negative ? -value : value);
  return *text == ',' && value <= STROKES_MOST ? text + 1 : NULL;
}

/* Reads one point, which ends at white space or at the text's end; 0 if it is none. */
static int read_point(const char *text, size_t length, float point[STROKES_POINT]) {
  const char *end = text + length;
  if ((text = read_offset(text, &point[0])) == NULL) return 0;
  if ((text = read_offset(text, &point[1])) == NULL) return 0;
  point[2] = *text == '1';
  return (*text == '0' || *text == '1') && text + 1 == end;
}

/* Reads one line, which ends at a line end or a zero, behind the points that were read before. */
static int read_drawing(const char *path, int64_t line, const char *text, strokes *s) {
  size_t length;
  for (int64_t i = 1; (text = line_items_next(text, &length)) != NULL; i++, s->points++) {
    if (!read_point(text, length, s->point + s->points * STROKES_POINT))
      return cli_error(
          "%s: line %lld, point %lld: \"%.*s\" must be x,y,lifted: two offsets, at most %d, and 0 or 1", path,
          (long long)line, (long long)i, length < 24 ? (int)length : 24, text, STROKES_MOST);
    text += length;
  }
  return CLI_OK;
}

static int read_drawings(const char *path, const char *text, strokes *s) {
  for (int64_t line = 1; text; line++, text = line_items_below(text)) {
    const int64_t start = s->points;
    CLI_TRY(read_drawing(path, line, text, s));
    if (s->points > start) s->start[++s->drawings] = s->points;
  }
  return CLI_OK;
}

/* Room for more drawings and points; 0 when out of memory. */
static int grow(strokes *s, int64_t drawings, int64_t points) {
  int64_t *start = realloc(s->start, (size_t)(s->drawings + drawings + 1) * sizeof *start);
  if (start == NULL) return 0;
  s->start = start;
  start[s->drawings] = s->points;
  float *point = realloc(s->point, (size_t)(s->points + points) * STROKES_POINT * sizeof *point);
  if (point == NULL) return 0;
  s->point = point;
  return 1;
}

int strokes_parse(const char *path, const char *text, strokes *s) {
  int64_t drawings, points;
  int code = CLI_OK;
  line_items_count(text, &drawings, &points);
  if (points == 0)
    code = cli_error("%s: has no drawing; it must have at least one line of points", path);
  else if (!grow(s, drawings, points))
    code = cli_error("%s: out of memory", path);
  else
    code = read_drawings(path, text, s);
  s->hash = hash_bytes(s->hash, text, strlen(text));
  s->bytes += (int64_t)strlen(text);
  if (code != CLI_OK) strokes_free(s);
  return code;
}

int strokes_read(const char *path, strokes *s) {
  char *text;
  if (text_string(path, "a text", &text) != CLI_OK) {
    strokes_free(s);
    return CLI_FAILED;
  }
  const int code = strokes_parse(path, text, s);
  free(text);
  return code;
}

void strokes_free(strokes *s) {
  free(s->start);
  free(s->point);
  *s = (strokes)STROKES_NONE;
}

/* ---------------------------------------------------------------- measuring, writing */

double strokes_deviation(const strokes *s) {
  double sum = 0;
  for (int64_t i = 0; i < s->points; i++) {
    const double x = (double)s->point[i * STROKES_POINT], y = (double)s->point[i * STROKES_POINT + 1];
    sum += x * x + y * y;
  }
  return s->points > 0 ? sqrt(sum / 2 / (double)s->points) : 0;
}

void strokes_write(FILE *to, const float *point, int64_t count) {
  for (int64_t i = 0; i < count; i++, point += STROKES_POINT)
    fprintf(to, i > 0 ? " %.2f,%.2f,%d" : "%.2f,%.2f,%d", (double)point[0], (double)point[1], point[2] > 0);
  fputc('\n', to);
}
