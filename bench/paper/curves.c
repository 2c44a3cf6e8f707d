/* curves.c - draws a line chart as SVG (curves.h). */
#include "bench/paper/curves.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/paper/axes.h"

/* Units of the viewBox.  Shown at 600 pixels, the smallest text is 9 pixels high and a curve 1.6 pixels wide.
 *                        */
enum { WIDTH = 760, HEIGHT = 470, LEFT = 78, TOP = 52, BOTTOM = 84, LEAST_PLOT = 380 };
enum { TEXT = 14, LETTER = 8, KEY = 44, LABEL_STEP = 18 };

/* ---------------------------------------------------------------- styles */

/* Dark enough to be read as text on white; neighbours differ in hue and in lightness. */
static const char *const colours[] = {"#0060a8", "#c8500a", "#00805a", "#a8327d",
                                      "#7a5c00", "#0b86a3", "#6a3db8", "#333333"};

/* A mark about the current point, as relative commands of a path.  Open ones are filled with white. */
static const struct {
  const char *path;
  int open;
} marks[] = {
    {"m-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0z", 0}, {"m-3.5-3.5h7v7h-7z", 1},      {"m0-4.8l4.5 7.8h-9z", 0},
    {"m0-5.2l4.6 5.2l-4.6 5.2l-4.6-5.2z", 1},  {"m-3.5-3.5l7 7m0-7l-7 7", 1}, {"m-3.5-3.5h7v7h-7z", 0},
    {"m-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0z", 1}, {"m0 4.8l4.5-7.8h-9z", 1}};

static const char *const dashes[] = {"none", "9 4", "2.5 3", "12 4 2.5 4"};
static const char *const reference_dashes[] = {"5 5", "1.5 4", "14 6", "10 4 1.5 4 1.5 4", "20 4", "6 2.5"};
static const char *const reference_colours[] = {"#555555", "#808080"};

typedef struct style {
  const char *colour, *dash, *mark; /* mark NULL: a reference */
  int open;
  double width;
} style;

/* Of the n-th curve.  In each block of eight all marks differ; from block to block a mark gets the next
 * dashes and another colour. */
static style curve_style(int n) {
  const int block = n / 8, mark = (n + block) % 8;
  return (style){colours[n % 8], dashes[(mark + block) % 4], marks[mark].path, marks[mark].open, 2};
}

/* Of the n-th reference. */
static style reference_style(int n) {
  return (style){reference_colours[n / 6 % 2], reference_dashes[n % 6], NULL, 0, 1.5};
}

/* ---------------------------------------------------------------- the plan of the page */

/* A curve on the page. */
typedef struct line {
  const curve *curve;
  style style;
  double end_x, end_y; /* its last visible point */
  double label_y;
} line;

typedef struct page {
  FILE *file;
  axis x, y;
  double width, height;
  double right, labels; /* where the plot ends, and where the labels begin */
  int count;
  line lines[CHART_CURVES];
} page;

static int shown(const page *p, const curve *c, int i) {
  return axis_shows(&p->x, c->x[i]) && axis_shows(&p->y, c->y[i]);
}

static void find_axes(page *p, const chart *c) {
  p->x = axis_empty(c->log_x);
  p->y = axis_empty(c->log_y);
  for (int k = 0; k < p->count; k++)
    for (int i = 0; i < c->curves[k].count; i++) {
      if (!shown(p, &c->curves[k], i)) continue;
      axis_include(&p->x, c->curves[k].x[i]);
      axis_include(&p->y, c->curves[k].y[i]);
    }
  axis_finish(&p->x, 0);
  axis_finish(&p->y, 1);
}

/* Letters of UTF-8, not bytes. */
static int letters_of(const char *text) {
  int count = 0;
  for (; *text; text++) count += (*text & 0xC0) != 0x80;
  return count;
}

/* The labels have the right margin, as wide as the longest wants it; many labels make the page higher. */
static void find_sizes(page *p, const chart *c) {
  int longest = 0;
  for (int k = 0; k < p->count; k++) {
    const int letters = letters_of(c->curves[k].name);
    longest = letters > longest ? letters : longest;
  }
  const double gap = p->count > 12 ? 28 : 14; /* for the fine lines from the curves to their names */
  const double margin = gap + KEY + 6 + LETTER * longest + 8;
  p->width = fmax(WIDTH, LEFT + LEAST_PLOT + margin);
  p->height = fmax(HEIGHT, TOP + BOTTOM + LABEL_STEP * (p->count - 1) + 10);
  p->right = p->width - margin;
  p->labels = p->right + gap;
  p->x.at = LEFT;
  p->x.length = p->right - LEFT;
  p->y.at = p->height - BOTTOM;
  p->y.length = TOP - p->y.at;
}

