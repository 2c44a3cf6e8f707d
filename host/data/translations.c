/* translations.c - see translations.h. */
#include "host/data/translations.h"

#include <string.h>

#include "host/cli/cli.h"
#include "host/data/tokens.h"

/* Pairs that are being read. */
typedef struct reader {
  const char *path, *other_path; /* other_path: NULL: a pair a line */
  int64_t line, longest;
  pairs *out;
  int64_t *left_out;
} reader;

/* ---------------------------------------------------------------- a pair */

/* The words since the last end are none of a sentence. */
static int64_t unfinished(const sentences *s) { return s->words - (s->count > 0 ? s->start[s->count] : 0); }

static int end_pair(reader *r) {
  sentences *source = &r->out->source, *target = &r->out->target;
  const int64_t n = unfinished(source), m = unfinished(target);
  if (n == 0 || m == 0)
    return cli_error("%s: line %lld has no words; it must have a sentence",
                     n > 0 && r->other_path ? r->other_path : r->path, (long long)r->line);
  if (r->longest > 0 && (n > r->longest || m > r->longest)) {
    source->words -= n;
    target->words -= m;
    ++*r->left_out;
    return CLI_OK;
  }
  return sentences_end(source) && sentences_end(target) ? CLI_OK : cli_error("%s: out of memory", r->path);
}

static int add_pair(reader *r, sentences_piece source, sentences_piece target) {
  CLI_TRY(sentences_check_line(r->path, r->line, source.text, source.size));
  CLI_TRY(sentences_check_line(r->other_path ? r->other_path : r->path, r->line, target.text, target.size));
  if (sentences_add_words(&r->out->source, source.text, source.size) &&
      sentences_add_words(&r->out->target, target.text, target.size))
    return end_pair(r);
  return cli_error("%s: out of memory", r->path);
}

/* ---------------------------------------------------------------- files */

static int read_columns(reader *r, const char *at, const char *end) {
  sentences_piece line, target;
  while (r->line++, sentences_line(&at, end, &line.text, &line.size)) {
    const char *tab = memchr(line.text, '\t', (size_t)line.size);
    if (tab == NULL)
      return cli_error("%s: line %lld has no tab; it must stand between a sentence and its translation",
                       r->path, (long long)r->line);
    target.text = tab + 1;
    target.size = line.size - (int32_t)(target.text - line.text);
    line.size = (int32_t)(tab - line.text);
    tab = memchr(target.text, '\t', (size_t)target.size);
    if (tab) target.size = (int32_t)(tab - target.text);
    CLI_TRY(add_pair(r, line, target));
  }
  return CLI_OK;
}

static int read_lines(reader *r, const char *at, const char *end, const char *other, const char *other_end) {
  for (;;) {
    sentences_piece source, target;
    r->line++;
    const int has = sentences_line(&at, end, &source.text, &source.size),
              has_other = sentences_line(&other, other_end, &target.text, &target.size);
    if (!has && !has_other) return CLI_OK;
    if (has != has_other)
      return cli_error("%s: has no line %lld, but %s has; each must be the translation of the other",
                       has ? r->other_path : r->path, (long long)r->line, has ? r->path : r->other_path);
    CLI_TRY(add_pair(r, source, target));
  }
}

int translations_parse(const char *path, text_file *text, const char *other_path, text_file *other,
                       int64_t longest, pairs *out, int64_t *left_out) {
  reader r = {.path = path,
              .other_path = other ? other_path : NULL,
              .longest = longest,
              .out = out,
              .left_out = left_out};
  const char *data = text->data, *more = other ? other->data : NULL;
  const size_t size = text->size, more_size = other ? other->size : 0;
  sentences_take(&out->source, text);
  if (other) sentences_take(&out->target, other);
  if (other) return read_lines(&r, data, data + size, more, more + more_size);
  return read_columns(&r, data, data + size);
}

static int read_tokens(const char *path, text_file *out) {
  CLI_TRY(text_read(path, out));
  const int code = tokens_of_text(path, out);
  if (code != CLI_OK) text_free(out);
  return code;
}

static int has_columns(const text_file *t) {
  const char *end = memchr(t->data, '\n', t->size);
  return memchr(t->data, '\t', end ? (size_t)(end - t->data) : t->size) != NULL;
}

int translations_read(const arg_list *files, int64_t longest, pairs *out, int64_t *left_out) {
  for (int i = 0; i < files->count; i++) {
    const char *path = files->item[i], *other_path = NULL;
    text_file text, other;
    CLI_TRY(read_tokens(path, &text));
    if (!has_columns(&text)) {
      int code = CLI_OK;
      other_path = ++i < files->count ? files->item[i] : NULL;
      if (other_path == NULL)
        code = cli_error("%s: line 1 has no tab, and no further file has its translation", path);
      if (code == CLI_OK) code = read_tokens(other_path, &other);
      if (code != CLI_OK) {
        text_free(&text);
        return code;
      }
    }
    CLI_TRY(translations_parse(path, &text, other_path, other_path ? &other : NULL, longest, out, left_out));
  }
  if (files->count == 0 || out->source.count > 0) return CLI_OK;
  return cli_error("%s: every sentence has more than %lld words", files->item[0], (long long)longest);
}

int translations_read_source(const char *path, sentences *out) {
  text_file text;
  CLI_TRY(read_tokens(path, &text));
  return sentences_parse_lines(path, &text, out);
}
