/* curves.h - the results of an experiment as files: NAME.json (numbers) and NAME.svg (a line chart).
 *
 *   results r;
 *   if (!results_open(&r, folder, "copy-T100", "Copying memory, Arjovsky et al. 2016")) return 1;
 *   results_number(&r, "batch", 20);
 *   results_array(&r, "rows");
 *   for (...) {
 *     results_object(&r, NULL);             // inside an array members have no key
 *     results_text(&r, "cell", "lstm");
 *     results_number(&r, "loss", 0.17);     // not finite: null
 *     results_end(&r);
 *   }
 *   results_end(&r);
 *   results_chart(&r, &(chart){.title = "Copying memory, T = 100", .x_label = "updates", .y_label = "cross-entropy",
 *                              .log_y = 1, .curves = curves, .count = 3});
 *   return !results_close(&r);
 *
 * The JSON file begins with what was measured, processor, date and commit; the chart has them in its last line, and its
 * numbers stand in the JSON file too.  Groups nest at most six deep; names of curves have room for about 26 letters.
 * Functions that can fail return 1, or 0 after a sentence on stderr.
 */
#ifndef PAPER_CURVES_H
#define PAPER_CURVES_H

#include "bench/origin.h"

enum { RESULTS_DEPTH = 8 };

typedef struct results {
  FILE *file; /* NAME.json, being written */
  bench_origin origin;
  char path[512];            /* without the extension */
  char close[RESULTS_DEPTH]; /* '}' or ']' of what is open */
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

/* One line of a chart: points (x[i], y[i]), in order.  A point that is not finite, or not positive on a log axis,
 * interrupts the line. */
typedef struct curve {
  const char *name;
  const double *x, *y;
  int count;
  int dashed; /* for a baseline or a published number */
} curve;

typedef struct chart {
  const char *title, *x_label, *y_label;
  int log_x, log_y;
  const curve *curves;
  int count;
} chart;

/* Writes NAME.svg, and the same numbers as member "curves" of the JSON file (call it at the outermost level). */
int results_chart(results *r, const chart *c);

#endif
