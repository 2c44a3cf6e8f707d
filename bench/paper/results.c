/* results.c - the results of an experiment as a JSON file and a line chart (results.h). */
#include "bench/paper/results.h"

#include <errno.h>
#include <string.h>

#include "bench/common/json.h"

#ifndef BENCH_SOURCE_FOLDER
#define BENCH_SOURCE_FOLDER "."
#endif

/* ---------------------------------------------------------------- JSON */

/* The comma, line break, indentation and key of the next member. */
static void next_member(results *r, const char *key) {
  if (r->members[r->depth]++) fputc(',', r->file);
  fprintf(r->file, "\n%*s", 2 * r->depth, "");
  if (key == NULL) return;
  bench_json_put_text(r->file, key);
  fputs(": ", r->file);
}

static void open_group(results *r, const char *key, char open, char close) {
  if (r->depth > 0) next_member(r, key);
  fputc(open, r->file);
  if (r->depth + 1 < RESULTS_DEPTH) r->depth++;
  r->close[r->depth] = close;
  r->members[r->depth] = 0;
}

void results_object(results *r, const char *key) { open_group(r, key, '{', '}'); }
void results_array(results *r, const char *key) { open_group(r, key, '[', ']'); }

void results_end(results *r) {
  const char close = r->close[r->depth--];
  fprintf(r->file, "\n%*s%c", 2 * r->depth, "", close);
}

void results_text(results *r, const char *key, const char *value) {
  next_member(r, key);
  bench_json_put_text(r->file, value);
}

void results_number(results *r, const char *key, double value) {
  next_member(r, key);
  bench_json_put_number(r->file, value);
}

void results_numbers(results *r, const char *key, const double *values, int count) {
  next_member(r, key);
  for (int i = 0; i < count; i++) {
    fputs(i ? ", " : "[", r->file);
    bench_json_put_number(r->file, values[i]);
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

/* ---------------------------------------------------------------- the table */

FILE *results_table(const results *r, const char *title, const char *about, const char *note) {
  const bench_origin *origin = &r->origin;
  FILE *table = open_file(r, "md");
  if (table)
    fprintf(table, "# %s\n\n%s\n\n%s, %s, commit %s. %s\n\n", title, about, origin->device, origin->date,
            origin->commit, note);
  return table;
}

int results_table_close(const results *r, FILE *table) { return close_file(r, "md", table); }

/* ---------------------------------------------------------------- the chart */

static void write_numbers(results *r, const chart *c) {
  results_object(r, "chart");
  results_text(r, "title", c->title);
  results_text(r, "x", c->x_label);
  results_text(r, "y", c->y_label);
  results_number(r, "log_x", c->log_x);
  results_number(r, "log_y", c->log_y);
  results_end(r);
  results_array(r, "curves");
  for (int i = 0; i < c->count; i++) {
    const curve *one = &c->curves[i];
    results_object(r, NULL);
    results_text(r, "name", one->name);
    if (one->reference) results_number(r, "reference", 1);
    results_numbers(r, c->x_label, one->x, one->count);
    results_numbers(r, c->y_label, one->y, one->count);
    results_end(r);
  }
  results_end(r);
}

int results_chart(results *r, const chart *c) {
  char origin[sizeof r->origin];
  write_numbers(r, c);
  FILE *file = open_file(r, "svg");
  if (file == NULL) return 0;
  chart_origin(origin, sizeof origin, r->origin.device, r->origin.date, r->origin.commit);
  chart_draw(file, c, origin);
  return close_file(r, "svg", file);
}
