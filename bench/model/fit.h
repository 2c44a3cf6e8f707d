/* fit.h - how well the planner's model of a persistent step (kernels/persistent/cost.h) agrees with what was
 * measured or counted, and by what its terms would have to be multiplied to agree better.
 */
#ifndef BENCH_MODEL_FIT_H
#define BENCH_MODEL_FIT_H

/* A pass of one layer under one algorithm: microseconds of a time step. */
typedef struct fit_row {
  char algorithm[64];
  double us;       /* measured or counted */
  double model_us; /* the planner's, and its terms: */
  double product_us, pointwise_us, exchange_us;
  double mflop; /* of a step's part in products over the whole sequence, which are in a measured time; or 0 */
} fit_row;

/* The rows that a file of tests/gpu.sh has of persistent algorithms: one layer, every length, no padding.  The time
 * of a step is the slope between the shortest and the longest run, so that a launch is not in it.  Returns how many
 * there are, or -1 after a sentence on stderr; the caller frees *rows. */
int fit_read(const char *path, fit_row **rows);

/* A table on stdout: for each algorithm the factors of the three terms, and the median of |model / us - 1| before and
 * after.  A factor is a dash where the rows cannot tell it. */
void fit_print(const fit_row *rows, int count);

#endif
