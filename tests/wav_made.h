/* wav_made.h - small WAV files, made in memory. */
#ifndef WAV_MADE_H
#define WAV_MADE_H

#include <stdint.h>
#include <string.h>

enum { WAV_HEADER = 44 };

/* The lowest `bytes` of a number, the lowest first; how many they are. */
static inline size_t wav_put(char *at, uint32_t value, size_t bytes) {
  for (size_t i = 0; i < bytes; i++) at[i] = (char)(value >> 8 * i);
  return bytes;
}

/* A file of 16 bits a sample, in out, which has room for WAV_HEADER and two bytes a sample; its size.
 * Sample i of channel c is first + i * slope + c. */
static inline size_t wav_make(char *out, uint32_t rate, uint32_t channels, uint32_t frames, int first,
                              int slope) {
  const uint32_t data = 2 * channels * frames;
  memcpy(out, "RIFF....WAVEfmt ", 16);
  wav_put(out + 4, 36 + data, 4);
  size_t n = 16;
  n += wav_put(out + n, 16, 4);
  n += wav_put(out + n, 1, 2);
  n += wav_put(out + n, channels, 2);
  n += wav_put(out + n, rate, 4);
  n += wav_put(out + n, 2 * channels * rate, 4);
  n += wav_put(out + n, 2 * channels, 2);
  n += wav_put(out + n, 16, 2);
  memcpy(out + n, "data", 4);
  n += 4;
  n += wav_put(out + n, data, 4);
  for (uint32_t i = 0; i < frames; i++)
    for (uint32_t c = 0; c < channels; c++)
      n += wav_put(out + n, (uint32_t)(first + (int)i * slope + (int)c), 2);
  return n;
}

#endif
