/* bench.h - what the bench binaries share: a clock, statistics, problem sizes, filling and comparing buffers. */
#ifndef BENCH_H
#define BENCH_H

#include <stddef.h>
#include <stdint.h>

/* Seconds on a clock that never goes back. */
double bench_now(void);
/* Sleeps 20 ms: worker threads that spin between jobs (ours, OpenMP's) fall asleep and leave the cores to the other side. */
void bench_rest(void);

typedef struct bench_stats {
  double min, median, max;
  int count;
} bench_stats;
/* Sorts `samples`. */
bench_stats bench_statistics(double *samples, int count);

/* One line of a shapes file: set,hidden,batch,timesteps,cell[,threads]. */
typedef struct bench_row {
  char set[24], cell[24];
  int64_t hidden, batch, seq_len;
  int threads; /* 0: not named */
} bench_row;
/* Reads a CSV with a header line; returns the number of rows, or -1 with a sentence on stderr. *rows is malloced. */
int bench_read_shapes(const char *path, bench_row **rows);

/* Uniform numbers in +-scale from a small generator of the bench's own. */
void bench_fill(float *out, int64_t count, double scale, uint64_t seed);
/* ||out - ref|| / ||ref||; infinity if either has a NaN. */
double bench_error(const float *out, const float *ref, int64_t count);
double bench_error_f64(const float *out, const double *ref, int64_t count);

#endif
