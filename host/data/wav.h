/* wav.h - recordings of sound: reading WAV, and whatever else libsndfile reads (FLAC, Ogg, AIFF), and writing
 * WAV, which needs no library.
 *
 * libsndfile reads what there is of a WAV file that is cut short, and says nothing; here that is refused.
 */
#ifndef WAV_H
#define WAV_H

#include <stdint.h>
#include <stdio.h>

typedef struct wav {
  int64_t rate, samples; /* samples a second; of the recording, at least 1 */
  float *sample;         /* [samples] from -1 to 1; the mean of its channels */
  uint64_t hash;         /* of the file, FNV-1a */
  int64_t bytes;         /* of the file */
} wav;

/* 0, or an exit code after a sentence that begins with the path, also where the program was built without
 * libsndfile; there is then nothing to free. */
int wav_read(const char *path, wav *out);
/* The same of the bytes of a file; `path` is what the sentences call it. */
int wav_parse(const char *path, const char *bytes, int64_t size, wav *out);
void wav_free(wav *w);

/* Writes a file of one channel and 16 bits a sample; what is beyond -1 and 1 is cut off. */
void wav_write(FILE *to, int64_t rate, const float *sample, int64_t samples);

#endif
