/* caption_picture.h - what each word of a caption looks at, as a picture: the picture itself, and once more
 * for each word, darker where the word does not look (Xu et al. 2015, figure 3). */
#ifndef CAPTION_PICTURE_H
#define CAPTION_PICTURE_H

#include <stdio.h>

#include "host/data/sentences.h"

typedef struct caption_map {
  int64_t side;               /* of pixels; 0: there are none, and patches are shown alone */
  const unsigned char *pixel; /* [side,side,3] */
  int64_t rows, columns;      /* of patches */
  const sentences_piece *word;
  int64_t words;
  const float *weight; /* [words,rows columns] 0 to 1 */
} caption_map;

/* Writes an SVG of maps, one below the other. */
void caption_picture(FILE *to, const caption_map *map, int64_t count);

#endif
