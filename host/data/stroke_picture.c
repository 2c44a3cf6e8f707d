/* stroke_picture.c - see stroke_picture.h. */
#include "host/data/stroke_picture.h"

#include "host/data/strokes.h"

enum { CELL = 120, MARGIN = 12, LEFT = 76 };

/* A drawing as it comes to lie in the picture: x = left + scale * (sum of offsets), y likewise. */
typedef struct frame {
  double left, top, scale;
} frame;

typedef struct pen {
  double x, y; /* sums of offsets */
  int down;
} pen;

static void move(pen *p, const float *point) {
  p->x += (double)point[0];
  p->y += (double)point[1];
}

static double least(double a, double b) { return a < b ? a : b; }
static double most(double a, double b) { return a > b ? a : b; }

/* Puts a drawing into the middle of a cell; one that hardly moves is not enlarged without end. */
static frame frame_of(const float *point, int64_t count, double width, double left, double top) {
  double low_x = 0, high_x = 0, low_y = 0, high_y = 0;
  pen p = {0, 0, 1};
  for (int64_t i = 0; i < count; i++) {
    move(&p, point + i * STROKES_POINT);
    low_x = least(low_x, p.x), high_x = most(high_x, p.x);
    low_y = least(low_y, p.y), high_y = most(high_y, p.y);
  }
  const double scale = least((width - 2 * MARGIN) / most(high_x - low_x, 1e-3),
                             (CELL - 2 * MARGIN) / most(high_y - low_y, 1e-3));
  return (frame){left + width / 2. - scale * (low_x + high_x) / 2,
                 top + CELL / 2. - scale * (low_y + high_y) / 2, scale};
}

/* Points from..to-1, where the pen is as it was left; a stroke of one point becomes a dot. */
static void draw_part(FILE *to, const frame *f, const float *point, int64_t count, pen *p,
                      const char *colour) {
  if (count == 0) return;
  fprintf(to, "<path stroke=\"%s\" d=\"", colour);
  if (p->down) fprintf(to, "M%.1f %.1f", f->left + f->scale * p->x, f->top + f->scale * p->y);
  for (int64_t i = 0; i < count; i++, point += STROKES_POINT) {
    move(p, point);
    fprintf(to, p->down ? "L%.1f %.1f" : "M%.1f %.1fh0", f->left + f->scale * p->x, f->top + f->scale * p->y);
    p->down = !(point[2] > 0);
  }
  fprintf(to, "\"/>\n");
}

void stroke_picture(FILE *to, const stroke_sheet *s) {
  const double cell = s->width > 0 ? s->width : CELL, width = LEFT + (double)s->columns * cell,
               height = (double)s->rows * CELL;
  const float *point = s->point;
  fprintf(to,
          "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %.0f %.0f\" width=\"%.0f\" "
          "height=\"%.0f\" font-family=\"Helvetica, Arial, sans-serif\" font-size=\"13\" fill=\"none\" "
          "stroke-width=\"1.8\" stroke-linecap=\"round\" stroke-linejoin=\"round\">\n"
          "<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n",
          width, height, width, height);
  for (int64_t r = 0; r < s->rows; r++) {
    const double top = (double)r * CELL;
    fprintf(to, "<text x=\"10\" y=\"%.0f\" fill=\"#556\">%s</text>\n", top + CELL / 2. + 5, s->label[r]);
    for (int64_t c = 0; c < s->columns; c++, point += s->points * STROKES_POINT) {
      const int64_t count = s->count ? s->count[r * s->columns + c] : s->points;
      const frame f = frame_of(point, count, cell, LEFT + (double)c * cell, top);
      pen p = {0, 0, 1};
      draw_part(to, &f, point, s->given, &p, "#8a93a3");
      draw_part(to, &f, point + s->given * STROKES_POINT, count - s->given, &p, "#1f3fa8");
    }
  }
  fprintf(to, "</svg>\n");
}
