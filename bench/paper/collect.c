/* collect.c - paper_collect: the logs of an experiment's runs become NAME.json, NAME.svg and a table NAME.md.
 *
 *   paper_collect FOLDER --name copying-T100 --about "..." --title "..." --y val_loss --y-label "..."
 *   [options]
 *
 *   FOLDER/runs      one run per line: name, log (JSON Lines of `seqgpu train --log`), parameters and
 *                    command, with tabs in between
 *   FOLDER/skipped   what this build or machine could not run: name and reason
 *
 * Where runs differ in their seeds alone (runs.h), a table of means and spreads comes before that of the runs,
 * and the chart shows means.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/common/options.h"
#include "bench/paper/results.h"
#include "bench/paper/runs.h"

static const char USAGE[] =
    "usage: paper_collect FOLDER --name N --about A --title T --y KEY [options]\n"
    "  --y-label L            of the vertical axis (default: loss)\n"
    "  --x KEY                step (default) or elapsed_s;  --x-label L (default: updates)\n"
    "  --columns LIST         of the table, comma-separated: KEY:last, KEY:min or KEY:median of the reports\n"
    "  --baseline V           drawn as a reference\n"
    "  --goal V               the table says after how many updates --y is at most V\n"
    "  --log-y                a logarithmic vertical axis\n"
    "  --beside NAME          of these runs: how far other means of the first column are from theirs\n"
    "  --note TEXT            for the head of the table: what ran where\n" BENCH_HELP_RESULTS;

enum { LINE = 4096 };

typedef struct options {
  const char *folder, *name, *about, *title, *x, *y, *x_label, *y_label, *note, *results, *list, *beside;
  double baseline, goal;
  int log_y, columns;
  column column[COLUMNS]; /* of --columns */
} options;

/* ---------------------------------------------------------------- results */

/* Updates until y is at most the goal; NaN if it never is. */
static double updates_to_goal(const options *o, const run *r) {
  for (int i = 0; i < r->y.count; i++)
    if (r->y.value[i] <= o->goal) return r->steps.value[i];
  return (double)NAN;
}

/* What a column is called in the JSON file. */
typedef struct column_key {
  char text[80];
} column_key;

static column_key key_of(const column *c) {
  column_key k;
  snprintf(k.text, sizeof k.text, "%s %s", c->key, c->how);
  return k;
}

/* The head of a table: two columns, those of --columns, that of --goal, and a last one unless it is NULL. */
static void put_table_head(const options *o, FILE *table, const char *first, const char *last) {
  const int columns = o->columns + (isfinite(o->goal) != 0) + (last != NULL);
  fprintf(table, "| %s |", first);
  for (int i = 0; i < o->columns; i++) fprintf(table, " %s, %s |", o->column[i].key, o->column[i].how);
  if (isfinite(o->goal)) fprintf(table, " updates until %s <= %.5g |", o->y, o->goal);
  if (last) fprintf(table, " %s |", last);
  fprintf(table, "\n|---|---|");
  for (int i = 0; i < columns; i++) fprintf(table, "---|");
  fprintf(table, "\n");
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
    const double value = runs_column(r, &o->column[i]);
    results_number(json, key_of(&o->column[i]).text, value);
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
}

/* The rows of all runs, in the table and in the JSON file. */
static void put_runs(const options *o, results *json, FILE *table, const run *runs, int count) {
  put_table_head(o, table, "run | parameters", NULL);
  results_array(json, "runs");
  for (int i = 0; i < count; i++) put_run(o, json, table, &runs[i]);
  results_end(json);
}

/* ---------------------------------------------------------------- groups */

/* Mean, deviation and range, or the one value; how many of the group's runs have a value, where some have none. */
static void put_spread(results *json, FILE *table, const char *key, const group *g, spread s) {
  results_object(json, key);
  results_number(json, "runs", s.count);
  results_number(json, "mean", s.mean);
  results_number(json, "standard deviation", s.deviation);
  results_number(json, "min", s.count ? s.min : (double)NAN);
  results_number(json, "max", s.count ? s.max : (double)NAN);
  results_end(json);
  if (s.count == 0) {
    fprintf(table, " - |");
    return;
  }
  fprintf(table, " %.5g", s.mean);
  if (s.max > s.min) fprintf(table, " ± %.2g (%.5g to %.5g)", s.deviation, s.min, s.max);
  if (s.count < g->count) fprintf(table, ", %d of %d", s.count, g->count);
  fprintf(table, " |");
}

static spread spread_to_goal(const options *o, const group *g) {
  double value[RUNS];
  for (int i = 0; i < g->count; i++) value[i] = updates_to_goal(o, g->member[i]);
  return spread_of(value, g->count);
}

