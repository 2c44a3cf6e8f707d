/* origin.h - where a measurement comes from: card or processor, driver, date, commit.  Every row of results says it. */
#ifndef BENCH_ORIGIN_H
#define BENCH_ORIGIN_H

#include <stdio.h>

typedef struct bench_origin {
  char device[256], driver[64], date[32], commit[64];
} bench_origin;

/* `device`: the card's name, or NULL for the processor of this machine.  SEQGPU_COMMIT of the environment stands in for a
 * checkout without git; what cannot be found out is "unknown". */
bench_origin bench_origin_of(const char *device);
/* A text in quotes, with JSON's escapes. */
void bench_json_text(FILE *file, const char *text);
/* "device": ..., "driver": ..., "date": ..., "commit": ... of a JSON object, no comma after. */
void bench_origin_json(FILE *file, const bench_origin *origin);

#endif
