/* json.c - writes JSON (json.h). */
#include "bench/common/json.h"

#include <math.h>
#include <string.h>

#include "host/context/json.h"

void bench_json_put_text(FILE *file, const char *text) {
  if (text == NULL) {
    fputs("null", file);
    return;
  }
  char form[SQ_JSON_CHARACTER];
  const size_t size = strlen(text);
  fputc('"', file);
  for (size_t i = 0, taken; i < size; i += taken) {
    const size_t length = sq_json_character(text + i, size - i, form, &taken);
    fwrite(form, 1, length, file);
  }
  fputc('"', file);
}

void bench_json_put_number(FILE *file, double value) {
  if (isfinite(value))
    fprintf(file, "%.7g", value);
  else
    fputs("null", file);
}

static void put_key(FILE *file, const char *key) {
  fputs(", ", file);
  bench_json_put_text(file, key);
  fputs(": ", file);
}

void bench_json_begin(FILE *file, const char *kind) {
  fputs("{\"kind\": ", file);
  bench_json_put_text(file, kind);
}

void bench_json_text(FILE *file, const char *key, const char *value) {
  put_key(file, key);
  bench_json_put_text(file, value);
}

void bench_json_number(FILE *file, const char *key, double value) {
  put_key(file, key);
  bench_json_put_number(file, value);
}

void bench_json_integer(FILE *file, const char *key, long long value) {
  put_key(file, key);
  fprintf(file, "%lld", value);
}

void bench_json_bool(FILE *file, const char *key, int value) {
  put_key(file, key);
  fputs(value ? "true" : "false", file);
}

void bench_json_end(FILE *file, const bench_origin *origin) {
  bench_json_text(file, "device", origin->device);
  bench_json_text(file, "driver", origin->driver);
  bench_json_text(file, "date", origin->date);
  bench_json_text(file, "commit", origin->commit);
  fputs("}\n", file);
  fflush(file);
}
