/* pen_text.h - what is to be written by pen: lines of text, and the fonts of strokes (hershey.h) they come
 * in.
 *
 * Files whose names end in .jhf, or .jhf.gz, are fonts, all others texts.  A text becomes lines of whole
 * words, half as long as the longest to as long, in turn.  A word with a letter that one of the fonts lacks
 * ends a line and is left out, and so is one that is longer than a line.
 */
#ifndef PEN_TEXT_H
#define PEN_TEXT_H

#include <stddef.h>

#include "host/cli/args_table.h"
#include "host/cli/hash.h"
#include "host/data/hershey.h"

typedef struct pen_text {
  hershey *font;
  int32_t fonts;
  char *letters;           /* of all lines, one after the other */
  int64_t *start;          /* [lines+1] */
  int64_t lines, left_out; /* words that are in no line */
  uint64_t hash;           /* of the files, FNV-1a */
  int64_t bytes;           /* of the files */
  size_t room_letters, room_start;
} pen_text;

/* None yet. */
#define PEN_TEXT_NONE                                                                                        \
  { .hash = HASH_START }

/* Reads files; lines are cut by the fonts of `other` where none of the files is one (NULL: there must be
 * one), and have at most `longest` letters.  0, or an exit code after a sentence; pen_text_free is to be
 * called in any case. */
int pen_text_read(const arg_list *files, const pen_text *other, int64_t longest, pen_text *out);
/* Reads a font of a text in memory. */
int pen_text_add_font(const char *path, const char *text, pen_text *out);
/* Cuts a text in memory into lines, for its fonts; 0 when out of memory. */
int pen_text_cut(const char *text, size_t size, const pen_text *fonts, int64_t longest, pen_text *out);
/* Adds a line as it is; 0 when out of memory. */
int pen_text_add_line(pen_text *t, const char *letters, size_t count);
void pen_text_free(pen_text *t);

/* The letters of a line. */
static inline int64_t pen_text_length(const pen_text *t, int64_t line) {
  return t->start[line + 1] - t->start[line];
}

#endif
