/* chart.c - axes, ticks and paths of a chart (chart.h). */
#include "host/cli/chart.h"

#include <math.h>

#include "host/cli/html.h"

enum { WIDTH = 720, HEIGHT = 250, LEFT = 64, RIGHT = 16, TOP = 26, BOTTOM = 30, MOST_POINTS = 2000 };

typedef struct range {
  double low, high;
  int logarithmic;
} range;

static double at(const double *p, const chart_curve *c, int64_t i) { return p[i * c->stride]; }

/* Differences of what is on the axes are finite; what lies beyond is drawn at the edge. */
static const double FARTHEST = 1e300, NARROWEST = 1e-300;

static void widen(range *r, double value) {
  if (!isfinite(value)) return;
  value = fmax(-FARTHEST, fmin(value, FARTHEST));
  r->low = fmin(r->low, value);
  r->high = fmax(r->high, value);
}

static range range_of(const chart_curve curves[2], int of_y) {
  range r = {INFINITY, -INFINITY, 0};
  for (int k = 0; k < 2; k++)
    for (int64_t i = 0; curves[k].name && i < curves[k].n; i++)
      widen(&r, at(of_y ? curves[k].y : curves[k].x, &curves[k], i));
  if (r.low > r.high) r.low = r.high = 0;
  r.logarithmic = of_y && r.low > 0 && r.high > 20 * r.low;
  if (r.high > r.low) return r;
  const double room =
      r.low != 0 ? fmax(fabs(r.low) / 2, NARROWEST) : 0.5; /* a flat line lies in the middle */
  r.low -= of_y ? room : 0;
  r.high += room;
  return r;
}

/* 0 to 1. */
static double share(range r, double value) {
  value = fmax(r.low, fmin(value, r.high));
  if (r.logarithmic) return (log(value) - log(r.low)) / (log(r.high) - log(r.low));
  return (value - r.low) / (r.high - r.low);
}

static double place_x(range r, double value) { return LEFT + share(r, value) * (WIDTH - LEFT - RIGHT); }
static double place_y(range r, double value) {
  return HEIGHT - BOTTOM - share(r, value) * (HEIGHT - TOP - BOTTOM);
}

/* ---------------------------------------------------------------- axes */

/* 1, 2 or 5 times a power of ten, so that there are about `count` steps. */
static double tick_step(double span, int count) {
  const double raw = span / count, power = pow(10, floor(log10(raw))), rest = raw / power;
  return power * (rest < 1.5 ? 1 : rest < 3.5 ? 2 : rest < 7.5 ? 5 : 10);
}

static void tick(FILE *to, double x, double y, double value, int of_y) {
  if (of_y)
    fprintf(
        to,
        "<path class=\"axis\" d=\"M%d %.1fH%d\"/><text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%g</text>\n",
        LEFT, y, WIDTH - RIGHT, LEFT - 6, y + 4, value);
  else
    fprintf(to, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%g</text>\n", x, HEIGHT - BOTTOM + 16,
            value);
}

/* At powers of ten; between few of them also at 2 and 5, and of many only at some. */
static void put_logarithmic(FILE *to, range y) {
  static const double digits[] = {1, 2, 5};
  const double decades = log10(y.high) - log10(y.low);
  const int last = (int)floor(log10(y.high)), step = 1 + (int)decades / 10;
  for (int power = (int)floor(log10(y.low)); power <= last; power += step)
    for (int k = 0; k < (decades < 4 ? 3 : 1); k++) {
      const double value = digits[k] * pow(10, power);
      if (value >= y.low && value <= y.high) tick(to, 0, place_y(y, value), value, 1);
    }
}

/* At multiples of a step, of which the next may be the same number where they are large. */
static void put_linear(FILE *to, range r, int of_y) {
  const double step = tick_step(r.high - r.low, of_y ? 4 : 8), first = ceil(r.low / step);
  double before = -INFINITY;
  for (int n = 0; n < 20; n++) {
    const double multiple = (first + n) * step, value = fabs(multiple) < 1e-9 * step ? 0 : multiple;
    if (!(value > before && multiple <= r.high * (1 + 1e-12))) return;
    before = value;
    if (of_y)
      tick(to, 0, place_y(r, value), value, 1);
    else
      tick(to, place_x(r, value), 0, value, 0);
  }
}

/* ---------------------------------------------------------------- curves */

static void put_curve(FILE *to, const chart_curve *c, range x, range y, char class) {
  const int64_t every = c->n / MOST_POINTS + 1;
  int64_t measured = 0;
  fprintf(to, "<path class=\"%c\" data-curve=\"", class);
  html_string(to, c->name);
  fprintf(to, "\" d=\"");
  for (int64_t i = 0; i < c->n; i++) {
    const double value = at(c->y, c, i);
    if (!isfinite(value) || (measured++ % every != 0 && i + 1 < c->n)) continue;
    fprintf(to, "%c%.1f %.1f", measured == 1 ? 'M' : 'L', place_x(x, at(c->x, c, i)), place_y(y, value));
  }
  if (measured == 1) fprintf(to, "h3"); /* a single point would not be seen */
  fprintf(to, "\"/>\n");
}

void chart_draw(FILE *to, const char *title, const chart_curve curves[2]) {
  const range x = range_of(curves, 0), y = range_of(curves, 1);
  fprintf(to, "<svg viewBox=\"0 0 %d %d\" width=\"%d\" role=\"img\" aria-label=\"", WIDTH, HEIGHT, WIDTH);
  html_string(to, title);
  fprintf(to, "\">\n<text x=\"%d\" y=\"14\">", LEFT);
  html_string(to, title);
  fprintf(to, "%s</text>\n", y.logarithmic ? ", logarithmic" : "");
  if (y.logarithmic)
    put_logarithmic(to, y);
  else
    put_linear(to, y, 1);
  put_linear(to, x, 0);
  for (int k = 0; k < 2; k++) {
    if (curves[k].name == NULL) continue;
    put_curve(to, &curves[k], x, y, k ? 'b' : 'a');
    if (curves[1].name == NULL) continue;
    fprintf(to, "<path class=\"%c\" d=\"M%d 10h18\"/><text x=\"%d\" y=\"14\">", k ? 'b' : 'a',
            WIDTH - 220 + 110 * k, WIDTH - 196 + 110 * k);
    html_string(to, curves[k].name);
    fprintf(to, "</text>\n");
  }
  fprintf(to, "</svg>\n");
}
