/* labelled_lines.c - see labelled_lines.h. */
#include "host/data/labelled_lines.h"

#include "host/cli/cli.h"

/* The words of a line were added: the first of them becomes the label. */
static int take_label(const char *path, int64_t number, sentences *out, int64_t first) {
  if (out->words - first < 2)
    return cli_error("%s: line %lld has %s; it must have a label and at least one word", path,
                     (long long)number, out->words == first ? "nothing" : "a label alone");
  const sentences_piece label = out->word[first];
  for (int64_t i = first + 1; i < out->words; i++) out->word[i - 1] = out->word[i];
  out->words--;
  if (sentences_add_label(out, label.text, label.size) && sentences_end(out)) return CLI_OK;
  return cli_error("%s: out of memory", path);
}

int labelled_lines_parse(const char *path, text_file *text, sentences *out) {
  const char *at = text->data, *end = at + text->size, *line;
  int32_t size;
  sentences_take(out, text);
  for (int64_t number = 1; sentences_line(&at, end, &line, &size); number++) {
    const int64_t first = out->words;
    CLI_TRY(sentences_check_line(path, number, line, size));
    if (!sentences_add_words(out, line, size)) return cli_error("%s: out of memory", path);
    CLI_TRY(take_label(path, number, out, first));
  }
  return CLI_OK;
}

int labelled_lines_read(const char *path, sentences *out) {
  text_file text;
  CLI_TRY(text_read(path, &text));
  return labelled_lines_parse(path, &text, out);
}
