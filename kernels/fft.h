/* fft.h - Fourier transforms of one vector by one block (core/fft.h says what forward, inverse and place
 * mean).
 *
 * Powers of two from 4 on: the stages of core/fft.c two by two, radix 4.  A forward pass takes x_j,
 * x_{j+n/4}, x_{j+n/2}, x_{j+3n/4} to places 4j..4j+3 of another vector: reads and writes of a warp are each
 * 32 or 128 consecutive floats, so no bank of shared memory is hit twice, and there is one barrier per pass.
 * If log2 n is odd, the last stage stands alone; its factors are 1.  46 operations per 4 complex numbers and
 * pass, 5.75 n log2 n in all.
 * Any other n: the sum as it stands, 8 n^2 operations, in natural order.
 *
 * Factors come from a table of e^{2 pi i k / n}: cos [n], sin [n], which stays in the first-level cache.
 */
#ifndef SQ_KERNELS_FFT_H
#define SQ_KERNELS_FFT_H

#include "kernels/simt.h"

struct sq_complex {
  float re, im;
};

static __device__ __forceinline__ sq_complex operator+(sq_complex a, sq_complex b) {
  sq_count(2);
  return {a.re + b.re, a.im + b.im};
}
static __device__ __forceinline__ sq_complex operator-(sq_complex a, sq_complex b) {
  sq_count(2);
  return {a.re - b.re, a.im - b.im};
}
static __device__ __forceinline__ sq_complex operator*(sq_complex a, sq_complex b) {
  sq_count(6);
  return {a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re};
}
static __device__ __forceinline__ sq_complex sq_conj(sq_complex a) { return {a.re, -a.im}; }
static __device__ __forceinline__ sq_complex sq_times_i(sq_complex a) { return {-a.im, a.re}; }

/* A vector of complex numbers: two separate planes (step 1), or Re and Im in turns (step 2, im = re + 1). */
template <int step> struct sq_vector {
  float *re, *im;
  __device__ __forceinline__ sq_complex get(int64_t j) const { return {re[j * step], im[j * step]}; }
  __device__ __forceinline__ void set(int64_t j, sq_complex z) const {
    re[j * step] = z.re;
    im[j * step] = z.im;
  }
};
typedef sq_vector<1> sq_planes;
static __device__ __forceinline__ sq_planes sq_planes_at(float *p, int64_t n) { return {p, p + n}; }

/* True if the kernels have a fast transform of this size.  Then place and frequency have reversed bits, else
 * they agree. */
static __host__ __device__ __forceinline__ bool sq_fft_fast(int64_t n) {
  return n >= 4 && (n & (n - 1)) == 0;
}

static __host__ __device__ __forceinline__ int sq_fft_stages(int64_t n) {
  int s = 0;
  while (((int64_t)1 << s) < n) s++;
  return s;
}

static __device__ __forceinline__ int64_t sq_fft_placed(int64_t n, int64_t f) {
  int64_t place = 0;
  for (int64_t bit = 1; bit < n; bit *= 2) place = 2 * place + ((f & bit) != 0 ? 1 : 0);
  return place;
}

/* ---- one pass of four numbers, in registers ---- */

/* e^{2 pi i c / n} of the pass whose first stage is s, for the numbers j, j + n/4, ... */
static __device__ __forceinline__ sq_complex sq_fft_factor(const float *table, int64_t n, int s, int64_t j) {
  const int64_t c = (j >> s) << s;
  return {table[c], table[n + c]};
}

/* The three factors of a pass: w, w^2, w^3. */
struct sq_fft_factors {
  sq_complex w[3];
};
static __device__ __forceinline__ sq_fft_factors sq_fft_powers(sq_complex w) {
  const sq_complex w2 = w * w;
  return {{w, w2, w2 * w}};
}

