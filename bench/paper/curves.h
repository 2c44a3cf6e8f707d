/* curves.h - a line chart as SVG, made to be read at 600 pixels, in print and without colour.
 *
 * Every curve has a colour, marks and dashes of its own, and its name stands at its end.  Up to CHART_STYLES
 * curves differ pairwise in marks and dashes alone.
 */
#ifndef PAPER_CURVES_H
#define PAPER_CURVES_H

#include <stddef.h>
#include <stdio.h>

enum { CHART_STYLES = 32, CHART_CURVES = 48 };

/* One line of a chart: the points (x[i], y[i]) in order.  A point that is not finite, or not positive on a
 * logarithmic axis, interrupts the line. */
typedef struct curve {
  const char *name;
  const double *x, *y;
  int count;
  int reference; /* a baseline, a fit or a published number: thin and grey, without marks */
} curve;

typedef struct chart {
  const char *title, *x_label, *y_label;
  int log_x, log_y;
  const curve *curves;
  int count; /* at most CHART_CURVES are drawn */
} chart;

/* The whole SVG file; `origin` is its last line. */
void chart_draw(FILE *file, const chart *c, const char *origin);
/* That last line: where the numbers are from. */
void chart_origin(char *out, size_t size, const char *device, const char *date, const char *commit);

#endif
