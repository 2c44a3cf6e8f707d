/* tokens.c - see tokens.h. */
#include "host/data/tokens.h"

#include <stdlib.h>
#include <string.h>

#include "host/cli/cli.h"
#include "host/data/small_letters.h"

/* A text that is being rewritten: each pass reads `from`, and writes `to`, which has room for three times as much. */
typedef struct rewriting {
  const char *from;
  size_t size;
  char *to;
  size_t written;
} rewriting;

static void put(rewriting *r, const char *text) {
  while (*text) r->to[r->written++] = *text++;
}

static int is_digit(char c) { return c >= '0' && c <= '9'; }
static int is_point(char c) { return c == '.' || c == ','; }

/* The marks that always stand alone. */
static int is_mark(char c) { return c != 0 && strchr("!\"#$%&()*+/:;<=>?@[\\]^_`{|}~", c) != NULL; }

/* ---------------------------------------------------------------- small letters */

static void in_small_letters(rewriting *r) {
  small_letters(r->from, r->size, r->to);
  r->written = r->size;
}

/* ---------------------------------------------------------------- marks */

static void marks(rewriting *r) {
  for (size_t i = 0; i < r->size; i++) {
    const char c = r->from[i];
    if (is_mark(c))
      put(r, (char[]){' ', c, ' ', 0});
    else
      r->to[r->written++] = c;
  }
}

/* The character behind, as far as there is one. */
static char after(const rewriting *r, size_t i) { return i + 1 < r->size ? r->from[i + 1] : '\n'; }

/* The rules of mteval take two characters at once, and go on behind them. */
static void points_after_others(rewriting *r) {
  const int begins = r->size > 0 && is_point(r->from[0]);
  if (begins) put(r, (char[]){' ', r->from[0], ' ', 0});
  for (size_t i = (size_t)begins; i < r->size; i++) {
    const char c = r->from[i], next = after(r, i);
    r->to[r->written++] = c;
    if (is_digit(c) || !is_point(next)) continue;
    put(r, (char[]){' ', next, ' ', 0});
    i++;
  }
}

static void points_before_others(rewriting *r) {
  for (size_t i = 0; i < r->size; i++) {
    const char c = r->from[i];
    if (!is_point(c) || is_digit(after(r, i))) {
      r->to[r->written++] = c;
      continue;
    }
    put(r, (char[]){' ', c, ' ', 0});
    if (++i < r->size) r->to[r->written++] = r->from[i];
  }
}

static void hyphens_after_digits(rewriting *r) {
  for (size_t i = 0; i < r->size; i++) {
    r->to[r->written++] = r->from[i];
    if (!is_digit(r->from[i]) || after(r, i) != '-') continue;
    put(r, " - ");
    i++;
  }
}

/* ---------------------------------------------------------------- a text */

int tokens_of_text(const char *path, text_file *text) {
  static void (*const passes[])(rewriting *) = {in_small_letters, marks, points_after_others,
                                                points_before_others, hyphens_after_digits};
  for (size_t i = 0; i < sizeof passes / sizeof passes[0]; i++) {
    rewriting r = {.from = text->data, .size = text->size, .to = malloc(3 * text->size + 4)};
    if (r.to == NULL) return cli_error("%s: out of memory", path);
    passes[i](&r);
    text_free(text);
    *text = (text_file){.data = r.to, .size = r.written, .memory = r.to};
  }
  return CLI_OK;
}
