/* wav.c - see wav.h.  The bytes are read by the program, so that every file of its is opened, and refused,
 * in one way; libsndfile is handed them as a file in memory. */
#include "host/data/wav.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host/cli/cli.h"
#include "host/cli/hash.h"
#include "host/cli/text_bytes.h"

enum { MOST_CHANNELS = 64, MOST_SAMPLES = 1 << 28 };

/* ---------------------------------------------------------------- what a WAV file says of its length */

static int64_t word_at(const char *bytes) {
  uint32_t word = 0;
  for (int i = 3; i >= 0; i--) word = word << 8 | (unsigned char)bytes[i];
  return word;
}

/* RIFF: "RIFF", how many bytes follow, "WAVE", and chunks, each of a name, its size, and so many bytes. */
static int check_whole(const char *path, const char *bytes, int64_t size) {
  if (size == 0) return cli_error("%s: is empty; it must be a recording", path);
  if (size < 12 || memcmp(bytes, "RIFF", 4) != 0 || memcmp(bytes + 8, "WAVE", 4) != 0) return CLI_OK;
  for (int64_t at = 12; at + 8 <= size;) {
    const int64_t length = word_at(bytes + at + 4);
    if (length > size - at - 8)
      return cli_error("%s: is cut short: it must have %lld bytes, and %lld are there", path,
                       (long long)(at + 8 + length), (long long)size);
    at += 8 + length + length % 2;
  }
  return CLI_OK;
}

void wav_free(wav *w) {
  free(w->sample);
  *w = (wav){.sample = NULL};
}

#ifdef SEQGPU_SNDFILE
#include <sndfile.h>

/* ---------------------------------------------------------------- a file in memory */

typedef struct memory {
  const char *bytes;
  sf_count_t size, at;
} memory;

static sf_count_t memory_size(void *self) { return ((memory *)self)->size; }

static sf_count_t memory_seek(sf_count_t offset, int whence, void *self) {
  memory *m = self;
  const sf_count_t from = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? m->at : m->size;
  if (offset < -from || offset > m->size - from) return -1; /* a sum may have no sf_count_t */
  return m->at = from + offset;
}

static sf_count_t memory_read(void *out, sf_count_t count, void *self) {
  memory *m = self;
  const sf_count_t there = m->size - m->at, n = count < there ? count : there;
  if (n <= 0) return 0;
  memcpy(out, m->bytes + m->at, (size_t)n);
  m->at += n;
  return n;
}

static sf_count_t memory_write(const void *bytes, sf_count_t count, void *self) {
  (void)bytes, (void)count, (void)self;
  return 0;
}

static sf_count_t memory_tell(void *self) { return ((memory *)self)->at; }

/* ---------------------------------------------------------------- reading */

static int check_format(const char *path, const SF_INFO *info) {
  if (info->frames < 1) return cli_error("%s: has no samples", path);
  if (info->channels > MOST_CHANNELS || (double)info->frames * info->channels > MOST_SAMPLES)
    return cli_error("%s: has %lld samples of %d channels; that is too much", path, (long long)info->frames,
                     info->channels);
  return CLI_OK;
}

/* The mean of the channels takes the place of the first ones; 0 if something is not finite. */
static int mix(float *sample, int64_t frames, int channels) {
  for (int64_t i = 0; i < frames; i++) {
    float sum = 0;
    for (int c = 0; c < channels; c++) sum += sample[i * channels + c];
    sample[i] = sum / (float)channels;
    if (!isfinite(sample[i])) return 0;
  }
  return 1;
}

static int read_samples(const char *path, SNDFILE *file, const SF_INFO *info, wav *out) {
  CLI_TRY(check_format(path, info));
  out->rate = info->samplerate;
  out->samples = info->frames;
  out->sample = malloc((size_t)(info->frames * info->channels) * sizeof *out->sample);
  if (out->sample == NULL) return cli_error("%s: out of memory", path);
  const sf_count_t got = sf_readf_float(file, out->sample, info->frames);
  if (got != info->frames)
    return cli_error("%s: is cut short: %lld samples are there, of %lld", path, (long long)got,
                     (long long)info->frames);
  if (!mix(out->sample, out->samples, info->channels))
    return cli_error("%s: has a sample that is not finite", path);
  return CLI_OK;
}

/* libsndfile has a sentence for want of memory, and no code. */
static int refused(const char *path) {
  const char *why = sf_strerror(NULL);
  if (strstr(why, "malloc")) return cli_error("%s: out of memory", path);
  return cli_error("%s: is no recording that libsndfile reads: %s", path, why);
}

int wav_parse(const char *path, const char *bytes, int64_t size, wav *out) {
  SF_VIRTUAL_IO calls = {memory_size, memory_seek, memory_read, memory_write, memory_tell};
  memory m = {bytes, size, 0};
  SF_INFO info = {.format = 0};
  *out = (wav){.hash = hash_bytes(HASH_START, bytes, (size_t)size), .bytes = size};
  CLI_TRY(check_whole(path, bytes, size));
  SNDFILE *file = sf_open_virtual(&calls, SFM_READ, &info, &m);
  if (file == NULL) return refused(path);
  const int code = read_samples(path, file, &info, out);
  sf_close(file);
  if (code != CLI_OK) wav_free(out);
  return code;
}
#else
int wav_parse(const char *path, const char *bytes, int64_t size, wav *out) {
  *out = (wav){.hash = HASH_START};
  CLI_TRY(check_whole(path, bytes, size));
  return cli_error("%s: cannot be read: this build has no libsndfile", path);
}
#endif

int wav_read(const char *path, wav *out) {
  char *bytes;
  size_t size;
  *out = (wav){.sample = NULL};
  CLI_TRY(text_bytes(path, &bytes, &size));
  const int code = wav_parse(path, bytes, (int64_t)size, out);
  free(bytes);
  return code;
}

/* ---------------------------------------------------------------- writing */

/* The lowest `bytes` of a number, the lowest first. */
static void put(FILE *to, uint32_t value, int bytes) {
  for (int i = 0; i < bytes; i++) fputc((int)(value >> 8 * i & 0xFF), to);
}

static int32_t level_of(float x) {
  const double level = rint(32767 * (double)x);
  return level > 32767 ? 32767 : level < -32767 ? -32767 : (int32_t)level;
}

void wav_write(FILE *to, int64_t rate, const float *sample, int64_t samples) {
  enum { PCM = 1, CHANNELS = 1, BYTES = 2, FORMAT = 16, HEADER = 36 };
  const uint32_t data = (uint32_t)(BYTES * samples);
  fputs("RIFF", to);
  put(to, HEADER + data, 4);
  fputs("WAVEfmt ", to);
  put(to, FORMAT, 4);
  put(to, PCM, 2);
  put(to, CHANNELS, 2);
  put(to, (uint32_t)rate, 4);
  put(to, (uint32_t)(BYTES * rate), 4);
  put(to, BYTES, 2);
  put(to, 8 * BYTES, 2);
  fputs("data", to);
  put(to, data, 4);
  for (int64_t i = 0; i < samples; i++) put(to, (uint32_t)level_of(sample[i]), BYTES);
}
