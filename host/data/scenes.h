/* scenes.h - pictures that are drawn from a number: two or three coloured shapes, and a caption that is true
 * of them.
 *
 *   a large circle in red above a small square in blue and left of a medium ring in green
 *
 * The largest shape is named first, one above or below it next, one left or right of it last; so a picture
 * has one right caption.  Colours and shapes make pairs, and every pair for which (colour + shape) is a
 * multiple of 6 is held out: scenes are made of the other pairs alone, or of these alone.
 *
 * A model that looks at shapes and colours at once also learns which shapes a colour never has, and then
 * does not write the pairs that are held out, whatever it sees.  So the colour comes last in a caption, and
 * for such a model there are scenes in which shapes and colours are apart, to begin with: "a large circle
 * above a small thing in blue", where circles are grey and things are ellipses.
 */
#ifndef SCENES_H
#define SCENES_H

#include <stdint.h>

enum {
  SCENE_COLOURS = 8,
  SCENE_SHAPES = 6,
  SCENE_SIZES = 3,
  SCENE_MOST = 3,      /* shapes of a scene */
  SCENE_WORDS = 19,    /* of a caption, at most */
  SCENE_CAPTION = 128, /* bytes of one, with its zero */
  SCENE_CHANNELS = 3
};

/* Where it is on a square of side 1, y downwards, and how far it reaches. */
typedef struct scene_shape {
  int colour, shape, size; /* colour: -1 = grey; shape: SCENE_SHAPES = a thing */
  double x, y, radius;
  double rgb[SCENE_CHANNELS]; /* 0 to 1 */
} scene_shape;

typedef struct scene {
  int count;    /* shapes */
  int vertical; /* the second is below (1) or above (-1) the first; 0: it is not this that is said */
  int sideways; /* the last is right (1) or left (-1) of the first; 0: the same */
  scene_shape shape[SCENE_MOST];
  double ground[SCENE_CHANNELS];
} scene;

/* Which scenes: of which pairs, and one of two series that have none in common. */
typedef struct scene_kind {
  int unseen; /* of those that are held out */
  int apart;  /* shapes and colours are */
  int validation;
} scene_kind;

static inline int scene_held_out(int colour, int shape) { return (colour + shape) % SCENE_SHAPES == 0; }

/* Scene `number`, from 0: what it is follows from seed, kind and number alone. */
void scene_make(uint64_t seed, scene_kind kind, int64_t number, scene *out);
/* Its caption, words with spaces between. */
void scene_caption(const scene *s, char out[SCENE_CAPTION]);
/* Its picture, pixel [side,side,3]. */
void scene_draw(const scene *s, int64_t side, unsigned char *pixel);
/* All words of captions, with spaces between. */
extern const char scene_vocabulary[];

#endif
