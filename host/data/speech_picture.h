/* speech_picture.h - a recording as a picture: its log-mel features, and below them how probable each label
 * is at each step, with the label where it is read.
 */
#ifndef SPEECH_PICTURE_H
#define SPEECH_PICTURE_H

#include <stdint.h>
#include <stdio.h>

typedef struct speech_sheet {
  int64_t frames, bands;
  const float *frame;           /* [frames,bands] */
  int64_t steps, stack, labels; /* a step is `stack` frames; labels: with the blank, which is 0 */
  const float *logits;          /* step t at logits + t * stride */
  int64_t stride;
  /* Label k, from 1, as UTF-8; its length in *size. */
  const char *(*text)(const void *self, int64_t label, int *size);
  const void *self;
} speech_sheet;

/* Writes an SVG. */
void speech_picture(FILE *to, const speech_sheet *s);

#endif
