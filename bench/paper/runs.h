/* runs.h - the logs of an experiment's runs: what each reported, and what runs that differ only in their seed
 * did on average.
 *
 * A run called "NAME, seed 3" belongs to the group NAME.
 */
#ifndef PAPER_RUNS_H
#define PAPER_RUNS_H

#include "bench/paper/curves.h"

enum { RUNS = 160, COLUMNS = 8, RUN_NAME = 64 };

typedef struct series {
  double *value;
  int count;
} series;

typedef struct run {
  char name[RUN_NAME], log[512], command[1024];
  double parameters;
  series x, y, steps; /* the reports that validated, once runs_read has returned */
} run;

/* Which of the values that a log has of a key: the last, the least (min) or the median. */
typedef struct column {
  char key[48], how[16];
} column;

/* Up to RUNS runs of FOLDER/runs; x and y are keys of their logs.  The caller frees them with runs_free. */
int runs_read(const char *folder, const char *x, const char *y, run *runs);
void runs_free(run *runs, int count);

/* Copies the next field, up to a tab, and moves *line behind it. */
void runs_field(char **line, char *out, size_t size);

/* NaN if the log has none that is finite. */
double runs_column(const run *r, const column *c);

/* ---- groups ---- */

typedef struct group {
  char name[RUN_NAME];
  const run *member[RUNS];
  int count;
  series x, y; /* the mean of the members' y at each x that all of them have */
} group;

/* Mean, standard deviation (n - 1; NaN of one), least and largest of the finite values, and how many. */
typedef struct spread {
  double mean, deviation, min, max;
  int count;
} spread;

/* The groups in the order of their first runs.  0 if no run says its seed; else each is in a group, those
 * without a seed in one of their own.  The caller frees them with groups_free. */
int groups_make(const run *runs, int count, group *groups);
void groups_free(group *groups, int count);
spread spread_of(const double *value, int count);
spread group_column(const group *g, const column *c);

#endif
