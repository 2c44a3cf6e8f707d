/* roll_picture.c - see roll_picture.h. */
#include "host/data/roll_picture.h"

#include "host/data/rolls.h"

enum { ROW = 7, LEFT = 34, TOP = 10, BOTTOM = 24, WIDTH = 1100, OCTAVE = 12, FIRST_C = 3 /* a key */ };

typedef struct picture {
  FILE *to;
  const unsigned char *on;
  int64_t steps, given;
  int low, high; /* the keys it shows */
  double column; /* width of a step */
} picture;

static double left_of(const picture *p, int64_t step) { return LEFT + p->column * (double)step; }
static int top_of(const picture *p, int key) { return TOP + (p->high - key) * ROW; }

/* Whole octaves around all that sounds. */
static void find_range(picture *p) {
  p->low = ROLLS_KEYS;
  p->high = -1;
  for (int64_t t = 0; t < p->steps; t++)
    for (int k = 0; k < ROLLS_KEYS; k++) {
      if (!p->on[t * ROLLS_KEYS + k]) continue;
      if (k < p->low) p->low = k;
      if (k > p->high) p->high = k;
    }
  if (p->high < 0) p->low = p->high = FIRST_C + 3 * OCTAVE;
  p->low = p->low < FIRST_C ? 0 : p->low - (p->low - FIRST_C) % OCTAVE;
  p->high += OCTAVE - 1 - (p->high - FIRST_C + OCTAVE) % OCTAVE;
  if (p->high >= ROLLS_KEYS) p->high = ROLLS_KEYS - 1;
}

/* The black keys as bands, the Cs by their names. */
static void draw_keys(const picture *p) {
  static const char black[] = ".#.#..#.#.#.";
  const double width = p->column * (double)p->steps;
  for (int k = p->low; k <= p->high; k++) {
    const int in_octave = (k - FIRST_C + OCTAVE) % OCTAVE, y = top_of(p, k);
    if (black[in_octave] == '#')
      fprintf(p->to, "<rect x=\"%d\" y=\"%d\" width=\"%.1f\" height=\"%d\" fill=\"#eef0f4\"/>\n", LEFT, y,
              width, ROW);
    if (in_octave == 0)
      fprintf(p->to,
              "<path d=\"M%d %dh%.1f\" stroke=\"#b9c0cc\"/><text x=\"%d\" y=\"%d\" "
              "text-anchor=\"end\">C%d</text>\n",
              LEFT, y + ROW, width, LEFT - 5, y + ROW, (k - FIRST_C) / OCTAVE + 1);
  }
}

/* A number below the steps, every 10, 20, 50, 100 ... of them, as there is room. */
static void draw_steps(const picture *p) {
  const int y = top_of(p, p->low) + ROW;
  int64_t every = 10;
  for (int i = 0; p->column * (double)every < 40; i++) every = i % 3 == 1 ? every / 2 * 5 : every * 2;
  for (int64_t t = 0; t <= p->steps; t += every)
    fprintf(p->to,
            "<path d=\"M%.1f %dV%d\" stroke=\"#d5d9e0\"/><text x=\"%.1f\" y=\"%d\" "
            "text-anchor=\"middle\">%lld</text>\n",
            left_of(p, t), TOP, y, left_of(p, t), y + 15, (long long)t);
}

/* A key that sounds in steps one after another is one note. */
static void draw_notes(const picture *p) {
  for (int k = p->low; k <= p->high; k++)
    for (int64_t t = 0, end; t < p->steps; t = end) {
      const int sounds = p->on[t * ROLLS_KEYS + k];
      for (end = t + 1; end < p->steps && end != p->given && p->on[end * ROLLS_KEYS + k] == sounds;) end++;
      if (sounds)
        fprintf(p->to, "<rect x=\"%.1f\" y=\"%d\" width=\"%.1f\" height=\"%d\" rx=\"1.5\" fill=\"%s\"/>\n",
                left_of(p, t), top_of(p, k) + 1, p->column * (double)(end - t) - (p->column > 2 ? 0.8 : 0),
                ROW - 2, t < p->given ? "#8a93a3" : "#1f6feb");
    }
}

void roll_picture(FILE *to, const unsigned char *on, int64_t steps, int64_t given) {
  picture p = {.to = to, .on = on, .steps = steps, .given = given};
  find_range(&p);
  p.column = (double)WIDTH / (double)(steps > 0 ? steps : 1);
  if (p.column > 10) p.column = 10;
  const double width = left_of(&p, steps) + 14;
  const int height = top_of(&p, p.low) + ROW + BOTTOM;
  fprintf(to,
          "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %.0f %d\" width=\"%.0f\" height=\"%d\" "
          "font-family=\"Helvetica, Arial, sans-serif\" font-size=\"11\" fill=\"#556\">\n"
          "<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n",
          width, height, width, height);
  draw_keys(&p);
  draw_steps(&p);
  draw_notes(&p);
  fprintf(to, "</svg>\n");
}
