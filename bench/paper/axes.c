/* axes.c - ranges, grid lines and numbers of a chart's axes (axes.h). */
#include "bench/paper/axes.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

axis axis_empty(int log) { return (axis){.log = log, .low = (double)INFINITY, .high = -(double)INFINITY}; }

int axis_shows(const axis *a, double value) { return isfinite(value) && (!a->log || value > 0); }

static double scaled(const axis *a, double value) { return a->log ? log10(value) : value; }

void axis_include(axis *a, double value) {
  if (!axis_shows(a, value)) return;
  a->low = fmin(a->low, scaled(a, value));
  a->high = fmax(a->high, scaled(a, value));
}

double axis_pixel(const axis *a, double value) {
  return a->at + a->length * (scaled(a, value) - a->low) / (a->high - a->low);
}

/* ---------------------------------------------------------------- grid lines */

static void add_tick(axis *a, double value) {
  if (a->ticks < AXIS_TICKS) a->tick[a->ticks++] = value;
}

/* 1, 2 or 5 times a power of ten, so that about `count` steps cover the range. */
static double round_step(double range, int count) {
  const double rough = range / count, power = pow(10, floor(log10(rough)));
  return power * (rough / power > 5 ? 10 : rough / power > 2 ? 5 : rough / power > 1 ? 2 : 1);
}

static void find_linear(axis *a, int whole) {
  const double step = round_step(a->high - a->low, 6), slack = 1e-9;
  a->low = step * floor(a->low / step + slack);
  if (whole) a->high = step * ceil(a->high / step - slack);
  const double first = round(a->low / step), last = floor(a->high / step + slack);
  for (double i = first; i <= last; i++) add_tick(a, i * step);
}

/* Which numbers of a decade have grid lines: more of them, the fewer decades there are. */
static const char *digits_of(double decades) {
  return decades <= 1.2 ? "1235" : decades <= 2.5 ? "125" : "1";
}

/* The last number of the grid at or below a logarithm, as a logarithm; `up`: the first one at or above. */
static double to_grid(double value, const char *digits, int up) {
  const double decade = floor(value + 1e-9);
  double below = decade, above = decade + 1;
  for (; *digits; digits++) {
    const double place = decade + log10(*digits - '0');
    if (place <= value + 1e-9) below = place;
    if (place >= value - 1e-9) above = fmin(above, place);
  }
  return up ? above : below;
}

static void find_logarithmic(axis *a, int whole) {
  const char *digits = digits_of(a->high - a->low);
  a->low = to_grid(a->low, digits, 0);
  if (whole) a->high = to_grid(a->high, digits, 1);
  const double every = ceil((floor(a->high) - floor(a->low) + 1) / 12); /* decades between lines */
  for (double decade = floor(a->low); decade <= a->high; decade += every)
    for (const char *digit = digits; *digit; digit++) {
      const double place = decade + log10(*digit - '0');
      if (place >= a->low - 1e-9 && place <= a->high + 1e-9) add_tick(a, (*digit - '0') * pow(10, decade));
    }
}

void axis_finish(axis *a, int whole) {
  if (a->low > a->high) a->low = 0, a->high = 1; /* no value at all */
  if (a->low == a->high) {                       /* one value: in the middle */
    const double half = a->log || a->low == 0 ? 0.5 : 0.5 * fabs(a->low);
    a->low -= half;
    a->high += half;
  }
  if (a->log)
    find_logarithmic(a, whole);
  else
    find_linear(a, whole);
}

/* ---------------------------------------------------------------- numbers */

/* 10 with a raised exponent, after a factor other than 1. */
static void power_text(double value, char *out, size_t size) {
  static const char *const raised[] = {"⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹"};
  const int exponent = (int)floor(log10(fabs(value)) + 1e-9), digits = exponent < 0 ? -exponent : exponent;
  const double factor = value / pow(10, exponent);
  char front[24] = "";
  if (fabs(factor - 1) > 1e-6) snprintf(front, sizeof front, "%.3g·", factor);
  snprintf(out, size, "%s10%s%s%s", front, exponent < 0 ? "⁻" : "",
           digits > 9 ? raised[digits / 10 % 10] : "", raised[digits % 10]);
}

/* A comma between thousands. */
static void group_digits(char *text, size_t size) {
  const size_t sign = text[0] == '-', digits = strspn(text + sign, "0123456789");
  for (size_t place = sign + digits; place > sign + 3 && strlen(text) + 2 <= size;) {
    place -= 3;
    memmove(text + place + 1, text + place, strlen(text + place) + 1);
    text[place] = ',';
  }
}

void axis_text(const axis *a, double value, char *out, size_t size) {
  const double most = fmax(fabs(a->tick[0]), fabs(a->tick[a->ticks - 1]));
  const double least = a->log ? a->tick[0] : most;
  if (!a->log && fabs(value) < 1e-9 * most) {
    snprintf(out, size, "0");
  } else if (most >= 1e6 || least < 1e-3) {
    power_text(value, out, size);
  } else {
    snprintf(out, size, "%.7g", value);
    group_digits(out, size);
  }
}
