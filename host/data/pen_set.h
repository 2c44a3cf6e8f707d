/* pen_set.h - lines of text as pen strokes, each time in another hand: what models that write and read learn
 * from.
 *
 * A line is drawn in one of the fonts, letter after letter, and then
 *   x' = s (x + k y),  y' = s y          slant k and scale s of the whole line, uniform
 *   and each point lies beside its place by a Gaussian of deviation j, in x and in y: the jitter
 * and at last it moves, lifted, to where one more letter would begin: the place after the text.  All this is
 * in the fonts' units, in which a capital is 21 high.  Offsets from point to point are divided by one
 * deviation, that of the training set without changes.  Which letter a point is of is known.
 */
#ifndef PEN_SET_H
#define PEN_SET_H

#include "host/data/buckets.h"
#include "host/data/pen_text.h"
#include "host/data/step_batch.h"

enum { PEN_SET_ALIKE = -1 };

/* What changes from line to line; how they are drawn follows from the seed and the number of the update, or
 * from the seed and the line where `step` is PEN_SET_ALIKE. */
typedef struct pen_hand {
  int64_t seed, step;
  double slant, scale, jitter; /* the most of k, of s - 1; j */
} pen_hand;

typedef struct pen_set {
  pen_text text;
  const pen_text *fonts; /* where the fonts are */
  int no_end;            /* the last move, which leaves no ink, is left out */
  int64_t longest, longest_text;
  int32_t *length;    /* [lines] points */
  int64_t points;     /* of all lines */
  double deviation;   /* that offsets are divided by */
  int32_t place[256]; /* of each letter in the model's alphabet, -1: it has none */
  buckets order;
  step_room room;
  int32_t *labels;
  size_t room_labels;
} pen_set;

/* A batch; letters as places in the alphabet. */
typedef struct pen_batch {
  step_batch ink;
  int64_t text_len;            /* U, of the longest line */
  const int32_t *text;         /* [U,B], -1 behind the end of a line */
  const int32_t *text_lengths; /* [B] */
  /* [T,B] which letter of its line each point is of, from 0; the last move's is text_lengths; -1 behind the
   * end */
  const int32_t *at;
} pen_batch;

/* The letters of all lines, each once, as a string from malloc; NULL when out of memory. */
char *pen_set_alphabet(const pen_text *t);
/* The deviation of offsets of all lines as the fonts have them. */
double pen_set_deviation(const pen_text *t, const pen_text *fonts);

/* Sets s->place.  0, or CLI_FAILED after a sentence that names the first letter of s->text that is not in the
 * alphabet. */
int pen_set_places(pen_set *s, const char *alphabet);
/* The same, and makes a set of s->text, which may have no line; s->fonts and s->deviation are set.
 * pen_set_close is to be called in any case. */
int pen_set_open(pen_set *s, const char *alphabet, int64_t batch, int64_t seed);
void pen_set_close(pen_set *s);

/* The lines which[count] side by side, valid until the next call; 0 when out of memory. */
int pen_set_batch(pen_set *s, const int32_t *which, int64_t count, const pen_hand *hand, pen_batch *out);

#endif
