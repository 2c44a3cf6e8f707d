/* axes.h - the axes of a chart: which range they cover, where their grid lines are, and how a number is
 * written there. */
#ifndef PAPER_AXES_H
#define PAPER_AXES_H

#include <stddef.h>

enum { AXIS_TICKS = 40 };

/* Values low..high, as they are or as decimal logarithms, map to the pixels at..at+length. */
typedef struct axis {
  int log;
  double low, high; /* of the value, or of its logarithm */
  double at, length;
  int ticks;
  double tick[AXIS_TICKS]; /* values of the grid lines, ascending */
} axis;

/* Takes a value into the range; start with axis_empty. */
axis axis_empty(int log);
void axis_include(axis *a, double value);
/* Finds the grid lines and widens the range to them: below, and where `whole` is set also above. */
void axis_finish(axis *a, int whole);

/* Can the value be drawn on this axis? */
int axis_shows(const axis *a, double value);
double axis_pixel(const axis *a, double value);
/* A grid line's number: "0.05", "12,000", or a power of ten with a raised exponent. */
void axis_text(const axis *a, double value, char *out, size_t size);

#endif
