/* log_read.c - a reader for the flat objects of a training log: strings, numbers, null (log_read.h). */
#include "host/cli/log_read.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/cli/cli.h"
#include "host/cli/text_bytes.h"
#include "host/context/utf8.h"

/* ---------------------------------------------------------------- values */

static int hex4(const char *s, uint32_t *out) {
  *out = 0;
  for (int i = 0; i < 4; i++) {
    const char *digits = "0123456789abcdef",
               *at = s[i] ? strchr(digits, s[i] >= 'A' && s[i] <= 'F' ? s[i] + 32 : s[i]) : NULL;
    if (at == NULL) return 0;
    *out = 16 * *out + (uint32_t)(at - digits);
  }
  return 1;
}

/* The string at *s, whose escapes are replaced where it stands; 0 if it is none. */
static int read_string(char **s, char **out, size_t *size) {
  static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
  char *from = *s, *to = *s;
  if (*from++ != '"') return 0;
  *out = to;
  while (*from != '"') {
    if ((unsigned char)*from < 0x20) return 0;
    if (*from != '\\') {
      *to++ = *from++;
      continue;
    }
    const char *name = from[1] ? strchr(names, from[1]) : NULL;
    uint32_t c;
    if (name) {
      *to++ = values[name - names];
      from += 2;
    } else if (from[1] == 'u' && hex4(from + 2, &c) && (c < 0xd800 || c > 0xdfff)) { /* no surrogate */
      to += sq_utf8_write(c, to);
      from += 6;
    } else {
      return 0;
    }
  }
  *s = from + 1;
  *size = (size_t)(to - *out);
  return 1;
}

/* A number or null, which is NaN. */
static int read_number(char **s, double *out) {
  char *end;
  *out = (double)NAN;
  if (strncmp(*s, "null", 4) == 0) {
    *s += 4;
    return 1;
  }
  if (strchr("-0123456789", **s) == NULL || **s == 0) return 0;
  *out = strtod(*s, &end);
  const int ok = end > *s && isfinite(*out);
  *s = end;
  return ok;
}

/* ---------------------------------------------------------------- rows */

/* Where the number of a key belongs; the metric has a name of its own, which the first row tells. */
static double *field_of(log_row *r, training_log *l, const char *key, size_t length) {
  const struct {
    const char *name;
    double *field;
  } known[] = {{"step", &r->step},
               {"epoch", &r->epoch},
               {"loss", &r->loss},
               {"val_loss", &r->val_loss},
               {"grad_norm", &r->grad_norm},
               {"lr", &r->lr},
               {"tokens_per_s", &r->tokens_per_s},
               {"elapsed_s", &r->elapsed_s}};
  for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
    if (strlen(known[i].name) == length && memcmp(known[i].name, key, length) == 0) return known[i].field;
  const int of_validation = length > 4 && memcmp(key, "val_", 4) == 0;
  const char *name = of_validation ? key + 4 : key;
  const size_t n = of_validation ? length - 4 : length;
  const int is_eta = length == 5 && memcmp(key, "eta_s", 5) == 0;
  if (l->metric[0] == 0 && !of_validation && n < sizeof l->metric && !is_eta)
    snprintf(l->metric, sizeof l->metric, "%.*s", (int)n, name);
  if (strlen(l->metric) != n || memcmp(l->metric, name, n) != 0) return NULL;
  return of_validation ? &r->val_metric : &r->metric;
}

static char *skip_space(char *s) { return s + strspn(s, " \t\r"); }

/* One line, which ends at a zero.  *text is the sample, NULL if the line is a report. */
static int read_line(char *s, training_log *l, log_row *row, char **text, size_t *size) {
  const double no = (double)NAN;
  *row = (log_row){no, no, no, no, no, no, no, no, no, no};
  *text = NULL;
  s = skip_space(s);
  if (*s++ != '{') return 0;
  for (int first = 1; *(s = skip_space(s)) != '}'; first = 0) {
    char *key, *value;
    size_t length, value_size;
    double number;
    if (!first && *s++ != ',') return 0;
    s = skip_space(s);
    if (!read_string(&s, &key, &length)) return 0;
    s = skip_space(s);
    if (*s++ != ':') return 0;
    s = skip_space(s);
    const int is_sample = length == 6 && memcmp(key, "sample", 6) == 0;
    if (*s == '"') {
      if (!read_string(&s, &value, &value_size)) return 0;
      if (is_sample) *text = value, *size = value_size;
      continue;
    }
    if (!read_number(&s, &number)) return 0;
    double *field = field_of(row, l, key, length);
    if (field) *field = number;
  }
  return *skip_space(s + 1) == 0 && !isnan(row->step);
}

/* Room for one more of `size` bytes each; 0 when out of memory. */
static int make_room(void **array, int64_t count, int64_t *room, size_t size) {
  if (count < *room) return 1;
  const int64_t more = *room ? 2 * *room : 256;
  void *larger = realloc(*array, (size_t)more * size);
  if (larger == NULL) return 0;
  *array = larger;
  *room = more;
  return 1;
}

static int add_row(training_log *l, const log_row *row) {
  while (l->rows > 0 && l->row[l->rows - 1].step >= row->step) l->rows--;
  if (!make_room((void **)&l->row, l->rows, &l->row_room, sizeof *l->row)) return 0;
  l->row[l->rows++] = *row;
  return 1;
}

static int add_sample(training_log *l, double step, const char *text, size_t size) {
  while (l->samples > 0 && l->sample[l->samples - 1].step >= step) free(l->sample[--l->samples].text);
  char *copy = malloc(size + 1);
  if (copy == NULL || !make_room((void **)&l->sample, l->samples, &l->sample_room, sizeof *l->sample)) {
    free(copy);
    return 0;
  }
  memcpy(copy, text, size);
  l->sample[l->samples++] = (log_sample){step, copy, size};
  return 1;
}

/* ---------------------------------------------------------------- the file */

static int read_lines(const char *path, char *s, training_log *l) {
  for (int64_t line = 1; *s; line++) {
    char *end = strchr(s, '\n'), *text;
    size_t size = 0;
    log_row row;
    const int is_whole = end != NULL;
    if (is_whole) *end = 0;
    const int empty = *skip_space(s) == 0, ok = !empty && read_line(s, l, &row, &text, &size);
    if (!ok && !is_whole) break; /* it was being written */
    if (!ok && !empty) return cli_error("%s: line %lld is no report of seqgpu train", path, (long long)line);
    if (ok && !(text ? add_sample(l, row.step, text, size) : add_row(l, &row)))
      return cli_error("%s: out of memory", path);
    if (!is_whole) break;
    s = end + 1;
  }
  return l->rows > 0 ? CLI_OK : cli_error("%s: has no reports; it must be a log of seqgpu train", path);
}

int log_parse(const char *path, char *text, training_log *out) {
  *out = (training_log){.row = NULL};
  const int code = read_lines(path, text, out);
  if (code) log_free(out);
  return code;
}

int log_read(const char *path, training_log *out) {
  char *text;
  *out = (training_log){.row = NULL};
  CLI_TRY(text_string(path, "a log of seqgpu train", &text));
  const int code = log_parse(path, text, out);
  free(text);
  return code;
}

void log_free(training_log *l) {
  for (int64_t i = 0; i < l->samples; i++) free(l->sample[i].text);
  free(l->sample);
  free(l->row);
  *l = (training_log){.row = NULL};
}
