/* rolls.h - piano rolls from a text: which of the 88 keys of a piano sound at each step of some pieces.
 *
 *   39,43,46,58 39,43,46 - 41        a piece a line, its steps with spaces between
 *                                    a step: its keys, 0 to 87, with commas between; - for silence
 */
#ifndef PAPER_ROLLS_H
#define PAPER_ROLLS_H

#include <stdint.h>

enum { ROLLS_KEYS = 88 };

typedef struct rolls {
  int64_t pieces, steps; /* steps: of all pieces together */
  int64_t *start;        /* [pieces+1] of each piece among the steps; the last is `steps` */
  unsigned char *on;     /* [steps,88]: 1 where a key sounds */
} rolls;

/* Reads a file, plain or compressed by gzip; empty lines are skipped.  0, or an exit code after a sentence
 * that names line and step; there is then nothing to free. */
int rolls_read(const char *path, rolls *out);
/* The same of a text in memory; `path` is what the sentences call it. */
int rolls_parse(const char *path, const char *text, rolls *out);
void rolls_free(rolls *r);

#endif
