/* runs.c - the logs of an experiment's runs, and their groups (runs.h). */
#include "bench/paper/runs.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/common/json_read.h"
#include "bench/common/measure.h"

enum { LINE = 4096 };

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
    if (n > 0 && r->x.value[i] == r->x.value[n - 1]) continue; /* the same validation, reported again */
    r->x.value[n] = r->x.value[i];
    r->steps.value[n] = r->steps.value[i];
    r->y.value[n++] = r->y.value[i];
  }
  r->x.count = r->y.count = n;
}

void runs_field(char **line, char *out, size_t size) {
  const size_t length = strcspn(*line, "\t\n");
  snprintf(out, size, "%.*s", (int)length, *line);
  *line += length + (length < strlen(*line));
}

int runs_read(const char *folder, const char *x, const char *y, run *runs) {
  char path[600], line[LINE], parameters[32];
  snprintf(path, sizeof path, "%s/runs", folder);
  FILE *file = fopen(path, "r");
  int count = 0;
  while (file && count < RUNS && fgets(line, sizeof line, file)) {
    char *at = line;
    run *r = &runs[count++];
    runs_field(&at, r->name, sizeof r->name);
    runs_field(&at, r->log, sizeof r->log);
    runs_field(&at, parameters, sizeof parameters);
    runs_field(&at, r->command, sizeof r->command);
    r->parameters = strtod(parameters, NULL);
    r->x = read_series(r->log, x);
    r->y = read_series(r->log, y);
    r->steps = read_series(r->log, "step");
    keep_points(r);
  }
  if (file) fclose(file);
  return count;
}

void runs_free(run *runs, int count) {
  for (int i = 0; i < count; i++) {
    free(runs[i].x.value);
    free(runs[i].y.value);
    free(runs[i].steps.value);
  }
}

double runs_column(const run *r, const column *c) {
  series s = read_series(r->log, c->key);
  const double value = summary(&s, c->how);
  free(s.value);
  return value;
}

/* ---------------------------------------------------------------- groups */

/* How much of a run's name is that of its group. */
static size_t group_length(const char *name) {
  const char *seed = strstr(name, ", seed ");
  return seed ? (size_t)(seed - name) : strlen(name);
}

/* Adds the run to its group, a new one if need be; how many there are then. */
static int join_group(const run *r, group *groups, int n) {
  const size_t length = group_length(r->name);
  int k = 0;
  while (k < n && (strncmp(groups[k].name, r->name, length) != 0 || groups[k].name[length])) k++;
  if (k == n) {
    groups[n++] = (group){.count = 0};
    memcpy(groups[k].name, r->name, length); /* the rest is 0 */
  }
  groups[k].member[groups[k].count++] = r;
  return n;
}

/* y at x, NaN where there was no report. */
static double value_at(const run *r, double x) {
  for (int i = 0; i < r->x.count; i++)
    if (r->x.value[i] == x) return r->y.value[i]; /* both were read from text: equal or not, no rounding */
  return (double)NAN;
}

static void find_mean(group *g) {
  const run *first = g->member[0];
  const size_t room = ((size_t)first->x.count + 1) * sizeof(double);
  g->x.value = malloc(room);
  g->y.value = malloc(room);
  if (g->x.value == NULL || g->y.value == NULL) abort();
  for (int i = 0; i < first->x.count; i++) {
    double sum = 0;
    for (int k = 0; k < g->count; k++) sum += value_at(g->member[k], first->x.value[i]);
    if (isnan(sum)) continue;
    g->x.value[g->x.count++] = first->x.value[i];
    g->y.value[g->y.count++] = sum / g->count;
  }
}

int groups_make(const run *runs, int count, group *groups) {
  int n = 0, seeds = 0;
  for (int i = 0; i < count; i++) seeds += runs[i].name[group_length(runs[i].name)] != 0;
  if (seeds == 0) return 0;
  for (int i = 0; i < count; i++) n = join_group(&runs[i], groups, n);
  for (int k = 0; k < n; k++) find_mean(&groups[k]);
  return n;
}

void groups_free(group *groups, int count) {
  for (int i = 0; i < count; i++) {
    free(groups[i].x.value);
    free(groups[i].y.value);
  }
}

spread spread_of(const double *value, int count) {
  spread s = {.min = (double)INFINITY, .max = -(double)INFINITY};
  double sum = 0, squares = 0;
  for (int i = 0; i < count; i++) {
    if (!isfinite(value[i])) continue;
    sum += value[i];
    s.min = fmin(s.min, value[i]);
    s.max = fmax(s.max, value[i]);
    s.count++;
  }
  s.mean = s.count ? sum / s.count : (double)NAN;
  for (int i = 0; i < count; i++)
    if (isfinite(value[i])) squares += (value[i] - s.mean) * (value[i] - s.mean);
  s.deviation = s.count > 1 ? sqrt(squares / (s.count - 1)) : (double)NAN;
  return s;
}

spread group_column(const group *g, const column *c) {
  double value[RUNS];
  for (int i = 0; i < g->count; i++) value[i] = runs_column(g->member[i], c);
  return spread_of(value, g->count);
}
