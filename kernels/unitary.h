/* unitary.h - the factors of the unitary product, each over one row by one block (core/unitary.c has the
 * equations, core/unitary.h says where everything lies).
 *
 *   x1 = F D1 h      x2 = F^-1 D2 P R1 x1      to = D3 R2 x2        D1, [D2 P R1], [D3 R2] are functions here
 *
 * The vectors of a row lie either in shared memory as planes (the algorithm `step`, whose transforms need
 * them so) or in global memory as complex numbers (the algorithm `cufft`).  Threads walk the row with the
 * stride of the block, so what only one thread touches needs no barrier; the one function that permutes has
 * barriers of its own.
 * g at a complex number is dL/dRe + i dL/dIm.
 */
#ifndef SQ_KERNELS_UNITARY_H
#define SQ_KERNELS_UNITARY_H

#include "core/unitary.h"
#include "kernels/fft.h"

/* What all rows and steps have in common, in device memory. */
struct unitary {
  int64_t n;
  const float *prepared, *v2, *table;
  __device__ __forceinline__ const float *part(int p) const { return prepared + p * n; }
  __device__ __forceinline__ sq_complex turn(int cosine, int64_t j) const {
    return {part(cosine)[j], part(cosine + 1)[j]};
  }
  __device__ __forceinline__ sq_complex v1(int64_t k) const {
    return {part(SQ_UNITARY_V1_RE)[k], part(SQ_UNITARY_V1_IM)[k]};
  }
  __device__ __forceinline__ sq_complex pv1(int64_t k) const {
    return {part(SQ_UNITARY_PV1_RE)[k], part(SQ_UNITARY_PV1_IM)[k]};
  }
  __device__ __forceinline__ sq_complex v2_at(int64_t j) const { return {v2[j], v2[n + j]}; }
  __device__ __forceinline__ int64_t from(int64_t k) const { return (int64_t)part(SQ_UNITARY_FROM)[k]; }
  __device__ __forceinline__ int64_t order(int64_t k) const { return (int64_t)part(SQ_UNITARY_ORDER)[k]; }
  __device__ __forceinline__ float scale(int reflection) const {
    return prepared[SQ_UNITARY_PARTS * n + reflection];
  }
};

static inline unitary sq_unitary_of(int64_t n, const float *theta, const float *prepared) {
  return {n, prepared, theta + SQ_THETA_V2 * n, prepared + sq_unitary_tables(n)};
}

/* Fills `prepared` (unitary.cu).  natural_order: places are frequencies, for transforms other than
 * fft.h's. */
int sq_unitary_prepare(sq_exec *exec, int64_t n, const float *theta, float *prepared, int natural_order);

#define SQ_UNITS(j, n) for (int64_t j = threadIdx.x; j < (n); j += blockDim.x)

/* ---- sums ---- */

/* Several sums over the block at once; every thread gets the results.  The call is also a barrier of the block. */
template <int count> static __device__ __forceinline__ void sq_block_sums(float v[count]) {
  SQ_SHARED(float, part, count *SQ_WARP);
  const unsigned warps = blockDim.x / SQ_WARP, warp = threadIdx.x / SQ_WARP, lane = threadIdx.x % SQ_WARP;
  for (int i = 0; i < count; i++) v[i] = sq_warp_sum(v[i]);
  if (lane == 0)
    for (int i = 0; i < count; i++) part[(unsigned)i * SQ_WARP + warp] = v[i];
  __syncthreads();
  for (int i = 0; warps > 1 && i < count; i++)
    v[i] = sq_warp_sum(lane < warps ? part[(unsigned)i * SQ_WARP + lane] : 0.0f);
  __syncthreads(); /* part may be written by the next call */
}

/* v^* z of one number, added to a sum's two halves. */
static __device__ __forceinline__ void sq_add_dot(float sum[2], sq_complex v, sq_complex z) {
  const sq_complex p = sq_conj(v) * z;
  sq_count(2);
  sum[0] += p.re;
  sum[1] += p.im;
}

/* ---- a reflection of one number, once the block knows sa = s v^* z and sb = s v^* g ---- */

struct unitary_reflection {
  sq_complex sa, sb;
  float dd;
};
static __device__ __forceinline__ unitary_reflection sq_reflection_of(float s, const float sums[4]) {
  const sq_complex sa = {s * sums[0], s * sums[1]}, b = {sums[2], sums[3]};
  return {sa, {s * b.re, s * b.im}, s * (b.re * sa.re + b.im * sa.im)};
}

/* dv += this. */
static __device__ __forceinline__ sq_complex sq_reflection_gradient(const unitary_reflection &r, sq_complex v,
                                                                    sq_complex z, sq_complex g) {
  sq_count(2);
  const sq_complex d = {r.dd * v.re, r.dd * v.im};
  return d - sq_conj(r.sa) * g - sq_conj(r.sb) * z;
}

/* dw of a phase, from g and the number on the same side of it. */
static __device__ __forceinline__ float sq_phase_gradient(sq_complex z, sq_complex g) {
  sq_count(3);
  return g.im * z.re - g.re * z.im;
}

/* ---- forward ---- */

