/* measure.c - clock, statistics, drawn numbers, errors (measure.h). */
#define _POSIX_C_SOURCE 200809L

#include "bench/common/measure.h"

#include <math.h>
#include <stdlib.h>
#include <time.h>

static double seconds_of(clockid_t clock) {
  struct timespec t;
  clock_gettime(clock, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

double bench_now(void) { return seconds_of(CLOCK_MONOTONIC); }

double bench_processor_now(void) { return seconds_of(CLOCK_PROCESS_CPUTIME_ID); }

void bench_rest(void) {
  const struct timespec pause = {0, 20000000};
  nanosleep(&pause, NULL);
}

static int compare(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

bench_stats bench_statistics(double *samples, int count) {
  qsort(samples, (size_t)count, sizeof *samples, compare);
  const double middle = count % 2 ? samples[count / 2] : 0.5 * (samples[count / 2 - 1] + samples[count / 2]);
  return (bench_stats){samples[0], middle, samples[count - 1], count};
}

void bench_fill(float *out, int64_t count, double scale, uint64_t seed) {
  uint64_t s = seed * 0x9E3779B97F4A7C15u + 1;
  for (int64_t i = 0; i < count; i++) {
    s ^= s << 13; /* xorshift, Marsaglia 2003 */
    s ^= s >> 7;
    s ^= s << 17;
    out[i] = (float)(scale * ((double)(s >> 11) / 4503599627370496.0 - 1.0));
  }
}

double bench_error(const double *out, const double *ref, int64_t count) {
  double difference = 0, norm = 0;
  for (int64_t i = 0; i < count; i++) {
    difference += (out[i] - ref[i]) * (out[i] - ref[i]);
    norm += ref[i] * ref[i];
  }
  const double error = sqrt(difference) / (norm > 0 ? sqrt(norm) : 1);
  return isnan(error) ? (double)INFINITY : error;
}
