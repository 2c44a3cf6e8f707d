/* origin.h - where a measurement comes from: card or processor, driver, date, commit.  Every row of results
 * states it. */
#ifndef BENCH_ORIGIN_H
#define BENCH_ORIGIN_H

typedef struct bench_origin {
  char device[256], driver[64], date[32], commit[64];
} bench_origin;

/* `device`: the card's name, or NULL for the processor of this machine.
 *
 * The commit is the one that was *built*, with "-dirty" where the sources had changes (common/commit.cmake).
 * A build without git does not know it: then the environment's SEQGPU_COMMIT stands in, and without that it
 * is "unknown", as is anything else that cannot be found out. */
bench_origin bench_origin_of(const char *device);

#endif
