/* hershey.h - fonts of pen strokes by A. V. Hershey (1967), in the form of James Hurt's files, "*.jhf":
 *
 *   12345 12H]SBLb RYBRb RLOZO RKUYU      a letter: its number, 5 characters; how many pairs follow, 3;
 *                                         and these
 *
 * The first pair says how far the letter reaches to the left and to the right, each other one is a point, x
 * and then y, downward, or " R": the pen is lifted.  The character R stands for 0, S for 1, Q for -1.  A
 * letter with many pairs goes on in the next line.  The letters of a file are those of ASCII from the space
 * on.
 */
#ifndef HERSHEY_H
#define HERSHEY_H

#include <stdint.h>

/* Letters ' ' to '~'. */
enum { HERSHEY_FIRST = 32, HERSHEY_LETTERS = 95 };

typedef struct hershey_point {
  int8_t x, y, lifted; /* lifted: the stroke ends here */
} hershey_point;

typedef struct hershey {
  int32_t letters;                    /* that the file has, at most HERSHEY_LETTERS */
  int32_t start[HERSHEY_LETTERS + 1]; /* of each among the points */
  int8_t left[HERSHEY_LETTERS], right[HERSHEY_LETTERS];
  hershey_point *point;
} hershey;

/* Reads a font, also compressed by gzip; strokes of one point leave no ink and are not kept.  *hash goes on
 * with the file's bytes, *bytes grows by how many they are.  0, or an exit code after a sentence that names
 * the line; there is then nothing to free. */
int hershey_read(const char *path, uint64_t *hash, int64_t *bytes, hershey *out);
/* The same of a text in memory; `path` is what the sentences call it. */
int hershey_parse(const char *path, const char *text, hershey *out);
void hershey_free(hershey *f);

/* Whether it has that letter: the space, or one that leaves ink. */
int hershey_has(const hershey *f, char letter);

#endif
