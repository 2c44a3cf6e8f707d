/* griffin_lim.c - see griffin_lim.h. */
#include "host/data/griffin_lim.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/fft.h"
#include "host/cli/cli.h"

static const double PI = 3.141592653589793;

enum { SPREADS = 50 /* rounds that find the powers of a frame */ };

static const float LOUDEST = 0.9F;

/* Of sum_i w^2, at the ends of the sound, where only the rim of one window lies. */
static const float LEAST_WEIGHT = 0.1F;

static int64_t bins_of(const mel *m) { return m->points / 2 + 1; }

static int64_t start_of(const mel *m, int64_t i) { return (int64_t)((double)i * mel_hop(m) + 0.5); }

int64_t griffin_lim_samples(const mel *m, int64_t frames) { return start_of(m, frames - 1) + m->window; }

/* ---------------------------------------------------------------- powers of the frequencies */

/* H' of the bands' values p. */
static void spread(const mel *m, const float *p, float *out) {
  const int64_t K = bins_of(m);
  memset(out, 0, (size_t)K * sizeof *out);
  for (int64_t b = 0; b < m->bands; b++)
    for (int64_t k = m->from[b]; k < m->to[b]; k++) out[k] += m->weight[b * K + k] * p[b];
}

/* H of the frequencies' powers. */
static void gather(const mel *m, const float *P, float *out) {
  const int64_t K = bins_of(m);
  for (int64_t b = 0; b < m->bands; b++) {
    out[b] = 0;
    for (int64_t k = m->from[b]; k < m->to[b]; k++) out[b] += m->weight[b * K + k] * P[k];
  }
}

/* The magnitudes of a frame's frequencies; `memory` [2K+bands]. */
static void find_magnitudes(const mel *m, const float *power, float *memory, float *P) {
  const int64_t K = bins_of(m);
  float *wanted = memory, *found = memory + K, *sums = memory + 2 * K;
  spread(m, power, wanted);
  memcpy(P, wanted, (size_t)K * sizeof *P);
  for (int round = 0; round < SPREADS; round++) {
    gather(m, P, sums);
    spread(m, sums, found);
    for (int64_t k = 0; k < K; k++) P[k] = found[k] > 0 ? P[k] * (wanted[k] / found[k]) : 0;
  }
  for (int64_t k = 0; k < K; k++) P[k] = sqrtf(P[k]);
}

/* ---------------------------------------------------------------- phases */

/* One frame's transform takes the magnitudes [K] and keeps its phases; where it has none they are 0. */
static void take_magnitudes(mel *m, const float *magnitude) {
  const int64_t M = m->points;
  for (int64_t k = 0; k <= M / 2; k++) {
    const int64_t at = m->place[k], opposite = m->place[(M - k) % M];
    const float length = hypotf(m->re[at], m->im[at]);
    const float a = length > 0 ? magnitude[k] * (m->re[at] / length) : magnitude[k],
                b = length > 0 ? magnitude[k] * (m->im[at] / length) : 0;
    m->re[at] = m->re[opposite] = a;
    m->im[at] = b;
    m->im[opposite] = at == opposite ? b : -b;
  }
}

/* The transform of frame i of x. */
static void transform(mel *m, const float *x, int64_t i) {
  memset(m->re, 0, (size_t)m->points * sizeof *m->re);
  memset(m->im, 0, (size_t)m->points * sizeof *m->im);
  for (int64_t n = 0; n < m->window; n++) m->re[n] = m->hann[n] * x[start_of(m, i) + n];
  sq_fft_forward_f32(m->points, m->tables, m->re, m->im, m->scratch);
}

/* What it is at first. */
static void begin(mel *m, int64_t i) {
  const int64_t M = m->points;
  for (int64_t k = 0; k <= M / 2; k++) {
    const double along = fmod((double)k * (double)start_of(m, i) / (double)M, 1),
                 phase = 2 * PI * along + PI * (double)(k * k) / (double)bins_of(m);
    m->re[m->place[k]] = (float)cos(phase);
    m->im[m->place[k]] = k > 0 && 2 * k < M ? (float)sin(phase) : 0;
  }
}

/* Adds the frame that is transformed, times the window, to x from its start on. */
static void add_frame(mel *m, int64_t i, float *x) {
  sq_fft_inverse_f32(m->points, m->tables, m->re, m->im, m->scratch);
  for (int64_t n = 0; n < m->window; n++) x[start_of(m, i) + n] += m->hann[n] * m->re[n] / (float)m->points;
}

/* Sound from the frames of x, or from what they are at first. */
static void make(mel *m, const float *magnitude, int64_t frames, const float *x, const float *weight,
                 float *out) {
  const int64_t samples = griffin_lim_samples(m, frames);
  memset(out, 0, (size_t)samples * sizeof *out);
  for (int64_t i = 0; i < frames; i++) {
    if (x)
      transform(m, x, i);
    else
      begin(m, i);
    take_magnitudes(m, magnitude + i * bins_of(m));
    add_frame(m, i, out);
  }
  for (int64_t n = 0; n < samples; n++) out[n] /= weight[n];
}

static void find_weights(const mel *m, int64_t frames, float *weight) {
  const int64_t samples = griffin_lim_samples(m, frames);
  memset(weight, 0, (size_t)samples * sizeof *weight);
  for (int64_t i = 0; i < frames; i++)
    for (int64_t n = 0; n < m->window; n++) weight[start_of(m, i) + n] += m->hann[n] * m->hann[n];
  for (int64_t n = 0; n < samples; n++)
    if (weight[n] < LEAST_WEIGHT) weight[n] = LEAST_WEIGHT;
}

static void level(float *x, int64_t samples) {
  float most = 0;
  for (int64_t n = 0; n < samples; n++)
    if (fabsf(x[n]) > most) most = fabsf(x[n]);
  for (int64_t n = 0; n < samples && most > 0; n++) x[n] *= LOUDEST / most;
}

/* ---------------------------------------------------------------- both */

int griffin_lim(mel *m, const float *power, int64_t frames, int64_t iterations, float *x) {
  const int64_t K = bins_of(m), samples = griffin_lim_samples(m, frames);
  float *magnitude = malloc((size_t)(frames * K) * sizeof *magnitude),
        *before = malloc((size_t)samples * sizeof *before),
        *weight = malloc((size_t)samples * sizeof *weight),
        *memory = malloc((size_t)(2 * K + m->bands) * sizeof *memory);
  const int ok = magnitude && before && weight && memory;
  if (ok) {
    for (int64_t i = 0; i < frames; i++) find_magnitudes(m, power + i * m->bands, memory, magnitude + i * K);
    find_weights(m, frames, weight);
    make(m, magnitude, frames, NULL, weight, x);
    for (int64_t round = 0; round < iterations; round++) {
      memcpy(before, x, (size_t)samples * sizeof *x);
      make(m, magnitude, frames, before, weight, x);
    }
    level(x, samples);
  }
  free(magnitude);
  free(before);
  free(weight);
  free(memory);
  return ok ? CLI_OK : cli_error("out of memory");
}
