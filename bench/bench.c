/* bench.c - clock, statistics, problem sizes (bench.h). */
#define _POSIX_C_SOURCE 200809L

#include "bench/bench.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

double bench_now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

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

static int parse_row(const char *line, bench_row *r) {
  long long hidden, batch, steps;
  r->threads = 0;
  const int fields = sscanf(line, "%23[^,],%lld,%lld,%lld,%23[^,\n],%d", r->set, &hidden, &batch, &steps,
                            r->cell, &r->threads);
  if (fields < 5 || hidden < 1 || batch < 1 || steps < 1 || r->threads < 0) return 0;
  r->hidden = hidden;
  r->batch = batch;
  r->seq_len = steps;
  if (strcmp(r->cell, "vanilla") == 0) strcpy(r->cell, "rnn"); /* DeepBench's word for it */
  return 1;
}

int bench_read_shapes(const char *path, bench_row **rows) {
  FILE *file = fopen(path, "r");
  char line[256];
  int count = 0, number = 0;
  *rows = NULL;
  if (file == NULL) {
    fprintf(stderr, "%s: %s\n", path, strerror(errno));
    return -1;
  }
  while (fgets(line, sizeof line, file)) {
    number++;
    if (number == 1 || line[0] == '\n' || line[0] == '#') continue;
    bench_row *grown = realloc(*rows, (size_t)(count + 1) * sizeof **rows);
    if (grown) *rows = grown;
    if (grown == NULL || !parse_row(line, &grown[count])) {
      fprintf(stderr, "%s:%d: expected set,hidden,batch,timesteps,cell[,threads]\n", path, number);
      free(*rows);
      *rows = NULL;
      fclose(file);
      return -1;
    }
    count++;
  }
  fclose(file);
  return count;
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

double bench_error_f64(const float *out, const double *ref, int64_t count) {
  double difference = 0, norm = 0;
  for (int64_t i = 0; i < count; i++) {
    difference += (out[i] - ref[i]) * (out[i] - ref[i]);
    norm += ref[i] * ref[i];
  }
  const double error = sqrt(difference) / (norm > 0 ? sqrt(norm) : 1);
  return isnan(error) ? INFINITY : error;
}

double bench_error(const float *out, const float *ref, int64_t count) {
  double difference = 0, norm = 0;
  for (int64_t i = 0; i < count; i++) {
    const double d = (double)out[i] - ref[i];
    difference += d * d;
    norm += (double)ref[i] * ref[i];
  }
  const double error = sqrt(difference) / (norm > 0 ? sqrt(norm) : 1);
  return isnan(error) ? INFINITY : error;
}
