/* shape.h - shapes as sentences show them. */
#ifndef SQ_SHAPE_H
#define SQ_SHAPE_H

#include <stdint.h>
#include <stdio.h>

enum { SQ_SHAPE_TEXT = 192 }; /* room for eight dimensions of 20 digits each */

/* "[3,4]", of at most eight dimensions. */
static inline const char *sq_shape_text(int rank, const int64_t *dim, char text[SQ_SHAPE_TEXT]) {
  size_t at = (size_t)snprintf(text, SQ_SHAPE_TEXT, "[");
  for (int i = 0; i < rank; i++)
    at += (size_t)snprintf(text + at, SQ_SHAPE_TEXT - at, "%s%lld", i ? "," : "", (long long)dim[i]);
  snprintf(text + at, SQ_SHAPE_TEXT - at, "]");
  return text;
}

#endif
