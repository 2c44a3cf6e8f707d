/* measure.h - what every benchmark needs: a clock, statistics, numbers to compute with, and the error of a
 * result. */
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

#include <stdint.h>

/* Seconds on a clock that never goes back. */
double bench_now(void);
/* Seconds of processor time that this process has used, in all its threads: on a busy machine, too, what it
 * would have had on an idle one. */
double bench_processor_now(void);
/* Sleeps for 20 ms.  Worker threads that spin between jobs (ours, OpenMP's) fall asleep meanwhile and leave
 * the cores to the next contender. */
void bench_rest(void);

typedef struct bench_stats {
  double min, median, max;
  int count;
} bench_stats;
/* Sorts `samples` in place. */
bench_stats bench_statistics(double *samples, int count);

/* Uniform numbers in [-scale, scale) from a small generator of the benchmarks' own: the same seed, the same
 * numbers. */
void bench_fill(float *out, int64_t count, double scale, uint64_t seed);
/* ||out - ref|| / ||ref||; infinity if either holds a NaN. */
double bench_error(const double *out, const double *ref, int64_t count);

#endif
