/* labelled_images.h - images and the class of each: two IDX files, as MNIST has them. */
#ifndef LABELLED_IMAGES_H
#define LABELLED_IMAGES_H

#include "host/cli/idx.h"

typedef struct labelled_images {
  idx_file images, labels; /* [n, height, width], [n] */
  int64_t first, count;    /* the images that are used */
} labelled_images;

/* Reads both files; they must have as many labels as images.  0, or an exit code after a sentence;
 * labelled_images_free is to be called in any case. */
int labelled_images_read(const char *images, const char *labels, labelled_images *out);
void labelled_images_free(labelled_images *s);
/* One more than the largest label, at least 2. */
int64_t labelled_images_classes(const labelled_images *s);
/* 0, or CLI_FAILED after a sentence about the file `labels`: one is no class. */
int labelled_images_check(const labelled_images *s, const char *labels, int64_t classes);

#endif
