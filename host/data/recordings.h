/* recordings.h - recordings of speech, each with what is said: those of a folder or of a list.
 *
 *   FOLDER/7_jackson_32.wav     a digit, who says it, and a number: every .wav of the folder
 *   clip.wav<TAB>two words      a list: a file's path, from where the list is, and its text, a line each
 *
 * Of a folder some may be held out: those of one speaker, or, where none is named, those with the lowest
 * numbers.
 */
#ifndef RECORDINGS_H
#define RECORDINGS_H

#include <stdint.h>

#include "host/cli/hash.h"

typedef struct recording {
  char *text;             /* UTF-8, at least one byte */
  int32_t speaker;        /* among those of the folders, -1: of a list */
  int64_t start, samples; /* among all samples */
} recording;

typedef struct recordings {
  int64_t count, rate, samples, speakers; /* rate: 0 before the first one */
  recording *item;                        /* [count] */
  float *sample;                          /* [samples] */
  char **speaker;                         /* [speakers] their names */
  uint64_t hash;                          /* of the files, FNV-1a */
  int64_t bytes;                          /* of the files */
  int64_t held_out;                       /* of folders, that were left out, or alone were taken */
  int64_t room, room_samples;
} recordings;

/* None yet. */
#define RECORDINGS_NONE                                                                                      \
  { .hash = HASH_START }

/* Which are held out, and which to take of a folder. */
typedef struct recordings_choice {
  const char *speaker; /* "": nobody; then those with numbers below: */
  int64_t below;
  int take_held_out; /* 1: those that are held out; 0: the others */
  const char *only;  /* the speaker whose recordings are taken alone; NULL or "": those of all */
} recordings_choice;

/* Adds what a folder or a list has.  0, or an exit code after a sentence that names the file, and the line
 * of a list; recordings_free is to be called in any case. */
int recordings_read(const char *path, const recordings_choice *choice, recordings *r);
int recordings_is_folder(const char *path);
/* Adds one file, whose text is to be found out. */
int recordings_read_file(const char *path, recordings *r);
void recordings_free(recordings *r);

#endif
