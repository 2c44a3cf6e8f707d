/* collect.c - paper_collect: the logs of an experiment's runs become NAME.json, NAME.svg and a table NAME.md.
 *
 *   paper_collect FOLDER --name copying-T100 --about "..." --title "..." --y val_loss --y-label "..."
 *   [options]
 *
 *   FOLDER/runs      one run per line: name, log (JSON Lines of `seqgpu train --log`), parameters and
 *                    command, with tabs in between
 *   FOLDER/skipped   what this build or machine could not run: name and reason
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/common/json_read.h"
#include "bench/common/measure.h"
#include "bench/common/options.h"
#include "bench/paper/results.h"

static const char USAGE[] =
    "usage: paper_collect FOLDER --name N --about A --title T --y KEY [options]\n"
    "  --y-label L            of the vertical axis (default: loss)\n"
    "  --x KEY                step (default) or elapsed_s;  --x-label L (default: updates)\n"
    "  --columns LIST         of the table, comma-separated: KEY:last, KEY:min or KEY:median of the reports\n"
    "  --baseline V           drawn as a reference\n"
    "  --goal V               the table says after how many updates --y is at most V\n"
    "  --log-y                a logarithmic vertical axis\n"
    "  --note TEXT            for the head of the table: what ran where\n" BENCH_HELP_RESULTS;

enum { RUNS = CHART_CURVES - 1, COLUMNS = 8, LINE = 4096 };

typedef struct series {
  double *value;
  int count;
} series;

typedef struct run {
  char name[64], log[512], command[1024];
  double parameters;
  series x, y, steps;
} run;

typedef struct column {
  char key[48], how[16];
} column;

typedef struct options {
  const char *folder, *name, *about, *title, *x, *y, *x_label, *y_label, *note, *results, *list;
  double baseline, goal;
  int log_y, columns;
  column column[COLUMNS]; /* of --columns */
} options;

/* ---------------------------------------------------------------- logs */

/* The values of a key in all lines of a log; NaN where a line has none. */
static series read_series(const char *path, const char *key) {
  series s = {NULL, 0};
  char line[LINE];
  FILE *file = fopen(path, "r");
  for (int room = 0; file && fgets(line, sizeof line, file); s.count++) {
    if (s.count == room) s.value = realloc(s.value, (size_t)(room = 2 * room + 64) * sizeof *s.value);
    if (s.value == NULL) abort();
    s.value[s.count] = json_number(json_member(line, key));
  }
  if (file) fclose(file);
  return s;
}

/* The last, least or median value of those that are finite. */
static double summary(const series *s, const char *how) {
  double *finite = malloc(((size_t)s->count + 1) * sizeof *finite), last = (double)NAN;
  int count = 0;
  if (finite == NULL) abort();
  for (int i = 0; i < s->count; i++)
    if (isfinite(s->value[i])) finite[count++] = last = s->value[i];
  const bench_stats stats = bench_statistics(finite, count);
  free(finite);
  if (count == 0 || strcmp(how, "last") == 0) return last;
  return strcmp(how, "min") == 0 ? stats.min : stats.median;
}

/* Keeps the points that have a y, since training reports more often than it validates. */
static void keep_points(run *r) {
  int n = 0;
  for (int i = 0; i < r->y.count && i < r->x.count; i++) {
    if (!isfinite(r->y.value[i])) continue;
    if (n > 0 && r->y.value[i] == r->y.value[n - 1]) continue; /* the same validation, reported again */
    r->x.value[n] = r->x.value[i];
    r->steps.value[n] = r->steps.value[i];
    r->y.value[n++] = r->y.value[i];
  }
  r->x.count = r->y.count = n;
}

/* Copies the next field, up to a tab, and moves *line behind it. */
static void next_field(char **line, char *out, size_t size) {
  const size_t length = strcspn(*line, "\t\n");
  snprintf(out, size, "%.*s", (int)length, *line);
  *line += length + (length < strlen(*line));
}

