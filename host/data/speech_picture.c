/* speech_picture.c - see speech_picture.h.  Cells of one shade are one path, so that a second of sound
 * stays small. */
#include "host/data/speech_picture.h"

#include <math.h>

enum { LEFT = 44, TOP = 12, FRAME = 6, BAND = 4, GAP = 26, HEIGHT = 110, SHADES = 10, COLOURS = 8 };

static double right_of(const speech_sheet *s) { return LEFT + FRAME * (double)s->frames; }
static double curves_of(const speech_sheet *s) { return TOP + BAND * (double)s->bands + GAP; }

/* ---------------------------------------------------------------- features */

/* 0 to SHADES-1, between the least and the largest of all. */
static int shade_of(float x, float least, float most) {
  const int shade = most > least ? (int)(SHADES * (double)((x - least) / (most - least))) : 0;
  return shade < SHADES ? shade : SHADES - 1;
}

/* Cells of one shade, those beside each other as one. */
static void draw_shade(FILE *to, const speech_sheet *s, int shade, float least, float most) {
  const int light = 255 - 235 * shade / (SHADES - 1);
  fprintf(to, "<path fill=\"rgb(%d,%d,%d)\" d=\"", light, light, 255 - 130 * shade / (SHADES - 1));
  for (int64_t b = 0; b < s->bands; b++)
    for (int64_t t = 0, run; t < s->frames; t += run) {
      for (run = 1; t + run < s->frames; run++)
        if (shade_of(s->frame[(t + run) * s->bands + b], least, most) !=
            shade_of(s->frame[t * s->bands + b], least, most))
          break;
      if (shade_of(s->frame[t * s->bands + b], least, most) == shade)
        fprintf(to, "M%d %dh%dv%dh-%dz", (int)(LEFT + FRAME * t), (int)(TOP + BAND * (s->bands - 1 - b)),
                (int)(FRAME * run), BAND, (int)(FRAME * run));
    }
  fprintf(to, "\"/>\n");
}

static void draw_features(FILE *to, const speech_sheet *s) {
  float least = s->frame[0], most = s->frame[0];
  for (int64_t i = 1; i < s->frames * s->bands; i++) {
    if (s->frame[i] < least) least = s->frame[i];
    if (s->frame[i] > most) most = s->frame[i];
  }
  for (int shade = 1; shade < SHADES; shade++) draw_shade(to, s, shade, least, most);
  fprintf(to,
          "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"none\" stroke=\"#8a93a3\"/>\n"
          "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">%d</text><text x=\"%d\" y=\"%d\" "
          "text-anchor=\"end\">1</text>\n",
          LEFT, TOP, (int)(FRAME * s->frames), (int)(BAND * s->bands), LEFT - 4, TOP + 9, (int)s->bands,
          LEFT - 4, (int)(TOP + BAND * s->bands));
}

/* ---------------------------------------------------------------- probabilities */

static double probability(const speech_sheet *s, int64_t t, int64_t label) {
  const float *row = s->logits + t * s->stride;
  double sum = 0;
  for (int64_t k = 0; k < s->labels; k++) sum += exp((double)row[k] - (double)row[label]);
  return 1 / sum;
}

static double x_of(const speech_sheet *s, int64_t t) {
  return LEFT + FRAME * (double)s->stack * ((double)t + 0.5);
}
static double y_of(const speech_sheet *s, double p) { return curves_of(s) + HEIGHT * (1 - p); }

static void draw_curve(FILE *to, const speech_sheet *s, int64_t label, const char *colour) {
  double most = 0;
  for (int64_t t = 0; t < s->steps; t++) most = fmax(most, probability(s, t, label));
  if (most < 0.05) return;
  fprintf(to, "<polyline fill=\"none\" stroke=\"%s\"%s points=\"", colour,
          label ? "" : " stroke-dasharray=\"3 3\"");
  for (int64_t t = 0; t < s->steps; t++)
    fprintf(to, "%.0f,%.1f ", x_of(s, t), y_of(s, probability(s, t, label)));
  fprintf(to, "\"/>\n");
}

static int64_t best_of(const speech_sheet *s, int64_t t) {
  const float *row = s->logits + t * s->stride;
  int64_t best = 0;
  for (int64_t k = 1; k < s->labels; k++)
    if (row[k] > row[best]) best = k;
  return best;
}

/* What XML has other uses for is written as its number. */
static void write_text(FILE *to, const char *text, int size) {
  for (int i = 0; i < size; i++) fprintf(to, text[i] == '<' || text[i] == '&' ? "&#%d;" : "%c", text[i]);
}

/* Each label of the best path above the step where it is likeliest. */
static void draw_labels(FILE *to, const speech_sheet *s) {
  for (int64_t t = 0, run; t < s->steps; t += run) {
    const int64_t label = best_of(s, t);
    int64_t peak = t;
    for (run = 1; t + run < s->steps && best_of(s, t + run) == label; run++)
      if (probability(s, t + run, label) > probability(s, peak, label)) peak = t + run;
    if (label == 0) continue;
    int size;
    const char *text = s->text(s->self, label, &size);
    fprintf(to, "<text x=\"%.0f\" y=\"%.1f\" text-anchor=\"middle\" font-size=\"16\" fill=\"#111\">",
            x_of(s, peak), curves_of(s) - 6);
    write_text(to, text, size);
    fprintf(to, "</text>\n");
  }
}

static void draw_probabilities(FILE *to, const speech_sheet *s) {
  static const char *const colour[COLOURS] = {"#1f6feb", "#d1242f", "#1a7f37", "#9a6700",
                                              "#8250df", "#bf3989", "#0a7d91", "#57606a"};
  draw_curve(to, s, 0, "#a0a7b4");
  for (int64_t k = 1; k < s->labels; k++) draw_curve(to, s, k, colour[(k - 1) % COLOURS]);
  draw_labels(to, s);
  fprintf(to,
          "<path stroke=\"#8a93a3\" fill=\"none\" d=\"M%d %.0fV%.0fH%.0f\"/>\n"
          "<text x=\"%d\" y=\"%.0f\" text-anchor=\"end\">1</text><text x=\"%d\" y=\"%.0f\" "
          "text-anchor=\"end\">0</text>\n",
          LEFT, y_of(s, 1), y_of(s, 0), right_of(s), LEFT - 4, y_of(s, 1) + 9, LEFT - 4, y_of(s, 0));
  for (int64_t second = 0; second * 100 <= s->frames; second++)
    fprintf(to, "<text x=\"%d\" y=\"%.0f\" text-anchor=\"middle\">%d s</text>\n",
            (int)(LEFT + FRAME * 100 * second), y_of(s, 0) + 15, (int)second);
}

/* ---------------------------------------------------------------- the picture */

void speech_picture(FILE *to, const speech_sheet *s) {
  const double width = right_of(s) + 16, height = curves_of(s) + HEIGHT + 24;
  fprintf(
      to,
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %.0f %.0f\" width=\"%.0f\" height=\"%.0f\" "
      "font-family=\"Helvetica, Arial, sans-serif\" font-size=\"11\">\n"
      "<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n<g fill=\"#556\">\n",
      width, height, width, height);
  draw_features(to, s);
  draw_probabilities(to, s);
  fprintf(to, "</g>\n</svg>\n");
}
