/* strokes.h - drawings of pen strokes; as a text:
 *
 *   12,23,0 -1,412,1 0,-423,0         a drawing a line, its points with spaces between
 *                                     a point: how far the pen has moved, right and down, since the one
 *                                     before (of the first: since it was set down), and 1 where it is
 *                                     lifted, else 0
 *
 * Where the pen was lifted, the next move leaves no ink.
 */
#ifndef STROKES_H
#define STROKES_H

#include <stdint.h>
#include <stdio.h>

#include "host/cli/hash.h"

enum { STROKES_POINT = 3, STROKES_MOST = 1000000 /* of an offset */ };

typedef struct strokes {
  int64_t drawings, points; /* points: of all drawings together */
  int64_t *start;           /* [drawings+1] of each drawing among the points; the last is `points` */
  float *point;             /* [points,3]: x, y, lifted */
  uint64_t hash;            /* of the files, FNV-1a */
  int64_t bytes;            /* of the files */
} strokes;

/* None yet. */
#define STROKES_NONE                                                                                         \
  { .hash = HASH_START }

/* Adds the drawings of a file, plain or compressed by gzip; empty lines are skipped.  0, or an exit code
 * after a sentence that names line and point; there is then nothing to free. */
int strokes_read(const char *path, strokes *s);
/* The same of a text in memory; `path` is what the sentences call it. */
int strokes_parse(const char *path, const char *text, strokes *s);
void strokes_free(strokes *s);

/* The deviation of offsets: the root of their mean square, of x and y together, 0 if nothing moves. */
double strokes_deviation(const strokes *s);

/* Writes points [count,3] as a drawing, a line of the text above, with two digits behind the point. */
void strokes_write(FILE *to, const float *point, int64_t count);

#endif
