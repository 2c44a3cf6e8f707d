/* json.c - writing JSON strings and numbers (json.h). */
#include "host/cli/json.h"

#include <math.h>
#include <string.h>

#include "host/context/utf8.h"

void json_string(FILE *to, const char *text, size_t size) {
  fputc('"', to);
  for (size_t i = 0; i < size;) {
    const size_t length = sq_utf8_length(text + i, size - i);
    const unsigned char c = (unsigned char)text[i];
    if (length == 0)
      fputs("\xEF\xBF\xBD", to);
    else if (c == '"' || c == '\\')
      fprintf(to, "\\%c", c);
    else if (c < 0x20)
      fprintf(to, "\\u%04x", c);
    else
      fwrite(text + i, 1, length, to);
    i += length ? length : 1;
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
