/* clip_picture.c - see clip_picture.h.  Pixels of one shade are one path, so that a clip stays small. */
#include "host/data/clip_picture.h"

enum { LEFT = 84, TOP = 10, GAP = 8, BELOW = 26, FRAME = 60, SHADES = 6 };

static double left_of(int64_t t) { return LEFT + (FRAME + GAP) * (double)t; }
static double top_of(int64_t row) { return TOP + (FRAME + BELOW) * (double)row; }

void clip_picture_begin(FILE *to, int64_t longest, int64_t rows) {
  fprintf(to,
          "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %.0f %.0f\" width=\"%.0f\" "
          "height=\"%.0f\" font-family=\"Helvetica, Arial, sans-serif\" font-size=\"13\">\n"
          "<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n",
          left_of(longest), top_of(rows), left_of(longest), top_of(rows));
}

void clip_picture_end(FILE *to) { fprintf(to, "</svg>\n"); }

static int shade_of(float x) {
  const int shade = (int)(x * SHADES + 0.5f);
  return shade < SHADES ? shade : SHADES;
}

/* The pixels of one shade, those beside each other as one. */
static void draw_shade(FILE *to, int64_t side, const float *pixel, int shade) {
  const int light = 255 - 235 * shade / SHADES;
  int begun = 0;
  for (int64_t y = 0; y < side; y++)
    for (int64_t x = 0, run; x < side; x += run) {
      const float *row = pixel + y * side;
      for (run = 1; x + run < side && shade_of(row[x + run]) == shade_of(row[x]);) run++;
      if (shade_of(row[x]) != shade) continue;
      if (!begun) fprintf(to, "<path fill=\"rgb(%d,%d,%d)\" d=\"", light, light, light);
      begun = 1;
      fprintf(to, "M%d %dh%dv1h-%dz", (int)x, (int)y, (int)run, (int)run);
    }
  if (begun) fprintf(to, "\"/>\n");
}

static void draw_frame(FILE *to, int64_t side, const float *pixel, double x, double y) {
  fprintf(to,
          "<g transform=\"translate(%.0f %.0f) scale(%.3f)\">\n<rect width=\"%d\" height=\"%d\" "
          "fill=\"none\" stroke=\"#8a93a3\" stroke-width=\"%.3f\"/>\n",
          x, y, FRAME / (double)side, (int)side, (int)side, (double)side / FRAME);
  for (int shade = 1; shade <= SHADES; shade++) draw_shade(to, side, pixel, shade);
  fprintf(to, "</g>\n");
}

void clip_picture_row(FILE *to, int64_t side, int64_t row, int64_t frames, const float *pixel,
                      const int32_t *label, const char *direction) {
  fprintf(to, "<text x=\"%d\" y=\"%.0f\" text-anchor=\"end\" fill=\"#1f6feb\">%s</text>\n", LEFT - GAP,
          top_of(row) + FRAME / 2.0 + 4, direction);
  for (int64_t t = 0; t < frames; t++) {
    draw_frame(to, side, pixel + t * side * side, left_of(t), top_of(row));
    fprintf(to, "<text x=\"%.0f\" y=\"%.0f\" text-anchor=\"middle\">%d</text>\n", left_of(t) + FRAME / 2.0,
            top_of(row) + FRAME + 16, (int)label[t]);
  }
}
