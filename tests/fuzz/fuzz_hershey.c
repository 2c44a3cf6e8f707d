/* fuzz_hershey.c - fonts of pen strokes, and lines of all letters that one has. */
#include <math.h>

#include "host/data/pen_set.h"
#include "tests/fuzz/fuzz.h"

/* Each stroke of a letter has two points or more, and ends with it. */
static void check_strokes(const hershey *f) {
  for (int32_t i = 0; i < f->letters; i++) {
    int32_t points = 0;
    for (int32_t p = f->start[i]; p < f->start[i + 1]; p++) {
      points++;
      fuzz_require(!f->point[p].lifted || points >= 2);
      if (f->point[p].lifted) points = 0;
    }
    fuzz_require(points == 0);
  }
}

/* Every letter of the font, alone and in one line. */
static void write_all(pen_set *s) {
  char all[HERSHEY_LETTERS + 1];
  size_t count = 0;
  for (int c = HERSHEY_FIRST + 1; c < HERSHEY_FIRST + HERSHEY_LETTERS; c++)
    if (hershey_has(&s->text.font[0], (char)c)) all[count++] = (char)c;
  fuzz_require(count > 0 || !hershey_has(&s->text.font[0], '!'));
  if (count == 0 || !pen_text_add_line(&s->text, all, count)) return;
  for (size_t i = 0; i < count; i++)
    if (!pen_text_add_line(&s->text, all + i, 1)) return;
  all[count] = '\0';
  s->fonts = &s->text;
  s->deviation = 1;
  if (pen_set_open(s, all, 3, 1) != 0) return;
  for (int32_t line = 0; line < s->text.lines; line++) {
    const pen_hand hand = {1, line, 0.3, 0.2, 0.5};
    pen_batch b;
    if (!pen_set_batch(s, &line, 1, &hand, &b)) continue;
    fuzz_require(b.ink.seq_len == s->length[line] && b.at[b.ink.seq_len - 1] == b.text_lengths[0]);
    for (int64_t i = 0; i < 3 * b.ink.seq_len; i++) fuzz_require(isfinite(b.ink.x[i]));
  }
}

FUZZ_TARGET(hershey) {
  char *text = fuzz_string(data, size);
  pen_set s = {.text = PEN_TEXT_NONE};
  if (pen_text_add_font("fuzz", text, &s.text) == 0) {
    check_strokes(&s.text.font[0]);
    write_all(&s);
  }
  pen_set_close(&s);
  free(text);
  return 0;
}
