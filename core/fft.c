/* fft.c - Fourier transforms of one vector (fft.h).
 *
 * Powers of two: Pease 1968, in radix 2.  A forward stage takes x of n = 2 h elements to y,
 *   y_{2j} = x_j + x_{j+h}      y_{2j+1} = (x_j - x_{j+h}) w_j        j < h
 * so every stage reads two runs of h elements and writes one of 2 h.  The compiler vectorises all stages
 * alike, whereas the loops of an in-place transform shrink to a single butterfly.  With w of stage s (0, 1,
 * ...)
 *   w_j = e^{-2 pi i (j with its last s bits cleared) / n}
 * the last bit of the index is the first bit of the frequency, and so on: frequencies come out with reversed
 * bits.  The inverse is the stages' adjoint, last one first:
 *   x_j = y_{2j} + conj(w_j) y_{2j+1}      x_{j+h} = y_{2j} - conj(w_j) y_{2j+1}
 * 5 n log2 n operations; the factors w of all stages form a table of n log2 n elements.
 *
 * Other n: Bluestein 1970.  With the chirp c_j = e^{-pi i j^2 / n}, since f j = (f^2 + j^2 - (f-j)^2) / 2,
 *   X_f = c_f sum_j (x_j c_j) conj(c_{f-j})
 * is a convolution, done by transforms of a power of two m >= 2n - 1.
 */
#include "core/fft.h"

#include <math.h>
#include <string.h>

#include "core/turn.h"

#define TWO_PI 6.283185307179586476925286766559

static int power_of_two(int64_t n) { return (n & (n - 1)) == 0; }

static int stages(int64_t n) {
  int s = 0;
  while (((int64_t)1 << s) < n) s++;
  return s;
}

/* Of Bluestein's convolution. */
static int64_t padded(int64_t n) { return (int64_t)1 << stages(2 * n - 1); }

#if SEQGPU_REAL_BITS == 32
/* Powers of two: for each stage w's cosines [n/2] and sines [n/2]; at least the [3n] that preparing them
 * takes, or the [2n] of the kernels.
 * Others: the tables for m, the chirp [2n], the transform of its conjugate [2m], and room to compute that in
 * double precision [2m]. */
int64_t sq_fft_tables(int64_t n) {
  if (power_of_two(n)) return n * (n < 8 ? 3 : stages(n));
  const int64_t m = padded(n);
  return m * stages(m) + 2 * n + 4 * m;
}

int64_t sq_fft_scratch(int64_t n) { return power_of_two(n) ? 2 * n : 4 * padded(n); }

int64_t sq_fft_place(int64_t n, int64_t f) {
  if (!power_of_two(n)) return f;
  int64_t place = 0;
  for (int64_t bit = 1; bit < n; bit *= 2) place = 2 * place + ((f & bit) != 0);
  return place;
}
#endif

/* ---- powers of two ---- */

/* e^{2 pi i j / n}, j < n/2, Re and Im in turns; the first eighth of a turn and its mirror images. */
static void fill_turns(int64_t n, double *turns) {
  const int64_t quarter = n / 4;
  for (int64_t j = 0; j <= n / 8; j++) {
    const double c = cos(TWO_PI * (double)j / (double)n), s = sin(TWO_PI * (double)j / (double)n);
    const int64_t at[4] = {j, quarter - j, quarter + j, n / 2 - j};
    const double re[4] = {c, s, -s, -c}, im[4] = {s, c, c, s};
    for (int i = 0; i < (n < 4 ? 1 : 4); i++) {
      if (at[i] >= n / 2) continue;
      turns[2 * at[i]] = re[i];
      turns[2 * at[i] + 1] = im[i];
    }
  }
}

/* Where fill_turns has room until the tables of the later stages are filled. */
static double *room_for_turns(int64_t n, real *tables) { return (double *)(void *)(tables + n); }

/* A later stage leaves every other factor of the stage before it out.  They are rounded in the reverse of
 * that order, so that the errors of each stage's factors cancel (turn.h). */
static void round_turns(int64_t n, const double *turns, real *cosines, real *sines) {
  sq_turn_errors errors = {0, 0};
  for (int64_t step = n; step > 1; step /= 2)
    for (int64_t j = step == n ? 0 : step / 2; j < n / 2; j += step)
      FN(sq_round_turn)(turns[2 * j], turns[2 * j + 1], &errors, &cosines[j], &sines[j]);
}

