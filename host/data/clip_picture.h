/* clip_picture.h - clips as a picture: a row each, its frames side by side, below them what they show. */
#ifndef CLIP_PICTURE_H
#define CLIP_PICTURE_H

#include <stdint.h>
#include <stdio.h>

/* Begins an SVG of so many rows, of at most `longest` frames each. */
void clip_picture_begin(FILE *to, int64_t longest, int64_t rows);
/* Row number `row`: pixel [frames,side,side] from 0 to 1; label [frames]; direction: stands before it. */
void clip_picture_row(FILE *to, int64_t side, int64_t row, int64_t frames, const float *pixel,
                      const int32_t *label, const char *direction);
void clip_picture_end(FILE *to);

#endif