/* x = D1 h */
template <class vector>
static __device__ __forceinline__ void sq_unitary_first(const unitary &u, const float *h, vector x) {
  SQ_UNITS(j, u.n) x.set(j, u.turn(SQ_UNITARY_COS1, j) * sq_complex{h[j], h[u.n + j]});
}

/* s v1^* x1 */
template <class vector>
static __device__ __forceinline__ sq_complex sq_unitary_along(const unitary &u, vector x1) {
  float sum[2] = {0.0f, 0.0f};
  SQ_UNITS(k, u.n) sq_add_dot(sum, u.v1(k), x1.get(k));
  sq_block_sums<2>(sum);
  return {u.scale(0) * sum[0], u.scale(0) * sum[1]};
}

/* x2 = D2 P R1 x1, of which x1 is complete before. */
template <class vector>
static __device__ __forceinline__ void sq_unitary_middle(const unitary &u, vector x1, vector x2) {
  const sq_complex a = sq_unitary_along(u, x1);
  SQ_UNITS(k, u.n) x2.set(k, u.turn(SQ_UNITARY_COS2, k) * (x1.get(u.from(k)) - a * u.pv1(k)));
}

/* emit(j, number j of D3 R2 x2) */
template <class vector, typename Emit>
static __device__ __forceinline__ void sq_unitary_last(const unitary &u, vector x2, Emit emit) {
  float sum[2] = {0.0f, 0.0f};
  SQ_UNITS(j, u.n) sq_add_dot(sum, u.v2_at(j), x2.get(j));
  sq_block_sums<2>(sum);
  const sq_complex a = {u.scale(1) * sum[0], u.scale(1) * sum[1]};
  SQ_UNITS(j, u.n) emit(j, u.turn(SQ_UNITARY_COS3, j) * (x2.get(j) - a * u.v2_at(j)));
}

/* ---- backward; grads is the row's, += ---- */

/* D3 and R2: g = gradient at x2, from d(j), the gradient at number j of the result. */
template <class vector, typename Gradient>
static __device__ __forceinline__ void sq_unitary_backward_last(const unitary &u, Gradient d, vector x2,
                                                                vector g, float *grads) {
  float sums[4] = {0.0f, 0.0f, 0.0f, 0.0f};
  SQ_UNITS(j, u.n) {
    const sq_complex turned = sq_conj(u.turn(SQ_UNITARY_COS3, j)) * d(j), v = u.v2_at(j);
    sq_add_dot(sums, v, x2.get(j));
    sq_add_dot(sums + 2, v, turned);
    g.set(j, turned);
  }
  sq_block_sums<4>(sums);
  const unitary_reflection r = sq_reflection_of(u.scale(1), sums);
  float *dw = grads + (SQ_THETA_PHASES + 2) * u.n, *dv = grads + SQ_THETA_V2 * u.n;
  SQ_UNITS(j, u.n) {
    const sq_complex v = u.v2_at(j), z = x2.get(j), turned = g.get(j);
    const sq_complex to = sq_reflection_gradient(r, v, z, turned);
    dw[j] += sq_phase_gradient(z - r.sa * v, turned);
    dv[j] += to.re;
    dv[u.n + j] += to.im;
    g.set(j, turned - r.sb * v);
  }
}

/* D2, P and R1: d = gradient at x1, from g, the gradient at D2 P R1 x1; both complete before. */
template <class vector>
static __device__ __forceinline__ void sq_unitary_backward_middle(const unitary &u, vector x1, vector g,
                                                                  vector d, float *grads) {
  const sq_complex a = sq_unitary_along(u, x1);
  float *dw = grads + (SQ_THETA_PHASES + 1) * u.n, *dv = grads + SQ_THETA_V1 * u.n;
  SQ_UNITS(k, u.n) {
    const int64_t from = u.from(k);
    const sq_complex back = sq_conj(u.turn(SQ_UNITARY_COS2, k)) * g.get(k);
    dw[u.order(k)] += sq_phase_gradient(x1.get(from) - a * u.pv1(k), back);
    d.set(from, back); /* P is a permutation: no other thread writes there */
  }
  __syncthreads();
  float sums[4] = {0.0f, 0.0f, 0.0f, 0.0f};
  SQ_UNITS(k, u.n) sq_add_dot(sums + 2, u.v1(k), d.get(k));
  sq_block_sums<2>(sums + 2);
  unitary_reflection r = sq_reflection_of(u.scale(0), sums);
  r.sa = a;
  r.dd = r.sb.re * a.re + r.sb.im * a.im;
  SQ_UNITS(k, u.n) {
    const int64_t f = u.order(k);
    const sq_complex v = u.v1(k), at = d.get(k), to = sq_reflection_gradient(r, v, x1.get(k), at);
    dv[f] += to.re;
    dv[u.n + f] += to.im;
    d.set(k, at - r.sb * v);
  }
}

/* D1: dh += its adjoint. */
template <class vector>
static __device__ __forceinline__ void sq_unitary_backward_first(const unitary &u, const float *h, vector d,
                                                                 float *dh, float *grads) {
  SQ_UNITS(j, u.n) {
    const sq_complex back = sq_conj(u.turn(SQ_UNITARY_COS1, j)) * d.get(j);
    grads[j] += sq_phase_gradient({h[j], h[u.n + j]}, back);
    dh[j] += back.re;
    dh[u.n + j] += back.im;
  }
}

#endif
