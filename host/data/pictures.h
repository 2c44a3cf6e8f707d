/* pictures.h - pictures, each with its caption: those of a list, or scenes.
 *
 *   dog.png<TAB>a dog asleep    a list: a file's path, from where the list is, and its caption, a line each;
 *   dog.npy<TAB>a dog asleep    PNG, or numbers of patches from elsewhere: [rows,columns,inputs], [P,inputs]
 *   scenes:2000, unseen:500     so many scenes (scenes.h), of pairs that are learnt and of those held out
 */
#ifndef PICTURES_H
#define PICTURES_H

#include "host/cli/hash.h"
#include "host/data/scenes.h"
#include "host/data/sentences.h"
#include "seqgpu/seqgpu.h"

enum { PICTURES_CHANNELS = SCENE_CHANNELS, PICTURES_MOST_SIDE = 1024, PICTURES_COLOURS = 8 };

/* What a model sees of each picture. */
typedef struct picture_form {
  int64_t side, patch;           /* of pixels; 0: numbers from .npy */
  int64_t rows, columns, inputs; /* patches, and numbers of each */
} picture_form;

/* That of pixels in patches; patch divides side.  A patch is how dark each of its pixels is, and the colour of each
 * of its quarters (picture_set.h). */
picture_form picture_form_of_pixels(int64_t side, int64_t patch);

typedef struct pictures {
  seqgpu_context *ctx; /* of sentences about .npy */
  uint64_t seed;       /* of scenes */
  picture_form form;   /* of pixels, at first: the first file, if it has numbers, changes that */
  int fixed;           /* it does not: the form is known */
  int64_t count;
  unsigned char *pixel; /* [count,side,side,3], of pixels */
  float *number;        /* [count,rows,columns,inputs], of .npy */
  sentences caption;    /* of each; none of those that were read without */
  uint64_t hash;        /* of what was read, FNV-1a */
  int64_t bytes;
  int64_t room;
} pictures;

void pictures_free(pictures *p);

/* 1 if the name is one of scenes: how many, and of which pairs; 0: it is a file's; -1: it is neither, after a
 * sentence. */
int pictures_scenes(const char *name, int64_t *count, int *unseen);

/* Adds the pictures and captions of a list, or scenes of the validation.  0, or an exit code after a sentence
 * that names the file, and the line of a list; pictures_free is to be called in any case. */
int pictures_read(const char *name, pictures *p);
/* The same of the text of a list, which is taken. */
int pictures_parse(const char *path, text_file *text, pictures *p);
/* Adds one picture, or scenes, without captions. */
int pictures_read_file(const char *name, pictures *p);

#endif
