/* chart.h - a chart of one or two curves over the steps of a run, as SVG inside a page (html.h). */
#ifndef CHART_H
#define CHART_H

#include <stdint.h>
#include <stdio.h>

typedef struct chart_curve {
  const char *name;    /* NULL: there is none */
  const double *x, *y; /* [n]; NaN where nothing was measured, which the curve passes over */
  int64_t n, stride;   /* doubles from one to the next */
} chart_curve;

/* Logarithmic where all values are positive and the largest is more than 20 times the smallest. */
void chart_draw(FILE *to, const char *title, const chart_curve curves[2]);

#endif
