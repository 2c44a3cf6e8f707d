/* rolls.h - piano rolls: which of the 88 keys of a piano sound at each step of some pieces; as a text:
 *
 *   39,43,46,58 39,43,46 - 41        a piece a line, its steps with spaces between
 *                                    a step: its keys, 0 to 87, with commas between; - for silence
 */
#ifndef ROLLS_H
#define ROLLS_H

#include <stdint.h>
#include <stdio.h>

#include "host/cli/hash.h"

enum { ROLLS_KEYS = 88, ROLLS_LOWEST = 21 /* key 0 in MIDI, an A */ };

typedef struct rolls {
  int64_t pieces, steps; /* steps: of all pieces together */
  int64_t *start;        /* [pieces+1] of each piece among the steps; the last is `steps` */
  unsigned char *on;     /* [steps,88]: 1 where a key sounds */
  uint64_t hash;         /* of the files, FNV-1a */
  int64_t bytes;         /* of the files */
} rolls;

/* None yet. */
#define ROLLS_NONE                                                                                           \
  { .hash = HASH_START }

/* Adds the pieces of a file, plain or compressed by gzip; empty lines are skipped.  0, or an exit code after
 * a sentence that names line and step; there is then nothing to free. */
int rolls_read(const char *path, rolls *r);
/* The same of a text in memory; `path` is what the sentences call it. */
int rolls_parse(const char *path, const char *text, rolls *r);
void rolls_free(rolls *r);

/* One step as numbers [88], 1 where a key sounds, every key `shift` higher; what that takes off the keyboard
 * is lost. */
void rolls_row(const unsigned char on[ROLLS_KEYS], int shift, float row[ROLLS_KEYS]);
/* Writes steps as a piece, a line of the text above. */
void rolls_write(FILE *to, const unsigned char *on, int64_t steps);

#endif
