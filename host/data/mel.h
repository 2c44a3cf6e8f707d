/* mel.h - log-mel features: how much sound a stretch of a recording has in bands that lie as hearing has
 * them.
 *
 *   s_i(n) = w(n) x(start_i + n)         frames of 25 ms (N samples), by default 10 ms after one another
 *   w(n)   = 1/2 - 1/2 cos(2 pi n / N)   Hann's window
 *   P_i(k) = |sum_n s_i(n) e^{-2 pi i k n / M}|^2                        M the power of two from N on
 *   m(f)   = 2595 log10(1 + f / 700)                                     O'Shaughnessy 1987
 *   f_0 ... f_(B+1) lie evenly on m from 0 to half the rate              B bands
 *   h_b(f) = a triangle from f_(b-1) over f_b, where it is 1, to f_(b+1)
 *   y_i(b) = log(MEL_FLOOR + sum_k h_b(k rate / M) P_i(k))               Davis and Mermelstein 1980
 *
 * A warp a moves the frequencies of the bands as another length of the vocal tract would (Jaitly and Hinton
 * 2013): a f up to f_high = 7/8 of half the rate, divided by a if a > 1, and from there on a straight line
 * to half the rate.
 */
#ifndef MEL_H
#define MEL_H

#include <stdint.h>

#define MEL_FLOOR 1e-6

enum { MEL_LEAST_RATE = 1000, MEL_MOST_RATE = 384000, MEL_MOST_BANDS = 512 };

typedef struct mel {
  int64_t rate, bands, window, points; /* samples a second; B; N; M */
  double warp;                         /* that the bands were made for */
  float *hann;                         /* [window] */
  float *tables, *scratch, *re, *im;   /* of the transform */
  int32_t *place;                      /* [points] where the transform leaves each frequency */
  float *power;                        /* [2,points/2+1] of two frames */
  float *weight;                       /* [bands,points/2+1] */
  int32_t *from, *to;                  /* [bands] the bins that have any */
} mel;

/* 0, or CLI_FAILED after a sentence: out of memory.  mel_close is to be called in any case. */
int mel_open(mel *m, int64_t rate, int64_t bands);
void mel_close(mel *m);

/* Frames of so many samples, at least one, when they begin `hop` samples after one another. */
int64_t mel_frames(const mel *m, int64_t samples, double hop);
/* 10 ms in samples. */
double mel_hop(const mel *m);

/* The features out [mel_frames,bands] of x [samples]; what lies behind its end is silence. */
void mel_features(mel *m, const float *x, int64_t samples, double hop, double warp, float *out);

#endif
