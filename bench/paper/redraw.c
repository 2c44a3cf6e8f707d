/* redraw.c - paper_redraw: draws NAME.svg again from the numbers in NAME.json, without measuring anything.
 *
 *   paper_redraw FILE.json [--title T] [--x-label L] [--y-label L] [--log-x] [--log-y] [--references "A;B"]
 *
 * The file holds the curves and, since version 0.2, how they are drawn (its member "chart").  For an older
 * file the options say it; --references names the curves that are baselines, fits or published numbers.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/common/json_read.h"
#include "bench/common/options.h"
#include "bench/paper/curves.h"

static const char USAGE[] =
    "usage: paper_redraw FILE.json [options]\n"
    "Draws FILE.svg again from the numbers of an experiment.\n"
    "  --title T  --x-label L  --y-label L   other words than those of the file\n"
    "For files without \"chart\", which are older than version 0.2:\n"
    "  --log-x  --log-y       logarithmic axes\n"
    "  --references \"A;B\"     curves that are baselines, fits or published numbers\n";

enum { NAME = 128 };

typedef struct options {
  const char *file, *title, *x_label, *y_label, *references;
  int log_x, log_y;
} options;

/* A curve with its memory. */
typedef struct points {
  char name[NAME];
  double *x, *y;
} points;

typedef struct picture {
  char title[256], x_label[NAME], y_label[NAME];
  int count;
  points points[CHART_CURVES];
  curve curves[CHART_CURVES];
} picture;

/* ---------------------------------------------------------------- reading */

static int numbers_in(const char *array) {
  int count = 0;
  for (const char *at = json_item(array, 0, NULL, 0); at; at = json_next(at, NULL, 0)) count++;
  return count;
}

/* The numbers of an array, NaN for null; NULL without memory. */
static double *read_numbers(const char *array) {
  double *out = malloc(((size_t)numbers_in(array) + 1) * sizeof *out);
  int i = 0;
  if (out == NULL) return NULL;
  for (const char *at = json_item(array, 0, NULL, 0); at; at = json_next(at, NULL, 0))
    out[i++] = json_number(at);
  return out;
}

/* Is the name in a list with semicolons?  Names of curves may hold commas. */
static int is_listed(const char *list, const char *name) {
  const size_t length = strlen(name);
  for (const char *at = list; at && *at; at += strspn(at, ";")) {
    const size_t n = strcspn(at, ";");
    if (n == length && strncmp(at, name, n) == 0) return 1;
    at += n;
  }
  return 0;
}

/* A curve's object: "name", perhaps "reference", then two arrays whose keys are the labels of the axes. */
static int read_curve(picture *p, const char *object, const options *o) {
  points *to = &p->points[p->count];
  char key[NAME];
  const char *array[2] = {NULL, NULL};
  int arrays = 0;
  for (const char *at = json_item(object, 0, key, sizeof key); at; at = json_next(at, key, sizeof key)) {
    if (*at != '[' || arrays == 2) continue;
    snprintf(arrays ? p->y_label : p->x_label, NAME, "%s", key);
    array[arrays++] = at;
  }
  if (arrays < 2 || numbers_in(array[0]) != numbers_in(array[1])) return 0;
  if (!json_text(json_member(object, "name"), to->name, sizeof to->name)) return 0;
  to->x = read_numbers(array[0]);
  to->y = read_numbers(array[1]);
  p->curves[p->count++] = (curve){.name = to->name,
                                  .x = to->x,
                                  .y = to->y,
                                  .count = numbers_in(array[0]),
                                  .reference = json_number(json_member(object, "reference")) > 0 ||
                                               is_listed(o->references, to->name)};
  return to->x && to->y;
}

static int read_curves(picture *p, const char *json, const options *o) {
  const char *at = json_item(json_member(json, "curves"), 0, NULL, 0);
  int good = at != NULL;
  for (; at && good && p->count < CHART_CURVES; at = json_next(at, NULL, 0)) good = read_curve(p, at, o);
  if (!good)
    fprintf(stderr, "paper_redraw: %s has no curves; it must be the JSON file of an experiment\n", o->file);
  return good;
}

/* ---------------------------------------------------------------- drawing */

/* A text member of the file, or a word for its absence. */
static const char *text_of(const char *json, const char *key, char *out, size_t size) {
  if (!json_text(json_member(json, key), out, size)) snprintf(out, size, "unknown");
  return out;
}

static int draw(picture *p, const char *json, const options *o) {
  const char *style = json_member(json, "chart");
  char path[600], origin[600], device[256], date[64], commit[64];
  if (!json_text(json_member(style, "title"), p->title, sizeof p->title)) p->title[0] = 0;
  const chart c = {.title = o->title ? o->title : p->title,
                   .x_label = o->x_label ? o->x_label : p->x_label,
                   .y_label = o->y_label ? o->y_label : p->y_label,
                   .log_x = o->log_x || json_number(json_member(style, "log_x")) > 0,
                   .log_y = o->log_y || json_number(json_member(style, "log_y")) > 0,
                   .curves = p->curves,
                   .count = p->count};
  snprintf(path, sizeof path, "%.*s.svg", (int)(strlen(o->file) - strlen(".json")), o->file);
  FILE *file = fopen(path, "w");
  if (file == NULL) return fprintf(stderr, "paper_redraw: %s cannot be written\n", path), 0;
  chart_origin(origin, sizeof origin, text_of(json, "device", device, sizeof device),
               text_of(json, "date", date, sizeof date), text_of(json, "commit", commit, sizeof commit));
  chart_draw(file, &c, origin);
  if (fclose(file) == 0) return 1;
  fprintf(stderr, "paper_redraw: %s cannot be written\n", path);
  return 0;
}

int main(int argc, char **argv) {
  static picture p;
  options o = {.file = ""};
  const bench_option table[] = {bench_option_text("FILE", &o.file),
                                bench_option_text("--title", &o.title),
                                bench_option_text("--x-label", &o.x_label),
                                bench_option_text("--y-label", &o.y_label),
                                bench_option_text("--references", &o.references),
                                bench_option_flag("--log-x", &o.log_x, 1),
                                bench_option_flag("--log-y", &o.log_y, 1)};
  const int code = bench_parse("paper_redraw", USAGE, table, BENCH_COUNT(table), argc, argv);
  if (code != BENCH_GO_ON) return code;
  const size_t length = strlen(o.file);
  if (length < 6 || strcmp(o.file + length - 5, ".json") != 0) {
    fprintf(stderr, "paper_redraw: the file is \"%s\"; its name must end in .json\n", o.file);
    return BENCH_USAGE;
  }
  char *json = json_file(o.file);
  const int good = json && read_curves(&p, json, &o) && draw(&p, json, &o);
  for (int i = 0; i < p.count; i++) {
    free(p.points[i].x);
    free(p.points[i].y);
  }
  free(json);
  return good ? BENCH_OK : BENCH_FAILED;
}
