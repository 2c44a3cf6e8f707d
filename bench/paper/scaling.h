/* scaling.h - how a cost grows with the number of units n: measured values, the formula they should follow,
 * and its fit.
 *
 *   value[i] ~ factor * cost(n[i])
 *   factor    the geometric mean of value / cost
 *   worst     the largest factor by which a value is off the fit
 *   exponent  the slope of the straight line through the points of a log-log plot, by least squares
 *
 * Shared by paper_cost, which measures time, and paper_operations, which counts on the emulator.
 */
#ifndef PAPER_SCALING_H
#define PAPER_SCALING_H

#include "seqgpu/seqgpu.h"

enum { SCALING_SIZES = 6, SCALING_FIRST = 128, SCALING_CELLS = 4 };

/* One cell. */
typedef struct scaling_cell {
  const char *cell, *formula; /* "n log2 n" */
  double (*cost)(double n);   /* the formula */
  int sizes;                  /* n = SCALING_FIRST, 2 SCALING_FIRST, ... */
  int measured;
  double n[SCALING_SIZES], value[SCALING_SIZES], fit[SCALING_SIZES];
  double factor, worst, exponent;
} scaling_cell;

double scaling_n_log_n(double n); /* n log2 n */
double scaling_n_squared(double n);

/* A training plan of one layer with one input, and a run of it on random buffers. */
typedef struct scaling_run {
  seqgpu_context *ctx;
  seqgpu_plan *plan;
  seqgpu_rnn_run run;
} scaling_run;

/* algorithm NULL: the planner's choice.  0 after an error of ctx; close it in both cases. */
int scaling_open(scaling_run *out, seqgpu_context *ctx, const seqgpu_rnn_desc *desc, const char *algorithm);
void scaling_close(scaling_run *run);

/* A whole experiment.  measure: the cost of one step of one sequence with n units; NaN after an error of ctx.
 */
typedef struct scaling_experiment {
  const char *program, *name;         /* the results are NAME.json and NAME.svg */
  const char *about, *ran_on, *title; /* title: of the chart */
  const char *quantity;               /* what value[] is: "seconds per step and sequence" */
  const char *unit; /* of the lines on stdout, "us per step", which is `scale` times as many */
  double scale;
  seqgpu_context_options device;
  double (*measure)(seqgpu_context *ctx, const char *cell, int64_t n);
  scaling_cell cells[SCALING_CELLS];
  int count; /* of cells */
} scaling_experiment;

/* The program: reads the command line, measures, fits and writes the results.  A cell that cannot be measured
 * is skipped by
 * name.  Returns the exit code. */
int scaling_main(scaling_experiment *experiment, int argc, char **argv);

#endif
