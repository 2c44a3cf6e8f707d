/* law.h - how a cost grows with the number of units: a measured side, the law it should follow, and the fit of it.
 *
 *   value[i] ~ factor * law(n[i]),  factor = the geometric mean of value / law;  worst = the largest factor by which a point is off
 *   exponent = slope of the straight line through the points of a log-log plot, by least squares
 *
 * What paper_cost (time) and paper_operations (the emulator's counts) share.
 */
#ifndef PAPER_LAW_H
#define PAPER_LAW_H

#include "seqgpu/seqgpu.h"

#include "bench/bench.h"
#include "bench/paper/curves.h"

enum { LAW_SIZES = 6, LAW_FIRST = 128 };

typedef struct law_side {
  const char *cell, *law;
  double (*cost)(double n);
  int sizes; /* n = LAW_FIRST, 2 LAW_FIRST, ... */
  int measured;
  double n[LAW_SIZES], value[LAW_SIZES], fit[LAW_SIZES];
  double factor, worst, exponent;
} law_side;

double law_n_log_n(double n); /* log2 */
double law_n_squared(double n);

/* A plan for training of one layer of `cell` with one input, and its run with buffers drawn at random; 0 after an error of
 * ctx.  law_close releases what there is. */
typedef struct law_run {
  seqgpu_context *ctx;
  seqgpu_plan *plan;
  seqgpu_rnn_run run;
  void *buffers[8];
} law_run;
int law_open(law_run *out, seqgpu_context *ctx, const seqgpu_rnn_desc *desc, const char *algorithm);
void law_close(law_run *run);

/* Fills value[] by `measure`, prints and fits; what gives NaN is said to be skipped.  `unit` as in "us a step", of `scale`. */
void law_measure(law_side *side, seqgpu_context *ctx,
                 double (*measure)(seqgpu_context *ctx, const char *cell, int64_t n), const char *unit,
                 double scale);

/* NAME.json and NAME.svg of the sides that could be measured; 0 after a sentence. `quantity` as in "seconds a step". */
typedef struct law_report {
  const char *folder, *name, *about, *ran_on, *quantity;
} law_report;
int law_publish(const law_report *report, const law_side *sides, int count);

/* The folder of "[--results FOLDER]", NULL without; 0 after the usage. */
int law_arguments(int argc, char **argv, const char **folder);

#endif
