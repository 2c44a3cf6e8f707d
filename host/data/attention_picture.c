/* attention_picture.c - see attention_picture.h. */
#include "host/data/attention_picture.h"

#include "host/cli/html.h"

enum { CELL = 24, LEFT = 150, TOP = 120, BELOW = 24, SHOWN = 64 };

void attention_word(FILE *to, sentences_piece w) {
  int32_t size = w.size < SHOWN ? w.size : SHOWN;
  while (size < w.size && size > 0 && ((unsigned char)w.text[size] & 0xC0) == 0x80) size--;
  html_text(to, w.text, (size_t)size);
  fputs("</text>\n", to);
}

static void write_map(FILE *to, const attention_map *m, double top) {
  for (int64_t s = 0; s < m->sources; s++) {
    const double x = LEFT + (double)s * CELL + CELL / 2. + 4, y = top + TOP - 8;
    fprintf(to, "<text x=\"%.0f\" y=\"%.0f\" transform=\"rotate(-60 %.0f %.0f)\">", x, y, x, y);
    attention_word(to, m->source[s]);
  }
  for (int64_t t = 0; t < m->targets; t++) {
    const double y = top + TOP + (double)t * CELL;
    fprintf(to, "<text x=\"%d\" y=\"%.0f\" text-anchor=\"end\">", LEFT - 8, y + CELL / 2. + 4);
    attention_word(to, m->target[t]);
    for (int64_t s = 0; s < m->sources; s++)
      fprintf(to, "<rect x=\"%.0f\" y=\"%.0f\" width=\"%d\" height=\"%d\" fill-opacity=\"%.3f\"/>\n",
              LEFT + (double)s * CELL, y, CELL - 1, CELL - 1, (double)m->weight[t * m->sources + s]);
  }
}

static double height_of(const attention_map *m) { return TOP + BELOW + (double)m->targets * CELL; }

void attention_picture(FILE *to, const attention_map *map, int64_t count) {
  double width = 0, height = 0, top = 0;
  for (int64_t i = 0; i < count; i++) {
    const double right = LEFT + (double)map[i].sources * CELL + TOP; /* words lean over */
    if (right > width) width = right;
    height += height_of(&map[i]);
  }
  fprintf(to,
          "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %.0f %.0f\" width=\"%.0f\" "
          "height=\"%.0f\" font-family=\"Helvetica, Arial, sans-serif\" font-size=\"13\" fill=\"#1f3fa8\">\n"
          "<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n",
          width, height, width, height);
  for (int64_t i = 0; i < count; top += height_of(&map[i++])) write_map(to, &map[i], top);
  fprintf(to, "</svg>\n");
}
