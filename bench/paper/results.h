/* results.h - the results of an experiment as files: NAME.json (numbers), NAME.svg (a line chart of some of
 * them) and, where it has one, NAME.md (a table).
 *
 *   results r;
 *   if (!results_open(&r, folder, "copy-T100", "Copying memory, Arjovsky et al. 2016")) return 1;
 *   results_number(&r, "batch", 20);
 *   results_array(&r, "rows");
 *   for (...) {
 *     results_object(&r, NULL);             // members of an array have no key
 *     results_text(&r, "cell", "lstm");
 *     results_number(&r, "loss", 0.17);     // not finite: null
 *     results_end(&r);
 *   }
 *   results_end(&r);
 *   results_chart(&r, &(chart){.title = "Copying memory, T = 100", .x_label = "updates", .y_label =
 *   "cross-entropy",
 *                              .log_y = 1, .curves = curves, .count = 3});
 *   return !results_close(&r);
 *
 * The JSON file begins with what was measured, processor, date and commit.  It holds every number of the
 * chart, so that paper_redraw can draw the chart again.  Groups nest at most six deep.  Functions that can
 * fail return 1, or 0 after a sentence on stderr.
 */
#ifndef PAPER_RESULTS_H
#define PAPER_RESULTS_H

#include <stdio.h>

#include "bench/common/origin.h"
#include "bench/paper/curves.h"

enum { RESULTS_DEPTH = 8 };

typedef struct results {
  FILE *file; /* NAME.json, being written */
  bench_origin origin;
  char path[512];            /* without the extension */
  char close[RESULTS_DEPTH]; /* '}' or ']' of the groups that are open */
  int members[RESULTS_DEPTH], depth;
} results;

/* folder NULL: bench/results of the source tree.  `about` says what the experiment is, and whose. */
int results_open(results *r, const char *folder, const char *name, const char *about);
void results_text(results *r, const char *key, const char *value);
void results_number(results *r, const char *key, double value);
void results_numbers(results *r, const char *key, const double *values, int count);
void results_object(results *r, const char *key);
void results_array(results *r, const char *key);
void results_end(results *r); /* of the innermost object or array */
int results_close(results *r);

/* Writes NAME.svg, and the chart's numbers as members "chart" and "curves" of the JSON file.  Call it at the
 * outermost level, once. */
int results_chart(results *r, const chart *c);

/* Opens NAME.md and writes its head: title, what the experiment is, machine, date, commit, and a note on what
 * ran where.  NULL after a sentence on stderr. */
FILE *results_table(const results *r, const char *title, const char *about, const char *note);
int results_table_close(const results *r, FILE *table);

#endif
