/* json.h - JSON files of other programs: parsed within limits, and numbers written (json.c). */
#ifndef SQ_FORMATS_JSON_H
#define SQ_FORMATS_JSON_H

#include <stdio.h>

#include "host/files/read.h"

#ifdef SEQGPU_CJSON
#include <cjson/cJSON.h>

/* A text as a tree, which cJSON_Delete frees.  EFORMAT: it is no JSON. */
seqgpu_status sq_json_parse(seqgpu_context *ctx, const char *path, sq_bytes text, cJSON **out);

/* Numbers of an array into out[count].  Returns 0 unless it has as many, all of them numbers. */
int sq_json_numbers(const cJSON *array, int64_t count, double *out);
/* The same of an array of `rows` arrays of `cols` numbers. */
int sq_json_matrix(const cJSON *array, int64_t rows, int64_t cols, double *out);
/* The whole number at a key, from least to most; -1 if there is none. */
int64_t sq_json_whole(const cJSON *object, const char *key, int64_t least, int64_t most);
#endif

/* A number of two bytes becomes a node of 64: a file of 32 MiB takes 1 GB at the very worst, some 200 MB with
 * numbers as they are. */
enum { SQ_JSON_MOST = 32 << 20 };

/* EUNSUPPORTED: this build has no cJSON. */
seqgpu_status sq_json_missing(seqgpu_context *ctx, const char *path);

/* "2.5", "[1,2.5]" and "[[...],[...]]", with a point, and as many digits as restore the numbers. */
void sq_json_write_number(FILE *to, double number);
void sq_json_write_numbers(FILE *to, const double *numbers, int64_t count);
void sq_json_write_matrix(FILE *to, const double *numbers, int64_t rows, int64_t cols);

#endif
