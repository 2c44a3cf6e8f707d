/* fft.h - the discrete Fourier transform of one vector of complex numbers, in split form (re [n], im [n]),
 * any n >= 1.
 *
 *   forward  X_f = sum_j x_j e^{-2 pi i f j / n}        inverse  x_j = sum_f X_f e^{+2 pi i f j / n}
 *
 * Neither is scaled: inverse after forward is n times the vector.  The forward transform leaves frequency f
 * at place sq_fft_place(n, f), and the inverse expects it there: a caller who multiplies by diagonals and
 * permutes in between does so in that order, and nothing is moved just to restore the natural order.
 *
 * Tables depend on n alone, begin where a double may, and may be shared by threads; each thread needs scratch
 * of its own.  Sizes in elements.
 */
#ifndef SQ_FFT_H
#define SQ_FFT_H

#include "core/real.h"

#ifdef __cplusplus
extern "C" {
#endif

int64_t sq_fft_tables(int64_t n);
int64_t sq_fft_scratch(int64_t n);

/* The place of frequency f, which is also the frequency at place f: bits reversed for powers of two, f for
 * others. */
int64_t sq_fft_place(int64_t n, int64_t f);

#define SQ_FFT_DECLARE(bits, type)                                                                           \
  void sq_fft_prepare_##bits(int64_t n, type *tables);                                                       \
  void sq_fft_forward_##bits(int64_t n, const type *tables, type *re, type *im, type *scratch);              \
  void sq_fft_inverse_##bits(int64_t n, const type *tables, type *re, type *im, type *scratch);
SQ_FFT_DECLARE(f32, float)
SQ_FFT_DECLARE(f64, double)
#undef SQ_FFT_DECLARE

#ifdef __cplusplus
}
#endif
#endif
