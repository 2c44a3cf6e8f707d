/* conllu.c - reading CoNLL-U files (conllu.h). */
#include "host/data/conllu.h"

#include <string.h>

#include "host/cli/cli.h"

/* A file that is being read. */
typedef struct reader {
  const char *path;
  sentences *out;
  int64_t line, word; /* numbers: of the line, of the last word of the sentence, 0 = none yet */
} reader;

/* Splits a line at its tabs; the number of columns, one more than there may be if there are too many. */
static int split(const char *line, int32_t size, sentences_piece column[CONLLU_COLUMNS]) {
  const char *at = line, *end = line + size;
  for (int n = 0;; n++) {
    const char *tab = memchr(at, '\t', (size_t)(end - at));
    if (n == CONLLU_COLUMNS) return n + 1;
    column[n] = (sentences_piece){at, (int32_t)((tab ? tab : end) - at)};
    if (tab == NULL) return n + 1;
    at = tab + 1;
  }
}

/* Takes a number off *at, at most 9 digits; -1 if there is none. */
static int64_t take_number(const char **at, const char *end) {
  int64_t number = 0;
  const char *first = *at;
  for (; *at < end && **at >= '0' && **at <= '9' && *at - first < 9; ++*at)
    number = 10 * number + (**at - '0');
  return *at > first ? number : -1;
}

typedef enum line_kind { WORD, NO_WORD, WRONG } line_kind;

/* "7": word number 7 if `next` is 7;  "7-8", "7.1": no words. */
static line_kind kind_of(sentences_piece id, int64_t next) {
  const char *at = id.text, *end = at + id.size;
  const int64_t first = take_number(&at, end);
  if (first < 0) return WRONG;
  if (at == end) return first == next ? WORD : WRONG;
  const char mark = *at++;
  const int64_t second = take_number(&at, end);
  if (second < 0 || at < end) return WRONG;
  if (mark == '-') return first == next && second > first ? NO_WORD : WRONG;
  return mark == '.' && first == next - 1 && second > 0 ? NO_WORD : WRONG;
}

/* How much of a strange piece a sentence shows. */
static int shown(sentences_piece p) { return p.size < 24 ? p.size : 24; }

static int read_word(reader *r, const char *line, int32_t size) {
  sentences_piece column[CONLLU_COLUMNS];
  const long long number = (long long)r->line;
  const int columns = split(line, size, column);
  if (columns != CONLLU_COLUMNS)
    return cli_error("%s: line %lld has %s%d columns; a word has 10, with tabs between them", r->path, number,
                     columns > CONLLU_COLUMNS ? "more than " : "", columns > CONLLU_COLUMNS ? 10 : columns);
  const line_kind kind = kind_of(column[0], r->word + 1);
  if (kind == WRONG)
    return cli_error(
        "%s: line %lld: \"%.*s\" must be %lld, the number of the next word, or a range from there", r->path,
        number, shown(column[0]), column[0].text, (long long)r->word + 1);
  if (kind == NO_WORD) return CLI_OK;
  if (column[1].size == 0) return cli_error("%s: line %lld: the word in column 2 is empty", r->path, number);
  if (column[3].size == 0 || (column[3].size == 1 && column[3].text[0] == '_'))
    return cli_error("%s: line %lld: \"%.*s\" in column 4 must be the tag of the word", r->path, number,
                     shown(column[3]), column[3].text);
  r->word++;
  if (sentences_add_word(r->out, column[1].text, column[1].size) &&
      sentences_add_label(r->out, column[3].text, column[3].size))
    return CLI_OK;
  return cli_error("%s: out of memory", r->path);
}

static int end_sentence(reader *r) {
  if (r->word == 0) return CLI_OK;
  r->word = 0;
  return sentences_end(r->out) ? CLI_OK : cli_error("%s: out of memory", r->path);
}

static int read_line(reader *r, const char *line, int32_t size) {
  CLI_TRY(sentences_check_line(r->path, r->line, line, size));
  if (size == 0) return end_sentence(r);
  if (line[0] != '#') return read_word(r, line, size);
  if (r->word == 0) return CLI_OK;
  return cli_error("%s: line %lld: a comment must stand before the words of its sentence", r->path,
                   (long long)r->line);
}

int conllu_parse(const char *path, text_file *text, sentences *out) {
  const char *at = text->data, *end = at + text->size, *line;
  const int64_t before = out->count;
  reader r = {.path = path, .out = out};
  int32_t size;
  sentences_take(out, text);
  while (r.line++, sentences_line(&at, end, &line, &size)) CLI_TRY(read_line(&r, line, size));
  CLI_TRY(end_sentence(&r));
  return out->count > before ? CLI_OK : cli_error("%s: has no sentence; it must have at least one", path);
}

int conllu_read(const char *path, sentences *out) {
  text_file text;
  CLI_TRY(text_read(path, &text));
  return conllu_parse(path, &text, out);
}
