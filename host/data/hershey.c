/* hershey.c - reading fonts of pen strokes (hershey.h). */
#include "host/data/hershey.h"

#include <stdlib.h>
#include <string.h>

#include "host/cli/cli.h"
#include "host/cli/hash.h"
#include "host/cli/text_bytes.h"

enum { NUMBER = 5, COUNT = 3 };

/* Where the reader is, and the points so far. */
typedef struct reading {
  const char *path, *at;
  long long line;
  hershey *font;
  int32_t points;
} reading;

static int wrong(const reading *r, const char *what) {
  return cli_error(
      "%s: line %lld: %s; a letter is a number of 5 characters, how many pairs follow in 3, and these",
      r->path, r->line, what);
}

static int is_end(char c) { return c == '\0' || c == '\n' || c == '\r'; }

static void skip_ends(reading *r) {
  for (; *r->at == '\n' || *r->at == '\r'; r->at++) r->line += *r->at == '\n';
}

/* A number of `width` characters, spaces before it; -1 if it is none. */
static int read_number(reading *r, int width) {
  int value = -1;
  for (int i = 0; i < width; i++, r->at++) {
    if (*r->at == ' ' && value < 0) continue;
    if (*r->at < '0' || *r->at > '9') return -1;
    value = 10 * (value < 0 ? 0 : value) + (*r->at - '0');
  }
  return value;
}

/* The next pair, which may stand in the next line; 0 if there is none. */
static int read_pair(reading *r, char pair[2]) {
  if (is_end(*r->at)) skip_ends(r);
  for (int i = 0; i < 2; i++) {
    if (*r->at < ' ' || *r->at > '~') return 0;
    pair[i] = *r->at++;
  }
  return 1;
}

static int8_t unit(char c) { return (int8_t)(c - 'R'); }

/* Ends a stroke that began at point `first`; one point alone is dropped. */
static void end_stroke(reading *r, int32_t first) {
  if (r->points == first + 1) r->points--;
  if (r->points > first) r->font->point[r->points - 1].lifted = 1;
}

static int read_letter(reading *r) {
  hershey *f = r->font;
  char pair[2];
  const int number = read_number(r, NUMBER), pairs = number < 0 ? -1 : read_number(r, COUNT);
  if (pairs < 1 || !read_pair(r, pair)) return wrong(r, "is no letter");
  f->left[f->letters] = unit(pair[0]);
  f->right[f->letters] = unit(pair[1]);
  int32_t stroke = r->points;
  for (int i = 1; i < pairs; i++) {
    if (!read_pair(r, pair)) return wrong(r, "has fewer pairs than it says");
    if (pair[0] == ' ' && pair[1] == 'R') {
      end_stroke(r, stroke);
      stroke = r->points;
      continue;
    }
    f->point[r->points++] = (hershey_point){unit(pair[0]), unit(pair[1]), 0};
  }
  end_stroke(r, stroke);
  if (!is_end(*r->at)) return wrong(r, "has more pairs than it says");
  f->start[++f->letters] = r->points;
  return CLI_OK;
}

int hershey_parse(const char *path, const char *text, hershey *out) {
  *out = (hershey){.point = malloc((strlen(text) / 2 + 1) * sizeof *out->point)};
  reading r = {path, text, 1, out, 0};
  if (out->point == NULL) return cli_error("%s: out of memory", path);
  int code = CLI_OK;
  for (skip_ends(&r); code == CLI_OK && *r.at && out->letters < HERSHEY_LETTERS; skip_ends(&r))
    code = read_letter(&r);
  if (code == CLI_OK && r.points == 0) code = cli_error("%s: has no letter that leaves ink", path);
  if (code != CLI_OK) hershey_free(out);
  return code;
}

int hershey_read(const char *path, uint64_t *hash, int64_t *bytes, hershey *out) {
  char *text;
  *out = (hershey){.letters = 0};
  CLI_TRY(text_string(path, "a Hershey font", &text));
  *hash = hash_bytes(*hash, text, strlen(text));
  *bytes += (int64_t)strlen(text);
  const int code = hershey_parse(path, text, out);
  free(text);
  return code;
}

void hershey_free(hershey *f) {
  free(f->point);
  *f = (hershey){.letters = 0};
}

int hershey_has(const hershey *f, char letter) {
  const int32_t i = letter - HERSHEY_FIRST;
  if (i < 0 || i >= f->letters) return 0;
  return letter == ' ' || f->start[i + 1] > f->start[i];
}