/* x_j, x_{j+n/4}, x_{j+n/2}, x_{j+3n/4} to places 4j..4j+3, if all factors are 1; and with factors. */
static __device__ __forceinline__ void sq_fft_split_plain(sq_complex x[4]) {
  const sq_complex a0 = x[0] + x[2], a1 = x[1] + x[3], b0 = x[0] - x[2], b1 = sq_times_i(x[1] - x[3]);
  x[0] = a0 + a1;
  x[1] = a0 - a1;
  x[2] = b0 - b1;
  x[3] = b0 + b1;
}
static __device__ __forceinline__ void sq_fft_split(sq_complex x[4], const sq_fft_factors &f) {
  sq_fft_split_plain(x);
  x[1] = sq_conj(f.w[1]) * x[1];
  x[2] = sq_conj(f.w[0]) * x[2];
  x[3] = sq_conj(f.w[2]) * x[3];
}

/* The adjoints: places 4j..4j+3 to x_j, ... */
static __device__ __forceinline__ void sq_fft_merge_plain(sq_complex y[4]) {
  const sq_complex a0 = y[0] + y[1], a1 = y[0] - y[1], b0 = y[2] + y[3], b1 = sq_times_i(y[2] - y[3]);
  y[0] = a0 + b0;
  y[1] = a1 + b1;
  y[2] = a0 - b0;
  y[3] = a1 - b1;
}
static __device__ __forceinline__ void sq_fft_merge(sq_complex y[4], const sq_fft_factors &f) {
  y[1] = f.w[1] * y[1];
  y[2] = f.w[0] * y[2];
  y[3] = f.w[2] * y[3];
  sq_fft_merge_plain(y);
}

/* The last stage if their number is odd: x_{2j}, x_{2j+1}, x_{2j+n/2}, x_{2j+1+n/2} to places 4j..4j+3; and
 * its adjoint. */
static __device__ __forceinline__ void sq_fft_split_last(sq_complex x[4]) {
  const sq_complex y[4] = {x[0] + x[2], x[0] - x[2], x[1] + x[3], x[1] - x[3]};
  for (int r = 0; r < 4; r++) x[r] = y[r];
}
static __device__ __forceinline__ void sq_fft_merge_last(sq_complex y[4]) {
  const sq_complex x[4] = {y[0] + y[1], y[2] + y[3], y[0] - y[1], y[2] - y[3]};
  for (int r = 0; r < 4; r++) y[r] = x[r];
}

/* ---- four numbers to and from shared memory ---- */

static __device__ __forceinline__ void sq_fft_load_quarters(sq_planes x, int64_t n, int64_t j,
                                                            sq_complex v[4]) {
  for (int r = 0; r < 4; r++) v[r] = x.get(j + r * (n / 4));
}
static __device__ __forceinline__ void sq_fft_store_quarters(sq_planes x, int64_t n, int64_t j,
                                                             const sq_complex v[4]) {
  for (int r = 0; r < 4; r++) x.set(j + r * (n / 4), v[r]);
}
static __device__ __forceinline__ void sq_fft_load_run(sq_planes x, int64_t j, sq_complex v[4]) {
  const float4 re = *reinterpret_cast<const float4 *>(x.re + 4 * j);
  const float4 im = *reinterpret_cast<const float4 *>(x.im + 4 * j);
  v[0] = {re.x, im.x};
  v[1] = {re.y, im.y};
  v[2] = {re.z, im.z};
  v[3] = {re.w, im.w};
}
static __device__ __forceinline__ void sq_fft_store_run(sq_planes x, int64_t j, const sq_complex v[4]) {
  *reinterpret_cast<float4 *>(x.re + 4 * j) = make_float4(v[0].re, v[1].re, v[2].re, v[3].re);
  *reinterpret_cast<float4 *>(x.im + 4 * j) = make_float4(v[0].im, v[1].im, v[2].im, v[3].im);
}
/* For the last stage if the number of stages is odd. */
static __device__ __forceinline__ void sq_fft_load_pairs(sq_planes x, int64_t n, int64_t j, sq_complex v[4]) {
  for (int r = 0; r < 4; r++) v[r] = x.get(2 * j + r % 2 + r / 2 * (n / 2));
}
static __device__ __forceinline__ void sq_fft_store_pairs(sq_planes x, int64_t n, int64_t j,
                                                          const sq_complex v[4]) {
  for (int r = 0; r < 4; r++) x.set(2 * j + r % 2 + r / 2 * (n / 2), v[r]);
}