static void find_lines(page *p, const chart *c) {
  int plain = 0, references = 0;
  for (int k = 0; k < p->count; k++) {
    line *l = &p->lines[k];
    *l = (line){.curve = &c->curves[k], .end_x = p->right, .end_y = p->y.at};
    l->style = l->curve->reference ? reference_style(references++) : curve_style(plain++);
    for (int i = 0; i < l->curve->count; i++) {
      if (!shown(p, l->curve, i)) continue;
      l->end_x = axis_pixel(&p->x, l->curve->x[i]);
      l->end_y = axis_pixel(&p->y, l->curve->y[i]);
    }
  }
}

/* ---------------------------------------------------------------- labels */

static int by_end(const void *a, const void *b) {
  const line *const *p = a, *const *q = b;
  if ((*p)->end_y != (*q)->end_y) return (*p)->end_y < (*q)->end_y ? -1 : 1;
  return *p < *q ? -1 : *p > *q; /* equal ends: in the order of the curves */
}

/* Moves the labels apart, as little as possible in the sense of least squares: labels that would overlap form
 * a block that is centred on the mean of what its members want, and blocks that meet become one. */
static void place_labels(page *p) {
  line *order[CHART_CURVES] = {NULL};
  double centre[CHART_CURVES] = {0}; /* of a block: where its first label would be, on average */
  int size[CHART_CURVES] = {0}, blocks = 0, next = 0;
  for (int k = 0; k < p->count; k++) order[k] = &p->lines[k];
  qsort(order, (size_t)p->count, sizeof order[0], by_end);
  for (int k = 0; k < p->count; k++) {
    centre[blocks] = order[k]->end_y - LABEL_STEP * k; /* all steps taken off, they may not descend */
    size[blocks++] = 1;
    for (; blocks > 1 && centre[blocks - 2] > centre[blocks - 1]; blocks--) {
      const int a = size[blocks - 2], b = size[blocks - 1];
      centre[blocks - 2] = (a * centre[blocks - 2] + b * centre[blocks - 1]) / (a + b);
      size[blocks - 2] = a + b;
    }
  }
  const double top = TOP, bottom = p->y.at - LABEL_STEP * (p->count - 1);
  for (int b = 0; b < blocks; b++)
    for (int i = 0; i < size[b]; i++, next++)
      order[next]->label_y = fmin(fmax(centre[b], top), fmax(bottom, top)) + LABEL_STEP * next;
}

/* ---------------------------------------------------------------- SVG */

static void put_text(FILE *file, const char *text) {
  for (; *text; text++) {
    if (*text == '<')
      fputs("&lt;", file);
    else if (*text == '>')
      fputs("&gt;", file);
    else if (*text == '&')
      fputs("&amp;", file);
    else
      fputc(*text, file);
  }
}

static void label(const page *p, double x, double y, const char *attributes, const char *text) {
  fprintf(p->file, "<text x=\"%.1f\" y=\"%.1f\" %s>", x, y, attributes);
  put_text(p->file, text);
  fputs("</text>\n", p->file);
}

static void draw_grid(const page *p) {
  char text[48];
  fputs("<g stroke=\"#dcdcdc\" stroke-width=\"0.8\">\n", p->file);
  for (int i = 0; i < p->x.ticks; i++)
    fprintf(p->file, "<path d=\"M%.1f %dV%.1f\"/>\n", axis_pixel(&p->x, p->x.tick[i]), TOP, p->y.at);
  for (int i = 0; i < p->y.ticks; i++)
    fprintf(p->file, "<path d=\"M%d %.1fH%.1f\"/>\n", LEFT, axis_pixel(&p->y, p->y.tick[i]), p->right);
  fputs("</g>\n", p->file);
  fprintf(p->file, "<path d=\"M%d %dV%.1fH%.1f\" fill=\"none\" stroke=\"#555\"/>\n", LEFT, TOP, p->y.at,
          p->right);
  fputs("<g font-size=\"13\" fill=\"#333\">\n", p->file);
  for (int i = 0; i < p->x.ticks; i++) {
    axis_text(&p->x, p->x.tick[i], text, sizeof text);
    label(p, axis_pixel(&p->x, p->x.tick[i]), p->y.at + 19, "text-anchor=\"middle\"", text);
  }
  for (int i = 0; i < p->y.ticks; i++) {
    axis_text(&p->y, p->y.tick[i], text, sizeof text);
    label(p, LEFT - 7, axis_pixel(&p->y, p->y.tick[i]) + 4.5, "text-anchor=\"end\"", text);
  }
  fputs("</g>\n", p->file);
}

static void draw_line(const page *p, const line *l) {
  const curve *c = l->curve;
  int pen_down = 0;
  fprintf(p->file, "<path stroke-dasharray=\"%s\" d=\"", l->style.dash);
  for (int i = 0; i < c->count; i++) {
    const int seen = shown(p, c, i);
    if (seen)
      fprintf(p->file, "%c%.1f %.1f", pen_down ? 'L' : 'M', axis_pixel(&p->x, c->x[i]),
              axis_pixel(&p->y, c->y[i]));
    pen_down = seen;
  }
  fputs("\"/>\n", p->file);
}

