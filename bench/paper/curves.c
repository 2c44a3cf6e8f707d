/* curves.c - the results of an experiment as a JSON file and a line chart (curves.h). */
#include "bench/paper/curves.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#ifndef BENCH_SOURCE_FOLDER
#define BENCH_SOURCE_FOLDER "."
#endif

/* ---------------------------------------------------------------- JSON */

/* Comma, line break, indentation and key of the next member. */
static void next_member(results *r, const char *key) {
  if (r->members[r->depth]++) fputc(',', r->file);
  fprintf(r->file, "\n%*s", 2 * r->depth, "");
  if (key == NULL) return;
  bench_json_text(r->file, key);
  fputs(": ", r->file);
}

static void open_group(results *r, const char *key, char open, char close) {
  if (r->depth > 0) next_member(r, key);
  fputc(open, r->file);
  if (r->depth + 1 < RESULTS_DEPTH) r->depth++;
  r->close[r->depth] = close;
  r->members[r->depth] = 0;
}

static void put_number(FILE *file, double value) {
  if (isfinite(value))
    fprintf(file, "%.7g", value);
  else
    fputs("null", file);
}

void results_object(results *r, const char *key) { open_group(r, key, '{', '}'); }
void results_array(results *r, const char *key) { open_group(r, key, '[', ']'); }

void results_end(results *r) {
  const char close = r->close[r->depth--];
  fprintf(r->file, "\n%*s%c", 2 * r->depth, "", close);
}

void results_text(results *r, const char *key, const char *value) {
  next_member(r, key);
  bench_json_text(r->file, value);
}

void results_number(results *r, const char *key, double value) {
  next_member(r, key);
  put_number(r->file, value);
}

void results_numbers(results *r, const char *key, const double *values, int count) {
  next_member(r, key);
  for (int i = 0; i < count; i++) {
    fputs(i ? ", " : "[", r->file);
    put_number(r->file, values[i]);
  }
  fputs(count ? "]" : "[]", r->file);
}

static FILE *open_file(const results *r, const char *extension) {
  char path[sizeof r->path + 8];
  snprintf(path, sizeof path, "%s.%s", r->path, extension);
  FILE *file = fopen(path, "w");
  if (file == NULL) fprintf(stderr, "%s: %s\n", path, strerror(errno));
  return file;
}

static int close_file(const results *r, const char *extension, FILE *file) {
  const int written = !ferror(file);
  if (fclose(file) == 0 && written) return 1;
  fprintf(stderr, "%s.%s: could not be written\n", r->path, extension);
  return 0;
}

int results_open(results *r, const char *folder, const char *name, const char *about) {
  memset(r, 0, sizeof *r);
  snprintf(r->path, sizeof r->path, "%s/%s", folder ? folder : BENCH_SOURCE_FOLDER "/bench/results", name);
  r->origin = bench_origin_of(NULL);
  r->file = open_file(r, "json");
  if (r->file == NULL) return 0;
  results_object(r, NULL);
  results_text(r, "experiment", about);
  results_text(r, "device", r->origin.device);
  results_text(r, "date", r->origin.date);
  results_text(r, "commit", r->origin.commit);
  return 1;
}

int results_close(results *r) {
  while (r->depth > 0) results_end(r);
  fputc('\n', r->file);
  return close_file(r, "json", r->file);
}

/* ---------------------------------------------------------------- axes */

enum { WIDTH = 900, HEIGHT = 480, LEFT = 80, RIGHT = 190, TOP = 50, BOTTOM = 75 };

/* Values low..high, as they are or as logarithms, go to pixels at..at+length. */
typedef struct axis {
  int log;
  double low, high; /* of the value, or of its decimal logarithm */
  double at, length;
} axis;

static int visible(const axis *a, double value) { return isfinite(value) && (!a->log || value > 0); }

static double scaled(const axis *a, double value) { return a->log ? log10(value) : value; }

static double pixel(const axis *a, double value) {
  return a->at + a->length * (scaled(a, value) - a->low) / (a->high - a->low);
}

/* 1, 2 or 5 times a power of ten, so that about `count` steps cover the range. */
static double round_step(double range, int count) {
  const double rough = range / count, power = pow(10, floor(log10(rough)));
  return power * (rough / power > 5 ? 10 : rough / power > 2 ? 5 : rough / power > 1 ? 2 : 1);
}

/* Distance of the grid's lines; on a log axis whole decades. */
static double grid_step(const axis *a) {
  const double step = round_step(a->high - a->low, 6);
  return a->log && step < 1 ? 1 : step;
}

/* The range of all points, widened to the grid. */
static axis axis_of(const chart *c, int vertical) {
  axis a = {.log = vertical ? c->log_y : c->log_x, .low = (double)INFINITY, .high = -(double)INFINITY};
  for (int i = 0; i < c->count; i++)
    for (int k = 0; k < c->curves[i].count; k++) {
      const double value = vertical ? c->curves[i].y[k] : c->curves[i].x[k];
      if (!visible(&a, value)) continue;
      a.low = fmin(a.low, scaled(&a, value));
      a.high = fmax(a.high, scaled(&a, value));
    }
  if (a.low > a.high) a.low = 0, a.high = 1; /* no point at all */
  if (a.low == a.high) a.high = a.low + 1;
  if (vertical || a.log) {
    const double step = grid_step(&a);
    a.low = step * floor(a.low / step);
    a.high = step * ceil(a.high / step);
  }
  a.at = vertical ? HEIGHT - BOTTOM : LEFT;
  a.length = vertical ? TOP + BOTTOM - HEIGHT : WIDTH - LEFT - RIGHT;
  return a;
}

