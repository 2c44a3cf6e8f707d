/* collect.c - paper_collect: the logs of the runs of an experiment become NAME.json, NAME.svg and a table NAME.md.
 *
 *   paper_collect FOLDER --name copying-T100 --about "..." --title "..." --y val_loss --y-label "..." [options]
 *
 *   FOLDER/runs      one run a line: name, log (JSON Lines of `seqgpu train --log`), parameters, command; tabs between
 *   FOLDER/skipped   what this build or machine could not run: name and reason
 *   --x KEY          step (default) or elapsed_s
 *   --columns LIST   of the table, comma-separated: KEY:last, KEY:min or KEY:median of the reports
 *   --baseline V     drawn as a dashed line;  --goal V: the table says after how many updates --y is at most V
 *   --log-y          logarithmic;  --note TEXT: into the table's head, what ran where;  --results FOLDER
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/bench.h"
#include "bench/paper/curves.h"

enum { RUNS = 16, COLUMNS = 8, LINE = 4096 };

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
  const char *folder, *name, *about, *title, *x, *y, *x_label, *y_label, *note, *results;
  double baseline, goal;
  int log_y, columns;
  column column[COLUMNS];
} options;

/* ---------------------------------------------------------------- logs */

/* The number of a key in a line of our own log; NaN for null and for a key that is not there. */
static double number_of(const char *line, const char *key) {
  char quoted[64];
  snprintf(quoted, sizeof quoted, "\"%s\": ", key);
  const char *at = strstr(line, quoted);
  char *end;
  if (at == NULL) return (double)NAN;
  at += strlen(quoted);
  const double value = strtod(at, &end);
  return end == at ? (double)NAN : value;
}

static series read_series(const char *path, const char *key) {
  series s = {NULL, 0};
  char line[LINE];
  FILE *file = fopen(path, "r");
  for (int room = 0; file && fgets(line, sizeof line, file); s.count++) {
    if (s.count == room) s.value = realloc(s.value, (size_t)(room = 2 * room + 64) * sizeof *s.value);
    if (s.value == NULL) abort();
    s.value[s.count] = number_of(line, key);
  }
  if (file) fclose(file);
  return s;
}

/* last, min or median of what is finite. */
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

/* Keeps the points that have a y: training reports more often than it validates. */
static void keep_points(run *r) {
  int n = 0;
  for (int i = 0; i < r->y.count && i < r->x.count; i++) {
    if (!isfinite(r->y.value[i])) continue;
    if (n > 0 && r->y.value[i] == r->y.value[n - 1]) continue; /* the same validation, told again */
    r->x.value[n] = r->x.value[i];
    r->steps.value[n] = r->steps.value[i];
    r->y.value[n++] = r->y.value[i];
  }
  r->x.count = r->y.count = n;
}

/* Cuts the next field, up to a tab, off *line. */
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

/* Updates until y was at most the goal; NaN if it never was. */
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

static void put_head(const options *o, const results *json, FILE *table) {
  const bench_origin *origin = &json->origin;
  fprintf(table, "# %s\n\n%s\n\n%s, %s, commit %s. %s\n\n", o->title, o->about, origin->device, origin->date,
          origin->commit, o->note);
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
    curves[n++] = (curve){.name = "baseline", .x = ends, .y = level, .count = 2, .dashed = 1};
  return results_chart(json, &(chart){.title = o->title,
                                      .x_label = o->x_label,
                                      .y_label = o->y_label,
                                      .log_y = o->log_y,
                                      .curves = curves,
                                      .count = n});
}

static int write_results(const options *o, run *runs, int count) {
  results json;
  char path[sizeof json.path + 8];
  if (!results_open(&json, o->results, o->name, o->about)) return 0;
  snprintf(path, sizeof path, "%s.md", json.path);
  FILE *table = fopen(path, "w");
  if (table == NULL) return fprintf(stderr, "%s: cannot be written\n", path), 0;
  results_text(&json, "note", o->note);
  if (isfinite(o->baseline)) results_number(&json, "baseline", o->baseline);
  if (isfinite(o->goal)) results_number(&json, "goal", o->goal);
  put_head(o, &json, table);
  results_array(&json, "runs");
  for (int i = 0; i < count; i++) {
    keep_points(&runs[i]);
    put_run(o, &json, table, &runs[i]);
  }
  results_end(&json);
  put_skipped(o, &json, table);
  const int charted = put_chart(o, &json, runs, count), closed = results_close(&json);
  return (fclose(table) == 0) & charted & closed;
}

/* ---------------------------------------------------------------- the command line */

static void read_columns(options *o, char *list) {
  for (char *c = strtok(list, ","); c && o->columns < COLUMNS; c = strtok(NULL, ",")) {
    column *to = &o->column[o->columns++];
    const size_t length = strcspn(c, ":");
    snprintf(to->key, sizeof to->key, "%.*s", (int)length, c);
    snprintf(to->how, sizeof to->how, "%s", c[length] ? c + length + 1 : "last");
  }
}

static int read_options(int argc, char **argv, options *o) {
  const struct {
    const char *name;
    const char **text;
    double *number;
  } rows[] = {
      {"--name", &o->name, NULL},
      {"--about", &o->about, NULL},
      {"--title", &o->title, NULL},
      {"--x", &o->x, NULL},
      {"--y", &o->y, NULL},
      {"--x-label", &o->x_label, NULL},
      {"--y-label", &o->y_label, NULL},
      {"--note", &o->note, NULL},
      {"--results", &o->results, NULL},
      {"--goal", NULL, &o->goal},
      {"--baseline", NULL, &o->baseline},
  };
  enum { ROWS = sizeof rows / sizeof rows[0] };
  if (argc > 1) o->folder = argv[1];
  for (int i = 2; i < argc; i++) {
    int row = 0;
    while (row < ROWS && strcmp(rows[row].name, argv[i]) != 0) row++;
    if (strcmp(argv[i], "--log-y") == 0) {
      o->log_y = 1;
    } else if (i + 1 < argc && strcmp(argv[i], "--columns") == 0) {
      read_columns(o, argv[++i]);
    } else if (row < ROWS && i + 1 < argc) {
      i++;
      if (rows[row].text) *rows[row].text = argv[i];
      if (rows[row].number) *rows[row].number = strtod(argv[i], NULL);
    } else {
      return fprintf(stderr, "paper_collect: \"%s\" is not an option, or has no value\n", argv[i]), 0;
    }
  }
  if (o->folder && o->name && o->title && o->about && o->y) return 1;
  return fprintf(stderr, "usage: paper_collect FOLDER --name N --about A --title T --y KEY [options]\n"), 0;
}

int main(int argc, char **argv) {
  options o = {.x = "step",
               .x_label = "updates",
               .y_label = "loss",
               .note = "",
               .baseline = (double)NAN,
               .goal = (double)NAN};
  static run runs[RUNS];
  if (!read_options(argc, argv, &o)) return 2;
  const int count = read_runs(&o, runs);
  const int ok = write_results(&o, runs, count);
  for (int i = 0; i < count; i++) {
    free(runs[i].x.value);
    free(runs[i].y.value);
    free(runs[i].steps.value);
  }
  return !ok;
}
