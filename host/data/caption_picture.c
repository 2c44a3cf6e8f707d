/* caption_picture.c - see caption_picture.h.  The pixels of a picture are written once, and used again for
 * each word; those of one colour beside each other are one rectangle. */
#include "host/data/caption_picture.h"

#include <string.h>

#include "host/data/attention_picture.h"

enum { TILE = 96, GAP = 12, TEXT = 22, LEFT = 12, TOP = 10, ACROSS = 9, CHANNELS = 3 };

/* ---------------------------------------------------------------- layout */

static int64_t lines_of(const caption_map *m) { return (m->words + 1 + ACROSS - 1) / ACROSS; }

static int64_t height_of(const caption_map *m) { return lines_of(m) * (TILE + TEXT) + GAP; }

/* ---------------------------------------------------------------- a picture */

static void write_run(FILE *to, const unsigned char *p, int64_t x, int64_t y, int64_t run) {
  fprintf(to, "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"1\" fill=\"#%02x%02x%02x\"/>\n", (int)x, (int)y,
          (int)run, p[0], p[1], p[2]);
}

/* On a ground of its first colour. */
static void write_pixels(FILE *to, const caption_map *m) {
  const unsigned char *p = m->pixel;
  fprintf(to, "<rect width=\"%d\" height=\"%d\" fill=\"#%02x%02x%02x\"/>\n", (int)m->side, (int)m->side, p[0],
          p[1], p[2]);
  for (int64_t y = 0; y < m->side; y++)
    for (int64_t x = 0, run; x < m->side; x += run) {
      const unsigned char *at = p + (y * m->side + x) * CHANNELS;
      for (run = 1; x + run < m->side && memcmp(at, at + run * CHANNELS, CHANNELS) == 0;) run++;
      if (memcmp(at, p, CHANNELS) != 0) write_run(to, at, x, y, run);
    }
}

static void define_picture(FILE *to, const caption_map *m, int64_t number) {
  fprintf(to, "<defs><g id=\"picture%d\" shape-rendering=\"crispEdges\">\n", (int)number);
  if (m->side > 0)
    write_pixels(to, m);
  else
    fprintf(to, "<rect width=\"1\" height=\"1\" fill=\"#1f3fa8\"/>\n");
  fprintf(to, "</g></defs>\n");
}

static void use_picture(FILE *to, const caption_map *m, int64_t number, int64_t x, int64_t y) {
  fprintf(to, "<use href=\"#picture%d\" transform=\"translate(%d %d) scale(%.6g)\"/>\n", (int)number, (int)x,
          (int)y, (double)TILE / (double)(m->side > 0 ? m->side : 1));
}

/* ---------------------------------------------------------------- a word */

/* The patch that is looked at most stays as it is; the others are veiled. */
static void write_veil(FILE *to, const caption_map *m, const float *weight, int64_t x, int64_t y) {
  const double width = (double)TILE / (double)m->columns, height = (double)TILE / (double)m->rows;
  float most = 0;
  for (int64_t p = 0; p < m->rows * m->columns; p++)
    if (weight[p] > most) most = weight[p];
  for (int64_t p = 0; p < m->rows * m->columns; p++) {
    const double veil = most > 0 ? 0.9 * (1 - (double)(weight[p] / most)) : 0;
    if (veil < 0.005) continue;
    const int64_t column = p % m->columns, row = p / m->columns;
    fprintf(to, "<rect x=\"%.5g\" y=\"%.5g\" width=\"%.4g\" height=\"%.4g\" fill-opacity=\"%.2f\"/>\n",
            (double)x + (double)column * width, (double)y + (double)row * height, width, height, veil);
  }
}

static void write_word(FILE *to, sentences_piece word, int64_t x, int64_t y) {
  fprintf(to, "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">", (int)x + TILE / 2, (int)y + TILE + 15);
  attention_word(to, word);
}

static void write_map(FILE *to, const caption_map *m, int64_t number, int64_t top) {
  define_picture(to, m, number);
  for (int64_t i = 0; i <= m->words; i++) {
    const int64_t x = LEFT + i % ACROSS * (TILE + GAP), y = top + i / ACROSS * (TILE + TEXT);
    use_picture(to, m, number, x, y);
    if (i == 0) continue;
    write_veil(to, m, m->weight + (i - 1) * m->rows * m->columns, x, y);
    write_word(to, m->word[i - 1], x, y);
  }
}

void caption_picture(FILE *to, const caption_map *map, int64_t count) {
  const int64_t width = LEFT + ACROSS * (TILE + GAP);
  int64_t height = TOP;
  for (int64_t i = 0; i < count; i++) height += height_of(&map[i]);
  fprintf(to,
          "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\" "
          "font-family=\"Helvetica, Arial, sans-serif\" font-size=\"14\" fill=\"#111\">\n"
          "<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n",
          (int)width, (int)height, (int)width, (int)height);
  int64_t top = TOP;
  for (int64_t i = 0; i < count; top += height_of(&map[i++])) write_map(to, &map[i], i, top);
  fprintf(to, "</svg>\n");
}
