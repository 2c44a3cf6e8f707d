/* mel.c - see mel.h.  Two frames go through one transform, as its real and its imaginary part:
 * with Z their transform, 2 A(k) = Z(k) + conj Z(-k) and 2i B(k) = Z(k) - conj Z(-k). */
#include "host/data/mel.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/fft.h"
#include "host/cli/cli.h"

/* ---------------------------------------------------------------- the bands */

static double mel_of(double hertz) { return 2595 * log10(1 + hertz / 700); }
static double hertz_of(double mels) { return 700 * (pow(10, mels / 2595) - 1); }

/* Jaitly and Hinton 2013, equation 1. */
static double warped(double f, double half, double warp) {
  const double high = 0.875 * half, bend = high * (warp < 1 ? warp : 1) / warp;
  if (f <= bend) return warp * f;
  return half - (half - warp * bend) / (half - bend) * (half - f);
}

static void make_bands(mel *m, double warp) {
  const int64_t bins = m->points / 2 + 1;
  const double half = (double)m->rate / 2, width = mel_of(half) / (double)(m->bands + 1);
  memset(m->weight, 0, (size_t)(m->bands * bins) * sizeof *m->weight);
  for (int64_t b = 0; b < m->bands; b++) {
    const double left = warped(hertz_of((double)b * width), half, warp),
                 middle = warped(hertz_of((double)(b + 1) * width), half, warp),
                 right = warped(hertz_of((double)(b + 2) * width), half, warp);
    m->from[b] = (int32_t)bins;
    m->to[b] = 0;
    for (int64_t k = 0; k < bins; k++) {
      const double f = (double)k * (double)m->rate / (double)m->points;
      const double h = f <= middle ? (f - left) / (middle - left) : (right - f) / (right - middle);
      if (!(h > 0)) continue;
      m->weight[b * bins + k] = (float)h;
      if (m->from[b] > k) m->from[b] = (int32_t)k;
      m->to[b] = (int32_t)k + 1;
    }
  }
  m->warp = warp;
}

/* ---------------------------------------------------------------- opening */

int mel_open(mel *m, int64_t rate, int64_t bands) {
  *m = (mel){.rate = rate, .bands = bands, .window = rate / 40, .points = 1};
  while (m->points < m->window) m->points *= 2;
  const size_t bins = (size_t)m->points / 2 + 1, points = (size_t)m->points;
  m->hann = malloc((size_t)m->window * sizeof *m->hann);
  m->tables = malloc((size_t)sq_fft_tables(m->points) * sizeof *m->tables);
  m->scratch = malloc((size_t)sq_fft_scratch(m->points) * sizeof *m->scratch);
  m->place = malloc(points * sizeof *m->place);
  m->re = malloc(points * sizeof *m->re);
  m->im = malloc(points * sizeof *m->im);
  m->power = malloc(2 * bins * sizeof *m->power);
  m->weight = malloc((size_t)bands * bins * sizeof *m->weight);
  m->from = malloc((size_t)bands * sizeof *m->from);
  m->to = malloc((size_t)bands * sizeof *m->to);
  if (!m->hann || !m->tables || !m->scratch || !m->place || !m->re || !m->im || !m->power || !m->weight ||
      !m->from || !m->to)
    return cli_error("out of memory");
  for (int64_t n = 0; n < m->window; n++)
    m->hann[n] = (float)(0.5 - 0.5 * cos(6.283185307179586 * (double)n / (double)m->window));
  sq_fft_prepare_f32(m->points, m->tables);
  for (int64_t k = 0; k < m->points; k++) m->place[k] = (int32_t)sq_fft_place(m->points, k);
  make_bands(m, 1);
  return CLI_OK;
}

void mel_close(mel *m) {
  free(m->hann);
  free(m->tables);
  free(m->scratch);
  free(m->place);
  free(m->re);
  free(m->im);
  free(m->power);
  free(m->weight);
  free(m->from);
  free(m->to);
  *m = (mel){.rate = 0};
}

/* ---------------------------------------------------------------- frames */

double mel_hop(const mel *m) { return (double)m->rate / 100; }

int64_t mel_frames(const mel *m, int64_t samples, double hop) {
  return samples <= m->window ? 1 : 1 + (int64_t)((double)(samples - m->window) / hop);
}

/* Frame i under the window, in out [points]; zeros where there is no such frame, or no sample. */
static void cut_frame(const mel *m, const float *x, int64_t samples, int64_t start, float *out) {
  memset(out, 0, (size_t)m->points * sizeof *out);
  for (int64_t n = 0; n < m->window && start + n < samples; n++) out[n] = m->hann[n] * x[start + n];
}

/* |A(k)|^2 and |B(k)|^2 of the two frames that were transformed. */
static void find_power(mel *m) {
  const int64_t M = m->points, bins = M / 2 + 1;
  for (int64_t k = 0; k < bins; k++) {
    const int64_t at = m->place[k], opposite = m->place[(M - k) % M];
    const float a = m->re[at] + m->re[opposite], b = m->im[at] - m->im[opposite];
    const float c = m->im[at] + m->im[opposite], d = m->re[opposite] - m->re[at];
    m->power[k] = (a * a + b * b) / 4;
    m->power[bins + k] = (c * c + d * d) / 4;
  }
}

static void sum_bands(const mel *m, const float *power, float *out) {
  const int64_t bins = m->points / 2 + 1;
  for (int64_t b = 0; b < m->bands; b++) {
    double sum = MEL_FLOOR;
    for (int64_t k = m->from[b]; k < m->to[b]; k++) sum += (double)m->weight[b * bins + k] * (double)power[k];
    out[b] = (float)log(sum);
  }
}

void mel_features(mel *m, const float *x, int64_t samples, double hop, double warp, float *out) {
  const int64_t frames = mel_frames(m, samples, hop);
  if (m->warp != warp) make_bands(m, warp);
  for (int64_t i = 0; i < frames; i += 2) {
    cut_frame(m, x, samples, (int64_t)((double)i * hop + 0.5), m->re);
    cut_frame(m, x, i + 1 < frames ? samples : 0, (int64_t)((double)(i + 1) * hop + 0.5), m->im);
    sq_fft_forward_f32(m->points, m->tables, m->re, m->im, m->scratch);
    find_power(m);
    sum_bands(m, m->power, out + i * m->bands);
    if (i + 1 < frames) sum_bands(m, m->power + m->points / 2 + 1, out + (i + 1) * m->bands);
  }
}
