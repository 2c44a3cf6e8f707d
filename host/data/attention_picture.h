/* attention_picture.h - what each word of an answer attends to, as a picture: a map for each pair, its columns the
 * words of the source, its rows those of the answer, the darker the more. */
#ifndef ATTENTION_PICTURE_H
#define ATTENTION_PICTURE_H

#include <stdio.h>

#include "host/data/sentences.h"

typedef struct attention_map {
  const sentences_piece *source, *target; /* [sources], [targets] */
  int64_t sources, targets;
  const float *weight; /* [targets,sources] 0 to 1 */
} attention_map;

/* The first bytes of a word, which end with a character, and </text>. */
void attention_word(FILE *to, sentences_piece word);
/* Writes an SVG of maps, one below the other. */
void attention_picture(FILE *to, const attention_map *map, int64_t count);

#endif