/* The mean of the first column over the runs of --beside; NaN without them. */
static double mean_beside(const options *o, const group *groups, int count) {
  for (int i = 0; o->beside && o->columns && i < count; i++)
    if (strcmp(groups[i].name, o->beside) == 0) return group_column(&groups[i], &o->column[0]).mean;
  return (double)NAN;
}

static void put_groups(const options *o, results *json, FILE *table, const group *groups, int count) {
  const double beside = mean_beside(o, groups, count);
  char last[RUN_NAME + 16];
  snprintf(last, sizeof last, "mean beside %s", o->beside ? o->beside : "");
  fprintf(table, "Mean ± standard deviation (least to largest) over the seeds:\n\n");
  put_table_head(o, table, "runs | seeds", isfinite(beside) ? last : NULL);
  results_array(json, "groups");
  for (int k = 0; k < count; k++) {
    const group *g = &groups[k];
    results_object(json, NULL);
    results_text(json, "name", g->name);
    fprintf(table, "| %s | %d |", g->name, g->count);
    for (int i = 0; i < o->columns; i++)
      put_spread(json, table, key_of(&o->column[i]).text, g, group_column(g, &o->column[i]));
    if (isfinite(o->goal)) put_spread(json, table, "updates to goal", g, spread_to_goal(o, g));
    if (isfinite(beside)) {
      const double percent = 100 * (group_column(g, &o->column[0]).mean / beside - 1);
      results_number(json, "percent beside", percent);
      fprintf(table, " %+.2f %% |", percent);
    }
    fprintf(table, "\n");
    results_end(json);
  }
  results_end(json);
  fprintf(table, "\nEach run:\n\n");
}

static void put_skipped(const options *o, results *json, FILE *table) {
  char path[600], line[LINE], name[64], reason[256];
  snprintf(path, sizeof path, "%s/skipped", o->folder);
  FILE *file = fopen(path, "r");
  results_array(json, "skipped");
  while (file && fgets(line, sizeof line, file)) {
    char *at = line;
    runs_field(&at, name, sizeof name);
    runs_field(&at, reason, sizeof reason);
    results_object(json, NULL);
    results_text(json, "name", name);
    results_text(json, "reason", reason);
    results_end(json);
    fprintf(table, "\nskipped: %s: %s\n", name, reason);
  }
  results_end(json);
  if (file) fclose(file);
}

/* ---------------------------------------------------------------- the chart */

/* One curve a group where there are groups, else one a run. */
static int curves_of(const run *runs, int count, const group *groups, int grouped, curve *curves) {
  const int n = grouped ? grouped : count, most = CHART_CURVES - 1; /* and the baseline */
  for (int i = 0; i < n && i < most; i++) {
    const series *x = grouped ? &groups[i].x : &runs[i].x, *y = grouped ? &groups[i].y : &runs[i].y;
    curves[i] = (curve){
        .name = grouped ? groups[i].name : runs[i].name, .x = x->value, .y = y->value, .count = y->count};
  }
  return n < most ? n : most;
}

static int put_chart(const options *o, results *json, curve *curves, int n) {
  double ends[2] = {(double)INFINITY, -(double)INFINITY}, level[2] = {o->baseline, o->baseline};
  for (int i = 0; i < n; i++) {
    for (int k = 0; k < curves[i].count; k++) {
      ends[0] = fmin(ends[0], curves[i].x[k]);
      ends[1] = fmax(ends[1], curves[i].x[k]);
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

static int write_results(const options *o, const run *runs, int count) {
  static group groups[RUNS];
  results json;
  curve curves[CHART_CURVES];
  char path[sizeof json.path + 8];
  if (!results_open(&json, o->results, o->name, o->about)) return 0;
  snprintf(path, sizeof path, "%s.md", json.path);
  FILE *table = fopen(path, "w");
  if (table == NULL) return fprintf(stderr, "paper_collect: %s cannot be written\n", path), 0;
  results_text(&json, "note", o->note);
  if (isfinite(o->baseline)) results_number(&json, "baseline", o->baseline);
  if (isfinite(o->goal)) results_number(&json, "goal", o->goal);
  put_head(o, &json, table);
  const int grouped = groups_make(runs, count, groups);
  if (grouped) put_groups(o, &json, table, groups, grouped);
  put_runs(o, &json, table, runs, count);
  put_skipped(o, &json, table);
  const int n = curves_of(runs, count, groups, grouped, curves);
  const int charted = put_chart(o, &json, curves, n), closed = results_close(&json);
  groups_free(groups, grouped);
  return fclose(table) == 0 && charted && closed;
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
                                bench_option_text("--beside", &o->beside),
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
  const int count = runs_read(o.folder, o.x, o.y, runs);
  const int ok = write_results(&o, runs, count);
  runs_free(runs, count);
  return ok ? BENCH_OK : BENCH_FAILED;
}
