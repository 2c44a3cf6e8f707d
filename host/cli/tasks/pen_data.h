/* pen_data.h - what the applications that write and that read by pen learn from, and what they keep of it. */
#ifndef PEN_DATA_H
#define PEN_DATA_H

#include "host/cli/application.h"
#include "host/data/pen_set.h"

/* How lines are made; a member of the options of each. */
typedef struct pen_line_options {
  int64_t longest;
  double slant, scale, jitter;
} pen_line_options;

#define PEN_LINE_DEFAULTS                                                                                    \
  { .longest = 20, .slant = 0.3, .scale = 0.15, .jitter = 0.5 }

/* Its rows; `at` is the member's offset. */
#define PEN_LINE_ROWS(at)                                                                                    \
  ROW_INT("longest", ARG_KEEP_MODEL, (at) + offsetof(pen_line_options, longest), 1, 1000, "N",               \
          "letters of a line, at most"),                                                                     \
      ROW_REAL("slant", ARG_KEEP_MODEL, (at) + offsetof(pen_line_options, slant), 0, 2, "K",                 \
               "each line leans to the left or right by up to such a part of its height"),                   \
      ROW_REAL("scale", ARG_KEEP_MODEL, (at) + offsetof(pen_line_options, scale), 0, 0.9, "P",               \
               "and is up to such a part smaller or larger"),                                                \
      ROW_REAL("jitter", ARG_KEEP_MODEL, (at) + offsetof(pen_line_options, jitter), 0, 100, "J",             \
               "deviation of each point from its place in the font, where a capital is 21 high")

/* What --data is, for their help. */
#define PEN_DATA_HELP                                                                                        \
  "the text, also compressed by gzip, and the fonts that it is written in, Hershey fonts (*.jhf); several "  \
  "of each are read as one, and lines take the fonts in turn"

typedef struct pen_data {
  pen_set train, val;
  char *alphabet;   /* letters that the model knows */
  double deviation; /* that offsets are divided by */
} pen_data;

/* Reads --data and --val-data; 0, or an exit code after a sentence. */
int pen_data_read(app *a, const pen_line_options *lines, pen_data *out);
/* Alphabet and deviation, of a->file or of what was read; the same. */
int pen_data_scales(const app *a, pen_data *d);
/* Opens the sets; the same. */
int pen_data_open(const app *a, pen_data *d);
void pen_data_close(pen_data *d);
/* "N lines, ...": what is learnt from. */
void pen_data_about(const pen_data *d, char *text, size_t size);

/* How the lines of an update are written, or those of a validation, PEN_SET_ALIKE. */
pen_hand pen_data_hand(const app *a, const pen_line_options *lines, int64_t step);

/* The alphabet and the deviation for a checkpoint; 0 when out of memory. */
int pen_data_describe(const pen_data *d, app_text texts[2]);

#endif