static int read_runs(const options *o, run *runs) {
  char path[600], line[LINE], parameters[32];
  snprintf(path, sizeof path, "%s/runs", o->folder);
  FILE *file = fopen(path, "r");
  int count = 0;
  while (file && count < RUNS && fgets(line, sizeof line, file)) {
    char *at = line;
    run *r = &runs[count++];
    next_field(&at, r->name, sizeof r->name);
    next_field(&at, r->log, sizeof r->log);
    next_field(&at, parameters, sizeof parameters);
    next_field(&at, r->command, sizeof r->command);
    r->parameters = strtod(parameters, NULL);
    r->x = read_series(r->log, o->x);
    r->y = read_series(r->log, o->y);
    r->steps = read_series(r->log, "step");
  }
  if (file) fclose(file);
  return count;
}

/* ---------------------------------------------------------------- results */

/* Updates until y is at most the goal; NaN if it never is. */
static double updates_to_goal(const options *o, const run *r) {
  for (int i = 0; i < r->y.count; i++)
    if (r->y.value[i] <= o->goal) return r->steps.value[i];
  return (double)NAN;
}

static double column_of(const run *r, const column *c) {
  series s = read_series(r->log, c->key);
  const double value = summary(&s, c->how);
  free(s.value);
  return value;
}

static void put_cell(FILE *table, double value) {
  if (isfinite(value))
    fprintf(table, " %.5g |", value);
  else
    fprintf(table, " - |");
}

/* One run: a row of the table and an object of the JSON file. */
static void put_run(const options *o, results *json, FILE *table, const run *r) {
  results_object(json, NULL);
  results_text(json, "name", r->name);
  results_text(json, "command", r->command);
  results_number(json, "parameters", r->parameters);
  fprintf(table, "| %s | %.0f |", r->name, r->parameters);
  for (int i = 0; i < o->columns; i++) {
    char key[80];
    snprintf(key, sizeof key, "%s %s", o->column[i].key, o->column[i].how);
    const double value = column_of(r, &o->column[i]);
    results_number(json, key, value);
    put_cell(table, value);
  }
  if (isfinite(o->goal)) {
    results_number(json, "updates to goal", updates_to_goal(o, r));
    put_cell(table, updates_to_goal(o, r));
  }
  fprintf(table, "\n");
  results_end(json);
}

static void put_columns(const options *o, FILE *table) {
  if (isfinite(o->baseline)) fprintf(table, "Baseline: %.5g.\n\n", o->baseline);
  fprintf(table, "| run | parameters |");
  for (int i = 0; i < o->columns; i++) fprintf(table, " %s, %s |", o->column[i].key, o->column[i].how);
  if (isfinite(o->goal)) fprintf(table, " updates until %s <= %.5g |", o->y, o->goal);
  fprintf(table, "\n|---|---|");
  for (int i = 0; i < o->columns + (isfinite(o->goal) != 0); i++) fprintf(table, "---|");
  fprintf(table, "\n");
}

static void put_skipped(const options *o, results *json, FILE *table) {
  char path[600], line[LINE], name[64], reason[256];
  snprintf(path, sizeof path, "%s/skipped", o->folder);
  FILE *file = fopen(path, "r");
  results_array(json, "skipped");
  while (file && fgets(line, sizeof line, file)) {
    char *at = line;
    next_field(&at, name, sizeof name);
    next_field(&at, reason, sizeof reason);
    results_object(json, NULL);
    results_text(json, "name", name);
    results_text(json, "reason", reason);
    results_end(json);
    fprintf(table, "\nskipped: %s: %s\n", name, reason);
  }
  results_end(json);
  if (file) fclose(file);
}