/* `turns` as room_for_turns has it. */
static void prepare_stages(int64_t n, const double *turns, real *tables) {
  const int64_t half = n / 2;
  round_turns(n, turns, tables, tables + half);
  for (int s = 1; s < stages(n); s++) {
    real *w = tables + s * n;
    for (int64_t j = 0; j < half; j++) {
      const int64_t cleared = (j >> s) << s;
      w[j] = tables[cleared];
      w[half + j] = tables[half + cleared];
    }
  }
}

SQ_INLINE void split_stage(int64_t half, const real *restrict w, const real *restrict xr,
                           const real *restrict xi, real *restrict yr, real *restrict yi) {
  for (int64_t j = 0; j < half; j++) {
    const real c = w[j], s = w[half + j], dr = xr[j] - xr[half + j], di = xi[j] - xi[half + j];
    yr[2 * j] = xr[j] + xr[half + j];
    yi[2 * j] = xi[j] + xi[half + j];
    yr[2 * j + 1] = dr * c + di * s;
    yi[2 * j + 1] = di * c - dr * s;
  }
}

SQ_INLINE void merge_stage(int64_t half, const real *restrict w, const real *restrict yr,
                           const real *restrict yi, real *restrict xr, real *restrict xi) {
  for (int64_t j = 0; j < half; j++) {
    const real c = w[j], s = w[half + j], br = yr[2 * j + 1], bi = yi[2 * j + 1];
    const real dr = br * c - bi * s, di = bi * c + br * s;
    xr[j] = yr[2 * j] + dr;
    xi[j] = yi[2 * j] + di;
    xr[half + j] = yr[2 * j] - dr;
    xi[half + j] = yi[2 * j] - di;
  }
}

typedef struct planes {
  real *re, *im;
} planes;

SQ_INLINE void swap(planes *a, planes *b) {
  const planes was = *a;
  *a = *b;
  *b = was;
}

SQ_INLINE void copy_planes(int64_t n, planes from, planes to) {
  memcpy(to.re, from.re, (size_t)n * sizeof(real));
  memcpy(to.im, from.im, (size_t)n * sizeof(real));
}

SQ_CLONES static void split_stages(int64_t n, const real *tables, real *re, real *im, real *scratch) {
  planes x = {re, im}, y = {scratch, scratch + n};
  for (int s = 0; s < stages(n); s++) {
    split_stage(n / 2, tables + s * n, x.re, x.im, y.re, y.im);
    swap(&x, &y);
  }
  if (x.re != re) copy_planes(n, x, y);
}

SQ_CLONES static void merge_stages(int64_t n, const real *tables, real *re, real *im, real *scratch) {
  planes y = {re, im}, x = {scratch, scratch + n};
  for (int s = stages(n) - 1; s >= 0; s--) {
    merge_stage(n / 2, tables + s * n, y.re, y.im, x.re, x.im);
    swap(&x, &y);
  }
  if (y.re != re) copy_planes(n, y, x);
}

/* ---- other sizes ---- */

/* Where Bluestein's tables lie. */
typedef struct chirp {
  int64_t m;
  const real *stages, *re, *im, *kernel_re, *kernel_im;
} chirp;

static chirp chirp_of(int64_t n, const real *tables) {
  chirp c = {.m = padded(n), .stages = tables};
  c.re = tables + c.m * stages(c.m);
  c.im = c.re + n;
  c.kernel_re = c.im + n;
  c.kernel_im = c.kernel_re + c.m;
  return c;
}

/* The transform of m numbers in double precision, in place: Re and Im in turns, X_f at place f.  In float32
 * the rounding of this one transform would be an error of every product. */
static void split_in_place(int64_t m, const double *turns, double *z) {
  for (int64_t half = m / 2; half > 0; half /= 2)
    for (int64_t j = 0; j < half; j++) {
      const double c = turns[m / half * j], s = turns[m / half * j + 1];
      for (double *x = z + 2 * j, *y = x + 2 * half; x < z + 2 * m; x += 4 * half, y += 4 * half) {
        const double re = x[0] - y[0], im = x[1] - y[1];
        x[0] += y[0];
        x[1] += y[1];
        y[0] = re * c + im * s;
        y[1] = im * c - re * s;
      }
    }
}

