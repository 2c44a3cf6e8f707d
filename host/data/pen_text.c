/* pen_text.c - see pen_text.h. */
#include "host/data/pen_text.h"

#include <stdlib.h>
#include <string.h>

#include "host/cli/cli.h"
#include "host/cli/text.h"
#include "host/data/grow.h"

void pen_text_free(pen_text *t) {
  for (int32_t i = 0; i < t->fonts; i++) hershey_free(&t->font[i]);
  free(t->font);
  free(t->letters);
  free(t->start);
  *t = (pen_text)PEN_TEXT_NONE;
}

/* ---------------------------------------------------------------- fonts */

static int ends_in(const char *text, const char *end) {
  const size_t n = strlen(text), m = strlen(end);
  return n >= m && strcmp(text + n - m, end) == 0;
}

static int is_font(const char *path) { return ends_in(path, ".jhf") || ends_in(path, ".jhf.gz"); }

/* One more, empty; NULL when out of memory. */
static hershey *new_font(pen_text *t) {
  hershey *larger = realloc(t->font, (size_t)(t->fonts + 1) * sizeof *larger);
  if (larger == NULL) return NULL;
  t->font = larger;
  larger[t->fonts] = (hershey){.letters = 0};
  return &larger[t->fonts++];
}

static int read_font(const char *path, pen_text *t) {
  hershey *font = new_font(t);
  if (font == NULL) return cli_error("%s: out of memory", path);
  return hershey_read(path, &t->hash, &t->bytes, font);
}

int pen_text_add_font(const char *path, const char *text, pen_text *t) {
  hershey *font = new_font(t);
  if (font == NULL) return cli_error("%s: out of memory", path);
  return hershey_parse(path, text, font);
}

static int fonts_have(const pen_text *t, const char *word, size_t size) {
  for (size_t i = 0; i < size; i++)
    for (int32_t f = 0; f < t->fonts; f++)
      if (!hershey_has(&t->font[f], word[i])) return 0;
  return 1;
}

/* ---------------------------------------------------------------- lines */

/* Room for `count` elements and as many again. */
static int make_room(void **memory, size_t *room, size_t count, size_t size) {
  return count <= *room || grow(memory, room, 2 * count, size);
}

/* Puts letters behind those that are there. */
static int add_letters(pen_text *t, const char *letters, size_t count, int64_t at) {
  void *memory = t->letters;
  if (!make_room(&memory, &t->room_letters, (size_t)at + count, 1)) return 0;
  t->letters = memory;
  memcpy(t->letters + at, letters, count);
  return 1;
}

/* Ends a line at letter `end`. */
static int end_line(pen_text *t, int64_t end) {
  void *memory = t->start;
  if (!make_room(&memory, &t->room_start, (size_t)t->lines + 2, sizeof *t->start)) return 0;
  t->start = memory;
  if (t->lines == 0) t->start[0] = 0;
  t->start[++t->lines] = end;
  return 1;
}

static int64_t letters_of(const pen_text *t) { return t->lines ? t->start[t->lines] : 0; }

int pen_text_add_line(pen_text *t, const char *letters, size_t count) {
  const int64_t at = letters_of(t);
  return add_letters(t, letters, count, at) && end_line(t, at + (int64_t)count);
}

/* How long the next line may become. */
static int64_t most_of(const pen_text *t, int64_t longest) { return longest - t->lines % (longest / 2 + 1); }

int pen_text_cut(const char *text, size_t size, const pen_text *fonts, int64_t longest, pen_text *out) {
  const char *white = " \t\v\f\r\n"; /* and the zero at its end, which strchr finds as well */
  int64_t line = 0;                  /* letters of the line that is being made */
  for (size_t at = 0, first; at < size;) {
    while (at < size && strchr(white, text[at])) at++;
    for (first = at; at < size && !strchr(white, text[at]);) at++;
    const int64_t word = (int64_t)(at - first), most = most_of(out, longest);
    if (word == 0) continue;
    const int fits = word <= longest && fonts_have(fonts, text + first, (size_t)word);
    if (line > 0 && (!fits || line + 1 + word > most)) {
      if (!end_line(out, letters_of(out) + line)) return 0;
      line = 0;
    }
    out->left_out += !fits;
    if (!fits) continue;
    if (line > 0 && !add_letters(out, " ", 1, letters_of(out) + line++)) return 0;
    if (!add_letters(out, text + first, (size_t)word, letters_of(out) + line)) return 0;
    line += word;
  }
  return line == 0 || end_line(out, letters_of(out) + line);
}

static int read_text(const char *path, const pen_text *fonts, int64_t longest, pen_text *t) {
  text_file text;
  CLI_TRY(text_read(path, &text));
  t->hash = hash_bytes(t->hash, text.data, text.size);
  t->bytes += (int64_t)text.size;
  const int fits = pen_text_cut(text.data, text.size, fonts, longest, t);
  text_free(&text);
  return fits ? CLI_OK : cli_error("%s: out of memory", path);
}

int pen_text_read(const arg_list *files, const pen_text *other, int64_t longest, pen_text *out) {
  *out = (pen_text)PEN_TEXT_NONE;
  for (int i = 0; i < files->count; i++)
    if (is_font(files->item[i])) CLI_TRY(read_font(files->item[i], out));
  if (files->count > 0 && out->fonts == 0 && other == NULL)
    return cli_error("%s: is a text without a font; name one as well, a Hershey font whose name ends in .jhf",
                     files->item[0]);
  for (int i = 0; i < files->count; i++)
    if (!is_font(files->item[i])) CLI_TRY(read_text(files->item[i], out->fonts ? out : other, longest, out));
  if (files->count == 0 || out->lines > 0) return CLI_OK;
  return cli_error("%s: has no word that can be written", files->item[0]);
}
