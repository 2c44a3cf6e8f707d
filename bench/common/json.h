/* json.h - JSON as the benchmarks write it: values, and rows of one object per line.
 *
 *   bench_json_begin(file, "sync");                 {"kind": "sync"
 *   bench_json_text(file, "variant", "flags");      , "variant": "flags"
 *   bench_json_number(file, "median_us", 1.25);     , "median_us": 1.25
 *   bench_json_end(file, &origin);                  , "device": ..., "driver": ..., "date": ..., "commit":
 *   ...}
 *
 * A text of NULL and a number that is not finite become null.
 */
#ifndef BENCH_JSON_H
#define BENCH_JSON_H

#include <stdio.h>

#include "bench/common/origin.h"

/* Values alone. */
void bench_json_put_text(FILE *file, const char *text); /* in quotes, escaped */
void bench_json_put_number(FILE *file, double value);   /* seven digits, as float32 has */

void bench_json_begin(FILE *file, const char *kind);
void bench_json_text(FILE *file, const char *key, const char *value);
void bench_json_number(FILE *file, const char *key, double value);
void bench_json_integer(FILE *file, const char *key, long long value);
void bench_json_bool(FILE *file, const char *key, int value);
/* Ends the row with its origin and flushes it, so that a run that is cut short keeps its rows. */
void bench_json_end(FILE *file, const bench_origin *origin);

#endif