static int put_chart(const options *o, results *json, const run *runs, int count) {
  curve curves[RUNS + 1];
  double ends[2] = {(double)INFINITY, -(double)INFINITY}, level[2] = {o->baseline, o->baseline};
  int n = 0;
  for (int i = 0; i < count; i++) {
    const run *r = &runs[i];
    curves[n++] = (curve){.name = r->name, .x = r->x.value, .y = r->y.value, .count = r->y.count};
    for (int k = 0; k < r->y.count; k++) {
      ends[0] = fmin(ends[0], r->x.value[k]);
      ends[1] = fmax(ends[1], r->x.value[k]);
    }
  }
  if (isfinite(o->baseline) && ends[1] > ends[0])
    curves[n++] = (curve){.name = "baseline", .x = ends, .y = level, .count = 2, .reference = 1};
  return results_chart(json, &(chart){.title = o->title,
                                      .x_label = o->x_label,
                                      .y_label = o->y_label,
                                      .log_y = o->log_y,
                                      .curves = curves,
                                      .count = n});
}

static int write_results(const options *o, run *runs, int count) {
  results json;
  if (!results_open(&json, o->results, o->name, o->about)) return 0;
  FILE *table = results_table(&json, o->title, o->about, o->note);
  if (table == NULL) return 0;
  results_text(&json, "note", o->note);
  if (isfinite(o->baseline)) results_number(&json, "baseline", o->baseline);
  if (isfinite(o->goal)) results_number(&json, "goal", o->goal);
  put_columns(o, table);
  results_array(&json, "runs");
  for (int i = 0; i < count; i++) {
    keep_points(&runs[i]);
    put_run(o, &json, table, &runs[i]);
  }
  results_end(&json);
  put_skipped(o, &json, table);
  const int charted = put_chart(o, &json, runs, count), closed = results_close(&json);
  return results_table_close(&json, table) && charted && closed;
}

/* ---------------------------------------------------------------- the command line */

/* "val_loss:min,loss": keys, and which of their values; `last` where nothing is said. */
static void read_columns(options *o) {
  char word[sizeof(column)];
  while (o->columns < COLUMNS && bench_next_word(&o->list, word, (int)sizeof word)) {
    column *to = &o->column[o->columns++];
    const size_t length = strcspn(word, ":");
    snprintf(to->key, sizeof to->key, "%.*s", (int)length, word);
    snprintf(to->how, sizeof to->how, "%.15s", word[length] ? word + length + 1 : "last");
  }
}

static int read_options(int argc, char **argv, options *o) {
  const bench_option table[] = {bench_option_text("FOLDER", &o->folder),
                                bench_option_text("--name", &o->name),
                                bench_option_text("--about", &o->about),
                                bench_option_text("--title", &o->title),
                                bench_option_text("--x", &o->x),
                                bench_option_text("--y", &o->y),
                                bench_option_text("--x-label", &o->x_label),
                                bench_option_text("--y-label", &o->y_label),
                                bench_option_text("--note", &o->note),
                                bench_option_text("--columns", &o->list),
                                bench_option_number("--goal", &o->goal),
                                bench_option_number("--baseline", &o->baseline),
                                bench_option_flag("--log-y", &o->log_y, 1),
                                BENCH_RESULTS(&o->results)};
  const int code = bench_parse("paper_collect", USAGE, table, BENCH_COUNT(table), argc, argv);
  if (code != BENCH_GO_ON) return code;
  read_columns(o);
  if (o->folder && o->name && o->title && o->about && o->y) return BENCH_GO_ON;
  fprintf(stderr, "paper_collect: FOLDER, --name, --about, --title or --y is missing\n%s", USAGE);
  return BENCH_USAGE;
}

int main(int argc, char **argv) {
  options o = {.x = "step",
               .x_label = "updates",
               .y_label = "loss",
               .note = "",
               .list = "",
               .baseline = (double)NAN,
               .goal = (double)NAN};
  static run runs[RUNS];
  const int code = read_options(argc, argv, &o);
  if (code != BENCH_GO_ON) return code;
  const int count = read_runs(&o, runs);
  const int ok = write_results(&o, runs, count);
  for (int i = 0; i < count; i++) {
    free(runs[i].x.value);
    free(runs[i].y.value);
    free(runs[i].steps.value);
  }
  return ok ? BENCH_OK : BENCH_FAILED;
}
