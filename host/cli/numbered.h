/* numbered.h - copies of a checkpoint beside it: model.safetensors, model-00000400.safetensors, ... */
#ifndef NUMBERED_H
#define NUMBERED_H

#include <stdint.h>

enum { NUMBERED_PATH = 4096 };

/* The copies that are there, in the order in which they go. */
typedef struct numbered {
  const char *path; /* of the checkpoint */
  int64_t *steps;
  int64_t count, room;
} numbered;

/* "model-TEXT.safetensors" for path "model.safetensors".  0, or CLI_FAILED after a sentence. */
int numbered_name(const char *path, const char *text, char out[NUMBERED_PATH]);
/* "model-00000400.safetensors". */
int numbered_step_name(const char *path, int64_t step, char out[NUMBERED_PATH]);

/* Lists the copies that are in the folder, by their steps. */
int numbered_find(const char *path, numbered *out);
/* Links the checkpoint, which was just saved, as the copy of a step.  1, or 0 where it cannot be linked, and
 * then the caller saves it under that name. */
int numbered_link(const char *path, const char *name);
/* The copy of a step was made: it goes last.  Removes the first ones beyond `most`. */
int numbered_add(numbered *n, int64_t step, int64_t most);
void numbered_free(numbered *n);

#endif