/* ---------------------------------------------------------------- SVG */

static void put_text(FILE *file, const char *text) {
  for (; *text; text++) {
    if (*text == '<')
      fputs("&lt;", file);
    else if (*text == '&')
      fputs("&amp;", file);
    else
      fputc(*text, file);
  }
}

static void label(FILE *file, double x, double y, const char *style, const char *text) {
  fprintf(file, "<text x=\"%.1f\" y=\"%.1f\" %s>", x, y, style);
  put_text(file, text);
  fputs("</text>\n", file);
}

static void draw_grid(FILE *file, const axis *a, int vertical) {
  const double step = grid_step(a), first = ceil(a->low / step - 1e-9);
  for (int i = 0; (first + i) * step <= a->high + 1e-9 * step; i++) {
    const double place = (first + i) * step, value = a->log ? pow(10, place) : place;
    const double p = pixel(a, value);
    char text[32];
    snprintf(text, sizeof text, "%.4g", fabs(place) < 1e-9 * step && !a->log ? 0 : value);
    if (vertical)
      fprintf(file, "<path d=\"M%d %.1fH%d\" stroke=\"#ddd\"/>\n", LEFT, p, WIDTH - RIGHT);
    else
      fprintf(file, "<path d=\"M%.1f %dV%d\" stroke=\"#ddd\"/>\n", p, TOP, HEIGHT - BOTTOM);
    if (vertical)
      label(file, LEFT - 6, p + 4, "text-anchor=\"end\"", text);
    else
      label(file, p, HEIGHT - BOTTOM + 17, "text-anchor=\"middle\"", text);
  }
}

static void draw_curve(FILE *file, const curve *c, const axis *x, const axis *y, const char *colour) {
  int pen_down = 0;
  fprintf(file, "<path fill=\"none\" stroke=\"%s\" stroke-width=\"1.6\"%s d=\"", colour,
          c->dashed ? " stroke-dasharray=\"6 4\"" : "");
  for (int i = 0; i < c->count; i++) {
    const int seen = visible(x, c->x[i]) && visible(y, c->y[i]);
    if (seen) fprintf(file, "%c%.1f %.1f", pen_down ? 'L' : 'M', pixel(x, c->x[i]), pixel(y, c->y[i]));
    pen_down = seen;
  }
  fputs("\"/>\n", file);
}

/* Names of the curves, on the right, in their colours. */
static void draw_legend(FILE *file, int row, const curve *c, const char *colour) {
  char style[80];
  snprintf(style, sizeof style, "fill=\"%s\" font-weight=\"bold\"", colour);
  label(file, WIDTH - RIGHT + 12, TOP + 12 + 17 * row, style, c->name);
}

static void draw(FILE *file, const chart *c, const bench_origin *origin) {
  static const char *const colours[] = {"#0072b2", "#d55e00", "#009e73", "#cc79a7",
                                        "#8a6d00", "#56b4e9", "#7f3fbf", "#444444"};
  const axis x = axis_of(c, 0), y = axis_of(c, 1);
  char text[600];
  fprintf(file,
          "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" font-family=\"sans-serif\" "
          "font-size=\"12\">\n<rect width=\"%d\" height=\"%d\" fill=\"#fff\"/>\n",
          WIDTH, HEIGHT, WIDTH, HEIGHT);
  draw_grid(file, &x, 0);
  draw_grid(file, &y, 1);
  for (int i = 0; i < c->count; i++) draw_curve(file, &c->curves[i], &x, &y, colours[i % 8]);
  for (int i = 0; i < c->count; i++) draw_legend(file, i, &c->curves[i], colours[i % 8]);
  label(file, LEFT, 28, "font-size=\"16\"", c->title);
  label(file, LEFT + x.length / 2, HEIGHT - BOTTOM + 38, "text-anchor=\"middle\"", c->x_label);
  snprintf(text, sizeof text, "text-anchor=\"middle\" transform=\"rotate(-90 18 %.1f)\"",
           y.at + y.length / 2);
  label(file, 18, y.at + y.length / 2, text, c->y_label);
  snprintf(text, sizeof text, "%s, %s, commit %s", origin->device, origin->date, origin->commit);
  label(file, LEFT, HEIGHT - 12, "fill=\"#777\" font-size=\"10\"", text);
  fputs("</svg>\n", file);
}

static void write_numbers(results *r, const chart *c) {
  results_array(r, "curves");
  for (int i = 0; i < c->count; i++) {
    const curve *one = &c->curves[i];
    results_object(r, NULL);
    results_text(r, "name", one->name);
    results_numbers(r, c->x_label, one->x, one->count);
    results_numbers(r, c->y_label, one->y, one->count);
    results_end(r);
  }
  results_end(r);
}

int results_chart(results *r, const chart *c) {
  write_numbers(r, c);
  FILE *file = open_file(r, "svg");
  if (file == NULL) return 0;
  draw(file, c, &r->origin);
  return close_file(r, "svg", file);
}
