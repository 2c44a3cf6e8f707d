/* picture_set.h - pictures in batches, with their captions as numbers: what a captioner learns from.
 *
 * Of pixels from 0 to 1 a patch has
 *
 *   3 (1 - min(r,g,b))                          of each pixel, row by row
 *   3 e (r - g), 3 e ((r + g) / 2 - b)          means over a quarter of edge e: upper left, upper right, lower ones
 *
 * so a shape looks the same whatever its colour is, white is 0, most of what is drawn about 1, and a quarter of a
 * colour is as long a vector as if each pixel had it.
 *
 * Scenes of a training are none of a set: each update draws new ones, which follow from its number.
 *
 * Letters: P = patches, B = pictures, T = words of the longest caption of a batch and its end.
 */
#ifndef PICTURE_SET_H
#define PICTURE_SET_H

#include "host/data/buckets.h"
#include "host/data/pictures.h"
#include "host/data/word_set.h"
#include "seqgpu/captioner.h"

typedef struct picture_set {
  pictures data;    /* filled by a reader; none: the set is empty, and may be opened all the same */
  int64_t drawn;    /* scenes of an epoch that each update draws, in the place of data; 0: none */
  int unseen;       /* of the pairs that are held out */
  int64_t apart;    /* epochs in which shapes and colours are apart */
  word_set caption; /* numbers of those that are known */
  int64_t longest;  /* words of a caption */
  int32_t *length;  /* [count] of captions, 1 where they are not known */
  buckets order;    /* its sizes alone where scenes are drawn */
  const vocabulary *words;
  unsigned char *pixel; /* of a scene, [side,side,3] */
  float *x;             /* of the batch, as what follows */
  int32_t *number;
  size_t room, room_numbers;
} picture_set;

typedef struct picture_batch {
  seqgpu_captioner_batch words;
  const int32_t *target; /* [T,B] the words that are to be written, and then the end; -1 behind it */
  int64_t steps;         /* of all captions, with their ends */
} picture_batch;

/* Numbers what was read; `words` must outlive the set.  0, or CLI_FAILED after a sentence; picture_set_close
 * is to be called in any case. */
int picture_set_open(picture_set *s, const vocabulary *words, int64_t batch, int64_t seed);
void picture_set_close(picture_set *s);

/* The pictures which[count] of a set side by side; valid until the next call, as the next.  0 when out of
 * memory. */
int picture_set_batch(picture_set *s, const int32_t *which, int64_t count, picture_batch *out);
/* The batch of update number `step`, of scenes that are drawn for it or of the set. */
int picture_set_update(picture_set *s, int64_t step, picture_batch *out);

#endif
