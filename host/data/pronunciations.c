/* pronunciations.c - see pronunciations.h. */
#include "host/data/pronunciations.h"

#include <string.h>

#include "host/cli/cli.h"
#include "host/context/utf8.h"

/* ---------------------------------------------------------------- a word */

/* Adds the letters of a word as a sentence; 0 when out of memory. */
static int add_letters(sentences *out, const char *word, int32_t size) {
  static const char small[] = "abcdefghijklmnopqrstuvwxyz";
  for (int32_t at = 0, length; at < size; at += length) {
    const char *letter = word + at;
    length = (int32_t)sq_utf8_length(letter, (size_t)(size - at));
    if (*letter >= 'A' && *letter <= 'Z') letter = &small[*letter - 'A'];
    if (!sentences_add_word(out, letter, length)) return 0;
  }
  return sentences_end(out);
}

/* The size of a word without the number in brackets that tells its pronunciations apart. */
static int32_t without_number(const char *word, int32_t size) {
  int32_t at = size - 1;
  if (at < 2 || word[at] != ')') return size;
  while (at > 0 && word[at - 1] >= '0' && word[at - 1] <= '9') at--;
  return at < size - 1 && at > 1 && word[at - 1] == '(' ? at - 1 : size;
}

static int is_space(char c) { return strchr(" \t\v\f", c) != NULL; }

/* ---------------------------------------------------------------- a line */

/* Its size without a comment, which begins after white space. */
static int32_t without_comment(const char *line, int32_t size) {
  for (int32_t at = 1; at < size; at++)
    if (line[at] == '#' && is_space(line[at - 1])) return at;
  return size;
}

/* Phonemes since `first`: what is printed for them does nothing to a terminal, and they lose their stress. */
static void drop_stress(sentences *out, int64_t first) {
  for (int64_t i = first; i < out->words; i++) {
    sentences_piece *p = &out->word[i];
    if (p->size > 1 && p->text[p->size - 1] >= '0' && p->text[p->size - 1] <= '9') p->size--;
  }
}

static int read_line(const char *path, int64_t number, const char *line, int32_t size, int stress,
                     pairs *out) {
  int32_t begin = 0, end;
  const int64_t first = out->target.words;
  CLI_TRY(sentences_check_line(path, number, line, size));
  if (size >= 3 && memcmp(line, ";;;", 3) == 0) return CLI_OK;
  size = without_comment(line, size);
  while (begin < size && is_space(line[begin])) begin++;
  for (end = begin; end < size && !is_space(line[end]);) end++;
  if (begin == end) return CLI_OK;
  if (!sentences_add_words(&out->target, line + end, size - end)) return cli_error("%s: out of memory", path);
  if (out->target.words == first)
    return cli_error("%s: line %lld: \"%.*s\" has no phonemes; they must stand behind the word", path,
                     (long long)number, end - begin < 24 ? (int)(end - begin) : 24, line + begin);
  if (!stress) drop_stress(&out->target, first);
  if (sentences_end(&out->target) &&
      add_letters(&out->source, line + begin, without_number(line + begin, end - begin)))
    return CLI_OK;
  return cli_error("%s: out of memory", path);
}

int pronunciations_parse(const char *path, text_file *text, int stress, pairs *out) {
  const char *at = text->data, *end = at + text->size, *line;
  const int64_t before = out->source.count;
  int32_t size;
  sentences_take(&out->source, text);
  for (int64_t number = 1; sentences_line(&at, end, &line, &size); number++)
    CLI_TRY(read_line(path, number, line, size, stress, out));
  if (out->source.count > before) return CLI_OK;
  return cli_error("%s: has no word; it must have at least one", path);
}

int pronunciations_read(const char *path, int stress, pairs *out) {
  text_file text;
  CLI_TRY(text_read(path, &text));
  return pronunciations_parse(path, &text, stress, out);
}

/* ---------------------------------------------------------------- words alone */

int spellings_read(const char *path, sentences *out) {
  sentences words = SENTENCES_NONE;
  int code = sentences_read_lines(path, &words);
  for (int64_t i = 0; code == CLI_OK && i < words.words; i++)
    if (!add_letters(out, words.word[i].text, words.word[i].size))
      code = cli_error("%s: out of memory", path);
  if (words.texts > 0) sentences_take(out, &words.text[0]);
  sentences_free(&words);
  return code;
}
