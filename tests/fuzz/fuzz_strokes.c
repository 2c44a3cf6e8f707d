/* fuzz_strokes.c - drawings of pen strokes. */
#include <math.h>

#include "host/cli/memory.h"
#include "host/data/stroke_picture.h"
#include "host/data/stroke_set.h"
#include "tests/fuzz/fuzz.h"

enum { POINT = STROKES_POINT };

/* Written as a text, rounded, it is read again. */
static void write_all(const strokes *s) {
  strokes again = STROKES_NONE;
  memory_stream text;
  if (!memory_open(&text)) return;
  for (int64_t d = 0; d < s->drawings; d++)
    strokes_write(text.to, s->point + s->start[d] * POINT, s->start[d + 1] - s->start[d]);
  if (memory_close(&text) && strokes_parse("fuzz", text.data, &again) == 0) {
    fuzz_require(again.drawings == s->drawings && again.points == s->points);
    for (int64_t i = 0; i < s->points * POINT; i++)
      fuzz_require(fabsf(again.point[i] - s->point[i]) <= 0.006F + 1e-6F * fabsf(s->point[i]));
  }
  strokes_free(&again);
  memory_free(&text);
}

/* A drawing of each row. */
static void draw_all(const strokes *s) {
  char label[1][STROKE_LABEL] = {""};
  memory_stream page;
  if (!memory_open(&page)) return;
  for (int64_t d = 0; d < s->drawings; d++)
    stroke_picture(page.to, &(stroke_sheet){.rows = 1,
                                            .columns = 1,
                                            .points = s->start[d + 1] - s->start[d],
                                            .given = 1,
                                            .point = s->point + s->start[d] * POINT,
                                            .label = label});
  if (memory_close(&page)) fuzz_require(!strstr(page.data, "nan") && !strstr(page.data, "inf"));
  memory_free(&page);
}

/* Every drawing is batched, each of its points as it was read. */
static void batch_all(stroke_set *s) {
  for (int32_t d = 0; d < s->ink.drawings; d++) {
    step_batch b;
    if (!stroke_set_batch(s, &d, 1, &b)) continue;
    fuzz_require(b.seq_len == s->length[d] && b.seq_len >= 1 && b.seq_len <= s->longest);
    fuzz_require(
        memcmp(b.x, s->ink.point + s->ink.start[d] * POINT, (size_t)(b.seq_len * POINT) * sizeof *b.x) == 0);
  }
}

FUZZ_TARGET(strokes) {
  char *text = fuzz_string(data, size);
  stroke_set s = {.ink = STROKES_NONE};
  if (strokes_parse("fuzz", text, &s.ink) == 0) {
    for (int64_t i = 0; i < s.ink.points * POINT; i++) fuzz_require(fabsf(s.ink.point[i]) <= STROKES_MOST);
    fuzz_require(isfinite(strokes_deviation(&s.ink)));
    write_all(&s.ink);
    draw_all(&s.ink);
    if (stroke_set_open(&s, 2, 3, 1) == 0) batch_all(&s);
  }
  stroke_set_close(&s);
  free(text);
  return 0;
}