/* ---- a whole transform by a block, shared memory to shared memory ---- */

static __device__ __forceinline__ void sq_swap(sq_planes *a, sq_planes *b) {
  const sq_planes was = *a;
  *a = *b;
  *b = was;
}

/* Transforms *x; *other is room of the same size, and the two may change places.  All threads of the block
 * must call; *x is complete before the call and after it. */
static __device__ __forceinline__ void sq_fft_forward_fast(int64_t n, const float *table, sq_planes *x,
                                                           sq_planes *other) {
  const int stages = sq_fft_stages(n);
  for (int s = 0; s < stages; s += 2) {
    for (int64_t j = threadIdx.x; j < n / 4; j += blockDim.x) {
      sq_complex v[4];
      if (s + 1 < stages) {
        sq_fft_load_quarters(*x, n, j, v);
        sq_fft_split(v, sq_fft_powers(sq_fft_factor(table, n, s, j)));
      } else {
        sq_fft_load_pairs(*x, n, j, v);
        sq_fft_split_last(v);
      }
      sq_fft_store_run(*other, j, v);
    }
    sq_swap(x, other);
    __syncthreads();
  }
}

static __device__ __forceinline__ void sq_fft_inverse_fast(int64_t n, const float *table, sq_planes *x,
                                                           sq_planes *other) {
  const int stages = sq_fft_stages(n);
  for (int s = (stages - 1) / 2 * 2; s >= 0; s -= 2) {
    for (int64_t j = threadIdx.x; j < n / 4; j += blockDim.x) {
      sq_complex v[4];
      sq_fft_load_run(*x, j, v);
      if (s + 1 < stages) {
        sq_fft_merge(v, sq_fft_powers(sq_fft_factor(table, n, s, j)));
        sq_fft_store_quarters(*other, n, j, v);
      } else {
        sq_fft_merge_last(v);
        sq_fft_store_pairs(*other, n, j, v);
      }
    }
    sq_swap(x, other);
    __syncthreads();
  }
}

/* sum_j x_j e^{sign 2 pi i f j / n} for every f. */
static __device__ __forceinline__ void sq_fft_plain(int64_t n, const float *table, float sign, sq_planes *x,
                                                    sq_planes *other) {
  for (int64_t f = threadIdx.x; f < n; f += blockDim.x) {
    sq_complex sum = {0.0f, 0.0f};
    int64_t at = 0; /* f j mod n */
    for (int64_t j = 0; j < n; j++) {
      const sq_complex w = {table[at], sign * table[n + at]};
      sum = sum + w * x->get(j);
      at += f;
      if (at >= n) at -= n;
    }
    other->set(f, sum);
  }
  sq_swap(x, other);
  __syncthreads(); /* whoever comes next may read any of it */
}

static __device__ __forceinline__ void sq_fft_block_forward(int64_t n, const float *table, sq_planes *x,
                                                            sq_planes *other) {
  if (sq_fft_fast(n))
    sq_fft_forward_fast(n, table, x, other);
  else
    sq_fft_plain(n, table, -1.0f, x, other);
}
static __device__ __forceinline__ void sq_fft_block_inverse(int64_t n, const float *table, sq_planes *x,
                                                            sq_planes *other) {
  if (sq_fft_fast(n))
    sq_fft_inverse_fast(n, table, x, other);
  else
    sq_fft_plain(n, table, 1.0f, x, other);
}

#endif