/* Rounds m complex numbers in double precision to planes in the same memory, of 4 m elements. */
static void round_to_planes(int64_t m, const double *z, real *to) {
  real *pairs = to + 2 * m;
  for (int64_t j = 0; j < m; j++) { /* what is written over has been read */
    const real pair[2] = {(real)z[2 * j], (real)z[2 * j + 1]};
    memcpy(to + 2 * j, pair, sizeof pair);
  }
  memcpy(pairs, to, (size_t)(2 * m) * sizeof *pairs);
  for (int64_t j = 0; j < m; j++) {
    to[j] = pairs[2 * j];
    to[m + j] = pairs[2 * j + 1];
  }
}

/* The chirp; and its conjugate as it is convolved with, in double precision. */
static void fill_chirp(int64_t n, int64_t m, real *re, real *im, double *z) {
  sq_turn_errors errors = {0, 0};
  memset(z, 0, (size_t)(2 * m) * sizeof *z);
  for (int64_t j = 0; j < n; j++) {
    const double angle = TWO_PI / 2 * (double)(j * j % (2 * n)) / (double)n, c = cos(angle), s = sin(angle);
    const int64_t mirrored = (m - j) % m;
    FN(sq_round_turn)(c, -s, &errors, &re[j], &im[j]);
    z[2 * j] = z[2 * mirrored] = c / (double)m; /* the inverse of size m is not scaled either */
    z[2 * j + 1] = z[2 * mirrored + 1] = s / (double)m;
  }
}

static void prepare_chirp(int64_t n, real *tables) {
  const chirp c = chirp_of(n, tables);
  real *re = tables + (c.re - tables), *im = re + n, *kernel = im + n;
  double *turns = room_for_turns(c.m, tables), *z = (double *)(void *)kernel;
  fill_turns(c.m, turns);
  fill_chirp(n, c.m, re, im, z);
  split_in_place(c.m, turns, z);
  round_to_planes(c.m, z, kernel);
  prepare_stages(c.m, turns, tables);
}

/* (yr, yi) = (ar, ai) (br, bi) */
SQ_CLONES static void multiply(int64_t n, const real *ar, const real *ai, const real *br, const real *bi,
                               real *yr, real *yi) {
  for (int64_t j = 0; j < n; j++) {
    const real re = ar[j] * br[j] - ai[j] * bi[j], im = ar[j] * bi[j] + ai[j] * br[j];
    yr[j] = re;
    yi[j] = im;
  }
}

static void convolve_chirp(int64_t n, const real *tables, real *re, real *im, real *scratch) {
  const chirp c = chirp_of(n, tables);
  real *ar = scratch, *ai = ar + c.m, *work = ai + c.m;
  memset(ar, 0, (size_t)(2 * c.m) * sizeof(real));
  multiply(n, re, im, c.re, c.im, ar, ai);
  split_stages(c.m, c.stages, ar, ai, work);
  multiply(c.m, ar, ai, c.kernel_re, c.kernel_im, ar, ai);
  merge_stages(c.m, c.stages, ar, ai, work);
  multiply(n, ar, ai, c.re, c.im, re, im);
}

/* ---- the transforms ---- */

void FN(sq_fft_prepare)(int64_t n, real *tables) {
  if (n == 1) return; /* there is nothing to multiply by */
  if (!power_of_two(n)) {
    prepare_chirp(n, tables);
    return;
  }
  fill_turns(n, room_for_turns(n, tables));
  prepare_stages(n, room_for_turns(n, tables), tables);
}

void FN(sq_fft_forward)(int64_t n, const real *tables, real *re, real *im, real *scratch) {
  if (power_of_two(n))
    split_stages(n, tables, re, im, scratch);
  else
    convolve_chirp(n, tables, re, im, scratch);
}

/* With real and imaginary parts exchanged before and after, the forward transform is the inverse. */
void FN(sq_fft_inverse)(int64_t n, const real *tables, real *re, real *im, real *scratch) {
  if (power_of_two(n))
    merge_stages(n, tables, re, im, scratch);
  else
    convolve_chirp(n, tables, im, re, scratch);
}