static void begin_marks(const page *p, const line *l) {
  fprintf(p->file, "<path fill=\"%s\" stroke-width=\"1.5\" d=\"", l->style.open ? "#fff" : l->style.colour);
}

static void put_mark(const page *p, const line *l, double x, double y) {
  fprintf(p->file, "M%.1f %.1f%s", x, y, l->style.mark);
}

/* Marks are DISTANCE apart, and neighbours in the list begin at different places.  The last point always has
 * one, a point that stands alone has one, and where there are few points, each has one. */
static void draw_marks(const page *p, const line *l, int index) {
  enum { DISTANCE = 64, SHIFT = 23, FEW = 12 };
  const curve *c = l->curve;
  double next = LEFT + index * SHIFT % DISTANCE;
  if (l->style.mark == NULL) return;
  begin_marks(p, l);
  for (int i = 0; i < c->count; i++) {
    if (!shown(p, c, i)) continue;
    const double x = axis_pixel(&p->x, c->x[i]), y = axis_pixel(&p->y, c->y[i]);
    const int alone = (i == 0 || !shown(p, c, i - 1)) && (i + 1 == c->count || !shown(p, c, i + 1));
    const int last = x == l->end_x && y == l->end_y, crowded = l->end_x - x < DISTANCE * 0.5;
    if (c->count > FEW && !last && !alone && (x < next || crowded)) continue;
    put_mark(p, l, x, y);
    next = x + DISTANCE;
  }
  fputs("\"/>\n", p->file);
}

/* The name with a piece of the line.  Fine dots lead from the curve's end to the margin, and a fine line from
 * there to the name. */
static void draw_label(const page *p, const line *l) {
  const double left = p->labels, middle = left + KEY / 2.0;
  char attributes[64];
  if (p->right - l->end_x > 1)
    fprintf(p->file, "<path stroke-width=\"0.8\" stroke-dasharray=\"1 3\" d=\"M%.1f %.1fH%.1f\"/>\n",
            l->end_x, l->end_y, p->right);
  fprintf(p->file, "<path stroke-width=\"0.8\" d=\"M%.1f %.1fL%.1f %.1f\"/>\n", p->right, l->end_y, left,
          l->label_y);
  fprintf(p->file, "<path stroke-dasharray=\"%s\" d=\"M%.1f %.1fh%d\"/>\n", l->style.dash, left, l->label_y,
          KEY);
  if (l->style.mark) {
    begin_marks(p, l);
    put_mark(p, l, middle, l->label_y);
    fputs("\"/>\n", p->file);
  }
  snprintf(attributes, sizeof attributes, "fill=\"%s\" stroke=\"none\"", l->style.colour);
  label(p, left + KEY + 6, l->label_y + 4.8, attributes, l->curve->name);
}

static void draw_curve(const page *p, const line *l, int index) {
  fprintf(p->file,
          "<g class=\"curve\" fill=\"none\" stroke=\"%s\" stroke-width=\"%.1f\" stroke-linejoin=\"round\">\n",
          l->style.colour, l->style.width);
  draw_line(p, l);
  draw_marks(p, l, index);
  draw_label(p, l);
  fputs("</g>\n", p->file);
}

static void draw_words(const page *p, const chart *c, const char *origin) {
  char turned[96];
  const double middle = p->y.at + p->y.length / 2;
  label(p, LEFT, 28, "font-size=\"18\" font-weight=\"bold\"", c->title);
  label(p, LEFT + p->x.length / 2, p->y.at + 43, "text-anchor=\"middle\"", c->x_label);
  snprintf(turned, sizeof turned, "text-anchor=\"middle\" transform=\"rotate(-90 20 %.1f)\"", middle);
  label(p, 20, middle, turned, c->y_label);
  label(p, LEFT, p->height - 14, "fill=\"#666\" font-size=\"12\"", origin);
}

void chart_draw(FILE *file, const chart *c, const char *origin) {
  page p = {.file = file, .count = c->count < CHART_CURVES ? c->count : CHART_CURVES};
  find_axes(&p, c);
  find_sizes(&p, c);
  find_lines(&p, c);
  place_labels(&p);
  fprintf(
      file,
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %.0f %.0f\" font-family=\"Helvetica, Arial, "
      "sans-serif\" font-size=\"%d\" fill=\"#111\">\n<rect width=\"100%%\" height=\"100%%\" "
      "fill=\"#fff\"/>\n",
      p.width, p.height, TEXT);
  draw_grid(&p);
  for (int k = 0; k < p.count; k++) draw_curve(&p, &p.lines[k], k);
  draw_words(&p, c, origin);
  fputs("</svg>\n", file);
}

void chart_origin(char *out, size_t size, const char *device, const char *date, const char *commit) {
  snprintf(out, size, "%s, %s, commit %s", device, date, commit);
}
