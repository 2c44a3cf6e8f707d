/* decimal.c - fractions as text (decimal.h): the C library's, with its locale's decimal point exchanged. */
#include "host/context/decimal.h"

#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void sq_decimal_write(double number, char out[SQ_DECIMAL]) {
  snprintf(out, SQ_DECIMAL, "%.9g", number);
  if (strtod(out, NULL) != number) snprintf(out, SQ_DECIMAL, "%.17g", number);
  char *point = out + strspn(out, "-0123456789");
  if (*point == 0 || *point == 'e') return;
  const char *rest = point + strcspn(point, "0123456789"); /* it may have several bytes */
  *point = '.';
  memmove(point + 1, rest, strlen(rest) + 1);
}

int sq_decimal_read(const char *text, double *out) {
  char local[128], *end;
  const char *point = strchr(text, '.');
  if (point)
    snprintf(local, sizeof local, "%.*s%s%s", (int)(point - text), text, localeconv()->decimal_point,
             point + 1);
  else
    snprintf(local, sizeof local, "%s", text);
  *out = strtod(local, &end);
  return end != local && *end == 0 && isfinite(*out);
}
