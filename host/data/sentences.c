/* sentences.c - see sentences.h. */
#include "host/data/sentences.h"

#include <stdlib.h>
#include <string.h>

#include "host/cli/cli.h"
#include "host/cli/hash.h"
#include "host/context/utf8.h"
#include "host/data/small_letters.h"

void sentences_free(sentences *s) {
  for (int i = 0; i < s->texts; i++) text_free(&s->text[i]);
  free(s->start);
  free(s->word);
  free(s->label);
  free(s->key);
  free(s->small);
  *s = (sentences)SENTENCES_NONE;
}

/* ---------------------------------------------------------------- adding */

/* Room for one more of `size` bytes each; 0 when out of memory. */
static int grow(void **array, int64_t *room, int64_t count, size_t size) {
  if (count < *room) return 1;
  const int64_t wanted = *room ? 2 * *room : 1024;
  void *larger = realloc(*array, (size_t)wanted * size);
  if (larger == NULL) return 0;
  *array = larger;
  *room = wanted;
  return 1;
}

static int add_piece(sentences_piece **array, int64_t *room, int64_t *count, const char *text, int32_t size) {
  void *memory = *array;
  if (!grow(&memory, room, *count, sizeof **array)) return 0;
  *array = memory;
  (*array)[(*count)++] = (sentences_piece){text, size};
  return 1;
}

int sentences_add_word(sentences *s, const char *text, int32_t size) {
  return add_piece(&s->word, &s->room_words, &s->words, text, size);
}

int sentences_add_label(sentences *s, const char *text, int32_t size) {
  return add_piece(&s->label, &s->room_labels, &s->labels, text, size);
}

int sentences_end(sentences *s) {
  void *memory = s->start;
  if (!grow(&memory, &s->room_sentences, s->count + 1, sizeof *s->start)) return 0;
  s->start = memory;
  if (s->count == 0) s->start[0] = 0;
  s->start[++s->count] = s->words;
  return 1;
}

int sentences_look_up_small(sentences *s) {
  size_t bytes = 1;
  for (int64_t i = 0; i < s->words; i++) bytes += (size_t)s->word[i].size;
  s->key = malloc(((size_t)s->words + 1) * sizeof *s->key);
  s->small = malloc(bytes);
  if (s->key == NULL || s->small == NULL) return 0;
  char *to = s->small;
  for (int64_t i = 0; i < s->words; to += s->word[i++].size) {
    small_letters(s->word[i].text, (size_t)s->word[i].size, to);
    s->key[i] = (sentences_piece){to, s->word[i].size};
  }
  return 1;
}

void sentences_take(sentences *s, text_file *text) {
  s->hash = hash_bytes(s->hash, text->data, text->size);
  s->bytes += (int64_t)text->size;
  s->text[s->texts++] = *text;
  *text = (text_file){.data = NULL};
}

/* ---------------------------------------------------------------- lines */

int sentences_line(const char **at, const char *end, const char **line, int32_t *size) {
  if (*at == end) return 0;
  const char *after = memchr(*at, '\n', (size_t)(end - *at));
  const size_t left = (size_t)((after ? after : end) - *at), most = INT32_MAX;
  *line = *at;
  *size = (int32_t)(left < most ? left : most);
  *at += left <= most ? left + (after != NULL) : most;
  if (*size > 0 && (*line)[*size - 1] == '\r') --*size;
  return 1;
}

int sentences_check_line(const char *path, int64_t number, const char *line, int32_t size) {
  size_t at = 0, length = 1;
  for (; at < (size_t)size && line[at]; at += length)
    if ((length = sq_utf8_length(line + at, (size_t)size - at)) == 0) break;
  if (at == (size_t)size) return CLI_OK;
  return cli_error("%s: line %lld, byte %zu: is %s; it must be UTF-8 text", path, (long long)number, at,
                   line[at] ? "no character" : "zero");
}

int sentences_add_words(sentences *s, const char *line, int32_t size) {
  for (int32_t at = 0, first; at < size;) {
    while (at < size && strchr(" \t\v\f", line[at])) at++;
    for (first = at; at < size && !strchr(" \t\v\f", line[at]);) at++;
    if (at > first && !sentences_add_word(s, line + first, at - first)) return 0;
  }
  return 1;
}

int sentences_parse_lines(const char *path, text_file *text, sentences *out) {
  const char *at = text->data, *end = at + text->size, *line;
  int32_t size;
  sentences_take(out, text);
  for (int64_t number = 1; sentences_line(&at, end, &line, &size); number++) {
    CLI_TRY(sentences_check_line(path, number, line, size));
    if (!sentences_add_words(out, line, size) || !sentences_end(out))
      return cli_error("%s: out of memory", path);
  }
  return CLI_OK;
}

int sentences_read_lines(const char *path, sentences *out) {
  text_file text;
  CLI_TRY(text_read(path, &text));
  return sentences_parse_lines(path, &text, out);
}
