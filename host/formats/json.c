/* json.c - JSON files of other programs: parsed within limits, and numbers written (json.h). */
#include "host/formats/json.h"

#include <math.h>

#include "host/context/decimal.h"

#ifdef SEQGPU_CJSON
seqgpu_status sq_json_parse(seqgpu_context *ctx, const char *path, sq_bytes text, cJSON **out) {
  *out = cJSON_ParseWithLength((const char *)text.at, text.size);
  if (*out) return SEQGPU_OK;
  return sq_fail(ctx, SEQGPU_EFORMAT, "%s: is not valid JSON, or too large for the memory that is free",
                 path);
}

int sq_json_numbers(const cJSON *array, int64_t count, double *out) {
  int64_t at = 0;
  if (!cJSON_IsArray(array)) return 0;
  for (const cJSON *item = array->child; item; item = item->next) {
    if (at == count || !cJSON_IsNumber(item)) return 0;
    out[at++] = item->valuedouble;
  }
  return at == count;
}

int sq_json_matrix(const cJSON *array, int64_t rows, int64_t cols, double *out) {
  int64_t at = 0;
  if (!cJSON_IsArray(array)) return 0;
  for (const cJSON *row = array->child; row; row = row->next) {
    if (at == rows || !sq_json_numbers(row, cols, out + at * cols)) return 0;
    at++;
  }
  return at == rows;
}

int64_t sq_json_whole(const cJSON *object, const char *key, int64_t least, int64_t most) {
  const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
  if (!cJSON_IsNumber(item) || !(item->valuedouble >= (double)least && item->valuedouble <= (double)most))
    return -1;
  return floor(item->valuedouble) == item->valuedouble ? (int64_t)item->valuedouble : -1;
}
#endif

seqgpu_status sq_json_missing(seqgpu_context *ctx, const char *path) {
  return sq_fail(ctx, SEQGPU_EUNSUPPORTED, "%s: this build has no cJSON, which reads files of this format",
                 path);
}

void sq_json_write_number(FILE *to, double number) {
  char text[SQ_DECIMAL];
  sq_decimal_write(number, text);
  fputs(text, to);
}

void sq_json_write_numbers(FILE *to, const double *numbers, int64_t count) {
  fputs("[", to);
  for (int64_t i = 0; i < count; i++) {
    if (i > 0) fputs(",", to);
    sq_json_write_number(to, numbers[i]);
  }
  fputs("]", to);
}

void sq_json_write_matrix(FILE *to, const double *numbers, int64_t rows, int64_t cols) {
  fputs("[", to);
  for (int64_t i = 0; i < rows; i++) {
    if (i > 0) fputs(",", to);
    sq_json_write_numbers(to, numbers + i * cols, cols);
  }
  fputs("]", to);
}
