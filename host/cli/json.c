/* json.c - writing JSON strings and numbers (json.h). */
#include "host/cli/json.h"

#include <math.h>
#include <string.h>

#include "host/context/json.h"

void json_string(FILE *to, const char *text, size_t size) {
  char form[SQ_JSON_CHARACTER];
  fputc('"', to);
  for (size_t i = 0, taken; i < size; i += taken) {
    const size_t length = sq_json_character(text + i, size - i, form, &taken);
    fwrite(form, 1, length, to);
  }
  fputc('"', to);
}

void json_text(FILE *to, const char *before, const char *text) {
  fputs(before, to);
  json_string(to, text, strlen(text));
}

void json_number(FILE *to, const char *before, int digits, double value) {
  fputs(before, to);
  if (isfinite(value))
    fprintf(to, "%.*g", digits, value);
  else
    fputs("null", to);
}
